/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

json_t *rpc_result(const json_t *id, json_t *result)
{
	return json_pack("{s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "result", result);
}

json_t *rpc_error(const json_t *id, int code, json_t *data, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);

	/* A message may repeat what the client sent, cut within a character. */
	AUTO(mem_freep) char *line = text_line(text, sizeof text);
	json_t *error = json_pack("{s:i, s:s}", "code", code, "message", line);
	if (data)
		json_object_set_new(error, "data", data);
	json_t *response = json_pack("{s:s, s:o}", "jsonrpc", "2.0", "error", error);
	if (id)
		json_object_set(response, "id", (json_t *)id);
	return response;
}

json_t *rpc_notification(const char *method, json_t *params)
{
	return json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
}

int rpc_code(const json_t *response)
{
	return (int)json_integer_value(json_object_get(json_object_get(response, "error"), "code"));
}

json_t *rpc_parse(const char *data, size_t len, json_t **ret_error)
{
	json_error_t e;
	json_t *all = NULL;
	if (len > RPC_MESSAGE_MAX)
		*ret_error =
			rpc_error(NULL, RPC_INVALID_REQUEST, NULL,
		              "a message has at most %d bytes; send less in one request", RPC_MESSAGE_MAX);
	else if (!(all = json_loadb(len ? data : "", len, JSON_REJECT_DUPLICATES, &e)))
		*ret_error = rpc_error(NULL, RPC_PARSE, NULL, "not JSON in UTF-8: %s", e.text);
	return all;
}

static bool is_id(const json_t *id)
{
	return json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= RPC_ID_MAX &&
	                               strlen(json_string_value(id)) == json_string_length(id));
}

static void set_invalid(struct rpc_message *m, int code, const char *why)
{
	m->error = rpc_error(m->id, code, NULL, "%s", why);
	m->kind = RPC_INVALID;
}

void rpc_read(const json_t *one, struct rpc_message *ret)
{
	const json_t *id = json_object_get(one, "id"), *method = json_object_get(one, "method"),
				 *params = json_object_get(one, "params");
	const char *version = json_string_value(json_object_get(one, "jsonrpc"));
	*ret = (struct rpc_message){.kind = id ? RPC_REQUEST : RPC_NOTIFICATION};
	if (id && is_id(id))
		ret->id = id;

	if (!json_is_object(one)) {
		set_invalid(ret, RPC_INVALID_REQUEST, "a message is a JSON object");
	} else if (!version || strcmp(version, "2.0") != 0) {
		set_invalid(ret, RPC_INVALID_REQUEST, "\"jsonrpc\" has to be \"2.0\"");
	} else if (!method && (json_object_get(one, "result") || json_object_get(one, "error"))) {
		ret->kind = RPC_RESPONSE;
	} else if (id && !ret->id) {
		set_invalid(ret, RPC_INVALID_REQUEST, "\"id\" has to be an integer or a short text");
	} else if (!json_is_string(method)) {
		set_invalid(ret, RPC_INVALID_REQUEST, "\"method\" has to be a text");
	} else if (params && !json_is_object(params)) {
		set_invalid(ret, RPC_INVALID_PARAMS, "\"params\" has to be an object");
	} else {
		ret->method = json_string_value(method);
		ret->params = params;
	}
}

void rpc_clear(struct rpc_message *m)
{
	json_decref((json_t *)m->error);
	*m = (struct rpc_message){0};
}
