#include "job/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "job/indexer.h"

enum { PLAN_FRAMES_MAX = 256, CURVE_MAX = 480 };

void survey_clear(struct survey *s)
{
	plan_free(TAKE(s->plan));
	json_decref(TAKE(s->seen));
}

static enum plan_policy policy_of(const char *name)
{
	for (size_t i = 0; i < PLAN_POLICIES; i++)
		if (strcmp(name, plan_policy_name[i]) == 0)
			return (enum plan_policy)i;
	return PLAN_EVEN;
}

struct plan_options survey_options(const struct analyze_options *o)
{
	return (struct plan_options){.from = o->from,
	                             .to = o->to,
	                             .chunk_duration = o->chunk_duration,
	                             .chunk_frames = o->chunk_frames,
	                             .policy = policy_of(o->sample_policy),
	                             .chunk_min = o->chunk_min,
	                             .chunk_max = o->chunk_max,
	                             .chunk_overlap = o->chunk_overlap,
	                             .max_gap = o->sample_max_gap,
	                             .pairs = o->sample_pairs};
}

int survey_given(const struct analyze_options *o, int64_t duration, struct plan **ret, struct err *err)
{
	*ret = NULL;
	if (!*o->plan_file)
		return 0;
	if (o->from || o->to)
		return err_set(err, ERR_ARG, "--plan says what to look at; it does not go with --from and --to");
	return plan_read(o->plan_file, duration, PLAN_FRAMES_MAX, ret, err);
}

/* The curve of activity at a resolution for pictures: the greatest of each stretch, of 255. */
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

/* How long the stretches are that were looked at in each way. */
static json_t *seen_json(const struct video_index *x)
{
	int64_t at_keyframes = 0;
	for (size_t i = 0; i < x->n_bins; i++)
		at_keyframes += x->look[i] == INDEX_KEYFRAMES ? x->bin : 0;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "packets", (json_int_t)x->packets, "keyframes",
	                 (json_int_t)x->keyframes, "decoded", (json_int_t)x->decoded, "cuts", (json_int_t)x->n_cuts,
	                 "keyframes_us", (json_int_t)at_keyframes, "decoded_us", (json_int_t)x->looked, "work_us",
	                 (json_int_t)x->work_time, "curve", curve_json(x));
}

static void on_progress(void *ctx, const char *what, double fraction)
{
	char text[80];
	snprintf(text, sizeof text, "%s %.0f %%", what, fraction * 100);
	progress_phase(ctx, "index", text);
}

static int make_index(const struct describe_worker *w, const char *sha256, struct video_index **ret, struct err *err)
{
	const struct analyze_options *o = w->a->options;
	const struct indexer_options i = {
		.effort = o->index_effort,
		.max_gap = o->index_max_gap,
		.workers = o->index_workers,
		.progress = on_progress,
		.ctx = w->a->progress,
		.decoder = {.timeout = o->media_timeout, .memory = o->media_memory, .sandbox = o->sandbox}};
	bool cached;
	progress_phase(w->a->progress, "index", "");
	return indexer_get(w->a->store, sha256, w->fd, &i, w->a->cancel, &cached, ret, err);
}

int survey_make(const struct describe_worker *w, const char *sha256, const struct video_info *video, struct survey *ret,
                struct err *err)
{
	const struct plan_options o = survey_options(w->a->options);
	AUTO(video_index_freep) struct video_index *index = NULL;
	struct survey s = {0};
	int r = plan_check(&o, video->duration, err);
	if (r == 0 && o.policy != PLAN_EVEN) {
		struct err why;
		r = make_index(w, sha256, &index, &why);
		if (r == -ERR_CANCELED || cancel_fired(w->a->cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		if (r < 0)
			log_warning("the frames are spread evenly, because the video could not be looked over: %s", why.msg);
		r = 0;
	}
	if (r == 0)
		r = plan_make(&o, video->duration, index, &s.plan, err);
	if (r < 0)
		return r;
	s.seen = index ? seen_json(index) : NULL;
	*ret = s;
	return 0;
}

int survey_recall(const char *facts, int64_t duration, struct survey *ret, struct err *err)
{
	json_auto_t *j = json_loads(facts, 0, NULL);
	struct survey s = {0};
	int r = plan_from_json(json_object_get(j, "plan"), duration, PLAN_FRAMES_MAX, &s.plan, err);
	if (r < 0)
		return err_wrap(err, "the journal of this job is damaged; --fresh begins it again");
	json_t *seen = json_object_get(j, "index");
	s.seen = json_is_object(seen) ? json_incref(seen) : NULL;
	*ret = s;
	return 0;
}

int survey_file(const struct analyze *a, const char *path, struct plan **ret, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(video_info_clear) struct video_info video = {0};
	AUTO(survey_clear) struct survey survey = {0};
	char sha256[HASH_HEX];
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	struct describe_worker w = {.a = a, .fd = fd};
	r = describe_open(&w, err);
	if (r == 0)
		r = decoder_probe(w.decoder, &video, err);
	if (r == 0)
		r = survey_given(a->options, video.duration, &survey.plan, err);
	if (r == 0 && !survey.plan)
		r = hash_fd(fd, a->cancel, NULL, sha256, err);
	if (r == 0 && !survey.plan)
		r = survey_make(&w, sha256, &video, &survey, err);
	describe_close(&w);
	if (r < 0)
		return r == -ERR_CANCELED ? r : err_wrap(err, "%s", file_base(path));
	*ret = TAKE(survey.plan);
	return 0;
}
