/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/api/api.h"
#include "net/chat/chat.h"
#include "net/http/conn.h"
#include "net/http/gate.h"
#include "net/http/listen.h"
#include "net/net.h"
#include "net/upload/tus.h"

enum {
	LISTENERS_MAX = 8,
	URL_MAX = 300,
	STOP_TIME = 5,     /* seconds for open requests when the server stops */
	SWEEP_EVERY = 600, /* seconds between searches for expired uploads and videos */
	READ_SIZE = 128 * 1024,
	HEADERS_SIZE = 32 * 1024, /* of all headers of a request; above it the connection closes */
	HEADERS_TIME = 10,        /* seconds for the headers of a request */
	IDLE_TIME = 75,           /* seconds between two requests of a connection */
	SPINS = 20,               /* turns of the event loop without effect, then it is slowed down */
	SPIN_MAX = 500,           /* microseconds of such a turn */
	SPIN_WAIT = 3,            /* milliseconds to wait then */
};

struct net {
	struct net_setup setup;
	const struct net_options *options;
	struct lws_context *lws;
	struct lws_vhost *vhost;
	int listeners[LISTENERS_MAX];
	size_t n_listeners;
	char *unix_paths[LISTENERS_MAX]; /* removed at the end */
	char url[URL_MAX];
	bool tls;
	struct access *access;
	struct rate_limiter *limiter;
	struct uploads *uploads;
	struct mailbox *mailbox;
	struct gate *gate;
	struct http_server *http;
	struct sockets *sockets;
	struct mcp_service *mcp;
	struct chat_service *chat;
	struct api api;
	struct route_table tables[3];
	/* Net thread only. */
	lws_sorted_usec_list_t sweep, stop;
	bool overdue; /* STOP_TIME is over */
	uint64_t callbacks;
	int64_t turned; /* when the event loop last turned */
	int spins;      /* turns in a row without a callback and without waiting */
	struct listen_spare spare;
};

/* ---- connections */

