/* SPDX-License-Identifier: Apache-2.0 */
/* Delivers the hits of standing questions that are in the journal
 * (store/watch.h): to a program, and to a webhook. Each on a thread of its own,
 * in the order of the hits. What fails is tried again, less and less often;
 * what was delivered is marked in the journal. A hit that was delivered while
 * this process was killed is delivered again, with the same id. */
#ifndef VDET_WATCH_NOTIFY_H
#define VDET_WATCH_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"
#include "store/store.h"

struct notify_options {
	char *program, *webhook, *webhook_secret; /* the last is a file */
	bool webhook_private;
	int64_t timeout;
	int64_t hits, tokens; /* per day and standing question; 0 = no limit */
	int64_t scan;         /* between two looks at all files */
};
extern const struct opt_group notify_opt_group;

struct notifier;

/* `watch`: of this standing question, or with 0 of those of the server; options
 * and store are borrowed until notifier_free(). ERR_ARG, ERR_NOENT: of the
 * options. Starts to deliver. */
int notifier_new(const struct notify_options *o, struct store *store, int64_t watch,
                 struct notifier **ret, struct err *err);
/* There is a hit; any thread. */
void notifier_wake(struct notifier *n);
/* Stops: what is not delivered is delivered by the next one. Blocks for a
 * moment. NULL is fine. */
void notifier_free(struct notifier *n);
DEFINE_FREEP(struct notifier, notifier)

/* enum store_way that these options do not ask for. */
unsigned notify_needless(const struct notify_options *o);

#endif
