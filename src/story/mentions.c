/* SPDX-License-Identifier: Apache-2.0 */
#include "story/mentions.h"

#include <stdlib.h>
#include <string.h>

#include "story/change.h"
#include "story/words.h"

struct mention {
	char *key; /* of the subject */
	size_t chunk, statement;
};

struct mentions {
	const struct check_video *v;
	struct mention *sorted;
	size_t *statements; /* those of `sorted`, in the same order */
	size_t *place;      /* of each statement in `sorted` */
	size_t *first;      /* statement of each chunk; n_chunks + 1 */
};

static int by_key(const void *x, const void *y)
{
	const struct mention *a = x, *b = y;
	int r = strcmp(a->key, b->key);
	if (r == 0)
		r = (a->chunk > b->chunk) - (a->chunk < b->chunk);
	return r ? r : (a->statement > b->statement) - (a->statement < b->statement);
}

struct mentions *mentions_new(const struct check_video *v)
{
	struct mentions *m = mem_alloc(1, sizeof *m);
	m->v = v;
	m->sorted = mem_alloc(v->n + 1, sizeof *m->sorted);
	m->statements = mem_alloc(v->n + 1, sizeof *m->statements);
	m->place = mem_alloc(v->n + 1, sizeof *m->place);
	m->first = mem_alloc(v->n_chunks + 1, sizeof *m->first);
	for (size_t i = 0; i < v->n; i++) {
		const struct story_part *p = &v->statements[i].part;
		m->sorted[i] = (struct mention){words_key(p->subject, p->what), p->chunk, i};
	}
	qsort(m->sorted, v->n, sizeof *m->sorted, by_key);
	for (size_t i = 0; i < v->n; i++) {
		m->statements[i] = m->sorted[i].statement;
		m->place[m->sorted[i].statement] = i;
	}
	for (size_t c = 0, i = 0; c <= v->n_chunks; c++) {
		while (i < v->n && v->statements[i].part.chunk < c)
			i++;
		m->first[c] = i;
	}
	return m;
}

void mentions_free(struct mentions *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->v->n; i++)
		free(m->sorted[i].key);
	free(m->sorted);
	free(m->statements);
	free(m->place);
	free(m->first);
	free(m);
}

/* Place of the first mention that is not before the key in that chunk. */
static size_t first_of(const struct mentions *m, const char *key, size_t chunk)
{
	const struct mention wanted = {.key = (char *)key, .chunk = chunk};
	size_t low = 0, high = m->v->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_key(&m->sorted[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const size_t *mentions_in(const struct mentions *m, size_t i, size_t chunk, size_t *ret_n)
{
	const char *key = m->sorted[m->place[i]].key;
	size_t first = first_of(m, key, chunk);
	*ret_n = first_of(m, key, chunk + 1) - first;
	return &m->statements[first];
}

bool mentions_summary(const struct mentions *m, size_t i, size_t chunk)
{
	return change_has_word(m->v->chunks[chunk].summary, m->sorted[m->place[i]].key);
}

bool mentions_word(const struct mentions *m, size_t chunk, const char *word)
{
	if (change_has_word(m->v->chunks[chunk].summary, word))
		return true;
	for (size_t i = m->first[chunk]; i < m->first[chunk + 1]; i++)
		if (change_has_word(m->v->statements[i].part.what, word) ||
		    change_has_word(m->v->statements[i].part.subject, word))
			return true;
	return false;
}

uint64_t mentions_words(const struct mentions *m, size_t chunk)
{
	uint64_t found = change_words(m->v->chunks[chunk].summary);
	for (size_t i = m->first[chunk]; i < m->first[chunk + 1]; i++)
		found |= change_words(m->v->statements[i].part.what) |
		         change_words(m->v->statements[i].part.subject);
	return found;
}
