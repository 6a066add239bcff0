/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/fleet.h"
#include "base/opt.h"
#include "fleet/creds.h"

#define AT(member) offsetof(struct app_fleet, member)

static const struct opt_row rows[] = {
	{"fleet.url", "fleet", OPT_STRING, AT(url), "", 0, 0, NULL, "ADDRESS",
     "NATS server through which head and workers find each other: nats://HOST:PORT or "
     "tls://HOST:PORT, several with commas between. Empty: this machine does everything.",
     0},
	{"fleet.creds", NULL, OPT_STRING, AT(creds), "", 0, 0, NULL, "FILE",
     "Credentials for the NATS server, as made by `vdet fleet creds`.", 0},
	{"fleet.ca", NULL, OPT_STRING, AT(ca), "", 0, 0, NULL, "FILE",
     "Certificates to trust for tls:// addresses and for heads with https:// addresses, in PEM; "
     "empty: those of the system.",
     0},
	{"fleet.name", NULL, OPT_STRING, AT(name), "", 0, 0, NULL, "NAME",
     "Name of this machine in the fleet: letters, digits, - and _; empty: that of the "
     "credentials, or its host name.",
     0},
	{"fleet.listen", NULL, OPT_STRING, AT(listen), "", 0, 0, NULL, "HOST:PORT",
     "Where a head gives its workers the videos; empty: all addresses, and a free port.", 0},
	{"fleet.address", NULL, OPT_STRING, AT(address), "", 0, 0, NULL, "URL",
     "How workers reach that; empty: http://HOST:PORT with the address of this machine towards the "
     "NATS server, or its host name if that is a loopback address; with a certificate "
     "https://HOSTNAME:PORT.",
     0},
	{"fleet.cert", NULL, OPT_STRING, AT(cert), "", 0, 0, NULL, "FILE",
     "Of a head: the certificate for that, in PEM, so that videos are encrypted on their way.", 0},
	{"fleet.key", NULL, OPT_STRING, AT(key), "", 0, 0, NULL, "FILE",
     "Of a head: the key of the certificate, in PEM.", 0},
	{"fleet.path_map", "path-map", OPT_STRING, AT(path_map), "", 0, 0, NULL, "FROM=TO",
     "Of a worker: videos that the head has below the folder FROM are here below the folder TO, "
     "and are read from there.",
     0},
	{"fleet.cache", NULL, OPT_SIZE, AT(cache), "20G", 64 << 20, 1e15, NULL, "BYTES",
     "Of a worker: how much of videos is kept on its disk.", 0},
	{"fleet.ack_wait", NULL, OPT_TIME, AT(ack_wait), "30", 2, 3600, NULL, "SECONDS",
     "Of a head: a worker that gives no sign for so long is taken for lost, and its work goes to "
     "another.",
     0},
	{"fleet.direct", NULL, OPT_BOOL, AT(direct), "true", 0, 0, NULL, NULL,
     "Of a head: workers read videos at http, https and s3 addresses there themselves, if they can "
     "reach them, and not through the head.",
     0},
	{"fleet.double", NULL, OPT_STRING, AT(twice), "", 0, 0, NULL, "SHARE",
     "Of a head: this share of the chunks, as 1%, is done a second time by another worker, and "
     "both results are compared; empty: none.",
     0},
	{"fleet.replicas", NULL, OPT_INT, AT(replicas), "1", 1, 5, NULL, "N",
     "Of a head: on how many servers of a NATS cluster each message is kept; 3 survives the loss "
     "of one.",
     0},
	{"fleet.slots", NULL, OPT_INT, AT(slots), "0", 0, 256, NULL, "N",
     "Of a worker: units at the same time; 0 = one more than the engine's slots.", 0},
};
const struct opt_group fleet_opt_group = {"Fleet", rows, sizeof rows / sizeof *rows};

/* The host name without what no name may have. */
static void host_name(char out[static FLEET_NAME_MAX + 1])
{
	char host[FLEET_NAME_MAX + 1] = "";
	size_t n = 0;
	gethostname(host, sizeof host - 1);
	for (const char *p = host; *p && *p != '.'; p++) {
		const char c[] = {*p, '\0'};
		out[n++] = fleet_name_valid(c) ? *p : '-';
	}
	out[n] = '\0';
	if (!n)
		snprintf(out, FLEET_NAME_MAX + 1, "unnamed");
}

/* The name that none was given for: that of the credentials, or of the host. */
static int find_name(const struct app_fleet *o, char out[static FLEET_NAME_MAX + 1],
                     struct err *err)
{
	AUTO(mem_freep) char *user = NULL, *head = NULL;
	int r = *o->creds ? fleet_creds_read(o->creds, &user, &head, err) : 0;
	if (r == 0 && user && fleet_name_valid(user))
		snprintf(out, FLEET_NAME_MAX + 1, "%s", user);
	else
		host_name(out);
	return r;
}

int app_fleet_link(const struct app_fleet *o, char host[static FLEET_NAME_MAX + 1],
                   struct fleet_options *ret, struct err *err)
{
	if (!fleet_supported())
		return err_set(err, ERR_UNSUPPORTED,
		               "this vdet was built without libnats, which a fleet needs; install "
		               "libnats-dev and build it again");
	if (!*o->url)
		return err_set(err, ERR_ARG, "--fleet is missing: the address of the NATS server");
	if (*o->name && !fleet_name_valid(o->name))
		return err_set(err, ERR_ARG,
		               "--fleet-name %s: use letters, digits, - and _, at most %d of them", o->name,
		               FLEET_NAME_MAX);
	int r = find_name(o, host, err);
	if (r < 0)
		return r;
	/* It may be for the addresses of heads alone. */
	bool tls = strstr(o->url, "tls://");
	*ret = (struct fleet_options){.url = o->url,
	                              .creds = *o->creds ? o->creds : NULL,
	                              .ca = tls && *o->ca ? o->ca : NULL,
	                              .name = *o->name ? o->name : host,
	                              .ack_wait = o->ack_wait,
	                              .replicas = (int)o->replicas};
	return 0;
}
