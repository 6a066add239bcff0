/* SPDX-License-Identifier: Apache-2.0 */
#include "child/roles.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "proc/spawn.h"

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} roles[] = {
	{"caps", caps_worker_main},
	{"exec", exec_worker_main},
	{"media", media_worker_main},
	{"world", world_worker_main},
};

int worker_main(const char *role, int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (!strcmp(role, roles[i].name))
			return roles[i].main(argc, argv);
	fprintf(stderr, "vdet: unknown role \"%s\"\n", role);
	return 2;
}
