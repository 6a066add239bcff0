/* SPDX-License-Identifier: Apache-2.0 */
/* Role `exec`: becomes another program, which ends when the thread that started
 * it ends. An error before that is written to the socket; a successful exec
 * closes it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proc/spawn.h"

static int fail(const char *why)
{
	ssize_t n = write(ROLE_SOCKET, why, strlen(why));
	(void)n; /* the parent has ended */
	return 127;
}

int exec_worker_main(int argc, char **argv)
{
	if (argc < 2)
		return fail("no program was given");
	long parent = strtol(argv[0], NULL, 10);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail(strerror(errno));
	/* The parent may have ended before the line above. */
	if (getppid() != parent)
		return 127;
	fcntl(ROLE_SOCKET, F_SETFD, FD_CLOEXEC);
	execvp(argv[1], argv + 1);
	return fail(strerror(errno));
}
