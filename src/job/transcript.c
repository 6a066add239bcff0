/* SPDX-License-Identifier: Apache-2.0 */
#include "job/transcript.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

enum { FAULT_MAX = 500 };

static int read_texts(const struct run_context *run, const struct transcript_source *src,
                      struct store_transcript *ret, char **ret_fault, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	int r = decoder_open(src->fd, &src->decoder, run->cancel, &d, err);
	return r < 0 ? r : transcript_read(d, &src->range, ret, ret_fault, err);
}

int transcript_run(const struct run_context *run, const struct transcript_source *src,
                   const char *job, struct err *err)
{
	AUTO(store_transcript_clear) struct store_transcript t = {0};
	AUTO(mem_freep) char *fault = NULL;
	char now[FILE_STAMP_MAX];
	bool known = false;
	int r = store_transcript_known(run->store, job, STORE_SUBTITLE, &known, err);
	if (r < 0 || known)
		return r;
	r = read_texts(run, src, &t, &fault, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0) {
		log_warning("[job %s] the subtitles of the file were not read: %s", job, err->msg);
		fault = text_line(err->msg, FAULT_MAX);
	}
	file_stamp_all(src->fd, now);
	if (strcmp(now, src->stamp) != 0)
		return 0; /* check_source() decides */
	return store_transcript_save(run->store, job, STORE_SUBTITLE, fault, &t, err);
}
