/* SPDX-License-Identifier: Apache-2.0 */
/* The options table as a manual page and as shell completions, printed to
 * standard output. */
#ifndef VDET_APP_HELP_SHELL_H
#define VDET_APP_HELP_SHELL_H

#include "app/app.h"

void help_man(void); /* man(7) */
void help_bash(void);
void help_zsh(void);
void help_fish(void);

#endif
