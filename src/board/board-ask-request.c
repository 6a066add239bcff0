/* SPDX-License-Identifier: Apache-2.0 */
/* What a question asks for, and the videos that it is about. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "board/board-internal.h"
#include "job/budget.h"
#include "job/streams.h"
#include "store/passage.h"

enum { CHOICE_MAX = 1000 /* bytes */, LANGUAGE_MAX = 100 };

/* ---- checking a request */

static int check_text(const json_t *body, const char *key, size_t most, struct err *err)
{
	const json_t *j = json_object_get(body, key);
	if (!j)
		return 0;
	if (!json_is_string(j) || strlen(json_string_value(j)) != json_string_length(j) ||
	    json_string_length(j) > most)
		return err_set(err, ERR_ARG, "\"%s\" has to be a text of at most %zu bytes", key, most);
	return 0;
}

static int check_flag(const json_t *body, const char *key, struct err *err)
{
	const json_t *j = json_object_get(body, key);
	return !j || json_is_boolean(j) ? 0
	                                : err_set(err, ERR_ARG, "\"%s\" has to be true or false", key);
}

static int check_choices(const json_t *body, struct err *err)
{
	const json_t *list = json_object_get(body, "choices"), *item;
	size_t i;
	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) < 2 ||
	    json_array_size(list) > ASK_CHOICES_MAX)
		return err_set(err, ERR_ARG, "\"choices\" has to be a list of 2 to %d texts",
		               ASK_CHOICES_MAX);
	json_array_foreach (list, i, item)
		if (!json_is_string(item) || !json_string_length(item) ||
		    json_string_length(item) > CHOICE_MAX ||
		    strlen(json_string_value(item)) != json_string_length(item))
			return err_set(err, ERR_ARG, "each of the \"choices\" is a text of 1 to %d bytes",
			               CHOICE_MAX);
	return 0;
}

static int check_budget(const json_t *body, struct err *err)
{
	const char *text = json_string_value(json_object_get(body, "budget"));
	int64_t time = 0, tokens = 0;
	int r = text && *text ? budget_parse(text, &time, &tokens, err) : 0;
	return r < 0 ? err_wrap(err, "\"budget\"") : 0;
}

static int check_ids(const json_t *body, struct err *err)
{
	const json_t *list = json_object_get(body, "videos"), *item;
	size_t i;
	int64_t id;
	if (list &&
	    (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > ASK_VIDEOS_MAX))
		return err_set(err, ERR_ARG, "\"videos\" has to be a list of 1 to %d ids of videos",
		               ASK_VIDEOS_MAX);
	json_array_foreach (list, i, item)
		if (board_parse_id(item, &id, err) < 0)
			return err_wrap(err, "\"videos\"");
	static const char *const single[] = {"case", "thread"};
	for (i = 0; i < ARRAY_LEN(single); i++)
		if ((item = json_object_get(body, single[i])) && board_parse_id(item, &id, err) < 0)
			return err_wrap(err, "\"%s\"", single[i]);
	return 0;
}

static int check_scope(const json_t *body, struct err *err)
{
	bool videos = json_object_get(body, "videos"), one_case = json_object_get(body, "case"),
		 all = json_is_true(json_object_get(body, "all"));
	int r = check_flag(body, "all", err);
	if (r < 0)
		return r;
	if (videos + one_case + all != 1)
		return err_set(
			err, ERR_ARG,
			"name one of \"videos\" (a list of ids), \"case\" (an id) and \"all\" (true)");
	return check_ids(body, err);
}

int board_check_ask(const json_t *body, struct err *err)
{
	static const char *const keys[] = {"question", "videos",   "case",  "all",
	                                   "thread",   "thorough", "again", "budget",
	                                   "language", "choices",  NULL};
	const char *question = json_string_value(json_object_get(body, "question"));
	int r = board_check_keys(body, keys, err);
	if (r == 0 && !question)
		r = err_set(err, ERR_ARG, "\"question\" has to be a text");
	if (r == 0)
		r = check_text(body, "question", ASK_QUESTION_MAX, err);
	if (r == 0)
		r = ask_check_question(question, err);
	if (r == 0)
		r = check_scope(body, err);
	if (r == 0)
		r = check_flag(body, "thorough", err);
	if (r == 0)
		r = check_flag(body, "again", err);
	if (r == 0)
		r = check_text(body, "language", LANGUAGE_MAX, err);
	if (r == 0)
		r = check_text(body, "budget", LANGUAGE_MAX, err);
	if (r == 0)
		r = check_budget(body, err);
	return r == 0 ? check_choices(body, err) : r;
}

/* ---- which videos */

/* A video in scope. */
struct candidate {
	int64_t id;
	bool named; /* by path: see board_check_video_path() */
	char *name, *path;
	char *address; /* where it is read instead of a file; NULL = it is a file */
	char **jobs;   /* ids of its runs that ended, oldest first */
	size_t n_jobs, cap;
};

struct candidates {
	struct candidate *all; /* in order of id */
	size_t n;
};

