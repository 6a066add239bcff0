/* SPDX-License-Identifier: Apache-2.0 */
/* Speech: what is dropped; the sound as a file; the heads of model files, and
 * which of them is chosen. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/opt.h"
#include "models/speech.h"
#include "speech/filter.h"
#include "speech/wav.h"

#define S CLOCK_SECOND

static char dir[64];

/* ---- what is dropped */

static void add(struct speech_result *r, int64_t start, int64_t end, const char *text,
                double logprob, double silent)
{
	r->segments = mem_grow(r->segments, r->n + 1, sizeof *r->segments);
	r->segments[r->n++] = (struct speech_segment){.start = start,
	                                              .end = end,
	                                              .text = mem_strdup(text),
	                                              .language = mem_strdup(""),
	                                              .speaker = mem_strdup(""),
	                                              .avg_logprob = logprob,
	                                              .no_speech_prob = silent,
	                                              .compression = NAN};
}

static void dropped_for(const struct speech_result *r, size_t i, const char *reason)
{
	const char *is = r->segments[i].dropped;
	if (!is != !reason || (is && strcmp(is, reason) != 0))
		fail_msg("segment %zu (%s) is dropped for %s, not for %s", i, r->segments[i].text,
		         is ? is : "nothing", reason ? reason : "nothing");
}

static void the_model_doubts(void **state)
{
	(void)state;
	AUTO(speech_result_clear) struct speech_result r = {0};
	add(&r, 0, S, "spoken", -0.3, 0.1);
	add(&r, S, 2 * S, "no one speaks", -1.2, 0.9);
	add(&r, 2 * S, 3 * S, "unlikely", -1.2, 0.1);
	/* Sure of its text, whatever it says of the sound: as Whisper itself does. */
	add(&r, 3 * S, 4 * S, "sure", -0.2, 0.99);
	add(&r, 4 * S, 5 * S, "not known", NAN, NAN);
	add(&r, 5 * S, 6 * S, "squeezed", -0.2, 0.1);
	r.segments[5].compression = 3;
	speech_filter(&r, NULL, 0);
	dropped_for(&r, 0, NULL);
	dropped_for(&r, 1, SPEECH_NO_SPEECH);
	dropped_for(&r, 2, SPEECH_UNLIKELY);
	dropped_for(&r, 3, NULL);
	dropped_for(&r, 4, NULL);
	dropped_for(&r, 5, SPEECH_REPEATED);
}

static void text_over_silence(void **state)
{
	(void)state;
	AUTO(speech_result_clear) struct speech_result r = {0};
	const struct speech_voice voices[] = {{S, 2 * S}, {10 * S, 10 * S + S / 2}};
	add(&r, S, 2 * S, "within", -0.1, 0);
	add(&r, 3 * S, 5 * S, "invented", -0.1, 0);
	add(&r, 2 * S - S / 20, 6 * S, "touches it", -0.1, 0);
	add(&r, 6 * S, 30 * S, "long with a word", -0.1, 0);
	speech_filter(&r, voices, ARRAY_LEN(voices));
	dropped_for(&r, 0, NULL);
	dropped_for(&r, 1, SPEECH_SILENCE);
	dropped_for(&r, 2, SPEECH_SILENCE);
	dropped_for(&r, 3, NULL);
	r.segments[1].dropped = r.segments[2].dropped = NULL;
	speech_filter(&r, voices, 0);
	for (size_t i = 0; i < r.n; i++)
		dropped_for(&r, i, SPEECH_SILENCE);
}

static void the_same_over_and_over(void **state)
{
	(void)state;
	static const char *const circles[] = {
		"Thanks for watching. Thanks for watching. Thanks for watching. Thanks for watching.",
		"and so on and so on and so on and so on and so on",
		"Well: ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha",
		"謝謝觀看謝謝觀看謝謝觀看謝謝觀看謝謝觀看"};
	static const char *const straight[] = {
		"No, no, no, no!", "The cat sat on the mat, and the dog sat on the mat as well.",
		"very very very very long ago there was a king who had three sons and a daughter",
		"一二三四五六七八九十一二三四五六七八九十百千萬"};
	for (size_t i = 0; i < ARRAY_LEN(circles); i++)
		if (!speech_goes_in_circles(circles[i]))
			fail_msg("not seen: %s", circles[i]);
	for (size_t i = 0; i < ARRAY_LEN(straight); i++)
		if (speech_goes_in_circles(straight[i]))
			fail_msg("no repetition: %s", straight[i]);

	AUTO(speech_result_clear) struct speech_result r = {0};
	for (int i = 0; i < 4; i++)
		add(&r, i * S, (i + 1) * S, i % 2 ? "Thanks for watching!" : "thanks, for watching", -0.1,
		    0);
	for (int i = 4; i < 9; i++)
		add(&r, i * S, (i + 1) * S, "No.", -0.1, 0);
	add(&r, 9 * S, 10 * S, "Yes.", -0.1, 0);
	speech_filter(&r, NULL, 0);
	dropped_for(&r, 0, NULL);
	for (size_t i = 1; i < 4; i++)
		dropped_for(&r, i, SPEECH_REPEATED);
	for (size_t i = 4; i < r.n; i++)
		dropped_for(&r, i, NULL);
}

