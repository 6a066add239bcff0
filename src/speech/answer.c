/* SPDX-License-Identifier: Apache-2.0 */
#include "speech/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "speech/filter.h"

/* So many in a second of sound. No one speaks as fast; journal and report take
 * what an engine makes up. */
#define SEGMENTS_RATE 10
#define WORDS_RATE 20
#define WORD_TEXT_MAX 200
#define SPEAKER_MAX 100
#define LEAST (CLOCK_SECOND / 1000) /* the shortest segment */
#define SLACK (CLOCK_SECOND / 10)   /* so much after the end is rounding */

struct reading {
	int64_t length;
	int64_t after; /* end of the last segment within the sound */
	struct speech_result *r;
	/* what was wrong, for the note */
	size_t n_words; /* of all segments */
	size_t many, many_words;
	size_t negative, beyond, reversed, untimed, overlapping, cut, textless, errors;
};

static void clear_segment(struct speech_segment *s)
{
	for (size_t i = 0; i < s->n_words; i++)
		free(s->words[i].text);
	free(s->words);
	free(s->text);
	free(s->language);
	free(s->speaker);
	*s = (struct speech_segment){0};
}

void speech_result_clear(struct speech_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		clear_segment(&r->segments[i]);
	free(r->segments);
	free(r->language);
	free(r->note);
	*r = (struct speech_result){0};
}

/* ---- the text as JSON */

/* Python's JSON has words for numbers that JSON does not have. */
static size_t not_a_number(const char *p)
{
	static const char *const words[] = {"NaN", "-Infinity", "Infinity", "-NaN", "nan"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strncmp(p, words[i], strlen(words[i])))
			return strlen(words[i]);
	return 0;
}

/* The number of an escape \uXXXX at p; -1 = there is none. */
static long escaped(const char *p)
{
	char digits[5] = "";
	if (p[0] != '\\' || p[1] != 'u' || strspn(p + 2, "0123456789abcdefABCDEF") < 4)
		return -1;
	memcpy(digits, p + 2, 4);
	return strtol(digits, NULL, 16);
}

/* What is meant by a backslash in a string. NUL and half a surrogate pair, for
 * which Jansson refuses all of the answer, become U+FFFD. Returns its bytes. */
static size_t add_escape(struct buf *out, const char *p)
{
	long c = escaped(p), next = c >= 0 ? escaped(p + 6) : -1;
	size_t n = c >= 0 ? 6 : p[1] ? 2 : 1;
	if (c >= 0xd800 && c < 0xdc00 && next >= 0xdc00 && next < 0xe000)
		n = 12;
	else if (c == 0 || (c >= 0xd800 && c < 0xe000)) {
		buf_adds(out, "\\ufffd");
		return n;
	}
	buf_add(out, p, n);
	return n;
}

static void add_json(struct buf *out, const char *p)
{
	bool quoted = false;
	while (*p) {
		size_t n = quoted ? 0 : not_a_number(p);
		if (n) {
			buf_adds(out, "null");
			p += n;
			continue;
		}
		if (quoted && *p == '\\') {
			p += add_escape(out, p);
			continue;
		}
		quoted = *p == '"' ? !quoted : quoted;
		buf_add(out, p++, 1);
	}
}

static int parse(const char *text, json_t **ret, struct err *err)
{
	AUTO(buf_free) struct buf json = BUF(2 * strlen(text) + 16);
	add_json(&json, text);
	int r = json_read_foreign(buf_str(&json), json.len, ret, err);
	return r < 0 ? err_set(err, ERR_PROTO, "the answer is not JSON that can be read: %.200s",
	                       err ? err->msg : "")
	             : 0;
}

/* A number, or a text that is one; NAN where there is none. */
static double number_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	double d = json_is_number(v) ? json_number_value(v) : NAN;
	if (json_is_string(v)) {
		char *end;
		d = strtod(json_string_value(v), &end);
		d = end != json_string_value(v) && !*end ? d : NAN;
	}
	return isfinite(d) ? d : NAN;
}

/* Seconds as microseconds; false where there is no time. */
static bool time_of(const json_t *o, const char *key, int64_t *ret)
{
	double d = number_of(o, key);
	if (isnan(d))
		return false;
	d = d > 1e9 ? 1e9 : d < -1e9 ? -1e9 : d;
	*ret = (int64_t)llround(d * 1e6);
	return true;
}

