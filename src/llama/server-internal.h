/* SPDX-License-Identifier: Apache-2.0 */
/* What server.c (the life of a llama-server) and
 * server-start.c (its command line) share. */
#ifndef VDET_LLAMA_SERVER_INTERNAL_H
#define VDET_LLAMA_SERVER_INTERNAL_H

#include <pthread.h>

#include "base/wakeup.h"
#include "llama/server-dir.h"
#include "llama/server.h"
#include "proc/child-log.h"
#include "proc/spawn.h"

#define SERVER_EMBED_TOKENS "2048"      /* of a text of which a vector is made */
#define SERVER_TINY ((int64_t)64 << 20) /* bytes of weights */

struct server {
	struct server_options o;
	char *program, *log_path, *device, *split;
	struct server_dir dir;
	char key[65];
	struct endpoint *endpoint;
	struct cancel *stop; /* fired by server_free() */
	struct wakeup *poke; /* signalled when the thread should look */
	pthread_t thread;
	bool threaded;

	/* Of the thread alone. */
	struct child_log log;
	struct child *child;
	int crashes, failed_starts;
	bool probed;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	enum server_state state;
	int lives, pid;
	int flights, timeouts; /* requests in flight; in a row ended by a time limit */
	int64_t rested;        /* since when there is none in flight */
	bool restart, wake;    /* somebody wants it */
	int starved;           /* the last life that ended for lack of memory */
	char note[160];
	unsigned notes; /* how often `note` changed */
	struct err failure;
};

/* For messages. */
const char *server_program_name(const struct server *s);
/* Starts llama-server, its output going to log_fd. */
int server_start_program(struct server *s, int log_fd, struct err *err);

#endif
