/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: the monitor with a stand-in NVML and a drawn sysfs, and the policy's
 * ladder, up and down. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wakeup.h"
#include "base/file.h"
#include "gpu/gpu.h"
#include "memory/memory-policy.h"

#define SECOND INT64_C(1000000)

static char dir[] = "/tmp/vdet-memory-XXXXXX";

/* ---- the policy */

static struct memory_policy make(void)
{
	return (struct memory_policy){
		.limits = {.goal = 0.7, .cleanup = 0.8, .patience = 5 * SECOND, .calm = 30 * SECOND}};
}

static enum memory_move see(struct memory_policy *p, int64_t second, double share)
{
	char why[120] = "";
	return memory_policy_read(p, &(struct memory_sample){.now = second * SECOND, .share = share},
	                          why);
}

static void below_the_goal_nothing_happens(void **state)
{
	(void)state;
	struct memory_policy p = make();
	for (int t = 1; t < 1000; t++)
		assert_int_equal(see(&p, t, t % 2 ? 0.79 : 0.1), MEMORY_STAY);
	assert_int_equal(p.step, MEMORY_FINE);
	assert_false(memory_policy_holds(&p));
	assert_true(memory_policy_scale(&p) == 1 && memory_policy_slots(&p, 4) == 0);
}

static void the_ladder_is_climbed_in_order(void **state)
{
	(void)state;
	struct memory_policy p = make();
	see(&p, 1, 0.5);
	assert_int_equal(see(&p, 2, 0.8), MEMORY_UP);
	assert_int_equal(p.step, MEMORY_HOLD);
	assert_true(memory_policy_holds(&p));
	assert_int_equal(see(&p, 3, 0.99), MEMORY_STAY); /* it is given time */
	int64_t t = 7;
	for (enum memory_step want = MEMORY_FREE; want <= MEMORY_RESTART; want++, t += 5) {
		assert_int_equal(see(&p, t, 0.85), MEMORY_UP);
		assert_int_equal(p.step, want);
	}
	/* What still does not fit is what the engine needs: the work goes on,
	 * small. */
	assert_int_equal(see(&p, t + 100, 0.9), MEMORY_STAY);
	assert_false(memory_policy_holds(&p));
	assert_true(memory_policy_scale(&p) < 1);
	assert_int_equal(memory_policy_slots(&p, 4), 2);
	assert_int_equal(memory_policy_slots(&p, 1), 1);
}

static void it_goes_back_when_there_is_room(void **state)
{
	(void)state;
	struct memory_policy p = make();
	int64_t t = 1;
	for (; p.step != MEMORY_RESTART; t++)
		see(&p, t, 0.95);
	/* Between goal and cleanup nothing moves. */
	for (int i = 0; i < 100; i++, t++)
		assert_int_equal(see(&p, t, 0.75), MEMORY_STAY);
	enum memory_step last = p.step;
	int moves = 0;
	for (int i = 0; i < 200 && p.step != MEMORY_FINE; i++, t++) {
		if (see(&p, t, 0.5) == MEMORY_BACK) {
			assert_true(p.step < last);
			last = p.step;
			moves++;
		}
	}
	assert_int_equal(p.step, MEMORY_FINE);
	assert_int_equal(moves, 3); /* slots, pictures, all */
}

static void a_pause_that_helped_ends_at_once(void **state)
{
	(void)state;
	struct memory_policy p = make();
	see(&p, 1, 0.85);
	assert_true(memory_policy_holds(&p));
	/* not below the goal, but no request waits for that */
	assert_int_equal(see(&p, 2, 0.75), MEMORY_BACK);
	assert_int_equal(p.step, MEMORY_FINE);
}

