/* SPDX-License-Identifier: Apache-2.0 */
#include "job/unit-result.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "proc/wire.h"
#include "story/check.h"

/* Of probabilities that were read from a text. */
#define NEARLY_ONE 1.0001

/* ---- writing */

int unit_result_write(json_t *j, struct runner_result *ret, struct err *err)
{
	AUTO(mem_freep) char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!text)
		return err_set(err, ERR_FORMAT, "the result has text that is not valid");
	size_t len = strlen(text);
	if (len > RUNNER_MAX_BODY)
		ret->body =
			mem_printf("{\"blob\":\"%s\"}", runner_add_blob(ret, (const unsigned char *)text, len));
	else
		ret->body = TAKE(text);
	return 0;
}

/* ---- reading */

int unit_result_bad(struct err *err, const char *key)
{
	return err_set(err, ERR_PROTO, "the result of a worker has no valid \"%s\"", key);
}

/* The text of the result, which may be in a blob. */
static int read_body(const struct runner_result *result, json_t **ret, struct err *err)
{
	const char *body = result->body;
	size_t len = strlen(body);
	json_auto_t *j = NULL;
	if (len > RUNNER_MAX_BODY)
		return err_set(err, ERR_PROTO, "the result of a worker is larger than %d bytes",
		               RUNNER_MAX_BODY);
	int r = json_read_foreign(body, len, &j, err);
	const char *name = r == 0 ? json_string_value(json_object_get(j, "blob")) : NULL;
	const struct runner_blob *blob = name ? runner_find_blob(result, name) : NULL;
	if (name && !blob)
		return unit_result_bad(err, "blob");
	if (blob) {
		json_decref(TAKE(j));
		r = json_read_foreign((const char *)blob->data, blob->len, &j, err);
	}
	if (r < 0)
		return err_set(err, ERR_PROTO, "the result of a worker is not valid JSON");
	*ret = TAKE(j);
	return 0;
}

int unit_result_open(const struct runner_result *result, const char *const *keys, json_t **ret,
                     struct err *err)
{
	json_auto_t *j = NULL;
	int r = read_body(result, &j, err);
	if (r == 0 && (!json_is_object(j) || json_unknown_key(j, keys)))
		r = err_set(err, ERR_PROTO, "the result of a worker has unknown members");
	if (r == 0)
		*ret = TAKE(j);
	return r;
}

int unit_result_int(const json_t *j, const char *key, int64_t min, int64_t max, int64_t *ret,
                    struct err *err)
{
	return wire_int(j, key, min, max, ret, NULL) < 0 ? unit_result_bad(err, key) : 0;
}

int unit_result_line(const json_t *j, const char *key, size_t max, char **ret, struct err *err)
{
	const char *text = json_string_value(json_object_get(j, key));
	AUTO(mem_freep) char *line = text ? text_line(text, max) : NULL;
	if (!line || strcmp(line, text) != 0)
		return unit_result_bad(err, key);
	*ret = TAKE(line);
	return 0;
}

int unit_result_pts(const json_t *j, const char *key, size_t most, int64_t **ret, size_t *ret_n,
                    struct err *err)
{
	const json_t *list = json_object_get(j, key);
	size_t n = json_array_size(list);
	if (!n || n > most)
		return unit_result_bad(err, key);
	AUTO(mem_freep) int64_t *pts = mem_alloc(n, sizeof *pts);
	for (size_t i = 0; i < n; i++) {
		const json_t *time = json_array_get(list, i);
		pts[i] = json_integer_value(time);
		if (!json_is_integer(time) || pts[i] < -RESULT_PTS_MAX || pts[i] > RESULT_PTS_MAX ||
		    (i && pts[i] <= pts[i - 1]))
			return unit_result_bad(err, key);
	}
	*ret = TAKE(pts);
	*ret_n = n;
	return 0;
}

int unit_result_letter(const json_t *j, char *ret, double ret_p[static 3], struct err *err)
{
	const char *letter = json_string_value(json_object_get(j, "letter"));
	const json_t *p = json_object_get(j, "p");
	double sum = 0;
	if (!letter || strlen(letter) != 1 || !strchr(CHECK_LETTERS "-", *letter))
		return unit_result_bad(err, "letter");
	for (size_t i = 0; i < 3; i++) {
		const json_t *one = json_array_get(p, i);
		ret_p[i] = json_number_value(one);
		sum += ret_p[i];
		if (!json_is_number(one) || ret_p[i] < 0)
			return unit_result_bad(err, "p");
	}
	if (json_array_size(p) != 3 || !(sum <= NEARLY_ONE) || (*letter == '-' && sum > 0))
		return unit_result_bad(err, "p");
	*ret = *letter;
	return 0;
}

/* ---- failures */

/* The cause is a word in front of the reason: what carries failures knows only
 * text, and may put several into one. */
int unit_failure(enum hole_code code, const char *reason, struct err *err)
{
	return err_set(err, ERR_ENGINE, "[%s] %s", hole_code_name(code ? code : HOLE_INTERNAL), reason);
}

/* The length of "[CODE] " at s; 0 if there is none. */
static size_t cause_at(const char *s, enum hole_code *ret)
{
	for (enum hole_code code = HOLE_UNKNOWN + 1; code < HOLE_CODES; code++) {
		const char *name = hole_code_name(code);
		size_t n = strlen(name);
		if (*s == '[' && strncmp(s + 1, name, n) == 0 && strncmp(s + 1 + n, "] ", 2) == 0) {
			*ret = code;
			return n + 3;
		}
	}
	return 0;
}

enum hole_code unit_failure_read(const struct err *failure, char **ret_reason)
{
	enum hole_code code = failure->code == ERR_ENGINE ? HOLE_ENGINE : HOLE_INTERNAL;
	AUTO(mem_freep) char *text = mem_alloc(strlen(failure->msg) + 1, 1);
	char *to = text;
	for (const char *from = failure->msg; *from;) {
		size_t n = cause_at(from, &code);
		from += n;
		if (!n)
			*to++ = *from++;
	}
	*ret_reason = text_line(text, sizeof failure->msg);
	return code;
}

int unit_failure_of(struct err *err)
{
	const struct err why = *err;
	if (why.code == ERR_CANCELED)
		return -ERR_CANCELED;
	enum hole_code code = why.code == ERR_FORMAT ? HOLE_ANSWER
	                      : why.option           ? HOLE_TIME_LIMIT
	                      : why.code == ERR_PERM ? HOLE_REFUSED
	                                             : HOLE_ENGINE;
	return unit_failure(code, why.msg, err);
}

int unit_failure_error(const struct err *failure, struct err *err)
{
	AUTO(mem_freep) char *reason = NULL;
	if (failure->code == ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "interrupted");
	enum hole_code code = unit_failure_read(failure, &reason);
	return err_set(err, code == HOLE_ANSWER ? ERR_FORMAT : ERR_ENGINE, "%s", reason);
}
