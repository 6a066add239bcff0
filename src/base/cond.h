/* SPDX-License-Identifier: Apache-2.0 */
/* Condition variables whose time limits are of clock_now(), so that setting the
 * system's clock changes none. */
#ifndef VDET_BASE_COND_H
#define VDET_BASE_COND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void cond_init(pthread_cond_t *c); /* ended with pthread_cond_destroy() */

/* As pthread_cond_wait(), but not longer than until this time of clock_now();
 * false once it has come. */
bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until);

#endif
