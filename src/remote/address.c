/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/address.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"

static const char *const kind_names[REMOTE_KINDS] = {"source", "blocks", "blob"};

const char *remote_kind_name(enum remote_kind kind)
{
	return kind_names[kind];
}

int remote_kind_find(const char *name, enum remote_kind *ret, struct err *err)
{
	for (int i = 0; i < REMOTE_KINDS; i++)
		if (strcmp(name, kind_names[i]) == 0) {
			*ret = (enum remote_kind)i;
			return 0;
		}
	return err_set(err, ERR_ARG, "unknown kind of address: %.40s", name);
}

void remote_address_clear(struct remote_address *a)
{
	free(a->url);
	free(a->blocks_url);
	free(a->path);
	*a = (struct remote_address){0};
}

char *remote_address_text(const struct remote_address *a)
{
	json_auto_t *j = json_pack("{s:s}", "url", a->url);
	if (a->direct)
		json_object_set_new(j, "direct",
		                    json_pack("{s:s, s:s, s:b, s:b}", "etag", a->marks.etag, "modified",
		                              a->marks.modified, "public_only", (int)a->public_only, "stay",
		                              (int)a->stay));
	if (a->blocks_url) {
		json_object_set_new(j, "blocks_url", json_string(a->blocks_url));
		json_object_set_new(j, "blocks_sha256", json_string(a->blocks_sha256));
		json_object_set_new(j, "size", json_integer(a->size));
		/* A path that is not UTF-8 cannot be named here. */
		json_t *path = json_string(a->path ? a->path : "");
		json_object_set_new(j, "path", path ? path : json_string(""));
	}
	char *text = json_dumps(j, JSON_COMPACT);
	return text ? text : mem_strdup("{}");
}

/* ---- parsing */

/* A string of printable characters, at most `max` bytes. */
static int get_text(const json_t *j, const char *key, size_t max, char **ret, struct err *err)
{
	const json_t *v = json_object_get(j, key);
	const char *s = json_string_value(v);
	if (!s || strlen(s) != json_string_length(v) || strlen(s) > max)
		return err_set(err, ERR_PROTO, "the head's answer has no valid \"%s\"", key);
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(err, ERR_PROTO, "\"%s\" of the head's answer has control characters",
			               key);
	*ret = mem_strdup(s);
	return 0;
}

static int get_url(const json_t *j, const char *key, char **ret, struct err *err)
{
	int r = get_text(j, key, REMOTE_URL_MAX, ret, err);
	if (r < 0)
		return r;
	bool http = strncasecmp(*ret, "http://", 7) == 0 || strncasecmp(*ret, "https://", 8) == 0;
	return http && !strchr(*ret, ' ')
	           ? 0
	           : err_set(err, ERR_PROTO, "\"%s\" of the head's answer is not an HTTP address", key);
}

static int get_source(const json_t *j, struct remote_address *a, struct err *err)
{
	AUTO(mem_freep) char *sha256 = NULL;
	const json_t *size = json_object_get(j, "size");
	int r = get_url(j, "blocks_url", &a->blocks_url, err);
	if (r == 0)
		r = get_text(j, "blocks_sha256", HASH_HEX - 1, &sha256, err);
	if (r == 0)
		r = get_text(j, "path", REMOTE_PATH_MAX, &a->path, err);
	if (r < 0)
		return r;
	if (!hash_is_hex(sha256))
		return err_set(err, ERR_PROTO, "\"blocks_sha256\" of the head's answer is not a SHA-256");
	a->size = json_integer_value(size);
	if (!json_is_integer(size) || a->size < 1 || a->size > REMOTE_SIZE_MAX)
		return err_set(err, ERR_PROTO, "\"size\" of the head's answer is out of range");
	memcpy(a->blocks_sha256, sha256, HASH_HEX);
	return 0;
}

static int get_mark(const json_t *j, const char *key, char out[static REMOTE_MARK_MAX],
                    struct err *err)
{
	AUTO(mem_freep) char *text = NULL;
	int r = get_text(j, key, REMOTE_MARK_MAX - 1, &text, err);
	if (r == 0)
		snprintf(out, REMOTE_MARK_MAX, "%s", text);
	return r;
}

