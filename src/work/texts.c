/* SPDX-License-Identifier: Apache-2.0 */
#include "work/texts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "job/speech-part.h"
#include "screentext/scan.h"
#include "work/ticker.h"

/* After an engine for speech has failed, no unit of it is begun for so long. */
#define SPEECH_PAUSE (60 * CLOCK_SECOND)

struct work_texts {
	struct text_reader_options reader;
	struct work_texts_setup setup;
	char text_model[HASH_HEX], speech_model[HASH_HEX]; /* "" = it does none */
	size_t most_reading;                               /* units of text at the same time */
	pthread_mutex_t lock;                              /* guards what follows */
	pthread_cond_t changed;
	size_t reading;
	bool hearing;           /* one unit of speech at a time */
	int64_t speech_from;    /* clock_now() from which a unit of speech is begun */
	struct speech *speech;  /* NULL until a unit needs it */
	struct cancel *silence; /* of `speech` */
};

/* ---- what there is */

static void look_for_reader(struct work_texts *t, struct cancel *cancel)
{
	AUTO(text_reader_freep) struct text_reader *reader = NULL;
	const struct screentext_options *o = &t->setup.text;
	struct err err;
	if (!o->mode || strcmp(o->mode, "off") == 0)
		return;
	t->reader = (struct text_reader_options){.languages = o->languages,
	                                         .engine = o->engine,
	                                         .models = o->models,
	                                         .sandbox = o->sandbox,
	                                         .background = true};
	if (text_reader_open(&t->reader, cancel, &reader, &err) == 0) {
		text_unit_model(reader, t->text_model);
		log_info("this worker reads text in pictures with %s", text_reader_name(reader));
	} else if (!cancel_fired(cancel)) {
		log_info("this worker reads no text in pictures: %s", err.msg);
	}
}

static int open_speech(struct work_texts *t, struct err *err)
{
	if (t->speech)
		return 0;
	t->silence = cancel_new();
	int r = speech_open(t->setup.speech, t->setup.places, t->silence, &t->speech, err);
	if (r < 0)
		cancel_free(TAKE(t->silence));
	return r;
}

static void close_speech(struct work_texts *t)
{
	speech_free(TAKE(t->speech));
	cancel_free(TAKE(t->silence));
}

static void look_for_speech(struct work_texts *t)
{
	struct err err;
	if (!t->setup.speech || strcmp(t->setup.speech->engine, "off") == 0)
		return;
	if (open_speech(t, &err) == 0) {
		speech_unit_model(speech_identity(t->speech), t->speech_model);
		log_info("this worker transcribes speech with %s", speech_identity(t->speech));
	} else {
		log_info("this worker transcribes no speech: %s", err.msg);
	}
}

struct work_texts *work_texts_new(const struct work_texts_setup *setup, struct cancel *cancel)
{
	struct work_texts *t = mem_alloc(1, sizeof *t);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	t->setup = *setup;
	t->most_reading = processors > 3 ? (size_t)processors / 2 : 1;
	pthread_mutex_init(&t->lock, NULL);
	cond_init(&t->changed);
	look_for_reader(t, cancel);
	look_for_speech(t);
	return t;
}

