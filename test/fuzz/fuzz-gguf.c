/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a model file, from arbitrary bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "models/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gguf g;
	struct err err;
	char path[40];
	int fd = memfd_create("gguf", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (gguf_read(path, &g, &err) == 0)
		gguf_clear(&g);
	close(fd);
	return 0;
}
