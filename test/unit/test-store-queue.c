/* SPDX-License-Identifier: Apache-2.0 */
/* The server's part of the store: videos, the queue, the summary of a job,
 * search, cases and questions. And second passes. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/ask.h"
#include "store/board-ask.h"
#include "store/board-case.h"
#include "store/queue.h"
#include "store/second.h"

static char dir[64];
static struct store *s;

static const struct store_video video = {.name = "näme.mp4",
                                         .origin = "upload",
                                         .source = "",
                                         .path = "/x",
                                         .sha256 = "",
                                         .stamp = "",
                                         .facts = "",
                                         .fault = "",
                                         .size = 1LL << 40,
                                         .created = 5};

static int64_t add_entry(int64_t of)
{
	struct err err = {0};
	int64_t id = 0;
	const struct store_entry e = {
		.video = of, .priority = -3, .place = 1.5, .options = "{}", .journal = "", .fault = ""};
	assert_ok(store_entry_add(s, &e, &id, &err));
	return id;
}

static void videos_and_entries_come_back(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t id = 0, other = 0;
	struct store_video *videos = NULL;
	struct store_entry *entries = NULL;
	size_t n = 0;
	assert_ok(store_video_add(s, &video, &id, &err));
	assert_ok(store_video_add(s, &video, &other, &err));
	struct store_video changed = video;
	changed.id = id;
	changed.sha256 = "abc";
	changed.state = STORE_VIDEO_FAILED;
	changed.has_stream = true;
	changed.stream = 2;
	assert_ok(store_video_update(s, &changed, &err));
	assert_ok(store_videos_load(s, &videos, &n, &err));
	assert_int_equal(n, 2);
	assert_string_equal(videos[0].name, "näme.mp4");
	assert_string_equal(videos[0].sha256, "abc");
	assert_int_equal(videos[0].state, STORE_VIDEO_FAILED);
	assert_int_equal(videos[1].size, 1LL << 40);
	assert_true(videos[0].has_stream && videos[0].stream == 2);
	assert_false(videos[1].has_stream);
	for (size_t i = 0; i < n; i++)
		store_video_clear(&videos[i]);
	free(videos);

	int64_t first = add_entry(id), second = add_entry(other);
	assert_ok(store_entry_update(s,
	                             &(struct store_entry){.id = second,
	                                                   .state = STORE_ENTRY_HOLES,
	                                                   .options = "{}",
	                                                   .journal = "aaa",
	                                                   .fault = "why",
	                                                   .served = 7},
	                             &err));
	assert_ok(store_entries_load(s, &entries, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(entries[0].id, first);
	assert_int_equal(entries[0].priority, -3);
	assert_true(entries[0].place > 1.4 && entries[0].place < 1.6);
	assert_int_equal(entries[1].state, STORE_ENTRY_HOLES);
	assert_string_equal(entries[1].fault, "why");
	assert_int_equal(entries[1].video, other);
	for (size_t i = 0; i < n; i++)
		store_entry_clear(&entries[i]);
	free(entries);

	/* A video takes its entries along, and no number comes again. */
	assert_ok(store_video_remove(s, other, &err));
	assert_ok(store_entries_load(s, &entries, &n, &err));
	assert_int_equal(n, 1);
	store_entry_clear(&entries[0]);
	free(entries);
	assert_ok(store_entry_remove(s, first, &err));
	assert_true(add_entry(id) > second);
}

static void add_job(const char *key, const char *summary, const char *what)
{
	struct err err = {0};
	unsigned char thumb[] = {0xff, 0xd8, 0xff, 0xd9};
	const struct store_chunk chunks[] = {{.index = 0, .start = 0, .end = 10},
	                                     {.index = 1, .start = 10, .end = 25}};
	AUTO(mem_freep) char *id = mem_printf("%.12s", key);
	const struct store_job j = {
		.id = id, .key = (char *)key, .source_name = "n", .facts = "{}", .output = "/x"};
	struct store_sample samples[] = {{.time = 12,
	                                  .pts = 12,
	                                  .decode_path = "",
	                                  .fault = "",
	                                  .thumb = thumb,
	                                  .thumb_len = sizeof thumb},
	                                 {.time = 20, .pts = 20, .decode_path = "", .fault = ""},
	                                 {.time = 24, .pts = 24, .decode_path = "", .fault = ""}};
	size_t shown[] = {1, 2};
	struct store_event event = {.what = (char *)what, .samples = shown, .n_samples = 2};
	struct store_chunk c = {.index = 1,
	                        .state = CHUNK_DONE,
	                        .summary = (char *)summary,
	                        .reason = "",
	                        .samples = samples,
	                        .n_samples = 3,
	                        .events = &event,
	                        .n_events = 1};
	assert_ok(store_job_add(s, &j, chunks, 2, 0, &err));
	assert_ok(store_chunk_save(s, id, &c, &err));
}

