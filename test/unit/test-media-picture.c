/* SPDX-License-Identifier: Apache-2.0 */
/* The picture for viewing: colors, ranges, rotation, pixel shape, fields;
 * measured in the decoded JPEG. */
#include "unit.h"

#include <libavcodec/avcodec.h>
#include <libavutil/intreadwrite.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "media-help.h"
#include "media/jpeg.h"
#include "media/orient.h"
#include "media/picture.h"
#include "media/planes.h"

/* The picture of a file at a time, decoded from its JPEG. */
struct seen {
	AVFrame *f;
	int width, height;
};

static void seen_end(struct seen *s)
{
	av_frame_free(&s->f);
}

static AVFrame *decode_jpeg(const struct buf *b)
{
	AUTO(avcodec_free_context)
	AVCodecContext *dec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	AVFrame *f = av_frame_alloc();
	assert_ok(avcodec_open2(dec, NULL, NULL));
	assert_ok(av_new_packet(pkt, (int)b->len));
	memcpy(pkt->data, b->data, b->len);
	assert_ok(avcodec_send_packet(dec, pkt));
	assert_ok(avcodec_receive_frame(dec, f));
	return f;
}

static struct seen look(const char *path, int64_t t, int size)
{
	struct opened o;
	struct err err = {0};
	struct shown s;
	AUTO(picture_freep) struct picture *p = picture_new(PICTURE_JPEG);
	AUTO(jpeg_freep) struct jpeg *j = jpeg_new();
	AUTO(av_frame_free) AVFrame *pic = av_frame_alloc();
	AUTO(buf_free) struct buf data = BUF(16 << 20);
	int r = opened_begin(path, &o, &err);
	if (r == 0)
		r = reader_at(o.reader, t, &s, &err);
	if (r == 0)
		r = picture_make(p, o.source, &s, size, pic, &err);
	if (r == 0)
		r = jpeg_encode(j, pic, 100, &data, &err);
	if (r < 0)
		fail_msg("%s: %s", path, err.msg);
	opened_end(&o);
	AVFrame *f = decode_jpeg(&data);
	return (struct seen){f, f->width, f->height};
}

/* RGB at a position given as fractions of the picture, as defined by JPEG. */
static void rgb_at(const struct seen *s, double x, double y, int rgb[3])
{
	int px = (int)(x * s->width), py = (int)(y * s->height);
	double l = s->f->data[0][(ptrdiff_t)py * s->f->linesize[0] + px];
	double b = s->f->data[1][(ptrdiff_t)(py / 2) * s->f->linesize[1] + px / 2] - 128.0;
	double r = s->f->data[2][(ptrdiff_t)(py / 2) * s->f->linesize[2] + px / 2] - 128.0;
	double v[3] = {l + 1.402 * r, l - 0.344136 * b - 0.714136 * r, l + 1.772 * b};
	for (int i = 0; i < 3; i++)
		rgb[i] = (int)lround(fmin(fmax(v[i], 0), 255));
}

static bool near_rgb(const int a[3], const int b[3], int slack)
{
	return abs(a[0] - b[0]) <= slack && abs(a[1] - b[1]) <= slack && abs(a[2] - b[2]) <= slack;
}

/* Four patches side by side; the second and third show a wrong matrix or range
 * most clearly. */
#define PATCH(rgb, w, h) "-f lavfi -i color=0x" rgb ":s=" w "x" h ":r=5:d=1 "
#define PATCHES(w, h) \
	PATCH("808080", w, h) PATCH("c02010", w, h) PATCH("10a030", w, h) PATCH("f0f0f0", w, h)
static const int patches[4][3] = {
	{0x80, 0x80, 0x80}, {0xc0, 0x20, 0x10}, {0x10, 0xa0, 0x30}, {0xf0, 0xf0, 0xf0}};

