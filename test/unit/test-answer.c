/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: their names, reading, and the forms that they are written in. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "answer-help.h"
#include "base/file.h"

static void every_value_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < ANSWER_STATES; i++)
		assert_true(*answer_state_name((enum answer_state)i));
	for (int i = 0; i < ASK_KINDS; i++)
		assert_true(*answer_kind_name((enum answer_kind)i));
	for (int i = 0; i < SENSES; i++)
		assert_true(*answer_sense_name((enum answer_sense)i));
	assert_string_equal(answer_state_name(ANSWER_NOT_SEEN), "not-seen");
	assert_string_equal(answer_state_name(ANSWER_STATES), "");
	assert_string_equal(answer_kind_name(ASK_LIST), "list");
	assert_string_equal(answer_sense_name(SENSE_WRITTEN), "written");
}

static void unknown_values_are_null(void **state)
{
	(void)state;
	AUTO(answer_freep) struct answer *a = answer_who();
	json_auto_t *j = answer_json(a);
	static const char *const nulls[] = {"thread", "changed", "choice", "count", "price"};
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		assert_true(json_is_null(json_object_get(j, nulls[i])));
	const json_t *source = json_array_get(json_object_get(j, "sources"), 0);
	assert_true(json_is_null(json_object_get(source, "stream")));
	assert_true(json_is_null(json_object_get(source, "unseen")));
	const json_t *cite = json_array_get(json_object_get(j, "cites"), 0);
	assert_true(json_real_value(json_object_get(cite, "start")) == 2467.12);
	const json_t *claim = json_array_get(json_object_get(j, "claims"), 1);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(claim, "cites"), 0)), 2);
}

static char *dump(const json_t *j)
{
	return json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));
}

/* By way of text, as everything that another program reads. */
static void check_round(struct answer *owned)
{
	AUTO(answer_freep) struct answer *a = owned, *b = NULL;
	struct err err = {0};
	json_auto_t *first = answer_json(a);
	AUTO(mem_freep) char *text = dump(first);
	json_auto_t *parsed = json_loads(text, 0, NULL);
	if (answer_read(parsed, &b, &err) < 0)
		fail_msg("%s", err.msg);
	json_auto_t *second = answer_json(b);
	AUTO(mem_freep) char *again = dump(second);
	assert_string_equal(text, again);
	assert_non_null(b->text);
	for (size_t i = 0; i < b->n_sources; i++)
		assert_string_equal(b->sources[i].report, "");
}

static void what_is_written_is_read_as_it_was(void **state)
{
	(void)state;
	check_round(answer_who());
	check_round(answer_dog(ANSWER_NOT_FOUND));
	check_round(answer_no_dog());
	check_round(answer_full("A red car comes."));
	check_round(answer_full("\x1b[31m \"<b>\" ünïcödé 視頻\nline"));
	check_round(answer_full("x"));
}

/* A valid answer with one value replaced: `path` as in "cites.0.frames.1.pts",
 * `json` NULL: removed. */
static int read_changed(const char *path, const char *json, struct err *err)
{
	AUTO(answer_freep) struct answer *a = answer_full("x"), *b = NULL;
	json_auto_t *j = answer_json(a), *value = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
	char parts[200], *save = NULL, *part, *next;
	json_t *in = j;
	assert_true(value || !json);
	snprintf(parts, sizeof parts, "%s", path);
	for (part = strtok_r(parts, ".", &save); (next = strtok_r(NULL, ".", &save)); part = next) {
		in = json_is_array(in) ? json_array_get(in, (size_t)strtol(part, NULL, 10))
		                       : json_object_get(in, part);
		assert_non_null(in);
	}
	if (json_is_array(in))
		assert_ok(json_array_set(in, (size_t)strtol(part, NULL, 10), value));
	else if (value)
		assert_ok(json_object_set(in, part, value));
	else
		assert_ok(json_object_del(in, part));
	*err = (struct err){0};
	return answer_read(j, &b, err);
}

