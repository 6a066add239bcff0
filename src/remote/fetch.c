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
					 block_max = 300 * CLOCK_SECOND, patience_default = 60 * CLOCK_SECOND,
					 first_pause = CLOCK_SECOND / 5, longest_pause = 5 * CLOCK_SECOND;

enum {
	REFUSAL_MAX = 4096, /* bytes of the text of a refusal */
	REDIRECTS_MAX = 5,
};

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
	int64_t block_at;    /* when the last whole block of the reply was there */
	bool stopped;        /* by fn, with its code */
	bool unwanted;       /* the reply is not what was asked for */
	bool checked;        /* the header of this reply was */
	bool changed;        /* the server has another version */
	int64_t *size;       /* if the server is asked what it has: *size and marks */
	struct remote_marks *marks;
	struct buf refusal;
};

static void exchange_clear(struct exchange *x)
{
	buf_free(&x->refusal);
}

/* Whether the request is to another server than the head. */
static bool is_direct(const struct exchange *x)
{
	return x->f->address.direct && !x->list && !x->put;
}

/* "the head at http://host:port": the rest of an address may be secret. */
static void name_of(const struct exchange *x, char out[static 200])
{
	const struct remote_address *a = &x->f->address;
	const char *url = x->list ? a->blocks_url : a->url, *host = strstr(url, "://");
	const char *who = is_direct(x) ? "server" : "head";
	host = host ? host + 3 : url;
	size_t scheme = (size_t)(host - url), n = strcspn(host, "/?#");
	for (size_t i = n; i > 0; i--)
		if (host[i - 1] == '@') { /* what is before is a name and a password */
			host += i;
			n -= i;
			break;
		}
	snprintf(out, 200, "the %s at %.*s%.*s", who, (int)(scheme < 9 ? scheme : 9), url,
	         (int)(n < 150 ? n : 150), host);
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
	int r = p->ask(p->ctx, f->kind, f->sha256, f->relayed, cancel, &text, err);
	if (r == 0)
		r = remote_address_parse(text, strlen(text), &a, err);
	if (r < 0)
		return r;

	if (f->options->blocks)
		a.size = f->options->size;
	else if (f->kind == REMOTE_SOURCE && !a.blocks_url && !f->looking)
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

static bool differs(const char *a, const char *b)
{
	return *a && *b && strcmp(a, b) != 0;
}

/* Of a reply of another server than the head: whether it is about these bytes
 * of the version that is wanted. "bytes 0-99/1000" */
static int check_part(struct exchange *x, const struct http_reply *reply, struct err *err)
{
	const struct remote_address *a = &x->f->address;
	char *end = NULL;
	int64_t first = 0, total = 0;
	bool is_part = strncasecmp(reply->range, "bytes ", 6) == 0;
	if (is_part) {
		first = strtoll(reply->range + 6, &end, 10);
		const char *slash = strchr(end, '/');
		total = slash ? strtoll(slash + 1, NULL, 10) : 0;
		is_part = *end == '-' && total > 0 && total <= REMOTE_SIZE_MAX;
	}
	if (!is_part || first != x->from + x->got) {
		x->unwanted = true;
		return err_set(err, ERR_PROTO, "not the bytes that were asked for");
	}
	if (x->size) {
		*x->size = total;
		snprintf(x->marks->etag, REMOTE_MARK_MAX, "%s", reply->etag);
		snprintf(x->marks->modified, REMOTE_MARK_MAX, "%s", reply->modified);
		return 0;
	}
	x->changed = (a->size && total != a->size) || differs(a->marks.etag, reply->etag) ||
	             (!*a->marks.etag && differs(a->marks.modified, reply->modified));
	return x->changed ? err_set(err, ERR_FORMAT, "it has changed") : 0;
}

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
	int r = is_direct(x) && !x->checked ? check_part(x, reply, err) : 0;
	x->checked = true;
	if (r < 0)
		return r;
	if ((int64_t)len > x->len - x->got) {
		x->unwanted = true;
		return err_set(err, ERR_PROTO, "more bytes than were asked for");
	}
	r = x->fn ? x->fn(x->ctx, x->got, data, len, err) : 0;
	x->stopped = r < 0;
	if ((x->got + (int64_t)len) / HASH_BLOCK > x->got / HASH_BLOCK)
		x->block_at = clock_now();
	x->got += (int64_t)len;
	return r;
}

