/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/frames.h"

#include <stdlib.h>
#include <string.h>

/* Up to here pictures look alike, in gray levels of 255. */
#define ALIKE_MEAN 1.5
#define ALIKE_MOST 8

/* A request is short, because its time is limited by --media-timeout; the
 * pictures are as large as those of an answer. */
enum { BATCH = 64, SIZE = 320, QUALITY = 50 };

void found_clear(struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->frames[i].planes_sha256);
		free(f->frames[i].planes_format);
		free(f->frames[i].decode_path);
		free(f->frames[i].gray);
		free(f->frames[i].fault);
	}
	free(f->frames);
	*f = (struct found){0};
}

static void set_frame(struct found_frame *to, const struct frame *f, const char *fault)
{
	to->pts = f ? f->pts : to->time;
	to->planes_sha256 = mem_strdup(f && f->planes_sha256 ? f->planes_sha256 : "");
	to->planes_format = mem_strdup(f && f->planes_format ? f->planes_format : "");
	to->decode_path = mem_strdup(f && f->decode_path ? f->decode_path : "");
	to->gray = mem_strdup(f && f->gray ? f->gray : "");
	to->fault = mem_strdup(fault ? fault : "");
	to->lost = !f;
}

struct taking {
	struct found *found;
	size_t done; /* of all */
};

static int take_frame(void *ctx, size_t i, struct frame *f)
{
	struct taking *t = ctx;
	(void)i;
	set_frame(&t->found->frames[t->done++], f, f->fault);
	return 0;
}

/* The times of all cited frames of a source, each once. */
static int64_t *collect_times(const struct cited_file *f, size_t source, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n_cites; i++)
		n += f->cites[i].source == source ? f->cites[i].n_frames : 0;
	int64_t *times = mem_alloc(n + 1, sizeof *times);
	n = 0;
	for (size_t i = 0; i < f->n_cites; i++)
		for (size_t k = 0; f->cites[i].source == source && k < f->cites[i].n_frames; k++)
			times[n++] = f->cites[i].frames[k].pts;
	*ret_n = n ? mem_sort_times(times, n) : 0;
	return times;
}

struct decoder_options found_options(const struct cited_source *s, const struct decoder_options *o)
{
	struct decoder_options own = *o;
	own.has_stream = s->stream >= 0;
	own.stream = s->stream;
	if (s->gaps) {
		own.rate = s->rate;
		own.gaps = s->gaps;
	}
	return own;
}

/* After a child has failed, the rest is tried with another one, but for the
 * frame at which it failed. */
static int decode_rest(struct taking *t, const int64_t *times, int fd,
                       const struct decoder_options *o, struct cancel *cancel, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	size_t n = t->found->n;
	int r = decoder_open(fd, o, cancel, &d, err);
	while (r == 0 && t->done < n) {
		const struct frame_request req = {.times = times + t->done,
		                                  .n = n - t->done < BATCH ? n - t->done : BATCH,
		                                  .size = SIZE,
		                                  .quality = QUALITY,
		                                  .identify = true};
		r = decoder_frames(d, &req, take_frame, t, err);
	}
	return r;
}

int found_make(const struct cited_file *f, size_t source, int fd, const struct decoder_options *o,
               struct cancel *cancel, struct found *ret, struct err *err)
{
	enum { FAILURES_MAX = 3 };
	const struct decoder_options own = found_options(&f->sources[source], o);
	size_t n, failures = 0;
	AUTO(mem_freep) int64_t *times = collect_times(f, source, &n);
	AUTO(found_clear) struct found found = {mem_alloc(n + 1, sizeof *found.frames), n};
	struct taking t = {.found = &found};
	for (size_t i = 0; i < n; i++)
		found.frames[i].time = times[i];
	while (t.done < n) {
		int r = decode_rest(&t, times, fd, &own, cancel, err);
		if (r == -ERR_CANCELED)
			return r;
		bool last = r < 0 && ++failures == FAILURES_MAX;
		while (r < 0 && t.done < n) {
			set_frame(&found.frames[t.done++], NULL, err->msg);
			if (!last)
				break;
		}
	}
	*ret = found;
	found = (struct found){0};
	return 0;
}

static int compare_times(const void *key, const void *item)
{
	int64_t a = *(const int64_t *)key, b = ((const struct found_frame *)item)->time;
	return (a > b) - (a < b);
}

const struct found_frame *found_at(const struct found *f, int64_t time)
{
	return f->n ? bsearch(&time, f->frames, f->n, sizeof *f->frames, compare_times) : NULL;
}

static int level(const char *hex)
{
	const char digits[] = {hex[0], hex[1], '\0'};
	return (int)strtol(digits, NULL, 16);
}

bool found_difference(const struct cited_frame *c, const struct found_frame *f, double *ret_mean,
                      int *ret_most)
{
	size_t n = strlen(c->gray) / 2;
	int sum = 0, most = 0;
	if (!n || strlen(f->gray) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = abs(level(c->gray + 2 * i) - level(f->gray + 2 * i));
		sum += d;
		most = d > most ? d : most;
	}
	*ret_mean = (double)sum / (double)n;
	*ret_most = most;
	return true;
}

/* Decoded exactly, by a decoder that is to return the same samples
 * everywhere. */
static bool is_exact(const char *decode_path)
{
	return !strcmp(decode_path, "software") || !strcmp(decode_path, "sequential") ||
	       !strcmp(decode_path, "keyframe");
}

/* Devices may round otherwise, but show the same; what is damaged may not. */
static bool is_whole(const char *decode_path)
{
	return is_exact(decode_path) || !strcmp(decode_path, "hardware");
}

enum found_match found_compare(const struct cited_frame *c, const struct found_frame *f)
{
	if (f->lost)
		return FOUND_LOST;
	if (f->fault[0] || f->pts != c->pts)
		return FOUND_GONE;
	if (!c->planes_sha256[0] || !f->planes_sha256[0])
		return FOUND_NO_IDENTITY;
	bool same =
		!strcmp(c->planes_sha256, f->planes_sha256) && !strcmp(c->planes_format, f->planes_format);
	if (same)
		return FOUND_SAME;
	bool exact = is_exact(c->decode_path) && is_exact(f->decode_path);
	double mean;
	int most;
	if (!found_difference(c, f, &mean, &most))
		return exact ? FOUND_OTHER : FOUND_ELSEWISE;
	if (mean <= ALIKE_MEAN && most <= ALIKE_MOST)
		return FOUND_ALIKE;
	return is_whole(c->decode_path) && is_whole(f->decode_path) ? FOUND_OTHER : FOUND_ELSEWISE;
}
