/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/sources.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "remote/web.h"
#include "store/ask.h"
#include "store/passage.h"

enum { AWAY_MAX = 3 };

/* Somebody waits for the answer. */
#define PATIENCE (60 * CLOCK_SECOND)

static void source_clear(struct ask_source *s)
{
	report_free(s->report);
	free(s->path);
	free(s->unseen);
	free(s->seen);
	free(s->groups);
	free(s->looked);
	*s = (struct ask_source){0};
}

void sources_close(struct asking *a)
{
	for (size_t i = 0; i < a->n_sources; i++)
		source_clear(&a->sources[i]);
	free(a->sources);
	a->sources = NULL;
	a->n_sources = 0;
}

/* ---- the file */

/* Whether the file is the one that was analyzed; its path becomes the real
 * one. */
static int check_file(struct asking *a, struct ask_source *s, struct err *err)
{
	char sha256[HASH_HEX];
	char *path = NULL;
	if (!*s->path)
		return err_set(err, ERR_NOENT, "it is not known where the file is; name it");
	int r = ask_identify(a->run.store, s->path, a->run.cancel, sha256, &path, err);
	if (r < 0)
		return r;
	free(s->path);
	s->path = path;
	return strcmp(sha256, s->report->source_sha256) == 0
	           ? 0
	           : err_set(err, ERR_NOENT, "the file has another content now; analyze it again");
}

static int open_away(const struct asking *a, const struct ask_source *s, struct remote_video **ret,
                     struct err *err)
{
	const struct remote_video_options o = {.address = s->address,
	                                       .expected = s->report->source_sha256,
	                                       .known = true,
	                                       .patience = PATIENCE,
	                                       .cancel = a->run.cancel};
	return a->context->web ? remote_video_open(a->context->web, &o, ret, err)
	                       : err_set(err, ERR_UNSUPPORTED, "videos at addresses are not read here");
}

/* Its server is asked what it has; not of each of a thousand videos, if it is
 * not there. */
static int check_away(struct asking *a, const struct ask_source *s, struct err *err)
{
	AUTO(remote_video_freep) struct remote_video *v = NULL;
	if (a->n_away >= AWAY_MAX)
		return err_set(err, ERR_NOENT, "the servers of other videos cannot be reached");
	int r = open_away(a, s, &v, err);
	a->n_away = r == -ERR_IO ? a->n_away + 1 : 0;
	return r;
}

static int find_file(struct asking *a, struct ask_source *s, struct err *err)
{
	int r = s->address ? check_away(a, s, err) : check_file(a, s, err);
	s->visible = r == 0;
	if (r < 0)
		s->unseen = text_line(err->msg, sizeof err->msg);
	return r == -ERR_CANCELED ? r : 0;
}

static int check_open(const struct asking *a, size_t source, int fd, struct err *err)
{
	const struct ask_source *s = &a->sources[source];
	char stamp[FILE_STAMP_MAX];
	AUTO(mem_freep) char *sha256 = NULL;
	file_stamp_all(fd, stamp);
	int r = store_place_find(a->run.store, s->path, stamp, &sha256, err);
	if (r == 0 && strcmp(sha256, s->report->source_sha256) == 0)
		return 0;
	return err_set(err, ERR_FORMAT, "%s was changed, or its job deleted, while it was asked about",
	               s->report->source_name);
}

int sources_check(const struct asking *a, size_t source, const struct describe_worker *w,
                  struct err *err)
{
	const struct decoder_feed *feed = w->options->decoder.feed;
	if (!feed)
		return check_open(a, source, w->fd, err);
	return remote_video_fault(feed->ctx, err) ? -(int)err->code : 0;
}

void sources_leave(struct ask_file *f)
{
	if (f->fd >= 0 && !f->away)
		close(f->fd);
	remote_video_free(f->away);
	*f = (struct ask_file){.fd = -1};
}

int sources_file(const struct asking *a, size_t source, struct ask_file *ret, struct err *err)
{
	const struct ask_source *s = &a->sources[source];
	*ret = (struct ask_file){.fd = -1, .describe = a->describe};
	if (s->address) {
		int r = open_away(a, s, &ret->away, err);
		if (r < 0)
			return r;
		ret->fd = remote_video_fd(ret->away);
		ret->describe.decoder.feed = remote_video_feed(ret->away);
		return 0;
	}
	int r = file_open_input(s->path, &ret->fd, err);
	if (r == 0)
		r = check_open(a, source, ret->fd, err);
	if (r < 0)
		sources_leave(ret);
	return r;
}

/* ---- groups of sampled frames */

/* Whether the analysis sampled a frame there. Of a hole these are the times
 * that were requested: nothing was described, but they can be examined. */
