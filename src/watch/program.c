/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/program.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "proc/run.h"

int program_run(const char *program, const char *input, int64_t timeout, struct cancel *cancel,
                struct program_result *ret, struct err *err)
{
	AUTO(buf_free) struct buf out = BUF(PROGRAM_OUTPUT_MAX);
	const char *const argv[] = {program, NULL};
	const struct proc_run o = {.argv = argv,
	                           .input = input,
	                           .input_len = strlen(input),
	                           .timeout = timeout,
	                           .cancel = cancel};
	int r = proc_run(&o, &out, NULL, err);
	ret->output = text_line(buf_str(&out), PROGRAM_OUTPUT_MAX);
	return r;
}
