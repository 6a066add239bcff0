/* SPDX-License-Identifier: Apache-2.0 */
#include "work/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/unit-result.h"

void work_lane_moved(void *lane)
{
	const struct work_lane *l = lane;
	if (l->call && l->call->progress)
		l->call->progress(l->call->ctx);
}

/* A frame or a token more, of a chunk. */
static void note_progress(void *ctx, const struct progress_event *event)
{
	if (event->type == PROGRESS_CHUNK || event->type == PROGRESS_UPDATE)
		work_lane_moved(ctx);
}

struct work_lane *work_lane_new(const struct work_setup *setup)
{
	struct work_lane *l = mem_alloc(1, sizeof *l);
	l->setup = setup;
	l->cancel = cancel_new();
	l->run = (struct run_context){.engine = setup->engine,
	                              .memory = setup->memory,
	                              .progress = progress_new(note_progress, l),
	                              .cancel = l->cancel};
	l->describe = (struct describe_worker){
		.run = &l->run, .options = &l->options, .fd = -1, .moved = work_lane_moved, .moved_ctx = l};
	return l;
}

static void close_video(struct work_lane *l)
{
	describe_close(&l->describe);
	if (l->open)
		l->setup->videos.close(&l->video);
	l->open = false;
	*l->source = '\0';
}

void work_lane_free(struct work_lane *l)
{
	if (!l)
		return;
	close_video(l);
	progress_free(l->run.progress);
	cancel_free(l->cancel);
	free(l);
}

bool work_lane_has(const struct work_lane *l, const char *sha256, const struct decoder_options *o)
{
	const struct decoder_options *have = &l->options.decoder;
	return l->open && strcmp(l->source, sha256) == 0 && have->has_stream == o->has_stream &&
	       (!o->has_stream || have->stream == o->stream) && have->rate == o->rate &&
	       strcmp(have->gaps, o->gaps) == 0;
}

/* A literal for each value that chunk_unit_read() accepts, which outlives the
 * unit. */
static const char *gaps_of(const char *gaps)
{
	return strcmp(gaps, "keep") == 0 ? "keep" : strcmp(gaps, "close") == 0 ? "close" : "auto";
}

/* What the unit says of the video, and what this machine says of decoding. */
static void set_options(struct work_lane *l, const struct describe_options *o)
{
	struct decoder_options d = l->setup->decoder;
	d.has_stream = o->decoder.has_stream;
	d.stream = o->decoder.stream;
	d.rate = o->decoder.rate;
	d.gaps = gaps_of(o->decoder.gaps);
	d.reference = NULL;
	d.feed = l->video.feed;
	l->options = *o;
	l->options.decoder = d;
}

int work_lane_use(struct work_lane *l, const char *sha256, const struct describe_options *o,
                  struct err *err)
{
	const struct work_videos *videos = &l->setup->videos;
	bool same = work_lane_has(l, sha256, &o->decoder);
	if (!hash_is_hex(sha256))
		return err_set(err, ERR_FORMAT, "the unit names no video");
	if (!same)
		close_video(l);
	else if (videos->use)
		videos->use(&l->video, l->call->ctx);
	int r = same ? 0 : videos->open(videos->ctx, l->call->ctx, sha256, l->cancel, &l->video, err);
	if (r < 0)
		return r;
	l->open = true;
	snprintf(l->source, sizeof l->source, "%s", sha256);
	l->describe.fd = l->video.fd;
	set_options(l, o);
	if (!same && videos->prepare)
		videos->prepare(&l->video, &l->options.decoder);
	return 0;
}

int work_lane_bytes(struct work_lane *l, struct err *err)
{
	const struct work_videos *videos = &l->setup->videos;
	struct err why;
	if (!videos->fault || !videos->fault(&l->video, &why))
		return 0;
	/* What is not had now may be had later. */
	bool passing = why.code == ERR_IO || why.code == ERR_TIMEOUT || why.code == ERR_NOSPC;
	return err_set(err, passing ? ERR_IO : ERR_FORMAT, "the video cannot be read: %s", why.msg);
}

int work_lane_looked(struct work_lane *l, int r, struct err *err)
{
	struct err why;
	if (work_lane_bytes(l, &why) < 0) {
		*err = why;
		return -(int)why.code;
	}
	return r < 0 ? unit_failure_of(err) : 0;
}

void work_lane_decoded(const struct work_lane *l, int64_t time)
{
	if (l->setup->meter)
		l->setup->meter->frames += time;
}
