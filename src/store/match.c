/* SPDX-License-Identifier: Apache-2.0 */
#include "store/match.h"

#include <string.h>

#include "base/mem.h"

/* The index has every three characters of a text. */
enum { PIECE = 3, PIECE_LEAST = 2, ENDINGS_MAX = 400 };

void match_add_quoted(struct buf *match, const char *text, size_t len)
{
	buf_adds(match, "\"");
	for (size_t i = 0; i < len; i++)
		buf_addf(match, text[i] == '"' ? "\"%c" : "%c", text[i]);
	buf_adds(match, "\"");
}

size_t match_length(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* What begins with two characters: all pieces of the index that do. */
static int add_endings(struct store *s, const char *begin, struct buf *out, bool *ret_any,
                       struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	size_t n = 0;
	int r = db_prepare(s,
	                   "SELECT term FROM piece_terms WHERE term >= lower(?1) AND "
	                   "term < lower(?1) || char(0x10ffff) LIMIT ?2",
	                   &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", begin, (int64_t)ENDINGS_MAX);
	while ((r = db_step(s, q, err)) > 0) {
		const char *term = (const char *)sqlite3_column_text(q, 0);
		buf_adds(out, n++ ? " OR " : "");
		match_add_quoted(out, term, strlen(term));
	}
	*ret_any = n > 0;
	return r;
}

int match_add_piece(struct store *s, const char *text, struct buf *out, bool *ret_any,
                    struct err *err)
{
	size_t length = match_length(text);
	*ret_any = length >= PIECE;
	if (length >= PIECE)
		match_add_quoted(out, text, strlen(text));
	return length == PIECE_LEAST ? add_endings(s, text, out, ret_any, err) : 0;
}

int match_add_word(struct store *s, enum store_match match, const struct store_word *w,
                   struct buf *out, bool *ret_any, struct err *err)
{
	*ret_any = false;
	for (size_t i = 0; i < w->n; i++) {
		AUTO(buf_free) struct buf one = BUF(MATCH_MAX);
		bool any = true;
		int r = 0;
		if (match == STORE_MATCH_PIECES)
			r = match_add_piece(s, w->forms[i], &one, &any, err);
		else
			match_add_quoted(&one, w->forms[i], strlen(w->forms[i]));
		if (r < 0)
			return r;
		if (any)
			buf_addf(out, "%s%s", *ret_any ? " OR " : "", buf_str(&one));
		*ret_any = *ret_any || any;
	}
	return buf_check(out, "what is searched for", err);
}

void match_add_jobs(struct buf *match, const char *const *jobs, size_t n)
{
	buf_adds(match, "job : (");
	for (size_t i = 0; i < n; i++) {
		buf_adds(match, i ? " OR " : "");
		match_add_quoted(match, jobs[i], strlen(jobs[i]));
	}
	buf_adds(match, ")");
}

int db_open_words(struct store *s, struct err *err)
{
	return db_exec(s, "CREATE VIRTUAL TABLE temp.piece_terms USING fts5vocab(main, pieces, row)",
	               err);
}

enum { CHECKPOINT_WAIT = 1000 /* milliseconds */ };

/* A deleted row is only marked as such in an index, until its part of the index
 * is merged with others. */
static int erase_words(struct store *s, struct err *err)
{
	return db_exec(s,
	               "INSERT INTO words (words) VALUES ('optimize'); "
	               "INSERT INTO pieces (pieces) VALUES ('optimize')",
	               err);
}

int db_end_removal(struct store *s, int r, bool erase, struct err *err)
{
	if (r == 0 && erase)
		r = erase_words(s, err);
	r = db_end(s, r, err);
	if (r < 0 || !erase)
		return r;
	/* The log has the former pages until it begins again. Where somebody reads
	 * just now that is later. */
	sqlite3_busy_timeout(s->db, CHECKPOINT_WAIT);
	sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(s->db, DB_BUSY_WAIT);
	return 0;
}
