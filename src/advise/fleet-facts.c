/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "advise/fleet.h"
#include "base/json.h"
#include "base/mem.h"

static int64_t whole(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* By share, not by count: a worker with many slots fails more often. */
static void blame(struct fleet_facts *f, const json_t *w)
{
	int64_t bad = whole(w, "failed") + whole(w, "silent"), ended = bad + whole(w, "done");
	if (bad > 0 && (!f->worst.name || bad * f->worst.ended > f->worst.bad * ended)) {
		f->worst.name = json_text(w, "name");
		f->worst.bad = bad;
		f->worst.ended = ended;
	}
}

static void note_version(struct fleet_facts *f, const json_t *w)
{
	const char *version = json_text(json_object_get(w, "report"), "version");
	if (!*version || strcmp(version, f->version) == 0)
		return;
	if (!f->other.n++) {
		f->other.name = json_text(w, "name");
		f->other.version = version;
	}
}

static void add_recent(struct fleet_facts *f, const json_t *w)
{
	const json_t *recent = json_object_get(w, "recent");
	double uptime = number(recent, "uptime"), slot_time = uptime * number(w, "slots"),
		   busy = number(recent, "busy");
	if (!json_is_object(recent))
		return;
	f->done += whole(recent, "done");
	f->seconds = uptime > f->seconds ? uptime : f->seconds;
	f->slot_time += slot_time;
	f->busy += busy < slot_time ? busy : slot_time;
	f->frames += number(recent, "frames");
	f->engine += number(recent, "engine");
	f->bytes += number(recent, "bytes");
	f->send += number(recent, "send");
}

void fleet_facts_read(const json_t *state, struct fleet_facts *ret)
{
	const json_t *units = json_object_get(state, "units"), *load = json_object_get(state, "load"),
				 *counts = json_object_get(state, "counts");
	size_t i;
	json_t *w;
	*ret = (struct fleet_facts){.version = json_text(state, "version"),
	                            .waiting = whole(units, "waiting"),
	                            .works = json_is_true(json_object_get(load, "works")),
	                            .waited = number(load, "waited"),
	                            .results = number(load, "results"),
	                            .given = whole(counts, "given"),
	                            .redelivered = whole(counts, "redelivered")};
	json_array_foreach (json_object_get(state, "workers"), i, w) {
		blame(ret, w);
		if (strcmp(json_text(w, "state"), "working") != 0)
			continue;
		ret->live++;
		ret->slots += whole(w, "slots");
		note_version(ret, w);
		add_recent(ret, w);
	}
}
