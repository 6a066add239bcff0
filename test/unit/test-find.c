/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the windows that a question may be about. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "report/report.h"
#include "search/find.h"
#include "search/terms.h"
#include "search/window.h"

enum { SECOND = 1000 * 1000, CHUNK = 30, CHUNKS = 40 /* of 30 s */ };
#define JOB_A "aaaa56789012"
#define JOB_B "bbbb56789012"

static char dir[64];
static struct store *s;

/* ---- words of a question */

/* "box/boxes red" */
static char *list(const struct store_word *words, size_t n)
{
	struct buf b = BUF(4096);
	buf_adds(&b, "");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < words[i].n; k++)
			buf_addf(&b, "%s%s", k ? "/" : i ? " " : "", words[i].forms[k]);
	return buf_take(&b);
}

static void check_terms(const char *text, const char *words, const char *pieces)
{
	AUTO(terms_clear) struct terms t = {0};
	terms_read(text, &t);
	AUTO(mem_freep) char *got = list(t.words, t.n), *parts = list(t.pieces, t.n_pieces);
	assert_string_equal(got, words);
	if (pieces)
		assert_string_equal(parts, pieces);
}

static void questions_become_words(void **state)
{
	(void)state;
	check_terms("Who carried the box out, and when?", "carried/carrieds box/boxes", NULL);
	check_terms("boxes bodies buses",
	            "boxes/box/boxe bodies/body/bodi/bodie "
	            "buses/bus/buse",
	            NULL);
	check_terms("glass", "glass/glasses", NULL);
	check_terms("the person's bag", "person/persons bag/bags", NULL);
	check_terms("is KX-4711Z there?", "KX-4711Z", "KX-4711Z");
	check_terms("\"red\" OR (red) Red", "red/reds", NULL);
	/* Nothing but words that say nothing: then they are searched. */
	check_terms("Who is there?", "Who/Whos is there/theres", NULL);
	check_terms(" ?! \xff ", "", "");
	/* Without spaces: as a whole, and every two letters. */
	check_terms("红色的车", "红色的车", "红色 色的 的车");
	check_terms("red车,", "red/reds 车", "red/reds 车");
}

static void long_questions_are_bounded(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf b = BUF(100000);
	AUTO(terms_clear) struct terms t = {0};
	for (int i = 0; i < 3000; i++)
		buf_addf(&b, "w%dx ", i);
	terms_read(buf_str(&b), &t);
	assert_int_equal(t.n, TERMS_MAX);
	terms_clear(&t);
	buf_clear(&b);
	for (int i = 0; i < 30000; i++)
		buf_adds(&b, "x");
	terms_read(buf_str(&b), &t);
	assert_true(t.n > 0);
}

/* ---- windows */

static struct window_hit hit(size_t job, double score, int64_t start, int64_t end)
{
	return (struct window_hit){
		.job = job,
		.score = score,
		.passage = {.text = "x", .start = start * SECOND, .end = end * SECOND}};
}

/* "0:5-20*2": of job 0, from 5 to 20 s, with 2 hits. */
static void check_windows(struct window_hit *hits, size_t n, size_t n_jobs, int64_t to, size_t most,
                          const char *expected)
{
	struct find_window *w = NULL;
	size_t n_windows = 0;
	struct buf b = BUF(4096);
	buf_adds(&b, "");
	windows_make(hits, n, &w, &n_windows);
	n_windows = windows_choose(w, n_windows, n_jobs, 0, to * SECOND, most);
	for (size_t i = 0; i < n_windows; i++)
		buf_addf(&b, "%s%zu:%lld-%lld*%zu", i ? " " : "", w[i].job, (long long)w[i].start / SECOND,
		         (long long)w[i].end / SECOND, w[i].n_passages);
	AUTO(mem_freep) char *got = buf_take(&b);
	assert_string_equal(got, expected);
	windows_free(w, n_windows);
}

static void near_hits_are_one_window(void **state)
{
	(void)state;
	struct window_hit near[] = {hit(0, 1, 30, 35), hit(0, 1, 0, 5), hit(0, 1, 14, 20),
	                            hit(1, 5, 6, 8)};
	check_windows(near, 4, 2, 0, 9, "1:6-8*1 0:0-20*2 0:30-35*1");
	/* No longer than a minute. */
	struct window_hit many[] = {hit(0, 1, 0, 25), hit(0, 1, 30, 55), hit(0, 3, 58, 70)};
	check_windows(many, 3, 1, 100, 9, "0:58-70*1 0:0-55*2");
	/* A long one is cut, and what is in it belongs to its part. */
	struct window_hit chunk[] = {hit(0, 1, 0, 120), hit(0, 3, 70, 80)};
	check_windows(chunk, 2, 1, 120, 9, "0:60-120*2 0:0-60*1");
	check_windows(NULL, 0, 1, 100, 9, "");
	/* Several weak ones do not outweigh a good one. */
	struct window_hit weak[] = {hit(0, 2, 0, 5), hit(0, 2, 6, 10), hit(0, 3, 60, 61)};
	check_windows(weak, 3, 1, 0, 1, "0:60-61*1");
}

