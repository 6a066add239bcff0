/* SPDX-License-Identifier: Apache-2.0 */
#include "models/model.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "models/fit.h"
#include "models/folder.h"
#include "models/gguf.h"

#define CANDIDATES_MAX 1000
#define SPLITS_MAX 1000

/* A GGUF file in a folder of models. */
struct candidate {
	char *path;
	int64_t changed; /* nanoseconds since 1970 */
};

struct candidates {
	struct candidate *items;
	size_t n;
};

static void candidates_clear(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i].path);
	free(c->items);
	*c = (struct candidates){0};
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && !strcasecmp(s + n - m, end);
}

static bool later_split(const char *path)
{
	size_t stem;
	int64_t count;
	return model_split(path, &stem, &count) > 1;
}

static void add_candidate(struct candidates *c, const char *path)
{
	struct stat st;
	if (c->n >= CANDIDATES_MAX || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	c->items = mem_grow(c->items, c->n + 1, sizeof *c->items);
	int64_t changed = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	c->items[c->n++] = (struct candidate){mem_strdup(path), changed};
}

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Adds the folder's GGUF files that are projectors, or those that are not; and
 * those of its subfolders if `deep`. */
static void list(const char *dir, bool projectors, bool deep, struct candidates *out)
{
	AUTO(dir_closep) DIR *d = opendir(dir);
	for (const struct dirent *de; d && (de = readdir(d));) {
		if (de->d_name[0] == '.')
			continue;
		AUTO(mem_freep) char *path = file_join(dir, de->d_name);
		if (deep && file_is_dir(path))
			list(path, projectors, false, out);
		else if (ends_with(path, ".gguf") && model_is_projector(path) == projectors &&
		         !later_split(path))
			add_candidate(out, path);
	}
}

static int newest_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->changed != y->changed)
		return x->changed < y->changed ? 1 : -1;
	return strcmp(x->path, y->path);
}

static char *dir_of(const char *path)
{
	size_t n = (size_t)(file_base(path) - path);
	return n ? mem_printf("%.*s", (int)(n > 1 ? n - 1 : n), path) : mem_strdup(".");
}

static char *name_of(const char *path)
{
	size_t stem;
	int64_t count;
	if (!model_split(path, &stem, &count))
		return file_stem(path);
	AUTO(mem_freep) char *whole = mem_printf("%.*s", (int)stem, path);
	return mem_strdup(file_base(whole));
}

/* How much a projector's name has in common with the model's:
 * "mmproj-NAME-f16.gguf", "NAME-mmproj.gguf" and such. */
static size_t likeness(const char *projector, const char *model)
{
	const char *p = file_base(projector);
	if (!strncasecmp(p, "mmproj", 6))
		p += 6 + strspn(p + 6, "-_.");
	size_t n = 0;
	while (p[n] && model[n] && strncasecmp(p + n, model + n, 1) == 0)
		n++;
	return n;
}

/* The projector beside a model: of several the one whose name is most alike,
 * then the newest. NULL if there is none. */
static char *projector_for(const char *model)
{
	AUTO(mem_freep) char *dir = dir_of(model);
	AUTO(mem_freep) char *name = name_of(model);
	AUTO(candidates_clear) struct candidates c = {0};
	list(dir, true, false, &c);
	if (c.n > 1)
		qsort(c.items, c.n, sizeof *c.items, newest_first);
	size_t best = 0;
	for (size_t i = 1; i < c.n; i++)
		if (likeness(c.items[i].path, name) > likeness(c.items[best].path, name))
			best = i;
	return c.n ? mem_strdup(c.items[best].path) : NULL;
}

/* The precision of a model file, by its name, else by its header; a constant,
 * "" = not known. */
static const char *precision_of(const char *path)
{
	const char *by_name = model_name_precision(path), *by_header = NULL;
	struct gguf g = {0};
	struct err ignored;
	if (*by_name)
		return by_name;
	if (gguf_read(path, &g, &ignored) == 0)
		by_header = gguf_quantize_name(g.file_type);
	gguf_clear(&g);
	return by_header ? by_header : "";
}

static const char *of_precision(const struct candidates *c, const char *quantize)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcasecmp(precision_of(c->items[i].path), quantize))
			return c->items[i].path;
	return NULL;
}

/* The largest is the finest. */
static const char *finest(const struct candidates *c)
{
	const char *best = NULL;
	double most = -1;
	for (size_t i = 0; i < c->n; i++)
		if (fit_bits(precision_of(c->items[i].path)) > most) {
			most = fit_bits(precision_of(c->items[i].path));
			best = c->items[i].path;
		}
	return best;
}

