/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that misbehave: each fault becomes an answer, a retry, or one clear
 * error, in bounded time. */
#include "engine-help.h"

#include <semaphore.h>

#include "transfer/http.h"

struct session {
	struct fake fake;
	struct engine_options o;
	struct cancel *cancel;
	struct engine *e;
	struct chat_result r;
	struct err err;
	atomic_int decoding; /* progress calls in each phase */
	int queued, prefill;
	int64_t took;
	bool notify;
	/* with `notify`, posted when an answer has begun, or before another try */
	sem_t told;
};

static void end(struct session *s)
{
	engine_free(s->e);
	chat_result_clear(&s->r);
	options_clear(&s->o);
	cancel_free(s->cancel);
	fake_stop(&s->fake);
}

static void begin(struct session *s, const char *const *args)
{
	*s = (struct session){.cancel = cancel_new()};
	options_init(&s->o);
	fake_start(&s->fake, args);
	set_string(&s->o.url, s->fake.root);
}
#define BEGIN(s, ...) begin(s, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static int start(struct session *s)
{
	const struct engine_places places = {.models_dir = "/nonexistent", .demo_dir = "/nonexistent"};
	int r = engine_new(&s->o, &places, s->cancel, &s->e, &s->err);
	return r < 0 ? r : engine_start(s->e, NULL, NULL, &s->err);
}

static void progress(void *ctx, const struct chat_progress *p)
{
	struct session *s = ctx;
	if (p->phase == CHAT_DECODE)
		atomic_fetch_add(&s->decoding, 1);
	else if (p->phase == CHAT_PREFILL)
		s->prefill++;
	else
		s->queued++;
	if (s->notify && p->phase != CHAT_PREFILL)
		sem_post(&s->told);
}

static int ask(struct session *s)
{
	AUTO(chat_freep) struct chat *c = chat_new();
	chat_text(c, "Frame 1");
	assert_ok(chat_jpeg(c, any_jpeg, sizeof any_jpeg, &s->err));
	chat_schema(c, "answer",
	            "{\"type\":\"object\",\"properties\":{\"summary\":{\"type\":\"string\"}},"
	            "\"required\":[\"summary\"]}");
	int64_t begun = clock_now();
	chat_result_clear(&s->r);
	int r = engine_chat(s->e, c, progress, s, &s->r, &s->err);
	s->took = clock_now() - begun;
	return r;
}

static int collect(void *ctx, const struct http_reply *reply, const char *data, size_t len,
                   struct err *err)
{
	(void)reply, (void)err;
	return buf_add(ctx, data, len);
}

/* What the stand-in counted; `change` (may be NULL) is JSON that changes its
 * script first. */
static json_t *control(const struct fake *f, const char *change)
{
	AUTO(http_freep) struct http *h = http_new();
	AUTO(mem_freep) char *url = mem_printf("%s/control", f->root);
	AUTO(buf_free) struct buf body = BUF(10000);
	const struct http_piece piece = {change, change ? strlen(change) : 0};
	const struct http_request q = {
		.url = url, .body = collect, .ctx = &body, .pieces = change ? &piece : NULL, .n_pieces = 1};
	struct http_reply reply;
	struct err err;
	assert_ok(http_run(h, &q, &reply, &err));
	return json_loadb(body.data, body.len, 0, NULL);
}

/* A session with the stand-in that all tests share, scripted with one fault. */
static struct fake shared;

static void begin_shared(struct session *s, const char *fault)
{
	AUTO(mem_freep) char *change = mem_printf("{\"faults\": [\"%s\"], \"reset\": true}", fault);
	*s = (struct session){.cancel = cancel_new()};
	options_init(&s->o);
	json_decref(control(&shared, change));
	set_string(&s->o.url, shared.root);
}

/* One request under one fault; returns what engine_chat() did. */
static int under(struct session *s, const char *fault, int retries)
{
	begin_shared(s, fault);
	s->o.retries = retries;
	assert_ok(start(s));
	return ask(s);
}

static void assert_says(const struct session *s, const char *words)
{
	if (!strstr(s->err.msg, words))
		fail_msg("\"%s\" does not say \"%s\"", s->err.msg, words);
}