static void each_part_gets_a_window(void **state)
{
	(void)state;
	struct window_hit one[] = {hit(0, 9, 0, 1), hit(0, 8, 30, 31), hit(0, 7, 60, 61),
	                           hit(0, 1, 350, 1), hit(0, 2, 120, 121)};
	one[3].passage.end = 351 * (int64_t)SECOND;
	check_windows(one, 5, 1, 400, 3, "0:0-1*1 0:120-121*1 0:350-351*1");
	check_windows(one, 5, 1, 400, 4, "0:0-1*1 0:30-31*1 0:120-121*1 0:350-351*1");
	check_windows(one, 5, 1, 400, 0, "");
	struct window_hit jobs[] = {hit(0, 9, 0, 1), hit(0, 8, 30, 31), hit(1, 1, 0, 1),
	                            hit(2, 2, 0, 1)};
	check_windows(jobs, 4, 3, 0, 3, "0:0-1*1 2:0-1*1 1:0-1*1");
	check_windows(jobs, 4, 3, 0, 2, "0:0-1*1 2:0-1*1");
}

/* ---- in a journal */

static void add_job(const char *id)
{
	struct err err = {0};
	struct store_chunk chunks[CHUNKS] = {{0}};
	AUTO(mem_freep) char *key = mem_printf("%s0000", id);
	AUTO(mem_freep)
	char *facts = mem_printf(
		"{\"source\": {\"sha256\": \"%s\"}, \"checks\": {\"mode\": \"all\", \"model\": \"m\", "
		"\"prompt\": \"p\"}}",
		id);
	const struct store_job j = {
		.id = (char *)id, .key = key, .source_name = "n", .facts = facts, .output = "/x"};
	for (int i = 0; i < CHUNKS; i++)
		chunks[i] = (struct store_chunk){.index = i,
		                                 .start = (int64_t)i * CHUNK * SECOND,
		                                 .end = (int64_t)(i + 1) * CHUNK * SECOND};
	assert_ok(store_job_add(s, &j, chunks, CHUNKS, 0, &err));
}

/* Two events, in the middle of the chunk: the first with its subject. */
static void say(const char *job, int64_t chunk, const char *summary, const char *what,
                const char *also)
{
	struct err err = {0};
	int64_t start = chunk * CHUNK * SECOND;
	struct store_sample samples[] = {
		{.time = start + 10 * SECOND, .pts = start + 10 * SECOND, .decode_path = "", .fault = ""},
		{.time = start + 12 * SECOND, .pts = start + 12 * SECOND, .decode_path = "", .fault = ""}};
	size_t shown[] = {0, 1};
	struct store_event events[] = {{.subject = strstr(what ? what : "", " van ") ? "a van" : "",
	                                .what = (char *)what,
	                                .samples = shown,
	                                .n_samples = 2},
	                               {.what = (char *)also, .samples = shown, .n_samples = 2}};
	const struct store_chunk c = {.index = chunk,
	                              .state = CHUNK_DONE,
	                              .summary = (char *)summary,
	                              .reason = "",
	                              .samples = samples,
	                              .n_samples = 2,
	                              .events = events,
	                              .n_events = also   ? 2
	                                          : what ? 1
	                                                 : 0};
	assert_ok(store_chunk_save(s, job, &c, &err));
}

static size_t find_in(const char *const *jobs, size_t n_jobs, const char *text,
                      enum find_sense sense, int64_t from, int64_t to, size_t most,
                      struct find_result *ret)
{
	struct err err = {0};
	const struct find_query query = {.text = text, .sense = sense};
	const struct find_request q = {.jobs = jobs,
	                               .n_jobs = n_jobs,
	                               .queries = &query,
	                               .n_queries = 1,
	                               .from = from * SECOND,
	                               .to = to * SECOND,
	                               .most = most};
	if (find_windows(s, &q, ret, &err) < 0)
		fail_msg("%s", err.msg);
	if (ret->n_failed)
		fail_msg("%s", ret->failed[0]);
	return ret->n;
}

