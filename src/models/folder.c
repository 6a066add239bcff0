/* SPDX-License-Identifier: Apache-2.0 */
#include "models/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "models/gguf.h"
#include "models/speech.h"

#define MANIFEST "vdet-model.json"
#define MANIFEST_MAX ((size_t)1 << 20)
#define FILES_MAX 1000

/* ---- names */

bool model_is_projector(const char *path)
{
	return strcasestr(file_base(path), "mmproj") != NULL;
}

int64_t model_split(const char *path, size_t *ret_stem, int64_t *ret_count)
{
	size_t n = strlen(path), tail = strlen("-00001-of-00003.gguf");
	int number = 0, count = 0, used = 0;
	if (n <= tail || sscanf(path + n - tail, "-%5d-of-%5d.gguf%n", &number, &count, &used) != 2 ||
	    used != (int)tail || number < 1 || count < number)
		return 0;
	*ret_stem = n - tail;
	*ret_count = count;
	return number;
}

const char *model_name_precision(const char *name)
{
	static const char *const words[] = {"mixed",  "bf16",   "f16",    "f32",    "q8_0",   "q6_k",
	                                    "q5_k_m", "q5_k_s", "q5_0",   "q5_1",   "q4_k_m", "q4_k_s",
	                                    "q4_0",   "q4_1",   "q3_k_m", "q3_k_s", "q3_k_l", "iq4_xs",
	                                    "iq4_nl", "iq3_m",  "iq2_m",  "q2_k",   "mxfp4"};
	name = file_base(name);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		for (const char *at = name; (at = strcasestr(at, words[i])); at++) {
			char before = at > name ? at[-1] : '-', after = at[strlen(words[i])];
			/* "q6_k" is also the head of "q6_k_l", a precision of its own;
			 * "f16" the tail of "bf16". */
			if (!isalnum((unsigned char)before) && !isalnum((unsigned char)after) && after != '_')
				return words[i];
		}
	return "";
}

/* ---- the manifest */

static void file_clear(struct model_file *f)
{
	free(f->name);
	free(f->quantize);
	free(f->sha256);
	free(f->from);
}

void model_folder_clear(struct model_folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		file_clear(&f->files[i]);
	free(f->files);
	free(f->dir);
	free(f->name);
	free(f->title);
	free(f->licence);
	free(f->repository);
	free(f->revision);
	free(f->use);
	*f = (struct model_folder){0};
}

static char *copy(const char *s)
{
	return mem_strdup(s ? s : "");
}

void model_folder_put(struct model_folder *f, const char *name, const char *quantize,
                      const char *sha256, const char *from, int64_t size, bool projector)
{
	const struct model_file new = {copy(name), copy(quantize), copy(sha256),
	                               copy(from), size,           projector};
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->files[i].name, name)) {
			file_clear(&f->files[i]);
			f->files[i] = new;
			return;
		}
	f->files = mem_grow(f->files, f->n + 1, sizeof *f->files);
	f->files[f->n++] = new;
}

static const char *string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static bool take_manifest(struct model_folder *f)
{
	AUTO(mem_freep) char *path = file_join(f->dir, MANIFEST);
	AUTO(buf_free) struct buf b = BUF(MANIFEST_MAX);
	struct err ignored;
	json_auto_t *j =
		file_read(path, &b, &ignored) == 0 ? json_loadb(buf_str(&b), b.len, 0, NULL) : NULL;
	const json_t *files = json_object_get(j, "files");
	f->managed = json_is_array(files) && json_array_size(files) <= FILES_MAX;
	f->title = copy(string_of(j, "title"));
	f->licence = copy(string_of(j, "licence"));
	f->repository = copy(string_of(j, "repository"));
	f->revision = copy(string_of(j, "revision"));
	f->use = copy(string_of(j, "use"));
	for (size_t i = 0; f->managed && i < json_array_size(files); i++) {
		const json_t *o = json_array_get(files, i);
		const char *name = string_of(o, "name");
		/* Names with slashes are rejected, so that vdet writes nothing outside
		 * the folder. */
		if (*name && !strchr(name, '/') && *name != '.')
			model_folder_put(f, name, string_of(o, "quantize"), string_of(o, "sha256"),
			                 string_of(o, "made_from"),
			                 json_integer_value(json_object_get(o, "size")),
			                 json_is_true(json_object_get(o, "projector")));
	}
	return f->managed;
}

