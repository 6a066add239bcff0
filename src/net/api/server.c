/* SPDX-License-Identifier: Apache-2.0 */
#include "net/api/api.h"
#include "net/api/handlers.h"
#include "net_openapi.h"

int handle_health(struct call *c, struct err *err)
{
	(void)err;
	call_text(c, 200, "text/plain; charset=utf-8", "ok\n");
	return 0;
}

int handle_ready(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	struct board_figures f;
	bool room = board_room(api->board, 1, 0, err) == 0; /* measures the disk */
	board_figures(api->board, &f);
	if (f.stopping || c->http->stopping)
		call_problem(c, 503, "stopping", "the server is shutting down");
	else if (f.disk_full)
		call_problem(c, 503, "no-space", "the disk is full; jobs wait until there is space");
	else if (!room)
		call_problem(c, 503, "no-space", "uploads are refused: %s", err->msg);
	else
		call_text(c, 200, "text/plain; charset=utf-8", "ready\n");
	return 0;
}

int handle_openapi(struct call *c, struct err *err)
{
	(void)err;
	c->reply.status = 200;
	c->reply.type = "application/json";
	c->reply.constant = (const unsigned char *)net_openapi_json;
	c->reply.constant_len = net_openapi_json_len;
	return 0;
}

int handle_performance(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	if (!api->performance)
		return err_set(err, ERR_NOENT, "performance figures are not available");
	call_json(c, 200, api->performance(api->performance_ctx));
	return 0;
}

int handle_recommendations(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	if (!api->performance)
		return err_set(err, ERR_NOENT, "performance figures are not available");
	json_auto_t *all = api->performance(api->performance_ctx);
	call_json(c, 200,
	          json_pack("{s:O}", "recommendations", json_object_get(all, "recommendations")));
	return 0;
}

int handle_sessions(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	(void)err;
	call_json(c, 200, sockets_list(api->sockets));
	return 0;
}

int handle_settings(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	(void)err;
	call_json(c, 200, settings_list(board_settings(api->board)));
	return 0;
}

int handle_settings_change(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	int r = settings_change(board_settings(api->board), c->body, err);
	return r < 0 ? r : handle_settings(c, err);
}

int handle_no_socket(struct call *c, struct err *err)
{
	(void)err;
	call_problem(c, 426, "socket", "this path is a WebSocket");
	call_head(c, "Upgrade", "websocket");
	return 0;
}
