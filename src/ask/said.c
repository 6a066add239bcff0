/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/said.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ask/near.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "report/said.h"
#include "search/find.h"
#include "search/terms.h"

enum {
	QUOTES_MOST = 8,
	NAMED_MOST = 3,
	WINDOWS = 32,
	WORDS_MAX = 400,
	TEXT_MAX = 1 << 16,
	NAME_BYTES = 80
};
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
	struct said_choice choice; /* what is said, or what is written */
	const char *words;         /* "" = everything is asked for */
	struct quote *items;
	size_t n, cap;
};

/* Kinds of questions that quotes do not answer. */
static bool needs_more(enum answer_kind kind)
{
	return kind == ASK_NOT || kind == ASK_ORDER || kind == ASK_COMPARE || kind == ASK_SUMMARY;
}

/* What a question is about; SENSE_SEEN where quotes do not answer it. */
static enum answer_sense sense_of(const struct route *route)
{
	const char *q = route->question;
	size_t n[SENSES] = {0};
	if (needs_more(route->kind))
		return SENSE_SEEN;
	for (size_t i = 0; i < route->n_queries; i++)
		n[route->queries[i].sense]++;
	if (route->kind == ASK_WRITTEN || n[SENSE_WRITTEN] == route->n_queries)
		return SENSE_WRITTEN;
	bool asked = route->kind == ASK_SAID || strcasestr(q, " said?") || strcasestr(q, " say?");
	return asked || n[SENSE_SAID] == route->n_queries ? SENSE_SAID : SENSE_SEEN;
}

static struct said_choice choice_of(enum answer_sense sense)
{
	return (struct said_choice){sense == SENSE_WRITTEN ? "written" : "said", SAID_ALL};
}

/* Whether something is known of what is said: that nothing is, too. */
static bool is_heard(const struct asking *a)
{
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct store_transcript *t = &a->sources[i].report->said;
		if (said_count(t, "said") || said_is_known(t, STORE_SPEECH))
			return true;
	}
	return false;
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

/* Things on which a text is, and how it is asked for. What is read of a sign is
 * not "sign". */
static bool has_texts(const char *word)
{
	static const char *const words[] = {
		"banner", "board",   "caption", "captions", "display", "displayed", "image",
		"label",  "picture", "poster",  "read",     "reads",   "screen",    "show",
		"shown",  "shows",   "sign",    "signs",    "slide",   "slides",    "text",
		"texts",  "title",   "titles",  "visible",  "written", "writing",   NULL};
	return text_one_of_any_case(word, words);
}

