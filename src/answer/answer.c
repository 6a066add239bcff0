/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/answer.h"

#include <assert.h>
#include <stdlib.h>

#include "answer/fields.h"

/* ---- names */

const char *answer_state_name(enum answer_state s)
{
	static const char *const names[] = {"answered", "partly", "not-found", "not-seen", "failed"};
	return (size_t)s < ARRAY_LEN(names) ? names[s] : "";
}

const char *answer_kind_name(enum answer_kind k)
{
	static const char *const names[] = {"is",   "when",    "which",   "how",     "count", "order",
	                                    "said", "written", "summary", "compare", "not",   "list"};
	return (size_t)k < ARRAY_LEN(names) ? names[k] : "";
}

const char *answer_sense_name(enum answer_sense s)
{
	static const char *const names[] = {"seen", "said", "written"};
	return (size_t)s < ARRAY_LEN(names) ? names[s] : "";
}

static const char *state_name(int v)
{
	return answer_state_name((enum answer_state)v);
}

static const char *kind_name(int v)
{
	return answer_kind_name((enum answer_kind)v);
}

static const char *sense_name(int v)
{
	return answer_sense_name((enum answer_sense)v);
}

static const char *verdict_name(int v)
{
	return check_verdict_name((enum check_verdict)v);
}

/* ---- members, in the order of the JSON */

enum {
	FRAMES_MOST = 64,
	LIST_MOST = 10000,
	SOURCES_MOST = 100000,
	SHA256 = 64,
	GRAY = 288,
	LETTER_MOST = 16
};

#define AT(of, member) .at = offsetof(struct of, member)
#define PLAIN(name_, kind, of, member)                  \
	{                                                   \
		.name = (name_), .type = (kind), AT(of, member) \
	}
#define OR_NULL(name_, kind, of, member, none_)                                        \
	{                                                                                  \
		.name = (name_), .type = (kind), AT(of, member), .null = true, .none = (none_) \
	}
#define ADDED(name_, kind, of, member)                                               \
	{                                                                                \
		.name = (name_), .type = (kind), AT(of, member), .null = true, .added = true \
	}
#define TEXT(name_, of, member) PLAIN(name_, FIELD_TEXT, of, member)
#define TEXT_OR_NULL(name_, of, member) OR_NULL(name_, FIELD_TEXT, of, member, 0)
#define DIGITS(name_, of, member, least_, null_)                                               \
	{                                                                                          \
		.name = (name_), .type = FIELD_HEX, AT(of, member), .least = (least_), .most = SHA256, \
		.null = (null_)                                                                        \
	}
#define HASH(name_, of, member) DIGITS(name_, of, member, SHA256, false)
#define HASH_OR_NULL(name_, of, member) DIGITS(name_, of, member, SHA256, true)
#define NAMED(name_, of, member, names_of, n)                                                    \
	{                                                                                            \
		.name = (name_), .type = FIELD_NAME, AT(of, member), .name_of = (names_of), .names = (n) \
	}
#define FIELDS(table) .fields = (table), .n_fields = ARRAY_LEN(table)
#define LIST(kind, of, items) .type = (kind), AT(of, items), .n_at = offsetof(struct of, n_##items)
#define OBJECTS(of, items, table) \
	LIST(FIELD_LIST, of, items), .item = sizeof *((struct of *)0)->items, FIELDS(table)

static const struct field frame_fields[] = {
	PLAIN("pts", FIELD_SECONDS, answer_frame, pts),
	HASH_OR_NULL("picture_sha256", answer_frame, picture_sha256),
	HASH_OR_NULL("planes_sha256", answer_frame, planes_sha256),
	TEXT_OR_NULL("planes_format", answer_frame, planes_format),
	TEXT_OR_NULL("decode_path", answer_frame, decode_path),
	{.name = "gray",
     .type = FIELD_HEX,
     AT(answer_frame, gray),
     .least = GRAY,
     .most = GRAY,
     .null = true},
	{.type = FIELD_BYTES, AT(answer_frame, jpeg)},
};

