/* SPDX-License-Identifier: Apache-2.0 */
/* Standing questions: limits, signatures, when a file is complete, messages,
 * and their part of the journal. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/queue.h"
#include "store/watch.h"
#include "watch/folders.h"
#include "watch/hit.h"
#include "watch/limit.h"
#include "watch/settle.h"
#include "watch/webhook.h"

#define DAY (86400 * CLOCK_SECOND)

static char dir[] = "/tmp/vdet-watch-XXXXXX";

/* ---- limits */

static void test_limits(void **state)
{
	(void)state;
	int64_t noon = 20000 * DAY + DAY / 2;
	assert_int_equal(limit_day(noon), 20000 * DAY);
	assert_int_equal(limit_day(20000 * DAY), 20000 * DAY);
	assert_int_equal(limit_day(20000 * DAY - 1), 19999 * DAY);
	assert_int_equal(limit_day(-1), -DAY);
	assert_int_equal(limit_wait(4, 5, noon), 0);
	assert_int_equal(limit_wait(5, 5, noon), DAY / 2);
	assert_int_equal(limit_wait(1000000, 0, noon), 0);
}

static void test_pauses(void **state)
{
	(void)state;
	assert_int_equal(limit_pause(0), 0);
	assert_int_equal(limit_pause(1), CLOCK_SECOND);
	assert_int_equal(limit_pause(2), 2 * CLOCK_SECOND);
	assert_int_equal(limit_pause(12), 2048 * CLOCK_SECOND);
	assert_int_equal(limit_pause(13), 3600 * CLOCK_SECOND);
	assert_int_equal(limit_pause(1000), 3600 * CLOCK_SECOND);
}

/* ---- signatures */

static void test_signature(void **state)
{
	(void)state;
	char line[WEBHOOK_SIGNATURE_MAX];
	/* made by: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac
	 * 0123456789abcdef */
	webhook_sign("0123456789abcdef", 1700000000, "{\"a\":1}", line);
	assert_string_equal(line,
	                    "Vdet-Signature: t=1700000000,"
	                    "v1=9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23");
}

static void test_secret(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "secret"), *secret = NULL;
	struct err err;
	assert_ok(file_write(path, "0123456789abcdef \r\n", 19, &err));
	assert_ok(webhook_secret(path, &secret, &err));
	assert_string_equal(secret, "0123456789abcdef");
	assert_ok(file_write(path, "0123456789abcde\n", 16, &err));
	assert_int_equal(webhook_secret(path, &secret, &err), -ERR_ARG);
	assert_ok(file_write(path, "0123456789\0abcdefghij", 21, &err));
	assert_int_equal(webhook_secret(path, &secret, &err), -ERR_ARG);
	assert_int_equal(webhook_secret("/nothing", &secret, &err), -ERR_NOENT);
	assert_ok(webhook_check("https://example.org/x", &err));
	assert_int_equal(webhook_check("https://a:b@example.org/x", &err), -ERR_ARG);
	assert_int_equal(webhook_check("file:///etc/passwd", &err), -ERR_ARG);
}

/* ---- files */

static struct settle look(int64_t size, int64_t age, enum writer writer)
{
	return (struct settle){.stamp.size = size, .age = age, .writer = writer};
}

static void test_when_complete(void **state)
{
	(void)state;
	const int64_t hour = 3600 * CLOCK_SECOND;
	struct settle s = look(10, hour, WRITER_NONE);
	assert_int_equal(settle_wait(&s, 0), 0); /* moved there, or there before */
	s = look(0, hour, WRITER_NONE);
	assert_true(settle_wait(&s, hour) > 0); /* empty */
	s = look(10, hour, WRITER_OPEN);
	assert_true(settle_wait(&s, hour) > 0);
	s = look(10, 0, WRITER_NONE);
	assert_true(settle_wait(&s, 0) > 0 && settle_wait(&s, 0) <= CLOCK_SECOND);
	assert_int_equal(settle_wait(&s, CLOCK_SECOND), 0);
	s = look(10, -hour, WRITER_NONE); /* its clock is ahead */
	assert_int_equal(settle_wait(&s, CLOCK_SECOND), 0);
	s = look(10, 2 * CLOCK_SECOND, WRITER_UNKNOWN);
	assert_true(settle_wait(&s, 2 * CLOCK_SECOND) > 0);
	s = look(10, hour, WRITER_UNKNOWN);
	assert_int_equal(settle_wait(&s, 0), 0);
}

