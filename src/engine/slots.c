#include "engine/slots.h"

#include <poll.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/mem.h"

struct slot_waiter {
	struct slot_waiter *next;
	struct cancel *turn; /* fires when the slot is ours: an event that poll() sees */
};

void slots_init(struct slots *s, int n)
{
	*s = (struct slots){.free = n, .last = &s->first};
	pthread_mutex_init(&s->lock, NULL);
}

void slots_clear(struct slots *s)
{
	pthread_mutex_destroy(&s->lock);
}

/* With the lock held: hands free slots to those who wait. */
static void hand_out(struct slots *s)
{
	while (s->free > 0 && s->first) {
		struct slot_waiter *w = s->first;
		s->first = w->next;
		if (!s->first)
			s->last = &s->first;
		s->free--;
		cancel_fire(w->turn);
	}
}

void slots_add(struct slots *s, int n)
{
	pthread_mutex_lock(&s->lock);
	s->free += n;
	hand_out(s);
	pthread_mutex_unlock(&s->lock);
}

void slots_give(struct slots *s)
{
	slots_add(s, 1);
}

static void unqueue(struct slots *s, struct slot_waiter *w)
{
	for (struct slot_waiter **p = &s->first; *p; p = &(*p)->next) {
		if (*p != w)
			continue;
		*p = w->next;
		if (!*p)
			s->last = p;
		return;
	}
}

/* Waits until it is our turn; false if canceled before. */
static bool wait_turn(struct slot_waiter *w, struct cancel *cancel, struct cancel *cancel2, void (*waiting)(void *ctx),
                      void *ctx)
{
	struct pollfd p[] = {{.fd = cancel_fd(w->turn), .events = POLLIN},
	                     {.fd = cancel_fd(cancel), .events = POLLIN},
	                     {.fd = cancel_fd(cancel2), .events = POLLIN}};
	while (!cancel_fired(w->turn)) {
		if (cancel_fired(cancel) || cancel_fired(cancel2))
			return false;
		if (waiting)
			waiting(ctx);
		poll(p, ARRAY_LEN(p), 1000);
	}
	return true;
}

int slots_take(struct slots *s, struct cancel *cancel, struct cancel *cancel2, void (*waiting)(void *ctx), void *ctx,
               struct err *err)
{
	struct slot_waiter w = {0};
	pthread_mutex_lock(&s->lock);
	if (s->free > 0) {
		s->free--;
		pthread_mutex_unlock(&s->lock);
		return 0;
	}
	w.turn = cancel_new();
	*s->last = &w;
	s->last = &w.next;
	pthread_mutex_unlock(&s->lock);

	bool mine = wait_turn(&w, cancel, cancel2, waiting, ctx);
	pthread_mutex_lock(&s->lock);
	if (!mine && cancel_fired(w.turn)) { /* it came at the same moment */
		s->free++;
		hand_out(s);
	} else if (!mine) {
		unqueue(s, &w);
	}
	pthread_mutex_unlock(&s->lock);
	cancel_free(w.turn);
	return mine ? 0 : err_set(err, ERR_CANCELED, "interrupted");
}

void slots_begin(struct slots *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->busy++)
		s->busy_since = clock_now();
	pthread_mutex_unlock(&s->lock);
}

void slots_end(struct slots *s)
{
	pthread_mutex_lock(&s->lock);
	if (!--s->busy)
		s->busy_time += clock_now() - s->busy_since;
	pthread_mutex_unlock(&s->lock);
}

int64_t slots_busy_time(struct slots *s)
{
	pthread_mutex_lock(&s->lock);
	int64_t t = s->busy_time + (s->busy ? clock_now() - s->busy_since : 0);
	pthread_mutex_unlock(&s->lock);
	return t;
}