/* ---- the sound */

static void sound_as_a_file(void **state)
{
	(void)state;
	const int16_t samples[] = {1, -2, INT16_MAX};
	AUTO(buf_free) struct buf out = BUF(1000);
	speech_wav(samples, 3, &out);
	assert_int_equal(out.len, SPEECH_WAV_HEAD + 6);
	static const unsigned char head[] = {'R', 'I', 'F', 'F', 42, 0, 0, 0,   'W', 'A', 'V', 'E', 'f',
	                                     'm', 't', ' ', 16,  0,  0, 0, 1,   0,   1,   0,   128, 62,
	                                     0,   0,   0,   125, 0,  0, 2, 0,   16,  0,   'd', 'a', 't',
	                                     'a', 6,   0,   0,   0,  1, 0, 254, 255, 255, 127};
	assert_memory_equal(out.data, head, sizeof head);
}

/* ---- models */

static void put32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, sizeof v);
}

/* A model file of the given layers and width, without its real weights. */
static char *write_model(const char *name, uint32_t vocab, uint32_t layers, uint32_t width,
                         size_t more, size_t less)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	const uint32_t head[] = {0x67676d6c, vocab, 1500,   width, 1, layers, 448,
	                         width,      1,     layers, 80,    1, 80,     2};
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		put32(&b, head[i]);
	for (size_t i = 0; i < 160 * sizeof(float); i++)
		buf_add(&b, "", 1);
	put32(&b, 2);
	put32(&b, 1);
	buf_add(&b, "a", 1);
	put32(&b, 2);
	buf_add(&b, "bc", 2);
	const uint32_t tensor[] = {1, 4, 0, (uint32_t)(8 + more)};
	for (size_t i = 0; i < ARRAY_LEN(tensor); i++)
		put32(&b, tensor[i]);
	buf_add(&b, "bias", 4);
	for (size_t i = 0; i < (8 + more) * sizeof(float); i++)
		buf_add(&b, "", 1);
	char *path = file_join(dir, name);
	struct err err;
	assert_ok(file_write(path, b.data, b.len - less, &err));
	return path;
}

