/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/child-log.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define LINE_MAX_BYTES 2000
#define REASON_LINES 3
#define REASON_LINE 160

static void reopen(struct child_log *l)
{
	struct stat st;
	l->fd = open(l->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	l->size = l->fd >= 0 && fstat(l->fd, &st) == 0 ? st.st_size : 0;
}

static void rotate(struct child_log *l)
{
	AUTO(mem_freep) char *old = mem_printf("%s.1", l->path);
	fd_closep(&l->fd);
	rename(l->path, old);
	reopen(l);
}

void child_log_open(struct child_log *l, const char *path)
{
	*l = (struct child_log){.fd = -1, .line = BUF(LINE_MAX_BYTES)};
	if (!path || !*path)
		return;
	l->path = mem_strdup(path);
	AUTO(mem_freep) char *dir = mem_printf("%.*s", (int)(file_base(path) - path), path);
	struct err ignored = {0};
	if (*dir)
		file_mkdirs(dir, false, &ignored);
	reopen(l);
}

void child_log_forget(struct child_log *l)
{
	buf_clear(&l->line);
	for (size_t i = 0; i < SERVER_LOG_LINES; i++) {
		free(l->last[i]);
		l->last[i] = NULL;
	}
}

void child_log_close(struct child_log *l)
{
	child_log_forget(l);
	buf_free(&l->line);
	fd_closep(&l->fd);
	free(l->path);
	*l = (struct child_log){.fd = -1};
}

static void end_line(struct child_log *l)
{
	if (l->line.len) {
		free(l->last[l->next]);
		l->last[l->next] = text_line(buf_str(&l->line), LINE_MAX_BYTES);
		l->next = (l->next + 1) % SERVER_LOG_LINES;
	}
	buf_clear(&l->line);
}

void child_log_add(struct child_log *l, const char *data, size_t len)
{
	if (l->fd >= 0 && l->size + (int64_t)len > SERVER_LOG_FILE_MAX)
		rotate(l);
	ssize_t n = l->fd >= 0 ? write(l->fd, data, len) : 0;
	l->size += n > 0 ? n : 0;
	for (const char *p = data, *end = data + len; p < end;) {
		const char *q = memchr(p, '\n', (size_t)(end - p));
		size_t part = (size_t)((q ? q : end) - p);
		/* The rest of a line that is too long is dropped. */
		size_t room = l->line.max - l->line.len;
		buf_add(&l->line, p, part < room ? part : room);
		if (q)
			end_line(l);
		p += part + (q ? 1 : 0);
	}
}

/* The text after llama.cpp's "0.00.126.953 E " (time and level); *ret_level is
 * 0 if there is none. */
static const char *line_text(const char *line, char *ret_level)
{
	size_t n = strspn(line, "0123456789.");
	*ret_level = '\0';
	if (n && line[n] == ' ' && isupper((unsigned char)line[n + 1]) && line[n + 2] == ' ') {
		*ret_level = line[n + 1];
		line += n + 3;
	}
	return line + strspn(line, " ");
}

static bool is_reason(const char *line)
{
	char level;
	const char *text = line_text(line, &level);
	static const char *const marks[] = {"error", "failed", "out of memory", "GGML_ASSERT",
	                                    "terminate called"};
	bool bad = level == 'E';
	for (size_t i = 0; !bad && i < ARRAY_LEN(marks); i++)
		bad = strcasestr(text, marks[i]);
	/* ggml looks for its back ends in several folders. */
	return bad && !strstr(text, "failed to enumerate");
}

char *child_log_reason(const struct child_log *l)
{
	const char *lines[SERVER_LOG_LINES];
	size_t n = 0, bad = 0;
	for (size_t i = 0; i < SERVER_LOG_LINES; i++) {
		const char *line = l->last[(l->next + i) % SERVER_LOG_LINES];
		if (line) {
			lines[n++] = line;
			bad += is_reason(line);
		}
	}
	struct buf out = BUF(REASON_LINES * (REASON_LINE + 4));
	/* The first errors name the cause; later ones are consequences. */
	size_t skip = bad ? 0 : n > REASON_LINES ? n - REASON_LINES : 0, taken = 0;
	for (size_t i = skip; i < n && taken < REASON_LINES; i++) {
		char level;
		if (bad && !is_reason(lines[i]))
			continue;
		AUTO(mem_freep) char *text = text_line(line_text(lines[i], &level), REASON_LINE);
		buf_addf(&out, "%s%s", taken++ ? "; " : "", text);
	}
	return buf_take(&out);
}
