/* SPDX-License-Identifier: Apache-2.0 */
/* Which model is chosen, and the errors for other files. */
#include "engine-help.h"

#include "models/gguf.h"
#include "models/model.h"

#define DEMO VDET_SOURCE_ROOT "/model/weights"

static char dir[] = "/tmp/vdet-model-XXXXXX";

static char *in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

/* Copies the first `len` bytes of a demo file (all if 0) into the folder. */
static void put(const char *from, const char *name, size_t len)
{
	AUTO(mem_freep) char *source = mem_printf("%s/%s", DEMO, from);
	AUTO(mem_freep) char *path = in_dir(name);
	AUTO(mem_freep) char *parent = mem_printf("%.*s", (int)(file_base(path) - path), path);
	AUTO(buf_free) struct buf b = BUF((size_t)1 << 30);
	struct err err;
	assert_ok(file_mkdirs(parent, false, &err));
	assert_ok(file_read(source, &b, &err));
	assert_true(len <= b.len);
	FILE *f = fopen(path, "wb");
	assert_int_equal(fwrite(b.data, 1, len ? len : b.len, f), len ? len : b.len);
	fclose(f);
}

static int empty_dir(void **state)
{
	(void)state;
	return RUN("rm", "-rf", dir) || mkdir(dir, 0700);
}

static int choose(const char *wanted, struct model *m, struct err *err)
{
	*m = (struct model){0};
	return model_choose(wanted, NULL, dir, DEMO, m, err);
}

static void fails(const char *wanted, int code, const char *words)
{
	struct model m;
	struct err err = {0};
	int r = choose(wanted, &m, &err);
	if (r != -code || !strstr(err.msg, words))
		fail_msg("%s: %d \"%s\", not \"%s\"", wanted, r, err.msg, words);
}

static void finds(const char *wanted, const char *path, const char *projector)
{
	struct model m;
	struct err err = {0};
	if (choose(wanted, &m, &err) < 0)
		fail_msg("%s: %s", wanted, err.msg);
	AUTO(mem_freep) char *p = in_dir(path);
	AUTO(mem_freep) char *q = in_dir(projector);
	assert_string_equal(m.path, p);
	assert_string_equal(m.projector, q);
	assert_false(m.demo);
	model_clear(&m);
}

static void headers_are_read(void **state)
{
	(void)state;
	struct gguf g;
	struct err err = {0};
	assert_ok(gguf_read(DEMO "/demo.gguf", &g, &err));
	assert_string_equal(g.arch, "llama");
	assert_true(g.context >= 2048 && g.layers > 0 && g.width > 0 && g.heads > 0);
	assert_true(g.weight_bytes > 100000 && g.weight_bytes < g.file_bytes);
	gguf_clear(&g);
	assert_ok(gguf_read(DEMO "/mmproj-demo.gguf", &g, &err));
	assert_string_equal(g.arch, "clip");
	assert_int_equal(g.vision, 1);
	assert_true(g.projection > 0 && g.image_size > 0 && g.patch_size > 0);
	gguf_clear(&g);
}

/* Cut at each of many places, and with each of many bytes changed: an error or
 * a header, never a crash. */
static void damaged_files_do_no_harm(void **state)
{
	(void)state;
	AUTO(buf_free) struct buf whole = BUF((size_t)1 << 30);
	AUTO(mem_freep) char *path = in_dir("x.gguf");
	struct err err = {0};
	struct gguf g;
	assert_ok(file_read(DEMO "/demo.gguf", &whole, &err));
	for (size_t len = 0; len < whole.len; len += len < 400 ? 1 : 4099) {
		FILE *f = fopen(path, "wb");
		fwrite(whole.data, 1, len, f);
		fclose(f);
		assert_int_equal(gguf_read(path, &g, &err), -ERR_FORMAT);
	}
	for (size_t at = 0; at < 600; at++) {
		char old = whole.data[at];
		whole.data[at] = (char)(old ^ 0x95);
		FILE *f = fopen(path, "wb");
		fwrite(whole.data, 1, 20000, f);
		fclose(f);
		assert_true(gguf_read(path, &g, &err) < 0);
		whole.data[at] = old;
	}
	assert_int_equal(gguf_read("/nonexistent", &g, &err), -ERR_NOENT);
	assert_int_equal(gguf_read("/dev/zero", &g, &err), -ERR_FORMAT);
	assert_int_equal(gguf_read("/tmp", &g, &err), -ERR_FORMAT);
}

