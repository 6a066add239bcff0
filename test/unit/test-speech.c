/* SPDX-License-Identifier: Apache-2.0 */
/* Speech: what servers answer, also wrongly; what is dropped; the sound as a
 * file; the heads of model files, and which of them is chosen. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/opt.h"
#include "models/speech.h"
#include "speech/answer.h"
#include "speech/filter.h"
#include "speech/wav.h"

#define S CLOCK_SECOND

static char dir[64];

static struct speech_result read_of(const char *text, int64_t length)
{
	struct speech_result r = {0};
	struct err err = {0};
	if (speech_answer_read(text, strlen(text), false, length, &r, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return r;
}

static struct speech_result plain_of(const char *text)
{
	struct speech_result r = {0};
	struct err err = {0};
	if (speech_answer_read(text, strlen(text), true, S, &r, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return r;
}

static void refuse(const char *text, int code, const char *words)
{
	struct speech_result r = {0};
	struct err err = {0};
	assert_int_equal(speech_answer_read(text, strlen(text), false, S, &r, &err), -code);
	if (!strstr(err.msg, words))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
	assert_int_equal(r.n, 0);
}

static void is(const struct speech_segment *g, int64_t start, int64_t end, const char *text)
{
	assert_string_equal(g->text, text);
	assert_int_equal(g->start, start);
	assert_int_equal(g->end, end);
}

/* ---- answers */

static void whisper_cpp(void **state)
{
	(void)state;
	AUTO(speech_result_clear)
	struct speech_result r = read_of(
		"{\"task\":\"transcribe\",\"language\":\"german\",\"duration\":5.0,"
		"\"text\":\" Guten Tag\\n\","
		"\"segments\":[{\"id\":0,\"text\":\" Guten  Tag\",\"start\":0.5,\"end\":2.0,\"tokens\":[1],"
		"\"words\":[{\"word\":\" Guten\",\"start\":0.5,\"end\":1.25,\"probability\":0.5},"
		"{\"word\":\" Tag\",\"start\":1.25,\"end\":2.0,\"probability\":1.0}],"
		"\"temperature\":0.0,\"avg_logprob\":-0.5,\"no_speech_prob\":0.01}]}",
		5 * S);
	assert_int_equal(r.n, 1);
	is(&r.segments[0], S / 2, 2 * S, "Guten Tag");
	assert_true(r.timed);
	assert_string_equal(r.language, "de");
	assert_string_equal(r.segments[0].language, "de");
	assert_string_equal(r.note, "");
	assert_int_equal(r.segments[0].n_words, 2);
	assert_string_equal(r.segments[0].words[1].text, "Tag");
	assert_int_equal(r.segments[0].words[1].start, 1250000);
	assert_true(fabs(r.segments[0].words[0].conf - 0.5) < 1e-9);
	assert_true(fabs(r.segments[0].conf - exp(-0.5)) < 1e-9);
	assert_true(isnan(r.segments[0].compression));
	assert_null(r.segments[0].dropped);
}

/* OpenAI's API has the words beside the segments. */
static void openai(void **state)
{
	(void)state;
	AUTO(speech_result_clear)
	struct speech_result r = read_of(
		"{\"language\":\"english\",\"text\":\"One. Two.\",\"segments\":["
		"{\"start\":0,\"end\":1,\"text\":\"One.\",\"compression_ratio\":1.5,\"avg_logprob\":-0.1,"
		"\"no_speech_prob\":0.2},{\"start\":1,\"end\":3,\"text\":\"Two.\"}],\"words\":["
		"{\"word\":\"One\",\"start\":0.1,\"end\":0.9},{\"word\":\"Two\",\"start\":1.2,\"end\":2},"
		"{\"word\":\"lost\",\"start\":8,\"end\":9},{\"word\":7,\"start\":1,\"end\":2}]}",
		10 * S);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.segments[0].n_words, 1);
	assert_int_equal(r.segments[1].n_words, 1);
	assert_string_equal(r.segments[1].words[0].text, "Two");
	assert_true(r.segments[1].words[0].conf < 0);
	assert_true(fabs(r.segments[0].compression - 1.5) < 1e-9);
	assert_true(isnan(r.segments[1].avg_logprob));
	assert_true(r.segments[1].conf < 0);
}

