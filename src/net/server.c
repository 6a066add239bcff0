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
#include "net/http/service.h"
#include "net/net.h"
#include "net/upload/tus.h"

enum {
	URL_MAX = 300,
	STOP_TIME = 5,     /* seconds for open requests when the server stops */
	SWEEP_EVERY = 600, /* seconds between searches for expired uploads and videos */
	SPINS = 20,        /* turns of the event loop without effect, then it is slowed down */
	SPIN_MAX = 500,    /* microseconds of such a turn */
	SPIN_WAIT = 3,     /* milliseconds to wait then */
};

struct net {
	struct net_setup setup;
	const struct net_options *options;
	struct service service;
	char *unix_paths[SERVICE_LISTENERS_MAX]; /* removed at the end */
	char url[URL_MAX];
	struct access *access;
	struct uploads *uploads;
	struct sockets *sockets;
	struct mcp_service *mcp;
	struct chat_service *chat;
	struct api api;
	struct route_table tables[3];
	/* Net thread only. */
	lws_sorted_usec_list_t sweep, stop;
	bool overdue;   /* STOP_TIME is over */
	int64_t turned; /* when the event loop last turned */
	int spins;      /* turns in a row without a callback and without waiting */
};

/* ---- connections */

static void on_closed(void *ctx, struct conn *conn)
{
	(void)ctx;
	if (conn->socket)
		socket_closed(conn->socket);
}

static int confirm_upgrade(struct net *n, struct lws *wsi, const char *to)
{
	return conn_of(wsi) && strcasecmp(to, "websocket") == 0 ? socket_admit(n->sockets, wsi) : -1;
}

static int on_upgrade(void *ctx, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                      size_t len)
{
	return reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE ? confirm_upgrade(ctx, wsi, in)
	                                                   : socket_callback(wsi, reason, in, len);
}

/* ---- start */

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

static int open_service(struct net *n, struct err *err)
{
	const struct net_options *o = n->options;
	if (!*o->tls_cert != !*o->tls_key)
		return err_set(err, ERR_ARG, "TLS needs both --tls-cert and --tls-key");
	raise_files(o);
	const struct service_setup setup = {.name = "vdet",
	                                    .cert = o->tls_cert,
	                                    .key = o->tls_key,
	                                    .tables = n->tables,
	                                    .n_tables = ARRAY_LEN(n->tables),
	                                    .access = n->access,
	                                    .origins = o->origins,
	                                    .hosts = o->hosts,
	                                    .proxies = o->proxies,
	                                    .connections = o->connections,
	                                    .per_address = o->per_address,
	                                    .rate = o->rate,
	                                    .silence = o->silence,
	                                    .liveness = &liveness,
	                                    .upgrade = on_upgrade,
	                                    .closed = on_closed,
	                                    .ctx = n};
	return service_open(&n->service, &setup, err);
}

static int add_listener(struct net *n, const struct listen_address *a, int fd, int port,
                        struct err *err)
{
	int r = service_add(&n->service, fd, err);
	if (r < 0 || *n->url)
		return r;
	bool any = !*a->host || strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
	const char *host = any ? "localhost" : a->host;
	const char *scheme = n->service.tls ? "https" : "http";
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
	if (a.unix_socket && n->service.n_listeners < SERVICE_LISTENERS_MAX)
		n->unix_paths[n->service.n_listeners] = mem_strdup(a.host);
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
	return uploads_open(dir, n->setup.board, n->options->upload_expiry, http_cut, n->service.http,
	                    &n->uploads, err);
}

static int open_chat(struct net *n, struct err *err)
{
	const struct net_options *o = n->options;
	AUTO(mem_freep) char *dir = file_join(n->setup.data_dir, "chat");
	return chat_service_new(n->setup.board, dir, o->chat_upload_max, o->chat_max_wait, &n->chat,
	                        err);
}

static void make_routes(struct net *n)
{
	struct mcp_setup mcp = n->setup.mcp;
	mcp.queue = true;
	mcp.calls = n->options->mcp_calls;
	n->mcp = mcp_service_new(&mcp, n->setup.board, n->setup.engine, n->setup.memory);
	n->sockets = sockets_new(n->service.http, n->setup.events);
	n->api = (struct api){.board = n->setup.board,
	                      .access = n->access,
	                      .http = n->service.http,
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
	int r = file_mkdirs(s->data_dir, true, err);
	if (r == 0)
		r = open_access(n, err);
	if (r == 0)
		r = open_service(n, err);
	if (r == 0)
		r = open_uploads(n, err);
	if (r == 0)
		r = open_chat(n, err);
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
	service_end(&n->service);
	mcp_service_free(n->mcp);
	chat_service_free(n->chat);
	service_join(&n->service);
	sockets_free(n->sockets);
	service_clear(&n->service);
	for (size_t i = 0; i < ARRAY_LEN(n->unix_paths); i++) {
		if (n->unix_paths[i])
			unlink(n->unix_paths[i]);
		free(n->unix_paths[i]);
	}
	uploads_free(n->uploads);
	access_free(n->access);
	free(n);
}

const char *net_url(const struct net *n)
{
	return n->url;
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
	service_wake(&w->net->service);
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
	pool_run(n->service.http->disk, sweep_expired, n);
	lws_sul_schedule(n->service.lws, 0, timer, on_sweep, SWEEP_EVERY * LWS_US_PER_SEC);
}

static void on_stop_timeout(lws_sorted_usec_list_t *timer)
{
	lws_container_of(timer, struct net, stop)->overdue = true;
}

static void stop(struct net *n)
{
	service_stop(&n->service);
	mcp_service_stop(n->mcp);
	chat_service_stop(n->chat);
	sockets_stop(n->sockets);
	lws_sul_schedule(n->service.lws, 0, &n->stop, on_stop_timeout, STOP_TIME * LWS_US_PER_SEC);
}

/* While a request is in progress, and further ones are in a buffer of
 * libwebsockets, its event loop turns without waiting (it polls for a socket
 * that can be written, and does not write while it may not read). Then this
 * waits a moment instead, after some turns. */
static void brake(struct net *n, uint64_t callbacks, struct cancel *cancel)
{
	int64_t now = clock_now();
	if (n->service.callbacks != callbacks || now - n->turned > SPIN_MAX) {
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
		if (cancel_fired(cancel) && !n->service.http->stopping)
			stop(n);
		if (n->service.http->stopping &&
		    (n->overdue || (http_idle(n->service.http) && sockets_empty(n->sockets))))
			break;
		uint64_t callbacks = n->service.callbacks;
		r = lws_service(n->service.lws, 0);
		brake(n, callbacks, cancel);
	}
	return r;
}

int net_run(struct net *n, struct cancel *cancel, struct err *err)
{
	struct watch w = {.net = n, .cancel = cancel};
	pthread_t thread;
	int r = service_begin(&n->service, err);
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
	n->service.http->stopping = true;
	return r < 0 ? err_set(err, ERR_INTERNAL, "the event loop failed") : 0;
}
