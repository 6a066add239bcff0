/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a chunk, one enum for journal, progress, report and API, and why
 * a chunk is a hole. Pure; names are literals, valid forever. */
#ifndef VDET_CHUNK_STATE_H
#define VDET_CHUNK_STATE_H

#include <stdbool.h>

/* The first three are journaled by their number; the others exist only while a
 * run works on the chunk. */
enum chunk_state {
	CHUNK_TODO,
	CHUNK_DONE,
	CHUNK_HOLE,
	CHUNK_RUNNING, /* the step is not known */
	CHUNK_DECODING,
	CHUNK_QUEUED,  /* waits for a slot of the engine */
	CHUNK_PREFILL, /* the engine reads the request */
	CHUNK_ANSWER,  /* the engine writes the answer */
};

/* "todo", "done", "hole", "running", "decoding", "queued", "prefill", "answer" */
const char *chunk_state_name(enum chunk_state state);
/* One character per chunk, for lists of thousands: '.', 'd', 'h', or 'r' while
 * a run works on it. */
char chunk_state_letter(enum chunk_state state);
/* The inverse; CHUNK_RUNNING for 'r', CHUNK_TODO for unknown letters. */
enum chunk_state chunk_state_of_letter(char letter);
/* true for all states that are not journaled */
bool chunk_is_running(enum chunk_state state);

/* Why a chunk is a hole; journaled by its name. The message beside it is for
 * people; programs read the code. */
enum hole_code {
	HOLE_UNKNOWN,    /* no hole, or written by a version without codes; "" */
	HOLE_DECODE,     /* none of its frames could be decoded */
	HOLE_TIME_LIMIT, /* a time limit was reached; store_chunk.option names it */
	HOLE_NO_ROOM,    /* the request did not fit the engine's memory or context */
	HOLE_CUT_OFF,    /* the answer reached its longest allowed length */
	HOLE_ANSWER,     /* the answer could not be used */
	HOLE_REFUSED,    /* the engine refused the request or the key */
	HOLE_ENGINE,     /* the engine failed or could not be reached */
	HOLE_NOT_DONE,   /* the run ended before its turn */
	HOLE_INTERNAL,   /* a fault of this program */
	HOLE_CODES
};
/* "", "decode", "time-limit", "no-room", "cut-off", "answer", "refused",
 * "engine", "not-done", "internal" */
const char *hole_code_name(enum hole_code code);
/* HOLE_UNKNOWN for names that are not known, as of a newer version. */
enum hole_code hole_code_of_name(const char *name);

#endif
