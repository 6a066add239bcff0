/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/text.h"
#include "base/wakeup.h"

static void times_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
		{"90", 90000000},  {"0.5", 500000},     {"1:30", 90000000}, {"01:01:30.250", 3690250000},
		{"250ms", 250000}, {"5min", 300000000}, {"2h", 7200000000}, {"90s", 90000000},
	};
	static const char *const bad[] = {"",     "x",   "-1",    "1:60",    "1:2:3:4", "nan",
	                                  "0x10", "1e3", "5 min", "1:30min", "9999999h"};
	int64_t us;
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_ok(clock_parse(good[i].text, &us, &err));
		assert_int_equal(us, good[i].us);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		us = 42;
		assert_int_equal(clock_parse(bad[i], &us, &err), -ERR_ARG);
		assert_int_equal(us, 42);
	}
	char t[CLOCK_TEXT_MAX];
	assert_string_equal(clock_text(3690250999, t), "01:01:30.250");
	assert_string_equal(clock_text(INT64_C(90061) * 1000000, t), "25:01:01.000");
	assert_string_equal(clock_short(7213000000, t), "2:00:13");
	assert_string_equal(clock_short(42400000, t), "0:42");
	static const struct {
		int64_t us;
		const char *brief, *full;
	} times[] = {
		{0, "0:00", "00:00:00.000"},
		{499999, "0:00", "00:00:00.499"},
		{500000, "0:01", "00:00:00.500"},
		{59499999, "0:59", "00:00:59.499"},
		{59500000, "1:00", "00:00:59.500"},
		{3599500000, "1:00:00", "00:59:59.500"},
		{33367, "0:00", "00:00:00.033"},
		{8575233, "0:09", "00:00:08.575"},
		{90061001000, "25:01:01", "25:01:01.001"},
	};
	for (size_t i = 0; i < ARRAY_LEN(times); i++) { /* test_format.mjs has the same table */
		assert_string_equal(clock_short(times[i].us, t), times[i].brief);
		assert_string_equal(clock_text(times[i].us, t), times[i].full);
	}
}

static void loops_are_told(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf b = BUF(1000);
	for (int i = 0; i < 3; i++)
		buf_adds(&b, "A red car passes from left to right. ");
	assert_false(text_loops(buf_str(&b)));
	buf_adds(&b, "A red car passes from left to right. ");
	assert_true(text_loops(buf_str(&b)));
	buf_adds(&b, "A red car p"); /* cut off in the middle */
	assert_true(text_loops(buf_str(&b)));
	buf_adds(&b, "arks.");
	assert_false(text_loops(buf_str(&b)));
	assert_false(text_loops(""));
	assert_false(text_loops("Nothing happens: no, no, no, no, no, no!!!!!!!!"));
	assert_true(text_loops("................................................................"));
}

static void nouns_agree_with_numbers(void **state)
{
	(void)state;
	assert_string_equal(text_s(0), "s");
	assert_string_equal(text_s(1), "");
	assert_string_equal(text_s(2), "s");
}

