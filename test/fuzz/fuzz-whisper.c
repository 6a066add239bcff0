/* SPDX-License-Identifier: Apache-2.0 */
/* The header and the tensors of a model of whisper.cpp, from arbitrary bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "models/speech.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct speech_file f;
	struct err err;
	char path[40];
	int fd = memfd_create("whisper", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (speech_file_read(path, &f, &err) == 0 && speech_file_memory(&f) < f.file_bytes)
		abort();
	close(fd);
	return 0;
}
