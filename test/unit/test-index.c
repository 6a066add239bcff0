/* SPDX-License-Identifier: Apache-2.0 */
/* The index of synthetic videos drawn here: what is detected as a cut, as
 * activity, and as noise. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "index/choose.h"
#include "index/form.h"
#include "index/range-result.h"
#include "media/index-picture.h"

enum { W = INDEX_PICTURE_W, H = INDEX_PICTURE_H, FRAME = 40000 };

static uint32_t scramble(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return x ^ x >> 16;
}

/* A smooth pattern of unlimited size, different for each seed. */
static float pattern(uint32_t seed, float x, float y, int size)
{
	float gx = x / (float)size, gy = y / (float)size;
	int x0 = (int)gx - (gx < 0), y0 = (int)gy - (gy < 0);
	float fx = gx - (float)x0, fy = gy - (float)y0, v[4];
	for (int i = 0; i < 4; i++)
		v[i] = (float)(scramble(seed ^ scramble((uint32_t)(x0 + (i & 1)) * 7919u +
		                                        (uint32_t)(y0 + i / 2) * 104729u)) &
		               255);
	return (v[0] * (1 - fx) + v[1] * fx) * (1 - fy) + (v[2] * (1 - fx) + v[3] * fx) * fy;
}

/* The properties of one frame. */
struct shot {
	uint32_t seed, other; /* scene; the one that it is mixed with */
	float mix;            /* share of the other */
	float pan;            /* pixels to the right */
	float gain, offset;   /* exposure */
	int noise;            /* levels */
	bool caption;
	int object; /* where a box is, 0 = nowhere */
	int white;  /* everything left of this column is white */
};

static float scene(uint32_t seed, float x, float y)
{
	return 0.6f * pattern(seed, x, y, 24) + 0.4f * pattern(seed + 1, x, y, 9);
}

static struct signature draw(const struct shot *s, int frame)
{
	static uint8_t luma[W * H];
	struct signature sig = {.pts = (int64_t)frame * FRAME};
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			float v = scene(s->seed, (float)x + s->pan, (float)y);
			if (s->mix > 0)
				v = (1 - s->mix) * v + s->mix * scene(s->other, (float)x + s->pan, (float)y);
			if (s->caption && y > 58 && x > 20 && x < 108)
				v = (x / 3 + y / 4) % 2 ? 235 : 20;
			if (s->object && x > s->object && x < s->object + 14 && y > 20 && y < 60)
				v = 250 - v;
			v = x < s->white ? 255 : v * s->gain + s->offset;
			if (s->noise)
				v += (float)(scramble((uint32_t)(frame * 9973 + y * W + x)) %
				             (uint32_t)(2 * s->noise + 1)) -
				     (float)s->noise;
			luma[y * W + x] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
	index_picture_luma(luma, &sig);
	for (int c = 0; c < 2; c++)
		for (int i = 0; i < SIGNATURE_CHROMA; i++) {
			float a = 100 + (float)(scramble(s->seed * 31 + (uint32_t)c) % 56);
			float b = 100 + (float)(scramble(s->other * 31 + (uint32_t)c) % 56);
			sig.chroma[c][i] = (uint8_t)((1 - s->mix) * a + s->mix * b);
		}
	return sig;
}

enum { FRAMES = 150 };
#define PLAIN ((struct shot){.seed = 5, .gain = 1, .noise = 4})

static struct cut_list find(struct shot (*at)(int frame))
{
	static struct signature s[FRAMES];
	struct cut_list l = {0};
	for (int i = 0; i < FRAMES; i++) {
		struct shot shot = at(i);
		s[i] = draw(&shot, i);
	}
	cuts_find(s, FRAMES, true, true, &l);
	return l;
}

static void expect_none(struct shot (*at)(int frame))
{
	AUTO(cut_list_clear) struct cut_list l = find(at);
	for (size_t i = 0; i < l.n; i++)
		print_error("a %s at frame %d\n", index_cut_name(l.items[i].kind),
		            (int)(l.items[i].pts / FRAME));
	assert_int_equal(l.n, 0);
}

