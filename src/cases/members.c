/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/members.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void member_set(char **to, const char *text)
{
	char *copy = mem_strdup(text);
	free(*to);
	*to = copy;
}

int members_load(struct members *m, struct store *store, const char *case_id, struct err *err)
{
	struct store_member *rows = NULL;
	size_t n = 0;
	int r = store_members_load(store, case_id, &rows, &n, err);
	if (r < 0)
		return r;
	*m = (struct members){.store = store, .case_id = case_id, .n = n, .cap = n};
	m->items = mem_alloc(n, sizeof *m->items);
	for (size_t i = 0; i < n; i++)
		m->items[i].row = rows[i];
	free(rows);
	return 0;
}

void members_clear(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		store_member_clear(&m->items[i].row);
	free(m->items);
	*m = (struct members){0};
}

struct member *members_find(const struct members *m, const char *path, int64_t stream)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->items[i].row.stream == stream && strcmp(m->items[i].row.path, path) == 0)
			return &m->items[i];
	return NULL;
}

int members_put(struct members *m, const struct store_member *row, struct member **ret,
                struct err *err)
{
	int r = store_member_save(m->store, m->case_id, row, err);
	if (r < 0)
		return r;
	struct store_member copy = *row;
	copy.path = mem_strdup(row->path);
	copy.name = mem_strdup(row->name);
	copy.stamp = mem_strdup(row->stamp);
	copy.source = mem_strdup(row->source);
	copy.job = mem_strdup(row->job);
	copy.settings = mem_strdup(row->settings);
	copy.fault = mem_strdup(row->fault);
	struct member *one = members_find(m, row->path, row->stream);
	if (one) {
		store_member_clear(&one->row);
	} else {
		m->items = mem_room(m->items, m->n, &m->cap, sizeof *m->items);
		one = &m->items[m->n++];
	}
	*one = (struct member){.row = copy};
	*ret = one;
	return 0;
}

int members_save(struct members *m, const struct member *one, struct err *err)
{
	return store_member_save(m->store, m->case_id, &one->row, err);
}

int members_forget(struct members *m, const char *path, const char *stamp, struct err *err)
{
	size_t n = 0, gone = 0;
	for (size_t i = 0; i < m->n; i++)
		gone += strcmp(m->items[i].row.path, path) == 0 &&
		        (!stamp || strcmp(m->items[i].row.stamp, stamp) != 0);
	/* All streams of a file have one stamp. */
	int r = gone ? store_member_remove(m->store, m->case_id, path, err) : 0;
	for (size_t i = 0; r == 0 && gone && i < m->n; i++) {
		if (strcmp(m->items[i].row.path, path) == 0)
			store_member_clear(&m->items[i].row);
		else
			m->items[n++] = m->items[i];
	}
	if (r == 0 && gone)
		m->n = n;
	return r;
}
