/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/conclude.h"

#include <stdlib.h>
#include <string.h>

#include "ask/said.h"
#include "ask/scan.h"
#include "ask/sources.h"
#include "ask/times.h"
#include "base/clock.h"
#include "base/text.h"
#include "config.h"

/* ---- coverage */

static int by_start(const void *x, const void *y)
{
	const struct ask_window *a = x, *b = y;
	return (a->start > b->start) - (a->start < b->start);
}

/* Windows that were looked at, and groups that were examined, without counting
 * twice where they overlap. */
static void cover(const struct ask_source *s, struct answer_source *to)
{
	AUTO(mem_freep)
	struct ask_window *all = mem_alloc(s->n_looked + s->n_groups + 1, sizeof *all);
	int64_t end = INT64_MIN;
	size_t n = 0;
	for (size_t i = 0; i < s->n_looked; i++) {
		all[n++] = s->looked[i];
		to->frames += s->looked[i].density;
	}
	for (size_t i = 0; i < s->n_groups; i++) {
		const struct ask_group *g = &s->groups[i];
		if (!g->examined)
			continue;
		int64_t begin = sources_begin(s, i), until = sources_end(s, i);
		all[n++] = (struct ask_window){.start = begin > s->from ? begin : s->from,
		                               .end = until < s->to ? until : s->to};
		to->frames += g->n;
	}
	qsort(all, n, sizeof *all, by_start);
	to->windows = n;
	for (size_t i = 0; i < n; i++) {
		int64_t from = all[i].start > end ? all[i].start : end;
		if (all[i].end > from)
			to->examined += all[i].end - from;
		end = all[i].end > end ? all[i].end : end;
	}
}

static void add_source(const struct ask_source *s, struct answer_source *to)
{
	const struct report *r = s->report;
	*to = (struct answer_source){.sha256 = mem_strdup(r->source_sha256),
	                             .name = mem_strdup(r->source_name),
	                             .stream = r->source_stream,
	                             .job = mem_strdup(r->job),
	                             .job_rank = s->job_rank,
	                             .n_jobs = s->n_jobs,
	                             .generation = s->generation,
	                             .from = s->from,
	                             .to = s->to,
	                             .report = mem_strdup(""),
	                             .holes = sources_holes(s),
	                             .unseen = mem_strdup(s->unseen ? s->unseen : "")};
	for (size_t i = 0; i < r->n_chunks; i++)
		to->n_holes += r->chunks[i].state == CHUNK_HOLE;
	sources_gaps(s, &to->mean_gap, &to->max_gap, &to->max_gap_at);
	cover(s, to);
}

/* ---- the state */

/* Whether there is no frame of a chunk in the part that is asked about. */
static bool has_chunk_without_group(const struct asking *a, const struct ask_source *s)
{
	size_t k = 0;
	for (size_t i = 0; i < s->report->n_chunks; i++) {
		const struct report_chunk *c = &s->report->chunks[i];
		while (k < s->n_groups && s->groups[k].chunk < i)
			k++;
		bool has = k < s->n_groups && s->groups[k].chunk == i;
		if (!has && c->end > a->from && c->start < a->to)
			return true;
	}
	return false;
}

/* Whether every sampled frame of every video was examined for the question, by
 * a model that was shown to be able to, and nothing is open: a group that may
 * show it, a chunk without frames, a part or a video that is not analyzed. */
static bool is_not_seen(const struct asking *a)
{
	/* What is said is not seen in any frame. */
	if (a->about == SENSE_SAID)
		return false;
	if (a->request->n_unread || !a->n_sources || a->disbelief || a->failed ||
	    a->route.kind == ASK_SUMMARY || a->route.parts[0])
		return false;
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct ask_source *s = &a->sources[i];
		if (!s->visible || sources_is_part(a, s) || sources_is_missed(a, s) ||
		    report_left_out(s->report) || has_chunk_without_group(a, s))
			return false;
		for (size_t k = 0; k < s->n_groups; k++)
			if (!s->groups[k].examined || s->groups[k].letter != 'B')
				return false;
	}
	return true;
}