static void without_times(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"text\":\" all of it\"}", "\xef\xbb\xbf{\"text\":\"all of it\"}",
		"{\"text\":\"all of it\",\"segments\":[]}", "{\"text\":\"all of it\",\"segments\":null}"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(speech_result_clear) struct speech_result r = read_of(texts[i], 7 * S);
		assert_int_equal(r.n, 1);
		is(&r.segments[0], 0, 7 * S, "all of it");
		assert_false(r.timed);
		assert_string_equal(r.note, "");
	}
	static const char *const plain[] = {"all of it\n", "\"all \\u006ff it\"",
	                                    "{\"text\":\"all of it\"}"};
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		AUTO(speech_result_clear) struct speech_result r = plain_of(plain[i]);
		assert_int_equal(r.n, 1);
		is(&r.segments[0], 0, S, "all of it");
	}
	AUTO(speech_result_clear) struct speech_result quoted = plain_of("\"Yes\", he said.");
	is(&quoted.segments[0], 0, S, "\"Yes\", he said.");
	static const char *const nothing[] = {
		"", " \n", "{\"text\":\"\"}", "{\"segments\":[]}",
		"{\"segments\":[{\"text\":\"  \",\"start\":0,\"end\":1}]}"};
	for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
		AUTO(speech_result_clear) struct speech_result r = read_of(nothing[i], 7 * S);
		assert_int_equal(r.n, 0);
		assert_string_equal(r.language, "");
	}
}

static void what_is_no_answer(void **state)
{
	(void)state;
	refuse("<html><body>Hello</body></html>", ERR_PROTO, "not a transcription");
	refuse("[1, 2]", ERR_PROTO, "not a transcription");
	refuse("{\"text\":", ERR_PROTO, "not JSON");
	refuse("{\"text\":7}", ERR_PROTO, "neither");
	refuse("{\"segments\":{}}", ERR_PROTO, "neither");
	refuse("{\"text\":\"a\",\"text\":\"b\"}", ERR_PROTO, "not JSON");
	refuse("{\"error\":{\"message\":\"bad\\u0007 model\\u202e\"}}", ERR_ENGINE,
	       "reports: bad model");
	refuse("{\"error\":\"failed to read audio data\"}", ERR_ENGINE, "failed to read");
	refuse("{\"error\":\"it broke\",\"segments\":[],\"text\":\"\"}", ERR_ENGINE, "it broke");
	refuse("{\"error\":{},\"segments\":[{\"start\":0,\"end\":1,\"text\":\" \"}]}", ERR_ENGINE,
	       "an error");
	refuse("Error: model overloaded", ERR_PROTO, "model overloaded");
	refuse("\"a string\"", ERR_PROTO, "but a text");
}

static void errors_beside_texts(void **state)
{
	(void)state;
	static const char *const none[] = {"null", "false", "\"\""};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		AUTO(mem_freep) char *text = mem_printf("{\"error\":%s,\"text\":\"\"}", none[i]);
		AUTO(speech_result_clear) struct speech_result r = read_of(text, S);
		assert_int_equal(r.n, 0);
		assert_string_equal(r.note, "");
	}
	AUTO(speech_result_clear)
	struct speech_result r = read_of("{\"error\":\"slow\",\"text\":\"said\"}", S);
	assert_int_equal(r.n, 1);
	assert_non_null(strstr(r.note, "1 error message"));
}

