/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/endpoint-config.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"

void endpoint_config_clear(struct endpoint_config *s)
{
	free(s->url);
	free(s->model);
	free(s->key_file);
	free(s->key_env);
	free(s->ca_file);
	free(s->device);
	*s = (struct endpoint_config){0};
}

static int bad_value(const struct endpoint_config *s, const char *key, const char *value,
                     const char *form, struct err *err)
{
	return err_set(err, ERR_ARG, "the endpoint %s: %s=%s is not %s", s->name, key, value, form);
}

/* A number that is not negative, and what follows it. */
static bool read_number(const char *text, double *ret, const char **ret_rest)
{
	char *end;
	errno = 0;
	*ret = strtod(text, &end);
	*ret_rest = end;
	return end != text && !errno && isfinite(*ret) && *ret >= 0 && !isspace((unsigned char)*text);
}

static int set_number(struct endpoint_config *s, const char *key, const char *value, double most,
                      double *ret, struct err *err)
{
	const char *rest;
	double d;
	if (!read_number(value, &d, &rest) || *rest || d > most)
		return bad_value(s, key, value, "a number within the allowed range", err);
	*ret = d;
	return 0;
}

static int set_whole(struct endpoint_config *s, const char *key, const char *value, double most,
                     int64_t *ret, struct err *err)
{
	double d;
	int r = set_number(s, key, value, most, &d, err);
	if (r < 0)
		return r;
	if (d != floor(d) || d < 1)
		return bad_value(s, key, value, "a whole number from 1 on", err);
	*ret = (int64_t)d;
	return 0;
}

static int set_cap(struct endpoint_config *s, const char *value, struct err *err)
{
	static const char form[] = "a limit a day: 5 (money), 500req, 200ktok or 2Mtok";
	const char *rest;
	double d;
	if (!read_number(value, &d, &rest) || d > 1e15)
		return bad_value(s, "cap", value, form, err);
	double factor = *rest == 'k' ? 1e3 : *rest == 'M' ? 1e6 : 1;
	const char *unit = rest + (factor > 1);
	if (!*unit && factor == 1)
		s->cap.money = d;
	else if (!strcmp(unit, "req"))
		s->cap.requests = (int64_t)(d * factor);
	else if (!strcmp(unit, "tok"))
		s->cap.tokens = (int64_t)(d * factor);
	else
		return bad_value(s, "cap", value, form, err);
	return d > 0
	           ? 0
	           : bad_value(s, "cap", value, "more than 0; to disable the endpoint, remove it", err);
}

static int set_text(char **to, const char *value)
{
	free(*to);
	*to = mem_strdup(value);
	return 0;
}

static int set_key(struct endpoint_config *s, const char *key, const char *value, struct err *err)
{
	if (!strcmp(key, "model"))
		return set_text(&s->model, value);
	if (!strcmp(key, "key-file"))
		return set_text(&s->key_file, value);
	if (!strcmp(key, "key-env"))
		return set_text(&s->key_env, value);
	if (!strcmp(key, "ca-file"))
		return set_text(&s->ca_file, value);
	if (!strcmp(key, "device"))
		return set_text(&s->device, value);
	if (!strcmp(key, "concurrency") || !strcmp(key, "slots"))
		return set_whole(s, key, value, 256, &s->slots, err);
	if (!strcmp(key, "context"))
		return set_whole(s, key, value, 1 << 24, &s->context, err);
	if (!strcmp(key, "cost"))
		return set_number(s, key, value, 1e9, &s->cost, err);
	if (!strcmp(key, "cap"))
		return set_cap(s, value, err);
	if (!strcmp(key, "weight")) {
		int r = set_number(s, key, value, 1000, &s->weight, err);
		return r < 0 || s->weight > 0 ? r : bad_value(s, key, value, "more than 0", err);
	}
	if (!strcmp(key, "tier")) {
		s->cloud = !strcmp(value, "cloud");
		return s->cloud || !strcmp(value, "local")
		           ? 0
		           : bad_value(s, key, value, "local or cloud", err);
	}

	if (!strcmp(key, "key"))
		return err_set(err, ERR_ARG,
		               "the endpoint %s: a key must not be given here, where others can read it; "
		               "write key-file=FILE or key-env=VARIABLE",
		               s->name);
	return err_set(
		err, ERR_ARG,
		"the endpoint %s: unknown key %s=; the keys are model, concurrency, context, weight, cost, "
		"cap, tier, key-file, key-env, ca-file and device",
		s->name, key);
}

