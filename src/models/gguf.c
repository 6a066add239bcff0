/* SPDX-License-Identifier: Apache-2.0 */
#include "models/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define KEY_MAX 256
#define TEXT_MAX 1024
#define COUNT_MAX 1000000
#define DIMS_MAX 8
#define LAYERS_MAX 4096

enum value_type {
	V_U8,
	V_I8,
	V_U16,
	V_I16,
	V_U32,
	V_I32,
	V_F32,
	V_BOOL,
	V_STRING,
	V_ARRAY,
	V_U64,
	V_I64,
	V_F64,
	V_COUNT
};

static const unsigned char value_size[V_COUNT] = {
	[V_U8] = 1,  [V_I8] = 1,   [V_U16] = 2, [V_I16] = 2, [V_U32] = 4, [V_I32] = 4,
	[V_F32] = 4, [V_BOOL] = 1, [V_U64] = 8, [V_I64] = 8, [V_F64] = 8,
};

/* Elements and bytes of a block, by ggml_type. The size of unknown types is not
 * checked. */
static const struct {
	unsigned short elements, bytes;
} blocks[] = {
	[0] = {1, 4},      [1] = {1, 2},      [2] = {32, 18},    [3] = {32, 20},    [6] = {32, 22},
	[7] = {32, 24},    [8] = {32, 34},    [9] = {32, 36},    [10] = {256, 84},  [11] = {256, 110},
	[12] = {256, 144}, [13] = {256, 176}, [14] = {256, 210}, [15] = {256, 292}, [16] = {256, 66},
	[17] = {256, 74},  [18] = {256, 98},  [19] = {256, 50},  [20] = {32, 18},   [21] = {256, 110},
	[22] = {256, 82},  [23] = {256, 136}, [24] = {1, 1},     [25] = {1, 2},     [26] = {1, 4},
	[27] = {1, 8},     [28] = {1, 8},     [29] = {256, 56},  [30] = {1, 2},     [34] = {256, 54},
	[35] = {256, 66},  [39] = {32, 17},
};

struct reader {
	FILE *f;
	const char *path;
	int64_t at, size;
	struct err *err;
};

static int cut_short(const struct reader *r)
{
	return err_set(r->err, ERR_FORMAT,
	               "%s is cut short or damaged: its header does not fit into %lld bytes", r->path,
	               (long long)r->size);
}

static int take(struct reader *r, void *out, size_t n)
{
	if ((int64_t)n > r->size - r->at || fread(out, 1, n, r->f) != n)
		return cut_short(r);
	r->at += (int64_t)n;
	return 0;
}

static int skip(struct reader *r, uint64_t n)
{
	if (n > (uint64_t)(r->size - r->at))
		return cut_short(r);
	/* Reading short stretches keeps stdio's buffer; seeking would drop it for
	 * each of 150 000 words. */
	char scratch[512];
	if (n <= sizeof scratch)
		return take(r, scratch, (size_t)n);
	r->at += (int64_t)n;
	return fseeko(r->f, r->at, SEEK_SET) < 0 ? cut_short(r) : 0;
}

static int take_u32(struct reader *r, uint32_t *out)
{
	return take(r, out, sizeof *out);
}

static int take_u64(struct reader *r, uint64_t *out)
{
	return take(r, out, sizeof *out);
}

/* A string; what does not fit into `out` is skipped. `out` may be NULL with
 * size 0. */
static int take_string(struct reader *r, char *out, size_t size)
{
	uint64_t len;
	int e = take_u64(r, &len);
	if (e < 0)
		return e;
	size_t keep = !size ? 0 : len < size - 1 ? (size_t)len : size - 1;
	if (keep && (e = take(r, out, keep)) < 0)
		return e;
	if (size)
		out[keep] = '\0';
	return skip(r, len - keep);
}

/* An array; *ret_sum is the sum of its numbers where these are whole ones of
 * four bytes, else 0. */
static int take_array(struct reader *r, int64_t *ret_sum)
{
	*ret_sum = 0;
	uint32_t type;
	uint64_t n;
	int e = take_u32(r, &type);
	if (e < 0 || (e = take_u64(r, &n)) < 0)
		return e;
	if (type == V_STRING) {
		for (uint64_t i = 0; i < n; i++)
			if ((e = take_string(r, NULL, 0)) < 0)
				return e;
		return 0;
	}
	if (type >= V_COUNT || !value_size[type] || n > (uint64_t)r->size)
		return cut_short(r);
	if ((type != V_U32 && type != V_I32) || n > LAYERS_MAX)
		return skip(r, n * value_size[type]);
	for (uint64_t i = 0; i < n; i++) {
		uint32_t v;
		if ((e = take_u32(r, &v)) < 0)
			return e;
		*ret_sum += v < INT32_MAX ? (int64_t)v : 0;
	}
	return 0;
}

