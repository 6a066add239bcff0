/* SPDX-License-Identifier: Apache-2.0 */
/* One chat completion while it is made: what its client reads meanwhile, and
 * how long it waits. On one thread at a time; it blocks while it waits. */
#ifndef VDET_NET_CHAT_SESSION_H
#define VDET_NET_CHAT_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "board/board.h"
#include "net/chat/chat-data.h"
#include "net/chat/chat-reply.h"
#include "net/chat/chat-request.h"
#include "net/http/http.h"
#include "net/http/stream.h"

struct chat_service;

/* The questions that sessions wait for: each once, as two clients may ask the
 * same. */
struct chat_asks {
	pthread_mutex_t lock;
	struct chat_ask {
		int64_t id;
		size_t waiting; /* sessions */
		bool ours;      /* a session asked it */
	} * all;
	size_t n, cap;
};

struct session {
	struct chat_service *service; /* that answers it */
	struct board *board;          /* borrowed, as `asks` */
	struct chat_asks *asks;
	struct call *call;      /* until the reply is handed over; then NULL */
	struct chat_data *data; /* owned, as all that follows */
	struct chat_request request;
	struct chat_head head;
	char id[48];
	char who[ACCESS_NAME_MAX];
	char *base;                 /* address of the page */
	int64_t deadline;           /* monotonic; 0 = none */
	struct http_stream *stream; /* NULL: not begun */
	struct cancel *stop;        /* fired: the client of a stream is gone, or the server stops */
	_Atomic bool stopping;      /* the server does */
	int64_t sent_at;            /* when the stream was last written to; monotonic */
	char *said;                 /* the last progress */
	int64_t *held;              /* ids of videos that are held */
	size_t n_held, cap_held;
	json_t *scope; /* {"videos": […]}, {"case": id} or {"all": true} */
	json_t *jobs;  /* ids of analyses that it waits for */
	int64_t ask;   /* id of the question; 0 = not asked yet */
	struct session *next;
};

struct session *session_new(struct board *board, struct call *c);
/* Ends the stream, or the call with this result. */
void session_end(struct session *s, int result, const struct err *err);
void session_free(struct session *s);
/* The server stops; any thread. */
void session_stop(struct session *s);

/* Begins the stream, if one was asked for: the call is over, and errors are
 * events from now on. */
void session_begin(struct session *s);
/* Says what is being done, if that changed: only in a stream. */
void session_tell(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Waits a moment. 0: go on; 1: the time of a reply that is not streamed is
 * over; ERR_CANCELED: the client is gone, or the server stops. */
int session_pause(struct session *s, int64_t time, struct err *err);
/* Sends the message, as a stream or whole; takes what `e` holds. */
void session_finish(struct session *s, const char *text, const struct chat_end *e);

#endif
