/* SPDX-License-Identifier: Apache-2.0 */
/* What is said: texts without markup, what a hostile child may send of them,
 * their times, the journal, and the forms in which they are printed. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "decoder/texts-read.h"
#include "media/subtitle.h"
#include "protocol/texts-wire.h"
#include "report/said.h"
#include "store/speech.h"
#include "store/transcript.h"
#include "store/wall-clock.h"
#include "transcript/export.h"
#include "transcript/read.h"

#define JOB "aaaa56789012"

static char dir[64];

/* ---- texts */

static void check_plain(const char *marked, const char *expected)
{
	AUTO(mem_freep) char *event = mem_printf("7,0,Default,Ann,0,0,0,,%s", marked);
	AUTO(mem_freep) char *who = NULL;
	AUTO(mem_freep) char *text = NULL;
	subtitle_read(event, &who, &text);
	assert_string_equal(text, expected);
	assert_string_equal(who, "Ann");
}

static void markup_is_removed(void **state)
{
	(void)state;
	check_plain("Hello, world", "Hello, world");
	check_plain("{\\b1}bold{\\b0} and {\\an8\\pos(1,2)}here", "bold and here");
	check_plain("one\\Ntwo\\nthree\\hfour", "one two three four");
	check_plain("a {\\p1}m 0 0 l 5 5{\\p0}shape", "a shape");
	check_plain("\\{literal\\} \\x", "{literal} \\x");
	check_plain("an { open brace { twice", "an { open brace { twice");
	check_plain("<i>it</i> <FONT color=\"red\">red</font><c.a.b>c</c><v Roger>r<00:01.5>t",
	            "it redcrt");
	check_plain("1 < 2, x<y, <unknown> and <3", "1 < 2, x<y, <unknown> and <3");
	check_plain("A &amp; B &lt;i&gt; &unknown; &amp;lt;", "A & B <i> &unknown; &lt;");
	check_plain("\x1b[2Jred\x07 \xe2\x80\xae txet \t tab", "[2Jred txet tab");
	check_plain("   ", "");
	check_plain("bad \xff\xfe bytes", "bad \xef\xbf\xbd\xef\xbf\xbd bytes");
}

static void what_is_no_event_is_refused(void **state)
{
	(void)state;
	static const char *const lies[] = {"", "text", "0,1,2,3,4,5,6", "0,1,2,3,4,5,6,7"};
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		char *who, *text;
		subtitle_read(lies[i], &who, &text);
		assert_null(who);
		assert_null(text);
	}
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	char event[40000] = "0,0,,,0,0,0,,";
	for (size_t n = strlen(event); n + 3 < sizeof event; n += 3)
		memcpy(event + n, "\xe2\x82\xac", 4);
	AUTO(mem_freep) char *who = NULL;
	AUTO(mem_freep) char *text = NULL;
	subtitle_read(event, &who, &text);
	assert_in_range(strlen(text), TEXTS_TEXT_MAX - 10, TEXTS_TEXT_MAX);
	assert_string_equal(text + strlen(text) - 4, " …");
}

/* ---- messages */

#define TRACKS                                                                          \
	"{\"tracks\":[{\"index\":2,\"format\":\"subrip\",\"language\":\"eng\",\"title\":"   \
	"\"\",\"fault\":\"\"},{\"index\":4,\"format\":\"dvd\",\"language\":\"\",\"title\":" \
	"\"\",\"fault\":\"pictures\"},{\"index\":5,\"format\":\"ass\",\"language\":"        \
	"\"ger\",\"title\":\"T\",\"fault\":\"\"}]}"

static int read_segments(const char *segments, struct decoder_texts *t, struct err *err)
{
	json_auto_t *tracks = json_loads(TRACKS, 0, NULL), *head = json_loads(segments, 0, NULL);
	assert_non_null(head);
	assert_ok(texts_read_tracks(tracks, t, err));
	return texts_read_segments(head, t, err);
}

