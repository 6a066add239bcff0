/* SPDX-License-Identifier: Apache-2.0 */
#include "job/budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "job/step-options.h"

#define NOTE_MAX 4096

int budget_parse(const char *text, int64_t *ret_time, int64_t *ret_tokens, struct err *err)
{
	char *end;
	double n = strtod(text, &end);
	static const struct {
		const char *unit;
		double of;
	} units[] = {{"tok", 1}, {"ktok", 1e3}, {"Mtok", 1e6}};
	for (size_t i = 0; end != text && i < ARRAY_LEN(units); i++)
		if (!strcasecmp(end, units[i].unit)) {
			if (!(n > 0) || n * units[i].of > 1e15)
				return err_set(err, ERR_ARG, "--budget: %.40s is not a number of tokens", text);
			*ret_tokens = (int64_t)(n * units[i].of);
			*ret_time = 0;
			return 0;
		}
	int64_t time;
	if (clock_parse(text, &time, err) < 0 || time <= 0)
		return err_set(err, ERR_ARG,
		               "--budget: \"%.40s\" is neither a time (20min) nor tokens (500ktok)", text);
	*ret_time = time;
	*ret_tokens = 0;
	return 0;
}

struct fitting {
	struct analyze_options *o;
	const struct video_info *video;
	const struct estimate_model *model;
	const struct estimate_rates *rates;
	int64_t time, tokens; /* the budget */
};

static struct estimate cost(const struct fitting *f)
{
	const struct analyze_options *o = f->o;
	int64_t span = (o->to && o->to < f->video->duration ? o->to : f->video->duration) - o->from;
	int64_t even = span <= 0 ? 1 : (span + o->chunk_duration - 1) / o->chunk_duration;
	/* Chunks that end at cuts and quiet moments are more, with as many frames. */
	bool is_even = strcmp(o->sample_policy, "even") == 0 || even == 1;
	int64_t chunks = is_even ? even : even + (even + 3) / 4;
	return estimate_make(chunks, even * o->chunk_frames, f->video, o, f->model, f->rates);
}

static bool within(const struct fitting *f)
{
	struct estimate e = cost(f);
	return f->time ? e.time <= f->time : e.total <= f->tokens;
}

/* Smaller pictures, then longer chunks, then fewer frames: each down to its
 * limit before the next. */
static bool squeeze(const struct fitting *f)
{
	static const int64_t sides[] = {1024, 896, 768, 640, 512, 448};
	struct analyze_options *o = f->o;
	int64_t longest = f->video->width > f->video->height ? f->video->width : f->video->height;
	int64_t duration = o->chunk_duration;
	for (size_t i = 0; i < ARRAY_LEN(sides) && !within(f); i++)
		if (sides[i] < o->frame_size && sides[i] < longest)
			o->frame_size = sides[i];
	for (int step = 3; step <= 12 && !within(f); step++)
		o->chunk_duration = duration * step / 2;
	while (o->chunk_frames > 2 && !within(f))
		o->chunk_frames--;
	return within(f);
}

static int too_small(const struct fitting *f, struct err *err)
{
	struct estimate e = cost(f);
	char time[CLOCK_TEXT_MAX];
	if (f->time)
		return err_set(
			err, ERR_LIMIT,
			"the budget is too small: with %lld frames of %lldx%lld in %lld chunk%s it takes %s",
			(long long)e.frames, (long long)e.width, (long long)e.height, (long long)e.chunks,
			text_s(e.chunks), clock_short(e.time, time));
	return err_set(
		err, ERR_LIMIT,
		"the budget is too small: %lld frames of %lldx%lld in %lld chunk%s take %lld tokens; give "
		"that much, or a "
		"part of the video (--from, --to)",
		(long long)e.frames, (long long)e.width, (long long)e.height, (long long)e.chunks,
		text_s(e.chunks), (long long)e.total);
}

