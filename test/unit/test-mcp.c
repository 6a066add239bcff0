/* SPDX-License-Identifier: Apache-2.0 */
/* MCP: messages, both eras, headers of HTTP, arguments, addresses of resources,
 * prompts, the budget; and on two pipes. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "mcp/budget.h"
#include "mcp/mcp.h"
#include "mcp/pipes.h"
#include "mcp/prompts.h"
#include "mcp/resources.h"
#include "mcp/schema.h"
#include "mcp_texts.h"

#define META(version)                                                         \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" version "\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define MODERN META(MCP_MODERN)

static char dir[64];
static struct store *store;
static struct mcp *server;

static int set_up(void **state)
{
	(void)state;
	struct err err;
	snprintf(dir, sizeof dir, "/tmp/vdet-mcp-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	AUTO(mem_freep) char *path = file_join(dir, "vdet.db");
	if (store_open(path, &store, &err) < 0)
		return -1;
	const struct mcp_setup setup = {.store = store};
	server = mcp_new(&setup);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	struct err err;
	mcp_free(server);
	store_free(store);
	return file_remove_tree(dir, &err);
}

/* The response to a text; NULL: none. */
static json_t *ask(const char *text)
{
	static const struct mcp_call call = {.client = "test", .submit = true, .version = ""};
	struct rpc_message q;
	json_t *fault = NULL;
	json_auto_t *one = rpc_parse(text, strlen(text), &fault);
	if (!one)
		return fault;
	rpc_read(one, &q);
	json_t *response = mcp_answer(server, &q, &call);
	rpc_clear(&q);
	return response;
}

static void assert_code(const char *text, int code)
{
	json_auto_t *response = ask(text);
	assert_non_null(response);
	if (rpc_code(response) != code)
		fail_msg("%s: %d, not %d", text, rpc_code(response), code);
	assert_string_equal(json_text(response, "jsonrpc"), "2.0");
}

static void messages_are_refused(void **state)
{
	(void)state;
	assert_code("", RPC_PARSE);
	assert_code("{", RPC_PARSE);
	assert_code("{\"a\":1,\"a\":2}", RPC_PARSE);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", RPC_PARSE);
	assert_code("7", RPC_PARSE);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0000b\",\"method\":\"ping\"}", RPC_PARSE);
	assert_code("{}", RPC_INVALID_REQUEST);
	assert_code("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", RPC_INVALID_REQUEST);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", RPC_INVALID_REQUEST);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", RPC_INVALID_REQUEST);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", RPC_INVALID_REQUEST);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", RPC_INVALID_REQUEST);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
	            RPC_INVALID_PARAMS);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nothing\"}", RPC_NO_METHOD);

	json_t *fault = NULL;
	char *large = mem_alloc(RPC_MESSAGE_MAX + 1, 1);
	assert_null(rpc_parse(large, RPC_MESSAGE_MAX + 1, &fault));
	assert_int_equal(rpc_code(fault), RPC_INVALID_REQUEST);
	json_decref(fault);
	free(large);
	assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"));
	assert_null(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"));
}

static const json_t *result_of(const json_t *response)
{
	assert_int_equal(rpc_code(response), 0);
	return json_object_get(response, "result");
}

static void the_era_before(void **state)
{
	(void)state;
	static const char *const versions[][2] = {{"2025-11-25", "2025-11-25"},
	                                          {"2025-06-18", "2025-06-18"},
	                                          {"2025-03-26", "2025-03-26"},
	                                          {"2024-11-05", "2025-11-25"},
	                                          {"2026-07-28", "2025-11-25"}};
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		AUTO(mem_freep)
		char *text = mem_printf("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"initialize\","
		                        "\"params\":{\"protocolVersion\":\"%s\"}}",
		                        versions[i][0]);
		json_auto_t *response = ask(text);
		assert_string_equal(json_text(result_of(response), "protocolVersion"), versions[i][1]);
		assert_string_equal(json_text(response, "id"), "x");
		assert_null(json_object_get(result_of(response), "resultType"));
	}
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", RPC_INVALID_PARAMS);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", 0);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 0);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/templates/list\"}", 0);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\",\"params\":"
	            "{\"uri\":\"vdet://video/0/report.json\"}}",
	            RPC_NO_RESOURCE);
}

