/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/scan.h"

#include <stdlib.h>
#include <string.h>

#include "ask/lanes.h"
#include "ask/sight.h"
#include "base/log.h"

/* Looks may use this share of the budget; checks the rest. */
#define SHARE 0.75

bool scan_shows(const struct ask_group *g)
{
	return g->letter == 'A' && (g->p < 0 || g->p >= 0.5);
}

bool scan_denies(const struct ask_group *g)
{
	return g->letter == 'B' && (g->p < 0 || g->p >= 0.5);
}

void scan_count(const struct asking *a, size_t *ret_all, size_t *ret_examined)
{
	*ret_all = *ret_examined = 0;
	for (size_t i = 0; i < a->n_sources; i++) {
		*ret_all += a->sources[i].n_groups;
		for (size_t k = 0; k < a->sources[i].n_groups; k++)
			*ret_examined += a->sources[i].groups[k].examined;
	}
}

struct item {
	size_t source; /* first, for the lanes */
	struct ask_group *group;
};

/* The question itself, about the frames of the group. */
static int examine_by_look(struct asking *a, struct describe_worker *w, struct item *item,
                           struct err *err)
{
	AUTO(sight_clear) struct sight s = {0};
	struct ask_group *g = item->group;
	int r = sight_look(a, w, item->source, g->times, g->n, a->route.question, &s, err);
	if (r < 0)
		return r;
	g->examined = s.n == g->n;
	g->letter = s.n_frames ? 'A' : 'B';
	sight_found(a, item->source, &s);
	return 0;
}

/* Whether they show the statement; where they may, the question is asked about
 * them, too, which says which frames do. */
static int examine_by_letter(struct asking *a, struct describe_worker *w, struct item *item,
                             struct err *err)
{
	struct ask_group *g = item->group;
	double p[3];
	size_t shown;
	int r = sight_letter(a, w, item->source, g->times, g->n, a->route.statement, &g->letter, p,
	                     &shown, err);
	if (r < 0)
		return r;
	const char *at = strchr(CHECK_LETTERS, g->letter);
	bool known = at && *at && p[0] + p[1] + p[2] > 0;
	g->p = known ? p[at - CHECK_LETTERS] : -1;
	if (scan_denies(g)) {
		g->examined = shown == g->n;
		return 0;
	}
	char letter = g->letter;
	r = examine_by_look(a, w, item, err);
	/* Two looks that do not agree leave it open, and so does a letter that does
	 * not decide. */
	if (r == 0 && g->letter == 'B' && letter != 'B')
		g->letter = 'C';
	return r;
}

static void examine(struct asking *a, struct describe_worker *w, void *arg)
{
	struct item *item = arg;
	struct ask_group *g = item->group;
	struct err err;
	const struct ask_progress p = {.step = "look",
	                               .video = a->sources[item->source].report->source_name,
	                               .start = g->times[0],
	                               .end = g->times[g->n - 1]};
	asking_tell(a, &p);
	bool by_letter = *a->route.statement && !a->looks_only;
	int r = by_letter ? examine_by_letter(a, w, item, &err) : examine_by_look(a, w, item, &err);
	if (r < 0)
		asking_stop(a, &err);
}

/* Adds the groups that can be and were not examined, of one sort; of too many,
 * `most` evenly. */
static size_t add_groups(const struct asking *a, bool likely, size_t most, struct item *out)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n_sources; i++)
		for (size_t k = 0; k < a->sources[i].n_groups && a->sources[i].visible; k++) {
			struct ask_group *g = &a->sources[i].groups[k];
			if (!g->examined && g->likely == likely)
				out[n++] = (struct item){i, g};
		}
	if (n <= most)
		return n;
	for (size_t i = 0; i < most; i++)
		out[i] = out[(2 * i + 1) * n / (2 * most)];
	return most;
}

void scan_run(struct asking *a, bool every)
{
	size_t all, examined, n, done;
	scan_count(a, &all, &examined);
	AUTO(mem_freep) struct item *items = mem_alloc(all + 1, sizeof *items);
	n = add_groups(a, true, every ? all : SCAN_LIKELY, items);
	n += add_groups(a, false, every ? all : SCAN_GROUPS, items + n);
	lanes_run(a, SHARE, examine, items, n, sizeof *items, &done);
	if (done < n)
		log_info("[answer %s] %zu of %zu groups of frames were examined", a->id, done, n);
}
