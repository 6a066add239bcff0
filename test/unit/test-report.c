/* SPDX-License-Identifier: Apache-2.0 */
/* The report's writers: each sort of report is written in every format and
 * checked by check-report.py. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "report/naming.h"
#include "report/report.h"

#include "config.h"
#include "report-help.h"

#define BIG ((size_t)512 << 20)

static struct report *small(void)
{
	return make(&(struct shape){
		.chunks = 3, .samples = 4, .events = 7, .text = "A red car comes from the left."});
}

/* A fresh folder under $TMPDIR; the caller frees the name and removes it with
 * remove_folder(). */
static char *new_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = mem_printf("%s/vdet-report-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	return dir;
}

static size_t count_files(const char *dir)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void remove_folder(char *dir)
{
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	assert_int_equal(rmdir(dir), 0);
	free(dir);
}

/* Writes all formats and has check-report.py look at them. Takes the report. */
static void check(struct report *r)
{
	struct err err = {0};
	char *dir = new_folder();
	if (report_write(r, dir, "all", &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(count_files(dir), 5);
	AUTO(mem_freep)
	char *command =
		mem_printf("python3 '%s/test/unit/check-report.py' '%s' '%s/docs/report.schema.json'",
	               VDET_SOURCE_ROOT, dir, VDET_SOURCE_ROOT);
	assert_int_equal(system(command), 0);
	remove_folder(dir);
	report_free(r);
}

static void test_small_and_empty(void **state)
{
	(void)state;
	check(small());
	check(make(&(struct shape){.text = ""}));
	/* not even strings; "complete" is false, holes there are none */
	check(mem_alloc(1, sizeof(struct report)));
}

static void test_holes(void **state)
{
	(void)state;
	check(make(&(struct shape){
		.chunks = 9, .samples = 6, .events = 0, .text = "The engine died.", .hole_every = 2}));
	check(make(&(struct shape){.chunks = 2,
	                           .samples = 0,
	                           .events = 0,
	                           .text = "No frame could be decoded.",
	                           .hole_every = 1}));
}

static void test_part(void **state)
{
	(void)state;
	struct report *r = small();
	r->duration *= 3;
	r->from = 1;
	check(r);
}

static bool prints(const struct report *r, const char *format, const char *text)
{
	AUTO(buf_free) struct buf out = BUF(BIG);
	struct err err;
	assert_int_equal(report_print(r, format, &out, &err), 0);
	return strstr(buf_str(&out), text);
}

/* What a given plan leaves out is named at the top of each format. */
static void test_left_out(void **state)
{
	static const char *const formats[] = {"md", "html", "vtt"};
	static const char text[] = "Not looked at: 00:10:00.000 – 00:14:24.000, left out by the "
							   "given plan.";
	(void)state;
	struct report *r = small();
	r->n_left_out = 1;
	r->left_out = mem_alloc(1, sizeof *r->left_out);
	r->left_out[0] = (struct report_stretch){600 * S, 864 * S};
	r->complete = false;
	r->plan = (struct report_plan){
		.given = true,
		.policy = mem_strdup("adaptive"),
		.text = mem_strdup("The plan was given by the user: 12 frames in 3 chunks.")};
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		assert_true(prints(r, formats[i], text));
	assert_true(prints(r, "csv", "\nleft_out,00:10:00.000,00:14:24.000,"));
	assert_true(prints(r, "json", "\"left_out\": [\n  {\n   \"start\": 600.0,"));
	assert_true(prints(r, "md", "\n\nThe plan was given by the user: 12 frames"));
	assert_false(prints(r, "md", "was not finished"));
	assert_int_equal(report_left_out(r), 264 * S);
	assert_false(report_has_holes(r));
	check(r);
}

/* Activity that no frame shows, damaged frames, and what withdrawals leave of a
 * chunk are named where people look first. */
static void test_what_was_not_seen(void **state)
{
	static const char *const formats[] = {"md", "html", "vtt"};
	(void)state;
	struct report *r = small();
	r->plan = (struct report_plan){.policy = mem_strdup("adaptive"),
	                               .text = mem_strdup("12 frames."),
	                               .bursts = 14,
	                               .bursts_seen = 2,
	                               .missed = mem_alloc(12, sizeof *r->plan.missed),
	                               .n_missed = 12};
	for (size_t i = 0; i < 12; i++)
		r->plan.missed[i] =
			(struct report_stretch){(int64_t)i * 20 * S, (int64_t)i * 20 * S + S / 5};
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		assert_true(prints(r, formats[i],
		                   "12 bursts without a frame, which the model did not see: 00:00:00.000 – "
		                   "00:00:00.200, 00:00:20.000 – "));
	assert_true(prints(r, "md", "00:03:00.200 and 2 more; to see more"));
	assert_true(prints(r, "csv", "\nmissed,00:03:40.000,00:03:40.200,"));
	assert_false(prints(r, "md", "are damaged"));
	free(r->chunks[1].samples[2].decode_path);
	r->chunks[1].samples[2].decode_path = mem_strdup("concealed");
	assert_true(prints(r, "md", "**Damaged frames:** 1 of "));
	assert_true(prints(r, "html", "Damaged frames."));

	assert_true(prints(r, "vtt", "\nc3\n"));
	r->chunks[2].withdrawn = 1;
	r->n_events = 0;
	assert_true(prints(r, "md", "*(1 statement about this chunk withdrawn since; this text may"));
	assert_false(prints(r, "vtt", "\nc3\n"));
	r->n_events = 7;
	check(r);
}

/* Anomalies have a section, rows and cues of their own. */
static void test_anomalies(void **state)
{
	(void)state;
	struct report *r = small();
	assert_true(prints(r, "md", "## Anomalies\n\nNone were looked for"));
	r->index = (struct report_index){.packets = 9, .closely = 90 * S, .anomalies = json_array()};
	assert_true(prints(r, "html", "None were found by the index"));
	json_array_append_new(r->index.anomalies,
	                      json_pack("{s:s, s:s, s:f, s:f}", "kind", "black", "text",
	                                "the picture is black", "start", 100.0, "end", 103.5));
	json_array_append_new(r->index.anomalies,
	                      json_pack("{s:s, s:s, s:f, s:f}", "kind", "frozen", "text",
	                                "the picture does not change", "start", 700.0, "end", 720.0));
	assert_true(
		prints(r, "md", "\n| black | 00:01:40.000 | 00:01:43.500 | the picture is black |"));
	assert_true(prints(r, "md", ", anomalies: 2\n"));
	assert_true(prints(r, "html", "Anomalies (2)"));
	assert_true(prints(r, "html", "<td>the picture does not change</td>"));
	assert_true(
		prints(r, "csv", "\nanomaly,00:01:40.000,00:01:43.500,100.000000,103.500000,\"black\","));
	assert_true(prints(r, "vtt", "a2\n00:11:40.000 --> 00:12:00.000\nAnomaly: the picture does"));
	check(r);
}

/* A version at the beginning of a cell does not begin a list. */
static void test_markdown_escapes(void **state)
{
	(void)state;
	AUTO(report_freep) struct report *r = make(&(struct shape){.chunks = 1, .text = "1. x"});
	assert_true(prints(r, "md", "| vdet | 0.1.0 |"));
	assert_true(prints(r, "md", "\n- 1\\. x\n")); /* the timeline is a list */
}

/* States are listed apart from events, or counted. */
static void test_states(void **state)
{
	(void)state;
	struct report *r = small();
	r->states = r->events;
	r->n_states = r->n_events;
	r->events = NULL;
	r->n_events = 0;
	for (size_t i = 0; i < r->n_states; i++)
		r->states[i].state = true;
	for (size_t i = 0; i < r->n_subjects; i++) {
		r->subjects[i].states = r->subjects[i].events;
		r->subjects[i].n_states = r->subjects[i].n_events;
		r->subjects[i].events = NULL;
		r->subjects[i].n_events = 0;
	}
	assert_true(prints(r, "md", "## States"));
	assert_true(prints(r, "csv", "\nstate,"));

	r->detail = REPORT_LOW;
	assert_false(prints(r, "md", "## States"));
	assert_false(prints(r, "csv", "\nstate,"));
	assert_true(prints(r, "md", "states, in which something only stays as it is, left out"));
	assert_true(prints(r, "html", "states, in which something only stays as it is, left out"));
	assert_true(prints(r, "json", "\"parts\""));
	r->detail = REPORT_NORMAL;
	check(r);
}

static void test_hostile(void **state)
{
	(void)state;
	struct shape s = {.chunks = 6, .samples = 9, .events = 20, .text = hostile, .hole_every = 3};
	struct report *r = make(&s);
	AUTO(buf_free) struct buf out = BUF(BIG);
	struct err err;
	assert_int_equal(report_html(r, &out, &err), 0);
	const char *html = buf_str(&out), *end = strstr(html, "</script>");
	assert_non_null(end);
	assert_null(strstr(end + 1, "</script>")); /* only that of the page itself */
	assert_null(strstr(html, "<img"));
	assert_null(strstr(html, "<b>"));
	assert_non_null(strstr(html, "&lt;script&gt;alert(1)"));
	check(r);
}

static void test_bad_references(void **state)
{
	(void)state;
	struct report *r = small();
	struct err err;
	r->events[0].parts[0].chunk = 99;
	r->events[1].parts[0].samples[0] = 99;
	for (int i = 0; i < 5; i++) {
		AUTO(buf_free) struct buf out = BUF(BIG);
		int (*const writers[])(const struct report *, struct buf *, struct err *) = {
			report_json, report_markdown, report_html, report_vtt, report_csv};
		assert_int_equal(writers[i](r, &out, &err), 0);
		buf_free(&out);
		out.max = 100;
		assert_int_equal(writers[i](r, &out, &err), -ERR_LIMIT);
	}
	report_free(r);
}

/* Without "run", two runs of one job have the same bytes. */
static void test_same_bytes(void **state)
{
	(void)state;
	AUTO(report_freep) struct report *a = small(), *b = small();
	AUTO(buf_free) struct buf x = BUF(BIG), y = BUF(BIG);
	struct err err;
	b->job[0] = 'f';
	b->created += S;
	b->wall_time *= 2;
	b->engine_busy += 3;
	b->prefill_rate = 0;
	b->decode_rate = 1;
	b->chunks[1].decode_time = b->chunks[1].engine_time = b->chunks[1].cached_tokens = 5;
	assert_int_equal(report_json(a, &x, &err), 0);
	assert_int_equal(report_json(b, &y, &err), 0);
	assert_string_not_equal(buf_str(&x), buf_str(&y));
	char *run_x = strstr(x.data, "\n \"run\": {"), *run_y = strstr(y.data, "\n \"run\": {");
	assert_true(run_x && run_y);
	*run_x = *run_y = '\0'; /* it comes last */
	assert_string_equal(x.data, y.data);
}

static void test_exact_times(void **state)
{
	(void)state;
	AUTO(report_freep) struct report *r = small();
	AUTO(buf_free) struct buf out = BUF(BIG);
	struct err err;
	r->chunks[2].samples[3].pts = INT64_C(86399999999);
	r->chunks[2].samples[2].pts = 100001;
	assert_int_equal(report_json(r, &out, &err), 0);
	assert_non_null(strstr(buf_str(&out), "\"pts\": 86399.999999,"));
	assert_non_null(strstr(buf_str(&out), "\"pts\": 0.100001,"));
	json_t *j = json_loads(buf_str(&out), 0, NULL);
	assert_non_null(j);
	json_decref(j);
}

static void test_coverage(void **state)
{
	(void)state;
	int64_t max = -1, mean = -1;
	AUTO(report_freep) struct report *none = make(&(struct shape){.chunks = 2, .text = ""});
	report_coverage(none, &max, &mean);
	assert_int_equal(max, 0);
	assert_int_equal(mean, 0);
	/* Frames at 0, 72, … of 288 s; the second of chunks 0 and 5 has a fault;
	 * every third chunk is a hole. */
	AUTO(report_freep)
	struct report *r =
		make(&(struct shape){.chunks = 6, .samples = 4, .text = "x", .hole_every = 3});
	report_coverage(r, &max, &mean);
	assert_int_equal(max, (288 + 72) * S);
	assert_int_equal(mean, 6 * 288 * S / 15);
	AUTO(report_freep)
	struct report *two = make(&(struct shape){.chunks = 2, .samples = 1, .text = ""});
	two->from = -1000 * S;
	report_coverage(two, &max, &mean);
	assert_int_equal(max, 1000 * S);
	assert_int_equal(mean, (1000 + 2 * 288) * S / 2);
}

static void test_formats(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(report_check_formats("all", &err), 0);
	assert_int_equal(report_check_formats("html,json,md,vtt,csv", &err), 0);
	assert_int_equal(report_check_formats("csv", &err), 0);
	static const char *const bad[] = {"",     ",",   "html,",     "pdf", "html,pdf",
	                                  "HTML", "htm", "html json", "alle"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(report_check_formats(bad[i], &err), -ERR_ARG);
		assert_non_null(strstr(err.msg, "html,json,md,vtt,csv"));
	}
	char *dir = new_folder();
	AUTO(mem_freep) char *sub = file_join(dir, "a/b");
	AUTO(report_freep) struct report *r = small();
	assert_int_equal(report_write(r, sub, "csv,json,csv", &err), 0);
	assert_int_equal(count_files(sub), 2);
	AUTO(mem_freep) char *command = mem_printf("rm -r '%s/a'", dir);
	assert_int_equal(system(command), 0);
	remove_folder(dir);
}

/* What cannot be written leaves the old report whole and nothing half done
 * behind. */
static void test_atomic(void **state)
{
	(void)state;
	struct err err = {0};
	struct rlimit old, tiny;
	char *dir = new_folder();
	AUTO(mem_freep) char *path = file_join(dir, "report.json");
	AUTO(mem_freep) char *below = file_join(path, "sub");
	AUTO(report_freep) struct report *r = small();
	AUTO(buf_free) struct buf text = BUF(BIG);
	assert_int_equal(file_write(path, "old", 3, &err), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	tiny = (struct rlimit){1000, old.rlim_max};
	setrlimit(RLIMIT_FSIZE, &tiny);
	int e = report_write(r, dir, "json", &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(e < 0);
	assert_non_null(strstr(err.msg, "report.json"));
	assert_int_equal(count_files(dir), 1);
	assert_int_equal(file_read(path, &text, &err), 0);
	assert_string_equal(buf_str(&text), "old");

	/* What a killed run left. */
	AUTO(mem_freep) char *left = mem_printf("%s.tmp", path);
	assert_int_equal(file_write(left, "half", 4, &err), 0);
	assert_int_equal(report_write(r, dir, "json", &err), 0);
	assert_int_equal(count_files(dir), 1);

	assert_true(report_write(r, below, "json", &err) < 0); /* a folder inside a file */
	if (geteuid()) {
		chmod(dir, 0500);
		assert_int_equal(report_write(r, dir, "json", &err), -ERR_PERM);
		chmod(dir, 0700);
	}
	remove_folder(dir);
}

/* The name of a video whose name others have already, one owner after the
 * other. */
static void test_names(void **state)
{
	static const struct {
		const char *path;
		int64_t stream;
		const char *owners[3]; /* "-": not known whose */
		const char *name;
	} cases[] = {
		{"/none/a/x.mp4", -1, {NULL}, "x"},
		{"/none/a/x.mp4", 2, {NULL}, "x.stream2"},
		{"/none/b/x.mp4", -1, {"/none/a/x.mp4"}, "b-x"},
		{"/none/b/1/x.mp4", -1, {"/none/a/1/x.mp4"}, "b-x"},
		{"/none/b/c/x.mp4", -1, {"/none/a/x.mp4", "/none/a/c/x.mp4"}, "b-c-x"},
		{"/none/a/x.mkv", -1, {"/none/a/x.mp4"}, "x.mkv"},
		{"/none/a/x.mkv", 0, {"/none/a/x.mp4", "-"}, "x.mkv.stream0-2"},
		{"/none/a/x.mp4", -1, {"-", "-"}, "x-3"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(naming_clear) struct naming n;
		naming_start(&n, cases[i].path, cases[i].stream);
		for (size_t k = 0; k < 3 && cases[i].owners[k]; k++) {
			AUTO(naming_clear) struct naming owner;
			naming_start(&owner, cases[i].owners[k], -1);
			naming_next(&n, strcmp(cases[i].owners[k], "-") != 0 ? &owner.place : NULL);
		}
		AUTO(mem_freep) char *name = naming_text(&n);
		assert_string_equal(name, cases[i].name);

		/* As the record of another run. */
		struct place read;
		json_auto_t *j = place_json(&n.place);
		place_read(j, &read);
		assert_memory_equal(&read, &n.place, sizeof read);
	}
}

/* A day of video: large, and no worse than that. */
static void test_day(void **state)
{
	(void)state;
	struct shape s = {.chunks = 300,
	                  .samples = 64,
	                  .events = 5000,
	                  .text = "A person walks from the left to the door."};
	struct report *r = make(&s);
	free(r->source_warning);
	r->source_warning = mem_strdup("");
	AUTO(buf_free) struct buf out = BUF(BIG);
	struct err err;
	assert_int_equal(report_html(r, &out, &err), 0);
	assert_true(out.len < 40 << 20);
	check(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_and_empty),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_bad_references),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_exact_times),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_what_was_not_seen),
		cmocka_unit_test(test_anomalies),
		cmocka_unit_test(test_markdown_escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