static const char *const one_job[] = {JOB_A}, *const both_jobs[] = {JOB_A, JOB_B};

/* The first passage of the best window of one job; "" = nothing is found. The
 * caller frees. */
static char *best(const char *text, enum find_sense sense)
{
	AUTO(find_result_clear) struct find_result r = {0};
	return mem_strdup(find_in(one_job, 1, text, sense, 0, 0, 12, &r) ? r.windows[0].passages[0].text
	                                                                 : "");
}

static void check_best(const char *text, const char *expected)
{
	AUTO(mem_freep) char *seen = best(text, FIND_SEEN), *written = best(text, FIND_WRITTEN);
	assert_string_equal(seen, expected);
	assert_string_equal(written, expected);
}

static void fill(void)
{
	add_job(JOB_A);
	add_job(JOB_B);
	for (int i = 0; i < 20; i++) {
		AUTO(mem_freep) char *what = mem_printf("A person walks past post %d.", i);
		say(JOB_A, i, "", what, NULL);
	}
	say(JOB_A, 20, "", "A person in a red jacket carries boxes out of the room.", NULL);
	say(JOB_A, 22, "", "A van with the plate KX-4711Z stops.", NULL);
	say(JOB_A, 24, "", "一辆深红色的汽车停下。", NULL);
	say(JOB_A, 30, "A quiet yard.", "Émile opens the gate.", NULL);
	say(JOB_B, 3, "", "A person carries a box in.", NULL);
}

static void questions_find_windows(void **state)
{
	(void)state;
	fill();
	check_best("Who carried the box out of the room, and when?",
	           "A person in a red jacket carries boxes out of the room.");
	check_best("jackets", "A person in a red jacket carries boxes out of the room.");
	check_best("Is there a van with 711Z on it?", "A van with the plate KX-4711Z stops.");
	check_best("kx-4711z", "A van with the plate KX-4711Z stops.");
	check_best("红色", "一辆深红色的汽车停下。");
	check_best("那辆汽车在哪里停下?", "一辆深红色的汽车停下。");
	check_best("emile's yard", "A quiet yard.");
	check_best("unicorn", "");
	check_best("\"; DROP TABLE job; -- NEAR( *", "");
	check_best("", "");
	check_best("% _ ?", "");
}

static void a_window_has_its_passages(void **state)
{
	(void)state;
	AUTO(find_result_clear) struct find_result r = {0};
	assert_int_equal(find_in(one_job, 1, "quiet gate", FIND_SEEN, 0, 0, 12, &r), 1);
	const struct find_window *w = &r.windows[0];
	assert_int_equal(w->start, 30LL * CHUNK * SECOND);
	assert_int_equal(w->end, 31LL * CHUNK * SECOND);
	assert_int_equal(w->n_passages, 2);
	assert_int_equal(w->passages[0].event, -1);
	assert_int_equal(w->passages[1].chunk, 30);
	assert_int_equal(w->passages[1].event, 0);
	assert_int_equal(w->passages[1].sample, 0);
	assert_int_equal(w->passages[1].start, (30LL * CHUNK + 10) * SECOND);
	assert_int_equal(w->passages[1].end, (30LL * CHUNK + 12) * SECOND);
	assert_true(w->score > 0);
}

static void ranges_and_jobs(void **state)
{
	(void)state;
	struct find_result r = {0};
	assert_int_equal(find_in(one_job, 1, "walk post", FIND_SEEN, 0, 0, 12, &r), 12);
	find_result_clear(&r);
	assert_int_equal(find_in(one_job, 1, "post", FIND_SEEN, 60, 100, 12, &r), 2);
	find_result_clear(&r);
	assert_int_equal(find_in(one_job, 1, "post", FIND_SEEN, 0, 71, 12, &r), 3);
	assert_true(r.windows[0].end <= 71LL * SECOND);
	find_result_clear(&r);

	/* Of both jobs, although the other has many better ones. */
	assert_int_equal(find_in(both_jobs, 2, "person walks", FIND_SEEN, 0, 0, 3, &r), 3);
	assert_true(r.windows[0].job == 1 || r.windows[1].job == 1 || r.windows[2].job == 1);
	find_result_clear(&r);
	assert_int_equal(find_in(NULL, 0, "person", FIND_SEEN, 0, 0, 3, &r), 0);
	find_result_clear(&r);
	assert_int_equal(find_in((const char *const[]){"none"}, 1, "person", FIND_SEEN, 0, 0, 3, &r),
	                 0);
	find_result_clear(&r);
	assert_int_equal(find_in(one_job, 1, "person", FIND_SEEN, 0, 0, 0, &r), 0);
	find_result_clear(&r);
}

