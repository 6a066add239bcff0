/* SPDX-License-Identifier: Apache-2.0 */
#include "app/commands.h"

static const struct command *const all[] = {
	&cmd_analyze,    &cmd_index,  &cmd_plan,   &cmd_demo,     &cmd_model,   &cmd_serve,
	&cmd_jobs,       &cmd_mcp,    &cmd_report, &cmd_search,   &cmd_ask,     &cmd_embed,
	&cmd_subject,    &cmd_doctor, &cmd_world,  &cmd_token,    &cmd_preview, &cmd_clip,
	&cmd_clock,      &cmd_engine, &cmd_advise, &cmd_selftest, &cmd_key,     &cmd_prove,
	&cmd_transcript, &cmd_worker, &cmd_fleet,  &cmd_help,
};
const struct command_list commands = {all, ARRAY_LEN(all)};
