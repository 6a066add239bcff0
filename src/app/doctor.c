/* SPDX-License-Identifier: Apache-2.0 */
#include "app/doctor.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "decoder/caps.h"
#include "engine/embed.h"

void checks_clear(struct checks *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].found);
		free(c->items[i].advice);
	}
	free(c->items);
	*c = (struct checks){0};
}

void checks_add(struct checks *c, const char *name, enum check_state state, char *found,
                char *advice)
{
	c->items = mem_grow(c->items, c->n + 1, sizeof *c->items);
	c->items[c->n++] = (struct check){name, state, found, advice ? advice : mem_strdup("")};
}

static char *join(json_t *words)
{
	struct buf out = BUF(4096);
	size_t i;
	json_t *w;
	json_array_foreach (words, i, w)
		buf_addf(&out, "%s%s", i ? ", " : "", json_string_value(w));
	return buf_take(&out);
}

static void check_decoders(struct checks *c, json_t *caps)
{
	json_t *missing = json_object_get(caps, "missing"),
		   *filters = json_object_get(caps, "filters_missing");
	AUTO(mem_freep) char *missing_text = join(missing);
	AUTO(mem_freep) char *filters_text = join(filters);
	checks_add(
		c, "decoders", json_array_size(missing) ? CHECK_NOTE : CHECK_OK,
		join(json_object_get(caps, "decoders")),
		json_array_size(missing)
			? mem_printf("%s cannot be decoded with this FFmpeg; a newer one may", missing_text)
			: NULL);
	if (json_array_size(filters))
		checks_add(
			c, "filters", CHECK_FAULT, mem_printf("%s missing", filters_text),
			mem_strdup(
				"HDR or interlaced video will look wrong; use an FFmpeg built with libzimg"));
}

static void check_hardware(struct checks *c, json_t *caps)
{
	struct buf usable = BUF(4096);
	size_t i;
	json_t *h;
	json_array_foreach (json_object_get(caps, "hardware"), i, h)
		if (json_is_true(json_object_get(h, "usable")))
			buf_addf(&usable, "%s%s", usable.len ? ", " : "",
			         json_string_value(json_object_get(h, "name")));
	checks_add(c, "hardware decoders", CHECK_OK,
	           usable.len ? buf_take(&usable) : mem_strdup("none usable; decoding in software"),
	           NULL);
}

void doctor_media(struct checks *c)
{
	json_auto_t *caps = NULL;
	struct err err;
	const char *name;
	json_t *version;
	if (decoder_caps(&caps, &err) < 0) {
		checks_add(c, "media libraries", CHECK_FAULT, mem_strdup(err.msg),
		           mem_strdup("the decoder process does not start; rebuild with ./vdet"));
		return;
	}
	struct buf text = BUF(4096);
	json_object_foreach (json_object_get(caps, "libraries"), name, version)
		buf_addf(&text, "%s%s %s", text.len ? ", " : "", name, json_string_value(version));
	buf_addf(&text, ", jansson %s", JANSSON_VERSION);
	checks_add(c, "libraries", CHECK_OK, buf_take(&text), NULL);
	check_decoders(c, caps);
	check_hardware(c, caps);
}

void doctor_engine(struct checks *c, struct app *app)
{
	AUTO(engine_freep) struct engine *engine = NULL;
	struct err err;
	int r = app_new_engine(app, NULL, NULL, &engine, &err);
	if (r == 0)
		r = engine_start(engine, NULL, NULL, &err);
	if (r < 0) {
		checks_add(c, "engine", CHECK_FAULT, mem_strdup(err.msg),
		           mem_printf("put llama-server on PATH, run %s, or set --engine URL", app->setup));
		return;
	}
	const struct engine_info *i = engine_info(engine);
	checks_add(c, "engine", CHECK_OK,
	           mem_printf("%s %s, %d requests at once, context %d", i->kind, i->version, i->slots,
	                      i->context),
	           NULL);
	if (i->demo_model)
		checks_add(c, "model", CHECK_NOTE,
		           mem_strdup("only the demo model, which understands only generated scenes"),
		           mem_printf("put a vision-language model in GGUF and its mmproj file into %s",
		                      app->models_dir));
	else
		checks_add(c, "model", i->images ? CHECK_OK : CHECK_FAULT, mem_strdup(i->model),
		           i->images ? NULL
		                     : mem_strdup("it takes text only; use a vision-language model"));
}

void doctor_vectors(struct checks *c, struct app *app)
{
	AUTO(engine_freep) struct engine *engine = NULL;
	struct engine_embed_info info;
	struct err err;
	if (!*app->engine.embed)
		return;
	int r = app_new_embedder(app, &engine, &err);
	if (r == 0)
		r = engine_embed_info(engine, app->cancel, &info, &err);
	if (r < 0)
		checks_add(c, "vectors", CHECK_FAULT, mem_strdup(err.msg),
		           mem_strdup("questions are searched by their words alone; set engine.embed to "
		                      "another model, or to nothing"));
	else
		checks_add(c, "vectors", CHECK_OK, mem_printf("%s, %zu numbers", info.model, info.dim),
		           NULL);
}

