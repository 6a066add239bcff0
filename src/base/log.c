/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static struct {
	pthread_mutex_t lock;
	enum log_level level;
	void (*sink)(void *, enum log_level, const char *);
	void *ctx;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_WARNING};

void log_set_level(enum log_level level)
{
	pthread_mutex_lock(&log_state.lock);
	log_state.level = level;
	pthread_mutex_unlock(&log_state.lock);
}

void log_set_sink(void (*sink)(void *, enum log_level, const char *), void *ctx)
{
	pthread_mutex_lock(&log_state.lock);
	log_state.sink = sink;
	log_state.ctx = ctx;
	pthread_mutex_unlock(&log_state.lock);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	static const char *const prefix[] = {"error: ", "warning: ", "", "debug: "};
	char text[1400], line[1440];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* What a video or a model says may end up here: no control character
	 * reaches the terminal. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
		else if ((unsigned char)p[0] == 0xc2 && (unsigned char)p[1] >= 0x80 &&
		         (unsigned char)p[1] < 0xa0) /* U+0080 to U+009F */
			p[0] = p[1] = ' ';
	snprintf(line, sizeof line, "vdet: %s%s", prefix[level], text);
	pthread_mutex_lock(&log_state.lock);
	if (level <= log_state.level) {
		if (log_state.sink)
			log_state.sink(log_state.ctx, level, line);
		else
			fprintf(stderr, "%s\n", line);
	}
	pthread_mutex_unlock(&log_state.lock);
}
