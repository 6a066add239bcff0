/* SPDX-License-Identifier: Apache-2.0 */
/* Standing questions: each video whose job ended is asked, one at a time. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "board/board-internal.h"
#include "store/watch.h"
#include "watch/hit.h"
#include "watch/limit.h"
#include "watch/webhook.h"

enum { URL_MAX = 2000, HITS_SHOWN = 100 };

/* ---- asking */

/* A video that may be asked. */
struct candidate {
	int64_t id, ended;
	char *sha256;
};

struct candidates {
	struct candidate *all;
	size_t n, cap;
};

static void clear_candidates(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->all[i].sha256);
	free(c->all);
}

/* When its last job ended that has a result; 0 = there is none. */
static int64_t ended_at(const struct board *b, const struct video *v)
{
	int64_t ended = 0;
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct job *j = b->jobs[i];
		bool done = j->row.state == STORE_ENTRY_DONE || j->row.state == STORE_ENTRY_HOLES;
		if (j->video == v && done && !j->gone && *j->row.journal && j->row.ended > ended)
			ended = j->row.ended;
	}
	return ended;
}

static bool failed_since(const struct board *b, int64_t watch, int64_t video, int64_t ended)
{
	for (size_t i = 0; i < b->n_unasked; i++)
		if (b->unasked[i].watch == watch && b->unasked[i].video == video &&
		    b->unasked[i].at >= ended)
			return true;
	return false;
}

/* The folders of which videos are asked. */
struct scope {
	bool all;
	char **folders; /* owned */
	size_t n;
};

static void clear_scope(struct scope *s)
{
	board_free_roots(s->folders, s->n);
}

static struct scope scope_of(const struct board *b, const json_t *request)
{
	const char *folder = json_text(request, "folder");
	struct scope s = {.all = !*folder};
	if (*folder == '/') {
		s.folders = mem_alloc(1, sizeof *s.folders);
		s.folders[s.n++] = mem_strdup(folder);
	} else if (*folder) {
		s.folders = board_watched_roots(b, folder, &s.n);
	}
	return s;
}

static bool is_in_scope(const struct video *v, const struct scope *s)
{
	bool inside = s->all;
	for (size_t i = 0; i < s->n && strcmp(v->row.origin, "path") == 0; i++)
		inside = inside || file_is_below(v->row.path, s->folders[i]);
	return inside;
}

static void take_candidates(struct board *b, const struct store_watch *w, const json_t *request,
                            struct candidates *ret)
{
	AUTO(clear_scope) struct scope scope = scope_of(b, request);
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	int64_t since = json_is_true(json_object_get(request, "existing")) ? 0 : w->created;
	for (size_t i = 0; i < locked->n_videos; i++) {
		const struct video *v = b->videos[i];
		int64_t ended = v->gone || !*v->row.sha256 || !is_in_scope(v, &scope) ? 0 : ended_at(b, v);
		if (!ended || ended < since || failed_since(b, w->id, v->row.id, ended))
			continue;
		ret->all = mem_room(ret->all, ret->n, &ret->cap, sizeof *ret->all);
		ret->all[ret->n++] = (struct candidate){v->row.id, ended, mem_strdup(v->row.sha256)};
	}
}

static bool is_asking(struct board *b, int64_t watch)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_questions; i++)
		if (!b->questions[i]->discarded && board_watch_of(b->questions[i]->request) == watch)
			return true;
	return false;
}

static int ask_video(struct board *b, const struct store_watch *w, const json_t *request,
                     int64_t video, struct err *err)
{
	static const char *const keys[] = {"question", "thorough", "language"};
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	int64_t id;
	json_auto_t *body =
		json_pack("{s:[o], s:o}", "videos", board_id_json(video), "watch", board_id_json(w->id));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_object_get(request, keys[i]))
			json_object_set(body, keys[i], json_object_get(request, keys[i]));
	AUTO(mem_freep) char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	const struct store_board_ask added = {.request = text, .who = w->who};
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = store_board_ask_add(disk->setup.store, &added, &id, err);
	if (r == 0)
		r = store_board_ask_find(b->setup.store, id, &row, err);
	if (r == 0)
		events_post(b->setup.events, EVENT_ASK, id, board_start_question(b, &row));
	return r;
}