static const struct field cite_fields[] = {
	NAMED("sense", answer_cite, sense, sense_name, SENSES),
	PLAIN("source", FIELD_SIZE, answer_cite, source),
	PLAIN("start", FIELD_SECONDS, answer_cite, start),
	PLAIN("end", FIELD_SECONDS, answer_cite, end),
	{.name = "frames", OBJECTS(answer_cite, frames, frame_fields), .most = FRAMES_MOST},
	TEXT_OR_NULL("quote", answer_cite, quote),
	ADDED("quote_source", FIELD_TEXT, answer_cite, quote_source),
	ADDED("clock", FIELD_TEXT, answer_cite, clock),
	TEXT("text", answer_cite, text),
	NAMED("verdict", answer_cite, verdict, verdict_name, VERDICT_WITHDRAWN + 1),
	OR_NULL("p", FIELD_SHARE, answer_cite, p, -1),
	TEXT_OR_NULL("reason", answer_cite, reason),
};

static const struct field claim_fields[] = {
	TEXT("text", answer_claim, text),
	NAMED("verdict", answer_claim, verdict, verdict_name, VERDICT_WITHDRAWN + 1),
	{.name = "cites", LIST(FIELD_NUMBERS, answer_claim, cites), .least = 1, .most = LIST_MOST},
};

static const struct field dropped_fields[] = {
	TEXT("text", answer_dropped, text),
	TEXT("reason", answer_dropped, reason),
};

static const struct field source_fields[] = {
	HASH("sha256", answer_source, sha256),
	OR_NULL("stream", FIELD_INT, answer_source, stream, -1),
	TEXT("name", answer_source, name),
	TEXT_OR_NULL("job", answer_source, job),
	ADDED("job_rank", FIELD_SIZE, answer_source, job_rank),
	ADDED("job_count", FIELD_SIZE, answer_source, n_jobs),
	PLAIN("generation", FIELD_COUNT, answer_source, generation),
	PLAIN("from", FIELD_SECONDS, answer_source, from),
	PLAIN("to", FIELD_SECONDS, answer_source, to),
	PLAIN("deleted", FIELD_BOOL, answer_source, deleted),
	PLAIN("windows", FIELD_SIZE, answer_source, windows),
	PLAIN("examined", FIELD_SECONDS, answer_source, examined),
	OR_NULL("frames", FIELD_SIZE, answer_source, frames, 0),
	OR_NULL("mean_gap", FIELD_SECONDS, answer_source, mean_gap, 0),
	OR_NULL("max_gap", FIELD_SECONDS, answer_source, max_gap, 0),
	OR_NULL("max_gap_at", FIELD_SECONDS, answer_source, max_gap_at, -1),
	PLAIN("holes", FIELD_SECONDS, answer_source, holes),
	OR_NULL("hole_count", FIELD_SIZE, answer_source, n_holes, 0),
	TEXT_OR_NULL("unseen", answer_source, unseen),
	TEXT(NULL, answer_source, report),
};

static const struct field step_fields[] = {
	TEXT("kind", answer_step, kind),
	TEXT("text", answer_step, text),
	HASH("request", answer_step, request),
	HASH_OR_NULL("result", answer_step, result),
};

static const struct field count_fields[] = {
	OR_NULL("at_least", FIELD_COUNT, answer, at_least, -1),
	OR_NULL("unsure", FIELD_COUNT, answer, unsure, -1),
};

static const struct field price_fields[] = {
	OR_NULL("time", FIELD_SECONDS, answer, price.time, -1),
	OR_NULL("tokens", FIELD_COUNT, answer, price.tokens, -1),
	OR_NULL("requests", FIELD_COUNT, answer, price.requests, -1),
};

static const struct field spent_fields[] = {
	PLAIN("requests", FIELD_COUNT, answer, spent.requests),
	PLAIN("prompt_tokens", FIELD_COUNT, answer, spent.prompt_tokens),
	PLAIN("output_tokens", FIELD_COUNT, answer, spent.output_tokens),
	PLAIN("decode_time", FIELD_SECONDS, answer, spent.decode_time),
	PLAIN("wall_time", FIELD_SECONDS, answer, spent.wall),
};

