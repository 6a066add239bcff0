/* SPDX-License-Identifier: Apache-2.0 */
#include "app/web.h"

#include <stddef.h>
#include <stdlib.h>

#include "app/app.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/opt.h"
#include "remote/web.h"

#define AT(member) offsetof(struct app_web, member)

static const struct opt_row rows[] = {
	{"source.sha256", NULL, OPT_STRING, AT(sha256), "", 0, 0, NULL, "HEX",
     "SHA-256 that the video must have. A video at an address is then not read as a whole before, "
     "if the journal knows it.",
     OPT_COMMAND_ONLY},
	{"source.cache", NULL, OPT_SIZE, AT(cache), "20G", 64 << 20, 1e15, NULL, "BYTES",
     "How much of videos at addresses is kept on this machine's disk.", 0},
	{"source.timeout", NULL, OPT_TIME, AT(timeout), "600", 0, 86400, NULL, "SECONDS",
     "How long a server that cannot be reached any more is tried again.", 0},
	{"s3.endpoint", NULL, OPT_STRING, AT(endpoint), "", 0, 0, NULL, "URL",
     "Server for s3://BUCKET/KEY that is not of AWS: https://HOST:PORT; empty: what the variable "
     "AWS_ENDPOINT_URL says, or AWS.",
     0},
	{"s3.region", NULL, OPT_STRING, AT(region), "", 0, 0, NULL, "NAME",
     "Its region; empty: what the variable AWS_REGION says, or us-east-1.", 0},
};
const struct opt_group web_opt_group = {"Addresses", rows, ARRAY_LEN(rows)};

/* The first of the variables that is set. */
static const char *variable(const char *first, const char *second)
{
	const char *value = getenv(first);
	return value && *value ? value : second ? getenv(second) : NULL;
}

int app_web_open(const struct app *app, struct store *store, bool clients, struct remote_web **ret,
                 struct err *err)
{
	const struct app_web *o = &app->web;
	*ret = NULL;
	if (!o->sha256) /* the command does not take the options */
		return 0;
	if (*o->sha256 && !hash_is_hex(o->sha256))
		return err_set(err, ERR_ARG, "--source-sha256 %.70s: a SHA-256 has 64 digits 0-9 and a-f",
		               o->sha256);
	AUTO(mem_freep) char *cache = file_join(app->data_dir, "source-cache");
	const struct remote_web_options with = {
		.store = store,
		.cache_dir = cache,
		.cache_limit = o->cache,
		.patience = o->timeout ? o->timeout : 1,
		.leave = clients ? app->board.free_min : 0,
		.clients = clients,
		.private = clients && app->board.fetch_private,
		.s3 = {.endpoint =
	               *o->endpoint ? o->endpoint : variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
	           .region = *o->region ? o->region : variable("AWS_REGION", "AWS_DEFAULT_REGION"),
	           .key_id = getenv("AWS_ACCESS_KEY_ID"),
	           .secret = getenv("AWS_SECRET_ACCESS_KEY"),
	           .session = getenv("AWS_SESSION_TOKEN")}};
	*ret = remote_web_new(&with);
	return 0;
}