int model_folder_save(const struct model_folder *f, struct err *err)
{
	json_auto_t *j = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:[]}", "version", 1, "name",
	                           f->name, "title", f->title, "licence", f->licence, "repository",
	                           f->repository, "revision", f->revision, "use", f->use, "files");
	for (size_t i = 0; i < f->n; i++) {
		const struct model_file *m = &f->files[i];
		json_array_append_new(json_object_get(j, "files"),
		                      json_pack("{s:s, s:s, s:s, s:s, s:I, s:b}", "name", m->name,
		                                "quantize", m->quantize, "sha256", m->sha256, "made_from",
		                                m->from, "size", (json_int_t)m->size, "projector",
		                                m->projector));
	}
	AUTO(mem_freep) char *text = json_dumps(j, JSON_INDENT(1));
	AUTO(mem_freep) char *path = file_join(f->dir, MANIFEST);
	return text ? file_write(path, text, strlen(text), err)
	            : err_set(err, ERR_INTERNAL, "the names of the model's files are no valid text");
}

/* ---- reading the folder */

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool is_gguf(const char *name)
{
	size_t n = strlen(name);
	return n > 5 && *name != '.' && !strcasecmp(name + n - 5, ".gguf");
}

static bool is_model_file(const char *name)
{
	return is_gguf(name) || speech_file_is_named(name);
}

/* A file of the folder that the manifest does not know. */
static void put_found(struct model_folder *f, const char *name)
{
	AUTO(mem_freep) char *path = file_join(f->dir, name);
	struct stat st;
	struct gguf g = {0};
	struct err ignored;
	const char *precision = model_name_precision(name);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (speech_file_is_named(name)) {
		struct speech_file s;
		/* Many files have a name like this. */
		if (speech_file_read(path, &s, &ignored) == 0)
			model_folder_put(f, name, *precision ? precision : s.stored, "", "", st.st_size, false);
		return;
	}
	if (!*precision && gguf_read(path, &g, &ignored) == 0 && gguf_quantize_name(g.file_type))
		precision = gguf_quantize_name(g.file_type);
	model_folder_put(f, name, precision, "", "", st.st_size, model_is_projector(name));
	gguf_clear(&g);
}

static void take_found(struct model_folder *f)
{
	AUTO(dir_closep) DIR *d = opendir(f->dir);
	for (const struct dirent *de; d && (de = readdir(d));)
		if (is_model_file(de->d_name) && f->n < FILES_MAX)
			put_found(f, de->d_name);
}

/* Folders that vdet made, as the manifest says; else what is found. A single
 * file in the models folder counts as a model. */
int model_folder_read(const char *models_dir, const char *name, struct model_folder *ret,
                      struct err *err)
{
	if (!*name || *name == '.' || strchr(name, '/'))
		return err_set(err, ERR_NOENT, "invalid name of a model: %s", name);
	AUTO(model_folder_clear)
	struct model_folder f = {.dir = file_join(models_dir, name), .name = mem_strdup(name)};
	if (file_is_dir(f.dir)) {
		if (!take_manifest(&f))
			take_found(&f);
		if (!f.managed && !f.n)
			return err_set(err, ERR_NOENT, "the folder %s holds no model", f.dir);
	} else {
		AUTO(mem_freep)
		char *file = is_model_file(name) ? mem_strdup(name) : mem_printf("%s.gguf", name);
		free(f.dir);
		f.dir = mem_strdup(models_dir);
		take_manifest(&f);
		put_found(&f, file);
		f.managed = false;
		if (!f.n)
			return err_set(err, ERR_NOENT,
			               "no model %s in %s; vdet model list shows the installed models", name,
			               models_dir);
	}
	*ret = f;
	f = (struct model_folder){0};
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct model_folder *x = a, *y = b;
	return strcmp(x->name, y->name);
}