static void test_colours(void **state)
{
	(void)state;
	static const struct {
		const char *name, *in, *filter, *out;
		int slack;
	} cases[] = {
		{"601tv.mp4", PATCHES("80", "120"),
	     "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p",
	     "-colorspace smpte170m -color_range tv -c:v libx264 -crf 2", 5},
		{"601pc.mp4", PATCHES("80", "120"),
	     "scale=out_color_matrix=bt601:out_range=pc,format=yuv420p",
	     "-colorspace smpte170m -color_range pc -c:v libx264 -crf 2", 5},
		{"709tv.mp4", PATCHES("80", "120"),
	     "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
	     "-colorspace bt709 -color_range tv -c:v libx264 -crf 2", 5},
		{"709pc.mp4", PATCHES("80", "120"),
	     "scale=out_color_matrix=bt709:out_range=pc,format=yuv420p",
	     "-colorspace bt709 -color_range pc -c:v libx264 -crf 2", 5},
		{"small.avi", PATCHES("80", "120"),
	     "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-c:v mpeg4 -q:v 1", 8},
		{"large.mp4", PATCHES("320", "720"),
	     "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
	     "-colorspace unknown -c:v libx264 -crf 2", 5},
		{"444.mkv", PATCHES("80", "120"),
	     "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p",
	     "-colorspace bt709 -color_range tv -c:v ffv1", 5},
		{"422-10.mkv", PATCHES("80", "120"),
	     "scale=out_color_matrix=bt709:out_range=tv,format=yuv422p10le",
	     "-colorspace bt709 -color_range tv -c:v ffv1", 5},
		{"rgb.mkv", PATCHES("80", "120"), "format=bgr0", "-c:v ffv1", 5},
		{"odd.mkv", PATCHES("81", "121"),
	     "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p",
	     "-colorspace bt709 -color_range tv -c:v ffv1", 5},
		{"2020.mkv", PATCHES("80", "120"),
	     "format=gbrp,zscale=pin=bt709:tin=bt709:min=gbr:rin=full:p=bt2020:t=bt709:"
	     "m=bt2020nc:r=limited,format=yuv420p10le",
	     "-c:v ffv1 -colorspace bt2020nc -color_primaries bt2020 "
	     "-color_trc bt709 -color_range tv",
	     6},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep)
		char *args = mem_printf("%s -filter_complex 'hstack=4,%s' %s", cases[i].in, cases[i].filter,
		                        cases[i].out);
		AUTO(mem_freep) char *path = media_make(cases[i].name, args);
		if (!path) {
			print_message("%s cannot be made here\n", cases[i].name);
			continue;
		}
		for (int size = 4000; size > 100; size -= 3760) {
			AUTO(seen_end) struct seen s = look(path, 400000, size);
			for (int k = 0; k < 4; k++) {
				int rgb[3];
				rgb_at(&s, 0.125 + 0.25 * k, 0.5, rgb);
				if (!near_rgb(rgb, patches[k], cases[i].slack))
					fail_msg("%s, %dx%d, patch %d: %d %d %d", cases[i].name, s.width, s.height, k,
					         rgb[0], rgb[1], rgb[2]);
			}
		}
	}
}

static void test_hdr(void **state)
{
	(void)state;
	static const char *const transfers[][2] = {{"smpte2084", "pq.mkv"},
	                                           {"arib-std-b67", "hlg.mkv"}};
	for (int i = 0; i < 2; i++) {
		AUTO(mem_freep)
		char *args = mem_printf(
			PATCHES(
				"160",
				"120") "-filter_complex 'hstack=4,format=gbrp,"
					   "zscale=pin=bt709:tin=bt709:min=gbr:rin=full:p=bt709:m=gbr:r=full:t=linear:"
					   "npl=203,format=gbrpf32le,"
					   "zscale=pin=bt709:tin=linear:min=gbr:p=bt2020:t=%s:m=bt2020nc:r=limited:"
					   "npl=203,format=yuv420p10le' "
					   "-c:v ffv1 -colorspace bt2020nc -color_primaries bt2020 -color_trc %s "
					   "-color_range tv",
			transfers[i][0], transfers[i][0]);
		AUTO(mem_freep) char *path = media_make(transfers[i][1], args);
		if (!path)
			skip();
		AUTO(seen_end) struct seen s = look(path, 0, 320);
		int rgb[4][3];
		for (int k = 0; k < 4; k++)
			rgb_at(&s, 0.125 + 0.25 * k, 0.5, rgb[k]);
		print_message("%s: grey %d, red %d %d %d, green %d %d %d, white %d\n", transfers[i][1],
		              rgb[0][0], rgb[1][0], rgb[1][1], rgb[1][2], rgb[2][0], rgb[2][1], rgb[2][2],
		              rgb[3][0]);
		/* Grays stay gray and in order; colors keep their hue; nothing is
		 * washed out or black. */
		assert_true(abs(rgb[0][0] - rgb[0][1]) < 8 && abs(rgb[0][1] - rgb[0][2]) < 8);
		assert_true(rgb[0][1] > 70 && rgb[0][1] < 170);
		assert_true(rgb[3][1] > rgb[0][1] + 50 && rgb[3][1] > 180);
		assert_true(rgb[1][0] > 2 * rgb[1][1] && rgb[1][0] > 100);
		assert_true(rgb[2][1] > 2 * rgb[2][0] && rgb[2][1] > 80);
	}
}

