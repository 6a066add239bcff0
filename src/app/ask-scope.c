/* SPDX-License-Identifier: Apache-2.0 */
#include "app/ask-scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cases/walk.h"
#include "job/streams.h"
#include "search/scope.h"
#include "store/ask.h"
#include "store/passage.h"

void ask_scope_clear(struct ask_scope *s)
{
	ask_videos_free(s->videos, s->n);
	for (size_t i = 0; i < s->n_unread; i++)
		free(s->unread[i]);
	for (size_t i = 0; i < s->n_paths; i++)
		free(s->unread_paths[i]);
	free(s->unread);
	free(s->unread_paths);
	*s = (struct ask_scope){0};
}

static bool is_listed(const struct ask_scope *s, const char *job)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->videos[i].job, job) == 0)
			return true;
	return false;
}

static void add_video(struct ask_scope *s, const char *job, const char *path)
{
	if (is_listed(s, job))
		return; /* a copy of the file */
	s->videos = mem_room(s->videos, s->n, &s->cap, sizeof *s->videos);
	s->videos[s->n++] = (struct ask_video){.job = mem_strdup(job), .path = mem_strdup(path)};
}

/* Takes the name. */
static void add_unread(struct ask_scope *s, char *name)
{
	s->unread = mem_room(s->unread, s->n_unread, &s->cap_unread, sizeof *s->unread);
	s->unread[s->n_unread++] = name;
}

static void add_unread_file(struct ask_scope *s, const struct walk_file *f)
{
	add_unread(s, mem_strdup(f->name));
	s->unread_paths = mem_room(s->unread_paths, s->n_paths, &s->cap_paths, sizeof(char *));
	s->unread_paths[s->n_paths++] = mem_strdup(f->path);
}

/* The runs of a file: one for each of its streams that was analyzed. */
static size_t add_runs(struct ask_scope *s, const struct scope *known, const char *sha256,
                       const char *path)
{
	size_t n = 0;
	for (size_t i = 0; i < known->n; i++) {
		if (strcmp(known->runs[i].sha256, sha256) != 0)
			continue;
		add_video(s, known->runs[i].job, path);
		n++;
	}
	return n;
}

static int add_file(struct store *store, const struct walk_file *f, bool named,
                    const struct scope *known, struct cancel *cancel, struct ask_scope *s,
                    struct err *err)
{
	char sha256[65];
	AUTO(mem_freep) char *path = NULL;
	if (!named && !walk_is_video_name(f->name))
		return 0;
	int r = ask_identify(store, f->path, cancel, sha256, &path, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0)
		log_warning("%s", err->msg);
	if (r < 0 || !add_runs(s, known, sha256, f->path))
		add_unread_file(s, f);
	return 0;
}

static int add_paths(struct store *store, char **paths, size_t n, const struct scope *known,
                     struct cancel *cancel, struct ask_scope *s, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		AUTO(walk_clear) struct walk walk = {0};
		bool named = !file_is_dir(paths[i]);
		if (named && !file_exists(paths[i]))
			return err_set(err, ERR_NOENT, "%s does not exist", paths[i]);
		r = walk_add(&walk, paths[i], false, n > 1, cancel, err);
		walk_end(&walk);
		for (size_t k = 0; r == 0 && k < walk.n_faults; k++)
			log_warning("%s: %s", walk.faults[k].name, walk.faults[k].reason);
		for (size_t k = 0; r == 0 && k < walk.n; k++)
			r = add_file(store, &walk.files[k], named, known, cancel, s, err);
	}
	return r;
}

int ask_scope_path(struct store *store, const char *sha256, char **ret, struct err *err)
{
	char **paths = NULL;
	size_t n = 0;
	int r = store_place_of(store, sha256, &paths, &n, err);
	for (size_t i = 0; r == 0 && i < n && !*ret; i++)
		if (file_exists(paths[i]))
			*ret = mem_strdup(paths[i]);
	if (!*ret)
		*ret = mem_strdup("");
	store_paths_free(paths, n);
	return r;
}

static int add_all(struct store *store, const struct scope *known, struct ask_scope *s,
                   struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < known->n && r == 0; i++) {
		AUTO(mem_freep) char *path = NULL;
		r = ask_scope_path(store, known->runs[i].sha256, &path, err);
		add_video(s, known->runs[i].job, path);
	}
	return r;
}