/* Of a model that is there in several precisions, as a folder of `vdet model`
 * says. NULL if it does not. */
static const char *of_manifest(const char *dir, const struct candidates *c)
{
	AUTO(model_folder_clear) struct model_folder f = {0};
	AUTO(mem_freep) char *parent = dir_of(dir);
	struct err ignored;
	if (model_folder_read(parent, file_base(dir), &f, &ignored) < 0 || !f.managed || !*f.use)
		return NULL;
	return of_precision(c, f.use);
}

/* One model in a folder of its own; ERR_NOENT where there is none. */
static int only_model(const char *dir, const char *quantize, char **ret, struct err *err)
{
	AUTO(candidates_clear) struct candidates c = {0};
	list(dir, false, false, &c);
	if (!c.n)
		return err_set(err, ERR_NOENT, "the folder %s holds no model (*.gguf)", dir);
	const char *path = c.items[0].path;
	if (c.n > 1) {
		path = quantize && *quantize ? of_precision(&c, quantize) : of_manifest(dir, &c);
		if (!path && quantize && *quantize)
			path = finest(&c);
	}
	if (!path)
		return err_set(err, ERR_ARG, "the folder %s holds %zu models; name one of them", dir, c.n);
	*ret = mem_strdup(path);
	return 0;
}

/* What to say when a name is not in the models folder. */
static int no_such_model(const char *wanted, const char *models_dir, struct err *err)
{
	AUTO(candidates_clear) struct candidates c = {0};
	list(models_dir, false, true, &c);
	if (!c.n)
		return err_set(err, ERR_NOENT,
		               "no model %s: it is not a file, and the models folder %s is empty", wanted,
		               models_dir);
	AUTO(mem_freep) char **names = mem_alloc(c.n, sizeof *names);
	AUTO(buf_free) struct buf all = BUF(300);
	for (size_t i = 0; i < c.n; i++) {
		names[i] = name_of(c.items[i].path);
		if (!all.full)
			buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
	}
	const char *near = opt_nearest(wanted, (const char *const *)names, c.n);
	int r = near ? err_set(err, ERR_NOENT, "unknown model %s; did you mean %s?", wanted, near)
	             : err_set(err, ERR_NOENT, "no model %s; %s contains %s", wanted, models_dir,
	                       buf_str(&all));
	for (size_t i = 0; i < c.n; i++)
		free(names[i]);
	return r;
}

static int find_wanted(const char *wanted, const char *quantize, const char *models_dir, char **ret,
                       struct err *err)
{
	if (file_is_dir(wanted))
		return only_model(wanted, quantize, ret, err);
	if (file_exists(wanted)) {
		*ret = mem_strdup(wanted);
		return 0;
	}

	if (strchr(wanted, '/') || !models_dir)
		return err_set(err, ERR_NOENT, "the model file %s does not exist", wanted);
	AUTO(mem_freep) char *in = file_join(models_dir, wanted);
	AUTO(mem_freep) char *with = mem_printf("%s.gguf", in);
	if (file_is_dir(in))
		return only_model(in, quantize, ret, err);
	if (file_exists(in) || file_exists(with)) {
		*ret = mem_strdup(file_exists(in) ? in : with);
		return 0;
	}

	AUTO(candidates_clear) struct candidates c = {0};
	list(models_dir, false, true, &c);
	for (size_t i = 0; i < c.n; i++) {
		AUTO(mem_freep) char *name = name_of(c.items[i].path);
		if (!strcasecmp(name, wanted)) {
			*ret = mem_strdup(c.items[i].path);
			return 0;
		}
	}
	return no_such_model(wanted, models_dir, err);
}

/* The newest model that has a projector beside it; *ret stays NULL if there is
 * none. */
static void find_newest(const char *models_dir, struct model *m)
{
	AUTO(candidates_clear) struct candidates c = {0};
	list(models_dir, false, true, &c);
	if (c.n > 1)
		qsort(c.items, c.n, sizeof *c.items, newest_first);
	size_t fit = 0;
	for (size_t i = 0; i < c.n; i++) {
		AUTO(mem_freep) char *projector = projector_for(c.items[i].path);
		if (projector && fit++ == 0)
			m->path = mem_strdup(c.items[i].path);
	}
	if (fit > 1) {
		AUTO(mem_freep) char *name = name_of(m->path);
		free(m->warning);
		m->warning = mem_printf("%zu models in %s: using the newest, %s; --model names another",
		                        fit, models_dir, name);
	}
}

