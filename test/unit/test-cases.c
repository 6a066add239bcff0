/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of cases: which files are taken, the time axis, links,
 * subjects, and the writers, whose files check-report.py reads. */
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cases/axis.h"
#include "cases/examine.h"
#include "cases/folder.h"
#include "cases/load.h"
#include "cases/names.h"
#include "cases/summary.h"
#include "cases/writers.h"

#define S CLOCK_SECOND

static const char hostile[] =
	"</style></script><script>alert(1)</script><img src=x onerror=alert(1)> \"'`&amp; \r\n"
	"<b>]]> =cmd()|x \xe2\x80\xaexlsx.exe\xe2\x80\xac \xc2\x9b\x1b[31m a,\"b\";\\ # *x* "
	"[y](http://z)";

static void what_is_taken_by_its_name_and_kind(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned mode;
		enum walk_choice want;
	} entries[] = {
		{"a.mp4", S_IFREG, WALK_TAKE},       {"notes", S_IFREG, WALK_TAKE},
		{"a.vdet", S_IFREG, WALK_TAKE},      {".a.mp4", S_IFREG, WALK_LEAVE},
		{"cam", S_IFDIR, WALK_ENTER},        {".cache", S_IFDIR, WALK_LEAVE},
		{"a.vdet", S_IFDIR, WALK_LEAVE},     {"x.vdet-case", S_IFDIR, WALK_LEAVE},
		{"vdet", S_IFDIR, WALK_ENTER},       {"a.mp4", S_IFLNK, WALK_LINK},
		{".hidden", S_IFLNK, WALK_LEAVE},    {"pipe", S_IFIFO, WALK_LEAVE},
		{"device.mp4", S_IFCHR, WALK_LEAVE},
	};
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		if (walk_choose(entries[i].name, entries[i].mode) != entries[i].want)
			fail_msg("%s", entries[i].name);
	assert_true(walk_is_video_name("a/b.MP4"));
	assert_true(walk_is_video_name("x.y.dav"));
	assert_false(walk_is_video_name("mp4"));
	assert_false(walk_is_video_name("a.mp4.txt"));
	assert_true(walk_takes("a.mp4", S_IFREG));
	assert_true(walk_takes("a", S_IFDIR));
	assert_false(walk_takes("a.txt", S_IFREG));
	assert_false(walk_takes(".a.mp4", S_IFREG));
	assert_false(walk_takes("a.mp4", S_IFLNK));
	assert_false(walk_takes("a.vdet", S_IFDIR));
}

static void put(const char *dir, const char *name, const char *text)
{
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, name);
	assert_ok(file_write(path, text, strlen(text), &err));
}

static void a_folder_is_walked_to_its_depth(void **state)
{
	(void)state;
	char dir[] = "/tmp/vdet-test-XXXXXX", at[1000];
	struct err err = {0};
	AUTO(walk_clear) struct walk w = {0};
	assert_non_null(mkdtemp(dir));
	snprintf(at, sizeof at, "%s", dir);
	for (int i = 0; i < 205; i++) {
		size_t n = strlen(at);
		snprintf(at + n, sizeof at - n, "/d");
		assert_ok(mkdir(at, 0777));
		if (i == 0 || i == 204)
			put(at, "x", "1");
	}
	put(dir, "b", "1");
	put(dir, ".hidden", "1");
	AUTO(mem_freep) char *link = file_join(dir, "link");
	assert_ok(symlink("b", link));
	AUTO(mem_freep) char *b = file_join(dir, "b");
	assert_ok(walk_add(&w, b, false, false, NULL, &err)); /* the same as below the folder */
	assert_ok(walk_add(&w, dir, false, false, NULL, &err));
	AUTO(mem_freep) char *none = file_join(dir, "none");
	assert_ok(walk_add(&w, none, false, false, NULL, &err));
	/* Open, but without a name. */
	AUTO(mem_freep) char *gone = file_join(dir, "gone");
	put(dir, "gone", "1");
	int fd = open(gone, O_RDONLY);
	assert_true(fd >= 0);
	assert_ok(unlink(gone));
	AUTO(mem_freep) char *open_file = mem_printf("/proc/self/fd/%d", fd);
	assert_ok(walk_add(&w, open_file, false, false, NULL, &err));
	close(fd);
	walk_end(&w);
	assert_int_equal(w.n, 2);
	assert_string_equal(w.files[0].name, "b");
	assert_string_equal(w.files[1].name, "d/x");
	assert_int_equal(w.links, 1);
	assert_int_equal(w.n_roots, 1);
	assert_int_equal(w.n_faults, 3); /* too deep; not there; without a name */
	assert_string_equal(w.faults[1].name, "none");
	assert_null(strstr(w.faults[1].reason, dir));
	assert_ok(file_remove_tree(dir, &err));
}

