/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of a fleet on a terminal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/fleet.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { COLUMN_MAX = 64 };

struct widths {
	int name, model;
};

static int64_t whole(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* A text of a worker is not trusted on a terminal. */
static void print_text(const char *label, const char *text)
{
	AUTO(mem_freep) char *line = text_line(text, 400);
	if (*line)
		printf("%s%s", label, line);
}

/* Of a worker; "-" = not known. The caller frees it. */
static char *text_of(const json_t *w, const char *key)
{
	char *line = text_line(json_text(w, key), COLUMN_MAX);
	if (*line)
		return line;
	free(line);
	return mem_strdup("-");
}

/* Characters of UTF-8. */
static int length_of(const char *text)
{
	int n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static int width_of(const json_t *workers, const char *key)
{
	size_t i;
	int most = 0;
	json_t *w;
	json_array_foreach (workers, i, w) {
		AUTO(mem_freep) char *text = text_of(w, key);
		int n = length_of(text);
		most = n > most ? n : most;
	}
	return most;
}

static void print_padded(const char *text, int width)
{
	printf("  %s%*s", text, width - length_of(text), "");
}

static void print_rate(const json_t *w)
{
	const json_t *rate = json_object_get(w, "rate");
	if (json_is_number(rate))
		printf("  %6.1f a minute", json_number_value(rate));
	else
		printf("  %6s a minute", "-");
}

/* Blocks that were in the cache, of all that were needed. */
static void print_cache(const json_t *figures)
{
	int64_t hits = whole(figures, "cache_hits"), all = hits + whole(figures, "cache_misses");
	if (all > 0)
		printf("  cache %3.0f %%", 100.0 * (double)hits / (double)all);
	else
		printf("  cache %3s %%", "-");
}

static void print_worker(const json_t *w, const struct widths *widths)
{
	AUTO(mem_freep)
	char *name = text_of(w, "name"), *state = text_of(w, "state"), *waits = text_of(w, "waits_for"),
		 *model = text_of(w, "model"), *version = text_of(w, "version");
	printf("%s%*s", name, widths->name - length_of(name), "");
	printf("  %-8s  %3lld of %3lld slots", state, (long long)whole(w, "in_progress"),
	       (long long)whole(w, "slots"));
	print_rate(w);
	print_cache(json_object_get(w, "figures"));
	printf("  waits for %-6s", waits);
	print_padded(model, widths->model);
	printf("  vdet %s", version);
	if (whole(w, "failed") + whole(w, "silent"))
		printf("  %lld failed", (long long)(whole(w, "failed") + whole(w, "silent")));
	if (whole(w, "differed"))
		printf("  %lld of %lld chunks differ from another worker's",
		       (long long)whole(w, "differed"), (long long)whole(w, "compared"));
	putchar('\n');
}

static void print_units(const json_t *view)
{
	const json_t *units = json_object_get(view, "units"), *counts = json_object_get(view, "counts");
	printf("%lld units wait, %lld are in progress, %lld are done (%.1f a minute), %lld were given "
	       "again, %lld failed for good\n",
	       (long long)whole(units, "waiting"), (long long)whole(units, "begun"),
	       (long long)whole(counts, "done"), json_number_value(json_object_get(view, "rate")),
	       (long long)whole(counts, "redelivered"), (long long)whole(counts, "holes"));
}

static bool has_work(const json_t *view)
{
	const json_t *units = json_object_get(view, "units");
	return whole(units, "waiting") + whole(units, "begun") > 0;
}

static void print_advice(const json_t *view)
{
	const json_t *limit = json_object_get(view, "bottleneck");
	size_t i;
	json_t *a;
	json_array_foreach (json_object_get(view, "recommendations"), i, a)
		if (strcmp(json_text(a, "text"), json_text(limit, "text")) != 0) {
			print_text("", json_text(a, "text"));
			print_text(" → ", json_text(a, "action"));
			putchar('\n');
		}
	print_text("bottleneck: ", *json_text(limit, "what") ? json_text(limit, "what")
	                           : has_work(view)          ? "not known yet"
	                                                     : "none, no unit waits or is in progress");
	print_text(": ", json_text(limit, "text"));
	print_text(" → ", json_text(limit, "action"));
	putchar('\n');
}

void app_fleet_print(const json_t *view)
{
	size_t i;
	json_t *w;
	const json_t *workers = json_object_get(view, "workers");
	const struct widths widths = {width_of(workers, "name"), width_of(workers, "model")};
	json_array_foreach (workers, i, w)
		print_worker(w, &widths);
	if (whole(view, "left_out"))
		printf("… and %lld more\n", (long long)whole(view, "left_out"));
	if (!json_array_size(workers))
		printf("no worker is there; on each machine that is to help: vdet worker --fleet "
		       "ADDRESS\n");
	print_units(view);
	print_advice(view);
}
