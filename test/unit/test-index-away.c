/* SPDX-License-Identifier: Apache-2.0 */
/* Close looks of an index that others do: as units of work and their results,
 * also with wrong values in them, and beside the children of an indexer. */
#include "unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "index/form.h"
#include "index/indexer.h"
#include "job/index-unit.h"
#include "media-help.h"

#define S CLOCK_SECOND

/* ---- units and results */

static const struct index_unit unit = {.decoder = {.has_stream = true, .stream = 2},
                                       .look = {.from = 3 * S, .to = 9 * S, .all = true}};

static void a_unit_survives_being_written(void **state)
{
	(void)state;
	AUTO(index_unit_clear) struct index_unit back = {0};
	AUTO(mem_freep) char *text = NULL, *again = NULL;
	struct err err;
	assert_ok(index_unit_write(&unit, &text, &err));
	assert_ok(index_unit_read(text, &back, &err));
	assert_ok(index_unit_write(&back, &again, &err));
	assert_string_equal(text, again);
	assert_int_equal(back.look.to, 9 * S);
	assert_true(back.look.all);
	assert_int_equal(back.decoder.stream, 2);
}

/* The text with another value of a member; NULL removes it. */
static char *with(const char *text, const char *key, const char *value)
{
	json_auto_t *root = json_loads(text, 0, NULL);
	if (value)
		json_object_set_new(root, key, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(root, key);
	return json_dumps(root, JSON_COMPACT);
}

struct wrong {
	const char *key, *value;
};

static void wrong_units_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {
		{"from_us", "-1"}, {"from_us", "9000001"}, {"from_us", "\"1\""}, {"to_us", "2999999"},
		{"to_us", "1e30"}, {"all", "1"},           {"all", NULL},        {"gaps", "\"x\""},
		{"stream", "-2"},  {"rate", "-1"},         {"model", "\"x\""},   {"to_us", NULL},
	};
	AUTO(mem_freep) char *text = NULL;
	assert_ok(index_unit_write(&unit, &text, NULL));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO(index_unit_clear) struct index_unit u = {0};
		AUTO(mem_freep) char *bad = with(text, wrong[i].key, wrong[i].value);
		struct err err = {0};
		assert_int_equal(index_unit_read(bad, &u, &err), -ERR_FORMAT);
	}
}

/* So many pictures, each a tenth of a second after the last one. */
static void draw(size_t n, struct signatures *s, struct grids *g)
{
	for (size_t i = 0; i < n; i++) {
		struct signature one = {.pts = 3 * S + (int64_t)i * S / 10, .mean = (uint8_t)i};
		struct grid grid = {.pts = one.pts};
		one.luma[i % SIGNATURE_CELLS] = 200;
		grid.luma[i % GRID_CELLS] = 200;
		signatures_add(s, &one);
		if (i % 2 == 0)
			grids_add(g, &grid);
	}
}

static void a_result_survives_being_written(void **state)
{
	(void)state;
	AUTO(signatures_clear) struct signatures s = {0}, back = {0};
	AUTO(grids_clear) struct grids g = {0}, grids = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct index_unit long_one = unit;
	struct err err;
	long_one.look.to = 2000 * S;
	draw(5000, &s, &g); /* several blobs */
	assert_ok(index_result_write(&s, &g, &result, &err));
	assert_true(result.n_blobs > 1);
	assert_ok(index_result_read(&long_one, &result, &back, &grids, &err));
	assert_int_equal(back.n, s.n);
	assert_int_equal(grids.n, g.n);
	assert_memory_equal(back.items[4999].luma, s.items[4999].luma, SIGNATURE_CELLS);
	assert_memory_equal(grids.items[2499].luma, g.items[2499].luma, GRID_CELLS);
}

static void wrong_results_are_refused(void **state)
{
	(void)state;
	static const struct wrong wrong[] = {
		{"pictures", "0"},    {"pictures", "19"}, {"pictures", "200001"}, {"pictures", NULL},
		{"grids", "9"},       {"grids", "-1"},    {"grids", "21"},        {"data", "[]"},
		{"data", "[\"00\"]"}, {"data", "{}"},     {"data", "[1]"},        {"more", "1"},
	};
	AUTO(signatures_clear) struct signatures s = {0}, back = {0};
	AUTO(grids_clear) struct grids g = {0}, grids = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct index_unit shorter = unit;
	struct err err = {0};
	draw(20, &s, &g);
	assert_ok(index_result_write(&s, &g, &result, &err));
	char *right = result.body;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		result.body = with(right, wrong[i].key, wrong[i].value);
		assert_int_equal(index_result_read(&unit, &result, &back, &grids, &err), -ERR_PROTO);
		free(result.body);
		assert_int_equal(back.n + grids.n, 0);
	}
	result.body = right;
	shorter.look.to = 4 * S; /* the last picture is at 4.9 s */
	assert_int_equal(index_result_read(&shorter, &result, &back, &grids, &err), -ERR_PROTO);
	assert_ok(index_result_read(&unit, &result, &back, &grids, &err));
}