/* A number or boolean as int64, an array as the sum of its whole numbers; what
 * is none of these leaves 0. */
static int take_number(struct reader *r, uint32_t type, int64_t *ret)
{
	*ret = 0;
	if (type == V_STRING)
		return take_string(r, NULL, 0);
	if (type == V_ARRAY)
		return take_array(r, ret);
	if (type >= V_COUNT)
		return cut_short(r);
	unsigned char b[8] = {0};
	int e = take(r, b, value_size[type]);
	if (e < 0)
		return e;
	uint64_t v;
	memcpy(&v, b, sizeof v);
	if (type != V_F32 && type != V_F64)
		*ret = v > INT64_MAX / 2 ? 0 : (int64_t)v;
	return 0;
}

static int set_text(struct reader *r, uint32_t type, char **out)
{
	int64_t none;
	if (type != V_STRING)
		return take_number(r, type, &none);
	char text[TEXT_MAX];
	int e = take_string(r, text, sizeof text);
	if (e < 0)
		return e;
	free(*out);
	*out = text_line(text, 200);
	return 0;
}

/* The part of a key behind "ARCH.", or NULL where the key does not begin so. */
static const char *behind_arch(const struct gguf *g, const char *key)
{
	size_t n = strlen(g->arch);
	return n && !strncmp(key, g->arch, n) && key[n] == '.' ? key + n + 1 : NULL;
}

static int64_t *number_of(struct gguf *g, const char *key)
{
	if (!strcmp(key, "split.count"))
		return &g->splits;
	const char *k = behind_arch(g, key);
	if (!k)
		return NULL;
	const struct {
		const char *key;
		int64_t *to;
	} known[] = {
		{"context_length", &g->context},
		{"block_count", &g->layers},
		{"embedding_length", &g->width},
		{"attention.head_count", &g->heads},
		{"attention.head_count_kv", &g->kv_heads},
		{"attention.key_length", &g->key_length},
		{"attention.value_length", &g->value_length},
		{"attention.sliding_window", &g->window},
		{"feed_forward_length", &g->feed_forward},
		{"vocab_size", &g->vocab},
		{"ssm.state_size", &g->recurrent},
		{"vision.block_count", &g->vision_layers},
		{"vision.embedding_length", &g->vision_width},
		{"vision.attention.head_count", &g->vision_heads},
		{"vision.feed_forward_length", &g->vision_feed_forward},
		{"vision.spatial_merge_size", &g->merge},
		{"vision.projection_dim", &g->projection},
		{"vision.image_size", &g->image_size},
		{"vision.patch_size", &g->patch_size},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(k, known[i].key))
			return known[i].to;
	return NULL;
}

static int take_pair(struct reader *r, struct gguf *g, int64_t *alignment)
{
	char key[KEY_MAX];
	uint32_t type;
	int64_t n, *to;
	int e = take_string(r, key, sizeof key);
	if (e < 0 || (e = take_u32(r, &type)) < 0)
		return e;
	if (!strcmp(key, "general.architecture"))
		return set_text(r, type, &g->arch);
	if (!strcmp(key, "general.name"))
		return set_text(r, type, &g->name);
	if (!strcmp(key, "clip.projector_type") || !strcmp(key, "clip.vision.projector_type"))
		return set_text(r, type, &g->projector);
	if ((e = take_number(r, type, &n)) < 0)
		return e;
	if (!strcmp(key, "general.alignment") && n > 0 && n <= 1 << 20)
		*alignment = n;
	else if (!strcmp(key, "clip.has_vision_encoder"))
		g->vision = n != 0;
	else if (!strcmp(key, "general.file_type"))
		g->file_type = n;
	else if (type == V_ARRAY && (to = number_of(g, key)) == &g->kv_heads)
		g->kv_heads_all = n;
	else if (type != V_ARRAY && (to = number_of(g, key)))
		*to = n;
	return 0;
}

/* The last matrix of the projectors whose form we know. */
static bool is_output(const char *name)
{
	return !strcmp(name, "mm.2.weight") || !strcmp(name, "mm.model.mlp.3.weight") ||
	       !strcmp(name, "mm.model.fc.weight");
}

/* Reads the entry of one tensor; *end becomes at least the end of its data,
 * relative to the start of the data. */