static void test_look(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "file"), *link = file_join(dir, "link");
	struct settle s;
	struct err err;
	settle_look(path, &s);
	assert_int_equal(s.stamp.size, -1);
	assert_ok(file_write(path, "abc", 3, &err));
	settle_look(path, &s);
	assert_int_equal(s.stamp.size, 3);
	assert_int_not_equal(s.writer, WRITER_OPEN);
	assert_ok(symlink(path, link));
	struct settle l;
	settle_look(link, &l);
	assert_int_equal(l.stamp.size, -1);
	AUTO(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	settle_look(path, &l);
	assert_int_not_equal(l.writer, WRITER_NONE);
	assert_true(settle_is_same(&s.stamp, &l.stamp));
}

static bool takes(const char *name, unsigned mode)
{
	return S_ISDIR(mode) || strstr(name, ".mp4");
}

static void make(const char *folder, const char *name, const char *text)
{
	AUTO(mem_freep) char *path = file_join(folder, name), *hidden = file_join(dir, "hidden");
	struct err err;
	assert_ok(file_write(hidden, text, strlen(text), &err));
	/* long ago */
	assert_ok(utimensat(AT_FDCWD, hidden, (struct timespec[2]){{1000, 0}, {1000, 0}}, 0));
	assert_ok(rename(hidden, path));
}

static void assert_next(struct folders *f, const char *name)
{
	AUTO(mem_freep) char *path = NULL;
	struct err err;
	int r = folders_next(f, name ? 60 * CLOCK_SECOND : 0, NULL, &path, &err);
	if (!name) {
		assert_int_equal(r, -ERR_TIMEOUT);
		return;
	}
	assert_ok(r);
	assert_string_equal(file_base(path), name);
}

static void test_folders(void **state)
{
	(void)state;
	AUTO(mem_freep) char *root = file_join(dir, "root"), *below = file_join(root, "below");
	AUTO(mem_freep) char *away = file_join(dir, "away"), *b = file_join(below, "b.mp4");
	struct err err;
	assert_ok(file_mkdirs(below, false, &err));
	make(root, "a.mp4", "a");
	make(root, "a.txt", "a");
	make(below, "b.mp4", "b");
	const struct folders_options o = {
		.roots = (char *[]){root, below}, .n = 2, .takes = takes, .period = 3600 * CLOCK_SECOND};
	AUTO(folders_freep) struct folders *f = folders_new(&o);
	assert_next(f, "a.mp4");
	assert_next(f, "b.mp4");
	assert_next(f, NULL);
	make(root, "c.mp4", "c");
	assert_next(f, "c.mp4");
	make(below, "b.mp4", "other"); /* its content changed */
	assert_next(f, "b.mp4");
	assert_next(f, NULL);
	folders_again(f, b, 0);
	assert_next(f, "b.mp4");
	folders_again(f, b, clock_now() + 3600 * CLOCK_SECOND);
	assert_next(f, NULL);
	make(below, "b.mp4", "again"); /* which is a reason not to wait */
	assert_next(f, "b.mp4");
	assert_ok(rename(b, away)); /* and a file that was away for a while */
	assert_next(f, NULL);
	assert_ok(rename(away, b));
	assert_next(f, "b.mp4");

	assert_ok(rename(root, away));
	assert_next(f, NULL);
	assert_ok(rename(away, root));
	make(root, "d.mp4", "d");
	/* Known again as new files; the journal keeps them apart. */
	for (int left = 10;; left--) {
		AUTO(mem_freep) char *path = NULL;
		assert_ok(folders_next(f, 60 * CLOCK_SECOND, NULL, &path, &err));
		assert_true(left > 0);
		if (strcmp(file_base(path), "d.mp4") == 0)
			break;
	}
}

/* ---- what cannot be read */

static int warnings;

static void count_warning(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	warnings += level == LOG_WARNING && strstr(line, "cannot be read") != NULL;
}

/* A file and a folder that only another user may read. */
static void test_unreadable(void **state)
{
	(void)state;
	bool all = geteuid() == 0; /* who may read everything, unless he gives that up */
	AUTO(mem_freep) char *root = file_join(dir, "private"), *below = file_join(root, "below");
	AUTO(mem_freep) char *a = file_join(root, "a.mp4");
	struct err err;
	assert_ok(file_mkdirs(below, false, &err));
	make(root, "a.mp4", "a");
	make(root, "z.mp4", "z");
	make(below, "b.mp4", "b");
	assert_ok(chmod(dir, 0755));
	assert_ok(chmod(a, 0));
	assert_ok(chmod(below, 0));
	assert_ok(all ? seteuid(65534) : 0);

	const struct folders_options o = {
		.roots = (char *[]){root}, .n = 1, .takes = takes, .period = 3600 * CLOCK_SECOND};
	AUTO(folders_freep) struct folders *f = folders_new(&o);
	log_set_sink(count_warning, NULL);
	warnings = 0;
	assert_next(f, "z.mp4");
	assert_int_equal(warnings, 2);
	assert_next(f, NULL);
	assert_ok(all ? seteuid(0) : 0);
	assert_ok(chmod(a, 0004));
	assert_ok(chmod(a, 0));
	assert_ok(all ? seteuid(65534) : 0);
	assert_next(f, NULL); /* it is looked at, and not logged again */
	assert_int_equal(warnings, 2);
	assert_ok(all ? seteuid(0) : 0);
	assert_ok(chmod(a, 0644));
	assert_next(f, "a.mp4");
	assert_ok(chmod(below, 0755));
	assert_next(f, "b.mp4");
	log_set_sink(NULL, NULL);
}

