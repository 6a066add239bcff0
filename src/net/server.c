/* SPDX-License-Identifier: Apache-2.0 */
#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/http.h"
#include "net/listen.h"
#include "net/socket.h"

enum {
	DRAIN_TIME = 5, /* seconds for what is under way when the server stops */
	SWEEP_EVERY = 600,
	CALL_THREADS = 4,
	SLOW_THREADS = 2,
	DISK_THREADS = 4,
	READ_SIZE = 128 * 1024,
	HEADERS_SIZE = 16 * 1024,
	HEADERS_TIME = 10, /* seconds for the headers of a request */
	IDLE_TIME = 75,    /* seconds between two requests of a connection */
};

/* ---- the door */

struct post {
	void (*fn)(struct net *n, void *ctx);
	void *ctx;
	struct post *next;
};

void net_post(struct net *n, void (*fn)(struct net *n, void *ctx), void *ctx)
{
	struct post *p = mem_alloc(1, sizeof *p);
	*p = (struct post){fn, ctx, NULL};
	pthread_mutex_lock(&n->lock);
	*n->last_post = p;
	n->last_post = &p->next;
	if (!n->ended)
		lws_cancel_service(n->lws);
	pthread_mutex_unlock(&n->lock);
}

static void take_posts(struct net *n)
{
	pthread_mutex_lock(&n->lock);
	struct post *p = n->posts;
	n->posts = NULL;
	n->last_post = &n->posts;
	pthread_mutex_unlock(&n->lock);
	for (struct post *next; p; p = next) {
		next = p->next;
		p->fn(n, p->ctx);
		free(p);
	}
}

void net_has_news(void *net)
{
	struct net *n = net;
	if (!atomic_exchange(&n->news, true))
		lws_cancel_service(n->lws);
}

/* ---- connections */

static void peer_of(int fd, char out[static PEER_ADDRESS_MAX])
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof a;
	getpeername(fd, (struct sockaddr *)&a, &len);
	snprintf(out, PEER_ADDRESS_MAX, "local");
	if (a.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, out, PEER_ADDRESS_MAX);
	if (a.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&a)->sin6_addr, out, PEER_ADDRESS_MAX);
	if (strncmp(out, "::ffff:", 7) == 0) /* IPv4 by way of a socket for both */
		memmove(out, out + 7, strlen(out + 7) + 1);
}