static struct shot noise_at(int i)
{
	(void)i;
	return (struct shot){.seed = 5, .gain = 1, .noise = 25};
}
static struct shot flash_at(int i)
{
	struct shot s = PLAIN;
	s.offset = i == 60 || i == 61 ? 180 : 0;
	return s;
}
static struct shot exposure_at(int i)
{
	struct shot s = PLAIN;
	s.gain = i < 50 ? 1 : 0.6f;
	s.offset = i < 50 ? 0 : 25;
	return s;
}
static struct shot pan_at(int i)
{
	struct shot s = PLAIN;
	s.pan = i < 40 ? 0 : i < 100 ? 4.5f * (float)(i - 40) : 270;
	return s;
}
static struct shot caption_at(int i)
{
	struct shot s = PLAIN;
	s.caption = i > 40 && i < 90;
	return s;
}
static struct shot passer_at(int i)
{
	struct shot s = PLAIN;
	s.object = i > 40 && i < 100 ? (i - 40) * 2 : 0;
	return s;
}

/* Bright for a third of a second, with a soft beginning and end. */
static struct shot long_flash_at(int i)
{
	static const int light[] = {90, 220, 250, 250, 250, 250, 220, 90};
	struct shot s = PLAIN;
	s.offset = i >= 60 && i < 68 ? (float)light[i - 60] : 0;
	return s;
}
static struct shot wipe_to_white_at(int i)
{
	struct shot s = PLAIN;
	s.white = i < 60 ? 0 : i < 75 ? (i - 60) * W / 15 : W;
	return s;
}
/* Half a picture in a frame, slower at both ends. */
static struct shot whip_at(int i)
{
	static const float way[] = {0, 6, 20, 50, 110, 150, 170, 176};
	struct shot s = PLAIN;
	s.pan = i < 60 ? 0 : way[i < 68 ? i - 60 : 7];
	return s;
}

static void what_is_no_cut(void **state)
{
	(void)state;
	expect_none(long_flash_at);
	expect_none(wipe_to_white_at);
	expect_none(whip_at);
	expect_none(noise_at);
	expect_none(flash_at);
	expect_none(exposure_at);
	expect_none(pan_at);
	expect_none(caption_at);
	expect_none(passer_at);
}

static struct shot cuts_at(int i)
{
	struct shot s = PLAIN;
	s.seed = i < 40 ? 5 : i < 52 ? 77 : i < 100 ? 5 : 900;
	s.pan = (float)i;
	return s;
}

static void hard_cuts_are_exact(void **state)
{
	static const int want[] = {40, 52, 100};
	(void)state;
	AUTO(cut_list_clear) struct cut_list l = find(cuts_at);
	assert_int_equal(l.n, ARRAY_LEN(want));
	for (size_t i = 0; i < l.n; i++) {
		assert_int_equal(l.items[i].pts, want[i] * FRAME);
		assert_int_equal(l.items[i].end, l.items[i].pts);
		assert_int_equal(l.items[i].uncertainty, 0);
		assert_int_equal(l.items[i].kind, INDEX_CUT_HARD);
	}
}

static struct shot dissolve_at(int i)
{
	struct shot s = PLAIN;
	s.other = 400;
	s.mix = i < 60 ? 0 : i < 84 ? (float)(i - 60) / 24 : 1;
	return s;
}

static void a_dissolve_has_a_beginning_and_an_end(void **state)
{
	(void)state;
	AUTO(cut_list_clear) struct cut_list l = find(dissolve_at);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.items[0].kind, INDEX_CUT_DISSOLVE);
	assert_in_range(l.items[0].pts / FRAME, 57, 67);
	assert_in_range(l.items[0].end / FRAME, 77, 87);
}

static struct shot fade_at(int i)
{
	struct shot s = PLAIN;
	s.noise = 1;
	s.seed = i < 75 ? 5 : 63;
	s.gain = i < 50   ? 1
	         : i < 65 ? (float)(65 - i) / 15
	         : i < 80 ? 0
	         : i < 95 ? (float)(i - 80) / 15
	                  : 1;
	return s;
}