static void text_is_made_harmless(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf b = BUF(1000);
	text_utf8(&b, "a\xff\xc3(\xe2\x82\xac\x01\xed\xa0\x80z", 12);
	assert_string_equal(
		buf_str(&b),
		"a\xef\xbf\xbd\xef\xbf\xbd(\xe2\x82\xac \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	buf_clear(&b);
	text_html(&b, "<a href=\"x\">&'");
	assert_string_equal(buf_str(&b), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
	buf_clear(&b);
	text_csv(&b, "=1+\"2\"");
	assert_string_equal(buf_str(&b), "\"'=1+\"\"2\"\"\"");
	/* the last character would be cut in two */
	AUTO(mem_freep) char *line = text_line("one\ntwo\tthr\xc3\xa9", 12);
	assert_string_equal(line, "one two thr");
	/* what changes the direction of text, or is not seen, is removed */
	AUTO(mem_freep)
	char *plain = text_line("e\u202etxt\u2066.mp4\u061c \u2060\ufeff\u200b\u200d", 80);
	assert_string_equal(plain, "etxt.mp4 \u200d");
	/* what ends a line is a space */
	AUTO(mem_freep)
	char *joined = text_line("a\u2028b\u2029c\xc2\x85"
	                         "d",
	                         80);
	assert_string_equal(joined, "a b c d");
	/* U+0080 to U+009F control terminals, too; U+00A0 does not */
	AUTO(mem_freep)
	char *c1 = text_line("\xc2\x9b"
	                     "31m\xc2\x80-\xc2\x9f\xc2\xa0.",
	                     80);
	assert_string_equal(c1, " 31m - \xc2\xa0.");
	buf_clear(&b);
	text_utf8(&b, "a\xc2\x9d\n\xc2", 5);
	assert_string_equal(buf_str(&b), "a \n\xef\xbf\xbd");
	AUTO(mem_freep)
	char *squeezed = text_squeeze("  a b\u00a0c \u00a0d\u2003\u3000e\u2003f   ");
	assert_string_equal(squeezed, " a b\u00a0c d e\u2003f ");
	static const char *const base64[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	for (size_t i = 0; i < ARRAY_LEN(base64); i++) { /* RFC 4648, section 10 */
		buf_clear(&b);
		text_base64(&b, base64[i][0], strlen(base64[i][0]));
		assert_string_equal(buf_str(&b), base64[i][1]);
	}
}

static void a_buffer_never_passes_its_maximum(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf b = BUF(10);
	struct err err;
	assert_ok(buf_adds(&b, "12345678"));
	assert_int_equal(buf_adds(&b, "abc"), -ERR_LIMIT);
	assert_string_equal(buf_str(&b), "12345678");
	/* what was dropped must not be followed by more */
	assert_int_equal(buf_adds(&b, "a"), -ERR_LIMIT);
	assert_int_equal(buf_check(&b, "it", &err), -ERR_LIMIT);
	assert_string_equal(err.msg, "it is larger than 10 bytes");
}

static void hashes_match_the_standard(void **state)
{
	char hex[HASH_HEX], path[] = "/tmp/vdet-test-XXXXXX";
	(void)state;
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "abc", 3), 3); /* FIPS 180-4's first example */
	assert_ok(hash_fd(fd, NULL, NULL, hex, NULL));
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	struct cancel *c = cancel_new();
	struct err err;
	cancel_fire(c);
	assert_int_equal(hash_fd(fd, c, NULL, hex, &err), -ERR_CANCELED);
	cancel_free(c);
	close(fd);
	unlink(path);
}

static void *signal_twice(void *arg)
{
	wakeup_signal(arg);
	wakeup_signal(arg);
	return NULL;
}

static void a_wakeup_comes_back(void **state)
{
	struct wakeup *w = wakeup_new();
	struct cancel *c = cancel_new();
	pthread_t thread;
	(void)state;
	assert_false(wakeup_take(w));
	assert_false(wakeup_wait(w, c, 0));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, signal_twice, w), 0);
		assert_true(wakeup_wait(w, c, -1));
		pthread_join(thread, NULL);
		wakeup_take(w); /* the second signal, if it came after the first was taken */
		assert_false(wakeup_take(w));
	}
	wakeup_signal(w);
	cancel_fire(c);
	assert_false(wakeup_wait(w, c, -1));
	assert_true(wakeup_take(w));
	wakeup_free(w);
	cancel_free(c);
}

