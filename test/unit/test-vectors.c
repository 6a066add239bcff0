/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: replies of endpoints, bytes with a scale, and what is nearest in a
 * journal that changes. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "openai/embed.h"
#include "store/passage.h"
#include "store/vector.h"
#include "vectors/compare.h"
#include "vectors/find.h"

#define JOB_A "aaaa56789012"
#define JOB_B "bbbb56789012"
#define SECOND 1000000

enum { DIM = 40 };

/* ---- replies */

static void check_read(const char *reply, size_t n, const char *expected)
{
	AUTO(embed_result_clear) struct embed_result got = {0};
	struct err err = {0};
	AUTO(buf_free) struct buf text = BUF(1000);
	if (embed_read(reply, strlen(reply), n, &got, &err) < 0)
		buf_adds(&text, err.msg);
	for (size_t i = 0; i < got.n * got.dim; i++)
		buf_addf(&text, "%s%g", i ? " " : "", (double)got.vectors[i]);
	if (!strstr(buf_str(&text), expected))
		fail_msg("%s: %s, not %s", reply, buf_str(&text), expected);
}

static void replies_are_read(void **state)
{
	(void)state;
	check_read("{\"data\":[{\"embedding\":[1,-2.5]}]}", 1, "1 -2.5");
	check_read("{\"data\":[{\"index\":1,\"embedding\":[3,4]},{\"index\":0,\"embedding\":[1,2]}]}",
	           2, "1 2 3 4");
	/* 1 and -2, with and without padding. */
	check_read("{\"data\":[{\"embedding\":\"AACAPwAAAMA=\"}]}", 1, "1 -2");
	check_read("{\"data\":[{\"embedding\":\"AACAPwAAAMA\"}]}", 1, "1 -2");

	check_read("", 1, "not JSON");
	check_read("[]", 1, "not JSON");
	check_read("{\"data\":[]}", 1, "0 vectors, not 1");
	check_read("{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]}]}", 1, "2 vectors, not 1");
	check_read("{\"data\":[{\"embedding\":[]}]}", 1, "no vector");
	check_read("{\"data\":[{\"embedding\":[1,\"2\"]}]}", 1, "no vector");
	check_read("{\"data\":[{\"embedding\":null}]}", 1, "no vector");
	check_read("{\"data\":[7]}", 1, "no vector");
	check_read("{\"data\":[{\"embedding\":\"AACAPwAA\"}]}", 1, "no vector");
	check_read("{\"data\":[{\"embedding\":\"AA*A\"}]}", 1, "no vector");
	check_read("{\"data\":[{\"embedding\":[[1,2]]}]}", 1, "--pooling");
	check_read("{\"data\":[{\"embedding\":[0,0]}]}", 1, "is zero");
	check_read("{\"data\":[{\"embedding\":[1e300]}]}", 1, "not finite");
	check_read("{\"data\":[{\"embedding\":[NaN]}]}", 1, "not JSON");
	check_read("{\"data\":[{\"embedding\":\"AADAfw==\"}]}", 1, "not finite");
	check_read("{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1]}]}", 2, "another 1");
	check_read("{\"data\":[{\"index\":2,\"embedding\":[1]}]}", 1, "numbered wrongly");
	check_read("{\"data\":[{\"index\":-1,\"embedding\":[1]}]}", 1, "numbered wrongly");
	check_read("{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}", 2,
	           "numbered wrongly");
}

static void a_picture_has_a_text_after_it(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf b = BUF(10000);
	struct err err = {0};
	const struct embed_item items[] = {{.text = "a \"dog\"\xff"},
	                                   {.jpeg = "\xff\xd8\xff\xd9", .jpeg_len = 4},
	                                   {.text = "", .jpeg = "\xff\xd8", .jpeg_len = 2}};
	assert_ok(embed_body(items, 2, "m", &b, &err));
	assert_string_equal(buf_str(&b),
	                    "{\"model\":\"m\",\"input\":[\"a \\\"dog\\\"\xef\xbf\xbd\",{\"content\":[{"
	                    "\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,"
	                    "/9j/2Q==\"}},{\"type\":\"text\",\"text\":\"A frame of a video.\"}]}]}");
	buf_clear(&b);
	assert_int_equal(embed_body(items + 2, 1, "", &b, &err), -ERR_FORMAT);
	buf_clear(&b);
	assert_int_equal(embed_body(items, 0, "", &b, &err), -ERR_INTERNAL);
}