static void a_healthy_engine_answers(void **state)
{
	(void)state;
	struct session s;
	BEGIN(&s, "--latency", "0.2");
	assert_ok(start(&s));
	const struct engine_info *i = engine_info(s.e);
	assert_string_equal(i->kind, "endpoint");
	assert_string_equal(i->url, s.fake.url);
	assert_string_equal(i->version, "b1-fake");
	assert_string_equal(i->model, "fake-model");
	assert_int_equal(i->slots, 4);
	assert_int_equal(i->context, 32768);
	assert_true(i->images);
	assert_ok(ask(&s));
	assert_non_null(strstr(s.r.text, "summary of 1 pictures"));
	assert_string_equal(s.r.finish_reason, "stop");
	assert_int_equal(s.r.cached_tokens, 7);
	assert_int_equal(s.r.attempts, 1);
	assert_true(s.r.time_first >= 200000);
	assert_true(s.prefill > 0);
	assert_true(engine_busy_time(s.e) >= 200000);
	end(&s);
}

static void other_engines_are_understood(void **state)
{
	(void)state;
	struct session s;
	BEGIN(&s, "--kind", "vllm", "--context", "4096", "--slots", "7");
	assert_ok(start(&s));
	assert_string_equal(engine_info(s.e)->version, "0.0.fake");
	assert_int_equal(engine_info(s.e)->context, 4096);
	assert_int_equal(engine_slots(s.e), 4);
	assert_ok(ask(&s));
	end(&s);
	BEGIN(&s, "--kind", "plain", "--model", "a,b,c");
	assert_int_equal(start(&s), -ERR_ARG);
	assert_says(&s, "a, b, c");
	engine_free(s.e);
	set_string(&s.o.model, "b");
	assert_ok(start(&s));
	assert_string_equal(engine_info(s.e)->model, "b");
	end(&s);
	BEGIN(&s, "--blind");
	assert_ok(start(&s));
	assert_false(engine_info(s.e)->images);
	assert_int_equal(ask(&s), -ERR_UNSUPPORTED);
	end(&s);
	BEGIN(&s, "--loading", "1");
	assert_ok(start(&s));
	end(&s);
}

static void what_passes_is_tried_again(void **state)
{
	static const char *const faults[] = {"500@1",         "502@1",        "dead@1",
	                                     "half@1",        "half-event@1", "rubbish@1",
	                                     "error-event@1", "html=502@1",   "500@1-2"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct session s;
		if (under(&s, faults[i], 2) < 0)
			fail_msg("%s: %s", faults[i], s.err.msg);
		assert_int_equal(s.r.attempts, strchr(faults[i], '-') && strstr(faults[i], "1-2") ? 3 : 2);
		assert_non_null(strstr(s.r.text, "summary of 1 pictures"));
		end(&s);
	}
}

