/* SPDX-License-Identifier: Apache-2.0 */
#include "job/speech.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "decoder/decoder-audio.h"
#include "job/speech-away.h"
#include "job/speech-faults.h"
#include "job/speech-part.h"
#include "job/speech-unit.h"
#include "job/unit.h"
#include "store/speech.h"

enum {
	FAULT_MAX = 500,
	IDENTITY_MAX = 4000,
	NAMED_MAX = 3,   /* parts that a fault names */
	UNHEARD_MAX = 3, /* parts in a row whose sound cannot be read */
};
/* Sound that goes on for so long after the picture is mentioned. */
static const int64_t long_after = CLOCK_SECOND;
/* Less of a part that could not be decoded is not mentioned. */
static const int64_t lost_min = CLOCK_SECOND / 10;

/* Set first, so that no one takes a run that was killed for a whole one. */
static const char *const unfinished = "transcribing was not finished";

struct job_speech {
	const struct run_context *run;
	const struct transcript_source *src;
	const struct speech_step *o;
	const char *job;
	struct decoder_audio audio;
	struct store_text_source *sources; /* the tracks that were chosen */
	size_t n_sources;
	struct speech *speech;
	struct speech_voices *voices;
	char *engine;                    /* what texts are made by, as the journal has it */
	struct store_speech_part *parts; /* of any engine */
	size_t n_parts;
	bool others;                       /* some are of another engine, which has not been replaced */
	struct store_speech_part *waiting; /* silent parts, to be saved then */
	size_t n_waiting;
	bool changed;           /* the file is not the one that was opened: nothing more is saved */
	size_t failed, damaged; /* parts: not transcribed; not whole */
	struct hearing hearing;
	struct speech_away *away; /* to workers of a fleet; NULL = there is none */
	char model[HASH_HEX];     /* of its units */
	size_t n_away;            /* parts that workers transcribed */
};

static void job_speech_clear(struct job_speech *s)
{
	speech_away_free(s->away);
	hearing_clear(&s->hearing);
	speech_free(s->speech);
	speech_voices_free(s->voices);
	decoder_audio_clear(&s->audio);
	struct store_transcript t = {.sources = s->sources, .n_sources = s->n_sources};
	store_transcript_clear(&t);
	store_speech_parts_free(s->parts, s->n_parts);
	store_speech_parts_free(s->waiting, s->n_waiting);
	free(s->engine);
}

/* ---- tracks */

static void add_source(struct job_speech *s, const struct decoder_audio_track *t)
{
	const char *fault = t->undecodable ? "this machine has no decoder for it" : unfinished;
	s->sources = mem_grow(s->sources, s->n_sources + 1, sizeof *s->sources);
	s->sources[s->n_sources++] = (struct store_text_source){.kind = mem_strdup(STORE_SPEECH),
	                                                        .track = t->index,
	                                                        .format = mem_strdup(t->codec),
	                                                        .lang = mem_strdup(t->language),
	                                                        .title = mem_strdup(t->title),
	                                                        .fault = mem_strdup(fault)};
}

static const struct decoder_audio_track *track_of(const struct job_speech *s, int index)
{
	for (size_t i = 0; i < s->audio.n; i++)
		if (s->audio.tracks[i].index == index)
			return &s->audio.tracks[i];
	return NULL;
}

static void choose_tracks(struct job_speech *s)
{
	int64_t wanted = s->o->track;
	/* Without one that can be decoded, the first is named. */
	int best = s->audio.best >= 0 ? s->audio.best : s->audio.tracks[0].index;
	for (size_t i = 0; i < s->audio.n; i++) {
		const struct decoder_audio_track *t = &s->audio.tracks[i];
		if (wanted == SPEECH_TRACK_ALL || t->index == wanted ||
		    (wanted == SPEECH_TRACK_BEST && t->index == best))
			add_source(s, t);
	}
}

static char *no_such_track(const struct job_speech *s)
{
	AUTO(buf_free) struct buf list = BUF(FAULT_MAX);
	for (size_t i = 0; i < s->audio.n; i++)
		buf_addf(&list, "%s%d", i ? ", " : "", s->audio.tracks[i].index);
	return mem_printf("speech was not transcribed: stream %lld is not an audio track of this file; "
	                  "its audio tracks are: %s",
	                  (long long)s->o->track, buf_str(&list));
}

