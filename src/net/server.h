/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef VDET_NET_SERVER_H
#define VDET_NET_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <libwebsockets.h>

#include "base/pool.h"
#include "net/access.h"
#include "net/call.h"
#include "net/door.h"
#include "net/net.h"
#include "net/peer.h"
#include "net/upload.h"

enum { LISTENERS_MAX = 8, URL_MAX = 300 };

/* Figures of the outside; written by the net thread, read by any. */
struct net_counts {
	_Atomic int64_t connections, refused, requests, sockets, messages, sent, received, slow_sockets;
	_Atomic int64_t by_class[6]; /* of replies: 2 = 2xx */
};

struct request;
struct socket;

/* A connection, from accepting it to its end. Net thread only. */
struct conn {
	struct net *net;
	char address[PEER_ADDRESS_MAX];
	struct request *request;
	struct socket *socket;
};
static inline struct conn *conn_of(struct lws *wsi)
{
	return lws_get_opaque_user_data(wsi);
}

struct net {
	struct net_setup setup;
	const struct net_options *options;
	struct lws_context *lws;
	struct lws_vhost *vhost;
	int listeners[LISTENERS_MAX];
	size_t n_listeners;
	char *unix_paths[LISTENERS_MAX]; /* to remove at the end */
	char url[URL_MAX];
	bool tls, public; /* public: others can reach it */
	struct access *access;
	struct peers *peers;
	struct uploads *uploads;
	struct pool *calls, *slow, *disk;
	struct net_counts counts;
	_Atomic bool stopping;
	/* The door. */
	pthread_mutex_t lock;
	struct post *posts, **last_post;
	bool ended;        /* nobody is behind it any more */
	_Atomic bool news; /* there are events that sockets have not sent */
	/* Net thread only. */
	struct request *requests;
	uint64_t serials;
	/* Sockets: changed by the net thread, read by others with this lock. */
	pthread_mutex_t sockets_lock;
	struct socket *sockets;
};

/* A thread-safe note that there is work for sockets. */
void net_has_news(void *net);

#endif
