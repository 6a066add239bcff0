/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "advise/rules.h"
#include "advise/fleet.h"
#include "base/mem.h"

/* Units and seconds from which on shares of time are meaningful. */
enum { ENOUGH = 3, LONG = 10, LATELY = 40 };

/* Shares of the time of all slots. */
struct shares {
	double idle, decode, engine, bytes, send;
	bool known;
};

/* A rule writes text and action, and returns whether it applies. */
typedef bool rule_fn(const struct fleet_facts *f, const struct shares *s, struct advice *a);

/* "In the last 4 minutes": of when the shares are. */
static const char *lately(const struct fleet_facts *f, char out[static LATELY])
{
	if (f->seconds < 90)
		snprintf(out, LATELY, "In the last %.0f seconds", f->seconds);
	else
		snprintf(out, LATELY, "In the last %.0f minutes", f->seconds / 60);
	return out;
}

/* Part of it is known only when units have ended, and a unit may make several
 * requests at once: the parts are scaled to the time that slots were busy. */
static struct shares shares_of(const struct fleet_facts *f)
{
	double bytes = f->bytes < f->frames ? f->bytes : f->frames,
		   all = f->frames + f->engine + f->send;
	if (!f->works || f->done < ENOUGH || f->seconds < LONG || f->slot_time <= 0 || all <= 0)
		return (struct shares){0};
	double scale = f->busy / f->slot_time / all;
	return (struct shares){.idle = 1 - f->busy / f->slot_time,
	                       .decode = (f->frames - bytes) * scale,
	                       .engine = f->engine * scale,
	                       .bytes = bytes * scale,
	                       .send = f->send * scale,
	                       .known = true};
}

static bool no_worker(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	(void)s;
	advice_say(a, "%lld units wait now, and no worker is there.", (long long)f->waiting);
	advice_act(a, "start `vdet worker --fleet ADDRESS` on each machine that is to help");
	return f->waiting > 0 && !f->live;
}

static bool worker_fails(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	(void)s;
	if (!f->worst.name || f->worst.bad < ENOUGH || f->worst.bad * 5 < f->worst.ended)
		return false;
	advice_say(a,
	           "Since this head began, the worker %.64s failed at %lld of %lld units, or ended "
	           "without a word.",
	           f->worst.name, (long long)f->worst.bad, (long long)f->worst.ended);
	advice_act(
		a, "read what it prints, and run `vdet doctor` there; until then `vdet fleet drain %.64s`",
		f->worst.name);
	return true;
}

static bool redelivered(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	(void)s;
	advice_say(a,
	           "Since this head began, %lld times a unit was given again, of %lld times that one "
	           "was given out.",
	           (long long)f->redelivered, (long long)f->given);
	advice_act(a, "see why workers end or are cut off; raise fleet.ack_wait if they are only slow");
	return f->redelivered >= ENOUGH && f->redelivered * 10 >= f->given;
}