static void test_rotation(void **state)
{
	(void)state;
	/* Red, green over blue, white: the position of red shows the rotation. */
	AUTO(mem_freep)
	char *upright = media_make(
		"quarters.mp4",
		"-f lavfi -i color=red:s=160x60:r=5:d=1 -f lavfi -i color=0x008000:s=160x60:r=5:d=1 "
		"-f lavfi -i color=blue:s=160x60:r=5:d=1 -f lavfi -i color=white:s=160x60:r=5:d=1 "
		"-filter_complex '[0][1]hstack[a];[2][3]hstack[b];[a][b]vstack' -c:v libx264 -crf 5 "
		"-pix_fmt yuv420p");
	static const struct {
		int turn;
		double x, y;
	} cases[] = {{90, 0.75, 0.25}, {180, 0.75, 0.75}, {270, 0.25, 0.75}};
	if (!upright)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char name[20];
		snprintf(name, sizeof name, "turn%d.mp4", cases[i].turn);
		/* The command line counts against the clock. */
#if LIBAVFORMAT_VERSION_MAJOR >= 60
		AUTO(mem_freep)
		char *args = mem_printf("-display_rotation %d -i %s -c copy", -cases[i].turn, upright);
#else
		AUTO(mem_freep)
		char *args =
			mem_printf("-i %s -c copy -metadata:s:v rotate=%d", upright, 360 - cases[i].turn);
#endif
		AUTO(mem_freep) char *path = media_make(name, args);
		assert_non_null(path);
		AUTO(seen_end) struct seen s = look(path, 0, 4000);
		int rgb[3], red[3] = {254, 0, 0};
		rgb_at(&s, cases[i].x, cases[i].y, rgb);
		assert_int_equal(s.width, cases[i].turn == 180 ? 320 : 120);
		if (!near_rgb(rgb, red, 12))
			fail_msg("turned by %d: %d %d %d", cases[i].turn, rgb[0], rgb[1], rgb[2]);
	}
}

static void test_matrices(void **state)
{
	(void)state;
	static const struct {
		int a, b, c, d, degrees;
		bool swap;
		const char *chain;
	} cases[] = {
		{1, 0, 0, 1, 0, false, ""},
		{-1, 0, 0, 1, 0, false, "hflip"},
		{1, 0, 0, -1, 0, false, "vflip"},
		{-1, 0, 0, -1, 180, false, "hflip,vflip"},
		{0, 1, -1, 0, 90, true, "transpose=clock"},
		{0, -1, 1, 0, 270, true, "transpose=cclock"},
		{0, 1, 1, 0, 90, true, "transpose=cclock_flip"},
		{0, -1, -1, 0, 90, true, "transpose=clock_flip"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const int32_t one = 1 << 16;
		const int32_t m[9] = {cases[i].a * one,
		                      cases[i].b * one,
		                      0,
		                      cases[i].c * one,
		                      cases[i].d * one,
		                      0,
		                      0,
		                      0,
		                      one};
		struct orient o = orient_from_matrix(m);
		assert_string_equal(o.chain, cases[i].chain);
		assert_int_equal(o.degrees, cases[i].degrees);
		assert_int_equal(o.swap, cases[i].swap);
	}
	/* The smallest possible numbers, as in a hostile file. */
	const int32_t worst[9] = {INT32_MIN, INT32_MIN, 0, INT32_MIN, INT32_MIN};
	assert_string_equal(orient_from_matrix(worst).chain, "hflip,vflip");
}

static void test_pixel_shape(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *path = media_make("sar.mp4", "-f lavfi -i testsrc2=s=320x240:r=5:d=1 -vf setsar=2/1 "
	                                   "-c:v libx264 -pix_fmt yuv420p");
	if (!path)
		skip();
	AUTO(seen_end) struct seen full = look(path, 0, 4000), half = look(path, 0, 320);
	assert_int_equal(full.width, 640);
	assert_int_equal(full.height, 240);
	assert_int_equal(half.width, 320);
	assert_int_equal(half.height, 120);
}

/* How much rows differ from those between them: large if two fields are
 * interleaved. */
static double combing(const AVFrame *f)
{
	double sum = 0;
	for (int y = 1; y < f->height - 1; y++)
		for (int x = 0; x < f->width; x++) {
			const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0] + x;
			sum += abs(2 * p[0] - p[-f->linesize[0]] - p[f->linesize[0]]);
		}
	return sum / f->width / f->height;
}

