#include <stdio.h>

#include "app/app.h"
#include "app/ui.h"
#include "job/survey.h"

static int print(const struct plan *p, struct err *err)
{
	json_auto_t *j = plan_json(p);
	if (json_dumpf(j, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) < 0 || putchar('\n') < 0 || fflush(stdout) != 0)
		return err_set(err, ERR_IO, "cannot write to standard output");
	return 0;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(plan_freep) struct plan *plan = NULL;
	struct err err;
	if (argc != 1)
		return app_usage(&cmd_plan, "name one video");
	AUTO(store_freep) struct store *store = NULL;
	int r = app_open_store(app, &store, &err);
	if (r < 0)
		return app_fail(&err);
	AUTO(progress_freep) struct progress *progress = progress_new(NULL, NULL);
	const struct analyze a = {.options = &app->analyze, .store = store, .progress = progress, .cancel = app->cancel};
	r = survey_file(&a, argv[0], &plan, &err);
	if (r == 0)
		r = print(plan, &err);
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_plan = {
	.name = "plan",
	.usage = "FILE",
	.summary = "print which frames of a video would be looked at, as JSON",
	.text = "No model is needed. Edited or not, `vdet analyze FILE --plan PLAN` follows it: chunks may be moved,\n"
			"joined, parted or left out, and their times be set at will.\n",
	.groups = GROUP_APP | GROUP_ANALYZE,
	.run = run,
};