struct values {
	bool flag;
	int64_t number, time, size;
	double real;
	char *text, *prompt, *choice;
};
static const struct opt_row rows[] = {
	{"a.flag", NULL, OPT_BOOL, offsetof(struct values, flag), "false", 0, 0, NULL, NULL, "Flag.",
     0},
	{"a.number", "count", OPT_INT, offsetof(struct values, number), "5", 1, 10, NULL, "N",
     "Number.", 0},
	{"a.time", NULL, OPT_TIME, offsetof(struct values, time), "300", 1, 86400, NULL, "SECONDS",
     "Time.", 0},
	{"a.size", NULL, OPT_SIZE, offsetof(struct values, size), "2G", 0, 1e15, NULL, "BYTES", "Size.",
     0},
	{"a.real", NULL, OPT_DOUBLE, offsetof(struct values, real), "0.8", 0, 1, NULL, NULL, "Real.",
     0},
	{"a.text", NULL, OPT_STRING, offsetof(struct values, text), "", 0, 0, NULL, NULL, "Text.",
     OPT_SECRET},
	{"a.prompt", NULL, OPT_STRING, offsetof(struct values, prompt), "", 0, 0, NULL, NULL, "Prompt.",
     OPT_RESULT},
	{"a.choice", NULL, OPT_CHOICE, offsetof(struct values, choice), "one", 0, 0, "one|two", NULL,
     "Choice.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"A", rows, ARRAY_LEN(rows)};

static int parse(struct values *v, const char *conf, char **env, char **argv, int *n,
                 struct err *err)
{
	char path[] = "/tmp/vdet-test-XXXXXX";
	struct opt_bind bind = {&group, v};
	const struct opt_set set = {&bind, 1};
	if (conf) {
		close(mkstemp(path));
		assert_ok(file_write(path, conf, strlen(conf), NULL));
	}
	int r = opt_parse(&set, NULL, conf ? path : NULL, env, argv, n, err);
	if (conf)
		unlink(path);
	return r;
}

static void clear(struct values *v)
{
	struct opt_bind bind = {&group, v};
	opt_free(&(struct opt_set){&bind, 1});
}

static void the_last_source_wins(void **state)
{
	struct values v = {0};
	struct err err;
	int n;
	char *argv[] = {"vdet",     "x.mp4", "--count",  "7", "--a-choice=two",
	                "--a-flag", "--",    "--a-flag", NULL};
	char *env[] = {"VDET_A_TIME=60", "VDET_A_NUMBER=6", "HOME=/x", NULL};
	(void)state;
	assert_ok(
		parse(&v, "[a]\nnumber = 2\ntime = 1:00\nsize = 3M\nreal = 0.25\n", env, argv, &n, &err));
	assert_int_equal(n, 2);
	assert_string_equal(argv[0], "x.mp4");
	assert_string_equal(argv[1], "--a-flag");
	assert_int_equal(v.number, 7);      /* command line */
	assert_int_equal(v.time, 60000000); /* environment */
	assert_int_equal(v.size, 3 << 20);  /* file */
	assert_true(v.real == 0.25 && v.flag);
	assert_string_equal(v.choice, "two");
	assert_string_equal(v.text, ""); /* default */
	clear(&v);
}

static void a_bad_option_says_where(void **state)
{
	static const struct {
		const char *conf, *env, *arg, *said;
	} cases[] = {
		{"[a]\nnumber = 11\n", NULL, NULL,
	     ":2: a.number: \"11\" is out of range: a.number must be from 1 to 10"},
		{"[a]\n\nnumbre = 1\n", NULL, NULL,
	     ":3: configuration: unknown option a.numbre; did you mean a.number?"},
		{"[a]\nchoice = two\n", NULL, NULL, ":2: a.choice can only be given on the command line"},
		{"nonsense\n", NULL, NULL, ":1: not a line of the form"},
		{NULL, "VDET_A_TIMES=3", NULL,
	     "environment: unknown option VDET_A_TIMES; did you mean VDET_A_TIME?"},
		{NULL, "VDET_A_REAL=2", NULL, "VDET_A_REAL: \"2\" is out of range"},
		{NULL, NULL, "--cuont=3", "unknown option --cuont; did you mean --count?"},
		{NULL, NULL, "--count=3.5", "--count: \"3.5\" is not a whole number"},
		{NULL, NULL, "--count", "--count needs a value (N)"},
		{NULL, NULL, "--a-choice=three", "--a-choice: \"three\" is none of one|two"},
		{NULL, NULL, "--a-flag=maybe", "neither true nor false"},
		{NULL, NULL, "--a-prompt=a\xff", "--a-prompt: the text is not valid UTF-8"},
		{NULL, NULL, "-x", "for a file of that name write ./-x"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct values v = {0};
		struct err err = {0};
		int n;
		char *env[] = {(char *)cases[i].env, NULL}, *argv[] = {"vdet", (char *)cases[i].arg, NULL};
		assert_int_equal(parse(&v, cases[i].conf, env, argv, &n, &err), -ERR_ARG);
		if (!strstr(err.msg, cases[i].said))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.msg, cases[i].said);
		clear(&v);
	}
}

static void values_survive_their_text(void **state)
{
	struct values v = {0}, w = {0};
	struct err err;
	int n;
	char *argv[] = {"vdet", "--count=3", "--a-time=1.500001", "--a-real=0.1", "--a-text=key", NULL};
	(void)state;
	assert_ok(parse(&v, NULL, NULL, argv, &n, &err));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf_free) struct buf text = BUF(100);
		opt_get_text(&rows[i], &v, &text);
		assert_ok(opt_set_value(&rows[i], &w, buf_str(&text), "again", &err));
	}
	assert_true(w.number == 3 && w.time == 1500001 && w.real == 0.1 && w.size == v.size);
	assert_string_equal(w.text, "***"); /* a secret is never printed */
	clear(&v);
	clear(&w);
}