static size_t list_times(const struct asking *a, const struct report_chunk *c, int64_t *out)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n_samples; i++)
		if ((!n || c->samples[i].pts > out[n - 1]) && c->samples[i].pts >= a->from &&
		    c->samples[i].pts <= a->to)
			out[n++] = c->samples[i].pts;
	return n;
}

static void group_chunk(struct ask_source *s, size_t chunk, const int64_t *times, size_t n,
                        size_t most)
{
	for (size_t at = 0; at < n;) {
		size_t groups = (n - at + most - 1) / most, take = (n - at + groups - 1) / groups;
		s->groups[s->n_groups++] =
			(struct ask_group){.times = times + at, .n = take, .chunk = chunk, .p = -1};
		at += take;
	}
}

static void make_groups(const struct asking *a, struct ask_source *s, size_t most)
{
	size_t samples = 0;
	for (size_t i = 0; i < s->report->n_chunks; i++)
		samples += s->report->chunks[i].n_samples;
	s->seen = mem_alloc(samples + 1, sizeof *s->seen);
	s->groups = mem_alloc(samples + 1, sizeof *s->groups);
	for (size_t i = 0; i < s->report->n_chunks; i++) {
		int64_t *times = s->seen + s->n_seen;
		size_t n = list_times(a, &s->report->chunks[i], times);
		/* Chunks may overlap: a frame belongs to the first. */
		while (n && s->n_seen && times[0] <= s->seen[s->n_seen - 1]) {
			memmove(times, times + 1, (n - 1) * sizeof *times);
			n--;
		}
		group_chunk(s, i, times, n, most);
		s->n_seen += n;
	}
}

/* ---- */

static void set_range(struct asking *a, bool any, int64_t from, int64_t to)
{
	const struct ask_request *q = a->request;
	a->from = any && from > q->from ? from : q->from;
	a->to = q->to ? q->to : INT64_MAX;
	a->to = any && to < a->to ? to : a->to;
}

void sources_range(struct asking *a)
{
	int64_t from = 0, to = 0;
	bool any = route_range(a->request->question, &from, &to);
	set_range(a, any, from, to);
}

/* A time after the end of the video is one of its clock, if that shows it. */
static void find_time(struct asking *a, const struct report *r)
{
	struct route_time named;
	int64_t from = 0, to = 0;
	if (!route_first_time(a->request->question, &named) || named.position < r->duration) {
		a->is_beyond = false;
		return;
	}
	if (a->request->n_videos > 1 || named.of_day >= 24 * 3600 * CLOCK_SECOND ||
	    !wallclock_find(r->clock, named.of_day, r->duration, &a->by_clock))
		return;
	a->is_beyond = false;
	bool any = route_clock_range(a->request->question, &from, &to);
	int64_t zero = a->by_clock - named.of_day;
	set_range(a, any, from + zero, to == INT64_MAX ? to : to + zero);
}

static int open_source(struct asking *a, const struct ask_video *v, size_t most,
                       struct ask_source *s, struct err *err)
{
	*s = (struct ask_source){.path = mem_strdup(v->path), .address = v->address};
	int r = report_load_text(a->run.store, v->job, REPORT_NORMAL, &s->report, err);
	if (r < 0)
		return r;
	find_time(a, s->report);
	const struct store_source source = {.sha256 = s->report->source_sha256,
	                                    .has_stream = s->report->source_stream >= 0,
	                                    .stream = s->report->source_stream};
	r = store_generation(a->run.store, &source, &s->generation, err);
	if (r < 0)
		return r;
	s->from = s->report->from > a->from ? s->report->from : a->from;
	s->to = s->report->to < a->to ? s->report->to : a->to;
	s->to = s->to < s->from ? s->from : s->to;
	make_groups(a, s, most);
	return find_file(a, s, err);
}

/* How many runs each source has, by "SHA-256 stream"; which of them each run
 * is, by its id. */
struct counting {
	json_t *counts, *ranks;
};

static void count_run(void *ctx, const struct store_run *run)
{
	struct counting *c = ctx;
	AUTO(mem_freep) char *source = mem_printf("%s %d", run->sha256, run->stream);
	json_int_t n = json_integer_value(json_object_get(c->counts, source)) + 1;
	json_object_set_new(c->counts, source, json_integer(n));
	json_object_set_new(c->ranks, run->id, json_integer(n));
}

static int count_jobs(struct asking *a, struct err *err)
{
	json_auto_t *counts = json_object(), *ranks = json_object();
	struct counting c = {counts, ranks};
	int r = store_runs_each(a->run.store, count_run, &c, err);
	for (size_t i = 0; i < a->n_sources; i++) {
		struct ask_source *s = &a->sources[i];
		AUTO(mem_freep)
		char *source = mem_printf("%s %d", s->report->source_sha256, s->report->source_stream);
		s->n_jobs = (size_t)json_integer_value(json_object_get(counts, source));
		s->job_rank = (size_t)json_integer_value(json_object_get(ranks, s->report->job));
	}
	return r;
}

