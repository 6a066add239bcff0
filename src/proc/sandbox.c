/* SPDX-License-Identifier: Apache-2.0 */
/* Common to every sandbox: limits that the kernel enforces without a filter. */
#include "proc/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef VDET_SANITIZED
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

static int limit(int what, rlim_t value, const char *name, struct err *err)
{
	struct rlimit r = {value, value};
	if (setrlimit((__rlimit_resource_t)what, &r) < 0)
		return err_sys(err, errno, "cannot limit %s", name);
	return 0;
}

/* Address space that is mapped now: mostly libraries, hundreds of megabytes
 * that use no memory. */
static rlim_t mapped_now(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f) {
		if (fscanf(f, "%ld", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return (rlim_t)(pages > 0 ? pages : 0) * (rlim_t)sysconf(_SC_PAGESIZE);
}

int sandbox_limit(const struct sandbox *s, struct err *err)
{
	/* A closed socket becomes an error of write() instead of ending the
	 * process. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!s->enforce || sanitized)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, errno, "cannot drop privileges");
	int r = limit(RLIMIT_CORE, 0, "core dumps", err);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, 0, "file sizes", err);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, s->devices ? 256 : 8, "open files", err);
	if (r == 0 && s->memory > 0) {
		rlim_t mapped = mapped_now();
		r = limit(RLIMIT_DATA, (rlim_t)s->memory, "memory", err);
		if (r == 0 && mapped && !s->devices) /* drivers map the memory of the device */
			r = limit(RLIMIT_AS, mapped + (rlim_t)s->memory, "address space", err);
	}
	return r;
}
