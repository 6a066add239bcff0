/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/pictures.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "job/step-options.h"
#include "remote/web.h"
#include "store/queue.h"

/* Where a server of a video does not answer. */
#define PATIENCE (5 * CLOCK_SECOND)

enum { QUALITY = 85, THUMB_MAX = 4 * 1024 * 1024 };

void pictures_clear(struct pictures *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->all[i].jpeg);
		free(p->all[i].fault);
	}
	free(p->all);
	free(p->note);
	*p = (struct pictures){0};
}

/* ---- of the file */

struct decoding {
	const struct picture_request *request;
	struct pictures *to;
};

static int keep(void *ctx, size_t i, struct frame *f)
{
	struct decoding *d = ctx;
	const struct picture_request *q = d->request;
	struct picture *p = &d->to->all[i];
	p->pts = f->pts;
	p->jpeg = TAKE(f->jpeg);
	p->len = f->jpeg_len;
	if (!p->jpeg)
		p->fault = mem_strdup(f->fault ? f->fault : "it cannot be decoded");
	if (q->progress)
		q->progress(q->ctx, i + 1);
	return cancel_fired(q->cancel) ? -ERR_CANCELED : 0;
}

static int decode(const struct mcp_setup *s, const struct picture_request *q, int fd,
                  const struct decoder_feed *feed, struct pictures *to, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(video_info_clear) struct video_info info = {0};
	struct decoding keeping = {q, to};
	struct decoder_options o = analyze_decoder(s->options);
	o.feed = feed;
	const struct frame_request frames = {
		.times = q->times, .n = q->n, .size = q->size, .quality = QUALITY};
	if (q->video->has_stream) {
		o.has_stream = true;
		o.stream = q->video->stream;
	}
	int r = decoder_open(fd, &o, q->cancel, &d, err);
	if (r == 0)
		r = decoder_probe(d, &info, err);
	return r < 0 ? r : decoder_frames(d, &frames, keep, &keeping, err);
}

static int open_away(const struct mcp_setup *s, const struct picture_request *q,
                     struct remote_video **ret, struct err *err)
{
	const struct remote_video_options o = {.address = q->video->address,
	                                       .expected = q->video->sha256,
	                                       .known = true,
	                                       .patience = PATIENCE,
	                                       .cancel = q->cancel};
	return remote_video_open(s->web, &o, ret, err);
}

static int take_from_file(const struct mcp_setup *s, struct library_known *k, sem_t *turn,
                          const struct picture_request *q, struct pictures *to, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(remote_video_freep) struct remote_video *away = NULL;
	int r = q->video->address ? open_away(s, q, &away, err)
	                          : library_open(s, k, q->video, q->cancel, &fd, err);
	if (r < 0)
		return r;
	while (sem_wait(turn) < 0 && errno == EINTR)
		;
	r = cancel_fired(q->cancel) ? err_set(err, ERR_CANCELED, "canceled")
	    : away ? decode(s, q, remote_video_fd(away), remote_video_feed(away), to, err)
	           : decode(s, q, fd, NULL, to, err);
	sem_post(turn);
	if (away && r != -ERR_CANCELED && remote_video_fault(away, err))
		r = -(int)err->code;
	return r;
}

/* ---- of the journal */

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* The sample with a thumbnail that is nearest to a time. */
static const struct store_sample *nearest(const struct store_chunk *chunks, size_t n, int64_t time,
                                          int64_t *ret_chunk, int64_t *ret_sample)
{
	const struct store_sample *best = NULL;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < chunks[i].n_samples; k++) {
			const struct store_sample *s = &chunks[i].samples[k];
			if (!s->thumb_len || (best && distance(s->pts, time) >= distance(best->pts, time)))
				continue;
			best = s;
			*ret_chunk = chunks[i].index;
			*ret_sample = (int64_t)k;
		}
	return best;
}

static int take_thumb(struct store *store, const char *job, const struct store_chunk *chunks,
                      size_t n, struct picture *p, struct err *err)
{
	struct buf jpeg = BUF(THUMB_MAX);
	int64_t chunk = 0, sample = 0;
	const struct store_sample *s = nearest(chunks, n, p->time, &chunk, &sample);
	if (!s) {
		p->fault = mem_strdup("the analysis kept no picture");
		return 0;
	}
	int r = store_thumb(store, job, chunk, sample, &jpeg, err);
	p->pts = s->pts;
	p->len = jpeg.len;
	p->jpeg = (unsigned char *)buf_take(&jpeg);
	return r;
}

static int take_thumbs(const struct mcp_setup *s, const struct picture_request *q,
                       struct pictures *to, struct err *err)
{
	struct store_chunk *chunks = NULL;
	size_t n = 0;
	int r = store_chunks_load(s->store, q->video->id, STORE_TEXT, &chunks, &n, err);
	for (size_t i = 0; i < q->n && r == 0; i++)
		r = take_thumb(s->store, q->video->id, chunks, n, &to->all[i], err);
	for (size_t i = 0; i < n; i++)
		store_chunk_clear(&chunks[i]);
	free(chunks);
	return r;
}

/* ---- */

static void start(const struct picture_request *q, struct pictures *to)
{
	*to = (struct pictures){.all = mem_alloc(q->n + 1, sizeof *to->all), .n = q->n};
	for (size_t i = 0; i < q->n; i++)
		to->all[i] = (struct picture){.time = q->times[i], .pts = q->times[i]};
}

int pictures_take(const struct mcp_setup *s, struct library_known *k, sem_t *turn,
                  const struct picture_request *q, struct pictures *ret, struct err *err)
{
	AUTO(pictures_clear) struct pictures p = {0};
	struct err why;
	start(q, &p);
	int r = take_from_file(s, k, turn, q, &p, &why);
	if (r < 0 && why.code == ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "canceled");
	if (r < 0) {
		pictures_clear(&p);
		start(q, &p);
		p.note = mem_strdup(why.msg);
		r = take_thumbs(s, q, &p, err);
	}
	if (r == 0) {
		*ret = p;
		p = (struct pictures){0};
	}
	return r;
}
