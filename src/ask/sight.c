/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/sight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask/lanes.h"
#include "ask/sources.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "job/fresh-look-run.h"
#include "store/ask.h"

void sight_clear(struct sight *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->sha256[i]);
	free(s->sha256);
	free(s->pts);
	free(s->frames);
	free(s->answer);
	free(s->next);
	*s = (struct sight){0};
}

/* ---- keys and the journal */

static void look_key(const struct asking *a, const struct describe_worker *w, size_t source,
                     const int64_t *times, size_t n, const char *kind, const char *question,
                     char out[static HASH_HEX])
{
	const struct report *r = a->sources[source].report;
	AUTO(hash_freep) struct hash *h = hash_new();
	AUTO(mem_freep) char *list = json_times_text(times, n);
	AUTO(mem_freep)
	char *how = mem_printf("%d %d", r->source_stream, describe_picture_size(w, 1));
	const char *const parts[] = {kind,     r->source_sha256, list,     how,
	                             question, a->prompts,       a->model, a->salt};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		hash_adds(h, parts[i]);
	hash_end(h, out);
}

static json_t *find_look(const struct asking *a, const char *key)
{
	AUTO(mem_freep) char *text = NULL;
	struct err ignored;
	if (store_look_find(a->run.store, key, &text, &ignored) < 0)
		return NULL;
	return json_loads(text, 0, NULL);
}

static int keep_look(struct asking *a, const char *key, size_t source, const json_t *result,
                     struct err *err)
{
	AUTO(mem_freep) char *text = json_dumps(result, JSON_COMPACT);
	return store_look_add(a->run.store, key, a->sources[source].report->source_sha256, text, err);
}

static void note_step(struct asking *a, const char *kind, size_t source, const int64_t *times,
                      size_t n, const char *key, const json_t *result)
{
	char start[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];
	AUTO(mem_freep)
	char *text = mem_printf("%s %s - %s, %zu frame%s", a->sources[source].report->source_name,
	                        clock_text(times[0], start), clock_text(times[n - 1], end), n,
	                        text_s((int64_t)n));
	AUTO(mem_freep) char *dump = json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS);
	asking_step(a, kind, text, key, dump);
}

/* ---- a look */

/* What the lane has decoded frames of. */
struct decoded {
	const struct asking *asking;
	size_t source;
	const struct describe_worker *worker;
};

/* It may have been overwritten meanwhile. */
static int check_file(void *ctx, struct err *err)
{
	const struct decoded *d = ctx;
	return sources_check(d->asking, d->source, d->worker, err);
}

static void count(struct asking *a, const struct fresh_look *l)
{
	asking_spent(a, l->requests, l->prompt_tokens, l->output_tokens);
	pthread_mutex_lock(&a->lock);
	a->spent.decode_time += l->decode_time;
	pthread_mutex_unlock(&a->lock);
}

/* What answers learned, for looks that follow. A worker may not say how many
 * pictures others are shown. */
static void learn(struct asking *a, const struct fresh_look *l, bool here)
{
	if (l->letter && l->tokens > a->letter_tokens)
		a->letter_tokens = l->tokens;
	if (here && l->most < a->most)
		a->most = l->most;
}

static int ask_runner(struct asking *a, const struct describe_worker *w, size_t source,
                      struct fresh_look *l, json_t **ret, char unit[static RUNNER_MAX_ID + 1],
                      struct err *err)
{
	const struct fresh_look_give how = {.run = w->run,
	                                    .options = w->options,
	                                    .owner = a->id,
	                                    .index = (int64_t)source,
	                                    .source = a->sources[source].report->source_sha256};
	int r = fresh_look_give(&how, l, ret, unit, err);
	return r < 0 ? r : sources_check(a, source, w, err);
}

/* `unit` is to be settled once *ret is in the journal. */
static int make_look(struct asking *a, struct describe_worker *w, size_t source,
                     struct fresh_look *l, json_t **ret, char unit[static RUNNER_MAX_ID + 1],
                     struct err *err)
{
	struct decoded decoded = {a, source, w};
	bool gives = lanes_give(a);
	l->tokens = a->letter_tokens;
	l->most = a->most;
	l->decoded = check_file;
	l->ctx = &decoded;
	*unit = '\0';
	int r = gives ? ask_runner(a, w, source, l, ret, unit, err) : fresh_look_run(w, l, ret, err);
	count(a, l);
	learn(a, l, !gives);
	return r;
}

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