static const char key_a[] = "aaaa567890123456789012345678901234567890123456789012345678901234";
static const char key_b[] = "bbbb567890123456789012345678901234567890123456789012345678901234";
static const char key_c[] = "cccc567890123456789012345678901234567890123456789012345678901234";

static const char key_d[] = "ffff567890123456789012345678901234567890123456789012345678901234";

static int64_t add_entry_of(int64_t of, const char *journal)
{
	struct err err = {0};
	int64_t id = add_entry(of);
	const struct store_entry e = {
		.id = id, .options = "{}", .journal = (char *)journal, .fault = ""};
	assert_ok(store_entry_update(s, &e, &err));
	return id;
}

static size_t search(const char *const *words, size_t n, struct store_hit **hits)
{
	struct err err = {0};
	size_t found = 0;
	const struct store_query query = {.words = words, .n = n, .limit = 50};
	if (store_search(s, &query, hits, &found, &err) < 0)
		fail_msg("%s", err.msg);
	return found;
}

static size_t search_red(enum store_found found, int64_t from, int64_t to, const char *jobs)
{
	struct err err = {0};
	struct store_hit *hits = NULL;
	size_t n = 0;
	const struct store_query query = {.words = (const char *const[]){"red"},
	                                  .n = 1,
	                                  .jobs = jobs,
	                                  .found = found,
	                                  .from = from,
	                                  .to = to,
	                                  .limit = 50};
	assert_ok(store_search(s, &query, &hits, &n, &err));
	store_hits_free(hits, n);
	return n;
}

/* Of the two hits one is an event from 20 to 24, one a summary from 10 to 25. */
static void check_filters(void)
{
	assert_int_equal(search_red(STORE_FOUND_EVENTS, 0, 0, NULL), 1);
	assert_int_equal(search_red(STORE_FOUND_SUMMARIES, 0, 0, NULL), 1);
	assert_int_equal(search_red(STORE_FOUND_ANY, 24, 0, NULL), 2);
	assert_int_equal(search_red(STORE_FOUND_ANY, 25, 0, NULL), 1);
	assert_int_equal(search_red(STORE_FOUND_ANY, 26, 0, NULL), 0);
	assert_int_equal(search_red(STORE_FOUND_ANY, 0, 19, NULL), 1);
	assert_int_equal(search_red(STORE_FOUND_ANY, 0, 9, NULL), 0);
	assert_int_equal(search_red(STORE_FOUND_ANY, 0, 0, "[]"), 0);
	assert_int_equal(search_red(STORE_FOUND_ANY, 0, 0, "[\"aaaa56789012\"]"), 1);
}

