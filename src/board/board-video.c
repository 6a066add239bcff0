/* SPDX-License-Identifier: Apache-2.0 */
/* Videos: where they come from, what they are, their files. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "job/step-options.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "board/board-internal.h"
#include "decoder/decoder.h"
#include "transfer/download.h"

enum { FETCH_RETRY = 15000000 };

/* ---- adding */

struct video *board_insert_video(struct board *b, struct store_video *row)
{
	struct video *v = mem_alloc(1, sizeof *v);
	v->row = *row;
	*row = (struct store_video){0};
	v->cancel = cancel_new();
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	b->videos = mem_grow(b->videos, b->n_videos + 1, sizeof(struct video *));
	b->videos[b->n_videos++] = v;
	board_publish_video(locked, v);
	board_prepare(b, v);
	return v;
}

/* Takes the contents of `row`; with `disk` held. */
static int add_video(struct board *b, struct store_video *row, struct video **ret, struct err *err)
{
	int r = store_video_add(b->setup.store, row, &row->id, err);
	if (r < 0)
		return r;
	*ret = board_insert_video(b, row);
	return 0;
}

static struct video *find_like(struct board *b, const char *origin, const char *what)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_videos; i++) {
		struct video *v = b->videos[i];
		const char *has = strcmp(origin, "path") == 0 ? v->row.path : v->row.source;
		if (!v->gone && v->row.state != STORE_VIDEO_FAILED && strcmp(v->row.origin, origin) == 0 &&
		    strcmp(has, what) == 0)
			return v;
	}
	return NULL;
}

static int add_named(struct board *b, const char *origin, const char *source, const char *path,
                     const char *name, int64_t size, struct video **ret, struct err *err)
{
	AUTO(store_video_clear)
	struct store_video row = {.name = board_file_name(name),
	                          .origin = mem_strdup(origin),
	                          .tags = strcmp(origin, BOARD_CHAT) ? NULL : mem_strdup(CHAT_TAGS),
	                          .source = mem_strdup(source),
	                          .path = mem_strdup(path),
	                          .sha256 = mem_strdup(""),
	                          .stamp = mem_strdup(""),
	                          .facts = mem_strdup(""),
	                          .fault = mem_strdup(""),
	                          .size = size,
	                          .state = *path ? STORE_VIDEO_READY : STORE_VIDEO_FETCHING,
	                          .created = clock_wall()};
	return add_video(b, &row, ret, err);
}

static int take_path(struct board *b, const char *path, struct video **ret, struct err *err)
{
	AUTO(mem_freep) char *real = NULL;
	AUTO(fd_closep) int fd = -1;
	int r = board_check_path(b, path, &real, err);
	if (r == 0)
		r = file_open_input(real, &fd, err);
	if (r < 0)
		return r;
	*ret = find_like(b, "path", real);
	return *ret ? 0 : add_named(b, "path", path, real, real, lseek(fd, 0, SEEK_END), ret, err);
}

int board_take_url(struct board *b, const char *url, const char *origin, struct video **ret,
                   struct err *err)
{
	AUTO(mem_freep) char *name = NULL;
	int r = board_check_address(b, url, &name, err);
	if (r < 0)
		return r;
	*ret = find_like(b, "url", url);
	if (!*ret && strcmp(origin, "url") != 0)
		*ret = find_like(b, origin, url);
	if (!*ret && !board_may_fetch(url) && strcmp(origin, "url") != 0)
		return err_set(err, ERR_UNSUPPORTED,
		               "a video of S3 cannot come in a chat; add it as a job");
	return *ret ? 0 : add_named(b, origin, url, "", name, 0, ret, err);
}

int board_get_video(struct board *b, const json_t *request, struct video **ret, struct err *err)
{
	const json_t *id = json_object_get(request, "video"), *path = json_object_get(request, "path"),
				 *url = json_object_get(request, "url");
	int64_t number;
	if ((id != NULL) + (path != NULL) + (url != NULL) != 1)
		return err_set(err, ERR_ARG, "name one of \"video\", \"path\" and \"url\"");
	if (path)
		return json_is_string(path) ? take_path(b, json_string_value(path), ret, err)
		                            : err_set(err, ERR_ARG, "\"path\" has to be a text");
	if (url)
		return json_is_string(url) ? board_take_url(b, json_string_value(url), "url", ret, err)
		                           : err_set(err, ERR_ARG, "\"url\" has to be a text");
	int r = board_parse_id(id, &number, err);
	if (r < 0)
		return r;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	return board_need_video(locked, number, ret, err);
}

