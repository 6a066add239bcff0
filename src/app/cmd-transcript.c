/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet transcript`: prints what is said or written in a video. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "ask/ask.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/step-options.h"
#include "report/said.h"
#include "store/passage.h"
#include "transcript/export.h"
#include "transcript/read.h"

enum { OUTPUT_MAX = 256 << 20, TRACKS_MAX = 1 << 16 };

static struct own {
	char *format, *output, *kind;
	int64_t track;
	bool overwrite;
} own;
#define AT(member) offsetof(struct own, member)

static const struct opt_row rows[] = {
	{"transcript.format", "format", OPT_CHOICE, AT(format), "txt", 0, 0, TRANSCRIPT_FORMATS, NULL,
     "Text with times, subtitles as SubRip or WebVTT, or JSON.", OPT_COMMAND_ONLY},
	{"transcript.kind", "kind", OPT_CHOICE, AT(kind), "said", 0, 0, SAID_KINDS, NULL,
     "What is printed: said: subtitles and speech; written: text in the picture; or one of these "
     "alone; all: everything.",
     OPT_COMMAND_ONLY},
	{"transcript.output", "output", OPT_STRING, AT(output), "", 0, 0, NULL, "FILE",
     "Output file; empty: standard output.", OPT_COMMAND_ONLY},
	{"transcript.overwrite", "overwrite", OPT_BOOL, AT(overwrite), "false", 0, 0, NULL, NULL,
     "Replace a file that is there already.", OPT_COMMAND_ONLY},
	{"transcript.track", "track", OPT_INT, AT(track), "-1", -1, 10000, NULL, "N",
     "Only what comes from this stream of the file, by its index; -1 = from all.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Transcript", rows, ARRAY_LEN(rows)};

static int read_file(struct app *app, int fd, struct store_transcript *t, char **ret_fault,
                     struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	struct video_info video = {0};
	const struct decoder_options o = analyze_decoder(&app->analyze);
	int r = decoder_open(fd, &o, app->cancel, &d, err);
	if (r == 0)
		r = decoder_probe(d, &video, err);
	const struct transcript_range whole = {.to = video.duration, .duration = video.duration};
	if (r == 0)
		r = transcript_read(d, &whole, t, ret_fault, err);
	video_info_clear(&video);
	return r;
}

/* The runs of a source that ended, newest first. */
struct runs {
	const char *sha256;
	int stream;
	char **jobs;
	size_t n;
};

static void runs_clear(struct runs *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->jobs[i]);
	free(r->jobs);
}

static void add_run(void *ctx, const struct store_run *run)
{
	struct runs *r = ctx;
	if (strcmp(run->sha256, r->sha256) != 0 || run->stream != r->stream)
		return;
	r->jobs = mem_grow(r->jobs, r->n + 1, sizeof *r->jobs);
	r->jobs[r->n++] = mem_strdup(run->id);
}

static bool has_recognized(const struct store_transcript *t)
{
	for (size_t i = 0; i < t->n_segments; i++)
		if (said_is_recognized(t->segments[i].kind))
			return true;
	return false;
}

/* What the newest of these runs recognized, or the newest one that did. */
static int load_newest(struct store *store, const struct runs *runs, struct store_transcript *ret,
                       struct err *err)
{
	for (size_t i = 0; i < runs->n; i++) {
		AUTO(store_transcript_clear) struct store_transcript t = {0};
		int r = store_transcript_load(store, runs->jobs[i], &t, err);
		if (r < 0)
			return r;
		if (i && !has_recognized(&t))
			continue;
		if (i)
			log_warning("the newest analysis has recognized nothing; what job %s has is printed",
			            runs->jobs[i]);
		store_transcript_clear(ret);
		*ret = t;
		t = (struct store_transcript){0};
		if (has_recognized(ret))
			return 0;
	}
	return 0;
}

/* Adds the recognized segments of `from`. Both are in order of start, and so is
 * the result. */
static void merge_segments(struct store_transcript *from, struct store_transcript *to)
{
	struct store_segment *all = mem_alloc(to->n_segments + from->n_segments + 1, sizeof *all);
	size_t n = 0, next = 0;
	for (size_t i = 0; i < from->n_segments; i++) {
		struct store_segment *s = &from->segments[i];
		if (!said_is_recognized(s->kind))
			continue;
		while (next < to->n_segments && to->segments[next].start <= s->start)
			all[n++] = to->segments[next++];
		all[n++] = *s;
		*s = (struct store_segment){0};
	}
	while (next < to->n_segments)
		all[n++] = to->segments[next++];
	free(to->segments);
	to->segments = all;
	to->n_segments = n;
}

/* Moves what an engine recognized from one transcript to another. */
static void move_recognized(struct store_transcript *from, struct store_transcript *to)
{
	merge_segments(from, to);
	to->sources = mem_grow(to->sources, to->n_sources + from->n_sources + 1, sizeof *to->sources);
	for (size_t i = 0; i < from->n_sources; i++)
		if (said_is_recognized(from->sources[i].kind)) {
			to->sources[to->n_sources++] = from->sources[i];
			from->sources[i] = (struct store_text_source){0};
		}
	to->dropped = TAKE(from->dropped);
	to->n_dropped = from->n_dropped;
	from->n_dropped = 0;
}

/* What an analysis of the file recognized, if there was one. */
static int add_recognized(struct app *app, const char *path, struct store_transcript *t,
                          bool *ret_analyzed, struct err *err)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(store_transcript_clear) struct store_transcript known = {0};
	AUTO(mem_freep) char *real = NULL, *db = file_join(app->data_dir, "vdet.db");
	char sha256[65];
	AUTO(runs_clear)
	struct runs runs = {.sha256 = sha256, .stream = (int)app->analyze.media_stream};
	*ret_analyzed = false;
	if (!file_exists(db))
		return 0;
	int r = app_open_store(app, &store, err);
	if (r == 0)
		r = ask_identify(store, path, app->cancel, sha256, &real, err);
	if (r == 0)
		r = store_runs_each(store, add_run, &runs, err);
	if (r == 0)
		r = load_newest(store, &runs, &known, err);
	*ret_analyzed = runs.n;
	if (r == 0)
		move_recognized(&known, t);
	return r;
}

static int read_job(struct app *app, const char *id, struct store_transcript *t, struct err *err)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(store_job_clear) struct store_job job = {0};
	int r = app_open_store(app, &store, err);
	if (r == 0)
		r = store_job_find(store, id, &job, err);
	if (r == 0)
		r = store_transcript_load(store, job.id, t, err);
	if (r == 0 && !t->n_sources)
		r = err_set(err, ERR_NOENT,
		            "nothing that is said was read for job %s yet; run its analysis again, or give "
		            "the file of the video",
		            job.id);
	return r;
}

/* That the subtitles were read, as the journal has it of a job; takes `fault`. */
static void add_whole(struct store_transcript *t, char *fault)
{
	t->sources = mem_grow(t->sources, t->n_sources + 1, sizeof *t->sources);
	t->sources[t->n_sources++] = (struct store_text_source){.kind = mem_strdup(STORE_SUBTITLE),
	                                                        .track = -1,
	                                                        .format = mem_strdup(""),
	                                                        .lang = mem_strdup(""),
	                                                        .title = mem_strdup(""),
	                                                        .fault = fault};
}

static int read_video(struct app *app, const char *path, struct store_transcript *t,
                      struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(mem_freep) char *fault = NULL;
	bool analyzed = true;
	int r = file_open_input(path, &fd, err);
	if (r == 0)
		r = read_file(app, fd, t, &fault, err);
	if (r == 0)
		add_whole(t, TAKE(fault));
	if (r == 0 && strcmp(own.kind, STORE_SUBTITLE) != 0)
		r = add_recognized(app, path, t, &analyzed, err);
	if (r == 0 && !analyzed)
		log_write(said_count(t, own.kind) ? LOG_INFO : LOG_WARNING,
		          "%s was not analyzed: `vdet analyze` recognizes its speech, and text in the "
		          "picture",
		          file_base(path));
	return r < 0 && r != -ERR_CANCELED ? err_wrap(err, "%s", file_base(path)) : r;
}

/* A file, or else a job. */
static int read_any(struct app *app, const char *name, struct store_transcript *t, struct err *err)
{
	if (access(name, F_OK) == 0)
		return read_video(app, name, t, err);
	int r = read_job(app, name, t, err);
	return r < 0 ? err_wrap(err, "there is no file %s, and no such job with a transcript", name)
	             : 0;
}

/* Why something is not there. */
static void tell_faults(const struct store_transcript *t, const struct said_choice *c)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	if (!said_count(t, c->kinds)) {
		report_said_coverage(t, c->kinds, &b);
		log_warning("no text is known. %s", buf_str(&b));
		return;
	}
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		AUTO(mem_freep) char *name = report_said_source(s);
		if (*s->fault && said_has_kind(c, s->kind) && report_said_source_shown(t, i))
			log_warning("%s: %s", name, s->fault);
	}
	report_dropped_text(t, c->kinds, &b);
	if (b.len)
		log_info("%s; --format json lists them", buf_str(&b));
}

/* Whether the track that is asked for is one of these, else which there are. */
static int check_track(const struct store_transcript *t, const struct said_choice *c,
                       struct err *err)
{
	AUTO(buf_free) struct buf list = BUF(TRACKS_MAX);
	for (size_t i = 0; i < t->n_sources && c->track != SAID_ALL; i++) {
		const struct store_text_source *s = &t->sources[i];
		if (s->track < 0 || !said_has_kind(c, s->kind))
			continue;
		if (s->track == c->track)
			return 0;
		AUTO(mem_freep) char *name = report_said_source(s);
		buf_addf(&list, "%s%s", list.len ? "; " : "", name);
	}
	if (c->track == SAID_ALL)
		return 0;
	return err_set(err, ERR_ARG,
	               "--track %d: no texts of the kind \"%s\" come from a track with this index; "
	               "known tracks: %s",
	               c->track, c->kinds, list.len ? buf_str(&list) : "none");
}

static int print(const struct store_transcript *t, const struct said_choice *c, struct err *err)
{
	AUTO(buf_free) struct buf out = BUF(OUTPUT_MAX);
	int r = transcript_print(t, own.format, c, &out, err);
	if (r < 0)
		return r;
	if (*own.output && !own.overwrite && access(own.output, F_OK) == 0)
		return err_set(err, ERR_ARG, "%s is there already; --overwrite replaces it", own.output);
	if (*own.output)
		return file_write(own.output, out.data ? out.data : "", out.len, err);
	return fwrite(buf_str(&out), 1, out.len, stdout) == out.len
	           ? 0
	           : err_set(err, ERR_IO, "cannot write to standard output");
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	struct err err;
	if (argc != 1)
		return app_usage(&cmd_transcript, "one video or job is required");
	if (app->analyze.media_stream == MEDIA_STREAM_ALL)
		return app_usage(&cmd_transcript, "--stream all: name one stream");
	int r = read_any(app, argv[0], &t, &err);
	if (r < 0)
		return app_fail(&err);
	const struct said_choice choice = {own.kind, (int)own.track};
	r = check_track(&t, &choice, &err);
	if (r < 0)
		return app_fail(&err);
	tell_faults(&t, &choice);
	return print(&t, &choice, &err) < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_transcript = {
	.name = "transcript",
	.usage = "FILE|JOB",
	.summary = "print what is said or written in a video, with times",
	.text = "Subtitles are read from the text tracks of the file; neither a model nor an\n"
			"analysis is needed for them. Speech, and text in the picture, are recognized\n"
			"by an analysis: of a file what the newest one that ended has, of a job what\n"
			"it has. docs/transcript.md describes it.\n",
	.groups = GROUP_APP | GROUP_MEDIA,
	.own = &group,
	.own_target = &own,
	.run = run,
};
