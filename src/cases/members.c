/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/members.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
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
		if (!m->items[i].gone && m->items[i].row.stream == stream &&
		    strcmp(m->items[i].row.path, path) == 0)
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

bool member_is_replaced(const struct store_member *row)
{
	return *row->path != '/';
}

const char *member_path(const struct store_member *row)
{
	const char *slash = strchr(row->path, '/');
	return slash ? slash : row->path;
}

char *member_label(const struct store_member *row, const char *name)
{
	struct buf out = BUF(1 << 20);
	buf_adds(&out, name);
	if (row->stream >= 0)
		buf_addf(&out, " stream %lld", (long long)row->stream);
	if (member_is_replaced(row))
		buf_addf(&out, " (replaced, %.8s)", row->source);
	return buf_take(&out);
}

void members_sweep(struct members *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (m->items[i].gone)
			store_member_clear(&m->items[i].row);
		else
			m->items[n++] = m->items[i];
	}
	m->n = n;
}

int members_forget(struct members *m, const char *path, struct err *err)
{
	bool any = false;
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->items[i].row.path, path) == 0)
			any = m->items[i].gone = true;
	int r = any ? store_member_remove(m->store, m->case_id, path, err) : 0;
	if (r == 0)
		members_sweep(m);
	return r;
}

/* Gives a member another path. What has that already is gone. */
static int rename_member(struct members *m, struct member *one, char *path, struct err *err)
{
	struct member *other = members_find(m, path, one->row.stream);
	if (other && other != one)
		other->gone = true;
	free(one->row.path);
	one->row.path = path;
	return members_save(m, one, err);
}

int members_replace(struct members *m, const char *path, const char *stamp, struct err *err)
{
	bool any = false;
	int r = 0;
	for (size_t i = 0; i < m->n && r == 0; i++) {
		struct member *one = &m->items[i];
		if (strcmp(one->row.path, path) != 0 || strcmp(one->row.stamp, stamp) == 0)
			continue;
		any = true;
		one->gone = !*one->row.job || !*one->row.source;
		one->new_content = !one->gone;
		if (!one->gone)
			r = rename_member(m, one, mem_printf("%s:%s", one->row.source, path), err);
	}
	/* All streams of a file have one stamp. */
	if (r == 0 && any)
		r = store_member_remove(m->store, m->case_id, path, err);
	members_sweep(m);
	return r;
}

/* It takes over the result of what it replaced. */
static void inherit(struct member *one, struct member *from)
{
	from->gone = true;
	if (*one->row.job)
		return;
	member_set(&one->row.job, from->row.job);
	member_set(&one->row.settings, from->row.settings);
}

int members_restore(struct members *m, struct member *one, struct err *err)
{
	AUTO(mem_freep) char *former = mem_printf("%s:%s", one->row.source, one->row.path);
	bool any = false;
	int r = 0;
	for (size_t i = 0; i < m->n && r == 0; i++) {
		struct member *old = &m->items[i];
		if (old->gone || strcmp(old->row.path, former) != 0)
			continue;
		struct member *now = members_find(m, one->row.path, old->row.stream);
		any = true;
		if (now) {
			inherit(now, old);
			r = members_save(m, now, err);
			continue;
		}
		old->new_content = false;
		old->seen = true;
		member_set(&old->row.stamp, one->row.stamp);
		r = rename_member(m, old, mem_strdup(one->row.path), err);
	}
	return r == 0 && any ? store_member_remove(m->store, m->case_id, former, err) : r;
}

/* Its run may have been removed. */
static bool has_result(const struct members *m, const struct store_member *row)
{
	AUTO(store_job_clear) struct store_job job = {0};
	struct err ignored;
	return *row->job && store_job_find(m->store, row->job, &job, &ignored) == 0;
}

bool members_are_lost(const struct members *m, const struct member *one)
{
	if (one->seen || one->row.kind == STORE_MEMBER_OTHER || file_exists(member_path(&one->row)))
		return false;
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->items[i].row.path, one->row.path) == 0 && has_result(m, &m->items[i].row))
			return false;
	return true;
}

int members_forget_lost(struct members *m, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < m->n && r == 0; i++) {
		struct member *one = &m->items[i];
		one->gone |= members_are_lost(m, one);
		if (one->gone)
			r = store_member_remove(m->store, m->case_id, one->row.path, err);
	}
	members_sweep(m);
	return r;
}
