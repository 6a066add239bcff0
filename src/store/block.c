/* SPDX-License-Identifier: Apache-2.0 */
#include "store/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/db.h"

int store_blocks_save(struct store *s, const char *sha256, const struct hash_blocks *b,
                      struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "INSERT OR REPLACE INTO source_block VALUES (?, ?, ?)", &q, err);
	if (r == 0) {
		/* A blob of NULL would be NULL, not empty. */
		const void *sums = b->n ? (const void *)b->sums : "";
		db_bind(q, "sib", sha256, (int64_t)HASH_BLOCK, sums, b->n * sizeof *b->sums);
		r = db_run(s, q, err);
	}
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_blocks_load(struct store *s, const char *sha256, struct hash_blocks *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	*ret = (struct hash_blocks){0};
	int r =
		db_prepare(locked, "SELECT sums FROM source_block WHERE source = ? AND size = ?", &q, err);
	if (r == 0) {
		db_bind(q, "si", sha256, (int64_t)HASH_BLOCK);
		r = db_step(s, q, err);
	}
	if (r < 0)
		return err_wrap(err, "cannot read the journal");
	const void *sums = r > 0 ? sqlite3_column_blob(q, 0) : NULL;
	size_t n = sums ? (size_t)sqlite3_column_bytes(q, 0) / HASH_MAX : 0;
	if (!n)
		return 0;
	ret->sums = mem_alloc(n, sizeof *ret->sums);
	memcpy(ret->sums, sums, n * sizeof *ret->sums);
	ret->n = n;
	return 0;
}

static int is_used(struct store *s, const char *sha256, bool *ret, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s,
	                   "SELECT EXISTS (SELECT 1 FROM job WHERE source = ?1) OR "
	                   "EXISTS (SELECT 1 FROM video WHERE sha256 = ?1)",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", sha256);
	r = db_step(s, q, err);
	*ret = r == 1 && sqlite3_column_int(q, 0);
	return r < 0 ? r : 0;
}

static int forget(struct store *s, const char *sha256, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "DELETE FROM source_block WHERE source = ?1", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", sha256);
	return db_run(s, q, err);
}

int store_blocks_forget(struct store *s, const char *sha256, bool *ret_gone, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	bool used = true;
	int r = is_used(locked, sha256, &used, err);
	if (r == 0 && !used)
		r = forget(locked, sha256, err);
	*ret_gone = r == 0 && !used;
	return r < 0 ? err_wrap(err, "cannot write the journal") : 0;
}

int store_head_id(struct store *s, char out[static STORE_HEAD_ID], struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r =
		db_exec(locked, "INSERT OR IGNORE INTO head VALUES (1, lower(hex(randomblob(8))))", err);
	if (r == 0)
		r = db_prepare(locked, "SELECT id FROM head", &q, err);
	AUTO(mem_freep) char *id = NULL;
	if (r == 0)
		r = db_one_text(s, q, "the journal has no name", &id, err);
	if (r < 0)
		return err_wrap(err, "cannot use the journal");
	snprintf(out, STORE_HEAD_ID, "%s", id);
	return 0;
}

static int name_journal(struct store *s, const char *id, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "INSERT OR IGNORE INTO head VALUES (1, ?)", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", id);
	return db_run(locked, q, err);
}

int store_head_name(struct store *s, const char *id, struct err *err)
{
	char is[STORE_HEAD_ID];
	if (strlen(id) != STORE_HEAD_ID - 1 || strspn(id, "0123456789abcdef") != STORE_HEAD_ID - 1)
		return err_set(err, ERR_ARG, "\"%.40s\" is not the id of a head", id);
	int r = name_journal(s, id, err);
	r = r < 0 ? r : store_head_id(s, is, err);
	if (r < 0 || strcmp(is, id) == 0)
		return r;
	return err_set(err, ERR_ARG, "this journal has the id %s, not %s", is, id);
}
