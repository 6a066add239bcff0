/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as they are written, answers as they are read, and the queue for the
 * engine's slots. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/dispatch.h"
#include "openai/chat-body.h"
#include "openai/completion.h"

static const unsigned char jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9};

static void only_whole_jpegs_are_taken(void **state)
{
	(void)state;
	AUTO(chat_freep) struct chat *c = chat_new();
	struct err err;
	for (size_t len = 0; len < sizeof jpeg; len++)
		assert_int_equal(chat_jpeg(c, jpeg, len, &err), -ERR_FORMAT);
	assert_int_equal(chat_jpeg(c, "\x89PNG\r\n\x1a\n", 8, &err), -ERR_FORMAT);
	assert_int_equal(chat_images(c), 0);
	assert_ok(chat_jpeg(c, jpeg, sizeof jpeg, &err));
	unsigned char padded[sizeof jpeg + 3] = {0};
	memcpy(padded, jpeg, sizeof jpeg);
	assert_ok(chat_jpeg(c, padded, sizeof padded, &err));
	assert_int_equal(chat_images(c), 2);
}

/* Newer versions of llama.cpp make one picture of two that follow each other. */
static void pictures_are_never_side_by_side(void **state)
{
	(void)state;
	AUTO(chat_freep) struct chat *c = chat_new();
	struct err err;
	for (size_t i = 0; i < 3; i++)
		assert_ok(chat_jpeg(c, jpeg, sizeof jpeg, &err));
	chat_text(c, "the last");
	assert_ok(chat_jpeg(c, jpeg, sizeof jpeg, &err));
	AUTO(mem_freep) char *text = mem_printf("[%s]", buf_str(&c->parts));
	json_auto_t *parts = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(parts), 4 + 3);
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(parts, i), "type")),
		                    i % 2 ? "text" : "image_url");
}

