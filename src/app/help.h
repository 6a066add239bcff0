/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts, printed to standard output. */
#ifndef VDET_APP_HELP_H
#define VDET_APP_HELP_H

#include "app/app.h"

void help_overview(const struct command_list *list);
void help_command(const struct command *c);

#endif
