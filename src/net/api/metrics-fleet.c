/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/api/fleet.h"

/* Workers with figures of their own: each has more than ten time series. */
enum { WORKERS = 200 };

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP vdet_fleet_%s %s\n# TYPE vdet_fleet_%s %s\n", name, help, name, type);
}

static void value(struct buf *b, const char *name, const char *type, const char *help, double v)
{
	head(b, name, type, help);
	buf_addf(b, "vdet_fleet_%s %.15g\n", name, v);
}

/* Names of workers are letters, digits, _ and -: nothing has to be escaped. */
static void of_worker(struct buf *b, const char *name, const json_t *worker, double v)
{
	buf_addf(b, "vdet_fleet_%s{worker=\"%s\"} %.15g\n", name, json_text(worker, "name"), v);
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static bool is_state(const json_t *worker, const char *state)
{
	return strcmp(json_text(worker, "state"), state) == 0;
}

static void workers_by_state(const json_t *workers, struct buf *b)
{
	static const char *const states[] = {"working", "draining", "silent"};
	double slots = 0, used = 0;
	size_t i;
	json_t *w;
	head(b, "workers", "gauge", "Workers by state.");
	for (size_t s = 0; s < ARRAY_LEN(states); s++) {
		size_t n = 0;
		json_array_foreach (workers, i, w)
			n += is_state(w, states[s]);
		buf_addf(b, "vdet_fleet_workers{state=\"%s\"} %zu\n", states[s], n);
	}
	json_array_foreach (workers, i, w) {
		if (is_state(w, "silent"))
			continue;
		slots += is_state(w, "working") ? number(w, "slots") : 0;
		used += number(w, "in_progress");
	}
	value(b, "slots", "gauge", "Units that the workers do at once.", slots);
	value(b, "slots_used", "gauge", "Units that workers say they have.", used);
}

static void of_all(const json_t *view, struct buf *b)
{
	static const struct {
		const char *group, *key, *name, *type, *help;
	} rows[] = {
		{"units", "waiting", "units_waiting", "gauge", "Units that no worker has begun."},
		{"units", "begun", "units_in_progress", "gauge", "Units that a worker has begun."},
		{"units", "results", "results_waiting", "gauge", "Results that were not looked at yet."},
		{"counts", "given", "units_given_total", "counter", "Units given out, each time."},
		{"counts", "redelivered", "redeliveries_total", "counter", "Units given again."},
		{"counts", "done", "units_done_total", "counter", "Units whose result was taken."},
		{"counts", "failed", "failures_total", "counter", "Units reported as failed."},
		{"counts", "refused", "refusals_total", "counter", "Units that a worker cannot do."},
		{"counts", "silent", "silences_total", "counter", "Units that ended without a word."},
		{"counts", "holes", "holes_total", "counter", "Units that failed for good."},
		{"traffic", "requests", "http_requests_total", "counter", "Requests of workers."},
		{"traffic", "sent", "sent_bytes_total", "counter", "Bytes sent to workers."},
		{"traffic", "received", "received_bytes_total", "counter", "Bytes of blobs received."},
		{"traffic", "addresses", "addresses_total", "counter", "Addresses that workers asked for."},
		{"traffic", "blobs", "blobs_total", "counter", "Blobs of results that were taken."},
	};
	value(b, "connected", "gauge", "1 if the NATS server can be reached.",
	      json_is_true(json_object_get(view, "connected")));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		value(b, rows[i].name, rows[i].type, rows[i].help,
		      number(json_object_get(view, rows[i].group), rows[i].key));
}

/* As each worker counts itself: from 0 again when it is started again. */
static void of_each(const json_t *workers, struct buf *b)
{
	static const struct {
		const char *key, *name, *type, *help;
	} rows[] = {
		{"done", "worker_units_done_total", "counter", "Units that it has done."},
		{"failed", "worker_units_failed_total", "counter", "Units that it has failed at."},
		{"busy", "worker_busy_seconds_total", "counter", "Time of its slots with a unit."},
		{"frames", "worker_frames_seconds_total", "counter", "Waiting for frames and bytes."},
		{"bytes", "worker_bytes_seconds_total", "counter", "Waiting for bytes of videos."},
		{"engine", "worker_engine_seconds_total", "counter", "Waiting for answers of engines."},
		{"send", "worker_send_seconds_total", "counter", "Waiting until results were taken."},
		{"cache_hits", "cache_hits_total", "counter", "Blocks of videos that were in its cache."},
		{"cache_misses", "cache_misses_total", "counter", "Blocks of videos that it fetched."},
		{"cache_hit_bytes", "cache_hit_bytes_total", "counter", "Bytes of such blocks."},
		{"cache_miss_bytes", "cache_miss_bytes_total", "counter", "Bytes of such blocks."},
	};
	size_t i;
	json_t *w;
	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		head(b, rows[k].name, rows[k].type, rows[k].help);
		json_array_foreach (workers, i, w)
			if (i < WORKERS)
				of_worker(b, rows[k].name, w, number(json_object_get(w, "figures"), rows[k].key));
	}
	head(b, "worker_slots", "gauge", "Units that it does at once.");
	json_array_foreach (workers, i, w)
		if (i < WORKERS)
			of_worker(b, "worker_slots", w, number(w, "slots"));
	head(b, "worker_slots_used", "gauge", "Units that it has.");
	json_array_foreach (workers, i, w)
		if (i < WORKERS)
			of_worker(b, "worker_slots_used", w, number(w, "in_progress"));
}

void fleet_metrics(const json_t *view, struct buf *out)
{
	const json_t *workers = json_object_get(view, "workers");
	workers_by_state(workers, out);
	of_all(view, out);
	of_each(workers, out);
}