static void words_are_found(void **state)
{
	(void)state;
	struct store_hit *hits = NULL;
	struct store_summary summary;
	struct err err = {0};
	AUTO(buf_free) struct buf thumb = BUF(100);
	int64_t of = 0;
	add_job(key_a, "A quiet street.", "A red square enters, 100% sure.");
	add_job(key_b, "A red car waits.",
	        "It leaves; \303\211mile stays. \346\267\261\347\272\242\350\211\262");
	/* A run without an entry is of the command line: it is not shown. */
	add_job(key_d, "A red square.", "A red square.");
	assert_ok(store_video_add(s, &video, &of, &err));
	add_entry_of(of, "aaaa56789012");
	add_entry_of(of, "bbbb56789012");
	assert_ok(store_summary(s, "aaaa56789012", &summary, &err));
	assert_string_equal(summary.states, ".d");
	assert_int_equal(summary.events, 1);
	assert_int_equal(summary.statements, 1);
	free(summary.states);
	assert_ok(store_summary(s, "none", &summary, &err));
	assert_string_equal(summary.states, "");
	free(summary.states);

	assert_int_equal(search((const char *[]){"RED", "square"}, 2, &hits), 1);
	assert_string_equal(hits[0].job, "aaaa56789012");
	assert_int_equal(hits[0].chunk, 1);
	assert_int_equal(hits[0].event, 0);
	assert_int_equal(hits[0].start, 20);
	assert_int_equal(hits[0].end, 24);
	store_hits_free(hits, 1);

	assert_int_equal(search((const char *[]){"red"}, 1, &hits), 2);
	assert_string_equal(hits[0].job, "bbbb56789012");
	assert_int_equal(hits[0].event, -1);
	assert_int_equal(hits[0].end, 25);
	store_hits_free(hits, 2);

	check_filters();

	/* Without the accent, and the beginning of a word; the middle of one; a
	 * language without blanks. */
	assert_int_equal(search((const char *[]){"emil"}, 1, &hits), 1);
	store_hits_free(hits, 1);
	assert_int_equal(search((const char *[]){"quar"}, 1, &hits), 1);
	store_hits_free(hits, 1);
	assert_int_equal(search((const char *[]){"\347\272\242"}, 1, &hits), 1);
	store_hits_free(hits, 1);

	/* A plural finds the singular. */
	assert_int_equal(search((const char *[]){"squares"}, 1, &hits), 1);
	store_hits_free(hits, 1);
	assert_int_equal(search((const char *[]){"streets", "quiet"}, 2, &hits), 1);
	store_hits_free(hits, 1);

	/* What means something to the languages of queries is text. */
	assert_int_equal(search((const char *[]){"\"red\" OR quiet"}, 1, &hits), 0);
	assert_int_equal(search((const char *[]){"NEAR(red"}, 1, &hits), 0);
	assert_int_equal(search((const char *[]){"*"}, 1, &hits), 0);
	assert_int_equal(search((const char *[]){"0%"}, 1, &hits), 1);
	store_hits_free(hits, 1);
	assert_int_equal(search((const char *[]){"r_d"}, 1, &hits), 0);
	assert_int_equal(search((const char *[]){"'; DROP TABLE job; --"}, 1, &hits), 0);

	assert_ok(store_thumb(s, "aaaa56789012", 1, 0, &thumb, &err));
	assert_int_equal(thumb.len, 4);
	assert_int_equal(store_thumb(s, "aaaa56789012", 1, 1, &thumb, &err), -ERR_NOENT);
	assert_int_equal(store_thumb(s, "aaaa56789012", 9, 9, &thumb, &err), -ERR_NOENT);

	/* What is gone is not found any more. */
	assert_ok(store_job_remove(s, "aaaa56789012", &err));
	assert_int_equal(search((const char *[]){"square"}, 1, &hits), 0);
	assert_int_equal(search((const char *[]){"quiet"}, 1, &hits), 0);
	assert_int_equal(search((const char *[]){"car"}, 1, &hits), 1);
	store_hits_free(hits, 1);
}

static bool has_run(const char *id)
{
	AUTO(store_job_clear) struct store_job j = {0};
	struct err err;
	return store_job_find(s, id, &j, &err) == 0;
}

/* A run in the journal goes in the transaction of the last entry that has it. */
static void runs_go_with_their_entries(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t one = 0, two = 0, last_video = 0, last_entry = 0;
	add_job(key_c, "Rain.", "It rains.");
	assert_ok(store_video_add(s, &video, &one, &err));
	assert_ok(store_video_add(s, &video, &two, &err));
	int64_t first = add_entry_of(one, "cccc56789012"), second = add_entry_of(two, "cccc56789012");
	assert_ok(store_entry_remove(s, first, &err));
	assert_true(has_run("cccc56789012"));
	assert_ok(store_video_remove(s, two, &err));
	assert_false(has_run("cccc56789012"));
	assert_true(has_run("bbbb56789012"));

	/* What was removed counts. */
	assert_ok(store_ids_used(s, &last_video, &last_entry, &err));
	assert_int_equal(last_video, two);
	assert_int_equal(last_entry, second);
}

