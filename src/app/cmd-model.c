/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "app/commands.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "models/get.h"
#include "models/speech.h"

static struct {
	bool json, all;
	char *name;
} own;
static const struct opt_row rows[] = {
	{"models.json", "json", OPT_BOOL, offsetof(__typeof__(own), json), "false", 0, 0, NULL, NULL,
     "Print one JSON object per line.", OPT_COMMAND_ONLY},
	{"models.all", "all", OPT_BOOL, offsetof(__typeof__(own), all), "false", 0, 0, NULL, NULL,
     "list: show the whole catalogue, not only installed models.", OPT_COMMAND_ONLY},
	{"models.name", "name", OPT_STRING, offsetof(__typeof__(own), name), "", 0, 0, NULL, "NAME",
     "add: name of the model; empty: the file name.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Model", rows, ARRAY_LEN(rows)};

struct show {
	bool terminal, bar; /* bar: the current line will be overwritten */
	int64_t said;
	char file[200];
};

/* ---- progress */

static void end_bar(struct show *s)
{
	if (s->bar)
		fputs("\r\033[K", stderr);
	s->bar = false;
}

static void on_note(void *ctx, const char *line)
{
	struct show *s = ctx;
	end_bar(s);
	if (own.json)
		return;
	fprintf(stderr, "%s\n", line);
}

static void say_json(const char *file, const struct download_progress *p)
{
	json_auto_t *o =
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f}", "type", "progress", "file", file, "phase",
	              p->phase, "done", (json_int_t)p->done, "total", (json_int_t)p->total, "rate",
	              p->rate, "left", p->left < 0 ? -1.0 : (double)p->left / 1e6);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
}

/* On a terminal one line that is updated; elsewhere a line every five seconds. */
static void on_progress(void *ctx, const char *file, const struct download_progress *p)
{
	struct show *s = ctx;
	int64_t now = clock_now();
	char done[TEXT_SIZE_MAX], total[TEXT_SIZE_MAX], rate[TEXT_SIZE_MAX],
		left[CLOCK_TEXT_MAX] = "--:--";
	bool new = strcmp(s->file, file) != 0;
	if (!new &&now - s->said < (s->terminal ? CLOCK_SECOND / 10
	                            : own.json  ? CLOCK_SECOND
	                                        : 5 * CLOCK_SECOND))
		return;
	snprintf(s->file, sizeof s->file, "%s", file);
	s->said = now;
	if (own.json) {
		say_json(file, p);
		return;
	}
	if (p->left >= 0)
		clock_short(p->left, left);
	text_size((double)p->done, done);
	text_size((double)p->total, total);
	text_size(p->rate, rate);
	fprintf(stderr, "%s%.60s  %s  %s of %s  %3.0f %%  %s/s  %s left%s", s->terminal ? "\r" : "",
	        file, p->phase, done, total,
	        p->total > 0 ? 100.0 * (double)p->done / (double)p->total : 0, rate, left,
	        s->terminal ? "\033[K" : "\n");
	s->bar = s->terminal;
}

static struct model_get getter(struct app *app, const struct catalogue *c, struct show *s)
{
	s->terminal = isatty(STDERR_FILENO) && !own.json;
	return (struct model_get){.options = &app->model,
	                          .catalogue = c,
	                          .models_dir = app->models_dir,
	                          .cancel = app->cancel,
	                          .note = on_note,
	                          .progress = on_progress,
	                          .ctx = s};
}

static json_t *folder_json(const struct model_folder *f)
{
	json_t *files = json_array();
	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(
			files, json_pack("{s:s, s:s, s:I, s:s, s:b}", "name", f->files[i].name, "quantize",
		                     f->files[i].quantize, "size", (json_int_t)f->files[i].size, "sha256",
		                     f->files[i].sha256, "projector", f->files[i].projector));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "name", f->name, "title", f->title,
	                 "dir", f->dir, "licence", f->licence, "repository", f->repository, "use",
	                 f->use, "managed", f->managed, "files", files);
}

static char *how_to_use(const struct model_folder *f)
{
	AUTO(mem_freep) char *path = f->n ? file_join(f->dir, f->files[0].name) : mem_strdup("");
	struct speech_file speech;
	struct err ignored;
	if (!f->n || !speech_file_is_named(path) || speech_file_read(path, &speech, &ignored) < 0)
		return mem_printf("use it with --model %s", f->name);
	if (speech.voice)
		return mem_strdup("it finds where somebody speaks, before speech is recognized");
	return mem_printf("the largest one that fits is used for speech, or this one with "
	                  "--speech-model %s",
	                  f->name);
}

