/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "advise/fleet.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { TEXT_MAX = 100, SURE = 10 /* seconds after which a rate is shown */ };

/* A text that a worker sent; null if it is none. */
static json_t *clean(const json_t *o, const char *key)
{
	AUTO(mem_freep) char *line = text_line(json_text(o, key), TEXT_MAX);
	return *line ? json_string(line) : json_null();
}

static json_t *count_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer(json_integer_value(v))
	                                                        : json_null();
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* Units a minute; < 0 = not known. */
static double rate_of(const json_t *recent)
{
	double uptime = number(recent, "uptime");
	return uptime >= SURE ? 60 * number(recent, "done") / uptime : -1;
}

/* What its slots spent most time with, while there is work. */
static json_t *waits_for(const json_t *w, const json_t *recent)
{
	double frames = number(recent, "frames"), bytes = number(recent, "bytes"),
		   all = number(recent, "uptime") * number(w, "slots"), busy = number(recent, "busy"),
		   parts = frames + number(recent, "engine") + number(recent, "send");
	if (number(recent, "uptime") < SURE || all <= 0 || (parts <= 0 && busy > all / 2))
		return json_null();
	double scale = parts > 0 ? busy / parts : 0;
	const struct {
		const char *name;
		double time;
	} what[] = {{"units", all - busy},
	            {"engine", number(recent, "engine") * scale},
	            {"frames", (frames - bytes) * scale},
	            {"bytes", (bytes < frames ? bytes : frames) * scale},
	            {"head", number(recent, "send") * scale}};
	size_t most = 0;
	for (size_t i = 1; i < ARRAY_LEN(what); i++)
		most = what[i].time > what[most].time ? i : most;
	return json_string(what[most].name);
}

static json_t *worker_view(const json_t *w, bool works)
{
	static const char *const same[] = {"name",     "state",    "age",     "slots",
	                                   "done",     "failed",   "refused", "silent",
	                                   "compared", "differed", "figures", "recent"};
	const json_t *recent = json_object_get(w, "recent"), *report = json_object_get(w, "report");
	double rate = rate_of(recent);
	json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		json_object_set(o, same[i], json_object_get(w, same[i]));
	json_object_set_new(o, "in_progress",
	                    json_integer((json_int_t)json_array_size(json_object_get(w, "units"))));
	json_object_set_new(o, "rate", rate < 0 ? json_null() : json_real(rate));
	json_object_set_new(o, "waits_for", works ? waits_for(w, recent) : json_null());
	json_object_set_new(o, "version", clean(report, "version"));
	json_object_set_new(o, "model", clean(report, "model"));
	json_object_set_new(o, "engine", clean(report, "engine"));
	json_object_set_new(o, "engine_slots", count_of(report, "engine_slots"));
	json_object_set_new(o, "hwaccel", clean(report, "hwaccel"));
	json_object_set_new(o, "memory", count_of(report, "memory"));
	return o;
}

static json_t *workers_view(const json_t *state, bool works, double *ret_rate)
{
	json_t *all = json_array(), *w;
	size_t i;
	json_array_foreach (json_object_get(state, "workers"), i, w) {
		double rate = rate_of(json_object_get(w, "recent"));
		*ret_rate += rate > 0 && strcmp(json_text(w, "state"), "silent") != 0 ? rate : 0;
		json_array_append_new(all, worker_view(w, works));
	}
	return all;
}

/* Counts by their names; 0 of what `from` lacks. */
static json_t *counts_of(const json_t *from, const char *const *names, size_t n)
{
	json_t *o = json_object();
	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, names[i],
		                    json_integer(json_integer_value(json_object_get(from, names[i]))));
	return o;
}

json_t *fleet_view(const json_t *state)
{
	static const char *const units[] = {"waiting", "begun", "results", "unsettled"},
							 *const counts[] = {"given",   "redelivered", "done", "failed",
	                                            "refused", "silent",      "holes"},
							 *const traffic[] = {"requests", "sent", "received", "addresses",
	                                             "blobs"};
	struct advice advice[ADVICE_MANY];
	const struct advice *limit = NULL;
	struct fleet_facts facts;
	double rate = 0;
	fleet_facts_read(state, &facts);
	size_t n = state ? fleet_advice_give(&facts, advice) : 0;
	const char *bottleneck = fleet_bottleneck(advice, n, &limit);
	json_t *workers = workers_view(state, facts.works, &rate);
	return json_pack(
		"{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o}", "head", clean(state, "head"),
		"version", clean(state, "version"), "connected",
		json_is_true(json_object_get(state, "connected")), "units",
		counts_of(json_object_get(state, "units"), units, ARRAY_LEN(units)), "counts",
		counts_of(json_object_get(state, "counts"), counts, ARRAY_LEN(counts)), "traffic",
		counts_of(json_object_get(state, "traffic"), traffic, ARRAY_LEN(traffic)), "workers",
		workers, "rate", rate, "left_out", count_of(state, "left_out"), "bottleneck",
		limit ? json_pack("{s:s, s:s, s:s}", "what", bottleneck, "text", limit->text, "action",
	                      limit->action)
			  : json_null(),
		"recommendations", advice_json(advice, n));
}
