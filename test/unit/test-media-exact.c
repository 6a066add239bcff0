/* SPDX-License-Identifier: Apache-2.0 */
/* Compares frames by time with decoding from the start: same time, same pixels.
 *
 * Arguments: which share of the files, of how many ("1 3"); none = all. Of
 * large files the beginning is compared; VDET_TEST_FULL=1 compares all of every
 * file, which takes minutes. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "media-help.h"
#include "media/extent.h"

static bool damaged(const char *path)
{
	const char *name = file_base(path);
	return !strncmp(name, "corrupt_", 8) || !strncmp(name, "bitflips", 8) ||
	       strstr(name, "packetloss");
}

/* Returns 1 if the frame at t differs. */
static int differs(struct opened *o, const struct plain *p, int64_t t, bool exact, const char *path)
{
	struct shown s;
	struct err err = {0};
	const struct plain_frame *want = plain_at(p, t);
	/* Every second time as if the next one were far away. */
	static unsigned turn;
	int64_t then = turn++ % 2 ? t : t + 1000 * CLOCK_SECOND;
	if (reader_at_then(o->reader, t, then, &s, &err) < 0) {
		print_error("%s at %lld: %s\n", path, (long long)t, err.msg);
		return 1;
	}
	uint32_t sum = frame_sum(s.frame);
	if (!exact || (s.pts == want->pts && sum == want->sum))
		return 0;
	print_error("%s at %lld: pts %lld, not %lld; pixels %s; %s\n", path, (long long)t,
	            (long long)s.pts, (long long)want->pts, sum == want->sum ? "equal" : "differ",
	            s.decode_path);
	return 1;
}

enum { FORWARD = 12, JUMPS = 14 };

/* Limit of requests for one file. */
#ifdef __SANITIZE_ADDRESS__
static const double PIXELS = 1e8;
#else
static const double PIXELS = 3e8;
#endif

static bool full(void)
{
	return getenv("VDET_TEST_FULL");
}

/* Each step back costs about half the distance between keyframes. */
static int count_jumps(const struct opened *o, const struct plain *p)
{
	const AVCodecParameters *par = o->source->st->codecpar;
	double frame = (double)par->width * par->height,
		   gop = (double)p->n / (double)(p->keys ? p->keys : 1);
	double n = PIXELS / 2 / (frame * gop), most = JUMPS;
	if (reader_unsorted(o->reader))
		return 2; /* from the start */
	return full() || n > most ? JUMPS : n < 2 ? 2 : (int)n;
}

static int compare_looks(struct opened *o, const struct plain *p, const char *path)
{
	int bad = 0, jumps = count_jumps(o, p);
	bool exact = !damaged(path);
	int64_t end = p->frames[p->n - 1].pts;
	bad += differs(o, p, -1, exact, path);
	for (int i = 0; i < FORWARD; i++)
		bad += differs(o, p, end * (2 * i + 1) / (2 * FORWARD), exact, path);
	/* At a frame's time, just before it, a little later; in random order. */
	unsigned seed = 1;
	for (int i = 0; i < jumps; i++) {
		seed = seed * 1103515245 + 12345;
		size_t k = (seed >> 8) % p->n, later = k + 3 < p->n ? k + 3 : p->n - 1;
		int64_t at = p->frames[k].pts;
		bad += differs(o, p, at, exact, path);
		bad += differs(o, p, at - 1, exact, path);
		bad += differs(o, p, p->frames[later].pts, exact, path);
	}
	return bad + differs(o, p, end, exact, path) + differs(o, p, 0, exact, path);
}

static int compare_file(const char *path, bool measured_first)
{
	struct opened o;
	struct plain p = {0};
	struct err err = {0};
	struct extent e;
	int bad = 0;
	int r = opened_begin(path, &o, &err);
	if (r == 0) {
		const AVCodecParameters *par = o.source->st->codecpar;
		double most = PIXELS / ((double)par->width * par->height + 1);
		plain_decode(path, o.source, full() ? 0 : (size_t)most + 10, &p);
	}
	if (!strcmp(file_base(path), "hevc_bbb.mp4"))
		plain_sort_times(&p);
	if (r == 0 && p.n) {
		if (measured_first && extent_measure(o.source, &e, &err) == 0)
			reader_moved(o.reader, e.duration);
		bad = compare_looks(&o, &p, path);
		if (getenv("VDET_TEST_VERBOSE"))
			print_message("%s: %zu frames, %d differ\n", file_base(path), p.n, bad);
	}
	plain_free(&p);
	opened_end(&o);
	return bad;
}

static int share = 0, shares = 1;

/* Frees before any assertion, since a failed assertion jumps. */
static int compare_share(void)
{
	AUTO(strings_free) char **files = media_files();
	const char *only = getenv("VDET_TEST_ONLY");
	int bad = 0;
	/* Six minutes of black take as long as all other files together. */
	for (char **f = files; *f; f++)
		if (only ? !!strstr(*f, only)
		         : (f - files) % shares == share && (full() || !strstr(*f, "long_1080p")))
			bad += compare_file(*f, (f - files) / 2 % 2);
	return bad;
}

static void test_real_files(void **state)
{
	(void)state;
	if (!media_dir())
		skip();
	assert_int_equal(compare_share(), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		share = (int)strtol(argv[1], NULL, 10) - 1;
		shares = (int)strtol(argv[2], NULL, 10);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
