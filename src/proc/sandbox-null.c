/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of builds without a system call filter: only the resource limits
 * of sandbox.c apply. */
#include "proc/sandbox.h"

int sandbox_enter(const struct sandbox *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

int sandbox_devices(struct err *err)
{
	(void)err;
	return 0;
}

int sandbox_library(const char *folder, struct err *err)
{
	(void)folder;
	(void)err;
	return 0;
}

const char *sandbox_name(void)
{
	return "none";
}
