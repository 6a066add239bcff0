/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet demo`: generates a recording with known content, analyzes it with the
 * bundled model, and compares the report with the truth. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/demo-video.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "report/checks.h"
#include "report/report.h"
#include "world/world.h"

DEFINE_FREEP(struct world, world)

static struct {
	double hours;
	int64_t seed;
	char *dir;
} own;
static const struct opt_row rows[] = {
	{"demo.hours", "hours", OPT_DOUBLE, offsetof(__typeof__(own), hours), DEMO_HOURS, 0.01, 24,
     NULL, "N", "Length of the generated recording in hours; the default is ten minutes.",
     OPT_COMMAND_ONLY},
	{"demo.seed", "seed", OPT_INT, offsetof(__typeof__(own), seed), DEMO_SEED, -1e15, 1e15, NULL,
     "N", "Seed of the generated recording.", OPT_COMMAND_ONLY},
	{"demo.dir", "dir", OPT_STRING, offsetof(__typeof__(own), dir), DEMO_DIR, 0, 0, NULL, "FOLDER",
     "Output folder for the recording and its report.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Demo", rows, ARRAY_LEN(rows)};

/* Settings of the demo, unless the user has set others. */
static int apply_settings(struct app *app, struct err *err)
{
	for (const struct demo_setting *s = demo_settings; s->row; s++) {
		for (size_t i = 0; i < analyze_opt_group.n; i++) {
			const struct opt_row *row = &analyze_opt_group.rows[i];
			if (strcmp(row->name, s->row) != 0)
				continue;
			int r = opt_is_default(row, &app->analyze)
			            ? opt_set_value(row, &app->analyze, s->value, "demo", err)
			            : 0;
			if (r < 0)
				return r;
		}
	}
	free(app->engine.url);
	free(app->engine.model);
	app->engine.url = mem_strdup("auto");
	app->engine.model = mem_strdup("");
	app->demo = true;
	return 0;
}

/* Whether this event of the report describes an event of the truth: the same
 * thing, at the same time. */
static bool describes(const struct report_event *said, const struct world_event *e)
{
	char thing[40];
	snprintf(thing, sizeof thing, "%s %s", world_color_name[e->color], world_shape_name[e->shape]);
	return strcasestr(said->what, thing) && said->start <= e->end_us && said->end >= e->start_us;
}

/* Did the model see a frame that shows it? */
static bool was_seen(const struct report *r, const struct world *w, const struct world_event *e)
{
	for (size_t c = 0; c < r->n_chunks; c++) {
		for (size_t s = 0; s < r->chunks[c].n_samples; s++) {
			struct world_sight sights[32];
			const struct report_sample *sample = &r->chunks[c].samples[s];
			if (*sample->fault || sample->pts < e->start_us || sample->pts > e->end_us)
				continue;
			size_t n = world_visible(w, sample->pts, sights, ARRAY_LEN(sights));
			for (size_t i = 0; i < n && i < ARRAY_LEN(sights); i++)
				if (sights[i].event->id == e->id)
					return true;
		}
	}
	return false;
}

static void print_event(const struct report *r, const struct world *w, const struct world_event *e,
                        size_t *seen, size_t *described)
{
	char text[200], a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	const char *found = "not seen: no frame fell into it";
	bool see = was_seen(r, w, e), say = false;
	char at[CLOCK_TEXT_MAX] = "";
	for (size_t i = 0; i < r->n_events && !say; i++) {
		say = describes(&r->events[i], e);
		if (say) {
			found = r->events[i].what;
			clock_short(r->events[i].start, at);
		}
	}
	if (see && !say)
		found = "seen, but not said";
	*seen += see;
	*described += see && say;
	world_event_text(w, e, text, sizeof text);
	printf("%s %7s-%-7s %-66s | %s%s%s\n", say ? "+" : "-", clock_short(e->start_us, a),
	       clock_short(e->end_us, b), text, at, *at ? " " : "", found);
}

/* How many of the report's events are about nothing that happened. */
static size_t count_invented(const struct report *r, const struct world *w)
{
	size_t invented = 0;
	for (size_t i = 0; i < r->n_events; i++) {
		bool real = false;
		for (size_t k = 0; k < w->n_events && !real; k++)
			real = describes(&r->events[i], &w->events[k]);
		invented += !real;
	}
	return invented;
}

static void print_comparison(const struct report *r, const struct world *w)
{
	size_t seen = 0, described = 0, invented = count_invented(r, w);
	if (r->summary_by_model)
		printf("\n%s\n", r->summary);
	printf("\n%-18s%-67s | %s\n", "  what happened", "", "what the report says");
	for (size_t i = 0; i < w->n_events; i++)
		print_event(r, w, &w->events[i], &seen, &described);
	printf("\n"
	       "%zu events happened; frames showed %zu of them to the model, and the report names %zu "
	       "of these (%.0f %%).\n"
	       "The report has %zu event%s; %zu %s about nothing that happened.\n",
	       w->n_events, seen, described, seen ? 100.0 * (double)described / (double)seen : 100.0,
	       r->n_events, text_s((int64_t)r->n_events), invented, invented == 1 ? "is" : "are");

	/* What checks found, and whether it counts. */
	AUTO(buf_free) struct buf checks = BUF(4096);
	report_checks_text(r, &checks);
	if (checks.len)
		printf("%s\n", buf_str(&checks));
}

/* The newest job about this video, from the store. */
struct newest {
	const char *dir;
	char *id;
};

static int take_job(void *ctx, const struct store_job *j)
{
	struct newest *n = ctx;
	if (!n->id && strcmp(j->output, n->dir) == 0)
		n->id = mem_strdup(j->id);
	return 0;
}

static int compare(struct app *app, const struct world_video *v, struct err *err)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(report_freep) struct report *report = NULL;
	char why[300];
	AUTO(mem_freep) char *dir = realpath(app->analyze.output, NULL);
	struct newest newest = {.dir = dir ? dir : app->analyze.output};
	AUTO(world_freep) struct world *w = world_new(&v->world, why, sizeof why);
	if (!w)
		return err_set(err, ERR_ARG, "%s", why);
	int r = app_open_store(app, &store, err);
	if (r == 0)
		r = store_job_each(store, take_job, &newest, err);
	if (r == 0)
		r = newest.id
		        ? report_load(store, newest.id, report_detail_of(app->analyze.detail), &report, err)
		        : err_set(err, ERR_INTERNAL, "the demo's job is gone");
	if (r == 0)
		print_comparison(report, w);
	free(newest.id);
	return r;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(mem_freep) char *path = NULL;
	struct world_video v = {0};
	struct err err;
	(void)argv;
	if (argc)
		return app_usage(&cmd_demo, "it takes no file: it draws its own");
	if (apply_settings(app, &err) < 0 ||
	    demo_video_draw(own.dir, own.seed, own.hours, app->cancel, &v, &path, &err) < 0)
		return app_fail(&err);
	if (!*app->analyze.output) {
		AUTO(mem_freep) char *stem = file_stem(path);
		AUTO(mem_freep) char *folder = mem_printf("%s.vdet", stem);
		free(app->analyze.output);
		app->analyze.output = file_join(own.dir, folder);
	}

	char *files[] = {path};
	int code = app_analyze(app, files, 1);
	if (code != EXIT_COMPLETE && code != EXIT_HOLES)
		return code;
	return compare(app, &v, &err) < 0 ? app_fail(&err) : code;
}

const struct command cmd_demo = {
	.name = "demo",
	.usage = "",
	.summary = "generate a recording, analyze it, and compare the report with the truth",
	.text = "Uses the bundled demo model, which understands only such generated scenes.\n",
	.groups = GROUP_RUN | GROUP_FLEET,
	.own = &group,
	.own_target = &own,
	.run = run,
};
