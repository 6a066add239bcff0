/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of api_routes; see route_fn. */
#ifndef VDET_NET_API_HANDLERS_H
#define VDET_NET_API_HANDLERS_H

#include <stdbool.h>

#include "board/board.h"
#include "net/http/route.h"

/* What many handlers do with the id of the path: reply with the JSON that a
 * function of the board returns, change something by the body of the request,
 * remove something. */
int reply_json(struct call *c, int (*fn)(struct board *, int64_t, json_t **, struct err *),
               struct err *err);
int reply_change(struct call *c,
                 int (*fn)(struct board *, int64_t, const json_t *, json_t **, struct err *),
                 struct err *err);
int reply_removal(struct call *c, int (*fn)(struct board *, int64_t, struct err *),
                  struct err *err);
/* Replies with a report in a format that is known; takes `name`, which the
 * browser gets if the request has download=1. The body is there. */
void reply_report(struct call *c, const char *format, char *name);

/* server.c: the server itself */
route_fn handle_health, handle_ready, handle_openapi, handle_performance, handle_recommendations,
	handle_sessions, handle_settings, handle_settings_change, handle_no_socket;

/* metrics.c */
route_fn handle_metrics;

/* fleet.c: the workers of the server's fleet */
route_fn handle_fleet, handle_fleet_drain, handle_fleet_forget;

/* page.c: the files of the web page */
route_fn handle_page;
bool is_page_file(const char *path);

/* accounts.c: logins and tokens */
route_fn handle_me, handle_login, handle_logout, handle_tokens, handle_token_new,
	handle_token_delete;

/* board.c: videos, jobs and results */
route_fn handle_videos, handle_video, handle_video_change, handle_video_delete, handle_index,
	handle_frame, handle_picture, handle_file, handle_source, handle_jobs, handle_submit,
	handle_job, handle_change, handle_job_delete, handle_control, handle_chunks, handle_events,
	handle_subjects, handle_subjects_edit, handle_report, handle_transcript, handle_search;

/* Whether the video of the call is read at an address. */
bool is_away(const struct call *c);

/* ask.c: questions about videos */
route_fn handle_asks, handle_ask_new, handle_ask, handle_ask_cancel, handle_ask_delete,
	handle_ask_answer, handle_ask_picture;

/* watch.c: standing questions */
route_fn handle_watches, handle_watch_new, handle_watch, handle_watch_delete;

/* case.c: cases of videos */
route_fn handle_cases, handle_case_add, handle_case, handle_case_change, handle_case_delete,
	handle_case_report, handle_case_summarize, handle_case_cancel_summary;

#endif
