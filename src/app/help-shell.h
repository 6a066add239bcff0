/* SPDX-License-Identifier: Apache-2.0 */
/* The options table as a manual page and as shell completions, printed to
 * standard output. */
#ifndef VDET_APP_HELP_SHELL_H
#define VDET_APP_HELP_SHELL_H

#include "app/app.h"

void help_man(const struct command_list *list); /* man(7) */
void help_bash(const struct command_list *list);
void help_zsh(const struct command_list *list);
void help_fish(const struct command_list *list);

#endif
