/* SPDX-License-Identifier: Apache-2.0 */
#include "advise/advice.h"

#include <stdio.h>
#include <string.h>

#include "advise/rules.h"
#include "base/mem.h"

#define ENOUGH 3 /* fewest chunks for which rates are meaningful */
#define LONG INT64_C(10000000)

/* A rule writes text and action, and returns whether it applies. */
typedef bool rule_fn(const struct advice_facts *f, struct advice *a);

void advice_say(struct advice *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof a->text, fmt, ap);
	va_end(ap);
}

void advice_act(struct advice *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(a->action, sizeof a->action, fmt, ap);
	va_end(ap);
}

static double busy_share(const struct advice_facts *f)
{
	return f->wall > 0 ? (double)f->engine_busy / (double)f->wall : 1;
}

static int64_t workers_of(const struct advice_facts *f)
{
	return f->workers ? f->workers : f->slots + 1;
}

/* How much of the time its workers spent decoding. */
static double decode_share(const struct advice_facts *f)
{
	return f->wall > 0 && workers_of(f) > 0
	           ? (double)f->decode / (double)workers_of(f) / (double)f->wall
	           : 0;
}

static bool can_judge(const struct advice_facts *f)
{
	return f->chunks >= ENOUGH && f->wall >= LONG;
}

static bool demo_model(const struct advice_facts *f, struct advice *a)
{
	advice_say(
		a,
		"The bundled demo model is in use: it understands only the scenes that `vdet demo` draws.");
	advice_act(a, "fetch a model (vdet model list, vdet model get NAME), or name an --engine");
	return f->demo_model;
}

static bool timeouts(const struct advice_facts *f, struct advice *a)
{
	advice_say(a, "%zu of %zu chunks are holes because a time limit (%s) was reached.",
	           f->timed_out, f->chunks, f->timeout);
	advice_act(a, "raise --%s, or make requests smaller: chunk.frames, frame.size", f->timeout);
	return f->timed_out > 0;
}

static bool too_large(const struct advice_facts *f, struct advice *a)
{
	advice_say(a, "%zu of %zu chunks are holes because they did not fit into the engine.",
	           f->no_room, f->chunks);
	advice_act(a, "lower frame.size or chunk.frames, or raise engine.context");
	return f->no_room > 0;
}

static bool memory_short(const struct advice_facts *f, struct advice *a)
{
	bool quantized = strncmp(f->quantize, "q4", 2) == 0 || strcmp(f->quantize, "mixed") == 0;
	if (f->memory_peak >= 0)
		advice_say(a, "The GPU's memory was %.0f %% full at its peak.", 100 * f->memory_peak);
	else
		advice_say(a, "Memory ran short %zu times.", f->memory_steps);
	if (!quantized)
		advice_act(a, "use a narrower model: --quantize q4_k_m needs about a quarter of bf16");
	else if (strcmp(f->cache_type, "q8_0") != 0 && strncmp(f->cache_type, "q4", 2) != 0)
		advice_act(a, "use --cache-type q8_0, which halves the cache");
	else
		advice_act(a, "lower --slots or --context");
	return f->memory_peak >= 0.8 || f->memory_steps > 0;
}

static bool cut_off(const struct advice_facts *f, struct advice *a)
{
	advice_say(a, "%zu of %zu answers were cut off at %lld tokens.", f->cut_off, f->chunks,
	           (long long)f->max_tokens);
	advice_act(a, "raise --max-tokens to %lld", (long long)(2 * f->max_tokens));
	return f->cut_off > 0;
}

static bool failing_endpoint(const struct advice_facts *f, struct advice *a)
{
	if (!f->worst.name || f->worst.requests < 5 || f->worst.failures * 5 < f->worst.requests)
		return false;
	advice_say(a, "The endpoint %s failed %lld of %lld requests.", f->worst.name,
	           (long long)f->worst.failures, (long long)f->worst.requests);
	advice_act(a, "check it with vdet engine list, or remove it");
	return true;
}

static bool decoder_slow(const struct advice_facts *f, struct advice *a)
{
	if (!can_judge(f) || busy_share(f) > 0.9 || decode_share(f) < 0.5)
		return false;
	advice_say(
		a,
		"The engine waited for decoding: it was idle %.0f %% of the time, while the %lld workers "
		"decoded %.0f %% of it.",
		100 - 100 * busy_share(f), (long long)workers_of(f), 100 * decode_share(f));
	advice_act(a, "raise --workers to %lld; or lower frame.size", (long long)(2 * workers_of(f)));
	return true;
}

static bool engine_idle(const struct advice_facts *f, struct advice *a)
{
	if (!can_judge(f) || busy_share(f) > 0.9 || decode_share(f) >= 0.5 || f->index * 5 > f->wall)
		return false;
	advice_say(a, "The engine was idle %.0f %% of the time.", 100 - 100 * busy_share(f));
	advice_act(a, "raise --workers to %lld", (long long)(workers_of(f) + 2));
	return workers_of(f) < 3 * f->slots + 2;
}

static bool index_slow(const struct advice_facts *f, struct advice *a)
{
	if (!can_judge(f) || f->index * 5 <= f->wall)
		return false;
	advice_say(a, "Indexing the video took %.0f s of %.0f.", (double)f->index / 1e6,
	           (double)f->wall / 1e6);
	advice_act(a, "lower index.effort, or choose sample.policy = even, which needs no index");
	return true;
}

static bool retries(const struct advice_facts *f, struct advice *a)
{
	if (f->chunks < ENOUGH || f->asked * 4 < f->chunks * 5)
		return false;
	advice_say(a, "%zu answers were requested to describe %zu chunks: many could not be used.",
	           f->asked, f->chunks);
	advice_act(a, "show the model fewer pictures at once (chunk.frames), or use a larger model");
	return true;
}

static bool room_to_spare(const struct advice_facts *f, struct advice *a)
{
	if (!can_judge(f) || f->memory_peak < 0 || f->memory_peak >= 0.5 || busy_share(f) < 0.95)
		return false;
	advice_say(a, "The GPU's memory was never more than %.0f %% full, and the engine never idle.",
	           100 * f->memory_peak);
	advice_act(a, "raise --slots to %lld, or use a larger model", (long long)(2 * f->slots));
	return true;
}

static const struct {
	const char *name;
	rule_fn *fn;
	bool warning;
} rules[] = {
	{"demo-model", demo_model, true},
	{"timeouts", timeouts, true},
	{"no-room", too_large, true},
	{"memory-short", memory_short, true},
	{"cut-off", cut_off, true},
	{"failing-endpoint", failing_endpoint, true},
	{"decoder-slow", decoder_slow, false},
	{"engine-idle", engine_idle, false},
	{"index-slow", index_slow, false},
	{"retries", retries, false},
	{"room-to-spare", room_to_spare, false},
};

size_t advice_give(const struct advice_facts *f, struct advice out[static ADVICE_MANY])
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(rules) && n < ADVICE_MANY; i++) {
		out[n] = (struct advice){.rule = rules[i].name, .warning = rules[i].warning};
		n += rules[i].fn(f, &out[n]);
	}
	return n;
}

json_t *advice_json(const struct advice *a, size_t n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "rule", a[i].rule, "level",
		                                     a[i].warning ? "warning" : "info", "text", a[i].text,
		                                     "action", a[i].action));
	return all;
}
