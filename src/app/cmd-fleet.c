/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advise/fleet.h"
#include "app/commands.h"
#include "app/demo-video.h"
#include "app/fleet-try.h"
#include "base/file.h"
#include "fleet/creds.h"
#include "fleet/head.h"
#include "store/block.h"

static struct {
	bool json, new_head;
	char *listen, *store, *cert, *key;
	struct fleet_try_options try;
} own;
#define OWN(member) offsetof(__typeof__(own), member)
static const struct opt_row rows[] = {
	{"fleet.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "Print one JSON object.",
     OPT_COMMAND_ONLY},
	{"fleet.nats_listen", "nats-listen", OPT_STRING, OWN(listen), "0.0.0.0:4222", 0, 0, NULL,
     "HOST:PORT", "Of creds: where the NATS server listens.", OPT_COMMAND_ONLY},
	{"fleet.nats_store", "nats-store", OPT_STRING, OWN(store), "/var/lib/nats", 0, 0, NULL,
     "FOLDER", "Of creds: where the NATS server keeps its messages.", OPT_COMMAND_ONLY},
	{"fleet.nats_cert", "nats-cert", OPT_STRING, OWN(cert), "", 0, 0, NULL, "FILE",
     "Of creds: certificate of the NATS server, in PEM; empty: it uses no TLS.", OPT_COMMAND_ONLY},
	{"fleet.nats_key", "nats-key", OPT_STRING, OWN(key), "", 0, 0, NULL, "FILE",
     "Of creds: the key of the certificate.", OPT_COMMAND_ONLY},
	{"fleet.new_head", "new-head", OPT_BOOL, OWN(new_head), "false", 0, 0, NULL, NULL,
     "Of creds: for a head that has not run yet, on any machine, instead of the one here.",
     OPT_COMMAND_ONLY},
	{"fleet.try_hours", "hours", OPT_DOUBLE, OWN(try.hours), DEMO_HOURS, 0.01, 24, NULL, "N",
     "Of try: length of the generated recording in hours.", OPT_COMMAND_ONLY},
	{"fleet.try_dir", "dir", OPT_STRING, OWN(try.dir), DEMO_DIR, 0, 0, NULL, "FOLDER",
     "Of try: output folder for the recording and its reports.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Fleet of this head", rows, ARRAY_LEN(rows)};

/* Of the credentials, or of the journal here, also while a head runs. */
static int head_id(const struct app *app, const char *creds, char out[static STORE_HEAD_ID],
                   struct err *err)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(mem_freep) char *user = NULL, *named = NULL;
	int r = creds ? fleet_creds_read(creds, &user, &named, err) : 0;
	if (named)
		snprintf(out, STORE_HEAD_ID, "%s", named);
	if (r < 0 || named)
		return r;
	r = app_open_store(app, &store, err);
	return r < 0 ? r : store_head_id(store, out, err);
}

static int write_creds(const struct app *app, const char *folder, char **workers, int n,
                       struct err *err)
{
	char id[STORE_HEAD_ID];
	int r = own.new_head ? 0 : head_id(app, NULL, id, err);
	if (r < 0)
		return r;
	const struct fleet_creds with = {.head = own.new_head ? NULL : id,
	                                 .workers = (const char *const *)workers,
	                                 .n_workers = (size_t)n,
	                                 .listen = own.listen,
	                                 .store = own.store,
	                                 .cert = *own.cert ? own.cert : NULL,
	                                 .key = *own.key ? own.key : NULL};
	r = file_mkdirs(folder, true, err);
	if (r == 0)
		r = fleet_creds_write(folder, &with, err);
	if (r == 0)
		printf("%s: nats-server.conf for the NATS server, head.creds and admin.creds for the "
		       "head, and a file for each worker\n",
		       folder);
	return r;
}

static int order(const struct app *app, const char *what, const char *worker, struct err *err)
{
	json_auto_t *answer = NULL;
	char host[FLEET_NAME_MAX + 1], id[STORE_HEAD_ID];
	struct fleet_options link;
	int r = app_fleet_link(&app->fleet, host, &link, err);
	if (r == 0)
		r = head_id(app, link.creds, id, err);
	if (r == 0)
		r = fleet_head_order(&link, id, what, worker, &answer, err);
	if (r < 0)
		return r;
	json_auto_t *view = fleet_view(answer);
	if (own.json) {
		json_dumpf(view, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (!worker) {
		app_fleet_print(view);
	} else if (strcmp(what, "drain") == 0) {
		printf("%s ends after the units that it has\n", worker);
	} else {
		printf("%s is not in the list any more, until it is heard of again\n", worker);
	}
	return 0;
}

static int run(struct app *app, int argc, char **argv)
{
	struct err err;
	const char *what = argc ? argv[0] : "list";
	bool lists = strcmp(what, "list") == 0,
		 changes = strcmp(what, "drain") == 0 || strcmp(what, "forget") == 0;
	if (strcmp(what, "creds") == 0 && argc < 3)
		return app_usage(&cmd_fleet, "creds takes a folder, and the names of the workers");
	if (strcmp(what, "creds") == 0)
		return write_creds(app, argv[1], argv + 2, argc - 2, &err) < 0 ? app_fail(&err)
		                                                               : EXIT_COMPLETE;
	if (strcmp(what, "try") == 0)
		return argc > 1 || own.json ? app_usage(&cmd_fleet, "try takes no argument, and no --json")
		                            : app_fleet_try(app, &own.try);
	if (!lists && !changes)
		return app_usage(&cmd_fleet,
		                 "unknown subcommand \"%s\"; use list, drain, forget, creds or try", what);
	if (changes && argc != 2)
		return app_usage(&cmd_fleet, "%s takes the name of a worker", what);
	if (lists && argc > 1)
		return app_usage(&cmd_fleet, "list takes no argument");
	return order(app, lists ? "state" : what, changes ? argv[1] : NULL, &err) < 0 ? app_fail(&err)
	                                                                              : EXIT_COMPLETE;
}

const struct command cmd_fleet = {
	.name = "fleet",
	.usage = "[list | drain WORKER | forget WORKER | creds FOLDER WORKER… | try] [--fleet ADDRESS]",
	.summary = "list the workers of the analysis that runs here, or end one; try a fleet out",
	.text =
		"On the machine of a head, while it runs:\n"
		"  list           each worker with its state, units, rate, model and version; units that\n"
		"                 wait; and what limits the fleet (--json: as GET /api/v1/fleet replies)\n"
		"  drain WORKER   it ends after the units that it has\n"
		"  forget WORKER  takes one out of the list that is gone\n"
		"Before the first run:\n"
		"  creds FOLDER WORKER…  writes the configuration of a NATS server, and credentials\n"
		"                 for this head and each worker, with the least that each may do\n"
		"To see that it works, without any other machine:\n"
		"  try            runs a NATS server, a head and two workers on this machine, analyzes\n"
		"                 the recording of vdet demo with them, and compares the report with\n"
		"                 that of the same analysis without them; nothing of it stays running.\n"
		"                 Exit code 0 only if all of it was done, and the events are the same\n",
	.groups = GROUP_APP | GROUP_FLEET,
	.own = &group,
	.own_target = &own,
	.run = run,
};
