/* SPDX-License-Identifier: Apache-2.0 */
#include "net/fleet/fleet-http.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/fleet/routes.h"
#include "net/http/conn.h"
#include "net/http/gate.h"
#include "net/http/http.h"
#include "net/http/listen.h"

enum {
	CONNECTIONS = 4096,
	PER_ADDRESS = 256, /* many workers may be behind one address */
	SILENCE = 60,      /* seconds within a request */
	HEADERS_SIZE = 32 * 1024,
	HEADERS_TIME = 10, /* seconds for the headers of a request */
	IDLE_TIME = 75,    /* seconds between two requests of a connection */
	READ_SIZE = 128 * 1024,
	STOP_TIME = 5, /* seconds for open requests when the server stops */
	HOST_MAX = 256,
};

struct fleet_http {
	struct fleet_http_options options;
	struct fleet_files files;
	struct route_table table;
	char hosts[HOST_MAX]; /* the name in the address of this server */
	struct lws_context *lws;
	struct lws_vhost *vhost;
	int listener;
	struct access *access;
	struct rate_limiter *limiter;
	struct mailbox *mailbox;
	struct gate *gate;
	struct http_server *http;
	struct listen_spare spare;
	pthread_t thread;
	bool running, tls;
	_Atomic bool ending;
};

/* ---- connections; on the thread of the server */

static void pass(void *ctx, int fd, struct conn *conn)
{
	struct fleet_http *f = ctx;
	const lws_adopt_desc_t how = {
		.vh = f->vhost,
		.type = LWS_ADOPT_HTTP | LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
		.fd.sockfd = fd,
		.opaque = conn,
	};
	struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&how); /* closes fd if it fails */
	if (wsi)
		lws_set_timeout(wsi, PENDING_TIMEOUT_HOLDING_AH, HEADERS_TIME);
}

static void drop(void *ctx, struct conn *conn)
{
	struct fleet_http *f = ctx;
	rate_limiter_disconnect(f->limiter, conn->address);
	atomic_fetch_sub(&f->http->counts.connections, 1);
	free(conn);
}

static void take(struct fleet_http *f, int fd)
{
	char address[CLIENT_ADDRESS_MAX];
	listen_peer(fd, address);
	struct http_server *h = f->http;
	if (h->stopping || h->counts.connections >= CONNECTIONS ||
	    !rate_limiter_connect(f->limiter, address)) {
		close(fd);
		return;
	}
	struct conn *conn = mem_alloc(1, sizeof *conn);
	conn->http = h;
	snprintf(conn->address, sizeof conn->address, "%s", address);
	atomic_fetch_add(&h->counts.connections, 1);
	if (f->tls)
		pass(f, fd, conn);
	else
		gate_add(f->gate, fd, conn);
}

static void accept_some(struct fleet_http *f, int listener)
{
	for (int i = 0; i < 64; i++) {
		int fd = -1;
		enum listen_result r = listen_accept(listener, &f->spare, &fd);
		if (r == LISTEN_NONE)
			return;
		if (r == LISTEN_ACCEPTED)
			take(f, fd);
	}
}

static void on_destroyed(struct fleet_http *f, struct lws *wsi)
{
	struct conn *conn = conn_of(wsi);
	lws_set_opaque_user_data(wsi, NULL);
	if (conn)
		drop(f, conn);
}

static int on_readable(struct fleet_http *f, int fd)
{
	if (fd == gate_fd(f->gate))
		gate_run(f->gate);
	else if (fd == f->http->writable)
		http_writable(f->http);
	else
		accept_some(f, fd);
	return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
	struct fleet_http *f = lws_context_user(lws_get_context(wsi));
	(void)user;
	switch ((int)reason) {
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED: mailbox_run(f->mailbox); return 0;
	case LWS_CALLBACK_RAW_RX_FILE: return on_readable(f, lws_get_socket_fd(wsi));
	case LWS_CALLBACK_WSI_DESTROY: on_destroyed(f, wsi); return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return -1;
	default: return http_callback(wsi, reason, in, len);
	}
}

/* ---- the thread */