static void wrong_values_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[][3] = {
		{"format", "\"vdet-answer/2\"", "use the version of vdet that wrote it"},
		{"format", NULL, "not an answer of the format"},
		{"id", "\"\"", "hexadecimal"},
		{"id", "\"012345678g\"", "hexadecimal"},
		{"id", "7", "hexadecimal"},
		{"question", NULL, "there is no \"question\""},
		{"question", "null", "not a text"},
		{"thread", "\"\"", "hexadecimal"},
		{"kind", "\"who\"", "names"},
		{"kind", "null", "names"},
		{"state", "\"\"", "names"},
		{"state", "\"not-seen\"", "sources[2]: nothing of it was examined"},
		{"thorough", "1", "neither true nor false"},
		{"changed", "\"\"", "null"},
		{"choice", "\"12345678901234567\"", "bytes"},
		{"claims", "{}", "not a list"},
		{"claims.0", "[]", "claims[0]: there is no object"},
		{"claims.0.cites", "[]", "0 items"},
		{"claims.0.cites.0", "0", "counted from 1"},
		{"claims.0.cites.0", "11", "there is no citation 11"},
		{"claims.0.cites.0", "1.5", "whole number"},
		{"claims.0.cites.0", "-1", "whole number"},
		{"cites.1.verdict", "\"\"", "names"},
		{"cites.1.source", "3", "there is no source 3"},
		{"cites.1.source", "-1", "whole number"},
		{"cites.1.source", "9223372036854775807", "whole number"},
		{"cites.1.start", "-1", "seconds"},
		{"cites.1.start", "1e300", "seconds"},
		{"cites.1.start", "\"1\"", "seconds"},
		{"cites.1.start", "null", "seconds"},
		{"cites.1.start", "1000", "ends before it starts"},
		{"cites.0.frames", "[]", "no frame"},
		{"cites.0.frames.0.pts", "1000", "order"},
		{"cites.0.frames.0.picture_sha256", "\"ab\"", "hexadecimal"},
		{"cites.0.frames.0.planes_sha256", "\"ABCD\"", "hexadecimal"},
		{"cites.1.p", "1.01", "0 to 1"},
		{"cites.1.p", "-0.1", "0 to 1"},
		{"sources.0.stream", "2147483648", "whole number"},
		{"sources.0.stream", "-1", "whole number"},
		{"sources.0.from", "4000", "sources[0]: it ends before it starts"},
		{"sources.0.mean_gap", "0", "null"},
		{"sources.0.frames", "0", "whole number"},
		{"unread.1", "null", "unread[1]"},
		{"count", "3", "no object"},
		{"count.at_least", "-1", "whole number"},
		{"price.time", "-1", "seconds"},
		{"spent", "null", "no object"},
		{"steps.0.request", "null", "hexadecimal"},
		{"run.created", "\"2026-11-22\"", "time such as"},
		{"run.created", "\" 2026-11-22T10:00:00Z\"", "time such as"},
		{"run.created", "\"2026-02-30T10:00:00Z\"", "time such as"},
		{"run.model_hash", "\"abc\"", "hexadecimal"},
	};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err err;
		assert_int_equal(read_changed(wrong[i][0], wrong[i][1], &err), -ERR_FORMAT);
		if (!strstr(err.msg, wrong[i][2]))
			fail_msg("%s = %s: %s", wrong[i][0], wrong[i][1], err.msg);
	}
}