/* ---- probing, on a thread of the preparing pool */

struct preparing {
	struct board *board;
	struct video *video;
	int64_t id;
	char *path, *dir;
	struct remote_video *away; /* open, if it is read in place */
	int64_t published;         /* clock_now() */
};

/* `changed`: of the file, Unix time in microseconds; 0 = not known. */
static json_t *facts_of(const struct video_info *v, int64_t changed)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:I, s:I, s:I, s:b, s:s}",
	                 "preferred", v->preferred, "container", v->container, "codec", v->codec,
	                 "pixel_format", v->pixel_format, "hdr", v->hdr, "width", v->width, "height",
	                 v->height, "rotation", v->rotation, "fps", v->fps, "duration_us",
	                 (json_int_t)v->duration, "recorded", (json_int_t)v->recorded, "changed",
	                 (json_int_t)changed, "audio", (int)v->has_audio, "warning", v->warning);
}

static int probe(struct preparing *p, const struct board_input *in, struct video_info *ret,
                 struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	int r = board_open_decoder(p->board, in, -1, p->video->cancel, &d, err);
	return r < 0 ? r : decoder_probe(d, ret, err);
}

static int look(struct preparing *p, json_t **ret_facts, int64_t *ret_size, struct err *err)
{
	AUTO(board_close_input) struct board_input own = {.fd = -1};
	AUTO(video_info_clear) struct video_info info = {0};
	struct board_input in = {.fd = -1};
	struct stat st = {0};
	int r = p->away ? 0 : board_open_input(p->board, p->video, p->path, &own, err);
	if (p->away)
		board_set_input(&in, p->away);
	else
		in = (struct board_input){.fd = own.fd, .feed = own.feed};
	if (r == 0)
		r = probe(p, &in, &info, err);
	/* Someone else may have killed it: the machine, which ran out of memory. */
	if (r == -ERR_DIED) {
		video_info_clear(&info);
		r = probe(p, &in, &info, err);
	}
	/* What its server did wrong is what the decoder did not understand. */
	if (r < 0 && p->away && remote_video_fault(p->away, err))
		r = -(int)err->code;
	if (r < 0)
		return r;
	fstat(in.fd, &st);
	int64_t changed = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	*ret_size = st.st_size;
	*ret_facts = facts_of(&info, in.feed ? 0 : changed);
	return 0;
}

/* Saves and publishes the result. */
static void settle(struct preparing *p, int r, json_t *facts, int64_t size, const struct err *why)
{
	struct board *b = p->board;
	struct video *v = p->video;
	struct err err;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	pthread_mutex_lock(&b->lock);

	if (facts) {
		AUTO(mem_freep) char *text = json_dumps(facts, JSON_COMPACT);
		json_decref(v->facts);
		v->facts = facts;
		board_set_text(&v->row.facts, text);
		v->row.size = size;
		v->row.state = STORE_VIDEO_READY;
		if (p->away)
			board_set_text(&v->row.sha256, remote_video_sha256(p->away));
		board_set_text(&v->row.fault, "");
	} else if (r < 0 && why->code == ERR_NOSPC && v->row.state == STORE_VIDEO_FETCHING) {
		v->retry_at = clock_now() + FETCH_RETRY;
		board_set_text(&v->row.fault, why->msg);
	} else if (r < 0 && why->code != ERR_CANCELED) {
		v->row.state = STORE_VIDEO_FAILED;
		board_set_text(&v->row.fault, why->msg);
	}
	if (strcmp(v->row.origin, "path") != 0 && *p->path && file_exists(p->path))
		board_set_text(&v->row.path, p->path);
	bool gone = v->gone;
	pthread_mutex_unlock(&b->lock);

	if (!gone && board_save_video(disk, v, &err) < 0)
		board_note_saving(disk, -err.code, &err);

	pthread_mutex_lock(&b->lock);
	if (facts)
		board_request_proxy(b, v);
	board_publish_video_and_jobs(b, v);
	board_wake(b);
	pthread_mutex_unlock(&b->lock);
}

/* Bytes that may still be added, and the option that limits them. */
static int64_t space_left(struct board *b, const struct video *except, bool *ret_quota)
{
	const struct board_options *o = b->setup.options;
	int64_t disk, quota = INT64_MAX;

	board_check_disk(b);
	pthread_mutex_lock(&b->lock);
	disk = b->disk_free - o->free_min;
	pthread_mutex_unlock(&b->lock);
	if (o->quota)
		quota = o->quota - board_disk_used(b, except);
	*ret_quota = quota < disk;
	return *ret_quota ? quota : disk;
}