static int on_tick(void *ctx, struct err *err)
{
	const struct exchange *x = ctx;
	char text[CLOCK_TEXT_MAX];
	int64_t slow = x->f->options->block_within ? x->f->options->block_within : block_max;
	if (clock_now() - x->last >= silence_max)
		return err_set(err, ERR_TIMEOUT, "nothing was received for %s",
		               clock_short(silence_max, text));
	/* A byte now and then would keep those who wait for ever. */
	if (!x->put && clock_now() - x->block_at >= slow)
		return err_set(err, ERR_TIMEOUT, "less than 1 MiB was received in %s",
		               clock_short(slow, text));
	return 0;
}

/* So that another version is refused by the server; a weak tag never matches
 * (RFC 9110, 13.1.1). */
static void add_condition(const struct exchange *x, char out[static 200])
{
	const struct remote_marks *m = &x->f->address.marks;
	*out = '\0';
	if (m->etag[0] == '"')
		snprintf(out, 200, "If-Match: %s", m->etag);
	else if (!*m->etag && *m->modified)
		snprintf(out, 200, "If-Unmodified-Since: %s", m->modified);
}

static int run(struct exchange *x, struct http_reply *reply, struct err *err)
{
	const struct remote_fetch *f = x->f;
	char range[80], condition[200] = "";
	int64_t first = x->from + x->got;
	snprintf(range, sizeof range, "Range: bytes=%" PRId64 "-%" PRId64, first, x->from + x->len - 1);
	if (is_direct(x))
		add_condition(x, condition);
	const char *const headers[] = {range, *condition ? condition : NULL, NULL};
	const struct http_request q = {
		.url = x->list ? f->address.blocks_url : f->address.url,
		.ca_file = f->options->ca_file,
		.trusted_by = f->options->ca_file || !is_direct(x) ? "--fleet-ca" : "SSL_CERT_FILE",
		.headers = x->list || x->put ? NULL : headers,
		.pieces = x->piece,
		.n_pieces = x->put,
		.put = x->put,
		.redirects = is_direct(x) && !f->address.stay ? REDIRECTS_MAX : 0,
		.public_only = is_direct(x) && f->address.public_only,
		.connect_timeout = connect_within,
		.cancel = {f->cancel[0], f->cancel[1]},
		.body = on_body,
		.tick = on_tick,
		.ctx = x,
	};
	x->last = x->block_at = clock_now();
	x->checked = x->unwanted = x->changed = false;
	buf_clear(&x->refusal);
	return http_run(f->http, &q, reply, err);
}

/* ---- what came of it */

enum outcome { DONE, EXPIRED, AGAIN, FAILED };

/* The reason that a refusal states, as text for people: "detail" of a head, the
 * element Message of an S3 server. */
static char *reason_of(const struct exchange *x)
{
	const char *text = buf_str(&x->refusal), *from = strstr(text, "<Message>"), *to;
	json_auto_t *j = json_loadb(text, x->refusal.len, 0, NULL);
	const char *detail = json_string_value(json_object_get(j, "detail"));
	if (detail)
		return text_line(detail, 200);
	to = from ? strstr(from, "</Message>") : NULL;
	if (!to)
		return mem_strdup("no reason is given");
	from += strlen("<Message>");
	AUTO(mem_freep) char *message = mem_printf("%.*s", (int)(to - from), from);
	return text_line(message, 200);
}

static int say_changed(const struct exchange *x, const char *why, struct err *err)
{
	char name[200];
	name_of(x, name);
	if (!is_direct(x))
		return err_set(err, ERR_FORMAT, "the source %.12s has changed on %s: %s", x->f->sha256,
		               name, why);
	return err_set(
		err, ERR_FORMAT,
		"the video has changed on %s since it was read first (%s); analyze it again when "
		"it is no longer written to",
		name, why);
}

/* 403, or what an S3 server says of a token that has expired: another address
 * may be valid. */
static bool is_expired(const struct exchange *x, int status)
{
	return status == 403 || (is_direct(x) && status == 400);
}

