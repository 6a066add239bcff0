/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

static const int64_t connect_within = 10 * CLOCK_SECOND, silence_max = 30 * CLOCK_SECOND,
					 patience_default = 60 * CLOCK_SECOND, first_pause = CLOCK_SECOND / 5,
					 longest_pause = 5 * CLOCK_SECOND;

enum { REFUSAL_MAX = 4096 /* bytes of the text of a refusal */ };

/* One logical exchange, of as many requests as it needs. */
struct exchange {
	struct remote_fetch *f;
	bool list, put;
	int64_t from, len;
	const struct http_piece *piece; /* what is sent */
	remote_fetch_data *fn;
	void *ctx;
	int64_t got;         /* bytes passed on */
	int64_t began, last; /* of this request; of its last sign of life */
	bool stopped;        /* by fn, with its code */
	bool unwanted;       /* the reply is not what was asked for */
	struct buf refusal;
};

static void exchange_clear(struct exchange *x)
{
	buf_free(&x->refusal);
}

/* "http://host:port" of an address: the rest may be secret. */
static void name_of(const char *url, char out[static 200])
{
	const char *host = strstr(url, "://");
	size_t n = host ? (size_t)(host - url) + 3 : 0;
	n += strcspn(url + n, "/?#");
	snprintf(out, 200, "%.*s", (int)(n < 199 ? n : 199), url);
}

void remote_fetch_clear(struct remote_fetch *f)
{
	remote_address_clear(&f->address);
}

static bool is_canceled(const struct remote_fetch *f)
{
	return cancel_fired(f->cancel[0]) || cancel_fired(f->cancel[1]);
}

static int ask_once(struct remote_fetch *f, struct err *err)
{
	const struct remote_provider *p = &f->options->provider;
	AUTO(mem_freep) char *text = NULL;
	AUTO(remote_address_clear) struct remote_address a = {0};
	struct cancel *cancel = f->cancel[0] ? f->cancel[0] : f->cancel[1];
	f->asked++;
	int r = p->ask(p->ctx, f->kind, f->sha256, cancel, &text, err);
	if (r == 0)
		r = remote_address_parse(text, strlen(text), &a, err);
	if (r < 0)
		return r;

	if (f->kind == REMOTE_SOURCE && !a.blocks_url)
		return err_set(err, ERR_PROTO, "the head's answer does not describe a source");
	const struct remote_address *old = &f->address;
	if (old->url && (old->size != a.size || strcmp(old->blocks_sha256, a.blocks_sha256) != 0))
		return err_set(err, ERR_FORMAT,
		               "the source %.12s has changed on the head: it has %" PRId64
		               " bytes, and had %" PRId64,
		               f->sha256, a.size, old->size);
	remote_address_clear(&f->address);
	f->address = a;
	a = (struct remote_address){0};
	return 0;
}

/* Of an attempt: the head may be there again in a moment. */
static bool may_pass(int r)
{
	return r == -ERR_IO || r == -ERR_TIMEOUT;
}

static int64_t patience_of(const struct remote_fetch *f)
{
	return f->options->patience ? f->options->patience : patience_default;
}

int remote_fetch_ask(struct remote_fetch *f, struct err *err)
{
	int64_t until = clock_now() + patience_of(f), pause = first_pause;

	for (;;) {
		int r = ask_once(f, err);
		if (!may_pass(r) || clock_now() + pause > until)
			return r;
		if (cancel_wait_until(f->cancel[0], f->cancel[1], clock_now() + pause) || is_canceled(f))
			return err_set(err, ERR_CANCELED, "interrupted");
		pause = 2 * pause < longest_pause ? 2 * pause : longest_pause;
	}
}

/* ---- one request */

static int on_body(void *ctx, const struct http_reply *reply, const char *data, size_t len,
                   struct err *err)
{
	struct exchange *x = ctx;
	x->last = clock_now();
	if (x->put || reply->status != (x->list ? 200 : 206)) {
		buf_add(&x->refusal, data, len);
		x->unwanted = !x->put && reply->status < 300;
		return x->unwanted ? err_set(err, ERR_PROTO, "not what was asked for") : 0;
	}
	if ((int64_t)len > x->len - x->got) {
		x->unwanted = true;
		return err_set(err, ERR_PROTO, "more bytes than were asked for");
	}
	int r = x->fn(x->ctx, x->got, data, len, err);
	x->stopped = r < 0;
	x->got += (int64_t)len;
	return r;
}

static int on_tick(void *ctx, struct err *err)
{
	struct exchange *x = ctx;
	char text[CLOCK_TEXT_MAX];
	return clock_now() - x->last < silence_max
	           ? 0
	           : err_set(err, ERR_TIMEOUT, "nothing was received for %s",
	                     clock_short(silence_max, text));
}

static int run(struct exchange *x, struct http_reply *reply, struct err *err)
{
	const struct remote_fetch *f = x->f;
	char range[80];
	int64_t first = x->from + x->got;
	snprintf(range, sizeof range, "Range: bytes=%" PRId64 "-%" PRId64, first, x->from + x->len - 1);
	const char *const headers[] = {range, NULL};
	const struct http_request q = {
		.url = x->list ? f->address.blocks_url : f->address.url,
		.ca_file = f->options->ca_file,
		.ca_option = "--fleet-ca",
		.headers = x->list || x->put ? NULL : headers,
		.pieces = x->piece,
		.n_pieces = x->put,
		.put = x->put,
		.connect_timeout = connect_within,
		.cancel = {f->cancel[0], f->cancel[1]},
		.body = on_body,
		.tick = on_tick,
		.ctx = x,
	};
	x->last = clock_now();
	buf_clear(&x->refusal);
	return http_run(f->http, &q, reply, err);
}

