/* SPDX-License-Identifier: Apache-2.0 */
#include "job/index-unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "decoder/caps.h"
#include "index/form.h"
#include "job/unit-result.h"
#include "job/unit.h"

enum {
	PIECE = 4 << 20,       /* bytes of one blob */
	BYTES_MOST = 48 << 20, /* of all; heads take 64 MiB for a unit */
	PIECES_MOST = BYTES_MOST / PIECE,
};

void index_unit_clear(struct index_unit *u)
{
	json_decref(u->root);
	*u = (struct index_unit){0};
}

int index_unit_write(const struct index_unit *u, char **ret, struct err *err)
{
	json_t *j = json_pack("{s:I, s:I, s:b}", "from_us", (json_int_t)u->look.from, "to_us",
	                      (json_int_t)u->look.to, "all", u->look.all);
	unit_set_video(j, &u->decoder);
	return unit_text(j, "a range", ret, err);
}

int index_unit_read(const char *body, struct index_unit *ret, struct err *err)
{
	static const char *const keys[] = {"from_us", "to_us", "all", "stream", "rate", "gaps", NULL};
	AUTO(index_unit_clear) struct index_unit u = {0};
	int r = unit_open(body, keys, &u.root, err);
	if (r == 0)
		r = unit_get_video(u.root, &u.decoder, err);
	if (r == 0)
		r = unit_int(u.root, "from_us", 0, UNIT_TIME_MAX - 1, &u.look.from, err);
	if (r == 0)
		r = unit_int(u.root, "to_us", u.look.from, UNIT_TIME_MAX, &u.look.to, err);
	const json_t *all = json_object_get(u.root, "all");
	if (r == 0 && !json_is_boolean(all))
		r = unit_bad(err, "all");
	if (r < 0)
		return r;
	u.look.all = json_is_true(all);
	*ret = u;
	u = (struct index_unit){0};
	return 0;
}

int index_unit_model(char out[static HASH_HEX], struct err *err)
{
	json_auto_t *caps = NULL;
	int r = decoder_caps(&caps, err);
	if (r < 0)
		return r;
	json_t *libraries = json_object_get(caps, "libraries");
	/* Of the package: it changes where none of the libraries does. */
	json_object_del(libraries, "FFmpeg");
	AUTO(mem_freep) char *versions = json_dumps(libraries, JSON_COMPACT | JSON_SORT_KEYS);
	AUTO(mem_freep) char *form = mem_printf("%d", INDEX_FORM_VERSION);
	const char *const texts[] = {INDEX_UNIT_KIND, form, versions ? versions : ""};
	hash_texts(texts, ARRAY_LEN(texts), out);
	return 0;
}

/* ---- results */

int index_result_write(const struct signatures *s, const struct grids *g, struct runner_result *ret,
                       struct err *err)
{
	AUTO(buf_free) struct buf all = BUF(BYTES_MOST);
	pictures_write(s, g, &all);
	if (buf_check(&all, "what the frames of the range show", err) < 0)
		return -ERR_LIMIT;
	json_t *names = json_array();
	for (size_t at = 0; at < all.len; at += PIECE) {
		size_t len = all.len - at < PIECE ? all.len - at : PIECE;
		const unsigned char *piece = (const unsigned char *)all.data + at;
		json_array_append_new(names, json_string(runner_add_blob(ret, piece, len)));
	}
	return unit_result_write(json_pack("{s:I, s:I, s:o}", "pictures", (json_int_t)s->n, "grids",
	                                   (json_int_t)g->n, "data", names),
	                         ret, err);
}

/* The pieces, one after the other. */
static int read_data(const json_t *names, const struct runner_result *result, struct buf *to,
                     struct err *err)
{
	size_t i;
	const json_t *name;
	if (!json_is_array(names) || json_array_size(names) > PIECES_MOST)
		return unit_result_bad(err, "data");
	json_array_foreach (names, i, name) {
		const char *sha256 = json_string_value(name);
		const struct runner_blob *blob = sha256 ? runner_find_blob(result, sha256) : NULL;
		if (!blob || blob->len > PIECE)
			return unit_result_bad(err, "data");
		buf_add(to, blob->data, blob->len);
	}
	return 0;
}

static bool is_after(const struct signatures *s, const struct grids *g, int64_t to)
{
	return (s->n && s->items[s->n - 1].pts > to) || (g->n && g->items[g->n - 1].pts > to);
}

int index_result_read(const struct index_unit *u, const struct runner_result *result,
                      struct signatures *ret, struct grids *ret_grids, struct err *err)
{
	static const char *const keys[] = {"pictures", "grids", "data", NULL};
	AUTO(buf_free) struct buf data = BUF(BYTES_MOST);
	AUTO(signatures_clear) struct signatures s = {0};
	AUTO(grids_clear) struct grids g = {0};
	json_auto_t *j = NULL;
	int64_t n = 0, n_grids = 0;
	int r = unit_result_open(result, keys, &j, err);
	if (r == 0)
		r = unit_result_int(j, "pictures", 1, INDEX_FRAMES_MOST, &n, err);
	if (r == 0)
		r = unit_result_int(j, "grids", 0, n, &n_grids, err);
	if (r == 0)
		r = read_data(json_object_get(j, "data"), result, &data, err);
	if (r == 0)
		r = pictures_read((const unsigned char *)buf_str(&data), data.len, (size_t)n,
		                  (size_t)n_grids, &s, &g, err);
	if (r == 0 && (s.n != (size_t)n || g.n != (size_t)n_grids || is_after(&s, &g, u->look.to)))
		r = err_set(err, ERR_PROTO, "the result of a worker has pictures of other times");
	if (r < 0)
		return r;
	*ret = s;
	*ret_grids = g;
	s = (struct signatures){0};
	g = (struct grids){0};
	return 0;
}