/* The text of the whole is used where no segment has one. */
static void segments_without_texts(void **state)
{
	(void)state;
	AUTO(speech_result_clear)
	struct speech_result r = read_of(
		"{\"text\":\"all of it\",\"segments\":[{\"start\":0,\"end\":3},{\"text\":\"\"}]}", 7 * S);
	assert_int_equal(r.n, 1);
	is(&r.segments[0], 0, 7 * S, "all of it");
	assert_false(r.timed);
	assert_non_null(strstr(r.note, "1 segments without a text"));
	AUTO(speech_result_clear)
	struct speech_result some =
		read_of("{\"text\":\"all of it\",\"segments\":[{\"start\":0,\"end\":3},"
	            "{\"start\":3,\"end\":4,\"text\":\"of\"}]}",
	            7 * S);
	assert_int_equal(some.n, 1);
	is(&some.segments[0], 3 * S, 4 * S, "of");
	assert_non_null(strstr(some.note, "1 segments without a text"));
}

/* A character that cannot be does not cost the other texts. */
static void characters_that_cannot_be(void **state)
{
	(void)state;
	AUTO(speech_result_clear)
	struct speech_result r =
		read_of("{\"segments\":["
	            "{\"start\":0,\"end\":1,\"text\":\"a\\u0000b\"},"
	            "{\"start\":1,\"end\":2,\"text\":\"a\\ud800b \\uDFFFc \\ud83d\"},"
	            "{\"start\":2,\"end\":3,\"text\":\"\\ud83d\\ude00 \\\\u0000 \\\"\"}]}",
	            3 * S);
	assert_int_equal(r.n, 3);
	assert_string_equal(r.segments[0].text, "a\xef\xbf\xbd"
	                                        "b");
	assert_string_equal(r.segments[1].text, "a\xef\xbf\xbd"
	                                        "b \xef\xbf\xbd"
	                                        "c \xef\xbf\xbd");
	assert_string_equal(r.segments[2].text, "\xf0\x9f\x98\x80 \\u0000 \"");
	refuse("{\"text\":\"a\\u00", ERR_PROTO, "not JSON");
	refuse("{\"text\":\"a\\", ERR_PROTO, "not JSON");
}

static void times_that_are_wrong(void **state)
{
	(void)state;
	AUTO(speech_result_clear)
	struct speech_result r = read_of("{\"segments\":["
	                                 "{\"text\":\"negative\",\"start\":-5,\"end\":1},"
	                                 "{\"text\":\"reversed\",\"start\":3,\"end\":2},"
	                                 "{\"text\":\"text\",\"start\":\"4\",\"end\":\"4.5\"},"
	                                 "{\"text\":\"none\",\"start\":null,\"end\":NaN},"
	                                 "{\"text\":\"far\",\"start\":1e300,\"end\":Infinity},"
	                                 "{\"text\":\"long\",\"start\":8,\"end\":1e12},"
	                                 "{\"text\":[],\"start\":1,\"end\":2}, 7, null, [], {}]}",
	                                 10 * S);
	assert_int_equal(r.n, 6);
	is(&r.segments[0], 0, S, "negative");
	is(&r.segments[1], 2 * S, 3 * S, "reversed");
	is(&r.segments[2], 4 * S, 4 * S + S / 2, "text");
	is(&r.segments[3], 4 * S + S / 2, 4 * S + S / 2 + 1000, "none");
	is(&r.segments[4], 8 * S, 10 * S, "long");
	assert_string_equal(r.segments[5].dropped, SPEECH_OUTSIDE);
	is(&r.segments[5], 10 * S - 1000, 10 * S, "far");
	assert_non_null(strstr(r.note, "1 times before the sound"));
	assert_non_null(strstr(r.note, "2 segments without a time"));
	assert_non_null(strstr(r.note, "1 segments that end before they begin"));
}

