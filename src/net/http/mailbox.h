/* SPDX-License-Identifier: Apache-2.0 */
/* Function calls that other threads leave for the net thread. */
#ifndef VDET_NET_HTTP_MAILBOX_H
#define VDET_NET_HTTP_MAILBOX_H

#include "base/mem.h"

struct mailbox;

/* `wake` makes the owner's thread call mailbox_run() soon; it is called from
 * any thread, with a lock held, and must not block or post. */
struct mailbox *mailbox_new(void (*wake)(void *ctx), void *ctx);
void mailbox_free(struct mailbox *m); /* runs nothing */
DEFINE_FREEP(struct mailbox, mailbox)

/* Calls fn(ctx) on the owner's thread, in the order of posting; any thread. */
void mailbox_post(struct mailbox *m, void (*fn)(void *ctx), void *ctx);

/* The owner's thread only. */
void mailbox_run(struct mailbox *m);   /* calls everything that was posted */
void mailbox_wait(struct mailbox *m);  /* blocks until something was posted, and runs it */
void mailbox_close(struct mailbox *m); /* `wake` is not called after this */

#endif
