/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "net/api/api.h"
#include "net/api/handlers.h"

enum {
	SKIP_MAX = 10000,
	TRACK_MAX = 10000,
	AWAY_PART = 4 << 20, /* bytes of a video at an address that one reply has */
};

int reply_json(struct call *c, int (*fn)(struct board *, int64_t, json_t **, struct err *),
               struct err *err)
{
	const struct api *api = c->ctx;
	int64_t id;
	json_t *j = NULL;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = fn(api->board, id, &j, err);
	if (r == 0)
		call_json(c, 200, j);
	return r;
}

int reply_change(struct call *c,
                 int (*fn)(struct board *, int64_t, const json_t *, json_t **, struct err *),
                 struct err *err)
{
	const struct api *api = c->ctx;
	int64_t id;
	json_t *j = NULL;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = fn(api->board, id, c->body, &j, err);
	if (r == 0)
		call_json(c, 200, j);
	return r;
}

int reply_removal(struct call *c, int (*fn)(struct board *, int64_t, struct err *), struct err *err)
{
	const struct api *api = c->ctx;
	int64_t id;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = fn(api->board, id, err);
	if (r == 0)
		call_empty(c, 204);
	return r;
}

int handle_videos(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	(void)err;
	call_json(c, 200, board_videos(api->board));
	return 0;
}

int handle_jobs(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	(void)err;
	call_json(c, 200, board_jobs(api->board));
	return 0;
}

int handle_video(struct call *c, struct err *err)
{
	return reply_json(c, board_video, err);
}
int handle_index(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	int64_t id, stream;
	json_t *j = NULL;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = call_query_int(c, "stream", -1, 0, 9999, &stream, err);
	if (r == 0)
		r = board_index(api->board, id, (int)stream, &j, err);
	if (r == 0)
		call_json(c, 200, j);
	return r;
}
int handle_job(struct call *c, struct err *err)
{
	return reply_json(c, board_job, err);
}
int handle_chunks(struct call *c, struct err *err)
{
	return reply_json(c, board_chunks, err);
}

int handle_subjects(struct call *c, struct err *err)
{
	return reply_json(c, board_subjects, err);
}

int handle_subjects_edit(struct call *c, struct err *err)
{
	return reply_change(c, board_subjects_edit, err);
}

/* How much of the events is listed; by default as the server's option says. */
static int query_detail(const struct call *c, enum report_detail *ret, struct err *err)
{
	const struct api *api = c->ctx;
	const char *name = call_query(c, "detail");
	*ret = name ? report_detail_of(name) : board_detail(api->board);
	return *ret < REPORT_DETAILS_N ? 0 : err_set(err, ERR_ARG, "detail is one of low, normal, all");
}

int handle_events(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	enum report_detail detail;
	int64_t id;
	json_t *events = NULL;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = query_detail(c, &detail, err);
	if (r == 0)
		r = board_events(api->board, id, detail, &events, err);
	if (r == 0)
		call_json(c, 200, events);
	return r;
}

int handle_video_delete(struct call *c, struct err *err)
{
	return reply_removal(c, board_video_remove, err);
}

int handle_video_change(struct call *c, struct err *err)
{
	return reply_change(c, board_video_change, err);
}

int handle_job_delete(struct call *c, struct err *err)
{
	return reply_removal(c, board_remove, err);
}

int handle_submit(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	json_t *job = NULL;
	int r = board_submit(api->board, c->body, &job, err);
	if (r < 0)
		return r;
	call_head(c, "Location", "/api/v1/jobs/%s", json_string_value(json_object_get(job, "id")));
	call_json(c, 201, job);
	return 0;
}

int handle_change(struct call *c, struct err *err)
{
	return reply_change(c, board_change, err);
}

int handle_control(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	int64_t id;
	json_t *job = NULL;
	int action = board_action_find(file_base(c->path)), r = call_id(c, &id, err);
	if (r == 0 && action < 0)
		r = err_set(err, ERR_NOENT, "unknown action");
	if (r == 0)
		r = board_control(api->board, id, (enum board_action)action, c->body, &job, err);
	if (r == 0)
		call_json(c, 200, job);
	return r;
}

static const struct {
	const char *format, *type;
} report_types[] = {
	{"json", "application/json"},         {"md", "text/markdown; charset=utf-8"},
	{"html", "text/html; charset=utf-8"}, {"vtt", "text/vtt; charset=utf-8"},
	{"csv", "text/csv; charset=utf-8"},   {"srt", "application/x-subrip; charset=utf-8"},
	{"txt", "text/plain; charset=utf-8"},
};
/* The formats of a report come first, those of a transcript alone after them. */
enum { REPORT_TYPES = 5 };

