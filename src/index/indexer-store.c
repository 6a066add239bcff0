/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes in the store: made once for a source and its options. */
#include <string.h>

#include "index/form.h"
#include "index/indexer.h"
#include "protocol/media-wire.h"

/* Options that change the result; the number of children does not. */
static char *options_key(const struct indexer_options *o)
{
	const struct decoder_options *d = &o->decoder;
	return mem_printf("%d %.4g %lld %d timeline %d rate %.6f gaps %s", INDEX_FORM_VERSION,
	                  o->effort, (long long)o->max_gap, o->scenes, TIMELINE_VERSION, d->rate,
	                  d->gaps ? d->gaps : "auto");
}

static struct store_source source_of(const char *sha256, const struct indexer_options *o)
{
	return (struct store_source){sha256, o->decoder.has_stream, o->decoder.stream};
}

int indexer_load(struct store *s, const char *sha256, const struct indexer_options *o,
                 struct video_index **ret, struct err *err)
{
	AUTO(mem_freep) char *key = options_key(o);
	AUTO(buf_free) struct buf data = BUF(INDEX_FORM_MAX);
	if (o->fresh)
		return err_set(err, ERR_NOENT, "a new index was requested");
	const struct store_source source = source_of(sha256, o);
	int r = store_index_load(s, &source, key, &data, err);
	if (r < 0)
		return r;
	r = index_parse(data.data, data.len, ret, err);
	return r < 0 ? err_set(err, ERR_NOENT, "the stored index is damaged") : 0;
}

int indexer_save(struct store *s, const char *sha256, const struct indexer_options *o,
                 const struct video_index *x, struct err *err)
{
	AUTO(mem_freep) char *key = options_key(o);
	AUTO(buf_free) struct buf data = BUF(INDEX_FORM_MAX);
	/* What failed may succeed later: with more memory, or with a newer decoder. */
	if (x->failed)
		return 0;
	index_write(x, &data);
	const struct store_source source = source_of(sha256, o);
	int r = buf_check(&data, "the index", err);
	return r < 0 ? r : store_index_save(s, &source, key, data.data, data.len, err);
}

int indexer_get(struct store *s, const char *sha256, int fd, const struct indexer_options *o,
                struct cancel *cancel, bool *ret_cached, struct video_index **ret, struct err *err)
{
	AUTO(video_index_freep) struct video_index *x = NULL;
	struct err own;
	err = err ? err : &own;
	int r = indexer_load(s, sha256, o, ret, err);
	*ret_cached = r == 0;
	if (r != -ERR_NOENT)
		return r;
	r = indexer_run(fd, o, cancel, &x, err);
	if (r == 0)
		r = indexer_save(s, sha256, o, x, err);
	if (r == 0)
		*ret = TAKE(x);
	return r;
}
