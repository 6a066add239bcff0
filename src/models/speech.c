/* SPDX-License-Identifier: Apache-2.0 */
#include "models/speech.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define MAGIC 0x67676d6cu /* "ggml" */
#define GGUF_MAGIC "GGUF"
#define VOICE_NAME "silero"
#define VOCAB_MULTI 51865 /* the smallest that knows more than English */
#define VOCAB_MAX 200000
#define WORD_MAX 4096
#define NAME_LEN_MAX 256
#define TENSORS_MAX 100000
#define QUANTIZATION_VERSIONS 1000 /* the file type holds a version in its thousands */

struct reader {
	FILE *f;
	const char *path;
	int64_t at, size;
	struct err *err;
};

/* Elements and bytes of a block, by ggml_type. */
static const struct {
	int elements, bytes;
} blocks[] = {
	[0] = {1, 4},      [1] = {1, 2},      [2] = {32, 18},    [3] = {32, 20},   [6] = {32, 22},
	[7] = {32, 24},    [8] = {32, 34},    [9] = {32, 36},    [10] = {256, 84}, [11] = {256, 110},
	[12] = {256, 144}, [13] = {256, 176}, [14] = {256, 210},
};

static int cut_short(const struct reader *r)
{
	return err_set(r->err, ERR_FORMAT, "%s is cut short or damaged, after %lld of %lld bytes",
	               r->path, (long long)r->at, (long long)r->size);
}

static int take(struct reader *r, void *out, size_t n)
{
	if ((int64_t)n > r->size - r->at || fread(out, 1, n, r->f) != n)
		return cut_short(r);
	r->at += (int64_t)n;
	return 0;
}

static int skip(struct reader *r, int64_t n)
{
	char scratch[512];
	if (n < 0 || n > r->size - r->at)
		return cut_short(r);
	if (n <= (int64_t)sizeof scratch)
		return take(r, scratch, (size_t)n);
	r->at += n;
	return fseeko(r->f, r->at, SEEK_SET) < 0 ? cut_short(r) : 0;
}

static int take_i32(struct reader *r, int32_t *out, size_t n)
{
	return take(r, out, n * sizeof *out);
}

/* ---- tensors */

static int skip_tensor(struct reader *r)
{
	int32_t head[3], dims[4];
	char name[NAME_LEN_MAX];
	int e = take_i32(r, head, 3);
	if (e < 0)
		return e;
	if (head[0] < 0 || head[0] > 4 || head[1] < 1 || head[1] >= NAME_LEN_MAX)
		return cut_short(r);
	int32_t type = head[2];
	if (type < 0 || (size_t)type >= ARRAY_LEN(blocks) || !blocks[type].bytes)
		return err_set(r->err, ERR_FORMAT, "%s holds weights of a kind that is not known (%d)",
		               r->path, (int)type);
	if ((e = take_i32(r, dims, (size_t)head[0])) < 0 || (e = take(r, name, (size_t)head[1])) < 0)
		return e;
	int64_t elements = 1;
	for (int32_t i = 0; i < head[0]; i++) {
		if (dims[i] < 1 || elements > INT64_MAX / 8 / dims[i])
			return cut_short(r);
		elements *= dims[i];
	}
	int64_t n = elements / blocks[type].elements;
	return n > INT64_MAX / blocks[type].bytes ? cut_short(r) : skip(r, n * blocks[type].bytes);
}

static int skip_tensors(struct reader *r)
{
	int n = 0;
	for (; r->at < r->size; n++) {
		int e = n < TENSORS_MAX ? skip_tensor(r) : cut_short(r);
		if (e < 0)
			return e;
	}
	return n ? 0 : err_set(r->err, ERR_FORMAT, "%s holds no weights", r->path);
}

/* ---- heads */

static const char *size_of(int64_t sound_layers, int64_t text_layers)
{
	static const struct {
		int sound, text;
		const char *name;
	} sizes[] = {{4, 4, "tiny"},         {6, 6, "base"},    {12, 12, "small"}, {24, 24, "medium"},
	             {32, 4, "large-turbo"}, {32, 32, "large"}, {32, 2, "distil"}};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		if (sizes[i].sound == sound_layers && sizes[i].text == text_layers)
			return sizes[i].name;
	return "";
}

static const char *stored_of(int32_t file_type)
{
	static const char *const names[] = {"f32",  "f16",  "q4_0", "q4_1", "",
	                                    "",     "",     "q8_0", "q5_0", "q5_1",
	                                    "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"};
	int32_t type = file_type % QUANTIZATION_VERSIONS;
	return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : "";
}

static bool between(int32_t v, int32_t least, int32_t most)
{
	return v >= least && v <= most;
}

