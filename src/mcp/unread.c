/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/unread.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cases/walk.h"
#include "job/streams.h"
#include "mcp/library.h"
#include "store/queue.h"

void unread_clear(struct unread *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->names[i]);
	free(u->names);
	*u = (struct unread){0};
}

/* Takes the name. */
static void add(struct unread *u, char *name)
{
	u->names = mem_room(u->names, u->n, &u->cap, sizeof *u->names);
	u->names[u->n++] = name;
}

static bool is_analyzed(const struct library *l, const char *sha256)
{
	for (size_t i = 0; i < l->n && *sha256; i++)
		if (strcmp(l->videos[i].sha256, sha256) == 0)
			return true;
	return false;
}

/* By the content of the files: their names and sizes may be those of others. */
static int add_files(const struct mcp_setup *s, const struct library *l, struct cancel *cancel,
                     struct unread *ret, struct err *err)
{
	AUTO(walk_clear) struct walk w = {0};
	int r = walk_add(&w, s->folder, false, false, cancel, err);
	if (r < 0)
		return r;
	walk_end(&w);
	for (size_t i = 0; i < w.n; i++) {
		AUTO(mem_freep) char *path = NULL;
		char sha256[HASH_HEX];
		if (!walk_is_video_name(w.files[i].name))
			continue;
		r = ask_identify(s->store, w.files[i].path, cancel, sha256, &path, err);
		if (r == -ERR_CANCELED)
			return r;
		if (r < 0)
			log_warning("mcp: %s", err->msg);
		if (r < 0 || !is_analyzed(l, sha256))
			add(ret, mem_strdup(w.files[i].name));
	}
	return 0;
}

/* Of the server. */
static int add_queued(const struct mcp_setup *s, const struct library *l, struct unread *ret,
                      struct err *err)
{
	struct store_video *all = NULL;
	size_t n = 0;
	int r = store_videos_load(s->store, &all, &n, err);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && !is_analyzed(l, all[i].sha256))
			add(ret, mem_strdup(all[i].name));
		store_video_clear(&all[i]);
	}
	free(all);
	return r;
}

static const struct mcp_video *find(const struct library *l, const char *job)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->videos[i].id, job) == 0)
			return &l->videos[i];
	return NULL;
}

/* A stream that is another video of the library was analyzed. */
static int add_streams(const struct mcp_setup *s, const struct library *l,
                       const struct ask_video *videos, size_t n, struct unread *ret,
                       struct err *err)
{
	AUTO(mem_freep) struct streams_run *runs = mem_alloc(l->n + 1, sizeof *runs);
	AUTO(mem_freep) bool *chosen = mem_alloc(l->n + 1, sizeof *chosen);
	AUTO(mem_freep) char **names = NULL;
	size_t n_runs = 0, n_names = 0;
	for (size_t i = 0; i < n; i++) {
		const struct mcp_video *v = find(l, videos[i].job);
		for (size_t k = 0; v && k < l->n; k++)
			chosen[k] |= strcmp(l->videos[k].sha256, v->sha256) == 0;
	}
	for (size_t k = 0; k < l->n; k++)
		if (chosen[k])
			runs[n_runs++] =
				(struct streams_run){.job = l->videos[k].id, .name = l->videos[k].name};
	int r = streams_left_out(s->store, runs, n_runs, &names, &n_names, err);
	for (size_t i = 0; r == 0 && i < n_names; i++)
		add(ret, names[i]);
	return r;
}

int unread_find(const struct mcp_setup *s, const struct ask_video *videos, size_t n, bool all,
                struct cancel *cancel, struct unread *ret, struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	int r = library_load(s, cancel, &l, err);
	if (r == 0 && all && s->folder)
		r = add_files(s, &l, cancel, ret, err);
	if (r == 0 && all && s->queue)
		r = add_queued(s, &l, ret, err);
	return r < 0 ? r : add_streams(s, &l, videos, n, ret, err);
}
