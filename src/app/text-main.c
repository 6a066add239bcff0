/* SPDX-License-Identifier: Apache-2.0 */
/* vdet-text: the child of vdet that reads writing in pictures. Not for people. */
#include <stdio.h>
#include <string.h>

#include "ocr/ocr.h"

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "-x") == 0 && strcmp(argv[2], "text") == 0)
		return text_worker_main(argc - 3, argv + 3);
	fputs("vdet-text is a part of vdet, which starts it; see vdet help\n", stderr);
	return 2;
}
