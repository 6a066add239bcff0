/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/download-head.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "transfer/curl-use.h"

#define HOPS_MAX 8
#define PAUSE (CLOCK_SECOND / 2)
#define PAUSE_MAX (30 * CLOCK_SECOND)
#define RETRY_AFTER_MAX (900 * CLOCK_SECOND)

void download_head_clear(struct download_head *h)
{
	free(h->url);
	*h = (struct download_head){0};
}

const char *download_show(const char *url, char out[static 300])
{
	snprintf(out, 300, "%.*s", (int)strcspn(url, "?#"), url);
	return out;
}

/* ---- heads of replies */

void download_reply_reset(struct download_reply *r)
{
	*r = (struct download_reply){
		.length = -1, .from = -1, .total = -1, .linked_size = -1, .is_private = r->is_private};
}

static void take_hash(const char *etag, char out[static HASH_HEX])
{
	etag += strspn(etag, "W/\" ");
	if (strspn(etag, "0123456789abcdef") == HASH_HEX - 1)
		snprintf(out, HASH_HEX, "%s", etag);
}

size_t download_on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct download_reply *r = ctx;
	size_t len = size * n;
	char value[300];
	long long from, to, total;

	if (len > 5 && !strncasecmp(data, "HTTP/", 5)) {
		const char *code = memchr(data, ' ', len);
		download_reply_reset(r);
		r->status = code ? (int)strtol(code, NULL, 10) : 0;
	} else if (curl_use_header(data, len, "Content-Length", value, sizeof value)) {
		r->length = strtoll(value, NULL, 10);
	} else if (curl_use_header(data, len, "Content-Range", value, sizeof value)) {
		if (sscanf(value, "bytes %lld-%lld/%lld", &from, &to, &total) == 3 && from >= 0 &&
		    total > 0) {
			r->from = from;
			r->total = total;
		}
	} else if (curl_use_header(data, len, "X-Linked-Size", value, sizeof value)) {
		r->linked_size = strtoll(value, NULL, 10);
	} else if (curl_use_header(data, len, "X-Linked-Etag", value, sizeof value)) {
		take_hash(value, r->hash);
	} else if (curl_use_header(data, len, "ETag", value, sizeof value)) {
		if (!*r->hash)
			take_hash(value, r->hash);
		/* A weak tag does not identify the bytes. */
		if (strncmp(value, "W/", 2) != 0)
			snprintf(r->tag, sizeof r->tag, "%.*s", (int)sizeof r->tag - 1, value);
	} else if (curl_use_header(data, len, "Last-Modified", value, sizeof value)) {
		if (!*r->tag)
			snprintf(r->tag, sizeof r->tag, "%.*s", (int)sizeof r->tag - 1, value);
	} else if (curl_use_header(data, len, "Retry-After", value, sizeof value)) {
		r->retry_after = curl_use_retry_after(value, RETRY_AFTER_MAX);
	} else if (curl_use_header(data, len, "X-Error-Message", value, sizeof value)) {
		snprintf(r->message, sizeof r->message, "%.190s", value);
	}
	return len;
}

bool download_passing(int status, CURLcode code)
{
	if (status == 408 || status == 429 || (status >= 500 && status != 501))
		return true;
	return curl_use_passing(code);
}

int download_refused(const struct download_reply *r, const char *url, bool token, struct err *err)
{
	char shown[300];
	const char *sep = *r->message ? ": " : "";
	download_show(url, shown);
	if (r->status == 401 || r->status == 403)
		return err_set(
			err, ERR_PERM, "access to %s is denied (HTTP %d%s%s): %s", shown, r->status, sep,
			r->message,
			token ? "accept the model's licence on its page, or use a token that may read it"
				  : "accept the model's licence on its page, and set HF_TOKEN or model.token_file");
	if (r->status == 404 || r->status == 410)
		return err_set(err, ERR_NOENT, "%s was not found (HTTP %d%s%s)", shown, r->status, sep,
		               r->message);
	return err_set(err, ERR_ENGINE, "%s answers HTTP %d%s%s", shown, r->status, sep, r->message);
}

int64_t download_pause(int attempt, int64_t asked)
{
	int64_t pause = PAUSE;
	for (int i = 1; i < attempt && pause < PAUSE_MAX; i++)
		pause *= 2;
	return asked > pause ? asked : pause < PAUSE_MAX ? pause : PAUSE_MAX;
}

int download_wait(const struct download_options *o, int64_t pause, struct err *err)
{
	int64_t until = clock_now() + pause;
	for (int64_t left; (left = until - clock_now()) > 0;) {
		struct pollfd p = {.fd = cancel_fd(o->cancel), .events = POLLIN};
		poll(&p, 1, (int)(left / 1000 + 1));
		if (cancel_fired(o->cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
	}
	return 0;
}

/* ---- single exchanges */

void download_set_up(CURL *e, const struct download_options *o, const char *url, bool foreign,
                     struct download_reply *reply, char *words)
{
	long seconds = o->timeout > 0 ? (long)(o->timeout / CLOCK_SECOND + 1) : 60;
	curl_easy_reset(e);
	curl_use_plainly(e, url, words);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, download_on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, reply);
	if (o->public_only) {
		curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, download_open_socket);
		curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, reply);
		/* A proxy would connect for us, to any address. */
		curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	}
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, seconds);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, seconds);
	if (o->token && *o->token && !foreign) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(e, CURLOPT_XOAUTH2_BEARER, o->token);
	}
}

struct exchange {
	const struct download_options *o;
	struct download_reply reply;
	struct buf *out; /* NULL: the body is not wanted */
	bool stopped;    /* by us, because the header was enough */
};

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	if (!x->out) {
		/* One byte was requested; if the server sends everything, the transfer
		 * is aborted. */
		x->stopped = x->reply.status == 200;
		return x->stopped ? 0 : size * n;
	}
	return x->reply.status / 100 == 2 && buf_add(x->out, data, size * n) < 0 ? 0 : size * n;
}