#define FETCH_RETRIES 6                   /* in a row without progress */
#define FETCH_SILENCE (60 * CLOCK_SECOND) /* of a connection */
#define PUBLISH_PERIOD (CLOCK_SECOND / 10)

static void publish_fetch(void *ctx, const struct download_progress *d)
{
	struct preparing *p = ctx;
	AUTO(board_unlockp) struct board *b = board_lock(p->board);
	p->video->row.size = d->total > 0 ? d->total : d->done;
	p->video->fetched = d->done;
	board_publish_video(b, p->video);
}

static int fetch(struct preparing *p, struct err *err)
{
	const struct board_options *o = p->board->setup.options;
	bool quota;
	int64_t most = space_left(p->board, p->video, &quota);
	pthread_mutex_lock(&p->board->lock);
	AUTO(mem_freep) char *url = mem_strdup(p->video->row.source);
	AUTO(mem_freep) char *name = board_file_name(p->video->row.name); /* a person may change it */
	bool chat = strcmp(p->video->row.origin, BOARD_CHAT) == 0;
	pthread_mutex_unlock(&p->board->lock);
	free(p->path);
	p->path = file_join(p->dir, name);
	if (most <= 0)
		return err_set(err, ERR_NOSPC, "no space to fetch %s: %s leaves none", name,
		               quota ? "serve.quota" : "serve.free_min");
	if (o->video_max && o->video_max < most)
		most = o->video_max;
	if (chat && o->chat_bytes < most)
		most = o->chat_bytes;
	const struct download_options d = {.retries = FETCH_RETRIES,
	                                   .timeout = FETCH_SILENCE,
	                                   .max = most,
	                                   .total_timeout = o->fetch_timeout,
	                                   .public_only = !o->fetch_private,
	                                   .cancel = p->video->cancel,
	                                   .progress = publish_fetch,
	                                   .ctx = p};
	int r = file_mkdirs(p->dir, true, err);
	return r < 0 ? r : download_stream(&d, url, p->path, err);
}

static void publish_reading(void *ctx, int64_t done, int64_t all)
{
	struct preparing *p = ctx;
	int64_t now = clock_now();
	if (done < all && now < p->published + PUBLISH_PERIOD)
		return;
	p->published = now;
	AUTO(board_unlockp) struct board *b = board_lock(p->board);
	p->video->row.size = all;
	p->video->fetched = done;
	board_publish_video(b, p->video);
}

/* A download that has begun goes on. */
static bool is_begun(const struct preparing *p)
{
	pthread_mutex_lock(&p->board->lock);
	AUTO(mem_freep) char *name = board_file_name(p->video->row.name);
	pthread_mutex_unlock(&p->board->lock);
	AUTO(mem_freep) char *path = file_join(p->dir, name);
	AUTO(mem_freep) char *part = mem_printf("%s.part", path);
	return file_exists(part);
}

/* What is at an address is read there if its server can send parts of it. */
static int get(struct preparing *p, struct err *err)
{
	struct board *b = p->board;
	pthread_mutex_lock(&b->lock);
	bool in_place = board_reads_in_place(b, p->video), was = board_in_place(p->video),
		 may_fetch = board_may_fetch(p->video->row.source);
	pthread_mutex_unlock(&b->lock);
	if (!was && may_fetch && (!in_place || is_begun(p)))
		return fetch(p, err);
	if (!b->setup.web)
		return err_set(err, ERR_UNSUPPORTED, "this server reads no videos at addresses");
	int r = board_read_away(b, p->video, publish_reading, p, &p->away, err);
	if (was || !may_fetch || (r != -ERR_UNSUPPORTED && r != -ERR_PROTO))
		return r;
	log_info("[video %lld] %s; downloading it", (long long)p->id, err->msg);
	return fetch(p, err);
}

static void end_preparing(struct preparing *p)
{
	remote_video_free(p->away);
	pthread_mutex_lock(&p->board->lock);
	p->video->busy = false; /* from here on it may be freed */
	board_wake(p->board);
	pthread_mutex_unlock(&p->board->lock);
	free(p->path);
	free(p->dir);
	free(p);
}

/* Whether a file in a folder was moved meanwhile: the path becomes its new
 * one. */