static void engines_give_signs_without_a_gpu(void **state)
{
	(void)state;
	char why[120];
	struct memory_policy p = make();
	struct memory_sample r = {.now = SECOND, .share = -1, .preemptions = 100, .refusals = 3};
	assert_int_equal(memory_policy_read(&p, &r, why), MEMORY_STAY); /* those were before us */
	r.now += SECOND;
	r.refusals++;
	assert_int_equal(memory_policy_read(&p, &r, why), MEMORY_UP);
	assert_non_null(strstr(why, "refused 1"));
	r.now += 6 * SECOND;
	assert_int_equal(memory_policy_read(&p, &r, why), MEMORY_BACK);
	r.now += SECOND;
	r.preemptions += 2;
	assert_int_equal(memory_policy_read(&p, &r, why), MEMORY_UP);
	assert_non_null(strstr(why, "preempted 2"));
	r.now += 6 * SECOND;
	r.cache = 0.99;
	assert_int_equal(memory_policy_read(&p, &r, why), MEMORY_UP);
	assert_int_equal(p.step, MEMORY_FREE);
}

static void running_out_shrinks_at_once(void **state)
{
	(void)state;
	struct memory_policy p = make();
	assert_int_equal(memory_policy_ran_out(&p, SECOND), MEMORY_UP);
	assert_int_equal(p.step, MEMORY_SHRINK);
	/* others that were begun before */
	assert_int_equal(memory_policy_ran_out(&p, 2 * SECOND), MEMORY_STAY);
	assert_int_equal(memory_policy_ran_out(&p, 9 * SECOND), MEMORY_UP);
	assert_int_equal(p.step, MEMORY_FEWER);
	assert_int_equal(memory_policy_ran_out(&p, 20 * SECOND), MEMORY_UP);
	assert_int_equal(p.step, MEMORY_RESTART);
	assert_int_equal(memory_policy_ran_out(&p, 40 * SECOND), MEMORY_STAY);
}

/* ---- the monitor */

static void play(const char *script)
{
	AUTO(mem_freep) char *path = file_join(dir, "script");
	struct err err;
	assert_ok(file_write(path, script, strlen(script), &err));
	setenv("FAKE_NVML", path, 1);
}

static void after_round(void *ctx)
{
	wakeup_signal(ctx);
}

/* Waits for the next round of samples that began after now. */
static void next_round(struct wakeup *w)
{
	wakeup_take(w);
	for (int i = 0; i < 2; i++)
		wakeup_wait(w, NULL, -1);
}

static void nvml_tells(void **state)
{
	(void)state;
	AUTO(mem_freep) char *none = file_join(dir, "none");
	struct wakeup *round = wakeup_new();
	struct gpu_device d[GPU_MANY];
	play("0 1000 250 40 61 77 100\n0 2000 1800 90 70 0 0\n");
	struct gpu *g = gpu_open(&(struct gpu_options){
		.nvml = FAKE_NVML, .sysfs = none, .period = 5000, .sampled = after_round, .ctx = round});
	gpu_watch(g, (int[]){77, 78}, 2);
	next_round(round);
	assert_int_equal(gpu_read(g, d), 2);
	assert_string_equal(d[0].name, "Stand-in GPU 0");
	assert_int_equal(d[0].now.total, 1000);
	assert_int_equal(d[0].now.used, 250);
	assert_int_equal(d[0].now.ours, 100);
	assert_int_equal(d[0].now.load, 40);
	assert_int_equal(d[0].now.temperature, 61);
	assert_true(gpu_share(g) == 0.9);
	/* Growth is seen, and the peak stays. */
	play("0 1000 700 40 61 77 100\n0 2000 100 90 70 0 0\n");
	next_round(round);
	play("0 1000 300 40 61 77 100\n0 2000 100 90 70 0 0\n");
	next_round(round);
	gpu_read(g, d);
	assert_int_equal(d[0].peak, 700);
	assert_int_equal(d[1].peak, 1800);
	assert_true(gpu_share(g) == 0.3);
	/* The GPU disappears; wrong values are reported; it comes back. */
	play("15 0 0 0 0 0 0\n0 2000 5000 90 70 0 0\n");
	next_round(round);
	gpu_read(g, d);
	assert_true(d[0].now.lost && d[1].now.lost);
	assert_string_equal(d[0].error, "GPU is lost");
	assert_true(gpu_share(g) == -1);
	play("0 1000 500 40 61 77 100\n0 2000 100 90 70 0 0\n");
	next_round(round);
	assert_true(gpu_share(g) == 0.5);
	json_auto_t *j = gpu_ring_json(g, 3);
	assert_int_equal(json_array_size(json_object_get(j, "samples")), 3);
	assert_int_equal(json_array_size(json_object_get(j, "devices")), 2);
	gpu_free(g);
	wakeup_free(round);
}