static void names_differ_by_as_much_of_the_path_as_they_need(void **state)
{
	(void)state;
	static const char *const paths[] = {"/a/o1/rec/x.mp4", "/a/o2/rec/x.mp4", "/a/o2/rec/x.mp4",
	                                    "/b/y.mp4", "/c/o1/rec/x.mp4"};
	static const char *const before[] = {"rec/x.mp4", "rec/x.mp4", "rec/x.mp4", "y.mp4",
	                                     "rec/x.mp4"};
	static const char *const after[] = {"a/o1/rec/x.mp4", "a/o2/rec/x.mp4", "a/o2/rec/x.mp4",
	                                    "y.mp4", "c/o1/rec/x.mp4"};
	char *names[ARRAY_LEN(paths)];
	struct named items[ARRAY_LEN(paths)];
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		names[i] = mem_strdup(before[i]);
		items[i] = (struct named){paths[i], &names[i]};
	}
	names_differ(items, ARRAY_LEN(items));
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		assert_string_equal(names[i], after[i]);
		free(names[i]);
	}
	names_differ(NULL, 0);
}

static void a_hash_is_of_the_file_that_was_examined(void **state)
{
	(void)state;
	char dir[] = "/tmp/vdet-test-XXXXXX", stamp[FILE_STAMP_MAX];
	struct err err = {0};
	bool same;
	assert_non_null(mkdtemp(dir));
	put(dir, "a", "one");
	AUTO(mem_freep) char *path = file_join(dir, "a");
	AUTO(progress_freep) struct progress *progress = progress_new(NULL, NULL);
	AUTO(fd_closep) int fd = -1;
	assert_ok(file_open_input(path, &fd, &err));
	file_stamp_all(fd, stamp);
	const struct analyze a = {.progress = progress};
	struct member m = {
		.row = {.path = path, .name = "a", .stamp = mem_strdup(stamp), .source = mem_strdup("")}};
	assert_ok(examine_hash(&m, &a, &same, &err));
	assert_true(same);
	assert_memory_equal(m.row.source, "7692c3ad3540bb80", 16);
	put(dir, "a", "two");
	assert_ok(examine_hash(&m, &a, &same, &err));
	assert_false(same);
	free(m.row.stamp);
	free(m.row.source);
	assert_ok(file_remove_tree(dir, &err));
}

static void a_file_that_changed_just_now_is_fresh(void **state)
{
	(void)state;
	const int64_t now = 1000000 * S;
	assert_true(examine_is_fresh(now, now));
	assert_true(examine_is_fresh(now - 10 * S + 1, now));
	assert_false(examine_is_fresh(now - 10 * S, now));
	assert_true(examine_is_fresh(now + 5 * S, now)); /* clocks of servers differ */
	assert_false(examine_is_fresh(now + 3600 * S, now));
}

static void assert_near(double a, double b)
{
	if (fabs(a - b) > 1e-6)
		fail_msg("%f is not %f", a, b);
}

