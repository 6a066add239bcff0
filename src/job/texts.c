/* SPDX-License-Identifier: Apache-2.0 */
#include "job/texts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/text.h"
#include "job/screentext.h"
#include "job/speech.h"
#include "job/step-options.h"
#include "job/transcript.h"
#include "job/wallclock.h"
#include "protocol/text-wire.h"
#include "speech/voices.h"
#include "store/speech.h"
#include "store/transcript.h"

/* In which lanes texts are read, each a thread. */
enum lane_name { LANE_SAID, LANE_WRITTEN, LANES };

struct lane {
	struct texts *texts;
	enum lane_name name;
	pthread_t thread;
	bool started, ended; /* `ended` with the lock */
	int result;
	struct err err;
};

struct texts {
	struct run_context context; /* of the run, with the cancel of this object */
	const struct run_context *run;
	struct texts_setup setup;
	struct texts_source src;
	const char *job; /* NULL until texts_begin() */
	struct cancel *cancel;
	struct lane lanes[LANES];
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool stopped;
	/* For requests; what the journal has after the lanes that they need. */
	bool loaded;
	struct store_transcript known;
	struct store_speech_part *parts;
	size_t n_parts;
};

struct texts *texts_new(const struct run_context *run, const struct texts_setup *setup)
{
	struct texts *t = mem_alloc(1, sizeof *t);
	t->run = run;
	t->setup = *setup;
	t->cancel = cancel_new();
	t->context = *run;
	t->context.cancel = t->cancel;
	pthread_mutex_init(&t->lock, NULL);
	cond_init(&t->changed);
	return t;
}

/* ---- the threads */

static int64_t end_of(const struct texts *t)
{
	return t->setup.options->to ? t->setup.options->to : t->src.video->duration;
}

/* The tracks of text, then the sound. */
static int read_said(struct texts *t, struct err *err)
{
	const struct analyze_options *o = t->setup.options;
	const struct texts_source *src = &t->src;
	const struct transcript_source from = {
		.fd = src->fd,
		.stamp = src->stamp,
		.sha256 = src->sha256,
		.decoder = analyze_decoder(o),
		.range = {.from = o->from, .to = end_of(t), .duration = src->video->duration}};
	const struct speech_step speech = {.engine = t->setup.speech,
	                                   .places = t->setup.speech_places,
	                                   .track = o->audio_track,
	                                   .drain = t->setup.drain,
	                                   .deadline = t->setup.deadline};
	int r = transcript_run(&t->context, &from, t->job, err);
	return r < 0 ? r : speech_run(&t->context, &from, &speech, t->job, err);
}

static int read_clock(struct texts *t, struct err *err)
{
	const struct analyze_options *o = t->setup.options;
	const struct wallclock_file file = {.fd = t->src.fd,
	                                    .stamp = t->src.stamp,
	                                    .decoder = analyze_decoder(o),
	                                    .from = o->from,
	                                    .to = end_of(t)};
	const struct wallclock_options with = {
		.mode = o->screen_text, .zone = o->timezone, .sandbox = o->sandbox, .background = true};
	return wallclock_run(&t->context, &file, &with, t->job, err);
}

/* What is written, then the clock: both use the same processor time. */
static int read_written(struct texts *t, struct err *err)
{
	const struct analyze_options *o = t->setup.options;
	const struct texts_source *src = &t->src;
	const struct screentext_options with = analyze_screentext(o);
	const struct screentext_source from = {.fd = src->fd,
	                                       .stamp = src->stamp,
	                                       .sha256 = src->sha256,
	                                       .indexer = analyze_indexer(o),
	                                       .decoder = analyze_decoder(o),
	                                       .stream = src->video->stream,
	                                       .from = o->from,
	                                       .to = end_of(t)};
	int r = screentext_run(&t->context, &from, &with, t->job, err);
	return r < 0 ? r : read_clock(t, err);
}

