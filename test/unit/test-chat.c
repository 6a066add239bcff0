/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "net/chat/chat-reply.h"
#include "net/chat/chat-request.h"
#include "net/chat/chat-scan.h"
#include "net/chat/chat-scope.h"

/* ---- the scanner */

struct taken {
	struct buf data[4];
	size_t n, ended;
	bool fail;
};

static int begin(void *ctx, struct err *err)
{
	struct taken *t = ctx;
	(void)err;
	assert_true(t->n < ARRAY_LEN(t->data));
	t->data[t->n++] = BUF(1 << 20);
	return 0;
}

static int add(void *ctx, const void *data, size_t len, struct err *err)
{
	struct taken *t = ctx;
	return t->fail ? err_set(err, ERR_LIMIT, "too much") : buf_add(&t->data[t->n - 1], data, len);
}

static int end(void *ctx, struct err *err)
{
	struct taken *t = ctx;
	(void)err;
	t->ended++;
	return 0;
}

static const struct chat_scan_sink sink = {begin, add, end};

static void clear(struct taken *t)
{
	for (size_t i = 0; i < t->n; i++)
		buf_free(&t->data[i]);
	*t = (struct taken){0};
}

/* Scans a text in pieces of so many bytes. */
static int scan(const char *text, size_t piece, struct taken *t, char **ret, struct err *err)
{
	AUTO(chat_scan_freep) struct chat_scan *s = chat_scan_new(&sink, t);
	const struct buf *out;
	size_t len = strlen(text);
	int r = 0;
	for (size_t at = 0; r == 0 && at < len; at += piece)
		r = chat_scan_add(s, text + at, at + piece < len ? piece : len - at, err);
	if (r == 0)
		r = chat_scan_end(s, &out, err);
	if (r == 0)
		*ret = mem_strdup(buf_str(out));
	return r;
}

static void expect(const char *text, const char *want, const char *data)
{
	for (size_t piece = 1; piece < 9; piece++) {
		struct taken t = {0};
		struct err err;
		AUTO(mem_freep) char *out = NULL;
		assert_int_equal(scan(text, piece, &t, &out, &err), 0);
		assert_string_equal(out, want);
		assert_int_equal(t.n, data ? 1 : 0);
		assert_int_equal(t.ended, t.n);
		if (data)
			assert_string_equal(buf_str(&t.data[0]), data);
		clear(&t);
	}
}

static void data_is_taken_out(void **state)
{
	(void)state;
	expect("{\"url\": \"data:video/mp4;base64,aGVsbG8=\"}", "{\"url\": \"data:video/mp4;vdet=0\"}",
	       "hello");
	expect("[\"DATA:Video/MP4;codecs=avc1;BASE64,aGVsbG8\"]",
	       "[\"data:Video/MP4;codecs=avc1;vdet=0\"]", "hello");
	/* escapes, as of PHP; white space; the alphabet for addresses */
	expect("[\"\\u0064ata:video\\/mp4;base64,Pz8\\/ Pz\\n8_\"]", "[\"data:video/mp4;vdet=0\"]",
	       "?\?\?\?\?\?");
	expect("[\"data:;base64,aGk=\"]", "[\"data:;vdet=0\"]", "hi");
	/* without data: it is data of a name, and not too short */
#define FOUR(s) s s s s
	expect("{\"data\": \"" FOUR(FOUR("YWJj")) FOUR("YWJj") "\"}", "{\"data\": \"data:;vdet=0\"}",
	       FOUR(FOUR("abc")) FOUR("abc"));
}