/* What a later version adds, and values at their limits. */
static void other_values_are_accepted(void **state)
{
	(void)state;
	static const char *const right[][2] = {
		{"later", "{}"},
		{"cites.0.later", "[]"},
		{"cites.1.start", "0"},
		{"cites.1.p", "1"},
		{"price", "null"},
		{"count", "null"},
		{"sources.0.to", "3e8"},
		{"run.created", "null"},
		{"sources.0.stream", "2147483647"},
		{"cites.1.verdict", "null"},
		{"sources.1.job_rank", NULL}, /* added to the format later */
		{"sources.1.job_count", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		struct err err;
		if (read_changed(right[i][0], right[i][1], &err) < 0)
			fail_msg("%s = %s: %s", right[i][0], right[i][1] ? right[i][1] : "removed", err.msg);
	}
}

static void counts_are_limited(void **state)
{
	(void)state;
	struct err err;
	AUTO(buf_free) struct buf b = BUF(4 << 20);
	AUTO(buf_free) struct buf text = BUF(4 << 20);
	buf_adds(&b, "[");
	for (int i = 0; i < 10001; i++)
		buf_adds(&b, i ? ",1" : "1");
	buf_adds(&b, "]");
	assert_int_equal(read_changed("claims.0.cites", buf_str(&b), &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "10001 items"));
	buf_adds(&text, "\"");
	for (int i = 0; i < 65537; i++)
		buf_adds(&text, "0123456789abcdef");
	buf_adds(&text, "\"");
	assert_int_equal(read_changed("text", buf_str(&text), &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "bytes"));
	struct answer *none = NULL;
	assert_int_equal(answer_read(NULL, &none, &err), -ERR_FORMAT);
	json_auto_t *nul = json_stringn_nocheck("a\0b", 3);
	AUTO(answer_freep) struct answer *a = answer_full("x");
	json_auto_t *j = answer_json(a);
	json_object_set(j, "text", nul);
	assert_int_equal(answer_read(j, &none, &err), -ERR_FORMAT);
	assert_null(none);
}

/* ---- forms for people */

static void check_text(struct answer *owned, const char *wanted)
{
	AUTO(answer_freep) struct answer *a = owned;
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	struct err err;
	assert_ok(answer_text(a, &b, &err));
	assert_string_equal(buf_str(&b), wanted);
}

static void the_terminal_shows_answer_citations_coverage(void **state)
{
	(void)state;
	check_text(
		answer_who(),
		"A person in a red jacket carries a box out of the room at 0:41:07 [1], after putting it "
		"on the table at 0:39:52 [2].\n"
		"  [1] cam2.mp4 0:41:07.120 – 0:41:11.480   checked: shown (0.97)\n"
		"  [2] cam2.mp4 0:39:52.000                 checked: shown (0.91)\n"
		"Looked at 1:58 of 2:00 h of 3 videos (2 holes), 14 windows again in detail; otherwise a "
		"frame every 4.1 s, longest gap 10 s at 0:01:00 of cam1.mp4; what happened between two "
		"frames is not known. 23 requests, 31k tokens, 41 s.\n");
	check_text(
		answer_dog(ANSWER_NOT_FOUND),
		"Not found. 0:14 of 2:00 h was examined for this question (14 windows, a frame every 1.2 "
		"s). The rest, 1:44 h, is known only by its general description (a frame every 4.1 s, "
		"longest gap 31 s at 0:41:07 of cam1.mp4), which need not mention what was asked for; 2 "
		"min were not seen (2 holes). Examining all sampled frames for this question: 9 min, 35k "
		"tokens (--thorough).\n");
	check_text(answer_no_dog(),
	           "Not seen. All 1,756 sampled frames of 2:00 h of 2 videos were examined for this "
	           "question (a frame every 4.1 s, longest gap 31 s at 0:41:07 of cam1.mp4); what "
	           "happened between two frames is not known.\n");
}

/* The text of the model does not decide what the program says. */
static void nothing_examined_is_said(void **state)
{
	(void)state;
	struct answer *a = answer_new("Who?", ANSWER_NOT_FOUND, "Not found.");
	a->sources[a->n_sources++] = source_of("cam1.mp4", HOUR);
	a->price = (struct answer_price){-1, -1, 20};
	check_text(a, "Not found. Nothing was examined for this question. All, 1:00 h, is known only "
	              "by its general description (a frame every 4.1 s, longest gap 10 s at 0:01:00), "
	              "which need not mention what was asked for. Examining all sampled frames for "
	              "this question: 20 requests (--thorough).\n");

	struct answer *failed = answer_new("Who?", ANSWER_FAILED, "");
	failed->sources[failed->n_sources++] = source_of("a.mp4", 50 * S);
	free(failed->sources[0].unseen);
	failed->sources[0].unseen = mem_strdup("the engine does not answer");
	failed->unread[failed->n_unread++] = mem_strdup("b.mp4");
	failed->spent = (struct answer_spent){.requests = 1, .prompt_tokens = 900, .wall = 2500000};
	check_text(failed, "Nothing could be examined. 1 request, 900 tokens, 2.5 s.\n"
	                   "Could not be examined for this question: a.mp4 (the engine does not "
	                   "answer)\n"
	                   "Not analyzed, so this answer says nothing of it: b.mp4\n");
}

static void limits_of_an_answer_are_named(void **state)
{
	(void)state;
	AUTO(answer_freep) struct answer *a = answer_full("x");
	AUTO(buf_free) struct buf b = BUF(1 << 20), small = BUF(100);
	struct err err;
	assert_ok(answer_text_page(a, "/tmp/answer.html", &b, &err));
	static const char *const wanted[] = {
		"\n  [2] x 0:00:01.123 – 0:00:03.000 (source deleted)   unchecked: x",
		"   /tmp/answer.html#10\n",
		"      said: \"x\"\n",
		"Made with the demo model. It understands only vdet's own drawn scenes",
		"Not complete: only some of what was asked is answered.",
		"Choice: B\n",
		"Warning: 2 of 10 citations are unchecked (x), 2 are unsure, 2 are contradicted",
		"Dropped: 2 claims: x\n",
		"Could not be examined for this question: x (x)\n",
		"Not analyzed, so this answer says nothing of it: x, x\n",
		"Deleted since this answer was made: x\n",
		"Analyzed more than once: x by job 3fa94c3fa94c (the newest of 2), x by job 3fa94c3fa94c ",
		" (number 3 of 4, from the newest)\n",
		"Asked again: x\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!strstr(buf_str(&b), wanted[i]))
			fail_msg("\"%s\" is not in:\n%s", wanted[i], buf_str(&b));
	assert_int_equal(answer_text(a, &small, &err), -ERR_LIMIT);
	assert_int_equal(answer_markdown(a, &small, &err), -ERR_LIMIT);
	assert_int_equal(answer_html(a, &small, &err), -ERR_LIMIT);
}

/* Sums of the greatest numbers that are read. */
static void great_numbers_do_not_overflow(void **state)
{
	(void)state;
	AUTO(answer_freep) struct answer *a = answer_new("Who?", ANSWER_NOT_FOUND, "");
	a->sources = mem_grow(a->sources, 50000, sizeof *a->sources);
	for (int i = 0; i < 50000; i++) {
		struct answer_source s = source_of("a.mp4", INT64_C(316224000000000));
		s.examined = s.holes = s.mean_gap = s.max_gap = s.to;
		s.windows = s.frames = s.n_holes = (size_t)1 << 53;
		a->sources[a->n_sources++] = s;
	}
	for (int i = 0; i < ANSWER_STATES; i++) {
		AUTO(buf_free) struct buf b = BUF(1 << 20);
		struct err err;
		a->state = (enum answer_state)i;
		assert_ok(answer_text(a, &b, &err));
	}
}

static void put(const char *dir, const char *name, const struct buf *text)
{
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, name);
	assert_ok(file_write(path, buf_str(text), text->len, &err));
}

/* Writes all forms and has check-report.py read them. */
static void check_forms(struct answer *owned)
{
	AUTO(answer_freep) struct answer *a = owned;
	char dir[] = "/tmp/vdet-test-XXXXXX";
	struct err err = {0};
	json_auto_t *j = answer_json(a);
	AUTO(mem_freep) char *dumped = dump(j);
	AUTO(buf_free) struct buf json = BUF(1 << 24);
	AUTO(buf_free) struct buf text = BUF(1 << 24);
	AUTO(buf_free) struct buf markdown = BUF(1 << 24);
	AUTO(buf_free) struct buf page = BUF(1 << 24);
	assert_non_null(mkdtemp(dir));
	buf_adds(&json, dumped);
	assert_ok(answer_text(a, &text, &err));
	assert_ok(answer_markdown(a, &markdown, &err));
	assert_ok(answer_html(a, &page, &err));
	put(dir, "answer.json", &json);
	put(dir, "answer.txt", &text);
	put(dir, "answer.md", &markdown);
	put(dir, "answer.html", &page);
	AUTO(mem_freep)
	char *command =
		mem_printf("python3 '%s/test/unit/check-report.py' '%s' '%s/docs/answer.schema.json'",
	               VDET_SOURCE_ROOT, dir, VDET_SOURCE_ROOT);
	assert_int_equal(system(command), 0);
	assert_ok(file_remove_tree(dir, &err));
}

static void every_form_is_whole(void **state)
{
	(void)state;
	check_forms(answer_who());
	check_forms(answer_dog(ANSWER_NOT_FOUND));
	check_forms(answer_no_dog());
	check_forms(answer_new("", ANSWER_FAILED, ""));
	check_forms(answer_full("A red car comes."));
	check_forms(answer_full(
		"</style></script><script>alert(1)</script><img src=x onerror=alert(1)> \"'`&amp; [1] "
		"[11] [x](http://z) [99999999999999999999999] \xe2\x80\xaexlsx.exe\xe2\x80\xac \xc2\x9b"
		"31m \x1b[31m # *x* ünïcödé 視頻 [\n\n1. a\n- b\r\n[2]"));
}

static void the_page_leads_to_citations_and_reports(void **state)
{
	(void)state;
	AUTO(answer_freep) struct answer *a = answer_full("at 0:41 [1], [10], [11] and [0][2]<");
	AUTO(buf_free) struct buf page = BUF(1 << 24);
	struct err err;
	a->sources[1].deleted = false;
	assert_ok(answer_html(a, &page, &err));
	static const char *const wanted[] = {
		"at 0:41 <a class=\"cites\" href=\"#1\">[1]</a>, ",
		"<a class=\"cites\" href=\"#10\">[10]</a>, ",
		"[11] and [0]<a class=\"cites\" href=\"#2\">[2]</a>&lt;</div>",
		"href=\"file:///tmp/a%20%22folder%22/x%25%3Cb%3E.vdet/report.html\"",
		"src=\"data:image/jpeg;base64,/9j/4AAEAQL/2Q==\"",
		"<b>look</b>",
	};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!strstr(buf_str(&page), wanted[i]))
			fail_msg("\"%s\" is not in the page", wanted[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_a_name),
		cmocka_unit_test(unknown_values_are_null),
		cmocka_unit_test(what_is_written_is_read_as_it_was),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(other_values_are_accepted),
		cmocka_unit_test(counts_are_limited),
		cmocka_unit_test(the_terminal_shows_answer_citations_coverage),
		cmocka_unit_test(nothing_examined_is_said),
		cmocka_unit_test(limits_of_an_answer_are_named),
		cmocka_unit_test(great_numbers_do_not_overflow),
		cmocka_unit_test(every_form_is_whole),
		cmocka_unit_test(the_page_leads_to_citations_and_reports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