/* Free for the caller; without spaces at both ends, and with single ones
 * inside. */
static char *clean(const char *s, size_t max)
{
	AUTO(mem_freep) char *line = text_line(s ? s : "", max);
	AUTO(mem_freep) char *tight = text_squeeze(line);
	const char *begin = tight + strspn(tight, " ");
	size_t len = strlen(begin);
	while (len && begin[len - 1] == ' ')
		len--;
	return mem_printf("%.*s", (int)len, begin);
}

/* ---- segments */

/* Room for one more in an array that grows by this alone: it is doubled. */
static void *room(void *items, size_t n, size_t size)
{
	return n & (n - 1) ? items : mem_grow(items, n ? 2 * n : 1, size);
}

static size_t most(const struct reading *k, size_t rate)
{
	return (size_t)(k->length / CLOCK_SECOND + 2) * rate;
}

static double share(double d)
{
	return d < 0 ? 0 : d > 1 ? 1 : d;
}

static int64_t clamp(struct reading *k, int64_t t)
{
	k->negative += t < 0;
	k->beyond += t > k->length + SLACK;
	return t < 0 ? 0 : t > k->length ? k->length : t;
}

static char *speaker_of(const json_t *o)
{
	const json_t *v = json_object_get(o, "speaker");
	if (json_is_integer(v))
		return mem_printf("%lld", (long long)json_integer_value(v));
	return clean(json_string_value(v), SPEAKER_MAX);
}

/* A word whose time is none, or not within its segment, is left out: its text
 * is in the segment. */
static void add_word(struct reading *k, struct speech_segment *s, const json_t *o)
{
	const char *said = json_string_value(json_object_get(o, "word"));
	struct speech_word w = {.conf = number_of(o, "probability")};
	int64_t after = s->n_words ? s->words[s->n_words - 1].end : s->start;
	if (k->n_words >= most(k, WORDS_RATE)) {
		k->many_words++;
		return;
	}
	if (isnan(w.conf))
		w.conf = number_of(o, "score");
	w.conf = isnan(w.conf) ? -1 : share(w.conf);
	if (!said || !time_of(o, "start", &w.start) || !time_of(o, "end", &w.end))
		return;
	w.start = w.start < after ? after : w.start;
	w.end = w.end > s->end ? s->end : w.end;
	if (w.end <= w.start)
		return;
	w.text = clean(said, WORD_TEXT_MAX);
	if (!*w.text) {
		free(w.text);
		return;
	}
	s->words = room(s->words, s->n_words, sizeof *s->words);
	s->words[s->n_words++] = w;
	k->n_words++;
}

static double mean_conf(const struct speech_segment *s)
{
	double sum = 0;
	size_t n = 0;
	for (size_t i = 0; i < s->n_words; i++)
		if (s->words[i].conf >= 0) {
			sum += s->words[i].conf;
			n++;
		}
	return n ? sum / (double)n : -1;
}

static void add_segment(struct reading *k, const json_t *o)
{
	struct speech_result *r = k->r;
	const char *said = json_string_value(json_object_get(o, "text"));
	AUTO(mem_freep) char *text = clean(said, SPEECH_TEXT_MAX);
	k->textless += !said;
	if (!*text)
		return;
	if (r->n >= most(k, SEGMENTS_RATE)) {
		k->many++;
		return;
	}

	k->cut += strlen(said) > SPEECH_TEXT_MAX;
	struct speech_segment s = {.start = k->after, .end = k->after};
	bool begins = time_of(o, "start", &s.start), ends = time_of(o, "end", &s.end);
	s.guessed = !begins || !ends;
	k->untimed += s.guessed;
	if (!ends)
		s.end = s.start;
	if (!begins && ends)
		s.start = s.end - LEAST;
	if (ends && s.end < s.start) {
		int64_t t = s.start;
		s.start = s.end;
		s.end = t;
		k->reversed++;
	}
	bool outside = s.start >= k->length || ((begins || ends) && s.end <= 0);
	s.start = clamp(k, s.start);
	s.end = clamp(k, s.end);
	if (s.end - s.start < LEAST)
		s.end = s.start + LEAST > k->length ? k->length : s.start + LEAST;
	if (s.end - s.start < 1)
		s.start = s.end > LEAST ? s.end - LEAST : 0;

	s.text = TAKE(text);
	s.language = speech_language_code(json_text(o, "language"));
	s.speaker = speaker_of(o);
	s.avg_logprob = number_of(o, "avg_logprob");
	s.no_speech_prob = number_of(o, "no_speech_prob");
	s.compression = number_of(o, "compression_ratio");
	s.dropped = outside ? SPEECH_OUTSIDE : NULL;
	if (!outside)
		k->after = s.end;
	const json_t *words = json_object_get(o, "words");
	for (size_t i = 0; i < json_array_size(words); i++)
		add_word(k, &s, json_array_get(words, i));
	r->segments = room(r->segments, r->n, sizeof *r->segments);
	r->segments[r->n++] = s;
}

