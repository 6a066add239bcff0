/* SPDX-License-Identifier: Apache-2.0 */
/* vdet-media: the children of vdet that use libav. Not for people. */
#include <stdio.h>
#include <string.h>

#include "child/roles.h"
#include "proc/template.h"

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "-x") == 0)
		return template_main(argc, argv, worker_main);
	fputs("vdet-media is a part of vdet, which starts it; see vdet help\n", stderr);
	return 2;
}
