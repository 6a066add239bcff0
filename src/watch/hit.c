/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/hit.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 1000 };

bool hit_is(const struct answer *a)
{
	return a->state == ANSWER_ANSWERED || a->state == ANSWER_PARTLY;
}

static json_t *moments(const struct answer *a)
{
	json_t *list = json_array();
	for (size_t i = 0; i < a->n_cites; i++) {
		const struct answer_cite *c = &a->cites[i];
		json_array_append_new(list,
		                      json_pack("{s:f, s:f, s:s, s:s}", "start", (double)c->start / 1e6,
		                                "end", (double)c->end / 1e6, "text", c->text, "verdict",
		                                check_verdict_name(c->verdict)));
	}
	return list;
}

json_t *hit_message(int64_t watch, const struct answer *a, const struct hit_video *v, int64_t now)
{
	char id[HASH_HEX], time[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *moment = mem_printf("%lld", (long long)now);
	hash_texts((const char *[]){v->sha256, a->id, moment}, 3, id);
	id[32] = '\0';
	return json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:o}", "format",
	                 HIT_FORMAT, "id", id, "watch", json_sprintf("%lld", (long long)watch), "time",
	                 clock_iso(now, time), "question", a->question, "state",
	                 answer_state_name(a->state), "text", a->text, "answer", a->id, "video", "name",
	                 v->name, "path", v->path, "sha256", v->sha256, "moments", moments(a));
}

char *hit_without_path(const char *message)
{
	json_auto_t *o = json_loads(message, 0, NULL);
	json_object_del(json_object_get(o, "video"), "path");
	return o ? json_dumps(o, JSON_COMPACT) : NULL;
}

char *hit_line(const char *message)
{
	json_auto_t *o = json_loads(message, 0, NULL);
	AUTO(mem_freep)
	char *line =
		mem_printf("%s: %s", json_text(json_object_get(o, "video"), "name"), json_text(o, "text"));
	return text_line(line, LINE_MAX_BYTES);
}
