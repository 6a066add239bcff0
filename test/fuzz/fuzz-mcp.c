/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of MCP, from the bytes to the response, with headers of HTTP. The
 * journal is empty. Nothing may crash, and a request has a response. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "mcp/mcp.h"
#include "mcp/resources.h"

static struct mcp *server(void)
{
	static struct mcp *m;
	struct store *store;
	struct err err;
	if (!m) {
		if (store_open(":memory:", &store, &err) < 0)
			abort();
		const struct mcp_setup setup = {.store = store, .calls = 5};
		m = mcp_new(&setup);
	}
	return m;
}

static void take(const json_t *one)
{
	static const struct mcp_call call = {.client = "fuzz", .submit = true, .version = ""};
	struct rpc_message q;
	rpc_read(one, &q);
	json_t *fault = mcp_check_headers(&q, MCP_MODERN, "tools/call", "=?base64?YQ==?=");
	json_t *response = mcp_answer(server(), &q, &call);
	if ((q.kind == RPC_REQUEST || q.kind == RPC_INVALID) != (response != NULL))
		abort();
	char *text = response ? json_dumps(response, 0) : NULL;
	if (response && !text)
		abort();
	if (response && mcp_status(&q, response) < 200)
		abort();
	free(text);
	json_decref(response);
	json_decref(fault);
	rpc_clear(&q);
}

static void address(const char *data, size_t size)
{
	struct resource r;
	struct err err;
	char *text = mem_alloc(size + 1, 1);
	if (size)
		memcpy(text, data, size);
	if (resource_parse(text, &r, &err) == 0 && r.pts < 0)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *fault = NULL, *one;
	size_t i;
	address((const char *)data, size);
	json_t *all = rpc_parse((const char *)data, size, &fault);
	if (json_is_array(all))
		json_array_foreach (all, i, one)
			take(one);
	else if (all)
		take(all);
	if (!all == !fault)
		abort();
	json_decref(all);
	json_decref(fault);
	return 0;
}
