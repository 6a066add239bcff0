/* SPDX-License-Identifier: Apache-2.0 */
#include "job/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "drawn.h"
#include "job/description.h"
#include "job/prompt.h"
#include "openai/answer-text.h"
#include "openai/letter.h"
#include "story/check.h"

#define ENOUGH_TOKENS 400
#define FEW_TOKENS 64

struct trial {
	struct engine *e;
	size_t pictures;
	struct cancel *cancel;
};

/* Each shows one object on a plain background. */
struct drawn {
	const char *color, *jpeg;
	const size_t *len;
};
static const struct drawn drawn[] = {
	{"red", drawn_red_jpg, &drawn_red_jpg_len},
	{"yellow", drawn_yellow_jpg, &drawn_yellow_jpg_len},
	{"purple", drawn_purple_jpg, &drawn_purple_jpg_len},
};

static void __attribute__((format(printf, 3, 4)))
find(struct conformance_row *row, enum conformance_state state, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	row->state = state;
	vsnprintf(row->found, sizeof row->found, fmt, ap);
	va_end(ap);
}

static int fail(struct conformance_row *row, const struct err *err)
{
	find(row, CONFORMANCE_FAIL, "%.*s", (int)sizeof row->found - 1, err->msg);
	return -(int)err->code;
}

/* The describe request of an analysis, with these pictures. */
static int describe(struct trial *t, const int *order, size_t n, struct chat_result *ret,
                    struct err *err)
{
	AUTO(mem_freep) struct prompt_picture *p = mem_alloc(n, sizeof *p);
	AUTO(chat_freep) struct chat *c = chat_new();
	for (size_t i = 0; i < n; i++) {
		const struct drawn *d = &drawn[(size_t)order[i] % ARRAY_LEN(drawn)];
		p[i] = (struct prompt_picture){.pts = (int64_t)i * 10 * CLOCK_SECOND,
		                               .jpeg = (const unsigned char *)d->jpeg,
		                               .jpeg_len = *d->len};
	}
	const struct prompt_stretch stretch = {
		.end = (int64_t)n * 10 * CLOCK_SECOND, .pictures = p, .n = n, .look_for = ""};
	int r = prompt_describe(c, &stretch, false, err);
	chat_max_tokens(c, ENOUGH_TOKENS);
	return r < 0 ? r : engine_chat(t->e, c, NULL, NULL, ret, err);
}

/* ---- the rows */

static void try_answer(struct trial *t, struct conformance_row *row)
{
	AUTO(chat_freep) struct chat *c = chat_new();
	AUTO(chat_result_clear) struct chat_result result = {0};
	struct err err = {0};
	AUTO(mem_freep) char *text = NULL;
	chat_text(c, "Write one short sentence.");
	chat_max_tokens(c, ENOUGH_TOKENS);
	if (engine_chat(t->e, c, NULL, NULL, &result, &err) < 0) {
		fail(row, &err);
		return;
	}
	const char *model = result.model && *result.model ? result.model : "(unnamed)";
	double seconds = (double)result.time_total / 1e6;
	if (answer_text_prose(&result, "", &text, &err) < 0)
		find(row, CONFORMANCE_NOTE, "the model %s answered in %.1f s, but: %.150s", model, seconds,
		     err.msg);
	else
		find(row, CONFORMANCE_PASS, "the model %s answered in %.1f s%s", model, seconds,
		     *result.reasoning ? "; its reasoning is left out" : "");
}

/* Of the statements about a drawn object, how many name its picture. */
static void score(const struct description *a, const int *order, size_t n, size_t *right,
                  size_t *all)
{
	for (size_t e = 0; e < a->n_events; e++) {
		for (size_t i = 0; i < n; i++) {
			bool named = false;
			if (!strcasestr(a->events[e].what, drawn[order[i]].color))
				continue;
			for (size_t k = 0; k < a->events[e].n_frames; k++)
				named |= a->events[e].frames[k] == i;
			*right += named;
			++*all;
		}
	}
}

