/* SPDX-License-Identifier: Apache-2.0 */
#include "report/checks.h"

#include <stdlib.h>
#include <string.h>

#include "report/text.h"

static char *text_of(const json_t *o, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(o, key));
	return mem_strdup(s ? s : otherwise);
}

void report_verdicts_clear(struct report_verdicts *v)
{
	store_verdicts_free(v->items, v->n);
	*v = (struct report_verdicts){0};
}

int report_controls_count(struct store *s, const char *model, const char *prompt,
                          struct check_controls *ret, struct err *err)
{
	struct store_controls sum = {0};
	int r = store_controls_count(s, model, prompt, CHECK_SHOWN, CHECK_WITHDRAWN, &sum, err);
	*ret = (struct check_controls){.false_yes = (size_t)sum.false_yes,
	                               .no = (size_t)sum.no,
	                               .false_no = (size_t)sum.false_no,
	                               .yes = (size_t)sum.yes,
	                               .silent = (size_t)sum.silent};
	return r;
}

static int load_controls(struct store *s, struct report_checks *c, struct err *err)
{
	int r = report_controls_count(s, c->model, c->prompt, &c->controls, err);
	c->ability = check_ability(&c->controls);
	return r;
}

int report_checks_load(struct store *s, const char *job, const json_t *checks, struct report *r,
                       struct report_verdicts *ret, struct err *err)
{
	r->checks = (struct report_checks){.mode = text_of(checks, "mode", "none"),
	                                   .model = text_of(checks, "model", ""),
	                                   .prompt = text_of(checks, "prompt", "")};
	if (!checks)
		return 0;
	int result = load_controls(s, &r->checks, err);
	if (result == 0)
		result = store_verdicts_load(s, job, &ret->items, &ret->n, err);
	return result;
}

char *report_disbelief(const struct check_controls *c)
{
	enum check_ability ability = check_ability(c);
	if (ability == CHECK_ABLE)
		return NULL;
	if (ability == CHECK_UNABLE)
		return mem_strdup("this model cannot check");
	return mem_printf("%zu of the %d controls of this model were made", c->no + c->yes,
	                  2 * CHECK_CONTROLS);
}

/* What another model or prompt found does not count, nor what is found by one
 * that is not believed. */
static enum check_verdict judge(const struct report_checks *c, const struct store_verdict *v)
{
	if (strcmp(v->model, c->model) != 0 || strcmp(v->prompt, c->prompt) != 0)
		return VERDICT_NONE;
	return c->ability == CHECK_ABLE ? check_judge(v->answer.letter, v->answer.p)
	                                : VERDICT_UNCHECKED;
}

static struct report_check take(const struct report_checks *c, struct store_verdict *v)
{
	struct report_check check = {.verdict = judge(c, v),
	                             .letter = v->answer.letter,
	                             .p = {v->answer.p[0], v->answer.p[1], v->answer.p[2]},
	                             .reason = TAKE(v->reason),
	                             .frames = TAKE(v->frames),
	                             .n_frames = v->n_frames};
	if (v->answer.letter && c->ability != CHECK_ABLE) {
		free(check.reason);
		check.reason = report_disbelief(&c->controls);
	}
	return check;
}

struct report_check report_check_take(struct report_verdicts *v, struct report *r, int64_t chunk,
                                      int64_t index)
{
	struct report_checks *c = &r->checks;
	struct report_check check = {0};
	for (; v->next < v->n; v->next++) {
		struct store_verdict *at = &v->items[v->next];
		if (at->chunk > chunk || (at->chunk == chunk && at->index > index))
			break;
		if (at->chunk == chunk && at->index == index && judge(c, at) != VERDICT_NONE)
			check = take(c, at);
	}
	c->counts[check.verdict]++;
	return check;
}

static void find_verdict(const struct report_verdicts *v, const struct report_checks *c,
                         struct report_statement *of)
{
	of->verdict = VERDICT_NONE;
	for (size_t i = 0; i < v->n; i++) {
		const struct store_verdict *at = &v->items[i];
		enum check_verdict verdict = judge(c, at);
		if (at->chunk == of->chunk &&
		    (at->index == of->index || (of->index < 0 && verdict == VERDICT_WITHDRAWN)))
			of->verdict = verdict;
	}
}

