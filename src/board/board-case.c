/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: videos of the server that are reported together; and what a person
 * says about a video, its name and its tags. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "board/board-internal.h"
#include "cases/print.h"
#include "store/board-case.h"

enum { TAGS_MAX = 50 };

/* ---- summaries that are being written */

void board_stop_summing(struct board *b, int64_t id)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	for (size_t i = 0; i < locked->n_summing; i++) {
		struct summing *s = b->summing[i];
		if (s->id != id)
			continue;
		s->discarded = true;
		if (s->cancel)
			cancel_fire(s->cancel);
	}
}

/* ---- as JSON */

static const char *summary_state(struct board *b, const struct store_board_case *c)
{
	AUTO(board_clear_members) struct case_members m = {0};
	const struct store_board_summary *s = &c->summary;
	struct err ignored;
	if (s->wanted || *s->fault || !*s->text)
		return s->wanted ? "running" : *s->fault ? "failed" : "none";
	bool same = board_take_members(b, c, &m, &ignored) == 0 && strcmp(m.made_of, s->made_of) == 0;
	return same ? "done" : "outdated";
}

static json_t *summary_json(struct board *b, const struct store_board_case *c)
{
	const struct store_board_summary *s = &c->summary;
	return json_pack("{s:s, s:o, s:o, s:o}", "state", summary_state(b, c), "error",
	                 *s->fault ? json_string(s->fault) : json_null(), "written",
	                 board_moment(s->written), "model",
	                 *s->model ? json_string(s->model) : json_null());
}

static json_t *case_json_of(struct board *b, const struct store_board_case *c)
{
	json_t *videos = json_array();
	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(videos, board_id_json(c->videos[i]));
	return json_pack("{s:o, s:s, s:o, s:o, s:o}", "id", board_id_json(c->id), "name", c->name,
	                 "created", board_moment(c->created), "videos", videos, "summary",
	                 summary_json(b, c));
}

int board_cases(struct board *b, json_t **ret, struct err *err)
{
	json_int_t seq = (json_int_t)events_last(b->setup.events);
	struct store_board_case *all = NULL;
	size_t n = 0;
	int r = store_board_cases_load(b->setup.store, STORE_ALL_CASES, &all, &n, err);
	if (r < 0)
		return r;
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, case_json_of(b, &all[i]));
	store_board_cases_free(all, n);
	*ret = json_pack("{s:I, s:o}", "seq", seq, "cases", list);
	return 0;
}

int board_case(struct board *b, int64_t id, json_t **ret, struct err *err)
{
	struct store_board_case *one = NULL;
	size_t n = 0;
	int r = store_board_cases_load(b->setup.store, id, &one, &n, err);
	if (r < 0)
		return r;
	*ret = case_json_of(b, one);
	store_board_cases_free(one, n);
	return 0;
}

int64_t *board_cases_with(struct board *b, int64_t video, size_t *ret_n)
{
	int64_t *ids = NULL;
	*ret_n = 0;
	store_board_cases_with(b->setup.store, video, &ids, ret_n, NULL);
	return ids;
}

void board_publish_case(struct board *b, int64_t id)
{
	json_t *one = NULL;
	if (board_case(b, id, &one, NULL) == 0)
		events_post(b->setup.events, EVENT_CASE, id, one);
}

void board_publish_summaries(struct board *b, int64_t video)
{
	size_t n;
	AUTO(mem_freep) int64_t *ids = board_cases_with(b, video, &n);
	for (size_t i = 0; i < n; i++) {
		struct store_board_case *c = NULL;
		size_t one = 0;
		if (store_board_cases_load(b->setup.store, ids[i], &c, &one, NULL) == 0 && *c->summary.text)
			events_post(b->setup.events, EVENT_CASE, ids[i], case_json_of(b, c));
		store_board_cases_free(c, one);
	}
}

/* ---- changes */

