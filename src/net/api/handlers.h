/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of api_routes; see route_fn. */
#ifndef VDET_NET_API_HANDLERS_H
#define VDET_NET_API_HANDLERS_H

#include <stdbool.h>

#include "net/http/route.h"

/* server.c: the server itself */
route_fn handle_health, handle_ready, handle_openapi, handle_performance, handle_recommendations,
	handle_sessions, handle_settings, handle_settings_change, handle_no_socket;

/* metrics.c */
route_fn handle_metrics;

/* page.c: the files of the web page */
route_fn handle_page;
bool is_page_file(const char *path);

/* accounts.c: logins and tokens */
route_fn handle_me, handle_login, handle_logout, handle_tokens, handle_token_new,
	handle_token_delete;

/* board.c: videos, jobs and results */
route_fn handle_videos, handle_video, handle_video_delete, handle_index, handle_frame,
	handle_picture, handle_file, handle_jobs, handle_submit, handle_job, handle_change,
	handle_job_delete, handle_control, handle_chunks, handle_events, handle_subjects,
	handle_subjects_edit, handle_report, handle_search;

#endif