/* ---- bytes */

/* From -1 to 1. */
static float draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return (float)(*seed >> 8) / (1 << 23) - 1;
}

static double cosine(const float *a, const float *b, size_t n)
{
	double dot = 0, x = 0, y = 0;
	for (size_t i = 0; i < n; i++) {
		dot += (double)a[i] * (double)b[i];
		x += (double)a[i] * (double)a[i];
		y += (double)b[i] * (double)b[i];
	}
	return dot / sqrt(x * y);
}

static void bytes_keep_the_angle(void **state)
{
	(void)state;
	static const size_t dims[] = {1, 2, 31, 32, 33, 768, EMBED_DIM_MAX};
	uint32_t seed = 1;
	for (size_t d = 0; d < ARRAY_LEN(dims); d++) {
		size_t dim = dims[d], stride = vectors_stride(dim);
		AUTO(mem_freep) float *a = mem_alloc(dim, sizeof *a);
		AUTO(mem_freep) float *b = mem_alloc(dim, sizeof *b);
		AUTO(mem_freep) int8_t *rows = mem_alloc(2 * stride, 1);
		AUTO(mem_freep) int16_t *query = mem_alloc(stride, sizeof *query);
		for (size_t i = 0; i < dim; i++) {
			a[i] = 1000 * draw(&seed);
			b[i] = a[i] / 1000 + draw(&seed) / 2;
		}
		float scales[] = {(float)vectors_pack(a, dim, rows),
		                  (float)vectors_pack(b, dim, rows + stride)},
			  out[2];
		for (size_t i = 0; i < dim; i++)
			query[i] = (int16_t)rows[i];
		vectors_compare(rows, scales, 2, stride, query, scales[0], out);
		assert_true(fabs((double)out[0] - 1) < 0.01);
		assert_true(fabs((double)out[1] - cosine(a, b, dim)) < 0.01);
	}
	int8_t none[2];
	assert_true(vectors_pack((float[]){0, 0}, 2, none) == 0);
	assert_true(vectors_pack((float[]){NAN, 1}, 2, none) == 0);
	assert_true(vectors_pack((float[]){INFINITY, 1}, 2, none) == 0);
}

/* ---- in a journal */

static struct store *s;
static char dir[64];
static const struct store_space texts = {.model = "m", .hash = "", .lead = "", .dim = DIM},
								pictures = {.model = "m",
                                            .hash = "",
                                            .lead = "",
                                            .dim = DIM,
                                            .pictures = true};

/* The direction that stands for a word. */
static void direction(int word, float *out)
{
	uint32_t seed = (uint32_t)word * 7919 + 1;
	for (int i = 0; i < DIM; i++)
		out[i] = draw(&seed);
}

static void add_job(const char *id, int n)
{
	struct err err = {0};
	AUTO(mem_freep) char *key = mem_printf("%s0000", id);
	const struct store_job j = {.id = (char *)id,
	                            .key = key,
	                            .source_name = "n",
	                            .facts = "{\"source\": {\"sha256\": \"x\"}}",
	                            .output = "/x"};
	AUTO(mem_freep) struct store_chunk *chunks = mem_alloc(n, sizeof *chunks);
	for (int i = 0; i < n; i++)
		chunks[i] = (struct store_chunk){
			.index = i, .start = i * 10 * SECOND, .end = (i + 1) * 10 * SECOND};
	assert_ok(store_job_add(s, &j, chunks, n, 0, &err));
}