static int get_direct(const json_t *j, struct remote_address *a, struct err *err)
{
	const json_t *d = json_object_get(j, "direct");
	a->direct = d;
	a->public_only = json_is_true(json_object_get(d, "public_only"));
	a->stay = json_is_true(json_object_get(d, "stay"));
	int r = d ? get_mark(d, "etag", a->marks.etag, err) : 0;
	return d && r == 0 ? get_mark(d, "modified", a->marks.modified, err) : r;
}

int remote_address_parse(const char *text, size_t len, struct remote_address *ret, struct err *err)
{
	AUTO(remote_address_clear) struct remote_address a = {0};
	json_error_t e;
	json_auto_t *j =
		len <= REMOTE_TEXT_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &e) : NULL;
	if (!json_is_object(j))
		return err_set(err, ERR_PROTO, "the head's answer is not a JSON object");
	int r = get_url(j, "url", &a.url, err);
	if (r == 0)
		r = get_direct(j, &a, err);
	if (r == 0 && json_object_get(j, "blocks_url"))
		r = get_source(j, &a, err);
	if (r < 0)
		return r;
	*ret = a;
	a = (struct remote_address){0};
	return 0;
}

/* ---- signature */

_Static_assert(REMOTE_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "size of the key");

static void sign(const unsigned char *key, enum remote_kind kind, const char *sha256,
                 int64_t expires, unsigned char out[static crypto_auth_hmacsha256_BYTES])
{
	char text[160];
	int n = snprintf(text, sizeof text, "vdet-fleet-1\n%s\n%.64s\n%" PRId64, kind_names[kind],
	                 sha256, expires);
	crypto_auth_hmacsha256(out, (const unsigned char *)text, (unsigned long long)n, key);
}

void remote_sign(const unsigned char key[static REMOTE_KEY_BYTES], enum remote_kind kind,
                 const char *sha256, int64_t expires, char out[static 120])
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char hex[2 * sizeof mac + 1];
	sign(key, kind, sha256, expires, mac);
	sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
	snprintf(out, 120, "expires=%" PRId64 "&signature=%s", expires, hex);
}

enum remote_verdict remote_verify(const unsigned char key[static REMOTE_KEY_BYTES],
                                  enum remote_kind kind, const char *sha256, const char *expires,
                                  const char *signature, int64_t now)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES], given[sizeof mac];
	size_t n = expires ? strspn(expires, "0123456789") : 0, len;
	if (!n || expires[n] || n > 15 || !signature || strlen(signature) != 2 * sizeof mac)
		return REMOTE_FORGED;
	if (sodium_hex2bin(given, sizeof given, signature, 2 * sizeof mac, NULL, &len, NULL) < 0 ||
	    len != sizeof given)
		return REMOTE_FORGED;
	int64_t until = strtoll(expires, NULL, 10);
	sign(key, kind, sha256, until, mac);
	if (sodium_memcmp(mac, given, sizeof mac) != 0)
		return REMOTE_FORGED;
	return now < until ? REMOTE_VALID : REMOTE_EXPIRED;
}

/* ---- paths */

int remote_path_map_check(const char *map, struct err *err)
{
	const char *eq = strchr(map, '=');
	if (map[0] == '/' && eq && eq[1] == '/')
		return 0;
	return err_set(err, ERR_ARG,
	               "%s: expected FROM=TO, two absolute paths, as /srv/video=/mnt/video", map);
}

/* Whether a path goes up somewhere. */
static bool goes_up(const char *path)
{
	for (const char *s = path; *s; s += strcspn(s, "/")) {
		s += strspn(s, "/");
		if (strcspn(s, "/") == 2 && s[0] == '.' && s[1] == '.')
			return true;
	}
	return false;
}

bool remote_path_map(const char *map, const char *path, char **ret)
{
	const char *eq = map ? strchr(map, '=') : NULL;
	if (!eq || remote_path_map_check(map, NULL) < 0 || path[0] != '/' || goes_up(path))
		return false;
	size_t n = (size_t)(eq - map), m = strlen(eq + 1);
	while (n && map[n - 1] == '/')
		n--;
	while (m && eq[m] == '/')
		m--;
	if (strncmp(map, path, n) != 0 || path[n] != '/' || !path[n + 1])
		return false;
	*ret = mem_printf("%.*s%s", (int)m, eq + 1, path + n);
	return true;
}
