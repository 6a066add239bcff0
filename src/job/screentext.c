/* SPDX-License-Identifier: Apache-2.0 */
#include "job/screentext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/text-frames.h"
#include "job/text-unit.h"
#include "protocol/text-wire.h"
#include "screentext/reader.h"
#include "screentext/scan.h"
#include "store/transcript.h"

enum { FAULT_MAX = 500 };

/* Whether a text names the engine of these options, and its languages if it
 * has any. Another version of the same engine does not count. */
static bool is_by(const char *format, const struct screentext_options *o)
{
	const char *languages = o->languages && *o->languages ? o->languages : TEXT_LANGUAGES_DEFAULT;
	if (o->engine && *o->engine)
		return strncmp(format, TEXT_PPOCR ",", strlen(TEXT_PPOCR) + 1) == 0;
	AUTO(mem_freep) char *end = mem_printf(", %s", languages);
	size_t n = strlen(format), m = strlen(end);
	return n > m && strcmp(format + n - m, end) == 0;
}

/* Whether the journal has it, read as the options say, and read in any way. A
 * source without a format is there where nothing could be read: that is tried
 * again. */
static int is_done(const struct run_context *run, const char *job,
                   const struct screentext_options *o, bool *ret, bool *ret_read, struct err *err)
{
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	int r = store_transcript_load(run->store, job, &t, err);
	*ret = *ret_read = false;
	for (size_t i = 0; r == 0 && i < t.n_sources; i++) {
		const struct store_text_source *s = &t.sources[i];
		bool read = !strcmp(s->kind, STORE_WRITTEN) && s->track >= 0;
		*ret_read = *ret_read || read;
		if (read)
			*ret = is_by(s->format, o);
	}
	return r;
}

/* The parts of an index that choose frames; `cuts` is owned. */
struct changes {
	struct text_changes text;
	struct text_cut *cuts;
};

static void changes_clear(struct changes *c)
{
	free(c->cuts);
}

static void take_changes(const struct video_index *x, struct changes *ret)
{
	*ret = (struct changes){.cuts = mem_alloc(x->n_cuts + 1, sizeof *ret->cuts)};
	for (size_t i = 0; i < x->n_cuts; i++) {
		const struct index_cut *c = &x->cuts[i];
		ret->cuts[i] =
			(struct text_cut){c->pts - c->uncertainty, c->end > c->pts ? c->end : c->pts};
	}
	ret->text = (struct text_changes){.bin = x->bin,
	                                  .n_bins = x->n_bins,
	                                  .activity = x->activity,
	                                  .cuts = ret->cuts,
	                                  .n_cuts = x->n_cuts};
}

static void take_passage(const struct text_passage *p, int track, struct store_transcript *to)
{
	if (p->reason) {
		to->dropped[to->n_dropped++] = (struct store_dropped){.start = p->start,
		                                                      .end = p->end,
		                                                      .kind = mem_strdup(STORE_WRITTEN),
		                                                      .track = track,
		                                                      .text = mem_strdup(p->text),
		                                                      .reason = mem_strdup(p->reason)};
		return;
	}
	to->segments[to->n_segments++] =
		(struct store_segment){.start = p->start,
	                           .end = p->end,
	                           .kind = mem_strdup(STORE_WRITTEN),
	                           .track = track,
	                           .text = mem_strdup(p->text),
	                           .who = mem_strdup(""),
	                           .lang = mem_strdup(""),
	                           .conf = p->conf,
	                           .box = {p->box.x, p->box.y, p->box.w, p->box.h}};
}

/* What is missing of it, for people; "" = nothing. */
static char *describe_fault(const struct text_scan *s)
{
	AUTO(buf_free) struct buf out = BUF(2 * FAULT_MAX);
	if (s->unread)
		buf_addf(&out, "%zu of %zu frames could not be read: %s", s->unread, s->unread + s->frames,
		         s->fault);
	if (s->passages.lost)
		buf_addf(&out, "%s%zu more texts than are kept", out.len ? "; " : "", s->passages.lost);
	return text_line(buf_str(&out), FAULT_MAX);
}

static void take_scan(const struct text_scan *s, const char *name, int track, const char *languages,
                      struct store_transcript *ret)
{
	const struct text_passages *p = &s->passages;
	*ret = (struct store_transcript){.sources = mem_alloc(1, sizeof *ret->sources),
	                                 .n_sources = 1,
	                                 .segments = mem_alloc(p->n + 1, sizeof *ret->segments),
	                                 .dropped = mem_alloc(p->n + 1, sizeof *ret->dropped)};
	ret->sources[0] = (struct store_text_source){.kind = mem_strdup(STORE_WRITTEN),
	                                             .track = track,
	                                             .format = mem_strdup(name),
	                                             .lang = mem_strdup(languages),
	                                             .title = mem_strdup(""),
	                                             .fault = describe_fault(s)};
	for (size_t i = 0; i < p->n; i++)
		take_passage(&p->items[i], track, ret);
}

