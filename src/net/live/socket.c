/* SPDX-License-Identifier: Apache-2.0 */
#include "net/live/socket.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/http/auth.h"
#include "net/http/conn.h"
#include "net/http/head.h"

enum {
	AHEAD = 64,          /* events to look ahead, to skip those that a later one replaces */
	MESSAGE_MAX = 4096,  /* bytes of a message from a client */
	SUBSCRIBED_MAX = 64, /* jobs that a client can subscribe to */
	SEND_BUFFER =
		128 * 1024, /* bytes in the kernel for one socket: bounds the cost of slow clients */
};

struct sockets {
	struct http_server *http;
	struct events *events;
	_Atomic bool notified; /* on_news() is already posted */
	uint64_t ids;
	pthread_mutex_t lock; /* the list is changed by the net thread and read by others */
	struct socket *first;
};

struct socket {
	struct sockets *all;
	struct lws *wsi;
	struct socket *next, **at; /* at: NULL until it is open */
	uint64_t id, cursor;       /* cursor: number of the last event taken from the log */
	int64_t since;             /* Unix time, microseconds */
	char address[CLIENT_ADDRESS_MAX], agent[160];
	struct who who;
	bool hello, closing;
	int close_code;
	char close_reason[100];
	int64_t jobs[SUBSCRIBED_MAX]; /* none: all */
	size_t n_jobs;
	struct event *ahead[AHEAD];
	size_t n_ahead, at_ahead;
	struct buf in; /* a message that arrives in fragments */
};

/* ---- open and close */