/* A run is added together with its name in the entry, or not at all. */
static void a_run_without_its_entry_is_not_added(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t of = 0;
	const struct store_job j = {.id = "dddd56789012",
	                            .key = "dddd567890",
	                            .source_name = "n",
	                            .facts = "{}",
	                            .output = "/x"};
	assert_ok(store_video_add(s, &video, &of, &err));
	int64_t removed = add_entry(of), kept = add_entry(of);
	assert_ok(store_entry_remove(s, removed, &err));
	assert_int_equal(store_job_add(s, &j, NULL, 0, removed, &err), -ERR_CANCELED);
	assert_false(has_run(j.id));

	/* An entry that was read before does not take the name away. */
	const struct store_entry before = {.id = kept, .options = "{}", .journal = "", .fault = ""};
	assert_ok(store_job_add(s, &j, NULL, 0, kept, &err));
	assert_ok(store_entry_update(s, &before, &err));
	assert_ok(store_entry_remove(s, kept, &err));
	assert_false(has_run(j.id));
}

static int open_it(void **state)
{
	(void)state;
	struct err err;
	snprintf(dir, sizeof dir, "/tmp/vdet-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	AUTO(mem_freep) char *path = file_join(dir, "q.db");
	return store_open(path, &s, &err);
}

static void describe(const char *summary, struct store_chunk *ret)
{
	*ret = (struct store_chunk){
		.state = CHUNK_DONE, .summary = (char *)summary, .reason = "", .endpoint = ""};
}

static char *summary_of_first(const char *job)
{
	struct err err = {0};
	struct store_chunk *chunks = NULL;
	size_t n = 0;
	assert_ok(store_chunks_load(s, job, STORE_BARE, &chunks, &n, &err));
	char *summary = TAKE(chunks[0].summary);
	for (size_t i = 0; i < n; i++)
		store_chunk_clear(&chunks[i]);
	free(chunks);
	return summary;
}

static void a_second_pass_keeps_what_the_first_said(void **state)
{
	(void)state;
	struct err err = {0};
	const struct store_chunk todo[] = {{.index = 0, .end = 10},
	                                   {.index = 1, .start = 10, .end = 20}};
	const struct store_job job = {
		.id = "5ec05ec05ec0", .key = "5ec0", .source_name = "a.mp4", .facts = "{}", .output = "/x"};
	int64_t times[] = {3, 7};
	const struct store_second chosen[] = {
		{.chunk = 0, .context = "before", .times = times, .n_times = 2},
		{.chunk = 1, .context = "", .times = times, .n_times = 1}};
	struct store_second *got = NULL;
	struct store_chunk c;
	size_t n = 0;
	assert_ok(store_job_add(s, &job, todo, 2, 0, &err));
	describe("first", &c);
	assert_ok(store_chunk_save(s, job.id, &c, &err));
	assert_ok(store_seconds_add(s, job.id, chosen, 2, &err));
	assert_ok(store_second_fail(s, job.id, 1, "the engine failed", &err));

	describe("second", &c);
	assert_ok(store_second_save(s, job.id, &c, "{\"summary\": \"first\"}", &err));
	AUTO(mem_freep) char *summary = summary_of_first(job.id);
	assert_string_equal(summary, "second");
	assert_ok(store_seconds_add(s, job.id, chosen, 2, &err)); /* what is known stays */
	assert_ok(store_seconds_load(s, job.id, &got, &n, &err));
	assert_int_equal(n, 2);
	assert_string_equal(got[0].context, "before");
	assert_string_equal(got[0].earlier, "{\"summary\": \"first\"}");
	assert_int_equal(got[0].n_times, 2);
	assert_int_equal(got[0].times[1], 7);
	assert_string_equal(got[1].earlier, "");
	assert_string_equal(got[1].reason, "the engine failed");
	store_seconds_free(got, n);

	/* All or nothing: what was not chosen is not replaced. */
	assert_ok(store_job_remove(s, job.id, &err));
	assert_int_equal(store_second_save(s, job.id, &c, "{}", &err), -ERR_NOENT);
	assert_ok(store_seconds_load(s, job.id, &got, &n, &err));
	assert_int_equal(n, 0);
	store_seconds_free(got, n);
}

static int close_it(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "q.db");
	store_free(s);
	unlink(path);
	return rmdir(dir);
}

