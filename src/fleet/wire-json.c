/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "fleet/wire-internal.h"

char *wire_text_of(const json_t *o, const char *key, size_t max)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return mem_strdup("");
	if (!json_is_string(v) || json_string_length(v) > max ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return NULL;
	return mem_strdup(json_string_value(v));
}

bool wire_number_of(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return false;
	*ret = json_integer_value(v);
	return true;
}

bool wire_nonce_of(const json_t *o, const char *key, char out[static WIRE_NONCE])
{
	const char *s = json_text(o, key);

	if (strlen(s) != WIRE_NONCE - 1 || strspn(s, "0123456789abcdef") != WIRE_NONCE - 1)
		return false;
	memcpy(out, s, WIRE_NONCE);
	return true;
}

bool wire_texts_of(const json_t *o, const char *key, char **ret, size_t max, size_t max_text,
                   size_t *ret_n)
{
	const json_t *list = json_object_get(o, key), *v;
	size_t i;

	*ret_n = 0;
	if (!list)
		return true;
	if (!json_is_array(list) || json_array_size(list) > max)
		return false;
	json_array_foreach (list, i, v) {
		if (!json_is_string(v) || json_string_length(v) > max_text)
			return false;
		ret[(*ret_n)++] = mem_strdup(json_string_value(v));
	}
	return true;
}

int wire_write_line(json_t *o, const char *body, struct buf *out, struct err *err)
{
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (!text)
		return err_set(err, ERR_FORMAT, "a message of the fleet has text that is not UTF-8");
	buf_adds(out, text);
	free(text);
	if (body) {
		buf_adds(out, "\n");
		buf_adds(out, body);
	}
	return buf_check(out, "a message of the fleet", err);
}

int wire_read_line(const char *data, size_t len, json_t **ret, char **ret_body, struct err *err)
{
	const char *end = memchr(data, '\n', len);
	size_t line = end ? (size_t)(end - data) : len;
	size_t rest = end ? len - line - 1 : 0;

	if (len > WIRE_MAX)
		return err_set(err, ERR_LIMIT, "a message of the fleet has more than %d bytes", WIRE_MAX);
	if (end && !ret_body)
		return err_set(err, ERR_FORMAT, "a message of the fleet has a body that it must not have");
	if (rest > RUNNER_MAX_BODY || (end && memchr(end + 1, 0, rest)))
		return err_set(err, ERR_FORMAT, "a body has more than %d bytes, or zeros in it",
		               RUNNER_MAX_BODY);
	int r = json_read_foreign(data, line, ret, err);
	if (r)
		return err_wrap(err, "a message of the fleet");
	if (end) {
		*ret_body = mem_alloc(rest + 1, 1);
		memcpy(*ret_body, end + 1, rest);
	}
	return 0;
}

int wire_malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_FORMAT, "%s of the fleet lacks something, or has a wrong value", what);
}

json_t *wire_list_of(char *const *texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}