static void lies_of_a_child_are_found(void **state)
{
	(void)state;
	static const char *const lies[] = {
		"{}",
		"{\"at\":0}",
		"{\"at\":-1,\"segments\":[]}",
		"{\"at\":0,\"segments\":[[3,0,1,\"\",\"x\"]]}",
		"{\"at\":0,\"segments\":[[-1,0,1,\"\",\"x\"]]}",
		"{\"at\":0,\"segments\":[[1,0,1,\"\",\"x\"]]}",
		"{\"at\":0,\"segments\":[[0,-1,1,\"\",\"x\"]]}",
		"{\"at\":0,\"segments\":[[0,2,1,\"\",\"x\"]]}",
		"{\"at\":0,\"segments\":[[0,0,9223372036854775807,\"\",\"x\"]]}",
		"{\"at\":0,\"segments\":[[0,0.5,1,\"\",\"x\"]]}",
		"{\"at\":0,\"segments\":[[0,0,1,\"\",\"\"]]}",
		"{\"at\":0,\"segments\":[[0,0,1,\"\"]]}",
		"{\"at\":0,\"segments\":[[0,0,1,1,\"x\"]]}",
		"{\"at\":0,\"segments\":[[0,0,1,\"\",\"x\",1]]}",
		"{\"at\":0,\"segments\":[null]}",
	};
	struct err err;
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		AUTO(decoder_texts_clear) struct decoder_texts t = {0};
		if (read_segments(lies[i], &t, &err) != -ERR_PROTO)
			fail_msg("taken: %s", lies[i]);
	}
	AUTO(decoder_texts_clear) struct decoder_texts t = {0};
	json_auto_t *end = json_loads("{\"cut\":false,\"unread\":[0,-1,0]}", 0, NULL);
	assert_ok(read_segments("{\"at\":7,\"segments\":[[0,0,1,\"a\\nb\",\"x\\ny\"]]}", &t, &err));
	assert_string_equal(t.segments[0].text, "x y");
	assert_int_equal(texts_read_end(end, &t, &err), -ERR_PROTO);
}

/* ---- times */

static void take(const char *segments, const struct transcript_range *range,
                 struct store_transcript *ret)
{
	struct err err;
	AUTO(mem_freep) char *fault = NULL;
	AUTO(decoder_texts_clear) struct decoder_texts t = {0};
	assert_ok(read_segments(segments, &t, &err));
	t.tracks[0].unread = 3;
	transcript_take(&t, range, ret, &fault);
	assert_string_equal(fault, "");
}

static void segments_are_in_order_and_end(void **state)
{
	(void)state;
	const int64_t s = CLOCK_SECOND;
	const struct transcript_range all = {.to = 100 * s, .duration = 100 * s};
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	take("{\"at\":1,\"segments\":[[0,9000000,9000000,\"\",\"c\"],[2,1000000,1000000,\"\",\"b\"],"
	     "[0,1000000,1000000,\"A\",\"a\"],[0,98000000,200000000,\"\",\"d\"],"
	     "[0,10000000,10000000,\"\",\"e\"],[0,100000000,101000000,\"\",\"late\"]]}",
	     &all, &t);
	static const struct {
		const char *text;
		int64_t start, end;
		int track;
	} expected[] = {
		{"a", 1, 6, 2}, {"b", 1, 6, 5}, {"c", 9, 10, 2}, {"e", 10, 15, 2}, {"d", 98, 100, 2}};
	assert_int_equal(t.n_segments, ARRAY_LEN(expected));
	for (size_t i = 0; i < t.n_segments; i++) {
		assert_string_equal(t.segments[i].text, expected[i].text);
		assert_int_equal(t.segments[i].start, expected[i].start * s);
		assert_int_equal(t.segments[i].end, expected[i].end * s);
		assert_int_equal(t.segments[i].track, expected[i].track);
	}
	assert_string_equal(
		t.sources[0].fault,
		"3 of its texts cannot be decoded; 1 of its texts begins after the end of the video");
	assert_string_equal(t.sources[1].fault, "pictures");
	assert_int_equal(t.sources[0].n, 4);
	assert_int_equal(t.sources[2].n, 1);
}

static void only_the_range_is_kept(void **state)
{
	(void)state;
	const struct transcript_range part = {.from = 2000000, .to = 5000000, .duration = 9000000};
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	take("{\"at\":1,\"segments\":[[0,0,2000000,\"\",\"before\"],[0,1000000,2000001,\"\",\"a\"],"
	     "[0,4999999,8000000,\"\",\"b\"],[0,5000000,6000000,\"\",\"after\"]]}",
	     &part, &t);
	assert_int_equal(t.n_segments, 2);
	assert_string_equal(t.segments[0].text, "a");
	assert_string_equal(t.segments[1].text, "b");
}