/* The earliest moment at which a part of the question was found; NULL if it was
 * not, or only unsurely. */
static const struct ask_finding *first_of(const struct asking *a, size_t part)
{
	const struct ask_finding *first = NULL;
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct ask_finding *f = &a->findings[i];
		if (f->part == part && asking_is_sure(f->verdict) &&
		    (!first || f->frames[0] < first->frames[0]))
			first = f;
	}
	return first;
}

/* Whether the unsure times could change which of two comes more often. */
static bool is_contested(const struct asking *a)
{
	const struct ask_times *t = a->times;
	return t[0].at_least <= t[1].at_least + t[1].unsure &&
	       t[1].at_least <= t[0].at_least + t[0].unsure && (t[0].unsure || t[1].unsure);
}

static enum answer_state state_of(const struct asking *a, const struct answer *to, bool partly)
{
	bool seen = false, sure = false;
	for (size_t i = 0; i < a->n_sources; i++)
		seen |= a->sources[i].visible;
	/* What is said is not known; one of two things was not found. */
	partly |= a->about == SENSE_SAID && a->quoted == SENSE_SEEN;
	partly |= a->route.parts[0] && (!first_of(a, 1) || !first_of(a, 2));
	partly |= a->route.kind == ASK_COMPARE && a->route.parts[0] && is_contested(a);
	for (size_t i = 0; i < to->n_claims; i++)
		sure |= to->claims[i].verdict == VERDICT_SHOWN ||
		        (a->disbelief && to->claims[i].verdict == VERDICT_UNCHECKED);
	if (to->n_claims)
		return partly || !sure || a->failed ? ANSWER_PARTLY : ANSWER_ANSWERED;
	if (!seen)
		return ANSWER_FAILED;
	return is_not_seen(a) ? ANSWER_NOT_SEEN : ANSWER_NOT_FOUND;
}

/* ---- counts and words */

static void count(const struct asking *a, struct answer *to)
{
	AUTO(mem_freep) struct ask_moment *of = mem_alloc(to->n_cites + 1, sizeof *of);
	struct ask_times times;
	for (size_t i = 0; i < to->n_cites; i++)
		of[i] = (struct ask_moment){.source = to->cites[i].source,
		                            .start = to->cites[i].start,
		                            .end = to->cites[i].end,
		                            .sure = asking_is_sure(to->cites[i].verdict)};
	times_count(a, of, to->n_cites, &times);
	to->at_least = times.at_least;
	to->unsure = times.unsure;
}

/* Which of two things comes more often, whatever the unsure times of the other
 * are: 0 or 1; -1 = that is not known. */
static int more_often(const struct asking *a)
{
	const struct ask_times *t = a->times;
	for (int i = 0; i < 2 && a->compared; i++)
		if (t[i].at_least > t[!i].at_least + t[!i].unsure)
			return i;
	return -1;
}

static char *unsure_text(int64_t n)
{
	return n ? mem_printf(" and %lld unsure", (long long)n) : mem_strdup("");
}

int conclude_first(const struct asking *a)
{
	const struct ask_finding *of[2] = {first_of(a, 1), first_of(a, 2)};
	if (!a->route.parts[0] || !of[0] || !of[1])
		return -1;
	if (a->route.kind == ASK_COMPARE)
		return more_often(a);
	if (a->n_sources != 1 || of[0]->frames[0] == of[1]->frames[0])
		return -1;
	return of[1]->frames[0] < of[0]->frames[0];
}

/* "Seen more often: the red car, at least 3 separate times; the bus at least 2
 * and 1 unsure." */
static char *comparison(const struct asking *a)
{
	const struct ask_times *t = a->times;
	bool swap = t[1].at_least > t[0].at_least, same = t[0].at_least == t[1].at_least;
	AUTO(mem_freep)
	char *some = unsure_text(t[swap].unsure), *others = unsure_text(t[!swap].unsure);
	return mem_printf("%s%s: the %s, at least %lld separate time%s%s; the %s at least %lld%s.",
	                  same ? "Seen equally often" : "Seen more often",
	                  more_often(a) < 0 ? ", as far as is known" : "", a->route.parts[swap],
	                  (long long)t[swap].at_least, text_s(t[swap].at_least), some,
	                  a->route.parts[!swap], (long long)t[!swap].at_least, others);
}