static int list_tracks(struct job_speech *s, struct err *err)
{
	struct hearing *h = &s->hearing;
	int r = decoder_open(s->src->fd, &s->src->decoder, s->run->cancel, &h->decoder, err);
	if (r == 0)
		r = decoder_audio(h->decoder, &s->audio, err);
	if (r < 0)
		decoder_free(TAKE(h->decoder));
	else if (s->audio.n)
		choose_tracks(s);
	return r;
}

/* ---- the journal */

static bool has_changed(struct job_speech *s)
{
	char now[FILE_STAMP_MAX];
	file_stamp_all(s->src->fd, now);
	s->changed = s->changed || strcmp(now, s->src->stamp) != 0; /* check_source() decides */
	return s->changed;
}

/* The sources, and that of all of them with `fault`. */
static int save_sources(struct job_speech *s, const char *engine, const char *fault,
                        struct err *err)
{
	if (has_changed(s))
		return 0;
	return store_speech_begin(s->run->store, s->job, engine, s->sources, s->n_sources, fault, err);
}

/* Nothing is transcribed, for this reason; what there is, stays. */
static int save_fault(struct job_speech *s, const char *fault, struct err *err)
{
	AUTO(mem_freep) char *line = text_line(fault, FAULT_MAX);
	log_warning("[job %s] %s", s->job, line);
	if (!s->n_sources && s->n_parts) /* what was transcribed of other tracks stays as it is */
		return 0;
	for (size_t i = 0; i < s->n_sources; i++) {
		free(s->sources[i].fault);
		s->sources[i].fault = mem_strdup(line);
	}
	return save_sources(s, NULL, line, err);
}

static int save(struct job_speech *s, const struct store_speech_part *part,
                const struct store_transcript *t, struct err *err)
{
	return has_changed(s) ? 0 : store_speech_part_save(s->run->store, s->job, part, t, err);
}

/* The engine works: its texts replace those of another one. */
static int replace_others(struct job_speech *s, struct err *err)
{
	if (!s->others)
		return 0;
	s->others = false;
	int r = save_sources(s, s->engine, "", err);
	for (size_t i = 0; i < s->n_waiting && r == 0; i++)
		r = save(s, &s->waiting[i], &(struct store_transcript){0}, err);
	return r;
}

static void wait_for_engine(struct job_speech *s, const struct store_speech_part *part)
{
	s->waiting = mem_grow(s->waiting, s->n_waiting + 1, sizeof *s->waiting);
	s->waiting[s->n_waiting] = *part;
	s->waiting[s->n_waiting].engine = mem_strdup(part->engine);
	s->waiting[s->n_waiting++].fault = mem_strdup(part->fault);
}

static const struct store_speech_part *known(const struct job_speech *s, int track, int64_t start,
                                             const char *engine)
{
	for (size_t i = 0; i < s->n_parts; i++)
		if (s->parts[i].track == track && s->parts[i].start == start &&
		    (!engine || strcmp(s->parts[i].engine, engine) == 0))
			return &s->parts[i];
	return NULL;
}

/* Whether all parts of the chosen tracks are there, no matter of which
 * engine. */
static bool is_whole(const struct job_speech *s)
{
	for (size_t i = 0; i < s->n_sources; i++) {
		const struct store_speech_part *p;
		int64_t at = s->src->range.from;
		while (at < s->src->range.to && (p = known(s, s->sources[i].track, at, NULL)) && p->done)
			at = p->end;
		if (at < s->src->range.to)
			return false;
	}
	return true;
}

/* ---- a track */

/* Where texts of another engine are there, they stay. */
static void add_fault(struct speech_faults *f, const struct job_speech *s,
                      const struct store_speech_part *p, const char *why)
{
	const struct store_speech_part *other = known(s, p->track, p->start, NULL);
	bool stay = other && other->done;
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *line = text_line(why, FAULT_MAX / 2);
	AUTO(mem_freep)
	char *text =
		mem_printf("sound from %s to %s was not transcribed%s: %s", clock_whole(p->start, from),
	               clock_whole(p->end, to), stay ? " again, and its earlier texts stay" : "", line);
	speech_faults_add(f, p->start, text);
}

/* A part that was transcribed, although not all of its sound could be
 * decoded: what is said of it. "" = all of it. */