static void try_order(struct trial *t, struct conformance_row *row)
{
	static const int orders[][3] = {{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}};
	size_t right = 0, all = 0, read = 0;
	struct err fault = {0};

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		AUTO(chat_result_clear) struct chat_result result = {0};
		AUTO(description_clear) struct description a = {0};
		struct err err = {0};
		if (describe(t, orders[i], 3, &result, &err) < 0) {
			fail(row, &err);
			return;
		}
		if (description_read(&result, 3, &a, &fault) < 0)
			continue;
		read++;
		score(&a, orders[i], 3, &right, &all);
	}

	if (!read)
		find(row, CONFORMANCE_FAIL, "no usable answer: %.200s", fault.msg);
	else if (!all)
		find(row, CONFORMANCE_NOTE,
		     "it names none of the drawn objects; check that it accepts images");
	else if (right * 2 > all)
		find(row, CONFORMANCE_PASS, "%zu of %zu statements name the right picture, in four orders",
		     right, all);
	else
		find(row, CONFORMANCE_FAIL,
		     "only %zu of %zu statements name the right picture: pictures arrive in another order, "
		     "or the model is too weak",
		     right, all);
}

/* The text of a picture arrives with it: asks for the time of one object. */
static void try_times(struct trial *t, struct conformance_row *row)
{
	AUTO(chat_freep) struct chat *c = chat_new();
	AUTO(chat_result_clear) struct chat_result result = {0};
	struct err err = {0};
	int r = 0;
	static const char *const times[] = {"07:15", "08:30", "09:45"};

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(drawn); i++) {
		AUTO(mem_freep) char *text = mem_printf("Frame %zu at %s:\n", i + 1, times[i]);
		chat_text(c, text);
		r = chat_jpeg(c, drawn[i].jpeg, *drawn[i].len, &err);
	}

	chat_text(c, "At which time is the thing in the picture yellow?");
	chat_schema(
		c, "time",
		"{\"type\":\"object\",\"properties\":{\"time\":{\"enum\":[\"07:15\",\"08:30\",\"09:45\"]}},"
		"\"required\":[\"time\"],\"additionalProperties\":false}");
	chat_max_tokens(c, FEW_TOKENS);
	if (r == 0)
		r = engine_chat(t->e, c, NULL, NULL, &result, &err);

	if (r < 0)
		fail(row, &err);
	else if (strstr(result.text, "08:30"))
		find(row, CONFORMANCE_PASS, "the time of a picture was returned");
	else if (engine_info(t->e)->demo_model)
		find(row, CONFORMANCE_NOTE, "the demo model does not read times");
	else
		find(row, CONFORMANCE_NOTE,
		     "the model returned another time; vdet uses frame numbers only, so this does not "
		     "matter");
}

static void try_count(struct trial *t, struct conformance_row *row)
{
	size_t most = 0, wanted = t->pictures > 1 ? t->pictures : 1;
	struct err err = {0};
	for (size_t n = 1; n <= 64 && !cancel_fired(t->cancel);
	     n = n < wanted && 2 * n > wanted ? wanted : 2 * n) {
		AUTO(chat_result_clear) struct chat_result result = {0};
		AUTO(mem_freep) int *order = mem_alloc(n, sizeof *order);
		for (size_t i = 0; i < n; i++)
			order[i] = (int)(i % ARRAY_LEN(drawn));
		if (describe(t, order, n, &result, &err) < 0)
			break;
		most = n;
		if (n >= wanted)
			break;
	}
	if (!most)
		find(row, CONFORMANCE_FAIL, "a request with one picture fails: %.200s", err.msg);
	else if (most >= wanted)
		find(row, CONFORMANCE_PASS, "%zu pictures in one request, as many as chunk.frames", most);
	else
		find(
			row, CONFORMANCE_FAIL,
			"%zu pictures in one request, not %zu: %.200s. Lower chunk.frames, or allow more there",
			most, wanted, err.msg);
}

