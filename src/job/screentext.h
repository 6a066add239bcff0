/* SPDX-License-Identifier: Apache-2.0 */
/* The step of an analysis that reads what is written in the pictures. Blocks
 * for decoder, reader and disk. */
#ifndef VDET_JOB_SCREENTEXT_H
#define VDET_JOB_SCREENTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "decoder/decoder.h"
#include "index/indexer.h"
#include "job/run.h"

struct screentext_source {
	int fd;             /* the video; borrowed, as all pointers */
	const char *stamp;  /* of the file when it was opened; nothing is kept of another content */
	const char *sha256; /* of the file, for its index; NULL = not known */
	/* Of the whole video; NULL: the stored one, if there is one. */
	const struct video_index *index;
	struct indexer_options indexer; /* with which it was stored */
	struct decoder_options decoder;
	int stream;       /* index of the video stream in the file */
	int64_t from, to; /* the part that is analyzed */
};

struct screentext_options {
	const char *mode;            /* "auto", or "off": nothing is read, and nothing removed */
	const char *languages;       /* "eng+deu" */
	const char *engine, *models; /* as in struct text_reader_options */
	const char *sandbox;         /* as in decoder_options */
};

/* Once for each run, this engine and these languages: what is in the journal
 * is not read again. It is saved at the end, so a run that is interrupted
 * meanwhile reads again. What cannot be read is named in the journal. Fails
 * only if the journal does, or with ERR_CANCELED. */
int screentext_run(const struct run_context *run, const struct screentext_source *src,
                   const struct screentext_options *o, const char *job, struct err *err);

#endif
