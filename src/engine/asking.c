/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/asking.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

static bool is(const char *value, const char *word)
{
	return value && !strcmp(value, word);
}

struct asking asking_of(const struct engine_options *o)
{
	return (struct asking){.greedy = is(o->sampling, "greedy"),
	                       .reasoning_on = is(o->reasoning, "on"),
	                       .reasoning_off = is(o->reasoning, "off"),
	                       .temperature = o->temperature,
	                       .top_p = o->top_p,
	                       .picture_tokens_min = o->image_min_tokens};
}

struct sampling asking_sampling(const struct asking *a, const struct model_family *f)
{
	struct sampling s = {0};
	if (f && !a->greedy) {
		s.temperature = f->temperature > 0 ? f->temperature : 0;
		s.top_p = f->top_p > 0 ? f->top_p : 0;
		s.top_k = f->top_k > 0 ? f->top_k : 0;
		s.has_min_p = f->min_p >= 0;
		s.min_p = s.has_min_p ? f->min_p : 0;
	}
	if (a->temperature >= 0)
		s.temperature = a->temperature;
	if (a->top_p >= 0)
		s.top_p = a->top_p;
	if (a->reasoning_off || (f && f->template_switch && !a->reasoning_on))
		s.no_reasoning = NO_REASONING_TEMPLATE;
	return s;
}

int64_t asking_picture_tokens(const struct asking *a, const struct model_family *f)
{
	if (a->picture_tokens_min >= 0)
		return a->picture_tokens_min;
	return f ? f->picture_tokens_min : 0;
}

char *asking_text(const struct asking *a)
{
	struct buf b = BUF(400);
	if (a->greedy)
		buf_adds(&b, " greedy");
	if (a->reasoning_on || a->reasoning_off)
		buf_addf(&b, " reasoning=%s", a->reasoning_on ? "on" : "off");
	if (a->temperature >= 0)
		buf_addf(&b, " temperature=%g", a->temperature);
	if (a->top_p >= 0)
		buf_addf(&b, " top_p=%g", a->top_p);
	if (a->picture_tokens_min >= 0)
		buf_addf(&b, " image_min_tokens=%" PRId64, a->picture_tokens_min);
	char *text = buf_take(&b);
	return text ? text : mem_strdup("");
}