static void say(const char *job, int chunk, const char *what)
{
	struct err err = {0};
	size_t shown = 0;
	struct store_sample sample = {.time = (chunk * 10 + 5) * (int64_t)SECOND,
	                              .pts = (chunk * 10 + 5) * (int64_t)SECOND,
	                              .decode_path = "",
	                              .fault = "",
	                              .thumb = (void *)what,
	                              .thumb_len = strlen(what)};
	struct store_event event = {
		.subject = "", .what = (char *)what, .samples = &shown, .n_samples = 1};
	const struct store_chunk c = {.index = chunk,
	                              .state = CHUNK_DONE,
	                              .summary = "",
	                              .reason = "",
	                              .samples = &sample,
	                              .n_samples = 1,
	                              .events = &event,
	                              .n_events = 1};
	assert_ok(store_chunk_save(s, job, &c, &err));
}

/* Makes the vectors that are missing: a text or picture that is a number has
 * the direction of that. Returns how many. */
static size_t embed(const char *job, const struct store_space *space)
{
	struct store_vectorless *v = NULL;
	struct err err = {0};
	size_t n = 0;
	int64_t id;
	assert_ok(store_space_find(s, space, true, &id, &err));
	assert_ok(store_vectorless_load(s, job, id, space->pictures, 0, 1000, &v, &n, &err));
	for (size_t i = 0; i < n; i++) {
		float f[DIM];
		int8_t data[DIM];
		assert_int_equal(v[i].passage == 0, space->pictures);
		AUTO(mem_freep)
		char *number = v[i].picture
		                   ? mem_printf("%.*s", (int)v[i].picture_len, (char *)v[i].picture)
		                   : mem_strdup(v[i].text);
		direction((int)strtol(number, NULL, 10), f);
		const struct store_vector one = {
			.of = &v[i], .data = data, .scale = vectors_pack(f, DIM, data)};
		assert_ok(store_vectors_add(s, job, id, DIM, &one, 1, &err));
	}
	store_vectorless_free(v, n);
	return n;
}

/* The chunk that is nearest; -1 = nothing is. */
static int nearest(const struct store_space *space, const char *const *jobs, size_t n_jobs,
                   int word, int64_t from, int64_t to, size_t *ret_all)
{
	AUTO(mem_freep) struct vectors_hit *hits = NULL;
	struct err err = {0};
	float v[DIM];
	size_t n = 0;
	direction(word, v);
	const struct vectors_query q = {.space = space,
	                                .vector = v,
	                                .jobs = jobs,
	                                .n_jobs = n_jobs,
	                                .from = from * SECOND,
	                                .to = to * SECOND,
	                                .most = 3};
	assert_ok(vectors_find(s, &q, &hits, &n, ret_all, &err));
	assert_true(n <= 3);
	return n && hits[0].cosine > 0.9f ? (int)hits[0].chunk : -1;
}

static const char *const jobs_a[] = {JOB_A}, *const jobs_both[] = {JOB_B, JOB_A};

static void the_nearest_is_found(void **state)
{
	(void)state;
	size_t all;
	char text[12];
	assert_int_equal(nearest(&texts, jobs_a, 1, 3, 0, 0, &all), -1);
	assert_int_equal(all, 0);
	add_job(JOB_A, 50);
	add_job(JOB_B, 50);
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof text, "%d", i);
		say(JOB_A, i, text);
		snprintf(text, sizeof text, "%d", 100 + i);
		say(JOB_B, i, text);
	}
	assert_int_equal(embed(JOB_A, &texts), 50);
	assert_int_equal(embed(JOB_A, &texts), 0);
	assert_int_equal(embed(JOB_B, &texts), 50);
	assert_int_equal(embed(JOB_A, &pictures), 50);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(nearest(&texts, jobs_a, 1, i, 0, 0, &all), i);
		assert_int_equal(all, 50);
		assert_int_equal(nearest(&pictures, jobs_a, 1, i, 0, 0, &all), i);
		assert_int_equal(nearest(&texts, jobs_a, 1, 100 + i, 0, 0, &all), -1);
		assert_int_equal(nearest(&texts, jobs_both, 2, 100 + i, 0, 0, &all), i);
		assert_int_equal(all, 100);
	}
	/* In a part of the video. */
	assert_int_equal(nearest(&texts, jobs_a, 1, 7, 60, 80, &all), 7);
	assert_int_equal(all, 2);
	assert_int_equal(nearest(&texts, jobs_a, 1, 7, 80, 0, &all), -1);
	assert_int_equal(nearest(&texts, jobs_a, 0, 7, 0, 0, &all), -1);
}