static void other_texts_stay(void **state)
{
	static const char *const texts[] = {
		"{\"a\": \"b\\\"c\", \"data\": [\"x\"], \"e\": 1.5}",
		"{\"data\": \"https://example.org/" FOUR(FOUR("aaaaa")) "\"}",
		"{\"data\": \"aGVsbG8=\"}",
		"[\"data:text/plain,hello\", \"data\", \"dat\\\\a:\", \"\"]",
		"[\"data:video/mp4;base64\"]",
		"[\"\\u00e9t\\u00e9\", \"\\ud83d\\ude00\", \"été\"]",
		"{\"text\": \"" FOUR(FOUR("AAAAA")) "\"}",
		"not json at all \\ {]",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		expect(texts[i], texts[i], NULL);
}

static void wrong_data_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} cases[] = {
		{"[\"data:video/mp4;base64,aGV!bG8=\"]", ERR_FORMAT},
		{"[\"data:video/mp4;base64,aGVsbG8=aGVs\"]", ERR_FORMAT},
		{"[\"data:video/mp4;base64,aGVsb\"]", ERR_FORMAT},
		{"[\"data:video/mp4;base64,aGVs\\u00e9\"]", ERR_FORMAT},
		{"[\"data:video/mp4;base64,aGVsbG8", ERR_FORMAT},
		{"[\"dat", ERR_FORMAT},
		{"[\"data:video/mp4;base64,aGVs\\\"bG8=\"]", ERR_FORMAT},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t piece = 1; piece < 5; piece++) {
			struct taken t = {0};
			struct err err;
			AUTO(mem_freep) char *out = NULL;
			assert_int_equal(scan(cases[i].text, piece, &t, &out, &err), -(int)cases[i].code);
			clear(&t);
		}
	struct taken t = {.fail = true};
	struct err err;
	AUTO(mem_freep) char *out = NULL;
	assert_int_equal(scan("[\"data:;base64,aGk=\"]", 3, &t, &out, &err), -ERR_LIMIT);
	clear(&t);
}

static void a_long_text_is_refused(void **state)
{
	struct taken t = {0};
	struct err err;
	AUTO(mem_freep) char *text = mem_alloc(CHAT_SCAN_TEXT_MAX + 100, 1), *out = NULL;
	(void)state;
	memset(text, ' ', CHAT_SCAN_TEXT_MAX + 50);
	assert_int_equal(scan(text, 4096, &t, &out, &err), -ERR_LIMIT);
}

/* ---- the request */

static int read_request(const char *text, size_t n_data, struct chat_request *ret, struct err *err)
{
	json_auto_t *j = json_loads(text, 0, NULL);
	assert_non_null(j);
	return chat_request_read(j, n_data, ret, err);
}

#define ASK(parts) \
	"{\"model\": \"vdet\", \"messages\": [{\"role\": \"user\", \"content\": [" parts "]}]}"
#define WHAT "{\"type\": \"text\", \"text\": \"What?\"}, "

