/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/notify.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/wakeup.h"
#include "store/watch.h"
#include "watch/hit.h"
#include "watch/limit.h"
#include "watch/program.h"
#include "watch/webhook.h"

/* A program that fails three times will fail again. A webhook is tried for
 * nearly a day. */
enum { PROGRAM_TRIES = 3, WEBHOOK_TRIES = 32 };

#define AT(member) offsetof(struct notify_options, member)
static const struct opt_row rows[] = {
	{"notify.program", "notify", OPT_STRING, AT(program), "", 0, 0, NULL, "PROGRAM",
     "Program to run for each hit of a standing question, with a JSON object as its standard "
     "input.",
     0},
	{"notify.timeout", NULL, OPT_TIME, AT(timeout), "60", 1, 86400, NULL, "SECONDS",
     "Maximum time that the program may take.", 0},
	{"notify.webhook", "webhook", OPT_STRING, AT(webhook), "", 0, 0, NULL, "URL",
     "Address to which each hit of a standing question is posted.", 0},
	{"notify.webhook_secret", "webhook-secret", OPT_STRING, AT(webhook_secret), "", 0, 0, NULL,
     "FILE", "File with the secret by which posted hits are signed.", 0},
	{"notify.webhook_private", "webhook-private", OPT_BOOL, AT(webhook_private), "false", 0, 0,
     NULL, NULL, "Allow webhooks on this machine and in private networks.", 0},
	{"watch.hits", NULL, OPT_INT, AT(hits), "100", 0, 1e9, NULL, NULL,
     "Maximum hits per day that a standing question may send; the rest is sent on the next day. "
     "0: no limit.",
     0},
	{"watch.tokens", NULL, OPT_INT, AT(tokens), "2000000", 0, 1e12, NULL, NULL,
     "Maximum prompt tokens per day for answers of a standing question; then it waits for the "
     "next day. 0: no limit.",
     0},
	{"watch.scan", NULL, OPT_TIME, AT(scan), "60", 1, 86400, NULL, "SECONDS",
     "Time between two looks at all files of a watched folder, for what the system did not "
     "report.",
     0},
};
const struct opt_group notify_opt_group = {"Standing questions", rows, ARRAY_LEN(rows)};

/* One way of delivering, with its thread. */
struct way {
	struct notifier *notifier;
	enum store_way way;
	const char *name;
	int tries_max;
	struct wakeup *wakeup;
	struct http *http;
	pthread_t thread;
	bool started;
	/* Of the hits that failed: how often, and when they are tried again. */
	struct later {
		int64_t hit, at;
		int tries;
	} * later;
	size_t n_later, cap_later;
	bool held; /* some wait for the next day, and that was logged */
};

struct notifier {
	const struct notify_options *options;
	struct store *store;
	int64_t watch;
	char *secret;
	struct cancel *cancel;
	struct way program, webhook;
};

unsigned notify_needless(const struct notify_options *o)
{
	return (*o->program ? 0 : STORE_WAY_PROGRAM) | (*o->webhook ? 0 : STORE_WAY_WEBHOOK);
}

/* ---- one hit */

static int run_program(struct way *w, const struct store_watched *hit, struct err *err)
{
	const struct notify_options *o = w->notifier->options;
	struct program_result result = {0};
	int r = program_run(o->program, hit->message, o->timeout, w->notifier->cancel, &result, err);
	if (*result.output)
		log_info("%s printed: %s", o->program, result.output);
	free(result.output);
	return r < 0 ? err_wrap(err, "%s", o->program) : 0;
}

static int post(struct way *w, const struct store_watched *hit, struct err *err)
{
	const struct notify_options *o = w->notifier->options;
	AUTO(mem_freep) char *body = hit_without_path(hit->message);
	json_auto_t *request = json_loads(hit->request, 0, NULL);
	const char *own = json_text(request, "webhook"), *url = *own ? own : o->webhook;
	const struct webhook to = {
		.url = url, .secret = w->notifier->secret, .allow_private = o->webhook_private};
	if (!*url) /* the option was there when the hit came */
		return err_set(err, ERR_NOENT, "there is no webhook any more");
	int r = webhook_post(w->http, &to, body ? body : "{}", w->notifier->cancel, err);
	return r < 0 ? err_wrap(err, "%.200s", url) : 0;
}

static struct later *find_later(struct way *w, int64_t hit)
{
	for (size_t i = 0; i < w->n_later; i++)
		if (w->later[i].hit == hit)
			return &w->later[i];
	return NULL;
}

static void forget_later(struct way *w, int64_t hit)
{
	struct later *l = find_later(w, hit);
	if (l)
		*l = w->later[--w->n_later];
}

static int try_later(struct way *w, int64_t hit)
{
	struct later *l = find_later(w, hit);
	if (!l) {
		w->later = mem_room(w->later, w->n_later, &w->cap_later, sizeof *w->later);
		l = &w->later[w->n_later++];
		*l = (struct later){.hit = hit};
	}
	l->tries++;
	l->at = clock_now() + limit_pause(l->tries);
	return l->tries;
}

static void mark(struct way *w, int64_t hit, const char *fault)
{
	struct err err;
	forget_later(w, hit);
	/* If that fails, it is delivered again. */
	if (store_hit_mark(w->notifier->store, hit, w->way, fault, &err) < 0) {
		log_warning("cannot note that hit %lld was delivered: %s", (long long)hit, err.msg);
		try_later(w, hit);
	}
}

