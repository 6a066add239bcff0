/* SPDX-License-Identifier: Apache-2.0 */
#include "work/work.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "work/check.h"
#include "work/chunk.h"
#include "work/index.h"
#include "work/look.h"
#include "work/texts.h"

struct work {
	struct work_setup setup;
	pthread_mutex_t lock;
	struct work_lane **idle; /* the last one was used last */
	size_t n_idle;
};

struct work *work_new(const struct work_setup *setup)
{
	struct work *w = mem_alloc(1, sizeof *w);
	w->setup = *setup;
	w->setup.lanes = setup->lanes ? setup->lanes : 1;
	w->idle = mem_alloc(w->setup.lanes, sizeof(struct work_lane *));
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_idle; i++)
		work_lane_free(w->idle[i]);
	pthread_mutex_destroy(&w->lock);
	free(w->idle);
	free(w);
}

/* ---- lanes */

/* The one that has the video open, else the one that was not used for the
 * longest time, else a new one. */
static struct work_lane *take_lane(struct work *w, const char *sha256,
                                   const struct decoder_options *o)
{
	struct work_lane *l = NULL;
	pthread_mutex_lock(&w->lock);
	size_t i = 0;
	for (size_t k = 0; k < w->n_idle; k++)
		if (work_lane_has(w->idle[k], sha256, o))
			i = k;
	if (w->n_idle) {
		l = w->idle[i];
		w->n_idle--;
		memmove(&w->idle[i], &w->idle[i + 1], (w->n_idle - i) * sizeof(struct work_lane *));
	}
	pthread_mutex_unlock(&w->lock);
	return l ? l : work_lane_new(&w->setup);
}

/* One that failed begins afresh: it may be the reason. */
static void give_lane(struct work *w, struct work_lane *l, bool failed)
{
	l->call = NULL;
	pthread_mutex_lock(&w->lock);
	bool keep = !failed && w->n_idle < w->setup.lanes;
	if (keep)
		w->idle[w->n_idle++] = l;
	pthread_mutex_unlock(&w->lock);
	if (!keep)
		work_lane_free(l);
}

/* ---- cancel */

/* Passes the cancel of a unit on to its lane, which may live longer. */
struct relay {
	const struct cancel *from;
	struct cancel *to, *over;
	pthread_t thread;
	bool started;
};

static void *relay(void *arg)
{
	struct relay *r = arg;
	struct pollfd fds[] = {{.fd = cancel_fd(r->from), .events = POLLIN},
	                       {.fd = cancel_fd(r->over), .events = POLLIN}};
	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (cancel_fired(r->from))
		cancel_fire(r->to);
	return NULL;
}

static void relay_start(struct relay *r, const struct cancel *from, struct cancel *to)
{
	*r = (struct relay){.from = from, .to = to, .over = cancel_new()};
	r->started = from && pthread_create(&r->thread, NULL, relay, r) == 0;
}

static void relay_end(struct relay *r)
{
	cancel_fire(r->over);
	if (r->started)
		pthread_join(r->thread, NULL);
	cancel_free(r->over);
}

/* ---- units */

/* A unit that was read, on the lane that fits best. */
static int run_on_lane(struct work *w, const struct runner_unit *u, const struct work_call *call,
                       const struct decoder_options *o,
                       int (*run)(struct work_lane *l, const struct runner_unit *u, void *unit,
                                  struct runner_result *ret, struct err *err),
                       void *unit, struct runner_result *ret, struct err *err)
{
	struct relay relay;
	struct work_lane *l = take_lane(w, u->source, o);
	l->call = call;
	relay_start(&relay, call->cancel, l->cancel);
	int r = run(l, u, unit, ret, err);
	relay_end(&relay);
	give_lane(w, l, r < 0 || cancel_fired(l->cancel));
	return r;
}

static int run_chunk(struct work *w, const struct runner_unit *u, const struct work_call *call,
                     struct runner_result *ret, struct err *err)
{
	AUTO(chunk_unit_clear) struct chunk_unit chunk = {0};
	int r = chunk_unit_read(u->body, &chunk, err);
	return r < 0
	           ? r
	           : run_on_lane(w, u, call, &chunk.describe.decoder, work_chunk_run, &chunk, ret, err);
}

static int run_check(struct work *w, const struct runner_unit *u, const struct work_call *call,
                     struct runner_result *ret, struct err *err)
{
	AUTO(check_unit_clear) struct check_unit check = {0};
	int r = check_unit_read(u->body, &check, err);
	return r < 0
	           ? r
	           : run_on_lane(w, u, call, &check.describe.decoder, work_check_run, &check, ret, err);
}

static int run_look(struct work *w, const struct runner_unit *u, const struct work_call *call,
                    struct runner_result *ret, struct err *err)
{
	AUTO(fresh_look_unit_clear) struct fresh_look_unit look = {0};
	int r = fresh_look_unit_read(u->body, &look, err);
	return r < 0 ? r
	             : run_on_lane(w, u, call, &look.describe.decoder, work_look_run, &look, ret, err);
}

static int run_text(struct work *w, const struct runner_unit *u, const struct work_call *call,
                    struct runner_result *ret, struct err *err)
{
	AUTO(text_unit_clear) struct text_unit text = {0};
	int r = text_unit_read(u->body, &text, err);
	return r < 0 ? r : run_on_lane(w, u, call, &text.decoder, work_text_run, &text, ret, err);
}

static int run_speech(struct work *w, const struct runner_unit *u, const struct work_call *call,
                      struct runner_result *ret, struct err *err)
{
	AUTO(speech_unit_clear) struct speech_unit speech = {0};
	int r = speech_unit_read(u->body, &speech, err);
	return r < 0 ? r : run_on_lane(w, u, call, &speech.decoder, work_speech_run, &speech, ret, err);
}

static int run_index(struct work *w, const struct runner_unit *u, const struct work_call *call,
                     struct runner_result *ret, struct err *err)
{
	AUTO(index_unit_clear) struct index_unit index = {0};
	int r = index_unit_read(u->body, &index, err);
	return r < 0 ? r : run_on_lane(w, u, call, &index.decoder, work_index_run, &index, ret, err);
}

static const struct {
	const char *kind;
	int schema;
	int (*run)(struct work *w, const struct runner_unit *u, const struct work_call *call,
	           struct runner_result *ret, struct err *err);
} kinds[] = {
	{CHUNK_UNIT_KIND, CHUNK_UNIT_SCHEMA, run_chunk},
	{CHECK_UNIT_KIND, CHECK_UNIT_SCHEMA, run_check},
	{FRESH_LOOK_UNIT_KIND, FRESH_LOOK_UNIT_SCHEMA, run_look},
	{TEXT_UNIT_KIND, TEXT_UNIT_SCHEMA, run_text},
	{INDEX_UNIT_KIND, INDEX_UNIT_SCHEMA, run_index},
	{SPEECH_UNIT_KIND, SPEECH_UNIT_SCHEMA, run_speech},
};

int work_run(struct work *w, const struct runner_unit *u, const struct work_call *call,
             struct runner_result *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].kind, u->kind) == 0 && kinds[i].schema == u->schema)
			return kinds[i].run(w, u, call, ret, err);
	return err_set(err, ERR_UNSUPPORTED,
	               "this version of vdet cannot do units \"%.40s\" of version %d; install the "
	               "version of the head",
	               u->kind, u->schema);
}