/* "First seen: the red car at 0:05, the bus at 1:10." of one video; times of
 * several cannot be compared. What was not found is named. */
static char *order(const struct asking *a, const struct answer *to)
{
	char t[2][CLOCK_TEXT_MAX];
	const struct ask_finding *of[2] = {first_of(a, 1), first_of(a, 2)};
	if (!a->route.parts[0])
		return mem_strdup("");
	for (size_t i = 0; i < 2; i++)
		if (!of[i])
			return mem_printf("They cannot be compared: the %s was not found for certain.",
			                  a->route.parts[i]);
	if (to->kind == ASK_COMPARE)
		return comparison(a);
	int swap = conclude_first(a);
	if (swap < 0)
		return mem_strdup("");
	return mem_printf("First seen: the %s at %s, the %s at %s.", a->route.parts[swap],
	                  clock_short(of[swap]->frames[0], t[0]), a->route.parts[!swap],
	                  clock_short(of[!swap]->frames[0], t[1]));
}

static char *count_text(const struct answer *to)
{
	AUTO(mem_freep)
	char *unsure =
		to->unsure ? mem_printf(", and %lld unsure", (long long)to->unsure) : mem_strdup("");
	return mem_printf("At least %lld separate time%s%s.", (long long)to->at_least,
	                  text_s(to->at_least), unsure);
}

/* What is printed before the sentences. */
static char *lead(const struct asking *a, const struct answer *to)
{
	switch (to->state) {
	case ANSWER_NOT_FOUND: return mem_strdup("Not found.");
	case ANSWER_NOT_SEEN: return mem_strdup("Not seen.");
	case ANSWER_FAILED: return mem_strdup("Nothing could be examined.");
	default: break;
	}
	/* The statement itself was checked, see verify_text(). */
	bool is = to->kind == ASK_IS && *a->route.statement;
	if (is && to->claims[0].verdict != VERDICT_UNCHECKED)
		return mem_strdup(to->claims[0].verdict == VERDICT_SHOWN ? "Yes." : "Unsure.");
	return to->kind == ASK_COUNT                              ? count_text(to)
	       : to->kind == ASK_ORDER || to->kind == ASK_COMPARE ? order(a, to)
	                                                          : mem_strdup("");
}

/* Why nothing was seen although everything was examined. */
static char *doubt_of(const struct asking *a, const struct answer *to)
{
	size_t all, examined;
	scan_count(a, &all, &examined);
	bool doubt = to->state == ANSWER_NOT_FOUND && a->disbelief && all && all == examined;
	return doubt ? mem_printf("All sampled frames were examined, but whether the model can be "
	                          "believed is not known: %s.",
	                          a->disbelief)
	             : mem_strdup("");
}

/* Which part was asked about, if it is not all. */
static char *range_of(const struct asking *a)
{
	char t[2][CLOCK_TEXT_MAX];
	if (!a->from && a->to == INT64_MAX)
		return mem_strdup("");
	struct route_time named;
	bool is_named = route_first_time(a->request->question, &named);
	if (is_named && a->by_clock >= 0)
		return mem_printf("%s by the clock of the recording is %s in the video.", named.text,
		                  clock_short(a->by_clock, t[1]));
	if (is_named && a->is_beyond)
		return mem_printf("%s is after the end of %s, and no clock of %s is known to show it.",
		                  named.text, a->n_sources > 1 ? "the videos" : "the video",
		                  a->n_sources > 1 ? "one of them" : "it");
	return a->to == INT64_MAX
	           ? mem_printf("This is about the time from %s on.", clock_short(a->from, t[0]))
	           : mem_printf("This is about the time from %s to %s.", clock_short(a->from, t[0]),
	                        clock_short(a->to, t[1]));
}

static const char *budget_of(const struct asking *a)
{
	return a->ended ? "The time of the budget ended before everything was examined and checked."
	                : "";
}