static void what_is_too_large_is_not_written(void **state)
{
	(void)state;
	AUTO(signatures_clear) struct signatures s = {0};
	AUTO(grids_clear) struct grids g = {0};
	AUTO(runner_result_clear) struct runner_result result = {0};
	struct err err = {0};
	draw(12000, &s, &g);
	assert_int_equal(index_result_write(&s, &g, &result, &err), -ERR_LIMIT);
}

/* ---- beside the children */

enum how { DOES, FAILS, WAITS };

static struct elsewhere {
	int fd;
	enum how how;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t asked, done;
	size_t wanted; /* the children get no bytes of a range until so many are done */
} elsewhere = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int serves(void *ctx)
{
	(void)ctx;
	return 3;
}

static int decode_elsewhere(void *ctx, const struct index_look *look, struct cancel *cancel,
                            struct signatures *ret, struct grids *ret_grids, struct err *err)
{
	const struct decoder_options o = {.sandbox = "on"};
	struct elsewhere *e = ctx;
	AUTO(decoder_freep) struct decoder *d = NULL;
	pthread_mutex_lock(&e->lock);
	e->asked++;
	pthread_mutex_unlock(&e->lock);
	if (e->how == FAILS)
		return err_set(err, ERR_NOENT, "no worker is there");
	if (e->how == WAITS) {
		cancel_wait_until(cancel, NULL, INT64_MAX);
		return err_set(err, ERR_CANCELED, "interrupted");
	}
	assert_ok(decoder_open(e->fd, &o, NULL, &d, err));
	assert_ok(decoder_stretch(d, look->from, look->to, look->all, INDEX_FRAMES_MOST, ret, ret_grids,
	                          err));
	pthread_mutex_lock(&e->lock);
	e->done++;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static int feed(void *ctx, int64_t pos, void *data, size_t len, struct cancel *cancel,
                struct err *err)
{
	struct elsewhere *e = ctx;
	(void)cancel;
	pthread_mutex_lock(&e->lock);
	while (e->asked > 0 && e->done < e->wanted)
		pthread_cond_wait(&e->changed, &e->lock);
	pthread_mutex_unlock(&e->lock);
	return pread(e->fd, data, len, pos) == (ssize_t)len ? 0 : err_set(err, ERR_IO, "cannot read");
}

/* The index of the video, in the stored form without the time that it took. */
static char *index_of(const char *path, const struct index_away *away, struct err *err)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct decoder_feed from = {
		.size = lseek(fd, 0, SEEK_END), .id = path, .read = feed, .ctx = &elsewhere};
	const struct indexer_options o = {.effort = 1,
	                                  .max_gap = 2 * S,
	                                  .workers = 1,
	                                  .decoder = {.sandbox = "on", .feed = &from},
	                                  .away = away};
	AUTO(video_index_freep) struct video_index *x = NULL;
	elsewhere.fd = fd;
	elsewhere.asked = elsewhere.done = 0;
	assert_ok(indexer_run(-1, &o, NULL, &x, err));
	assert_int_equal(x->failed, 0);
	x->work_time = 0;
	json_auto_t *j = index_json(x);
	return json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
}

static void ranges_that_others_decode_are_the_same(void **state)
{
	(void)state;
	static const struct {
		enum how how;
		size_t wanted;
	} ways[] = {{DOES, 3}, {FAILS, 0}, {WAITS, 0}};
	static const struct index_away away = {serves, decode_elsewhere, &elsewhere};
	AUTO(mem_freep)
	char *path = media_make("moving.mp4", "-f lavfi -i testsrc2=s=160x90:r=5:d=200 -g 20 "
	                                      "-c:v libx264 -preset ultrafast");
	struct err err = {0};
	if (!path)
		skip();
	AUTO(mem_freep) char *alone = index_of(path, NULL, &err);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		elsewhere.how = ways[i].how;
		elsewhere.wanted = ways[i].wanted;
		AUTO(mem_freep) char *with_others = index_of(path, &away, &err);
		assert_string_equal(with_others, alone);
		assert_true(elsewhere.asked > 0);
		assert_true(elsewhere.done >= ways[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_survives_being_written),
		cmocka_unit_test(wrong_units_are_refused),
		cmocka_unit_test(a_result_survives_being_written),
		cmocka_unit_test(wrong_results_are_refused),
		cmocka_unit_test(what_is_too_large_is_not_written),
		cmocka_unit_test(ranges_that_others_decode_are_the_same),
	};
	setenv("VDET_EXE", UNIT_HELPER, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