static void bursts_are_windows(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(find_result_clear) struct find_result r = {0};
	AUTO(store_job_clear) struct store_job j = {0};
	const struct find_query query = {.text = "post", .sense = FIND_SEEN};
	struct find_request q = {
		.jobs = one_job, .n_jobs = 1, .queries = &query, .n_queries = 1, .most = 12};
	assert_ok(store_job_find(s, JOB_A, &j, &err));
	json_auto_t *facts = json_loads(j.facts, 0, NULL);
	json_object_set_new(facts, "plan",
	                    json_pack("{s:{s:[[f,f],[f,f],[f,f],[f,f]]}}", "sum", "missed", 11.0, 12.0,
	                              700.0, 703.0, 900.0, 1000.0, 1100.0, 1110.0));
	store_job_set_facts(&j, facts);
	assert_ok(store_job_update(s, &j, 0, 0, &err));
	assert_ok(find_windows(s, &q, &r, &err));
	for (size_t i = 0; i < r.n; i++)
		assert_true(r.windows[i].n_passages > 0);
	find_result_clear(&r);

	q.bursts = true;
	assert_ok(find_windows(s, &q, &r, &err));
	assert_int_equal(r.n, 12);
	const struct find_window *w = &r.windows[10];
	assert_int_equal(w->n_passages, 0);
	assert_int_equal(w->start, 900LL * SECOND);
	assert_int_equal(w->end, 960LL * SECOND);
	assert_int_equal(r.windows[11].start, 1100LL * SECOND);
	assert_true(r.windows[9].n_passages > 0);
	find_result_clear(&r);

	q.to = 705LL * SECOND;
	assert_ok(find_windows(s, &q, &r, &err));
	assert_int_equal(r.windows[10].start, 700LL * SECOND);
	assert_int_equal(r.n, 12);
}

static void names_of_subjects_are_found(void **state)
{
	(void)state;
	struct err err = {0};
	AUTO(report_freep) struct report *before = NULL, *after = NULL;
	int64_t number = 0;
	assert_ok(report_load_text(s, JOB_A, REPORT_NORMAL, &before, &err));
	for (size_t i = 0; i < before->n_subjects; i++)
		if (strstr(before->subjects[i].description, "van"))
			number = before->subjects[i].number;
	const struct report_subject_change change = {
		.op = SUBJECT_RENAME, .numbers = &number, .n = 1, .text = "Ann Hansen"};
	if (report_subjects_change(s, JOB_A, &change, &after, &err) < 0)
		fail_msg("%s", err.msg);
	check_best("When did HANSEN come?", "Ann Hansen: A van with the plate KX-4711Z stops.");
	check_best("Ann's", "Ann Hansen: A van with the plate KX-4711Z stops.");
	check_best("Hans", ""); /* not a part of the name */
	/* What is found by its name and by its words is one passage. */
	AUTO(find_result_clear) struct find_result r = {0};
	assert_int_equal(find_in(one_job, 1, "Hansen plate", FIND_SEEN, 0, 0, 12, &r), 1);
	assert_int_equal(r.windows[0].n_passages, 1);
}

/* Enough controls that the model counts as able. */
static void add_controls(void)
{
	struct err err = {0};
	for (int i = 0; i < 80; i++) {
		const bool yes = i % 2;
		const struct store_control c = {.model = "m",
		                                .prompt = "p",
		                                .kind = yes ? "positive" : "negative-frames",
		                                .job = JOB_A,
		                                .chunk = i,
		                                .what = "x",
		                                .expected = yes ? 'A' : 'B',
		                                .answer = {.letter = yes ? 'A' : 'B'}};
		assert_ok(store_control_save(s, &c, &err));
	}
}

static void withdrawn_statements_are_not_found(void **state)
{
	(void)state;
	struct err err = {0};
	say(JOB_A, 35, "A zebra is there.", "A zebra eats.", "A cat sleeps.");
	struct store_verdict v = {.chunk = 35,
	                          .index = 0,
	                          .answer = {.letter = 'B', .p = {0.01, 0.98, 0.01}},
	                          .reason = "",
	                          .model = "m",
	                          .prompt = "p"};
	assert_ok(store_verdicts_save(s, JOB_A, &v, 1, &err));
	check_best("zebra eats",
	           "A zebra is there."); /* it is not known yet whether this model can check */
	add_controls();
	check_best("zebra eats", "");
	check_best("cat", "A cat sleeps.");
}

/* ---- vectors */

