/* SPDX-License-Identifier: Apache-2.0 */
#include "net/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/guard.h"
#include "net/http.h"
#include "net/route.h"

enum {
	AHEAD = 64, /* events that a socket looks ahead, to leave out what a later one replaces */
	MESSAGE_MAX = 4096, /* of what a client says */
	SUBSCRIBED_MAX = 64,
	/* bytes of the kernel's for one socket: who is slow costs no more */
	SEND_BUFFER = 128 * 1024,
};

struct socket {
	struct net *net;
	struct lws *wsi;
	struct socket *next, **at; /* in net.sockets */
	uint64_t id, cursor;       /* cursor: the last event that was taken from the log */
	int64_t since;             /* Unix time */
	char address[PEER_ADDRESS_MAX], agent[160];
	struct who who;
	bool greet, reload, closing;
	int close_code;
	char close_reason[100];
	int64_t jobs[SUBSCRIBED_MAX]; /* none: all */
	size_t n_jobs;
	struct event *ahead[AHEAD];
	size_t n_ahead, at_ahead;
	struct buf in; /* a message that comes in pieces */
};

int socket_admit(struct net *n, struct lws *wsi)
{
	struct call c = {0};
	int r = 0;
	bool good = http_read_head(n, wsi, &c) && guard_admit(&c);
	if (good && !(c.route->flags & ROUTE_SOCKET)) {
		call_problem(&c, 400, "socket", "this address is no WebSocket; /api/v1/events is");
		good = false;
	}
	if (!good)
		r = http_refuse(wsi, &c);
	if (good) { /* what the handshake's headers say is gone once the socket is open */
		struct socket *s = mem_alloc(1, sizeof *s);
		const char *since = call_query(&c, "since"), *agent = c.headers[HEADER_USER_AGENT];
		AUTO(mem_freep) char *line = text_line(agent ? agent : "", sizeof s->agent - 1);
		s->net = n;
		s->wsi = wsi;
		s->cursor = since ? strtoull(since, NULL, 10) : events_last(n->setup.events);
		s->since = clock_wall();
		s->who = c.who;
		s->in.max = MESSAGE_MAX;
		snprintf(s->address, sizeof s->address, "%s", c.address);
		snprintf(s->agent, sizeof s->agent, "%s", line);
		conn_of(wsi)->socket = s;
	}
	call_clear(&c);
	return r;
}

