/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/asking.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum { FAILURES_MOST = 3 };

bool asking_goes_on(struct asking *a, double share)
{
	int64_t now = clock_now();
	pthread_mutex_lock(&a->lock);
	bool late = a->deadline && now - a->began > (int64_t)(share * (double)(a->deadline - a->began));
	bool costly = a->tokens_most && (double)a->spent.prompt_tokens > share * (double)a->tokens_most;
	a->ended |= late;
	bool goes_on = !late && !costly && !a->stopped.code && a->failures < FAILURES_MOST &&
	               !cancel_fired(a->run.cancel);
	pthread_mutex_unlock(&a->lock);
	return goes_on;
}

bool asking_is_over(const struct asking *a)
{
	return a->limit && cancel_fired(a->limited.cancel) && !cancel_fired(a->run.cancel);
}

void asking_spent(struct asking *a, int64_t requests, int64_t prompt_tokens, int64_t output_tokens)
{
	pthread_mutex_lock(&a->lock);
	a->spent.requests += requests;
	a->spent.prompt_tokens += prompt_tokens;
	a->spent.output_tokens += output_tokens;
	if (requests)
		a->failures = 0;
	pthread_mutex_unlock(&a->lock);
}

int asking_request(struct asking *a, const char *request, struct chat *chat, const char *key,
                   json_t **ret, struct err *err)
{
	const struct requests *all = &a->requests;
	int64_t answered = all->answered, prompt = all->prompt_tokens, output = all->output_tokens;
	int r = requests_object(&a->requests, request, chat, key, false, ret, err);
	if (r == -ERR_CANCELED)
		asking_stop(a, err);
	asking_spent(a, all->answered - answered, all->prompt_tokens - prompt,
	             all->output_tokens - output);
	return r;
}

void asking_step(struct asking *a, const char *kind, const char *text, const char *request,
                 const char *result)
{
	char hash[HASH_HEX] = "";
	if (result)
		hash_texts((const char *const[]){result}, 1, hash);
	pthread_mutex_lock(&a->lock);
	a->steps = mem_room(a->steps, a->n_steps, &a->cap_steps, sizeof *a->steps);
	a->steps[a->n_steps++] = (struct answer_step){.kind = mem_strdup(kind),
	                                              .text = mem_strdup(text),
	                                              .request = mem_strdup(request),
	                                              .result = mem_strdup(hash)};
	pthread_mutex_unlock(&a->lock);
}

void asking_stop(struct asking *a, const struct err *why)
{
	bool over = why->code == ERR_CANCELED && asking_is_over(a);
	pthread_mutex_lock(&a->lock);
	a->ended |= over;
	if (over) {
		log_info("[answer %s] the time of the budget ended", a->id);
	} else if (why->code == ERR_FORMAT) {
		log_warning("[answer %s] a look failed: %s", a->id, why->msg);
		free(a->fault);
		a->fault = mem_printf("%zu look%s failed: %s.", a->failed + 1,
		                      text_s((int64_t)a->failed + 1), why->msg);
		a->failed++;
	} else if (!a->stopped.code) {
		a->stopped = *why;
	}
	a->failures += why->code != ERR_FORMAT && !over;
	pthread_mutex_unlock(&a->lock);
}

void asking_tell(struct asking *a, const struct ask_progress *p)
{
	if (!a->context->progress)
		return;
	pthread_mutex_lock(&a->lock);
	struct ask_progress full = *p;
	full.id = a->id;
	full.spent = a->spent;
	a->context->progress(a->context->ctx, &full);
	pthread_mutex_unlock(&a->lock);
}

bool asking_is_sure(enum check_verdict v)
{
	return v == VERDICT_SHOWN || v == VERDICT_UNCHECKED;
}

void finding_clear(struct ask_finding *f)
{
	free(f->text);
	free(f->reason);
	*f = (struct ask_finding){0};
}

/* Both say the same, and their frames overlap or touch. */
static bool is_same(const struct ask_finding *a, const struct ask_finding *b)
{
	return a->source == b->source && a->part == b->part && strcmp(a->text, b->text) == 0 &&
	       a->frames[0] <= b->frames[b->n - 1] && b->frames[0] <= a->frames[a->n - 1];
}

void finding_join(struct ask_finding *into, const struct ask_finding *from)
{
	for (size_t i = 0; i < from->n && into->n < FINDING_FRAMES; i++) {
		size_t at = into->n;
		if (check_is_among(from->frames[i], into->frames, into->n))
			continue;
		for (; at && into->frames[at - 1] > from->frames[i]; at--) {
			into->frames[at] = into->frames[at - 1];
			memcpy(into->sha256[at], into->sha256[at - 1], HASH_HEX);
		}
		into->frames[at] = from->frames[i];
		memcpy(into->sha256[at], from->sha256[i], HASH_HEX);
		into->n++;
	}
}

void asking_add(struct asking *a, struct ask_finding *f)
{
	pthread_mutex_lock(&a->lock);
	f->part = a->part;
	struct ask_finding *same = NULL;
	for (size_t i = 0; i < a->n_findings && !same; i++)
		if (a->findings[i].verdict == VERDICT_NONE && is_same(&a->findings[i], f))
			same = &a->findings[i];
	if (same) {
		finding_join(same, f);
		same->enough |= f->enough;
		finding_clear(f);
	} else {
		a->findings = mem_room(a->findings, a->n_findings, &a->cap_findings, sizeof *a->findings);
		a->findings[a->n_findings++] = *f;
		*f = (struct ask_finding){0};
	}
	pthread_mutex_unlock(&a->lock);
}
