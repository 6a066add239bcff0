/* SPDX-License-Identifier: Apache-2.0 */
#include "board/settings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/opt.h"

struct settings {
	pthread_mutex_t lock;
	char *file;
	const struct opt_set *set;
	json_t *changed; /* {name: value as text} */
};

/* Defaults of jobs; what is only for the command line (a range) belongs to one
 * video. */
static bool is_editable(const struct opt_row *row)
{
	return row->flags & OPT_PER_JOB && !(row->flags & OPT_COMMAND_ONLY);
}

static char *text_of(const json_t *v)
{
	if (json_is_string(v))
		return mem_strdup(json_string_value(v));
	return json_is_number(v) || json_is_boolean(v)
	           ? json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))
	           : NULL;
}

/* Converts a valid value to text; the caller frees. */
static int check(const struct settings *s, const char *name, const json_t *v, char **ret,
                 struct err *err)
{
	const struct opt_row *row = opt_find(s->set, name);
	if (!row || !is_editable(row))
		return err_set(err, ERR_ARG,
		               row ? "option %s cannot be changed here; set it in vdet.conf"
		                   : "unknown option %s",
		               name);
	AUTO(mem_freep) char *text = text_of(v);
	if (!text)
		return err_set(err, ERR_ARG, "%s: expected a number, a string, true or false", name);

	int r = opt_check(row, text, name, err);
	if (r == 0)
		*ret = TAKE(text);
	return r;
}

static int change_all(const struct settings *s, json_t *all, const json_t *changes, struct err *err)
{
	const char *name;
	json_t *v;
	int r = 0;
	json_object_foreach ((json_t *)changes, name, v) {
		AUTO(mem_freep) char *text = NULL;
		if (json_is_null(v)) {
			json_object_del(all, name);
			continue;
		}
		r = check(s, name, v, &text, err);
		if (r < 0)
			break;
		json_object_set_new(all, name, json_string(text));
	}
	return r;
}

int settings_open(const char *file, const struct opt_set *set, struct settings **ret,
                  struct err *err)
{
	AUTO(settings_freep) struct settings *s = mem_alloc(1, sizeof *s);
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	pthread_mutex_init(&s->lock, NULL);
	s->file = mem_strdup(file);
	s->set = set;
	s->changed = json_object();
	if (file_exists(file)) {
		int r = file_read(file, &text, err);
		json_t *j = r == 0 ? json_loadb(buf_str(&text), text.len, 0, NULL) : NULL;
		if (r == 0)
			r = json_is_object(j) ? change_all(s, s->changed, j, err)
			                      : err_set(err, ERR_FORMAT, "not a JSON object");
		json_decref(j);
		if (r < 0)
			return err_wrap(err, "%s (correct or delete it)", file);
	}
	*ret = TAKE(s);
	return 0;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	json_decref(s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->file);
	free(s);
}

int settings_change(struct settings *s, const json_t *changes, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	json_t *all = json_copy(s->changed);
	int r = change_all(s, all, changes, err);
	AUTO(mem_freep) char *text = r == 0 ? json_dumps(all, JSON_INDENT(1)) : NULL;
	if (r == 0)
		r = file_write_private(s->file, text, strlen(text), err);
	if (r == 0) {
		json_decref(s->changed);
		s->changed = json_incref(all);
	}
	json_decref(all);
	pthread_mutex_unlock(&s->lock);
	return r;
}

json_t *settings_apply(struct settings *s, const json_t *request)
{
	const json_t *given = json_object_get(request, "options");
	if (!json_is_object(request) || (given && !json_is_object(given)))
		return json_incref((json_t *)request);

	json_t *copy = json_copy((json_t *)request);
	json_t *options = given ? json_copy((json_t *)given) : json_object();
	pthread_mutex_lock(&s->lock);
	json_object_update_missing(options, s->changed);
	pthread_mutex_unlock(&s->lock);

	if (given || json_object_size(options))
		json_object_set(copy, "options", options);
	json_decref(options);
	return copy;
}

static void add_range(json_t *j, const struct opt_row *row)
{
	static const char *const types[] = {"bool", "int",    "double", "time",
	                                    "size", "string", "choice"};
	json_object_set_new(j, "type", json_string(types[row->type]));
	if (row->type == OPT_CHOICE)
		json_object_set_new(j, "range", json_string(row->choices));
	else if (row->type != OPT_BOOL && row->type != OPT_STRING) {
		AUTO(mem_freep)
		char *range = mem_printf("%s%s%.15g to %.15g", row->choices ? row->choices : "",
		                         row->choices ? ", " : "", opt_least(row), row->max);
		json_object_set_new(j, "range", json_string(range));
	}
}

static json_t *one(const struct settings *s, const struct opt_bind *bind, const struct opt_row *row)
{
	AUTO(buf_free) struct buf text = BUF(65536);
	opt_get_text(row, bind->target, &text);
	const char *changed = json_string_value(json_object_get(s->changed, row->name));
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "name", row->name, "section",
	                      bind->group->title, "value", changed ? changed : buf_str(&text),
	                      "default", row->def, "help", row->help, "editable", (int)is_editable(row),
	                      "changed", changed != NULL);
	add_range(j, row);
	return j;
}

json_t *settings_list(struct settings *s)
{
	json_t *all = json_array();
	pthread_mutex_lock(&s->lock);
	for (size_t g = 0; g < s->set->n; g++)
		for (size_t i = 0; i < s->set->binds[g].group->n; i++)
			if (!(s->set->binds[g].group->rows[i].flags & OPT_COMMAND_ONLY))
				json_array_append_new(all,
				                      one(s, &s->set->binds[g], &s->set->binds[g].group->rows[i]));
	pthread_mutex_unlock(&s->lock);
	return json_pack("{s:o}", "settings", all);
}
