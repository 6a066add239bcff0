/* Inside the engine room: at most `n` requests at once; the others wait their turn, first come first served. Also
 * keeps the time during which at least one request was in flight. Thread-safe. */
#ifndef VDET_ENGINE_SLOTS_H
#define VDET_ENGINE_SLOTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct slot_waiter;

struct slots {
	pthread_mutex_t lock;
	int free;
	struct slot_waiter *first, **last;
	int busy; /* requests in flight */
	int64_t busy_since, busy_time;
};

void slots_init(struct slots *s, int n);
void slots_clear(struct slots *s);
void slots_add(struct slots *s, int n); /* more of them, once more is known */
/* Waits for a slot; `waiting` (may be NULL) is called at once if it must wait, then every second. ERR_CANCELED. */
int slots_take(struct slots *s, struct cancel *cancel, struct cancel *cancel2, void (*waiting)(void *ctx), void *ctx,
               struct err *err);
void slots_give(struct slots *s);

void slots_begin(struct slots *s); /* a request goes out, … */
void slots_end(struct slots *s);   /* … and is over */
int64_t slots_busy_time(struct slots *s);

#endif
