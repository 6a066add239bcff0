/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what was saved is there again, whole, also for another process
 * and after a fault. */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/case.h"
#include "store/queue.h"
#include "store/second.h"
#include "store/store.h"
#include "store/subject.h"

static char dir[64];

static struct store *open_store(const char *name)
{
	struct store *s = NULL;
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, name);
	if (store_open(path, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static void add_job(struct store *s, const char *key)
{
	struct err err = {0};
	const struct store_chunk chunks[] = {{.index = 0, .start = 0, .end = 10},
	                                     {.index = 1, .start = 10, .end = 25}};
	AUTO(mem_freep) char *id = mem_printf("%.12s", key);
	const struct store_job j = {
		.id = id, .key = (char *)key, .source_name = "näme.mp4", .facts = "{}", .output = "/x"};
	if (store_job_add(s, &j, chunks, 2, 0, &err) < 0)
		fail_msg("%s", err.msg);
}

static const char key_a[] = "aaaa567890123456789012345678901234567890123456789012345678901234";
static const char key_b[] = "aaab567890123456789012345678901234567890123456789012345678901234";

static void a_chunk_comes_back_as_it_was_saved(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = open_store("one.db");
	struct err err = {0};
	unsigned char thumb[] = {0xff, 0xd8, 0, 1, 0xff, 0xd9};
	struct store_sample samples[] = {
		{.time = 12,
	     .pts = 11,
	     .decode_path = "software",
	     .fault = "",
	     .width = 640,
	     .height = 360,
	     .thumb = thumb,
	     .thumb_len = 6},
		{.time = 20, .pts = 20, .decode_path = "", .fault = "lost", .width = 0, .height = 0},
	};
	size_t shown[] = {0, 1};
	struct store_event events[] = {
		{.subject = "a thing", .what = "it's \"x\"; --", .samples = shown, .n_samples = 2}};
	struct store_chunk c = {.index = 1,
	                        .state = CHUNK_DONE,
	                        .summary = "s",
	                        .reason = "",
	                        .attempts = 2,
	                        .prompt_tokens = 7,
	                        .decode_rate = 1.5,
	                        .samples = samples,
	                        .n_samples = 2,
	                        .events = events,
	                        .n_events = 1};
	add_job(s, key_a);
	assert_ok(store_chunk_save(s, "aaaa56789012", &c, &err));
	assert_ok(store_chunk_save(s, "aaaa56789012", &c, &err)); /* again: replaced, not doubled */

	struct store_chunk *got = NULL;
	size_t n = 0;
	AUTO(store_freep) struct store *other = open_store("one.db");
	assert_ok(store_chunks_load(other, "aaaa56789012", true, &got, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(got[0].state, CHUNK_TODO);
	assert_int_equal(got[1].start, 10);
	assert_int_equal(got[1].n_samples, 2);
	assert_memory_equal(got[1].samples[0].thumb, thumb, 6);
	assert_null(got[1].samples[1].thumb);
	assert_string_equal(got[1].samples[1].fault, "lost");
	assert_string_equal(got[1].events[0].subject, "a thing");
	assert_string_equal(got[1].events[0].what, "it's \"x\"; --");
	assert_int_equal(got[1].events[0].samples[1], 1);
	assert_true(got[1].decode_rate == 1.5);
	for (size_t i = 0; i < n; i++)
		store_chunk_clear(&got[i]);
	free(got);
}

static void a_hole_keeps_its_code(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = open_store("code.db");
	struct err err = {0};
	struct store_chunk *got = NULL;
	size_t n = 0;
	add_job(s, key_a);
	for (int code = HOLE_DECODE; code < HOLE_CODES; code++) {
		const struct store_chunk c = {.state = CHUNK_HOLE,
		                              .summary = "",
		                              .reason = "why",
		                              .code = (enum hole_code)code,
		                              .option = "idle-timeout"};
		assert_ok(store_chunk_save(s, "aaaa56789012", &c, &err));
		assert_ok(store_chunks_load(s, "aaaa56789012", STORE_BARE, &got, &n, &err));
		assert_int_equal(got[0].code, code);
		assert_string_equal(got[0].option, "idle-timeout");
		assert_int_equal(hole_code_of_name(hole_code_name((enum hole_code)code)), code);
		for (size_t i = 0; i < n; i++)
			store_chunk_clear(&got[i]);
		free(got);
	}
	assert_int_equal(hole_code_of_name("of a newer version"), HOLE_UNKNOWN);
}

static void save_statements(struct store *s, size_t n)
{
	struct err err = {0};
	size_t shown[] = {0};
	struct store_sample sample = {.decode_path = "software", .fault = ""};
	struct store_event *events = mem_alloc(n, sizeof *events);
	for (size_t i = 0; i < n; i++)
		events[i] = (struct store_event){
			.subject = "", .what = "Something.", .samples = shown, .n_samples = 1};
	const struct store_chunk c = {.index = 1,
	                              .state = CHUNK_DONE,
	                              .summary = "",
	                              .reason = "",
	                              .samples = &sample,
	                              .n_samples = 1,
	                              .events = events,
	                              .n_events = n};
	assert_ok(store_chunk_save(s, "aaaa56789012", &c, &err));
	free(events);
}

static void a_verdict_goes_with_its_statement(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = open_store("check.db");
	struct err err = {0};
	int64_t frames[] = {5, 7};
	struct store_verdict v[] = {
		{.chunk = 1,
	     .index = 1,
	     .answer = {'B', {0.1, 0.85, 0.05}},
	     .frames = frames,
	     .n_frames = 2,
	     .reason = "",
	     .model = "m",
	     .prompt = "p"},
		{.chunk = 1,
	     .index = 0,
	     .answer = {'-', {0}},
	     .reason = "prose",
	     .model = "m",
	     .prompt = "p"},
	};
	struct store_verdict *got = NULL;
	size_t n = 0;
	add_job(s, key_a);
	save_statements(s, 2);
	assert_ok(store_verdicts_save(s, "aaaa56789012", v, 2, &err));
	assert_ok(store_verdicts_save(s, "aaaa56789012", v, 2, &err)); /* replaced, not doubled */
	assert_ok(store_verdicts_load(s, "aaaa56789012", &got, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(got[0].answer.letter, '-');
	assert_true(got[0].answer.p[0] == 0 && got[0].n_frames == 0);
	assert_string_equal(got[0].reason, "prose");
	assert_int_equal(got[1].answer.letter, 'B');
	assert_true(got[1].answer.p[1] == 0.85);
	assert_int_equal(got[1].frames[1], 7);
	assert_string_equal(got[1].model, "m");
	store_verdicts_free(got, n);

	/* All or nothing: the second one is about a statement that does not exist. */
	v[1].index = 2;
	v[0].answer.letter = 'A';
	assert_true(store_verdicts_save(s, "aaaa56789012", v, 2, &err) < 0);
	assert_ok(store_verdicts_load(s, "aaaa56789012", &got, &n, &err));
	assert_int_equal(got[1].answer.letter, 'B');
	store_verdicts_free(got, n);

	save_statements(s, 2); /* the chunk was described again */
	assert_ok(store_verdicts_load(s, "aaaa56789012", &got, &n, &err));
	assert_int_equal(n, 0);
	store_verdicts_free(got, n);
}

static void controls_are_counted_once(void **state)
{
	(void)state;
	static const struct {
		char expected, letter;
		double p[3];
	} cases[] = {
		{'B', 'A', {0.79, 0.2, 0.01}},
		{'B', 'A', {0.8, 0.1, 0.1}},
		{'B', 'A', {0}},
		{'B', 'B', {0}},
		{'B', '-', {0}},
		{'A', 'B', {0.1, 0.9, 0}},
		{'A', 'C', {0.1, 0.1, 0.8}},
		{'A', 'A', {0}},
	};
	AUTO(store_freep) struct store *s = open_store("check.db");
	struct err err = {0};
	struct store_controls sum = {0};
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			struct store_control c = {.model = "m",
			                          .prompt = "p",
			                          .kind = "positive",
			                          .job = "gone",
			                          .index = (int64_t)i,
			                          .what = "A car.",
			                          .expected = cases[i].expected,
			                          .answer.letter = cases[i].letter};
			memcpy(c.answer.p, cases[i].p, sizeof c.answer.p);
			assert_ok(store_control_save(s, &c, &err));
		}
	assert_ok(store_controls_count(s, "m", "p", 0.8, 0.8, &sum, &err));
	assert_int_equal(sum.no, 5);
	assert_int_equal(sum.false_yes, 2);
	assert_int_equal(sum.yes, 3);
	assert_int_equal(sum.false_no, 1);
	assert_int_equal(sum.silent, 1);
	assert_ok(store_controls_count(s, "m", "other", 0.8, 0.8, &sum, &err));
	assert_int_equal(sum.no + sum.yes, 0);

	struct store_control *got = NULL;
	size_t n = 0;
	assert_ok(store_controls_load(s, "gone", "m", "p", &got, &n, &err));
	assert_int_equal(n, ARRAY_LEN(cases));
	assert_int_equal(got[1].expected, 'B');
	assert_string_equal(got[1].what, "A car.");
	store_controls_free(got, n);
}

static void a_job_is_found_by_the_beginning_of_its_id(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = open_store("two.db");
	struct err err = {0};
	AUTO(store_job_clear) struct store_job j = {0};
	add_job(s, key_a);
	add_job(s, key_b);
	assert_int_equal(store_job_find(s, "aaa", &j, &err), -ERR_ARG);
	assert_string_equal(err.msg, "several jobs begin with aaa; give more digits");
	assert_int_equal(store_job_find(s, "bbb", &j, &err), -ERR_NOENT);
	assert_int_equal(store_job_find(s, "aa", &j, &err), -ERR_ARG);
	assert_int_equal(store_job_find(s, "%%%", &j, &err), -ERR_ARG);
	assert_ok(store_job_find(s, "aaab", &j, &err));
	assert_int_equal(j.chunks, 2);
	assert_int_equal(j.done, 0);
	j.state = STORE_JOB_HOLES;
	assert_ok(store_job_update(s, &j, 5, 3, &err));
	assert_ok(store_job_update(s, &j, 5, 3, &err));
	store_job_clear(&j);
	assert_ok(store_job_find(s, key_b, &j, &err));
	assert_int_equal(j.wall_time, 10);
	assert_int_equal(j.state, STORE_JOB_HOLES);
}

static void a_removed_job_takes_its_chunks_along(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = open_store("three.db");
	struct err err = {0};
	struct store_chunk c = {.index = 0, .state = CHUNK_DONE, .summary = "", .reason = ""},
					   *got = NULL;
	size_t n = 0;
	add_job(s, key_a);
	assert_ok(store_job_remove(s, "aaaa56789012", &err));
	assert_int_equal(store_chunk_save(s, "aaaa56789012", &c, &err), -ERR_NOENT);
	add_job(s, key_a);
	assert_ok(store_chunks_load(s, "aaaa56789012", true, &got, &n, &err));
	assert_int_equal(n, 2);
	store_chunk_clear(&got[0]);
	store_chunk_clear(&got[1]);
	free(got);
}

static void what_is_no_store_is_refused(void **state)
{
	(void)state;
	struct store *s = NULL;
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, "text.db");
	assert_ok(file_write(path, "this is a text, and long enough to be looked at as a database file",
	                     66, &err));
	assert_int_equal(store_open(path, &s, &err), -ERR_FORMAT);
	assert_int_equal(store_open(dir, &s, &err), -ERR_PERM);
	assert_int_equal(store_open("/nonexistent/x.db", &s, &err), -ERR_PERM);
	assert_null(s);
}

/* A chunk whose summary has a word with an accent. */
static void make_old_store(const char *name)
{
	struct err err = {0};
	sqlite3 *db = NULL;
	AUTO(store_freep) struct store *s = open_store(name);
	AUTO(mem_freep) char *path = file_join(dir, name);
	const struct store_chunk c = {.state = CHUNK_DONE, .summary = "Ein Mädchen", .reason = ""};
	const struct store_chunk hole = {.index = 1,
	                                 .state = CHUNK_HOLE,
	                                 .summary = "",
	                                 .reason = "no first token within 2.0 s (--vision-timeout)"};
	add_job(s, key_b);
	assert_ok(store_chunk_save(s, "aaab56789012", &c, &err));
	assert_ok(store_chunk_save(s, "aaab56789012", &hole, &err));
	store_free(TAKE(s));
	/* A store of version 1 is one without what came later. */
	const char *back =
		"DROP TABLE head; DROP TRIGGER job_blocks_deleted; DROP TABLE source_block; "
		"ALTER TABLE event DROP COLUMN quote; DROP TABLE speech_part; "
		"DROP TABLE text_dropped; DROP TABLE wall_clock; "
		"DROP TABLE text_source; DROP TABLE found_file; "
		"DROP TABLE vector; DROP TABLE space; DROP TRIGGER sample_vector_deleted; "
		"DROP TRIGGER job_vector_deleted; "
		"DROP TRIGGER event_added; DROP TRIGGER event_deleted; DROP TRIGGER summary_changed; "
		"DROP TRIGGER chunk_deleted; DROP TRIGGER job_deleted; DROP TRIGGER job_added; "
		"DROP TRIGGER job_changed; DROP TRIGGER job_source_changed; DROP TRIGGER verdict_added; "
		"DROP TRIGGER source_forgotten; DROP TRIGGER subject_edit_added; "
		"DROP TRIGGER subject_edit_changed; "
		"DROP VIEW piece; DROP TABLE passage; DROP TABLE words; DROP TABLE pieces; "
		"DROP TABLE generation; DROP INDEX job_source; "
		"ALTER TABLE job DROP COLUMN source; ALTER TABLE job DROP COLUMN stream; "
		"DROP TABLE ask_picture; DROP TABLE ask_reply; DROP TABLE ask; DROP TABLE look; "
		"DROP TABLE place; DROP TABLE watched; DROP TABLE watch; DROP TABLE board_ask; "
		"DROP TABLE second_pass; "
		"DROP TABLE board_case_step; DROP TABLE board_case_summary; "
		"DROP TABLE board_case_video; DROP TABLE board_case; "
		"DROP TABLE queue; DROP TABLE video; DROP TABLE video_index; DROP TABLE source; "
		"DROP TABLE verdict; DROP TABLE control; "
		"DROP TABLE subject; DROP TABLE subject_edit; "
		"DROP TABLE case_step; DROP TABLE case_member; DROP TABLE case_record; "
		"DROP TABLE spending; DROP TABLE step; ALTER TABLE chunk DROP COLUMN endpoint; "
		"ALTER TABLE chunk DROP COLUMN code; ALTER TABLE chunk DROP COLUMN option; "
		"ALTER TABLE event DROP COLUMN subject; ALTER TABLE job DROP COLUMN sentences;"
		"DROP TABLE answer; PRAGMA user_version = 1";
	assert_ok(sqlite3_open(path, &db));
	assert_ok(sqlite3_exec(db, back, NULL, NULL, NULL));
	assert_ok(sqlite3_close(db));
}

/* Holes of versions without codes get theirs from the message. */
static void assert_hole_code(struct store *s)
{
	struct err err = {0};
	struct store_chunk *got = NULL;
	size_t n = 0;
	assert_ok(store_chunks_load(s, "aaab56789012", STORE_BARE, &got, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(got[0].code, HOLE_UNKNOWN);
	assert_int_equal(got[1].code, HOLE_TIME_LIMIT);
	assert_string_equal(got[1].option, "vision-timeout");
	store_chunk_clear(&got[0]);
	store_chunk_clear(&got[1]);
	free(got);
}

/* Without the accent, only the full text finds it. */
static void assert_full_text(struct store *s)
{
	struct err err = {0};
	struct store_hit *hits = NULL;
	const struct store_query query = {
		.words = (const char *const[]){"madchen"}, .n = 1, .limit = 5};
	const struct store_video video = {.name = "",
	                                  .origin = "path",
	                                  .source = "",
	                                  .path = "",
	                                  .sha256 = "",
	                                  .stamp = "",
	                                  .facts = "",
	                                  .fault = ""};
	struct store_entry entry = {.options = "{}", .journal = "aaab56789012", .fault = ""};
	int64_t id;
	size_t n = 0;
	assert_ok(store_video_add(s, &video, &entry.video, &err));
	assert_ok(store_entry_add(s, &entry, &id, &err));
	assert_ok(store_search(s, &query, &hits, &n, &err));
	assert_int_equal(n, 1);
	assert_string_equal(hits[0].text, "Ein Mädchen");
	store_hits_free(hits, n);
}

static void expect_index(struct store *s, const struct store_source *source, const char *want)
{
	AUTO(buf_free) struct buf got = BUF(100);
	struct err err;
	assert_ok(store_index_load(s, source, "x", &got, &err));
	assert_string_equal(buf_str(&got), want);
}

static void each_stream_has_its_index(void **state)
{
	const struct store_source first = {.sha256 = key_a},
							  second = {.sha256 = key_a, .has_stream = true, .stream = 0},
							  third = {.sha256 = key_a, .has_stream = true, .stream = 3};
	AUTO(store_freep) struct store *s = open_store("streams.db");
	AUTO(buf_free) struct buf got = BUF(100);
	struct err err = {0};
	(void)state;
	assert_int_equal(store_index_load(s, &first, "x", &got, &err), -ERR_NOENT);
	assert_ok(store_index_save(s, &first, "x", "one", 3, &err));
	assert_int_equal(store_index_load(s, &second, "x", &got, &err), -ERR_NOENT);
	assert_ok(store_index_save(s, &second, "x", "two", 3, &err));
	assert_ok(store_index_save(s, &third, "x", "three", 5, &err));
	assert_ok(store_index_save(s, &first, "x", "other", 5, &err));
	assert_int_equal(store_index_load(s, &first, "y", &got, &err), -ERR_NOENT);
	expect_index(s, &first, "other");
	expect_index(s, &second, "two");
	expect_index(s, &third, "three");
	/* What a budget decided is kept beside it, and is not an index. */
	assert_ok(store_index_save(s, &third, "budget 1 …", "no", 2, &err));
	assert_ok(store_index_latest(s, &third, &got, &err));
	assert_string_equal(buf_str(&got), "three");
}

static void an_older_store_is_brought_up_to_date(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, "old.db");
	sqlite3 *db = NULL;
	make_old_store("old.db");

	AUTO(store_freep) struct store *s = open_store("old.db"), *newer = NULL;
	assert_full_text(s);
	assert_hole_code(s);
	add_job(s, key_a);
	bool known = true;
	assert_ok(store_source_known(s, 1234, &known, &err));
	assert_false(known);
	assert_ok(store_source_note(s, key_a, 1234, &err));
	assert_ok(store_source_note(s, key_a, 1234, &err));
	assert_ok(store_source_known(s, 1234, &known, &err));
	assert_true(known);

	assert_ok(sqlite3_open(path, &db));
	assert_ok(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL));
	assert_ok(sqlite3_close(db));
	assert_int_equal(store_open(path, &newer, &err), -ERR_UNSUPPORTED);
}

static void numbers_and_edits_of_subjects_stay(void **state)
{
	(void)state;
	struct err err = {0};
	const char *job = "aaaa56789012";
	const struct store_source source = {.sha256 = key_a}, other = {key_a, true, 1};
	const struct store_subject rows[] = {{1, 0, "red car", "[1,2]"},
	                                     {2, STORE_THIS_EDIT, "", "[]"}};
	const struct store_subject_edit edit = {.kind = "split", .data = "{}"};
	AUTO(store_subjects_clear) struct store_subjects seen = {0}, got = {0}, none = {0};
	AUTO(mem_freep) char *kind = NULL;
	AUTO(store_freep) struct store *s = open_store("subject.db");
	assert_ok(store_subjects_load(s, job, &source, &seen, &err));
	assert_int_equal(store_subjects_save(s, job, &source, &seen, rows, 1, NULL, &err), -ERR_NOENT);
	add_job(s, key_a);
	assert_ok(store_subjects_save(s, job, &source, &seen, rows, 2, &edit, &err));
	/* what was seen is of before: another process may be here */
	assert_int_equal(store_subjects_save(s, job, &source, &seen, rows, 2, &edit, &err),
	                 -ERR_CANCELED);
	assert_ok(store_subjects_load(s, job, &source, &got, &err));
	assert_int_equal(got.n, 2);
	assert_string_equal(got.subjects[0].frames, "[1,2]");
	assert_int_equal(got.n_edits, 1);
	assert_int_equal(got.subjects[1].edit, got.edits[0].id);
	assert_ok(store_subjects_load(s, job, &other, &none, &err));
	assert_int_equal(none.n_edits, 0); /* another stream is another source */

	assert_int_equal(store_subjects_undo(s, &other, &kind, &err), -ERR_NOENT);
	assert_ok(store_subjects_undo(s, &source, &kind, &err));
	assert_string_equal(kind, "split");
	assert_int_equal(store_subjects_save(s, job, &source, &got, rows, 1, NULL, &err),
	                 -ERR_CANCELED);
	store_subjects_clear(&got);
	assert_ok(store_subjects_load(s, job, &source, &got, &err));
	assert_int_equal(got.n_edits, 0);
	assert_int_equal(got.n, 2); /* its number was given */
	assert_ok(store_job_remove(s, job, &err));
	store_subjects_clear(&got);
	assert_ok(store_subjects_load(s, job, &source, &got, &err));
	assert_int_equal(got.n, 0);
}

static void a_case_keeps_its_members_and_steps(void **state)
{
	(void)state;
	struct err err = {0};
	struct store_case c = {0}, again = {0};
	struct store_member *got = NULL;
	size_t n = 0;
	char *text = NULL;
	struct store_member m = {.path = "/v/\xff.mp4",
	                         .stream = -1,
	                         .name = "a",
	                         .stamp = "1 2",
	                         .source = (char *)key_a,
	                         .job = "aaaa56789012",
	                         .settings = "s",
	                         .fault = "",
	                         .start = 5,
	                         .clock = STORE_CLOCK_FILE,
	                         .duration = 7};
	AUTO(store_freep) struct store *s = open_store("case.db");
	assert_ok(store_case_open(s, "0123456789ab", "/v", &c, &err));
	assert_string_equal(c.output, "");
	assert_ok(store_case_set_output(s, c.id, "/out", &err));
	assert_ok(store_member_save(s, c.id, &m, &err));
	m.stream = 2;
	assert_ok(store_member_save(s, c.id, &m, &err));
	m.duration = 8;
	assert_ok(store_member_save(s, c.id, &m, &err)); /* replaces */
	assert_int_equal(store_case_step_load(s, c.id, key_a, &text, &err), -ERR_NOENT);
	assert_ok(store_case_step_save(s, c.id, key_a, "summary", "[]", "It rains.", &err));
	store_free(TAKE(s));

	s = open_store("case.db");
	assert_ok(store_case_open(s, "0123456789ab", "/v", &again, &err));
	assert_string_equal(again.id, c.id);
	assert_string_equal(again.output, "/out");
	assert_ok(store_members_load(s, c.id, &got, &n, &err));
	assert_int_equal(n, 2);
	assert_string_equal(got[0].path, m.path);
	assert_int_equal(got[0].stream, -1);
	assert_int_equal(got[1].stream, 2);
	assert_int_equal(got[1].duration, 8);
	assert_int_equal(got[1].clock, STORE_CLOCK_FILE);
	assert_ok(store_case_step_load(s, c.id, key_a, &text, &err));
	assert_string_equal(text, "It rains.");
	while (n)
		store_member_clear(&got[--n]);
	free(TAKE(got));
	assert_ok(store_member_remove(s, c.id, m.path, &err));
	assert_ok(store_members_load(s, c.id, &got, &n, &err));
	assert_int_equal(n, 0);
	free(got);
	free(text);
	store_case_clear(&c);
	store_case_clear(&again);
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/vdet-test-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"check.db", "one.db",    "two.db",  "three.db",
	                                    "text.db",  "old.db",    "code.db", "streams.db",
	                                    "case.db",  "subject.db"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO(mem_freep) char *path = file_join(dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_comes_back_as_it_was_saved),
		cmocka_unit_test(a_hole_keeps_its_code),
		cmocka_unit_test(a_verdict_goes_with_its_statement),
		cmocka_unit_test(controls_are_counted_once),
		cmocka_unit_test(a_job_is_found_by_the_beginning_of_its_id),
		cmocka_unit_test(a_removed_job_takes_its_chunks_along),
		cmocka_unit_test(what_is_no_store_is_refused),
		cmocka_unit_test(each_stream_has_its_index),
		cmocka_unit_test(a_case_keeps_its_members_and_steps),
		cmocka_unit_test(numbers_and_edits_of_subjects_stay),
		cmocka_unit_test(an_older_store_is_brought_up_to_date),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
