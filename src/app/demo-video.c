/* SPDX-License-Identifier: Apache-2.0 */
#include "app/demo-video.h"

#include <stddef.h>

#include "app/world-options.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"

/* This interval shows events of a few seconds; the demo model works best with
 * four frames. */
const struct demo_setting demo_settings[] = {
	{"chunk.duration", "--chunk-duration", "12"},
	{"chunk.frames", "--chunk-frames", "4"},
	{"frame.size", "--frame-size", "640"},
	{NULL, NULL, NULL},
};

int demo_video_draw(const char *dir, int64_t seed, double hours, struct cancel *cancel,
                    struct world_video *ret, char **ret_path, struct err *err)
{
	struct world_video v = {0};
	struct opt_bind bind = {&world_opt_group, &v};
	int n;
	int r = opt_parse(&(struct opt_set){&bind, 1}, NULL, NULL, NULL, NULL, &n, err);
	opt_free(&(struct opt_set){&bind, 1}); /* of the defaults, numbers count */
	if (r < 0)
		return r;

	v.world.seed = seed;
	v.world.duration_us = (int64_t)(hours * 3600) * CLOCK_SECOND;
	AUTO(mem_freep)
	char *name = mem_printf("recording-%lld-%llds.mp4", (long long)seed,
	                        (long long)(v.world.duration_us / CLOCK_SECOND));
	AUTO(mem_freep) char *path = file_join(dir, name);
	AUTO(mem_freep) char *truth = world_truth_path(path);
	r = file_mkdirs(dir, false, err);
	if (r == 0 && !(file_exists(path) && file_exists(truth)))
		r = world_draw_files(&v, path, cancel, err);
	if (r < 0)
		return r;
	*ret = v;
	*ret_path = TAKE(path);
	return 0;
}
