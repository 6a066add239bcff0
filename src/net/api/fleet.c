/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of the server's fleet. */
#include "net/api/fleet.h"

#include "advise/fleet.h"
#include "net/api/api.h"
#include "net/api/handlers.h"

int handle_fleet(struct call *c, struct err *err)
{
	const struct api_fleet *fleet = ((const struct api *)c->ctx)->fleet;
	(void)err;
	call_json(c, 200, fleet ? fleet->view(fleet->ctx) : fleet_view(NULL));
	return 0;
}

static int no_fleet(struct err *err)
{
	return err_set(err, ERR_NOENT, "this server has no fleet; it is started with --fleet ADDRESS");
}

int handle_fleet_drain(struct call *c, struct err *err)
{
	const struct api_fleet *fleet = ((const struct api *)c->ctx)->fleet;
	int r = fleet ? fleet->drain(fleet->ctx, c->args.text[0], err) : no_fleet(err);
	if (r == 0)
		call_empty(c, 202);
	if (r != -ERR_IO)
		return r;
	call_problem(c, 503, "nats", "no message can be sent to the worker: %s", err->msg);
	return 0;
}

int handle_fleet_forget(struct call *c, struct err *err)
{
	const struct api_fleet *fleet = ((const struct api *)c->ctx)->fleet;
	int r = fleet ? fleet->forget(fleet->ctx, c->args.text[0], err) : no_fleet(err);
	if (r == 0)
		call_empty(c, 204);
	return r;
}
