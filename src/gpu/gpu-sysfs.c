/* SPDX-License-Identifier: Apache-2.0 */
/* AMD's and Intel's drivers, which report what they know in files.
 *
 * amdgpu: device/mem_info_vram_{total,used}, device/gpu_busy_percent, hwmon
 * temp1_input. i915 and xe: what is in use is in the fdinfo of each process
 * that has the device open (drm-resident-vram0 or drm-total-local0, in KiB);
 * the whole in device/tile0/vram0/… or lmem_total_bytes, where the card has
 * memory of its own. Nothing is reported of integrated ones: their memory is
 * the machine's. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "gpu/gpu-internal.h"

/* The number in a file below `dir`; -1 if there is none. */
static int64_t number(const char *dir, const char *name)
{
	AUTO(mem_freep) char *path = file_join(dir, name);
	AUTO(buf_free) struct buf b = BUF(64);
	struct err ignored = {0};
	char *end;
	if (file_read(path, &b, &ignored) < 0)
		return -1;
	long long v = strtoll(buf_str(&b), &end, 10);
	return end == buf_str(&b) || v < 0 ? -1 : v;
}

static const char *driver_of(const char *device)
{
	static const char *const known[] = {"amdgpu", "i915", "xe"};
	char target[300];
	AUTO(mem_freep) char *link = file_join(device, "driver");
	ssize_t n = readlink(link, target, sizeof target - 1);
	if (n <= 0)
		return NULL;
	target[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(file_base(target), known[i]) == 0)
			return known[i];
	return NULL;
}

static int64_t total_of(const char *device)
{
	static const char *const names[] = {"mem_info_vram_total", "lmem_total_bytes",
	                                    "tile0/vram0/total_bytes"};
	int64_t total = -1;
	for (size_t i = 0; total <= 0 && i < ARRAY_LEN(names); i++)
		total = number(device, names[i]);
	return total;
}

void sysfs_find(const char *root, struct gpu_slot *slots, size_t *n)
{
	/* In the order of their numbers, whatever the folder's is. */
	for (int card = 0; card < 64 && *n < GPU_MANY; card++) {
		struct gpu_slot s = {0};
		char path[200];
		if (snprintf(path, sizeof path, "%s/card%d/device", root, card) >= (int)sizeof path ||
		    !file_is_dir(path))
			continue;
		const char *driver = driver_of(path);
		if (!driver || total_of(path) <= 0)
			continue;
		snprintf(s.path, sizeof s.path, "%s", path);
		snprintf(s.d.driver, sizeof s.d.driver, "%s", driver);
		snprintf(s.d.name, sizeof s.d.name, "%s GPU %d",
		         strcmp(driver, "amdgpu") == 0 ? "AMD" : "Intel", card);
		slots[(*n)++] = s;
	}
}

/* The numbers of hwmon folders are arbitrary. */
static int temperature_of(const char *device)
{
	AUTO(mem_freep) char *hwmon = file_join(device, "hwmon");
	DIR *d = opendir(hwmon);
	int64_t t = -1;
	for (const struct dirent *e; d && t < 0 && (e = readdir(d));) {
		AUTO(mem_freep) char *name = mem_printf("%s/temp1_input", e->d_name);
		if (e->d_name[0] != '.')
			t = number(hwmon, name);
	}
	if (d)
		closedir(d);
	return t < 0 ? -1 : (int)(t / 1000);
}

/* Memory of a process on all Intel cards, from the fdinfo of its files; each
 * client id is counted once. */
static int64_t fdinfo_memory(int pid)
{
	int64_t sum = 0;
	long clients[64];
	size_t n = 0;
	AUTO(mem_freep) char *dir = mem_printf("/proc/%d/fdinfo", pid);
	DIR *d = opendir(dir);

	for (const struct dirent *e; d && (e = readdir(d));) {
		AUTO(mem_freep) char *path = file_join(dir, e->d_name);
		AUTO(buf_free) struct buf b = BUF(16384);
		struct err ignored = {0};
		long client = -1;
		long long kib;
		if (e->d_name[0] == '.' || file_read(path, &b, &ignored) < 0 ||
		    !strstr(buf_str(&b), "drm-driver:"))
			continue;

		const char *id = strstr(buf_str(&b), "drm-client-id:"),
				   *mem = strstr(buf_str(&b), "drm-resident-vram0:");
		mem = mem ? mem : strstr(buf_str(&b), "drm-resident-local0:");
		if (id)
			client = strtol(id + 14, NULL, 10);

		bool seen = false;
		for (size_t i = 0; i < n; i++)
			seen |= clients[i] == client;
		if (seen || !mem || sscanf(strchr(mem, ':') + 1, "%lld", &kib) != 1)
			continue;
		if (n < ARRAY_LEN(clients))
			clients[n++] = client;
		sum += kib * 1024;
	}

	if (d)
		closedir(d);
	return sum;
}

void sysfs_sample(struct gpu_slot *s, const struct gpu_watched *w)
{
	bool amd = strcmp(s->d.driver, "amdgpu") == 0;
	s->d.now = (struct gpu_sample){
		.total = total_of(s->path), .used = -1, .ours = -1, .load = -1, .temperature = -1};
	s->d.now.lost = s->d.now.total <= 0;
	snprintf(s->d.error, sizeof s->d.error, "%s", s->d.now.lost ? "its files are gone" : "");
	if (s->d.now.lost)
		return;
	s->d.now.temperature = temperature_of(s->path);
	if (amd) {
		s->d.now.used = number(s->path, "mem_info_vram_used");
		s->d.now.load = (int)number(s->path, "gpu_busy_percent");
		return;
	}
	int64_t ours = 0;
	for (size_t i = 0; i < w->n; i++)
		ours += fdinfo_memory(w->pids[i]);
	s->d.now.ours = ours;
	s->d.now.used = ours; /* at least that */
}
