/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answer/answer.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "report/text.h"

enum { GRAY_DIGITS = 288, TEXT_MAX = 2000, WHOLE_MAX = 4000, NAME_MAX_BYTES = 300, WORD_MAX = 64 };

/* Ten years, as of a video. */
static const double latest = 366.0 * 86400 * 10;

static void frame_clear_cited(struct cited_frame *f)
{
	free(f->planes_sha256);
	free(f->planes_format);
	free(f->decode_path);
	free(f->gray);
}

void cited_file_free(struct cited_file *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n_sources; i++) {
		free(f->sources[i].sha256);
		free(f->sources[i].name);
	}
	for (size_t i = 0; i < f->n_cites; i++) {
		for (size_t k = 0; k < f->cites[i].n_frames; k++)
			frame_clear_cited(&f->cites[i].frames[k]);
		free(f->cites[i].frames);
		free(f->cites[i].text);
		free(f->cites[i].quote);
		free(f->cites[i].quote_source);
	}
	for (size_t i = 0; i < f->n_texts; i++) {
		free(f->texts[i].source);
		free(f->texts[i].text);
	}
	free(f->texts);
	free(f->question);
	free(f->text);
	free(f->sources);
	free(f->cites);
	free(f);
}

/* ---- answers */

static void take_cite(struct answer_cite *from, struct cited *c)
{
	*c = (struct cited){.source = from->source,
	                    .start = from->start,
	                    .end = from->end,
	                    .seen = from->sense == SENSE_SEEN,
	                    .text = text_line(from->text, TEXT_MAX),
	                    .quote = TAKE(from->quote),
	                    .quote_source = text_line(from->quote_source, WORD_MAX),
	                    .verdict = from->verdict,
	                    .n_frames = from->n_frames,
	                    .frames = mem_alloc(from->n_frames + 1, sizeof *c->frames)};
	for (size_t k = 0; k < c->n_frames; k++)
		c->frames[k] = (struct cited_frame){
			from->frames[k].pts, TAKE(from->frames[k].planes_sha256),
			text_line(from->frames[k].planes_format, WORD_MAX),
			text_line(from->frames[k].decode_path, WORD_MAX), TAKE(from->frames[k].gray)};
}

static int read_answer(const json_t *json, struct cited_file *f, struct err *err)
{
	AUTO(answer_freep) struct answer *a = NULL;
	size_t total = 0;
	int r = answer_read(json, &a, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < a->n_cites; i++)
		total += a->cites[i].n_frames;
	if (total > CITED_FRAMES_MAX)
		return err_set(err, ERR_LIMIT, "it cites more than %d frames", CITED_FRAMES_MAX);
	f->question = report_line(a->question, TEXT_MAX);
	f->text = report_line(*a->text ? a->text : answer_state_name(a->state), WHOLE_MAX);
	f->sources = mem_alloc(a->n_sources + 1, sizeof *f->sources);
	f->cites = mem_alloc(a->n_cites + 1, sizeof *f->cites);
	for (; f->n_sources < a->n_sources; f->n_sources++) {
		struct answer_source *from = &a->sources[f->n_sources];
		f->sources[f->n_sources] =
			(struct cited_source){.sha256 = TAKE(from->sha256),
		                          .name = text_line(from->name, NAME_MAX_BYTES),
		                          .stream = from->stream};
	}
	for (; f->n_cites < a->n_cites; f->n_cites++)
		take_cite(&a->cites[f->n_cites], &f->cites[f->n_cites]);
	return 0;
}

/* ---- reports */

/* Where a value is, for messages: "cites[3].frames[0]". */
struct place {
	const char *list;
	size_t at;
};

static int wrong(struct err *err, struct place p, const char *what)
{
	return err_set(err, ERR_FORMAT, "%s[%zu]: %s", p.list, p.at, what);
}

static int read_time(const json_t *o, const char *key, struct place p, int64_t *ret,
                     struct err *err)
{
	const json_t *v = json_object_get(o, key);
	double seconds = json_number_value(v);
	if (!json_is_number(v) || !(seconds >= 0 && seconds <= latest))
		return err_set(err, ERR_FORMAT, "%s[%zu]: \"%s\" is not a time in seconds", p.list, p.at,
		               key);
	*ret = (int64_t)llround(seconds * 1e6);
	return 0;
}

/* Empty where it is missing or null. */
static int read_hash(const json_t *o, const char *key, struct place p, char **ret, struct err *err)
{
	const char *text = json_text(o, key);
	if (*text && !hash_is_hex(text))
		return err_set(err, ERR_FORMAT, "%s[%zu]: \"%s\" is not a SHA-256", p.list, p.at, key);
	*ret = mem_strdup(text);
	return 0;
}