int model_folders_read(const char *models_dir, struct model_folder **ret, size_t *ret_n,
                       struct err *err)
{
	struct model_folder *all = NULL;
	size_t n = 0, stem;
	int64_t count;
	AUTO(dir_closep) DIR *d = opendir(models_dir);
	if (!d && errno != ENOENT)
		return err_sys(err, errno, "cannot read the models folder %s", models_dir);
	for (const struct dirent *de; d && (de = readdir(d));) {
		struct model_folder f = {0};
		AUTO(mem_freep) char *path = file_join(models_dir, de->d_name);
		struct err ignored;
		if (*de->d_name == '.' || n >= FILES_MAX)
			continue;
		if (!file_is_dir(path) && (!is_model_file(de->d_name) || model_is_projector(de->d_name) ||
		                           model_split(de->d_name, &stem, &count) > 1))
			continue;
		if (model_folder_read(models_dir, de->d_name, &f, &ignored) < 0)
			continue;
		all = mem_grow(all, n + 1, sizeof *all);
		all[n++] = f;
	}
	if (n > 1)
		qsort(all, n, sizeof *all, by_name);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- checking and removing */

/* "" or what is wrong with a file; the caller frees. NULL with *err set where
 * it was interrupted. */
static char *fault_of(const struct model_folder *f, const struct model_file *m,
                      struct cancel *cancel, struct err *err)
{
	AUTO(mem_freep) char *path = file_join(f->dir, m->name);
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct gguf g = {0};
	char hash[HASH_HEX];
	if (fd < 0 || fstat(fd, &st) < 0)
		return mem_printf("it is not there (%s)", strerror(errno));
	if (st.st_size != m->size)
		return mem_printf("it has %lld bytes, and had %lld", (long long)st.st_size,
		                  (long long)m->size);
	struct speech_file s;
	int r =
		speech_file_is_named(m->name) ? speech_file_read(path, &s, err) : gguf_read(path, &g, err);
	gguf_clear(&g);
	if (r < 0)
		return mem_strdup(err->msg);
	if (!*m->sha256)
		return mem_strdup("");
	r = hash_fd(fd, cancel, NULL, hash, err);
	if (r < 0)
		return r == -ERR_CANCELED ? NULL : mem_strdup(err->msg);
	return strcmp(hash, m->sha256) != 0
	           ? mem_printf("its SHA-256 is %.12s…, and was %.12s…", hash, m->sha256)
	           : mem_strdup("");
}

int model_folder_check(const struct model_folder *f, struct cancel *cancel,
                       void (*report)(void *ctx, const struct model_file *file, const char *fault),
                       void *ctx, struct err *err)
{
	struct err own;
	size_t bad = 0;
	for (size_t i = 0; i < f->n; i++) {
		AUTO(mem_freep) char *fault = fault_of(f, &f->files[i], cancel, err ? err : &own);
		if (!fault)
			return -ERR_CANCELED;
		bad += *fault != '\0';
		report(ctx, &f->files[i], fault);
	}
	return bad ? err_set(err, ERR_FORMAT,
	                     "%zu of %zu files of %s are damaged; vdet model get %s fetches them again",
	                     bad, f->n, f->name, f->name)
	           : 0;
}

static int remove_file(const struct model_folder *f, const char *name, const char *end,
                       struct err *err)
{
	AUTO(mem_freep) char *whole = mem_printf("%s%s", name, end);
	AUTO(mem_freep) char *path = file_join(f->dir, whole);
	return unlink(path) < 0 && errno != ENOENT ? err_sys(err, errno, "cannot remove %s", path) : 0;
}

static int remove_one(const struct model_folder *f, const struct model_file *m, int64_t *bytes,
                      struct err *err)
{
	int r = remove_file(f, m->name, "", err);
	if (r == 0)
		r = remove_file(f, m->name, ".part", err);
	if (r == 0)
		r = remove_file(f, m->name, ".part.json", err);
	*bytes += r == 0 ? m->size : 0;
	return r;
}

static bool is_of(const struct model_file *m, const char *quantize)
{
	return !m->projector && !strcasecmp(m->quantize, quantize);
}

static size_t models_left(const struct model_folder *f, const char *but)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		n += !f->files[i].projector && !is_of(&f->files[i], but);
	return n;
}

int model_folder_remove(struct model_folder *f, const char *quantize, int64_t *ret_bytes,
                        struct err *err)
{
	size_t kept = 0;
	*ret_bytes = 0;
	if (!f->managed)
		return err_set(err, ERR_PERM,
		               "%s was not put into %s by vdet model, so vdet does not remove it", f->name,
		               f->dir);

	bool all = !*quantize || !models_left(f, quantize);
	for (size_t i = 0; i < f->n; i++) {
		const struct model_file *m = &f->files[i];
		int r = all || is_of(m, quantize) ? remove_one(f, m, ret_bytes, err) : 0;
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < f->n; i++)
		if (all || is_of(&f->files[i], quantize))
			file_clear(&f->files[i]);
		else
			f->files[kept++] = f->files[i];

	if (kept == f->n)
		return err_set(err, ERR_NOENT, "%s is not here at %s", f->name, quantize);
	f->n = kept;
	if (!all) {
		if (!strcasecmp(f->use, quantize))
			*f->use = '\0';
		return model_folder_save(f, err);
	}

	int r = remove_file(f, MANIFEST, "", err);
	/* The folder stays if it contains other files. */
	if (r == 0 && rmdir(f->dir) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		r = err_sys(err, errno, "cannot remove the folder %s", f->dir);
	return r;
}