static void set_text(const struct asking *a, struct answer *to)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	AUTO(mem_freep) char *first = lead(a, to), *rest = to->text;
	AUTO(mem_freep) char *doubt = doubt_of(a, to), *range = range_of(a);
	AUTO(mem_freep) char *unknown = said_unknown(a);
	const char *const parts[] = {first,        rest ? rest : "",        unknown, doubt, range,
	                             budget_of(a), a->fault ? a->fault : ""};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		buf_addf(&b, "%s%s", b.len && *parts[i] ? " " : "", parts[i]);
	to->text = mem_strdup(buf_str(&b));
}

/* ---- the price of everything */

/* By what requests took so far; a group is one, and one in ten is looked at
 * again. */
static void price(const struct asking *a, struct answer *to)
{
	size_t all, examined;
	scan_count(a, &all, &examined);
	int64_t left = (int64_t)(all - examined), n = a->spent.requests;
	to->price =
		(struct answer_price){.time = -1, .tokens = -1, .requests = left ? left + left / 10 : -1};
	if (!n || !left)
		return;
	to->price.tokens = to->price.requests * a->spent.prompt_tokens / n;
	to->price.time = to->price.requests * (clock_now() - a->began) / n;
}

/* ---- */

static void note_maker(const struct asking *a, struct answer *to)
{
	const struct engine_info *info = engine_info(a->run.engine);
	to->vdet_version = mem_strdup(VDET_VERSION);
	to->engine = mem_printf("%s%s%s", info->kind, *info->version ? " " : "", info->version);
	to->model = mem_strdup(info->model);
	to->model_hash = mem_strdup(info->model_hash ? info->model_hash : "");
	to->prompt_hash = mem_strdup(a->prompts);
	to->demo_model = info->demo_model;
	to->created = clock_wall();
}

static void add_part(struct answer *to, const char *name, int64_t from, int64_t until)
{
	char t[2][CLOCK_TEXT_MAX];
	if (from < until)
		to->unread[to->n_unread++] =
			mem_printf("%s, %s to %s", name, clock_short(from, t[0]), clock_short(until, t[1]));
}

/* Videos that are not analyzed, and parts of others. */
static void add_unread(const struct asking *a, struct answer *to)
{
	const struct ask_request *q = a->request;
	to->unread = mem_alloc(q->n_unread + 2 * a->n_sources + 1, sizeof *to->unread);
	for (size_t i = 0; i < q->n_unread; i++)
		to->unread[to->n_unread++] = mem_strdup(q->unread[i]);
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct report *r = a->sources[i].report;
		int64_t from, until;
		sources_part(a, &a->sources[i], &from, &until);
		add_part(to, r->source_name, from, r->from < until ? r->from : until);
		add_part(to, r->source_name, r->to > from ? r->to : from, until);
	}
}

void conclude(struct asking *a, struct answer *to, bool partly)
{
	const struct ask_request *q = a->request;
	to->id = mem_strdup(a->id);
	to->question = mem_strdup(q->question);
	to->thread = mem_strdup(q->thread);
	to->kind = a->route.kind;
	to->thorough = q->thorough;
	to->choice = mem_strdup("");
	to->at_least = to->unsure = -1;

	to->sources = mem_alloc(a->n_sources + 1, sizeof *to->sources);
	for (size_t i = 0; i < a->n_sources; i++)
		add_source(&a->sources[i], &to->sources[to->n_sources++]);
	add_unread(a, to);

	to->state = state_of(a, to, partly);
	/* What it speaks of are the sampled frames, not the looks between them. */
	for (size_t i = 0; i < a->n_sources && to->state == ANSWER_NOT_SEEN; i++)
		to->sources[i].frames = a->sources[i].n_seen;
	if (to->kind == ASK_COUNT)
		count(a, to);
	set_text(a, to);
	price(a, to);
	note_maker(a, to);
}

void conclude_record(struct asking *a, struct answer *to)
{
	to->steps = TAKE(a->steps);
	to->n_steps = a->n_steps;
	a->n_steps = a->cap_steps = 0;
	to->spent = a->spent;
	to->spent.wall = clock_now() - a->began;
}
