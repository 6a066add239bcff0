/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files as reports show them: no two files have the same one.
 * Internal; pure. */
#ifndef VDET_CASES_NAMES_H
#define VDET_CASES_NAMES_H

#include <stddef.h>

struct named {
	const char *path; /* real path; equal ones are one file */
	char **name;      /* owned by the caller; replaced where it is not unique */
};

/* Puts more of the path before names that several files have, as much as they
 * need to differ. Changes the order of the items. */
void names_differ(struct named *items, size_t n);

#endif