static void cases_keep_their_videos(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t a = 0, b = 0, one = 0, two = 0, *ids = NULL;
	struct store_board_case *c = NULL;
	size_t n = 0;
	assert_ok(store_video_add(s, &video, &a, &err));
	assert_ok(store_video_add(s, &video, &b, &err));
	const int64_t both[] = {b, a, b}, lost[] = {a, 999};
	struct store_board_case_change change = {.name = "One", .add = both, .n_add = 3};
	assert_ok(store_board_case_save(s, &change, &one, &err));
	change = (struct store_board_case_change){.name = "Two", .add = &b, .n_add = 1};
	assert_ok(store_board_case_save(s, &change, &two, &err));
	/* As a whole or not at all. */
	change = (struct store_board_case_change){.name = "Eins", .add = lost, .n_add = 2};
	assert_int_equal(store_board_case_save(s, &change, &one, &err), -ERR_NOENT);
	assert_string_equal(err.msg, "there is no video 999");
	int64_t none = 99;
	change = (struct store_board_case_change){.add = lost, .n_add = 2};
	assert_int_equal(store_board_case_save(s, &change, &none, &err), -ERR_NOENT);
	assert_string_equal(err.msg, "there is no case 99");
	assert_ok(store_board_cases_load(s, one, &c, &n, &err));
	assert_string_equal(c->name, "One");
	assert_int_equal(c->n, 2);
	store_board_cases_free(c, n);

	assert_ok(store_board_cases_with(s, b, &ids, &n, &err));
	assert_int_equal(n, 2);
	assert_true(ids[0] == one && ids[1] == two);
	free(ids);
	assert_ok(store_board_cases_with(s, a, &ids, &n, &err));
	assert_int_equal(n, 1);
	free(ids);
	assert_ok(store_board_cases_with(s, 999, &ids, &n, &err));
	assert_int_equal(n, 0);
	free(ids);
}

static void a_case_keeps_its_summary(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t id = 0, video_id = 0;
	struct store_board_case *c = NULL;
	size_t n = 0;
	char *text = NULL;
	struct store_board_summary summary = {7, "fault", "{}", "sha", "model", 8};
	assert_ok(store_video_add(s, &video, &video_id, &err));
	const int64_t videos[] = {video_id, video_id - 1};
	const struct store_board_case_change change = {.name = "Sum", .add = videos, .n_add = 2};
	assert_ok(store_board_case_save(s, &change, &id, &err));
	assert_ok(store_board_cases_load(s, id, &c, &n, &err));
	assert_string_equal(c->summary.text, "");
	assert_string_equal(c->summary.fault, "");
	assert_int_equal(c->summary.wanted, 0);
	store_board_cases_free(c, n);

	assert_ok(store_board_summary_save(s, id, &summary, &err));
	assert_int_equal(store_board_answer_find(s, id, "key", &text, &err), -ERR_NOENT);
	assert_ok(store_board_answer_add(s, id, "key", "old", &err));
	assert_ok(store_board_answer_add(s, id, "key", "It rains.", &err));
	assert_ok(store_board_answer_find(s, id, "key", &text, &err));
	assert_string_equal(text, "It rains.");
	free(text);
	assert_ok(store_board_cases_load(s, id, &c, &n, &err));
	assert_int_equal(c->n, 2);
	assert_int_equal(c->summary.wanted, 7);
	assert_int_equal(c->summary.written, 8);
	assert_string_equal(c->summary.fault, "fault");
	assert_string_equal(c->summary.made_of, "sha");
	assert_string_equal(c->summary.model, "model");
	store_board_cases_free(c, n);

	/* With the case all of it goes; a thread that still writes adds nothing. */
	assert_ok(store_board_case_remove(s, id, &err));
	assert_int_equal(store_board_summary_save(s, id, &summary, &err), -ERR_NOENT);
	assert_int_equal(store_board_answer_add(s, id, "key", "x", &err), -ERR_NOENT);
	assert_int_equal(store_board_answer_find(s, id, "key", &text, &err), -ERR_NOENT);
}

static int64_t add_question(const char *request, const char *answer)
{
	struct err err = {0};
	struct store_board_ask row = {0};
	const struct store_board_ask added = {.request = (char *)request, .who = "ann"};
	int64_t id = 0;
	assert_ok(store_board_ask_add(s, &added, &id, &err));
	assert_ok(store_board_ask_find(s, id, &row, &err));
	free(row.answer);
	row.answer = mem_strdup(answer);
	assert_ok(store_board_ask_update(s, &row, &err));
	store_board_ask_clear(&row);
	return id;
}

static void open_answer(const char *id)
{
	struct err err = {0};
	AUTO(store_ask_clear) struct store_ask row = {0};
	const struct store_ask a = {.id = (char *)id,
	                            .key = (char *)id,
	                            .asked = (char *)"asked",
	                            .question = (char *)"q",
	                            .scope = (char *)"[]"};
	assert_ok(store_ask_open(s, &a, &row, &err));
}

