/* SPDX-License-Identifier: Apache-2.0 */
/* For search.py: JOURNAL RUNS, and a question a line on standard input. Prints
 * for each, as JSON, the processor time of finding its windows, in the newest
 * RUNS jobs of the journal or in all (0), and of searching its words, in
 * milliseconds. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "search/find.h"
#include "search/search.h"
#include "store/passage.h"

struct runs {
	char **ids;
	size_t n, cap;
};

static void add_run(void *ctx, const struct store_run *run)
{
	struct runs *r = ctx;
	r->ids = mem_room(r->ids, r->n, &r->cap, sizeof *r->ids);
	r->ids[r->n++] = mem_strdup(run->id);
}

/* In microseconds: other processes do not count. */
static int64_t processor_time(void)
{
	return (int64_t)((double)clock() * 1e6 / CLOCKS_PER_SEC);
}

static int measure(struct store *s, const struct runs *runs, const char *text, json_t **ret,
                   struct err *err)
{
	const struct find_query query = {.text = text, .sense = FIND_SEEN};
	const struct find_request request = {.jobs = (const char *const *)runs->ids,
	                                     .n_jobs = runs->n,
	                                     .queries = &query,
	                                     .n_queries = 1,
	                                     .most = runs->n > 1 ? 24 : 12};
	const struct search_query words = {
		.words = text, .scope = SEARCH_LATEST, .video = "", .limit = 20};
	AUTO(find_result_clear) struct find_result found = {0};
	AUTO(search_result_clear) struct search_result hits = {0};
	int64_t start = processor_time(), middle;
	int r = find_windows(s, &request, &found, err);
	middle = processor_time();
	if (r == 0)
		r = search_run(s, &words, &hits, err);
	if (r < 0)
		return r;
	*ret = json_pack("{s:f, s:f, s:I, s:I, s:I, s:s}", "find", (double)(middle - start) / 1e3,
	                 "search", (double)(processor_time() - middle) / 1e3, "windows",
	                 (json_int_t)found.n, "hits", (json_int_t)hits.n, "failed",
	                 (json_int_t)found.n_failed, "best",
	                 found.n ? found.windows[0].passages[0].text : "");
	return 0;
}

static int measure_all(const char *journal, size_t most, struct err *err)
{
	AUTO(store_freep) struct store *s = NULL;
	struct runs runs = {0};
	char line[4096];
	int r = store_open(journal, &s, err);
	if (r == 0)
		r = store_runs_each(s, add_run, &runs, err);
	size_t all = runs.n;
	if (most && most < all)
		runs.n = most;
	while (r == 0 && fgets(line, sizeof line, stdin)) {
		json_auto_t *o = NULL;
		line[strcspn(line, "\n")] = '\0';
		r = measure(s, &runs, line, &o, err);
		if (r == 0) {
			json_dumpf(o, stdout, JSON_COMPACT);
			putchar('\n');
		}
	}
	for (size_t i = 0; i < all; i++)
		free(runs.ids[i]);
	free(runs.ids);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	if (argc == 3 && measure_all(argv[1], strtoul(argv[2], NULL, 10), &err) == 0)
		return 0;
	fprintf(stderr, "%s\n", argc == 3 ? err.msg : "usage: bench-search JOURNAL RUNS");
	return 1;
}
