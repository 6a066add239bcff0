/* SPDX-License-Identifier: Apache-2.0 */
#include "models/catalogue.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/opt.h"
#include "catalogue_texts.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)
#define MODELS_MAX 1000
#define NAME_MAX_LEN 80

struct parse {
	const char *where; /* name of the catalogue, for errors */
	const char *model; /* name of the entry, for errors; may be "" */
	struct err *err;
};

static int fault(const struct parse *p, const char *what)
{
	return *p->model ? err_set(p->err, ERR_FORMAT, "%s: model %s: %s", p->where, p->model, what)
	                 : err_set(p->err, ERR_FORMAT, "%s: %s", p->where, what);
}

static char *text_of(const json_t *o, const char *key, const char *def)
{
	const char *s = json_string_value(json_object_get(o, key));
	return mem_strdup(s ? s : def);
}

static int64_t number_of(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));
	return n > 0 && n < (json_int_t)1 << 50 ? n : 0;
}

static bool good_name(const char *s)
{
	size_t n = strlen(s);
	if (!n || n > NAME_MAX_LEN || !isalnum((unsigned char)*s))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static bool good_hash(const char *s)
{
	return !*s || hash_is_hex(s);
}

/* Whether it is a relative path without ".." that ends so. */
static bool good_path(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n > m && n < 500 && *s != '/' && !strstr(s, "..") && !strcasecmp(s + n - m, end);
}

static const char *const model_keys[] = {
	"name",     "title",        "licence", "repository", "revision",
	"quantize", "files",        "context", "parameters", "projector_parameters",
	"text",     "picture",      "vision",  "size",       "source",
	"checked",  "shape_source", "kind",    NULL};

static int take_files(const struct parse *p, const json_t *list, struct catalogue_model *m)
{
	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > MODELS_MAX)
		return fault(p, "\"files\" must be a list");

	m->files = mem_alloc(json_array_size(list) + 1, sizeof *m->files);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct catalogue_file *f = &m->files[m->n_files++];
		*f = (struct catalogue_file){.path = text_of(o, "path", ""),
		                             .url = text_of(o, "url", ""),
		                             .sha256 = text_of(o, "sha256", ""),
		                             .size = number_of(o, "size")};
		if (!good_path(f->path, m->speech ? ".bin" : ".gguf"))
			return fault(p, m->speech
			                    ? "a file needs a \"path\" that is relative and ends in .bin"
			                    : "a file needs a \"path\" that is relative and ends in .gguf");
		if (!good_hash(f->sha256))
			return fault(p, "\"sha256\" must be 64 digits, in lower case");
		if (*f->url && strncmp(f->url, "https://", 8) != 0 && strncmp(f->url, "http://", 7) != 0)
			return fault(p, "\"url\" must begin with https:// or http://");
		if (!*f->url && !*m->repository)
			return fault(p, "a file without \"url\" needs the model's \"repository\"");
	}
	return 0;
}

static void take_shape(const json_t *o, struct catalogue_model *m)
{
	const json_t *t = json_object_get(o, "text"), *p = json_object_get(o, "picture"),
				 *v = json_object_get(o, "vision");
	int64_t layers = number_of(t, "layers"), heads = number_of(t, "heads"),
			width = number_of(t, "width");
	int64_t key = number_of(t, "key_length"), kv = number_of(t, "kv_heads");
	if (!key && heads)
		key = width / heads;

	m->projector_parameters = number_of(o, "projector_parameters");
	m->shape = (struct fit_model){
		.parameters = number_of(o, "parameters"),
		.projector = 2 * m->projector_parameters,
		.layers = layers,
		.width = width,
		.kv_heads_all = layers * (kv ? kv : heads),
		.key_length = key,
		.value_length = key,
		.vocab = number_of(t, "vocabulary"),
		.window = number_of(t, "window"),
		.window_layers = number_of(t, "window_layers"),
		.context = number_of(o, "context"),
		.patch = number_of(p, "patch"),
		.merge = number_of(p, "merge"),
		.picture_tokens = number_of(p, "tokens"),
		.tile = number_of(p, "tile"),
		.vision_width = number_of(v, "width"),
		.vision_feed_forward = number_of(v, "feed_forward"),
	};
}

static void model_clear(struct catalogue_model *m)
{
	for (size_t i = 0; i < m->n_files; i++) {
		free(m->files[i].path);
		free(m->files[i].url);
		free(m->files[i].sha256);
	}

	free(m->files);
	free(m->name);
	free(m->title);
	free(m->licence);
	free(m->repository);
	free(m->revision);
	free(m->quantize);
	free(m->size);
	free(m->source);
	free(m->shape_source);
	*m = (struct catalogue_model){0};
}