static void a_fade_through_black_is_one_cut(void **state)
{
	(void)state;
	AUTO(cut_list_clear) struct cut_list l = find(fade_at);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.items[0].kind, INDEX_CUT_FADE);
	assert_in_range(l.items[0].pts / FRAME, 48, 54);
	assert_in_range(l.items[0].end / FRAME, 90, 97);
}

/* ---- packets */

enum { BINS = 6000 }; /* ten minutes */

struct stage {
	struct packet_scan scan;
	struct signature *keys;
	struct video_index x;
};

static void stage_make(struct stage *t, float (*rate)(size_t bin))
{
	*t = (struct stage){.scan = {.duration = BINS * (int64_t)PACKET_BIN_WIDTH,
	                             .bin = PACKET_BIN_WIDTH,
	                             .n_bins = BINS,
	                             .packets = 15000,
	                             .keyframes = 100}};
	t->scan.bins = mem_alloc(BINS, sizeof *t->scan.bins);
	for (size_t i = 0; i < BINS; i++)
		t->scan.bins[i] = (struct packet_bin){.bytes = (uint32_t)(rate(i) / 10),
		                                      .packets = 3,
		                                      .largest = (uint32_t)(rate(i) / 20),
		                                      .key_bytes = i % 60 ? 0 : 60000};
	t->keys = mem_alloc(100, sizeof *t->keys);
	for (int i = 0; i < 100; i++) {
		struct shot s = PLAIN;
		t->keys[i] = draw(&s, i * 150);
	}
	activity_bins(&t->scan, &t->x);
}

static void stage_clear(struct stage *t)
{
	packet_scan_clear(&t->scan);
	free(t->keys);
	free(t->x.activity);
	free(t->x.detail);
	free(t->x.flags);
}

static float rain(size_t i)
{
	return 400000 + (float)(scramble((uint32_t)i) % 200000);
}
static float burst(size_t i)
{
	return (i >= 3000 && i < 3020 ? 3.0f : 1.0f) * (20000 + (float)(scramble((uint32_t)i) % 4000));
}

static float most(const float *p, size_t a, size_t b)
{
	float m = 0;
	for (; a < b; a++)
		m = p[a] > m ? p[a] : m;
	return m;
}

static void rain_is_quiet_and_a_burst_is_not(void **state)
{
	struct stage t;
	(void)state;
	stage_make(&t, rain);
	struct findings f = {
		.scan = &t.scan, .keys = t.keys, .n_keys = 100, .max_gap = 10 * CLOCK_SECOND};
	float *p = activity_packets(&f, &t.x);
	assert_true(most(p, 0, t.x.n_bins) < 0.1f);
	free(p);
	stage_clear(&t);
	stage_make(&t, burst);
	f.scan = &t.scan;
	f.keys = t.keys;
	p = activity_packets(&f, &t.x);
	size_t at = (size_t)(300 * CLOCK_SECOND / t.x.bin);
	assert_true(most(p, at, at + 4) > 0.35f);
	assert_true(most(p, 0, at - 3) < 0.1f);
	free(p);
	stage_clear(&t);
}

static void looks_go_where_packets_call_within_the_budget(void **state)
{
	struct stage t;
	size_t n, n_ranges;
	(void)state;
	stage_make(&t, burst);
	struct findings f = {
		.scan = &t.scan, .keys = t.keys, .n_keys = 100, .max_gap = 10 * CLOCK_SECOND};
	AUTO(mem_freep) float *p = activity_packets(&f, &t.x);
	AUTO(mem_freep) struct interval *list = activity_intervals(&f, p, &t.x, &n);
	AUTO(mem_freep)
	struct range *r =
		choose_ranges(list, n, p, &t.x, f.max_gap, 12 * CLOCK_SECOND, false, &n_ranges);
	int64_t sum = 0;
	bool found = false;
	for (size_t i = 0; i < n_ranges; i++) {
		sum += r[i].to - r[i].from;
		found |= r[i].from <= 300 * CLOCK_SECOND && r[i].to >= 302 * CLOCK_SECOND;
	}
	assert_true(found);
	assert_true(sum <= 12 * CLOCK_SECOND);
	activity_fill(&f, p, list, n, &t.x);
	size_t at = (size_t)(301 * CLOCK_SECOND / t.x.bin);
	assert_true(t.x.activity[at] > 0.2f);
	assert_true(t.x.activity[at / 2] < 0.1f);
	assert_int_equal(t.x.detail[at], INDEX_KEYFRAMES);
	stage_clear(&t);
}