static json_t *body_of(const struct chat *c, const char *model, bool llama)
{
	AUTO(buf_free) struct buf b = BUF(CHAT_BODY_MAX);
	const struct dialect d = {0};
	body_begin(c, &d, &b);
	buf_add(&b, buf_str(&c->parts), c->parts.len);
	body_end(c, model, llama, &d, &(struct sampling){0}, &b);
	json_t *j = json_loadb(buf_str(&b), b.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	return j;
}

static const char *string_at(const json_t *j, const char *const *path)
{
	for (; *path; path++)
		j = json_is_array(j) ? json_array_get(j, strtoul(*path, NULL, 10))
		                     : json_object_get(j, *path);
	return json_string_value(j);
}
#define AT(j, ...) string_at(j, (const char *const[]){__VA_ARGS__, NULL})

static void bodies_hold_the_parts_in_order(void **state)
{
	(void)state;
	AUTO(chat_freep) struct chat *c = chat_new();
	struct err err;
	chat_system(c, "You \"watch\".\n");
	chat_text(c, "Frame 1");
	assert_ok(chat_jpeg(c, jpeg, sizeof jpeg, &err));
	chat_text(c, "caf\xc3\xa9 \xff");
	chat_max_tokens(c, 77);
	chat_schema(c, "answer", "{\"type\":\"object\",\"properties\":{\"z\":{},\"a\":{}}}");
	json_t *j = body_of(c, "my \"model\"", true);
	assert_string_equal(AT(j, "model"), "my \"model\"");
	assert_string_equal(AT(j, "messages", "0", "role"), "system");
	assert_string_equal(AT(j, "messages", "0", "content"), "You \"watch\".\n");
	assert_string_equal(AT(j, "messages", "1", "role"), "user");
	assert_string_equal(AT(j, "messages", "1", "content", "0", "text"), "Frame 1");
	assert_string_equal(AT(j, "messages", "1", "content", "1", "image_url", "url"),
	                    "data:image/jpeg;base64,/9j/4AECA//Z");
	assert_string_equal(AT(j, "messages", "1", "content", "2", "text"), "caf\xc3\xa9 \xef\xbf\xbd");
	assert_int_equal(json_integer_value(json_object_get(j, "max_tokens")), 77);
	assert_true(json_is_true(json_object_get(j, "stream")));
	assert_true(json_is_true(json_object_get(j, "cache_prompt")));
	const json_t *format = json_object_get(j, "response_format");
	assert_string_equal(AT(format, "type"), "json_schema");
	const json_t *schema = json_object_get(json_object_get(format, "json_schema"), "schema");
	assert_non_null(json_object_get(json_object_get(schema, "properties"), "z"));
	json_decref(j);
	/* What only llama-server knows may be refused elsewhere. */
	j = body_of(c, "m", false);
	assert_null(json_object_get(j, "cache_prompt"));
	assert_null(json_object_get(j, "return_progress"));
	json_decref(j);
}

static void letters_are_asked_for_with_their_probabilities(void **state)
{
	(void)state;
	AUTO(chat_freep) struct chat *c = chat_new();
	json_t *j = body_of(c, "m", false);
	assert_null(json_object_get(j, "logprobs"));
	json_decref(j);
	chat_letter(c);
	j = body_of(c, "m", false);
	assert_true(json_is_true(json_object_get(j, "logprobs")));
	assert_int_equal(json_integer_value(json_object_get(j, "top_logprobs")), 20);
	json_decref(j);
}

static void a_bare_chat_is_valid(void **state)
{
	(void)state;
	AUTO(chat_freep) struct chat *c = chat_new();
	json_t *j = body_of(c, "", false);
	assert_int_equal(json_array_size(json_object_get(j, "messages")), 1);
	assert_null(json_object_get(j, "max_tokens"));
	assert_null(json_object_get(j, "response_format"));
	json_decref(j);
}

static void requests_are_bounded(void **state)
{
	(void)state;
	AUTO(chat_freep) struct chat *c = chat_new();
	struct err err;
	size_t len = 30 << 20;
	AUTO(mem_freep) unsigned char *big = mem_alloc(len, 1);
	memset(big, 1, len);
	memcpy(big, jpeg, 4);
	memcpy(big + len - 2, "\xff\xd9", 2);
	assert_ok(chat_jpeg(c, big, len, &err));
	assert_ok(chat_jpeg(c, big, len, &err));
	assert_int_equal(chat_jpeg(c, big, len, &err), -ERR_LIMIT);
	assert_int_equal(chat_images(c), 2);
	/* What was there stays whole. */
	assert_int_equal(c->parts.data[c->parts.len - 1], '}');
	assert_false(c->parts.full);
}

/* ---- answers */

static int feed(struct completion *a, const char *const *events, struct chat_result *ret,
                struct err *err)
{
	int64_t sent = clock_now() - 1000;
	for (; *events; events++) {
		int r = completion_event(a, *events, strlen(*events), err);
		if (r < 0)
			return r;
	}
	return completion_end(a, sent, ret, err);
}

static int answer(struct chat_result *ret, struct err *err, const char *const *events)
{
	struct completion a;
	completion_init(&a);
	*ret = (struct chat_result){0};
	int r = feed(&a, events, ret, err);
	completion_clear(&a);
	return r;
}
#define ANSWER(ret, err, ...) answer(ret, err, (const char *const[]){__VA_ARGS__, NULL})
#define PIECE(text) \
	"{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}"
#define STOP(why) "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" why "\"}]}"

static void answers_are_put_together(void **state)
{
	(void)state;
	struct chat_result r;
	struct err err;
	assert_ok(ANSWER(&r, &err,
	                 "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}],"
	                 "\"prompt_progress\":{\"total\":116,\"processed\":5}}",
	                 PIECE("It "), PIECE("is."), STOP("stop"),
	                 "{\"choices\":[],\"usage\":{\"prompt_tokens\":116,\"completion_tokens\":3,"
	                 "\"prompt_tokens_details\":{\"cached_tokens\":16}},"
	                 "\"timings\":{\"prompt_per_second\":3400.5,\"predicted_per_second\":1900}}",
	                 "[DONE]"));
	assert_string_equal(r.text, "It is.");
	assert_string_equal(r.finish_reason, "stop");
	assert_string_equal(r.model, "m");
	assert_int_equal(r.prompt_tokens, 116);
	assert_int_equal(r.cached_tokens, 16);
	assert_int_equal(r.output_tokens, 3);
	assert_true(r.prefill_rate > 3400 && r.decode_rate > 1899);
	assert_true(r.time_first >= 1000 && r.time_total >= r.time_first);
	chat_result_clear(&r);
	/* Without figures they are measured; a cut answer is handed over as what it
	 * is; nothing said is nothing. */
	assert_ok(ANSWER(&r, &err, PIECE("a"), PIECE("b"), STOP("length")));
	assert_string_equal(r.finish_reason, "length");
	assert_int_equal(r.output_tokens, 2);
	chat_result_clear(&r);
	assert_ok(ANSWER(&r, &err, STOP("stop")));
	assert_string_equal(r.text, "");
	chat_result_clear(&r);
	/* Some never send a reason, only the end. */
	assert_ok(ANSWER(&r, &err, PIECE("all"), "[DONE]"));
	assert_string_equal(r.text, "all");
	assert_string_equal(r.finish_reason, "stop");
	chat_result_clear(&r);
	/* Others an empty one in each piece. */
	assert_ok(ANSWER(&r, &err,
	                 "{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"\"}]}",
	                 STOP("length")));
	assert_string_equal(r.finish_reason, "length");
	chat_result_clear(&r);
	/* One object instead of a stream. */
	assert_ok(
		ANSWER(&r, &err,
	           "{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":\"all\"}}]}"));
	assert_string_equal(r.text, "all");
	chat_result_clear(&r);
}

static void broken_answers_are_errors(void **state)
{
	(void)state;
	struct chat_result r;
	struct err err;
	assert_int_equal(ANSWER(&r, &err, PIECE("half")), -ERR_PROTO);
	assert_int_equal(ANSWER(&r, &err, "{\"choices\":[{\"delta\":}"), -ERR_PROTO);
	assert_int_equal(ANSWER(&r, &err, "[]"), -ERR_PROTO);
	assert_int_equal(ANSWER(&r, &err, ""), -ERR_PROTO);
	assert_int_equal(
		ANSWER(&r, &err, PIECE("a"), "{\"error\":{\"message\":\"it\\nstumbled\",\"code\":500}}"),
		-ERR_ENGINE);
	assert_string_equal(err.msg, "the engine failed: it stumbled");
	assert_int_equal(
		ANSWER(&r, &err,
	           "{\"error\":{\"type\":\"exceed_context_size_error\",\"message\":\"9 of 8\"}}"),
		-ERR_LIMIT);
	/* Wrong kinds everywhere do no harm. */
	assert_int_equal(
		ANSWER(&r, &err, "{\"choices\":7,\"usage\":[],\"timings\":\"x\",\"model\":{}}",
	           "{\"choices\":[[]],\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":1e300}}",
	           "{\"choices\":[{\"delta\":[],\"finish_reason\":3}]}"),
		-ERR_PROTO);
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	struct chat_result r;
	struct err err;
	assert_ok(ANSWER(&r, &err, PIECE("caf\xc3"), PIECE("\\u0000x"), STOP("stop")));
	assert_string_equal(r.text, "caf\xef\xbf\xbd x");
	chat_result_clear(&r);
}