void reply_report(struct call *c, const char *format, char *name)
{
	const char *download = call_query(c, "download");
	for (size_t i = 0; i < ARRAY_LEN(report_types); i++)
		if (strcmp(report_types[i].format, format) == 0)
			c->reply.type = report_types[i].type;
	c->reply.status = 200;
	if (download && strcmp(download, "0") != 0)
		c->reply.filename = name;
	else
		free(name);
}

int handle_report(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	const char *format = call_query(c, "format");
	bool known = false;
	AUTO(mem_freep) char *name = NULL;
	int64_t id;

	if (!format || !*format)
		format = "json";
	for (size_t i = 0; i < REPORT_TYPES; i++)
		known |= strcmp(report_types[i].format, format) == 0;
	if (!known)
		return err_set(err, ERR_ARG, "format is one of json, md, html, vtt, csv");

	enum report_detail detail;
	int r = query_detail(c, &detail, err);
	if (r == 0)
		r = call_id(c, &id, err);
	if (r == 0)
		r = board_report(api->board, id, format, detail, &c->reply.body, &name, err);
	if (r == 0)
		reply_report(c, format, TAKE(name));
	return r;
}

int handle_transcript(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	const char *format = call_query(c, "format"), *track = call_query(c, "track"),
			   *kinds = call_query(c, "kind");
	AUTO(mem_freep) char *name = NULL;
	char *end = NULL;
	int64_t id;
	long number = track && *track ? strtol(track, &end, 10) : -1;
	if (track && *track && (*end || number < 0 || number > TRACK_MAX))
		return err_set(err, ERR_ARG, "track is the index of a stream, from 0 on");
	const struct said_choice choice = {kinds && *kinds ? kinds : "said", (int)number};
	int r = call_id(c, &id, err);
	if (r == 0)
		r = board_transcript(api->board, id, format && *format ? format : "json", &choice,
		                     &c->reply.body, &name, err);
	if (r == 0)
		reply_report(c, format && *format ? format : "json", TAKE(name));
	return r;
}

/* A time of the query in seconds, as microseconds; 0 if absent. */
static int query_time(const struct call *c, const char *name, int64_t *ret, struct err *err)
{
	const char *s = call_query(c, name);
	char *end = NULL;
	*ret = 0;
	if (!s)
		return 0;
	double seconds = *s >= '0' && *s <= '9' ? strtod(s, &end) : -1;
	if (!end || *end || !isfinite(seconds) || seconds > 3.2e8) {
		AUTO(mem_freep) char *shown = text_line(s, 40);
		return err_set(err, ERR_ARG, "%s=%s: expected seconds", name, shown);
	}
	*ret = llround(seconds * 1e6);
	return 0;
}

int handle_search(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	const char *kind = call_query(c, "kind");
	struct board_query q = {.words = call_query(c, "q"), .kind = kind ? kind : "any"};
	int64_t limit, skip;
	json_t *hits = NULL;
	if (!q.words || !q.words[strspn(q.words, " ")])
		return err_set(err, ERR_ARG, "q=WORDS is required");
	int r = call_query_int(c, "limit", 50, 1, 500, &limit, err);
	if (r == 0)
		r = call_query_int(c, "skip", 0, 0, SKIP_MAX, &skip, err);
	if (r == 0)
		r = call_query_int(c, "video", 0, 1, INT64_MAX, &q.video, err);
	if (r == 0)
		r = query_time(c, "from", &q.from, err);
	if (r == 0)
		r = query_time(c, "to", &q.to, err);
	if (r < 0)
		return r;
	q.limit = (size_t)limit;
	q.skip = (size_t)skip;
	r = board_search(api->board, &q, &hits, err);
	if (r == 0)
		call_json(c, 200, hits);
	return r;
}

int handle_frame(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	const char *t = call_query(c, "t");
	char *end = NULL;
	int64_t id, width, stream, pts = 0;
	double seconds = t && *t >= '0' && *t <= '9' ? strtod(t, &end) : -1;
	if (!end || *end || !isfinite(seconds) || seconds > 3.2e8)
		return err_set(err, ERR_ARG, "t=SECONDS is required");
	int r = call_id(c, &id, err);
	if (r == 0)
		r = call_query_int(c, "width", 0, 0, 8192, &width, err);
	if (r == 0)
		r = call_query_int(c, "stream", -1, 0, 9999, &stream, err);
	if (r == 0)
		r = board_frame(api->board, id, (int)stream, (int64_t)(seconds * 1e6), (int)width,
		                &c->reply.body, &pts, err);
	if (r < 0)
		return r;
	c->reply.status = 200;
	c->reply.type = "image/jpeg";
	call_head(c, "Vdet-Time", "%.6f", (double)pts / 1e6);
	call_head(c, "Cache-Control", "private, max-age=3600");
	return 0;
}