static void try_schema(struct trial *t, struct conformance_row *row)
{
	AUTO(chat_freep) struct chat *c = chat_new();
	AUTO(chat_result_clear) struct chat_result result = {0};
	struct err err = {0};
	chat_text(c, "Say hello.");
	/* A word that no model writes unless the schema requires it. */
	chat_schema(c, "code",
	            "{\"type\":\"object\",\"properties\":{\"code\":{\"enum\":[\"zq-7\"]}},"
	            "\"required\":[\"code\"],"
	            "\"additionalProperties\":false}");
	chat_max_tokens(c, FEW_TOKENS);
	if (engine_chat(t->e, c, NULL, NULL, &result, &err) < 0) {
		fail(row, &err);
		return;
	}
	json_t *object = NULL;
	answer_text_object(&result, "code", &object, &err);
	json_auto_t *j = object;
	const char *code = json_string_value(json_object_get(j, "code"));
	if (code && strcmp(code, "zq-7") == 0)
		find(row, CONFORMANCE_PASS, "JSON Schema is enforced");
	else
		find(row, CONFORMANCE_NOTE,
		     "a JSON Schema is not enforced: answers that do not fit are asked for again, and some "
		     "chunks may become holes");
}

struct pieces {
	int64_t first;
	struct cancel *cancel; /* fired at the first piece of output; may be NULL */
};

static void on_piece(void *ctx, const struct chat_progress *p)
{
	struct pieces *s = ctx;
	if (p->phase != CHAT_DECODE)
		return;
	if (!s->first)
		s->first = clock_now();
	if (s->cancel)
		cancel_fire(s->cancel);
}

/* An answer of some length, whatever the model is. */
static struct chat *long_chat(void)
{
	struct chat *c = chat_new();
	chat_text(c, "Write a list of words.");
	chat_schema(c, "words",
	            "{\"type\":\"array\",\"minItems\":60,\"maxItems\":60,"
	            "\"items\":{\"type\":\"string\",\"pattern\":\"^[a-z]{5}$\"}}");
	chat_max_tokens(c, ENOUGH_TOKENS);
	return c;
}

static void try_stream(struct trial *t, struct conformance_row *row)
{
	AUTO(chat_freep) struct chat *c = long_chat();
	AUTO(chat_result_clear) struct chat_result result = {0};
	struct pieces s = {0};
	struct err err = {0};
	if (engine_chat(t->e, c, on_piece, &s, &result, &err) < 0)
		fail(row, &err);
	else if (result.time_first < result.time_total)
		find(row, CONFORMANCE_PASS, "the first word after %.2f s of %.2f",
		     (double)result.time_first / 1e6, (double)result.time_total / 1e6);
	else
		find(row, CONFORMANCE_NOTE,
		     "answers are not streamed: no progress within a chunk, and --vision-timeout counts "
		     "for "
		     "the whole");
	if (row->state != CONFORMANCE_FAIL && !result.output_tokens)
		find(row, CONFORMANCE_NOTE,
		     "the engine reports no token counts: rates and costs are unknown");
}

static void try_cancel(struct trial *t, struct conformance_row *row)
{
	AUTO(chat_freep) struct chat *c = long_chat();
	AUTO(chat_result_clear) struct chat_result result = {0};
	struct cancel *own = cancel_new();
	struct pieces s = {.cancel = own};
	struct err err = {0};
	chat_set_cancel(c, own);
	int r = engine_chat(t->e, c, on_piece, &s, &result, &err);
	int64_t took = s.first ? clock_now() - s.first : 0;
	struct conformance_row after = {0};
	try_answer(t, &after);
	if (after.state == CONFORMANCE_FAIL)
		find(row, CONFORMANCE_FAIL, "after a request was canceled: %.200s", after.found);
	else if (r == -ERR_CANCELED)
		find(row, CONFORMANCE_PASS,
		     "a request ends %.2f s after it is canceled, and the next one is answered",
		     (double)took / 1e6);
	else if (r < 0)
		fail(row, &err);
	else
		find(row, CONFORMANCE_NOTE, "the answer was complete before it could be canceled");
	cancel_free(own);
}

