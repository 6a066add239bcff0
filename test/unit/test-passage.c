/* SPDX-License-Identifier: Apache-2.0 */
/* Passages in the journal: converted, kept in step, counted as generations, and
 * gone when they are gone. */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "store/db.h"
#include "store/passage.h"
#include "store/queue.h"
#include "store/store.h"
#include "store/subject.h"
#include "store/vector.h"

#define JOB_A "aaaa56789012"
#define JOB_B "bbbb56789012"

static char dir[64];

/* Makes a journal one of version 19. */
static const char back[] =
	"DROP TABLE head; DROP TRIGGER job_blocks_deleted; DROP TABLE source_block; "
	"ALTER TABLE event DROP COLUMN quote; DROP TABLE speech_part; "
	"DROP TABLE text_dropped; DROP TABLE wall_clock; "
	"DROP TABLE text_source; DROP TABLE found_file; "
	"DROP TABLE vector; DROP TABLE space; DROP TRIGGER sample_vector_deleted; "
	"DROP TRIGGER job_vector_deleted; DROP TABLE watched; DROP TABLE watch; "
	"DROP TABLE board_ask; DROP TRIGGER event_added; DROP TRIGGER event_deleted; "
	"DROP TRIGGER summary_changed; "
	"DROP TRIGGER chunk_deleted; DROP TRIGGER job_deleted; DROP TRIGGER job_added; "
	"DROP TRIGGER job_changed; DROP TRIGGER job_source_changed; DROP TRIGGER verdict_added; "
	"DROP TRIGGER source_forgotten; DROP TRIGGER subject_edit_added; "
	"DROP TRIGGER subject_edit_changed; "
	"DROP VIEW piece; DROP TABLE passage; DROP TABLE words; DROP TABLE pieces; "
	"DROP TABLE generation; DROP INDEX job_source; "
	"ALTER TABLE job DROP COLUMN source; ALTER TABLE job DROP COLUMN stream; "
	"PRAGMA user_version = 19";

