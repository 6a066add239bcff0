/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet search`: finds words in what was analyzed. */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "report/chunk-json.h"
#include "report/said.h"
#include "search/search.h"

static struct {
	char *video, *kind;
	int64_t from, to, limit, skip;
	bool json;
} own;
#define AT(member) offsetof(__typeof__(own), member)
static const struct opt_row rows[] = {
	{"search.video", "video", OPT_STRING, AT(video), "", 0, 0, NULL, "NAME",
     "Only in videos in whose file name this occurs, or whose SHA-256 begins so.",
     OPT_COMMAND_ONLY},
	{"search.kind", "kind", OPT_CHOICE, AT(kind), "any", 0, 0, SEARCH_KINDS, NULL,
     "What is found: events, summaries of chunks, videos by their file names, what is said "
     "in videos, or what is written in their pictures.",
     OPT_COMMAND_ONLY},
	{"search.from", "from", OPT_TIME, AT(from), "0", 0, 3.2e8, NULL, "TIME",
     "Only from this time of the videos on: 90, 1:30 or 01:01:30.5.", OPT_COMMAND_ONLY},
	{"search.to", "to", OPT_TIME, AT(to), "0", 0, 3.2e8, NULL, "TIME",
     "Only up to this time; 0 = the end.", OPT_COMMAND_ONLY},
	{"search.limit", "limit", OPT_INT, AT(limit), "20", 1, SEARCH_LIMIT_MAX, NULL, "N",
     "Hits at most.", OPT_COMMAND_ONLY},
	{"search.skip", "skip", OPT_INT, AT(skip), "0", 0, SEARCH_LIMIT_MAX, NULL, "N",
     "Leaves out the first N hits.", OPT_COMMAND_ONLY},
	{"search.json", "json", OPT_BOOL, AT(json), "false", 0, 0, NULL, NULL,
     "One JSON object; docs/search.md describes it.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Search", rows, ARRAY_LEN(rows)};

/* The transcript of the run of a hit: hits of one run follow each other. */
struct texts {
	struct store *store;
	const char *job; /* NULL = none is loaded */
	struct store_transcript of;
};

static void texts_clear(struct texts *t)
{
	store_transcript_clear(&t->of);
}

static const struct store_transcript *texts_of(struct texts *t, const char *job)
{
	struct err err;
	if (t->job && strcmp(t->job, job) == 0)
		return &t->of;
	store_transcript_clear(&t->of);
	t->of = (struct store_transcript){0};
	t->job = job;
	/* The link leads to the chunk then. */
	if (store_transcript_load(t->store, job, &t->of, &err) < 0)
		log_warning("%s", err.msg);
	return &t->of;
}

/* The number of a text in the report, from 1; 0: it is not listed there. */
static size_t number_of(struct texts *texts, const struct search_hit *h)
{
	const struct said_choice c = {search_kind_name(h->kind), SAID_ALL};
	const struct store_transcript *t = texts_of(texts, h->job);
	size_t listed = 0;
	for (size_t i = 0; i < t->n_segments && listed < SAID_SHOWN; i++) {
		const struct store_segment *s = &t->segments[i];
		if (!said_has(&c, s))
			continue;
		if (s->start == h->start && s->end == h->end && strcmp(s->text, h->text) == 0)
			return i + 1;
		listed++;
	}
	return 0;
}

/* Where the report shows the text, the frame, or else the chunk. */
static char *link_of(struct texts *texts, const struct search_hit *h)
{
	AUTO(mem_freep) char *page = file_join(h->dir, "report.html");
	bool text = h->kind == SEARCH_SAID || h->kind == SEARCH_WRITTEN;
	size_t number = text ? number_of(texts, h) : 0;
	if (number)
		return mem_printf("%s#q%zu", page, number);
	if (h->chunk < 0)
		return TAKE(page);
	return h->sample < 0 ? mem_printf("%s#c%lld", page, (long long)h->chunk + 1)
	                     : mem_printf("%s#s%lld-%lld", page, (long long)h->chunk + 1,
	                                  (long long)h->sample + 1);
}

static json_t *hit_json(struct texts *texts, const struct search_hit *h)
{
	AUTO(mem_freep) char *link = link_of(texts, h);
	const char *verdict = check_verdict_name(h->verdict);
	json_t *o = json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s?}", "kind", search_kind_name(h->kind),
	                      "recognized", (int)h->recognized, "job", h->job, "name", h->name, "text",
	                      h->text, "report", link, "verdict", *verdict ? verdict : NULL);
	if (h->chunk < 0)
		return o;
	json_object_set_new(o, "chunk", json_integer(h->chunk));
	json_object_set_new(o, "sample", h->sample < 0 ? json_null() : json_integer(h->sample));
	json_object_set_new(o, "start", json_real(result_seconds(h->start)));
	json_object_set_new(o, "end", json_real(result_seconds(h->end)));
	return o;
}

static void print_json(struct texts *texts, const struct search_result *found)
{
	json_t *hits = json_array();
	for (size_t i = 0; i < found->n; i++)
		json_array_append_new(hits, hit_json(texts, &found->hits[i]));
	json_auto_t *o = json_pack("{s:o, s:b}", "hits", hits, "more", (int)found->more);
	json_dumpf(o, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	putchar('\n');
}

static void print_hit(struct texts *texts, const struct search_hit *h)
{
	char start[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *link = link_of(texts, h), *text = text_line(h->text, 300);
	const char *verdict = check_verdict_name(h->verdict);
	if (h->kind == SEARCH_VIDEOS)
		printf("%s\n", text);
	else
		printf("%s  %s - %s  %s%s%s%s%s\n", h->name, clock_text(h->start, start),
		       clock_text(h->end, end),
		       h->kind == SEARCH_SUMMARIES               ? "(summary) "
		       : h->kind == SEARCH_WRITTEN               ? "(written, recognized) "
		       : h->kind == SEARCH_SAID && h->recognized ? "(said, recognized) "
		       : h->kind == SEARCH_SAID                  ? "(said) "
		                                                 : "",
		       text, *verdict ? "  [" : "", verdict, *verdict ? "]" : "");
	printf("    %s\n", link);
}

/* The words may be given as one argument or as several. */
static char *join_words(int n, char **words)
{
	struct buf b = BUF(1 << 16);
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", words[i]);
	return buf_take(&b);
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(search_result_clear) struct search_result found = {0};
	AUTO(mem_freep) char *words = join_words(argc, argv);
	struct err err;
	if (!argc)
		return app_usage(&cmd_search, "no words given");
	const struct search_query q = {.words = words,
	                               .scope = SEARCH_LATEST,
	                               .video = own.video,
	                               .kind = (enum search_kind)search_kind_of_name(own.kind),
	                               .from = own.from,
	                               .to = own.to,
	                               .skip = (size_t)own.skip,
	                               .limit = (size_t)own.limit};
	int r = app_open_store(app, &store, &err);
	if (r == 0)
		r = search_run(store, &q, &found, &err);
	if (r < 0)
		return app_fail(&err);
	AUTO(texts_clear) struct texts texts = {.store = store};
	if (own.json) {
		print_json(&texts, &found);
		return EXIT_COMPLETE;
	}

	for (size_t i = 0; i < found.n; i++)
		print_hit(&texts, &found.hits[i]);
	if (found.more)
		printf("There are more: --skip %zu\n", q.skip + found.n);
	if (!found.n)
		puts("Nothing was found. A report names what its model said, which need not be all that "
		     "happened.");
	return EXIT_COMPLETE;
}

const struct command cmd_search = {
	.name = "search",
	.usage = "WORD…",
	.summary = "find words in what was analyzed",
	.text =
		"Searches events, summaries of chunks, what is said and written, names that people\n"
		"gave subjects, and file names, in the newest ended job of each video. All words have to\n"
		"occur, or with OR in capitals between groups of words all of one group: red car OR\n"
		"van. Each may be the beginning of a longer one, and a plural also finds its\n"
		"singular. If nothing is found, the letters are searched inside words, too: parts\n"
		"of plates, languages without spaces. Each hit has its time, and the frame that\n"
		"shows it in the report.\n",
	.groups = GROUP_APP,
	.own = &group,
	.own_target = &own,
	.run = run,
};