static void test_interlaced(void **state)
{
	(void)state;
	static const char *const fields[] = {"tff", "bff"};
	for (int i = 0; i < 2; i++) {
		AUTO(mem_freep) char *name = mem_printf("fields-%s.ts", fields[i]);
		AUTO(mem_freep)
		char *args = mem_printf(
			"-f lavfi -i 'testsrc2=s=1440x480:r=50:d=3' -vf 'crop=720:480:x=n*12-"
			"720*floor(n*12/720):y=0,interlace=scan=%s:lowpass=0,setfield=%s' -flags +ilme+ildct "
			"-c:v mpeg2video "
			"-q:v 2",
			fields[i], fields[i]);
		AUTO(mem_freep) char *path = media_make(name, args);
		if (!path)
			skip();
		struct opened o;
		struct shown s;
		assert_ok(opened_begin(path, &o, NULL));
		assert_ok(reader_at(o.reader, 1200000, &s, NULL));
		assert_non_null(s.before);
		assert_non_null(s.after);
		double woven = combing(s.frame);
		opened_end(&o);
		AUTO(seen_end) struct seen whole = look(path, 1200000, 4000);
		print_message("combing, %s: %.2f as it is, %.2f deinterlaced\n", fields[i], woven,
		              combing(whole.f));
		assert_true(combing(whole.f) < 0.6 * woven);
	}
}

static void test_sizes_change(void **state)
{
	(void)state;
	AUTO(mem_freep)
	char *a = media_make("a.ts", "-f lavfi -i color=red:s=320x240:r=25:d=2 -c:v libx264 "
	                             "-pix_fmt yuv420p");
	AUTO(mem_freep)
	char *b = media_make("b.ts", "-f lavfi -i color=blue:s=640x360:r=25:d=2 -c:v libx264 "
	                             "-pix_fmt yuv420p -output_ts_offset 2");
	if (!a || !b)
		skip();
	AUTO(mem_freep) char *args = mem_printf("-i 'concat:%s|%s' -c copy", a, b);
	AUTO(mem_freep) char *path = media_make("both.ts", args);
	assert_non_null(path);
	AUTO(seen_end) struct seen one = look(path, 500000, 4000), two = look(path, 3500000, 4000);
	AUTO(seen_end) struct seen back = look(path, 0, 4000);
	assert_int_equal(one.width, 320);
	assert_int_equal(two.width, 640);
	assert_int_equal(two.height, 360);
	assert_int_equal(back.width, 320);
}

static void test_quality(void **state)
{
	(void)state;
	AUTO(jpeg_freep) struct jpeg *j = jpeg_new();
	AUTO(av_frame_free) AVFrame *f = av_frame_alloc();
	f->format = AV_PIX_FMT_YUV420P;
	f->width = 97;
	f->height = 61;
	assert_ok(av_frame_get_buffer(f, 0));
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? 31 : 61); y++)
			for (int x = 0; x < (p ? 49 : 97); x++)
				f->data[p][(ptrdiff_t)y * f->linesize[p] + x] = (uint8_t)(x * 37 + y * y * 11);
	size_t last = 0;
	for (int q = 1; q <= 100; q += 33) {
		AUTO(buf_free) struct buf b = BUF(1 << 20);
		assert_ok(jpeg_encode(j, f, q, &b, NULL));
		assert_true(b.len > last);
		last = b.len;
	}
}

