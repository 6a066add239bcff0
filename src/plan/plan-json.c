/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as JSON and as text. Times in JSON are seconds, exact to the
 * microsecond. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "plan/plan-internal.h"

#define FORMAT "vdet-plan/1"

enum {
	TIMES_MAX = 4096,
	CHUNKS_MAX = 200000,
	BUDGET_MAX = TIMES_MAX * CHUNKS_MAX,
	FILE_MAX = 256 << 20
};

static json_t *seconds(int64_t us)
{
	return json_real((double)us / 1e6);
}

static json_t *spans_json(const struct plan_span *s, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_pack("[o, o]", seconds(s[i].start), seconds(s[i].end)));
	return all;
}

json_t *plan_json(const struct plan *p)
{
	AUTO(mem_freep) char *text = plan_text(p);
	json_t *chunks = json_array();
	for (size_t i = 0; i < p->n_chunks; i++) {
		const struct plan_chunk *c = &p->chunks[i];
		json_t *times = json_array();
		for (size_t k = 0; k < c->n_times; k++)
			json_array_append_new(times, seconds(c->times[k]));
		json_array_append_new(chunks, json_pack("{s:o, s:o, s:o}", "start", seconds(c->start),
		                                        "end", seconds(c->end), "times", times));
	}
	json_t *sum = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "budget", (json_int_t)p->budget,
	                        "samples", (json_int_t)p->samples, "floor", (json_int_t)p->floor,
	                        "even", (json_int_t)p->even, "bursts", (json_int_t)p->bursts,
	                        "bursts_seen", (json_int_t)p->seen, "shots", (json_int_t)p->shots);
	if (p->n_missed)
		json_object_set_new(sum, "missed", spans_json(p->missed, p->n_missed));
	json_t *more = p->until < p->to
	                   ? json_pack("{s:o, s:I, s:I}", "until", seconds(p->until), "parts",
	                               (json_int_t)p->parts, "looks", (json_int_t)p->spent)
	                   : NULL;
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o*}", "format", FORMAT, "policy",
	                 plan_policy_name[p->policy], "text", text, "sum", sum, "duration",
	                 seconds(p->duration), "from", seconds(p->from), "to", seconds(p->to), "chunks",
	                 chunks, "unfinished", more);
}

/* Position of the parser, for messages. */
struct place {
	size_t chunk; /* from 1; 0 = the plan itself */
};