static void models_are_found_by_path_and_name(void **state)
{
	(void)state;
	put("demo.gguf", "Qwen-VL-q4.gguf", 0);
	put("mmproj-demo.gguf", "mmproj-Qwen-VL-f16.gguf", 0);
	put("mmproj-demo.gguf", "mmproj-other.gguf", 0);
	put("demo.gguf", "other.gguf", 0);
	put("demo.gguf", "sub/alone.gguf", 0);
	put("mmproj-demo.gguf", "sub/alone-mmproj.gguf", 0);
	AUTO(mem_freep) char *path = in_dir("other.gguf");
	AUTO(mem_freep) char *sub = in_dir("sub");
	finds(path, "other.gguf", "mmproj-other.gguf");
	finds("Qwen-VL-q4", "Qwen-VL-q4.gguf", "mmproj-Qwen-VL-f16.gguf");
	finds("qwen-vl-q4", "Qwen-VL-q4.gguf", "mmproj-Qwen-VL-f16.gguf");
	finds("other.gguf", "other.gguf", "mmproj-other.gguf");
	finds("sub", "sub/alone.gguf", "sub/alone-mmproj.gguf");
	finds(sub, "sub/alone.gguf", "sub/alone-mmproj.gguf");
	finds("alone", "sub/alone.gguf", "sub/alone-mmproj.gguf");
	fails("Qwen-VL-q5", ERR_NOENT, "did you mean Qwen-VL-q4?");
	fails("quite-different-name", ERR_NOENT, "contains");
	fails("/nonexistent/x.gguf", ERR_NOENT, "does not exist");
	fails(dir, ERR_ARG, "holds 2 models");
}

static void the_newest_is_chosen_and_said(void **state)
{
	(void)state;
	struct model m;
	struct err err = {0};
	assert_ok(choose("", &m, &err));
	assert_true(m.demo);
	assert_string_equal(m.name, "demo");
	model_clear(&m);
	put("demo.gguf", "text-only/text.gguf", 0);
	put("demo.gguf", "b/b.gguf", 0);
	put("mmproj-demo.gguf", "b/mmproj.gguf", 0);
	finds("", "b/b.gguf", "b/mmproj.gguf");
	put("demo.gguf", "a/a.gguf", 0);
	put("mmproj-demo.gguf", "a/mmproj.gguf", 0);
	AUTO(mem_freep) char *old = in_dir("b/b.gguf");
	const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_ok(utimensat(AT_FDCWD, old, long_ago, 0));
	assert_ok(choose("", &m, &err));
	assert_string_equal(m.name, "a");
	assert_non_null(strstr(m.warning, "2 models in"));
	model_clear(&m);
}

static void faulty_models_are_one_clear_line(void **state)
{
	(void)state;
	put("demo.gguf", "whole.gguf", 0);
	fails("whole", ERR_UNSUPPORTED, "cannot see: it needs its projector");
	put("mmproj-demo.gguf", "mmproj.gguf", 1000);
	fails("whole", ERR_FORMAT, "the projector: ");
	put("demo.gguf", "mmproj.gguf", 0);
	fails("whole", ERR_FORMAT, "is a model of its own");
	put("mmproj-demo.gguf", "mmproj.gguf", 0);
	put("demo.gguf", "cut.gguf", 1000000);
	fails("cut", ERR_FORMAT, "is cut short: 1000000 of ");
	put("mmproj-demo.gguf", "swapped.gguf", 0);
	fails("swapped", ERR_FORMAT, "is a projector");
	AUTO(mem_freep) char *text = in_dir("text.gguf");
	FILE *f = fopen(text, "w");
	fputs("<html>404 not found, but with status 200</html>", f);
	fclose(f);
	fails("text", ERR_FORMAT, "is not a GGUF file");
	f = fopen(text, "w");
	fclose(f);
	fails("text", ERR_FORMAT, "is not a GGUF file");
}