static void clear_candidates(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->all[i].name);
		free(c->all[i].path);
		free(c->all[i].address);
		for (size_t k = 0; k < c->all[i].n_jobs; k++)
			free(c->all[i].jobs[k]);
		free(c->all[i].jobs);
	}
	free(c->all);
}

static int by_number(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;
	return (*a > *b) - (*a < *b);
}

/* A candidate begins with its id. */
static int by_id(const void *x, const void *y)
{
	return by_number(&((const struct candidate *)x)->id, &((const struct candidate *)y)->id);
}

static bool has_id(const int64_t *ids, size_t n, int64_t id)
{
	return n && bsearch(&id, ids, n, sizeof *ids, by_number);
}

static void add_job(struct candidate *c, const char *job)
{
	c->jobs = mem_room(c->jobs, c->n_jobs, &c->cap, sizeof *c->jobs);
	c->jobs[c->n_jobs++] = mem_strdup(job);
}

/* `ids` NULL: all videos of the board. */
static void take_candidates(struct board *b, const int64_t *ids, size_t n, struct candidates *ret)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	ret->all = mem_alloc(locked->n_videos + 1, sizeof *ret->all);
	for (size_t i = 0; i < b->n_videos; i++) {
		const struct video *v = b->videos[i];
		if (v->gone || (ids && !has_id(ids, n, v->row.id)))
			continue;
		ret->all[ret->n++] =
			(struct candidate){.id = v->row.id,
		                       .named = strcmp(v->row.origin, "path") == 0,
		                       .name = mem_strdup(v->row.name),
		                       .path = mem_strdup(v->row.path),
		                       .address = board_in_place(v) ? mem_strdup(v->row.source) : NULL};
	}
	for (size_t i = 0; i < b->n_jobs && ret->n; i++) {
		const struct job *j = b->jobs[i];
		bool ended = j->row.state == STORE_ENTRY_DONE || j->row.state == STORE_ENTRY_HOLES;
		const struct candidate key = {.id = j->row.video};
		struct candidate *c = j->gone || !ended || !*j->row.journal
		                          ? NULL
		                          : bsearch(&key, ret->all, ret->n, sizeof key, by_id);
		if (c)
			add_job(c, j->row.journal);
	}
}

/* ---- as ask_run() takes them */

void board_clear_asked(struct asked *a)
{
	ask_videos_free(a->videos, a->n);
	for (size_t i = 0; i < a->n_unread; i++)
		free(a->unread[i]);
	free(a->unread);
	free(a->thread);
	*a = (struct asked){0};
}

static void add_unread(struct asked *a, char *name)
{
	a->unread = mem_room(a->unread, a->n_unread, &a->cap_unread, sizeof *a->unread);
	a->unread[a->n_unread++] = name;
}

struct taking {
	struct board *board;
	struct asked *asked;
	json_t *sources;          /* of each run of the journal that ended: file and stream */
	json_t *taken;            /* sources */
	struct streams_run *runs; /* that were taken; borrows its texts */
	size_t n, cap;
};

static void clear_taking(struct taking *t)
{
	json_decref(t->sources);
	json_decref(t->taken);
	free(t->runs);
}

static void note_source(void *ctx, const struct store_run *run)
{
	AUTO(mem_freep) char *source = mem_printf("%s %d", run->sha256, run->stream);
	json_object_set_new(ctx, run->id, json_string(source));
}

/* Of each stream of the file the latest run; none if another video has it: a
 * copy of the file. */
static void add_run(struct taking *t, const struct candidate *c, const char *job, const char *path,
                    const char *address)
{
	const char *known = json_text(t->sources, job), *source = *known ? known : job;
	struct asked *a = t->asked;
	if (json_object_get(t->taken, source))
		return;
	json_object_set_new(t->taken, source, json_true());
	a->videos = mem_room(a->videos, a->n, &a->cap, sizeof *a->videos);
	a->videos[a->n++] = (struct ask_video){.job = mem_strdup(job),
	                                       .path = mem_strdup(path),
	                                       .address = address ? mem_strdup(address) : NULL};
	t->runs = mem_room(t->runs, t->n, &t->cap, sizeof *t->runs);
	t->runs[t->n++] = (struct streams_run){.job = job, .name = c->name};
}

static void add_video(struct taking *t, const struct candidate *c)
{
	AUTO(mem_freep) char *real = NULL, *name = NULL;
	struct err ignored;
	if (!c->n_jobs)
		add_unread(t->asked, mem_strdup(c->name));
	/* Folders and links may have changed since the video was added. */
	if (c->n_jobs && c->named && board_check_video_path(t->board, c->path, &real, &ignored) < 0)
		real = mem_strdup("");
	/* So may the options that say which addresses are read. */
	const char *address = c->address;
	if (address && board_check_address(t->board, address, &name, &ignored) < 0)
		address = NULL;
	for (size_t i = c->n_jobs; i-- > 0;)
		add_run(t, c, c->jobs[i], real ? real : c->path, address);
}