/* Streams of the files that are not analyzed. */
static int add_streams(struct store *store, const struct scope *known, struct ask_scope *s,
                       struct err *err)
{
	AUTO(mem_freep) struct streams_run *runs = mem_alloc(s->n + 1, sizeof *runs);
	AUTO(mem_freep) char **names = NULL;
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		runs[i] = (struct streams_run){
			.job = s->videos[i].job, .name = file_base(scope_find(known, s->videos[i].job)->name)};
	int r = streams_left_out(store, runs, s->n, &names, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		add_unread(s, names[i]);
	return r;
}

int ask_scope_find(struct store *store, char **paths, size_t n, struct cancel *cancel,
                   struct ask_scope *ret, struct err *err)
{
	AUTO(scope_clear) struct scope known = {0};
	int r = scope_load(store, "", &known, err);
	if (r == 0)
		r = n ? add_paths(store, paths, n, &known, cancel, ret, err)
		      : add_all(store, &known, ret, err);
	if (r == 0)
		r = add_streams(store, &known, ret, err);
	return r;
}

/* ---- a given run */

struct choosing {
	const char *job;
	char *sha256, *name; /* of its source; NULL = not found */
	int stream;
	const struct ask_scope *scope;
	char *newest;            /* run of this source */
	struct ask_video *video; /* of this source in the scope */
};

static void choosing_clear(struct choosing *c)
{
	free(c->sha256);
	free(c->name);
	free(c->newest);
}

static void find_source(void *ctx, const struct store_run *run)
{
	struct choosing *c = ctx;
	if (strcmp(run->id, c->job) != 0)
		return;
	c->sha256 = mem_strdup(run->sha256);
	c->name = mem_strdup(file_base(run->name));
	c->stream = run->stream;
}

/* Runs come newest first. */
static void find_video(void *ctx, const struct store_run *run)
{
	struct choosing *c = ctx;
	if (strcmp(run->sha256, c->sha256) != 0 || run->stream != c->stream)
		return;
	if (!c->newest)
		c->newest = mem_strdup(run->id);
	for (size_t i = 0; i < c->scope->n && !c->video; i++)
		if (strcmp(c->scope->videos[i].job, run->id) == 0)
			c->video = &c->scope->videos[i];
}

/* The video of the run, as if it had been named. */
static int add_only(struct store *store, const struct choosing *c, struct ask_scope *s,
                    struct err *err)
{
	AUTO(scope_clear) struct scope known = {0};
	AUTO(mem_freep) char *path = NULL;
	int r = scope_load(store, "", &known, err);
	if (r == 0)
		r = ask_scope_path(store, c->sha256, &path, err);
	if (r < 0)
		return r;
	add_video(s, c->newest, path);
	return add_streams(store, &known, s, err);
}

int ask_scope_choose(struct store *store, const char *job, struct ask_scope *s, struct err *err)
{
	AUTO(store_job_clear) struct store_job row = {0};
	AUTO(choosing_clear) struct choosing c = {.scope = s};
	int r = store_job_find(store, job, &row, err);
	c.job = row.id;
	if (r == 0)
		r = store_runs_each(store, find_source, &c, err);
	if (r == 0 && !c.sha256)
		r = err_set(err, ERR_ARG, "job %s has not ended yet; `vdet jobs` shows how far it is",
		            row.id);
	if (r == 0)
		r = store_runs_each(store, find_video, &c, err);
	if (r == 0 && !s->n) {
		r = add_only(store, &c, s, err);
		c.video = s->n ? &s->videos[0] : NULL;
	}
	if (r < 0)
		return r;
	if (!c.video)
		return err_set(err, ERR_ARG, "job %s is of %s, which is none of these videos", row.id,
		               c.name);
	free(c.video->job);
	c.video->job = mem_strdup(row.id);
	return 0;
}

static bool has_source(const struct answer *a, const char *sha256)
{
	for (size_t i = 0; i < a->n_sources; i++)
		if (strcmp(a->sources[i].sha256, sha256) == 0)
			return true;
	return false;
}

int ask_scope_of_answer(struct store *store, const char *answer, struct ask_scope *ret,
                        struct err *err)
{
	AUTO(scope_clear) struct scope known = {0};
	AUTO(answer_freep) struct answer *before = NULL;
	AUTO(mem_freep) char *json = NULL;
	int r = ask_load(store, answer, &before, &json, err);
	if (r == 0)
		r = scope_load(store, "", &known, err);
	for (size_t i = 0; r == 0 && i < known.n; i++) {
		AUTO(mem_freep) char *path = NULL;
		if (!has_source(before, known.runs[i].sha256))
			continue;
		r = ask_scope_path(store, known.runs[i].sha256, &path, err);
		add_video(ret, known.runs[i].job, path);
	}
	return r;
}
