/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "net/api/api.h"
#include "net/api/handlers.h"

int handle_cases(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	json_t *all = NULL;
	int r = board_cases(api->board, &all, err);
	if (r == 0)
		call_json(c, 200, all);
	return r;
}

int handle_case_add(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	json_t *added = NULL;
	int r = board_case_add(api->board, c->body, &added, err);
	if (r < 0)
		return r;
	call_head(c, "Location", "/api/v1/cases/%s", json_string_value(json_object_get(added, "id")));
	call_json(c, 201, added);
	return 0;
}

int handle_case(struct call *c, struct err *err)
{
	return reply_json(c, board_case, err);
}

int handle_case_change(struct call *c, struct err *err)
{
	return reply_change(c, board_case_change, err);
}

int handle_case_summarize(struct call *c, struct err *err)
{
	return reply_json(c, board_case_summarize, err);
}

int handle_case_cancel_summary(struct call *c, struct err *err)
{
	return reply_json(c, board_case_cancel_summary, err);
}

int handle_case_delete(struct call *c, struct err *err)
{
	return reply_removal(c, board_case_remove, err);
}

int handle_case_report(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	const char *format = call_query(c, "format");
	AUTO(mem_freep) char *name = NULL;
	int64_t id;
	if (!format || !*format)
		format = "json";
	int r = call_id(c, &id, err);
	if (r == 0)
		r = board_case_report(api->board, id, format, &c->reply.body, &name, err);
	if (r == 0)
		reply_report(c, format, TAKE(name));
	return r;
}