static void *serve(void *arg)
{
	struct fleet_http *f = arg;
	int64_t until = 0;
	for (;;) {
		if (f->ending && !until) {
			until = clock_now() + STOP_TIME * CLOCK_SECOND;
			f->http->stopping = true;
			gate_clear(f->gate);
		}
		if (until && (http_idle(f->http) || clock_now() >= until))
			break;
		if (lws_service(f->lws, 0) < 0)
			break;
	}
	f->http->stopping = true;
	return NULL;
}

/* ---- start */

static void wake(void *ctx)
{
	struct fleet_http *f = ctx;
	lws_cancel_service(f->lws);
}

static void lws_line(int level, const char *line)
{
	(void)level;
	log_debug("fleet: %.*s", (int)strcspn(line, "\n"), line);
}

static const struct lws_protocols protocols[] = {
	{.name = "vdet-fleet", .callback = callback, .rx_buffer_size = 4096},
	{0},
};

static int start_lws(struct fleet_http *f, struct err *err)
{
	const char *cert = f->options.tls_cert, *key = f->options.tls_key;
	const char *const files[] = {cert, key};
	for (size_t i = 0; f->tls && i < 2; i++)
		if (access(files[i], R_OK) < 0)
			return err_sys(err, errno, "cannot read %s", files[i]);
	lws_set_log_level(LLL_ERR | LLL_WARN, lws_line);
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.user = f,
		.options =
			LWS_SERVER_OPTION_EXPLICIT_VHOSTS | (f->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.pt_serv_buf_size = READ_SIZE,
		.max_http_header_data2 = HEADERS_SIZE,
		.timeout_secs = SILENCE,
		.timeout_secs_ah_idle = HEADERS_TIME,
		.keepalive_timeout = IDLE_TIME,
		.vhost_name = "vdet-fleet",
		.alpn = "http/1.1",
		.ssl_cert_filepath = f->tls ? cert : NULL,
		.ssl_private_key_filepath = f->tls ? key : NULL,
	};
	f->lws = lws_create_context(&info);
	if (!f->lws)
		return err_set(err, ERR_INTERNAL, "cannot start libwebsockets");
	f->vhost = lws_create_vhost(f->lws, &info);
	if (f->vhost)
		return 0;
	return f->tls ? err_set(err, ERR_ARG, "%s and %s are not a certificate and its key in PEM",
	                        cert, key)
	              : err_set(err, ERR_INTERNAL, "cannot create the server for workers");
}

static void make_http(struct fleet_http *f)
{
	f->limiter = rate_limiter_new(PER_ADDRESS, 0);
	f->mailbox = mailbox_new(wake, f);
	f->table = (struct route_table){fleet_routes, n_fleet_routes, &f->files};
	const struct http_setup setup = {.tables = &f->table,
	                                 .n_tables = 1,
	                                 .access = f->access,
	                                 .limiter = f->limiter,
	                                 .mailbox = f->mailbox,
	                                 .origins = "",
	                                 .hosts = f->hosts,
	                                 .proxies = "",
	                                 .silence = SILENCE * CLOCK_SECOND,
	                                 .tls = f->tls};
	f->http = http_server_new(&setup);
	const struct gate_setup gate = {.lws = f->lws,
	                                .http = f->http,
	                                .timeout = HEADERS_TIME * CLOCK_SECOND,
	                                .pass = pass,
	                                .drop = drop,
	                                .ctx = f};
	f->gate = gate_new(&gate);
}

/* Sets how workers reach the server, and the name that they will use. */
static int set_url(struct fleet_http *f, const struct listen_address *a, int port, struct err *err)
{
	const char *given = f->options.address;
	char host[HOST_MAX] = "localhost";
	const char *scheme = f->tls ? "https" : "http";
	bool any = !*a->host || strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
	if (given && *given) {
		if (strncasecmp(given, "http://", 7) != 0 && strncasecmp(given, "https://", 8) != 0)
			return err_set(err, ERR_ARG, "%s: expected http://HOST:PORT (--fleet-address)", given);
		size_t n = strlen(given);
		while (n && given[n - 1] == '/')
			n--;
		if (n >= sizeof f->files.url)
			return err_set(err, ERR_ARG, "--fleet-address is too long");
		snprintf(f->files.url, sizeof f->files.url, "%.*s", (int)n, given);
	} else if (!any) {
		snprintf(f->files.url, sizeof f->files.url,
		         strchr(a->host, ':') ? "%s://[%s]:%d" : "%s://%s:%d", scheme, a->host, port);
	} else {
		gethostname(host, sizeof host - 1);
		snprintf(f->files.url, sizeof f->files.url, "%s://%s:%d", scheme, host, port);
	}
	const char *name = strstr(f->files.url, "://") + 3;
	size_t n = name[0] == '[' ? strcspn(name, "]") + 1 : strcspn(name, ":/");
	snprintf(f->hosts, sizeof f->hosts, "%.*s", (int)(n < HOST_MAX ? n : HOST_MAX - 1), name);
	return 0;
}

