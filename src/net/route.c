/* SPDX-License-Identifier: Apache-2.0 */
#include "net/route.h"

#include <stdlib.h>
#include <string.h>

#include "net/answers.h"
#include "net/tus.h"

#define V "/api/v1"

const struct route routes[] = {
	{METHOD_GET, "/healthz", ROLE_NONE, 0, answer_health},
	{METHOD_GET, "/readyz", ROLE_NONE, 0, answer_ready},
	{METHOD_GET, "/metrics", ROLE_VIEW, 0, answer_metrics},
	{METHOD_GET, V "/openapi.json", ROLE_NONE, 0, answer_openapi},
	{METHOD_GET, V "/me", ROLE_VIEW, 0, answer_me},
	{METHOD_POST, V "/login", ROLE_NONE, ROUTE_BODY | ROUTE_SLOW | ROUTE_LOGIN, answer_login},
	{METHOD_POST, V "/logout", ROLE_NONE, 0, answer_logout},
	{METHOD_GET, V "/tokens", ROLE_ADMIN, 0, answer_tokens},
	{METHOD_POST, V "/tokens", ROLE_ADMIN, ROUTE_BODY, answer_token_new},
	{METHOD_DELETE, V "/tokens/{name}", ROLE_ADMIN, 0, answer_token_delete},
	{METHOD_GET, V "/videos", ROLE_VIEW, 0, answer_videos},
	{METHOD_GET, V "/videos/{id}", ROLE_VIEW, 0, answer_video},
	{METHOD_DELETE, V "/videos/{id}", ROLE_SUBMIT, 0, answer_video_delete},
	{METHOD_GET, V "/videos/{id}/index", ROLE_VIEW, 0, answer_index},
	{METHOD_GET, V "/videos/{id}/poster", ROLE_VIEW, 0, answer_file},
	{METHOD_GET, V "/videos/{id}/frames", ROLE_VIEW, ROUTE_SLOW, answer_frame},
	{METHOD_GET, V "/videos/{id}/storyboard.vtt", ROLE_VIEW, 0, answer_file},
	{METHOD_GET, V "/videos/{id}/storyboard-{sheet}.jpg", ROLE_VIEW, 0, answer_file},
	{METHOD_GET, V "/videos/{id}/source", ROLE_VIEW, 0, answer_file},
	{METHOD_GET, V "/videos/{id}/proxy", ROLE_VIEW, 0, answer_file},
	{METHOD_GET, V "/jobs", ROLE_VIEW, 0, answer_jobs},
	{METHOD_POST, V "/jobs", ROLE_SUBMIT, ROUTE_BODY, answer_submit},
	{METHOD_GET, V "/jobs/{id}", ROLE_VIEW, 0, answer_job},
	{METHOD_PATCH, V "/jobs/{id}", ROLE_SUBMIT, ROUTE_BODY, answer_change},
	{METHOD_DELETE, V "/jobs/{id}", ROLE_SUBMIT, 0, answer_job_delete},
	{METHOD_POST, V "/jobs/{id}/pause", ROLE_SUBMIT, 0, answer_control},
	{METHOD_POST, V "/jobs/{id}/resume", ROLE_SUBMIT, 0, answer_control},
	{METHOD_POST, V "/jobs/{id}/cancel", ROLE_SUBMIT, 0, answer_control},
	{METHOD_POST, V "/jobs/{id}/retry", ROLE_SUBMIT, ROUTE_BODY | ROUTE_OPTIONAL, answer_control},
	{METHOD_GET, V "/jobs/{id}/chunks", ROLE_VIEW, 0, answer_chunks},
	{METHOD_GET, V "/jobs/{id}/events", ROLE_VIEW, 0, answer_events},
	{METHOD_GET, V "/jobs/{id}/picture", ROLE_VIEW, 0, answer_picture},
	{METHOD_GET, V "/jobs/{id}/report", ROLE_VIEW, 0, answer_report},
	{METHOD_GET, V "/search", ROLE_VIEW, 0, answer_search},
	{METHOD_GET, V "/performance", ROLE_VIEW, 0, answer_performance},
	{METHOD_GET, V "/performance/recommendations", ROLE_VIEW, 0, answer_recommendations},
	{METHOD_GET, V "/sessions", ROLE_VIEW, 0, answer_sessions},
	{METHOD_GET, V "/settings", ROLE_VIEW, 0, answer_settings},
	{METHOD_PATCH, V "/settings", ROLE_ADMIN, ROUTE_BODY, answer_settings_change},
	{METHOD_GET, V "/events", ROLE_VIEW, ROUTE_SOCKET, answer_no_socket},
	{METHOD_OPTIONS, V "/uploads", ROLE_NONE, 0, tus_options},
	{METHOD_POST, V "/uploads", ROLE_SUBMIT, ROUTE_UPLOAD, tus_create},
	{METHOD_HEAD, V "/uploads/{id}", ROLE_SUBMIT, 0, tus_head},
	{METHOD_PATCH, V "/uploads/{id}", ROLE_SUBMIT, ROUTE_UPLOAD, tus_patch},
	{METHOD_DELETE, V "/uploads/{id}", ROLE_SUBMIT, 0, tus_delete},
	{METHOD_GET, "/", ROLE_NONE, 0, answer_page},
};
const size_t n_routes = ARRAY_LEN(routes);

/* The page's files stand in a table of their own, beside "/". */
static const struct route page_route = {METHOD_GET, "/{name}", ROLE_NONE, 0, answer_page};

/* What stands for each {…} goes to args, in order. */
static bool matches(const char *p, const char *s, struct route_args *ret)
{
	struct route_args args = {0};
	while (*p) {
		if (*p != '{') {
			if (*p++ != *s++)
				return false;
			continue;
		}
		size_t len = strcspn(s, "/");
		const char *tail = strchr(p, '}') + 1; /* a part may end in something fixed */
		size_t fixed = strcspn(tail, "/");
		if (len <= fixed || len - fixed >= sizeof args.text[0] || args.n == ROUTE_ARGS_MAX)
			return false;
		memcpy(args.text[args.n++], s, len - fixed);
		s += len - fixed;
		p = tail;
	}
	if (*s)
		return false;
	*ret = args;
	return true;
}

const struct route *route_find(enum method method, const char *path, struct route_args *ret,
                               struct buf *ret_allow)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"};
	const struct route *found = NULL, *get = NULL;
	*ret = (struct route_args){0};
	for (size_t i = 0; i < n_routes && !found; i++) {
		const struct route *r = &routes[i];
		if (!matches(r->pattern, path, ret))
			continue;
		buf_addf(ret_allow, "%s%s", ret_allow->len ? ", " : "", names[r->method]);
		if (r->method == method)
			found = r;
		else if (r->method == METHOD_GET)
			get = r;
	}
	if (!found && method == METHOD_HEAD)
		found = get;
	if (!found && !ret_allow->len && (method == METHOD_GET || method == METHOD_HEAD) &&
	    answer_is_page(path))
		found = &page_route;
	return found;
}
