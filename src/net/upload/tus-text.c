/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upload/tus-text.h"

#include <sodium.h>
#include <string.h>

#include "base/opt.h"
#include "base/text.h"

int tus_base64(const char *text, size_t len, struct buf *out, struct err *err)
{
	AUTO(mem_freep) unsigned char *bytes = mem_alloc(1, len + 1); /* never longer than its text */
	size_t n = 0;
	const char *end = text;
	if (sodium_base642bin(bytes, len + 1, text, len, NULL, &n, &end,
	                      sodium_base64_VARIANT_ORIGINAL) < 0 ||
	    end != text + len)
		return err_set(err, ERR_FORMAT, "not valid base64");
	if (buf_add(out, bytes, n) < 0)
		return err_set(err, ERR_LIMIT, "the value is too long");
	return 0;
}

static int metadata_pair(const char *s, size_t len, json_t *all, struct err *err)
{
	char key[65];
	size_t n = 0;
	while (n < len && s[n] != ' ')
		n++;
	if (!n || n >= sizeof key)
		return err_set(err, ERR_FORMAT, "Upload-Metadata: a key has 1 to 64 characters");
	memcpy(key, s, n);
	key[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (key[i] <= ' ' || key[i] > '~')
			return err_set(err, ERR_FORMAT,
			               "Upload-Metadata: a key is printable ASCII without spaces");
	if (json_object_get(all, key))
		return err_set(err, ERR_FORMAT, "Upload-Metadata: duplicate key %s", key);
	AUTO(buf_free) struct buf raw = BUF(8192);
	AUTO(buf_free) struct buf text = BUF(32768);
	size_t blank = n < len ? 1 : 0;
	if (tus_base64(s + n + blank, len - n - blank, &raw, err) < 0)
		return err_wrap(err, "Upload-Metadata: %s", key);
	text_utf8(&text, buf_str(&raw), raw.len);
	json_object_set_new(all, key, json_string(buf_str(&text)));
	return 0;
}

int tus_metadata(const char *text, json_t **ret, struct err *err)
{
	json_t *all = json_object();
	int r = 0;
	for (const char *s = text; r == 0 && *s;) {
		s += strspn(s, " ");
		size_t len = strcspn(s, ",");
		const char *next = s + len + (s[len] == ',');
		while (len && s[len - 1] == ' ')
			len--;
		if (json_object_size(all) == 64)
			r = err_set(err, ERR_LIMIT, "Upload-Metadata: more than 64 keys");
		else
			r = metadata_pair(s, len, all, err);
		s = next;
	}
	if (r < 0)
		json_decref(all);
	else
		*ret = all;
	return r;
}

static const char *value_of(const json_t *metadata, const char *name)
{
	const char *s = json_string_value(json_object_get(metadata, name));
	return s && *s ? s : NULL;
}

static int read_analyze(const char *text, json_t *request, struct err *err)
{
	bool analyze = false;
	if (text && opt_bool(text, &analyze) < 0)
		return err_set(err, ERR_ARG,
		               "Upload-Metadata: \"analyze\" has to be true or false (or 1, 0)");
	json_object_set_new(request, "analyze", json_boolean(analyze));
	return 0;
}

static int read_options(const char *text, json_t *request, struct err *err)
{
	json_error_t e;
	json_t *o = text ? json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e) : NULL;
	if (text && !o)
		return err_set(err, ERR_ARG, "Upload-Metadata: \"options\" has to be a JSON object: %s",
		               e.text);
	if (o)
		json_object_set_new(request, "options", o);
	return 0;
}

int tus_request(const json_t *metadata, json_t **ret, struct err *err)
{
	json_auto_t *request = json_object();
	const char *prompt = value_of(metadata, "prompt"), *priority = value_of(metadata, "priority");
	if (prompt)
		json_object_set_new(request, "prompt", json_string(prompt));
	if (priority) {
		json_t *number = json_loads(priority, JSON_DECODE_ANY, NULL);
		bool fits = json_is_integer(number);
		json_object_set_new(request, "priority",
		                    fits ? json_incref(number) : json_string(priority));
		json_decref(number);
	}
	int r = read_analyze(value_of(metadata, "analyze"), request, err);
	if (r == 0)
		r = read_options(value_of(metadata, "options"), request, err);
	if (r == 0)
		*ret = json_incref(request);
	return r;
}

int tus_checksum(const char *text, enum upload_sum *ret, unsigned char ret_sum[static 32],
                 struct err *err)
{
	AUTO(buf_free) struct buf raw = BUF(64);
	enum upload_sum sum = strncmp(text, "sha1 ", 5) == 0     ? UPLOAD_SHA1
	                      : strncmp(text, "sha256 ", 7) == 0 ? UPLOAD_SHA256
	                                                         : UPLOAD_NO_SUM;
	if (sum == UPLOAD_NO_SUM)
		return err_set(err, ERR_ARG,
		               "Upload-Checksum: expected sha1 or sha256, a space, and base64");
	const char *value = strchr(text, ' ') + 1;
	size_t want = sum == UPLOAD_SHA1 ? 20 : 32;
	if (tus_base64(value, strlen(value), &raw, err) < 0 || raw.len != want)
		return err_set(err, ERR_ARG, "Upload-Checksum: expected %zu bytes in base64", want);
	memcpy(ret_sum, raw.data, want);
	*ret = sum;
	return 0;
}
