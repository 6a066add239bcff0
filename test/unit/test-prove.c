/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of an answer or a report that may be hostile, and what is said
 * of a frame. */
#include "unit.h"

#include <string.h>

#include "answer/answer.h"
#include "prove/frames.h"
#include "prove/proof.h"
#include "prove/read.h"

#define HEX "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""

static const char report[] =
	"{\"format\": \"vdet-report/2\", \"source\": {\"name\": \"a.mp4\", \"sha256\": " HEX "},"
	" \"options\": {\"media.stream\": \"2\", \"media.gaps\": \"keep\", \"media.rate\": \"12.5\"},"
	" \"events\": [{\"parts\": [{\"start\": 1, \"end\": 2.5, \"what\": \"A\\ncar.\","
	" \"frames\": [{\"pts\": 1.25, \"sample\": 0}, {\"pts\": 2, \"sample\": 1}],"
	" \"check\": {\"verdict\": \"shown\"}}, {\"start\": 3, \"end\": 3, \"what\": \"B\","
	" \"frames\": [], \"check\": null}]}],"
	" \"states\": [{\"parts\": [{\"start\": 0, \"end\": 9, \"what\": \"C\","
	" \"frames\": [{\"pts\": 1.25}]}]}],"
	" \"identities\": [{\"pts\": 2, \"planes_sha256\": null},"
	" {\"pts\": 1.25, \"planes_sha256\": " HEX
	", \"planes_format\": \"gray 8x8\", \"decode_path\": \"software\"}]}";

static int read_text(const char *text, struct cited_file **ret, struct err *err)
{
	json_auto_t *j = json_loads(text, 0, NULL);
	assert_non_null(j);
	return cited_read(j, ret, err);
}

