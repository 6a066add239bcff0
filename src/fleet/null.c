/* SPDX-License-Identifier: Apache-2.0 */
/* In place of everything that needs libnats, where it is missing. */
#include "fleet/creds.h"
#include "fleet/head.h"
#include "fleet/worker.h"

static int missing(struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
	               "this vdet was built without libnats, which a fleet needs; install libnats-dev "
	               "(Debian 12 and newer) and build it again with -Dfleet=enabled");
}

bool fleet_supported(void)
{
	return false;
}

int fleet_try(const struct fleet_options *o, struct err *err)
{
	(void)o;
	return missing(err);
}

int fleet_creds_read(const char *path, char **ret_user, char **ret_head, struct err *err)
{
	(void)path, (void)ret_user, (void)ret_head;
	return missing(err);
}

int fleet_head_open(const struct fleet_options *o, const char *id,
                    const struct fleet_head_hooks *hooks, struct fleet_head **ret, struct err *err)
{
	(void)o, (void)id, (void)hooks, (void)ret;
	return missing(err);
}

void fleet_head_free(struct fleet_head *h)
{
	(void)h;
}

struct runner fleet_head_runner(struct fleet_head *h)
{
	(void)h;
	return (struct runner){0};
}

bool fleet_head_twice(struct fleet_head *h, const struct runner_unit *u, double share)
{
	(void)h, (void)u, (void)share;
	return false;
}

void fleet_head_compared(struct fleet_head *h, const char *first, const char *second, bool same)
{
	(void)h, (void)first, (void)second, (void)same;
}

json_t *fleet_head_state(struct fleet_head *h)
{
	(void)h;
	return json_object();
}

int fleet_head_drain(struct fleet_head *h, const char *worker, struct err *err)
{
	(void)h, (void)worker;
	return missing(err);
}

int fleet_head_forget(struct fleet_head *h, const char *worker, struct err *err)
{
	(void)h, (void)worker;
	return missing(err);
}

int fleet_head_order(const struct fleet_options *o, const char *id, const char *order,
                     const char *worker, json_t **ret, struct err *err)
{
	(void)o, (void)id, (void)order, (void)worker, (void)ret;
	return missing(err);
}

int fleet_worker_run(const struct fleet_worker_options *o, struct cancel *drain,
                     struct cancel *cancel, struct err *err)
{
	(void)o, (void)drain, (void)cancel;
	return missing(err);
}

bool fleet_progress(struct fleet_token *t)
{
	(void)t;
	return false;
}

struct cancel *fleet_token_cancel(struct fleet_token *t)
{
	(void)t;
	return NULL;
}

const char *fleet_token_head(const struct fleet_token *t)
{
	(void)t;
	return "";
}

int fleet_ask(struct fleet_token *t, const char *topic, const char *body, char **ret_reply,
              struct err *err)
{
	(void)t, (void)topic, (void)body, (void)ret_reply;
	return missing(err);
}
