/* SPDX-License-Identifier: Apache-2.0 */
/* What a request may set, and what it makes of the options. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/text.h"
#include "board/board-internal.h"

static const struct opt_group *const groups[] = {&analyze_opt_group, &media_opt_group,
                                                 &index_opt_group, &text_opt_group};

static const struct opt_row *find_row(const char *name)
{
	struct opt_bind binds[ARRAY_LEN(groups)];
	for (size_t k = 0; k < ARRAY_LEN(groups); k++)
		binds[k] = (struct opt_bind){groups[k], NULL};
	return opt_find(&(struct opt_set){binds, ARRAY_LEN(groups)}, name);
}

static int value_text(const char *name, const json_t *value, char **ret, struct err *err)
{
	if (json_is_string(value)) {
		AUTO(buf_free) struct buf text = BUF(1 << 16);
		text_utf8(&text, json_string_value(value), json_string_length(value));
		if (buf_check(&text, name, err) < 0)
			return -ERR_LIMIT;
		*ret = mem_strdup(buf_str(&text));
	} else if (json_is_integer(value)) {
		*ret = mem_printf("%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		*ret = mem_printf("%.15g", json_real_value(value));
	} else if (json_is_boolean(value)) {
		*ret = mem_strdup(json_is_true(value) ? "true" : "false");
	} else {
		return err_set(err, ERR_ARG, "the option %s has to be a text, a number, true or false",
		               name);
	}
	return 0;
}

static int put_option(json_t *to, const char *name, const json_t *value, struct err *err)
{
	AUTO(mem_freep) char *text = NULL;
	const struct opt_row *row = find_row(name);
	if (!row || !(row->flags & OPT_PER_JOB))
		return err_set(err, ERR_ARG,
		               "%.60s is not an option that a request can set (see GET /api/v1/settings)",
		               name);
	int r = value_text(name, value, &text, err);
	if (r == 0)
		json_object_set_new(to, name, json_string(text));
	return r;
}

int board_read_options(const struct analyze_options *base, const json_t *request, json_t **ret,
                       struct err *err)
{
	json_auto_t *set = json_object();
	json_t *options = json_object_get(request, "options"),
		   *prompt = json_object_get(request, "prompt"), *value;
	const char *name;

	if (options && !json_is_object(options) && !json_is_null(options))
		return err_set(err, ERR_ARG,
		               "\"options\" has to be an object, such as {\"chunk.duration\": 60}");
	json_object_foreach (options, name, value) {
		if (put_option(set, name, value, err) < 0)
			return err_wrap(err, "\"options\"");
	}

	if (prompt && !json_is_null(prompt)) {
		if (!json_is_string(prompt))
			return err_set(err, ERR_ARG, "\"prompt\" has to be a text");
		int r = put_option(set, "describe.prompt", prompt, err);
		if (r < 0)
			return r;
	}

	struct analyze_options tried;
	if (board_make_options(base, set, &tried, err) < 0)
		return err_wrap(err, "\"options\"");
	board_clear_options(&tried);
	*ret = json_incref(set);
	return 0;
}

int board_make_options(const struct analyze_options *base, const json_t *set,
                       struct analyze_options *ret, struct err *err)
{
	struct analyze_options o = {0};
	const char *name;
	json_t *value;
	int r = 0;
	for (size_t k = 0; k < ARRAY_LEN(groups); k++)
		opt_copy(groups[k], base, &o);
	/* A queue shares out time by turns; a limit of a run is for those who asked
	 * for it. */
	o.job_timeout = 0;
	o.fresh = false;
	json_object_foreach ((json_t *)set, name, value) {
		const struct opt_row *row = find_row(name);
		if (r == 0 && row)
			r = opt_set_value(row, &o, json_string_value(value), name, err);
	}
	if (r < 0) {
		board_clear_options(&o);
		return r;
	}
	*ret = o;
	return 0;
}

void board_clear_options(struct analyze_options *o)
{
	struct opt_bind binds[ARRAY_LEN(groups)];
	for (size_t k = 0; k < ARRAY_LEN(groups); k++)
		binds[k] = (struct opt_bind){groups[k], o};
	opt_free(&(struct opt_set){binds, ARRAY_LEN(groups)});
}

char *board_file_name(const char *name)
{
	AUTO(mem_freep) char *line = text_line(file_base(name), 180);
	char *start = line;
	while (*start == '.' || *start == ' ')
		start++;
	for (char *p = start; *p; p++)
		if (*p == '/' || *p == '\\')
			*p = '_';
	return mem_strdup(*start ? start : "video");
}

int board_parse_id(const json_t *value, int64_t *ret, struct err *err)
{
	const char *s = json_string_value(value);
	char *end;
	long long id = s && *s >= '1' && *s <= '9' && strlen(s) < 19 ? strtoll(s, &end, 10) : 0;
	if (id <= 0 || *end)
		return err_set(err, ERR_ARG, "an id is a string of digits, such as \"7\"");
	*ret = id;
	return 0;
}

int board_check_keys(const json_t *request, const char *const *keys, struct err *err)
{
	if (!json_is_object(request))
		return err_set(err, ERR_ARG, "the request has to be a JSON object");
	const char *unknown = json_unknown_key(request, keys);
	return unknown ? err_set(err, ERR_ARG, "the request has an unknown member \"%.60s\"", unknown)
	               : 0;
}
