/* SPDX-License-Identifier: Apache-2.0 */
#include "search/scope.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "store/passage.h"

struct loading {
	struct scope *scope;
	const char *video;
	json_t *sources; /* those of which a newer run was found */
};

void scope_clear(struct scope *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->runs[i].job);
		free(s->runs[i].name);
		free(s->runs[i].dir);
		free(s->runs[i].sha256);
	}
	free(s->runs);
	free(s->ids);
	*s = (struct scope){0};
}

/* Runs come newest first. */
static void add_run(void *ctx, const struct store_run *run)
{
	struct loading *l = ctx;
	if (!strcasestr(run->name, l->video) &&
	    strncasecmp(run->sha256, l->video, strlen(l->video)) != 0)
		return;
	AUTO(mem_freep) char *source = mem_printf("%s %d", run->sha256, run->stream);
	if (json_object_get(l->sources, source))
		return;
	json_object_set_new(l->sources, source, json_true());
	struct scope *s = l->scope;
	s->runs = mem_room(s->runs, s->n, &s->cap, sizeof *s->runs);
	s->runs[s->n++] = (struct scope_run){.job = mem_strdup(run->id),
	                                     .name = mem_strdup(run->name),
	                                     .dir = mem_strdup(run->dir),
	                                     .sha256 = mem_strdup(run->sha256)};
}

int scope_load(struct store *s, const char *video, struct scope *ret, struct err *err)
{
	json_auto_t *sources = json_object(), *ids = json_array();
	struct loading l = {.scope = ret, .video = video, .sources = sources};
	int r = store_runs_each(s, add_run, &l, err);
	for (size_t i = 0; i < ret->n; i++)
		json_array_append_new(ids, json_string(ret->runs[i].job));
	ret->ids = json_dumps(ids, JSON_COMPACT);
	return r;
}

const struct scope_run *scope_find(const struct scope *s, const char *job)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->runs[i].job, job) == 0)
			return &s->runs[i];
	return NULL;
}
