/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of JSON-RPC 2.0 as MCP uses it. Pure functions; any thread. */
#ifndef VDET_MCP_RPC_H
#define VDET_MCP_RPC_H

#include <jansson.h>
#include <stddef.h>

enum {
	RPC_PARSE = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_NO_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL = -32603,
	RPC_NO_RESOURCE = -32002,      /* before 2026-07-28 */
	RPC_HEADER_MISMATCH = -32020,  /* from 2026-07-28 on */
	RPC_WRONG_VERSION = -32022,    /* likewise */
	RPC_BATCH_MAX = 50,            /* messages */
	RPC_ID_MAX = 200,              /* bytes of an id that is a text */
	RPC_MESSAGE_MAX = 1024 * 1024, /* bytes of a message, or of a batch */
};

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESPONSE, RPC_INVALID };

/* A message that was received; all is borrowed from its JSON. */
struct rpc_message {
	enum rpc_kind kind;
	const json_t *id; /* NULL: none, or one that is not allowed */
	const char *method;
	const json_t *params; /* an object, or NULL */
	const json_t *error;  /* of RPC_INVALID: the response to it; owned by the message */
};

/* Parses a message or a batch. NULL if it is too large, not JSON, not UTF-8, or
 * has a key twice: *ret_error is then the response. The caller owns both. */
json_t *rpc_parse(const char *data, size_t len, json_t **ret_error);
/* What one message is; rpc_clear() frees what it owns. */
void rpc_read(const json_t *one, struct rpc_message *ret);
void rpc_clear(struct rpc_message *m);

/* Responses and notifications; the caller owns them. `id` may be NULL where it
 * could not be read. Takes `result`, `data` (may be NULL) and `params`. */
json_t *rpc_result(const json_t *id, json_t *result);
json_t *rpc_error(const json_t *id, int code, json_t *data, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
json_t *rpc_notification(const char *method, json_t *params);
/* The code of a response that is an error; 0 of others. */
int rpc_code(const json_t *response);

#endif