static void opened(struct socket *s)
{
	struct net *n = s->net;
	pthread_mutex_lock(&n->sockets_lock);
	s->id = ++n->serials;
	s->next = n->sockets;
	s->at = &n->sockets;
	if (s->next)
		s->next->at = &s->next;
	n->sockets = s;
	pthread_mutex_unlock(&n->sockets_lock);
	atomic_fetch_add(&n->counts.sockets, 1);
	setsockopt(lws_get_socket_fd(s->wsi), SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
	s->greet = true;
	lws_callback_on_writable(s->wsi);
}

static void forget_ahead(struct socket *s)
{
	while (s->at_ahead < s->n_ahead)
		event_drop(s->ahead[s->at_ahead++]);
	s->n_ahead = s->at_ahead = 0;
}

void socket_closed(struct socket *s)
{
	struct net *n = s->net;
	conn_of(s->wsi)->socket = NULL;
	if (s->at) {
		pthread_mutex_lock(&n->sockets_lock);
		*s->at = s->next;
		if (s->next)
			s->next->at = s->at;
		pthread_mutex_unlock(&n->sockets_lock);
		atomic_fetch_sub(&n->counts.sockets, 1);
	}
	forget_ahead(s);
	buf_free(&s->in);
	free(s);
}

static void close_soon(struct socket *s, int code, const char *reason)
{
	if (s->closing)
		return;
	s->closing = true;
	s->close_code = code;
	snprintf(s->close_reason, sizeof s->close_reason, "%s", reason);
	lws_callback_on_writable(s->wsi);
}

/* ---- out */

/* Whole states: only the last one counts. */
static bool replaceable(const struct event *v)
{
	return strcmp(v->type, "job") == 0 || strcmp(v->type, "performance") == 0;
}

static bool wanted(const struct socket *s, const struct event *v)
{
	if (!s->n_jobs || !v->subject || strncmp(v->type, "video", 5) == 0)
		return true;
	for (size_t i = 0; i < s->n_jobs; i++)
		if (s->jobs[i] == v->subject)
			return true;
	return false;
}

/* Takes the next events from the log, without those that a later one of them
 * replaces. */
static void look_ahead(struct socket *s)
{
	struct event *taken[AHEAD];
	size_t n = 0;
	bool gap = false;
	forget_ahead(s);
	while (n < AHEAD) {
		struct event *v = events_next(s->net->setup.events, s->cursor, &gap);
		if (!v)
			break;
		s->cursor = v->seq;
		taken[n++] = v;
	}
	for (size_t i = 0; i < n; i++) {
		bool keep = wanted(s, taken[i]);
		for (size_t k = i + 1; keep && k < n && replaceable(taken[i]); k++)
			keep = taken[k]->subject != taken[i]->subject ||
			       strcmp(taken[k]->type, taken[i]->type) != 0;
		if (keep)
			s->ahead[s->n_ahead++] = taken[i];
		else
			event_drop(taken[i]);
	}
	if (gap && !n) {
		atomic_fetch_add(&s->net->counts.slow_sockets, 1);
		close_soon(s, 1013, "too slow: what you missed is no longer kept; read the lists anew");
	}
}

static int send_text(struct socket *s, const char *text, size_t len)
{
	unsigned char small[LWS_PRE + 2048];
	AUTO(mem_freep) unsigned char *large = len > 2048 ? mem_alloc(1, LWS_PRE + len) : NULL;
	unsigned char *data = (large ? large : small) + LWS_PRE;
	memcpy(data, text, len);
	atomic_fetch_add(&s->net->counts.messages, 1);
	atomic_fetch_add(&s->net->counts.sent, (int64_t)len);
	return lws_write(s->wsi, data, len, LWS_WRITE_TEXT) < (int)len ? -1 : 0;
}

/* The first message. A client that has missed more than is kept is told to read
 * the lists anew. */
static int greet(struct socket *s)
{
	char text[160];
	bool gap;
	uint64_t last = events_last(s->net->setup.events);
	event_drop(events_next(s->net->setup.events, s->cursor, &gap));
	if (gap)
		s->cursor = last;
	s->greet = false;
	int n =
		snprintf(text, sizeof text, "{\"type\":\"%s\",\"seq\":%llu,\"since\":%llu}",
	             gap ? "reload" : "hello", (unsigned long long)last, (unsigned long long)s->cursor);
	lws_callback_on_writable(s->wsi);
	return send_text(s, text, (size_t)n);
}

static int on_writable(struct socket *s)
{
	if (s->closing) {
		lws_close_reason(s->wsi, (enum lws_close_status)s->close_code,
		                 (unsigned char *)s->close_reason, strlen(s->close_reason));
		return -1;
	}
	if (s->greet)
		return greet(s);
	if (s->at_ahead == s->n_ahead)
		look_ahead(s);
	int r = 0;
	if (s->at_ahead < s->n_ahead) {
		struct event *v = s->ahead[s->at_ahead++];
		r = send_text(s, v->json, v->len);
		event_drop(v);
	}
	if (s->at_ahead < s->n_ahead || s->cursor < events_last(s->net->setup.events))
		lws_callback_on_writable(s->wsi);
	return r;
}

void socket_news(struct net *n)
{
	for (struct socket *s = n->sockets; s; s = s->next)
		lws_callback_on_writable(s->wsi);
}

void socket_end_all(struct net *n)
{
	for (struct socket *s = n->sockets; s; s = s->next)
		close_soon(s, 1001, "the server stops; come back in a moment");
}

/* ---- in */

static void subscribe(struct socket *s, const json_t *list)
{
	int64_t jobs[SUBSCRIBED_MAX];
	size_t n = 0, i;
	json_t *v;
	json_array_foreach (list, i, v) {
		const char *id = json_string_value(v);
		if (!id || n == SUBSCRIBED_MAX) {
			close_soon(s, 1008, "subscribe: a list of at most 64 ids, each a string");
			return;
		}
		jobs[n++] = strtoll(id, NULL, 10);
	}
	pthread_mutex_lock(&s->net->sockets_lock);
	memcpy(s->jobs, jobs, n * sizeof *jobs);
	s->n_jobs = n;
	pthread_mutex_unlock(&s->net->sockets_lock);
}

static void on_message(struct socket *s)
{
	json_t *m = json_loadb(buf_str(&s->in), s->in.len, 0, NULL);
	json_t *since = json_object_get(m, "since"), *list = json_object_get(m, "subscribe");
	buf_clear(&s->in);
	if (json_is_integer(since) && json_integer_value(since) >= 0) {
		forget_ahead(s);
		s->cursor = (uint64_t)json_integer_value(since);
		s->greet = true;
		lws_callback_on_writable(s->wsi);
	}
	if (json_is_array(list))
		subscribe(s, list);
	if (!json_is_object(m) || (!since && !list))
		close_soon(s, 1008, "a client says {\"since\": NUMBER} or {\"subscribe\": [\"JOB\"]}");
	json_decref(m);
}

static int on_receive(struct socket *s, const void *data, size_t len)
{
	if (s->closing)
		return 0;
	if (lws_frame_is_binary(s->wsi)) {
		close_soon(s, 1003, "text is expected");
	} else if (buf_add(&s->in, data, len) < 0) {
		close_soon(s, 1009, "a message has at most 4096 bytes");
	} else if (lws_is_final_fragment(s->wsi) && !lws_remaining_packet_payload(s->wsi)) {
		on_message(s);
	}
	if (s->closing)
		buf_free(&s->in);
	return 0;
}

int socket_callback(struct lws *wsi, enum lws_callback_reasons reason, void *in, size_t len)
{
	struct conn *conn = conn_of(wsi);
	struct socket *s = conn ? conn->socket : NULL;
	if (!s)
		return 0;
	switch ((int)reason) {
	case LWS_CALLBACK_ESTABLISHED: opened(s); return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE: return on_writable(s);
	case LWS_CALLBACK_RECEIVE: return on_receive(s, in, len);
	case LWS_CALLBACK_CLOSED: socket_closed(s); return 0;
	default: return 0;
	}
}

json_t *socket_list(struct net *n)
{
	json_t *all = json_array();
	pthread_mutex_lock(&n->sockets_lock);
	for (const struct socket *s = n->sockets; s; s = s->next) {
		char id[24];
		json_t *jobs = json_array();
		for (size_t i = 0; i < s->n_jobs; i++) {
			snprintf(id, sizeof id, "%lld", (long long)s->jobs[i]);
			json_array_append_new(jobs, json_string(id));
		}
		snprintf(id, sizeof id, "%llu", (unsigned long long)s->id);
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:s, s:s, s:f, s:o, s:s}", "id", id, "address", s->address,
		                   "user", s->who.name, "role", role_name(s->who.role), "since",
		                   (double)s->since / 1e6, "jobs", jobs, "agent", s->agent));
	}
	pthread_mutex_unlock(&n->sockets_lock);
	return json_pack("{s:I, s:o}", "active", (json_int_t)json_array_size(all), "sessions", all);
}