/* A segment without a time takes none from another one. */
static void times_that_are_missing(void **state)
{
	(void)state;
	AUTO(speech_result_clear)
	struct speech_result r = read_of("{\"segments\":["
	                                 "{\"text\":\"far\",\"start\":50,\"end\":60},"
	                                 "{\"text\":\"nan\",\"start\":NaN,\"end\":1},"
	                                 "{\"text\":\"whole\",\"start\":0.5,\"end\":3},"
	                                 "{\"text\":\"inside\",\"start\":null,\"end\":2},"
	                                 "{\"text\":\"before\",\"start\":-5,\"end\":-1},"
	                                 "{\"text\":\"until zero\",\"start\":-5,\"end\":0},"
	                                 "{\"text\":\"last\",\"start\":9,\"end\":10},"
	                                 "{\"text\":\"no room\",\"start\":null,\"end\":9.5}]}",
	                                 10 * S);
	assert_int_equal(r.n, 8);
	for (size_t i = 0; i < r.n; i++) {
		const struct speech_segment *g = &r.segments[i];
		bool out =
			!strcmp(g->text, "far") || !strcmp(g->text, "before") || !strcmp(g->text, "until zero");
		const char *why = out                           ? SPEECH_OUTSIDE
		                  : !strcmp(g->text, "no room") ? SPEECH_OVERLAPS
		                                                : NULL;
		if (g->dropped != why && (!why || !g->dropped || strcmp(g->dropped, why) != 0))
			fail_msg("%s is dropped as %s", g->text, g->dropped ? g->dropped : "nothing");
		if (!strcmp(g->text, "whole"))
			is(g, S / 2, 3 * S, "whole");
		if (!strcmp(g->text, "last"))
			is(g, 9 * S, 10 * S, "last");
	}
}

static void segments_that_overlap(void **state)
{
	(void)state;
	AUTO(speech_result_clear)
	struct speech_result r = read_of(
		"{\"segments\":["
		"{\"text\":\"second\",\"start\":2,\"end\":6},"
		"{\"text\":\"first\",\"start\":0,\"end\":3,\"words\":["
		"{\"word\":\"a\",\"start\":0,\"end\":1},{\"word\":\"b\",\"start\":1.5,\"end\":2.5},"
		"{\"word\":\"c\",\"start\":2.5,\"end\":3}]},"
		"{\"text\":\"same\",\"start\":2,\"end\":4},"
		"{\"text\":\"equal\",\"start\":7,\"end\":8},{\"text\":\"equal too\",\"start\":7,\"end\":8},"
		"{\"text\":\"other\",\"start\":7,\"end\":8,\"speaker\":\"B\"}]}",
		10 * S);
	assert_int_equal(r.n, 6);
	is(&r.segments[0], 0, 2 * S, "first");
	assert_int_equal(r.segments[0].n_words, 2);
	assert_int_equal(r.segments[0].words[1].end, 2 * S);
	is(&r.segments[1], 2 * S, 4 * S, "same");
	is(&r.segments[2], 4 * S, 6 * S, "second");
	size_t dropped = 0, shown = 0;
	for (size_t i = 3; i < 6; i++) {
		assert_int_equal(r.segments[i].start, 7 * S);
		dropped += r.segments[i].dropped != NULL;
		shown += !r.segments[i].dropped;
	}
	assert_int_equal(dropped, 1);
	assert_int_equal(shown, 2);
	assert_non_null(strstr(r.note, "3 segments that overlap"));
}