static void a_copy_stands_alone(void **state)
{
	struct values v = {0}, w = {0};
	struct err err;
	int n;
	char *argv[] = {"vdet",         "--count=3",    "--a-time=1.5",   "--a-real=0.1",
	                "--a-text=key", "--a-size=64K", "--a-choice=two", NULL};
	(void)state;
	assert_ok(parse(&v, NULL, NULL, argv, &n, &err));
	opt_copy(&group, &v, &w);
	opt_copy(&group, &v, &w); /* frees the strings of the first copy */
	clear(&v);
	assert_true(!w.flag && w.number == 3 && w.time == 1500000 && w.real == 0.1 &&
	            w.size == 64 << 10);
	assert_string_equal(w.text, "key"); /* a secret too */
	assert_string_equal(w.choice, "two");
	clear(&w);
}

static void a_default_is_told_from_a_choice(void **state)
{
	struct values v = {0};
	struct err err;
	int n;
	char *argv[] = {"vdet",        "--count=5", "--a-time=5min", "--a-size=2147483648",
	                "--a-real=.8", NULL};
	(void)state;
	assert_ok(parse(&v, NULL, NULL, argv, &n, &err));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) /* however the value is written */
		assert_true(opt_is_default(&rows[i], &v));
	clear(&v);

	char *others[] = {
		"vdet",         "--a-flag",   "--count=6",           "--a-time=6",     "--a-size=1",
		"--a-real=0.9", "--a-text=x", "--a-prompt=\xc3\xa4", "--a-choice=two", NULL};
	assert_ok(parse(&v, NULL, NULL, others, &n, &err));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_false(opt_is_default(&rows[i], &v));
	clear(&v);
}

static void a_check_accepts_what_would_be_set(void **state)
{
	struct opt_bind bind = {&group, NULL};
	const struct opt_set set = {&bind, 1};
	const struct opt_row *number = opt_find(&set, "a.number"), *text = opt_find(&set, "a.text");
	struct err err;
	(void)state;
	assert_ptr_equal(number, &rows[1]);
	assert_null(opt_find(&set, "a.numbre"));
	assert_ok(opt_check(number, "10", "here", &err));
	assert_int_equal(opt_check(number, "11", "here", &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "here: "));
	assert_ok(opt_check(text, "anything", "here", &err));
	assert_int_equal(opt_check(opt_find(&set, "a.choice"), "three", "here", &err), -ERR_ARG);
}

static void a_write_is_whole_or_absent(void **state)
{
	char dir[] = "/tmp/vdet-test-XXXXXX";
	struct err err;
	(void)state;
	assert_non_null(mkdtemp(dir));
	AUTO(mem_freep) char *deep = file_join(dir, "a/b/c");
	AUTO(mem_freep) char *path = file_join(deep, "x");
	assert_int_equal(file_write(path, "1", 1, &err), -ERR_NOENT);
	assert_ok(file_mkdirs(deep, false, &err));
	assert_ok(file_write(path, "old", 3, &err));
	assert_ok(file_write(path, "newer", 5, &err));
	AUTO(buf_free) struct buf b = BUF(100);
	assert_ok(file_read(path, &b, &err));
	assert_string_equal(buf_str(&b), "newer");
	AUTO(mem_freep) char *below = file_join(path, "y");
	assert_true(file_mkdirs(below, false, &err) < 0);
	int fd = -1;
	assert_int_equal(file_open_input(dir, &fd, &err), -ERR_ARG);
	assert_non_null(strstr(err.msg, "is a folder"));
	AUTO(mem_freep) char *a = file_join(dir, "a");
	AUTO(mem_freep) char *ab = file_join(dir, "a/b");
	unlink(path);
	rmdir(deep);
	rmdir(ab);
	rmdir(a);
	assert_int_equal(rmdir(dir), 0); /* nothing temporary was left behind */
}

static void *write_often(void *path)
{
	char text[4096];
	struct err err;
	for (int i = 0; i < 50; i++) {
		memset(text, 'a' + i % 26, sizeof text);
		if (file_write(path, text, 1000 + (size_t)i * 60, &err) < 0)
			return path;
	}
	return NULL;
}