static int listen_on(struct fleet_http *f, struct err *err)
{
	struct listen_address a;
	int port = 0;
	const char *given = f->options.listen;
	const char *text = given && *given ? given : "0.0.0.0:0";
	int r = listen_parse(text, strlen(text), &a, err);
	if (r == 0 && a.unix_socket)
		r = err_set(err, ERR_ARG, "%s: workers on other machines cannot reach it", text);
	if (r == 0)
		r = listen_open(&a, &f->listener, &port, err);
	return r < 0 ? err_wrap(err, "the server for workers (--fleet-listen)")
	             : set_url(f, &a, port, err);
}

/* Lets the event loop watch a descriptor, which libwebsockets then owns. */
static int watch(struct fleet_http *f, int filefd, struct err *err)
{
	lws_sock_file_fd_type fd = {.filefd = filefd};
	if (!lws_adopt_descriptor_vhost(f->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "vdet-fleet", NULL))
		return err_set(err, ERR_INTERNAL, "libwebsockets refused a descriptor");
	return 0;
}

static int begin(struct fleet_http *f, struct err *err)
{
	int r = watch(f, gate_fd(f->gate), err);
	if (r == 0)
		gate_give_fd(f->gate);
	if (r == 0)
		r = watch(f, f->http->writable, err);
	f->http->owns_writable = r < 0;
	if (r == 0)
		r = watch(f, f->listener, err);
	if (r < 0)
		return r;
	f->listener = -1;
	if (pthread_create(&f->thread, NULL, serve, f) != 0)
		return err_set(err, ERR_LIMIT, "cannot start a thread");
	f->running = true;
	return 0;
}

int fleet_http_start(const struct fleet_http_options *o, struct fleet_http **ret, struct err *err)
{
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	AUTO(fleet_http_freep) struct fleet_http *f = mem_alloc(1, sizeof *f);
	f->options = *o;
	f->listener = f->spare.fd = -1;
	f->tls = o->tls_cert && *o->tls_cert;
	if (f->tls != (o->tls_key && *o->tls_key))
		return err_set(err, ERR_ARG, "TLS for workers needs a certificate and its key");
	fleet_files_init(&f->files, &f->options);
	/* There are no logins: an address is its own permission. */
	int r = access_open("/dev/null", "/dev/null", 0, &f->access, err);
	if (r == 0)
		r = listen_on(f, err);
	if (r == 0)
		r = start_lws(f, err);
	if (r < 0)
		return r;
	listen_spare_open(&f->spare);
	make_http(f);
	r = begin(f, err);
	if (r == 0)
		*ret = TAKE(f);
	return r;
}

void fleet_http_free(struct fleet_http *f)
{
	if (!f)
		return;
	f->ending = true;
	if (f->running) {
		lws_cancel_service(f->lws);
		pthread_join(f->thread, NULL);
	}
	if (f->mailbox)
		mailbox_close(f->mailbox);
	gate_free(f->gate);
	if (f->lws)
		lws_context_destroy(f->lws);
	http_server_free(f->http);
	mailbox_free(f->mailbox);
	fd_closep(&f->listener);
	fd_closep(&f->spare.fd);
	rate_limiter_free(f->limiter);
	access_free(f->access);
	fleet_files_clear(&f->files);
	free(f);
}

const char *fleet_http_url(const struct fleet_http *f)
{
	return f->files.url;
}

struct fleet_http_counts fleet_http_count(const struct fleet_http *f)
{
	const struct http_counts *c = &f->http->counts;
	return (struct fleet_http_counts){c->requests, c->sent, c->received};
}

int fleet_http_address(struct fleet_http *f, enum remote_kind kind, const char *sha256, char **ret,
                       struct err *err)
{
	return fleet_files_address(&f->files, kind, sha256, ret, err);
}
