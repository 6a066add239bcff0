/* SPDX-License-Identifier: Apache-2.0 */
#include "models/get.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/opt.h"
#include "base/text.h"
#include "models/model.h"
#include "models/note.h"
#include "models/speech.h"

#define LISTING_MAX ((size_t)16 << 20)
#define TOKEN_MAX 4096
#define FILES_MAX 5000

#define AT(member) offsetof(struct model_options, member)

static const struct opt_row rows[] = {
	{"model.hub", NULL, OPT_STRING, AT(hub), "https://huggingface.co", 0, 0, NULL, "URL",
     "Server for `vdet model get`: Hugging Face or a mirror.", 0},
	{"model.token", NULL, OPT_STRING, AT(token), "", 0, 0, NULL, "TOKEN",
     "Access token for the hub; empty: the variable HF_TOKEN. Command lines are visible to "
     "other users of this machine; prefer a variable or a file. Sent to the hub only, not to "
     "hosts it redirects to.",
     OPT_SECRET},
	{"model.token_file", NULL, OPT_STRING, AT(token_file), "", 0, 0, NULL, "FILE",
     "File that contains the access token.", 0},
	{"model.catalogue", NULL, OPT_STRING, AT(catalogue), "", 0, 0, NULL, "FILE",
     "Additional catalogue of models, in the format of docs/models.schema.json.", 0},
	{"model.connections", NULL, OPT_INT, AT(connections), "4", 1, 16, NULL, "N",
     "Parallel connections per download.", 0},
	{"model.retries", NULL, OPT_INT, AT(retries), "8", 0, 1000, NULL, "N",
     "Retries after a lost connection or a busy server; the count restarts when data arrives.", 0},
	{"model.timeout", NULL, OPT_TIME, AT(timeout), "60", 1, 3600, NULL, "TIME",
     "Maximum time without data before a connection is considered lost.", 0},
};

const struct opt_group model_opt_group = {"Models", rows, ARRAY_LEN(rows)};

/* ---- the hub */

static int read_token(const struct model_options *o, char **ret, struct err *err)
{
	const char *given = *o->token ? o->token : NULL;
	if (!given && !*o->token_file)
		given = getenv("HF_TOKEN") ? getenv("HF_TOKEN") : "";
	if (given) {
		*ret = mem_strdup(given);
		return 0;
	}
	AUTO(buf_free) struct buf b = BUF(TOKEN_MAX);
	int r = file_read(o->token_file, &b, err);
	if (r < 0)
		return err_wrap(err, "the token of model.token_file");
	const char *begin = buf_str(&b) + strspn(buf_str(&b), " \t\r\n");
	*ret = mem_printf("%.*s", (int)strcspn(begin, " \t\r\n"), begin);
	explicit_bzero(b.data, b.len);
	return **ret ? 0
	             : err_set(err, ERR_ARG, "the file %s (model.token_file) is empty", o->token_file);
}

struct getting {
	const struct model_get *g;
	const struct catalogue_model *model;
	struct download_options fetch;
	char *token;
	/* of the repository; owned where they are not the catalogue's */
	struct catalogue_file *files;
	size_t n;
	const char *file; /* that is fetched now */
};

static void files_free(struct catalogue_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(files[i].path);
		free(files[i].url);
		free(files[i].sha256);
	}
	free(files);
}

static void getting_clear(struct getting *t)
{
	if (t->model && t->files != t->model->files)
		files_free(t->files, t->n);
	if (t->token)
		explicit_bzero(t->token, strlen(t->token));
	free(t->token);
}

static void on_progress(void *ctx, const struct download_progress *p)
{
	const struct getting *t = ctx;
	if (t->g->progress)
		t->g->progress(t->g->ctx, t->file, p);
}

/* A path of a repository as part of a URL: everything but letters, digits and
 * -._~/ in percents. */
static void add_path(struct buf *out, const char *path)
{
	for (; *path; path++)
		if (strchr("-._~/", *path) || (*path >= '0' && *path <= '9') ||
		    ((*path | 32) >= 'a' && (*path | 32) <= 'z'))
			buf_add(out, path, 1);
		else
			buf_addf(out, "%%%02X", (unsigned char)*path);
}

static char *url_of(const struct getting *t, const struct catalogue_file *f)
{
	AUTO(buf_free) struct buf b = BUF(4096);
	if (*f->url)
		return mem_strdup(f->url);
	const char *hub = t->g->options->hub;
	buf_addf(&b, "%.*s/%s/resolve/%s/", (int)(strlen(hub) - (hub[strlen(hub) - 1] == '/')), hub,
	         t->model->repository, t->model->revision);
	add_path(&b, f->path);
	return mem_strdup(buf_str(&b));
}

