/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void opt_flag_name(const struct opt_row *row, char out[static 64])
{
	snprintf(out, 64, "%s", row->flag ? row->flag : row->name);
	for (char *p = out; *p; p++)
		if (*p == '.' || *p == '_')
			*p = '-';
}

static void env_name(const struct opt_row *row, char out[static 64])
{
	snprintf(out, 64, "VDET_%s", row->name);
	for (char *p = out; *p; p++)
		*p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
}

/* A row with the target that its value goes to; target NULL: the row exists,
 * but this command has no use for it. */
struct found {
	const struct opt_row *row;
	void *target;
};

typedef void name_fn(const struct opt_row *row, char out[static 64]);

static void conf_name(const struct opt_row *row, char out[static 64])
{
	snprintf(out, 64, "%s", row->name);
}

static bool find_in(const struct opt_set *set, name_fn *name_of, const char *name,
                    struct found *ret)
{
	char have[64];
	for (size_t g = 0; g < set->n; g++) {
		const struct opt_group *group = set->binds[g].group;
		for (size_t i = 0; i < group->n; i++) {
			name_of(&group->rows[i], have);
			if (strcmp(have, name) == 0) {
				*ret = (struct found){&group->rows[i], set->binds[g].target};
				return true;
			}
		}
	}
	return false;
}

const struct opt_row *opt_find(const struct opt_set *set, const char *name)
{
	struct found f;
	return find_in(set, conf_name, name, &f) ? f.row : NULL;
}

static bool find(const struct opt_set *set, const struct opt_set *known, name_fn *name_of,
                 const char *name, struct found *ret)
{
	if (find_in(set, name_of, name, ret))
		return true;
	if (!known || !find_in(known, name_of, name, ret))
		return false;
	ret->target = NULL;
	return true;
}

const char *opt_nearest(const char *s, const char *const *words, size_t n)
{
	/* distances below it count as near */
	size_t len = strlen(s), best = len < 4 ? 2 : len / 3 + 2;
	const char *nearest = NULL;
	if (len > 60)
		return NULL;

	for (size_t w = 0; w < n; w++) {
		size_t row[64], m = strlen(words[w]);
		if (m > 62)
			continue;
		for (size_t j = 0; j <= m; j++)
			row[j] = j;
		for (size_t i = 1; i <= len; i++) { /* Levenshtein, one row at a time */
			size_t diagonal = row[0];
			row[0] = i;
			for (size_t j = 1; j <= m; j++) {
				size_t up = row[j], change = diagonal + (s[i - 1] != words[w][j - 1]);
				size_t least = up < row[j - 1] ? up + 1 : row[j - 1] + 1;
				row[j] = change < least ? change : least;
				diagonal = up;
			}
		}
		if (row[m] < best) {
			best = row[m];
			nearest = words[w];
		}
	}
	return nearest;
}

static int unknown(const struct opt_set *known, name_fn *name_of, const char *name,
                   const char *where, struct err *err)
{
	size_t n = 0, used = 0;
	for (size_t g = 0; g < known->n; g++)
		n += known->binds[g].group->n;
	AUTO(mem_freep) char(*names)[64] = mem_alloc(n, sizeof *names);
	AUTO(mem_freep) const char **words = mem_alloc(n, sizeof *words);
	for (size_t g = 0; g < known->n; g++)
		for (size_t i = 0; i < known->binds[g].group->n; i++, used++) {
			name_of(&known->binds[g].group->rows[i], names[used]);
			words[used] = names[used];
		}
	const char *nearest = opt_nearest(name, words, used),
			   *dashes = name_of == opt_flag_name ? "--" : "";
	return nearest ? err_set(err, ERR_ARG, "%s: unknown option %s%s; did you mean %s%s?", where,
	                         dashes, name, dashes, nearest)
	               : err_set(err, ERR_ARG, "%s: unknown option %s%s", where, dashes, name);
}

static int fill_defaults(const struct opt_set *set, struct err *err)
{
	for (size_t g = 0; g < set->n; g++)
		for (size_t i = 0; i < set->binds[g].group->n; i++) {
			const struct opt_row *row = &set->binds[g].group->rows[i];
			int r = opt_set_value(row, set->binds[g].target, row->def, row->name, err);
			if (r < 0)
				return r;
		}
	return 0;
}

struct conf_reader {
	const struct opt_set *set, *known;
	struct err *err;
	int r;
};

/* Distributions build libinih without line numbers for handlers;
 * ini_parse_file() returns the line of the first handler that answered 0, so
 * read_conf() adds it. */
