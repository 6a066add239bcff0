/* SPDX-License-Identifier: Apache-2.0 */
/* Videos at addresses, which are read where they are: docs/sources.md. What is
 * read has the hash of its block that was made in the first reading. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "board/board-internal.h"
#include "decoder/decoder.h"
#include "job/step-options.h"
#include "store/block.h"
#include "transfer/download.h"

/* For how long a request tries again where a server does not answer, and waits
 * for each MiB: few requests can wait at the same time. */
static const int64_t request_patience = 5 * CLOCK_SECOND, request_block = 20 * CLOCK_SECOND;

/* ---- which addresses */

static bool is_s3(const char *url)
{
	return strncasecmp(url, "s3://", 5) == 0;
}

/* Whether `path`, BUCKET/KEY, is below one of "BUCKET:BUCKET/FOLDER". */
static bool is_listed(const char *list, const char *path)
{
	for (const char *p = list; *p; p += strcspn(p, ":")) {
		p += strspn(p, ":");
		size_t n = strcspn(p, ":");
		while (n && p[n - 1] == '/')
			n--;
		if (n && strncmp(path, p, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

/* Keys have any characters, but servers and what is before them may read these
 * parts as those of a path. */
static bool goes_up(const char *path)
{
	for (const char *s = path; *s; s += strcspn(s, "/")) {
		s += strspn(s, "/");
		size_t n = strcspn(s, "/");
		if ((n == 1 || n == 2) && strspn(s, ".") >= n)
			return true;
	}
	return false;
}

static int check_s3(const struct board *b, const char *url, struct err *err)
{
	const char *list = b->setup.options->s3, *path = url + strlen("s3://");
	if (!b->setup.web || !*list)
		return err_set(err, ERR_PERM,
		               "this server reads no videos of S3: serve.s3 names no bucket");
	if (!is_listed(list, path) || goes_up(path))
		return err_set(err, ERR_PERM, "%.200s is not in the buckets that serve.s3 names", url);
	return 0;
}

int board_check_address(const struct board *b, const char *url, char **ret_name, struct err *err)
{
	if (!b->setup.options->fetch)
		return err_set(err, ERR_PERM,
		               "this server does not fetch videos (serve.fetch); upload the file");
	if (strlen(url) > BOARD_URL_MAX)
		return err_set(err, ERR_ARG, "the address is longer than %d bytes", BOARD_URL_MAX);
	if (!is_s3(url))
		return download_name(url, ret_name, err);
	int r = check_s3(b, url, err);
	if (r == 0 && !*file_base(url))
		r = err_set(err, ERR_ARG, "%.200s names no file", url);
	if (r == 0)
		*ret_name = mem_strdup(file_base(url));
	return r;
}

bool board_reads(const struct board *b, const char *address)
{
	AUTO(mem_freep) char *name = NULL;
	struct err ignored;
	return b->setup.web && board_check_address(b, address, &name, &ignored) == 0;
}

bool board_reads_in_place(const struct board *b, const struct video *v)
{
	return b->setup.web && strcmp(v->row.origin, "url") == 0 &&
	       (!b->setup.options->fetch_copy || is_s3(v->row.source));
}

bool board_may_fetch(const char *url)
{
	return !is_s3(url);
}

/* ---- videos that are read in place */

bool board_in_place(const struct video *v)
{
	return strcmp(v->row.origin, "url") == 0 && !*v->row.path &&
	       v->row.state != STORE_VIDEO_FETCHING && strlen(v->row.sha256) == HASH_HEX - 1;
}

bool board_take_away(const struct video *v, struct away *ret)
{
	*ret = (struct away){0};
	if (!board_in_place(v))
		return false;
	ret->address = mem_strdup(v->row.source);
	ret->size = v->row.size;
	memcpy(ret->sha256, v->row.sha256, HASH_HEX);
	return true;
}

void away_clear(struct away *a)
{
	free(a->address);
	*a = (struct away){0};
}

int board_open_away(struct board *b, const struct away *a, bool request, struct cancel *cancel,
                    struct remote_video **ret, struct err *err)
{
	AUTO(mem_freep) char *name = NULL;
	/* The options may have changed since the video was added. */
	int r = board_check_address(b, a->address, &name, err);
	if (r == 0 && !b->setup.web)
		r = err_set(err, ERR_PERM, "this server reads no videos at addresses");
	if (r < 0)
		return r;
	const struct remote_video_options o = {.address = a->address,
	                                       .expected = a->sha256,
	                                       .known = true,
	                                       .patience = request ? request_patience : 0,
	                                       .block_within = request ? request_block : 0,
	                                       .cancel = cancel};
	return remote_video_open(b->setup.web, &o, ret, err);
}

int board_read_away(struct board *b, struct video *v,
                    void (*progress)(void *ctx, int64_t done, int64_t all), void *ctx,
                    struct remote_video **ret, struct err *err)
{
	const struct board_options *limits = b->setup.options;
	AUTO(mem_freep) char *name = NULL;
	pthread_mutex_lock(&b->lock);
	AUTO(mem_freep) char *address = mem_strdup(v->row.source);
	AUTO(mem_freep) char *sha256 = mem_strdup(board_in_place(v) ? v->row.sha256 : "");
	pthread_mutex_unlock(&b->lock);
	int r = board_check_address(b, address, &name, err);
	if (r < 0)
		return r;
	const struct remote_video_options o = {.address = address,
	                                       .expected = sha256,
	                                       .progress = progress,
	                                       .ctx = ctx,
	                                       .cancel = v->cancel,
	                                       .max = limits->video_max,
	                                       .until = clock_now() + limits->fetch_timeout};
	return remote_video_open(b->setup.web, &o, ret, err);
}

bool board_load_blocks(struct board *b, const struct video *v, struct away *ret,
                       struct hash_blocks *ret_blocks)
{
	struct err err;
	*ret_blocks = (struct hash_blocks){0};
	pthread_mutex_lock(&b->lock);
	bool is = board_take_away(v, ret);
	pthread_mutex_unlock(&b->lock);
	if (is && store_blocks_load(b->setup.store, ret->sha256, ret_blocks, &err) < 0)
		log_warning("%s", err.msg);
	return is;
}

void board_keep_blocks(struct board *b, const struct away *a, const struct hash_blocks *blocks)
{
	struct err err;
	if (blocks->n && store_blocks_save(b->setup.store, a->sha256, blocks, &err) < 0)
		log_warning("%s; the video is read again when it is needed", err.msg);
}

void board_forget_away(struct board *b, const struct away *a, const struct hash_blocks *blocks)
{
	struct err err;
	bool gone = false;
	if (store_blocks_forget(b->setup.store, a->sha256, &gone, &err) < 0)
		log_warning("%s", err.msg);
	if (gone && b->setup.web)
		remote_web_forget(b->setup.web, blocks);
}

/* ---- its files, as others are opened */

int board_open_input(struct board *b, const struct video *v, const char *path,
                     struct board_input *ret, struct err *err)
{
	AUTO(away_clear) struct away a = {0};
	*ret = (struct board_input){.fd = -1};
	pthread_mutex_lock(&b->lock);
	bool is = board_take_away(v, &a);
	pthread_mutex_unlock(&b->lock);
	if (!is)
		return board_open_same(b, v, path, &ret->fd, err);
	int r = board_open_away(b, &a, false, v->cancel, &ret->away, err);
	if (r == 0)
		board_set_input(ret, ret->away);
	return r;
}

void board_set_input(struct board_input *i, struct remote_video *v)
{
	i->fd = remote_video_fd(v);
	i->feed = remote_video_feed(v);
}

void board_close_input(struct board_input *i)
{
	if (!i->away)
		fd_closep(&i->fd);
	remote_video_free(i->away);
	*i = (struct board_input){.fd = -1};
}

int board_open_decoder(const struct board *b, const struct board_input *in, int stream,
                       struct cancel *cancel, struct decoder **ret, struct err *err)
{
	const struct analyze_options *o = b->setup.analyze;
	struct decoder_options d = analyze_decoder(o);
	d.feed = in->feed;
	if (stream >= 0) {
		d.has_stream = true;
		d.stream = stream;
	}
	return decoder_open(in->fd, &d, cancel, ret, err);
}

/* ---- requests */

int board_open_request(struct board *b, const struct away *a, struct board_input *ret,
                       struct err *err)
{
	*ret = (struct board_input){.fd = -1};
	int r = board_open_away(b, a, true, NULL, &ret->away, err);
	if (r == 0)
		board_set_input(ret, ret->away);
	return r;
}

int board_video_away(struct board *b, int64_t id, struct board_away *ret, struct err *err)
{
	struct video *v;
	AUTO(away_clear) struct away a = {0};
	*ret = (struct board_away){0};
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	int r = board_need_video(locked, id, &v, err);
	if (r < 0 || !board_take_away(v, &a))
		return r;
	ret->is = true;
	ret->size = a.size;
	ret->type = board_type_of(v);
	memcpy(ret->sha256, a.sha256, HASH_HEX);
	return 0;
}

int board_video_fill(struct board *b, int64_t id, int fd, int64_t from, int64_t len,
                     struct err *err)
{
	struct video *v;
	AUTO(away_clear) struct away a = {0};
	struct board_input in;
	pthread_mutex_lock(&b->lock);
	int r = board_need_video(b, id, &v, err);
	if (r == 0 && !board_take_away(v, &a))
		r = err_set(err, ERR_NOENT, "the video is not read at an address");
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		r = board_open_request(b, &a, &in, err);
	if (r < 0)
		return r;
	r = from < 0 || len > a.size - from ? err_set(err, ERR_ARG, "that is not a part of the video")
	                                    : remote_video_copy(in.away, fd, from, len, err);
	board_close_input(&in);
	return r;
}