static void a_close_look_overrules_the_packets(void **state)
{
	struct stage t;
	size_t n;
	(void)state;
	stage_make(&t, burst);
	struct findings f = {
		.scan = &t.scan, .keys = t.keys, .n_keys = 100, .max_gap = 10 * CLOCK_SECOND};
	/* Decoded: the burst was an exposure jump. */
	struct signature s[200];
	for (int i = 0; i < 200; i++) {
		struct shot shot = exposure_at(i - 25);
		s[i] = draw(&shot, 7450 + i);
	}
	AUTO(range_result_clear) struct range_result result = {0};
	range_judge(s, 200, 298 * CLOCK_SECOND, 305 * CLOCK_SECOND, false, false, &result);
	assert_int_equal(result.cuts.n, 0);
	f.ranges = &result.range;
	f.n_decoded = 1;
	AUTO(mem_freep) float *p = activity_packets(&f, &t.x);
	AUTO(mem_freep) struct interval *list = activity_intervals(&f, p, &t.x, &n);
	activity_fill(&f, p, list, n, &t.x);
	size_t at = (size_t)(301 * CLOCK_SECOND / t.x.bin);
	assert_int_equal(t.x.detail[at], INDEX_DECODED);
	assert_true(t.x.activity[at] < 0.3f);
	stage_clear(&t);
}

/* ---- forms */

static struct video_index *sample_index(void)
{
	struct video_index *x = mem_alloc(1, sizeof *x);
	*x = (struct video_index){.duration = 1050000,
	                          .bin = 100000,
	                          .n_bins = 11,
	                          .n_cuts = 2,
	                          .n_keys = 3,
	                          .packets = 26,
	                          .keyframes = 3,
	                          .decoded = 5,
	                          .work_time = 7,
	                          .first = -2,
	                          .decoded_time = 9,
	                          .max_gap = 500000};
	x->activity = mem_alloc(11, sizeof *x->activity);
	x->detail = mem_alloc(11, 1);
	x->flags = mem_alloc(11, 1);
	x->activity[3] = 0.5f;
	x->detail[3] = INDEX_DECODED;
	x->flags[10] = INDEX_BLACK | INDEX_TORN;
	x->cuts = mem_alloc(2, sizeof *x->cuts);
	x->cuts[0] = (struct index_cut){.pts = 300000, .end = 300000, .uncertainty = 40000, .score = 1};
	x->cuts[1] = (struct index_cut){
		.pts = 500000, .end = 700000, .kind = INDEX_CUT_DISSOLVE, .score = 0.75f};
	x->parts = mem_alloc(2, sizeof *x->parts);
	x->parts[x->n_parts++] = 400000;
	x->parts[x->n_parts++] = 1050000;
	x->keys = mem_alloc(3, sizeof *x->keys);
	for (int i = 0; i < 3; i++)
		x->keys[i] = (struct index_key){
			.pts = i * 400000, .hash = 0xfedcba9876543210 + (uint64_t)i, .sharpness = 5};
	return x;
}