/* The demo model must be the one that this version was made with. */
static void the_demo_models_sums_are_checked(void **state)
{
	(void)state;
	struct model m = {0};
	struct err err = {0};
	AUTO(mem_freep) char *demo = in_dir("demo"), *sums = in_dir("demo/SHA256SUMS");
	put("demo.gguf", "demo/demo.gguf", 0);
	put("mmproj-demo.gguf", "demo/mmproj-demo.gguf", 0);
	assert_ok(model_choose("", "", NULL, demo, &m, &err)); /* without sums, none are checked */
	model_clear(&m);
	put("SHA256SUMS", "demo/SHA256SUMS", 0);
	assert_ok(model_choose("", "", NULL, demo, &m, &err));
	assert_true(m.demo);
	model_clear(&m);
	FILE *f = fopen(sums, "w");
	fprintf(f, "%064d *other.gguf\r\n%064d  mmproj-demo.gguf\n", 0, 0);
	fclose(f);
	assert_int_equal(model_choose("", "", NULL, demo, &m, &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "mmproj-demo.gguf is damaged or of another version"));
}

static void hashes_are_remembered(void **state)
{
	(void)state;
	struct model m, n;
	struct err err = {0};
	AUTO(mem_freep) char *cache = in_dir("cache/hashes.json");
	AUTO(mem_freep) char *path = in_dir("m.gguf");
	put("demo.gguf", "m.gguf", 0);
	put("mmproj-demo.gguf", "mmproj-m.gguf", 0);
	assert_ok(choose("m", &m, &err));
	assert_ok(model_hash(&m, cache, NULL, NULL, NULL, &err));
	assert_int_equal(strlen(m.hash), 64);
	assert_true(file_exists(cache));
	/* Same size, same time: believed. A later time: read again. */
	struct stat st;
	assert_ok(stat(path, &st));
	FILE *f = fopen(path, "r+b");
	fseek(f, -1, SEEK_END);
	fputc(0x55, f);
	fclose(f);
	const struct timespec before[2] = {st.st_atim, st.st_mtim};
	assert_ok(utimensat(AT_FDCWD, path, before, 0));
	assert_ok(choose("m", &n, &err));
	assert_ok(model_hash(&n, cache, NULL, NULL, NULL, &err));
	assert_string_equal(n.hash, m.hash);
	assert_ok(model_hash(&n, NULL, NULL, NULL, NULL, &err));
	assert_string_not_equal(n.hash, m.hash);
	/* A damaged cache is ignored. */
	f = fopen(cache, "w");
	fputs("{\"", f);
	fclose(f);
	assert_ok(model_hash(&n, cache, NULL, NULL, NULL, &err));
	struct cancel *c = cancel_new();
	cancel_fire(c);
	unlink(cache);
	assert_int_equal(model_hash(&n, cache, c, NULL, NULL, &err), -ERR_CANCELED);
	cancel_free(c);
	model_clear(&m);
	model_clear(&n);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read),
		cmocka_unit_test_setup(damaged_files_do_no_harm, empty_dir),
		cmocka_unit_test_setup(models_are_found_by_path_and_name, empty_dir),
		cmocka_unit_test_setup(the_newest_is_chosen_and_said, empty_dir),
		cmocka_unit_test_setup(faulty_models_are_one_clear_line, empty_dir),
		cmocka_unit_test_setup(the_demo_models_sums_are_checked, empty_dir),
		cmocka_unit_test_setup(hashes_are_remembered, empty_dir),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	empty_dir(NULL);
	rmdir(dir);
	return failed;
}
