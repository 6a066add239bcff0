/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/ui.h"
#include "job/step-options.h"
#include "job/streams.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "index/anomaly.h"
#include "index/form.h"
#include "index/indexer.h"
#include "report/naming.h"

static struct own {
	bool scenes, json, fresh;
	char *output;
} own;
static const size_t INDEX_FILE_MAX = (size_t)256 << 20;
#define AT(member) offsetof(struct own, member)

static const struct opt_row rows[] = {
	{"index.scenes", "scenes", OPT_BOOL, AT(scenes), "false", 0, 0, NULL, NULL,
     "Decode around each possible cut to find hard cuts, dissolves and fades to the frame; "
     "slower.",
     OPT_COMMAND_ONLY},
	{"index.json", "json", OPT_BOOL, AT(json), "false", 0, 0, NULL, NULL,
     "Print the whole index as JSON.", OPT_COMMAND_ONLY},
	{"index.fresh", "fresh", OPT_BOOL, AT(fresh), "false", 0, 0, NULL, NULL,
     "Ignore a stored index of this file and make it again.", OPT_COMMAND_ONLY},
	{"index.output", "output", OPT_STRING, AT(output), "", 0, 0, NULL, "FOLDER",
     "Write NAME.index.json to this folder, and with --scenes also the shots as "
     "NAME.chapters.vtt.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Index of a video", rows, ARRAY_LEN(rows)};

static void on_progress(void *ctx, const char *what, double fraction)
{
	char text[80];
	snprintf(text, sizeof text, "%s %.0f %%", what, fraction * 100);
	progress_phase(ctx, PHASE_INDEX, text);
}

struct made {
	struct video_index *index;
	struct video_info info;
	char sha256[HASH_HEX]; /* of the file */
	bool cached;
};

static void made_clear(struct made *m)
{
	video_index_freep(&m->index);
	video_info_clear(&m->info);
}

/* `a` is changed to name the default stream as such. */
static int make(struct app *app, struct store *store, const char *path, struct analyze_options *a,
                struct progress *progress, struct made *ret, struct err *err)
{
	struct indexer_options o = {.effort = a->index_effort,
	                            .max_gap = a->index_max_gap,
	                            .workers = a->index_workers,
	                            .scenes = own.scenes,
	                            .fresh = own.fresh,
	                            .progress = on_progress,
	                            .ctx = progress};
	AUTO(fd_closep) int fd = -1;
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	progress_phase(progress, PHASE_HASHING, file_base(path));
	r = streams_probe(fd, a, app->cancel, &ret->info, err);
	if (r < 0)
		return r;
	streams_settle(a, &ret->info);
	o.decoder = analyze_decoder(a);
	r = hash_fd(fd, app->cancel, NULL, ret->sha256, err);
	return r < 0 ? r
	             : indexer_get(store, ret->sha256, fd, &o, app->cancel, &ret->cached, &ret->index,
	                           err);
}

/* The curve in a line of blocks: the most of each share of the video. */
static void print_curve(const struct video_index *x)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	enum { CELLS = 64 };
	size_t cells = x->n_bins < CELLS ? x->n_bins : CELLS;
	fputs("  activity   ", stdout);
	for (size_t i = 0; i < cells; i++) {
		float most = 0;
		for (size_t k = i * x->n_bins / cells; k < (i + 1) * x->n_bins / cells; k++)
			most = fmaxf(most, x->activity[k]);
		int level = (int)(most * 8);
		fputs(blocks[level > 7 ? 7 : level], stdout);
	}
	putchar('\n');
}

static int64_t time_of(const struct video_index *x,
                       bool (*is)(const struct video_index *, size_t, unsigned), unsigned arg)
{
	int64_t sum = 0;
	for (size_t i = 0; i < x->n_bins; i++)
		if (is(x, i, arg))
			sum += (int64_t)(i + 1) * x->bin <= x->duration ? x->bin
			                                                : x->duration - (int64_t)i * x->bin;
	return sum;
}

static bool is_quiet(const struct video_index *x, size_t i, unsigned arg)
{
	(void)arg;
	return x->activity[i] < 0.1f;
}
static bool is_busy(const struct video_index *x, size_t i, unsigned arg)
{
	(void)arg;
	return x->activity[i] >= 0.4f;
}
static bool is_flagged(const struct video_index *x, size_t i, unsigned flag)
{
	return x->flags[i] & flag;
}
static bool has_detail(const struct video_index *x, size_t i, unsigned detail)
{
	return x->detail[i] == detail;
}

static void print_share(const char *label, int64_t part, const struct video_index *x)
{
	char t[CLOCK_TEXT_MAX];
	printf("%s %s (%.0f %%)", label, clock_short(part, t),
	       100.0 * (double)part / (double)x->duration);
}

static void print_flags(const struct video_index *x)
{
	static const char *const names[] = {"black", "frozen", "blurred", "fading", "torn"};
	bool any = false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char t[CLOCK_TEXT_MAX];
		int64_t part = time_of(x, is_flagged, 1u << i);
		if (part >= CLOCK_SECOND / 2)
			printf("%s%s %s", any ? ", " : "  pictures   ", names[i], clock_short(part, t));
		any |= part >= CLOCK_SECOND / 2;
	}
	if (any)
		putchar('\n');
}