static void an_index_comes_back_as_it_was_written(void **state)
{
	(void)state;
	AUTO(video_index_freep) struct video_index *x = sample_index(), *y = NULL;
	AUTO(buf_free) struct buf a = BUF(1 << 20), b = BUF(1 << 20), vtt = BUF(1 << 20);
	struct err err;
	index_write(x, &a);
	assert_ok(index_parse(a.data, a.len, &y, &err));
	index_write(y, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	index_vtt(x, &vtt);
	assert_string_equal(buf_str(&vtt),
	                    "WEBVTT\n\n1\n00:00:00.000 --> 00:00:00.300\nShot 1\n\n2\n00:00:00.300 --> "
	                    "00:00:00.500\nShot 2\n\n3\n00:00:00.500 --> 00:00:01.050\nShot 3\n");
	json_auto_t *j = index_json(x);
	assert_int_equal(json_array_size(json_object_get(j, "bins")), 11);
	const struct video_index first = video_index_first(y, 1), whole = video_index_first(y, 2);
	assert_true(first.n_bins == 4 && first.n_cuts == 1 && first.n_keys == 1);
	assert_true(whole.n_bins == 11 && whole.n_cuts == 2 && whole.n_keys == 3);
	const json_t *second = json_array_get(json_object_get(j, "cuts"), 1);
	assert_string_equal(json_string_value(json_object_get(second, "kind")), "dissolve");
}

static void a_damaged_index_is_refused(void **state)
{
	(void)state;
	AUTO(video_index_freep) struct video_index *x = sample_index();
	AUTO(buf_free) struct buf a = BUF(1 << 20);
	struct err err;
	index_write(x, &a);
	for (size_t n = 0; n < a.len; n++) {
		struct video_index *y = NULL;
		assert_int_equal(index_parse(a.data, n, &y, &err), -ERR_FORMAT);
		/* Any flipped byte must give a valid index or an error. */
		a.data[n] = (char)(a.data[n] ^ 0x81);
		if (index_parse(a.data, a.len, &y, &err) == 0)
			video_index_free(y);
		a.data[n] = (char)(a.data[n] ^ 0x81);
	}
}

static void facts_cross_the_wire_unchanged(void **state)
{
	unsigned char p[SIGNATURE_BYTES];
	struct signature s = draw(&PLAIN, 3), t;
	struct packet_bin b = {1, 2, 3, 4, 5}, c;
	struct packet_key k = {.pts = -5, .dts = INT64_MIN, .bytes = 9}, l;
	(void)state;
	memset(&t, 0, sizeof t);
	s.flags = SIGNATURE_KEY;
	signature_put(p, &s);
	assert_true(signature_get(p, &t));
	assert_int_equal(t.hash, s.hash);
	assert_int_equal(t.pts, s.pts);
	assert_memory_equal(t.luma, s.luma, sizeof s.luma);
	assert_memory_equal(t.levels, s.levels, sizeof s.levels);
	s.sharpness = -1;
	signature_put(p, &s);
	assert_false(signature_get(p, &t));
	packet_bin_put(p, &b);
	packet_bin_get(p, &c);
	assert_memory_equal(&b, &c, sizeof b);
	packet_key_put(p, &k);
	packet_key_get(p, &l);
	assert_true(l.pts == -5 && l.dts == INT64_MIN && l.bytes == 9);
}

static void near_duplicates_have_near_hashes(void **state)
{
	struct shot a = PLAIN, b = PLAIN, c = PLAIN;
	(void)state;
	b.gain = 0.8f;
	b.noise = 8;
	c.seed = 1234;
	uint64_t x = draw(&a, 0).hash, y = draw(&b, 1).hash, z = draw(&c, 2).hash;
	assert_true(signature_hamming(x, y) <= 6);
	assert_true(signature_hamming(x, z) >= 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_cut),
		cmocka_unit_test(hard_cuts_are_exact),
		cmocka_unit_test(a_dissolve_has_a_beginning_and_an_end),
		cmocka_unit_test(a_fade_through_black_is_one_cut),
		cmocka_unit_test(rain_is_quiet_and_a_burst_is_not),
		cmocka_unit_test(looks_go_where_packets_call_within_the_budget),
		cmocka_unit_test(a_close_look_overrules_the_packets),
		cmocka_unit_test(an_index_comes_back_as_it_was_written),
		cmocka_unit_test(a_damaged_index_is_refused),
		cmocka_unit_test(facts_cross_the_wire_unchanged),
		cmocka_unit_test(near_duplicates_have_near_hashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