static int take_listing(struct getting *t, const struct buf *b, struct err *err)
{
	json_auto_t *j = json_loadb(buf_str(b), b->len, 0, NULL);
	size_t n = json_array_size(j);
	if (!json_is_array(j) || n > FILES_MAX)
		return err_set(err, ERR_PROTO, "the hub's list of %s is none; is %s a hub? (model.hub)",
		               t->model->repository, t->g->options->hub);
	t->files = mem_alloc(n + 1, sizeof *t->files);
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(j, i), *lfs = json_object_get(o, "lfs");
		const char *path = json_string_value(json_object_get(o, "path"));
		const char *oid = json_string_value(json_object_get(lfs, "oid"));
		size_t len = path ? strlen(path) : 0;
		if (len < 6 || strcasecmp(path + len - 5, ".gguf") != 0 || strstr(path, "..") ||
		    *path == '/')
			continue;
		bool hash = oid && hash_is_hex(oid);
		json_int_t size = json_integer_value(json_object_get(lfs ? lfs : o, "size"));
		t->files[t->n++] = (struct catalogue_file){
			mem_strdup(path), mem_strdup(""), mem_strdup(hash ? oid : ""), size > 0 ? size : 0};
	}
	return 0;
}

static int list_files(struct getting *t, struct err *err)
{
	if (t->model->n_files) {
		t->files = t->model->files;
		t->n = t->model->n_files;
		return 0;
	}
	AUTO(buf_free) struct buf b = BUF(LISTING_MAX);
	const char *hub = t->g->options->hub;
	AUTO(mem_freep)
	char *url = mem_printf("%.*s/api/models/%s/tree/%s?recursive=true",
	                       (int)(strlen(hub) - (hub[strlen(hub) - 1] == '/')), hub,
	                       t->model->repository, t->model->revision);
	note_line(t->g->note, t->g->ctx, "asking %s what %s holds", hub, t->model->repository);
	int r = download_text(&t->fetch, url, &b, err);
	return r < 0 ? r : take_listing(t, &b, err);
}

/* ---- fetching */

/* A file that is there whole already, as the manifest or its hash says. */
static bool is_here(const struct model_folder *f, const struct catalogue_file *c, const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || (c->size && st.st_size != c->size))
		return false;
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->files[i].name, file_base(c->path)))
			return f->files[i].size == st.st_size &&
			       (!*c->sha256 || !strcmp(c->sha256, f->files[i].sha256));
	return false;
}

static int download_one(struct getting *t, struct model_folder *f, const struct catalogue_file *c,
                        struct err *err)
{
	const char *name = file_base(c->path);
	AUTO(mem_freep) char *path = file_join(f->dir, name);
	AUTO(mem_freep) char *url = url_of(t, c);
	char hash[HASH_HEX];
	struct stat st;
	if (is_here(f, c, path)) {
		note_line(t->g->note, t->g->ctx, "%s is here already", name);
		return 0;
	}
	t->file = name;
	const struct download_file file = {
		.url = url, .path = path, .size = c->size, .sha256 = c->sha256};
	int r = download_file(&t->fetch, &file, hash, err);
	if (r < 0)
		return r;
	int64_t size = stat(path, &st) == 0 ? st.st_size : 0;
	bool projector = model_is_projector(name);
	const char *precision = t->model->speech ? t->model->quantize : model_name_precision(name);
	model_folder_put(f, name, precision, hash, "", size, projector);
	return model_folder_save(f, err);
}

static int download_all(struct getting *t, struct model_folder *f, const bool *choice,
                        struct err *err)
{
	int64_t bytes = 0;
	int count = 0, r = 0;
	char size[TEXT_SIZE_MAX];
	for (size_t i = 0; i < t->n; i++)
		if (choice[i]) {
			bytes += t->files[i].size;
			count++;
		}
	if (bytes)
		note_line(t->g->note, t->g->ctx, "%d files, %s, into %s", count,
		          text_size((double)bytes, size), f->dir);
	for (size_t i = 0; i < t->n && r == 0; i++)
		if (choice[i])
			r = download_one(t, f, &t->files[i], err);
	return r;
}

static void replace(char **to, const char *with)
{
	free(*to);
	*to = mem_strdup(with);
}

static int open_folder(const struct getting *t, struct model_folder *ret, struct err *err)
{
	const struct model_get *g = t->g;
	const struct catalogue_model *m = t->model;
	AUTO(model_folder_clear) struct model_folder f = {0};
	AUTO(mem_freep) char *dir = file_join(g->models_dir, m->name);
	struct err ignored;
	int r = file_mkdirs(dir, false, err);
	if (r < 0)
		return r;
	if (model_folder_read(g->models_dir, m->name, &f, &ignored) < 0)
		f = (struct model_folder){.dir = mem_strdup(dir), .name = mem_strdup(m->name)};
	replace(&f.title, m->title);
	replace(&f.licence, m->licence);
	replace(&f.repository, m->repository);
	replace(&f.revision, m->revision);
	if (!f.use)
		f.use = mem_strdup("");
	*ret = f;
	f = (struct model_folder){0};
	return 0;
}

