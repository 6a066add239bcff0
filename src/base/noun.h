/* SPDX-License-Identifier: Apache-2.0 */
/* English words for who or what appears, by kind. Pure. */
#ifndef VDET_BASE_NOUN_H
#define VDET_BASE_NOUN_H

#include <stdbool.h>

enum { NOUN_KINDS = 4 };

struct noun_kind {
	const char *const *general; /* for anything of the kind: "person"; NULL at the end */
	const char *const *words;   /* for some of it: "man" */
};
extern const struct noun_kind noun_kinds[NOUN_KINDS];

bool noun_is_general(const char *word);
/* Whether one of two words may stand for the other: they are the same, or one
 * is general, and the other of its kind. */
bool noun_agrees(const char *a, const char *b);

#endif