/* A picture of 7x5, whose samples differ, in rows of any length. */
static AVFrame *odd_frame(enum AVPixelFormat format, int align)
{
	static const int w[] = {7, 4, 4}, h[] = {5, 3, 3};
	bool apart = format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUV420P10LE,
		 wide = format == AV_PIX_FMT_YUV420P10LE || format == AV_PIX_FMT_P010LE;
	AVFrame *f = av_frame_alloc();
	f->format = format;
	f->width = w[0];
	f->height = h[0];
	av_frame_get_buffer(f, align);
	for (int p = 0; p < 3; p++)
		for (int i = 0; i < w[p] * h[p]; i++) {
			int x = i % w[p], at = apart || !p ? x : 2 * x + p - 1, value = 10 + 40 * p + i;
			uint8_t *row =
				f->data[apart ? p : !!p] + (ptrdiff_t)(i / w[p]) * f->linesize[apart ? p : !!p];
			if (wide)
				AV_WL16(row + 2 * at, (uint16_t)((value + 256) << (apart ? 0 : 6)));
			else
				row[at] = (uint8_t)value;
		}
	return f;
}

static struct planes_id odd_id(enum AVPixelFormat format, int align)
{
	struct planes_id id;
	AUTO(av_frame_free) AVFrame *f = odd_frame(format, align);
	assert_true(planes_identify(f, &id));
	return id;
}

/* Padding does not count, nor how a device arranges the samples. */
static void test_identity(void **state)
{
	(void)state;
	struct planes_id a = odd_id(AV_PIX_FMT_YUV420P, 1), b = odd_id(AV_PIX_FMT_YUV420P, 64),
					 device = odd_id(AV_PIX_FMT_NV12, 32), deep = odd_id(AV_PIX_FMT_YUV420P10LE, 1),
					 deep_device = odd_id(AV_PIX_FMT_P010LE, 64);
	assert_string_equal(a.format, "yuv420p 7x5");
	assert_string_equal(a.sha256, b.sha256);
	assert_string_equal(a.sha256, device.sha256);
	assert_string_equal(a.format, device.format);
	assert_string_equal(deep.format, "yuv420p10le 7x5");
	assert_string_equal(deep.sha256, deep_device.sha256);
	assert_string_equal(deep.format, deep_device.format);
	assert_string_not_equal(deep.sha256, a.sha256);
	AUTO(av_frame_free) AVFrame *in_device = av_frame_alloc();
	in_device->format = AV_PIX_FMT_VAAPI;
	assert_false(planes_identify(in_device, &a));
	assert_string_equal(a.sha256, "");
}

/* Raw pixels of a test picture, or what decodes to them. */
static char *make_test_picture(const char *format, const char *ending, const char *codec)
{
	char args[200], name[64];
	snprintf(name, sizeof name, "%s.%s", format, ending);
	snprintf(args, sizeof args, "-f lavfi -i testsrc2=s=70x50:r=1:d=1 -pix_fmt %s %s", format,
	         codec);
	return media_make(name, args);
}

/* Anybody can compute the same hash with ffmpeg. */
static void test_identity_of_ffmpeg(void **state)
{
	(void)state;
	static const char *const formats[] = {"yuv420p", "yuv444p", "gray", "yuv422p10le", "yuva420p"};
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		char hex[HASH_HEX], format[PLANES_FORMAT_MAX];
		struct err err = {0};
		struct opened o;
		struct shown s;
		struct planes_id id;
		AUTO(mem_freep) char *raw = make_test_picture(formats[i], "yuv", "");
		AUTO(mem_freep) char *path = make_test_picture(formats[i], "mkv", "-c:v ffv1");
		if (!raw || !path)
			skip();
		AUTO(fd_closep) int fd = -1;
		assert_ok(file_open_input(raw, &fd, &err));
		assert_ok(hash_fd(fd, NULL, NULL, hex, &err));
		assert_ok(opened_begin(path, &o, &err));
		assert_ok(reader_at(o.reader, 0, &s, &err));
		assert_true(planes_identify(s.frame, &id));
		opened_end(&o);
		snprintf(format, sizeof format, "%s 70x50", formats[i]);
		assert_string_equal(id.format, format);
		assert_string_equal(id.sha256, hex);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_colours),      cmocka_unit_test(test_hdr),
		cmocka_unit_test(test_rotation),     cmocka_unit_test(test_matrices),
		cmocka_unit_test(test_pixel_shape),  cmocka_unit_test(test_interlaced),
		cmocka_unit_test(test_identity),     cmocka_unit_test(test_identity_of_ffmpeg),
		cmocka_unit_test(test_sizes_change), cmocka_unit_test(test_quality),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