static int by_start(const void *a, const void *b)
{
	const struct speech_segment *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static void trim_words(struct speech_segment *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n_words; i++) {
		struct speech_word *w = &s->words[i];
		w->start = w->start < s->start ? s->start : w->start;
		w->end = w->end > s->end ? s->end : w->end;
		if (w->end > w->start)
			s->words[kept++] = *w;
		else
			free(w->text);
	}
	s->n_words = kept;
}

/* One of the same speaker ends where the next one begins; of two that begin
 * together, the longer one follows the shorter one. */
static void part(struct reading *k)
{
	struct speech_result *r = k->r;
	if (r->n > 1)
		qsort(r->segments, r->n, sizeof *r->segments, by_start);
	struct speech_segment *last = NULL;
	for (size_t i = 0; i < r->n; i++) {
		struct speech_segment *s = &r->segments[i];
		if (s->dropped)
			continue;
		if (last && s->start < last->end && !strcmp(s->speaker, last->speaker)) {
			k->overlapping++;
			if (s->guessed) {
				/* One whose time is known keeps it. */
				s->start = last->end;
				s->end = s->start + LEAST;
				s->dropped = s->end > k->length ? SPEECH_OVERLAPS : NULL;
				trim_words(s);
				if (s->dropped) {
					s->end = k->length;
					s->start = k->length > LEAST ? k->length - LEAST : 0;
					continue;
				}
			} else if (s->start > last->start) {
				last->end = s->start;
				trim_words(last);
			} else if (s->end > last->end) {
				s->start = last->end;
				trim_words(s);
			} else {
				s->dropped = SPEECH_OVERLAPS;
				continue;
			}
		}
		last = s;
	}
	/* A start that moved may have passed that of another speaker. */
	if (r->n > 1)
		qsort(r->segments, r->n, sizeof *r->segments, by_start);
}

/* Words beside the segments, as OpenAI's API has them. */
static void share_words(struct reading *k, const json_t *words)
{
	struct speech_result *r = k->r;
	size_t at = 0;
	for (size_t i = 0; i < r->n; i++)
		if (r->segments[i].n_words)
			return;
	for (size_t i = 0; i < json_array_size(words) && r->n; i++) {
		const json_t *o = json_array_get(words, i);
		int64_t start, end;
		if (!time_of(o, "start", &start) || !time_of(o, "end", &end))
			continue;
		int64_t middle = start / 2 + end / 2;
		while (at + 1 < r->n && middle >= r->segments[at + 1].start)
			at++;
		if (middle >= r->segments[at].start && middle <= r->segments[at].end)
			add_word(k, &r->segments[at], o);
	}
}

/* ---- the whole */

static void add_note(struct buf *out, size_t n, const char *what)
{
	if (n)
		buf_addf(out, "%s%zu %s", out->len ? ", " : "", n, what);
}

static char *note_of(const struct reading *k)
{
	AUTO(buf_free) struct buf out = BUF(1000);
	add_note(&out, k->negative, "times before the sound");
	add_note(&out, k->beyond, "times after the sound");
	add_note(&out, k->reversed, "segments that end before they begin");
	add_note(&out, k->untimed, "segments without a time");
	add_note(&out, k->overlapping, "segments that overlap");
	add_note(&out, k->textless, "segments without a text");
	add_note(&out, k->cut, "texts that were cut");
	add_note(&out, k->many, "segments more than can be said in this time");
	add_note(&out, k->many_words, "words more than can be said in this time");
	add_note(&out, k->errors, "error message beside its text");
	return out.len ? mem_printf("the engine's answer has %s", buf_str(&out)) : mem_strdup("");
}

