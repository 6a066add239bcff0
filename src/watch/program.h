/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program of the user for a message, which is its standard input. It has
 * no arguments, and the environment of this process: nothing of what is in a
 * video. */
#ifndef VDET_WATCH_PROGRAM_H
#define VDET_WATCH_PROGRAM_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

enum { PROGRAM_OUTPUT_MAX = 4096 /* bytes */ };

struct program_result {
	char *output; /* the beginning of what it printed, in one line of UTF-8; the caller frees */
};

/* `program`: a path, or a name that is looked for in PATH. It leads a process
 * group, which is killed after `timeout` microseconds (ERR_TIMEOUT), or when
 * `cancel` fires (ERR_CANCELED). What it prints is read to its end, and all but
 * its beginning discarded. ERR_NOENT: it cannot be started; ERR_DIED: it ended
 * with another status than 0, or was killed. Blocks; the program is killed when
 * the calling thread ends. */
int program_run(const char *program, const char *input, int64_t timeout, struct cancel *cancel,
                struct program_result *ret, struct err *err);

#endif
