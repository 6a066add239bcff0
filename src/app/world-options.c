/* SPDX-License-Identifier: Apache-2.0 */
#include "app/world-options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define AT(member) offsetof(struct world_video, member)

static const struct opt_row rows[] = {
	{"world.seed", "seed", OPT_INT, AT(world.seed), "7", -1e15, 1e15, NULL, "N",
     "Seed; each seed makes another recording.", OPT_COMMAND_ONLY},
	{"world.duration", "duration", OPT_TIME, AT(world.duration_us), "10min", 10, 86400, NULL,
     "TIME", "Length of the recording.", OPT_COMMAND_ONLY},
	{"world.events", "events", OPT_DOUBLE, AT(world.events_per_hour), "60", 0, 1800, NULL, "N",
     "Events per hour.", OPT_COMMAND_ONLY},
	{"world.shortest", "shortest", OPT_DOUBLE, AT(world.event_min_s), "3", 0.5, 600, NULL,
     "SECONDS", "Length of the shortest event.", OPT_COMMAND_ONLY},
	{"world.longest", "longest", OPT_DOUBLE, AT(world.event_max_s), "40", 0.5, 3600, NULL,
     "SECONDS", "Length of the longest event.", OPT_COMMAND_ONLY},
	{"world.cuts", "cuts", OPT_DOUBLE, AT(world.cuts_per_hour), "6", 0, 120, NULL, "N",
     "Changes of scene per hour.", OPT_COMMAND_ONLY},
	{"world.dropouts", "dropouts", OPT_DOUBLE, AT(world.dropouts_per_hour), "0", 0, 60, NULL, "N",
     "Black periods per hour.", OPT_COMMAND_ONLY},
	{"world.captions", "captions", OPT_DOUBLE, AT(world.captions_per_hour), "0", 0, 600, NULL, "N",
     "Captions per hour.", OPT_COMMAND_ONLY},
	{"world.hour", "hour", OPT_DOUBLE, AT(world.start_hour), "10", 0, 24, NULL, "HOUR",
     "Time of day at the start; sets the light.", OPT_COMMAND_ONLY},
	{"world.noise", "noise", OPT_DOUBLE, AT(world.noise), "2", 0, 20, NULL, "LEVELS",
     "Camera noise.", OPT_COMMAND_ONLY},
	{"world.clock", "clock", OPT_BOOL, AT(world.clock), "true", 0, 0, NULL, NULL,
     "Show the time of day in a corner.", OPT_COMMAND_ONLY},
	{"world.clock_start", "clock-start", OPT_STRING, AT(clock_start), "", 0, 0, NULL, "TEXT",
     "Show a date and time, this one at the start: YYYY-MM-DD hh:mm:ss. Without it, the time of "
     "day.",
     OPT_COMMAND_ONLY},
	{"world.clock_format", "clock-format", OPT_CHOICE, AT(clock_format), "ymd", 0, 0,
     "ymd|dmy|mdy|time|twelve|minutes", NULL,
     "How it is written: 2026-11-30 14:05:09, 30/11/2026 14:05:09, 11-30-2026 02:05:09 PM, "
     "14:05:09, 2:05:09, 2026-11-30 14:05.",
     OPT_COMMAND_ONLY},
	{"world.clock_speed", "clock-speed", OPT_DOUBLE, AT(clock_speed), "1", 0.01, 1000, NULL, "N",
     "Seconds that it counts in a second.", OPT_COMMAND_ONLY},
	{"world.clock_set", "clock-set", OPT_STRING, AT(clock_set), "", 0, 0, NULL, "LIST",
     "Times at which it is set, and by how many seconds: 90+37,1200-60.", OPT_COMMAND_ONLY},
	{"world.pan", "pan", OPT_BOOL, AT(world.pan), "false", 0, 0, NULL, NULL,
     "Pan the camera slowly.", OPT_COMMAND_ONLY},
	{"world.subjects", "subjects", OPT_CHOICE, AT(subjects), "plain", 0, 0, "plain|hard", NULL,
     "plain: each event has a subject of its own, and no two in view look the same. hard: few "
     "subjects come again and again; some are two of one look, in view at once, and some change "
     "their color.",
     OPT_COMMAND_ONLY},
	{"world.width", "width", OPT_INT, AT(width), "640", 16, 4096, NULL, "PIXELS",
     "Width; an even number.", OPT_COMMAND_ONLY},
	{"world.height", "height", OPT_INT, AT(height), "360", 16, 4096, NULL, "PIXELS",
     "Height; an even number.", OPT_COMMAND_ONLY},
	{"world.fps", "fps", OPT_DOUBLE, AT(fps), "10", 0.1, 120, NULL, "N", "Frames per second.",
     OPT_COMMAND_ONLY},
	{"world.keyframe", "keyframe", OPT_DOUBLE, AT(keyframe_s), "4", 0.1, 60, NULL, "SECONDS",
     "Keyframe interval.", OPT_COMMAND_ONLY},
	{"world.quality", "quality", OPT_INT, AT(quality), "26", 0, 51, NULL, "N",
     "Constant rate factor of H.264; 0 is best.", OPT_COMMAND_ONLY},
	{"world.sound", "sound", OPT_BOOL, AT(sound), "false", 0, 0, NULL, NULL,
     "Add an audio track that resembles speech.", OPT_COMMAND_ONLY},
	{"world.questions", "questions", OPT_INT, AT(questions), "0", 0, WORLD_QUESTIONS_MAX, NULL, "N",
     "Also write FILE.questions.json: so many questions about the recording, with the true answer "
     "of each and the times that show it; fewer if no more are unambiguous.",
     OPT_COMMAND_ONLY},
};