static void *run_lane(void *arg)
{
	struct lane *lane = arg;
	struct texts *t = lane->texts;
	int r = (lane->name == LANE_SAID ? read_said : read_written)(t, &lane->err);
	pthread_mutex_lock(&t->lock);
	lane->result = r;
	lane->ended = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

void texts_begin(struct texts *t, const struct texts_source *src, const char *job)
{
	t->src = *src;
	/* Chunks may wait for them already. */
	pthread_mutex_lock(&t->lock);
	t->job = job;
	for (int i = 0; i < LANES; i++)
		t->lanes[i] = (struct lane){.texts = t, .name = (enum lane_name)i};
	pthread_mutex_unlock(&t->lock);
	for (int i = 0; i < LANES; i++) {
		struct lane *lane = &t->lanes[i];
		lane->started = pthread_create(&lane->thread, NULL, run_lane, lane) == 0;
		if (!lane->started)
			run_lane(lane);
	}
}

static void join(struct texts *t)
{
	for (int i = 0; i < LANES; i++) {
		if (t->lanes[i].started)
			pthread_join(t->lanes[i].thread, NULL);
		t->lanes[i].started = false;
	}
}

void texts_stop(struct texts *t)
{
	if (!t)
		return;
	cancel_fire(t->cancel);
	pthread_mutex_lock(&t->lock);
	t->stopped = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	join(t);
}

void texts_free(struct texts *t)
{
	if (!t)
		return;
	texts_stop(t);
	cancel_free(t->cancel);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	store_transcript_clear(&t->known);
	store_speech_parts_free(t->parts, t->n_parts);
	free(t);
}

/* ---- waiting */

/* With the lock held: waits for a change, at most 50 ms, so that a cancel is
 * seen. */
static void wait_change(struct texts *t)
{
	cond_wait_until(&t->changed, &t->lock, clock_now() + CLOCK_SECOND / 20);
}

/* Until these lanes have ended; the result of the first that failed. */
static int wait_lanes(struct texts *t, const bool wanted[LANES], struct err *err)
{
	int r = 0;
	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < LANES && r == 0; i++) {
		struct lane *lane = &t->lanes[i];
		while (wanted[i] && !lane->ended && !t->stopped && !cancel_fired(t->run->cancel) &&
		       !cancel_fired(t->setup.drain))
			wait_change(t);
		if (wanted[i] && !lane->ended)
			r = err_set(err, ERR_CANCELED, "interrupted");
		else if (wanted[i] && lane->result < 0) {
			*err = lane->err;
			r = lane->result;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int texts_end(struct texts *t, struct err *err)
{
	return wait_lanes(t, (const bool[LANES]){true, true}, err);
}

/* ---- for requests */

/* Bytes of the lines of one request, and of one of them. */
enum { CONTEXT_MAX = 12000, LINE_MAX_BYTES = 600 };

static bool is_wanted(const struct texts_setup *s, const char *kind)
{
	const char *list = s->options->with_texts;
	bool written = strcmp(kind, STORE_WRITTEN) == 0;
	return strstr(list, written ? "text" : "speech") != NULL;
}

/* Whether the sound of a track was transcribed from `at` to `end`. */
static bool is_heard(const struct texts *t, int track, int64_t at, int64_t end)
{
	for (size_t i = 0; i < t->n_parts; i++) {
		const struct store_speech_part *p = &t->parts[i];
		if (p->track == track && p->done && p->start <= at && at < p->end)
			at = p->end;
	}
	return at >= end;
}

/* Why something of a wanted kind is not known of a part of the video; NULL = it
 * is. */
static const char *fault_of(const struct texts *t, int64_t start, int64_t end)
{
	for (size_t i = 0; i < t->known.n_sources; i++) {
		const struct store_text_source *s = &t->known.sources[i];
		bool speech = strcmp(s->kind, STORE_SPEECH) == 0;
		if (!*s->fault || strcmp(s->kind, STORE_SUBTITLE) == 0 || !is_wanted(&t->setup, s->kind))
			continue;
		if (s->track < 0 || (speech && !is_heard(t, s->track, start, end)))
			return s->fault;
	}
	return NULL;
}

static struct prompt_text line_of(const struct store_segment *s)
{
	char time[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *text = text_line(s->text, LINE_MAX_BYTES);
	const char *verb = strcmp(s->kind, STORE_WRITTEN) == 0 ? "Read" : "Heard";
	char *line = mem_printf("%s at %s: \"%s\"\n", verb, clock_text(s->start, time), text);
	return (struct prompt_text){s->start, line, strchr(line, '"') + 1};
}

/* What overlaps the part, in order of time, as much as a request may have. */
static void take_lines(const struct texts *t, int64_t start, int64_t end, struct prompt_text **ret,
                       size_t *ret_n)
{
	const struct store_transcript *from = &t->known;
	struct prompt_text *v = mem_alloc(from->n_segments + 1, sizeof *v);
	size_t n = 0, bytes = 0;
	for (size_t i = 0; i < from->n_segments; i++) {
		const struct store_segment *s = &from->segments[i];
		if (!is_wanted(&t->setup, s->kind) || s->start >= end || s->end <= start)
			continue;
		v[n] = line_of(s);
		bytes += strlen(v[n].line);
		if (bytes > CONTEXT_MAX) {
			free(v[n].line);
			break;
		}
		n++;
	}
	*ret = v;
	*ret_n = n;
}

/* Once: the lanes that requests need have ended. */
static int load(struct texts *t, struct err *err)
{
	int r = 0;
	pthread_mutex_lock(&t->lock);
	if (!t->loaded)
		r = store_transcript_load(t->run->store, t->job, &t->known, err);
	if (r == 0 && !t->loaded) {
		r = store_speech_parts_load(t->run->store, t->job, &t->parts, &t->n_parts, err);
		t->loaded = r == 0;
		if (r < 0)
			store_transcript_clear(&t->known);
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int texts_context(void *ctx, int64_t from, int64_t to, struct prompt_text **ret, size_t *ret_n,
                  struct err *err)
{
	struct texts *t = ctx;
	const bool wanted[LANES] = {is_wanted(&t->setup, STORE_SPEECH),
	                            is_wanted(&t->setup, STORE_WRITTEN)};
	*ret = NULL;
	*ret_n = 0;
	if (!wanted[LANE_SAID] && !wanted[LANE_WRITTEN])
		return 0;
	int r = wait_lanes(t, wanted, err);
	if (r == 0)
		r = load(t, err);
	if (r < 0)
		return r;
	const char *fault = fault_of(t, from, to < end_of(t) ? to : end_of(t));
	if (fault)
		return err_set(err, ERR_NOENT, "--with-texts: %s", fault);
	take_lines(t, from, to, ret, ret_n);
	return 0;
}

/* An option that is wrong ends the job; that there is no engine does not,
 * unless requests need it or a model was named. */
static bool is_fatal(const struct texts_setup *s, bool said, int r)
{
	return said || r == -ERR_ARG || r == -ERR_CANCELED || (r == -ERR_NOENT && *s->speech->model);
}

static int add_speech_key(const struct texts_setup *s, bool said, struct cancel *cancel,
                          json_t *key, struct err *err)
{
	AUTO(speech_freep) struct speech *speech = NULL;
	AUTO(speech_voices_freep) struct speech_voices *voices = NULL;
	struct err why = {0};
	int r = speech_open(s->speech, s->speech_places, cancel, &speech, &why);
	if (r < 0 && is_fatal(s, said, r)) {
		*err = why;
		return r;
	}
	if (r < 0 || !said)
		return 0;
	voices = speech_voices_new(s->speech_places, cancel);
	json_object_set_new(key, "speech", json_string(speech_identity(speech)));
	if (*speech_voices_method(voices))
		json_object_set_new(key, "voices", json_string(speech_voices_method(voices)));
	json_object_set_new(key, "audio_track", json_integer(s->options->audio_track));
	return 0;
}

int texts_key(const struct texts_setup *setup, struct cancel *cancel, json_t **ret, struct err *err)
{
	const struct analyze_options *o = setup->options;
	bool said = is_wanted(setup, STORE_SPEECH), written = is_wanted(setup, STORE_WRITTEN);
	json_auto_t *key = json_object();
	int r = 0;
	*ret = NULL;
	if (written && strcmp(o->screen_text, "off") == 0)
		return err_set(err, ERR_ARG,
		               "--with-texts %s needs what is written, and --screen-text is off",
		               o->with_texts);
	if (written)
		json_object_set_new(key, "text",
		                    json_string(*o->ocr_engine ? TEXT_PPOCR : o->ocr_languages));
	if (setup->speech && strcmp(setup->speech->engine, "off") != 0)
		r = add_speech_key(setup, said, cancel, key, err);
	else if (said) /* subtitles alone */
		json_object_set_new(key, "speech", json_string("off"));
	if (r < 0)
		return said ? err_wrap(err, "--with-texts %s", o->with_texts) : r;
	*ret = said || written ? json_incref(key) : NULL;
	return 0;
}
