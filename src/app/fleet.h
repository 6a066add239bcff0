/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a fleet, and the head of one inside a command. */
#ifndef VDET_APP_FLEET_H
#define VDET_APP_FLEET_H

#include "base/err.h"
#include "base/mem.h"
#include "fleet/options.h"
#include "net/api/fleet.h"
#include "runner/runner.h"
#include "store/store.h"

struct app_fleet {
	char *url, *creds, *ca, *name;
	char *listen, *address, *cert, *key; /* of a head */
	char *path_map;                      /* of a worker */
	char *twice;                         /* of a head: "1%" */
	int64_t cache, slots, ack_wait, replicas;
	bool direct;
};
struct opt_group;
extern const struct opt_group fleet_opt_group;

/* What all commands have in common. `host` holds the name of this machine if
 * none is given. ERR_ARG. */
int app_fleet_link(const struct app_fleet *o, char host[static FLEET_NAME_MAX + 1],
                   struct fleet_options *ret, struct err *err);

enum { APP_HOST_MAX = 64 };
/* The address of this machine towards the first server of `url`, by which other
 * machines that reach that server may reach this one. False if there is none,
 * or only that of the loopback interface. May ask a name server. */
bool app_fleet_own_address(const char *url, char out[static APP_HOST_MAX]);

struct app;
struct app_head;

/* Starts the head of the fleet that the options name: *ret is NULL if they name
 * none. `store` is borrowed. Blocks for some seconds. */
int app_head_open(const struct app *app, struct store *store, struct app_head **ret,
                  struct err *err);
/* No unit may be in progress; NULL is fine. */
void app_head_free(struct app_head *h);
DEFINE_FREEP(struct app_head, app_head)

/* Prints what fleet_view() returns. */
void app_fleet_print(const json_t *view);

/* NULL for NULL. */
const struct runner *app_head_runner(const struct app_head *h);
const struct api_fleet *app_head_api(const struct app_head *h);

#endif