/* ---- what came of it */

enum outcome { DONE, EXPIRED, AGAIN, FAILED };

/* The reason that a refusal states, as text for people. */
static char *reason_of(const struct exchange *x)
{
	json_auto_t *j = json_loadb(buf_str(&x->refusal), x->refusal.len, 0, NULL);
	const char *detail = json_string_value(json_object_get(j, "detail"));
	return detail ? text_line(detail, 200) : mem_strdup("no reason is given");
}

static enum outcome refused(const struct exchange *x, int status, struct err *err)
{
	char name[200];
	AUTO(mem_freep) char *why = reason_of(x);
	name_of(x->f->address.url, name);
	if (status == 404 || status == 410) {
		err_set(err, ERR_NOENT, "the head at %s does not have %.12s any more: %s", name,
		        x->f->sha256, why);
		return FAILED;
	}
	if (status == 416) {
		err_set(err, ERR_FORMAT, "the source %.12s has changed on the head at %s: %s", x->f->sha256,
		        name, why);
		return FAILED;
	}
	bool passing = status >= 500 || status == 429 || status == 408;
	enum err_code code = status == 403   ? ERR_PERM
	                     : status == 507 ? ERR_NOSPC
	                     : passing       ? ERR_IO
	                                     : ERR_PROTO;
	err_set(err, code, "the head at %s answered %d: %s", name, status, why);
	return status == 403 ? EXPIRED : passing ? AGAIN : FAILED;
}

static enum outcome judge(struct exchange *x, int r, const struct http_reply *reply,
                          struct err *err)
{
	char name[200];
	name_of(x->f->address.url, name);
	if (r == -ERR_CANCELED || x->stopped)
		return FAILED;
	if (x->unwanted) {
		err_set(err, ERR_PROTO,
		        "the head at %s sent something else than the %s of %.12s that were asked for "
		        "(status %d, %" PRId64 " of %" PRId64 " bytes): is this the address of a head?",
		        name, x->list ? "hashes" : "bytes", x->f->sha256, reply->status, x->got, x->len);
		return FAILED;
	}
	if (r < 0) {
		AUTO(mem_freep) char *why = mem_strdup(err->msg);
		err_set(err, ERR_IO, "the head at %s cannot be reached: %s", name, why);
		return reply->passing || r == -ERR_TIMEOUT ? AGAIN : FAILED;
	}
	if (x->put ? reply->status / 100 == 2 : reply->status == (x->list ? 200 : 206)) {
		if (x->put || x->got == x->len)
			return DONE;
		err_set(err, ERR_IO, "the head at %s sent %" PRId64 " of %" PRId64 " bytes", name, x->got,
		        x->len);
		return AGAIN;
	}
	return refused(x, reply->status, err);
}

/* One exchange, with an address that is asked for where it is missing, or
 * *ask says so: a head that was started again has another one. */
static enum outcome attempt(struct exchange *x, bool *ask, struct err *err)
{
	struct remote_fetch *f = x->f;
	struct http_reply reply;

	if (*ask || !f->address.url) {
		int r = ask_once(f, err);
		if (r < 0 && (!may_pass(r) || !f->address.url))
			return may_pass(r) ? AGAIN : FAILED;
	}
	int r = run(x, &reply, err);
	enum outcome o = judge(x, r, &reply, err);
	*ask = o == EXPIRED || (o == AGAIN && r < 0);
	return o;
}

static int drive(struct exchange *x, struct err *err)
{
	struct err own;
	struct remote_fetch *f = x->f;
	err = err ? err : &own;
	int64_t until = clock_now() + patience_of(f), pause = first_pause;
	bool ask = false;
	for (int refusals = 0;;) {
		int64_t before = x->got;
		enum outcome o = attempt(x, &ask, err);
		if (o == DONE)
			return 0;
		if (o == FAILED || (o == EXPIRED && refusals++))
			return -(int)err->code;

		if (x->list)
			x->got = 0;
		if (o == EXPIRED)
			continue;
		/* It does move. A few bytes at a time would never end. */
		if (x->got / HASH_BLOCK > before / HASH_BLOCK) {
			until = clock_now() + patience_of(f);
			pause = first_pause;
		}
		if (clock_now() + pause > until)
			return -(int)err->code;
		log_debug("remote: %s; trying again", err->msg);
		if (cancel_wait_until(f->cancel[0], f->cancel[1], clock_now() + pause) || is_canceled(f))
			return err_set(err, ERR_CANCELED, "interrupted");
		pause = 2 * pause < longest_pause ? 2 * pause : longest_pause;
	}
}

int remote_fetch_range(struct remote_fetch *f, int64_t from, int64_t len, remote_fetch_data *fn,
                       void *ctx, struct err *err)
{
	AUTO(exchange_clear)
	struct exchange x = {
		.f = f, .from = from, .len = len, .fn = fn, .ctx = ctx, .refusal = BUF(REFUSAL_MAX)};
	return drive(&x, err);
}

int remote_fetch_list(struct remote_fetch *f, int64_t len, remote_fetch_data *fn, void *ctx,
                      struct err *err)
{
	AUTO(exchange_clear)
	struct exchange x = {
		.f = f, .list = true, .len = len, .fn = fn, .ctx = ctx, .refusal = BUF(REFUSAL_MAX)};
	return drive(&x, err);
}

int remote_fetch_put(struct remote_fetch *f, const void *data, size_t len, struct err *err)
{
	const struct http_piece piece = {data, len};
	AUTO(exchange_clear)
	struct exchange x = {.f = f, .put = true, .piece = &piece, .refusal = BUF(REFUSAL_MAX)};
	return drive(&x, err);
}