void doctor_speech(struct checks *c, struct app *app)
{
	AUTO(speech_freep) struct speech *speech = NULL;
	const struct speech_places p = app_speech_places(app);
	struct err err;
	if (!strcmp(app->speech.engine, "off"))
		checks_add(c, "speech", CHECK_OK, mem_strdup("off"), NULL);
	else if (speech_open(&app->speech, &p, app->cancel, &speech, &err) == 0)
		checks_add(c, "speech", CHECK_OK,
		           mem_printf("%s%s", speech_identity(speech),
		                      strcmp(app->speech.engine, "auto") ? "; nothing was sent to it" : ""),
		           NULL);
	else
		checks_add(c, "speech", err.code == ERR_ARG ? CHECK_FAULT : CHECK_NOTE, mem_strdup(err.msg),
		           mem_strdup("without it videos are analyzed all the same, but what is said in "
		                      "them is not found"));
}

static void check_memory(struct checks *c)
{
	int64_t page = sysconf(_SC_PAGESIZE), total = sysconf(_SC_PHYS_PAGES) * page;
	int64_t available = 0;
	AUTO(buf_free) struct buf text = BUF(1 << 16);
	char a[TEXT_SIZE_MAX], b[TEXT_SIZE_MAX];
	if (file_read("/proc/meminfo", &text, NULL) == 0) {
		const char *line = strstr(buf_str(&text), "MemAvailable:");
		available = line ? strtoll(line + sizeof "MemAvailable:", NULL, 10) * 1024 : 0;
	}
	bool low = available < INT64_C(2) << 30;
	checks_add(c, "memory", low ? CHECK_NOTE : CHECK_OK,
	           mem_printf("%s available of %s", text_size((double)available, a),
	                      text_size((double)total, b)),
	           low ? mem_strdup("below 2 GB only small models run; close other programs") : NULL);
}

void doctor_name_gpus(struct buf *out)
{
	glob_t found = {0};
	if (glob("/proc/driver/nvidia/gpus/*/information", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			AUTO(buf_free) struct buf info = BUF(1 << 16);
			file_read(found.gl_pathv[i], &info, NULL);
			const char *model = strstr(buf_str(&info), "Model:");
			model = model ? model + strlen("Model:") : "NVIDIA";
			model += strspn(model, " \t");
			buf_addf(out, "%s%.*s", out->len ? ", " : "", (int)strcspn(model, "\n"), model);
		}
	}
	globfree(&found);
	if (!out->len && glob("/dev/dri/renderD*", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			buf_addf(out, "%s%s", out->len ? ", " : "", found.gl_pathv[i]);
	globfree(&found);
}

static void check_gpu(struct checks *c)
{
	struct buf text = BUF(GPU_NAMES_MAX);
	doctor_name_gpus(&text);
	bool none = !text.len;
	checks_add(
		c, "GPU", none ? CHECK_NOTE : CHECK_OK,
		none ? mem_strdup("none found; the model runs on the CPU") : buf_take(&text),
		none ? mem_strdup(
				   "fine for the demo; large models need a GPU here, or an --engine elsewhere")
			 : NULL);
}

static void check_disk(struct checks *c, const char *dir)
{
	struct statvfs v;
	char a[TEXT_SIZE_MAX];
	if (statvfs(dir, &v) < 0) {
		checks_add(c, "disk", CHECK_FAULT, mem_printf("%s: %s", dir, strerror(errno)),
		           mem_strdup("choose another --data-dir"));
		return;
	}
	double free_bytes = (double)v.f_bavail * (double)v.f_frsize;
	bool low = free_bytes < 1e9;
	checks_add(c, "disk", low ? CHECK_FAULT : CHECK_OK,
	           mem_printf("%s free in %s", text_size(free_bytes, a), dir),
	           low ? mem_strdup("less than 1 GB; free space, or choose another --data-dir") : NULL);
}

static void check_limits(struct checks *c)
{
	struct rlimit files, procs;
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NPROC, &procs);
	bool low = files.rlim_cur < 256;
	checks_add(c, "limits", low ? CHECK_FAULT : CHECK_OK,
	           mem_printf("%ld processors, %llu open files", sysconf(_SC_NPROCESSORS_ONLN),
	                      (unsigned long long)files.rlim_cur),
	           low ? mem_strdup("raise the limit of open files: ulimit -n 1024") : NULL);
}

void doctor_machine(struct checks *c, struct app *app)
{
	AUTO(store_freep) struct store *store = NULL;
	struct err err;
	check_memory(c);
	check_gpu(c);
	check_limits(c);
	if (app_open_store(app, &store, &err) < 0) {
		checks_add(c, "journal", CHECK_FAULT, mem_strdup(err.msg),
		           mem_strdup("choose another --data-dir"));
		return;
	}
	checks_add(c, "journal", CHECK_OK, mem_printf("%s/vdet.db", app->data_dir), NULL);
	check_disk(c, app->data_dir);
}