static void texts_that_are_wrong(void **state)
{
	(void)state;
	/* Not UTF-8, a character that turns the direction of text, a line break, a
	 * NUL. */
	static const char bad[] = "{\"segments\":[{\"text\":\"a\xff"
							  "b\\u202ec\\nd\\u0001\",\"start\":0,"
							  "\"end\":1,\"speaker\":3,\"language\":\"Haitian Creole\"}]}";
	AUTO(speech_result_clear) struct speech_result r = read_of(bad, 2 * S);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.segments[0].text, "a\xef\xbf\xbd"
	                                        "bc d");
	assert_string_equal(r.segments[0].speaker, "3");
	assert_string_equal(r.segments[0].language, "ht");

	AUTO(buf_free) struct buf huge = BUF(1 << 20);
	buf_adds(&huge, "{\"segments\":[{\"start\":0,\"end\":1,\"text\":\"");
	for (int i = 0; i < 200000; i++)
		buf_adds(&huge, "abc ");
	buf_adds(&huge, "\"}]}");
	AUTO(speech_result_clear) struct speech_result h = read_of(buf_str(&huge), 2 * S);
	assert_true(strlen(h.segments[0].text) <= SPEECH_TEXT_MAX);
	assert_non_null(strstr(h.note, "1 texts that were cut"));
}

/* What nobody can say is counted, and costs neither time nor room. */
static void more_than_can_be_said(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf b = BUF(16 << 20);
	buf_adds(&b, "{\"segments\":[{\"start\":0,\"end\":0.1,\"text\":\"words\",\"words\":[");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%s{\"word\":\"w\",\"start\":%.4f,\"end\":%.4f}", i ? "," : "", i * 1e-4,
		         i * 1e-4 + 1e-4);
	buf_adds(&b, "]}");
	for (int i = 0; i < 90000; i++)
		buf_addf(&b, ",{\"start\":%.4f,\"end\":%.4f,\"text\":\"s%d\"}", 0.1 + i * 1e-3,
		         0.1 + i * 1e-3 + 1e-3, i);
	buf_adds(&b, "]}");
	AUTO(speech_result_clear) struct speech_result r = read_of(buf_str(&b), 100 * S);
	assert_int_equal(r.n, 1020);
	assert_int_equal(r.segments[0].n_words, 1000);
	assert_non_null(strstr(r.note, "88981 segments more than can be said"));
	AUTO(speech_result_clear) struct speech_result s = read_of(buf_str(&b), S);
	assert_int_equal(s.n, 30);
	assert_int_equal(s.segments[0].n_words, 60);
	assert_non_null(strstr(s.note, "940 words more than can be said"));
}

/* ---- what is dropped */

static void add(struct speech_result *r, int64_t start, int64_t end, const char *text,
                double logprob, double silent)
{
	r->segments = mem_grow(r->segments, r->n + 1, sizeof *r->segments);
	r->segments[r->n++] = (struct speech_segment){.start = start,
	                                              .end = end,
	                                              .text = mem_strdup(text),
	                                              .language = mem_strdup(""),
	                                              .speaker = mem_strdup(""),
	                                              .avg_logprob = logprob,
	                                              .no_speech_prob = silent,
	                                              .compression = NAN};
}

static void dropped_for(const struct speech_result *r, size_t i, const char *reason)
{
	const char *is = r->segments[i].dropped;
	if (!is != !reason || (is && strcmp(is, reason) != 0))
		fail_msg("segment %zu (%s) is dropped for %s, not for %s", i, r->segments[i].text,
		         is ? is : "nothing", reason ? reason : "nothing");
}

static void the_model_doubts(void **state)
{
	(void)state;
	AUTO(speech_result_clear) struct speech_result r = {0};
	add(&r, 0, S, "spoken", -0.3, 0.1);
	add(&r, S, 2 * S, "no one speaks", -1.2, 0.9);
	add(&r, 2 * S, 3 * S, "unlikely", -1.2, 0.1);
	/* Sure of its text, whatever it says of the sound: as Whisper itself does. */
	add(&r, 3 * S, 4 * S, "sure", -0.2, 0.99);
	add(&r, 4 * S, 5 * S, "not known", NAN, NAN);
	add(&r, 5 * S, 6 * S, "squeezed", -0.2, 0.1);
	r.segments[5].compression = 3;
	speech_filter(&r, NULL, 0);
	dropped_for(&r, 0, NULL);
	dropped_for(&r, 1, SPEECH_NO_SPEECH);
	dropped_for(&r, 2, SPEECH_UNLIKELY);
	dropped_for(&r, 3, NULL);
	dropped_for(&r, 4, NULL);
	dropped_for(&r, 5, SPEECH_REPEATED);
}