static struct store *open_store(const char *name)
{
	struct store *s = NULL;
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, name);
	if (store_open(path, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static void run_sql(const char *name, const char *sql)
{
	AUTO(mem_freep) char *path = file_join(dir, name);
	sqlite3 *db = NULL;
	char *why = NULL;
	assert_ok(sqlite3_open(path, &db));
	if (sqlite3_exec(db, sql, NULL, NULL, &why))
		fail_msg("%s", why);
	assert_ok(sqlite3_close(db));
}

/* The source of each is its id. */
static void add_job(struct store *s, const char *id, int stream)
{
	struct err err = {0};
	const struct store_chunk chunks[] = {{.index = 0, .start = 0, .end = 10},
	                                     {.index = 1, .start = 10, .end = 25}};
	AUTO(mem_freep) char *key = mem_printf("%s00", id);
	AUTO(mem_freep)
	char *facts = mem_printf(
		"{\"source\": {\"sha256\": \"%s\"}, \"key\": {\"options\": {\"media.stream\": \"%d\"}}}",
		id, stream);
	const struct store_job j = {.id = (char *)id,
	                            .key = key,
	                            .source_name = "n.mp4",
	                            .facts = facts,
	                            .output = "/x",
	                            .state = STORE_JOB_COMPLETE};
	assert_ok(store_job_add(s, &j, chunks, 2, 0, &err));
}

static void say(struct store *s, const char *job, const char *summary, const char *subject,
                const char *what)
{
	struct err err = {0};
	struct store_sample samples[] = {{.time = 12, .pts = 12, .decode_path = "", .fault = ""},
	                                 {.time = 20, .pts = 20, .decode_path = "", .fault = ""}};
	size_t shown[] = {0, 1};
	struct store_event event = {
		.subject = (char *)subject, .what = (char *)what, .samples = shown, .n_samples = 2};
	const struct store_chunk c = {.index = 1,
	                              .state = CHUNK_DONE,
	                              .summary = (char *)summary,
	                              .reason = "",
	                              .samples = samples,
	                              .n_samples = 2,
	                              .events = &event,
	                              .n_events = 1};
	assert_ok(store_chunk_save(s, job, &c, &err));
}

static size_t rank(struct store *s, enum store_match match, const char *word,
                   struct store_passage **ret)
{
	struct err err = {0};
	char *forms[] = {(char *)word};
	const struct store_word w = {forms, 1};
	const char *const jobs[] = {JOB_A, JOB_B};
	const struct store_scope scope = {.jobs = jobs, .n_jobs = 2};
	const struct store_ranking q = {
		.scope = &scope, .match = match, .words = &w, .n = 1, .most = 9};
	size_t n = 0;
	if (store_passages_rank(s, &q, ret, &n, &err) < 0)
		fail_msg("%s", err.msg);
	return n;
}

static size_t count(struct store *s, enum store_match match, const char *word)
{
	struct store_passage *p = NULL;
	size_t n = rank(s, match, word, &p);
	store_passages_free(p, n);
	return n;
}

static int64_t generation(struct store *s, const char *sha256, int stream)
{
	struct err err = {0};
	int64_t n = -1;
	const struct store_source source = {sha256, stream >= 0, stream};
	assert_ok(store_generation(s, &source, &n, &err));
	return n;
}

static void older_journals_are_converted(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = open_store("old.db");
	add_job(s, JOB_A, -1);
	add_job(s, JOB_B, 3);
	say(s, JOB_A, "A quiet yard.", "the van", "It stops.");
	say(s, JOB_B, "", "", "A zebra eats.");
	store_free(TAKE(s));
	run_sql("old.db", back);
	/* A damaged journal is not refused. */
	run_sql("old.db", "UPDATE job SET facts = '{rubbish' WHERE id = '" JOB_B "'; "
	                  "UPDATE event SET samples = '[rubbish' WHERE job = '" JOB_B "'");

	s = open_store("old.db");
	struct store_passage *p = NULL;
	assert_int_equal(rank(s, STORE_MATCH_WORDS, "VAN", &p), 1);
	assert_string_equal(p->text, "It stops.");
	assert_int_equal(p->start, 12);
	assert_int_equal(p->end, 20);
	assert_int_equal(p->sample, 0);
	store_passages_free(p, 1);
	assert_int_equal(rank(s, STORE_MATCH_PIECES, "qui", &p), 1);
	assert_int_equal(p->event, -1);
	assert_int_equal(p->start, 10);
	assert_int_equal(p->end, 25);
	store_passages_free(p, 1);
	assert_int_equal(rank(s, STORE_MATCH_WORDS, "zebra", &p), 1);
	assert_int_equal(p->start, 10);
	assert_int_equal(p->sample, -1);
	store_passages_free(p, 1);
	assert_int_equal(generation(s, JOB_A, -1), 1);
	assert_int_equal(generation(s, JOB_B, 3), 0);
	assert_int_equal(generation(s, "", -1), 1);
}

static void pieces_of_two_characters_are_found(void **state)
{
	(void)state;
	AUTO(store_freep) struct store *s = open_store("pieces.db");
	add_job(s, JOB_A, -1);
	say(s, JOB_A, "", "汽车", "一辆深红色的汽车停下。KX-4711Z");
	assert_int_equal(count(s, STORE_MATCH_PIECES, "红色"), 1);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "汽车"), 1);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "红车"), 0);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "1z"), 1); /* at the end of the text */
	assert_int_equal(count(s, STORE_MATCH_PIECES, "kx"), 1);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "X-"), 1);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "\"*"), 0);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "4711Z"), 1);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "4712"), 0);
	assert_int_equal(count(s, STORE_MATCH_PIECES, "x"), 0);
	/* The id of a job is in the index, but not a word of a text. */
	assert_int_equal(count(s, STORE_MATCH_WORDS, JOB_A), 0);
}

