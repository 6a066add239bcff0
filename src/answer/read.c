/* SPDX-License-Identifier: Apache-2.0 */
/* An answer from JSON that may be hostile. What has no place in the table of
 * members is ignored, so that later versions may add some. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "answer/answer.h"
#include "answer/fields.h"
#include "base/clock.h"
#include "base/text.h"

#define TEXT_MOST ((int64_t)1 << 20)
#define NUMBER_MOST ((int64_t)1 << 53) /* what any reader of JSON has exactly */
#define TIME_MOST (10 * 366 * INT64_C(86400) * CLOCK_SECOND)

static int64_t most_or(const struct field *f, int64_t most)
{
	return f->most ? f->most : most;
}

static int read_text(const struct field *f, const json_t *v, char **ret, struct err *err)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	bool null = f->null && json_is_null(v);

	if (!s && !null)
		return err_set(err, ERR_FORMAT, "\"%s\" is not a text", f->name);
	if (s && (strlen(s) != len || !text_is_utf8(s)))
		return err_set(err, ERR_FORMAT, "\"%s\" is not valid text", f->name);
	if (s && f->null && !*s)
		return err_set(err, ERR_FORMAT, "\"%s\" is empty; it would be null", f->name);
	if (s && (int64_t)len > most_or(f, TEXT_MOST))
		return err_set(err, ERR_FORMAT, "\"%s\" has %zu bytes; at most %lld are possible", f->name,
		               len, (long long)most_or(f, TEXT_MOST));
	*ret = mem_strdup(s ? s : "");
	return 0;
}

static int read_hex(const struct field *f, const json_t *v, char **ret, struct err *err)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);
	bool digits = s && strspn(s, "0123456789abcdef") == n;

	if (f->null && json_is_null(v)) {
		*ret = mem_strdup("");
		return 0;
	}
	if (!digits || (int64_t)n < f->least || (int64_t)n > f->most)
		return err_set(err, ERR_FORMAT, "\"%s\" does not have %lld%s hexadecimal digits", f->name,
		               (long long)f->most, f->least < f->most ? " or fewer" : "");
	*ret = mem_strdup(s);
	return 0;
}

static int read_number(const struct field *f, const json_t *v, int64_t most, int64_t *ret,
                       struct err *err)
{
	int64_t n = json_integer_value(v), least = f->null ? f->none + 1 : 0;

	if (f->null && json_is_null(v)) {
		*ret = f->none;
		return 0;
	}
	if (!json_is_integer(v) || n < least || n > most)
		return err_set(err, ERR_FORMAT, "\"%s\" is not a whole number from %lld to %lld", f->name,
		               (long long)least, (long long)most);
	*ret = n;
	return 0;
}

static int read_seconds(const struct field *f, const json_t *v, int64_t *ret, struct err *err)
{
	double s = json_number_value(v);
	bool possible = json_is_number(v) && isfinite(s) && s >= 0 && s <= (double)TIME_MOST / 1e6;
	int64_t us = possible ? llround(s * 1e6) : 0;

	if (f->null && json_is_null(v)) {
		*ret = f->none;
		return 0;
	}
	if (!possible)
		return err_set(err, ERR_FORMAT, "\"%s\" is not a number of seconds up to ten years",
		               f->name);
	if (f->null && us <= f->none)
		return err_set(err, ERR_FORMAT, "\"%s\" is 0; it would be null", f->name);
	*ret = us;
	return 0;
}

static int read_date(const struct field *f, const json_t *v, int64_t *ret, struct err *err)
{
	const char *s = json_string_value(v);
	char iso[CLOCK_TEXT_MAX];
	struct tm tm = {0};

	if (f->null && json_is_null(v)) {
		*ret = f->none;
		return 0;
	}
	/* strptime() accepts spaces and short numbers, which do not come back */
	int64_t t = s && strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm) ? timegm(&tm) : -1;
	if (t < 0 || strcmp(clock_iso(t * CLOCK_SECOND, iso), s) != 0)
		return err_set(err, ERR_FORMAT, "\"%s\" is not a time such as 2026-11-22T10:00:00Z",
		               f->name);
	*ret = t * CLOCK_SECOND;
	return 0;
}