static void parts_with_videos_are_read(void **state)
{
	static const struct {
		const char *text, *url, *name;
	} cases[] = {
		{ASK(WHAT "{\"type\": \"video_url\", \"video_url\": {\"url\": \"https://a.b/c.mp4\"}}"),
	     "https://a.b/c.mp4", ""},
		{ASK(WHAT "{\"type\": \"video_url\", \"video_url\": \"http://a.b/c.mp4\"}"),
	     "http://a.b/c.mp4", ""},
		{ASK(WHAT "{\"type\": \"video_url\", \"video_url\": {\"url\": \"data:video/mp4;vdet=1\"}}"),
	     NULL, ""},
		{ASK(WHAT "{\"type\": \"input_video\", \"input_video\": {\"data\": \"data:;vdet=1\"}}"),
	     NULL, ""},
		{ASK(WHAT "{\"type\": \"input_video\", \"input_video\": {\"url\": \"https://a.b/c\"}}"),
	     "https://a.b/c", ""},
		{ASK(WHAT "{\"type\": \"video\", \"video\": \"https://a.b/c\"}"), "https://a.b/c", ""},
		{ASK(WHAT "{\"type\": \"file\", \"file\": {\"file_data\": \"data:video/webm;vdet=1\", "
	              "\"filename\": \"x.webm\"}}"),
	     NULL, "x.webm"},
		{ASK(WHAT
	         "{\"type\": \"input_file\", \"file_url\": \"https://a.b/c\", \"filename\": \"x\"}"),
	     "https://a.b/c", "x"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(chat_request_clear) struct chat_request q = {0};
		struct err err = {0};
		assert_int_equal(read_request(cases[i].text, 2, &q, &err), 0);
		assert_string_equal(q.question, "What?");
		assert_int_equal(q.n_videos, 1);
		if (cases[i].url)
			assert_string_equal(q.videos[0].url, cases[i].url);
		else
			assert_int_equal(q.videos[0].data, 1);
		assert_true(cases[i].url || !q.videos[0].url);
		assert_string_equal(q.videos[0].name, cases[i].name);
	}
}

static void wrong_requests_are_refused(void **state)
{
	static const struct {
		const char *text, *says;
		enum err_code code;
	} cases[] = {
		{"{\"messages\": []}", "no model", ERR_NOENT},
		{"{\"model\": \"gpt-9\", \"messages\": []}", "no model \"gpt-9\"", ERR_NOENT},
		{"{\"model\": \"vdet\"}", "\"messages\"", ERR_ARG},
		{"{\"model\": \"vdet\", \"messages\": [7]}", "\"role\"", ERR_ARG},
		{"{\"model\": \"vdet\", \"messages\": [{\"role\": \"system\", \"content\": \"x\"}]}",
	     "no question", ERR_ARG},
		{"{\"model\": \"vdet\", \"messages\": [{\"role\": \"user\", \"content\": \" \\n\"}]}",
	     "no question", ERR_ARG},
		{"{\"model\": \"vdet\", \"messages\": [{\"role\": \"user\", \"content\": 5}]}",
	     "messages[0]", ERR_ARG},
		{ASK("{\"type\": \"image_url\", \"image_url\": {}}"), "image_url", ERR_UNSUPPORTED},
		{ASK("{\"type\": \"video_url\", \"video_url\": {}}"), "https://", ERR_ARG},
		{ASK("{\"type\": \"video_url\", \"video_url\": {\"url\": \"file:///etc/passwd\"}}"),
	     "https://", ERR_ARG},
		{ASK("{\"type\": \"video_url\", \"video_url\": {\"url\": \"data:video/mp4,x\"}}"), "base64",
	     ERR_ARG},
		{ASK("{\"type\": \"video_url\", \"video_url\": {\"url\": \"data:video/mp4;vdet=2\"}}"),
	     "not sent", ERR_ARG},
		{ASK("{\"type\": \"video_url\", \"video_url\": {\"url\": \"data:image/png;vdet=0\"}}"),
	     "image/png", ERR_UNSUPPORTED},
		{ASK("{\"type\": \"input_video\", \"input_video\": {\"data\": \"!!\"}}"), "base64",
	     ERR_ARG},
		{ASK("{\"type\": \"video\", \"video\": [\"a.jpg\"]}"), "list of pictures", ERR_UNSUPPORTED},
		{ASK("{\"type\": \"file\", \"file\": {\"file_id\": \"file-1\"}}"), "\"model\"",
	     ERR_UNSUPPORTED},
		{"{\"model\": \"vdet\", \"n\": 2, \"messages\": []}", "\"n\"", ERR_UNSUPPORTED},
		{"{\"model\": \"vdet\", \"stream\": 1, \"messages\": []}", "\"stream\"", ERR_ARG},
		{"{\"model\": \"vdet\", \"response_format\": {\"type\": \"json_object\"}}",
	     "response_format", ERR_UNSUPPORTED},
		{"{\"model\": \"vdet\", \"vdet\": {\"fast\": true}, \"messages\": []}", "fast", ERR_ARG},
		{"{\"model\": \"vdet\", \"vdet\": 7, \"messages\": []}", "\"vdet\"", ERR_ARG},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(chat_request_clear) struct chat_request q = {0};
		struct err err = {0};
		int r = read_request(cases[i].text, 1, &q, &err);
		if (r != -(int)cases[i].code || !strstr(err.msg, cases[i].says))
			fail_msg("%s: %d %s", cases[i].text, r, err.msg);
	}
}

static void a_conversation_has_one_question(void **state)
{
	AUTO(chat_request_clear) struct chat_request q = {0};
	struct err err = {0};
	(void)state;
	assert_int_equal(
		read_request(
			"{\"model\": \"vdet/a.mp4\", \"stream\": true, \"temperature\": 0.2, "
			"\"stream_options\": {\"include_usage\": true}, \"vdet\": {\"thorough\": true, "
			"\"budget\": \"60s\"}, \"messages\": ["
			"{\"role\": \"system\", \"content\": \"Be brief.\"},"
			"{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"Who?\"}, "
			"{\"type\": \"video\", \"video\": \"https://a.b/c\"}]},"
			"{\"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"A man.\"}]},"
			"{\"role\": \"user\", \"content\": ["
			"{\"type\": \"video\", \"video\": \"https://a.b/c\"}, "
			"{\"type\": \"text\", \"text\": \"And\"}, {\"type\": \"text\", \"text\": \"then?\"}]},"
			"{\"role\": \"assistant\", \"content\": null}]}",
			0, &q, &err),
		0);
	assert_string_equal(q.question, "And\nthen?");
	assert_string_equal(q.asked, "Who?");
	assert_string_equal(q.said, "A man.");
	assert_string_equal(q.about, "a.mp4");
	assert_string_equal(q.model, "vdet/a.mp4");
	assert_string_equal(q.budget, "60s");
	assert_int_equal(q.n_videos, 1);
	assert_true(q.stream && q.usage && q.thorough && !q.again);
}

/* ---- names */

static void names_find_videos(void **state)
{
	json_auto_t *videos = json_loads(
		"{\"videos\": [{\"id\": \"1\", \"name\": \"a.mp4\", \"names\": [\"a.mp4\", \"b.mp4\"]},"
		"{\"id\": \"2\", \"name\": \"a.mp4\", \"names\": [\"a.mp4\"]},"
		"{\"id\": \"3\", \"name\": \"case-7\", \"names\": [\"case-7\"]},"
		"{\"id\": \"4\", \"name\": \"c d.mp4\", \"names\": [\"c d.mp4\"]}]}",
		0, NULL);
	json_auto_t *cases = json_loads("{\"cases\": [{\"id\": \"7\", \"name\": \"x\"}]}", 0, NULL);
	const json_t *video, *one_case;
	struct err err;
	(void)state;
	assert_int_equal(chat_scope_find(videos, cases, "b.mp4", &video, &one_case, &err), 0);
	assert_string_equal(json_string_value(video), "1");
	assert_null(one_case);
	assert_int_equal(chat_scope_find(videos, cases, "video-2", &video, &one_case, &err), 0);
	assert_string_equal(json_string_value(video), "2");
	assert_int_equal(chat_scope_find(videos, cases, "a.mp4", &video, &one_case, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "vdet/video-1 (a.mp4), vdet/video-2 (a.mp4)"));
	assert_int_equal(chat_scope_find(videos, cases, "case-7", &video, &one_case, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "vdet/case-7 (x)"));
	assert_int_equal(chat_scope_find(videos, cases, "z", &video, &one_case, &err), -ERR_NOENT);
	assert_int_equal(chat_scope_find(videos, cases, "", &video, &one_case, &err), -ERR_NOENT);
	json_object_clear(json_array_get(json_object_get(videos, "videos"), 2));
	assert_int_equal(chat_scope_find(videos, cases, "case-7", &video, &one_case, &err), 0);
	assert_null(video);
	assert_string_equal(json_string_value(one_case), "7");
}

static void each_model_names_one_thing(void **state)
{
	static const char *const want[] = {"vdet",         "vdet/video-1", "vdet/video-2",
	                                   "vdet/video-3", "vdet/c d.mp4", "vdet/case-7"};
	json_auto_t *videos = json_loads(
		"{\"videos\": [{\"id\": \"1\", \"name\": \"a.mp4\", \"names\": [\"a.mp4\", \"b.mp4\"]},"
		"{\"id\": \"2\", \"name\": \"a.mp4\", \"names\": [\"a.mp4\"]},"
		"{\"id\": \"3\", \"name\": \"case-7\", \"names\": [\"case-7\"]},"
		"{\"id\": \"4\", \"name\": \"c d.mp4\", \"names\": [\"c d.mp4\"]}]}",
		0, NULL);
	json_auto_t *cases = json_loads("{\"cases\": [{\"id\": \"7\", \"name\": \"x\"}]}", 0, NULL);
	json_auto_t *models = chat_scope_models(videos, cases);
	const json_t *list = json_object_get(models, "data");
	(void)state;
	assert_int_equal(json_array_size(list), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const char *id = json_text(json_array_get(list, i), "id");
		assert_string_equal(id, want[i]);
		json_auto_t *one = chat_scope_model(videos, cases, id);
		/* case-7 is the name of a video, too */
		assert_true(one || strcmp(id, "vdet/case-7") == 0);
	}
	assert_null(chat_scope_model(videos, cases, "vdet/none"));
	assert_null(chat_scope_model(videos, cases, "gpt"));
}

/* ---- the reply */

static char *link_of(void *ctx, const struct answer_source *source, int64_t time)
{
	(void)ctx;
	return *source->job ? mem_printf("http://h/#/video/%s?t=%.3f", source->job, (double)time / 1e6)
	                    : NULL;
}

static void marks_become_annotations(void **state)
{
	static struct answer_source sources[] = {{.name = "a.mp4", .job = "9"},
	                                         {.name = "b.mp4", .job = ""}};
	static struct answer_cite cites[] = {{.source = 0, .start = 61000000, .end = 62000000},
	                                     {.source = 1, .start = 0, .end = 0}};
	const struct answer a = {.text = "Été [1] [2], [3] [x] [1].",
	                         .state = ANSWER_ANSWERED,
	                         .sources = sources,
	                         .n_sources = 2,
	                         .cites = cites,
	                         .n_cites = 2};
	json_auto_t *all = chat_annotations(&a, link_of, NULL);
	(void)state;
	assert_int_equal(json_array_size(all), 2); /* [2] has no link, [3] is none */
	for (size_t i = 0; i < 2; i++) {
		const json_t *c = json_object_get(json_array_get(all, i), "url_citation");
		assert_int_equal(json_integer_value(json_object_get(c, "start_index")), i ? 21 : 4);
		assert_int_equal(json_integer_value(json_object_get(c, "end_index")), i ? 24 : 7);
		assert_string_equal(json_text(c, "url"), "http://h/#/video/9?t=61.000");
		assert_string_equal(json_text(c, "title"), "a.mp4 1:01");
	}
}

static void a_stream_ends_with_usage(void **state)
{
	const struct chat_head h = {"chatcmpl-1", "vdet", 5};
	AUTO(buf_free) struct buf out = BUF(1 << 16);
	const struct chat_end e = {.own = json_pack("{s:i}", "x", 1), .reason = "stop"};
	(void)state;
	chat_add_text(&out, &h, "content", "a\nb");
	chat_add_end(&out, &h, &e, true);
	chat_add_done(&out);
	static const char *const want[] = {"\"delta\":{\"content\":\"a\\nb\"}",
	                                   "\"finish_reason\":null",
	                                   "\"finish_reason\":\"stop\"",
	                                   "\"vdet\":{\"x\":1}",
	                                   "\"choices\":[],\"usage\":{\"prompt_tokens\":0",
	                                   "data: [DONE]\n\n"};
	const char *at = buf_str(&out);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		at = strstr(at, want[i]);
		assert_non_null(at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_is_taken_out),
		cmocka_unit_test(other_texts_stay),
		cmocka_unit_test(wrong_data_is_refused),
		cmocka_unit_test(a_long_text_is_refused),
		cmocka_unit_test(parts_with_videos_are_read),
		cmocka_unit_test(wrong_requests_are_refused),
		cmocka_unit_test(a_conversation_has_one_question),
		cmocka_unit_test(names_find_videos),
		cmocka_unit_test(each_model_names_one_thing),
		cmocka_unit_test(marks_become_annotations),
		cmocka_unit_test(a_stream_ends_with_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
