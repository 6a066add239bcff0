/* SPDX-License-Identifier: Apache-2.0 */
#include "app/ask-list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/ask-scope.h"
#include "ask/ask.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "report/text.h"
#include "search/scope.h"
#include "store/ask.h"

enum { QUESTION_MAX = 200 };

struct listing {
	json_t *wanted; /* SHA-256 of the videos; NULL = all */
	bool json;
	size_t n;
};

/* Files that are named, and cannot be read, are an error: nothing is known of
 * them. */
static int check_files(struct store *s, char **paths, size_t n, struct cancel *cancel,
                       struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		char sha256[HASH_HEX];
		AUTO(mem_freep) char *real = NULL;
		if (!file_is_dir(paths[i]))
			r = ask_identify(s, paths[i], cancel, sha256, &real, err);
	}
	return r;
}

/* What is known of the videos that are given: there is no question about
 * others. */
static int find_wanted(struct store *s, char **paths, size_t n, struct cancel *cancel, json_t *to,
                       struct err *err)
{
	AUTO(ask_scope_clear) struct ask_scope scope = {0};
	AUTO(scope_clear) struct scope known = {0};
	int r = check_files(s, paths, n, cancel, err);
	if (r == 0)
		r = ask_scope_find(s, paths, n, cancel, &scope, err);
	if (r == 0)
		r = scope_load(s, "", &known, err);
	for (size_t i = 0; r == 0 && i < scope.n; i++) {
		const struct scope_run *run = scope_find(&known, scope.videos[i].job);
		if (run)
			json_object_set_new(to, run->sha256, json_true());
	}
	return r;
}

static bool is_wanted(const struct listing *l, const struct store_ask *a)
{
	json_auto_t *scope = json_loads(a->scope, 0, NULL);
	size_t i;
	const json_t *source;
	bool wanted = !l->wanted;
	json_array_foreach (scope, i, source)
		wanted |= json_object_get(l->wanted, json_text(source, "sha256")) != NULL;
	return wanted;
}

static json_t *names_json(const json_t *answer)
{
	json_t *names = json_array();
	size_t i;
	const json_t *source;
	json_array_foreach (json_object_get(answer, "sources"), i, source)
		json_array_append_new(names, json_string(json_text(source, "name")));
	return names;
}

static int print(void *ctx, const struct store_ask *a)
{
	struct listing *l = ctx;
	char created[CLOCK_TEXT_MAX];
	if (!is_wanted(l, a))
		return 0;
	json_auto_t *answer = json_loads(a->answer, 0, NULL);
	const char *state = *a->answer ? json_text(answer, "state") : "unfinished";
	clock_iso(a->created, created);
	if (l->json) {
		json_auto_t *o =
			json_pack("{s:s, s:s, s:s, s:s, s:o}", "answer", a->id, "created", created, "state",
		              state, "question", a->question, "videos", names_json(answer));
		json_dumpf(o, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		AUTO(mem_freep) char *question = report_line(a->question, QUESTION_MAX);
		if (!l->n)
			printf("%-12s  %-20s  %-10s  %s\n", "ANSWER", "CREATED", "STATE", "QUESTION");
		printf("%-12s  %-20s  %-10s  %s\n", a->id, created, state, question);
	}
	l->n++;
	return 0;
}

int ask_list(struct store *s, char **paths, size_t n, bool json, struct cancel *cancel,
             struct err *err)
{
	json_auto_t *wanted = n ? json_object() : NULL;
	struct listing l = {.wanted = wanted, .json = json};
	int r = n ? find_wanted(s, paths, n, cancel, wanted, err) : 0;
	if (r == 0)
		r = store_ask_each(s, print, &l, err);
	if (r == 0 && !l.n && !json)
		puts(n ? "no questions about these videos yet"
		       : "no questions yet; vdet ask QUESTION asks one");
	return r;
}