static enum outcome refused(const struct exchange *x, int status, struct err *err)
{
	char name[200];
	AUTO(mem_freep) char *why = reason_of(x);
	name_of(x, name);
	if (status == 404 || status == 410) {
		if (is_direct(x))
			err_set(err, ERR_NOENT, "%s has no such file (%d)", name, status);
		else
			err_set(err, ERR_NOENT, "%s does not have %.12s any more: %s", name, x->f->sha256, why);
		return FAILED;
	}
	if (status == 416 && x->size) {
		err_set(err, ERR_FORMAT, "the file on %s is empty", name);
		return FAILED;
	}
	if (status == 416 || status == 412) {
		say_changed(x, status == 412 ? "it has another version" : why, err);
		return FAILED;
	}
	bool passing = status >= 500 || status == 429 || status == 408, expired = is_expired(x, status);
	enum err_code code = status == 401 || expired ? ERR_PERM
	                     : status == 507          ? ERR_NOSPC
	                     : passing                ? ERR_IO
	                                              : ERR_PROTO;
	err_set(err, code, "%s answered %d: %s", name, status, why);
	return expired ? EXPIRED : passing ? AGAIN : FAILED;
}

static void say_unwanted(const struct exchange *x, int status, struct err *err)
{
	char name[200];
	name_of(x, name);
	if (is_direct(x) && status == 200)
		err_set(err, ERR_UNSUPPORTED,
		        "%s does not send parts of a file (it ignores range requests), so that a video "
		        "cannot be read there; download it, and analyze the file",
		        name);
	else
		err_set(err, ERR_PROTO,
		        "%s sent something else than the %s of %.12s that were asked for (status %d, "
		        "%" PRId64 " of %" PRId64 " bytes)%s",
		        name, x->list ? "hashes" : "bytes", *x->f->sha256 ? x->f->sha256 : "the video",
		        status, x->got, x->len, is_direct(x) ? "" : ": is this the address of a head?");
}

static enum outcome judge(struct exchange *x, int r, const struct http_reply *reply,
                          struct err *err)
{
	char name[200];
	name_of(x, name);
	if (r == -ERR_CANCELED || x->stopped)
		return FAILED;
	if (x->changed) {
		say_changed(x, "another size, ETag or time", err);
		return FAILED;
	}
	if (x->unwanted) {
		say_unwanted(x, reply->status, err);
		return FAILED;
	}
	if (r == -ERR_PERM) {
		err_set(err, ERR_PERM,
		        "%s cannot be read: the address leads to a private network or to this machine; "
		        "serve.fetch_private allows that",
		        name);
		return FAILED;
	}
	if (r < 0) {
		AUTO(mem_freep) char *why = mem_strdup(err->msg);
		bool passing = reply->passing || r == -ERR_TIMEOUT;
		err_set(err, ERR_IO, "%s %s: %s", name,
		        passing || !is_direct(x) ? "cannot be reached" : "cannot be read", why);
		return passing ? AGAIN : FAILED;
	}
	if (x->put ? reply->status / 100 == 2 : reply->status == (x->list ? 200 : 206)) {
		if (x->put || x->got == x->len)
			return DONE;
		err_set(err, ERR_IO, "%s sent %" PRId64 " of %" PRId64 " bytes", name, x->got, x->len);
		return AGAIN;
	}
	return refused(x, reply->status, err);
}

/* Another server cannot be used, for whatever reason: the head has its bytes,
 * too. True if there is something to try. */
static bool relay(struct exchange *x, enum outcome o, int refusals, const struct err *why)
{
	struct remote_fetch *f = x->f;
	bool stopped = x->stopped || why->code == ERR_CANCELED;
	if (f->options->blocks || f->looking || !is_direct(x) || stopped || (o == EXPIRED && !refusals))
		return false;
	log_info("%s; reading the video from the head", why->msg);
	f->relayed = f->stale = true;
	return true;
}

/* One exchange, with an address that is asked for where it is missing, or
 * *ask says so: a head that was started again has another one. */
static enum outcome attempt(struct exchange *x, bool *ask, struct err *err)
{
	struct remote_fetch *f = x->f;
	struct http_reply reply;

	if (*ask || f->stale || !f->address.url) {
		int r = ask_once(f, err);
		f->stale &= r < 0;
		if (r < 0 && (!may_pass(r) || f->stale || !f->address.url))
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
		if (relay(x, o, refusals, err)) {
			refusals = 0;
			continue;
		}
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

int remote_fetch_look(struct remote_fetch *f, int64_t *ret_size, struct remote_marks *ret,
                      struct err *err)
{
	AUTO(exchange_clear)
	struct exchange x = {
		.f = f, .len = 1, .size = ret_size, .marks = ret, .refusal = BUF(REFUSAL_MAX)};
	f->looking = true;
	return drive(&x, err);
}