static void text_over_silence(void **state)
{
	(void)state;
	AUTO(speech_result_clear) struct speech_result r = {0};
	const struct speech_voice voices[] = {{S, 2 * S}, {10 * S, 10 * S + S / 2}};
	add(&r, S, 2 * S, "within", -0.1, 0);
	add(&r, 3 * S, 5 * S, "invented", -0.1, 0);
	add(&r, 2 * S - S / 20, 6 * S, "touches it", -0.1, 0);
	add(&r, 6 * S, 30 * S, "long with a word", -0.1, 0);
	speech_filter(&r, voices, ARRAY_LEN(voices));
	dropped_for(&r, 0, NULL);
	dropped_for(&r, 1, SPEECH_SILENCE);
	dropped_for(&r, 2, SPEECH_SILENCE);
	dropped_for(&r, 3, NULL);
	r.segments[1].dropped = r.segments[2].dropped = NULL;
	speech_filter(&r, voices, 0);
	for (size_t i = 0; i < r.n; i++)
		dropped_for(&r, i, SPEECH_SILENCE);
}

static void the_same_over_and_over(void **state)
{
	(void)state;
	static const char *const circles[] = {
		"Thanks for watching. Thanks for watching. Thanks for watching. Thanks for watching.",
		"and so on and so on and so on and so on and so on",
		"Well: ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha",
		"謝謝觀看謝謝觀看謝謝觀看謝謝觀看謝謝觀看"};
	static const char *const straight[] = {
		"No, no, no, no!", "The cat sat on the mat, and the dog sat on the mat as well.",
		"very very very very long ago there was a king who had three sons and a daughter",
		"一二三四五六七八九十一二三四五六七八九十百千萬"};
	for (size_t i = 0; i < ARRAY_LEN(circles); i++)
		if (!speech_goes_in_circles(circles[i]))
			fail_msg("not seen: %s", circles[i]);
	for (size_t i = 0; i < ARRAY_LEN(straight); i++)
		if (speech_goes_in_circles(straight[i]))
			fail_msg("no repetition: %s", straight[i]);

	AUTO(speech_result_clear) struct speech_result r = {0};
	for (int i = 0; i < 4; i++)
		add(&r, i * S, (i + 1) * S, i % 2 ? "Thanks for watching!" : "thanks, for watching", -0.1,
		    0);
	for (int i = 4; i < 9; i++)
		add(&r, i * S, (i + 1) * S, "No.", -0.1, 0);
	add(&r, 9 * S, 10 * S, "Yes.", -0.1, 0);
	speech_filter(&r, NULL, 0);
	dropped_for(&r, 0, NULL);
	for (size_t i = 1; i < 4; i++)
		dropped_for(&r, i, SPEECH_REPEATED);
	for (size_t i = 4; i < r.n; i++)
		dropped_for(&r, i, NULL);
}

/* ---- the sound */

static void sound_as_a_file(void **state)
{
	(void)state;
	const int16_t samples[] = {1, -2, INT16_MAX};
	AUTO(buf_free) struct buf out = BUF(1000);
	speech_wav(samples, 3, &out);
	assert_int_equal(out.len, SPEECH_WAV_HEAD + 6);
	static const unsigned char head[] = {'R', 'I', 'F', 'F', 42, 0, 0, 0,   'W', 'A', 'V', 'E', 'f',
	                                     'm', 't', ' ', 16,  0,  0, 0, 1,   0,   1,   0,   128, 62,
	                                     0,   0,   0,   125, 0,  0, 2, 0,   16,  0,   'd', 'a', 't',
	                                     'a', 6,   0,   0,   0,  1, 0, 254, 255, 255, 127};
	assert_memory_equal(out.data, head, sizeof head);
}