static void the_axis_shortens_what_no_video_covers(void **state)
{
	(void)state;
	AUTO(axis_clear) struct axis none = {0}, one = {0}, a = {0};
	axis_make(NULL, 0, &none);
	assert_int_equal(none.n, 0);
	assert_near(axis_at(&none, 5), 0);

	struct axis_span single[] = {{100, 300}};
	axis_make(single, 1, &one);
	assert_int_equal(one.n, 1);
	assert_near(axis_at(&one, 0), 0);
	assert_near(axis_at(&one, 200), 50);
	assert_near(axis_at(&one, 900), 100);

	/* Two overlap; the third is far away, the fourth close to it. */
	struct axis_span spans[] = {{1000000, 1000100}, {50, 150}, {0, 100}, {1000110, 1000210}};
	axis_make(spans, ARRAY_LEN(spans), &a);
	assert_int_equal(a.n, 5);
	assert_true(a.pieces[1].shortened);
	assert_false(a.pieces[3].covered || a.pieces[3].shortened);
	/* 350 are covered; a gap takes at most 350 / 2 / 2 */
	const double total = 350 + 87.5 + 10;
	assert_near(axis_at(&a, 150), 100 * 150 / total);
	assert_near(axis_at(&a, 1000000), 100 * (150 + 87.5) / total);
	assert_near(axis_at(&a, 1000210), 100);
	double last = -1;
	for (int64_t t = -10; t < 1000300; t += 7) {
		double x = axis_at(&a, t);
		assert_true(x >= last && x >= 0 && x <= 100);
		last = x;
	}
}

static void an_axis_without_length_has_places(void **state)
{
	(void)state;
	AUTO(axis_clear) struct axis a = {0};
	struct axis_span spans[] = {{7, 7}, {9, 9}};
	axis_make(spans, ARRAY_LEN(spans), &a);
	assert_true(axis_at(&a, 7) >= 0 && axis_at(&a, 9) <= 100);
}

static void links_are_relative_urls(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *want;
	} links[] = {
		{"/o/x.vdet-case", "/o/a.vdet", "../a.vdet"},
		{"/o/x.vdet-case", "/o/a b#1.vdet", "../a%20b%231.vdet"},
		{"/o/x", "/o/x/y", "y"},
		{"/o/x/z", "/p/q", "../../../p/q"},
		{"/o/ab", "/o/ac", "../ac"},
		{"/o/a", "/o/ab", "../ab"},
	};
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		AUTO(mem_freep) char *link = case_link(links[i].from, links[i].to);
		assert_string_equal(link, links[i].want);
	}
	assert_string_equal(case_title("/a/b c"), "b c");
	assert_string_equal(case_title("Case 7"), "Case 7");
	assert_string_equal(case_title("/"), "root");
}

/* ---- reports */

static void add_event(struct case_video *v, int64_t at, const char *subject, const char *what)
{
	v->events = mem_grow(v->events, v->n_events + 1, sizeof *v->events);
	v->events[v->n_events++] = (struct case_event){.start = at,
	                                               .end = at + S,
	                                               .subject = mem_strdup(subject),
	                                               .what = mem_strdup(what),
	                                               .chunk = v->n_events / 2,
	                                               .sample = 1,
	                                               .verdict = v->n_events % 2 ? "unsure" : "",
	                                               .says = "",
	                                               .pts = at};
}