static void a_generation_grows_with_each_change(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(store_freep) struct store *s = open_store("generation.db");
	add_job(s, JOB_A, -1);
	add_job(s, JOB_B, 3);
	assert_int_equal(generation(s, JOB_A, -1), 0);
	say(s, JOB_A, "", "", "A cat.");
	int64_t first = generation(s, JOB_A, -1);
	assert_true(first > 0);
	assert_int_equal(generation(s, JOB_B, 3), 0);
	say(s, JOB_A, "", "", "A dog.");
	int64_t second = generation(s, JOB_A, -1);
	assert_true(second > first);

	const struct store_source source = {.sha256 = JOB_A};
	const struct store_subjects none = {0};
	const struct store_subject_edit edit = {.kind = "rename", .data = "{}"};
	AUTO(mem_freep) char *kind = NULL;
	assert_ok(store_subjects_save(s, JOB_A, &source, &none, NULL, 0, &edit, &err));
	int64_t third = generation(s, JOB_A, -1);
	assert_true(third > second);
	assert_ok(store_subjects_undo(s, &source, &kind, &err));
	int64_t fourth = generation(s, JOB_A, -1);
	assert_true(fourth > third);

	const struct store_verdict v = {
		.chunk = 1, .answer = {.letter = 'B'}, .reason = "", .model = "m", .prompt = "p"};
	assert_ok(store_verdicts_save(s, JOB_A, &v, 1, &err));
	assert_ok(store_verdicts_save(s, JOB_A, &v, 1, &err));
	assert_true(generation(s, JOB_A, -1) > fourth + 1);
	int64_t fifth = generation(s, JOB_A, -1);
	assert_ok(store_chunks_reset(s, JOB_A, (const int64_t[]){1}, 1, &err));
	assert_true(generation(s, JOB_A, -1) > fifth);

	say(s, JOB_B, "", "", "A cat.");
	assert_true(generation(s, JOB_B, 3) > 0);
	assert_int_equal(generation(s, JOB_B, -1), 0);
	int64_t last = generation(s, JOB_B, 3);
	assert_ok(store_job_remove(s, JOB_B, &err));
	assert_true(generation(s, JOB_B, 3) > last);
}

/* How often the text is in the files of the journal. */
static size_t occurrences(const char *name, const char *text)
{
	static const char *const endings[] = {"", "-wal"};
	size_t n = 0;
	for (size_t i = 0; i < 2; i++) {
		AUTO(mem_freep) char *path = mem_printf("%s/%s%s", dir, name, endings[i]);
		AUTO(buf_free) struct buf b = BUF(64 << 20);
		struct err err = {0};
		if (file_read(path, &b, &err) < 0)
			continue;
		for (const char *at = b.data, *end = b.data + b.len;
		     at && (at = memmem(at, (size_t)(end - at), text, strlen(text))); at++)
			n++;
	}
	return n;
}

/* 120 texts of which each has a word of its own. */
static void say_much(struct store *s, const char *job, const char *word)
{
	for (int i = 0; i < 120; i++) {
		AUTO(mem_freep) char *what = mem_printf("The %s%d is there.", word, i);
		say(s, job, what, word, what);
	}
}

/* Each has these bytes. */
static void add_vectors(struct store *s, const char *job, const char *data)
{
	const struct store_space space = {.model = "m", .hash = "", .lead = "", .dim = strlen(data)};
	struct store_vectorless *v = NULL;
	struct err err = {0};
	size_t n = 0;
	int64_t id;
	assert_ok(store_space_find(s, &space, true, &id, &err));
	assert_ok(store_vectorless_load(s, job, id, false, 0, 1000, &v, &n, &err));
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		const struct store_vector one = {.of = &v[i], .data = (const int8_t *)data, .scale = 1};
		assert_ok(store_vectors_add(s, job, id, space.dim, &one, 1, &err));
	}
	store_vectorless_free(v, n);
}

