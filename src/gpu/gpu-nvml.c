/* SPDX-License-Identifier: Apache-2.0 */
/* NVIDIA's management library, loaded at run time. Uses only functions that
 * exist since its first versions. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gpu-internal.h"

/* As nvml.h has them; the library's interface is stable. */
typedef struct nvml_device_opaque *nvml_device;
typedef int nvml_return; /* 0 = success */
struct nvml_memory {
	unsigned long long total, free, used;
};
struct nvml_utilization {
	unsigned gpu, memory;
};
struct nvml_process {
	unsigned pid;
	unsigned long long used;
	unsigned gpu_instance, compute_instance;
};
#define NVML_TEMPERATURE_GPU 0
#define PROCESSES 256

struct nvml {
	void *library;
	nvml_return (*init)(void);
	nvml_return (*shutdown)(void);
	nvml_return (*count)(unsigned *);
	nvml_return (*by_index)(unsigned, nvml_device *);
	nvml_return (*name)(nvml_device, char *, unsigned);
	nvml_return (*memory)(nvml_device, struct nvml_memory *);
	nvml_return (*utilization)(nvml_device, struct nvml_utilization *);
	nvml_return (*temperature)(nvml_device, int, unsigned *);
	nvml_return (*processes)(nvml_device, unsigned *, struct nvml_process *);
	const char *(*error_text)(nvml_return);
};

/* A function of the library; ISO C has no cast from data to function pointers,
 * so it is copied. */
static bool load(struct nvml *v, void *to, const char *name)
{
	void *f = dlsym(v->library, name);
	memcpy(to, &f, sizeof f);
	return f;
}

static bool load_all(struct nvml *v)
{
	bool all =
		(load(v, &v->init, "nvmlInit_v2") || load(v, &v->init, "nvmlInit")) &&
		load(v, &v->shutdown, "nvmlShutdown") &&
		(load(v, &v->count, "nvmlDeviceGetCount_v2") || load(v, &v->count, "nvmlDeviceGetCount")) &&
		(load(v, &v->by_index, "nvmlDeviceGetHandleByIndex_v2") ||
	     load(v, &v->by_index, "nvmlDeviceGetHandleByIndex")) &&
		load(v, &v->memory, "nvmlDeviceGetMemoryInfo");
	load(v, &v->name, "nvmlDeviceGetName");
	load(v, &v->utilization, "nvmlDeviceGetUtilizationRates");
	load(v, &v->temperature, "nvmlDeviceGetTemperature");
	load(v, &v->error_text, "nvmlErrorString");
	if (!load(v, &v->processes, "nvmlDeviceGetComputeRunningProcesses_v3"))
		load(v, &v->processes, "nvmlDeviceGetComputeRunningProcesses_v2");
	return all;
}

struct nvml *nvml_open(const char *library, struct gpu_slot *slots, size_t *n)
{
	struct nvml *v = mem_alloc(1, sizeof *v);
	unsigned count = 0;
	v->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!v->library || !load_all(v) || v->init() != 0) {
		if (v->library)
			dlclose(v->library);
		free(v);
		return NULL;
	}
	if (v->count(&count) != 0)
		count = 0;
	for (unsigned i = 0; i < count && *n < GPU_MANY; i++) {
		struct gpu_slot *s = &slots[*n];
		*s = (struct gpu_slot){.d = {.driver = "nvml"}};
		nvml_device d;
		if (v->by_index(i, &d) != 0)
			continue;
		s->handle = d;
		if (!v->name || v->name(d, s->d.name, sizeof s->d.name) != 0)
			snprintf(s->d.name, sizeof s->d.name, "NVIDIA GPU %u", i);
		s->d.name[sizeof s->d.name - 1] = '\0';
		++*n;
	}
	return v;
}

static int64_t memory_of_watched(struct nvml *v, nvml_device d, const struct gpu_watched *w)
{
	struct nvml_process list[PROCESSES];
	unsigned n = PROCESSES;
	if (!v->processes || v->processes(d, &n, list) != 0)
		return -1;
	int64_t sum = 0;
	for (unsigned i = 0; i < n && i < PROCESSES; i++)
		for (size_t k = 0; k < w->n; k++)
			/* all ones: unknown */
			if ((int)list[i].pid == w->pids[k] && list[i].used < 1ULL << 50)
				sum += (int64_t)list[i].used;
	return sum;
}

void nvml_sample(struct nvml *v, struct gpu_slot *s, const struct gpu_watched *w)
{
	struct nvml_memory m = {0};
	struct nvml_utilization u = {0};
	unsigned degrees = 0;
	nvml_device d = s->handle;

	nvml_return r = v->memory(d, &m);
	s->d.now = (struct gpu_sample){
		.lost = r != 0, .total = -1, .used = -1, .ours = -1, .load = -1, .temperature = -1};
	snprintf(s->d.error, sizeof s->d.error, "%s",
	         r == 0          ? ""
	         : v->error_text ? v->error_text(r)
	                         : "the driver fails");

	/* Impossible values count as none: failing drivers report such. */
	if (r != 0 || m.total == 0 || m.total > 1ULL << 50 || m.used > m.total) {
		s->d.now.lost = true;
		if (r == 0)
			snprintf(s->d.error, sizeof s->d.error, "the driver reports impossible sizes");
		return;
	}

	s->d.now.total = (int64_t)m.total;
	s->d.now.used = (int64_t)m.used;
	s->d.now.ours = memory_of_watched(v, d, w);
	if (v->utilization && v->utilization(d, &u) == 0 && u.gpu <= 100)
		s->d.now.load = (int)u.gpu;
	if (v->temperature && v->temperature(d, NVML_TEMPERATURE_GPU, &degrees) == 0 && degrees < 1000)
		s->d.now.temperature = (int)degrees;
}

void nvml_close(struct nvml *v)
{
	if (!v)
		return;
	v->shutdown();
	dlclose(v->library);
	free(v);
}