static void fill_video(struct case_video *v, size_t i, size_t events, const char *text)
{
	*v = (struct case_video){.name = mem_printf("cam%zu/%s", i % 4, text),
	                         .label = mem_printf("cam%zu/%s stream 2", i % 4, text),
	                         .missing = i % 7 == 6,
	                         .replaced = i % 14 == 6,
	                         .other_options = i % 5 == 1,
	                         .same = mem_alloc(2, sizeof *v->same),
	                         .sha256 = mem_strdup(i % 5 == 4 ? "" : "00"),
	                         .stream = i % 3 ? -1 : 2,
	                         .job = mem_strdup(i % 5 == 4 ? "" : "3fa94c"),
	                         .link = case_link("/o/x.vdet-case", i % 2 ? "/o/a.vdet" : hostile),
	                         .page = true,
	                         .fault = mem_strdup(i % 5 == 4 ? text : ""),
	                         .start = 1714979289 * S + (int64_t)i * 3700 * S,
	                         .clock = i % 2 ? STORE_CLOCK_FILE : STORE_CLOCK_METADATA,
	                         .duration = 3600 * S,
	                         .complete = i % 6 != 5,
	                         .described = 3000 * S,
	                         .from = i % 4 == 1 ? 600 * S : 0,
	                         .to = 3600 * S,
	                         .left_out_text = mem_strdup(i % 6 == 5 ? "Not looked at: 1 – 2" : ""),
	                         .warning = mem_strdup(i % 3 == 1 ? text : ""),
	                         .summary = mem_strdup(text),
	                         .summary_by_model = i % 2};
	if (i % 4 == 2) {
		v->withdrawn = mem_alloc(1, sizeof *v->withdrawn);
		v->withdrawn[v->n_withdrawn++] = (struct case_event){.subject = mem_strdup(text),
		                                                     .what = mem_strdup(text),
		                                                     .verdict = "withdrawn",
		                                                     .says = "It is otherwise."};
		v->anomalies = mem_alloc(1, sizeof *v->anomalies);
		v->anomalies[v->n_anomalies++] =
			(struct case_anomaly){mem_strdup(text), mem_strdup(text), 5 * S, 6 * S};
	}
	if (i % 5 == 0)
		v->same[v->n_same++] = (struct case_name){mem_strdup(text), true, i % 2};
	for (size_t k = 0; k < events; k++) {
		AUTO(mem_freep) char *subject = mem_printf("%s %zu", text, (i + k) % 40);
		add_event(v, (int64_t)k * 60 * S, k % 9 ? subject : "", text);
	}
	if (i % 6 == 5) {
		v->holes = mem_alloc(1, sizeof *v->holes);
		v->holes[v->n_holes++] = (struct case_hole){300 * S, 600 * S, 1, mem_strdup(text)};
		v->lost = 300 * S;
	}
}

static struct case_report *make(size_t videos, size_t events, const char *text)
{
	struct case_report *r = mem_alloc(1, sizeof *r);
	*r = (struct case_report){.id = mem_strdup("0123456789ab"),
	                          .title = mem_strdup(text),
	                          .vdet_version = mem_strdup("0.1.0"),
	                          .created = 1795341600 * S,
	                          .videos = mem_alloc(videos, sizeof *r->videos),
	                          .n_links = 3,
	                          .summary = mem_strdup(text),
	                          .summary_by_model = videos % 2,
	                          .summary_fallback = mem_strdup(videos % 2 ? "" : text)};
	for (size_t i = 0; i < videos; i++)
		fill_video(&r->videos[r->n_videos++], i, events, text);
	r->moments = mem_alloc(videos * events + 1, sizeof *r->moments);
	/* Videos follow each other, so that this is the order of time. */
	for (size_t i = 0; i < videos; i++)
		for (size_t k = 0; k < events; k++)
			r->moments[r->n_moments++] = (struct case_moment){i, k};
	for (size_t i = 0; i < videos; i += 3) {
		case_files_add(&r->faults, text, text);
		case_files_add(&r->others, text, text);
		r->n_others += 2;
	}
	if (videos)
		case_files_add(&r->skipped, text, text);
	return r;
}

/* Writes all formats and has check-report.py read them. Takes the report. */
static void check(struct case_report *r)
{
	char dir[] = "/tmp/vdet-test-XXXXXX";
	struct err err = {0};
	assert_non_null(mkdtemp(dir));
	if (case_folder_write(r, dir, "all", &err) < 0)
		fail_msg("%s", err.msg);
	AUTO(mem_freep)
	char *command =
		mem_printf("python3 '%s/test/unit/check-report.py' '%s' '%s/docs/case.schema.json'",
	               VDET_SOURCE_ROOT, dir, VDET_SOURCE_ROOT);
	assert_int_equal(system(command), 0);
	assert_ok(file_remove_tree(dir, &err));
	case_report_free(r);
}

