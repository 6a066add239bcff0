/* SPDX-License-Identifier: Apache-2.0 */
/* Opens what is to be analyzed: a file, or a video at an address. */
#ifndef VDET_JOB_SOURCE_OPEN_H
#define VDET_JOB_SOURCE_OPEN_H

#include "decoder/decoder.h"
#include "job/analyze.h"
#include "remote/web.h"

struct source_open {
	int fd;           /* owned, or of `video` */
	const char *path; /* for journal and report; borrowed */
	int64_t size;     /* bytes */
	/* If it is known: of an address always, of a file if the caller of the
	 * analysis knows it; borrowed. */
	const char *sha256;
	struct remote_video *video; /* NULL = a file; owned */
};

/* Blocks; ERR_CANCELED. */
int source_open(const struct analyze *a, const char *path, struct source_open *ret,
                struct err *err);
void source_close(struct source_open *s);

/* Says to the progress what it is, and warns of what is wrong with the file. */
void source_open_report(const struct analyze *a, const char *name, const struct video_info *v);

/* An error if a part of the video could not be read from its server, or was
 * another one: what is found without it is not what the video shows. */
int source_open_check(const struct source_open *s, struct err *err);

#endif
