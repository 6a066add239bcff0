/* SPDX-License-Identifier: Apache-2.0 */
/* The server's part of the journal: questions that it was asked. Their answers
 * are in ask.h. As store.h: thread-safe, data is on disk when a call returns,
 * returned strings are freed by the _clear function. */
#ifndef VDET_STORE_BOARD_ASK_H
#define VDET_STORE_BOARD_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

enum store_board_ask_state {
	STORE_ASK_OPEN, /* waits, or is worked on */
	STORE_ASK_DONE,
	STORE_ASK_FAILED,
	STORE_ASK_CANCELED,
};

struct store_board_ask {
	int64_t id; /* positive, never reused */
	/* never NULL once read */
	char *request;                   /* JSON object, see board/board.h */
	char *who;                       /* who asked; "" = no login was needed */
	char *answer;                    /* id, see ask.h; "" until it is known */
	char *fault;                     /* why it failed; "" = it did not */
	int64_t created, started, ended; /* Unix time in microseconds, 0 = not yet */
	enum store_board_ask_state state;

	/* Read only, of the answer: its state, its text, and what it cost as JSON;
	 * "" until it is finished, or if it was removed. */
	char *result, *text, *spent;
};
void store_board_ask_clear(struct store_board_ask *a);
void store_board_asks_free(struct store_board_ask *all, size_t n);

/* Sets created and *ret_id. */
int store_board_ask_add(struct store *s, const struct store_board_ask *a, int64_t *ret_id,
                        struct err *err);
/* Answer, fault, started, ended and state; ERR_NOENT. */
int store_board_ask_update(struct store *s, const struct store_board_ask *a, struct err *err);
int store_board_ask_find(struct store *s, int64_t id, struct store_board_ask *ret, struct err *err);

struct store_board_asks_query {
	int64_t before;        /* only ids less than this; 0 = all */
	const char *case_name; /* only about this case, its id; NULL = all */
	size_t limit;
};
/* Newest first; the caller frees with store_board_asks_free(). */
int store_board_asks_list(struct store *s, const struct store_board_asks_query *q,
                          struct store_board_ask **ret, size_t *ret_n, struct err *err);
/* Those with STORE_ASK_OPEN, oldest first; likewise. */
int store_board_asks_open(struct store *s, struct store_board_ask **ret, size_t *ret_n,
                          struct err *err);
/* Together with its answer, unless another question has the same. ERR_NOENT. */
int store_board_ask_remove(struct store *s, int64_t id, struct err *err);
/* Removes an answer that is neither finished nor that of a question, if there
 * is one. */
void store_board_ask_forget(struct store *s, const char *answer);

#endif
