/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of a model, cached: reading 20 GB takes longer than many jobs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/model.h"
#include "models/note.h"

#define CACHE_MAX ((size_t)4 << 20)
#define CACHE_ENTRIES 500 /* a larger cache is discarded */
#define WORTH_A_NOTE ((int64_t)256 << 20)

struct hashing {
	json_t *cache; /* path -> [size, time of change, hash] */
	bool changed;
	struct cancel *cancel;
	void (*note)(void *ctx, const char *what);
	void *ctx;
};

static json_t *cache_load(const char *path)
{
	AUTO(buf_free) struct buf b = BUF(CACHE_MAX);
	struct err ignored = {0};
	/* A cache that cannot be read costs only time. */
	json_t *j =
		path && file_read(path, &b, &ignored) == 0 ? json_loadb(buf_str(&b), b.len, 0, NULL) : NULL;
	if (json_is_object(j) && json_object_size(j) <= CACHE_ENTRIES)
		return j;
	json_decref(j);
	return json_object();
}

static void cache_save(const char *path, const json_t *cache)
{
	AUTO(mem_freep) char *text = json_dumps(cache, JSON_INDENT(1) | JSON_SORT_KEYS);
	AUTO(mem_freep) char *dir = mem_printf("%.*s", (int)(file_base(path) - path), path);
	struct err ignored = {0};
	if (text && (!*dir || file_mkdirs(dir, false, &ignored) == 0))
		file_write(path, text, strlen(text), &ignored);
}

static bool cached(const struct hashing *h, const char *key, const struct stat *st, int64_t changed,
                   char *out)
{
	const json_t *entry = json_object_get(h->cache, key);
	const char *hash = json_string_value(json_array_get(entry, 2));
	if (!hash || strlen(hash) != HASH_HEX - 1 ||
	    json_integer_value(json_array_get(entry, 0)) != st->st_size ||
	    json_integer_value(json_array_get(entry, 1)) != changed)
		return false;
	memcpy(out, hash, HASH_HEX);
	return true;
}

static int hash_file(struct hashing *h, const char *path, char out[static HASH_HEX],
                     struct err *err)
{
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read the model %s", path);
	AUTO(mem_freep) char *real = realpath(path, NULL);
	/* JSON keys are UTF-8; two names that differ only in broken bytes differ in
	 * size or time, too. */
	AUTO(mem_freep) char *key = text_line(real ? real : path, 4096);
	int64_t changed = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	if (cached(h, key, &st, changed, out))
		return 0;
	if (st.st_size >= WORTH_A_NOTE) {
		char size[TEXT_SIZE_MAX];
		note_line(h->note, h->ctx, "reading %s (%s), once, for its hash", file_base(path),
		          text_size((double)st.st_size, size));
	}

	int r = hash_fd(fd, h->cancel, NULL, out, err);
	if (r < 0)
		return r;
	json_object_set_new(h->cache, key,
	                    json_pack("[I, I, s]", (json_int_t)st.st_size, (json_int_t)changed, out));
	h->changed = true;
	return 0;
}

static int hash_all(struct hashing *h, struct model *m, struct err *err)
{
	AUTO(hash_freep) struct hash *sum = hash_new();
	char one[HASH_HEX];
	size_t stem = strlen(m->path) - (m->files > 1 ? strlen("-00001-of-00003.gguf") : 0);
	for (int64_t i = 1; i <= m->files; i++) {
		AUTO(mem_freep)
		char *path = m->files == 1 ? mem_strdup(m->path)
		                           : mem_printf("%.*s-%05" PRId64 "-of-%05" PRId64 ".gguf",
		                                        (int)stem, m->path, i, m->files);
		int r = hash_file(h, path, one, err);
		if (r < 0)
			return r;
		hash_adds(sum, one);
	}
	int r = m->projector ? hash_file(h, m->projector, one, err) : 0;
	if (r < 0)
		return r;
	if (m->projector)
		hash_adds(sum, one);
	hash_end(sum, m->hash);
	return 0;
}

int model_hash(struct model *m, const char *cache_path, struct cancel *cancel,
               void (*note)(void *ctx, const char *what), void *ctx, struct err *err)
{
	struct hashing h = {
		.cache = cache_load(cache_path), .cancel = cancel, .note = note, .ctx = ctx};
	int r = hash_all(&h, m, err);
	if (cache_path && h.changed)
		cache_save(cache_path, h.cache);
	json_decref(h.cache);
	return r;
}

int model_file_hash(const char *path, const char *cache_path, struct cancel *cancel,
                    void (*note)(void *ctx, const char *what), void *ctx, char out[static HASH_HEX],
                    struct err *err)
{
	struct hashing h = {
		.cache = cache_load(cache_path), .cancel = cancel, .note = note, .ctx = ctx};
	int r = hash_file(&h, path, out, err);
	if (cache_path && h.changed)
		cache_save(cache_path, h.cache);
	json_decref(h.cache);
	return r;
}