static void every_format_is_whole(void **state)
{
	(void)state;
	check(make(0, 0, ""));
	check(make(1, 1, "A red car comes."));
	check(make(12, 9, "A red car comes."));
	check(make(13, 9, hostile));
}

static void a_thousand_videos_fit_into_one_page(void **state)
{
	(void)state;
	const char *text =
		"A person in a red jacket comes from the left, stops at the door, looks "
		"around, and leaves to the right after some time; a second one follows; a "
		"blue car stops, two persons get out of it and unload boxes, which they carry "
		"to the door; the car leaves, and the persons stay";
	AUTO(case_report_freep) struct case_report *r = make(1000, 48, text);
	AUTO(buf_free) struct buf page = BUF(5000000);
	struct err err = {0};
	assert_ok(case_html(r, &page, &err));
	print_message("the page of 1,000 videos with 48,000 events: %zu bytes\n", page.len);
}

static void equal_words_are_one_subject(void **state)
{
	(void)state;
	size_t n;
	AUTO(case_report_freep) struct case_report *r = make(3, 0, "x");
	add_event(&r->videos[0], 0, "a red car", "comes");
	add_event(&r->videos[0], 5 * S, "A dog", "barks");
	add_event(&r->videos[0], 9 * S, "The red car", "leaves");
	add_event(&r->videos[2], 3 * S, "red car", "comes");
	add_event(&r->videos[2], 4 * S, "", "nothing named");
	r->n_moments = 5;
	struct case_subject *s = case_subjects(r, &n);
	assert_int_equal(n, 2);
	assert_string_equal(s[0].text, "a red car");
	assert_int_equal(s[0].events, 3);
	assert_int_equal(s[0].n_sights, 2);
	assert_int_equal(s[0].sights[0].video, 0);
	assert_int_equal(s[0].sights[0].events, 2);
	assert_int_equal(s[0].sights[1].video, 2);
	assert_int_equal(s[1].n_sights, 1);
	case_subjects_free(s, n);

	/* A person says that the dog is the one of the third video. */
	r->videos[0].events[1].name = mem_strdup("Rex");
	r->videos[2].events[1].name = mem_strdup("Rex");
	s = case_subjects(r, &n);
	size_t named, alike;
	case_subjects_listed(s, n, &named, &alike);
	assert_int_equal(n, 2);
	assert_int_equal(named, 1);
	assert_int_equal(alike, 1);
	assert_string_equal(s[0].text, "Rex");
	assert_true(s[0].named);
	assert_int_equal(s[0].n_sights, 2);
	assert_string_equal(s[1].text, "a red car");
	case_subjects_free(s, n);
}

static void a_case_without_videos_is_not_complete(void **state)
{
	(void)state;
	struct case_sums sums;
	struct case_lack lacks[CASE_LACKS_MAX];
	AUTO(buf_free) struct buf text = BUF(1000);
	AUTO(case_report_freep) struct case_report *r = make(0, 0, "x");
	case_sum(r, &sums);
	assert_int_equal(case_lacks(r, &sums, lacks), 1);
	case_lacks_text(r, &text);
	assert_string_equal(buf_str(&text), "no videos");
	/* What is there, but no video yet, is named instead. */
	case_files_add(&r->faults, "a.mp4", "damaged");
	buf_clear(&text);
	case_lacks_text(r, &text);
	assert_string_equal(buf_str(&text), "1 file failed");
}

/* A report with one sentence, about its second event. */
static struct case_report *make_summed_up(const char *what)
{
	struct case_report *r = make(2, 2, what);
	r->sentences = mem_alloc(1, sizeof *r->sentences);
	r->n_sentences = 1;
	r->sentences[0] = (struct story_sentence){.text = mem_strdup("A \"car\" comes."),
	                                          .entries = mem_alloc(1, sizeof(size_t)),
	                                          .n_entries = 1};
	r->sentences[0].entries[0] = 1;
	return r;
}

