/* SPDX-License-Identifier: Apache-2.0 */
/* Turns error replies of an endpoint into error codes and messages. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "openai/completion.h"
#include "openai/endpoint-internal.h"

void endpoint_scrub(const struct endpoint *e, struct err *err)
{
	size_t len = strlen(e->key);
	if (len < 4 || !err)
		return;
	for (char *p; (p = strstr(err->msg, e->key));) {
		memcpy(p, "***", 3);
		memmove(p + 3, p + len, strlen(p + len) + 1);
	}
}

bool endpoint_says_no_room(const char *words)
{
	static const char *const marks[] = {
		"out of memory",     "failed to allocate",           "outofmemory",
		"not enough memory", "failed to find a memory slot", "unable to allocate"};
	bool yes = false;
	for (size_t i = 0; !yes && i < ARRAY_LEN(marks); i++)
		yes = strcasestr(words, marks[i]);
	return yes;
}

static bool has_any(const char *text, const char *const *marks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasestr(text, marks[i]))
			return true;
	return false;
}
#define HAS_ANY(text, ...)                            \
	has_any(text, (const char *const[]){__VA_ARGS__}, \
	        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static bool is_about_pictures(const char *words)
{
	return HAS_ANY(words, "image", "picture", "vision", "multimodal");
}

static bool says_unsupported(const char *words)
{
	return HAS_ANY(words, "input is not supported", "does not support image", "not support vision",
	               "mmproj", "not a multimodal", "does not support multimodal",
	               "not support image");
}

/* Whether a picture has too many bytes or pixels. */
static bool says_large(const char *words)
{
	return HAS_ANY(words, "exceed", "too large", "maximum") &&
	       HAS_ANY(words, "byte", " mb", "mib", "pixel", "dimension", "resolution", "size");
}

/* Whether the account has to be paid first: waiting does not help. */
static bool says_quota(const char *body, size_t len)
{
	AUTO(buf_free) struct buf b = BUF(len + 1);
	buf_add(&b, body, len);
	return HAS_ANY(buf_str(&b), "insufficient_quota", "insufficient_balance", "billing_not_active");
}

const char *endpoint_address_advice(const struct endpoint *e, char out[static ADVICE_SIZE])
{
	const char *host = strstr(e->shown, "://"), *path = host ? strchr(host + 3, '/') : NULL;
	bool version = !path;
	for (const char *p = path; p && (p = strstr(p, "/v")); p++)
		version = version || (p[2] >= '0' && p[2] <= '9');
	*out = '\0';
	if (!version)
		snprintf(out, ADVICE_SIZE, "; if its API is below /v1, use %s/v1", e->shown);
	return out;
}

int endpoint_status_error(const struct endpoint *e, const struct http_reply *reply,
                          const char *body, size_t len, struct err *err)
{
	bool limit = false;
	char advice[ADVICE_SIZE];
	AUTO(mem_freep) char *words = completion_error_words(body, len, &limit);
	const char *said = strstr(reply->type, "html") ? "a web page"
	                   : *words                    ? words
	                                               : "no reason given";
	int s = reply->status, r;
	bool picture = is_about_pictures(said);

	if (s == 401 || s == 403)
		r = err_set(err, ERR_PERM, "%s refused the %s (HTTP %d): %s", e->shown,
		            !*e->key   ? "request"
		            : s == 401 ? "key"
		                       : "key or this request",
		            s, said);
	else if (s == 404)
		r = err_set(err, ERR_ENGINE, "%s has no such model or no chat completions (HTTP 404): %s%s",
		            e->shown, said, endpoint_address_advice(e, advice));
	else if (picture && says_unsupported(said))
		r = err_set(err, ERR_UNSUPPORTED, "the model does not take pictures (HTTP %d): %s", s,
		            said);
	else if (s == 402 || says_quota(body, len))
		r = err_set(err, ERR_PERM, "the account's quota is used up (HTTP %d): %s", s, said);
	else if (s == 413 || (s >= 400 && s < 500 && (limit || (picture && says_large(said)))))
		r = err_set(err, ERR_LIMIT, "the request is too large for the engine (HTTP %d): %s", s,
		            said);
	else if (s >= 300 && s < 400)
		r = err_set(err, ERR_ENGINE,
		            "%s answered with a redirect (HTTP %d): use the address it leads to", e->shown,
		            s);
	else if (endpoint_says_no_room(said))
		r = err_set(err, ERR_NOSPC, "the engine ran out of memory (HTTP %d): %s", s, said);
	else
		r = err_set(err, ERR_ENGINE, "the engine answered HTTP %d: %s", s, said);

	endpoint_scrub(e, err);
	return r;
}

bool endpoint_status_passes(int status)
{
	return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501);
}

void endpoint_note_failure(const struct http_reply *reply, int r, struct endpoint_failure *ret)
{
	ret->retry = (r == -ERR_ENGINE || r == -ERR_NOSPC) && endpoint_status_passes(reply->status);
	ret->refused = !ret->retry;
	ret->after = reply->retry_after;
	ret->no_room = reply->status == 503 || r == -ERR_NOSPC;
}
