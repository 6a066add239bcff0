/* SPDX-License-Identifier: Apache-2.0 */
#include "job/survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "index/anomaly.h"
#include "index/indexer.h"
#include "job/budget.h"
#include "job/index-away.h"
#include "job/step-options.h"
#include "job/streams.h"

enum { PLAN_FRAMES_MAX = 256, CURVE_MAX = 480 };

void survey_clear(struct survey *s)
{
	plan_free(TAKE(s->plan));
	json_decref(TAKE(s->seen));
	indexer_free(TAKE(s->indexer));
	index_giver_free(TAKE(s->giver));
	video_index_free(TAKE(s->index));
}

int survey_given(const struct survey_options *o, int64_t duration, struct plan **ret,
                 struct err *err)
{
	*ret = NULL;
	if (!*o->plan_file)
		return 0;
	if (o->plan.from || o->plan.to)
		return err_set(err, ERR_ARG, "--plan cannot be combined with --from or --to");
	return plan_read(o->plan_file, duration, PLAN_FRAMES_MAX, ret, err);
}

/* The curve of activity for display: the maximum of each interval, 0 to 255. */
static json_t *curve_json(const struct video_index *x)
{
	size_t n = x->n_bins < CURVE_MAX ? x->n_bins : CURVE_MAX;
	float most = 0;
	for (size_t i = 0; i < x->n_bins; i++)
		most = x->activity[i] > most ? x->activity[i] : most;
	json_t *curve = json_array();
	for (size_t k = 0; k < n; k++) {
		float top = 0;
		for (size_t i = k * x->n_bins / n; i < (k + 1) * x->n_bins / n; i++)
			top = x->activity[i] > top ? x->activity[i] : top;
		json_array_append_new(curve, json_integer(most > 0 ? (json_int_t)(255 * top / most) : 0));
	}
	return curve;
}

/* The total length of the intervals that were indexed in each way. */
static json_t *seen_json(const struct video_index *x)
{
	int64_t at_keyframes = 0;
	for (size_t i = 0; i < x->n_bins; i++)
		at_keyframes += x->detail[i] == INDEX_KEYFRAMES ? x->bin : 0;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "packets",
	                 (json_int_t)x->packets, "keyframes", (json_int_t)x->keyframes, "decoded",
	                 (json_int_t)x->decoded, "cuts", (json_int_t)x->n_cuts, "keyframes_us",
	                 (json_int_t)at_keyframes, "decoded_us", (json_int_t)x->decoded_time, "work_us",
	                 (json_int_t)x->work_time, "curve", curve_json(x), "anomalies",
	                 index_anomalies_json(x));
}

static void on_progress(void *ctx, const char *what, double fraction)
{
	const struct survey *s = ctx;
	char text[80];
	snprintf(text, sizeof text, "%s %.0f %%", what, fraction * 100);
	if (!s->quiet)
		progress_phase(s->run->progress, PHASE_INDEX, text);
}

static struct indexer_options index_options(struct survey *s)
{
	const struct survey_options *o = s->options;
	return (struct indexer_options){.effort = o->effort,
	                                .max_gap = o->max_gap,
	                                .workers = o->workers,
	                                .progress = on_progress,
	                                .ctx = s,
	                                .decoder = o->decoder,
	                                .away = s->giver ? index_giver_away(s->giver) : NULL};
}

/* More of the index: all of a stored one, or the next part. */
static int step_index(struct survey *s, const char *sha256, struct err *err)
{
	struct indexer_options i = index_options(s);
	int r = 0;
	if (!s->indexer) {
		r = sha256 ? indexer_load(s->run->store, sha256, &i, &s->index, err) : -ERR_NOENT;
		if (r != -ERR_NOENT)
			return r;
		if (sha256 && !s->giver)
			s->giver = index_giver_new(s->run, sha256, &s->options->decoder);
		i = index_options(s);
		r = indexer_begin(s->fd, &i, s->run->cancel, &s->indexer, err);
	}
	if (r == 0)
		r = indexer_step(s->indexer, err);
	if (r == 0 && indexer_whole(s->indexer)) {
		s->index = indexer_take(s->indexer);
		s->made = true;
		indexer_free(TAKE(s->indexer));
		index_giver_free(TAKE(s->giver));
	}
	return r;
}

static int step_by_activity(struct survey *s, const struct plan_options *o, const char *sha256,
                            struct err *err)
{
	int r = step_index(s, sha256, err);
	if (r < 0)
		return r;
	const struct video_index *x = s->index ? s->index : indexer_index(s->indexer);
	plan_add(s->plan, o, x);
	if (s->plan->until == s->plan->to)
		s->seen = seen_json(x);
	return 0;
}

/* At keyframes: only their times are needed. */
static int plan_keyframes(struct survey *s, const struct plan_options *o, struct err *err)
{
	const struct indexer_options i = index_options(s);
	plan_add_even(s->plan, o);
	int r = indexer_begin(s->fd, &i, s->run->cancel, &s->indexer, err);
	if (r < 0)
		return r;
	const struct packet_scan *w = indexer_packets(s->indexer);
	AUTO(mem_freep) int64_t *times = mem_alloc(w->n_keys, sizeof *times);
	for (size_t k = 0; k < w->n_keys; k++)
		times[k] = w->keys[k].pts;
	plan_snap(s->plan, times, w->n_keys);
	indexer_free(TAKE(s->indexer));
	return 0;
}

