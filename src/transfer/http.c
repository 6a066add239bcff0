/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/http.h"

#include <ctype.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "transfer/curl-use.h"
#include "transfer/download.h"

#define TICK_MS 100
#define RETRY_AFTER_MAX (3600 * CLOCK_SECOND)

/* One handle with its own connection cache. */
struct line {
	struct line *next;
	CURLM *multi;
	CURL *easy;
};

struct http {
	pthread_mutex_t lock;
	/* Those that connect anywhere, and to public addresses only: a connection
	 * that was not checked must not be used again where that is wanted. */
	struct line *idle[2];
};

/* A field of a form, and how much of it was sent. */
struct sent {
	struct exchange *x;
	const struct http_field *field;
	size_t offset;
};

/* One exchange in progress. */
struct exchange {
	const struct http_request *q;
	struct http_reply *reply;
	struct err *err;
	CURL *easy;
	size_t piece, offset; /* where sending is */
	curl_mime *form;      /* NULL = none */
	struct sent *sent;    /* of each field of it */
	int failed;           /* negative code of a callback, its message in *err */
	bool is_private;      /* an address was refused */
	char words[CURL_ERROR_SIZE];
};

struct http *http_new(void)
{
	curl_use();
	struct http *h = mem_alloc(1, sizeof *h);
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void line_free(struct line *l)
{
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	free(l);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < ARRAY_LEN(h->idle); i++)
		for (struct line *l = h->idle[i], *next; l; l = next) {
			next = l->next;
			line_free(l);
		}
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static struct line *line_get(struct http *h, bool public_only)
{
	pthread_mutex_lock(&h->lock);
	struct line *l = h->idle[public_only];
	if (l)
		h->idle[public_only] = l->next;
	pthread_mutex_unlock(&h->lock);
	if (l)
		return l;
	l = mem_alloc(1, sizeof *l);
	l->multi = curl_multi_init();
	l->easy = curl_easy_init();
	if (!l->multi || !l->easy) {
		fputs("vdet: out of memory\n", stderr);
		abort();
	}
	return l;
}

static void line_put(struct http *h, struct line *l, bool public_only)
{
	pthread_mutex_lock(&h->lock);
	l->next = h->idle[public_only];
	h->idle[public_only] = l;
	pthread_mutex_unlock(&h->lock);
}

static size_t on_read(char *out, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	size_t room = size * n, done = 0;
	while (done < room && x->piece < x->q->n_pieces) {
		const struct http_piece *p = &x->q->pieces[x->piece];
		size_t len = p->len - x->offset < room - done ? p->len - x->offset : room - done;
		if (len)
			memcpy(out + done, (const char *)p->data + x->offset, len);
		done += len;
		x->offset += len;
		if (x->offset == p->len) {
			x->piece++;
			x->offset = 0;
		}
	}
	x->reply->sent = true;
	return done;
}

static size_t on_read_field(char *out, size_t size, size_t n, void *ctx)
{
	struct sent *s = ctx;
	size_t left = s->field->len - s->offset, len = left < size * n ? left : size * n;
	if (len)
		memcpy(out, (const char *)s->field->data + s->offset, len);
	s->offset += len;
	s->x->reply->sent = true;
	return len;
}

static int on_seek_field(void *ctx, curl_off_t offset, int origin)
{
	struct sent *s = ctx;
	if (origin != SEEK_SET || offset < 0 || (size_t)offset > s->field->len)
		return CURL_SEEKFUNC_FAIL;
	s->offset = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* Nothing is copied: a file may have tens of megabytes. */
static void set_form(CURL *e, struct exchange *x)
{
	const struct http_request *q = x->q;
	x->form = curl_mime_init(e);
	x->sent = mem_alloc(q->n_fields, sizeof *x->sent);
	for (size_t i = 0; x->form && i < q->n_fields; i++) {
		const struct http_field *f = &q->fields[i];
		curl_mimepart *part = curl_mime_addpart(x->form);
		x->sent[i] = (struct sent){x, f, 0};
		curl_mime_name(part, f->name);
		curl_mime_data_cb(part, (curl_off_t)f->len, on_read_field, on_seek_field, NULL,
		                  &x->sent[i]);
		if (f->file)
			curl_mime_filename(part, f->file);
		if (f->type)
			curl_mime_type(part, f->type);
	}
	curl_easy_setopt(e, CURLOPT_MIMEPOST, x->form);
}

static int check_canceled(struct exchange *x)
{
	const struct http_request *q = x->q;
	if (cancel_fired(q->cancel[0]) || cancel_fired(q->cancel[1]))
		return err_set(x->err, ERR_CANCELED, "interrupted");
	return 0;
}

static size_t on_write(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	if (x->failed)
		return 0;
	/* One call of curl reads as long as there is data, which may be the whole
	 * answer of a fast engine. */
	int r = check_canceled(x);
	if (r == 0)
		r = x->q->body(x->q->ctx, x->reply, data, size * n, x->err);
	x->failed = r < 0 ? r : 0;
	return r < 0 ? 0 : size * n;
}

static void take_header(struct http_reply *r, const char *data, size_t len)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} taken[] = {
		{"Server", r->server, sizeof r->server},
		{"ETag", r->etag, sizeof r->etag},
		{"Last-Modified", r->modified, sizeof r->modified},
		{"Content-Range", r->range, sizeof r->range},
	};
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (curl_use_header(data, len, taken[i].name, taken[i].out, taken[i].size))
			return;
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	size_t len = size * n;
	char value[64];
	if (len > 5 && !strncasecmp(data, "HTTP/", 5)) {
		/* Interim replies (100) come first; each head starts again. */
		const char *code = memchr(data, ' ', len);
		x->reply->status = code ? (int)strtol(code, NULL, 10) : 0;
		x->reply->type[0] = x->reply->server[0] = '\0';
		x->reply->etag[0] = x->reply->modified[0] = x->reply->range[0] = '\0';
		x->reply->retry_after = 0;
	} else if (curl_use_header(data, len, "Content-Type", x->reply->type, sizeof x->reply->type)) {
		x->reply->type[strcspn(x->reply->type, "; ")] = '\0';
		for (char *p = x->reply->type; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	} else if (curl_use_header(data, len, "Retry-After", value, sizeof value)) {
		x->reply->retry_after = curl_use_retry_after(value, RETRY_AFTER_MAX);
	} else {
		take_header(x->reply, data, len);
	}
	return len;
}

static curl_socket_t open_public(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct exchange *x = ctx;
	(void)purpose;
	if (download_is_private(&a->addr)) {
		x->is_private = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void follow(CURL *e, const struct http_request *q)
{
	bool tls = strncasecmp(q->url, "https:", 6) == 0;
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)q->redirects);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
#else
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS,
	                 tls ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

static curl_off_t body_length(const struct http_request *q)
{
	curl_off_t len = 0;
	for (size_t i = 0; i < q->n_pieces; i++)
		len += (curl_off_t)q->pieces[i].len;
	return len;
}

static struct curl_slist *further_headers(const struct http_request *q)
{
	struct curl_slist *headers = NULL;
	for (size_t i = 0; q->headers && q->headers[i]; i++)
		headers = curl_slist_append(headers, q->headers[i]);
	return headers;
}

static struct curl_slist *set_up(CURL *e, struct exchange *x)
{
	const struct http_request *q = x->q;
	curl_easy_reset(e);
	curl_use_plainly(e, q->url, x->words);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);

	/* 0 would mean curl's default of five minutes. */
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
	                 q->connect_timeout ? (long)(q->connect_timeout / 1000 + 1)
	                                    : 7L * 24 * 3600 * 1000);
	if (q->ca_file && *q->ca_file)
		curl_easy_setopt(e, CURLOPT_CAINFO, q->ca_file);

