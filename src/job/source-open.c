/* SPDX-License-Identifier: Apache-2.0 */
#include "job/source-open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

static void show(void *ctx, int64_t done, int64_t all)
{
	char a[TEXT_SIZE_MAX], b[TEXT_SIZE_MAX], text[160];
	snprintf(text, sizeof text, "%s of %s", text_size((double)done, a), text_size((double)all, b));
	progress_phase(ctx, PHASE_HASHING, text);
}

static int open_address(const struct analyze *a, const char *path, struct source_open *ret,
                        struct err *err)
{
	const struct remote_video_options o = {.address = path,
	                                       .expected = a->expected,
	                                       .progress = show,
	                                       .ctx = a->progress,
	                                       .cancel = a->cancel};
	int r = remote_video_open(a->web, &o, &ret->video, err);
	if (r < 0)
		return r;
	ret->fd = remote_video_fd(ret->video);
	ret->path = remote_video_name(ret->video);
	ret->sha256 = remote_video_sha256(ret->video);
	ret->size = remote_video_feed(ret->video)->size;
	return 0;
}

static int open_file(const struct analyze *a, const char *path, struct source_open *ret,
                     struct err *err)
{
	struct stat st;
	char stamp[FILE_STAMP_MAX];
	int r = file_open_input(path, &ret->fd, err);
	if (r < 0)
		return r;
	if (fstat(ret->fd, &st) < 0)
		return err_sys(err, errno, "cannot examine %s", path);
	file_stamp(ret->fd, stamp);
	ret->path = path;
	ret->size = st.st_size;
	ret->sha256 = a->stamp && strcmp(a->stamp, stamp) != 0 ? NULL : a->sha256;
	return 0;
}

int source_open(const struct analyze *a, const char *path, struct source_open *ret, struct err *err)
{
	*ret = (struct source_open){.fd = -1};
	return a->web && remote_is_address(path) ? open_address(a, path, ret, err)
	                                         : open_file(a, path, ret, err);
}

void source_close(struct source_open *s)
{
	if (!s->video)
		fd_closep(&s->fd);
	remote_video_free(s->video);
	*s = (struct source_open){.fd = -1};
}

int source_open_check(const struct source_open *s, struct err *err)
{
	return s->video && remote_video_fault(s->video, err) ? -(int)err->code : 0;
}

void source_open_report(const struct analyze *a, const char *name, const struct video_info *v)
{
	const struct progress_event event = {.type = PROGRESS_SOURCE,
	                                     .source = {.name = name,
	                                                .codec = v->codec,
	                                                .warning = v->warning,
	                                                .duration = v->duration,
	                                                .width = v->width,
	                                                .height = v->height,
	                                                .fps = v->fps}};

	progress_emit(a->progress, &event);
	if (*v->warning)
		log_warning("%s: %s", name, v->warning);
}