static void refuse_file(const char *path, int code, const char *words)
{
	struct speech_file f;
	struct err err = {0};
	assert_int_equal(speech_file_read(path, &f, &err), -code);
	if (!strstr(err.msg, words))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void heads_of_models(void **state)
{
	(void)state;
	struct speech_file f;
	struct err err = {0};
	AUTO(mem_freep) char *good = write_model("good.bin", 51865, 6, 512, 0, 0);
	AUTO(mem_freep) char *cut = write_model("cut.bin", 51865, 6, 512, 0, 5);
	AUTO(mem_freep) char *words = write_model("words.bin", 7, 6, 512, 0, 0);
	AUTO(mem_freep) char *many = write_model("many.bin", 51865, 5000, 512, 0, 0);
	AUTO(mem_freep) char *bare = write_model("bare.bin", 51865, 6, 512, 0, 8 * 4 + 20);
	assert_ok(speech_file_read(good, &f, &err));
	assert_string_equal(f.size, "base");
	assert_string_equal(f.stored, "f16");
	assert_false(f.english || f.voice);
	assert_int_equal(f.layers, 12);
	refuse_file(cut, ERR_FORMAT, "cut short");
	refuse_file(words, ERR_FORMAT, "not a model");
	refuse_file(many, ERR_FORMAT, "not a model");
	refuse_file(bare, ERR_FORMAT, "no weights");
	AUTO(mem_freep) char *absent = file_join(dir, "absent.bin");
	refuse_file(absent, ERR_NOENT, "absent.bin");
	refuse_file(dir, ERR_FORMAT, "not a file");
	AUTO(mem_freep) char *other = file_join(dir, "other.bin");
	assert_ok(file_write(other, "GGUF\3\0\0\0", 8, &err));
	refuse_file(other, ERR_UNSUPPORTED, "GGUF");
	assert_ok(file_write(other, "hello, this is a text", 21, &err));
	refuse_file(other, ERR_FORMAT, "not a model of whisper.cpp");
	assert_ok(file_write(other, "lmgg\12\0\0\0silero-16k\6\0\0\0", 22, &err));
	assert_ok(speech_file_read(other, &f, &err));
	assert_true(f.voice);
	const char *const all[] = {good, cut, words, many, bare, other};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		unlink(all[i]);
}

static void chosen(const char *wanted, const char *language, int64_t memory, const char *expected)
{
	AUTO(mem_freep) char *path = NULL;
	struct speech_file f;
	struct err err = {0};
	if (speech_file_choose(wanted, dir, language, memory, &path, &f, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(file_base(path), expected);
}

static void not_chosen(const char *wanted, const char *language, int64_t memory, const char *words)
{
	AUTO(mem_freep) char *path = NULL;
	struct speech_file f;
	struct err err = {0};
	assert_int_equal(speech_file_choose(wanted, dir, language, memory, &path, &f, &err),
	                 -ERR_NOENT);
	if (!strstr(err.msg, words))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
}

static void which_model(void **state)
{
	(void)state;
	not_chosen("", "auto", 0, "vdet model get whisper-base");
	AUTO(mem_freep) char *english = write_model("ggml-medium.en.bin", 51864, 24, 1024, 0, 0);
	not_chosen("", "auto", 0, "know English only");
	AUTO(mem_freep) char *base = write_model("ggml-base.bin", 51865, 6, 512, 100, 0);
	AUTO(mem_freep) char *fine = write_model("base-fine.bin", 51865, 6, 512, 5000, 0);
	AUTO(mem_freep) char *small = write_model("small.bin", 51865, 12, 768, 0, 0);
	chosen("", "auto", 0, "small.bin");
	chosen("", "en", 0, "ggml-medium.en.bin");
	chosen("base", "auto", 0, "ggml-base.bin");
	chosen("small.bin", "de", 1, "small.bin");
	chosen(english, "de", 1, "ggml-medium.en.bin");
	unlink(small);
	chosen("", "auto", 0, "base-fine.bin");
	not_chosen("", "auto", 1000, "fits into half");
	not_chosen("large", "auto", 0, "no whisper model large");
	not_chosen("../large", "auto", 0, "no whisper model");
	unlink(english);
	unlink(base);
	unlink(fine);
}

static void defaults_of_options(void **state)
{
	(void)state;
	struct speech_options o = {0};
	const struct opt_bind bind = {&speech_opt_group, &o};
	const struct opt_set set = {&bind, 1};
	struct speech_places p = {0};
	struct speech *s = NULL;
	struct err err = {0};
	char *argv[] = {(char[]){"x"}, NULL};
	int n = 0;
	assert_ok(opt_parse(&set, &set, NULL, NULL, argv, &n, &err));
	assert_string_equal(o.engine, "auto");
	/* An address is used as it is; a key with a space is none. */
	free(o.engine);
	o.engine = mem_strdup("http://127.0.0.1:1/v1/audio/transcriptions");
	assert_ok(speech_open(&o, &p, NULL, &s, &err));
	assert_string_equal(speech_identity(s),
	                    "http://127.0.0.1:1/v1, model not named, language auto");
	speech_free(s);
	free(o.key);
	o.key = mem_strdup("a b");
	assert_int_equal(speech_open(&o, &p, NULL, &s, &err), -ERR_ARG);
	assert_null(strstr(err.msg, "a b"));
	free(o.language);
	o.language = mem_strdup("--load");
	assert_int_equal(speech_open(&o, &p, NULL, &s, &err), -ERR_ARG);
	opt_free(&set);
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/vdet-speech-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	struct err err;
	return file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_model_doubts),       cmocka_unit_test(text_over_silence),
		cmocka_unit_test(the_same_over_and_over), cmocka_unit_test(sound_as_a_file),
		cmocka_unit_test(heads_of_models),        cmocka_unit_test(which_model),
		cmocka_unit_test(defaults_of_options),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
