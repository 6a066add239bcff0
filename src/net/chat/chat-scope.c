/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/chat-scope.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { LISTED_MAX = 8 }; /* of several that fit */

static const json_t *list_of(const json_t *all, const char *key)
{
	return json_object_get(all, key);
}

/* Whether `name` is PREFIX and this id. */
static bool is_numbered(const char *name, const char *prefix, const json_t *item)
{
	size_t n = strlen(prefix);
	return strncmp(name, prefix, n) == 0 && strcmp(name + n, json_text(item, "id")) == 0;
}

static bool is_named(const json_t *video, const char *name)
{
	size_t i;
	json_t *other;
	if (strcmp(json_text(video, "name"), name) == 0)
		return true;
	json_array_foreach (json_object_get(video, "names"), i, other)
		if (json_is_string(other) && strcmp(json_string_value(other), name) == 0)
			return true;
	return false;
}

/* What was found so far. */
struct found {
	const json_t *item; /* the last one */
	bool is_case;
	size_t n;
	struct buf list;
};

static void add(struct found *f, const json_t *item, bool is_case)
{
	AUTO(mem_freep) char *name = text_line(json_text(item, "name"), 80);
	if (++f->n <= LISTED_MAX)
		buf_addf(&f->list, "%svdet/%s-%s (%s)", f->n > 1 ? ", " : "", is_case ? "case" : "video",
		         json_text(item, "id"), name);
	f->item = item;
	f->is_case = is_case;
}

static void find(const json_t *videos, const json_t *cases, const char *name, struct found *f)
{
	size_t i;
	json_t *item;
	json_array_foreach (list_of(videos, "videos"), i, item)
		if (is_named(item, name) || is_numbered(name, "video-", item))
			add(f, item, false);
	json_array_foreach (list_of(cases, "cases"), i, item)
		if (is_numbered(name, "case-", item))
			add(f, item, true);
}

int chat_scope_find(const json_t *videos, const json_t *cases, const char *name,
                    const json_t **ret_video, const json_t **ret_case, struct err *err)
{
	struct found f = {.list = BUF(4096)};
	AUTO(mem_freep) char *shown = text_line(name, 100);
	find(videos, cases, name, &f);
	AUTO(mem_freep) char *list = mem_strdup(buf_str(&f.list));
	buf_free(&f.list);
	if (!f.n)
		return err_set(err, ERR_NOENT,
		               "no video or case \"%s\"; GET /v1/models lists what \"model\" can name",
		               shown);
	if (f.n > 1)
		return err_set(err, ERR_ARG, "\"%s\" fits %zu videos or cases: %.400s%s; name one of them",
		               shown, f.n, list, f.n > LISTED_MAX ? ", …" : "");
	*ret_video = f.is_case ? NULL : json_object_get(f.item, "id");
	*ret_case = f.is_case ? json_object_get(f.item, "id") : NULL;
	return 0;
}

/* ---- models */

static json_t *model(const char *id, const json_t *item)
{
	double created = json_number_value(json_object_get(item, "created"));
	return json_pack("{s:s, s:s, s:I, s:s, s:s*}", "id", id, "object", "model", "created",
	                 (json_int_t)created, "owned_by", "vdet", "name",
	                 item ? json_text(item, "name") : NULL);
}

/* How many videos have each name. */
static json_t *count_names(const json_t *videos)
{
	json_t *counts = json_object();
	size_t i, k;
	json_t *item, *name;
	json_array_foreach (list_of(videos, "videos"), i, item)
		json_array_foreach (json_object_get(item, "names"), k, name) {
			const char *text = json_string_value(name);
			json_int_t n = json_integer_value(json_object_get(counts, text));
			json_object_set_new(counts, text, json_integer(n + 1));
		}
	return counts;
}

/* Whether a name could be taken for a number. */
static bool looks_numbered(const char *name)
{
	const char *digits = strncmp(name, "video-", 6) == 0  ? name + 6
	                     : strncmp(name, "case-", 5) == 0 ? name + 5
	                                                      : "";
	return *digits && !digits[strspn(digits, "0123456789")];
}

/* By its name if no other video has that. */
static json_t *video_model(const json_t *counts, const json_t *video)
{
	const char *name = json_text(video, "name");
	bool clear = json_integer_value(json_object_get(counts, name)) == 1 && !looks_numbered(name);
	AUTO(mem_freep)
	char *id =
		clear ? mem_printf("vdet/%s", name) : mem_printf("vdet/video-%s", json_text(video, "id"));
	return model(id, video);
}

static json_t *case_model(const json_t *c)
{
	AUTO(mem_freep) char *id = mem_printf("vdet/case-%s", json_text(c, "id"));
	return model(id, c);
}

json_t *chat_scope_models(const json_t *videos, const json_t *cases)
{
	json_t *list = json_array();
	size_t i;
	json_t *item;
	json_auto_t *counts = count_names(videos);
	json_array_append_new(list, model("vdet", NULL));
	json_array_foreach (list_of(videos, "videos"), i, item)
		json_array_append_new(list, video_model(counts, item));
	json_array_foreach (list_of(cases, "cases"), i, item)
		json_array_append_new(list, case_model(item));
	return json_pack("{s:s, s:o}", "object", "list", "data", list);
}

json_t *chat_scope_model(const json_t *videos, const json_t *cases, const char *id)
{
	struct found f = {.list = BUF(4096)};
	if (strcmp(id, "vdet") == 0)
		return model("vdet", NULL);
	if (strncmp(id, "vdet/", 5) == 0)
		find(videos, cases, id + 5, &f);
	buf_free(&f.list);
	return f.n == 1 ? model(id, f.item) : NULL;
}
