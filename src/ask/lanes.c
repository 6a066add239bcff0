/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/lanes.h"

#include "ask/sources.h"
#include "job/step-threads.h"
#include "job/unit.h"

enum { MOST_LANES = 16 };

struct lanes {
	struct asking *asking;
	double share; /* of the budget; < 0: there is none, and its end stops nothing */
	void (*work)(struct asking *a, struct describe_worker *w, void *item);
	char *items;
	size_t n, size;
	pthread_mutex_t lock; /* guards `next` */
	size_t next;
};

static void *take_next(struct lanes *l)
{
	void *item = NULL;
	pthread_mutex_lock(&l->lock);
	if (l->next < l->n &&
	    (l->share < 0 ? !cancel_fired(l->asking->run.cancel) : asking_goes_on(l->asking, l->share)))
		item = l->items + l->next++ * l->size;
	pthread_mutex_unlock(&l->lock);
	return item;
}

/* The file that the lane has open is that of `source` afterwards. */
static int change_file(struct asking *a, struct describe_worker *w, struct ask_file *file,
                       size_t source, size_t *current)
{
	struct err err;
	if (file->fd >= 0 && source == *current)
		return 0;
	describe_close(w);
	sources_leave(file);
	int r = sources_file(a, source, file, &err);
	w->fd = file->fd;
	w->options = &file->describe;
	*current = source;
	if (r == 0)
		return 0;
	err.code = ERR_FORMAT; /* of this video only */
	asking_stop(a, &err);
	return r;
}

bool lanes_give(const struct asking *a)
{
	return a->run.runner && unit_possible(&a->describe);
}

static void work(void *arg)
{
	struct lanes *l = arg;
	struct asking *a = l->asking;
	struct describe_worker w = {
		.run = l->share < 0 ? &a->run : &a->limited, .options = &a->describe, .fd = -1};
	AUTO(sources_leave) struct ask_file file = {.fd = -1};
	size_t current = 0;
	void *item;
	while ((item = take_next(l)))
		if (change_file(a, &w, &file, *(size_t *)item, &current) == 0)
			l->work(a, &w, item);
	describe_close(&w);
}

void lanes_run(struct asking *a, double share,
               void (*fn)(struct asking *a, struct describe_worker *w, void *item), void *items,
               size_t n, size_t size, size_t *ret_done)
{
	struct lanes l = {
		.asking = a, .share = share, .work = fn, .items = items, .n = n, .size = size};
	size_t slots = (size_t)engine_slots(a->run.engine) + 1;
	const struct step_threads threads = {.run = share < 0 ? &a->run : &a->limited,
	                                     .gives = share >= 0 && lanes_give(a),
	                                     .most = slots < MOST_LANES ? slots : MOST_LANES,
	                                     .items = n};
	pthread_mutex_init(&l.lock, NULL);
	step_threads_run(&threads, work, &l);
	pthread_mutex_destroy(&l.lock);
	*ret_done = l.next;
}

void lanes_all(struct asking *a,
               void (*fn)(struct asking *a, struct describe_worker *w, void *item), void *items,
               size_t n, size_t size)
{
	size_t done;
	lanes_run(a, -1, fn, items, n, size, &done);
}
