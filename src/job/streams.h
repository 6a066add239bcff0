/* SPDX-License-Identifier: Apache-2.0 */
/* Which video streams of a file are analyzed. A source is one video stream of a
 * file; the stream that is chosen by default is always named -1, so that a run
 * is the same whether the user named its index or not. */
#ifndef VDET_JOB_STREAMS_H
#define VDET_JOB_STREAMS_H

#include "base/cancel.h"
#include "base/err.h"
#include "decoder/decoder.h"
#include "job/options.h"
#include "store/store.h"

/* Replaces the index of the default stream in the options by -1. */
void streams_settle(struct analyze_options *o, const struct video_info *v);

/* Describes an open file (borrowed) with a decoder of these options. Blocks;
 * ERR_CANCELED. The caller clears `ret`. */
int streams_probe(int fd, const struct analyze_options *o, struct cancel *cancel,
                  struct video_info *ret, struct err *err);

/* The streams that the options name: one, or with MEDIA_STREAM_ALL the indices
 * of all moving ones, ascending. Reads the file in that case only. The caller
 * frees *ret. */
int streams_list(const char *path, const struct analyze_options *o, struct cancel *cancel,
                 int64_t **ret, size_t *ret_n, struct err *err);
/* The same of a file that was probed. */
void streams_moving(const struct video_info *v, int64_t **ret, size_t *ret_n);

/* A run of a file. */
struct streams_run {
	const char *job;  /* its id */
	const char *name; /* of the file, for people */
};
/* Which moving streams of the files of these runs none of the runs is about:
 * "cam.mkv, stream 1". Runs that are not in the journal have none. Blocks for
 * the disk. The caller frees each text of *ret, and *ret. */
int streams_left_out(struct store *s, const struct streams_run *runs, size_t n, char ***ret,
                     size_t *ret_n, struct err *err);

#endif
