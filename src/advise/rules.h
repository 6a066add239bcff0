/* SPDX-License-Identifier: Apache-2.0 */
/* What rules write: the text of a piece of advice, and its action. */
#ifndef VDET_ADVISE_RULES_H
#define VDET_ADVISE_RULES_H

#include "advise/advice.h"

void advice_say(struct advice *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void advice_act(struct advice *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
