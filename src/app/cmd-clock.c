/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/ui.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "job/step-options.h"
#include "job/wallclock.h"

static struct own {
	bool json;
} own;

static const struct opt_row rows[] = {
	{"clock.json", "json", OPT_BOOL, offsetof(struct own, json), "false", 0, 0, NULL, NULL,
     "Print everything that was found as JSON, with all readings.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Clock of a recording", rows, ARRAY_LEN(rows)};

static void print_time(const struct wallclock *w, size_t clock, int64_t at, const char *label)
{
	char text[WALLCLOCK_TEXT_MAX], video[CLOCK_TEXT_MAX];
	struct wallclock one = {.clocks = &w->clocks[clock], .n_clocks = 1};
	struct wallclock_time t;
	if (wallclock_at(&one, at, &t))
		printf("  %s (%s): %s\n", label, clock_short(at, video), wallclock_text(&t, text));
}

static void print_break(const struct wallclock_clock *c, const struct wallclock_break *b)
{
	char at[CLOCK_TEXT_MAX], before[CLOCK_TEXT_MAX], after[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *text = wallclock_break_text(c, b);
	printf("  %s: %s: %s (%s; between the frames at %s and %s)\n", clock_short(b->after, at), text,
	       wallclock_verdict_name[b->verdict], b->why, clock_text(b->before, before),
	       clock_text(b->after, after));
}

static void print_clock(const struct wallclock *w, size_t i)
{
	const struct wallclock_clock *c = &w->clocks[i];
	const struct wallclock_fit *f = &c->fits[0];
	const struct wallclock_piece *first = &f->pieces[0], *last = &f->pieces[f->n_pieces - 1];
	size_t used = 0;
	for (size_t k = 0; k < c->n_samples; k++)
		used += c->samples[k].used;
	printf("%s%s%s\n", c->name, *c->format ? ", " : "", c->format);
	print_time(w, i, first->start, "first");
	print_time(w, i, last->end, "last");
	if (fabs(first->speed - 1) > 1e-6)
		printf("  it counts %.6f seconds in a second of the video\n", first->speed);
	if (c->n_samples > 0)
		printf("  %zu of %zu readings are on the line\n", used, c->n_samples);
	if (c->source == WALLCLOCK_PICTURE && c->n_breaks == 0)
		puts("  no jump");
	for (size_t k = 0; k < c->n_breaks; k++)
		print_break(c, &c->breaks[k]);
}

static void print(const struct wallclock *w)
{
	if (own.json) {
		json_auto_t *all = wallclock_json(w);
		AUTO(mem_freep) char *text = json_dumps(all, JSON_COMPACT);
		puts(text);
		return;
	}
	for (size_t i = 0; i < w->n_clocks; i++)
		print_clock(w, i);
	if (w->n_clocks == 0)
		puts("no clock");
	if (*w->fault)
		printf("note: %s\n", w->fault);
}

static int run(struct app *app, int argc, char **argv)
{
	struct err err;
	AUTO(fd_closep) int fd = -1;
	AUTO(wallclock_freep) struct wallclock *w = NULL;
	if (argc != 1)
		return app_usage(&cmd_clock, "one video is required");
	if (app->analyze.media_stream == MEDIA_STREAM_ALL)
		return app_usage(&cmd_clock, "--stream all: a clock is that of one stream; name its index");
	int r = file_open_input(argv[0], &fd, &err);
	if (r < 0)
		return app_fail(&err);
	const struct wallclock_file file = {.fd = fd, .decoder = analyze_decoder(&app->analyze)};
	const struct wallclock_options o = {.zone = app->analyze.timezone,
	                                    .sandbox = app->analyze.sandbox};
	r = wallclock_examine(&file, &o, app->cancel, &w, &err);
	if (r < 0 && r != -ERR_CANCELED)
		err_wrap(&err, "%s", file_base(argv[0]));
	if (r < 0)
		return app_fail(&err);
	print(w);
	return EXIT_COMPLETE;
}

const struct command cmd_clock = {
	.name = "clock",
	.usage = "FILE",
	.summary = "find the time of day of a recording, and where its clock jumps",
	.text = "Reads the date and time that a camera has written into the picture, and what\n"
			"the file states. Where the clock jumps, it says by how much, and whether the\n"
			"picture continues there. Nothing is kept; vdet analyze does the same.\n",
	.groups = GROUP_APP | GROUP_MEDIA,
	.own = &group,
	.own_target = &own,
	.run = run,
};
