/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of runs from "vdet job 2", a hash over fields, to the hash of a JSON
 * object that is kept among the facts (described in job/facts.h).
 *
 * Version 0.1.0 put every option into the key, and the duration as the end of
 * the range. The new key is made from the facts. What 0.1.0 did not record
 * (media.reference, media.hwaccel) counts as not used. This file describes the
 * past: later changes of options or their defaults do not change it. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/db.h"

/* The options of 0.1.0 that were in its key, with their defaults. */
static const struct {
	const char *name, *def;
} old_options[] = {
	{"chunk.duration", "300"}, {"chunk.frames", "6"},
	{"chunk.min", "0"},        {"chunk.max", "0"},
	{"chunk.overlap", "0"},    {"sample.policy", "adaptive"},
	{"sample.seek", "exact"},  {"sample.max_gap", "0"},
	{"sample.pairs", "false"}, {"index.effort", "0.05"},
	{"index.max_gap", "10"},   {"frame.size", "1280"},
	{"frame.quality", "90"},   {"frame.thumb", "400"},
	{"describe.prompt", ""},   {"describe.max_tokens", "2048"},
};

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* The key as 0.1.0 made it. */
static void old_key(const json_t *facts, bool given, char out[static HASH_HEX])
{
	const json_t *engine = json_object_get(facts, "engine");
	json_auto_t *plan = given ? json_incref(json_object_get(facts, "plan")) : json_null();
	AUTO(mem_freep)
	char *options = json_dumps(json_object_get(facts, "options"), JSON_COMPACT | JSON_SORT_KEYS);
	AUTO(mem_freep)
	char *steps =
		json_dumps(plan, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	AUTO(mem_freep)
	char *range =
		mem_printf("%" PRId64 " %" PRId64, number(facts, "from_us"), number(facts, "to_us"));
	const char *cache = text(engine, "cache_type");
	const char *fields[] = {"vdet job 2",
	                        text(json_object_get(facts, "source"), "sha256"),
	                        options ? options : "",
	                        range,
	                        steps ? steps : "",
	                        text(facts, "prompt_hash"),
	                        text(engine, "model"),
	                        text(engine, "model_hash"),
	                        *cache && strcmp(cache, "f16") != 0 ? cache : NULL};
	AUTO(hash_freep) struct hash *h = hash_new();
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i])
			hash_adds(h, fields[i]);
	hash_end(h, out);
}

static int64_t micros(const json_t *seconds)
{
	return llround(json_number_value(seconds) * 1e6);
}

static void hash_plan(const json_t *plan, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	size_t i, k;
	json_t *chunk, *time;
	json_array_foreach (json_object_get(plan, "chunks"), i, chunk) {
		AUTO(buf_free) struct buf line = BUF(1 << 20);
		buf_addf(&line, "%" PRId64 " %" PRId64, micros(json_object_get(chunk, "start")),
		         micros(json_object_get(chunk, "end")));
		json_array_foreach (json_object_get(chunk, "times"), k, time)
			buf_addf(&line, " %" PRId64, micros(time));
		hash_adds(h, buf_str(&line));
	}
	hash_end(h, out);
}

static json_t *changed_options(const json_t *options)
{
	json_t *changed = json_object(), *value;
	const char *name;
	json_object_foreach ((json_t *)options, name, value) {
		bool is_default = false;
		for (size_t i = 0; i < ARRAY_LEN(old_options); i++)
			is_default |= strcmp(name, old_options[i].name) == 0 &&
			              strcmp(text(options, name), old_options[i].def) == 0;
		if (!is_default)
			json_object_set(changed, name, value);
	}
	return changed;
}

static json_t *new_key(const json_t *facts, bool given)
{
	const json_t *source = json_object_get(facts, "source"),
				 *engine = json_object_get(facts, "engine");
	const char *cache = text(engine, "cache_type");
	int64_t to = number(facts, "to_us");
	bool to_end = given || to == number(source, "duration_us");
	json_t *key = json_pack(
		"{s:s, s:i, s:I, s:I, s:o, s:s, s:s, s:s}", "source", text(source, "sha256"), "timeline", 1,
		"from_us", (json_int_t)(given ? 0 : number(facts, "from_us")), "to_us",
		(json_int_t)(to_end ? 0 : to), "options",
		changed_options(json_object_get(facts, "options")), "prompts", text(facts, "prompt_hash"),
		"model", text(engine, "model"), "model_hash", text(engine, "model_hash"));
	if (given) {
		char plan[HASH_HEX];
		hash_plan(json_object_get(facts, "plan"), plan);
		json_object_set_new(key, "plan", json_string(plan));
	}
	if (*cache && strcmp(cache, "f16") != 0)
		json_object_set_new(key, "cache_type", json_string(cache));
	return key;
}

/* The facts of one run. 1 if its old key is one that 0.1.0 would have made of
 * them; else the run stays as it is: it can be shown, but not continued. */
static int read_facts(struct store *s, const char *id, json_t **ret, bool *ret_given,
                      struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	int r = db_prepare(s, "SELECT facts, key FROM job WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "s", id);
	r = db_step(s, q, err);
	if (r <= 0)
		return r;

	json_auto_t *facts = json_loads((const char *)sqlite3_column_text(q, 0), 0, NULL);
	const char *key = (const char *)sqlite3_column_text(q, 1);
	for (int given = 0; facts && given < 2; given++) {
		char made[HASH_HEX];
		old_key(facts, given, made);
		if (strcmp(made, key) == 0) {
			*ret = json_incref(facts);
			*ret_given = given;
			return 1;
		}
	}
	return 0;
}

static int migrate_run(struct store *s, const char *id, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	json_auto_t *facts = NULL;
	bool given;
	int r = read_facts(s, id, &facts, &given, err);
	if (r <= 0)
		return r;

	json_t *key = new_key(facts, given);
	json_object_set_new(facts, "key", key);
	AUTO(mem_freep) char *key_text = json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS);
	AUTO(mem_freep) char *facts_text = json_dumps(facts, JSON_COMPACT);
	AUTO(hash_freep) struct hash *h = hash_new();
	char hex[HASH_HEX];
	hash_add(h, key_text, strlen(key_text));
	hash_end(h, hex);

	/* OR IGNORE: of two runs that have become one, the first keeps the key. */
	r = db_prepare(s, "UPDATE OR IGNORE job SET key = ?, facts = ? WHERE id = ?", &q, err);
	if (r < 0)
		return r;
	db_bind(q, "sss", hex, facts_text, id);
	return db_run(s, q, err);
}

int db_migrate_keys(struct store *s, struct err *err)
{
	AUTO(db_freep) sqlite3_stmt *q = NULL;
	char **ids = NULL;
	size_t n = 0;
	/* Runs that got further come first. */
	int r = db_prepare(s, "SELECT id FROM job ORDER BY state = 1 DESC, created", &q, err);
	while (r == 0 && (r = db_step(s, q, err)) > 0) {
		ids = mem_grow(ids, n + 1, sizeof *ids);
		ids[n++] = db_text(q, 0);
		r = 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = migrate_run(s, ids[i], err);
		free(ids[i]);
	}
	free(ids);
	return r;
}
