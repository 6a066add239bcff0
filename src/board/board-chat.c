/* SPDX-License-Identifier: Apache-2.0 */
/* Videos that came in a chat: kept for a while, bounded in number and size. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "board/board-internal.h"

/* ---- removing */

/* With the lock: whether a job of it waits or runs. */
static bool is_worked_on(const struct board *b, const struct video *v)
{
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct job *j = b->jobs[i];
		bool open = j->row.state == STORE_ENTRY_QUEUED || j->row.state == STORE_ENTRY_RUNNING ||
		            j->row.state == STORE_ENTRY_PAUSED;
		if (j->video == v && !j->gone && (open || (j->has_thread && !j->ended)))
			return true;
	}
	return false;
}

static int64_t last_use(const struct video *v)
{
	return v->used > v->row.created ? v->used : v->row.created;
}

struct stock {
	int64_t n, bytes;    /* of all videos that came in a chat */
	int64_t oldest;      /* id of the one that was not used for the longest, of
	                      * those that can be removed; 0 = none */
	int64_t oldest_used; /* Unix time, microseconds */
};

/* `spared`: ids that are not to be removed. */
static struct stock take_stock(struct board *b, const int64_t *spared, size_t n_spared)
{
	struct stock s = {0};
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_videos; i++) {
		const struct video *v = b->videos[i];
		if (!board_is_temporary(v))
			continue;
		s.n++;
		s.bytes += v->row.size;
		bool free_now = !v->held && !v->busy && !is_worked_on(b, v);
		for (size_t k = 0; k < n_spared; k++)
			free_now = free_now && spared[k] != v->row.id;
		if (free_now && (!s.oldest || last_use(v) < s.oldest_used)) {
			s.oldest = v->row.id;
			s.oldest_used = last_use(v);
		}
	}
	return s;
}

/* Whether a person put it into a case. */
static bool is_in_case(struct board *b, int64_t id)
{
	size_t n = 0;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	AUTO(mem_freep) int64_t *cases = board_cases_with(disk, id, &n);
	return cases && n > 0;
}

/* Removes the oldest ones until there is room for one more of this size (-1:
 * for none), and those whose time is over. */
static struct stock make_room(struct board *b, int64_t bytes)
{
	const struct board_options *o = b->setup.options;
	AUTO(mem_freep) int64_t *spared = NULL;
	size_t n_spared = 0;
	for (;;) {
		struct stock s = take_stock(b, spared, n_spared);
		struct err err;
		bool over = s.n + (bytes >= 0) > o->chat_videos ||
		            s.bytes + (bytes > 0 ? bytes : 0) > o->chat_bytes;
		bool expired = clock_wall() - s.oldest_used >= o->chat_keep;
		if (!s.oldest || (!over && !expired))
			return s;
		if (is_in_case(b, s.oldest) || board_video_remove(b, s.oldest, &err) < 0) {
			spared = mem_grow(spared, n_spared + 1, sizeof *spared);
			spared[n_spared++] = s.oldest;
		} else {
			log_info("[video %" PRId64 "] removed: it came in a chat, and was not kept", s.oldest);
		}
	}
}

void board_chat_sweep(struct board *b)
{
	make_room(b, -1);
}

static int need_room(struct board *b, int64_t bytes, struct err *err)
{
	const struct board_options *o = b->setup.options;
	char size[TEXT_SIZE_MAX], most[TEXT_SIZE_MAX];
	struct stock s = make_room(b, bytes);
	if (s.n + 1 > o->chat_videos)
		return err_set(err, ERR_NOSPC,
		               "no room for another video of a chat: %" PRId64
		               " are in use, and chat.videos "
		               "allows %" PRId64 "; try again later",
		               s.n, o->chat_videos);
	if (s.bytes + bytes > o->chat_bytes)
		return err_set(err, ERR_NOSPC,
		               "no room for another video of a chat: %s are in use, and chat.bytes allows "
		               "%s; try again later",
		               text_size((double)s.bytes, size), text_size((double)o->chat_bytes, most));
	return board_room(b, bytes, 0, err);
}

/* ---- adding */

void board_chat_hold(struct board *b, int64_t id, bool hold)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	struct video *v = board_find_video(locked, id);
	if (!v)
		return;
	v->held += hold ? 1 : -1;
	v->used = clock_wall();
}

int board_chat_file(struct board *b, const char *id, const char *path, int64_t size,
                    const char *name, const char *sha256, json_t **ret, struct err *err)
{
	int64_t number = 0;
	AUTO(board_arrival_clear) struct board_arrival a = {0};
	json_auto_t *request = json_pack("{s:b}", "analyze", 0);
	int r = need_room(b, size, err);
	if (r < 0)
		return r;
	const struct board_receipt what = {.id = id,
	                                   .path = path,
	                                   .name = name,
	                                   .sha256 = sha256,
	                                   .origin = BOARD_CHAT,
	                                   .request = request};
	r = board_receive(b, &what, &a, err);
	if (r < 0)
		return r;
	board_parse_id(json_object_get(a.video, "id"), &number, err);
	board_chat_hold(b, number, true);
	*ret = TAKE(a.video);
	return 0;
}

int board_chat_address(struct board *b, const char *url, json_t **ret, struct err *err)
{
	struct video *v;
	int r = need_room(b, 0, err);
	if (r < 0)
		return r;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	r = board_take_url(disk, url, BOARD_CHAT, &v, err);
	if (r < 0)
		return r;
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	(void)locked; /* until the end of the function */
	v->held++;
	v->used = clock_wall();
	*ret = board_video_json(v);
	return 0;
}