static int check_splits(const struct model *m, struct err *err)
{
	size_t stem;
	int64_t count;
	if (!model_split(m->path, &stem, &count))
		return err_set(err, ERR_FORMAT,
		               "%s is one of %lld files, but not named like NAME-00001-of-%05lld.gguf",
		               m->path, (long long)m->files, (long long)m->files);
	for (int64_t i = 2; i <= m->files; i++) {
		AUTO(mem_freep)
		char *path = mem_printf("%.*s-%05lld-of-%05lld.gguf", (int)stem, m->path, (long long)i,
		                        (long long)m->files);
		struct gguf g = {0};
		int r = gguf_read(path, &g, err);
		gguf_clear(&g);
		if (r < 0)
			return err_wrap(err, "file %lld of %lld of the model", (long long)i,
			                (long long)m->files);
	}
	return 0;
}

static int check_projector(const struct model *m, int64_t width, struct err *err)
{
	struct gguf g = {0};
	int r = gguf_read(m->projector, &g, err);
	if (r < 0)
		return err_wrap(err, "the projector");
	if (strcmp(g.arch, "clip") != 0)
		r = err_set(err, ERR_FORMAT,
		            "%s is named like a projector (mmproj) but is a model of its own",
		            m->projector);
	else if (g.vision == 0)
		r = err_set(err, ERR_UNSUPPORTED,
		            "the projector %s is for sound only: the model cannot see", m->projector);
	else if (g.output > 0 && width > 0 && g.output != width)
		r = err_set(
			err, ERR_FORMAT,
			"the projector %s belongs to another model: it makes %lld numbers a token, and %s "
			"takes %lld",
			m->projector, (long long)g.output, file_base(m->path), (long long)width);
	gguf_clear(&g);
	return r;
}

static int check_model(struct model *m, bool sees, struct err *err)
{
	struct gguf g = {0};
	int r = gguf_read(m->path, &g, err);
	if (r < 0)
		return r;
	m->context = g.context;
	m->files = g.splits > 1 ? g.splits : 1;
	m->bytes = g.weight_bytes;

	if (!strcmp(g.arch, "clip"))
		r = err_set(err, ERR_FORMAT, "%s is a projector; name the model that it belongs to",
		            m->path);
	else if (m->files > SPLITS_MAX)
		r = err_set(err, ERR_FORMAT, "%s claims to be split into %lld files", m->path,
		            (long long)m->files);
	else if (!g.tensors && m->files == 1)
		r = err_set(err, ERR_FORMAT, "%s holds no weights", m->path);

	int64_t width = g.width;
	gguf_clear(&g);
	if (r == 0 && m->files > 1)
		r = check_splits(m, err);
	if (r < 0)
		return r;

	m->projector = projector_for(m->path);
	if (!m->projector && !sees)
		return 0;
	if (!m->projector)
		return err_set(err, ERR_UNSUPPORTED,
		               "%s cannot see: it needs its projector (mmproj*.gguf) beside it", m->path);
	return check_projector(m, width, err);
}

int model_choose(const char *wanted, const char *quantize, const char *models_dir,
                 const char *demo_dir, struct model *ret, struct err *err)
{
	AUTO(model_clear) struct model m = {.warning = mem_strdup("")};
	int r = 0;
	if (*wanted)
		r = find_wanted(wanted, quantize, models_dir, &m.path, err);
	else if (models_dir)
		find_newest(models_dir, &m);
	if (r == 0 && !m.path) {
		m.demo = true;
		r = only_model(demo_dir, quantize, &m.path, err);
		if (r < 0)
			return err_wrap(err, "the demo model, which answers when no other is named or found");
	}
	if (r == 0)
		r = check_model(&m, true, err);
	if (r == 0 && m.demo)
		r = model_check_sums(&m, err);
	if (r < 0)
		return r;
	m.name = name_of(m.path);
	m.quantize = mem_strdup(precision_of(m.path));
	*ret = m;
	m = (struct model){0};
	return 0;
}

int model_choose_any(const char *wanted, const char *models_dir, struct model *ret, struct err *err)
{
	AUTO(model_clear) struct model m = {.warning = mem_strdup("")};
	int r = find_wanted(wanted, "", models_dir, &m.path, err);
	if (r == 0)
		r = check_model(&m, false, err);
	if (r < 0)
		return r;
	m.name = name_of(m.path);
	m.quantize = mem_strdup(precision_of(m.path));
	*ret = m;
	m = (struct model){0};
	return 0;
}

void model_clear(struct model *m)
{
	free(m->path);
	free(m->projector);
	free(m->name);
	free(m->quantize);
	free(m->warning);
	*m = (struct model){0};
}
