/* SPDX-License-Identifier: Apache-2.0 */
/* Watching the memory of GPUs: NVIDIA through NVML (loaded at run time; nothing
 * is linked), AMD and Intel through sysfs.
 *
 * A monitor samples once a second on a thread of its own and keeps the last
 * samples in a ring. All calls are thread-safe; gpu_open() and gpu_free() wait
 * for the driver, the others do not block. What a driver does not report is -1.
 * A GPU that vanishes stays in the list, marked lost. */
#ifndef VDET_GPU_GPU_H
#define VDET_GPU_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/mem.h"

#define GPU_MANY 16
#define GPU_RING 600 /* samples: ten minutes */

struct gpu_sample {
	bool lost;
	int64_t total, used; /* bytes */
	int64_t ours;        /* bytes, of the processes that were named by gpu_watch() */
	int load;            /* percent */
	int temperature;     /* degrees Celsius */
};

struct gpu_device {
	char name[96], driver[16]; /* "nvml", "amdgpu", "i915", "xe" */
	char error[160];           /* why it is lost; "" */
	struct gpu_sample now;
	int64_t peak; /* of `used`, since the beginning; bytes, 0 = unknown */
};

struct gpu_options {
	const char *nvml;  /* the library; NULL = libnvidia-ml.so.1. For tests */
	const char *sysfs; /* NULL = /sys/class/drm. For tests */
	int64_t period;    /* microseconds between samples; 0 = a second */
	/* Called after each round, from the monitor's thread; may be NULL. */
	void (*sampled)(void *ctx); /* must not call gpu_free() */
	void *ctx;
};

struct gpu;

/* Never fails: without a GPU, or a driver that reports anything, the list is
 * empty. `o` may be NULL. */
struct gpu *gpu_open(const struct gpu_options *o);
void gpu_free(struct gpu *g);
DEFINE_FREEP(struct gpu, gpu)

/* What is known now; the number of devices. */
size_t gpu_read(struct gpu *g, struct gpu_device out[static GPU_MANY]);
/* Whose memory is `ours`: process ids (copied), in place of those before. */
void gpu_watch(struct gpu *g, const int *pids, size_t n);
/* The fullest device's share in use, from 0 to 1; -1 where no device reports
 * it. Lost devices do not count. */
double gpu_share(struct gpu *g);
/* {"devices": [{name, driver, lost, error, total, used, ours, peak, load,
 * temperature}], "period": 1.0,  "samples": [{time, used: [...], load:
 * [...]}]}: the newest `samples` of the ring, oldest first. Times in seconds,
 * memory in bytes. The caller owns it. */
json_t *gpu_ring_json(struct gpu *g, size_t samples);

#endif