static char *damage_of(const struct hearing_part *q)
{
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
	if (q->lost < lost_min)
		return mem_strdup("");
	return mem_printf("%.1f s of the sound from %s to %s could not be decoded",
	                  (double)q->lost / CLOCK_SECOND, clock_whole(q->start, from),
	                  clock_whole(q->end, to));
}

static void add_damage(struct job_speech *s, struct speech_faults *f, int64_t start,
                       const char *damage)
{
	if (!*damage)
		return;
	s->damaged++;
	speech_faults_add(f, start, damage);
}

static char *fault_of(struct job_speech *s, int track, struct speech_faults *f)
{
	const struct decoder_audio_track *t = track_of(s, track);
	char length[CLOCK_TEXT_MAX];
	const struct transcript_range *range = &s->src->range;
	AUTO(buf_free) struct buf text = BUF(8 * FAULT_MAX);
	speech_faults_list(f, NAMED_MAX, &text);
	if (range->to >= range->duration && t && t->end > range->duration + long_after)
		buf_addf(&text, "%sthe sound goes on for %s after the end of the video",
		         text.len ? "; " : "", clock_short(t->end - range->duration, length));
	return text_line(buf_str(&text), FAULT_MAX);
}

/* What became of a part goes into the journal. r: 0, or why it was not
 * transcribed. */
static int end_part(struct job_speech *s, struct store_speech_part *part,
                    const struct hearing_part *q, int r, const struct err *why,
                    const struct store_transcript *t, struct speech_faults *faults, struct err *err)
{
	AUTO(mem_freep) char *fault = r < 0 ? text_line(why->msg, FAULT_MAX) : damage_of(q);
	part->end = q->end;
	part->done = r == 0;
	part->fault = fault;
	if (r < 0) {
		s->failed++;
		add_fault(faults, s, part, fault);
	} else {
		add_damage(s, faults, part->start, fault);
	}
	int e = 0;
	if (r == 0 && q->asked)
		e = replace_others(s, err);
	if (e == 0 && !s->others)
		e = save(s, part, r < 0 ? &(struct store_transcript){0} : t, err);
	else if (e == 0 && r == 0)
		wait_for_engine(s, part);
	part->fault = NULL;
	return e;
}

/* One part. What fails is a fault of it, and only the journal one of the
 * call. *ret_unheard: its sound could not be read. */
