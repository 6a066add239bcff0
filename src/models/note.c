/* SPDX-License-Identifier: Apache-2.0 */
#include "models/note.h"

#include <stdarg.h>
#include <stdio.h>

void note_line(void (*fn)(void *ctx, const char *line), void *ctx, const char *fmt, ...)
{
	char line[300];
	va_list ap;

	if (!fn)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	fn(ctx, line);
}