static int conf_line(void *ctx, const char *section, const char *key, const char *value)
{
	struct conf_reader *c = ctx;
	if (c->r < 0)
		return 1;
	struct found f;
	AUTO(mem_freep) char *name = mem_printf("%s.%s", section, key);
	if (!find(c->set, c->known, conf_name, name, &f))
		c->r = unknown(c->known ? c->known : c->set, conf_name, name, "configuration", c->err);
	else if (f.row->flags & OPT_COMMAND_ONLY)
		c->r = err_set(c->err, ERR_ARG, "%s can only be given on the command line", name);
	else if (f.target)
		c->r = opt_set_value(f.row, f.target, value, name, c->err);
	return c->r == 0;
}

static int read_conf(const struct opt_set *set, const struct opt_set *known, const char *path,
                     struct err *err)
{
	struct conf_reader c = {set, known, err, 0};
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(err, ERR_NOENT, "cannot open the configuration file %s", path);
	int line = ini_parse_file(f, conf_line, &c);
	fclose(f);
	if (c.r < 0)
		return err_wrap(err, "%s:%d", path, line);
	return line ? err_set(err, ERR_ARG,
	                      "%s:%d: not a line of the form key = value under a [section]", path, line)
	            : 0;
}

static int read_env(const struct opt_set *set, const struct opt_set *known, char **env,
                    struct err *err)
{
	/* Read by the front door and the setup, not by the table. */
	static const char *const reserved[] = {
		"VDET_CONFIG",   "VDET_RUNTIME_DIR", "VDET_BUILD_DIR",     "VDET_EXE",
		"VDET_DEMO_DIR", "VDET_DEMO_ONLY",   "VDET_ENGINE_VULKAN", "VDET_ENGINE_SPEECH"};
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');
		if (strncmp(*env, "VDET_", 5) != 0 || !eq)
			continue;
		AUTO(mem_freep) char *name = mem_printf("%.*s", (int)(eq - *env), *env);
		bool skip = false;
		for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
			skip |= strcmp(name, reserved[i]) == 0;
		struct found f;
		if (skip)
			continue;
		if (!find(set, known, env_name, name, &f))
			return unknown(known ? known : set, env_name, name, "environment", err);
		if (f.row->flags & OPT_COMMAND_ONLY)
			return err_set(err, ERR_ARG, "environment: %s can only be given on the command line",
			               name);
		int r = f.target ? opt_set_value(f.row, f.target, eq + 1, name, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads the flag at argv[*i] ("--name", "--name=value", "--name value",
 * "--no-name") and steps over its value. */
static int read_flag(const struct opt_set *set, char **argv, int *i, struct err *err)
{
	const char *arg = argv[*i] + 2, *eq = strchr(arg, '=');
	AUTO(mem_freep) char *name = eq ? mem_printf("%.*s", (int)(eq - arg), arg) : mem_strdup(arg);
	struct found f;
	const char *value = eq ? eq + 1 : NULL;
	if (!find_in(set, opt_flag_name, name, &f)) {
		if (!value && strncmp(name, "no-", 3) == 0 && find_in(set, opt_flag_name, name + 3, &f) &&
		    f.row->type == OPT_BOOL)
			value = "false";
		else
			return unknown(set, opt_flag_name, name, "command line", err);
	}
	if (!value && f.row->type == OPT_BOOL)
		value = "true";
	if (!value && !(value = argv[++*i]))
		return err_set(err, ERR_ARG, "--%s needs a value (%s)", name,
		               f.row->metavar ? f.row->metavar : "VALUE");
	AUTO(mem_freep) char *where = mem_printf("--%s", name);
	return opt_set_value(f.row, f.target, value, where, err);
}

int opt_parse(const struct opt_set *set, const struct opt_set *known, const char *file, char **env,
              char **argv, int *ret_n, struct err *err)
{
	int r = fill_defaults(set, err);
	if (r == 0 && file)
		r = read_conf(set, known, file, err);
	if (r == 0)
		r = read_env(set, known, env, err);
	int n = 0;
	bool options = true;
	for (int i = 1; r == 0 && argv && argv[0] && argv[i]; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && strncmp(argv[i], "--", 2) == 0)
			r = read_flag(set, argv, &i, err);
		else if (options && argv[i][0] == '-' && argv[i][1])
			r = err_set(err, ERR_ARG, "unknown option %s; for a file of that name write ./%s",
			            argv[i], argv[i]);
		else
			argv[n++] = argv[i];
	}
	if (r == 0)
		*ret_n = n;
	return r;
}
