/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for libnvidia-ml.so that plays what a test writes into the file
 * FAKE_NVML: a line a device, each "RESULT TOTAL USED LOAD DEGREES PID
 * PIDUSED". It is read at each question, so a test changes it while a program
 * runs. Result 0 is success, 15 a GPU that fell off the bus, 999 an unknown
 * error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct device {
	int result;
	unsigned long long total, used, pid_used;
	unsigned load, degrees, pid;
};

static int look(size_t wanted, struct device *ret)
{
	const char *path = getenv("FAKE_NVML");
	FILE *f = path ? fopen(path, "re") : NULL;
	size_t n = 0;
	struct device d;
	while (f && fscanf(f, "%d %llu %llu %u %u %u %llu", &d.result, &d.total, &d.used, &d.load,
	                   &d.degrees, &d.pid, &d.pid_used) == 7)
		if (n++ == wanted && ret)
			*ret = d;
	if (f)
		fclose(f);
	return (int)n;
}

/* Which device a handle means: its number and one, so that none is NULL. */
static struct device at(void *handle)
{
	struct device d = {.result = 15};
	look((size_t)handle - 1, &d);
	return d;
}

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned *n);
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **handle);
int nvmlDeviceGetName(void *handle, char *name, unsigned len);
int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *out);
int nvmlDeviceGetUtilizationRates(void *handle, unsigned *out);
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *out);
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *n, void *out);
const char *nvmlErrorString(int result);

int nvmlInit_v2(void)
{
	return getenv("FAKE_NVML") ? 0 : 9;
}

int nvmlShutdown(void)
{
	return 0;
}

int nvmlDeviceGetCount_v2(unsigned *n)
{
	*n = (unsigned)look(99, NULL);
	return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **handle)
{
	*handle = (void *)((size_t)i + 1);
	return 0;
}

int nvmlDeviceGetName(void *handle, char *name, unsigned len)
{
	snprintf(name, len, "Stand-in GPU %zu", (size_t)handle - 1);
	return 0;
}

int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *out)
{
	struct device d = at(handle);
	out[0] = d.total;
	out[1] = d.total - d.used;
	out[2] = d.used;
	return d.result;
}

int nvmlDeviceGetUtilizationRates(void *handle, unsigned *out)
{
	struct device d = at(handle);
	out[0] = out[1] = d.load;
	return d.result;
}

int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *out)
{
	(void)sensor;
	struct device d = at(handle);
	*out = d.degrees;
	return d.result;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *n, void *out)
{
	struct device d = at(handle);
	struct {
		unsigned pid;
		unsigned long long used;
		unsigned gpu_instance, compute_instance;
	} *list = out;
	if (*n >= 1)
		*list = (__typeof__(*list)){.pid = d.pid, .used = d.pid_used};
	*n = d.pid ? 1 : 0;
	return d.result;
}

const char *nvmlErrorString(int result)
{
	return result == 15 ? "GPU is lost" : "Unknown Error";
}
