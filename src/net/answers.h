/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of the routes (route.h), but those of uploads (tus.h). On
 * threads of the server's own. */
#ifndef VDET_NET_ANSWERS_H
#define VDET_NET_ANSWERS_H

#include <stdbool.h>

#include "net/route.h"

/* The server itself; answers-server.c */
route_fn answer_health, answer_ready, answer_metrics, answer_openapi, answer_page, answer_me,
	answer_login, answer_logout, answer_tokens, answer_token_new, answer_token_delete,
	answer_performance, answer_recommendations, answer_sessions, answer_settings,
	answer_settings_change, answer_no_socket;
bool answer_is_page(const char *path); /* a file of the page */

/* What the board knows; answers-board.c */
route_fn answer_videos, answer_video, answer_video_delete, answer_index, answer_frame,
	answer_picture, answer_file, answer_jobs, answer_submit, answer_job, answer_change,
	answer_job_delete, answer_control, answer_chunks, answer_events, answer_report, answer_search;

#endif