static void print_ready(const struct model_folder *f)
{
	int64_t bytes = 0;
	char size[TEXT_SIZE_MAX];
	if (own.json) {
		json_auto_t *o = folder_json(f);
		json_object_set_new(o, "type", json_string("model"));
		json_dumpf(o, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	for (size_t i = 0; i < f->n; i++)
		bytes += f->files[i].size;
	AUTO(mem_freep) char *use = how_to_use(f);
	printf("%s is ready, %s%s%s; %s\n", f->name, text_size((double)bytes, size),
	       *f->licence ? ", licence: " : "", f->licence, use);
}

/* ---- subcommands */

static int get(struct app *app, const struct catalogue *c, int n, char **names)
{
	struct show show = {0};
	const struct model_get g = getter(app, c, &show);
	struct err err;
	for (int i = 0; i < n; i++) {
		AUTO(model_folder_clear) struct model_folder f = {0};
		const char *precision;
		int r = model_get(&g, names[i], "", &f, &precision, &err);
		end_bar(&show);
		if (r == -ERR_CANCELED)
			log_warning("interrupted; downloaded data is kept, and the same command continues");
		if (r < 0)
			return app_fail(&err);
		print_ready(&f);
	}
	return EXIT_COMPLETE;
}

static int add(struct app *app, const struct catalogue *c, int n, char **files)
{
	struct show show = {0};
	const struct model_get g = getter(app, c, &show);
	AUTO(model_folder_clear) struct model_folder f = {0};
	struct err err;
	int r = model_add(&g, files, n, own.name, &f, &err);
	end_bar(&show);
	if (r < 0)
		return app_fail(&err);
	print_ready(&f);
	return EXIT_COMPLETE;
}

/* NAME or NAME:PRECISION; the folder's part is cut off the argument. */
static const char *precision_in(char *name)
{
	char *colon = strrchr(name, ':');
	if (!colon)
		return "";
	*colon = '\0';
	return colon + 1;
}

static int drop(const struct app *app, int n, char **names)
{
	struct err err;
	for (int i = 0; i < n; i++) {
		AUTO(model_folder_clear) struct model_folder f = {0};
		const char *precision = precision_in(names[i]);
		int64_t bytes;
		char size[TEXT_SIZE_MAX];
		if (model_folder_read(app->models_dir, names[i], &f, &err) < 0 ||
		    model_folder_remove(&f, precision, &bytes, &err) < 0)
			return app_fail(&err);
		printf("removed %s%s%s, %s\n", names[i], *precision ? " at " : "", precision,
		       text_size((double)bytes, size));
	}
	return EXIT_COMPLETE;
}

static void print_checked(void *ctx, const struct model_file *file, const char *fault)
{
	const struct model_folder *f = ctx;
	const char *fine = *file->sha256 ? "is unchanged" : "is complete; its hash is unknown";
	if (own.json) {
		json_auto_t *o = json_pack("{s:s, s:s, s:b, s:s}", "model", f->name, "file", file->name,
		                           "ok", !*fault, "fault", fault);
		json_dumpf(o, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%s: %s: %s\n", f->name, file->name, *fault ? fault : fine);
	}
	fflush(stdout);
}

static int check_one(const struct app *app, struct model_folder *f)
{
	struct err err;
	int r = model_folder_check(f, app->cancel, print_checked, f, &err);
	if (r == -ERR_CANCELED)
		return EXIT_INTERRUPTED;
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

static int check(const struct app *app, int n, char **names)
{
	struct err err;
	int code = EXIT_COMPLETE;
	for (int i = 0; i < n && code != EXIT_INTERRUPTED; i++) {
		AUTO(model_folder_clear) struct model_folder f = {0};
		int one = model_folder_read(app->models_dir, names[i], &f, &err) < 0 ? app_fail(&err)
		                                                                     : check_one(app, &f);
		code = one != EXIT_COMPLETE ? one : code;
	}
	if (n)
		return code;
	struct model_folder *all;
	size_t count;
	if (model_folders_read(app->models_dir, &all, &count, &err) < 0)
		return app_fail(&err);
	for (size_t i = 0; i < count; i++) {
		int one = code == EXIT_INTERRUPTED ? code : check_one(app, &all[i]);
		code = one != EXIT_COMPLETE ? one : code;
		model_folder_clear(&all[i]);
	}
	free(all);
	if (!count && !own.json)
		puts("no models installed; vdet model get NAME downloads one");
	return code;
}

/* ---- the list */

/* How the model is built, with what its family wants of pictures. */
static struct fit_model shape_of(const struct catalogue_model *m, const struct model_family *f)
{
	struct fit_model shape = m->shape;
	shape.picture_tokens_min = f ? f->picture_tokens_min : 0;
	return shape;
}

/* Memory with four slots of six pictures of 1280 x 720, by the fit planner. */
static int64_t memory_of(const struct fit_model *m, const char *quantize)
{
	const struct fit_wish w = {.memory = (int64_t)1 << 50,
	                           .goal = 1,
	                           .quantize = quantize,
	                           .slots = 4,
	                           .frames = 6,
	                           .picture_width = 1280,
	                           .picture_height = 720,
	                           .answer_tokens = 2048};
	struct fit_plan p;
	struct err ignored;
	return fit_known(m) && fit_make(m, &w, &p, &ignored) == 0 ? p.need.total : 0;
}

static void print_entry(const struct catalogue *c, const struct catalogue_model *m)
{
	const struct fit_model shape = shape_of(m, catalogue_family(c, m->name));
	static const char *const shown[] = {"q4_k_m", "q8_0", "f16"};
	char text[3][TEXT_SIZE_MAX], parameters[TEXT_SIZE_MAX];
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		int64_t bytes = memory_of(&shape, shown[i]);
		snprintf(text[i], sizeof text[i], "-");
		if (bytes)
			text_size((double)bytes, text[i]);
	}
	snprintf(parameters, sizeof parameters, "%.3g B",
	         (double)(m->shape.parameters + m->projector_parameters) / 1e9);
	printf("%-28s  %-16s  %9s  %9s  %9s  %-7s  %-50s  %s\n", m->name,
	       *m->size              ? m->size
	       : m->shape.parameters ? parameters
	                             : "-",
	       text[0], text[1], text[2], m->checked ? "yes" : "no",
	       *m->repository ? m->repository : m->files[0].url, m->licence);
}

static json_t *addresses(const char *text)
{
	json_t *list_ = json_array();
	for (const char *p = text; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		json_array_append_new(list_, json_stringn(p, len));
		p += len;
	}
	return list_;
}

static json_t *positive(double n)
{
	return n >= 0 ? json_real(n) : json_null();
}

/* What the model's family wants, or null. */
static json_t *family_json(const struct model_family *f)
{
	if (!f)
		return json_null();
	const char *reasoning = f->template_switch ? "enable_thinking" : f->reasons ? "always" : NULL;
	return json_pack("{s:s, s:b, s:o, s:I, s:I, s:s?, s:o, s:o, s:o, s:o}", "name", f->name,
	                 "checked", f->checked, "source", addresses(f->source), "picture_tokens_min",
	                 (json_int_t)f->picture_tokens_min, "frame_pair", (json_int_t)f->frame_pair,
	                 "reasoning", reasoning, "temperature", positive(f->temperature), "top_p",
	                 positive(f->top_p), "top_k",
	                 f->top_k > 0 ? json_integer((json_int_t)f->top_k) : json_null(), "min_p",
	                 positive(f->min_p));
}

static json_t *entry_json(const struct catalogue *c, const struct catalogue_model *m)
{
	const struct model_family *f = catalogue_family(c, m->name);
	const struct fit_model shape = shape_of(m, f);
	bool known = fit_known(&shape);
	json_t *memory = known ? json_object() : json_null();
	for (size_t i = 0; known && fit_quantizations[i]; i++)
		json_object_set_new(memory, fit_quantizations[i],
		                    json_integer(memory_of(&shape, fit_quantizations[i])));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:b, s:o, s:o, s:o}", "type",
		"catalogue", "kind", m->speech ? "speech" : "vision", "name", m->name, "title", m->title,
		"licence", m->licence, "repository", m->repository, "quantize", m->quantize, "size",
		m->size, "parameters", (json_int_t)(m->shape.parameters + m->projector_parameters),
		"context", (json_int_t)m->shape.context, "picture_tokens_720p",
		known ? json_integer((json_int_t)fit_picture_tokens(&shape, 1280, 720)) : json_null(),
		"memory", memory, "checked", m->checked, "source", addresses(m->source), "shape_source",
		addresses(m->shape_source), "family", family_json(f));
}

static void print_folder(const struct model_folder *f)
{
	AUTO(buf_free) struct buf precisions = BUF(200);
	int64_t bytes = 0;
	char size[TEXT_SIZE_MAX];
	size_t stem;
	int64_t count;
	for (size_t i = 0; i < f->n; i++) {
		bytes += f->files[i].size;
		if (!f->files[i].projector && model_split(f->files[i].name, &stem, &count) < 2)
			buf_addf(&precisions, "%s%s", precisions.len ? ", " : "",
			         *f->files[i].quantize ? f->files[i].quantize : "?");
	}
	printf("%-30s  %-20s  %9s  %s\n", f->name, buf_str(&precisions), text_size((double)bytes, size),
	       f->managed ? f->licence : "put here by hand");
}

static int list(const struct app *app, const struct catalogue *c)
{
	struct model_folder *all;
	size_t n;
	struct err err;
	if (model_folders_read(app->models_dir, &all, &n, &err) < 0)
		return app_fail(&err);

	if (n && !own.json)
		printf("%-30s  %-20s  %9s  %s\n", "HERE", "PRECISION", "ON DISK", "LICENCE");
	for (size_t i = 0; i < n; i++) {
		json_auto_t *o = folder_json(&all[i]);
		json_object_set_new(o, "type", json_string("model"));
		if (!own.json)
			print_folder(&all[i]);
		else if (json_dumpf(o, stdout, JSON_COMPACT) == 0)
			putchar('\n');
		model_folder_clear(&all[i]);
	}
	free(all);

	if (!own.all && n) {
		if (!own.json)
			puts("\nvdet model list --all lists the models to download");
		return EXIT_COMPLETE;
	}

	if (!own.json)
		printf("%s%-28s  %-16s  %9s  %9s  %9s  %-7s  %-50s  %s\n", n ? "\n" : "", "CATALOGUE",
		       "SIZE", "q4_k_m", "q8_0", "f16", "CHECKED", "REPOSITORY", "LICENCE");
	for (size_t i = 0; i < c->n; i++) {
		json_auto_t *o = entry_json(c, &c->models[i]);
		if (!own.json)
			print_entry(c, &c->models[i]);
		else if (json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0)
			putchar('\n');
	}
	if (!own.json)
		puts("\n"
		     "Memory with four slots of six pictures of 1280 x 720 each; - if it is not known\n"
		     "how the model is built: then it is calculated after the download. CHECKED no: no\n"
		     "public page was found that confirms all of the entry. vdet model get NAME downloads\n"
		     "one; --json prints the pages, and what requests respect.");
	return EXIT_COMPLETE;
}

static int run(struct app *app, int argc, char **argv)
{
	static const struct {
		const char *word;
		bool names; /* needs any */
	} words[] = {{"list", false}, {"get", true}, {"add", true}, {"rm", true}, {"check", false}};
	AUTO(catalogue_freep) struct catalogue *c = NULL;
	struct err err;
	size_t w = 0;
	while (argc && w < ARRAY_LEN(words) && strcmp(words[w].word, argv[0]) != 0)
		w++;
	if (w == ARRAY_LEN(words))
		return app_usage(&cmd_model, "\"%s\" is not list, get, add, rm or check", argv[0]);
	if (argc < 2 && words[w].names)
		return app_usage(&cmd_model, w == 2 ? "no file given" : "no model given");
	if (argc > 1 && w == 0)
		return app_usage(&cmd_model, "list takes no names");
	if (catalogue_load(app->model.catalogue, &c, &err) < 0)
		return app_fail(&err);
	switch (w) {
	case 1: return get(app, c, argc - 1, argv + 1);
	case 2: return add(app, c, argc - 1, argv + 1);
	case 3: return drop(app, argc - 1, argv + 1);
	case 4: return check(app, argc - 1, argv + 1);
	default: return list(app, c);
	}
}

const struct command cmd_model = {
	.name = "model",
	.usage = "[list | get NAME[:PRECISION]… | add FILE… | rm NAME[:PRECISION]… | check [NAME…]]",
	.summary = "download, add, verify and remove models for llama-server and whisper-server",
	.text = "get takes a name from the catalogue (list --all) or OWNER/NAME of the\n"
			"hub, and resumes an\n"
			"interrupted download. add takes local files: the model, all of its parts,\n"
			"and its projector\n"
			"(mmproj). check reads every file and compares it with its stored checksum.\n",
	.groups = GROUP_APP | GROUP_MODEL,
	.own = &group,
	.own_target = &own,
	.run = run,
};
