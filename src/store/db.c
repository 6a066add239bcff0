/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

struct store *db_lock(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	return s;
}

void db_unlockp(struct store **s)
{
	pthread_mutex_unlock(&(*s)->lock);
}

int db_fail(struct store *s, int result, struct err *err)
{
	static const struct {
		int result;
		enum err_code code;
	} codes[] = {
		{SQLITE_FULL, ERR_NOSPC},    {SQLITE_BUSY, ERR_BUSY},     {SQLITE_READONLY, ERR_PERM},
		{SQLITE_PERM, ERR_PERM},     {SQLITE_CANTOPEN, ERR_PERM}, {SQLITE_CORRUPT, ERR_FORMAT},
		{SQLITE_NOTADB, ERR_FORMAT},
	};
	enum err_code code = ERR_IO;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if ((result & 0xff) == codes[i].result)
			code = codes[i].code;
	/* SQLite reports a full disk as an I/O error when it is its shared memory
	 * or its log that has no space. */
	int reason = s->db && code == ERR_IO ? sqlite3_system_errno(s->db) : 0;
	if (code == ERR_NOSPC || reason == ENOSPC || reason == EDQUOT)
		return err_set(err, ERR_NOSPC, "the disk of %s is full; delete files",
		               s->db ? sqlite3_db_filename(s->db, "main") : "the journal");
	return err_set(err, code, "%s", s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(result));
}

int db_exec(struct store *s, const char *sql, struct err *err)
{
	int r = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return r == SQLITE_OK ? 0 : db_fail(s, r, err);
}

int db_prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct err *err)
{
	int r = sqlite3_prepare_v2(s->db, sql, -1, ret, NULL);
	return r == SQLITE_OK ? 0 : db_fail(s, r, err);
}

void db_freep(sqlite3_stmt **q)
{
	sqlite3_finalize(*q);
}

static void bind_all(sqlite3_stmt *q, const char *types, va_list ap)
{
	sqlite3_reset(q);
	for (int i = 1; types[i - 1]; i++) {
		switch (types[i - 1]) {
		case 's': sqlite3_bind_text(q, i, va_arg(ap, const char *), -1, SQLITE_STATIC); break;
		case 'i': sqlite3_bind_int64(q, i, va_arg(ap, int64_t)); break;
		case 'd': sqlite3_bind_double(q, i, va_arg(ap, double)); break;
		case 'b': {
			const void *blob = va_arg(ap, const void *);
			sqlite3_bind_blob64(q, i, blob, va_arg(ap, size_t), SQLITE_STATIC);
			break;
		}
		default: abort();
		}
	}
}

void db_bind(sqlite3_stmt *q, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	bind_all(q, types, ap);
	va_end(ap);
}

int db_run_each(struct store *s, const char *const *statements, size_t n, struct err *err,
                const char *types, ...)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		AUTO(db_freep) sqlite3_stmt *q = NULL;
		va_list ap;
		r = db_prepare(s, statements[i], &q, err);
		if (r < 0)
			break;
		va_start(ap, types);
		bind_all(q, types, ap);
		va_end(ap);
		r = db_run(s, q, err);
	}
	return r;
}

int db_step(struct store *s, sqlite3_stmt *q, struct err *err)
{
	int r = sqlite3_step(q);
	return r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : db_fail(s, r, err);
}

int db_run(struct store *s, sqlite3_stmt *q, struct err *err)
{
	int r;
	while ((r = db_step(s, q, err)) > 0)
		;
	return r;
}

int db_int(struct store *s, const char *sql, int64_t *ret, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, sql, &q, err);
	if (r == 0)
		r = db_step(s, q, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, ERR_INTERNAL, "no row from %s", sql);
	*ret = sqlite3_column_int64(q, 0);
	return 0;
}

int db_end(struct store *s, int r, struct err *err)
{
	if (r == 0)
		r = db_exec(s, "COMMIT", err);
	if (r < 0 && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int db_one_text(struct store *s, sqlite3_stmt *q, const char *none, char **ret, struct err *err)
{
	int r = db_step(s, q, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, ERR_NOENT, "%s", none);
	*ret = db_text(q, 0);
	return 0;
}

char *db_text(sqlite3_stmt *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q, column);
	return mem_strdup(text ? (const char *)text : "");
}

char *db_like(const char *word)
{
	struct buf b = BUF(4096);
	buf_adds(&b, "%");
	for (; *word; word++)
		buf_addf(&b, "%s%c", strchr("%_\\", *word) ? "\\" : "", *word);
	buf_adds(&b, "%");
	return buf_take(&b);
}
