/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that are known, and indexes of videos, kept as bytes that only the
 * job understands. */
#include "base/clock.h"
#include "store/db.h"
#include "store/store.h"

static int64_t stream_of(const struct store_source *source)
{
	return source->has_stream ? source->stream : -1;
}

/* Without options: any. */
static int load(struct store *s, const char *sql, const struct store_source *source,
                const char *options, struct buf *out, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, sql, &q, err);
	if (r < 0)
		return r;

	db_bind(q, options ? "sis" : "si", source->sha256, stream_of(source), options);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_NOENT, "no index of this video was made with these options");
	buf_add(out, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
	return buf_check(out, "the index", err);
}

int store_index_load(struct store *s, const struct store_source *source, const char *options,
                     struct buf *out, struct err *err)
{
	return load(s, "SELECT data FROM video_index WHERE source = ? AND stream = ? AND options = ?",
	            source, options, out, err);
}

int store_index_latest(struct store *s, const struct store_source *source, struct buf *out,
                       struct err *err)
{
	return load(s,
	            "SELECT data FROM video_index WHERE source = ? AND stream = ? "
	            "AND options NOT LIKE 'budget %' ORDER BY created DESC LIMIT 1",
	            source, NULL, out, err);
}

int store_index_save(struct store *s, const struct store_source *source, const char *options,
                     const void *data, size_t len, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r =
		db_prepare(locked,
	               "INSERT OR REPLACE INTO video_index (source, stream, options, created, data) "
	               "VALUES (?, ?, ?, ?, ?)",
	               &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sisib", source->sha256, stream_of(source), options, clock_wall(), data, len);
	return db_run(s, q, err);
}

int store_source_note(struct store *s, const char *sha256, int64_t size, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r =
		db_prepare(locked, "INSERT OR IGNORE INTO source (sha256, size) VALUES (?, ?)", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "si", sha256, size);
	return db_run(s, q, err);
}

int store_source_known(struct store *s, int64_t size, bool *ret, struct err *err)
{
	AUTO(db_unlockp) struct store *locked = db_lock(s);
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(locked, "SELECT 1 FROM source WHERE size = ? LIMIT 1", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "i", size);
	r = db_step(s, q, err);
	if (r < 0)
		return r;
	*ret = r > 0;
	return 0;
}