static enum check_verdict verdict_of(const char *name)
{
	for (int v = VERDICT_UNCHECKED; v <= VERDICT_WITHDRAWN; v++)
		if (strcmp(name, check_verdict_name((enum check_verdict)v)) == 0)
			return (enum check_verdict)v;
	return VERDICT_NONE;
}

static int read_identity(const json_t *o, struct place p, struct cited_frame *f, struct err *err)
{
	const char *gray = json_text(o, "gray");
	size_t digits = strspn(gray, "0123456789abcdef");
	if (gray[digits] || (digits && digits != GRAY_DIGITS))
		return wrong(err, p, "\"gray\" does not have the levels of a grid of 16x9");
	f->gray = mem_strdup(gray);
	f->planes_format = text_line(json_text(o, "planes_format"), WORD_MAX);
	f->decode_path = text_line(json_text(o, "decode_path"), WORD_MAX);
	return read_hash(o, "planes_sha256", p, &f->planes_sha256, err);
}

static int read_frames(const json_t *list, struct place p, size_t *total, struct cited *c,
                       struct err *err)
{
	size_t n = json_array_size(list);
	*total += n;
	if (*total > CITED_FRAMES_MAX)
		return err_set(err, ERR_LIMIT, "it cites more than %d frames", CITED_FRAMES_MAX);
	c->frames = mem_alloc(n + 1, sizeof *c->frames);
	c->n_frames = n;
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		const json_t *o = json_array_get(list, i);
		r = read_time(o, "pts", p, &c->frames[i].pts, err);
		if (r == 0)
			r = read_identity(o, p, &c->frames[i], err);
	}
	return r;
}

static int read_interval(const json_t *o, struct place p, struct cited *c, struct err *err)
{
	int r = read_time(o, "start", p, &c->start, err);
	if (r == 0)
		r = read_time(o, "end", p, &c->end, err);
	return r == 0 && c->end < c->start ? wrong(err, p, "it ends before it starts") : r;
}

/* The options that decide which frame a time means. */
static int read_report_source(const json_t *json, struct cited_source *s, struct err *err)
{
	const json_t *source = json_object_get(json, "source"), *o = json_object_get(json, "options");
	const char *stream = json_text(o, "media.stream"), *gaps = json_text(o, "media.gaps");
	double rate = strtod(json_text(o, "media.rate"), NULL);
	long number = *stream ? strtol(stream, NULL, 10) : -1;
	*s = (struct cited_source){.stream = number >= 0 && number <= 9999 ? (int)number : -1,
	                           .rate = rate > 0 && rate <= 1000 ? rate : 0,
	                           .gaps = strcmp(gaps, "keep") == 0    ? "keep"
	                                   : strcmp(gaps, "close") == 0 ? "close"
	                                                                : "auto"};
	s->name = text_line(json_text(source, "name"), NAME_MAX_BYTES);
	return read_hash(source, "sha256", (struct place){"source", 0}, &s->sha256, err);
}

/* Each part of an event is a statement with frames of its own. */
static int read_part(const json_t *o, size_t *total, struct cited_file *f, struct err *err)
{
	const struct place p = {"parts", f->n_cites};
	struct cited *c = &f->cites[f->n_cites++];
	c->text = text_line(json_text(o, "what"), TEXT_MAX);
	c->quote = mem_strdup("");
	c->quote_source = mem_strdup("");
	c->verdict = verdict_of(json_text(json_object_get(o, "check"), "verdict"));
	c->seen = true;
	int r = read_interval(o, p, c, err);
	return r < 0 ? r : read_frames(json_object_get(o, "frames"), p, total, c, err);
}

static size_t count_parts(const json_t *events)
{
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(events); i++)
		n += json_array_size(json_object_get(json_array_get(events, i), "parts"));
	return n;
}

static int read_events(const json_t *events, size_t *total, struct cited_file *f, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *parts = json_object_get(json_array_get(events, i), "parts");
		for (size_t k = 0; k < json_array_size(parts) && r == 0; k++)
			r = read_part(json_array_get(parts, k), total, f, err);
	}
	return r;
}

static int compare_frames(const void *a, const void *b)
{
	const struct cited_frame *x = a, *y = b;
	return (x->pts > y->pts) - (x->pts < y->pts);
}

/* Of a report they are a list of their own, which was added when it was
 * signed. */