static void try_context(struct trial *t, struct conformance_row *row)
{
	int64_t context = engine_info(t->e)->context;
	AUTO(chat_result_clear) struct chat_result result = {0};
	struct err err = {0};

	if (context <= 0 || context > 200000) {
		find(row, CONFORMANCE_NOTE, "%s",
		     context ? "too large to be filled for a trial"
		             : "the engine does not report its context");
		return;
	}

	/* Each word is a token at least. */
	AUTO(buf_free) struct buf text = BUF(CHAT_BODY_MAX);
	for (int64_t i = 0; i < context + 64; i++)
		buf_adds(&text, "x ");
	AUTO(chat_freep) struct chat *c = chat_new();
	chat_text(c, buf_str(&text));
	chat_max_tokens(c, 1);
	int r = engine_chat(t->e, c, NULL, NULL, &result, &err);

	if (r == -ERR_LIMIT)
		find(row, CONFORMANCE_PASS, "%lld tokens; what is longer is refused", (long long)context);
	else if (r == 0 && result.prompt_tokens && result.prompt_tokens <= context)
		find(row, CONFORMANCE_NOTE,
		     "%lld tokens; not tried, since the model reads the trial's words as fewer",
		     (long long)context);
	else if (r == 0)
		find(row, CONFORMANCE_NOTE,
		     "it reports %lld tokens, but accepts more: it may truncate requests silently",
		     (long long)context);
	else
		find(row, CONFORMANCE_FAIL,
		     "longer requests than its %lld tokens should be rejected, but: %.200s",
		     (long long)context, err.msg);
}

/* A check of a statement about one drawn object, which is true. */
static int check(struct trial *t, int max_tokens, struct chat_result *ret, struct err *err)
{
	const struct prompt_picture p = {.jpeg = (const unsigned char *)drawn[0].jpeg,
	                                 .jpeg_len = *drawn[0].len};
	AUTO(mem_freep) char *what = mem_printf("Something %s can be seen.", drawn[0].color);
	AUTO(chat_freep) struct chat *c = chat_new();
	int r = prompt_check(c, &p, 1, what, err);
	chat_max_tokens(c, max_tokens);
	return r < 0 ? r : engine_chat(t->e, c, NULL, NULL, ret, err);
}

/* As look_ask() does it: one token, then more. Whether the letter is right
 * shows in the controls of a job. */
static void try_letters(struct trial *t, struct conformance_row *row)
{
	static const int lengths[] = {1, ENOUGH_TOKENS};
	struct err err = {0};
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		AUTO(chat_result_clear) struct chat_result result = {0};
		struct letter l;
		if (check(t, lengths[i], &result, &err) < 0) {
			fail(row, &err);
			return;
		}
		if (letter_read(&result, CHECK_LETTERS, &l, &err) < 0)
			continue;
		bool known = l.p[0] + l.p[1] + l.p[2] > 0;
		const char *how = !i ? "" : *result.reasoning ? ", after reasoning" : ", after other words";
		find(row, known ? CONFORMANCE_PASS : CONFORMANCE_NOTE, "one letter%s%s", how,
		     known ? ", with its probability"
		           : ", without a probability: --verify decides by the letter alone");
		return;
	}
	find(row, CONFORMANCE_NOTE, "%.200s: --verify can check nothing", err.msg);
}

/* What the previous requests have shown. */
static void try_request(struct trial *t, struct conformance_row *row)
{
	AUTO(mem_freep) char *text = engine_left_out(t->e);
	if (*text)
		find(row, CONFORMANCE_NOTE, "replaced, since the engine rejects it: %.220s", text);
	else
		find(row, CONFORMANCE_PASS, "all request parameters are accepted");
}

static const struct {
	const char *name;
	void (*fn)(struct trial *t, struct conformance_row *row);
} rows[] = {
	{"answer", try_answer},   {"pictures", try_count},  {"order", try_order},
	{"times", try_times},     {"schema", try_schema},   {"stream", try_stream},
	{"cancel", try_cancel},   {"context", try_context}, {"letters", try_letters},
	{"request", try_request},
};

size_t conformance_try(struct engine *e, size_t pictures, struct cancel *cancel,
                       void (*found)(void *ctx, const struct conformance_row *row), void *ctx,
                       struct conformance_row out[static CONFORMANCE_MANY])
{
	struct trial t = {.e = e, .pictures = pictures, .cancel = cancel};
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows) && !cancel_fired(cancel); i++) {
		struct conformance_row *row = &out[n++];
		*row = (struct conformance_row){.name = rows[i].name};
		/* The first one is the simplest request there is. */
		if (i && out[0].state == CONFORMANCE_FAIL)
			find(row, CONFORMANCE_SKIP, "not tested");
		else
			rows[i].fn(&t, row);
		if (found && !cancel_fired(cancel))
			found(ctx, row);
	}
	return cancel_fired(cancel) ? n - 1 : n;
}
