/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/absent.h"

#include <stdlib.h>
#include <string.h>

#include "ask/evidence.h"
#include "ask/scan.h"
#include "ask/sources.h"
#include "base/clock.h"
#include "base/text.h"

enum { RUNS_MOST = 64, MIXED = 2 /* frames */, TEXT_MAX = 1 << 16 };

/* "No red car is there" of "A red car is there." */
static char *negate(const char *statement)
{
	size_t article = strncmp(statement, "A ", 2) == 0    ? 2
	                 : strncmp(statement, "An ", 3) == 0 ? 3
	                                                     : 0;
	size_t n = strlen(statement);
	while (n && strchr(". ", statement[n - 1]))
		n--;
	return article
	           ? mem_printf("No %.*s", (int)(n - article), statement + article)
	           : mem_printf("What these frames show is otherwise than: %.*s", (int)n, statement);
}

/* Of the sampled frames of the groups, the first, the last, and some evenly
 * between. */
static void add_frames(const struct ask_group *first, size_t n, struct answer_cite *cite)
{
	size_t all = 0, at = 0, kept = 0;
	for (size_t i = 0; i < n; i++)
		all += first[i].n;
	size_t most = all < FINDING_FRAMES ? all : FINDING_FRAMES;
	cite->frames = mem_alloc(most, sizeof *cite->frames);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < first[i].n; k++, at++)
			if (kept < most && at >= kept * (all - 1) / (most > 1 ? most - 1 : 1))
				cite->frames[kept++] = evidence_frame(first[i].times[k], "");
	cite->n_frames = kept;
	cite->start = cite->frames[0].pts;
	cite->end = cite->frames[kept - 1].pts;
}

static void add_run(const struct asking *a, size_t source, const struct ask_group *first, size_t n,
                    const char *text, struct answer *to)
{
	struct answer_cite cite = {.source = source,
	                           .quote = mem_strdup(""),
	                           .text = mem_strdup(text),
	                           .verdict = VERDICT_SHOWN,
	                           .p = -1,
	                           .reason = mem_strdup(a->disbelief ? a->disbelief : "")};
	add_frames(first, n, &cite);
	for (size_t i = 0; i < n; i++)
		if (first[i].p >= 0 && first[i].p < CHECK_WITHDRAWN)
			cite.verdict = VERDICT_UNSURE;
	if (a->disbelief)
		cite.verdict = VERDICT_UNCHECKED;
	size_t *cites = mem_alloc(1, sizeof *cites);
	cites[0] = answer_add_cite(to, &cite);
	char from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
	char *claim = mem_printf("%s from %s to %s", text, clock_short(cite.start, from),
	                         clock_short(cite.end, until));
	answer_add_claim(to, claim, cites, 1, cite.verdict);
}

static void set_text(const struct asking *a, struct answer *to)
{
	AUTO(buf_free) struct buf b = BUF(TEXT_MAX);
	for (size_t i = 0; i < to->n_claims; i++) {
		size_t cite = to->claims[i].cites[0];
		buf_addf(&b, "%s%s", i ? " " : "", to->claims[i].text);
		if (a->n_sources > 1) {
			AUTO(mem_freep)
			char *name = text_line(a->sources[to->cites[cite].source].report->source_name, 80);
			buf_addf(&b, " of %s", name);
		}
		buf_addf(&b, " [%zu].", cite + 1);
	}
	free(to->text);
	to->text = mem_strdup(buf_str(&b));
}

/* How many groups from `k` on were found not to show it, one following the
 * other. */
static size_t run_of(const struct ask_source *s, size_t k)
{
	size_t n = 0;
	while (k + n < s->n_groups && s->groups[k + n].examined && scan_denies(&s->groups[k + n]) &&
	       (!n || sources_follows(s, k + n)))
		n++;
	return n;
}

/* Whether it is known of all frames whether they show it, of all parts of the
 * videos. */
static bool is_decided(const struct asking *a)
{
	if (a->request->n_unread)
		return false;
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct ask_source *s = &a->sources[i];
		if (!s->visible || sources_is_part(a, s) || sources_holes(s) || sources_is_missed(a, s))
			return false;
		for (size_t k = 0; k < s->n_groups; k++)
			if (!s->groups[k].examined ||
			    (!scan_denies(&s->groups[k]) && !scan_shows(&s->groups[k])))
				return false;
	}
	return true;
}

/* Whether a group of which some frames show it has others that do not: when it
 * is absent there is not said. */
static bool is_mixed(const struct asking *a, size_t source, const struct ask_group *g)
{
	size_t without = 0;
	for (size_t i = 0; i < g->n; i++) {
		bool has = false;
		for (size_t k = 0; k < a->n_findings && !has; k++) {
			const struct ask_finding *f = &a->findings[k];
			has = f->source == source && g->times[i] >= f->frames[0] &&
			      g->times[i] <= f->frames[f->n - 1];
		}
		without += !has;
	}
	return without >= MIXED;
}

void absent_claims(const struct asking *a, struct answer *to, bool *ret_partly)
{
	AUTO(mem_freep) char *text = negate(*a->route.statement ? a->route.statement : "what is asked");
	bool all = true;
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct ask_source *s = &a->sources[i];
		for (size_t k = 0, n; k < s->n_groups; k += n ? n : 1) {
			n = run_of(s, k);
			if (n && to->n_claims < RUNS_MOST)
				add_run(a, i, &s->groups[k], n, text, to);
			all &= n ? to->n_claims < RUNS_MOST : !is_mixed(a, i, &s->groups[k]);
		}
	}
	*ret_partly = !all || !is_decided(a);
	set_text(a, to);
}