static int read_share(const struct field *f, const json_t *v, double *ret, struct err *err)
{
	double d = json_number_value(v);

	if (f->null && json_is_null(v)) {
		*ret = (double)f->none;
		return 0;
	}
	if (!json_is_number(v) || !(d >= 0 && d <= 1))
		return err_set(err, ERR_FORMAT, "\"%s\" is not a number from 0 to 1", f->name);
	*ret = d;
	return 0;
}

static int read_name(const struct field *f, const json_t *v, int *ret, struct err *err)
{
	const char *s = json_is_null(v) ? "" : json_string_value(v);
	bool possible = s && json_is_null(v) == !*s;

	for (int i = 0; possible && i < f->names; i++)
		if (strcmp(f->name_of(i), s) == 0) {
			*ret = i;
			return 0;
		}
	return err_set(err, ERR_FORMAT, "\"%s\" is none of the names that are possible", f->name);
}

static int read_bool(const struct field *f, const json_t *v, bool *ret, struct err *err)
{
	if (!json_is_boolean(v))
		return err_set(err, ERR_FORMAT, "\"%s\" is neither true nor false", f->name);
	*ret = json_is_true(v);
	return 0;
}

static int read_fields(const struct field *fields, size_t n, const json_t *o, void *of,
                       struct err *err);

static int read_object(const struct field *f, const json_t *v, void *of, struct err *err)
{
	json_auto_t *nothing = NULL;

	if (f->null && json_is_null(v)) {
		nothing = json_object();
		for (size_t i = 0; i < f->n_fields; i++)
			json_object_set_new(nothing, f->fields[i].name, json_null());
	}
	int r = read_fields(f->fields, f->n_fields, nothing ? nothing : v, of, err);
	return r < 0 ? err_wrap(err, "%s", f->name) : 0;
}

static int read_item(const struct field *f, const json_t *v, void *item, struct err *err)
{
	const struct field one = {.name = f->name};
	int64_t number = 0;
	int r = 0;

	if (f->type == FIELD_LIST)
		return read_fields(f->fields, f->n_fields, v, item, err);
	if (f->type == FIELD_TEXTS)
		return read_text(&one, v, item, err);
	r = read_number(&one, v, most_or(f, NUMBER_MOST), &number, err);
	if (r == 0 && !number)
		r = err_set(err, ERR_FORMAT, "\"%s\" are counted from 1", f->name);
	if (r == 0)
		*(size_t *)item = (size_t)number - 1;
	return r;
}

static int read_list(const struct field *f, const json_t *v, void *of, struct err *err)
{
	size_t n = json_array_size(v);
	size_t size = f->type == FIELD_LIST    ? f->item
	              : f->type == FIELD_TEXTS ? sizeof(char *)
	                                       : sizeof(size_t);

	if (!json_is_array(v))
		return err_set(err, ERR_FORMAT, "\"%s\" is not a list", f->name);
	if ((int64_t)n < f->least || (int64_t)n > f->most)
		return err_set(err, ERR_FORMAT, "\"%s\" has %zu items; %lld to %lld are possible", f->name,
		               n, (long long)f->least, (long long)f->most);

	/* What is not read yet is zero, which can be freed. */
	char *items = mem_alloc(n, size);
	*(void **)field_in(f, of) = items;
	*(size_t *)((char *)of + f->n_at) = n;
	for (size_t i = 0; i < n; i++)
		if (read_item(f, json_array_get(v, i), items + i * size, err) < 0)
			return err_wrap(err, "%s[%zu]", f->name, i);
	return 0;
}

static int read_small(const struct field *f, const json_t *v, void *p, struct err *err)
{
	int64_t number = 0;
	int64_t most = f->type == FIELD_INT ? INT_MAX : NUMBER_MOST;
	int r = read_number(f, v, most, &number, err);

	if (r == 0 && f->type == FIELD_INT)
		*(int *)p = (int)number;
	else if (r == 0 && f->type == FIELD_SIZE)
		*(size_t *)p = (size_t)number;
	else if (r == 0)
		*(int64_t *)p = number;
	return r;
}