static void test_report(void **state)
{
	(void)state;
	AUTO(cited_file_freep) struct cited_file *f = NULL;
	struct err err = {0};
	if (read_text(report, &f, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(f->is_report && f->n_sources == 1 && f->n_cites == 3);
	const struct cited_source *s = &f->sources[0];
	assert_string_equal(s->name, "a.mp4");
	assert_int_equal(s->stream, 2);
	assert_string_equal(s->gaps, "keep");
	assert_true(s->rate == 12.5);
	const struct cited *c = &f->cites[0];
	assert_string_equal(c->text, "A car.");
	assert_int_equal(c->end, 2500000);
	assert_int_equal(c->verdict, VERDICT_SHOWN);
	assert_int_equal(c->n_frames, 2);
	assert_string_equal(c->frames[0].planes_format, "gray 8x8");
	assert_int_equal(strlen(c->frames[0].planes_sha256), 64);
	assert_string_equal(c->frames[1].planes_sha256, "");
	assert_int_equal(f->cites[1].verdict, VERDICT_NONE);
	assert_string_equal(f->cites[2].frames[0].decode_path, "software");
}

static void test_answer(void **state)
{
	(void)state;
	AUTO(cited_file_freep) struct cited_file *f = NULL;
	AUTO(answer_freep) struct answer *a = NULL;
	struct err err = {0};
	json_auto_t *j = json_load_file(VDET_SOURCE_ROOT "/test/fuzz/corpus/answer/full", 0, NULL);
	assert_non_null(j);
	assert_ok(answer_read(j, &a, &err));
	assert_true(a->n_cites > 1);
	if (cited_read(j, &f, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(f->is_report);
	assert_string_equal(f->question, a->question);
	assert_string_equal(f->text, a->text);
	assert_int_equal(f->n_sources, a->n_sources);
	assert_int_equal(f->n_cites, a->n_cites);
	for (size_t i = 0; i < a->n_cites; i++) {
		const struct answer_cite *want = &a->cites[i];
		const struct cited *c = &f->cites[i];
		assert_int_equal(c->source, want->source);
		assert_string_equal(c->text, want->text);
		assert_int_equal(c->start, want->start);
		assert_int_equal(c->seen, want->sense == SENSE_SEEN);
		assert_int_equal(c->n_frames, want->n_frames);
		for (size_t k = 0; k < c->n_frames; k++) {
			assert_int_equal(c->frames[k].pts, want->frames[k].pts);
			assert_string_equal(c->frames[k].planes_sha256, want->frames[k].planes_sha256);
			assert_string_equal(c->frames[k].planes_format, want->frames[k].planes_format);
		}
	}
	assert_null(f->sources[0].gaps);
}

/* The report with one piece of it replaced. */
static char *changed_report(const char *from, const char *to)
{
	const char *at = strstr(report, from);
	assert_non_null(at);
	return mem_printf("%.*s%s%s", (int)(at - report), report, to, at + strlen(from));
}

static void test_bad_reports(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *message;
	} cases[] = {
		{"vdet-report/2", "vdet-report/9", "vdet-report/9"},
		{"\"format\"", "\"formats\"", "no \"format\""},
		{HEX, "\"ABC\"", "SHA-256"},
		{"\"start\": 1,", "\"start\": \"1\",", "parts[0]"},
		{"\"start\": 1,", "\"start\": -1,", "time"},
		{"\"start\": 1,", "\"start\": 1e300,", "time"},
		{"\"start\": 3,", "\"start\": 4,", "ends before"},
		{"{\"pts\": 1.25, \"sample\"", "{\"sample\"", "pts"},
		{"\"planes_sha256\": null", "\"planes_sha256\": \"x\"", "identities[0]"},
		{"\"planes_sha256\": null", "\"gray\": \"12\"", "16x9"},
		{"\"frames\": [{\"pts\": 1.25}]", "\"frames\": [7]", "parts[2]"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(cited_file_freep) struct cited_file *f = NULL;
		AUTO(mem_freep) char *text = changed_report(cases[i].from, cases[i].to);
		struct err err = {0};
		assert_true(read_text(text, &f, &err) < 0);
		if (!strstr(err.msg, cases[i].message))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, cases[i].message);
	}
	/* Options of a report that are none are not used. */
	AUTO(cited_file_freep) struct cited_file *f = NULL;
	AUTO(mem_freep)
	char *text = changed_report("\"2\", \"media.gaps\": \"keep\"",
	                            "\"-7\", \"media.gaps\": \"/etc/passwd\"");
	assert_ok(read_text(text, &f, NULL));
	assert_int_equal(f->sources[0].stream, -1);
	assert_string_equal(f->sources[0].gaps, "auto");
}

static const char *then_gray = "", *now_gray = "";

static enum found_match compare(const char *then, const char *then_path, const char *now,
                                const char *now_path)
{
	const struct cited_frame c = {.planes_sha256 = (char *)then,
	                              .planes_format = "",
	                              .decode_path = (char *)then_path,
	                              .gray = (char *)then_gray};
	const struct found_frame f = {.planes_sha256 = (char *)now,
	                              .planes_format = "",
	                              .decode_path = (char *)now_path,
	                              .gray = (char *)now_gray,
	                              .fault = ""};
	return found_compare(&c, &f);
}

static void test_compare(void **state)
{
	(void)state;
	assert_int_equal(compare("a", "software", "a", "sequential"), FOUND_SAME);
	assert_int_equal(compare("a", "hardware", "a", "software"), FOUND_SAME);
	assert_int_equal(compare("a", "software", "b", "keyframe"), FOUND_OTHER);
	assert_int_equal(compare("a", "hardware", "b", "software"), FOUND_ELSEWISE);
	assert_int_equal(compare("a", "software", "b", "concealed"), FOUND_ELSEWISE);
	assert_int_equal(compare("a", "", "b", "software"), FOUND_ELSEWISE);
	assert_int_equal(compare("", "software", "b", "software"), FOUND_NO_IDENTITY);
	assert_int_equal(compare("a", "software", "", "software"), FOUND_NO_IDENTITY);
	const struct cited_frame c = {.pts = 1, .planes_sha256 = "a"};
	const struct found_frame later = {.pts = 2, .planes_sha256 = "a", .fault = ""},
							 broken = {.pts = 1, .planes_sha256 = "a", .fault = "x"};
	assert_int_equal(found_compare(&c, &later), FOUND_GONE);
	assert_int_equal(found_compare(&c, &broken), FOUND_GONE);
	const struct found_frame lost = {.pts = 1, .planes_sha256 = "", .fault = "x", .lost = true};
	assert_int_equal(found_compare(&c, &lost), FOUND_LOST);
}

/* Where samples differ, how it looks is compared. */
static void test_alike(void **state)
{
	(void)state;
	then_gray = "10204080ff";
	now_gray = "10214080fd"; /* by 0.6 on average */
	assert_int_equal(compare("a", "software", "a", "software"), FOUND_SAME);
	assert_int_equal(compare("a", "software", "b", "software"), FOUND_ALIKE);
	assert_int_equal(compare("a", "concealed", "b", "software"), FOUND_ALIKE);
	now_gray = "10204080e0"; /* one cell is another one */
	assert_int_equal(compare("a", "software", "b", "software"), FOUND_OTHER);
	assert_int_equal(compare("a", "hardware", "b", "software"), FOUND_OTHER);
	assert_int_equal(compare("a", "concealed", "b", "software"), FOUND_ELSEWISE);
	assert_int_equal(compare("a", "software", "b", "salvage"), FOUND_ELSEWISE);
	now_gray = "";
	assert_int_equal(compare("a", "software", "b", "software"), FOUND_OTHER);
	then_gray = "";
}

static void test_result(void **state)
{
	(void)state;
	AUTO(proof_clear) struct proof p = {0};
	assert_int_equal(proof_result(&p), PROOF_HOLDS);
	proof_add(&p, PROOF_HOLDS, PROOF_SIGNATURE, 0, "%s", "a\x1b[2J\nb");
	assert_int_equal(proof_result(&p), PROOF_HOLDS);
	assert_string_equal(p.lines[0].text, "a [2J b");
	proof_add(&p, PROOF_UNCHECKED, PROOF_SOURCE, 1, "b");
	assert_int_equal(proof_result(&p), PROOF_UNCHECKED);
	proof_add(&p, PROOF_FAILS, PROOF_CLAIM, 2, "c");
	assert_int_equal(proof_result(&p), PROOF_FAILS);
	json_auto_t *j = proof_json(&p);
	assert_string_equal(json_string_value(json_object_get(j, "result")), "fails");
	const json_t *last = json_array_get(json_object_get(j, "lines"), 2);
	assert_int_equal(json_integer_value(json_object_get(last, "number")), 2);
	assert_string_equal(json_string_value(json_object_get(last, "about")), "claim");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),      cmocka_unit_test(test_answer),
		cmocka_unit_test(test_bad_reports), cmocka_unit_test(test_compare),
		cmocka_unit_test(test_alike),       cmocka_unit_test(test_result),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