/* How long the tokens of today make it wait. */
static int64_t wait_for_tokens(struct board *b, int64_t watch)
{
	int64_t used = 0, now = clock_wall(), limit = b->setup.notify ? b->setup.notify->tokens : 0;
	struct err err;
	if (store_watch_tokens(b->setup.store, watch, limit_day(now), &used, &err) < 0)
		log_warning("%s", err.msg);
	return limit_wait(used, limit, now);
}

/* Asks the first video that was not asked. */
static int ask_next(struct board *b, const struct store_watch *w, struct err *err)
{
	AUTO(clear_candidates) struct candidates c = {0};
	json_auto_t *request = json_loads(w->request, 0, NULL);
	int r = 0;
	if (is_asking(b, w->id))
		return 0; /* its end leads here again */
	take_candidates(b, w, request, &c);
	for (size_t i = 0; i < c.n && r == 0; i++) {
		bool known = true;
		r = store_watched_has(b->setup.store, w->id, c.all[i].sha256, &known, err);
		if (r < 0 || known)
			continue;
		int64_t wait = wait_for_tokens(b, w->id);
		if (!wait)
			return ask_video(b, w, request, c.all[i].id, err);
		int64_t at = clock_now() + wait;
		b->watches_at = b->watches_at && b->watches_at < at ? b->watches_at : at;
		return 0;
	}
	return r;
}

int64_t board_ask_watched(struct board *b, int64_t now)
{
	struct store_watch *all = NULL;
	size_t n = 0;
	struct err err;
	{
		AUTO(board_unlockp) struct board *locked = board_lock(b);
		bool due = locked->watches_due || (b->watches_at && b->watches_at <= now);
		if (b->stopping || !due)
			return b->watches_at ? b->watches_at : INT64_MAX;
		b->watches_due = false;
		b->watches_at = 0;
	}
	int r = store_watches_list(b->setup.store, &all, &n, &err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = ask_next(b, &all[i], &err);
	store_watches_free(all, n);
	if (r < 0) {
		log_warning("standing questions: %s; trying again", err.msg);
		b->watches_at = now + limit_pause(3);
	}
	return b->watches_at ? b->watches_at : INT64_MAX;
}

/* ---- requests */

static int check_webhook(struct board *b, const json_t *body, bool admin, struct err *err)
{
	const json_t *url = json_object_get(body, "webhook");
	if (!url)
		return 0;
	if (!admin)
		return err_set(err, ERR_PERM, "only an administrator may set a \"webhook\"");
	if (!json_is_string(url) || json_string_length(url) > URL_MAX)
		return err_set(err, ERR_ARG, "\"webhook\" has to be an address of at most %d bytes",
		               URL_MAX);
	if (!b->setup.notify || !*b->setup.notify->webhook_secret)
		return err_set(err, ERR_ARG,
		               "this server has no secret to sign with: set notify.webhook_secret");
	return webhook_check(json_string_value(url), err);
}

static int check_scope(struct board *b, json_t *body, struct err *err)
{
	const json_t *folder = json_object_get(body, "folder");
	AUTO(mem_freep) char *real = NULL;
	if ((folder != NULL) + json_is_true(json_object_get(body, "all")) != 1)
		return err_set(err, ERR_ARG,
		               "name one of \"folder\" (a name or a path) and \"all\" (true)");
	if (!folder)
		return 0;
	if (!json_is_string(folder))
		return err_set(err, ERR_ARG, "\"folder\" has to be a name or a path");
	if (board_is_watched_name(b, json_string_value(folder)))
		return 0;
	int r = board_check_path(b, json_string_value(folder), &real, err);
	if (r == 0 && !file_is_dir(real))
		r = err_set(err, ERR_ARG, "\"folder\" has to be a folder");
	if (r == 0)
		json_object_set_new(body, "folder", json_string(real));
	return r;
}

/* What it has in common with a question. */
static int check_question(const json_t *body, struct err *err)
{
	static const char *const shared[] = {"question", "thorough", "language"};
	json_auto_t *ask = json_pack("{s:b}", "all", 1);
	const json_t *existing = json_object_get(body, "existing");
	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (json_object_get(body, shared[i]))
			json_object_set(ask, shared[i], json_object_get(body, shared[i]));
	if (existing && !json_is_boolean(existing))
		return err_set(err, ERR_ARG, "\"existing\" has to be true or false");
	return board_check_ask(ask, err);
}

static json_t *text_or_null(const char *s)
{
	return *s ? json_string(s) : json_null();
}

static json_t *watch_json(const struct store_watch *w)
{
	json_auto_t *q = json_loads(w->request, 0, NULL);
	return json_pack(
		"{s:o, s:s, s:o, s:b, s:b, s:b, s:o, s:b, s:o, s:o, s:I, s:I}", "id", board_id_json(w->id),
		"question", json_text(q, "question"), "folder", text_or_null(json_text(q, "folder")), "all",
		json_is_true(json_object_get(q, "all")), "existing",
		json_is_true(json_object_get(q, "existing")), "thorough",
		json_is_true(json_object_get(q, "thorough")), "language",
		text_or_null(json_text(q, "language")), "webhook", *json_text(q, "webhook") != 0, "by",
		text_or_null(w->who), "created", board_moment(w->created), "asked", (json_int_t)w->asked,
		"hits", (json_int_t)w->hits);
}

static void look_soon(struct board *b)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	locked->watches_due = true;
	board_wake(b);
}