static const struct field run_fields[] = {
	TEXT("vdet_version", answer, vdet_version),
	TEXT("engine", answer, engine),
	TEXT("model", answer, model),
	HASH_OR_NULL("model_hash", answer, model_hash),
	HASH_OR_NULL("prompt_hash", answer, prompt_hash),
	PLAIN("demo_model", FIELD_BOOL, answer, demo_model),
	OR_NULL("created", FIELD_DATE, answer, created, -1),
};

const struct field answer_fields[] = {
	DIGITS("id", answer, id, 1, false),
	TEXT("question", answer, question),
	DIGITS("thread", answer, thread, 1, true),
	NAMED("kind", answer, kind, kind_name, ASK_KINDS),
	NAMED("state", answer, state, state_name, ANSWER_STATES),
	PLAIN("thorough", FIELD_BOOL, answer, thorough),
	TEXT("text", answer, text),
	TEXT_OR_NULL("changed", answer, changed),
	{.name = "choice", .type = FIELD_TEXT, AT(answer, choice), .most = LETTER_MOST, .null = true},
	{.name = "claims", OBJECTS(answer, claims, claim_fields), .most = LIST_MOST},
	{.name = "cites", OBJECTS(answer, cites, cite_fields), .most = LIST_MOST},
	{.name = "dropped", OBJECTS(answer, dropped, dropped_fields), .most = LIST_MOST},
	{.name = "sources", OBJECTS(answer, sources, source_fields), .most = SOURCES_MOST},
	{.name = "unread", LIST(FIELD_TEXTS, answer, unread), .most = SOURCES_MOST},
	{.name = "count", .type = FIELD_OBJECT, FIELDS(count_fields), .null = true},
	{.name = "price", .type = FIELD_OBJECT, FIELDS(price_fields), .null = true},
	{.name = "spent", .type = FIELD_OBJECT, FIELDS(spent_fields)},
	{.name = "steps", OBJECTS(answer, steps, step_fields), .most = SOURCES_MOST},
	{.name = "run", .type = FIELD_OBJECT, FIELDS(run_fields)},
};
const size_t answer_n_fields = ARRAY_LEN(answer_fields);

/* Enums are read and written as int. */
static_assert(sizeof(enum answer_state) == sizeof(int) && sizeof(enum answer_kind) == sizeof(int) &&
                  sizeof(enum answer_sense) == sizeof(int) &&
                  sizeof(enum check_verdict) == sizeof(int),
              "an enum is not an int");

void *field_in(const struct field *f, const void *of)
{
	return (char *)of + f->at;
}

/* ---- freeing */

static void clear(const struct field *fields, size_t n, void *of)
{
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i];
		void **p = field_in(f, of);
		bool list = f->type == FIELD_LIST || f->type == FIELD_TEXTS || f->type == FIELD_NUMBERS;
		size_t items = list ? *(size_t *)((char *)of + f->n_at) : 0;

		if (f->type == FIELD_OBJECT)
			clear(f->fields, f->n_fields, of);
		for (size_t k = 0; k < items && f->type == FIELD_LIST; k++)
			clear(f->fields, f->n_fields, (char *)*p + k * f->item);
		for (size_t k = 0; k < items && f->type == FIELD_TEXTS; k++)
			free(((char **)*p)[k]);
		if (list || f->type == FIELD_TEXT || f->type == FIELD_HEX || f->type == FIELD_BYTES)
			free(*p);
	}
}

size_t answer_add_cite(struct answer *a, const struct answer_cite *c)
{
	a->cites = mem_grow(a->cites, a->n_cites + 1, sizeof *a->cites);
	a->cites[a->n_cites] = *c;
	return a->n_cites++;
}

void answer_add_claim(struct answer *a, char *text, size_t *cites, size_t n,
                      enum check_verdict verdict)
{
	a->claims = mem_grow(a->claims, a->n_claims + 1, sizeof *a->claims);
	a->claims[a->n_claims++] =
		(struct answer_claim){.text = text, .cites = cites, .n_cites = n, .verdict = verdict};
}

void answer_free(struct answer *a)
{
	if (!a)
		return;
	clear(answer_fields, answer_n_fields, a);
	free(a);
}
