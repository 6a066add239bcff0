/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines to standard error, for people: "vdet: warning: [job 3fa9 chunk 7]
 * message". Lower layers return errors; the layer that handles an error logs it
 * once, with job and chunk. Thread-safe. Control characters become spaces; a
 * message is cut at 1399 bytes. A sink can be set so that a progress bar is
 * moved out of the way. */
#ifndef VDET_BASE_LOG_H
#define VDET_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level); /* lines above it are dropped; default LOG_WARNING */
/* Called with each finished line (no newline) under the log's lock, so it must
 * not log; the line is valid during the call. NULL restores standard error. */
void log_set_sink(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