/* With the streams that no run is about. */
static int add_videos(struct board *b, const struct candidates *c, struct asked *ret,
                      struct err *err)
{
	AUTO(clear_taking)
	struct taking t = {.board = b, .asked = ret, .sources = json_object(), .taken = json_object()};
	AUTO(mem_freep) char **names = NULL;
	size_t n = 0;
	int r = store_runs_each(b->setup.store, note_source, t.sources, err);
	for (size_t i = 0; r == 0 && i < c->n; i++)
		add_video(&t, &c->all[i]);
	if (r == 0)
		r = streams_left_out(b->setup.store, t.runs, t.n, &names, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		add_unread(ret, names[i]);
	return r;
}

/* The ids of the request, each once, in order; NULL: all videos. */
static int take_ids(struct board *b, const json_t *request, int64_t **ret, size_t *ret_n,
                    struct err *err)
{
	const json_t *list = json_object_get(request, "videos"),
				 *one = json_object_get(request, "case"), *item;
	struct store_board_case *c = NULL;
	size_t i, n = 0;
	int64_t id;
	if (!list && !one)
		return 0;
	int r = one ? board_parse_id(one, &id, err) : 0;
	if (r == 0 && one)
		r = store_board_cases_load(b->setup.store, id, &c, &n, err);
	if (r < 0)
		return r;
	size_t most = c ? c->n : json_array_size(list);
	int64_t *ids = mem_alloc(most + 1, sizeof *ids);
	if (c && c->n)
		memcpy(ids, c->videos, c->n * sizeof *ids);
	json_array_foreach (list, i, item)
		board_parse_id(item, &ids[i], NULL);
	store_board_cases_free(c, n);
	if (most)
		qsort(ids, most, sizeof *ids, by_number);
	*ret_n = 0;
	for (i = 0; i < most; i++)
		if (!i || ids[i] != ids[i - 1])
			ids[(*ret_n)++] = ids[i];
	*ret = ids;
	return 0;
}

/* Videos that are no longer there. */
static int note_missing(const int64_t *ids, size_t n, const struct candidates *c, bool need,
                        struct asked *ret, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct candidate key = {.id = ids[i]};
		if (c->n && bsearch(&key, c->all, c->n, sizeof key, by_id))
			continue;
		if (need)
			return err_set(err, ERR_NOENT, "no video has the id %lld", (long long)ids[i]);
		add_unread(ret, mem_printf("video %lld (deleted)", (long long)ids[i]));
	}
	return 0;
}

/* The answer that this question follows. */
static int take_thread(struct board *b, const json_t *request, struct asked *ret, struct err *err)
{
	const json_t *thread = json_object_get(request, "thread");
	AUTO(store_board_ask_clear) struct store_board_ask row = {0};
	int64_t id;
	ret->thread = mem_strdup("");
	int r = thread ? board_parse_id(thread, &id, err) : 0;
	if (r < 0 || !thread)
		return r;
	r = store_board_ask_find(b->setup.store, id, &row, err);
	if (r == 0 && !*row.result)
		r = err_set(err, ERR_BUSY, "question %lld has no answer that this one could follow",
		            (long long)id);
	if (r == 0)
		board_set_text(&ret->thread, row.answer);
	return r < 0 ? err_wrap(err, "\"thread\"") : 0;
}

int board_take_asked(struct board *b, const json_t *request, bool need, struct asked *ret,
                     struct err *err)
{
	AUTO(clear_candidates) struct candidates c = {0};
	AUTO(board_clear_asked) struct asked a = {0};
	AUTO(mem_freep) int64_t *ids = NULL;
	size_t n = 0;
	int r = take_thread(b, request, &a, err);
	if (r == 0)
		r = take_ids(b, request, &ids, &n, err);
	if (r < 0)
		return r;
	take_candidates(b, ids, n, &c);
	r = note_missing(ids, n, &c, need, &a, err);
	if (r == 0)
		r = add_videos(b, &c, &a, err);
	if (r == 0 && !a.n)
		r = err_set(err, ERR_BUSY,
		            "no video in the scope of this question has a result yet; "
		            "analyze them first");
	if (r < 0)
		return r;
	*ret = a;
	a = (struct asked){0};
	return 0;
}

struct ask_request board_ask_request(const json_t *request, const struct asked *a,
                                     const char *language, const char *choices[ASK_CHOICES_MAX])
{
	const json_t *list = json_object_get(request, "choices"), *item;
	const char *budget = json_string_value(json_object_get(request, "budget"));
	const char *own = json_string_value(json_object_get(request, "language"));
	struct ask_request q = {.question = json_string_value(json_object_get(request, "question")),
	                        .videos = a->videos,
	                        .n_videos = a->n,
	                        .unread = a->unread,
	                        .n_unread = a->n_unread,
	                        .thread = a->thread,
	                        .choices = choices,
	                        .language = own ? own : language,
	                        .thorough = json_is_true(json_object_get(request, "thorough")),
	                        .again = json_is_true(json_object_get(request, "again"))};
	size_t i;
	json_array_foreach (list, i, item)
		if (q.n_choices < ASK_CHOICES_MAX)
			choices[q.n_choices++] = json_string_value(item);
	if (budget && *budget)
		budget_parse(budget, &q.budget_time, &q.budget_tokens, NULL);
	return q;
}
