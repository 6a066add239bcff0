/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu/gpu.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "gpu/gpu-internal.h"

struct ring_entry {
	int64_t time; /* Unix time */
	struct gpu_sample samples[GPU_MANY];
};

struct gpu {
	struct gpu_options o;
	struct nvml *nvml;
	struct cancel *stop;
	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock; /* guards what follows; the driver is asked without it */
	struct gpu_slot slots[GPU_MANY];
	size_t n;
	struct gpu_watched watched;
	struct ring_entry *ring; /* GPU_RING of them */
	size_t rounds;
};

static void sample_all(struct gpu *g)
{
	struct gpu_slot slots[GPU_MANY];
	struct gpu_watched watched;
	pthread_mutex_lock(&g->lock);
	size_t n = g->n;
	memcpy(slots, g->slots, sizeof slots);
	watched = g->watched;
	pthread_mutex_unlock(&g->lock);
	/* A driver may take long, or hang temporarily if its device fails. */
	for (size_t i = 0; i < n; i++) {
		if (slots[i].handle)
			nvml_sample(g->nvml, &slots[i], &watched);
		else
			sysfs_sample(&slots[i], &watched);
		if (slots[i].d.now.used > slots[i].d.peak)
			slots[i].d.peak = slots[i].d.now.used;
	}
	pthread_mutex_lock(&g->lock);
	struct ring_entry *e = &g->ring[g->rounds++ % GPU_RING];
	e->time = clock_wall();
	for (size_t i = 0; i < n; i++) {
		g->slots[i] = slots[i];
		e->samples[i] = slots[i].d.now;
	}
	pthread_mutex_unlock(&g->lock);
}

static void *watch(void *ctx)
{
	struct gpu *g = ctx;
	int64_t next = clock_now() + g->o.period;
	while (!cancel_fired(g->stop)) {
		struct pollfd p = {.fd = cancel_fd(g->stop), .events = POLLIN};
		int64_t left = next - clock_now();
		poll(&p, 1, left > 0 ? (int)(left / 1000 + 1) : 0);
		if (clock_now() < next)
			continue;
		next = clock_now() + g->o.period;
		sample_all(g);
		if (g->o.sampled)
			g->o.sampled(g->o.ctx);
	}
	return NULL;
}

struct gpu *gpu_open(const struct gpu_options *o)
{
	struct gpu *g = mem_alloc(1, sizeof *g);
	if (o)
		g->o = *o;
	g->o.period = g->o.period > 0 ? g->o.period : CLOCK_SECOND;
	pthread_mutex_init(&g->lock, NULL);
	g->stop = cancel_new();
	g->ring = mem_alloc(GPU_RING, sizeof *g->ring);
	g->nvml = nvml_open(g->o.nvml ? g->o.nvml : "libnvidia-ml.so.1", g->slots, &g->n);
	sysfs_find(g->o.sysfs ? g->o.sysfs : "/sys/class/drm", g->slots, &g->n);
	sample_all(g);
	/* Without a device the thread still calls `sampled`, because a policy has
	 * other signals, too. */
	if (g->n || g->o.sampled)
		g->threaded = pthread_create(&g->thread, NULL, watch, g) == 0;
	return g;
}

void gpu_free(struct gpu *g)
{
	if (!g)
		return;
	cancel_fire(g->stop);
	if (g->threaded)
		pthread_join(g->thread, NULL);
	nvml_close(g->nvml);
	cancel_free(g->stop);
	pthread_mutex_destroy(&g->lock);
	free(g->ring);
	free(g);
}

size_t gpu_read(struct gpu *g, struct gpu_device out[static GPU_MANY])
{
	pthread_mutex_lock(&g->lock);
	size_t n = g->n;
	for (size_t i = 0; i < n; i++)
		out[i] = g->slots[i].d;
	pthread_mutex_unlock(&g->lock);
	return n;
}

void gpu_watch(struct gpu *g, const int *pids, size_t n)
{
	pthread_mutex_lock(&g->lock);
	g->watched.n = 0;
	for (size_t i = 0; i < n && g->watched.n < ARRAY_LEN(g->watched.pids); i++)
		if (pids[i] > 0)
			g->watched.pids[g->watched.n++] = pids[i];
	pthread_mutex_unlock(&g->lock);
}

double gpu_share(struct gpu *g)
{
	struct gpu_device d[GPU_MANY];
	size_t n = gpu_read(g, d);
	double most = -1;
	for (size_t i = 0; i < n; i++) {
		const struct gpu_sample *s = &d[i].now;
		double share =
			s->lost || s->total <= 0 || s->used < 0 ? -1 : (double)s->used / (double)s->total;
		most = share > most ? share : most;
	}
	return most;
}

static json_t *known(int64_t v)
{
	return v < 0 ? json_null() : json_integer((json_int_t)v);
}

static json_t *device_json(const struct gpu_device *d)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", d->name,
	                 "driver", d->driver, "lost", d->now.lost, "error", d->error, "total",
	                 known(d->now.total), "used", known(d->now.used), "ours", known(d->now.ours),
	                 "peak", known(d->peak ? d->peak : -1), "load", known(d->now.load),
	                 "temperature", known(d->now.temperature));
}

json_t *gpu_ring_json(struct gpu *g, size_t samples)
{
	json_t *devices = json_array(), *list = json_array();
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->n; i++)
		json_array_append_new(devices, device_json(&g->slots[i].d));
	size_t have = g->rounds < GPU_RING ? g->rounds : GPU_RING,
		   take = samples < have ? samples : have;
	for (size_t k = g->rounds - take; g->n && k < g->rounds; k++) {
		const struct ring_entry *e = &g->ring[k % GPU_RING];
		json_t *used = json_array(), *load = json_array();
		for (size_t i = 0; i < g->n; i++) {
			json_array_append_new(used, known(e->samples[i].used));
			json_array_append_new(load, known(e->samples[i].load));
		}
		json_array_append_new(list, json_pack("{s:f, s:o, s:o}", "time", (double)e->time / 1e6,
		                                      "used", used, "load", load));
	}
	pthread_mutex_unlock(&g->lock);
	return json_pack("{s:o, s:f, s:o}", "devices", devices, "period", (double)g->o.period / 1e6,
	                 "samples", list);
}
