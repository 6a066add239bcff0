/* SPDX-License-Identifier: Apache-2.0 */
#include "media/note.h"

#include <errno.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char last[200];
static unsigned long count;

static void on_log(void *ctx, int level, const char *fmt, va_list ap)
{
	(void)ctx;
	if (level > AV_LOG_ERROR)
		return;
	count++;
	char line[sizeof last];
	vsnprintf(line, sizeof line, fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if (line[0])
		memcpy(last, line, sizeof last);
}

void note_start(void)
{
	av_log_set_level(AV_LOG_ERROR);
	av_log_set_callback(on_log);
	av_max_alloc((size_t)512 << 20); /* a frame of 16K in 10 bits */
}

void note_clear(void)
{
	last[0] = '\0';
}
unsigned long note_count(void)
{
	return count;
}
const char *note_last(void)
{
	return last;
}

static enum err_code code_of(int av_code)
{
	switch (av_code) {
	case AVERROR(ENOMEM): return ERR_LIMIT;
	case AVERROR(EIO): return ERR_IO;
	case AVERROR_DECODER_NOT_FOUND:
	case AVERROR_DEMUXER_NOT_FOUND:
	case AVERROR_PATCHWELCOME:
	case AVERROR(ENOSYS): return ERR_UNSUPPORTED;
	case AVERROR_BUG:
	case AVERROR_BUG2: return ERR_INTERNAL;
	default: return ERR_FORMAT;
	}
}

int note_error(struct err *err, int av_code, const char *fmt, ...)
{
	char text[300], why[AV_ERROR_MAX_STRING_SIZE];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (av_code == AVERROR(ENOMEM))
		return err_set(err, ERR_LIMIT, "%s: not enough memory within the decoder's limit", text);
	const char *reason = last[0] ? last : av_make_error_string(why, sizeof why, av_code);
	return err_set(err, code_of(av_code), "%s (%s)", text, reason);
}
