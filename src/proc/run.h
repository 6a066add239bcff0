/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program to its end, with an input, and takes what it prints. */
#ifndef VDET_PROC_RUN_H
#define VDET_PROC_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"

struct proc_run {
	const char *const *argv; /* as in struct program_start */
	const void *input;       /* its standard input, seekable; NULL = /dev/null */
	size_t input_len;
	int64_t timeout;       /* microseconds */
	struct cancel *cancel; /* may be NULL */
	bool background;       /* lower scheduling priority, see child_yield() */
};

/* Appends its standard output and error to `out`, as much as that may have; the
 * rest is read and discarded. *ret_cut (may be NULL): whether there was more.
 * The program leads a process group, which is killed after the timeout
 * (ERR_TIMEOUT), or when `cancel` fires (ERR_CANCELED). ERR_NOENT: it cannot be
 * started; ERR_DIED: it ended with another status than 0, or was killed; the
 * messages begin with "it". Blocks; the program is killed when the calling
 * thread ends. */
int proc_run(const struct proc_run *o, struct buf *out, bool *ret_cut, struct err *err);

#endif