static void long_answers_are_bounded(void **state)
{
	(void)state;
	struct completion a;
	struct err err;
	completion_init(&a);
	AUTO(mem_freep) char *x = mem_alloc(100001, 1);
	memset(x, 'x', 100000);
	AUTO(mem_freep) char *event = mem_printf("{\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}", x);
	int r = 0, n = 0;
	for (; r == 0 && n < 100; n++)
		r = completion_event(&a, event, strlen(event), &err);
	assert_int_equal(r, -ERR_LIMIT);
	assert_true(n > 5 && n < 20);
	completion_clear(&a);
}

static void error_words(const char *body, const char *expected, bool limit)
{
	bool l;
	AUTO(mem_freep) char *words = completion_error_words(body, strlen(body), &l);
	assert_string_equal(words, expected);
	assert_int_equal(l, limit);
}

static void words_of_errors_are_found(void **state)
{
	(void)state;
	error_words("{\"error\":{\"message\":\"no\\u0007 way\"}}", "no  way", false);
	error_words("{\"error\":\"plain\"}", "plain", false);
	error_words("{\"detail\":[{\"msg\":\"field required\"}]}", "field required", false);
	error_words("{\"object\":\"error\",\"message\":\"maximum context length is 8\"}",
	            "maximum context length is 8", true);
	error_words("Bad\nGateway", "Bad Gateway", false);
	error_words("", "", false);
	error_words("{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":1}}}}}",
	            "{\"error\":{\"error\":{\"error\":{\"error\":{\"error\":1}}}}}", false);
}

/* ---- slots */

struct turn {
	struct dispatch *s;
	struct cancel *cancel;
	pthread_t thread;
	int number, result;
	struct cancel *waiting; /* fired once it waits */
	int *order, *n;
	pthread_mutex_t *lock;
};

static void now_waiting(void *ctx)
{
	cancel_fire(((struct turn *)ctx)->waiting);
}

static void *take_turn(void *ctx)
{
	struct turn *t = ctx;
	struct err err;
	const struct dispatch_request w = {
		.work = 1, .cancel = {t->cancel}, .waiting = now_waiting, .ctx = t};
	t->result = dispatch_acquire(t->s, &w, &err);
	if (t->result == 0) {
		pthread_mutex_lock(t->lock);
		t->order[(*t->n)++] = t->number;
		pthread_mutex_unlock(t->lock);
		dispatch_release(t->s, 0);
	}
	return NULL;
}

