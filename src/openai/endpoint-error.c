/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal by an endpoint means, in words and as an error code. */
#include <string.h>

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

int endpoint_status_error(const struct endpoint *e, const struct http_reply *reply,
                          const char *body, size_t len, struct err *err)
{
	bool limit = false;
	AUTO(mem_freep) char *words = completion_error_words(body, len, &limit);
	const char *said = strstr(reply->type, "html") ? "a web page"
	                   : *words                    ? words
	                                               : "no reason given";
	int s = reply->status, r;
	if (s == 401 || s == 403)
		r = err_set(err, ERR_PERM, "%s refused the key (HTTP %d): %s", e->shown, s, said);
	else if (s == 404)
		r = err_set(err, ERR_ENGINE, "%s has no such model or no chat completions (HTTP 404): %s",
		            e->shown, said);
	else if (s == 413 || (s >= 400 && s < 500 && limit))
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