/* ---- the journal */

static struct store *open_store(void)
{
	struct store *s = NULL;
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, "vdet.db");
	if (store_open(path, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static void add_job(struct store *s)
{
	struct err err = {0};
	const struct store_chunk chunk = {.start = 0, .end = 10};
	const struct store_job j = {.id = JOB,
	                            .key = JOB "00",
	                            .source_name = "n.mp4",
	                            .facts = "{}",
	                            .output = "/x",
	                            .state = STORE_JOB_COMPLETE};
	assert_ok(store_job_add(s, &j, &chunk, 1, 0, &err));
}

static void what_is_said_is_kept_with_its_run(void **state)
{
	(void)state;
	struct err err = {0};
	bool known = true;
	AUTO(store_freep) struct store *s = open_store();
	AUTO(store_transcript_clear) struct store_transcript t = {0}, got = {0}, none = {0};
	const struct transcript_range all = {.to = 100, .duration = 100};
	take("{\"at\":1,\"segments\":[[2,9,10,\"\",\"zeppelin\"],[0,1,5,\"Ann\",\"hello\"]]}", &all,
	     &t);
	assert_int_equal(store_transcript_save(s, JOB, STORE_SUBTITLE, "", &t, &err), -ERR_NOENT);

	add_job(s);
	assert_ok(store_transcript_known(s, JOB, STORE_SUBTITLE, &known, &err));
	assert_false(known);
	t.segments[1].conf = 0.5;
	for (int i = 0; i < 2; i++)
		assert_ok(store_transcript_save(s, JOB, STORE_SUBTITLE, "why", &t, &err));
	assert_ok(store_transcript_known(s, JOB, STORE_SUBTITLE, &known, &err));
	assert_true(known);
	assert_ok(store_transcript_load(s, JOB, &got, &err));
	assert_int_equal(got.n_sources, 4);
	assert_int_equal(got.sources[0].track, -1);
	assert_string_equal(got.sources[0].fault, "why");
	assert_int_equal(got.sources[1].n, 1);
	assert_string_equal(got.sources[3].title, "T");
	assert_int_equal(got.n_segments, 2);
	assert_string_equal(got.segments[0].who, "Ann");
	assert_string_equal(got.segments[1].text, "zeppelin");
	assert_string_equal(got.segments[1].lang, "ger");
	assert_true(got.segments[0].conf < 0);
	assert_float_equal(got.segments[1].conf, 0.5, 1e-9);

	assert_ok(store_job_remove(s, JOB, &err));
	assert_ok(store_transcript_load(s, JOB, &none, &err));
	assert_int_equal(none.n_sources + none.n_segments, 0);
}

/* ---- speech, part by part */

enum { TRACK = 1, MINUTE = 60000000 };

static void save_part(struct store *s, int64_t index, const char *engine, const char *text,
                      bool done)
{
	struct err err;
	int64_t start = index * MINUTE;
	struct store_segment g = {.start = start + 5,
	                          .end = start + 10,
	                          .kind = STORE_SPEECH,
	                          .track = TRACK,
	                          .text = (char *)text,
	                          .who = "",
	                          .lang = "en",
	                          .conf = 0.5,
	                          .words = "[[5,10,\"word\",null]]"};
	struct store_dropped d = {start + MINUTE - 1, start + MINUTE, STORE_SPEECH, TRACK, "hm",
	                          "silence"};
	const struct store_transcript t = {
		.segments = &g, .n_segments = done, .dropped = &d, .n_dropped = done};
	const struct store_speech_part part = {.track = TRACK,
	                                       .index = index,
	                                       .start = start,
	                                       .end = start + MINUTE,
	                                       .engine = (char *)engine,
	                                       .done = done,
	                                       .fault = done ? "" : "no answer"};
	assert_ok(store_speech_part_save(s, JOB, &part, &t, &err));
}

static void check_speech(struct store *s, size_t parts, size_t segments, size_t sources)
{
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	struct store_speech_part *p;
	struct err err;
	size_t n;
	assert_ok(store_speech_parts_load(s, JOB, &p, &n, &err));
	assert_int_equal(n, parts);
	store_speech_parts_free(p, n);
	assert_ok(store_transcript_load(s, JOB, &t, &err));
	assert_int_equal(t.n_segments, segments);
	assert_int_equal(t.n_dropped, segments);
	assert_int_equal(t.n_sources, sources);
}

static void speech_is_kept_part_by_part(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = mem_printf("%s/speech.db", dir);
	AUTO(store_freep) struct store *s = NULL;
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	struct store_text_source source = {STORE_SPEECH, TRACK, "whisper", "", "", "", 0, NULL};
	struct store_speech_part *p;
	struct err err;
	size_t n;
	assert_ok(store_open(path, &s, &err));
	assert_int_equal(store_speech_begin(s, JOB, "a", &source, 1, "", &err), -ERR_NOENT);
	add_job(s);

	assert_ok(store_speech_begin(s, JOB, "a", &source, 1, "", &err));
	save_part(s, 0, "a", "first", true);
	save_part(s, 1, "a", "second", false);
	check_speech(s, 2, 1, 2);
	save_part(s, 1, "a", "second", true);
	save_part(s, 0, "a", "first again", true);
	check_speech(s, 2, 2, 2);
	assert_ok(store_transcript_load(s, JOB, &t, &err));
	assert_string_equal(t.segments[0].text, "first again");
	assert_string_equal(t.segments[0].words, "[[5,10,\"word\",null]]");
	assert_string_equal(t.dropped[1].reason, "silence");
	assert_ok(store_speech_parts_load(s, JOB, &p, &n, &err));
	assert_true(p[1].done);
	assert_string_equal(p[1].fault, "");
	store_speech_parts_free(p, n);

	/* Without an engine what is there stays; another engine starts over. */
	assert_ok(store_speech_begin(s, JOB, NULL, &source, 1, "no engine", &err));
	check_speech(s, 2, 2, 2);
	save_part(s, 1, "b", "other", true);
	assert_ok(store_speech_begin(s, JOB, "b", &source, 1, "", &err));
	check_speech(s, 1, 1, 2);
	assert_ok(store_job_remove(s, JOB, &err));
	check_speech(s, 0, 0, 0);
}

static void what_is_written_has_its_place(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = mem_printf("%s/written.db", dir);
	AUTO(store_freep) struct store *s = NULL;
	AUTO(store_transcript_clear) struct store_transcript got = {0};
	AUTO(mem_freep) char *clock = NULL;
	AUTO(mem_freep) char *none = NULL;
	struct store_segment g = {.start = 1,
	                          .end = 2,
	                          .kind = STORE_WRITTEN,
	                          .text = "EXIT 24",
	                          .who = "",
	                          .lang = "",
	                          .conf = 0.9,
	                          .box = {10, 20, 3000, 400}};
	const struct store_transcript t = {.segments = &g, .n_segments = 1};
	struct err err;
	assert_ok(store_open(path, &s, &err));
	assert_int_equal(store_wall_clock_save(s, JOB, "{}", &err), -ERR_NOENT);
	add_job(s);
	assert_ok(store_transcript_save(s, JOB, STORE_WRITTEN, "", &t, &err));
	assert_ok(store_transcript_load(s, JOB, &got, &err));
	assert_int_equal(got.segments[0].box.x, 10);
	assert_int_equal(got.segments[0].box.h, 400);

	assert_ok(store_wall_clock_load(s, JOB, &none, &err));
	assert_null(none);
	assert_ok(store_wall_clock_save(s, JOB, "{}", &err));
	assert_ok(store_wall_clock_save(s, JOB, "{\"a\": 1}", &err));
	assert_ok(store_wall_clock_load(s, JOB, &clock, &err));
	assert_string_equal(clock, "{\"a\": 1}");
}

/* ---- forms */

static void check_form(const struct store_transcript *t, const char *format, const char *kinds,
                       int track, const char *expected)
{
	AUTO(buf_free) struct buf out = BUF(1 << 16);
	const struct said_choice c = {kinds, track};
	struct err err;
	assert_ok(transcript_print(t, format, &c, &out, &err));
	assert_string_equal(buf_str(&out), expected);
}

static void forms(void **state)
{
	(void)state;
	struct store_segment segments[] = {
		{.start = 1500000,
	     .end = 2000000,
	     .kind = "subtitle",
	     .track = 2,
	     .text = "a --> <b>",
	     .who = "Ann",
	     .lang = "eng",
	     .conf = -1},
		{.start = 1600000,
	     .end = 2000000,
	     .kind = "written",
	     .track = 0,
	     .text = "EXIT",
	     .who = "",
	     .lang = "",
	     .conf = 0.5,
	     .box = {1000, 2000, 500, 5000}},
		{.start = 3600000000,
	     .end = 3601001000,
	     .kind = "speech",
	     .track = 3,
	     .text = "c",
	     .who = "",
	     .lang = "",
	     .conf = 0.25,
	     .words = "[[3600000000, 3601001000, \"c\", 0.5]]"},
	};
	const struct store_transcript t = {.segments = segments, .n_segments = 3}, none = {0};
	check_form(&t, "txt", "said", SAID_ALL,
	           "[00:00:01.500 - 00:00:02.000] Ann: a --> <b>\n[01:00:00.000 - 01:00:01.001] c\n");
	check_form(&t, "srt", "speech", 3, "1\n01:00:00,000 --> 01:00:01,001\nc\n\n");
	check_form(&t, "srt", "subtitle", 3, "");
	check_form(&t, "vtt", "said", 2,
	           "WEBVTT\n\n1\n00:00:01.500 --> 00:00:02.000\n<v Ann>a --&gt; &lt;b&gt;\n\n");
	check_form(&t, "txt", "written", SAID_ALL, "[00:00:01.600 - 00:00:02.000] EXIT\n");
	check_form(&t, "txt", "all", 0, "[00:00:01.600 - 00:00:02.000] (written) EXIT\n");
	check_form(&none, "json", "said", SAID_ALL,
	           "{\n \"said\": [],\n \"said_sources\": null,\n \"dropped\": {\n  \"count\": 0,\n  "
	           "\"texts\": []\n },\n \"coverage\": \"It was not looked for subtitles in the file. "
	           "Speech was not transcribed: what is only heard is not known.\"\n}\n");
	struct err err;
	struct buf out = BUF(100);
	const struct said_choice said = {"said", SAID_ALL}, wrong = {"heard", SAID_ALL};
	assert_int_equal(transcript_print(&t, "doc", &said, &out, &err), -ERR_ARG);
	assert_int_equal(transcript_print(&t, "txt", &wrong, &out, &err), -ERR_ARG);
	assert_int_equal(transcript_print(&t, "json", &said, &out, &err), -ERR_LIMIT);
	buf_free(&out);
}

static void check_coverage(const struct store_text_source *sources, size_t n, bool known,
                           bool silent, const char *expected)
{
	AUTO(buf_free) struct buf out = BUF(1 << 12);
	const struct store_transcript t = {.sources = (struct store_text_source *)sources,
	                                   .n_sources = n};
	report_said_coverage(&t, "speech", &out);
	assert_string_equal(buf_str(&out), expected);
	assert_int_equal(said_is_known(&t, STORE_SPEECH), known);
	assert_int_equal(said_is_silent(&t), silent);
}

/* That there is no sound, that it was not listened to, and that no one speaks
 * are three things. */
static void what_is_known_of_speech(void **state)
{
	(void)state;
	const struct store_text_source all = {STORE_SPEECH, -1, "", "", "", "", 0, NULL},
								   failed = {STORE_SPEECH, -1, "", "", "", "why", 0, NULL},
								   track = {STORE_SPEECH, 1, "aac", "", "", "", 0, NULL},
								   bad = {STORE_SPEECH, 1, "aac", "", "", "why", 0, NULL};
	const struct store_text_source heard[] = {all, track}, not_heard[] = {all, bad};
	check_coverage(NULL, 0, false, false,
	               "Speech was not transcribed: what is only heard is not known.");
	check_coverage(&all, 1, true, true, "The file has no sound.");
	check_coverage(&failed, 1, false, false, "No speech is known: why.");
	check_coverage(heard, 2, true, false, "No speech was recognized.");
	check_coverage(not_heard, 2, false, false, "No speech is known: track 1: why.");
}

/* Both lists, with what only speech and only written text have. */
static void forms_of_recognized_text(void **state)
{
	(void)state;
	const struct said_choice all = {"all", SAID_ALL}, speech = {"speech", SAID_ALL};
	struct store_segment segments[] = {
		{1000000,
	     2000000,
	     "speech",
	     1,
	     "a b",
	     "",
	     "",
	     0.25,
	     {0},
	     "[[1000000, 1200000, \"a\", 0.5], [1300000, 2000000, \"b\", null], [1, 2], 3]"},
		{1000000, 2000000, "speech", 1, "no words", "", "", -1, {0}, "broken"},
		{1600000, 2000000, "written", 0, "EXIT", "", "", 0.5, {1000, 2000, 500, 5000}, NULL},
		{1600000, 2000000, "written", 0, "no box", "", "", 0.5, {0}, NULL},
		{1600000, 2000000, "odd", 0, "of no kind that is known", "", "", 0.5, {0}, NULL},
	};
	struct store_dropped dropped[] = {{1, 2, "speech", 1, "Thanks.", "over silence"},
	                                  {3, 4, "speech", 1, "Thanks.", "over silence"},
	                                  {5, 6, "written", 0, "|||", "not a word"}};
	const struct store_transcript t = {
		.segments = segments, .n_segments = 5, .dropped = dropped, .n_dropped = 3};
	json_auto_t *said = report_said_json(&t, &all), *written = report_written_json(&t, &all);
	assert_int_equal(json_array_size(said), 2);
	assert_int_equal(json_array_size(written), 2);
	const json_t *words = json_object_get(json_array_get(said, 0), "words");
	assert_int_equal(json_array_size(words), 2);
	assert_float_equal(json_number_value(json_object_get(json_array_get(words, 1), "start")), 1.3,
	                   1e-9);
	assert_true(json_is_null(json_object_get(json_array_get(words, 1), "confidence")));
	assert_true(json_is_null(json_object_get(json_array_get(said, 1), "words")));
	const json_t *box = json_object_get(json_array_get(written, 0), "box");
	assert_float_equal(json_number_value(json_object_get(box, "height")), 0.5, 1e-9);
	assert_true(json_is_null(json_object_get(json_array_get(written, 1), "box")));

	json_auto_t *few = report_dropped_json(&t, &speech, true),
				*count = report_dropped_json(&t, &all, false);
	assert_int_equal(json_array_size(json_object_get(few, "texts")), 2);
	assert_int_equal(json_integer_value(json_object_get(count, "count")), 3);
	assert_true(json_is_null(json_object_get(count, "texts")));
	AUTO(buf_free) struct buf text = BUF(1000);
	report_dropped_text(&t, "all", &text);
	assert_string_equal(buf_str(&text),
	                    "3 texts were recognized and left out: over silence (2), not a word (1)");
}

/* What was not looked for is another thing than what was not found. */
static void coverage_says_what_is_not_known(void **state)
{
	(void)state;
	struct store_text_source sources[] = {
		{"speech", -1, "", "", "", "the engine ended", 0, NULL},
		{"speech", 1, "aac", "", "", "the engine ended", 1, "an engine"},
		{"written", -1, "", "", "", "", 0, NULL},
	};
	struct store_segment segments[] = {{1, 2, "speech", 1, "a", "", "", -1, {0}, NULL}};
	const struct store_transcript t = {
		.sources = sources, .n_sources = 3, .segments = segments, .n_segments = 1};
	AUTO(buf_free) struct buf text = BUF(1000);
	report_said_coverage(&t, "all", &text);
	assert_string_equal(
		buf_str(&text),
		"It was not looked for subtitles in the file. 1 text of speech was recognized (an engine), "
		"and may have errors. Not complete: the engine ended. No text in the picture was "
		"recognized.");

	/* What failed is not what is not there. */
	const struct store_transcript failed = {.sources = sources, .n_sources = 2};
	buf_clear(&text);
	report_said_coverage(&failed, "speech", &text);
	assert_string_equal(buf_str(&text), "No speech is known: the engine ended.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_is_removed),
		cmocka_unit_test(what_is_no_event_is_refused),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(lies_of_a_child_are_found),
		cmocka_unit_test(segments_are_in_order_and_end),
		cmocka_unit_test(only_the_range_is_kept),
		cmocka_unit_test(what_is_said_is_kept_with_its_run),
		cmocka_unit_test(speech_is_kept_part_by_part),
		cmocka_unit_test(what_is_written_has_its_place),
		cmocka_unit_test(forms),
		cmocka_unit_test(what_is_known_of_speech),
		cmocka_unit_test(forms_of_recognized_text),
		cmocka_unit_test(coverage_says_what_is_not_known),
	};
	snprintf(dir, sizeof dir, "/tmp/vdet-transcript-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	struct err err;
	file_remove_tree(dir, &err);
	return failed;
}