static void what_changed_is_read_again(void **state)
{
	(void)state;
	size_t all;
	struct err err = {0};
	say(JOB_A, 7, "77");
	assert_int_equal(nearest(&texts, jobs_a, 1, 7, 0, 0, &all), -1);
	assert_int_equal(all, 49);
	assert_int_equal(nearest(&pictures, jobs_a, 1, 7, 0, 0, &all), -1);
	assert_int_equal(embed(JOB_A, &texts), 1);
	assert_int_equal(embed(JOB_A, &pictures), 1);
	assert_int_equal(nearest(&texts, jobs_a, 1, 77, 0, 0, &all), 7);
	assert_int_equal(nearest(&pictures, jobs_a, 1, 77, 0, 0, &all), 7);

	/* By another process. */
	struct store *mine = s;
	AUTO(mem_freep) char *path = file_join(dir, "s.db");
	assert_ok(store_open(path, &s, &err));
	say(JOB_A, 8, "88");
	assert_int_equal(embed(JOB_A, &texts), 1);
	store_free(s);
	s = mine;
	assert_int_equal(nearest(&texts, jobs_a, 1, 88, 0, 0, &all), 8);
	assert_int_equal(nearest(&texts, jobs_a, 1, 8, 0, 0, &all), -1);

	assert_ok(store_job_remove(s, JOB_A, &err));
	assert_int_equal(nearest(&texts, jobs_both, 2, 77, 0, 0, &all), -1);
	assert_int_equal(all, 50);
	assert_int_equal(nearest(&pictures, jobs_both, 2, 77, 0, 0, &all), -1);
	assert_int_equal(all, 0);
}

/* What was read before it was changed gets no vector. */
static void a_late_vector_is_left_out(void **state)
{
	(void)state;
	struct store_vectorless *v = NULL;
	struct err err = {0};
	size_t n = 0;
	int64_t id;
	say(JOB_B, 0, "200");
	assert_ok(store_space_find(s, &texts, false, &id, &err));
	assert_ok(store_vectorless_load(s, JOB_B, id, false, 0, 10, &v, &n, &err));
	assert_int_equal(n, 1);
	say(JOB_B, 0, "201");
	int8_t data[DIM] = {1};
	assert_ok(store_vectors_add(s, JOB_B, id, DIM, &(struct store_vector){v, data, 1}, 1, &err));
	store_vectorless_free(v, n);
	assert_int_equal(embed(JOB_B, &texts), 1);
	const struct store_space other = {.model = "m", .hash = "", .lead = "", .dim = DIM + 1};
	assert_ok(store_space_find(s, &other, false, &id, &err));
	assert_int_equal(id, 0);
}

static int set_up(void **state)
{
	struct err err = {0};
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/vdet-vectors-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	AUTO(mem_freep) char *path = file_join(dir, "s.db");
	return store_open(path, &s, &err);
}

static int tear_down(void **state)
{
	struct err err = {0};
	(void)state;
	store_free(s);
	return file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_read),
		cmocka_unit_test(a_picture_has_a_text_after_it),
		cmocka_unit_test(bytes_keep_the_angle),
		cmocka_unit_test(the_nearest_is_found),
		cmocka_unit_test(what_changed_is_read_again),
		cmocka_unit_test(a_late_vector_is_left_out),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
