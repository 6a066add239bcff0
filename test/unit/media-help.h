/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of src/media/: real files, generated ones, and a plain sequential
 * decode to compare with. */
#ifndef VDET_TEST_MEDIA_HELP_H
#define VDET_TEST_MEDIA_HELP_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "media/reader.h"
#include "media/source.h"

/* The folder of real files beside the checkout ($VDET_TEST_MEDIA, else
 * ../shared/media); NULL if there is none. */
const char *media_dir(void);
/* NULL-terminated, sorted paths of the files in it; skips documents. Freed with
 * strings_free(). */
char **media_files(void);
void strings_free(char ***list);

/* A video made by ffmpeg: `args` are its arguments without output, in a
 * temporary folder that ends with the program. Returns the path (the caller
 * frees), or NULL where ffmpeg or what it needs is missing. */
char *media_make(const char *name, const char *args);

/* An open file with everything on it. */
struct opened {
	int fd;
	struct input *in;
	struct source *source;
	struct reader *reader;
};
int opened_begin(const char *path, struct opened *ret, struct err *err);
void opened_end(struct opened *o);

/* Every frame of the source's stream, decoded from the start without any trick. */
struct plain_frame {
	int64_t pts;  /* microseconds of the timeline */
	uint32_t sum; /* of the pixels */
};
struct plain {
	struct plain_frame *frames;
	size_t n, keys; /* keys: how many of them are keyframes */
	int64_t *times; /* of the packets that were read for them, as the container has them */
	size_t n_times; /* >= n, unless packets hold several frames */
};
/* At most about `max` frames; 0 = all. */
void plain_decode(const char *path, const struct source *s, size_t max, struct plain *ret);
/* For a container that gives decoding times for presentation times: the order
 * of the frames is right, their times are not. The i-th frame gets the i-th
 * earliest time of all packets read, also of those whose frames were not
 * awaited. */
void plain_sort_times(struct plain *p);
void plain_free(struct plain *p);
/* The one shown at t; NULL if there are none. */
const struct plain_frame *plain_at(const struct plain *p, int64_t t);
uint32_t frame_sum(const AVFrame *f);

#endif