static void adopt(struct net *n, int fd)
{
	char address[PEER_ADDRESS_MAX];
	peer_of(fd, address);
	if (n->stopping || n->counts.connections >= n->options->connections ||
	    !peers_enter(n->peers, address)) {
		atomic_fetch_add(&n->counts.refused, 1);
		close(fd);
		return;
	}
	struct conn *conn = mem_alloc(1, sizeof *conn);
	conn->net = n;
	snprintf(conn->address, sizeof conn->address, "%s", address);
	atomic_fetch_add(&n->counts.connections, 1);
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

static int accept_some(struct net *n, int listener)
{
	for (int i = 0; i < 64; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			log_warning("no more connections: too many open files");
		if (fd < 0)
			return 0;
		adopt(n, fd);
	}
	return 0;
}

static void gone(struct lws *wsi)
{
	struct conn *conn = conn_of(wsi);
	if (!conn)
		return;
	struct net *n = conn->net;
	if (conn->socket)
		socket_closed(conn->socket);
	peers_leave(n->peers, conn->address);
	atomic_fetch_sub(&n->counts.connections, 1);
	lws_set_opaque_user_data(wsi, NULL);
	free(conn);
}

static int confirm_upgrade(struct net *n, struct lws *wsi, const char *to)
{
	return conn_of(wsi) && strcasecmp(to, "websocket") == 0 ? socket_admit(n, wsi) : -1;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
	struct net *n = lws_context_user(lws_get_context(wsi));
	(void)user;
	switch ((int)reason) {
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		take_posts(n);
		if (atomic_exchange(&n->news, false))
			socket_news(n);
		return 0;
	case LWS_CALLBACK_RAW_RX_FILE: return accept_some(n, lws_get_socket_fd(wsi));
	case LWS_CALLBACK_WSI_DESTROY: gone(wsi); return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return confirm_upgrade(n, wsi, in);
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_CLOSED: return socket_callback(wsi, reason, in, len);
	default: return http_callback(wsi, reason, in, len);
	}
}

/* ---- beginning and end */

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

/* As many files as we may have, up to some sense: each connection is one. */
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
		return err_set(err, ERR_INTERNAL, "libwebsockets does not start");
	n->vhost = lws_create_vhost(n->lws, &info);
	if (!n->vhost)
		return err_set(err, ERR_ARG,
		               n->tls ? "%s and %s: no certificate in PEM with its key" : "no server%s%s",
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

/* `text`: the address as its user wrote it. */
static int check_reach(const struct net *n, const struct listen_address *a, const char *text,
                       struct err *err)
{
	if (a->local || access_needed(n->access))
		return 0;
	if (!n->tls)
		return err_set(
			err, ERR_PERM,
			"%s can be reached by others, and nobody would have to say who he is. Add a token or "
			"a user "
			"first (vdet token add NAME), or serve TLS (--tls-cert, --tls-key)",
			text);
	log_warning(
		"%s: whoever reaches this address may do everything; add a token (vdet token add NAME)",
		text);
	return 0;
}

static int listen_on(struct net *n, const char *text, size_t len, struct err *err)
{
	struct listen_address a;
	int fd, port;
	AUTO(mem_freep) char *name = mem_printf("%.*s", (int)len, text);
	int r = listen_parse(text, len, &a, err);
	if (r == 0)
		r = check_reach(n, &a, name, err);
	if (r == 0)
		r = listen_open(&a, &fd, &port, err);
	if (r < 0)
		return r;
	if (a.unix_socket && n->n_listeners < LISTENERS_MAX)
		n->unix_paths[n->n_listeners] = mem_strdup(a.host);
	return add_listener(n, &a, fd, port, err);
}

/* Sockets that are ours already; the option net.listen does not count then. */
static int listen_as_told(struct net *n, int count, struct err *err)
{
	int r = 0;
	for (int fd = LISTEN_FIRST; r == 0 && fd < LISTEN_FIRST + count; fd++) {
		struct listen_address a;
		int port;
		r = listen_adopt(fd, &a, &port, err);
		if (r == 0)
			r = check_reach(n, &a, a.host, err);
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
		return listen_as_told(n, n->setup.inherited, err);
	do {
		s += strspn(s, " ,");
		size_t len = strcspn(s, ", ");
		r = listen_on(n, s, len, err);
		s += len;
	} while (r == 0 && s[strspn(s, " ,")]);
	return r;
}

static void cut(void *ctx, uint64_t serial)
{
	http_cut(ctx, serial);
}

static int open_stores(struct net *n, struct err *err)
{
	const struct net_setup *s = &n->setup;
	AUTO(mem_freep) char *in_data = file_join(s->data_dir, "access.txt");
	AUTO(mem_freep) char *key = file_join(s->data_dir, "session.key");
	AUTO(mem_freep) char *uploads = file_join(s->data_dir, "uploads");
	int r = file_mkdirs(s->data_dir, true, err);
	if (r == 0)
		r = access_open(*n->options->token_file ? n->options->token_file : in_data, key,
		                n->options->session, &n->access, err);
	if (r == 0 && *n->options->token_file && !file_exists(n->options->token_file))
		r = err_set(err, ERR_NOENT, "there is no %s; vdet token add --token-file %s NAME makes it",
		            n->options->token_file, n->options->token_file);
	if (r == 0)
		r = uploads_open(uploads, s->board, n->options->upload_expiry, cut, n, &n->uploads, err);
	return r;
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
	n->last_post = &n->posts;
	pthread_mutex_init(&n->lock, NULL);
	pthread_mutex_init(&n->sockets_lock, NULL);
	n->peers = peers_new(s->options->per_address, s->options->rate);
	int r = open_stores(n, err);
	if (r == 0)
		r = start_lws(n, err);
	if (r == 0)
		r = listen_all(n, err);
	if (r < 0)
		return r;
	n->calls = pool_new(CALL_THREADS);
	n->slow = pool_new(SLOW_THREADS);
	n->disk = pool_new(DISK_THREADS);
	events_listen(s->events, net_has_news, n);
	*ret = TAKE(n);
	return 0;
}

void net_free(struct net *n)
{
	if (!n)
		return;
	events_listen(n->setup.events, NULL, NULL);
	pthread_mutex_lock(&n->lock);
	n->ended = true;
	pthread_mutex_unlock(&n->lock);
	if (n->lws)
		lws_context_destroy(n->lws);
	/* What threads still do comes back through the door, for requests whose
	 * connections are gone now. */
	while (n->requests) {
		take_posts(n);
		poll(NULL, 0, 1);
	}
	take_posts(n);
	pool_free(n->calls);
	pool_free(n->slow);
	pool_free(n->disk);
	for (size_t i = 0; i < n->n_listeners; i++) {
		if (n->listeners[i] >= 0)
			close(n->listeners[i]);
		if (n->unix_paths[i])
			unlink(n->unix_paths[i]);
		free(n->unix_paths[i]);
	}
	uploads_free(n->uploads);
	access_free(n->access);
	peers_free(n->peers);
	pthread_mutex_destroy(&n->lock);
	pthread_mutex_destroy(&n->sockets_lock);
	free(n);
}

const char *net_url(const struct net *n)
{
	return n->url;
}

static int begin_listening(struct net *n, struct err *err)
{
	for (size_t i = 0; i < n->n_listeners; i++) {
		lws_sock_file_fd_type fd = {.filefd = n->listeners[i]};
		if (!lws_adopt_descriptor_vhost(n->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "vdet", NULL))
			return err_set(err, ERR_INTERNAL, "libwebsockets takes no listening socket");
		n->listeners[i] = -1; /* the library closes it */
	}
	return 0;
}

/* Wakes the loop when `cancel` fires: a thread that waits for its descriptor. */
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

static void stop(struct net *n)
{
	n->stopping = true;
	socket_end_all(n);
}

static int loop(struct net *n, struct cancel *cancel)
{
	int64_t until = INT64_MAX, sweep = clock_now() + SWEEP_EVERY * CLOCK_SECOND;
	int r = 0;
	while (r >= 0 && clock_now() < until) {
		if (cancel_fired(cancel) && !n->stopping) {
			stop(n);
			until = clock_now() + DRAIN_TIME * CLOCK_SECOND;
		}
		if (n->stopping && !http_open_requests(n) && !n->counts.sockets)
			break;
		/* While stopping, what ends has to be noticed. */
		if (n->stopping)
			lws_cancel_service(n->lws);
		r = lws_service(n->lws, 0);
		if (n->stopping)
			poll(NULL, 0, 10);
		if (clock_now() > sweep) {
			uploads_sweep(n->uploads);
			sweep = clock_now() + SWEEP_EVERY * CLOCK_SECOND;
		}
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
	r = loop(n, cancel);
	close(w.done[1]); /* hangs up: the watch ends */
	pthread_join(thread, NULL);
	close(w.done[0]);
	n->stopping = true;
	return r < 0 ? err_set(err, ERR_INTERNAL, "the server's loop ended by itself") : 0;
}