void work_texts_free(struct work_texts *t)
{
	if (!t)
		return;
	close_speech(t);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

size_t work_texts_models(const struct work_texts *t, const char *ret[static WORK_TEXTS_MODELS])
{
	size_t n = 0;
	if (*t->text_model)
		ret[n++] = t->text_model;
	if (*t->speech_model)
		ret[n++] = t->speech_model;
	return n;
}

bool work_texts_takes(struct work_texts *t, const char *model)
{
	bool takes = true;
	pthread_mutex_lock(&t->lock);
	if (strcmp(model, t->text_model) == 0)
		takes = t->reading < t->most_reading;
	else if (strcmp(model, t->speech_model) == 0)
		takes = !t->hearing && clock_now() >= t->speech_from;
	pthread_mutex_unlock(&t->lock);
	return takes;
}

/* The video is open, if this machine does units of this model. */
static int begin(struct work_lane *l, const struct runner_unit *u, const char *model,
                 const struct decoder_options *o, struct err *err)
{
	const struct describe_options with = {.decoder = *o};
	if (!*model || strcmp(u->model, model) != 0)
		return err_set(err, ERR_UNSUPPORTED,
		               "this worker has no engine for units \"%.40s\" that is the same as the "
		               "head's",
		               u->kind);
	return work_lane_use(l, u->source, &with, err);
}

/* ---- text */

static void note_reading(void *ctx, int64_t time, int turn, const struct text_lines *lines)
{
	text_readings_add(ctx, time, turn, lines);
}

/* Its data may have changed since the worker has named them. */
static int open_reader(struct work_lane *l, struct text_reader **ret, struct err *err)
{
	const struct work_texts *t = l->setup->texts;
	char model[HASH_HEX];
	struct err why = {0};
	int r = text_reader_open(&t->reader, l->cancel, ret, &why);
	if (r == -ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0)
		return err_set(err, ERR_UNSUPPORTED, "%s", why.msg);
	text_unit_model(*ret, model);
	return strcmp(model, t->text_model) == 0
	           ? 0
	           : err_set(err, ERR_UNSUPPORTED, "the reader of text was changed meanwhile");
}

static int read_frames(struct work_lane *l, const struct text_unit *text, struct runner_result *ret,
                       struct err *err)
{
	AUTO(text_reader_freep) struct text_reader *reader = NULL;
	AUTO(text_scan_clear) struct text_scan done = {0};
	AUTO(text_readings_clear) struct text_readings readings = {0};
	int r = open_reader(l, &reader, err);
	if (r < 0)
		return r;
	const struct text_scan_options o = {.fd = l->video.fd,
	                                    .decoder = l->options.decoder,
	                                    .reader = reader,
	                                    .samples = text->samples,
	                                    .n_samples = text->n,
	                                    .to = text->end,
	                                    .note = note_reading,
	                                    .ctx = &readings};
	r = text_scan_run(&o, l->cancel, &done, err);
	int bytes = work_lane_bytes(l, err);
	if (r == 0 || bytes < 0)
		r = bytes;
	if (r == 0)
		r = text_result_write(&readings, ret, err);
	if (r == 0)
		log_info("texts of %zu frames of %.12s were read", done.frames, l->source);
	return r;
}

static void count_reading(struct work_texts *t, int by)
{
	pthread_mutex_lock(&t->lock);
	t->reading += (size_t)by;
	pthread_mutex_unlock(&t->lock);
}

int work_text_run(struct work_lane *l, const struct runner_unit *u, void *unit,
                  struct runner_result *ret, struct err *err)
{
	const struct text_unit *text = unit;
	struct work_texts *t = l->setup->texts;
	struct ticker ticker;
	int r = begin(l, u, t ? t->text_model : "", &text->decoder, err);
	if (r < 0)
		return r;
	count_reading(t, 1);
	ticker_start(&ticker, l, NULL);
	r = read_frames(l, text, ret, err);
	ticker_end(&ticker);
	count_reading(t, -1);
	return r;
}

/* ---- speech */

static int hear(struct work_lane *l, const struct speech_unit *unit, struct runner_result *ret,
                struct err *err)
{
	AUTO(store_transcript_clear) struct store_transcript texts = {0};
	const struct transcript_source src = {
		.fd = l->video.fd,
		.stamp = "",
		.decoder = l->options.decoder,
		.range = {.from = unit->start, .to = unit->end, .duration = unit->duration}};
	struct hearing_part part = {.start = unit->start, .end = unit->end, .to = unit->end};
	struct hearing h = {.src = &src, .speech = l->setup->texts->speech, .cancel = l->cancel};
	int r = hear_texts(&h, unit->track, &part, unit->voices, unit->n, &texts, err);
	hearing_clear(&h);
	int bytes = work_lane_bytes(l, err);
	if (r == 0 || bytes < 0)
		r = bytes;
	if (r == 0)
		r = speech_result_write(&texts, ret, err);
	if (r == 0)
		log_info("%.0f s of the sound of %.12s were transcribed",
		         (double)(unit->end - unit->start) / CLOCK_SECOND, l->source);
	return r;
}

/* Waits for the one engine. */
static int take_engine(struct work_texts *t, struct work_lane *l, struct err *err)
{
	int r = 0;
	pthread_mutex_lock(&t->lock);
	while (t->hearing && !cancel_fired(l->cancel)) { /* for a while, so that a cancel is seen */
		cond_wait_until(&t->changed, &t->lock, clock_now() + CLOCK_SECOND / 20);
		work_lane_moved(l);
	}
	if (cancel_fired(l->cancel))
		r = err_set(err, ERR_CANCELED, "interrupted");
	else
		t->hearing = true;
	pthread_mutex_unlock(&t->lock);
	return r;
}

static void give_engine(struct work_texts *t, bool failed)
{
	if (failed || cancel_fired(t->silence))
		close_speech(t);
	pthread_mutex_lock(&t->lock);
	t->hearing = false;
	t->speech_from = failed ? clock_now() + SPEECH_PAUSE : 0;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

/* An engine that does not work any more says nothing of the sound. */
static int transcribe(struct work_texts *t, struct work_lane *l, const struct speech_unit *unit,
                      struct runner_result *ret, struct err *err)
{
	struct ticker ticker;
	struct err why = {0};
	char model[HASH_HEX] = "";
	if (open_speech(t, &why) == 0)
		speech_unit_model(speech_identity(t->speech), model);
	if (strcmp(model, t->speech_model) != 0) {
		give_engine(t, true);
		return err_set(err, ERR_UNSUPPORTED, "%s",
		               *model ? "the engine for speech was changed meanwhile" : why.msg);
	}
	ticker_start(&ticker, l, t->silence);
	int r = hear(l, unit, ret, &why);
	ticker_end(&ticker);
	bool failed = r < 0 && speech_hopeless(t->speech);
	give_engine(t, failed);
	return r < 0 ? err_set(err, failed ? ERR_UNSUPPORTED : why.code, "%s", why.msg) : 0;
}

int work_speech_run(struct work_lane *l, const struct runner_unit *u, void *unit,
                    struct runner_result *ret, struct err *err)
{
	const struct speech_unit *speech = unit;
	struct work_texts *t = l->setup->texts;
	int r = begin(l, u, t ? t->speech_model : "", &speech->decoder, err);
	if (r == 0)
		r = take_engine(t, l, err);
	return r < 0 ? r : transcribe(t, l, speech, ret, err);
}