static int read_identities(const json_t *list, struct cited_file *f, struct err *err)
{
	struct cited known = {0};
	size_t total = 0;
	int r = read_frames(list, (struct place){"identities", 0}, &total, &known, err);
	if (known.n_frames)
		qsort(known.frames, known.n_frames, sizeof *known.frames, compare_frames);
	for (size_t i = 0; i < f->n_cites && r == 0 && known.n_frames; i++)
		for (size_t k = 0; k < f->cites[i].n_frames; k++) {
			struct cited_frame *to = &f->cites[i].frames[k];
			const struct cited_frame *from =
				bsearch(to, known.frames, known.n_frames, sizeof *known.frames, compare_frames);
			if (!from)
				continue;
			frame_clear_cited(to);
			to->planes_sha256 = mem_strdup(from->planes_sha256);
			to->planes_format = mem_strdup(from->planes_format);
			to->decode_path = mem_strdup(from->decode_path);
			to->gray = mem_strdup(from->gray);
		}
	for (size_t i = 0; i < known.n_frames; i++)
		frame_clear_cited(&known.frames[i]);
	free(known.frames);
	return r;
}

/* A list of the report: what is said has the source of each, what is written
 * is that. */
static int read_texts(const json_t *json, const char *name, struct cited_file *f, struct err *err)
{
	const json_t *list = json_object_get(json, name);
	size_t n = json_array_size(list);
	if (f->n_texts + n > CITED_TEXTS_MAX)
		return err_set(err, ERR_LIMIT, "it has more than %d texts", CITED_TEXTS_MAX);
	f->texts = mem_grow(f->texts, f->n_texts + n + 1, sizeof *f->texts);
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		const json_t *o = json_array_get(list, i);
		const char *source = json_text(o, "source");
		struct cited_text *t = &f->texts[f->n_texts];
		int64_t start;
		r = read_time(o, "start", (struct place){name, i}, &start, err);
		if (r < 0)
			continue;
		*t = (struct cited_text){start, text_line(*source ? source : name, WORD_MAX),
		                         mem_strdup(json_text(o, "text"))};
		f->n_texts++;
	}
	return r;
}

static int read_said(const json_t *json, struct cited_file *f, struct err *err)
{
	const json_t *part = json_object_get(json, "analysed");
	const json_t *sources = json_object_get(json, "said_sources");
	f->subtitles_read = json_is_array(sources);
	f->to = INT64_MAX;
	int r = read_texts(json, "said", f, err);
	if (r == 0)
		r = read_texts(json, "written", f, err);
	if (r == 0 && f->n_texts && part) {
		r = read_time(part, "from", (struct place){"analysed", 0}, &f->from, err);
		if (r == 0)
			r = read_time(part, "to", (struct place){"analysed", 0}, &f->to, err);
	}
	return r;
}

static int read_report(const json_t *json, struct cited_file *f, struct err *err)
{
	const json_t *events = json_object_get(json, "events"),
				 *states = json_object_get(json, "states");
	size_t total = 0;
	f->is_report = true;
	f->question = mem_strdup("");
	f->text = report_line(json_text(json_object_get(json, "summary"), "text"), WHOLE_MAX);
	f->sources = mem_alloc(1, sizeof *f->sources);
	f->n_sources = 1;
	f->cites = mem_alloc(count_parts(events) + count_parts(states) + 1, sizeof *f->cites);
	int r = read_report_source(json, &f->sources[0], err);
	if (r == 0)
		r = read_events(events, &total, f, err);
	if (r == 0)
		r = read_events(states, &total, f, err);
	if (r == 0)
		r = read_said(json, f, err);
	return r < 0 ? r : read_identities(json_object_get(json, "identities"), f, err);
}

int cited_read(const json_t *json, struct cited_file **ret, struct err *err)
{
	AUTO(cited_file_freep) struct cited_file *f = mem_alloc(1, sizeof *f);
	const char *format = json_text(json, "format");
	AUTO(mem_freep) char *named = text_line(format, WORD_MAX);
	if (!*format)
		return err_set(err, ERR_FORMAT,
		               "it is neither an answer nor a report: it has no \"format\"");
	int r = strcmp(format, "vdet-answer/1") == 0   ? read_answer(json, f, err)
	        : strcmp(format, "vdet-report/2") == 0 ? read_report(json, f, err)
	                                               : err_set(err, ERR_UNSUPPORTED,
	                                                         "its format is %s; this vdet knows "
	                                                         "vdet-answer/1 and vdet-report/2",
	                                                         named);
	if (r == 0)
		*ret = TAKE(f);
	return r;
}