	/* Not requested, but decoded if a server compresses anyway. */
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "identity");
	if (q->socket)
		curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, q->socket);
	if (q->key && *q->key) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(e, CURLOPT_XOAUTH2_BEARER, q->key);
	}

	if (q->public_only) {
		curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_public);
		curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
		/* A proxy would connect for us, to any address. */
		curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	}

	if (q->redirects)
		follow(e, q);

	struct curl_slist *headers = further_headers(q);
	if (q->fields) {
		set_form(e, x);
	} else if (q->pieces) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, body_length(q));
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, x);
		if (q->put)
			curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, "PUT");
		headers = curl_slist_append(headers, q->put ? "Content-Type: application/octet-stream"
		                                            : "Content-Type: application/json");
	}
	if (q->fields || q->pieces) {
		/* On a connection that the server has just closed, curl would send
		 * everything again without a message; retries are decided by the
		 * caller. */
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
		/* No "Expect: 100-continue": engines answer it late or never. */
		headers = curl_slist_append(headers, "Expect:");
	}

	headers = curl_slist_append(headers, "Accept: text/event-stream, application/json");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	return headers;
}

static int check(struct exchange *x, int64_t deadline)
{
	const struct http_request *q = x->q;
	int r = check_canceled(x);
	if (r < 0)
		return r;
	if (deadline && clock_now() >= deadline)
		return err_set(x->err, ERR_TIMEOUT, "no whole reply within %.1f s",
		               (double)q->total_timeout / 1e6);
	return q->tick ? q->tick(q->ctx, x->err) : 0;
}

