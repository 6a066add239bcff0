/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh looks at frames for a question: the requests, and their results, which
 * are kept in the journal so that none is paid for twice. Internal to src/ask/;
 * blocks for engine and decoder. */
#ifndef VDET_ASK_SIGHT_H
#define VDET_ASK_SIGHT_H

#include "ask/asking.h"

/* What a look found. */
struct sight {
	int64_t *pts;  /* of the frames that were shown, ascending */
	char **sha256; /* of their pictures */
	size_t n;
	size_t *frames; /* indices into pts of those that show it, ascending */
	size_t n_frames;
	char *answer;
	bool enough;
	char *next;
};
void sight_clear(struct sight *s);

/* Asks `question` about the frames of a source at these times (ascending).
 * ERR_FORMAT: no frame could be decoded, or the reply cannot be used. */
int sight_look(struct asking *a, struct describe_worker *w, size_t source, const int64_t *times,
               size_t n, const char *question, struct sight *ret, struct err *err);

/* Adds a finding for each run of frames that show it. */
void sight_found(struct asking *a, size_t source, const struct sight *s);

/* Asks whether frames at these times show what `statement` says: *ret_letter is
 * 'A', 'B' or 'C', or '-' where the reply has none; *ret_p as in
 * struct store_answer; *ret_shown: how many frames were shown. */
int sight_letter(struct asking *a, struct describe_worker *w, size_t source, const int64_t *times,
                 size_t n, const char *statement, char *ret_letter, double ret_p[static 3],
                 size_t *ret_shown, struct err *err);

#endif