/* Several write the same file at once: what is there is always whole. */
static void writers_do_not_mix(void **state)
{
	char dir[] = "/tmp/vdet-test-XXXXXX";
	pthread_t threads[4];
	void *failed = NULL;
	(void)state;
	assert_non_null(mkdtemp(dir));
	AUTO(mem_freep) char *path = file_join(dir, "x");
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_often, path), 0);

	for (int i = 0; i < 200; i++) {
		AUTO(buf_free) struct buf b = BUF(10000);
		if (!file_exists(path))
			continue;
		assert_ok(file_read(path, &b, NULL));
		char c = *buf_str(&b);
		assert_true(c >= 'a' && c <= 'z');
		assert_int_equal((b.len - 1000) / 60 % 26, c - 'a');
		for (size_t k = 0; k < b.len; k++)
			assert_int_equal(b.data[k], c);
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

/* What is in the place of the temporary file is replaced, never written to. */
static void links_are_not_followed(void **state)
{
	char dir[] = "/tmp/vdet-test-XXXXXX";
	struct err err;
	(void)state;
	assert_non_null(mkdtemp(dir));
	AUTO(mem_freep) char *path = file_join(dir, "x");
	AUTO(mem_freep) char *tmp = file_join(dir, "x.tmp");
	AUTO(mem_freep) char *other = file_join(dir, "other");
	assert_ok(file_write(other, "other", 5, &err));
	for (int i = 0; i < 3; i++) {
		int r = i == 0 ? symlink(other, tmp) : i == 1 ? link(other, tmp) : mkfifo(tmp, 0600);
		AUTO(buf_free) struct buf b = BUF(100);
		assert_int_equal(r, 0);
		assert_ok(file_write(path, "new", 3, &err));
		assert_ok(file_read(other, &b, &err));
		assert_string_equal(buf_str(&b), "other");
		assert_false(file_exists(tmp));
	}
	assert_int_equal(mkdir(tmp, 0700), 0);
	assert_true(file_write(path, "new", 3, &err) < 0);
	assert_non_null(strstr(err.msg, "x.tmp"));
	rmdir(tmp);
	unlink(path);
	unlink(other);
	assert_int_equal(rmdir(dir), 0);
}

static void numbers_are_kept_once(void **state)
{
	(void)state;
	size_t items[] = {7, 3, 7, 0, 3, 9}, want[] = {0, 3, 7, 9};
	assert_int_equal(mem_sort_distinct(items, ARRAY_LEN(items)), ARRAY_LEN(want));
	assert_memory_equal(items, want, sizeof want);
	assert_int_equal(mem_sort_distinct(NULL, 0), 0);
	int64_t times[] = {5, -2, 5, -2, INT64_MAX}, wanted[] = {-2, 5, INT64_MAX};
	assert_int_equal(mem_sort_times(times, ARRAY_LEN(times)), ARRAY_LEN(wanted));
	assert_memory_equal(times, wanted, sizeof wanted);
	assert_int_equal(mem_sort_times(NULL, 0), 0);
}

/* As a child that was being started when its parent was killed: it has the
 * lock until it runs its program. */
static void a_lock_of_another_process_is_waited_for(void **state)
{
	FILE *file = tmpfile();
	int end[2], ready[2];
	char byte;
	(void)state;
	assert_non_null(file);
	assert_int_equal(pipe(end) || pipe(ready), 0);
	AUTO(mem_freep) char *path = mem_printf("/proc/self/fd/%d", fileno(file));

	pid_t child = fork();
	if (!child) {
		close(end[1]);
		if (file_lock(fileno(file)) == 0 && write(ready[1], "x", 1) == 1 && read(end[0], &byte, 1))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	AUTO(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(file_lock_now(fd), -1);
	assert_int_equal(errno, EWOULDBLOCK);

	fclose(file);
	close(end[1]);
	assert_int_equal(file_lock_now(fd), 0);
	waitpid(child, NULL, 0);
	close(end[0]);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(nouns_agree_with_numbers),
		cmocka_unit_test(text_is_made_harmless),
		cmocka_unit_test(loops_are_told),
		cmocka_unit_test(a_buffer_never_passes_its_maximum),
		cmocka_unit_test(hashes_match_the_standard),
		cmocka_unit_test(a_wakeup_comes_back),
		cmocka_unit_test(the_last_source_wins),
		cmocka_unit_test(a_bad_option_says_where),
		cmocka_unit_test(values_survive_their_text),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(a_default_is_told_from_a_choice),
		cmocka_unit_test(a_check_accepts_what_would_be_set),
		cmocka_unit_test(a_write_is_whole_or_absent),
		cmocka_unit_test(writers_do_not_mix),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(numbers_are_kept_once),
		cmocka_unit_test(a_lock_of_another_process_is_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
