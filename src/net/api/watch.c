/* SPDX-License-Identifier: Apache-2.0 */
#include "net/api/api.h"
#include "net/api/handlers.h"

int handle_watches(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	json_t *list = NULL;
	int r = board_watches(api->board, &list, err);
	if (r == 0)
		call_json(c, 200, list);
	return r;
}

int handle_watch_new(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	json_t *added = NULL;
	bool admin = c->who.role >= ROLE_ADMIN;
	int r = board_watch_add(api->board, c->body, c->who.name, admin, &added, err);
	if (r < 0)
		return r;
	call_head(c, "Location", "/api/v1/watches/%s", json_string_value(json_object_get(added, "id")));
	call_json(c, 201, added);
	return 0;
}

int handle_watch(struct call *c, struct err *err)
{
	return reply_json(c, board_watch, err);
}

int handle_watch_delete(struct call *c, struct err *err)
{
	return reply_removal(c, board_watch_remove, err);
}