static void deliver(struct way *w, const struct store_watched *hit)
{
	struct err err = {0};
	int r = w->way == STORE_WAY_PROGRAM ? run_program(w, hit, &err) : post(w, hit, &err);
	if (r == 0) {
		mark(w, hit->id, NULL);
		return;
	}
	if (r == -ERR_CANCELED)
		return;
	int tries = try_later(w, hit->id);
	/* A program that is missing, or an address that is not allowed: a matter of
	 * options. */
	if (r == -ERR_NOENT || r == -ERR_PERM) {
		find_later(w, hit->id)->at = INT64_MAX;
		log_error("hit %lld: %s; it is kept, and sent after the next start", (long long)hit->id,
		          err.msg);
		return;
	}
	if (tries >= w->tries_max) {
		log_error("hit %lld is not sent to the %s any more: %s", (long long)hit->id, w->name,
		          err.msg);
		mark(w, hit->id, err.msg);
	} else if (tries == 1) {
		log_warning("hit %lld, trying again: %s", (long long)hit->id, err.msg);
	}
}

/* ---- the threads */

/* All that is due; when to come again, as clock_now(). */
static int64_t deliver_due(struct way *w)
{
	struct notifier *n = w->notifier;
	struct store_watched *hits = NULL;
	size_t count = 0;
	int64_t held = 0, now = clock_wall(), next = INT64_MAX;
	struct err err;
	int r = store_hits_release(n->store, n->watch, limit_day(now), n->options->hits, &held, &err);
	if (r == 0)
		r = store_hits_open(n->store, n->watch, w->way, true, &hits, &count, &err);
	if (r < 0) {
		log_warning("%s; trying again", err.msg);
		return clock_now() + limit_pause(3);
	}
	for (size_t i = 0; i < count && !cancel_fired(n->cancel); i++) {
		const struct later *l = find_later(w, hits[i].id);
		if (!l || l->at <= clock_now())
			deliver(w, &hits[i]);
	}
	store_watched_free(hits, count);

	for (size_t i = 0; i < w->n_later; i++)
		next = w->later[i].at < next ? w->later[i].at : next;
	int64_t day = clock_now() + limit_wait(1, 1, now);
	if (held && !w->held)
		log_warning("%lld hits wait for the next day: watch.hits is %lld", (long long)held,
		            (long long)n->options->hits);
	w->held = held != 0;
	return held && day < next ? day : next;
}

static void *run_way(void *ctx)
{
	struct way *w = ctx;
	while (!cancel_fired(w->notifier->cancel)) {
		int64_t next = deliver_due(w);
		int64_t left = next == INT64_MAX ? -1 : next - clock_now();
		wakeup_wait(w->wakeup, w->notifier->cancel, next == INT64_MAX ? -1 : left > 0 ? left : 0);
	}
	return NULL;
}

static int start_way(struct notifier *n, struct way *w, const struct way *as, struct err *err)
{
	*w = *as;
	w->notifier = n;
	w->wakeup = wakeup_new();
	w->http = http_new();
	w->started = pthread_create(&w->thread, NULL, run_way, w) == 0;
	return w->started ? 0 : err_set(err, ERR_LIMIT, "cannot start a thread");
}

static int check(const struct notify_options *o, char **ret_secret, struct err *err)
{
	if (!*o->webhook && !*o->webhook_secret)
		return 0;
	int r = *o->webhook ? webhook_check(o->webhook, err) : 0;
	if (r == 0 && !*o->webhook_secret)
		r = err_set(err, ERR_ARG,
		            "a webhook needs a secret to sign with: name its file with --webhook-secret");
	return r < 0 ? r : webhook_secret(o->webhook_secret, ret_secret, err);
}

int notifier_new(const struct notify_options *o, struct store *store, int64_t watch,
                 struct notifier **ret, struct err *err)
{
	AUTO(notifier_freep) struct notifier *n = mem_alloc(1, sizeof *n);
	*n = (struct notifier){.options = o, .store = store, .watch = watch, .cancel = cancel_new()};
	int r = check(o, &n->secret, err);
	if (r == 0 && *o->program)
		r = start_way(
			n, &n->program,
			&(struct way){.way = STORE_WAY_PROGRAM, .name = "program", .tries_max = PROGRAM_TRIES},
			err);
	/* In the server a standing question may have one of its own. */
	if (r == 0 && (*o->webhook || (!watch && n->secret)))
		r = start_way(
			n, &n->webhook,
			&(struct way){.way = STORE_WAY_WEBHOOK, .name = "webhook", .tries_max = WEBHOOK_TRIES},
			err);
	if (r < 0)
		return r;
	*ret = TAKE(n);
	return 0;
}

void notifier_wake(struct notifier *n)
{
	if (n->program.started)
		wakeup_signal(n->program.wakeup);
	if (n->webhook.started)
		wakeup_signal(n->webhook.wakeup);
}

static void end_way(struct way *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	wakeup_free(w->wakeup);
	http_free(w->http);
	free(w->later);
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	cancel_fire(n->cancel);
	end_way(&n->program);
	end_way(&n->webhook);
	cancel_free(n->cancel);
	free(n->secret);
	free(n);
}
