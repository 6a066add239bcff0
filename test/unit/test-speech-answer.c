/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of engines for speech: forms, errors, and what is wrong in them. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "speech/answer.h"
#include "speech/filter.h"

#define S CLOCK_SECOND

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

/* What no one can say is counted, and costs neither time nor room. */
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
		cmocka_unit_test(times_that_are_missing),
		cmocka_unit_test(segments_that_overlap),
		cmocka_unit_test(texts_that_are_wrong),
		cmocka_unit_test(more_than_can_be_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