/* ---- models */

static void put32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof v);
}

/* A model file of the given layers and width, without its real weights. */
static char *write_model(const char *name, uint32_t vocab, uint32_t layers, uint32_t width,
                         size_t more, size_t less)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	const uint32_t head[] = {0x67676d6c, vocab, 1500,   width, 1, layers, 448,
	                         width,      1,     layers, 80,    1, 80,     2};
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		put32(&b, head[i]);
	for (size_t i = 0; i < 160 * sizeof(float); i++)
		buf_add(&b, "", 1);
	put32(&b, 2);
	put32(&b, 1);
	buf_add(&b, "a", 1);
	put32(&b, 2);
	buf_add(&b, "bc", 2);
	const uint32_t tensor[] = {1, 4, 0, (uint32_t)(8 + more)};
	for (size_t i = 0; i < ARRAY_LEN(tensor); i++)
		put32(&b, tensor[i]);
	buf_add(&b, "bias", 4);
	for (size_t i = 0; i < (8 + more) * sizeof(float); i++)
		buf_add(&b, "", 1);
	char *path = file_join(dir, name);
	struct err err;
	assert_ok(file_write(path, b.data, b.len - less, &err));
	return path;
}

static void refuse_file(const char *path, int code, const char *words)
{
	struct speech_file f;
	struct err err = {0};
	assert_int_equal(speech_file_read(path, &f, &err), -code);
	if (!strstr(err.msg, words))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void heads_of_models(void **state)
{
	(void)state;
	struct speech_file f;
	struct err err = {0};
	AUTO(mem_freep) char *good = write_model("good.bin", 51865, 6, 512, 0, 0);
	AUTO(mem_freep) char *cut = write_model("cut.bin", 51865, 6, 512, 0, 5);
	AUTO(mem_freep) char *words = write_model("words.bin", 7, 6, 512, 0, 0);
	AUTO(mem_freep) char *many = write_model("many.bin", 51865, 5000, 512, 0, 0);
	AUTO(mem_freep) char *bare = write_model("bare.bin", 51865, 6, 512, 0, 8 * 4 + 20);
	assert_ok(speech_file_read(good, &f, &err));
	assert_string_equal(f.size, "base");
	assert_string_equal(f.stored, "f16");
	assert_false(f.english || f.voice);
	assert_int_equal(f.layers, 12);
	refuse_file(cut, ERR_FORMAT, "cut short");
	refuse_file(words, ERR_FORMAT, "not a model");
	refuse_file(many, ERR_FORMAT, "not a model");
	refuse_file(bare, ERR_FORMAT, "no weights");
	AUTO(mem_freep) char *absent = file_join(dir, "absent.bin");
	refuse_file(absent, ERR_NOENT, "absent.bin");
	refuse_file(dir, ERR_FORMAT, "not a file");
	AUTO(mem_freep) char *other = file_join(dir, "other.bin");
	assert_ok(file_write(other, "GGUF\3\0\0\0", 8, &err));
	refuse_file(other, ERR_UNSUPPORTED, "GGUF");
	assert_ok(file_write(other, "hello, this is a text", 21, &err));
	refuse_file(other, ERR_FORMAT, "not a model of whisper.cpp");
	assert_ok(file_write(other, "lmgg\12\0\0\0silero-16k\6\0\0\0", 22, &err));
	assert_ok(speech_file_read(other, &f, &err));
	assert_true(f.voice);
	const char *const all[] = {good, cut, words, many, bare, other};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		unlink(all[i]);
}

static void chosen(const char *wanted, const char *language, int64_t memory, const char *expected)
{
	AUTO(mem_freep) char *path = NULL;
	struct speech_file f;
	struct err err = {0};
	if (speech_file_choose(wanted, dir, language, memory, &path, &f, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(file_base(path), expected);
}

static void not_chosen(const char *wanted, const char *language, int64_t memory, const char *words)
{
	AUTO(mem_freep) char *path = NULL;
	struct speech_file f;
	struct err err = {0};
	assert_int_equal(speech_file_choose(wanted, dir, language, memory, &path, &f, &err),
	                 -ERR_NOENT);
	if (!strstr(err.msg, words))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void which_model(void **state)
{
	(void)state;
	not_chosen("", "auto", 0, "vdet model get whisper-base");
	AUTO(mem_freep) char *english = write_model("ggml-medium.en.bin", 51864, 24, 1024, 0, 0);
	not_chosen("", "auto", 0, "know English only");
	AUTO(mem_freep) char *base = write_model("ggml-base.bin", 51865, 6, 512, 100, 0);
	AUTO(mem_freep) char *fine = write_model("base-fine.bin", 51865, 6, 512, 5000, 0);
	AUTO(mem_freep) char *small = write_model("small.bin", 51865, 12, 768, 0, 0);
	chosen("", "auto", 0, "small.bin");
	chosen("", "en", 0, "ggml-medium.en.bin");
	chosen("base", "auto", 0, "ggml-base.bin");
	chosen("small.bin", "de", 1, "small.bin");
	chosen(english, "de", 1, "ggml-medium.en.bin");
	unlink(small);
	chosen("", "auto", 0, "base-fine.bin");
	not_chosen("", "auto", 1000, "fits into half");
	not_chosen("large", "auto", 0, "no whisper model large");
	not_chosen("../large", "auto", 0, "no whisper model");
	unlink(english);
	unlink(base);
	unlink(fine);
}

static void defaults_of_options(void **state)
{
	(void)state;
	struct speech_options o = {0};
	const struct opt_bind bind = {&speech_opt_group, &o};
	const struct opt_set set = {&bind, 1};
	struct speech_places p = {0};
	struct speech *s = NULL;
	struct err err = {0};
	char *argv[] = {(char[]){"x"}, NULL};
	int n = 0;
	assert_ok(opt_parse(&set, &set, NULL, NULL, argv, &n, &err));
	assert_string_equal(o.engine, "auto");
	/* An address is used as it is; a key with a space is none. */
	free(o.engine);
	o.engine = mem_strdup("http://127.0.0.1:1/v1/audio/transcriptions");
	assert_ok(speech_open(&o, &p, NULL, &s, &err));
	assert_string_equal(speech_identity(s),
	                    "http://127.0.0.1:1/v1, model not named, language auto");
	speech_free(s);
	free(o.key);
	o.key = mem_strdup("a b");
	assert_int_equal(speech_open(&o, &p, NULL, &s, &err), -ERR_ARG);
	assert_null(strstr(err.msg, "a b"));
	free(o.language);
	o.language = mem_strdup("--load");
	assert_int_equal(speech_open(&o, &p, NULL, &s, &err), -ERR_ARG);
	opt_free(&set);
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/vdet-speech-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	struct err err;
	return file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whisper_cpp),
		cmocka_unit_test(openai),
		cmocka_unit_test(without_times),
		cmocka_unit_test(what_is_no_answer),
		cmocka_unit_test(errors_beside_texts),
		cmocka_unit_test(segments_without_texts),
		cmocka_unit_test(characters_that_cannot_be),
		cmocka_unit_test(times_that_are_wrong),
		cmocka_unit_test(more_than_can_be_said),
		cmocka_unit_test(times_that_are_missing),
		cmocka_unit_test(segments_that_overlap),
		cmocka_unit_test(texts_that_are_wrong),
		cmocka_unit_test(the_model_doubts),
		cmocka_unit_test(text_over_silence),
		cmocka_unit_test(the_same_over_and_over),
		cmocka_unit_test(sound_as_a_file),
		cmocka_unit_test(heads_of_models),
		cmocka_unit_test(which_model),
		cmocka_unit_test(defaults_of_options),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