static void a_summary_is_shown_with_its_events(void **state)
{
	(void)state;
	AUTO(case_report_freep) struct case_report *from = make_summed_up("x");
	AUTO(case_report_freep) struct case_report *to = make(2, 2, "x");
	AUTO(mem_freep) char *packed = case_summary_pack(from);
	case_list_videos(to, "none was requested");
	assert_true(case_summary_unpack(to, packed));
	assert_true(to->summary_by_model);
	assert_string_equal(to->summary_fallback, "");
	assert_int_equal(to->n_sentences, 1);
	assert_string_equal(to->sentences[0].text, "A \"car\" comes.");
	assert_int_equal(to->sentences[0].entries[0], 1);
	assert_non_null(strstr(to->summary, "A \"car\" comes. ["));
}

static void a_summary_of_other_events_is_not_shown(void **state)
{
	(void)state;
	AUTO(case_report_freep) struct case_report *from = make_summed_up("x");
	AUTO(mem_freep) char *packed = case_summary_pack(from);
	AUTO(mem_freep) char *cut = mem_printf("%.*s", (int)strlen(packed) / 2, packed);
	AUTO(mem_freep) char *far = mem_strdup(packed);
	memcpy(strstr(far, "[1]"), "[4]", 3); /* there are four events */
	struct case_report *others[] = {make(2, 2, "y"), make(2, 1, "x"), make(3, 2, "x"),
	                                make(2, 2, "x")};
	others[3]->videos[1].start += S;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		assert_false(case_summary_unpack(others[i], packed));
		assert_int_equal(others[i]->n_sentences, 0);
		case_report_free(others[i]);
	}
	const char *const bad[] = {"", "{}", "[]", "{\"events\": 1, \"sentences\": [1]}", cut, far};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(case_report_freep) struct case_report *r = make(2, 2, "x");
		assert_false(case_summary_unpack(r, bad[i]));
		assert_int_equal(r->n_sentences, 0);
	}
}

static void a_folder_belongs_to_one_case(void **state)
{
	(void)state;
	char dir[] = "/tmp/vdet-test-XXXXXX";
	struct err err = {0};
	AUTO(mem_freep) char *a = NULL, *b = NULL, *again = NULL, *odd = NULL;
	assert_non_null(mkdtemp(dir));
	assert_ok(case_folder_take(dir, "trip", "aaaaaaaaaaaa", &a, &err));
	assert_ok(case_folder_take(dir, "trip", "bbbbbbbbbbbb", &b, &err));
	assert_ok(case_folder_take(dir, "trip", "aaaaaaaaaaaa", &again, &err));
	assert_ok(case_folder_take(dir, "../.x", "cccccccccccc", &odd, &err));
	assert_string_equal(file_base(a), "trip.vdet-case");
	assert_string_equal(file_base(b), "trip-2.vdet-case");
	assert_string_equal(again, a);
	assert_string_equal(file_base(odd), "_._.x.vdet-case");
	assert_ok(file_remove_tree(dir, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_by_its_name_and_kind),
		cmocka_unit_test(a_folder_is_walked_to_its_depth),
		cmocka_unit_test(names_differ_by_as_much_of_the_path_as_they_need),
		cmocka_unit_test(a_hash_is_of_the_file_that_was_examined),
		cmocka_unit_test(a_file_that_changed_just_now_is_fresh),
		cmocka_unit_test(the_axis_shortens_what_no_video_covers),
		cmocka_unit_test(an_axis_without_length_has_places),
		cmocka_unit_test(links_are_relative_urls),
		cmocka_unit_test(every_format_is_whole),
		cmocka_unit_test(a_thousand_videos_fit_into_one_page),
		cmocka_unit_test(equal_words_are_one_subject),
		cmocka_unit_test(a_case_without_videos_is_not_complete),
		cmocka_unit_test(a_summary_is_shown_with_its_events),
		cmocka_unit_test(a_summary_of_other_events_is_not_shown),
		cmocka_unit_test(a_folder_belongs_to_one_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
