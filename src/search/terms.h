/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a question that are worth searching for. Pure. */
#ifndef VDET_SEARCH_TERMS_H
#define VDET_SEARCH_TERMS_H

#include <stdbool.h>
#include <stddef.h>

#include "store/passage.h"

/* Words in the order of the text, each once; a bound on the work, not an
 * error: what comes after these is left out. */
enum { TERMS_MAX = 64 };

struct terms {
	/* With the forms that count as the same: plural and singular. */
	struct store_word *words;
	bool occurs[TERMS_MAX]; /* of each; for who counts them, false at first */
	size_t n;
	/* The same, and every two neighbouring letters where a language has no
	 * spaces between words. Those of one letter are left out, there are too
	 * many. */
	struct store_word *pieces;
	size_t n_pieces;
};

/* Reads any text. English words that say nothing of what is searched for (the,
 * is, where …) are left out unless nothing else is there. */
void terms_read(const char *text, struct terms *ret);
void terms_clear(struct terms *t);
/* One of these words, in any case. */
bool terms_is_stop_word(const char *word);

#endif