int board_watch_add(struct board *b, const json_t *body, const char *who, bool admin, json_t **ret,
                    struct err *err)
{
	static const char *const keys[] = {"question", "folder",   "all",     "existing",
	                                   "thorough", "language", "webhook", NULL};
	AUTO(store_watch_clear) struct store_watch found = {0};
	char key[HASH_HEX];
	int r = board_check_keys(body, keys, err);
	if (r < 0)
		return r;
	json_auto_t *request = json_copy((json_t *)body);
	r = check_question(request, err);
	if (r == 0)
		r = check_scope(b, request, err);
	if (r == 0)
		r = check_webhook(b, request, admin, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
	hash_texts((const char *[]){"board", text}, 2, key);
	const struct store_watch add = {.key = key, .request = text, .who = (char *)who, .board = true};
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	r = store_watch_open(disk->setup.store, &add, &found, err);
	if (r < 0)
		return r;
	*ret = watch_json(&found);
	look_soon(b);
	return 0;
}

static json_t *names_of_folders(const struct board *b)
{
	json_t *names = json_array();
	for (size_t i = 0; i < b->n_watched; i++) {
		AUTO(mem_freep) char *name = text_line(file_base(b->watched[i]), 1000);
		json_array_append_new(names, json_string(name));
	}
	return names;
}

int board_watches(struct board *b, json_t **ret, struct err *err)
{
	json_int_t seq = (json_int_t)events_last(b->setup.events);
	struct store_watch *all = NULL;
	size_t n = 0;
	int r = store_watches_list(b->setup.store, &all, &n, err);
	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, watch_json(&all[i]));
	store_watches_free(all, n);
	*ret =
		json_pack("{s:I, s:o, s:o}", "seq", seq, "watches", list, "folders", names_of_folders(b));
	return 0;
}

static int find_watch(struct board *b, int64_t id, struct store_watch *ret, struct err *err)
{
	int r = store_watch_find(b->setup.store, id, ret, err);
	return r == 0 && !ret->board
	           ? err_set(err, ERR_NOENT, "there is no standing question %lld", (long long)id)
	           : r;
}

int board_watch(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	AUTO(store_watch_clear) struct store_watch w = {0};
	struct store_watched *hits = NULL;
	size_t n = 0;
	int r = find_watch(b, id, &w, err);
	if (r == 0)
		r = store_hits_list(b->setup.store, id, 0, HITS_SHOWN, &hits, &n, err);
	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		const unsigned all = STORE_WAY_PROGRAM | STORE_WAY_WEBHOOK;
		AUTO(mem_freep) char *text = hit_without_path(hits[i].message);
		json_t *hit = text ? json_loads(text, 0, NULL) : json_object();
		json_object_set_new(hit, "sent", json_boolean((hits[i].ways & all) == all));
		json_object_set_new(hit, "error", text_or_null(hits[i].undelivered));
		json_array_append_new(list, hit);
	}
	store_watched_free(hits, n);
	*ret = watch_json(&w);
	json_object_set_new(*ret, "latest", list);
	return 0;
}

int board_watch_remove(struct board *b, int64_t id, struct err *err)
{
	AUTO(store_watch_clear) struct store_watch w = {0};
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = find_watch(disk, id, &w, err);
	return r < 0 ? r : store_watch_remove(b->setup.store, id, err);
}
