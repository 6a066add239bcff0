/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/service.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
	READ_SIZE = 128 * 1024,
	HEADERS_SIZE = 32 * 1024, /* of all headers of a request; above it the connection closes */
	HEADERS_TIME = 10,        /* seconds for the headers of a request */
	IDLE_TIME = 75,           /* seconds between two requests of a connection */
	ACCEPT_MAX = 64,          /* connections in one turn of the event loop */
};

/* ---- connections */

/* Gives a connection to libwebsockets. */
static void pass(void *ctx, int fd, struct conn *conn)
{
	struct service *s = ctx;
	const lws_adopt_desc_t how = {
		.vh = s->vhost,
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
	struct service *s = ctx;
	rate_limiter_disconnect(s->limiter, conn->address);
	atomic_fetch_sub(&s->http->counts.connections, 1);
	free(conn);
}

static void take(struct service *s, int fd)
{
	char address[CLIENT_ADDRESS_MAX];
	listen_peer(fd, address);
	struct http_server *h = s->http;
	if (h->stopping || h->counts.connections >= s->setup.connections ||
	    !rate_limiter_connect(s->limiter, address)) {
		atomic_fetch_add(&h->counts.refused, 1);
		close(fd);
		return;
	}

	struct conn *conn = mem_alloc(1, sizeof *conn);
	conn->http = h;
	snprintf(conn->address, sizeof conn->address, "%s", address);
	atomic_fetch_add(&h->counts.connections, 1);
	if (s->tls)
		pass(s, fd, conn);
	else
		gate_add(s->gate, fd, conn);
}

static void accept_some(struct service *s, int listener)
{
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd = -1;
		enum listen_result r = listen_accept(listener, &s->spare, &fd);
		if (r == LISTEN_NONE)
			return;
		if (r == LISTEN_SHED)
			atomic_fetch_add(&s->http->counts.refused, 1);
		else
			take(s, fd);
	}
}

static void on_destroyed(struct service *s, struct lws *wsi)
{
	struct conn *conn = conn_of(wsi);
	if (!conn)
		return;
	if (s->setup.closed)
		s->setup.closed(s->setup.ctx, conn);
	lws_set_opaque_user_data(wsi, NULL);
	drop(s, conn);
}

static int on_readable(struct service *s, int fd)
{
	if (fd == gate_fd(s->gate))
		gate_run(s->gate);
	else if (fd == s->http->writable)
		http_writable(s->http);
	else
		accept_some(s, fd);
	return 0;
}

static int on_upgrade(struct service *s, struct lws *wsi, enum lws_callback_reasons reason,
                      void *in, size_t len)
{
	if (s->setup.upgrade)
		return s->setup.upgrade(s->setup.ctx, wsi, reason, in, len);
	return reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE ? -1 : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
	struct service *s = lws_context_user(lws_get_context(wsi));
	(void)user;
	s->callbacks++;
	switch ((int)reason) {
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED: mailbox_run(s->mailbox); return 0;
	case LWS_CALLBACK_RAW_RX_FILE: return on_readable(s, lws_get_socket_fd(wsi));
	case LWS_CALLBACK_WSI_DESTROY: on_destroyed(s, wsi); return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_CLOSED: return on_upgrade(s, wsi, reason, in, len);
	default: return http_callback(wsi, reason, in, len);
	}
}

/* ---- start */

static void lws_line(int level, const char *line)
{
	(void)level;
	log_debug("net: %.*s", (int)strcspn(line, "\n"), line);
}

static void wake(void *ctx)
{
	service_wake(ctx);
}

void service_wake(struct service *s)
{
	lws_cancel_service(s->lws);
}