/* A frame that nothing is said of. */
static void say_with_picture(const char *job, int64_t chunk)
{
	struct err err = {0};
	int64_t time = (chunk * CHUNK + 10) * SECOND;
	struct store_sample sample = {.time = time,
	                              .pts = time,
	                              .decode_path = "",
	                              .fault = "",
	                              .thumb = (void *)"jpeg",
	                              .thumb_len = 4};
	const struct store_chunk c = {.index = chunk,
	                              .state = CHUNK_DONE,
	                              .summary = "",
	                              .reason = "",
	                              .samples = &sample,
	                              .n_samples = 1};
	assert_ok(store_chunk_save(s, job, &c, &err));
}

/* Only the one of this text or picture is near to the vector of the query. */
static void add_vectors(bool pictures, const char *near, int64_t near_chunk)
{
	const struct store_space space = {
		.model = "m", .hash = "", .lead = "", .dim = 2, .pictures = pictures};
	struct store_vectorless *v = NULL;
	struct err err = {0};
	size_t n = 0;
	int64_t id;
	assert_ok(store_space_find(s, &space, true, &id, &err));
	assert_ok(store_vectorless_load(s, JOB_A, id, pictures, 0, 1000, &v, &n, &err));
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		bool is_near = pictures ? v[i].chunk == near_chunk : strcmp(v[i].text, near) == 0;
		const struct store_vector one = {.of = &v[i],
		                                 .data = is_near ? (int8_t[]){127, 0} : (int8_t[]){0, 127},
		                                 .scale = 1. / 127};
		assert_ok(store_vectors_add(s, JOB_A, id, 2, &one, 1, &err));
	}
	store_vectorless_free(v, n);
}

static int find_near(const struct find_vectors *vectors, enum find_sense sense,
                     struct find_result *ret, struct err *err)
{
	const struct find_query query = {.text = "qwertz", .sense = sense};
	const struct find_request q = {.jobs = one_job,
	                               .n_jobs = 1,
	                               .queries = &query,
	                               .n_queries = 1,
	                               .vectors = vectors,
	                               .most = 12};
	return find_windows(s, &q, ret, err);
}

static void vectors_find_other_words(void **state)
{
	(void)state;
	struct err err = {0};
	const float east[] = {1, 0};
	struct find_vectors v = {.space = {.model = "m", .hash = "", .lead = "", .dim = 2}, .of = east};
	AUTO(find_result_clear) struct find_result none = {0}, all = {0}, failed = {0};
	assert_ok(find_near(&v, FIND_SEEN, &none, &err));
	assert_int_equal(none.n, 0);
	assert_int_equal(none.n_failed, 1);
	assert_non_null(strstr(none.failed[0], "vectors: no video"));

	say_with_picture(JOB_A, 33);
	add_vectors(false, "A van with the plate KX-4711Z stops.", -1);
	add_vectors(true, "", 33);
	assert_ok(find_near(&v, FIND_SEEN, &all, &err));
	assert_int_equal(all.n_failed, 0);
	assert_int_equal(all.n, 2);
	assert_string_equal(all.windows[0].passages[0].text, "A van with the plate KX-4711Z stops.");
	assert_int_equal(all.windows[1].passages[0].event, FIND_PICTURE);
	assert_int_equal(all.windows[1].passages[0].chunk, 33);
	assert_int_equal(all.windows[1].passages[0].start, (33LL * CHUNK + 10) * SECOND);

	v.fault = "the engine is gone";
	assert_ok(find_near(&v, FIND_SEEN, &failed, &err));
	assert_int_equal(failed.n, 0);
	assert_int_equal(failed.n_failed, 1);
	assert_string_equal(failed.failed[0], "vectors: the engine is gone");
}

static int set_up(void **state)
{
	(void)state;
	struct err err = {0};
	snprintf(dir, sizeof dir, "/tmp/vdet-find-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	AUTO(mem_freep) char *path = file_join(dir, "store.db");
	return store_open(path, &s, &err);
}

static int tear_down(void **state)
{
	(void)state;
	store_free(s);
	struct err err;
	return file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_become_words),
		cmocka_unit_test(long_questions_are_bounded),
		cmocka_unit_test(near_hits_are_one_window),
		cmocka_unit_test(each_part_gets_a_window),
		cmocka_unit_test(questions_find_windows),
		cmocka_unit_test(a_window_has_its_passages),
		cmocka_unit_test(ranges_and_jobs),
		cmocka_unit_test(bursts_are_windows),
		cmocka_unit_test(names_of_subjects_are_found),
		cmocka_unit_test(withdrawn_statements_are_not_found),
		cmocka_unit_test(vectors_find_other_words),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