int handle_picture(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	int64_t id, chunk, sample;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = call_query_int(c, "chunk", -1, 0, INT32_MAX, &chunk, err);
	if (r == 0)
		r = call_query_int(c, "sample", -1, 0, INT32_MAX, &sample, err);
	if (r == 0 && (chunk < 0 || sample < 0))
		r = err_set(err, ERR_ARG, "chunk=INDEX and sample=INDEX say which picture");
	if (r == 0)
		r = board_thumb(api->board, id, chunk, sample, &c->reply.body, err);
	if (r < 0)
		return r;
	c->reply.status = 200;
	c->reply.type = "image/jpeg";
	call_head(c, "Cache-Control", "private, max-age=3600");
	return 0;
}

int handle_file(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	static const struct {
		const char *name;
		enum board_file file;
	} files[] = {
		{"poster", BOARD_POSTER},
		{"storyboard.vtt", BOARD_STORYBOARD_VTT},
		{"source", BOARD_SOURCE},
		{"proxy", BOARD_PROXY},
	};
	const char *base = file_base(c->path), *type = NULL;
	enum board_file which = BOARD_SOURCE;
	int64_t id, sheet = 0;
	int fd = -1, r = call_id(c, &id, err);

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(files[i].name, base) == 0)
			which = files[i].file;
	if (r == 0 && strcmp(c->route->pattern, "/api/v1/videos/{id}/storyboard-{sheet}.jpg") == 0) {
		r = call_index(c, 1, &sheet, err);
		if (r == 0 && (sheet < 1 || sheet > 99))
			r = err_set(err, ERR_NOENT, "no such sheet of the storyboard");
		which = (enum board_file)(BOARD_STORYBOARD + sheet - 1);
	}
	if (r == 0)
		r = board_video_open(api->board, id, which, &fd, &type, err);

	struct stat st;
	if (r == 0 && fstat(fd, &st) < 0)
		st = (struct stat){0};
	if (r < 0)
		return r;

	char etag[80];
	snprintf(etag, sizeof etag, "\"%llx-%llx-%llx\"", (unsigned long long)st.st_ino,
	         (unsigned long long)st.st_size,
	         (unsigned long long)st.st_mtim.tv_sec * 1000000000 +
	             (unsigned long long)st.st_mtim.tv_nsec);
	call_head(c, "Cache-Control", "private, no-cache");

	const char *have = c->headers[HEADER_IF_NONE_MATCH];
	if (have && strcmp(have, etag) == 0) {
		fd_closep(&fd);
		call_empty(c, 304);
		call_head(c, "ETag", "%s", etag);
		return 0;
	}
	return call_file(c, fd, type, etag, err);
}

/* Of a video that is read at an address: parts that pass through memory. */
static int send_away(struct call *c, int64_t id, const struct board_away *a, struct err *err)
{
	struct api *api = c->ctx;
	char etag[HASH_HEX + 2];
	int fd = memfd_create("vdet-part", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, a->size) < 0) {
		fd_closep(&fd);
		return err_sys(err, errno, "cannot make a file in memory");
	}
	snprintf(etag, sizeof etag, "\"%s\"", a->sha256);
	call_head(c, "Cache-Control", "private, no-cache");
	int r = call_file_part(c, fd, a->type, etag, AWAY_PART, err);
	if (r < 0 || c->reply.fd < 0 || c->method == METHOD_HEAD)
		return r;
	bool large = c->reply.size > AWAY_PART;
	if (!large)
		r = board_video_fill(api->board, id, c->reply.fd, c->reply.from, c->reply.size, err);
	if (!large && r == 0)
		return 0;
	fd_closep(&c->reply.fd);
	c->reply.fd = -1;
	if (large)
		call_problem(c, 413, "too-large",
		             "this video is read at its address, and is not here: ask for parts of at most "
		             "%d bytes (Range)",
		             AWAY_PART);
	return r;
}

bool is_away(const struct call *c)
{
	const struct api *api = c->ctx;
	struct board_away away;
	int64_t id;
	return call_id(c, &id, NULL) == 0 && board_video_away(api->board, id, &away, NULL) == 0 &&
	       away.is;
}

int handle_source(struct call *c, struct err *err)
{
	struct api *api = c->ctx;
	struct board_away away;
	int64_t id;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = board_video_away(api->board, id, &away, err);
	if (r < 0)
		return r;
	return away.is ? send_away(c, id, &away, err) : handle_file(c, err);
}