/* Runs the transfer; returns a negative code if it is aborted, or 0 with curl's
 * result. */
static int drive(CURLM *multi, struct exchange *x, CURLcode *ret)
{
	const struct http_request *q = x->q;
	int64_t deadline = q->total_timeout ? clock_now() + q->total_timeout : 0;
	struct curl_waitfd fds[2];
	unsigned n = 0;
	for (size_t i = 0; i < 2; i++)
		if (q->cancel[i])
			fds[n++] =
				(struct curl_waitfd){.fd = cancel_fd(q->cancel[i]), .events = CURL_WAIT_POLLIN};
	for (;;) {
		int running = 0, left = 0;
		CURLMcode m = curl_multi_perform(multi, &running);
		if (m != CURLM_OK)
			return err_set(x->err, ERR_INTERNAL, "curl: %s", curl_multi_strerror(m));
		const CURLMsg *msg = curl_multi_info_read(multi, &left);
		if (msg && msg->msg == CURLMSG_DONE) {
			*ret = msg->data.result;
			return x->failed;
		}
		int r = check(x, deadline);
		if (r < 0)
			return r;
		curl_multi_poll(multi, fds, n, TICK_MS, NULL);
	}
}

static int curl_error(struct exchange *x, CURLcode code)
{
	if (x->is_private)
		return err_set(x->err, ERR_PERM,
		               "the address leads to a private network or to this machine");
	x->reply->passing = curl_use_passing(code);
	const char *words = x->words[0] ? x->words : curl_easy_strerror(code);
	/* The message says what to do: engines in private networks often have
	 * private certificates. */
	const char *by = x->q->trusted_by ? x->q->trusted_by : "engine.ca_file";
	AUTO(mem_freep)
	char *hint = code == CURLE_PEER_FAILED_VERIFICATION
	                 ? mem_printf("; if the certificate is right, name its authority with %s", by)
	                 : mem_strdup("");
	/* curl names the host and port that no one connects to. */
	AUTO(mem_freep)
	char *socket = x->q->socket && code == CURLE_COULDNT_CONNECT
	                   ? mem_printf("cannot connect to the socket %s", x->q->socket)
	                   : NULL;
	AUTO(mem_freep) char *said = text_line(socket ? socket : words, 200);
	AUTO(mem_freep) char *line = mem_printf("%s%s", said, hint);
	/* The only time limit that is set in curl is the one to connect. */
	enum err_code c = code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_ENGINE;
	return err_set(x->err, c, "%s", line);
}

int http_run(struct http *h, const struct http_request *q, struct http_reply *reply,
             struct err *err)
{
	*reply = (struct http_reply){0};
	struct err own = {0};
	struct exchange x = {.q = q, .reply = reply, .err = err ? err : &own};
	struct line *l = line_get(h, q->public_only);
	x.easy = l->easy;
	struct curl_slist *headers = set_up(l->easy, &x);
	CURLcode code = CURLE_OK;
	curl_multi_add_handle(l->multi, l->easy);
	int r = drive(l->multi, &x, &code);
	/* Removing an unfinished transfer closes its connection, which the engine
	 * notices at once. */
	curl_multi_remove_handle(l->multi, l->easy);
	curl_slist_free_all(headers);
	/* No pointers into this call may remain in the handle; its connections
	 * remain. */
	curl_easy_reset(l->easy);
	curl_mime_free(x.form);
	free(x.sent);
	line_put(h, l, q->public_only);
	if (r == 0 && code != CURLE_OK)
		r = curl_error(&x, code);
	return r;
}
