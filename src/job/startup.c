/* SPDX-License-Identifier: Apache-2.0 */
#include "job/startup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "base/text.h"
#include "store/block.h"

/* Between updates of the display and checks of cancel. */
static const int64_t period = CLOCK_SECOND / 20;

struct task {
	pthread_t thread;
	bool done; /* guarded by the lock */
	int result;
	struct err err;
};

struct startup {
	const struct run_context *run;
	int fd;
	int64_t size;
	_Atomic int64_t hashed;
	struct cancel *stop; /* of hashing */
	char sha256[HASH_HEX];
	struct task hash, engine;
	char note[100];       /* what the engine is doing; guarded by lock */
	pthread_mutex_t lock; /* taken around the progress' lock, never inside */
	pthread_cond_t changed;
};

static void finish(struct startup *o, struct task *t)
{
	pthread_mutex_lock(&o->lock);
	t->done = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

/* Workers on other machines need the hashes of the blocks, too. They are made
 * again when they are asked for if they could not be kept. */
static int hash_blocks(struct startup *o, struct err *err)
{
	struct err own;
	AUTO(hash_blocks_clear) struct hash_blocks blocks = {0};
	int r = hash_fd_blocks(o->fd, o->stop, &o->hashed, o->sha256, &blocks, err);
	if (r == 0 && store_blocks_save(o->run->store, o->sha256, &blocks, &own) < 0)
		log_warning("the hashes of the blocks of the video: %s", own.msg);
	return r;
}

static void *hash_source(void *arg)
{
	struct startup *o = arg;
	o->hash.result = o->run->runner ? hash_blocks(o, &o->hash.err)
	                                : hash_fd(o->fd, o->stop, &o->hashed, o->sha256, &o->hash.err);
	finish(o, &o->hash);
	return NULL;
}

static void note_engine(void *ctx, const char *what)
{
	struct startup *o = ctx;
	pthread_mutex_lock(&o->lock);
	snprintf(o->note, sizeof o->note, "%s", what);
	pthread_mutex_unlock(&o->lock);
}

static void *start_engine(void *arg)
{
	struct startup *o = arg;
	o->engine.result = engine_start(o->run->engine, note_engine, o, &o->engine.err);
	finish(o, &o->engine);
	return NULL;
}

struct startup *startup_begin(const struct run_context *run, int fd, int64_t size,
                              const char *sha256)
{
	struct startup *o = mem_alloc(1, sizeof *o);
	o->run = run;
	o->fd = fd;
	o->size = size;
	o->stop = cancel_new();
	pthread_mutex_init(&o->lock, NULL);
	cond_init(&o->changed);
	/* If no thread can be created, the task runs here. */
	o->hash.thread = o->engine.thread = pthread_self();
	if (sha256) {
		snprintf(o->sha256, sizeof o->sha256, "%s", sha256);
		o->hash.done = true;
	} else if (pthread_create(&o->hash.thread, NULL, hash_source, o) != 0) {
		hash_source(o);
		o->hash.thread = pthread_self();
	}
	if (pthread_create(&o->engine.thread, NULL, start_engine, o) != 0) {
		start_engine(o);
		o->engine.thread = pthread_self();
	}
	return o;
}

/* Until the task is done or the period has passed. */
static bool wait_for(struct startup *o, const struct task *t)
{
	int64_t until = clock_now() + period;
	pthread_mutex_lock(&o->lock);
	while (!t->done && cond_wait_until(&o->changed, &o->lock, until))
		;
	bool done = t->done;
	pthread_mutex_unlock(&o->lock);
	return done;
}

bool startup_hashed(struct startup *o)
{
	pthread_mutex_lock(&o->lock);
	bool done = o->hash.done;
	pthread_mutex_unlock(&o->lock);
	return done;
}

static void show_hash(struct startup *o)
{
	char done[TEXT_SIZE_MAX], all[TEXT_SIZE_MAX], text[160];
	snprintf(text, sizeof text, "%s of %s", text_size((double)atomic_load(&o->hashed), done),
	         text_size((double)o->size, all));
	progress_phase(o->run->progress, PHASE_HASHING, text);
}

int startup_hash(struct startup *o, bool quiet, char out[static HASH_HEX], struct err *err)
{
	while (!wait_for(o, &o->hash)) {
		if (cancel_fired(o->run->cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		if (!quiet)
			show_hash(o);
	}
	if (o->hash.result < 0) {
		*err = o->hash.err;
		return o->hash.result;
	}
	memcpy(out, o->sha256, HASH_HEX);
	return 0;
}

int startup_engine(struct startup *o, struct err *err)
{
	while (!wait_for(o, &o->engine)) {
		char note[sizeof o->note];
		pthread_mutex_lock(&o->lock);
		memcpy(note, o->note, sizeof note);
		pthread_mutex_unlock(&o->lock);
		progress_phase(o->run->progress, PHASE_ENGINE, note);
	}
	*err = o->engine.err;
	return o->engine.result;
}

static void join(struct task *t)
{
	if (!pthread_equal(t->thread, pthread_self()))
		pthread_join(t->thread, NULL);
}

void startup_free(struct startup *o)
{
	if (!o)
		return;
	cancel_fire(o->stop);
	join(&o->hash);
	join(&o->engine);
	cancel_free(o->stop);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o);
}
