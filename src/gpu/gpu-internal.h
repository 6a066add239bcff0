/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room gpu: a driver finds its devices and samples them. */
#ifndef VDET_GPU_GPU_INTERNAL_H
#define VDET_GPU_GPU_INTERNAL_H

#include "gpu/gpu.h"

struct gpu_slot {
	struct gpu_device d;
	void *handle; /* of the driver */
	char path[256];
};

struct gpu_watched {
	int pids[64];
	size_t n;
};

struct nvml;
/* NULL if the library is not there, or refuses. Adds its devices to slots[*n…]. */
struct nvml *nvml_open(const char *library, struct gpu_slot *slots, size_t *n);
void nvml_sample(struct nvml *v, struct gpu_slot *s, const struct gpu_watched *w);
void nvml_close(struct nvml *v);

void sysfs_find(const char *root, struct gpu_slot *slots, size_t *n);
void sysfs_sample(struct gpu_slot *s, const struct gpu_watched *w);

#endif