static int bad(const struct place *at, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int bad(const struct place *at, struct err *err, const char *fmt, ...)
{
	char text[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (at->chunk)
		return err_set(err, ERR_FORMAT, "chunk %zu of the plan: %s", at->chunk, text);
	return err_set(err, ERR_FORMAT, "the plan: %s", text);
}

static int known_keys(const struct place *at, const json_t *j, const char *const *keys,
                      struct err *err)
{
	if (!json_is_object(j))
		return bad(at, err, "it is not a JSON object");
	const char *unknown = json_unknown_key(j, keys);
	return unknown ? bad(at, err, "\"%.60s\" is not a known key", unknown) : 0;
}

static int read_seconds(const struct place *at, const json_t *j, const char *name, int64_t min,
                        int64_t max, int64_t *ret, struct err *err)
{
	char text[CLOCK_TEXT_MAX];
	double v = json_number_value(j) * 1e6;
	if (!json_is_number(j))
		return bad(at, err, "%s is not a number of seconds", name);
	if (!(v >= -9e15 && v <= 9e15))
		return bad(at, err, "%s is out of range", name);
	int64_t t = llround(v);
	if (t < min)
		return bad(at, err, "%s, %.6f s, is before %s", name, v / 1e6, clock_text(min, text));
	if (t > max)
		return bad(at, err, "%s, %.6f s, is after %s", name, v / 1e6, clock_text(max, text));
	*ret = t;
	return 0;
}

static int read_times(const struct place *at, const json_t *times, size_t frames_max,
                      struct plan_chunk *c, struct err *err)
{
	size_t n = json_array_size(times);
	if (!json_is_array(times) || n == 0)
		return bad(at, err, "\"times\" is not an array of at least one number");
	if (n > frames_max)
		return bad(at, err, "%zu times; at most %zu are allowed", n, frames_max);
	c->times = mem_alloc(n, sizeof *c->times);
	for (; c->n_times < n; c->n_times++) {
		char name[40];
		int64_t least = c->n_times ? c->times[c->n_times - 1] + 1 : c->start;
		snprintf(name, sizeof name, "time %zu", c->n_times + 1);
		int r = read_seconds(at, json_array_get(times, c->n_times), name, least, c->end - 1,
		                     &c->times[c->n_times], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Chunks may overlap or leave gaps, but each must begin and end after the
 * previous one. */
static int read_chunk(const json_t *j, struct plan *p, size_t frames_max, struct err *err)
{
	static const char *const keys[] = {"start", "end", "times", NULL};
	const struct place at = {p->n_chunks + 1};
	struct plan_chunk *c = &p->chunks[p->n_chunks];
	const struct plan_chunk *before = p->n_chunks ? c - 1 : NULL;
	p->n_chunks++;
	int r = known_keys(&at, j, keys, err);
	if (r == 0)
		r = read_seconds(&at, json_object_get(j, "start"), "\"start\"",
		                 before ? before->start + 1 : p->from, p->to - 1, &c->start, err);
	if (r == 0)
		r = read_seconds(&at, json_object_get(j, "end"), "\"end\"",
		                 (before && before->end > c->start ? before->end : c->start) + 1, p->to,
		                 &c->end, err);
	return r < 0 ? r : read_times(&at, json_object_get(j, "times"), frames_max, c, err);
}

static int read_policy(const json_t *j, struct plan *p, struct err *err)
{
	const struct place at = {0};
	const char *policy = json_string_value(json_object_get(j, "policy"));
	for (size_t i = 0; policy && i < PLAN_POLICIES; i++)
		if (strcmp(policy, plan_policy_name[i]) == 0) {
			p->policy = (enum plan_policy)i;
			return 0;
		}
	return bad(&at, err, "\"policy\" must be one of even, keyframe, adaptive, scene");
}

static int read_missed(const json_t *j, struct plan *p, struct err *err)
{
	const struct place at = {0};
	size_t i;
	json_t *pair;
	if (j && (!json_is_array(j) || json_array_size(j) > PLAN_MISSED_MOST))
		return bad(&at, err, "its \"missed\" is not a list of at most %d pairs", PLAN_MISSED_MOST);
	p->missed = mem_alloc(json_array_size(j), sizeof *p->missed);
	json_array_foreach (j, i, pair) {
		struct plan_span *span = &p->missed[p->n_missed++];
		int r = read_seconds(&at, json_array_get(pair, 0), "the start of a missed burst", 0,
		                     p->duration, &span->start, err);
		if (r == 0)
			r = read_seconds(&at, json_array_get(pair, 1), "the end of a missed burst", span->start,
			                 INT64_MAX, &span->end, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Counts made by the planner: only used in the report, except for the budget
 * that an unfinished plan continues with. */
static int read_sum(const json_t *j, struct plan *p, struct err *err)
{
	const struct place at = {0};
	const struct {
		const char *key;
		size_t *to;
	} rows[] = {
		{"floor", &p->floor},      {"even", &p->even},   {"bursts", &p->bursts},
		{"bursts_seen", &p->seen}, {"shots", &p->shots},
	};
	p->budget = json_integer_value(json_object_get(j, "budget"));
	if (j && !json_is_object(j))
		return bad(&at, err, "its \"sum\" is not an object");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_int_t n = json_integer_value(json_object_get(j, rows[i].key));
		if (n < 0 || n > BUDGET_MAX)
			return bad(&at, err, "its \"%s\" is not from 0 to %d", rows[i].key, BUDGET_MAX);
		*rows[i].to = (size_t)n;
	}
	int r = read_missed(json_object_get(j, "missed"), p, err);
	if (r < 0)
		return r;
	if (p->budget < (p->until < p->to) || p->budget > BUDGET_MAX)
		return bad(&at, err, "its \"budget\" is not from 1 to %d", BUDGET_MAX);
	return 0;
}

/* An unfinished plan. */
static int read_unfinished(const json_t *j, struct plan *p, struct err *err)
{
	const struct place at = {0};
	p->until = p->to;
	if (!j)
		return 0;
	p->parts = (size_t)json_integer_value(json_object_get(j, "parts"));
	p->spent = (size_t)json_integer_value(json_object_get(j, "looks"));
	return read_seconds(&at, json_object_get(j, "until"), "\"until\"", p->from, p->to, &p->until,
	                    err);
}

static int read_head(const json_t *j, int64_t duration, struct plan *p, struct err *err)
{
	static const char *const keys[] = {"format",     "policy",   "text", "sum",
	                                   "duration",   "from",     "to",   "chunks",
	                                   "unfinished", "estimate", NULL};
	const struct place at = {0};
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	int r = known_keys(&at, j, keys, err);
	if (r < 0)
		return r;
	const char *format = json_string_value(json_object_get(j, "format"));
	if (!format || strcmp(format, FORMAT) != 0)
		return bad(&at, err, "its \"format\" is not \"%s\"", FORMAT);
	r = read_policy(j, p, err);
	if (r == 0)
		r = read_seconds(&at, json_object_get(j, "duration"), "\"duration\"", 1, INT64_C(1) << 52,
		                 &p->duration, err);
	if (r == 0 && p->duration != duration)
		r = bad(&at, err, "it is for a video of %s, and this one is %s long",
		        clock_text(p->duration, a), clock_text(duration, b));
	if (r == 0)
		r = read_seconds(&at, json_object_get(j, "from"), "\"from\"", 0, duration - 1, &p->from,
		                 err);
	if (r == 0)
		r = read_seconds(&at, json_object_get(j, "to"), "\"to\"", p->from + 1, duration, &p->to,
		                 err);
	return r < 0 ? r : read_unfinished(json_object_get(j, "unfinished"), p, err);
}

int plan_from_json(const json_t *j, int64_t duration, size_t frames_max, struct plan **ret,
                   struct err *err)
{
	const struct place at = {0};
	AUTO(plan_freep) struct plan *p = mem_alloc(1, sizeof *p);
	int r = read_head(j, duration, p, err);
	if (r < 0)
		return r;
	const json_t *chunks = json_object_get(j, "chunks");
	size_t n = json_array_size(chunks);
	if (!json_is_array(chunks) || n == 0)
		return bad(&at, err, "\"chunks\" is not an array of at least one chunk");
	if (n > CHUNKS_MAX)
		return bad(&at, err, "%zu chunks; at most %d are allowed", n, CHUNKS_MAX);
	p->chunks = mem_alloc(n, sizeof *p->chunks);
	for (size_t i = 0; i < n; i++) {
		r = read_chunk(json_array_get(chunks, i), p,
		               frames_max < TIMES_MAX ? frames_max : TIMES_MAX, err);
		if (r < 0)
			return r;
	}
	r = read_sum(json_object_get(j, "sum"), p, err);
	if (r < 0)
		return r;
	p->samples = plan_count_samples(p);
	*ret = TAKE(p);
	return 0;
}

int plan_read(const char *path, int64_t duration, size_t frames_max, struct plan **ret,
              struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(FILE_MAX);
	json_error_t fault;
	int r = file_read(path, &text, err);
	if (r < 0)
		return r;
	json_auto_t *j =
		json_loadb(text.data ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &fault);
	r = j ? plan_from_json(j, duration, frames_max, ret, err)
	      : err_set(err, ERR_FORMAT, "line %d: %s", fault.line, fault.text);
	if (r == 0 && (*ret)->until < (*ret)->to) {
		plan_free(TAKE(*ret));
		r = err_set(err, ERR_FORMAT,
		            "the plan is unfinished; remove \"unfinished\" to use it as it is");
	}
	if (r < 0)
		return err_wrap(err, "%s", path);
	plan_mark_given(*ret);
	return 0;
}

void plan_mark_given(struct plan *p)
{
	p->given = true;
	p->budget = 0;
	p->floor = p->even = p->bursts = p->seen = p->shots = p->n_missed = 0;
}

char *plan_text(const struct plan *p)
{
	AUTO(buf_free) struct buf out = BUF(1000);
	char t[CLOCK_TEXT_MAX];
	size_t others = p->floor + p->even;
	size_t near = p->samples > others ? p->samples - others : 0;
	if (p->given) {
		buf_addf(&out, "The plan was given by the user: %zu frames in %zu chunks.", p->samples,
		         p->n_chunks);
		return mem_strdup(buf_str(&out));
	}
	if (p->policy == PLAN_EVEN || p->policy == PLAN_KEYFRAME || !p->budget || !p->shots) {
		buf_addf(&out, "%zu frame%s in %zu chunk%s, %s", p->samples, text_s((int64_t)p->samples),
		         p->n_chunks, text_s((int64_t)p->n_chunks),
		         p->policy == PLAN_KEYFRAME ? "at keyframes, spread evenly" : "spread evenly");
		if (p->policy == PLAN_ADAPTIVE || p->policy == PLAN_SCENE)
			buf_adds(&out, ", because it is not known where the picture changes");
		buf_adds(&out, ".");
		return mem_strdup(buf_str(&out));
	}
	buf_addf(&out,
	         "%zu frame%s in %zu chunk%s, of %" PRId64
	         " that even sampling would take: %zu where the picture changes",
	         p->samples, text_s((int64_t)p->samples), p->n_chunks, text_s((int64_t)p->n_chunks),
	         p->budget, near);
	if (p->bursts)
		buf_addf(&out, " (%zu of %zu bursts of activity)", p->seen, p->bursts);
	if (p->even)
		buf_addf(&out,
		         ", %zu spread evenly where the index says little (few pictures were decoded, or "
		         "everything moves)",
		         p->even);
	buf_addf(&out, ", %zu to limit the distance of frames.", p->floor);
	if ((int64_t)p->samples * 2 < p->budget)
		buf_addf(&out, " The picture hardly changes in most of %s, so few frames are enough.",
		         clock_short(p->to - p->from, t));
	return mem_strdup(buf_str(&out));
}