/* The model can be loaded: its parts are there and belong together. */
static int validate(const struct getting *t, const struct model_folder *f, const char *quantize,
                    struct err *err)
{
	for (size_t i = 0; t->model->speech && i < t->n; i++) {
		AUTO(mem_freep) char *path = file_join(f->dir, file_base(t->files[i].path));
		struct speech_file file;
		int r = speech_file_read(path, &file, err);
		if (r < 0)
			return r;
	}
	if (t->model->speech)
		return 0;
	AUTO(model_clear) struct model m = {0};
	return model_choose(f->dir, quantize, NULL, NULL, &m, err);
}

static int get_model(struct getting *t, const char *quantize, struct model_folder *ret,
                     const char **ret_quantize, struct err *err)
{
	AUTO(model_folder_clear) struct model_folder f = {0};
	int r = list_files(t, err);
	if (r < 0)
		return r;

	AUTO(mem_freep) bool *choice = mem_alloc(t->n + 1, sizeof *choice);
	if (t->model->speech) {
		memset(choice, true, t->n * sizeof *choice);
		*ret_quantize = quantize = "";
	} else {
		r = model_pick(t->files, t->n, quantize, choice, ret_quantize, err);
	}
	if (r < 0)
		return err_wrap(err, "%s", *t->model->repository ? t->model->repository : t->model->name);
	if (strcasecmp(*ret_quantize, quantize) != 0 && **ret_quantize)
		note_line(t->g->note, t->g->ctx,
		          "no file with precision %s; downloading %s, from which it can be made", quantize,
		          *ret_quantize);
	if ((r = open_folder(t, &f, err)) < 0)
		return r;

	r = download_all(t, &f, choice, err);
	if (r == 0)
		r = validate(t, &f, *ret_quantize, err);
	if (r == 0) {
		replace(&f.use, *ret_quantize);
		r = model_folder_save(&f, err);
	}
	if (r < 0) {
		rmdir(f.dir); /* where nothing came at all */
		return r;
	}

	*ret = f;
	f = (struct model_folder){0};
	return 0;
}

/* An entry for a repository that the catalogue does not know. */
static struct catalogue_model *unlisted(const char *repository)
{
	struct catalogue_model *m = mem_alloc(1, sizeof *m);
	const char *base = file_base(repository);
	size_t n = strlen(base);
	if (n > 5 && !strcasecmp(base + n - 5, "-gguf"))
		n -= 5;
	m->name = mem_printf("%.*s", (int)n, base);
	for (char *p = m->name; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 32) : *p;
	m->title = mem_strdup(base);
	m->licence = mem_strdup("");
	m->repository = mem_strdup(repository);
	m->revision = mem_strdup("main");
	m->quantize = mem_strdup("q4_k_m");
	return m;
}

static void unlisted_free(struct catalogue_model **m)
{
	if (!*m)
		return;
	free((*m)->name);
	free((*m)->title);
	free((*m)->licence);
	free((*m)->repository);
	free((*m)->revision);
	free((*m)->quantize);
	free(*m);
}

static int find_model(const struct model_get *g, const char *name, struct catalogue_model **own,
                      const struct catalogue_model **ret, struct err *err)
{
	*ret = catalogue_find(g->catalogue, name);
	for (size_t i = 0; !*ret && i < g->catalogue->n; i++)
		if (!strcasecmp(g->catalogue->models[i].repository, name))
			*ret = &g->catalogue->models[i];
	if (*ret)
		return 0;
	const char *slash = strchr(name, '/');
	if (!slash || slash == name || !slash[1] || strchr(slash + 1, '/') || strstr(name, "..") ||
	    *name == '.' || slash[1] == '.')
		return catalogue_unknown(g->catalogue, name, err);
	*ret = *own = unlisted(name);
	return 0;
}

int model_get(const struct model_get *g, const char *what, const char *quantize,
              struct model_folder *ret, const char **ret_quantize, struct err *err)
{
	AUTO(unlisted_free) struct catalogue_model *own = NULL;
	AUTO(getting_clear) struct getting t = {.g = g};
	const char *colon = strrchr(what, ':');
	AUTO(mem_freep)
	char *name = mem_printf("%.*s", (int)(colon ? colon - what : (ptrdiff_t)strlen(what)), what);
	if (colon && colon[1])
		quantize = colon + 1;
	if (*quantize && fit_bits(quantize) <= 0)
		return err_set(err, ERR_ARG,
		               "unknown precision %s; known are bf16, f16, q8_0, q6_k, q5_k_m and q4_k_m",
		               quantize);
	int r = find_model(g, name, &own, &t.model, err);
	if (r < 0 || (r = read_token(g->options, &t.token, err)) < 0)
		return r;
	if (t.model->speech && *quantize)
		return err_set(err, ERR_ARG,
		               "%s has no precisions to choose: those of whisper.cpp are models of their "
		               "own, see vdet model list --all",
		               t.model->name);
	t.fetch = (struct download_options){.token = t.token,
	                                    .connections = g->options->connections,
	                                    .retries = g->options->retries,
	                                    .timeout = g->options->timeout,
	                                    .cancel = g->cancel,
	                                    .progress = on_progress,
	                                    .ctx = &t};
	return get_model(&t, *quantize ? quantize : t.model->quantize, ret, ret_quantize, err);
}