/* Those gaps that stay in the timeline; the caller frees. */
static struct plan_gap *kept_gaps(const json_t *list, size_t *ret_n)
{
	struct plan_gap *gaps = mem_alloc(json_array_size(list) + 1, sizeof *gaps);
	size_t i;
	const json_t *gap;
	*ret_n = 0;
	json_array_foreach (list, i, gap) {
		int64_t end = json_integer_value(json_object_get(gap, "time_us"));
		int64_t length = json_integer_value(json_object_get(gap, "to_us")) -
		                 json_integer_value(json_object_get(gap, "from_us"));
		if (!json_is_true(json_object_get(gap, "closed")) && length > 0)
			gaps[(*ret_n)++] = (struct plan_gap){end - length, end};
	}
	return gaps;
}

int survey_step(struct survey *s, const char *sha256, struct err *err)
{
	size_t n_gaps;
	AUTO(mem_freep) struct plan_gap *gaps = kept_gaps(s->gaps, &n_gaps);
	struct plan_options o = s->options->plan;
	o.gaps = gaps;
	o.n_gaps = n_gaps;
	struct err why;
	int r = 0;
	if (!s->plan)
		s->plan = plan_new(&o, s->duration);
	if (!s->quiet && o.policy != PLAN_EVEN)
		progress_phase(s->run->progress, PHASE_INDEX, "");
	if (o.policy == PLAN_ADAPTIVE || o.policy == PLAN_SCENE)
		r = step_by_activity(s, &o, sha256, &why);
	else if (o.policy == PLAN_KEYFRAME)
		r = plan_keyframes(s, &o, &why);
	if (r == -ERR_CANCELED || cancel_fired(s->run->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0) {
		snprintf(s->note, sizeof s->note, "indexing failed; using evenly spaced frames: %s",
		         why.msg);
		log_warning("%s", s->note);
	}
	if ((r < 0 || o.policy == PLAN_EVEN) && s->plan->until < s->plan->to)
		plan_add_even(s->plan, &o);
	s->whole = s->plan->until == s->plan->to;
	return 0;
}

void survey_find_index(struct survey *s, const char *sha256)
{
	const struct indexer_options i = index_options(s);
	struct err why;
	int r = indexer_load(s->run->store, sha256, &i, &s->index, &why);
	if (r == 0)
		s->seen = seen_json(s->index);
	else if (r != -ERR_NOENT)
		log_warning("the stored index cannot be read: %s", why.msg);
}

int survey_keep(struct survey *s, const char *sha256, struct err *err)
{
	const struct indexer_options i = index_options(s);
	return s->made ? indexer_save(s->run->store, sha256, &i, s->index, err) : 0;
}

/* An earlier version may have found another duration. The plan so far stays; if
 * the video is longer, the plan is extended. */
static void correct_duration(struct plan *p, const struct plan_options *o, int64_t duration)
{
	int64_t end = o->to && o->to < duration ? o->to : duration;
	if (end > p->to + CLOCK_SECOND) {
		p->spent = p->until == p->to ? p->samples : p->spent;
		p->to = end;
	}
	p->duration = duration > p->to ? duration : p->to;
}

int survey_recall(struct survey *s, const char *facts, struct err *err)
{
	json_auto_t *j = json_loads(facts, 0, NULL);
	const json_t *kept = json_object_get(j, "plan");
	int64_t duration = llround(json_number_value(json_object_get(kept, "duration")) * 1e6);
	bool given = s->plan;
	struct plan *plan;
	int r = plan_from_json(kept, duration, PLAN_FRAMES_MAX, &plan, err);
	if (r < 0)
		return err_wrap(err, "the journal of this job is damaged; --fresh starts it again");
	if (!given && duration != s->duration)
		correct_duration(plan, &s->options->plan, s->duration);
	if (given)
		plan_mark_given(plan);
	plan_free(s->plan);
	s->plan = plan;
	json_t *seen = json_object_get(j, "index");
	if (json_is_object(seen)) {
		json_decref(s->seen);
		s->seen = json_incref(seen);
	}
	const char *note = json_string_value(json_object_get(j, "survey_warning"));
	snprintf(s->note, sizeof s->note, "%s", note ? note : "");
	s->whole = plan->until == plan->to;
	return 0;
}

/* The whole plan of an open video. */
static int plan_of(struct survey *s, struct err *err)
{
	char sha256[HASH_HEX];
	int r = survey_given(s->options, s->duration, &s->plan, err);
	if (r < 0 || s->plan)
		return r;
	r = plan_check(&s->options->plan, s->duration, err);
	if (r == 0)
		r = hash_fd(s->fd, s->run->cancel, NULL, sha256, err);
	while (r == 0 && !s->whole)
		r = survey_step(s, sha256, err);
	return r < 0 ? r : survey_keep(s, sha256, err);
}

int survey_file(const struct run_context *run, const char *path, const struct estimate_model *model,
                struct analyze_options *o, struct plan **ret, struct video_info *ret_video,
                struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(video_info_clear) struct video_info video = {0};
	AUTO(survey_clear) struct survey survey = {.run = run};
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	r = streams_probe(fd, o, run->cancel, &video, err);
	if (r == 0) {
		streams_settle(o, &video);
		const struct budget_source source = {.fd = fd, .video = &video, .model = model};
		r = budget_apply(run, &source, o, err);
	}
	const struct survey_options options = analyze_survey(o);
	survey.options = &options;
	survey.fd = fd;
	survey.duration = video.duration;
	survey.gaps = video.gaps;
	if (r == 0)
		r = plan_of(&survey, err);
	if (r < 0)
		return r == -ERR_CANCELED ? r : err_wrap(err, "%s", file_base(path));
	*ret = TAKE(survey.plan);
	*ret_video = video;
	video = (struct video_info){0};
	return 0;
}