/* ---- what could not be used */

static void test_failures(void **state)
{
	(void)state;
	AUTO(mem_freep) char *root = file_join(dir, "failing"), *a = file_join(root, "a.mp4");
	struct err err;
	assert_ok(file_mkdirs(root, false, &err));
	make(root, "a.mp4", "a");
	const struct folders_options o = {
		.roots = (char *[]){root}, .n = 1, .takes = takes, .period = 3600 * CLOCK_SECOND};
	AUTO(folders_freep) struct folders *f = folders_new(&o);
	assert_next(f, "a.mp4");
	for (int i = 1; i <= 12; i++)
		assert_int_equal(folders_failed(f, a), i); /* the pause is an hour now */
	assert_next(f, NULL);
	make(root, "a.mp4", "other");
	assert_next(f, "a.mp4");
	assert_int_equal(folders_failed(f, a), 1);
	assert_int_equal(folders_failed(f, "/nothing"), 1);
}

/* ---- messages */

static void test_message(void **state)
{
	(void)state;
	char text[] = "A dog\ncomes [1].", id[] = "aabbccddeeff", question[] = "Is there a dog?";
	struct answer_cite cite = {.text = text, .start = 1500000, .end = 2000000};
	struct answer a = {.id = id,
	                   .question = question,
	                   .text = text,
	                   .state = ANSWER_PARTLY,
	                   .cites = &cite,
	                   .n_cites = 1};
	const struct hit_video v = {"a.mp4", "/there/a.mp4", "00"};
	assert_true(hit_is(&a));
	json_auto_t *m = hit_message(7, &a, &v, 1700000000 * CLOCK_SECOND);
	assert_non_null(m);
	assert_string_equal(json_text(m, "format"), "vdet-hit/1");
	assert_string_equal(json_text(m, "watch"), "7");
	assert_string_equal(json_text(m, "state"), "partly");
	assert_int_equal(strlen(json_text(m, "id")), 32);
	AUTO(mem_freep) char *whole = json_dumps(m, JSON_COMPACT), *line = hit_line(whole);
	AUTO(mem_freep) char *without = hit_without_path(whole);
	assert_string_equal(line, "a.mp4: A dog comes [1].");
	assert_non_null(strstr(whole, "/there"));
	assert_null(strstr(without, "/there"));
	assert_null(hit_without_path("no JSON"));
	a.state = ANSWER_NOT_FOUND;
	assert_false(hit_is(&a));
}

/* ---- the journal */

static void add(struct store *s, int64_t watch, const char *source, const char *message,
                bool want_new)
{
	struct err err;
	bool is_new;
	const struct store_watched w = {.watch = watch,
	                                .source = (char *)source,
	                                .answer = "aabbccddeeff",
	                                .fault = "",
	                                .tokens = 100,
	                                .message = (char *)message,
	                                .ways = STORE_WAY_PROGRAM};
	assert_ok(store_watched_add(s, &w, &is_new, &err));
	assert_int_equal(is_new, want_new);
}

static size_t count_open(struct store *s, int64_t watch, enum store_way way, bool released)
{
	struct store_watched *hits = NULL;
	size_t n = 0;
	assert_ok(store_hits_open(s, watch, way, released, &hits, &n, NULL));
	store_watched_free(hits, n);
	return n;
}