static void finish(struct reading *k)
{
	struct speech_result *r = k->r;
	for (size_t i = 0; i < r->n; i++) {
		struct speech_segment *s = &r->segments[i];
		s->conf = isnan(s->avg_logprob) ? mean_conf(s) : share(exp(s->avg_logprob));
		if (!*s->language && *r->language) {
			free(s->language);
			s->language = mem_strdup(r->language);
		}
	}
	r->note = note_of(k);
}

/* An answer without segments: its text is one, as long as the sound. */
static void take_text(struct reading *k, const char *text)
{
	json_auto_t *o =
		json_pack("{s:s, s:f, s:f}", "text", text, "start", 0.0, "end", (double)k->length / 1e6);
	k->r->timed = false;
	if (o)
		add_segment(k, o);
}

/* Whether the member says that something failed: null, false and "" do not. */
static bool is_error(const json_t *error)
{
	return error && !json_is_null(error) && !json_is_false(error) &&
	       !(json_is_string(error) && !json_string_length(error));
}

static int engine_error(const json_t *error, struct err *err)
{
	const json_t *message = json_object_get(error, "message");
	const char *words = json_string_value(json_is_string(message) ? message : error);
	AUTO(mem_freep) char *said = clean(words, 300);
	return err_set(err, ERR_ENGINE, "the engine reports: %s", *said ? said : "an error");
}

static void take_segments(struct reading *k, const json_t *o, const json_t *segments)
{
	k->r->timed = true;
	for (size_t i = 0; i < json_array_size(segments); i++)
		add_segment(k, json_array_get(segments, i));
	part(k);
	share_words(k, json_object_get(o, "words"));
}

static int take_object(struct reading *k, const json_t *o, struct err *err)
{
	const json_t *segments = json_object_get(o, "segments"), *text = json_object_get(o, "text");
	const json_t *error = json_object_get(o, "error");
	if (is_error(error) && !segments && !text)
		return engine_error(error, err);
	if (!json_is_array(segments) && !json_is_string(text))
		return err_set(
			err, ERR_PROTO,
			"the answer is not a transcription: it has neither \"segments\" nor \"text\"");

	k->r->language = speech_language_code(json_text(o, "language"));
	if (json_is_array(segments))
		take_segments(k, o, segments);
	/* What no segment has, the whole may have. */
	if (!k->r->n && (json_string_length(text) || !json_is_array(segments)))
		take_text(k, json_string_value(text));
	if (is_error(error) && !k->r->n)
		return engine_error(error, err);
	k->errors = is_error(error);
	return 0;
}

/* An answer that is neither an object nor a page. A text may as well be a JSON
 * string. */
static int take_plain(struct reading *k, const char *text, bool plain, struct err *err)
{
	if (!*text) {
		take_text(k, "");
		return 0;
	}
	if (!plain) {
		AUTO(mem_freep) char *said = clean(text, 200);
		return err_set(err, ERR_PROTO,
		               "the answer is not JSON, which was asked for, but a text: %s", said);
	}
	AUTO(buf_free) struct buf json = BUF(2 * strlen(text) + 16);
	if (*text == '"')
		add_json(&json, text);
	json_auto_t *string = json_loads(buf_str(&json), JSON_DECODE_ANY, NULL);
	take_text(k, json_is_string(string) ? json_string_value(string) : text);
	return 0;
}

int speech_answer_read(const char *body, size_t len, bool plain, int64_t length,
                       struct speech_result *ret, struct err *err)
{
	AUTO(speech_result_clear) struct speech_result result = {0};
	struct reading k = {.length = length, .r = &result};
	AUTO(buf_free) struct buf valid = BUF(3 * len + 16);
	json_auto_t *root = NULL;
	text_utf8(&valid, body, len);
	const char *text = buf_str(&valid);
	if (!strncmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	text += strspn(text, " \t\r\n");
	int r = 0;
	if (*text == '{') {
		r = parse(text, &root, err);
		if (r == 0)
			r = take_object(&k, root, err);
	} else if (*text == '<' || *text == '[') {
		r = err_set(err, ERR_PROTO, "the answer is not a transcription");
	} else {
		r = take_plain(&k, text, plain, err);
	}
	if (r < 0)
		return r;
	if (!result.language)
		result.language = mem_strdup("");
	finish(&k);
	*ret = result;
	result = (struct speech_result){0};
	return 0;
}