/* Gives a connection to libwebsockets. */
static void pass(void *ctx, int fd, struct conn *conn)
{
	struct net *n = ctx;
	const lws_adopt_desc_t how = {
		.vh = n->vhost,
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
	struct net *n = ctx;
	rate_limiter_disconnect(n->limiter, conn->address);
	atomic_fetch_sub(&n->http->counts.connections, 1);
	free(conn);
}

static void take(struct net *n, int fd)
{
	char address[CLIENT_ADDRESS_MAX];
	listen_peer(fd, address);
	struct http_server *h = n->http;
	if (h->stopping || h->counts.connections >= n->options->connections ||
	    !rate_limiter_connect(n->limiter, address)) {
		atomic_fetch_add(&h->counts.refused, 1);
		close(fd);
		return;
	}
	struct conn *conn = mem_alloc(1, sizeof *conn);
	conn->http = h;
	snprintf(conn->address, sizeof conn->address, "%s", address);
	atomic_fetch_add(&h->counts.connections, 1);
	if (n->tls)
		pass(n, fd, conn);
	else
		gate_add(n->gate, fd, conn);
}

static void accept_some(struct net *n, int listener)
{
	for (int i = 0; i < 64; i++) {
		int fd = -1;
		enum listen_result r = listen_accept(listener, &n->spare, &fd);
		if (r == LISTEN_NONE)
			return;
		if (r == LISTEN_SHED)
			atomic_fetch_add(&n->http->counts.refused, 1);
		else
			take(n, fd);
	}
}

static void on_destroyed(struct net *n, struct lws *wsi)
{
	struct conn *conn = conn_of(wsi);
	if (!conn)
		return;
	if (conn->socket)
		socket_closed(conn->socket);
	lws_set_opaque_user_data(wsi, NULL);
	drop(n, conn);
}

static int on_readable(struct net *n, int fd)
{
	if (fd == gate_fd(n->gate))
		gate_run(n->gate);
	else if (fd == n->http->writable)
		http_writable(n->http);
	else
		accept_some(n, fd);
	return 0;
}

static int confirm_upgrade(struct net *n, struct lws *wsi, const char *to)
{
	return conn_of(wsi) && strcasecmp(to, "websocket") == 0 ? socket_admit(n->sockets, wsi) : -1;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
	struct net *n = lws_context_user(lws_get_context(wsi));
	(void)user;
	n->callbacks++;
	switch ((int)reason) {
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED: mailbox_run(n->mailbox); return 0;
	case LWS_CALLBACK_RAW_RX_FILE: return on_readable(n, lws_get_socket_fd(wsi));
	case LWS_CALLBACK_WSI_DESTROY: on_destroyed(n, wsi); return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return confirm_upgrade(n, wsi, in);
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_CLOSED: return socket_callback(wsi, reason, in, len);
	default: return http_callback(wsi, reason, in, len);
	}
}

/* ---- start */

static void lws_line(int level, const char *line)
{
	(void)level;
	log_debug("net: %.*s", (int)strcspn(line, "\n"), line);
}

static const struct lws_protocols protocols[] = {
	{.name = "vdet", .callback = callback, .rx_buffer_size = 4096},
	{0},
};
static const lws_retry_bo_t liveness = {.secs_since_valid_ping = 25, .secs_since_valid_hangup = 60};

/* Raises the limit of open files: each connection is one. */
static void raise_files(const struct net_options *o)
{
	struct rlimit l;
	rlim_t want = (rlim_t)o->connections + 512;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= want)
		return;
	l.rlim_cur = l.rlim_max == RLIM_INFINITY || want < l.rlim_max ? want : l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

static int start_lws(struct net *n, struct err *err)
{
	const struct net_options *o = n->options;
	n->tls = *o->tls_cert;
	if (n->tls != (*o->tls_key != '\0'))
		return err_set(err, ERR_ARG, "TLS needs both --tls-cert and --tls-key");
	const char *const files[] = {o->tls_cert, o->tls_key};
	for (size_t i = 0; n->tls && i < 2; i++)
		if (access(files[i], R_OK) < 0)
			return err_sys(err, errno, "cannot read %s", files[i]);
	lws_set_log_level(LLL_ERR | LLL_WARN, lws_line);
	raise_files(o);
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.user = n,
		.options =
			LWS_SERVER_OPTION_EXPLICIT_VHOSTS | (n->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.pt_serv_buf_size = READ_SIZE,
		.max_http_header_data2 = HEADERS_SIZE,
		.timeout_secs = (unsigned)(o->silence / CLOCK_SECOND),
		.timeout_secs_ah_idle = HEADERS_TIME,
		.keepalive_timeout = IDLE_TIME,
		.retry_and_idle_policy = &liveness,
		.vhost_name = "vdet",
		.alpn = "http/1.1",
		.ssl_cert_filepath = n->tls ? o->tls_cert : NULL,
		.ssl_private_key_filepath = n->tls ? o->tls_key : NULL,
	};
	n->lws = lws_create_context(&info);
	if (!n->lws)
		return err_set(err, ERR_INTERNAL, "cannot start libwebsockets");
	n->vhost = lws_create_vhost(n->lws, &info);
	if (!n->vhost)
		return err_set(err, ERR_ARG,
		               n->tls ? "%s and %s are not a certificate and its key in PEM"
		                      : "cannot create the server%s%s",
		               n->tls ? o->tls_cert : "", n->tls ? o->tls_key : "");
	return 0;
}

static int add_listener(struct net *n, const struct listen_address *a, int fd, int port,
                        struct err *err)
{
	if (n->n_listeners == LISTENERS_MAX) {
		close(fd);
		return err_set(err, ERR_ARG, "at most %d addresses to listen on", LISTENERS_MAX);
	}
	n->listeners[n->n_listeners++] = fd;
	if (*n->url)
		return 0;
	bool any = !*a->host || strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
	const char *host = any ? "localhost" : a->host;
	const char *scheme = n->tls ? "https" : "http";
	if (a->unix_socket)
		snprintf(n->url, sizeof n->url, "unix:%s", host);
	else
		snprintf(n->url, sizeof n->url, strchr(host, ':') ? "%s://[%s]:%d" : "%s://%s:%d", scheme,
		         host, port);
	return 0;
}

/* Refuses an address that other machines can reach without authentication;
 * `text` is the address as given. */
static int check_public(const struct net *n, const struct listen_address *a, const char *text,
                        struct err *err)
{
	if (a->local || access_needed(n->access))
		return 0;
	if (!n->options->open)
		return err_set(
			err, ERR_PERM,
			"refusing to listen on %s without authentication: other machines can reach it. Add a "
			"token or user (vdet token add NAME); --net-open serves everybody",
			text);
	log_warning("%s: clients are not authenticated and have full access (--net-open)", text);
	return 0;
}

static int listen_on(struct net *n, const char *text, size_t len, struct err *err)
{
	struct listen_address a;
	int fd, port;
	AUTO(mem_freep) char *name = mem_printf("%.*s", (int)len, text);
	int r = listen_parse(text, len, &a, err);
	if (r == 0)
		r = check_public(n, &a, name, err);
	if (r == 0)
		r = listen_open(&a, &fd, &port, err);
	if (r < 0)
		return r;
	if (a.unix_socket && n->n_listeners < LISTENERS_MAX)
		n->unix_paths[n->n_listeners] = mem_strdup(a.host);
	return add_listener(n, &a, fd, port, err);
}

/* Sockets passed by systemd; net.listen is ignored then. */
static int adopt_listeners(struct net *n, int count, struct err *err)
{
	int r = 0;
	for (int fd = LISTEN_FIRST; r == 0 && fd < LISTEN_FIRST + count; fd++) {
		struct listen_address a;
		int port;
		r = listen_adopt(fd, &a, &port, err);
		if (r == 0)
			r = check_public(n, &a, a.host, err);
		if (r == 0)
			r = add_listener(n, &a, fd, port, err);
	}
	return r;
}

static int listen_all(struct net *n, struct err *err)
{
	const char *s = n->options->listen;
	int r;
	if (n->setup.inherited)
		return adopt_listeners(n, n->setup.inherited, err);
	do {
		s += strspn(s, " ,");
		size_t len = strcspn(s, ", ");
		r = listen_on(n, s, len, err);
		s += len;
	} while (r == 0 && s[strspn(s, " ,")]);
	return r;
}

static int open_access(struct net *n, struct err *err)
{
	const char *data_dir = n->setup.data_dir, *given = n->options->token_file;
	AUTO(mem_freep) char *in_data = file_join(data_dir, "access.txt");
	AUTO(mem_freep) char *key = file_join(data_dir, "session.key");
	if (*given && !file_exists(given))
		return err_set(err, ERR_NOENT,
		               "no such file: %s; vdet token add --token-file %s NAME creates it", given,
		               given);
	return access_open(*given ? given : in_data, key, n->options->session, &n->access, err);
}

static int open_uploads(struct net *n, struct err *err)
{
	AUTO(mem_freep) char *dir = file_join(n->setup.data_dir, "uploads");
	return uploads_open(dir, n->setup.board, n->options->upload_expiry, http_cut, n->http,
	                    &n->uploads, err);
}

static int open_chat(struct net *n, struct err *err)
{
	const struct net_options *o = n->options;
	AUTO(mem_freep) char *dir = file_join(n->setup.data_dir, "chat");
	return chat_service_new(n->setup.board, dir, o->chat_upload_max, o->chat_max_wait, &n->chat,
	                        err);
}

static void wake(void *ctx)
{
	struct net *n = ctx;
	lws_cancel_service(n->lws);
}

static void make_http(struct net *n)
{
	const struct net_options *o = n->options;
	n->limiter = rate_limiter_new(o->per_address, o->rate);
	n->mailbox = mailbox_new(wake, n);
	const struct http_setup setup = {.tables = n->tables,
	                                 .n_tables = ARRAY_LEN(n->tables),
	                                 .access = n->access,
	                                 .limiter = n->limiter,
	                                 .mailbox = n->mailbox,
	                                 .origins = o->origins,
	                                 .hosts = o->hosts,
	                                 .proxies = o->proxies,
	                                 .silence = o->silence,
	                                 .tls = n->tls};
	n->http = http_server_new(&setup);
	const struct gate_setup gate = {.lws = n->lws,
	                                .http = n->http,
	                                .timeout = HEADERS_TIME * CLOCK_SECOND,
	                                .pass = pass,
	                                .drop = drop,
	                                .ctx = n};
	n->gate = gate_new(&gate);
}

static void make_routes(struct net *n)
{
	struct mcp_setup mcp = n->setup.mcp;
	mcp.queue = true;
	mcp.calls = n->options->mcp_calls;
	n->mcp = mcp_service_new(&mcp, n->setup.board, n->setup.engine, n->setup.memory);
	n->sockets = sockets_new(n->http, n->setup.events);
	n->api = (struct api){.board = n->setup.board,
	                      .access = n->access,
	                      .http = n->http,
	                      .sockets = n->sockets,
	                      .uploads = n->uploads,
	                      .mcp = n->mcp,
	                      .session = n->options->session,
	                      .performance = n->setup.performance,
	                      .performance_ctx = n->setup.performance_ctx,
	                      .fleet = n->setup.fleet};
	n->tables[0] = (struct route_table){api_routes, n_api_routes, &n->api};
	n->tables[1] = (struct route_table){tus_routes, n_tus_routes, n->uploads};
	n->tables[2] = (struct route_table){chat_routes, n_chat_routes, n->chat};
}

int net_inherited(void)
{
	return listen_inherited();
}

int net_new(const struct net_setup *s, struct net **ret, struct err *err)
{
	AUTO(net_freep) struct net *n = mem_alloc(1, sizeof *n);
	n->setup = *s;
	n->options = s->options;
	listen_spare_open(&n->spare);
	int r = file_mkdirs(s->data_dir, true, err);
	if (r == 0)
		r = open_access(n, err);
	if (r == 0)
		r = start_lws(n, err);
	if (r < 0)
		return r;

	make_http(n);
	r = open_uploads(n, err);
	r = r == 0 ? open_chat(n, err) : r;
	if (r == 0)
		r = listen_all(n, err);
	if (r < 0)
		return r;
	make_routes(n);
	*ret = TAKE(n);
	return 0;
}

void net_free(struct net *n)
{
	if (!n)
		return;
	if (n->mailbox)
		mailbox_close(n->mailbox);
	gate_free(n->gate);
	if (n->lws)
		lws_context_destroy(n->lws);
	mcp_service_free(n->mcp);
	chat_service_free(n->chat);
	if (n->mailbox)
		mailbox_run(n->mailbox); /* what it left there */
	http_server_free(n->http);
	sockets_free(n->sockets);
	mailbox_free(n->mailbox);
	for (size_t i = 0; i < n->n_listeners; i++) {
		if (n->listeners[i] >= 0)
			close(n->listeners[i]);
		if (n->unix_paths[i])
			unlink(n->unix_paths[i]);
		free(n->unix_paths[i]);
	}
	fd_closep(&n->spare.fd);
	uploads_free(n->uploads);
	rate_limiter_free(n->limiter);
	access_free(n->access);
	free(n);
}

const char *net_url(const struct net *n)
{
	return n->url;
}

/* Lets the event loop watch a descriptor, which libwebsockets then owns. */
static int watch(struct net *n, int filefd, struct err *err)
{
	lws_sock_file_fd_type fd = {.filefd = filefd};
	if (!lws_adopt_descriptor_vhost(n->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "vdet", NULL))
		return err_set(err, ERR_INTERNAL, "libwebsockets refused a descriptor");
	return 0;
}

static int begin_listening(struct net *n, struct err *err)
{
	int r = watch(n, gate_fd(n->gate), err);
	if (r == 0)
		gate_give_fd(n->gate);
	if (r == 0)
		r = watch(n, n->http->writable, err);
	n->http->owns_writable = r < 0;
	for (size_t i = 0; r == 0 && i < n->n_listeners; i++) {
		r = watch(n, n->listeners[i], err);
		if (r == 0)
			n->listeners[i] = -1;
	}
	return r;
}

/* ---- run */

/* A thread that wakes the event loop when `cancel` fires. */
struct watch {
	struct net *net;
	struct cancel *cancel;
	int done[2];
};

static void *watch_thread(void *ctx)
{
	struct watch *w = ctx;
	struct pollfd fds[] = {{.fd = cancel_fd(w->cancel), .events = POLLIN},
	                       {.fd = w->done[0], .events = POLLIN}};
	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	lws_cancel_service(w->net->lws);
	return NULL;
}

static void sweep_expired(void *net)
{
	struct net *n = net;
	uploads_sweep(n->uploads);
	board_chat_sweep(n->setup.board);
}

static void on_sweep(lws_sorted_usec_list_t *timer)
{
	struct net *n = lws_container_of(timer, struct net, sweep);
	pool_run(n->http->disk, sweep_expired, n);
	lws_sul_schedule(n->lws, 0, timer, on_sweep, SWEEP_EVERY * LWS_US_PER_SEC);
}

static void on_stop_timeout(lws_sorted_usec_list_t *timer)
{
	lws_container_of(timer, struct net, stop)->overdue = true;
}

static void stop(struct net *n)
{
	n->http->stopping = true;
	gate_clear(n->gate);
	mcp_service_stop(n->mcp);
	chat_service_stop(n->chat);
	sockets_stop(n->sockets);
	lws_sul_schedule(n->lws, 0, &n->stop, on_stop_timeout, STOP_TIME * LWS_US_PER_SEC);
}

/* While a request is in progress, and further ones are in a buffer of
 * libwebsockets, its event loop turns without waiting (it polls for a socket
 * that can be written, and does not write while it may not read). Then this
 * waits a moment instead, after some turns. */
static void brake(struct net *n, uint64_t callbacks, struct cancel *cancel)
{
	int64_t now = clock_now();
	if (n->callbacks != callbacks || now - n->turned > SPIN_MAX) {
		n->spins = 0;
	} else if (++n->spins > SPINS) {
		struct pollfd fd = {.fd = cancel_fd(cancel), .events = POLLIN};
		poll(&fd, 1, SPIN_WAIT);
	}
	n->turned = clock_now();
}

/* Serves until `cancel` fires, and then until nothing is open, or STOP_TIME. */
static int loop(struct net *n, struct cancel *cancel)
{
	int r = 0;
	while (r >= 0) {
		if (cancel_fired(cancel) && !n->http->stopping)
			stop(n);
		if (n->http->stopping && (n->overdue || (http_idle(n->http) && sockets_empty(n->sockets))))
			break;
		uint64_t callbacks = n->callbacks;
		r = lws_service(n->lws, 0);
		brake(n, callbacks, cancel);
	}
	return r;
}

int net_run(struct net *n, struct cancel *cancel, struct err *err)
{
	struct watch w = {.net = n, .cancel = cancel};
	pthread_t thread;
	int r = begin_listening(n, err);
	if (r < 0)
		return r;
	if (pipe(w.done) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	if (pthread_create(&thread, NULL, watch_thread, &w) != 0) {
		close(w.done[0]);
		close(w.done[1]);
		return err_set(err, ERR_LIMIT, "cannot start a thread");
	}
	on_sweep(&n->sweep);
	r = loop(n, cancel);
	close(w.done[1]); /* the thread sees the end of the pipe */
	pthread_join(thread, NULL);
	close(w.done[0]);
	lws_sul_cancel(&n->sweep);
	lws_sul_cancel(&n->stop);
	n->http->stopping = true;
	return r < 0 ? err_set(err, ERR_INTERNAL, "the event loop failed") : 0;
}
