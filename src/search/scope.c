/* SPDX-License-Identifier: Apache-2.0 */
#include "search/scope.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

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

/* Jobs come newest first. */
static int add_job(void *ctx, const struct store_job *j)
{
	struct loading *l = ctx;
	json_auto_t *facts = json_loads(j->facts ? j->facts : "", 0, NULL);
	const json_t *options = json_object_get(json_object_get(facts, "key"), "options");
	const char *sha256 = json_text(json_object_get(facts, "source"), "sha256");
	if (j->state == STORE_JOB_RUNNING || !*sha256)
		return 0;
	if (!strcasestr(j->source_name, l->video) &&
	    strncasecmp(sha256, l->video, strlen(l->video)) != 0)
		return 0;

	AUTO(mem_freep) char *source = mem_printf("%s %s", sha256, json_text(options, "media.stream"));
	if (json_object_get(l->sources, source))
		return 0;
	json_object_set_new(l->sources, source, json_true());
	struct scope *s = l->scope;
	s->runs = mem_room(s->runs, s->n, &s->cap, sizeof *s->runs);
	s->runs[s->n++] = (struct scope_run){.job = mem_strdup(j->id),
	                                     .name = mem_strdup(j->source_name),
	                                     .dir = mem_strdup(j->output),
	                                     .sha256 = mem_strdup(sha256)};
	return 0;
}

int scope_load(struct store *s, const char *video, struct scope *ret, struct err *err)
{
	json_auto_t *sources = json_object(), *ids = json_array();
	struct loading l = {.scope = ret, .video = video, .sources = sources};
	int r = store_job_each(s, add_job, &l, err);
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