static void print_cuts(const struct video_index *x)
{
	enum { FEW = 40 };
	size_t count[3] = {0};
	for (size_t i = 0; i < x->n_cuts; i++)
		count[x->cuts[i].kind]++;
	printf("  cuts       %zu (%zu hard, %zu dissolves, %zu fades)%s\n", x->n_cuts, count[0],
	       count[1], count[2], own.scenes || !x->n_cuts ? "" : "; --scenes makes them exact");
	for (size_t i = 0; i < x->n_cuts && (own.scenes || x->n_cuts <= FEW); i++) {
		const struct index_cut *c = &x->cuts[i];
		char t[CLOCK_TEXT_MAX];
		printf("    %s  %s", clock_text(c->pts, t), index_cut_name(c->kind));
		if (c->end > c->pts)
			printf(", until %s", clock_text(c->end, t));
		if (c->uncertainty)
			printf(", or up to %.1f s before", (double)c->uncertainty / 1e6);
		putchar('\n');
	}
}

static void print_anomalies(const struct video_index *x)
{
	enum { FEW = 20 };
	size_t n;
	AUTO(mem_freep) struct index_anomaly *all = index_anomalies(x, &n);
	bool partly = x->decoded_time < x->duration * 99 / 100;
	if (n || partly)
		printf("  anomalies  %zu%s\n", n,
		       partly ? "; only looked for in the part that was looked at closely" : "");
	for (size_t i = 0; i < n && i < FEW; i++) {
		char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
		printf("    %s", clock_text(all[i].start, a));
		if (all[i].end > all[i].start)
			printf(" to %s", clock_text(all[i].end, b));
		printf("  %s\n", index_anomaly_text(all[i].kind));
	}
	if (n > FEW)
		printf("    and %zu more; --json has all\n", n - FEW);
}

static void print_source(const struct video_info *v)
{
	size_t i;
	const json_t *s;
	json_array_foreach (v->video_streams, i, s) {
		const char *title = json_string_value(json_object_get(s, "title"));
		int width = (int)json_integer_value(json_object_get(s, "width"));
		int height = (int)json_integer_value(json_object_get(s, "height"));
		printf("  stream %-3d %s %s", (int)json_integer_value(json_object_get(s, "index")),
		       json_string_value(json_object_get(s, "kind")),
		       json_string_value(json_object_get(s, "codec")));
		if (width)
			printf(" %dx%d", width, height);
		printf("%s%s%s%s\n", json_is_true(json_object_get(s, "still")) ? ", a still picture" : "",
		       json_is_true(json_object_get(s, "chosen")) ? ", chosen" : "",
		       title && *title ? ", " : "", title ? title : "");
	}
	if (*v->warning)
		printf("  warning    %s\n", v->warning);
}

static void print_summary(const char *name, const struct video_index *x,
                          const struct video_info *info, bool cached)
{
	char t[CLOCK_TEXT_MAX];
	printf("%s  %s\n", name, clock_text(x->duration, t));
	print_source(info);
	printf("  packets    %" PRId64 ", %" PRId64 " of them keyframes; %" PRId64
	       " pictures decoded, no two more "
	       "than %.1f s apart\n",
	       x->packets, x->keyframes, x->decoded, (double)x->max_gap / 1e6);
	print_share("  looked at  closely", time_of(x, has_detail, INDEX_DECODED), x);
	print_share(", at keyframes", time_of(x, has_detail, INDEX_KEYFRAMES), x);
	print_share(", at packets alone", time_of(x, has_detail, INDEX_PACKETS), x);
	putchar('\n');
	if (x->failed)
		printf("  damage     %" PRId64 " parts could not be decoded\n", x->failed);
	print_curve(x);
	print_share("             quiet", time_of(x, is_quiet, 0), x);
	print_share(", busy", time_of(x, is_busy, 0), x);
	putchar('\n');
	print_flags(x);
	print_cuts(x);
	print_anomalies(x);
	printf("  took       %.2f s%s\n", (double)x->work_time / 1e6,
	       cached ? ", at an earlier time" : "");
}

/* Whether an index of another video is at this path; *ret_owner: where that
 * video was, NULL if the file is none. */
static bool is_of_another(const char *path, const char *name, const char *sha256,
                          struct place *owner, const struct place **ret_owner)
{
	struct err ignored;
	AUTO(buf_free) struct buf text = BUF(INDEX_FILE_MAX);
	*ret_owner = NULL;
	if (!file_exists(path))
		return false;
	if (file_read(path, &text, &ignored) < 0)
		return true;
	json_auto_t *j = json_loadb(text.data, text.len, 0, NULL);
	const char *hash = json_string_value(json_object_get(j, "sha256")),
			   *source = json_string_value(json_object_get(j, "source"));
	place_read(json_object_get(j, "place"), owner);
	if (source)
		*ret_owner = owner;
	/* Older versions recorded only the name. */
	return hash ? strcmp(hash, sha256) != 0 : !source || strcmp(source, name) != 0;
}