static int take_tensor(struct reader *r, struct gguf *g, int64_t *end)
{
	uint32_t dims, type;
	uint64_t dim, offset, elements = 1, last = 1;
	char name[KEY_MAX];
	int e = take_string(r, name, sizeof name);

	if (e < 0 || (e = take_u32(r, &dims)) < 0)
		return e;
	if (dims > DIMS_MAX)
		return cut_short(r);
	for (uint32_t i = 0; i < dims; i++) {
		if ((e = take_u64(r, &dim)) < 0)
			return e;
		if (__builtin_mul_overflow(elements, dim, &elements) || elements > (uint64_t)1 << 50)
			return cut_short(r);
		last = dim;
	}

	if ((e = take_u32(r, &type)) < 0 || (e = take_u64(r, &offset)) < 0)
		return e;
	if (offset > (uint64_t)1 << 60)
		return cut_short(r);

	uint64_t bytes = type < ARRAY_LEN(blocks) && blocks[type].elements
	                     ? elements / blocks[type].elements * blocks[type].bytes
	                     : 0;
	g->weight_bytes += (int64_t)bytes;
	g->parameters += (int64_t)elements;
	if (!strncmp(name, "blk.", 4))
		g->layer_bytes += (int64_t)bytes;
	else if (!strcmp(name, "token_embd.weight") && !g->vocab)
		g->vocab = (int64_t)last;
	else if (dims == 2 && is_output(name))
		g->output = (int64_t)last;
	if ((int64_t)(offset + bytes) > *end)
		*end = (int64_t)(offset + bytes);
	return 0;
}

static int take_header(struct reader *r, struct gguf *g)
{
	char magic[4];
	uint32_t version;
	uint64_t tensors, pairs;

	if (r->size < 24 || take(r, magic, 4) < 0 || memcmp(magic, "GGUF", 4) != 0)
		return err_set(r->err, ERR_FORMAT, "%s is not a GGUF file", r->path);
	int e = take_u32(r, &version);
	if (e < 0)
		return e;
	if (version < 2 || version > 3)
		return err_set(r->err, ERR_UNSUPPORTED,
		               "%s is a GGUF file of a version or byte order that is not supported",
		               r->path);

	if ((e = take_u64(r, &tensors)) < 0 || (e = take_u64(r, &pairs)) < 0)
		return e;
	if (tensors > COUNT_MAX || pairs > COUNT_MAX)
		return cut_short(r);

	int64_t alignment = 32, end = 0;
	for (uint64_t i = 0; i < pairs; i++)
		if ((e = take_pair(r, g, &alignment)) < 0)
			return e;
	for (uint64_t i = 0; i < tensors; i++)
		if ((e = take_tensor(r, g, &end)) < 0)
			return e;

	g->tensors = (int64_t)tensors;
	int64_t need = tensors ? (r->at + alignment - 1) / alignment * alignment + end : r->at;
	if (need > r->size)
		return err_set(r->err, ERR_FORMAT, "%s is cut short: %lld of %lld bytes", r->path,
		               (long long)r->size, (long long)need);
	return 0;
}

static void file_closep(FILE **f)
{
	if (*f)
		fclose(*f);
}

int gguf_read(const char *path, struct gguf *ret, struct err *err)
{
	/* A pipe would block in open() until a process writes. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0)
		return err_sys(err, errno, "cannot open the model %s", path);
	AUTO(file_closep) FILE *f = fdopen(fd, "rb");
	if (!f || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read the model %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FORMAT, "%s is not a GGUF file", path);
	struct gguf g = {.arch = mem_strdup(""),
	                 .name = mem_strdup(""),
	                 .projector = mem_strdup(""),
	                 .file_bytes = st.st_size,
	                 .file_type = -1,
	                 .vision = -1};
	struct reader r = {.f = f, .path = path, .size = st.st_size, .err = err};
	int e = take_header(&r, &g);
	if (e < 0) {
		gguf_clear(&g);
		return e;
	}
	*ret = g;
	return 0;
}

void gguf_clear(struct gguf *g)
{
	free(g->arch);
	free(g->name);
	free(g->projector);
	*g = (struct gguf){0};
}

/* The words of --quantize and of file names, by general.file_type. */
static const struct {
	int64_t file_type;
	const char *name;
} precisions[] = {{0, "f32"},     {1, "f16"},     {32, "bf16"},   {7, "q8_0"},    {18, "q6_k"},
                  {17, "q5_k_m"}, {16, "q5_k_s"}, {15, "q4_k_m"}, {14, "q4_k_s"}, {2, "q4_0"},
                  {3, "q4_1"},    {8, "q5_0"},    {9, "q5_1"},    {12, "q3_k_m"}, {11, "q3_k_s"},
                  {13, "q3_k_l"}, {10, "q2_k"},   {30, "iq4_xs"}, {25, "iq4_nl"}, {27, "iq3_m"},
                  {29, "iq2_m"},  {38, "mxfp4"}};

const char *gguf_quantize_name(int64_t file_type)
{
	for (size_t i = 0; i < ARRAY_LEN(precisions); i++)
		if (precisions[i].file_type == file_type)
			return precisions[i].name;
	return NULL;
}

int64_t gguf_file_type(const char *quantize)
{
	for (size_t i = 0; i < ARRAY_LEN(precisions); i++)
		if (!strcasecmp(precisions[i].name, quantize))
			return precisions[i].file_type;
	return -1;
}
