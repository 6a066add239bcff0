/* SPDX-License-Identifier: Apache-2.0 */
/* A library that says in its version whether it could open a file that is none
 * of its business, and tries to connect if FAKE_ORT says so. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct base {
	const void *(*table)(uint32_t version);
	const char *(*version)(void);
};

const struct base *OrtGetApiBase(void);

static int opened;

__attribute__((constructor)) static void begin(void)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	opened = fd >= 0;
	if (opened)
		close(fd);
	if (getenv("FAKE_ORT"))
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static const void *table(uint32_t version)
{
	(void)version;
	return NULL;
}

static const char *version(void)
{
	return opened ? "0 (files open)" : "0 (files closed)";
}

const struct base *OrtGetApiBase(void)
{
	static const struct base base = {table, version};
	return &base;
}