int report_verdicts_find(struct store *s, const char *job, struct report_statement *of, size_t n,
                         struct err *err)
{
	AUTO(store_job_clear) struct store_job row = {0};
	struct report r = {0}; /* of which only the checks are loaded */
	AUTO(report_verdicts_clear) struct report_verdicts v = {0};
	int result = store_job_find(s, job, &row, err);
	if (result < 0)
		return result;
	json_auto_t *facts = json_loads(row.facts, 0, NULL);
	result = report_checks_load(s, row.id, json_object_get(facts, "checks"), &r, &v, err);
	for (size_t i = 0; result == 0 && i < n; i++)
		find_verdict(&v, &r.checks, &of[i]);
	free(r.checks.mode);
	free(r.checks.model);
	free(r.checks.prompt);
	return result;
}

/* ---- text */

const char *report_event_verdict(const struct report_event *e)
{
	static const enum check_verdict order[] = {VERDICT_WITHDRAWN, VERDICT_UNSURE, VERDICT_UNCHECKED,
	                                           VERDICT_SHOWN};
	for (size_t k = 0; k < ARRAY_LEN(order); k++)
		for (size_t i = 0; i < e->n_parts; i++)
			if (e->parts[i].check.verdict == order[k])
				return check_verdict_name(order[k]);
	return "";
}

const char *report_verdict_mark(const char *verdict)
{
	return !strcmp(verdict, check_verdict_name(VERDICT_SHOWN))    ? "checked"
	       : !strcmp(verdict, check_verdict_name(VERDICT_UNSURE)) ? "unsure"
	                                                              : "";
}

void report_markdown_verdict(struct buf *out, const char *verdict)
{
	const char *mark = report_verdict_mark(verdict);
	if (*mark)
		buf_addf(out, " *(%s)*", mark);
}

const char *report_check_says(const struct report_check *c)
{
	switch (c->letter) {
	case 'A': return "The frames show it.";
	case 'B': return "The frames show that it is otherwise.";
	case 'C': return "It cannot be decided from the frames.";
	default: return "";
	}
}

static void add_share(struct buf *out, const char *name, size_t wrong, size_t of)
{
	double low, high;
	check_interval(wrong, of, &low, &high);
	buf_addf(out, "%s %zu of %zu", name, wrong, of);
	if (of)
		buf_addf(out, " (95 %% interval %.0f to %.0f %%)", 100 * low, 100 * high);
}

void report_checks_text(const struct report *r, struct buf *out)
{
	const struct report_checks *c = &r->checks;
	size_t asked = 0;
	char n[CLOCK_TEXT_MAX];
	for (size_t v = VERDICT_UNCHECKED; v < ARRAY_LEN(c->counts); v++)
		asked += c->counts[v];
	if (report_is_empty(c->mode) || !strcmp(c->mode, "none"))
		return;
	buf_addf(out, "Of %s to be checked (%s), %zu shown, %zu unsure, %zu withdrawn, %zu unchecked. ",
	         report_plural(asked, "statement", n), c->mode, c->counts[VERDICT_SHOWN],
	         c->counts[VERDICT_UNSURE], c->counts[VERDICT_WITHDRAWN], c->counts[VERDICT_UNCHECKED]);
	add_share(out, "Controls of this model: false yes", c->controls.false_yes, c->controls.no);
	add_share(out, ", false no", c->controls.false_no, c->controls.yes);
	if (c->controls.silent)
		buf_addf(out, ", without a letter %zu", c->controls.silent);
	buf_addf(out, "; %s. Shown from a probability of %.2g, withdrawn from %.2g.",
	         c->ability == CHECK_ABLE     ? "its verdicts count"
	         : c->ability == CHECK_UNABLE ? "this model cannot check, so nothing is withdrawn"
	                                      : "too few for its verdicts to count",
	         CHECK_SHOWN, CHECK_WITHDRAWN);
}

void report_withdrawn_text(const struct report *r, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(out, "%s withdrawn: a second look at the frames showed otherwise",
	         report_plural(r->n_withdrawn, "statement", n));
}