static void questions_come_back(void **state)
{
	(void)state;
	struct err err = {0};
	struct store_board_ask row = {0}, *all = NULL;
	size_t n = 0;
	int64_t one = add_question("{\"case\":\"7\"}", ""), two = add_question("{}", "aaaaaaaaaaaa");
	const struct store_ask_picture picture = {.cite = 1, .source = "x", .jpeg = "jpeg", .len = 4};
	AUTO(buf_free) struct buf out = BUF(100);
	open_answer("aaaaaaaaaaaa");
	assert_ok(store_ask_finish(
		s, "aaaaaaaaaaaa",
		"{\"state\": \"partly\", \"text\": \"Yes.\", \"spent\": {\"requests\": 3}}", &picture, 1,
		&err));
	assert_ok(store_board_ask_find(s, two, &row, &err));
	assert_string_equal(row.result, "partly");
	assert_string_equal(row.text, "Yes.");
	assert_string_equal(row.spent, "{\"requests\":3}");
	assert_string_equal(row.who, "ann");
	assert_int_equal(row.state, STORE_ASK_OPEN);
	row.state = STORE_ASK_DONE;
	assert_ok(store_board_ask_update(s, &row, &err));
	store_board_ask_clear(&row);
	assert_ok(store_ask_picture(s, "aaaaaaaaaaaa", 1, 0, &out, &err));
	assert_int_equal(out.len, 4);
	assert_int_equal(store_ask_picture(s, "aaaaaaaaaaaa", 0, 0, &out, &err), -ERR_NOENT);

	assert_ok(store_board_asks_open(s, &all, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(all[0].id, one);
	store_board_asks_free(all, n);
	assert_ok(
		store_board_asks_list(s, &(struct store_board_asks_query){.limit = 9}, &all, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(all[0].id, two);
	store_board_asks_free(all, n);
	const struct store_board_asks_query of_case = {.case_name = "7", .limit = 9};
	assert_ok(store_board_asks_list(s, &of_case, &all, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(all[0].id, one);
	store_board_asks_free(all, n);
	const struct store_board_asks_query earlier = {.before = one, .limit = 9};
	assert_ok(store_board_asks_list(s, &earlier, &all, &n, &err));
	assert_int_equal(n, 0);
	store_board_asks_free(all, n);
	assert_ok(store_board_ask_remove(s, one, &err));
	assert_ok(store_board_ask_remove(s, two, &err));
}

static void answers_go_with_their_last_question(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(store_ask_clear) struct store_ask a = {0};
	int64_t one = add_question("{}", "bbbbbbbbbbbb"), two = add_question("{}", "bbbbbbbbbbbb");
	struct store_board_ask row = {.id = one, .answer = "", .fault = ""};
	open_answer("bbbbbbbbbbbb");
	store_board_ask_forget(s, "bbbbbbbbbbbb"); /* questions have it */
	assert_ok(store_board_ask_remove(s, one, &err));
	assert_ok(store_ask_find(s, "bbbbbbbbbbbb", &a, &err));
	assert_ok(store_board_ask_remove(s, two, &err));
	store_ask_clear(&a);
	assert_int_equal(store_ask_find(s, "bbbbbbbbbbbb", &a, &err), -ERR_NOENT);
	assert_int_equal(store_board_ask_remove(s, two, &err), -ERR_NOENT);
	assert_int_equal(store_board_ask_update(s, &row, &err), -ERR_NOENT);
	assert_int_equal(store_board_ask_find(s, one, &row, &err), -ERR_NOENT);

	open_answer("cccccccccccc");
	store_board_ask_forget(s, "cccccccccccc");
	assert_int_equal(store_ask_find(s, "cccccccccccc", &a, &err), -ERR_NOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(videos_and_entries_come_back),
		cmocka_unit_test(words_are_found),
		cmocka_unit_test(runs_go_with_their_entries),
		cmocka_unit_test(a_run_without_its_entry_is_not_added),
		cmocka_unit_test(a_second_pass_keeps_what_the_first_said),
		cmocka_unit_test(cases_keep_their_videos),
		cmocka_unit_test(a_case_keeps_its_summary),
		cmocka_unit_test(questions_come_back),
		cmocka_unit_test(answers_go_with_their_last_question),
	};
	return cmocka_run_group_tests(tests, open_it, close_it);
}