/* Takes the name off the front of `text`; what is left, or NULL with the error
 * set. */
static const char *take_name(struct endpoint_config *s, const char *text, struct err *err)
{
	size_t n = strcspn(text, "=");
	bool good = text[n] && n > 0 && n < sizeof s->name && isalnum((unsigned char)*text);
	for (size_t i = 0; good && i < n; i++)
		good = isalnum((unsigned char)text[i]) || strchr("-_.", text[i]);
	if (!good) {
		/* It may hold a password. */
		err_set(err, ERR_ARG,
		        "the endpoint %.*s is not of the form NAME=URL[,KEY=VALUE…]; a name has letters, "
		        "digits, "
		        "-, _ and ., at most %d",
		        strchr(text, '@') ? 0 : 60, text, ENDPOINT_NAME_MAX - 1);
		return NULL;
	}
	memcpy(s->name, text, n);
	return text + n + 1;
}

static int parse_one(const char *text, struct endpoint_config *s, struct err *err)
{
	*s = (struct endpoint_config){.model = mem_strdup(""),
	                              .key_file = mem_strdup(""),
	                              .key_env = mem_strdup(""),
	                              .ca_file = mem_strdup(""),
	                              .device = mem_strdup(""),
	                              .weight = 1};

	const char *p = take_name(s, text, err);
	if (!p)
		return -(int)ERR_ARG;
	size_t len = strcspn(p, ",");
	s->url = mem_printf("%.*s", (int)len, p);
	if (!*s->url)
		return err_set(
			err, ERR_ARG,
			"the endpoint %s has no address: write auto, http(s)://HOST:PORT or unix:/PATH",
			s->name);
	/* An address with TLS is usually a service of another party. */
	s->cloud = !strncasecmp(s->url, "https:", 6);

	int r = 0;
	for (p += len; r == 0 && *p == ','; p += len) {
		len = strcspn(++p, ",");
		AUTO(mem_freep) char *pair = mem_printf("%.*s", (int)len, p);
		char *eq = strchr(pair, '=');
		if (!eq || eq == pair || !eq[1])
			return err_set(err, ERR_ARG, "the endpoint %s: \"%s\" is not of the form KEY=VALUE",
			               s->name, pair);
		*eq = '\0';
		r = set_key(s, pair, eq + 1, err);
	}

	if (r == 0 && s->cap.money > 0 && s->cost <= 0)
		r = err_set(err, ERR_ARG,
		            "the endpoint %s: cap=%g is money, so it needs a cost= (of a million tokens)",
		            s->name, s->cap.money);
	return r;
}

int endpoint_config_parse(const char *text, struct endpoint_config **list, size_t *n,
                          struct err *err)
{
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, "\n");
		const char *end = p + len;
		while (p < end && isspace((unsigned char)*p))
			p++;
		while (end > p && isspace((unsigned char)end[-1]))
			end--;
		AUTO(mem_freep) char *line = mem_printf("%.*s", (int)(end - p), p);
		p += strcspn(p, "\n");
		p += *p == '\n';
		if (!*line)
			continue;

		if (*n >= ENDPOINTS_MAX)
			return err_set(err, ERR_ARG, "there are more than %d endpoints", ENDPOINTS_MAX);
		struct endpoint_config s;
		int r = parse_one(line, &s, err);
		for (size_t i = 0; r == 0 && i < *n; i++)
			if (!strcmp((*list)[i].name, s.name))
				r = err_set(err, ERR_ARG, "there are two endpoints named %s", s.name);
		if (r < 0) {
			endpoint_config_clear(&s);
			return r;
		}

		*list = mem_grow(*list, *n + 1, sizeof **list);
		(*list)[(*n)++] = s;
	}
	return 0;
}