const struct opt_group world_opt_group = {"World", rows, ARRAY_LEN(rows)};

struct drawing {
	int64_t duration, began, printed, tenths;
};

static void show_progress(void *ctx, int64_t done)
{
	struct drawing *d = ctx;
	char at[CLOCK_TEXT_MAX], all[CLOCK_TEXT_MAX];
	int64_t now = clock_now(), tenths = d->duration > 0 ? done * 10 / d->duration : 10;
	bool terminal = isatty(STDERR_FILENO);
	bool early = now - d->printed < (terminal ? 1 : 30) * CLOCK_SECOND;
	if (early && tenths == d->tenths && (!terminal || done < d->duration))
		return;
	d->printed = now;
	d->tenths = tenths;
	fprintf(stderr, "%sdrawing %s of %s%s", terminal ? "\r\033[K" : "", clock_short(done, at),
	        clock_short(d->duration, all), terminal && done < d->duration ? "" : "\n");
}

/* A hundredth of a second's worth of a drawn video is a few hundred bytes; this
 * asks for a generous share. */
static int check_space(const struct world_video *v, const char *path, struct err *err)
{
	AUTO(mem_freep) char *dir = mem_strdup(path);
	char *slash = strrchr(dir, '/'), need_text[TEXT_SIZE_MAX], free_text[TEXT_SIZE_MAX];
	struct statvfs fs;
	if (slash)
		slash[slash == dir] = '\0';
	if (statvfs(slash ? dir : ".", &fs) < 0)
		return err_set(err, ERR_NOENT, "the folder of %s does not exist", path);
	double pixels = (double)v->width * (double)v->height,
		   seconds = (double)v->world.duration_us / 1e6;
	double need = 1e5 + seconds * pixels * v->fps * 0.003,
		   have = (double)fs.f_bavail * (double)fs.f_frsize;
	if (have < need)
		return err_set(err, ERR_NOSPC, "drawing %s may take %s, but only %s are free there", path,
		               text_size(need, need_text), text_size(have, free_text));
	return 0;
}

/* `what`: "truth" or "questions" */
static char *path_beside(const char *video, const char *what)
{
	const char *dot = strrchr(file_base(video), '.');
	return mem_printf("%.*s.%s.json", dot ? (int)(dot - video) : (int)strlen(video), video, what);
}

char *world_truth_path(const char *video)
{
	return path_beside(video, "truth");
}

char *world_questions_path(const char *video)
{
	return path_beside(video, "questions");
}

static int write_questions(struct world_video *v, const struct world *world, const char *video,
                           struct err *err)
{
	int made = 0;
	if (!v->questions)
		return 0;
	AUTO(mem_freep) char *text = world_questions_json(world, (int)v->questions, &made);
	AUTO(mem_freep) char *path = world_questions_path(video);
	if (!text)
		return err_set(err, ERR_LIMIT, "out of memory for the questions");
	v->questions = made;
	return file_write(path, text, strlen(text), err);
}

static int write_truth(struct world_video *v, const char *video, struct err *err)
{
	char why[300];
	struct world *world = world_new(&v->world, why, sizeof why);
	if (!world)
		return err_set(err, ERR_ARG, "%s", why);
	AUTO(mem_freep) char *truth = world_truth_json(world);
	AUTO(mem_freep) char *path = world_truth_path(video);
	int r = file_write(path, truth, strlen(truth), err);
	if (r == 0)
		r = write_questions(v, world, video, err);
	world_free(world);
	return r;
}

int world_draw_files(struct world_video *v, const char *path, struct cancel *cancel,
                     struct err *err)
{
	struct drawing drawing = {.duration = v->world.duration_us, .began = clock_now()};
	char why[300];
	if (world_options_check(&v->world, why, sizeof why) < 0)
		return err_set(err, ERR_ARG, "%s", why);
	int r = world_video_dial(v, err);
	if (r == 0)
		r = check_space(v, path, err);
	if (r < 0)
		return r;
	v->path = path;
	r = world_video_draw(v, show_progress, &drawing, cancel, err);
	return r < 0 ? r : write_truth(v, path, err);
}
