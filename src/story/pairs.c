/* SPDX-License-Identifier: Apache-2.0 */
#include "story/pairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/noun.h"
#include "base/text.h"
#include "story/change.h"
#include "story/words.h"

enum { SUSPICIOUS = 3 }; /* so many pairs that are all the same */

#define NONE SIZE_MAX

/* Words that two descriptions may share without being alike. */
static const char *const common[] = {"and", "the", "with",  "wearing", "from",  "two",
                                     "his", "her", "their", "another", "other", NULL};

struct choice {
	const struct story_part *parts;
	size_t *order;           /* of the parts, by chunk */
	size_t *next, *previous; /* in their events by the rules, or NONE */
	char **keys;
	struct story_pair *pairs;
	size_t n, cap;
	size_t most; /* open ones of a border */
};

static int by_chunk(const void *x, const void *y, void *ctx)
{
	const struct story_part *parts = ctx;
	size_t i = *(const size_t *)x, k = *(const size_t *)y;
	if (parts[i].chunk != parts[k].chunk)
		return parts[i].chunk < parts[k].chunk ? -1 : 1;
	return (i > k) - (i < k);
}

static void find_neighbours(struct choice *c, size_t n)
{
	size_t n_events;
	struct story_event *events = story_join(c->parts, n, NULL, 0, &n_events);
	for (size_t i = 0; i < n; i++)
		c->next[i] = c->previous[i] = NONE;
	for (size_t e = 0; e < n_events; e++)
		for (size_t k = 1; k < events[e].n_parts; k++) {
			size_t a = events[e].parts[k - 1], b = events[e].parts[k];
			c->next[a] = b;
			c->previous[b] = a;
		}
	story_free(events, n_events);
}

static bool has_any(const char *key, const char *const *words)
{
	while (*words && !change_has_word(key, *words))
		words++;
	return *words;
}

static bool is_of_kind(const char *key, const struct noun_kind *kind)
{
	return has_any(key, kind->general) || has_any(key, kind->words);
}

static size_t shared_words(const char *a, const char *b)
{
	AUTO(mem_freep) char *words = mem_strdup(a);
	char *rest = words, *word;
	size_t n = 0;
	while ((word = strsep(&rest, " ")))
		n += strlen(word) > 2 && !text_one_of(word, common) && change_has_word(b, word);
	return n;
}

/* How much speaks for two keys being of one subject: both of one kind, and
 * words in common; 0 = nothing. */
static size_t likeness(const char *a, const char *b)
{
	size_t n = 0;
	for (int i = 0; i < NOUN_KINDS && !n; i++)
		n = is_of_kind(a, &noun_kinds[i]) && is_of_kind(b, &noun_kinds[i]);
	return n + shared_words(a, b);
}

static bool is_open(const struct choice *c, size_t a, size_t b)
{
	const struct story_part *x = &c->parts[a], *y = &c->parts[b];
	return c->next[a] == NONE && c->previous[b] == NONE && *x->subject && *y->subject &&
	       strcmp(c->keys[a], c->keys[b]) != 0 && !change_excludes(x->subject, y->subject) &&
	       story_may_go_on(x, y);
}

/* One of them goes on as something else, or they cannot be the same. */
static bool are_different(const struct choice *c, size_t a, size_t b)
{
	const struct story_part *x = &c->parts[a], *y = &c->parts[b];
	bool go_on = c->next[a] != NONE && c->previous[b] != NONE && c->next[a] != b;
	return strcmp(c->keys[a], c->keys[b]) != 0 && story_may_go_on(x, y) &&
	       (go_on || change_excludes(x->subject, y->subject));
}

static void add(struct choice *c, size_t a, size_t b, enum story_known known)
{
	c->pairs = mem_room(c->pairs, c->n, &c->cap, sizeof *c->pairs);
	c->pairs[c->n++] = (struct story_pair){a, b, known};
}

/* The first pair of which it is known, if there is one. */
static void add_known(struct choice *c, const size_t *a, size_t n_a, const size_t *b, size_t n_b,
                      enum story_known known)
{
	for (size_t i = 0; i < n_a; i++)
		for (size_t k = 0; k < n_b; k++)
			if (known == STORY_SAME ? c->next[a[i]] == b[k] : are_different(c, a[i], b[k])) {
				add(c, a[i], b[k], known);
				return;
			}
}

/* The open pairs of a border, with how alike they are; 0: not open, or taken. */
struct border {
	size_t n_a, n_b;
	size_t *likeness; /* n_a × n_b */
	bool *used_a, *used_b;
};

/* The most alike pair, of parts that are in none yet where there are some;
 * false: there is none. */
