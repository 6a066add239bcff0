/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "selftest/selftest.h"

static const char *const kind_name[PLANT_KINDS] = {"object", "picture"};

/* Why an event was missed: a code, and a sentence. */
enum reason { NOT_INDEXED, NOT_DECODED, NOT_NOTICED, COVERED, NO_FRAME_LEFT };

static const struct {
	const char *code, *text;
} reasons[] = {
	[NOT_INDEXED] = {"not indexed", "this policy does not look at the pictures"},
	[NOT_DECODED] = {"not decoded", "the index did not decode this part; --index-effort=1 does"},
	[NOT_NOTICED] = {"not noticed", "not noticed by the index"},
	[COVERED] = {"covered", "something more unusual moved elsewhere in the picture"},
	[NO_FRAME_LEFT] = {"no frame left", "noticed by the index, but other parts got the frames"},
};

static enum reason reason_of(const struct selftest *t, const struct selftest_event *e)
{
	if (!t->indexed)
		return NOT_INDEXED;
	if (!e->decoded)
		return NOT_DECODED;
	if (e->score >= INDEX_SCORE_EVENT)
		return NO_FRAME_LEFT;
	return e->elsewhere >= INDEX_SCORE_EVENT ? COVERED : NOT_NOTICED;
}

static json_t *event_json(const struct selftest *t, const struct selftest_event *e)
{
	const struct plant *p = &e->plant;
	json_t *j = json_pack("{s:f s:f s:s s:b s:b}", "start", (double)(t->from + p->start) / 1e6,
	                      "end", (double)(t->from + p->end) / 1e6, "kind", kind_name[p->kind],
	                      "seen", e->seen, "seen_even", e->seen_even);
	bool object = p->kind == PLANT_OBJECT;
	json_object_set_new(j, "width", object ? json_real(p->width) : json_null());
	json_object_set_new(j, "score", e->decoded ? json_real((double)e->score) : json_null());
	json_object_set_new(j, "missed",
	                    e->seen ? json_null() : json_string(reasons[reason_of(t, e)].code));
	return j;
}

json_t *selftest_json(const struct selftest *t)
{
	json_t *events = json_array(), *plans = json_array();
	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(events, event_json(t, &t->events[i]));
	for (size_t i = 0; i < t->n_trials; i++) {
		const struct selftest_trial *trial = &t->trials[i];
		json_array_append_new(
			plans, json_pack("{s:s s:I s:I s:I}", "policy", plan_policy_name[trial->policy],
		                     "chunk_frames", (json_int_t)trial->chunk_frames, "frames",
		                     (json_int_t)trial->frames, "seen", (json_int_t)trial->seen));
	}
	return json_pack("{s:i s:f s:f s:I s:I s:o s:o}", "selftest", 1, "from", (double)t->from / 1e6,
	                 "to", (double)(t->from + t->duration) / 1e6, "seed", (json_int_t)t->seed,
	                 "hidden", (json_int_t)t->hidden, "plans", plans, "events", events);
}

static void add_trials(const struct selftest *t, struct buf *out)
{
	buf_addf(out, "  %-24s %6s  seen\n", "", "frames");
	for (size_t i = 0; i < t->n_trials; i++) {
		const struct selftest_trial *trial = &t->trials[i];
		char name[40];
		if (i == 0)
			snprintf(name, sizeof name, "these settings");
		else if (trial->policy == PLAN_EVEN && t->trials[0].policy != PLAN_EVEN)
			snprintf(name, sizeof name, "even sampling");
		else
			snprintf(name, sizeof name, "--chunk-frames=%lld", (long long)trial->chunk_frames);
		buf_addf(out, "  %-24s %6zu  %zu of %zu\n", name, trial->frames, trial->seen, t->n);
	}
}

static void add_missed(const struct selftest *t, const struct selftest_event *e, struct buf *out)
{
	const struct plant *p = &e->plant;
	char at[CLOCK_TEXT_MAX];
	enum reason reason = reason_of(t, e);
	buf_addf(out, "  %s  %.1f s  ", clock_text(t->from + p->start, at),
	         (double)(p->end - p->start) / 1e6);
	if (p->kind == PLANT_OBJECT)
		buf_addf(out, "object, %.0f %% of the width: ", p->width * 100);
	else
		buf_adds(out, "another picture: ");
	buf_adds(out, reasons[reason].text);
	if (reason == COVERED)
		buf_addf(out, " (score %.0f there)", (double)e->elsewhere);
	else if (reason >= NOT_NOTICED)
		buf_addf(out, " (score %.0f; events have %.0f or more)", (double)e->score,
		         (double)INDEX_SCORE_EVENT);
	buf_adds(out, "\n");
}

void selftest_text(const struct selftest *t, const char *name, struct buf *out)
{
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
	size_t objects = 0;
	for (size_t i = 0; i < t->n; i++)
		objects += t->events[i].plant.kind == PLANT_OBJECT;
	size_t others = t->n - objects;
	buf_addf(out, "%s  %s to %s, seed %llu: %zu object%s and %zu other picture%s planted\n", name,
	         clock_text(t->from, from), clock_text(t->from + t->duration, to),
	         (unsigned long long)t->seed, objects, text_s((int64_t)objects), others,
	         text_s((int64_t)others));
	if (t->hidden)
		buf_addf(out, "  %zu more event%s not counted: the recording has no pictures there\n",
		         t->hidden, t->hidden == 1 ? " is" : "s are");
	add_trials(t, out);
	if (t->n_trials && t->trials[0].seen == t->n)
		return;

	buf_adds(out, "Missed with these settings:\n");
	for (size_t i = 0; i < t->n; i++)
		if (!t->events[i].seen)
			add_missed(t, &t->events[i], out);
}