/* The journal's form; false if it is damaged. */
static bool read_look(const json_t *o, struct sight *ret)
{
	const json_t *sums = json_object_get(o, "sha256"), *frames = json_object_get(o, "frames");
	*ret = (struct sight){.answer = mem_strdup(json_text(o, "answer")),
	                      .enough = json_is_true(json_object_get(o, "enough")),
	                      .next = mem_strdup(json_text(o, "next"))};
	ret->pts = json_times_of(json_object_get(o, "pts"), FRESH_LOOK_FRAMES, &ret->n);
	ret->sha256 = mem_alloc(ret->n + 1, sizeof *ret->sha256);
	ret->frames = mem_alloc(json_array_size(frames) + 1, sizeof *ret->frames);
	for (size_t i = 0; i < ret->n; i++) {
		const char *sum = json_string_value(json_array_get(sums, i));
		ret->sha256[i] = mem_strdup(sum ? sum : "");
	}
	for (size_t i = 0; i < json_array_size(frames); i++) {
		json_int_t f = json_integer_value(json_array_get(frames, i));
		if (f < 0 || (size_t)f >= ret->n)
			return false;
		ret->frames[ret->n_frames++] = (size_t)f;
	}
	qsort(ret->frames, ret->n_frames, sizeof *ret->frames, by_size);
	size_t kept = 0;
	for (size_t i = 0; i < ret->n_frames; i++)
		if (!kept || ret->frames[kept - 1] != ret->frames[i])
			ret->frames[kept++] = ret->frames[i];
	ret->n_frames = kept;
	return ret->n > 0;
}

/* A new look, which is put into the journal. The caller owns *ret. */
static int make_and_keep(struct asking *a, struct describe_worker *w, size_t source,
                         struct fresh_look *l, const char *key, json_t **ret, struct err *err)
{
	char unit[RUNNER_MAX_ID + 1];
	int r = make_look(a, w, source, l, ret, unit, err);
	if (r == 0)
		r = keep_look(a, key, source, *ret, err);
	if (r == 0 || r == -ERR_FORMAT)
		unit_settle(w->run, unit);
	if (r < 0)
		asking_step(a, "look", a->sources[source].report->source_name, key, NULL);
	return r;
}

int sight_look(struct asking *a, struct describe_worker *w, size_t source, const int64_t *times,
               size_t n, const char *question, struct sight *ret, struct err *err)
{
	char key[HASH_HEX];
	look_key(a, w, source, times, n, "look", question, key);
	json_auto_t *look = find_look(a, key);
	bool known = look && read_look(look, ret);
	if (!known) {
		json_decref(TAKE(look));
		struct fresh_look l = {.times = times, .n = n, .question = question};
		int r = make_and_keep(a, w, source, &l, key, &look, err);
		if (r < 0)
			return r;
		read_look(look, ret);
	}
	note_step(a, "look", source, ret->pts, ret->n, key, look);
	return 0;
}

void sight_found(struct asking *a, size_t source, const struct sight *s)
{
	for (size_t i = 0; i < s->n_frames && *s->answer;) {
		struct ask_finding f = {.source = source, .p = -1, .enough = s->enough};
		/* Frames that do not follow each other are of different times. */
		do {
			if (f.n < FINDING_FRAMES) {
				f.frames[f.n] = s->pts[s->frames[i]];
				snprintf(f.sha256[f.n++], HASH_HEX, "%s", s->sha256[s->frames[i]]);
			}
			i++;
		} while (i < s->n_frames && s->frames[i] == s->frames[i - 1] + 1);
		f.text = mem_strdup(s->answer);
		asking_add(a, &f);
	}
}

/* ---- a letter */

int sight_letter(struct asking *a, struct describe_worker *w, size_t source, const int64_t *times,
                 size_t n, const char *statement, char *ret_letter, double ret_p[static 3],
                 size_t *ret_shown, struct err *err)
{
	char key[HASH_HEX];
	look_key(a, w, source, times, n, "letter", statement, key);
	json_auto_t *look = find_look(a, key);
	if (!look) {
		struct fresh_look l = {.times = times, .n = n, .question = statement, .letter = true};
		int r = make_and_keep(a, w, source, &l, key, &look, err);
		if (r < 0)
			return r;
	}
	const char *letter = json_text(look, "letter");
	*ret_letter = *letter ? *letter : '-';
	*ret_shown = json_array_size(json_object_get(look, "pts"));
	for (size_t i = 0; i < 3; i++)
		ret_p[i] = json_number_value(json_array_get(json_object_get(look, "p"), i));
	note_step(a, "look", source, times, n, key, look);
	return 0;
}