static void test_journal(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "vdet.db");
	AUTO(store_freep) struct store *s = NULL;
	AUTO(store_watch_clear) struct store_watch one = {0}, two = {0}, other = {0};
	struct store_watch *all = NULL;
	size_t n = 0;
	int64_t tokens, held;
	bool has;
	assert_ok(store_open(path, &s, NULL));
	const struct store_watch a = {.key = "a", .request = "{}", .who = "", .board = true};
	const struct store_watch b = {.key = "b", .request = "{}", .who = ""};
	assert_ok(store_watch_open(s, &a, &one, NULL));
	assert_ok(store_watch_open(s, &a, &two, NULL));
	assert_ok(store_watch_open(s, &b, &other, NULL));
	assert_int_equal(one.id, two.id);
	assert_int_not_equal(one.id, other.id);

	add(s, one.id, "s1", "{\"n\":1}", true);
	add(s, one.id, "s1", "{\"n\":2}", false);
	add(s, one.id, "s2", "", true);
	add(s, one.id, "s3", "{\"n\":3}", true);
	add(s, other.id, "s1", "{}", true);
	assert_ok(store_watched_has(s, one.id, "s2", &has, NULL));
	assert_true(has);
	assert_ok(store_watched_has(s, other.id, "s2", &has, NULL));
	assert_false(has);
	assert_ok(store_watch_tokens(s, one.id, 0, &tokens, NULL));
	assert_int_equal(tokens, 300);
	assert_ok(store_watch_tokens(s, one.id, clock_wall() + DAY, &tokens, NULL));
	assert_int_equal(tokens, 0);

	assert_int_equal(count_open(s, one.id, STORE_WAY_PROGRAM, false), 0);
	assert_int_equal(count_open(s, one.id, STORE_WAY_WEBHOOK, true), 0);
	assert_ok(store_hits_release(s, one.id, 1, 1, &held, NULL));
	assert_int_equal(held, 1);
	assert_int_equal(count_open(s, one.id, STORE_WAY_WEBHOOK, true), 1);
	assert_ok(store_hits_release(s, one.id, 1, 1, &held, NULL));
	assert_int_equal(held, 1);
	assert_ok(store_hits_release(s, 0, 1, 0, &held, NULL)); /* those of the server */
	assert_int_equal(held, 0);
	assert_int_equal(count_open(s, 0, STORE_WAY_WEBHOOK, true), 2);
	assert_int_equal(count_open(s, other.id, STORE_WAY_WEBHOOK, true), 0);

	struct store_watched *hits = NULL;
	assert_ok(store_hits_list(s, one.id, 0, 1, &hits, &n, NULL));
	assert_int_equal(n, 1);
	assert_string_equal(hits[0].source, "s3");
	assert_ok(store_hit_mark(s, hits[0].id, STORE_WAY_WEBHOOK, "gone", NULL));
	store_watched_free(hits, n);
	assert_int_equal(count_open(s, one.id, STORE_WAY_WEBHOOK, true), 1);

	assert_ok(store_watches_list(s, &all, &n, NULL));
	assert_int_equal(n, 1);
	assert_int_equal(all[0].asked, 3);
	assert_int_equal(all[0].hits, 2);
	store_watches_free(all, n);
	assert_ok(store_watch_remove(s, one.id, NULL));
	assert_int_equal(store_watch_remove(s, one.id, NULL), -ERR_NOENT);
	assert_int_equal(count_open(s, 0, STORE_WAY_PRINT, false), 0);
	assert_int_equal(count_open(s, other.id, STORE_WAY_PRINT, false), 1);
}

/* ---- files that were found */

static void test_found(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "found.db");
	AUTO(store_freep) struct store *s = NULL;
	const struct store_video video = {.name = "a.mp4",
	                                  .origin = "path",
	                                  .source = "",
	                                  .path = "/x",
	                                  .sha256 = "abc",
	                                  .stamp = "",
	                                  .facts = "",
	                                  .fault = ""};
	struct err err = {0};
	struct store_entry e = {.options = "{}", .journal = "", .fault = ""};
	int64_t id = 0, last_video, last_entry, after;
	bool known = true;
	assert_ok(store_open(path, &s, &err));
	assert_ok(store_found_has(s, "abc", &known, &err));
	assert_false(known);
	assert_ok(store_found_add(s, "abc", &id, &video, &e, &err));
	assert_true(id > 0 && e.video == id && e.id > 0);
	assert_ok(store_found_has(s, "abc", &known, &err));
	assert_true(known);
	assert_ok(store_found_has(s, "ab", &known, &err));
	assert_false(known);

	/* Of a video that is here, and as a whole or not at all. */
	assert_ok(store_found_add(s, "def", &id, NULL, NULL, &err));
	assert_ok(store_ids_used(s, &last_video, &last_entry, &err));
	struct store_video wrong = video;
	wrong.name = NULL;
	assert_true(store_found_add(s, "ghi", &id, &wrong, &e, &err) < 0);
	assert_ok(store_found_has(s, "ghi", &known, &err));
	assert_false(known);
	assert_ok(store_ids_used(s, &after, &last_entry, &err));
	assert_int_equal(after, last_video);

	/* Also when its video is deleted. */
	assert_ok(store_video_remove(s, e.video, &err));
	assert_ok(store_found_has(s, "abc", &known, &err));
	assert_true(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),        cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_signature),     cmocka_unit_test(test_secret),
		cmocka_unit_test(test_when_complete), cmocka_unit_test(test_look),
		cmocka_unit_test(test_folders),       cmocka_unit_test(test_message),
		cmocka_unit_test(test_journal),       cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_failures),      cmocka_unit_test(test_found),
	};
	if (!mkdtemp(dir))
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	struct err err;
	file_remove_tree(dir, &err);
	return r;
}
