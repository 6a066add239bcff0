/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "net/api/api.h"
#include "net/api/handlers.h"

enum { RETRY_AFTER = 30 /* seconds */ };

int handle_asks(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	struct board_asks_query q = {0};
	int64_t limit = 0;
	json_t *list = NULL;
	int r = call_query_int(c, "limit", 50, 1, 500, &limit, err);
	if (r == 0)
		r = call_query_int(c, "before", 0, 0, INT64_MAX, &q.before, err);
	if (r == 0)
		r = call_query_int(c, "case", 0, 0, INT64_MAX, &q.case_id, err);
	q.limit = (size_t)limit;
	if (r == 0)
		r = board_asks(api->board, &q, &list, err);
	if (r == 0)
		call_json(c, 200, list);
	return r;
}

int handle_ask_new(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	json_t *added = NULL;
	int r = board_ask_add(api->board, c->body, c->who.name, &added, err);
	if (r == -ERR_LIMIT) {
		call_problem(c, 503, "busy", "%s", err->msg);
		call_head(c, "Retry-After", "%d", RETRY_AFTER);
		return 0;
	}
	if (r < 0)
		return r;
	call_head(c, "Location", "/api/v1/asks/%s", json_string_value(json_object_get(added, "id")));
	call_json(c, 201, added);
	return 0;
}

int handle_ask(struct call *c, struct err *err)
{
	return reply_json(c, board_ask, err);
}

int handle_ask_cancel(struct call *c, struct err *err)
{
	return reply_json(c, board_ask_cancel, err);
}

int handle_ask_delete(struct call *c, struct err *err)
{
	return reply_removal(c, board_ask_remove, err);
}

/* …/answer.html: the format is the end of the name. */
int handle_ask_answer(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	const char *format = strrchr(file_base(c->path), '.') + 1;
	AUTO(mem_freep) char *name = NULL;
	int64_t id;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = board_ask_answer(api->board, id, format, &c->reply.body, &name, err);
	if (r == 0)
		reply_report(c, format, TAKE(name));
	return r;
}

int handle_ask_picture(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	int64_t id, cite, index;
	int r = call_id(c, &id, err);
	if (r == 0)
		r = call_index(c, 1, &cite, err);
	if (r == 0)
		r = call_index(c, 2, &index, err);
	if (r == 0)
		r = board_ask_picture(api->board, id, cite, index, &c->reply.body, err);
	if (r < 0)
		return r;
	c->reply.status = 200;
	c->reply.type = "image/jpeg";
	call_head(c, "Cache-Control", "private, max-age=3600");
	return 0;
}
