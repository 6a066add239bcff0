/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "ask/lanes.h"
#include "base/log.h"

enum { PICTURE_SIZE = 320 };

struct item {
	size_t source; /* first, for the lanes */
	struct answer_cite *cite;
};

struct answer_frame evidence_frame(int64_t pts, const char *picture_sha256)
{
	return (struct answer_frame){.pts = pts,
	                             .picture_sha256 = mem_strdup(picture_sha256),
	                             .planes_sha256 = mem_strdup(""),
	                             .planes_format = mem_strdup(""),
	                             .decode_path = mem_strdup(""),
	                             .gray = mem_strdup("")};
}

static int take_frame(void *ctx, size_t i, struct frame *f)
{
	struct answer_cite *cite = ctx;
	struct answer_frame *to = &cite->frames[i];
	if (!f->jpeg || f->pts != to->pts)
		return 0;
	free(to->planes_sha256);
	free(to->planes_format);
	free(to->decode_path);
	free(to->gray);
	to->planes_sha256 = mem_strdup(f->planes_sha256 ? f->planes_sha256 : "");
	to->planes_format = mem_strdup(f->planes_format ? f->planes_format : "");
	to->decode_path = mem_strdup(f->decode_path ? f->decode_path : "");
	to->gray = mem_strdup(f->gray ? f->gray : "");
	to->jpeg = TAKE(f->jpeg);
	to->jpeg_len = f->jpeg_len;
	return 0;
}

static void collect(struct asking *a, struct describe_worker *w, void *arg)
{
	struct item *item = arg;
	struct answer_cite *cite = item->cite;
	int64_t times[FINDING_FRAMES];
	struct err err;
	size_t n = cite->n_frames < FINDING_FRAMES ? cite->n_frames : FINDING_FRAMES;
	for (size_t i = 0; i < n; i++)
		times[i] = cite->frames[i].pts;
	const struct frame_request req = {.times = times,
	                                  .n = n,
	                                  .size = PICTURE_SIZE,
	                                  .quality = w->options->quality,
	                                  .identify = true};
	int r = describe_open(w, &err);
	if (r == 0)
		r = decoder_frames(w->decoder, &req, take_frame, cite, &err);
	bool known = r == 0;
	for (size_t i = 0; i < n; i++)
		known &= *cite->frames[i].planes_sha256 != '\0';
	if (!known && !*cite->reason) {
		free(cite->reason);
		cite->reason = mem_strdup("not all of its frames could be decoded again");
	}
	if (r == 0)
		return;
	describe_close(w);
	if (r != -ERR_CANCELED)
		log_warning("[answer %s] cited frames could not be decoded again: %s", a->id, err.msg);
}

int evidence_collect(struct asking *a, struct answer *to, struct err *err)
{
	AUTO(mem_freep) struct item *items = mem_alloc(to->n_cites + 1, sizeof *items);
	size_t n = 0;
	for (size_t i = 0; i < to->n_cites; i++)
		if (to->cites[i].n_frames && a->sources[to->cites[i].source].visible)
			items[n++] = (struct item){to->cites[i].source, &to->cites[i]};
	/* No request is made: whatever the budget says. */
	lanes_all(a, collect, items, n, sizeof *items);
	return cancel_fired(a->run.cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}
