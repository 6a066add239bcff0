/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a question that a standing one asked of a video. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "board/board-internal.h"
#include "store/watch.h"
#include "watch/hit.h"

int64_t board_watch_of(const json_t *request)
{
	int64_t id = 0;
	const json_t *watch = json_object_get(request, "watch");
	return watch && board_parse_id(watch, &id, NULL) == 0 ? id : 0;
}

static int64_t video_of(const json_t *request)
{
	int64_t id = 0;
	board_parse_id(json_array_get(json_object_get(request, "videos"), 0), &id, NULL);
	return id;
}

/* How a hit is to be delivered is what is not in here. */
static unsigned needless(const struct board *b, const char *watch_request)
{
	json_auto_t *request = json_loads(watch_request, 0, NULL);
	unsigned ways = STORE_WAY_PRINT | STORE_WAY_PROGRAM | STORE_WAY_WEBHOOK;
	if (b->setup.notify)
		ways = STORE_WAY_PRINT | notify_needless(b->setup.notify);
	return *json_text(request, "webhook") ? ways & ~(unsigned)STORE_WAY_WEBHOOK : ways;
}

static void publish(struct board *b, int64_t watch, json_t *message)
{
	json_object_del(json_object_get(message, "video"), "path");
	events_post(b->setup.events, EVENT_HIT, watch, json_incref(message));
	if (b->notifier)
		notifier_wake(b->notifier);
}

/* Which video it was, by its board's row. */
static void take_video(struct board *b, int64_t id, char **ret_name, char **ret_path,
                       char **ret_sha256)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	const struct video *v = board_find_video(locked, id);
	*ret_name = mem_strdup(v ? v->row.name : "");
	*ret_path = mem_strdup(v ? v->row.path : "");
	*ret_sha256 = mem_strdup(v ? v->row.sha256 : "");
}

int board_note_watched(struct board *b, const json_t *request, const struct answer *a,
                       const char *fault, struct err *err)
{
	AUTO(store_watch_clear) struct store_watch watch = {0};
	AUTO(mem_freep) char *name = NULL, *path = NULL, *sha256 = NULL, *text = NULL;
	bool is_new;
	int64_t id = board_watch_of(request);
	int r = id ? store_watch_find(b->setup.store, id, &watch, err) : 0;
	if (!id || r == -ERR_NOENT) /* it was deleted meanwhile */
		return 0;
	take_video(b, video_of(request), &name, &path, &sha256);
	if (a && a->n_sources)
		board_set_text(&sha256, a->sources[0].sha256);
	const struct hit_video video = {name, path, sha256};
	json_auto_t *message = a && hit_is(a) ? hit_message(id, a, &video, clock_wall()) : NULL;
	text = message ? json_dumps(message, JSON_COMPACT) : mem_strdup("");
	const struct store_watched row = {.watch = id,
	                                  .source = sha256,
	                                  .answer = a ? a->id : "",
	                                  .fault = (char *)fault,
	                                  .tokens = a ? a->spent.prompt_tokens : 0,
	                                  .message = text ? text : "",
	                                  .ways = needless(b, watch.request)};
	if (r == 0)
		r = store_watched_add(b->setup.store, &row, &is_new, err);
	if (r == 0 && is_new && message)
		publish(b, id, message);
	return r;
}