/* The files' name without ".index.json" in the output folder, which is not used
 * by another video. The caller frees it. */
static char *choose_name(struct naming *n, const char *name, const char *sha256)
{
	for (bool changed = false;; changed = true) {
		struct place place;
		const struct place *owner;
		AUTO(mem_freep) char *chosen = naming_text(n);
		AUTO(mem_freep) char *file = mem_printf("%s/%s.index.json", own.output, chosen);
		if (is_of_another(file, name, sha256, &place, &owner)) {
			naming_next(n, owner);
			continue;
		}
		if (changed)
			log_warning("the folder has an index of another video of this name; %s is written",
			            file);
		return TAKE(chosen);
	}
}

static int write_files(struct naming *n, const char *name, const struct made *m, const char *json,
                       struct err *err)
{
	AUTO(mem_freep) char *chosen = choose_name(n, name, m->sha256);
	AUTO(mem_freep) char *json_path = mem_printf("%s/%s.index.json", own.output, chosen);
	AUTO(mem_freep) char *vtt_path = mem_printf("%s/%s.chapters.vtt", own.output, chosen);
	AUTO(buf_free) struct buf vtt = BUF(INDEX_FILE_MAX);
	int r = file_mkdirs(own.output, false, err);
	if (r == 0)
		r = file_write(json_path, json, strlen(json), err);
	if (r < 0 || !own.scenes)
		return r;
	index_vtt(m->index, &vtt);
	return file_write(vtt_path, buf_str(&vtt), vtt.len, err);
}

static int print_index(const char *path, int64_t stream, const struct made *m, struct err *err)
{
	const struct video_info *info = &m->info;
	AUTO(mem_freep) char *name = text_line(file_base(path), 1000), *json = NULL;
	AUTO(naming_clear) struct naming n;
	naming_start(&n, path, stream);
	if (own.json || *own.output) {
		json_auto_t *j = index_json(m->index);
		json_object_set_new(j, "anomalies", index_anomalies_json(m->index));
		json_object_set_new(j, "source", json_string(name));
		json_object_set_new(j, "sha256", json_string(m->sha256));
		json_object_set_new(j, "place", place_json(&n.place));
		json_object_set_new(j, "stream", json_integer(info->stream));
		json_object_set(j, "streams", info->video_streams);
		json_object_set(j, "gaps", info->gaps);
		json_object_set_new(j, "warning",
		                    *info->warning ? json_string(info->warning) : json_null());
		json = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(10));
	}
	if (own.json)
		puts(json);
	else
		print_summary(name, m->index, info, m->cached);
	fflush(stdout);
	return *own.output ? write_files(&n, name, m, json, err) : 0;
}

static int index_one(struct app *app, struct store *store, const char *path, int64_t stream)
{
	struct analyze_options options = app->analyze; /* its strings are owned by app */
	AUTO(made_clear) struct made m = {0};
	struct err err;
	options.media_stream = stream;
	struct ui *ui = ui_new(app->options.progress);
	ui_start(ui);
	int r = make(app, store, path, &options, ui_progress(ui), &m, &err);
	ui_free(ui);
	if (r == 0)
		r = print_index(path, options.media_stream, &m, &err);
	if (r == 0)
		return EXIT_COMPLETE;
	if (r != -ERR_CANCELED)
		err_wrap(&err, "%s", file_base(path));
	return app_fail(&err);
}

static int index_file(struct app *app, struct store *store, const char *path)
{
	AUTO(mem_freep) int64_t *streams = NULL;
	size_t n = 0;
	struct err err;
	int code = EXIT_COMPLETE;
	if (streams_list(path, &app->analyze, app->cancel, &streams, &n, &err) < 0)
		return app_fail(&err);
	for (size_t i = 0; i < n && code != EXIT_INTERRUPTED; i++) {
		int one = index_one(app, store, path, streams[i]);
		code = one == EXIT_COMPLETE ? code : one;
	}
	return code;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	struct err err;
	int code = EXIT_COMPLETE;
	if (argc < 1)
		return app_usage(&cmd_index, "no video given");
	if (app_open_store(app, &store, &err) < 0)
		return app_fail(&err);
	for (int i = 0; i < argc && code != EXIT_INTERRUPTED; i++) {
		int one = index_file(app, store, argv[i]);
		code = one == EXIT_COMPLETE ? code : one;
	}
	return code;
}

const struct command cmd_index = {
	.name = "index",
	.usage = "FILE…",
	.summary = "index videos: activity, cuts, black and quiet parts",
	.text = "Scans all packets, decodes the keyframes at low resolution, and more\n"
			"where it is worthwhile\n"
			"(--index-effort). It is the first step of vdet analyze, and stored: each\n"
			"file is indexed once.\n",
	.groups = GROUP_APP | GROUP_INDEX,
	.own = &group,
	.own_target = &own,
	.run = run,
};