/* The name in a request; NULL if it has none. The caller frees. */
static int read_name(const json_t *body, char **ret, struct err *err)
{
	const json_t *j = json_object_get(body, "name");
	if (!j)
		return 0;
	if (!json_is_string(j))
		return err_set(err, ERR_ARG, "\"name\" has to be a text");
	*ret = mem_strdup(json_string_value(j));
	return text_check_name(*ret, "name", err);
}

static int read_videos(const json_t *body, const char *key, int64_t **ret, size_t *ret_n,
                       struct err *err)
{
	const json_t *list = json_object_get(body, key), *item;
	size_t i;
	int r = 0;
	if (list && !json_is_array(list))
		return err_set(err, ERR_ARG, "\"%s\" has to be a list of ids of videos", key);
	AUTO(mem_freep) int64_t *ids = mem_alloc(json_array_size(list) + 1, sizeof *ids);
	json_array_foreach (list, i, item)
		if ((r = board_parse_id(item, &ids[i], err)) < 0)
			return r;
	*ret_n = json_array_size(list);
	*ret = TAKE(ids);
	return 0;
}

/* *id 0: a new case. */
static int save_case(struct board *b, const json_t *body, const char *const *keys, int64_t *id,
                     json_t **ret, struct err *err)
{
	AUTO(mem_freep) char *name = NULL;
	AUTO(mem_freep) int64_t *add = NULL;
	AUTO(mem_freep) int64_t *remove = NULL;
	struct store_board_case_change c = {0};
	int r = board_check_keys(body, keys, err);
	if (r == 0)
		r = read_name(body, &name, err);
	if (r == 0 && !*id && !name)
		r = err_set(err, ERR_ARG, "\"name\" has to be the name of the case");
	if (r == 0)
		r = read_videos(body, *id ? "add" : "videos", &add, &c.n_add, err);
	if (r == 0)
		r = read_videos(body, "remove", &remove, &c.n_remove, err);
	if (r < 0)
		return r;
	c.name = name;
	c.add = add;
	c.remove = remove;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	r = store_board_case_save(disk->setup.store, &c, id, err);
	if (r < 0)
		return r;
	r = board_case(disk, *id, ret, err);
	if (r == 0)
		events_post(disk->setup.events, EVENT_CASE, *id, json_incref(*ret));
	return r;
}

int board_case_add(struct board *b, const json_t *body, json_t **ret, struct err *err)
{
	static const char *const keys[] = {"name", "videos", NULL};
	int64_t id = 0;
	return save_case(b, body, keys, &id, ret, err);
}

int board_case_change(struct board *b, int64_t id, const json_t *body, json_t **ret,
                      struct err *err)
{
	static const char *const keys[] = {"name", "add", "remove", NULL};
	if (id <= 0) /* would be a new one */
		return board_case(b, id, ret, err);
	return save_case(b, body, keys, &id, ret, err);
}

int board_case_remove(struct board *b, int64_t id, struct err *err)
{
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	int r = store_board_case_remove(disk->setup.store, id, err);
	if (r < 0)
		return r;
	board_stop_summing(disk, id);
	events_post(disk->setup.events, EVENT_CASE_REMOVED, id, NULL);
	return 0;
}

/* ---- the report */

/* Why the summary is not by the model. */
static const char *without_summary(const struct store_board_summary *s)
{
	return s->wanted   ? "the model is writing one"
	       : *s->fault ? s->fault
	       : *s->text  ? "the case was changed after the model wrote one"
	                   : "none was requested";
}

static int print_report(struct board *b, const struct store_board_case *c, const char *format,
                        struct buf *out, struct err *err)
{
	AUTO(board_clear_members) struct case_members m = {0};
	AUTO(mem_freep) char *number = mem_printf("%lld", (long long)c->id);
	int r = board_take_members(b, c, &m, err);
	if (r < 0)
		return r;
	bool fits = *c->summary.text && strcmp(c->summary.made_of, m.made_of) == 0;
	const struct case_input in = {.id = number,
	                              .title = c->name,
	                              .rows = m.rows,
	                              .away = m.away,
	                              .n = m.n,
	                              .summary = fits ? c->summary.text : NULL,
	                              .without_summary = without_summary(&c->summary)};
	return case_print(b->setup.store, &in, format, out, err);
}