static int take_words(struct reader *r, int32_t vocab)
{
	int32_t n;
	int e = take_i32(r, &n, 1);
	if (e < 0)
		return e;
	if (!between(n, 1, vocab))
		return cut_short(r);
	for (int32_t i = 0; i < n; i++) {
		uint32_t len;
		if ((e = take(r, &len, sizeof len)) < 0)
			return e;
		if (len > WORD_MAX)
			return cut_short(r);
		if ((e = skip(r, len)) < 0)
			return e;
	}
	return 0;
}

/* `vocab` was read. */
static int take_whisper(struct reader *r, int32_t vocab, struct speech_file *f)
{
	/* context, width, heads and layers of the sound's half, then of the text's;
	 * bands of the spectrum; how the weights are stored */
	int32_t h[10], filters[2];
	int e = take_i32(r, h, 10);
	if (e < 0)
		return e;
	if (!between(h[0], 1, 100000) || !between(h[1], 1, 100000) || !between(h[2], 1, 1000) ||
	    !between(h[3], 1, 1000) || !between(h[4], 1, 100000) || !between(h[5], 1, 100000) ||
	    !between(h[6], 1, 1000) || !between(h[7], 1, 1000) || !between(h[8], 1, 1000))
		return err_set(r->err, ERR_FORMAT, "%s is not a model of whisper.cpp, or damaged", r->path);
	f->vocab = vocab;
	f->english = vocab < VOCAB_MULTI;
	f->layers = h[3] + h[7];
	f->width = h[1];
	f->size = size_of(h[3], h[7]);
	f->stored = stored_of(h[9]);
	if ((e = take_i32(r, filters, 2)) < 0)
		return e;
	if (filters[0] != h[8] || !between(filters[1], 1, 100000))
		return cut_short(r);
	e = skip(r, (int64_t)filters[0] * filters[1] * (int64_t)sizeof(float));
	if (e == 0)
		e = take_words(r, vocab);
	return e < 0 ? e : skip_tensors(r);
}

/* The length of the name was read. The rest of the header says how the layers
 * are built, which differs between versions. */
static int take_voice(struct reader *r, int32_t len, struct speech_file *f)
{
	char name[64] = "";
	int e = take(r, name, (size_t)len);
	if (e < 0)
		return e;
	if (strncasecmp(name, VOICE_NAME, strlen(VOICE_NAME)) != 0)
		return err_set(r->err, ERR_FORMAT, "%s is not a model of whisper.cpp", r->path);
	f->voice = true;
	return 0;
}

static int not_ggml(const struct reader *r, const void *magic)
{
	if (memcmp(magic, GGUF_MAGIC, 4) == 0)
		return err_set(r->err, ERR_UNSUPPORTED,
		               "%s is a GGUF file: whisper-server takes models in whisper.cpp's own format "
		               "(ggml-….bin); vdet model get whisper-base fetches one",
		               r->path);
	return err_set(r->err, ERR_FORMAT, "%s is not a model of whisper.cpp (ggml-….bin)", r->path);
}

static int read_file(struct reader *r, struct speech_file *f)
{
	uint32_t magic;
	int32_t first;
	if (r->size < (int64_t)sizeof magic)
		return err_set(r->err, ERR_FORMAT, "%s is not a model of whisper.cpp: it is too short",
		               r->path);
	int e = take(r, &magic, sizeof magic);
	if (e < 0)
		return e;
	if (magic != MAGIC)
		return not_ggml(r, &magic);
	if ((e = take_i32(r, &first, 1)) < 0)
		return e;
	if (between(first, 1, 63))
		return take_voice(r, first, f);
	if (!between(first, 1000, VOCAB_MAX))
		return err_set(r->err, ERR_FORMAT, "%s is not a model of whisper.cpp: it has %d words",
		               r->path, (int)first);
	return take_whisper(r, first, f);
}

int speech_file_read(const char *path, struct speech_file *ret, struct err *err)
{
	struct stat st;
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read the model %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FORMAT, "%s is not a file", path);
	FILE *f = fdopen(fd, "rb");
	if (!f)
		return err_sys(err, errno, "cannot read the model %s", path);
	fd = -1;
	struct reader r = {.f = f, .path = path, .size = st.st_size, .err = err};
	struct speech_file found = {.size = "", .stored = "", .file_bytes = st.st_size};
	int e = read_file(&r, &found);
	fclose(f);
	if (e == 0)
		*ret = found;
	return e;
}

bool speech_file_is_named(const char *name)
{
	size_t n = strlen(name);
	return n > 4 && *name != '.' && !strcasecmp(name + n - 4, ".bin");
}

/* Weights, caches and the work of one request: within a tenth of what
 * whisper.cpp states for each of its sizes. */
int64_t speech_file_memory(const struct speech_file *f)
{
	return f->file_bytes + f->file_bytes / 5 + ((int64_t)256 << 20);
}