int sources_open(struct asking *a, size_t most, struct err *err)
{
	int r = 0;
	struct route_time named;
	a->is_beyond = route_first_time(a->request->question, &named);
	a->sources = mem_alloc(a->request->n_videos, sizeof *a->sources);
	for (size_t i = 0; i < a->request->n_videos && r == 0; i++) {
		r = open_source(a, &a->request->videos[i], most, &a->sources[a->n_sources], err);
		if (r == -ERR_NOENT || r == -ERR_FORMAT) {
			log_warning("a video is left out of the question: %s", err->msg);
			source_clear(&a->sources[a->n_sources]);
			r = 0;
		} else {
			a->n_sources++;
		}
	}
	if (r == 0 && !a->n_sources)
		r = err_set(err, ERR_NOENT, "none of these jobs is there any more");
	return r < 0 ? r : count_jobs(a, err);
}

char *sources_scope(const struct asking *a, bool asked)
{
	json_auto_t *list = json_array();
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct ask_source *s = &a->sources[i];
		json_t *o = json_pack("{s:s, s:i}", "sha256", s->report->source_sha256, "stream",
		                      s->report->source_stream);
		if (!asked) {
			json_object_set_new(o, "job", json_string(s->report->job));
			json_object_set_new(o, "generation", json_integer(s->generation));
			json_object_set_new(o, "seen", json_boolean(s->visible));
		}
		json_array_append_new(list, o);
	}
	return json_dumps(list, JSON_COMPACT);
}

int64_t sources_mean_gap(const struct ask_source *s)
{
	return s->n_seen ? (s->to - s->from) / (int64_t)s->n_seen : 0;
}

void sources_gaps(const struct ask_source *s, int64_t *ret_mean, int64_t *ret_max, int64_t *ret_at)
{
	int64_t last = s->from;
	*ret_max = *ret_at = 0;
	for (size_t i = 0; i <= s->n_seen; i++) {
		int64_t at = i < s->n_seen ? s->seen[i] : s->to;
		if (at - last > *ret_max) {
			*ret_max = at - last;
			*ret_at = last;
		}
		last = at;
	}
	*ret_mean = sources_mean_gap(s);
}

void sources_part(const struct asking *a, const struct ask_source *s, int64_t *ret_from,
                  int64_t *ret_to)
{
	*ret_from = a->from < s->report->duration ? a->from : s->report->duration;
	*ret_to = a->to < s->report->duration ? a->to : s->report->duration;
}

bool sources_is_part(const struct asking *a, const struct ask_source *s)
{
	int64_t from, to;
	sources_part(a, s, &from, &to);
	return s->report->from > from || s->report->to < to;
}

bool sources_is_missed(const struct asking *a, const struct ask_source *s)
{
	const struct report_plan *plan = &s->report->plan;
	for (size_t i = 0; i < plan->n_missed; i++) {
		const struct report_stretch *m = &plan->missed[i];
		bool looked = m->end < a->from || m->start > a->to;
		for (size_t k = 0; k < s->n_looked && !looked; k++)
			looked = s->looked[k].start <= m->start && s->looked[k].end >= m->end;
		if (!looked)
			return true;
	}
	return false;
}

bool sources_follows(const struct ask_source *s, size_t group)
{
	const struct report_chunk *chunks = s->report->chunks;
	if (!group)
		return false;
	size_t before = s->groups[group - 1].chunk, chunk = s->groups[group].chunk;
	return before == chunk || (before + 1 == chunk && chunks[chunk].start <= chunks[before].end);
}

int64_t sources_begin(const struct ask_source *s, size_t group)
{
	const struct ask_group *g = &s->groups[group];
	return sources_follows(s, group) ? g->times[0] : s->report->chunks[g->chunk].start;
}

int64_t sources_end(const struct ask_source *s, size_t group)
{
	const struct ask_group *g = &s->groups[group];
	return group + 1 < s->n_groups && sources_follows(s, group + 1)
	           ? g[1].times[0]
	           : s->report->chunks[g->chunk].end;
}

int64_t sources_holes(const struct ask_source *s)
{
	int64_t sum = 0;
	for (size_t i = 0; i < s->report->n_chunks; i++)
		if (s->report->chunks[i].state == CHUNK_HOLE)
			sum += s->report->chunks[i].end - s->report->chunks[i].start;
	return sum + report_left_out(s->report);
}