static bool take_best(struct border *at, size_t *ret_i, size_t *ret_k)
{
	size_t best = 0;
	for (size_t i = 0; i < at->n_a; i++)
		for (size_t k = 0; k < at->n_b; k++) {
			size_t n = at->likeness[i * at->n_b + k];
			if (n && !at->used_a[i] && !at->used_b[k])
				n += SIZE_MAX / 2;
			if (n <= best)
				continue;
			best = n;
			*ret_i = i;
			*ret_k = k;
		}
	if (!best)
		return false;
	at->likeness[*ret_i * at->n_b + *ret_k] = 0;
	at->used_a[*ret_i] = at->used_b[*ret_k] = true;
	return true;
}

static void add_border(struct choice *c, const size_t *a, size_t n_a, const size_t *b, size_t n_b)
{
	AUTO(mem_freep) size_t *alike = mem_alloc(n_a * n_b, sizeof *alike);
	AUTO(mem_freep) bool *used_a = mem_alloc(n_a, 1), *used_b = mem_alloc(n_b, 1);
	struct border at = {n_a, n_b, alike, used_a, used_b};
	size_t before = c->n, i = 0, k = 0;
	for (size_t x = 0; x < n_a * n_b; x++)
		if (is_open(c, a[x / n_b], b[x % n_b]))
			alike[x] = likeness(c->keys[a[x / n_b]], c->keys[b[x % n_b]]);
	while (c->n - before < c->most && take_best(&at, &i, &k))
		add(c, a[i], b[k], STORY_OPEN);
	if (c->n == before)
		return;
	size_t open = c->n;
	add_known(c, a, n_a, b, n_b, STORY_DIFFERENT);
	if (c->most > 1 || c->n == open)
		add_known(c, a, n_a, b, n_b, STORY_SAME);
}

struct story_pair *story_pairs(const struct story_part *parts, size_t n, size_t most, size_t *ret_n)
{
	AUTO(mem_freep) size_t *order = mem_alloc(n + 1, sizeof *order);
	AUTO(mem_freep) size_t *next = mem_alloc(n + 1, sizeof *next);
	AUTO(mem_freep) size_t *previous = mem_alloc(n + 1, sizeof *previous);
	AUTO(mem_freep) char **keys = mem_alloc(n + 1, sizeof *keys);
	struct choice c = {.parts = parts,
	                   .order = order,
	                   .next = next,
	                   .previous = previous,
	                   .keys = keys,
	                   .most = most};
	for (size_t i = 0; i < n; i++) {
		order[i] = i;
		keys[i] = words_key(parts[i].subject, parts[i].what);
	}
	qsort_r(order, n, sizeof *order, by_chunk, (void *)parts);
	find_neighbours(&c, n);

	size_t n_before = 0;
	for (size_t i = 0, k; i < n; i += k, n_before = k) {
		size_t chunk = parts[order[i]].chunk;
		for (k = 1; i + k < n && parts[order[i + k]].chunk == chunk;)
			k++;
		if (n_before && parts[order[i - 1]].chunk + 1 == chunk)
			add_border(&c, &order[i - n_before], n_before, &order[i], k);
	}
	for (size_t i = 0; i < n; i++)
		free(keys[i]);
	*ret_n = c.n;
	return c.pairs;
}

static bool shares_a_part(const struct story_pair *a, const struct story_pair *b)
{
	return a->first == b->first || a->second == b->second;
}

int story_pairs_judge(const struct story_pair *pairs, size_t n, bool *said, struct err *err)
{
	size_t different = 0, wrong = 0, open = 0, same = 0;
	AUTO(mem_freep) bool *kept = mem_alloc(n + 1, sizeof *kept);
	for (size_t i = 0; i < n; i++) {
		different += pairs[i].known == STORY_DIFFERENT;
		wrong += pairs[i].known == STORY_DIFFERENT && said[i];
		open += pairs[i].known == STORY_OPEN;
		same += pairs[i].known == STORY_OPEN && said[i];
	}
	if (different && 2 * wrong >= different)
		return err_set(err, ERR_FORMAT, "it calls %zu of %zu pairs one event that are two", wrong,
		               different);
	if (!different && open >= SUSPICIOUS && same == open)
		return err_set(err, ERR_FORMAT, "it calls all %zu pairs one event", open);

	for (size_t i = 0; i < n; i++) {
		kept[i] = said[i] && pairs[i].known == STORY_OPEN;
		for (size_t k = 0; k < n && kept[i]; k++)
			kept[i] = k == i || !said[k] || !shares_a_part(&pairs[i], &pairs[k]);
	}
	memcpy(said, kept, n * sizeof *said);
	return 0;
}
