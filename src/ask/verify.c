/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/verify.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask/lanes.h"
#include "ask/sources.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "job/check-run.h"
#include "job/check.h"
#include "report/checks.h"
#include "store/ask.h"

/* The share of the budget that controls may use: without them verdicts do not
 * count, but there has to be something to judge. */
#define CONTROLS_SHARE 0.3

char *verify_bare(const char *text)
{
	static const char *const yes[] = {"Yes, ", "Yes. ", "Yes; ", "Yes: ", "Yes - "};
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (strncasecmp(text, yes[i], strlen(yes[i])) == 0) {
			char *bare = mem_strdup(text + strlen(yes[i]));
			*bare = (char)toupper((unsigned char)*bare);
			return bare;
		}
	return mem_strdup(text);
}

static bool asks_whether(const struct asking *a)
{
	enum answer_kind kind = a->route.kind;
	return (route_scans(kind) || kind == ASK_COMPARE) && *a->route.statement;
}

bool verify_is_open(const struct asking *a, const struct ask_finding *f)
{
	bool whether = asks_whether(a) || a->route.kind == ASK_COMPARE;
	bool undecided = f->verdict == VERDICT_UNSURE || f->verdict == VERDICT_UNCHECKED;
	return whether && undecided && f->p >= 0 && f->p < 0.5;
}

char *verify_text(const struct asking *a, const char *text)
{
	bool is = asks_whether(a);
	return is ? mem_strdup(a->route.statement) : verify_bare(text);
}

/* ---- whether the model can check */

/* The controls of one video. */
static int control(struct asking *a, size_t source, struct err *err)
{
	AUTO(store_job_clear) struct store_job job = {0};
	struct check_options o = {.mode = CHECKS_ALL,
	                          .deadline = a->deadline,
	                          .source = a->sources[source].report->source_sha256,
	                          .owner = a->id};
	struct check_cost cost;
	AUTO(sources_leave) struct ask_file file = {.fd = -1};
	int r = store_job_find(a->run.store, a->sources[source].report->job, &job, err);
	if (r == 0)
		r = sources_file(a, source, &file, err);
	if (r < 0)
		return r;
	o.describe = file.describe;
	r = check_controls_run(&a->limited, &o, file.fd, &job, &cost, err);
	asking_spent(a, cost.requests, cost.prompt_tokens, cost.output_tokens);
	return r;
}

static int count_controls(struct asking *a, struct check_controls *ret, struct err *err)
{
	char prompt[HASH_HEX];
	prompt_check_hash(prompt);
	int r = report_controls_count(a->run.store, a->model, prompt, ret, err);
	a->ability = check_ability(ret);
	return r;
}

int verify_ability(struct asking *a, struct err *err)
{
	struct check_controls c;
	int r = count_controls(a, &c, err);
	for (size_t i = 0; i < a->n_sources && r == 0 && a->ability == CHECK_UNKNOWN; i++) {
		const struct ask_source *s = &a->sources[i];
		if (!s->visible || !s->report->n_events || !asking_goes_on(a, CONTROLS_SHARE))
			continue;
		struct err why;
		int failed = control(a, i, &why);
		if (failed == -ERR_CANCELED)
			asking_stop(a, &why);
		else if (failed < 0)
			log_warning("[answer %s] controls failed: %s", a->id, why.msg);
		r = count_controls(a, &c, err);
	}
	free(a->disbelief);
	a->disbelief = report_disbelief(&c);
	return cancel_fired(a->run.cancel) ? err_set(err, ERR_CANCELED, "interrupted") : r;
}

/* ---- a check */

static void check_key(const struct asking *a, const struct ask_finding *f, const char *what,
                      char out[static HASH_HEX])
{
	const struct report *r = a->sources[f->source].report;
	char prompt[HASH_HEX];
	AUTO(hash_freep) struct hash *h = hash_new();
	AUTO(mem_freep) char *frames = json_times_text(f->frames, f->n);
	AUTO(mem_freep) char *stream = mem_printf("%d", r->source_stream);
	prompt_check_hash(prompt);
	const char *const parts[] = {"check", r->source_sha256, stream, frames, what, prompt, a->model};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		hash_adds(h, parts[i]);
	hash_end(h, out);
}

/* By a runner: the answer of a worker, and the unit to be settled. */
static int ask_runner(struct asking *a, const struct describe_worker *w, const struct check_unit *u,
                      const struct ask_finding *f, struct check_result *ret,
                      char unit[static RUNNER_MAX_ID + 1], struct err *err)
{
	const struct check_give how = {.run = w->run,
	                               .owner = a->id,
	                               .pass = "check",
	                               .index = (int64_t)f->source,
	                               .source = a->sources[f->source].report->source_sha256,
	                               .cancel = w->run->cancel};
	int r = check_unit_give(&how, u, ret, unit, err);
	if (r == 0 && ret->max_tokens > a->letter_tokens)
		a->letter_tokens = ret->max_tokens;
	return r;
}