static int read_field(const struct field *f, const json_t *v, void *of, struct err *err)
{
	void *p = field_in(f, of);
	json_auto_t *none = !v && f->added ? json_null() : NULL;

	v = v ? v : none;
	if (!v)
		return err_set(err, ERR_FORMAT, "there is no \"%s\"", f->name);
	switch (f->type) {
	case FIELD_TEXT: return read_text(f, v, p, err);
	case FIELD_HEX: return read_hex(f, v, p, err);
	case FIELD_BOOL: return read_bool(f, v, p, err);
	case FIELD_INT:
	case FIELD_COUNT:
	case FIELD_SIZE: return read_small(f, v, p, err);
	case FIELD_SECONDS: return read_seconds(f, v, p, err);
	case FIELD_DATE: return read_date(f, v, p, err);
	case FIELD_SHARE: return read_share(f, v, p, err);
	case FIELD_NAME: return read_name(f, v, p, err);
	case FIELD_OBJECT: return read_object(f, v, of, err);
	case FIELD_LIST:
	case FIELD_TEXTS:
	case FIELD_NUMBERS: return read_list(f, v, of, err);
	case FIELD_BYTES: break;
	}
	return 0;
}

static int read_fields(const struct field *fields, size_t n, const json_t *o, void *of,
                       struct err *err)
{
	if (!json_is_object(o))
		return err_set(err, ERR_FORMAT, "there is no object");
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i];
		int r = 0;

		if (f->name)
			r = read_field(f, json_object_get(o, f->name), of, err);
		else if (f->type == FIELD_TEXT)
			*(char **)field_in(f, of) = mem_strdup("");
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- what one member says of another */

static int check_cite(const struct answer *a, const struct answer_cite *c, struct err *err)
{
	if (c->source >= a->n_sources)
		return err_set(err, ERR_FORMAT, "there is no source %zu", c->source);
	if (c->end < c->start)
		return err_set(err, ERR_FORMAT, "it ends before it starts");
	if (c->sense == SENSE_SEEN && !c->n_frames)
		return err_set(err, ERR_FORMAT, "it has no frame");
	for (size_t i = 1; i < c->n_frames; i++)
		if (c->frames[i].pts < c->frames[i - 1].pts)
			return err_set(err, ERR_FORMAT, "its frames are not in order of time");
	return 0;
}

static int check_source(const struct answer *a, const struct answer_source *s, struct err *err)
{
	bool nothing = *s->unseen || (*s->job && !s->examined && s->to - s->from > s->holes);
	if (s->to < s->from)
		return err_set(err, ERR_FORMAT, "it ends before it starts");
	if (a->state == ANSWER_NOT_SEEN && nothing)
		return err_set(err, ERR_FORMAT, "nothing of it was examined, so the state is not not-seen");
	return 0;
}

static int check_all(const struct answer *a, struct err *err)
{
	for (size_t i = 0; i < a->n_cites; i++)
		if (check_cite(a, &a->cites[i], err) < 0)
			return err_wrap(err, "cites[%zu]", i);
	for (size_t i = 0; i < a->n_claims; i++)
		for (size_t k = 0; k < a->claims[i].n_cites; k++)
			if (a->claims[i].cites[k] >= a->n_cites)
				return err_set(err, ERR_FORMAT, "claims[%zu]: there is no citation %zu", i,
				               a->claims[i].cites[k] + 1);
	for (size_t i = 0; i < a->n_sources; i++)
		if (check_source(a, &a->sources[i], err) < 0)
			return err_wrap(err, "sources[%zu]", i);
	return 0;
}

int answer_read(const json_t *json, struct answer **ret, struct err *err)
{
	AUTO(answer_freep) struct answer *a = mem_alloc(1, sizeof *a);
	const char *format = json_string_value(json_object_get(json, "format"));

	if (!format || strcmp(format, ANSWER_FORMAT) != 0)
		return err_set(err, ERR_FORMAT, "this is not an answer of the format %s%s", ANSWER_FORMAT,
		               format && !strncmp(format, "vdet-answer/", 12)
		                   ? "; use the version of vdet that wrote it"
		                   : "");
	if (read_fields(answer_fields, answer_n_fields, json, a, err) < 0 || check_all(a, err) < 0)
		return err_wrap(err, "this is not a valid answer");
	*ret = TAKE(a);
	return 0;
}