int budget_fit(struct analyze_options *o, const struct video_info *video,
               const struct estimate_model *model, const struct estimate_rates *rates,
               char **ret_note, struct err *err)
{
	struct analyze_options fitted = *o;
	struct fitting f = {.o = &fitted, .video = video, .model = model, .rates = rates};
	char was[CLOCK_TEXT_MAX], is[CLOCK_TEXT_MAX];

	int r = budget_parse(o->budget, &f.time, &f.tokens, err);
	if (r < 0)
		return r;
	if (f.time && rates->prefill <= 0)
		return err_set(err, ERR_ARG,
		               "the speed of this model is unknown: analyze a short part first (--to "
		               "5min), or give the "
		               "budget in tokens (--budget 500ktok)");

	if (!squeeze(&f))
		return too_small(&f, err);
	bool same = fitted.frame_size == o->frame_size && fitted.chunk_duration == o->chunk_duration &&
	            fitted.chunk_frames == o->chunk_frames;
	*ret_note =
		same ? NULL
			 : mem_printf(
				   "to stay within %s: pictures of %lld (%lld) pixels, chunks of %s (%s), %lld "
				   "(%lld) frames",
				   o->budget, (long long)fitted.frame_size, (long long)o->frame_size,
				   clock_short(fitted.chunk_duration, is), clock_short(o->chunk_duration, was),
				   (long long)fitted.chunk_frames, (long long)o->chunk_frames);

	o->frame_size = fitted.frame_size;
	o->chunk_duration = fitted.chunk_duration;
	o->chunk_frames = fitted.chunk_frames;
	return 0;
}

/* What the decision depends on, beside the video and what was measured. */
static char *decision_name(const struct analyze_options *o, const char *model)
{
	/* Decisions from before these counted are those with the defaults. */
	bool usual = analyze_verify(o) == CHECKS_DOUBTFUL && o->passes < 2;
	AUTO(mem_freep)
	char *more = usual ? NULL : mem_printf(" %s %lld", o->verify, (long long)o->passes);
	return mem_printf("budget 1 %s %s %lld %lld %lld %lld %lld %lld%s", o->budget, model,
	                  (long long)o->frame_size, (long long)o->chunk_duration,
	                  (long long)o->chunk_frames, (long long)o->from, (long long)o->to,
	                  (long long)o->max_tokens, more ? more : "");
}

static bool recall(struct store *s, const struct store_source *source, const char *name,
                   struct analyze_options *o)
{
	AUTO(buf_free) struct buf b = BUF(NOTE_MAX);
	struct err ignored;
	long long size, duration, frames;
	if (store_index_load(s, source, name, &b, &ignored) < 0 ||
	    sscanf(buf_str(&b), "%lld %lld %lld", &size, &duration, &frames) != 3 || size < 64 ||
	    duration < CLOCK_SECOND || frames < 1)
		return false;
	o->frame_size = size;
	o->chunk_duration = duration;
	o->chunk_frames = frames;
	return true;
}

int budget_apply(const struct run_context *run, const struct budget_source *source,
                 struct analyze_options *o, struct err *err)
{
	char own[HASH_HEX];
	const struct store_source kept = {source->sha256 ? source->sha256 : own, o->media_stream >= 0,
	                                  (int)o->media_stream};
	AUTO(mem_freep) char *note = NULL;
	struct estimate_rates rates;
	char line[100];

	if (!o->budget || !*o->budget)
		return 0;
	if (*o->plan_file)
		return err_set(err, ERR_ARG, "--plan cannot be combined with --budget");

	AUTO(mem_freep) char *name = decision_name(o, source->model->name);
	int r = source->sha256 ? 0 : hash_fd(source->fd, run->cancel, NULL, own, err);
	if (r < 0)
		return r;
	if (!o->fresh && recall(run->store, &kept, name, o))
		return 0;

	r = estimate_rates(run->store, source->model, &rates, err);
	if (r == 0)
		r = budget_fit(o, source->video, source->model, &rates, &note, err);
	if (r < 0)
		return r;

	/* The user should know that the model sees less than the options request. */
	if (note)
		log_warning("%s", note);
	snprintf(line, sizeof line, "%lld %lld %lld", (long long)o->frame_size,
	         (long long)o->chunk_duration, (long long)o->chunk_frames);
	return store_index_save(run->store, &kept, name, line, strlen(line), err);
}