char *said_words(const char *question, enum answer_sense sense)
{
	AUTO(mem_freep) char *line = text_line(question, WORDS_MAX);
	struct buf words = BUF(WORDS_MAX + 1);
	char *rest = line;
	for (char *word; (word = strsep(&rest, " ,;.?!\"()"));)
		if (*word && !says_nothing(word) && (sense != SENSE_WRITTEN || !has_texts(word)))
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

static bool is_written(const struct quoting *q)
{
	return said_has_kind(&q->choice, STORE_WRITTEN);
}

/* A quote is what the transcript has at that time, word for word. */
static const struct store_segment *find_segment(const struct quoting *q,
                                                const struct store_transcript *t,
                                                const struct find_passage *p)
{
	for (size_t i = 0; i < t->n_segments && t->segments[i].start <= p->start; i++)
		if (said_has(&q->choice, &t->segments[i]) && t->segments[i].end >= p->end &&
		    strcmp(t->segments[i].text, p->text) == 0)
			return &t->segments[i];
	return NULL;
}

static void add_found(struct quoting *q, const struct find_window *w)
{
	for (size_t i = 0; i < w->n_passages; i++) {
		const struct find_passage *p = &w->passages[i];
		bool said = p->chunk < 0 && p->event == -1 && p->written == is_written(q);
		const struct store_segment *s =
			said ? find_segment(q, &q->a->sources[w->job].report->said, p) : NULL;
		if (s)
			add(q, w->job, s, p->score);
		else if (said)
			log_info("[answer %s] a text that was found is not in the transcript", q->a->id);
	}
}

static int search(struct quoting *q, struct err *err)
{
	struct asking *a = q->a;
	AUTO(mem_freep) const char **jobs = mem_alloc(a->n_sources + 1, sizeof *jobs);
	for (size_t i = 0; i < a->n_sources; i++)
		jobs[i] = a->sources[i].report->job;
	const struct find_query query = {.text = q->words,
	                                 .sense = is_written(q) ? FIND_WRITTEN : FIND_SAID};
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
			if (said_has(&q->choice, &t->segments[k]) && t->segments[k].end > a->from &&
			    t->segments[k].start < a->to)
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

/* All that fit, or only whether there are any. */
static int gather(struct quoting *q, struct err *err)
{
	if (*q->words)
		return search(q, err);
	take_all(q);
	return 0;
}

int said_decide(struct asking *a, struct err *err)
{
	enum answer_sense sense = sense_of(&a->route);
	struct quoting q = {.a = a, .choice = choice_of(sense)};
	AUTO(mem_freep) char *words = said_words(a->route.question, sense);
	int r = 0;
	q.words = words;
	a->quoted = SENSE_SEEN;
	a->about = sense;
	if (sense == SENSE_WRITTEN)
		r = gather(&q, err);
	if (sense == SENSE_WRITTEN ? q.n > 0 : sense == SENSE_SAID && is_heard(a))
		a->quoted = sense;
	free(q.items);
	return r;
}

char *said_unknown(const struct asking *a)
{
	if (a->about != SENSE_SAID || a->quoted != SENSE_SEEN)
		return mem_strdup("");
	AUTO(buf_free) struct buf b = BUF(TEXT_MAX);
	buf_adds(&b, "No transcript is known of what is said, so frames were looked at.");
	if (a->n_sources == 1)
		report_said_coverage(&a->sources[0].report->said, STORE_SPEECH, &b);
	else
		buf_adds(&b, " Speech of these videos was not transcribed; their reports say why.");
	return mem_strdup(buf_str(&b));
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

/* "the subtitles say, by Ann": who says it, and how that is known. */
static char *describe_source(const struct store_segment *s)
{
	AUTO(mem_freep) char *who = without_marks(s->who);
	if (strcmp(s->kind, STORE_WRITTEN) == 0)
		return mem_strdup("the picture shows (read by an engine, may contain errors)");
	if (said_is_recognized(s->kind))
		return mem_printf("%s says (recognized, may contain errors)", *who ? who : "somebody");
	return mem_printf("the subtitles say%s%s", *who ? ", by " : "", who);
}

/* "At 0:01 the subtitles say: "…"" */
static char *claim_of(const struct quoting *q, const struct quote *of)
{
	const struct store_segment *s = of->segment;
	char at[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *source = describe_source(s);
	AUTO(mem_freep) char *text = without_marks(s->text);
	AUTO(mem_freep)
	char *name = text_line(q->a->sources[of->source].report->source_name, NAME_BYTES);
	bool several = q->a->n_sources > 1;
	return mem_printf("At %s%s%s %s: “%s”", clock_short(s->start, at), several ? " of " : "",
	                  several ? name : "", source, text);
}

static void add_claim(const struct quoting *q, const struct quote *of, struct answer *to)
{
	const struct store_segment *s = of->segment;
	const struct answer_cite cite = {.sense = is_written(q) ? SENSE_WRITTEN : SENSE_SAID,
	                                 .source = of->source,
	                                 .start = s->start,
	                                 .end = s->end,
	                                 .quote = mem_strdup(s->text),
	                                 .quote_source = mem_strdup(s->kind),
	                                 .text = claim_of(q, of),
	                                 .verdict = VERDICT_SHOWN,
	                                 .p = -1,
	                                 .reason = mem_strdup("")};
	size_t *cites = mem_alloc(1, sizeof *cites);
	cites[0] = answer_add_cite(to, &cite);
	answer_add_claim(to, claim_of(q, of), cites, 1, VERDICT_SHOWN);
}

static bool is_all_known(const struct quoting *q, const struct store_transcript *t)
{
	const char *heard = is_written(q) ? STORE_WRITTEN : STORE_SPEECH;
	if (!said_count(t, q->choice.kinds) && !said_is_known(t, heard))
		return false;
	for (size_t i = 0; i < t->n_sources; i++)
		if (said_has_kind(&q->choice, t->sources[i].kind) && *t->sources[i].fault)
			return false;
	return true;
}

/* What is not known of what is said or written, and of which videos; "" =
 * nothing. */
static char *missing(const struct quoting *q)
{
	const struct asking *a = q->a;
	const char *what = is_written(q) ? "written" : "said";
	AUTO(buf_free) struct buf names = BUF(TEXT_MAX);
	size_t n = 0;
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct report *r = a->sources[i].report;
		if (is_all_known(q, &r->said) || ++n > NAMED_MOST)
			continue;
		AUTO(mem_freep) char *line = text_line(r->source_name, NAME_BYTES);
		AUTO(mem_freep) char *name = without_marks(line);
		buf_addf(&names, "%s%s", n > 1 ? ", " : "", name);
	}
	if (!n)
		return mem_strdup("");
	if (a->n_sources == 1)
		return mem_printf("Not all that is %s is known; the report says why.", what);
	if (n > NAMED_MOST)
		buf_addf(&names, " and %zu more", n - NAMED_MOST);
	return mem_printf("Of %zu of %zu videos not all that is %s is known (%s); the reports say why.",
	                  n, a->n_sources, what, buf_str(&names));
}

/* What was searched, where nothing was found. */
struct searched {
	bool speech, subtitles; /* there are some, in one of the videos */
	bool listened;          /* to all of them */
	bool silent;            /* none has sound */
};

static struct searched what_was_searched(const struct quoting *q)
{
	struct searched s = {.listened = true, .silent = true};
	for (size_t i = 0; i < q->a->n_sources; i++) {
		const struct store_transcript *t = &q->a->sources[i].report->said;
		s.speech |= said_count(t, STORE_SPEECH) > 0;
		s.subtitles |= said_count(t, STORE_SUBTITLE) > 0;
		s.listened &= said_is_known(t, STORE_SPEECH);
		s.silent &= said_is_silent(t);
	}
	return s;
}

/* Of a part, of which no words were asked for. */
static const char *nothing_said(const struct searched *s)
{
	if (s->silent)
		return "Nothing is said in this part: it has no subtitle, and there is no sound.";
	if (!s->listened)
		return "No subtitle and no recognized speech is in this part; not all speech was "
			   "transcribed.";
	return "Nothing is said in this part: it has no subtitle and no recognized speech; what an "
		   "engine did not recognize is not known.";
}

static const char *nothing_found(const struct quoting *q)
{
	const struct searched s = what_was_searched(q);
	if (!s.speech && !s.subtitles)
		return s.silent ? "There are no subtitles, and there is no sound."
		                : "There are no subtitles, and no speech was recognized.";
	if (!*q->words)
		return nothing_said(&s);
	if (!s.speech)
		return s.silent     ? "No subtitle has these words, and there is no sound."
		       : s.listened ? "No subtitle has these words, and no speech was recognized."
		                    : "No subtitle has these words; speech without subtitles was not "
		                      "searched.";
	return s.subtitles ? "No subtitle and no recognized speech has these words; what an engine did "
	                     "not recognize was not searched."
	                   : "No recognized speech has these words; what an engine did not recognize "
	                     "was not searched.";
}

static void set_text(const struct quoting *q, size_t more, const char *lacks, struct answer *to)
{
	AUTO(buf_free) struct buf b = BUF(TEXT_MAX);
	for (size_t i = 0; i < to->n_claims; i++)
		buf_addf(&b, "%s%s [%zu].", i ? " " : "", to->claims[i].text, i + 1);
	if (more)
		buf_addf(&b, " And %zu more text%s fit%s.", more, text_s((int64_t)more),
		         more == 1 ? "s" : "");
	if (is_written(q))
		buf_adds(&b, " On what these texts are was not checked.");
	else if (!to->n_claims)
		buf_adds(&b, nothing_found(q));
	if (*lacks)
		buf_addf(&b, " %s", lacks);
	free(to->text);
	to->text = mem_strdup(buf_str(&b));
}

static void note_step(struct asking *a, const char *words, const struct answer *to)
{
	char key[HASH_HEX];
	const char *what = answer_sense_name(a->quoted);
	const char *const parts[] = {what, words, a->route.question};
	hash_texts(parts, ARRAY_LEN(parts), key);
	AUTO(mem_freep)
	char *step = mem_printf("what is %s: %s", what, *words ? words : "everything");
	asking_step(a, "search", step, key, to->text);
}

int said_claims(struct asking *a, struct answer *to, bool *ret_partly, struct err *err)
{
	struct quoting q = {.a = a, .choice = choice_of(a->quoted)};
	AUTO(mem_freep) char *words = said_words(a->route.question, a->quoted);
	AUTO(mem_freep) char *lacks = missing(&q);
	q.words = words;
	int r = gather(&q, err);
	size_t more = choose(&q);
	for (size_t i = 0; r == 0 && i < q.n; i++)
		add_claim(&q, &q.items[i], to);
	if (r == 0) {
		set_text(&q, more, lacks, to);
		note_step(a, words, to);
	}
	*ret_partly = more || *lacks;
	free(q.items);
	return r;
}