/* A run of the reading, with what it needs until its result is in the
 * journal. */
struct job_texts {
	struct text_reader *reader;
	struct text_samples samples;
	struct text_frames *frames; /* that workers read; NULL = none */
	char model[HASH_HEX];       /* of their units */
};

/* Workers are done with what they have read. */
static void job_texts_clear(struct job_texts *t)
{
	text_frames_free(t->frames);
	text_samples_clear(&t->samples);
	text_reader_free(t->reader);
}

static void choose_samples(const struct run_context *run, const struct screentext_source *src,
                           struct text_samples *ret)
{
	AUTO(video_index_freep) struct video_index *stored = NULL;
	AUTO(changes_clear) struct changes changes = {0};
	struct err ignored;
	const struct video_index *x = src->index;
	if (!x && src->sha256 &&
	    indexer_load(run->store, src->sha256, &src->indexer, &stored, &ignored) == 0)
		x = stored;
	if (x)
		take_changes(x, &changes);
	text_samples_make(x ? &changes.text : NULL, src->from, src->to, ret);
}

/* Workers read what they can, if there are any. */
static void ask_workers(const struct run_context *run, const struct screentext_source *src,
                        const char *job, struct job_texts *t)
{
	text_unit_model(t->reader, t->model);
	const struct text_frames_options o = {.run = run,
	                                      .job = job,
	                                      .source = src->sha256,
	                                      .model = t->model,
	                                      .decoder = &src->decoder,
	                                      .samples = t->samples.items,
	                                      .n = t->samples.n,
	                                      .end = src->to};
	if (run->runner && src->sha256)
		t->frames = text_frames_new(&o);
}

static int scan(const struct run_context *run, const struct screentext_source *src,
                struct job_texts *t, const char *job, struct text_scan *ret, struct err *err)
{
	choose_samples(run, src, &t->samples);
	ask_workers(run, src, job, t);
	struct text_scan_options o = {.fd = src->fd,
	                              .decoder = src->decoder,
	                              .reader = t->reader,
	                              .samples = t->samples.items,
	                              .n_samples = t->samples.n,
	                              .to = src->to,
	                              .known = t->frames ? text_frames_known : NULL,
	                              .ctx = t->frames};
	o.decoder.background = true;
	int64_t began = clock_now();
	int r = text_scan_run(&o, run->cancel, ret, err);
	if (r == 0)
		log_info("[job %s] text in the picture: %zu passages, %zu dropped, of %zu frames, %zu of "
		         "them by workers; %.1f s, %.1f s of them reading here",
		         job, ret->passages.shown, ret->passages.dropped, ret->frames,
		         text_frames_read(t->frames), (double)(clock_now() - began) / CLOCK_SECOND,
		         (double)ret->reading / CLOCK_SECOND);
	return r;
}

static int read_all(const struct run_context *run, const struct screentext_source *src,
                    const struct screentext_options *o, const char *job, struct job_texts *t,
                    struct store_transcript *ret, struct err *err)
{
	AUTO(text_scan_clear) struct text_scan done = {0};
	const struct text_reader_options with = {.languages = o->languages,
	                                         .engine = o->engine,
	                                         .models = o->models,
	                                         .sandbox = o->sandbox,
	                                         .background = true};
	int r = text_reader_open(&with, run->cancel, &t->reader, err);
	if (r == 0)
		r = scan(run, src, t, job, &done, err);
	if (r == 0)
		take_scan(&done, text_reader_name(t->reader), src->stream, text_reader_languages(t->reader),
		          ret);
	return r;
}

int screentext_run(const struct run_context *run, const struct screentext_source *src,
                   const struct screentext_options *o, const char *job, struct err *err)
{
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	AUTO(job_texts_clear) struct job_texts texts = {0};
	AUTO(mem_freep) char *fault = NULL;
	char now[FILE_STAMP_MAX];
	bool done = o->mode && !strcmp(o->mode, "off"), before = false;
	int r = done ? 0 : is_done(run, job, o, &done, &before, err);
	if (r < 0 || done)
		return r;
	r = read_all(run, src, o, job, &texts, &t, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0 && before) {
		log_warning(
			"[job %s] text in the picture was not read again, and what was read before stays: "
			"%s",
			job, err->msg);
		return 0;
	}
	if (r < 0) {
		log_warning("[job %s] text in the picture was not read: %s", job, err->msg);
		fault = text_line(err->msg, FAULT_MAX);
	}
	file_stamp_all(src->fd, now);
	if (strcmp(now, src->stamp) != 0)
		return 0; /* check_source() decides */
	return store_transcript_save(run->store, job, STORE_WRITTEN, fault ? fault : "", &t, err);
}