static int start_lws(struct service *s, struct err *err)
{
	const struct service_setup *o = &s->setup;
	const char *const files[] = {o->cert, o->key};
	for (size_t i = 0; s->tls && i < ARRAY_LEN(files); i++)
		if (access(files[i], R_OK) < 0)
			return err_sys(err, errno, "cannot read %s", files[i]);
	lws_set_log_level(LLL_ERR | LLL_WARN, lws_line);
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = s->protocols,
		.user = s,
		.options =
			LWS_SERVER_OPTION_EXPLICIT_VHOSTS | (s->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.pt_serv_buf_size = READ_SIZE,
		.max_http_header_data2 = HEADERS_SIZE,
		.timeout_secs = (unsigned)(o->silence / CLOCK_SECOND),
		.timeout_secs_ah_idle = HEADERS_TIME,
		.keepalive_timeout = IDLE_TIME,
		.retry_and_idle_policy = o->liveness,
		.vhost_name = o->name,
		.alpn = "http/1.1",
		.ssl_cert_filepath = s->tls ? o->cert : NULL,
		.ssl_private_key_filepath = s->tls ? o->key : NULL,
	};
	s->lws = lws_create_context(&info);
	if (!s->lws)
		return err_set(err, ERR_INTERNAL, "cannot start libwebsockets");
	s->vhost = lws_create_vhost(s->lws, &info);
	if (s->vhost)
		return 0;
	return s->tls ? err_set(err, ERR_ARG, "%s and %s are not a certificate and its key in PEM",
	                        o->cert, o->key)
	              : err_set(err, ERR_INTERNAL, "cannot create the server");
}

static void make_http(struct service *s)
{
	const struct service_setup *o = &s->setup;
	s->limiter = rate_limiter_new(o->per_address, o->rate);
	s->mailbox = mailbox_new(wake, s);
	const struct http_setup setup = {.tables = o->tables,
	                                 .n_tables = o->n_tables,
	                                 .access = o->access,
	                                 .limiter = s->limiter,
	                                 .mailbox = s->mailbox,
	                                 .origins = o->origins,
	                                 .hosts = o->hosts,
	                                 .proxies = o->proxies,
	                                 .silence = o->silence,
	                                 .tls = s->tls};
	s->http = http_server_new(&setup);
	const struct gate_setup gate = {.lws = s->lws,
	                                .http = s->http,
	                                .timeout = HEADERS_TIME * CLOCK_SECOND,
	                                .pass = pass,
	                                .drop = drop,
	                                .ctx = s};
	s->gate = gate_new(&gate);
}

int service_open(struct service *s, const struct service_setup *setup, struct err *err)
{
	*s = (struct service){.setup = *setup,
	                      .tls = setup->cert && *setup->cert,
	                      .protocols = {{.callback = callback, .rx_buffer_size = 4096}},
	                      .spare = {.fd = -1}};
	s->protocols[0].name = setup->name;
	int r = start_lws(s, err);
	if (r < 0)
		return r;
	listen_spare_open(&s->spare);
	make_http(s);
	return 0;
}

int service_add(struct service *s, int fd, struct err *err)
{
	if (s->n_listeners == SERVICE_LISTENERS_MAX) {
		close(fd);
		return err_set(err, ERR_ARG, "at most %d addresses to listen on", SERVICE_LISTENERS_MAX);
	}
	s->listeners[s->n_listeners++] = fd;
	return 0;
}

/* Lets the event loop watch a descriptor, which libwebsockets then owns. */
static int watch(struct service *s, int filefd, struct err *err)
{
	lws_sock_file_fd_type fd = {.filefd = filefd};
	if (!lws_adopt_descriptor_vhost(s->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, s->setup.name, NULL))
		return err_set(err, ERR_INTERNAL, "libwebsockets refused a descriptor");
	return 0;
}

int service_begin(struct service *s, struct err *err)
{
	int r = watch(s, gate_fd(s->gate), err);
	if (r == 0)
		gate_give_fd(s->gate);
	if (r == 0)
		r = watch(s, s->http->writable, err);
	s->http->owns_writable = r < 0;
	for (size_t i = 0; r == 0 && i < s->n_listeners; i++) {
		r = watch(s, s->listeners[i], err);
		if (r == 0)
			s->listeners[i] = -1;
	}
	return r;
}

/* ---- the end */

void service_stop(struct service *s)
{
	s->http->stopping = true;
	gate_clear(s->gate);
}

void service_end(struct service *s)
{
	if (s->mailbox)
		mailbox_close(s->mailbox);
	gate_free(TAKE(s->gate));
	if (s->lws)
		lws_context_destroy(s->lws);
	s->lws = NULL;
}

void service_join(struct service *s)
{
	if (s->mailbox)
		mailbox_run(s->mailbox); /* what is left there */
	http_server_free(TAKE(s->http));
}

void service_clear(struct service *s)
{
	mailbox_free(TAKE(s->mailbox));
	for (size_t i = 0; i < s->n_listeners; i++)
		fd_closep(&s->listeners[i]);
	s->n_listeners = 0;
	if (s->setup.name)
		fd_closep(&s->spare.fd);
	rate_limiter_free(TAKE(s->limiter));
}