static void what_stays_is_an_error(void **state)
{
	static const struct {
		const char *fault;
		int code;
		const char *words;
	} cases[] = {
		{"400", ERR_ENGINE, "HTTP 400: scripted fault 400"},
		{"401", ERR_PERM, "refused the request (HTTP 401)"}, /* no key was sent */
		{"403", ERR_PERM, "refused the request (HTTP 403)"},
		{"404", ERR_ENGINE, "HTTP 404"},
		{"413", ERR_LIMIT, "too large"},
		{"context", ERR_LIMIT, "request (9000 tokens) exceeds"},
		{"redirect", ERR_ENGINE, "redirect"},
		{"html", ERR_ENGINE, "web page"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct session s;
		int r = under(&s, cases[i].fault, 5);
		if (r != -cases[i].code)
			fail_msg("%s: %d %s", cases[i].fault, r, s.err.msg);
		assert_says(&s, cases[i].words);
		/* Not tried again: five pauses would take half a minute. */
		assert_true(s.took < 2 * CLOCK_SECOND);
		assert_null(s.r.text);
		end(&s);
	}
}

static void tries_end(void **state)
{
	static const struct {
		const char *fault, *words;
	} cases[] = {
		{"500", "after 2 tries: the engine answered HTTP 500: scripted fault 500"},
		{"half", "after 2 tries: the engine's answer ended early"},
		{"dead", "after 2 tries: cannot reach the engine at http://127.0.0.1:"},
		{"rubbish", "broken JSON"},
		{"error-event", "the engine failed: the model stumbled"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct session s;
		assert_true(under(&s, cases[i].fault, 1) < 0);
		assert_says(&s, cases[i].words);
		end(&s);
	}
}

static void odd_answers_are_handed_over(void **state)
{
	static const struct {
		const char *fault, *text, *reason, *model;
	} cases[] = {
		{"empty", "", "stop", "fake-model"},
		{"prose", "I am sorry, but I would rather talk about the weather.", "stop", "fake-model"},
		{"schema", "{\"weather\": \"fine\"}", "stop", "fake-model"},
		{"length", "{\"summary\": \"summary of", "length", "fake-model"},
		{"liar", NULL, "stop", "another-model-7b"},
		{"whole", NULL, "stop", "fake-model"},
		{"no-done", NULL, "stop", "fake-model"},
		{"no-usage", NULL, "stop", "fake-model"},
		{"drip", NULL, "stop", "fake-model"},
		{"slow=2000", NULL, "stop", "fake-model"},
		{"utf8", NULL, "stop", "fake-model"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct session s;
		if (under(&s, cases[i].fault, 0) < 0)
			fail_msg("%s: %s", cases[i].fault, s.err.msg);
		if (cases[i].text)
			assert_string_equal(s.r.text, cases[i].text);
		else
			assert_non_null(strstr(s.r.text, "pictures"));
		assert_string_equal(s.r.finish_reason, cases[i].reason);
		assert_string_equal(s.r.model, cases[i].model);
		if (!strcmp(cases[i].fault, "utf8"))
			assert_non_null(strstr(s.r.text, "\xef\xbf\xbd caf\xef\xbf\xbd"));
		end(&s);
	}
}

static void time_limits_hold(void **state)
{
	static const struct {
		const char *fault, *words;
		size_t limit;
	} cases[] = {
		{"never", "vision-timeout", offsetof(struct engine_options, vision_timeout)},
		{"silent", "vision-timeout", offsetof(struct engine_options, vision_timeout)},
		{"stall", "idle-timeout", offsetof(struct engine_options, idle_timeout)},
		{"stall", "generation-timeout", offsetof(struct engine_options, generation_timeout)},
		/* Bytes come, but no words. */
		{"slow=5", "vision-timeout", offsetof(struct engine_options, vision_timeout)},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct session s;
		begin_shared(&s, cases[i].fault);
		*(int64_t *)((char *)&s.o + cases[i].limit) = CLOCK_SECOND / 2;
		assert_ok(start(&s));
		assert_int_equal(ask(&s), -ERR_TIMEOUT);
		assert_says(&s, cases[i].words);
		assert_true(s.took >= CLOCK_SECOND / 2 && s.took < 5 * CLOCK_SECOND);
		end(&s);
	}
}

static void retry_after_is_respected(void **state)
{
	(void)state;
	struct session s;
	assert_ok(under(&s, "429=2@1", 1));
	assert_int_equal(s.r.attempts, 2);
	assert_true(s.took >= 2 * CLOCK_SECOND && s.took < 10 * CLOCK_SECOND);
	assert_true(s.queued > 0);
	end(&s);
}

/* Cancels once the stand-in has the request, or once an answer has begun or
 * before another try (`notify`). */
static void *fire_later(void *ctx)
{
	struct session *s = ctx;
	if (s->notify)
		sem_wait(&s->told);
	else
		json_decref(control(&shared, "{\"await\": 1}"));
	cancel_fire(s->cancel);
	return NULL;
}

static void cancel_is_immediate(void **state)
{
	/* Waiting for an answer, in the middle of one, and between two tries. */
	static const struct {
		const char *fault;
		bool notify;
	} faults[] = {{"never", false}, {"silent", false}, {"stall", true}, {"429=600", true}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct session s;
		pthread_t thread;
		begin_shared(&s, faults[i].fault);
		s.notify = faults[i].notify;
		sem_init(&s.told, 0, 0);
		assert_ok(start(&s));
		assert_ok(pthread_create(&thread, NULL, fire_later, &s));
		assert_int_equal(ask(&s), -ERR_CANCELED);
		pthread_join(thread, NULL);
		assert_true(s.took < 3 * CLOCK_SECOND);
		end(&s);
	}
}

static void one_request_alone_can_be_stopped(void **state)
{
	(void)state;
	struct session s;
	begin_shared(&s, "never");
	s.o.vision_timeout = CLOCK_SECOND / 2;
	assert_ok(start(&s));
	AUTO(chat_freep) struct chat *c = chat_new();
	struct cancel *own = cancel_new();
	chat_text(c, "x");
	chat_set_cancel(c, own);
	cancel_fire(own);
	assert_int_equal(engine_chat(s.e, c, NULL, NULL, &s.r, &s.err), -ERR_CANCELED);
	/* The engine itself goes on. */
	assert_int_equal(ask(&s), -ERR_TIMEOUT);
	cancel_free(own);
	end(&s);
}

static void keys_are_sent_and_never_shown(void **state)
{
	(void)state;
	struct session s;
	BEGIN(&s, "--key", "sk-geheim-1234", "--fault", "echo-key");
	assert_int_equal(start(&s), -ERR_PERM);
	engine_free(s.e);
	s.e = NULL;
	set_string(&s.o.key, "sk-geheim-1234");
	s.o.retries = 0;
	assert_ok(start(&s));
	assert_int_equal(ask(&s), -ERR_ENGINE);
	assert_null(strstr(s.err.msg, "geheim"));
	assert_says(&s, "Incorrect API key provided: Bearer ***");
	engine_free(s.e);
	s.e = NULL;

	char path[] = "/tmp/vdet-key-XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "sk-geheim-1234\n", 15), 15);
	close(fd);
	set_string(&s.o.key, "");
	set_string(&s.o.key_file, path);
	assert_ok(start(&s));
	assert_string_equal(engine_info(s.e)->warning, "");
	engine_free(s.e);
	s.e = NULL;
	chmod(path, 0644);
	assert_ok(start(&s));
	assert_non_null(strstr(engine_info(s.e)->warning, "chmod 600"));
	unlink(path);
	engine_free(s.e);
	s.e = NULL;
	assert_int_equal(start(&s), -ERR_NOENT);
	end(&s);
}

static void addresses_are_checked(void **state)
{
	static const char *const bad[] = {
		"localhost:8080", "ftp://x/",     "http://",      "http:///v1",    "http://a:geheim@b/v1",
		"http://a b",     "http://a:/v1", "http://a?x=1", "unix:relative", "unix:"};
	(void)state;
	struct engine_options o;
	struct err err;
	options_init(&o);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct engine *e = NULL;
		const struct engine_places places = {.models_dir = "/nonexistent",
		                                     .demo_dir = "/nonexistent"};
		set_string(&o.url, bad[i]);
		assert_int_equal(engine_new(&o, &places, NULL, &e, &err), -ERR_ARG);
		assert_null(strstr(err.msg, "geheim"));
	}
	options_clear(&o);
}

static void nobody_there_is_said_at_once(void **state)
{
	(void)state;
	struct session s;
	BEGIN(&s, "--slots", "1");
	fake_stop(&s.fake);
	int64_t begun = clock_now();
	assert_int_equal(start(&s), -ERR_ENGINE);
	assert_true(clock_now() - begun < 2 * CLOCK_SECOND);
	assert_says(&s, "cannot reach the engine at http://127.0.0.1:");
	end(&s);
}

/* ---- many at once */

static void *ask_many(void *ctx)
{
	struct session *s = ctx;
	AUTO(chat_freep) struct chat *c = chat_new();
	struct err err;
	chat_text(c, "x");
	for (int i = 0; i < 5; i++) {
		struct chat_result r = {0};
		if (engine_chat(s->e, c, NULL, NULL, &r, &err) < 0)
			return (void *)1;
		chat_result_clear(&r);
	}
	return NULL;
}

static void slots_bound_what_is_in_flight(void **state)
{
	(void)state;
	struct session s;
	pthread_t threads[8];
	/* The engine would take sixteen. */
	BEGIN(&s, "--slots", "16", "--latency", "0.02");
	s.o.slots = 3;
	assert_ok(start(&s));
	assert_int_equal(engine_slots(s.e), 3);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_ok(pthread_create(&threads[i], NULL, ask_many, &s));
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	json_t *c = control(&s.fake, NULL);
	assert_int_equal(json_integer_value(json_object_get(c, "requests")), 40);
	assert_int_equal(json_integer_value(json_object_get(c, "most_in_flight")), 3);
	json_decref(c);
	end(&s);
}

int main(int argc, char **argv)
{
	PLAY_ROLE(argc, argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_engine_answers),
		cmocka_unit_test(other_engines_are_understood),
		cmocka_unit_test(what_passes_is_tried_again),
		cmocka_unit_test(what_stays_is_an_error),
		cmocka_unit_test(tries_end),
		cmocka_unit_test(odd_answers_are_handed_over),
		cmocka_unit_test(time_limits_hold),
		cmocka_unit_test(retry_after_is_respected),
		cmocka_unit_test(cancel_is_immediate),
		cmocka_unit_test(one_request_alone_can_be_stopped),
		cmocka_unit_test(keys_are_sent_and_never_shown),
		cmocka_unit_test(addresses_are_checked),
		cmocka_unit_test(nobody_there_is_said_at_once),
		cmocka_unit_test(slots_bound_what_is_in_flight),
	};
	FAKE(&shared);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fake_stop(&shared);
	return failed;
}
