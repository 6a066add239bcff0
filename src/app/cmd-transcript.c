/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet transcript`: prints what is said in a video. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/step-options.h"
#include "report/said.h"
#include "transcript/export.h"
#include "transcript/read.h"

enum { OUTPUT_MAX = 256 << 20 };

static struct own {
	char *format, *output;
	int64_t track;
	bool overwrite;
} own;
#define AT(member) offsetof(struct own, member)

static const struct opt_row rows[] = {
	{"transcript.format", "format", OPT_CHOICE, AT(format), "txt", 0, 0, TRANSCRIPT_FORMATS, NULL,
     "Text with times, subtitles as SubRip or WebVTT, or JSON.", OPT_COMMAND_ONLY},
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

static int read_video(struct app *app, const char *path, struct store_transcript *t,
                      struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(mem_freep) char *fault = NULL;
	int r = file_open_input(path, &fd, err);
	if (r == 0)
		r = read_file(app, fd, t, &fault, err);
	if (r == 0 && *fault)
		log_warning("%s: %s", file_base(path), fault);
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
static void tell_faults(const struct store_transcript *t)
{
	for (size_t i = 0; i < t->n_sources; i++) {
		const struct store_text_source *s = &t->sources[i];
		AUTO(mem_freep) char *name = report_said_source(s);
		if (*s->fault)
			log_warning("%s: %s", name, s->fault);
	}
	if (!t->n_segments)
		log_warning("no text is known: the file has no text track that can be read");
}

static int print(const struct store_transcript *t, struct err *err)
{
	AUTO(buf_free) struct buf out = BUF(OUTPUT_MAX);
	int r = transcript_print(t, own.format, (int)own.track, &out, err);
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
	tell_faults(&t);
	return print(&t, &err) < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_transcript = {
	.name = "transcript",
	.usage = "FILE|JOB",
	.summary = "print what is said in a video, with times",
	.text = "What is said is read from the text tracks of the file (subtitles). No model\n"
			"is needed: of a file it is read now, of a job as it was when it was analyzed.\n"
			"docs/transcript.md says which tracks can be read.\n",
	.groups = GROUP_APP | GROUP_MEDIA,
	.own = &group,
	.own_target = &own,
	.run = run,
};