static void put(const char *card, const char *name, const char *text)
{
	AUTO(mem_freep) char *path = mem_printf("%s/drm/%s/device/%s", dir, card, name);
	AUTO(mem_freep) char *folder = mem_printf("%.*s", (int)(file_base(path) - path), path);
	struct err err;
	assert_ok(file_mkdirs(folder, false, &err));
	assert_ok(file_write(path, text, strlen(text), &err));
}

static void sysfs_tells(void **state)
{
	(void)state;
	AUTO(mem_freep) char *root = file_join(dir, "drm");
	struct gpu_device d[GPU_MANY];
	put("card1", "mem_info_vram_total", "17163091968\n");
	put("card1", "mem_info_vram_used", "4290772992\n");
	put("card1", "gpu_busy_percent", "55\n");
	put("card1", "hwmon/hwmon3/temp1_input", "48000\n");
	put("card0", "lmem_total_bytes", "8589934592\n");
	put("card2", "mem_info_vram_total", "1\n"); /* no driver that we know */
	AUTO(mem_freep) char *amd = mem_printf("%s/drm/card1/device/driver", dir);
	AUTO(mem_freep) char *intel = mem_printf("%s/drm/card0/device/driver", dir);
	assert_ok(symlink("/sys/bus/pci/drivers/amdgpu", amd));
	assert_ok(symlink("/sys/bus/pci/drivers/xe", intel));
	struct gpu *g =
		gpu_open(&(struct gpu_options){.nvml = "/nonexistent/libnvidia-ml.so", .sysfs = root});
	assert_int_equal(gpu_read(g, d), 2);
	assert_string_equal(d[0].driver, "xe");
	assert_string_equal(d[1].driver, "amdgpu");
	assert_int_equal(d[1].now.used, 4290772992);
	assert_int_equal(d[1].now.load, 55);
	assert_int_equal(d[1].now.temperature, 48);
	assert_int_equal(d[0].now.temperature, -1);
	gpu_free(g);
}

static void without_a_gpu_all_is_empty(void **state)
{
	(void)state;
	AUTO(mem_freep) char *none = file_join(dir, "none");
	struct gpu_device d[GPU_MANY];
	struct gpu *g = gpu_open(&(struct gpu_options){.nvml = "/nonexistent", .sysfs = none});
	assert_int_equal(gpu_read(g, d), 0);
	assert_true(gpu_share(g) == -1);
	json_auto_t *j = gpu_ring_json(g, 10);
	assert_int_equal(json_array_size(json_object_get(j, "samples")), 0);
	gpu_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_the_goal_nothing_happens),
		cmocka_unit_test(the_ladder_is_climbed_in_order),
		cmocka_unit_test(it_goes_back_when_there_is_room),
		cmocka_unit_test(a_pause_that_helped_ends_at_once),
		cmocka_unit_test(engines_give_signs_without_a_gpu),
		cmocka_unit_test(running_out_shrinks_at_once),
		cmocka_unit_test(nvml_tells),
		cmocka_unit_test(sysfs_tells),
		cmocka_unit_test(without_a_gpu_all_is_empty),
	};
	if (!mkdtemp(dir))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	AUTO(mem_freep) char *rm = mem_printf("rm -r %s", dir);
	return system(rm) == 0 ? failed : 1; /* NOLINT */
}