int board_case_report(struct board *b, int64_t id, const char *format, struct buf *out,
                      char **ret_name, struct err *err)
{
	struct store_board_case *c = NULL;
	size_t n = 0;
	int r = store_board_cases_load(b->setup.store, id, &c, &n, err);
	if (r < 0)
		return r;
	r = print_report(b, c, format, out, err);
	AUTO(mem_freep) char *name = board_file_name(c->name);
	*ret_name = mem_printf("%s.%s", name, format);
	store_board_cases_free(c, n);
	return r;
}

/* ---- a video */

/* The tags of a request, each once, in their order; NULL if it has none. */
static int read_tags(const json_t *body, json_t **ret, struct err *err)
{
	const json_t *list = json_object_get(body, "tags"), *item;
	json_auto_t *all = json_array();
	size_t i, k;
	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > TAGS_MAX)
		return err_set(err, ERR_ARG, "\"tags\" has to be a list of at most %d texts", TAGS_MAX);
	json_array_foreach (list, i, item) {
		if (!json_is_string(item))
			return err_set(err, ERR_ARG, "\"tags\" has to be a list of texts");
		AUTO(mem_freep) char *tag = mem_strdup(json_string_value(item));
		int r = text_check_name(tag, "tag", err);
		if (r < 0)
			return r;
		for (k = 0; k < json_array_size(all); k++)
			if (strcmp(json_string_value(json_array_get(all, k)), tag) == 0)
				break;
		if (k == json_array_size(all))
			json_array_append_new(all, json_string(tag));
	}
	*ret = json_incref(all);
	return 0;
}

/* NULL: stays. What was there before is the caller's. */
static int set_video(struct board *b, int64_t id, const char *name, const char *tags,
                     struct video **ret, char **ret_old_name, char **ret_old_tags, struct err *err)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	int r = board_need_video(locked, id, ret, err);
	if (r < 0)
		return r;
	struct store_video *row = &(*ret)->row;
	*ret_old_name = mem_strdup(row->name);
	*ret_old_tags = mem_strdup(row->tags ? row->tags : "[]");
	board_set_text(&row->name, name ? name : *ret_old_name);
	board_set_text(&row->tags, tags ? tags : *ret_old_tags);
	return 0;
}

int board_video_change(struct board *b, int64_t id, const json_t *body, json_t **ret,
                       struct err *err)
{
	static const char *const keys[] = {"name", "tags", NULL};
	AUTO(mem_freep) char *name = NULL;
	AUTO(mem_freep) char *old_name = NULL;
	AUTO(mem_freep) char *old_tags = NULL;
	json_auto_t *tags = NULL;
	struct video *v;
	int r = board_check_keys(body, keys, err);
	if (r == 0)
		r = read_name(body, &name, err);
	if (r == 0)
		r = read_tags(body, &tags, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *text = tags ? json_dumps(tags, JSON_COMPACT) : NULL;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	r = set_video(disk, id, name, text, &v, &old_name, &old_tags, err);
	if (r < 0)
		return r;
	r = board_save_video(disk, v, err);
	pthread_mutex_lock(&b->lock);
	if (r < 0) { /* it is tried again, with what was there */
		board_set_text(&v->row.name, old_name);
		board_set_text(&v->row.tags, old_tags);
	} else {
		board_publish_video_and_jobs(b, v);
		*ret = board_video_json(v);
	}
	pthread_mutex_unlock(&b->lock);
	if (r == 0)
		board_publish_summaries(disk, id);
	return r;
}
