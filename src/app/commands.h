/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: cmd-NAME.c defines cmd_NAME. The table is main's; a command
 * that needs the others gets it as app->commands. */
#ifndef VDET_APP_COMMANDS_H
#define VDET_APP_COMMANDS_H

#include "app/app.h"

extern const struct command cmd_analyze, cmd_index, cmd_jobs, cmd_mcp, cmd_report, cmd_plan,
	cmd_doctor, cmd_demo, cmd_model, cmd_serve, cmd_preview, cmd_world, cmd_token, cmd_engine,
	cmd_advise, cmd_selftest, cmd_subject, cmd_search, cmd_ask, cmd_embed, cmd_clip, cmd_clock,
	cmd_key, cmd_prove, cmd_transcript, cmd_worker, cmd_fleet, cmd_help;
extern const struct command_list commands; /* in the order of `vdet help` */

#endif
