/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "answer/answer.h"
#include "answer/fields.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

static json_t *text_json(const char *s, bool null)
{
	if (!s || !*s)
		return null ? json_null() : json_string("");
	json_t *j = json_string(s);
	if (j)
		return j;
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2); /* not UTF-8 after all */
	text_utf8(&b, s, strlen(s));
	return json_string(buf_str(&b));
}

static json_t *number_json(const struct field *f, int64_t v)
{
	return f->null && v <= f->none ? json_null() : json_integer(v);
}

static json_t *date_json(int64_t us)
{
	char iso[CLOCK_TEXT_MAX];
	bool known = us >= 0 && strlen(clock_iso(us, iso)) == strlen("2026-11-22T10:00:00Z");
	return known ? json_string(iso) : json_null();
}

static json_t *share_json(double v)
{
	return isfinite(v) && v >= 0 ? json_real(v) : json_null();
}

static json_t *fields_json(const struct field *fields, size_t n, const void *of);

static json_t *object_json(const struct field *f, const void *of)
{
	json_t *o = fields_json(f->fields, f->n_fields, of), *v;
	const char *key;
	bool known = !f->null;
	json_object_foreach (o, key, v)
		known |= !json_is_null(v);
	if (known)
		return o;
	json_decref(o);
	return json_null();
}

static json_t *list_json(const struct field *f, const void *of)
{
	void *const *p = field_in(f, of);
	size_t n = *(const size_t *)((const char *)of + f->n_at);
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			all, f->type == FIELD_TEXTS ? text_json(((char **)*p)[i], false)
				 : f->type == FIELD_NUMBERS
					 ? json_integer((json_int_t)((size_t *)*p)[i] + 1)
					 : fields_json(f->fields, f->n_fields, (const char *)*p + i * f->item));
	return all;
}

static json_t *name_json(const struct field *f, int value)
{
	return text_json(f->name_of(value), true);
}

static json_t *field_json(const struct field *f, const void *of)
{
	const void *p = field_in(f, of);
	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_HEX: return text_json(*(char *const *)p, f->null);
	case FIELD_BOOL: return json_boolean(*(const bool *)p);
	case FIELD_INT: return number_json(f, *(const int *)p);
	case FIELD_COUNT: return number_json(f, *(const int64_t *)p);
	case FIELD_SIZE: return number_json(f, (int64_t) * (const size_t *)p);
	case FIELD_SECONDS:
		return f->null && *(const int64_t *)p <= f->none
		           ? json_null()
		           : json_real((double)*(const int64_t *)p / 1e6);
	case FIELD_DATE: return date_json(*(const int64_t *)p);
	case FIELD_SHARE: return share_json(*(const double *)p);
	case FIELD_NAME: return name_json(f, *(const int *)p);
	case FIELD_OBJECT: return object_json(f, of);
	case FIELD_LIST:
	case FIELD_TEXTS:
	case FIELD_NUMBERS: return list_json(f, of);
	case FIELD_BYTES: break;
	}
	return json_null();
}

static json_t *fields_json(const struct field *fields, size_t n, const void *of)
{
	json_t *o = json_object();
	for (size_t i = 0; i < n; i++)
		if (fields[i].name)
			json_object_set_new(o, fields[i].name, field_json(&fields[i], of));
	return o;
}

/* The place of a gap that is not known is not known either. */
static void forget_gaps(json_t *sources)
{
	json_t *s;
	size_t i;
	json_array_foreach (sources, i, s)
		if (json_is_null(json_object_get(s, "max_gap")))
			json_object_set_new(s, "max_gap_at", json_null());
}

json_t *answer_json(const struct answer *a)
{
	json_t *o = json_pack("{s:s}", "format", ANSWER_FORMAT);
	json_t *all = fields_json(answer_fields, answer_n_fields, a);
	forget_gaps(json_object_get(all, "sources"));
	json_object_update(o, all);
	json_decref(all);
	return o;
}
