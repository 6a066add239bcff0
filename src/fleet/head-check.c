/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a unit that was given is still with somebody. */
#include "base/clock.h"
#include "base/log.h"
#include "fleet/head-internal.h"

enum { SETTLE = 2 }; /* how often the collector has to find nothing more */

/* Whether the collector has taken everything that was published until now: up
 * to place `last`, or, where that is not known, nothing came for a while. */
static bool has_all(struct fleet_head *h, struct unit *u, uint64_t last, uint64_t idle)
{
	pthread_mutex_lock(&h->lock);
	bool all = u->n_letters > 0 || h->idle >= idle + SETTLE || (last && h->seen >= last);
	pthread_mutex_unlock(&h->lock);
	return all;
}

/* Waits for a result that is in the stream already; false if there is none. */
static bool look_for_result(struct fleet_head *h, struct unit *u, struct cancel *cancel)
{
	pthread_mutex_lock(&h->lock);
	uint64_t idle = h->idle;
	pthread_mutex_unlock(&h->lock);

	uint64_t last = streams_last(h->link, h->results);
	while (!has_all(h, u, last, idle) && !cancel_fired(cancel) && !cancel_fired(h->stop))
		wakeup_wait(u->wake, cancel, CLOCK_SECOND / 4);

	pthread_mutex_lock(&h->lock);
	bool any = u->n_letters > 0;
	pthread_mutex_unlock(&h->lock);
	return any || cancel_fired(cancel);
}

/* The message is of no use any more: another attempt is given. */
static void forget_message(struct fleet_head *h, struct unit *u, const char *why)
{
	pthread_mutex_lock(&h->lock);
	unit_end_silent(h, u);
	u->seq = 0;
	h->mend = true;
	pthread_mutex_unlock(&h->lock);
	log_warning("unit %s %s; giving it again", u->id, why);
}

/* No worker has it, and none gets it: an acknowledgement without a result, or a
 * server that was killed before it wrote that the message is gone. Or it was
 * given so often that the server stops. */
static int give_stuck(struct fleet_head *h, struct unit *u, struct err *err)
{
	if (++u->stuck >= STUCK)
		return err_set(err, ERR_DIED,
		               "it was given to workers more often than the NATS server allows, and none "
		               "was heard of again");
	streams_delete(h->link, h->stream, u->seq);
	forget_message(h, u, "is in the NATS server, which gives it to no worker");
	return 0;
}

/* The server says that its messages are all given, and may be wrong: after a
 * kill it can keep one that its consumer holds for acknowledged, while another,
 * which is gone, makes it look busy. */
static void regive_lonely(struct fleet_head *h, struct unit *u, enum queue_state queue)
{
	pthread_mutex_lock(&h->lock);
	h->mend = h->mend || queue == QUEUE_UNKNOWN;
	u->lonely = queue == QUEUE_GIVEN && unit_is_lonely(h, u) ? u->lonely + 1 : 0;
	bool now = u->lonely >= LONELY;
	u->lonely = now ? 0 : u->lonely;
	pthread_mutex_unlock(&h->lock);
	if (!now)
		return;
	streams_delete(h->link, h->stream, u->seq);
	forget_message(h, u, "is with no worker, and the NATS server gives it to none");
}

/* Its worker may go on: if that has a result first, it is taken. */
static bool regive_late(struct fleet_head *h, struct unit *u)
{
	char why[200];

	pthread_mutex_lock(&h->lock);
	bool late = unit_is_late(h, u, why, sizeof why);
	pthread_mutex_unlock(&h->lock);
	if (!late)
		return false;
	streams_delete(h->link, h->stream, u->seq);
	forget_message(h, u, why);
	return true;
}

/* Looks whether the message is still there. The worker that acknowledged it has
 * sent its result before, so that this only has to be fetched. */
int unit_check(struct fleet_head *h, struct unit *u, struct cancel *cancel, struct err *err)
{
	char queue[WIRE_QUEUE];

	if (!u->seq)
		return 0;
	wire_queue(u->view.model, u->view.source, queue);
	/* In this order: one that waited then may be done now. */
	enum queue_state state = streams_queue_state(h->link, h->stream, queue);
	bool empty = state == QUEUE_EMPTY;
	int there = streams_has(h->link, h->stream, u->seq, u->nonce, NULL);
	if (there > 0 && regive_late(h, u))
		return 0;
	if (there > 0 && !empty)
		regive_lonely(h, u, state);
	if (there < 0 || (there && !empty) || look_for_result(h, u, cancel))
		return 0;
	if (there)
		return give_stuck(h, u, err);
	forget_message(h, u, "has disappeared from the NATS server without a result");
	return 0;
}
