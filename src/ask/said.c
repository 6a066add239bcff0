/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/said.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ask/near.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "search/find.h"
#include "search/terms.h"

enum { QUOTES_MOST = 8, WINDOWS = 32, WORDS_MAX = 400, TEXT_MAX = 1 << 16, NAME_BYTES = 80 };
/* What fits less than half as well as the best is not quoted. */
#define ENOUGH 0.5

/* A segment of the transcript of a source. */
struct quote {
	size_t source;
	const struct store_segment *segment;
	double score;
};

struct quoting {
	struct asking *a;
	struct answer *to;
	struct quote *items;
	size_t n, cap;
};

/* Kinds of questions that quotes do not answer. */
static bool needs_more(enum answer_kind kind)
{
	return kind == ASK_NOT || kind == ASK_ORDER || kind == ASK_COMPARE || kind == ASK_SUMMARY;
}

bool said_is_asked(const struct asking *a)
{
	const struct route *route = &a->route;
	const char *q = route->question;
	bool asked = route->kind == ASK_SAID || strcasestr(q, " said?") || strcasestr(q, " say?");
	size_t known = 0, said = 0;
	for (size_t i = 0; i < route->n_queries; i++)
		said += route->queries[i].sense == SENSE_SAID;
	for (size_t i = 0; i < a->n_sources; i++)
		known += a->sources[i].report->said.n_segments;
	return (asked || said == route->n_queries) && !needs_more(route->kind) && known;
}

/* ---- what is searched for */

static bool says_nothing(const char *word)
{
	static const char *const words[] = {
		"about",   "after", "anybody", "anyone",  "before",    "between",   "exactly",
		"from",    "hear",  "heard",   "mention", "mentioned", "mentions",  "mentioning",
		"quote",   "said",  "say",     "saying",  "says",      "since",     "somebody",
		"someone", "speak", "speaks",  "spoken",  "subtitle",  "subtitles", "talk",
		"talked",  "talks", "until",   "video",   "word",      "words",     NULL};
	bool is_time = isdigit((unsigned char)*word) && strchr(word, ':');
	return is_time || terms_is_stop_word(word) || text_one_of_any_case(word, words);
}

char *said_words(const char *question)
{
	AUTO(mem_freep) char *line = text_line(question, WORDS_MAX);
	struct buf words = BUF(WORDS_MAX + 1);
	char *rest = line;
	for (char *word; (word = strsep(&rest, " ,;.?!\"()"));)
		if (*word && !says_nothing(word))
			buf_addf(&words, "%s%s", words.len ? " " : "", word);
	return words.data ? buf_take(&words) : mem_strdup("");
}

/* ---- which segments */

static void add(struct quoting *q, size_t source, const struct store_segment *s, double score)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->items[i].segment == s) {
			q->items[i].score = score > q->items[i].score ? score : q->items[i].score;
			return;
		}
	q->items = mem_room(q->items, q->n, &q->cap, sizeof *q->items);
	q->items[q->n++] = (struct quote){source, s, score};
}

/* A quote is what the transcript has at that time, word for word. */
static const struct store_segment *find_segment(const struct store_transcript *t,
                                                const struct find_passage *p)
{
	for (size_t i = 0; i < t->n_segments && t->segments[i].start <= p->start; i++)
		if (t->segments[i].end >= p->end && strcmp(t->segments[i].text, p->text) == 0)
			return &t->segments[i];
	return NULL;
}

static void add_found(struct quoting *q, const struct find_window *w)
{
	for (size_t i = 0; i < w->n_passages; i++) {
		const struct find_passage *p = &w->passages[i];
		bool said = p->chunk < 0 && p->event == -1;
		const struct store_segment *s =
			said ? find_segment(&q->a->sources[w->job].report->said, p) : NULL;
		if (s)
			add(q, w->job, s, p->score);
		else if (said)
			log_info("[answer %s] a text that was found is not in the transcript", q->a->id);
	}
}

static int search(struct quoting *q, const char *words, struct err *err)
{
	struct asking *a = q->a;
	AUTO(mem_freep) const char **jobs = mem_alloc(a->n_sources + 1, sizeof *jobs);
	for (size_t i = 0; i < a->n_sources; i++)
		jobs[i] = a->sources[i].report->job;
	const struct find_query query = {.text = words, .sense = FIND_SAID};
	AUTO(near_clear) struct near near = {0};
	AUTO(find_result_clear) struct find_result found = {0};
	near_make(a, &query, 1, &near);
	const struct find_request request = {.jobs = jobs,
	                                     .n_jobs = a->n_sources,
	                                     .queries = &query,
	                                     .n_queries = 1,
	                                     .from = a->from,
	                                     .to = a->to == INT64_MAX ? 0 : a->to,
	                                     .vectors = near.wanted ? &near.vectors : NULL,
	                                     .most = WINDOWS};
	asking_tell(a, &(struct ask_progress){.step = "search", .video = ""});
	int r = find_windows(a->run.store, &request, &found, err);
	for (size_t i = 0; r == 0 && i < found.n; i++)
		add_found(q, &found.windows[i]);
	return r;
}