/* A version is shown only if it looks like one: it is a text of the worker. */
static bool is_plain(const char *version)
{
	return strlen(version) <= 40 &&
	       strspn(version, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+~-_") ==
	           strlen(version);
}

static bool versions(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	(void)s;
	if (!f->other.n)
		return false;
	advice_say(
		a, "%lld of the workers %s another version of vdet than the head (%.40s): %.64s has %s.",
		(long long)f->other.n, f->other.n == 1 ? "has" : "have", f->version, f->other.name,
		is_plain(f->other.version) ? f->other.version : "one without a name");
	advice_act(
		a, "install the version of the head there: what a worker does not know, it does not do");
	return true;
}

static bool head_slow(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	char when[LATELY];
	bool held = s->idle >= 0.25 && 2 * f->results >= (double)f->slots;
	lately(f, when);
	if (s->send >= 0.25)
		advice_say(a, "%s slots waited %.0f %% of the time until their results were taken.", when,
		           100 * s->send);
	else if (held)
		advice_say(a,
		           "%s %.1f results waited for the head on average, while slots were idle %.0f %% "
		           "of the time.",
		           when, f->results, 100 * s->idle);
	else
		advice_say(a,
		           "%s slots were idle %.0f %% of the time, though units waited for %.0f %% of it.",
		           when, 100 * s->idle, 100 * f->waited);
	if (s->send >= 0.25 || held)
		advice_act(a, "give the head and the NATS server faster disks and processors");
	else
		advice_act(
			a, "compare the models of workers with that of the head (vdet fleet): a worker gets "
			   "only units of its model; or the connection to the NATS server is slow");
	return s->known && (s->send >= 0.25 || held || (s->idle >= 0.3 && f->waited >= 0.5));
}

static bool too_little(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	char when[LATELY];
	advice_say(a,
	           "%s slots were idle %.0f %% of the time: the head gave fewer units than there are "
	           "slots.",
	           lately(f, when), 100 * s->idle);
	advice_act(a, "analyze several videos at the same time, as vdet serve does (queue.jobs; vdet "
	              "analyze does one after the other), or make chunks shorter (--chunk-duration)");
	return s->known && s->idle >= 0.3 && f->waited < 0.5;
}

static bool network(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	char when[LATELY];
	advice_say(a, "%s slots waited %.0f %% of the time for bytes of videos.", lately(f, when),
	           100 * s->bytes);
	advice_act(
		a, "use a faster network to the head, --path-map where workers see its files, or a larger "
		   "--fleet-cache");
	return s->known && s->bytes >= 0.3 && s->bytes >= s->decode && s->bytes >= s->engine;
}

static bool decoders(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	char when[LATELY];
	advice_say(a, "%s slots waited %.0f %% of the time for frames, and %.0f %% for engines.",
	           lately(f, when), 100 * s->decode, 100 * s->engine);
	advice_act(a, "decode on the GPUs of the workers (--media-hwaccel), raise --fleet-slots where "
	              "processors are free, or add workers");
	return s->known && s->decode >= 0.3 && s->decode >= s->engine;
}

static bool engines(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	char when[LATELY];
	advice_say(a, "%s slots waited %.0f %% of the time for engines, and %.0f %% for frames.",
	           lately(f, when), 100 * s->engine, 100 * (s->decode + s->bytes));
	advice_act(a, "add workers, or engines to them; raise --slots where GPUs have memory to spare");
	return s->known && s->engine >= 0.5;
}

static bool more_workers(const struct fleet_facts *f, const struct shares *s, struct advice *a)
{
	char when[LATELY];
	advice_say(
		a,
		"%s slots were busy %.0f %% of the time, and %lld units wait now: more workers would "
		"have work.",
		lately(f, when), 100 * (1 - s->idle), (long long)f->waiting);
	advice_act(a, "start `vdet worker --fleet ADDRESS` on further machines");
	return s->known && s->idle < 0.1 && f->waited >= 0.9 && f->waiting >= f->slots && f->slots > 0;
}

static const struct {
	const char *name;
	rule_fn *fn;
	bool warning;
	const char *bottleneck; /* what limits the fleet; the first one counts */
} rules[] = {
	{"fleet-no-worker", no_worker, true, "workers"},
	{"fleet-worker-fails", worker_fails, true, NULL},
	{"fleet-redelivered", redelivered, true, NULL},
	{"fleet-versions", versions, true, NULL},
	{"fleet-head", head_slow, false, "head"},
	{"fleet-work", too_little, false, "work"},
	{"fleet-network", network, false, "network"},
	{"fleet-decoders", decoders, false, "decoders"},
	{"fleet-engines", engines, false, "engines"},
	{"fleet-more-workers", more_workers, false, NULL},
};

static const char *limits(const char *rule)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].name, rule) == 0)
			return rules[i].bottleneck;
	return NULL;
}

size_t fleet_advice_give(const struct fleet_facts *f, struct advice out[static ADVICE_MANY])
{
	const struct shares s = shares_of(f);
	bool limited = false;
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(rules) && n < ADVICE_MANY; i++) {
		out[n] = (struct advice){.rule = rules[i].name, .warning = rules[i].warning};
		if ((limited && rules[i].bottleneck) || !rules[i].fn(f, &s, &out[n]))
			continue;
		limited |= rules[i].bottleneck != NULL;
		n++;
	}
	return n;
}

const char *fleet_bottleneck(const struct advice *a, size_t n, const struct advice **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < n; i++)
		if (limits(a[i].rule)) {
			*ret = &a[i];
			return limits(a[i].rule);
		}
	return NULL;
}