/* Looks at the frames and those beside them. */
static int ask_engine(struct asking *a, struct describe_worker *w, const struct ask_finding *f,
                      const char *what, json_t **ret, char unit[static RUNNER_MAX_ID + 1],
                      struct err *err)
{
	const struct ask_source *s = &a->sources[f->source];
	const struct check_unit u = {.describe = a->describe,
	                             .cited = f->frames,
	                             .n_cited = f->n,
	                             .seen = s->seen,
	                             .n_seen = s->n_seen,
	                             .from = s->report->from,
	                             .to = s->report->to,
	                             .what = {what},
	                             .n = 1,
	                             .max_tokens = a->letter_tokens,
	                             .most = a->most < CHECK_PICTURES ? a->most : CHECK_PICTURES};
	AUTO(check_result_clear) struct check_result result = {0};
	int r = lanes_give(a) ? ask_runner(a, w, &u, f, &result, unit, err)
	                      : check_unit_do(w, &u, &result, err);
	if (r == 0) {
		const struct store_answer *answer = &result.replies[0].answer;
		const char letter[] = {answer->letter, '\0'};
		*ret = json_pack("{s:s, s:[f, f, f]}", "letter", letter, "p", answer->p[0], answer->p[1],
		                 answer->p[2]);
	}
	asking_spent(a, result.requests, result.prompt_tokens, result.output_tokens);
	return r;
}

static int ask_check(struct asking *a, struct describe_worker *w, const struct ask_finding *f,
                     const char *what, struct store_answer *ret, struct err *err)
{
	char key[HASH_HEX], unit[RUNNER_MAX_ID + 1] = "";
	AUTO(mem_freep) char *known = NULL;
	json_auto_t *o = NULL;
	check_key(a, f, what, key);
	if (store_look_find(a->run.store, key, &known, err) == 0)
		o = json_loads(known, 0, NULL);
	int r = o ? 0 : ask_engine(a, w, f, what, &o, unit, err);
	if (r < 0) {
		asking_step(a, "check", what, key, NULL);
		return r;
	}
	AUTO(mem_freep) char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	if (!known)
		r = store_look_add(a->run.store, key, a->sources[f->source].report->source_sha256, text,
		                   err);
	if (r == 0)
		unit_settle(w->run, unit);
	asking_step(a, "check", what, key, text);
	*ret = (struct store_answer){.letter = *json_text(o, "letter")};
	for (size_t i = 0; i < 3; i++)
		ret->p[i] = json_number_value(json_array_get(json_object_get(o, "p"), i));
	return r;
}

/* ---- all that has no verdict */

struct item {
	size_t source; /* first, for the lanes */
	struct ask_finding *finding;
	char *what; /* owned */
	bool known; /* the verdict */
	struct store_answer answer;
	size_t number, total;
};

static void check(struct asking *a, struct describe_worker *w, void *arg)
{
	struct item *item = arg;
	struct ask_finding *f = item->finding;
	struct err err;
	const struct ask_progress p = {.step = "check",
	                               .video = a->sources[item->source].report->source_name,
	                               .start = f->frames[0],
	                               .end = f->frames[f->n - 1],
	                               .done = item->number,
	                               .total = item->total};
	asking_tell(a, &p);
	int r = ask_check(a, w, f, item->what, &item->answer, &err);
	item->known = r == 0;
	if (r < 0) {
		asking_stop(a, &err);
		free(f->reason);
		f->reason = asking_is_over(a) ? NULL : text_line(err.msg, sizeof err.msg);
	}
}

static void judge(const struct asking *a, const struct store_answer *answer,
                  enum check_verdict *ret, double *ret_p)
{
	bool has_p = answer->p[0] + answer->p[1] + answer->p[2] > 0;
	*ret = a->disbelief ? VERDICT_UNCHECKED : check_judge(answer->letter, answer->p);
	*ret_p = has_p ? answer->p[0] : -1;
}

/* What is checked of a finding: where the question is whether something is
 * there, that it is; else what was answered. A model that reads prose gets the
 * question, too. */
static char *statement_of(const struct asking *a, const char *text)
{
	AUTO(mem_freep) char *bare = verify_text(a, text);
	bool plain = a->demo || strcmp(bare, a->route.statement) == 0;
	return plain ? TAKE(bare) : mem_printf("%s (said to answer: %s)", bare, a->route.question);
}

static void finish(struct asking *a, struct item *item)
{
	struct ask_finding *f = item->finding;
	f->verdict = VERDICT_UNCHECKED;
	if (item->known)
		judge(a, &item->answer, &f->verdict, &f->p);
	if (f->verdict == VERDICT_UNCHECKED && !f->reason)
		f->reason = mem_strdup(item->known            ? a->disbelief
		                       : asking_goes_on(a, 1) ? "its file could not be opened"
		                                              : "the budget was used up");
	free(item->what);
}

int verify_run(struct asking *a, struct err *err)
{
	AUTO(mem_freep) struct item *items = mem_alloc(a->n_findings + 1, sizeof *items);
	size_t n = 0, done;
	for (size_t i = 0; i < a->n_findings; i++)
		if (a->findings[i].verdict == VERDICT_NONE)
			items[n++] = (struct item){.source = a->findings[i].source,
			                           .finding = &a->findings[i],
			                           .what = statement_of(a, a->findings[i].text)};
	for (size_t i = 0; i < n; i++) {
		items[i].number = i;
		items[i].total = n;
	}
	lanes_run(a, 1, check, items, n, sizeof *items, &done);
	bool canceled = cancel_fired(a->run.cancel);
	for (size_t i = 0; i < n; i++)
		finish(a, &items[i]);
	return canceled ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}

void verify_sentence(struct asking *a, const struct ask_finding *f, const char *sentence,
                     enum check_verdict *ret, double *ret_p)
{
	struct ask_finding copy = *f;
	size_t done;
	copy.reason = NULL;
	struct item item = {
		.source = f->source, .finding = &copy, .what = statement_of(a, sentence), .total = 1};
	lanes_run(a, 1, check, &item, 1, sizeof item, &done);
	copy.verdict = VERDICT_NONE;
	finish(a, &item);
	*ret = copy.verdict;
	*ret_p = copy.p;
	free(copy.reason);
}