/* Everything in the part that is asked about. */
static void take_all(struct quoting *q)
{
	const struct asking *a = q->a;
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct store_transcript *t = &a->sources[i].report->said;
		for (size_t k = 0; k < t->n_segments; k++)
			if (t->segments[k].end > a->from && t->segments[k].start < a->to)
				add(q, i, &t->segments[k], 1);
	}
}

static int by_score(const void *x, const void *y)
{
	const struct quote *a = x, *b = y;
	if (a->score != b->score)
		return a->score < b->score ? 1 : -1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->segment > b->segment) - (a->segment < b->segment);
}

static int by_time(const void *x, const void *y)
{
	const struct quote *a = x, *b = y;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->segment > b->segment) - (a->segment < b->segment);
}

/* Keeps the best ones, in order of time; returns how many others fit. */
static size_t choose(struct quoting *q)
{
	size_t fit = 0;
	if (!q->n)
		return 0;
	qsort(q->items, q->n, sizeof *q->items, by_score);
	while (fit < q->n && q->items[fit].score >= ENOUGH * q->items[0].score)
		fit++;
	q->n = fit < QUOTES_MOST ? fit : QUOTES_MOST;
	qsort(q->items, q->n, sizeof *q->items, by_time);
	return fit - q->n;
}

/* ---- the answer */

/* Marks like [1] in a text belong to the answer. */
static char *without_marks(const char *text)
{
	char *copy = mem_strdup(text);
	for (char *c = copy; *c; c++)
		*c = *c == '[' ? '(' : *c == ']' ? ')' : *c;
	return copy;
}

/* "At 0:01 the subtitles say: "…"" */
static char *claim_of(const struct quoting *q, const struct quote *of)
{
	const struct store_segment *s = of->segment;
	char at[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *who = without_marks(s->who);
	AUTO(mem_freep) char *text = without_marks(s->text);
	AUTO(mem_freep)
	char *name = text_line(q->a->sources[of->source].report->source_name, NAME_BYTES);
	bool several = q->a->n_sources > 1;
	return mem_printf("At %s%s%s the subtitles say%s%s: “%s”", clock_short(s->start, at),
	                  several ? " of " : "", several ? name : "", *who ? ", by " : "", who, text);
}

static void add_claim(struct quoting *q, const struct quote *of)
{
	const struct store_segment *s = of->segment;
	const struct answer_cite cite = {.sense = SENSE_SAID,
	                                 .source = of->source,
	                                 .start = s->start,
	                                 .end = s->end,
	                                 .quote = mem_strdup(s->text),
	                                 .text = claim_of(q, of),
	                                 .verdict = VERDICT_SHOWN,
	                                 .p = -1,
	                                 .reason = mem_strdup("")};
	size_t *cites = mem_alloc(1, sizeof *cites);
	cites[0] = answer_add_cite(q->to, &cite);
	answer_add_claim(q->to, claim_of(q, of), cites, 1, VERDICT_SHOWN);
}

/* What is not known of what is said; "" = nothing. */
static char *missing(const struct asking *a)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct store_transcript *t = &a->sources[i].report->said;
		bool fault = !t->n_segments;
		for (size_t k = 0; k < t->n_sources; k++)
			fault |= *t->sources[k].fault != '\0';
		n += fault;
	}
	if (!n)
		return mem_strdup("");
	return a->n_sources == 1
	           ? mem_strdup("Not all that is said is known; the report says why.")
	           : mem_printf("Of %zu of %zu videos not all that is said is known.", n, a->n_sources);
}

static void set_text(const struct quoting *q, size_t more, const char *lacks)
{
	AUTO(buf_free) struct buf b = BUF(TEXT_MAX);
	struct answer *to = q->to;
	for (size_t i = 0; i < to->n_claims; i++)
		buf_addf(&b, "%s%s [%zu].", i ? " " : "", to->claims[i].text, i + 1);
	if (more)
		buf_addf(&b, " And %zu more text%s fit%s.", more, text_s((int64_t)more),
		         more == 1 ? "s" : "");
	if (!to->n_claims)
		buf_adds(&b, "No subtitle has these words; speech without subtitles was not searched.");
	if (*lacks)
		buf_addf(&b, " %s", lacks);
	free(to->text);
	to->text = mem_strdup(buf_str(&b));
}

static void note_step(struct asking *a, const char *words, const struct answer *to)
{
	char key[HASH_HEX];
	const char *const parts[] = {"said", words, a->route.question};
	hash_texts(parts, ARRAY_LEN(parts), key);
	AUTO(mem_freep)
	char *step = mem_printf("what is said: %s", *words ? words : "everything");
	asking_step(a, "search", step, key, to->text);
}

int said_claims(struct asking *a, struct answer *to, bool *ret_partly, struct err *err)
{
	struct quoting q = {.a = a, .to = to};
	AUTO(mem_freep) char *words = said_words(a->route.question);
	AUTO(mem_freep) char *lacks = missing(a);
	int r = 0;
	if (*words)
		r = search(&q, words, err);
	else
		take_all(&q);
	size_t more = choose(&q);
	for (size_t i = 0; r == 0 && i < q.n; i++)
		add_claim(&q, &q.items[i]);
	if (r == 0) {
		set_text(&q, more, lacks);
		note_step(a, words, to);
	}
	*ret_partly = more || *lacks;
	free(q.items);
	return r;
}