int socket_admit(struct sockets *all, struct lws *wsi)
{
	struct call c;
	int r = 0;
	call_init(&c, all->http);
	bool good = head_read(wsi, &c) && auth_admit(&c);
	if (good && !(c.route->flags & ROUTE_SOCKET)) {
		call_problem(&c, 400, "socket", "this path is not a WebSocket; use /api/v1/events");
		good = false;
	}
	if (!good)
		r = http_refuse(wsi, &c);
	if (good) { /* the headers are no longer available once the socket is open */
		struct socket *s = mem_alloc(1, sizeof *s);
		const char *since = call_query(&c, "since"), *agent = c.headers[HEADER_USER_AGENT];
		AUTO(mem_freep) char *line = text_line(agent ? agent : "", sizeof s->agent - 1);
		s->all = all;
		s->wsi = wsi;
		s->cursor = since ? strtoull(since, NULL, 10) : events_last(all->events);
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

static void on_opened(struct socket *s)
{
	struct sockets *all = s->all;
	pthread_mutex_lock(&all->lock);
	s->id = ++all->ids;
	s->next = all->first;
	s->at = &all->first;
	if (s->next)
		s->next->at = &s->next;
	all->first = s;
	pthread_mutex_unlock(&all->lock);

	atomic_fetch_add(&all->http->counts.sockets, 1);
	setsockopt(lws_get_socket_fd(s->wsi), SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
	s->hello = true;
	lws_callback_on_writable(s->wsi);
}

static void drop_ahead(struct socket *s)
{
	while (s->at_ahead < s->n_ahead)
		event_release(s->ahead[s->at_ahead++]);
	s->n_ahead = s->at_ahead = 0;
}

void socket_closed(struct socket *s)
{
	struct sockets *all = s->all;
	conn_of(s->wsi)->socket = NULL;
	if (s->at) {
		pthread_mutex_lock(&all->lock);
		*s->at = s->next;
		if (s->next)
			s->next->at = s->at;
		pthread_mutex_unlock(&all->lock);
		atomic_fetch_sub(&all->http->counts.sockets, 1);
	}
	drop_ahead(s);
	buf_free(&s->in);
	free(s);
}

static void begin_close(struct socket *s, int code, const char *reason)
{
	if (s->closing)
		return;
	s->closing = true;
	s->close_code = code;
	snprintf(s->close_reason, sizeof s->close_reason, "%s", reason);
	lws_callback_on_writable(s->wsi);
}

/* ---- sending */

/* Events that hold a complete state: only the last one is needed. */
static bool is_replaceable(const struct event *v)
{
	return v->type == EVENT_JOB || v->type == EVENT_ASK || v->type == EVENT_PERFORMANCE;
}

static bool is_wanted(const struct socket *s, const struct event *v)
{
	const char *about = event_messages[v->type].subject;
	if (!s->n_jobs || !about || strcmp(about, "job") != 0)
		return true;
	for (size_t i = 0; i < s->n_jobs; i++)
		if (s->jobs[i] == v->subject)
			return true;
	return false;
}

/* Takes the next events from the log, without those that a later one replaces. */
static void take_events(struct socket *s)
{
	struct event *taken[AHEAD];
	size_t n = 0;
	bool gap = false;
	drop_ahead(s);
	while (n < AHEAD) {
		struct event *v = events_next(s->all->events, s->cursor, &gap);
		if (!v)
			break;
		s->cursor = v->seq;
		taken[n++] = v;
	}
	for (size_t i = 0; i < n; i++) {
		bool keep = is_wanted(s, taken[i]);
		for (size_t k = i + 1; keep && k < n && is_replaceable(taken[i]); k++)
			keep = taken[k]->subject != taken[i]->subject || taken[k]->type != taken[i]->type;
		if (keep)
			s->ahead[s->n_ahead++] = taken[i];
		else
			event_release(taken[i]);
	}
	if (gap && !n) {
		atomic_fetch_add(&s->all->http->counts.slow_sockets, 1);
		begin_close(s, 1013, "client too slow: missed events are no longer available; reload");
	}
}

static int send_text(struct socket *s, const char *text, size_t len)
{
	unsigned char small[LWS_PRE + 2048];
	AUTO(mem_freep) unsigned char *large = len > 2048 ? mem_alloc(1, LWS_PRE + len) : NULL;
	unsigned char *data = (large ? large : small) + LWS_PRE;
	memcpy(data, text, len);
	atomic_fetch_add(&s->all->http->counts.messages, 1);
	atomic_fetch_add(&s->all->http->counts.sent, (int64_t)len);
	return lws_write(s->wsi, data, len, LWS_WRITE_TEXT) < (int)len ? -1 : 0;
}

/* Sends the first message. If events that the client has missed are no longer
 * available, it has to reload everything. */
static int send_hello(struct socket *s)
{
	char text[160];
	bool gap;
	uint64_t last = events_last(s->all->events);
	event_release(events_next(s->all->events, s->cursor, &gap));
	if (gap)
		s->cursor = last;
	s->hello = false;
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
	if (s->hello)
		return send_hello(s);
	if (s->at_ahead == s->n_ahead)
		take_events(s);
	int r = 0;
	if (s->at_ahead < s->n_ahead) {
		struct event *v = s->ahead[s->at_ahead++];
		r = send_text(s, v->json, v->len);
		event_release(v);
	}
	if (s->at_ahead < s->n_ahead || s->cursor < events_last(s->all->events))
		lws_callback_on_writable(s->wsi);
	return r;
}

static void on_news(void *ctx)
{
	struct sockets *all = ctx;
	atomic_store(&all->notified, false);
	for (struct socket *s = all->first; s; s = s->next)
		lws_callback_on_writable(s->wsi);
}

/* There are new events; any thread. */
static void notify(void *ctx)
{
	struct sockets *all = ctx;
	if (!atomic_exchange(&all->notified, true))
		mailbox_post(all->http->setup.mailbox, on_news, all);
}

void sockets_stop(struct sockets *all)
{
	for (struct socket *s = all->first; s; s = s->next)
		begin_close(s, 1001, "the server is shutting down");
}

/* ---- receiving */

static void subscribe(struct socket *s, const json_t *list)
{
	int64_t jobs[SUBSCRIBED_MAX];
	size_t n = 0, i;
	json_t *v;
	json_array_foreach (list, i, v) {
		const char *id = json_string_value(v);
		if (!id || n == SUBSCRIBED_MAX) {
			begin_close(s, 1008, "subscribe: expected a list of at most 64 ids, each a string");
			return;
		}
		jobs[n++] = strtoll(id, NULL, 10);
	}
	pthread_mutex_lock(&s->all->lock);
	memcpy(s->jobs, jobs, n * sizeof *jobs);
	s->n_jobs = n;
	pthread_mutex_unlock(&s->all->lock);
}

static void on_message(struct socket *s)
{
	json_t *m = json_loadb(buf_str(&s->in), s->in.len, 0, NULL);
	json_t *since = json_object_get(m, "since"), *list = json_object_get(m, "subscribe");
	buf_clear(&s->in);
	if (json_is_integer(since) && json_integer_value(since) >= 0) {
		drop_ahead(s);
		s->cursor = (uint64_t)json_integer_value(since);
		s->hello = true;
		lws_callback_on_writable(s->wsi);
	}
	if (json_is_array(list))
		subscribe(s, list);
	if (!json_is_object(m) || (!since && !list))
		begin_close(s, 1008, "expected {\"since\": NUMBER} or {\"subscribe\": [\"JOB\"]}");
	json_decref(m);
}

static int on_receive(struct socket *s, const void *data, size_t len)
{
	if (s->closing)
		return 0;
	if (lws_frame_is_binary(s->wsi)) {
		begin_close(s, 1003, "text is expected");
	} else if (buf_add(&s->in, data, len) < 0) {
		begin_close(s, 1009, "a message has at most 4096 bytes");
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
	case LWS_CALLBACK_ESTABLISHED: on_opened(s); return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE: return on_writable(s);
	case LWS_CALLBACK_RECEIVE: return on_receive(s, in, len);
	case LWS_CALLBACK_CLOSED: socket_closed(s); return 0;
	default: return 0;
	}
}

json_t *sockets_list(struct sockets *sockets)
{
	json_t *all = json_array();
	pthread_mutex_lock(&sockets->lock);
	for (const struct socket *s = sockets->first; s; s = s->next) {
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
	pthread_mutex_unlock(&sockets->lock);
	return json_pack("{s:I, s:o}", "active", (json_int_t)json_array_size(all), "sessions", all);
}

/* ---- start and stop */

struct sockets *sockets_new(struct http_server *h, struct events *events)
{
	struct sockets *all = mem_alloc(1, sizeof *all);
	all->http = h;
	all->events = events;
	pthread_mutex_init(&all->lock, NULL);
	events_listen(events, notify, all);
	return all;
}

void sockets_free(struct sockets *all)
{
	if (!all)
		return;
	events_listen(all->events, NULL, NULL);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

bool sockets_empty(const struct sockets *all)
{
	return !all->first;
}