static void the_era_of_single_requests(void **state)
{
	(void)state;
	json_auto_t *response = ask(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{" MODERN "}}");
	const json_t *found = result_of(response);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(found, "supportedVersions"), 0)),
		MCP_MODERN);
	assert_string_equal(json_text(found, "resultType"), "complete");
	assert_true(json_is_integer(json_object_get(found, "ttlMs")));
	assert_string_equal(json_text(found, "cacheScope"), "private");

	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}",
	            RPC_INVALID_PARAMS);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{" MODERN "}}",
	            RPC_NO_METHOD);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
	            "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}",
	            RPC_INVALID_PARAMS);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\",\"params\":"
	            "{\"uri\":\"vdet://video/0/report.json\"," MODERN "}}",
	            RPC_INVALID_PARAMS);

	json_auto_t *wrong =
		ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META(
			"1900-01-01") "}}");
	assert_int_equal(rpc_code(wrong), RPC_WRONG_VERSION);
	const json_t *data = json_object_get(json_object_get(wrong, "error"), "data");
	assert_string_equal(json_text(data, "requested"), "1900-01-01");
	assert_int_equal(json_array_size(json_object_get(data, "supported")), 4);
}

/* Of a call of a tool: whether it is an error, for the model that called. */
static bool is_error(const char *call)
{
	AUTO(mem_freep)
	char *text =
		mem_printf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":%s}", call);
	json_auto_t *response = ask(text);
	return json_is_true(json_object_get(result_of(response), "isError"));
}