static int on_tick(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct exchange *x = ctx;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return cancel_fired(x->o->cancel);
}

/* Whether scheme, host and port are the same. */
static bool same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *x = curl_url(), *y = curl_url();
	bool same =
		x && y && !curl_url_set(x, CURLUPART_URL, a, 0) && !curl_url_set(y, CURLUPART_URL, b, 0);
	for (size_t i = 0; same && i < ARRAY_LEN(parts); i++) {
		char *p = NULL, *q = NULL;
		same = !curl_url_get(x, parts[i], &p, CURLU_DEFAULT_PORT) &&
		       !curl_url_get(y, parts[i], &q, CURLU_DEFAULT_PORT) && !strcasecmp(p, q);
		curl_free(p);
		curl_free(q);
	}
	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}

/* Follows redirects from `url` once. *ret_url is the last URL; the caller frees
 * it. */
static int follow(struct exchange *x, CURL *easy, const char *url, char **ret_url,
                  struct download_head *head, CURLcode *code, struct err *err)
{
	AUTO(mem_freep) char *at = mem_strdup(url);
	char words[CURL_ERROR_SIZE];
	for (int hop = 0; hop < HOPS_MAX; hop++) {
		bool foreign = !same_origin(url, at);
		words[0] = '\0';
		download_reply_reset(&x->reply);
		download_set_up(easy, x->o, at, foreign, &x->reply, words);
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
		curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_tick);
		curl_easy_setopt(easy, CURLOPT_XFERINFODATA, x);
		curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
		if (!x->out)
			curl_easy_setopt(easy, CURLOPT_RANGE, "0-0");

		*code = curl_easy_perform(easy);
		head->foreign = foreign;
		if (x->reply.linked_size > 0)
			head->size = x->reply.linked_size;
		if (*x->reply.hash && !*head->hash && !foreign)
			memcpy(head->hash, x->reply.hash, HASH_HEX);

		char *next = NULL;
		if (x->reply.status / 100 == 3)
			curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &next);
		if (!next) {
			if (*code != CURLE_OK && !x->stopped)
				err_set(err, *code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_ENGINE, "%s",
				        *words ? words : curl_easy_strerror(*code));
			*ret_url = TAKE(at);
			return 0;
		}

		if (!strncasecmp(at, "https:", 6) && strncasecmp(next, "https:", 6) != 0)
			return err_set(err, ERR_ENGINE, "it redirects from https to an insecure address");
		free(at);
		at = mem_strdup(next);
	}
	return err_set(err, ERR_ENGINE, "it redirects more than %d times", HOPS_MAX);
}

/* Retries with back-off until it succeeds or a retry is useless. */
static int exchange(struct exchange *x, const char *url, struct download_head *head,
                    struct err *err)
{
	char shown[300];
	curl_use();
	CURL *easy = curl_easy_init();
	int r = easy ? 0 : err_set(err, ERR_INTERNAL, "curl cannot be started");
	download_show(url, shown);

	for (int attempt = 1; r == 0; attempt++) {
		CURLcode code = CURLE_OK;
		AUTO(mem_freep) char *at = NULL;
		*head = (struct download_head){.size = -1};
		x->stopped = false;
		if (x->out)
			buf_clear(x->out);
		r = follow(x, easy, url, &at, head, &code, err);
		if (r < 0) {
			err_wrap(err, "%s", shown);
			break;
		}
		if (cancel_fired(x->o->cancel)) {
			r = err_set(err, ERR_CANCELED, "interrupted");
			break;
		}
		if ((code == CURLE_OK || x->stopped) && x->reply.status / 100 == 2) {
			head->url = TAKE(at);
			break;
		}

		if (x->reply.is_private)
			r = download_private(err);
		else if (x->out && x->out->full)
			r = buf_check(x->out, shown, err);
		else if (code == CURLE_OK && !download_passing(x->reply.status, CURLE_OK))
			r = download_refused(&x->reply, at, x->o->token && *x->o->token, err);
		/* If the name cannot be resolved, it is wrong or the network is down: a
		 * retry soon is useless. */
		else if (attempt > x->o->retries || code == CURLE_COULDNT_RESOLVE_HOST ||
		         (code != CURLE_OK && !download_passing(0, code)))
			r = code == CURLE_OK ? download_refused(&x->reply, at, x->o->token && *x->o->token, err)
			                     : err_wrap(err, "%s", shown);
		else
			r = download_wait(x->o, download_pause(attempt, x->reply.retry_after), err);
	}

	curl_easy_cleanup(easy);
	return r;
}

int download_text(const struct download_options *o, const char *url, struct buf *out,
                  struct err *err)
{
	AUTO(download_head_clear) struct download_head head = {0};
	struct exchange x = {.o = o, .out = out};
	return exchange(&x, url, &head, err);
}

int download_head(const struct download_options *o, const char *url, struct download_head *ret,
                  struct err *err)
{
	AUTO(download_head_clear) struct download_head head = {0};
	struct exchange x = {.o = o};
	int r = exchange(&x, url, &head, err);
	if (r < 0)
		return r;
	head.ranges = x.reply.status == 206 && x.reply.total > 0;
	int64_t size = head.ranges ? x.reply.total : x.reply.length;
	if (head.size > 0 && size > 0 && head.size != size)
		return err_set(
			err, ERR_ENGINE,
			"the hub reports %lld bytes for the file, the host that it redirects to %lld",
			(long long)head.size, (long long)size);
	if (size > 0)
		head.size = size;
	*ret = head;
	head = (struct download_head){0};
	return 0;
}