/* One endpoint with so many slots. */
static void dispatch_with(struct dispatch *d, int slots)
{
	dispatch_init(d);
	d->n = 1;
	d->backends[0] = (struct placement_backend){.ready = true, .slots = slots, .weight = 1};
}

static void turns_come_in_order_and_can_be_given_up(void **state)
{
	(void)state;
	struct dispatch s;
	struct err err;
	int order[4], n = 0;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct turn turns[4];
	dispatch_with(&s, 1);
	assert_ok(dispatch_acquire(&s, &(struct dispatch_request){.work = 1}, &err));
	for (int i = 0; i < 4; i++) {
		turns[i] = (struct turn){.s = &s,
		                         .cancel = cancel_new(),
		                         .waiting = cancel_new(),
		                         .number = i,
		                         .order = order,
		                         .n = &n,
		                         .lock = &lock};
		pthread_create(&turns[i].thread, NULL, take_turn, &turns[i]);
		struct pollfd p = {.fd = cancel_fd(turns[i].waiting), .events = POLLIN};
		assert_int_equal(poll(&p, 1, -1), 1);
	}
	cancel_fire(turns[3].cancel);
	pthread_join(turns[3].thread, NULL);
	cancel_fire(turns[1].cancel);
	pthread_join(turns[1].thread, NULL);
	dispatch_release(&s, 0);
	pthread_join(turns[0].thread, NULL);
	pthread_join(turns[2].thread, NULL);
	assert_int_equal(turns[1].result, -ERR_CANCELED);
	assert_int_equal(turns[3].result, -ERR_CANCELED);
	assert_int_equal(n, 2);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 2);
	assert_int_equal(s.backends[0].active, 0);
	/* Nothing is asked any more. */
	int64_t asked = dispatch_ask_time(&s);
	assert_true(asked > 0);
	assert_int_equal(s.asking, 0);
	assert_int_equal(dispatch_ask_time(&s), asked);
	for (int i = 0; i < 4; i++) {
		cancel_free(turns[i].cancel);
		cancel_free(turns[i].waiting);
	}
	dispatch_clear(&s);
}

static void busy_time_counts_overlap_once(void **state)
{
	(void)state;
	struct dispatch s;
	dispatch_with(&s, 2);
	int64_t begin = clock_now();
	dispatch_begin(&s, 0);
	dispatch_begin(&s, 0);
	while (clock_now() - begin < 3000) /* the clock is what is measured */
		;
	dispatch_end(&s, 0, NULL);
	int64_t running = dispatch_busy_time(&s);
	dispatch_end(&s, 0, NULL);
	int64_t all = dispatch_busy_time(&s);
	assert_true(running > 0 && all >= running && all <= clock_now() - begin);
	assert_int_equal(dispatch_busy_time(&s), all);
	dispatch_clear(&s);
}

static void time_of_requests_is_summed(void **state)
{
	(void)state;
	struct dispatch s;
	struct err err;
	dispatch_with(&s, 2);
	int64_t begin = clock_now();
	assert_ok(dispatch_acquire(&s, &(struct dispatch_request){.work = 1}, &err));
	assert_ok(dispatch_acquire(&s, &(struct dispatch_request){.work = 1}, &err));
	int64_t both = clock_now();
	while (clock_now() - both < 3000) /* the clock is what is measured */
		;
	int64_t least = 2 * (clock_now() - both);
	dispatch_release(&s, 0);
	dispatch_release(&s, 0);
	int64_t asked = dispatch_ask_time(&s);
	assert_true(asked >= least && asked <= 2 * (clock_now() - begin));
	dispatch_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_whole_jpegs_are_taken),
		cmocka_unit_test(pictures_are_never_side_by_side),
		cmocka_unit_test(bodies_hold_the_parts_in_order),
		cmocka_unit_test(letters_are_asked_for_with_their_probabilities),
		cmocka_unit_test(a_bare_chat_is_valid),
		cmocka_unit_test(requests_are_bounded),
		cmocka_unit_test(answers_are_put_together),
		cmocka_unit_test(broken_answers_are_errors),
		cmocka_unit_test(bytes_that_are_no_text_are_replaced),
		cmocka_unit_test(long_answers_are_bounded),
		cmocka_unit_test(words_of_errors_are_found),
		cmocka_unit_test(turns_come_in_order_and_can_be_given_up),
		cmocka_unit_test(busy_time_counts_overlap_once),
		cmocka_unit_test(time_of_requests_is_summed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