static void tools_check_their_arguments(void **state)
{
	(void)state;
	assert_false(is_error("{\"name\":\"list_videos\"}"));
	assert_false(is_error("{\"name\":\"search\",\"arguments\":{\"words\":\"a\",\"limit\":3}}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":{}}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":[]}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":{\"words\":1}}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":{\"words\":\"a\",\"limit\":1.5}}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":{\"words\":\"a\",\"limit\":0}}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":{\"words\":\"a\",\"from\":-1}}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":{\"words\":\"a\",\"x\":1}}"));
	assert_true(is_error("{\"name\":\"search\",\"arguments\":{\"words\":\"a\",\"kind\":\"x\"}}"));
	assert_true(is_error("{\"name\":\"get_frames\",\"arguments\":{\"video\":\"0\",\"times\":[]}}"));
	assert_true(
		is_error("{\"name\":\"get_frames\",\"arguments\":{\"video\":\"0\",\"times\":[\"a\"]}}"));
	assert_true(is_error("{\"name\":\"get_timeline\",\"arguments\":{\"video\":\"../../x\"}}"));
	/* Without a host there is no add_video. */
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
	            "{\"name\":\"add_video\",\"arguments\":{\"path\":\"a\"}}}",
	            RPC_INVALID_PARAMS);
	assert_code("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", RPC_INVALID_PARAMS);
}

/* What the headers of HTTP must be; the code of the answer, 0 = none. */
static int check_headers(const char *text, const char *version, const char *method,
                         const char *name)
{
	struct rpc_message q;
	json_auto_t *one = json_loads(text, 0, NULL);
	rpc_read(one, &q);
	json_auto_t *response = mcp_check_headers(&q, version, method, name);
	int code = rpc_code(response);
	if (response)
		assert_int_equal(mcp_status(&q, response), code == RPC_INVALID_PARAMS ? 200 : 400);
	rpc_clear(&q);
	return code;
}

static void headers_repeat_the_message(void **state)
{
	(void)state;
	static const char call[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
		"\"name\":\"search\"," MODERN "}}";
	static const char named[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/get\","
								"\"params\":{\"name\":\"f\xc3\xbcr\"," MODERN "}}";
	static const char old[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";
	assert_int_equal(check_headers(call, MCP_MODERN, "tools/call", "search"), 0);
	assert_int_equal(check_headers(call, NULL, "tools/call", "search"), RPC_HEADER_MISMATCH);
	assert_int_equal(check_headers(call, "2025-11-25", "tools/call", "search"),
	                 RPC_HEADER_MISMATCH);
	assert_int_equal(check_headers(call, MCP_MODERN, "tools/list", "search"), RPC_HEADER_MISMATCH);
	assert_int_equal(check_headers(call, MCP_MODERN, "tools/call", "ask"), RPC_HEADER_MISMATCH);
	assert_int_equal(check_headers(call, MCP_MODERN, "tools/call", NULL), RPC_HEADER_MISMATCH);
	assert_int_equal(check_headers(named, MCP_MODERN, "prompts/get", "=?base64?ZsO8cg==?="), 0);
	assert_int_equal(check_headers(named, MCP_MODERN, "prompts/get", "=?base64?ZsO8cw==?="),
	                 RPC_HEADER_MISMATCH);
	assert_int_equal(check_headers(old, NULL, NULL, NULL), 0);
	assert_int_equal(check_headers(old, "2025-06-18", NULL, NULL), 0);
	assert_int_equal(check_headers(old, "1900-01-01", NULL, NULL), RPC_WRONG_VERSION);
	assert_int_equal(check_headers(old, MCP_MODERN, "tools/list", NULL), RPC_INVALID_PARAMS);
}

static void addresses_of_resources(void **state)
{
	(void)state;
	static const char *const wrong[] = {"",
	                                    "vdet://video/",
	                                    "vdet://video//report.json",
	                                    "vdet://video/12",
	                                    "vdet://video/12/report.json/",
	                                    "vdet://video/../report.json",
	                                    "vdet://video/12/../13/report.json",
	                                    "vdet://video/12/frame/-1.jpg",
	                                    "vdet://video/12/frame/01.jpg",
	                                    "vdet://video/12/frame/1e3.jpg",
	                                    "vdet://video/12/frame/9999999999999999.jpg",
	                                    "vdet://video/0123456789abcdef0/report.json",
	                                    "vdet://answer/12/report.json",
	                                    "vdet://answer/.json",
	                                    "file:///etc/passwd"};
	struct resource r;
	struct err err;
	assert_ok(resource_parse("vdet://video/0a1b2c3d4e5f/report.json", &r, &err));
	assert_int_equal(r.kind, RESOURCE_REPORT);
	assert_string_equal(r.id, "0a1b2c3d4e5f");
	assert_ok(resource_parse("vdet://answer/0a1b2c3d4e5f.json", &r, &err));
	assert_int_equal(r.kind, RESOURCE_ANSWER);
	assert_ok(resource_parse("vdet://video/12/frame/400000.jpg", &r, &err));
	assert_int_equal(r.kind, RESOURCE_FRAME);
	assert_int_equal(r.pts, 400000);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(resource_parse(wrong[i], &r, &err), -ERR_ARG);
}

static void prompts_take_arguments(void **state)
{
	(void)state;
	json_auto_t *all = json_loadb(mcp_prompts_json, mcp_prompts_json_len, 0, NULL);
	json_auto_t *arguments = json_pack("{s:s}", "question", "who {question}\n\x1b[1m?");
	json_auto_t *none = json_object();
	json_t *got = NULL;
	struct err err;
	assert_ok(prompts_get(all, "investigate", arguments, &got, &err));
	const json_t *message = json_array_get(json_object_get(got, "messages"), 0);
	const char *text = json_text(json_object_get(message, "content"), "text");
	assert_non_null(strstr(text, "who {question}  [1m?"));
	assert_null(strchr(text, '\x1b'));
	json_decref(got);
	assert_int_equal(prompts_get(all, "investigate", none, &got, &err), -ERR_ARG);
	assert_int_equal(prompts_get(all, "investigate", NULL, &got, &err), -ERR_ARG);
	assert_int_equal(prompts_get(all, "nothing", arguments, &got, &err), -ERR_ARG);
}

static void the_budget_is_per_client_and_hour(void **state)
{
	(void)state;
	const int64_t hour = 3600 * CLOCK_SECOND;
	struct budget *b = budget_new(2), *none = budget_new(0);
	struct err err;
	assert_ok(budget_take(b, "ann", "1", hour, &err));
	assert_ok(budget_take(b, "ann", "2", hour, &err));
	assert_int_equal(budget_take(b, "ann", "3", hour, &err), -ERR_LIMIT);
	assert_ok(budget_take(b, "ann", "2", hour, &err)); /* how far is it? */
	assert_ok(budget_take(b, "ben", "3", hour, &err));
	assert_ok(budget_take(b, "ann", "3", hour + hour / 2, &err));
	assert_int_equal(budget_take(b, "ann", "4", hour + hour / 2, &err), -ERR_LIMIT);
	for (int i = 0; i < 100; i++)
		assert_ok(budget_take(none, "ann", i % 2 ? "5" : "6", hour, &err));
	budget_free(b);
	budget_free(none);
}

static void each_tool_is_described(void **state)
{
	(void)state;
	json_auto_t *all = json_loadb(mcp_tools_json, mcp_tools_json_len, 0, NULL);
	static const char *const writing[] = {"add_video", "export_clip", NULL};
	json_t *tool;
	size_t i;
	assert_true(json_array_size(all) > 0);
	json_array_foreach (all, i, tool) {
		const json_t *hints = json_object_get(tool, "annotations");
		bool reads = json_is_true(json_object_get(hints, "readOnlyHint"));
		assert_true(*json_text(tool, "description"));
		assert_true(json_is_object(json_object_get(tool, "inputSchema")));
		assert_true(json_is_object(json_object_get(tool, "outputSchema")));
		assert_int_equal(reads, !text_one_of(json_text(tool, "name"), writing));
	}
}

/* Serves what is in `in`; what comes out. The caller frees it. */
static char *serve(const char *in)
{
	struct cancel *cancel = cancel_new();
	struct err err;
	struct buf out = BUF(1 << 20);
	char data[4096];
	int input[2], output[2];
	ssize_t n;
	assert_ok(pipe(input));
	assert_ok(pipe(output));
	assert_int_equal(write(input[1], in, strlen(in)), strlen(in));
	close(input[1]);
	assert_ok(pipes_serve(server, input[0], output[1], cancel, &err));
	close(output[1]);
	while ((n = read(output[0], data, sizeof data)) > 0)
		buf_add(&out, data, (size_t)n);
	close(input[0]);
	close(output[0]);
	cancel_free(cancel);
	return buf_take(&out);
}

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"

static void lines_are_served(void **state)
{
	(void)state;
	AUTO(mem_freep) char *one = serve("\n \r\n" PING("1") "\r\nnot json\n" PING("2"));
	assert_non_null(strstr(one, "\"id\":1,\"result\":{}}\n"));
	assert_non_null(strstr(one, "-32700"));
	assert_non_null(strstr(one, "\"id\":2,\"result\":{}}\n")); /* without the end of its line */

	AUTO(mem_freep) char *batch = serve("[" PING("1") "," PING("2") "]\n");
	assert_non_null(strstr(batch, "-32600"));
	AUTO(mem_freep)
	char *old = serve("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
	                  "\"protocolVersion\":\"2025-03-26\"}}\n[" PING("1") "," PING("2") "]\n[]\n");
	assert_non_null(strstr(old, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}},"));
	assert_non_null(strstr(old, "-32600")); /* of the empty batch */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_refused),
		cmocka_unit_test(the_era_before),
		cmocka_unit_test(the_era_of_single_requests),
		cmocka_unit_test(tools_check_their_arguments),
		cmocka_unit_test(headers_repeat_the_message),
		cmocka_unit_test(addresses_of_resources),
		cmocka_unit_test(prompts_take_arguments),
		cmocka_unit_test(the_budget_is_per_client_and_hour),
		cmocka_unit_test(each_tool_is_described),
		cmocka_unit_test(lines_are_served),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
