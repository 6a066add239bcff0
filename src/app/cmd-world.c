/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/world-options.h"
#include "base/text.h"

static struct world_video own;

static int run(struct app *app, int argc, char **argv)
{
	struct err err;
	if (argc != 1)
		return app_usage(&cmd_world, "an output file is required");
	int64_t wanted = own.questions;
	own.world.subjects = strcmp(own.subjects, "hard") == 0 ? WORLD_HARD : WORLD_PLAIN;
	if (world_draw_files(&own, argv[0], app->cancel, &err) < 0)
		return app_fail(&err);
	AUTO(mem_freep) char *truth = world_truth_path(argv[0]);
	printf("wrote %s; its events: %s\n", argv[0], truth);
	if (wanted) {
		AUTO(mem_freep) char *questions = world_questions_path(argv[0]);
		printf("%lld question%s: %s\n", (long long)own.questions, text_s(own.questions), questions);
	}
	return EXIT_COMPLETE;
}

const struct command cmd_world = {
	.name = "world",
	.usage = "FILE.mp4",
	.summary = "generate a test video with known content",
	.text = "Colored shapes appear, stay, meet and leave, determined by the seed.\n"
			"FILE.truth.json lists when. With --questions, FILE.questions.json has questions with\n"
			"their true answers.\n",
	.groups = GROUP_APP,
	.own = &world_opt_group,
	.own_target = &own,
	.run = run,
};