static void what_is_removed_is_not_in_the_file(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(store_freep) struct store *s = open_store("gone.db");
	add_job(s, JOB_A, -1);
	add_job(s, JOB_B, -1);
	say_much(s, JOB_B, "walrus");
	say_much(s, JOB_A, "quagga");
	const struct store_control control = {.model = "m",
	                                      .prompt = "p",
	                                      .kind = "positive",
	                                      .job = JOB_A,
	                                      .what = "A quagga.",
	                                      .expected = 'A',
	                                      .answer = {.letter = 'A'}};
	assert_ok(store_control_save(s, &control, &err));
	add_vectors(s, JOB_A, "okapi");
	assert_true(occurrences("gone.db", "quagga") > 0);
	assert_true(occurrences("gone.db", "okapi") > 0);
	assert_ok(store_job_remove(s, JOB_A, &err));
	assert_int_equal(occurrences("gone.db", "quagga"), 0);
	assert_int_equal(occurrences("gone.db", "okapi"), 0);
	assert_int_equal(occurrences("gone.db", "uagg"), 0);
	/* Three characters, as one of the indexes has them. */
	assert_int_equal(occurrences("gone.db", "agga"), 0);
	assert_true(occurrences("gone.db", "walrus") > 0);
	assert_int_equal(count(s, STORE_MATCH_WORDS, "walrus119"), 2);

	struct store_controls sum = {0};
	assert_ok(store_controls_count(s, "m", "p", 0.5, 0.5, &sum, &err));
	assert_int_equal(sum.yes, 1); /* it counts still */

	/* By way of the server's queue, too. */
	const struct store_video video = {.name = "",
	                                  .origin = "path",
	                                  .source = "",
	                                  .path = "",
	                                  .sha256 = "",
	                                  .stamp = "",
	                                  .facts = "",
	                                  .fault = ""};
	struct store_entry entry = {.options = "{}", .journal = JOB_B, .fault = ""};
	int64_t id = 0;
	assert_ok(store_video_add(s, &video, &entry.video, &err));
	assert_ok(store_entry_add(s, &entry, &id, &err));
	assert_ok(store_video_remove(s, entry.video, &err));
	assert_int_equal(occurrences("gone.db", "walrus"), 0);
}

/* Removing makes space, and so must not need it. */
static void a_full_disk_does_not_keep_a_job(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(store_freep) struct store *s = open_store("full.db");
	AUTO(buf_free) struct buf large = BUF(1 << 20);
	for (int i = 0; i < 20000; i++)
		buf_addf(&large, "walrus%d ", i * 7919);
	add_job(s, JOB_A, -1);
	add_job(s, JOB_B, -1);
	say(s, JOB_A, "", "", "A quagga.");
	say(s, JOB_B, "", "", buf_str(&large));
	assert_ok(sqlite3_exec(s->db, "VACUUM; PRAGMA max_page_count = 1", NULL, NULL, NULL));
	assert_ok(store_job_remove(s, JOB_A, &err));
	assert_int_equal(count(s, STORE_MATCH_WORDS, "quagga"), 0);
	assert_int_equal(count(s, STORE_MATCH_WORDS, "walrus7919"), 1);
	assert_true(occurrences("full.db", "quagga") > 0);
	assert_ok(sqlite3_exec(s->db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL));
	assert_ok(store_job_remove(s, JOB_B, &err));
	assert_int_equal(occurrences("full.db", "quagga"), 0);
	assert_int_equal(occurrences("full.db", "walrus"), 0);
}

static void add_name(void *ctx, const struct store_run *run)
{
	buf_addf(ctx, "%s/%d ", run->sha256, run->stream);
}

static void runs_know_their_source(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(store_freep) struct store *s = open_store("runs.db");
	AUTO(buf_free) struct buf b = BUF(1000);
	add_job(s, JOB_A, -1);
	add_job(s, JOB_B, 3);
	run_sql("runs.db", "UPDATE job SET created = 5 WHERE id = '" JOB_B "'");
	assert_ok(store_runs_each(s, add_name, &b, &err));
	assert_string_equal(buf_str(&b), JOB_A "/-1 " JOB_B "/3 ");

	/* Other facts, and the passages go with them. */
	say(s, JOB_A, "", "", "A cat.");
	run_sql("runs.db",
	        "UPDATE job SET facts = '{\"source\": {\"sha256\": \"c\"}}' WHERE id = '" JOB_A
	        "'; UPDATE job SET state = 0 WHERE id = '" JOB_B "'");
	buf_clear(&b);
	assert_ok(store_runs_each(s, add_name, &b, &err));
	assert_string_equal(buf_str(&b), "c/-1 ");
	assert_true(generation(s, "c", -1) > 0);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/vdet-passage-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	struct err err;
	return file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(older_journals_are_converted),
		cmocka_unit_test(pieces_of_two_characters_are_found),
		cmocka_unit_test(a_generation_grows_with_each_change),
		cmocka_unit_test(what_is_removed_is_not_in_the_file),
		cmocka_unit_test(a_full_disk_does_not_keep_a_job),
		cmocka_unit_test(runs_know_their_source),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
