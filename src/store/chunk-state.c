/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chunk-state.h"

#include <string.h>

#include "base/mem.h"

static const struct {
	const char *name;
	char letter;
} states[] = {
	[CHUNK_TODO] = {"todo", '.'},         [CHUNK_DONE] = {"done", 'd'},
	[CHUNK_HOLE] = {"hole", 'h'},         [CHUNK_RUNNING] = {"running", 'r'},
	[CHUNK_DECODING] = {"decoding", 'r'}, [CHUNK_QUEUED] = {"queued", 'r'},
	[CHUNK_PREFILL] = {"prefill", 'r'},   [CHUNK_ANSWER] = {"answer", 'r'},
};

static const char *const codes[] = {
	[HOLE_UNKNOWN] = "",          [HOLE_DECODE] = "decode",   [HOLE_TIME_LIMIT] = "time-limit",
	[HOLE_NO_ROOM] = "no-room",   [HOLE_CUT_OFF] = "cut-off", [HOLE_ANSWER] = "answer",
	[HOLE_REFUSED] = "refused",   [HOLE_ENGINE] = "engine",   [HOLE_NOT_DONE] = "not-done",
	[HOLE_INTERNAL] = "internal",
};

const char *chunk_state_name(enum chunk_state state)
{
	return (size_t)state < ARRAY_LEN(states) ? states[state].name : "unknown";
}

char chunk_state_letter(enum chunk_state state)
{
	return (size_t)state < ARRAY_LEN(states) ? states[state].letter : '.';
}

enum chunk_state chunk_state_of_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (states[i].letter == letter)
			return (enum chunk_state)i;
	return CHUNK_TODO;
}

bool chunk_is_running(enum chunk_state state)
{
	return state >= CHUNK_RUNNING;
}

const char *hole_code_name(enum hole_code code)
{
	return (size_t)code < ARRAY_LEN(codes) ? codes[code] : "";
}

enum hole_code hole_code_of_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(codes); i++)
		if (strcmp(codes[i], name) == 0)
			return (enum hole_code)i;
	return HOLE_UNKNOWN;
}