static int do_part(struct job_speech *s, struct store_speech_part *part,
                   struct speech_faults *faults, bool *ret_unheard, struct err *err)
{
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	struct err why = {0};
	struct hearing_part q = {.start = part->start, .end = part->end, .to = s->src->range.to};
	int r = hear_part(&s->hearing, part->track, &q, &t, &why);
	if (r == -ERR_CANCELED || cancel_fired(s->run->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	*ret_unheard = q.unheard;
	return end_part(s, part, &q, r, &why, &t, faults, err);
}

/* ---- workers */

static struct store_speech_part part_of(const struct job_speech *s, int track,
                                        const struct away_part *p)
{
	return (struct store_speech_part){.track = track,
	                                  .index = p->index,
	                                  .start = p->part.start,
	                                  .end = p->part.end,
	                                  .engine = s->engine};
}

/* A part that no worker has done is done here. */
static int end_away(struct job_speech *s, int track, struct away_part *p,
                    struct speech_faults *faults, struct err *err)
{
	struct store_speech_part part = part_of(s, track, p);
	bool unheard;
	if (p->result == 0) {
		p->part.asked = true;
		s->n_away++;
		int r = end_part(s, &part, &p->part, 0, NULL, &p->texts, faults, err);
		speech_away_settle(s->away, p);
		return r;
	}
	log_info("[job %s] a part of the sound is transcribed here: %s", s->job, p->err.msg);
	return do_part(s, &part, faults, &unheard, err);
}

/* Takes what workers have done; `wait`: at least one, if any was given. */
static int take_away(struct job_speech *s, int track, bool wait, struct speech_faults *faults,
                     struct err *err)
{
	int r = 0;
	for (bool any = s->away != NULL; any && r == 0; wait = false) {
		struct away_part p = {0};
		any = speech_away_take(s->away, wait, &p);
		if (cancel_fired(s->run->cancel))
			r = err_set(err, ERR_CANCELED, "interrupted");
		else if (any)
			r = end_away(s, track, &p, faults, err);
		away_part_clear(&p);
	}
	return r;
}

/* Gives a part to a worker, if one can transcribe it. *ret_given: it was, or
 * no one speaks in it, and it has its end. */
static int give_away(struct job_speech *s, struct store_speech_part *part,
                     struct speech_faults *faults, bool *ret_given, struct err *err)
{
	AUTO(mem_freep) struct speech_voice *voices = NULL;
	struct hearing_part q = {.start = part->start, .end = part->end, .to = s->src->range.to};
	struct err why = {0};
	size_t n = 0;
	bool room = false;
	*ret_given = false;
	while (s->away && speech_away_serves(s->away, &room) && !room) {
		int r = take_away(s, part->track, true, faults, err);
		if (r < 0)
			return r;
	}
	/* What fails here fails there as well, and is named. */
	if (!room || hear_voices(&s->hearing, part->track, &q, &voices, &n, &why) < 0)
		return 0;
	if (n)
		*ret_given = speech_away_give(s->away, part->track, part->index, &q, voices, n,
		                              s->src->range.duration);
	if (*ret_given || n)
		part->end = q.end;
	if (n)
		return 0;
	*ret_given = true;
	return end_part(s, part, &q, 0, NULL, &(struct store_transcript){0}, faults, err);
}

/* Nothing is given to workers without the whole video, or of one that needs
 * another file. */
static void open_away(struct job_speech *s)
{
	const struct describe_options pictures = {.decoder = s->src->decoder};
	if (!s->run->runner || !s->src->sha256 || !unit_possible(&pictures))
		return;
	speech_unit_model(speech_identity(s->speech), s->model);
	const struct speech_away_options o = {.run = s->run,
	                                      .job = s->job,
	                                      .source = s->src->sha256,
	                                      .model = s->model,
	                                      .decoder = &s->src->decoder};
	s->away = speech_away_new(&o);
}

/* ---- a track from beginning to end */

/* Why no further part is begun; NULL = one is. */
static const char *stops(const struct job_speech *s, size_t unheard)
{
	if (s->changed)
		return "the file has changed";
	if (s->o->deadline && clock_now() >= s->o->deadline)
		return "the time limit of the job was reached (--job-timeout)";
	if (speech_hopeless(s->speech))
		return "the engine for speech does not work";
	if (unheard >= UNHEARD_MAX)
		return "the sound cannot be read";
	return NULL;
}

/* A part that is not in the journal: by a worker, or here. */
static int begin_part(struct job_speech *s, struct store_speech_part *part,
                      struct speech_faults *faults, size_t *in_a_row, struct err *err)
{
	bool given = false, unheard = false;
	int r = take_away(s, part->track, false, faults, err);
	if (r == 0)
		r = give_away(s, part, faults, &given, err);
	if (r < 0 || given)
		return r;
	r = do_part(s, part, faults, &unheard, err);
	*in_a_row = unheard ? *in_a_row + 1 : 0;
	return r;
}

static int begin_parts(struct job_speech *s, int track, struct speech_faults *faults,
                       struct err *err)
{
	size_t in_a_row = 0;
	int64_t at = s->src->range.from, index = 0;
	for (; at < s->src->range.to; index++) {
		const struct store_speech_part *before = known(s, track, at, s->engine);
		struct store_speech_part part = {
			.track = track, .index = index, .start = at, .engine = s->engine};
		if (before)
			part.end = before->end;
		if (before && before->done) {
			add_damage(s, faults, at, before->fault);
			at = before->end;
			continue;
		}
		if (cancel_fired(s->o->drain))
			return err_set(err, ERR_CANCELED, "interrupted");
		const char *stop = stops(s, in_a_row);
		if (stop) {
			part.end = s->src->range.to;
			add_fault(faults, s, &part, stop);
			s->failed++;
			return 0;
		}
		int r = begin_part(s, &part, faults, &in_a_row, err);
		if (r < 0)
			return r;
		at = part.end;
	}
	return 0;
}

static int do_track(struct job_speech *s, int track, struct speech_faults *faults, struct err *err)
{
	int r = begin_parts(s, track, faults, err);
	/* One after the other, as one that was not done is done here. */
	for (size_t left = 1; r == 0 && s->away && left;) {
		r = take_away(s, track, true, faults, err);
		left = speech_away_left(s->away);
	}
	return r;
}

static int do_tracks(struct job_speech *s, struct err *err)
{
	for (size_t i = 0; i < s->n_sources; i++) {
		AUTO(speech_faults_clear) struct speech_faults faults = {0};
		struct store_text_source *source = &s->sources[i];
		const struct decoder_audio_track *t = track_of(s, source->track);
		if (t && t->undecodable)
			continue;
		int r = do_track(s, source->track, &faults, err);
		if (r < 0)
			return r;
		free(source->fault);
		source->fault = fault_of(s, source->track, &faults);
	}
	return 0;
}

/* ---- all of it */

/* Texts of tracks that are not wanted any more are replaced, too. */
static char *identity(const struct job_speech *s)
{
	AUTO(buf_free) struct buf b = BUF(IDENTITY_MAX);
	buf_addf(&b, "%s; audio track", speech_identity(s->speech));
	for (size_t i = 0; i < s->n_sources; i++)
		buf_addf(&b, "%s %d", i ? "," : "", s->sources[i].track);
	if (*speech_voices_method(s->voices))
		buf_addf(&b, "; voices by %s", speech_voices_method(s->voices));
	return mem_strdup(buf_str(&b));
}

/* The engine, and what the journal has of it. 1: there is none, which the
 * journal says. */
static int open_engine(struct job_speech *s, struct err *err)
{
	struct err why = {0};
	int r = speech_open(s->o->engine, s->o->places, s->run->cancel, &s->speech, &why);
	if (r == -ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0 && is_whole(s))
		return 1;
	if (r < 0) {
		AUTO(mem_freep) char *fault = mem_printf("speech was not transcribed: %s", why.msg);
		r = save_fault(s, fault, err);
		return r < 0 ? r : 1;
	}
	s->voices = speech_voices_new(s->o->places, s->run->cancel);
	s->engine = identity(s);
	for (size_t i = 0; i < s->n_parts; i++)
		s->others = s->others || strcmp(s->parts[i].engine, s->engine) != 0;
	return 0;
}

static int transcribe(struct job_speech *s, struct err *err)
{
	/* Nothing is removed yet. */
	int r = save_sources(s, NULL, unfinished, err);
	s->hearing.src = s->src;
	s->hearing.speech = s->speech;
	s->hearing.voices = s->voices;
	s->hearing.cancel = s->run->cancel;
	open_away(s);
	if (r == 0)
		r = do_tracks(s, err);
	if (r == 0 && s->n_away)
		log_info("[job %s] workers transcribed %zu parts of the sound", s->job, s->n_away);
	/* No one speaks in all of it. */
	if (r == 0 && !s->failed)
		r = replace_others(s, err);
	if (r == 0)
		r = save_sources(s, NULL, "", err);
	for (size_t i = 0; r == 0 && (s->failed || s->damaged) && i < s->n_sources; i++)
		if (*s->sources[i].fault)
			log_warning("[job %s] audio track %d: %s", s->job, s->sources[i].track,
			            s->sources[i].fault);
	return r;
}

int speech_run(const struct run_context *run, const struct transcript_source *src,
               const struct speech_step *o, const char *job, struct err *err)
{
	AUTO(job_speech_clear)
	struct job_speech s = {.run = run, .src = src, .o = o, .job = job, .audio.best = -1};
	struct err why = {0};
	if (!o->engine || !o->engine->engine || strcmp(o->engine->engine, "off") == 0)
		return 0;
	int r = store_speech_parts_load(run->store, job, &s.parts, &s.n_parts, err);
	if (r < 0)
		return r;
	r = list_tracks(&s, &why);
	if (r == -ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0) {
		AUTO(mem_freep) char *fault = mem_printf("the sound was not read: %s", why.msg);
		return save_fault(&s, fault, err);
	}
	if (!s.audio.n) /* which is not the same as that it was not listened to */
		return save_sources(&s, NULL, "", err);
	if (!s.n_sources) {
		AUTO(mem_freep) char *fault = no_such_track(&s);
		return save_fault(&s, fault, err);
	}
	r = open_engine(&s, err);
	return r == 0 ? transcribe(&s, err) : r < 0 ? r : 0;
}