static bool follow(struct preparing *p)
{
	AUTO(board_unlockp) struct board *locked = board_lock(p->board);
	const struct store_video *v = &p->video->row;
	(void)locked;
	if (strcmp(v->origin, "path") != 0 || strcmp(v->path, p->path) == 0)
		return false;
	board_set_text(&p->path, v->path);
	return true;
}

static void prepare(void *ctx)
{
	struct preparing *p = ctx;
	json_t *facts = NULL;
	int64_t size = 0;
	struct err err = {0};
	int r = *p->path ? 0 : get(p, &err);
	if (r == 0)
		r = look(p, &facts, &size, &err);
	while (r < 0 && follow(p))
		r = look(p, &facts, &size, &err);
	settle(p, r, facts, size, &err);
	struct board_input in;
	if (p->away)
		board_set_input(&in, p->away);
	if (r == 0)
		board_make_pictures(p->board, p->video, p->path, p->away ? &in : NULL);
	end_preparing(p);
}

static void make_pictures(void *ctx)
{
	struct preparing *p = ctx;
	board_make_pictures(p->board, p->video, p->path, NULL);
	end_preparing(p);
}

/* The file in a folder was changed since its hash was computed: maybe only its
 * time was. */
static void verify(void *ctx)
{
	struct preparing *p = ctx;
	AUTO(file_identity_clear) struct file_identity now = {0};
	struct err err;
	int r = board_identify(p->board, p->path, p->video->cancel, &now, &err);
	pthread_mutex_lock(&p->board->lock);
	struct store_video *v = &p->video->row;
	if (r == 0 && strcmp(v->sha256, now.sha256) == 0 && strcmp(v->path, p->path) == 0) {
		board_set_text(&v->stamp, now.stamp);
		p->video->unsaved = true;
	}
	pthread_mutex_unlock(&p->board->lock);
	end_preparing(p);
}

/* With the lock held. */
static void begin_preparing(struct board *b, struct video *v, void (*work)(void *ctx))
{
	struct preparing *p = mem_alloc(1, sizeof *p);
	v->busy = true;
	*p = (struct preparing){.board = b,
	                        .video = v,
	                        .id = v->row.id,
	                        .path = mem_strdup(v->row.path),
	                        .dir = board_video_path(b, v->row.id, "")};
	/* Another server may take as long as it likes: what is here goes on. */
	pool_run(strcmp(v->row.origin, "url") == 0 ? b->fetching : b->preparing, work, p);
}

void board_prepare(struct board *b, struct video *v)
{
	begin_preparing(b, v, prepare);
}

void board_prepare_again(struct board *b, struct video *v)
{
	if (v->row.state == STORE_VIDEO_FAILED && !v->busy)
		begin_preparing(b, v, prepare);
}

void board_verify(struct board *b, struct video *v)
{
	if (!v->busy && !v->gone && !b->stopping)
		begin_preparing(b, v, verify);
}

void board_request_pictures(struct board *b, struct video *v)
{
	if (v->row.state == STORE_VIDEO_READY && !v->has_storyboard)
		begin_preparing(b, v, make_pictures);
}

/* ---- requests */

int board_room(struct board *b, int64_t bytes, int64_t coming, struct err *err)
{
	const struct board_options *o = b->setup.options;
	char size[TEXT_SIZE_MAX], limit[TEXT_SIZE_MAX], rest[TEXT_SIZE_MAX];
	bool quota;

	if (o->video_max && bytes > o->video_max)
		return err_set(err, ERR_LIMIT,
		               "the video is larger than the %" PRId64 " bytes that serve.video_max allows",
		               o->video_max);
	int64_t left = space_left(b, NULL, &quota);
	if (bytes <= left - coming)
		return 0;
	if (quota)
		return err_set(err, ERR_NOSPC,
		               "no space for %s: serve.quota (%s) leaves %s; delete videos, or raise "
		               "serve.quota",
		               text_size((double)bytes, size), text_size((double)o->quota, limit),
		               text_size((double)(left > coming ? left - coming : 0), rest));
	if (o->free_min)
		return err_set(err, ERR_NOSPC,
		               "no space for %s: the disk has %s free, and serve.free_min reserves %s; "
		               "delete files, or lower serve.free_min",
		               text_size((double)bytes, size),
		               text_size((double)(left + o->free_min), rest),
		               text_size((double)o->free_min, limit));
	return err_set(err, ERR_NOSPC, "no space for %s: the disk has %s free; delete files",
	               text_size((double)bytes, size), text_size((double)(left > 0 ? left : 0), rest));
}