static int take_model(struct parse *p, const json_t *o, struct catalogue_model *m)
{
	m->name = text_of(o, "name", "");
	m->title = text_of(o, "title", m->name);
	m->licence = text_of(o, "licence", "");
	m->repository = text_of(o, "repository", "");
	m->revision = text_of(o, "revision", "main");
	m->quantize = text_of(o, "quantize", "q4_k_m");
	m->size = text_of(o, "size", "");
	m->source = family_source(json_object_get(o, "source"));
	m->shape_source = family_source(json_object_get(o, "shape_source"));
	m->checked = json_is_true(json_object_get(o, "checked"));
	if (!good_name(m->name))
		return fault(p, "each entry needs a \"name\" of letters, digits, '.', '_' and '-'");

	p->model = m->name;
	const char *unknown = json_unknown_key(o, model_keys);
	if (unknown) {
		AUTO(mem_freep) char *what = mem_printf("unknown key \"%.40s\"", unknown);
		return fault(p, what);
	}

	const char *slash = strchr(m->repository, '/');
	if (*m->repository &&
	    (!slash || strchr(slash + 1, '/') || slash == m->repository || !slash[1] ||
	     strspn(m->repository,
	            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") !=
	         strlen(m->repository)))
		return fault(p, "\"repository\" must be OWNER/NAME");

	const char *kind = json_text(o, "kind");
	m->speech = !strcmp(kind, "speech");
	if (*kind && !m->speech && strcmp(kind, "vision") != 0)
		return fault(p, "\"kind\" must be vision or speech");
	int r = take_files(p, json_object_get(o, "files"), m);
	if (r < 0)
		return r;
	if (!*m->repository && !m->n_files)
		return fault(p, "it has neither a \"repository\" nor \"files\"");
	if (m->speech && !m->n_files)
		return fault(p, "a model for speech needs \"files\"");

	take_shape(o, m);
	return 0;
}

/* Adds families before those of an earlier catalogue, which they replace if
 * they match the same names. */
static int take_families(struct catalogue *c, const json_t *list, const char *where,
                         struct err *err)
{
	size_t n = json_array_size(list);
	if (list && (!json_is_array(list) || n > MODELS_MAX))
		return err_set(err, ERR_FORMAT, "%s: \"families\" must be a list of at most 1000", where);

	struct model_family *all = mem_alloc(n + c->n_families, sizeof *all);
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = family_read(json_array_get(list, i), where, &all[i], err);
	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			family_clear(&all[i]);
		free(all);
		return r;
	}

	for (size_t i = 0; i < c->n_families; i++)
		all[n + i] = c->families[i];
	free(c->families);
	c->families = all;
	c->n_families += n;
	return 0;
}

/* Adds a model, or replaces that of the same name. */
static void put(struct catalogue *c, struct catalogue_model m)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcasecmp(c->models[i].name, m.name)) {
			model_clear(&c->models[i]);
			c->models[i] = m;
			return;
		}
	c->models = mem_grow(c->models, c->n + 1, sizeof *c->models);
	c->models[c->n++] = m;
}

static int take_all(struct catalogue *c, const char *text, size_t len, const char *where,
                    struct err *err)
{
	json_error_t why;
	json_auto_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	struct parse p = {.where = where, .model = "", .err = err};
	if (!j)
		return err_set(err, ERR_FORMAT, "%s:%d: %s", where, why.line, why.text);

	const json_t *list = json_object_get(j, "models");
	if (json_integer_value(json_object_get(j, "version")) != 1)
		return fault(&p, "its \"version\" is not 1");
	if (!json_is_array(list) || json_array_size(list) > MODELS_MAX)
		return fault(&p, "\"models\" must be a list of at most 1000");

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct catalogue_model m = {0};
		p.model = "";
		int r = take_model(&p, json_array_get(list, i), &m);
		if (r < 0) {
			model_clear(&m);
			return r;
		}
		put(c, m);
	}
	return take_families(c, json_object_get(j, "families"), where, err);
}

int catalogue_load(const char *own, struct catalogue **ret, struct err *err)
{
	AUTO(catalogue_freep) struct catalogue *c = mem_alloc(1, sizeof *c);
	int r = take_all(c, catalogue_models_json, catalogue_models_json_len, "the built-in catalogue",
	                 err);
	if (r < 0)
		return r;
	if (own && *own) {
		AUTO(buf_free) struct buf b = BUF(FILE_BYTES_MAX);
		r = file_read(own, &b, err);
		if (r == 0)
			r = take_all(c, buf_str(&b), b.len, own, err);
		if (r < 0)
			return err_wrap(err, "the catalogue of model.catalogue");
	}

	*ret = TAKE(c);
	return 0;
}

void catalogue_free(struct catalogue *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		model_clear(&c->models[i]);
	free(c->models);
	for (size_t i = 0; i < c->n_families; i++)
		family_clear(&c->families[i]);
	free(c->families);
	free(c);
}

const struct catalogue_model *catalogue_find(const struct catalogue *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcasecmp(c->models[i].name, name))
			return &c->models[i];
	return NULL;
}

const struct model_family *catalogue_family(const struct catalogue *c, const char *name)
{
	return family_find(c->families, c->n_families, name);
}

int catalogue_unknown(const struct catalogue *c, const char *name, struct err *err)
{
	AUTO(mem_freep) const char **names = mem_alloc(c->n, sizeof *names);
	for (size_t i = 0; i < c->n; i++)
		names[i] = c->models[i].name;
	const char *near = opt_nearest(name, names, c->n);
	return near ? err_set(err, ERR_NOENT, "the catalogue has no model %s; did you mean %s?", name,
	                      near)
	            : err_set(err, ERR_NOENT,
	                      "the catalogue has no model %s; vdet model list --all shows it, and "
	                      "OWNER/NAME names any "
	                      "repository of the hub",
	                      name);
}
