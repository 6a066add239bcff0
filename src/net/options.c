/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table that say where the server listens, and to whom. */
#include "net/net.h"

#define AT(member) offsetof(struct net_options, member)

static const struct opt_row rows[] = {
	{"net.listen", "listen", OPT_STRING, AT(listen), "127.0.0.1:8080", 0, 0, NULL, "ADDRESS",
     "Where to listen: HOST:PORT, [IPv6]:PORT or unix:/PATH; several with commas. Port 0 takes a "
     "free one. Addresses "
     "that others can reach need a token (vdet token add) or TLS.",
     0},
	{"net.tls_cert", "tls-cert", OPT_STRING, AT(tls_cert), "", 0, 0, NULL, "FILE",
     "Certificate chain (PEM): speaks HTTPS.", 0},
	{"net.tls_key", "tls-key", OPT_STRING, AT(tls_key), "", 0, 0, NULL, "FILE",
     "Its private key (PEM).", 0},
	{"net.token_file", "token-file", OPT_STRING, AT(token_file), "", 0, 0, NULL, "FILE",
     "Who may do what, as written by vdet token; empty: access.txt in the data folder.", 0},
	{"net.origins", NULL, OPT_STRING, AT(origins), "", 0, 0, NULL, "LIST",
     "Web origins beside our own that may use the API, with commas: https://cases.example.org", 0},
	{"net.hosts", NULL, OPT_STRING, AT(hosts), "", 0, 0, NULL, "LIST",
     "Names that this server may be called by while nobody has to log in, with commas; addresses "
     "of this machine "
     "always "
     "are.",
     0},
	{"net.proxies", NULL, OPT_STRING, AT(proxies), "", 0, 0, NULL, "LIST",
     "Addresses of proxies whose X-Forwarded-For is believed, with commas.", 0},
	{"net.connections", NULL, OPT_INT, AT(connections), "4096", 1, 1 << 20, NULL, "N",
     "Most connections at once.", 0},
	{"net.per_address", NULL, OPT_INT, AT(per_address), "256", 1, 1 << 20, NULL, "N",
     "Most connections of one address at once.", 0},
	{"net.rate", NULL, OPT_INT, AT(rate), "200", 0, 1 << 20, NULL, "N",
     "Requests per second of one address, in the long run; 0 = any number.", 0},
	{"net.session", NULL, OPT_TIME, AT(session), "168h", 60, 31536000, NULL, "TIME",
     "How long a login lasts.", 0},
	{"net.upload_expiry", NULL, OPT_TIME, AT(upload_expiry), "168h", 60, 31536000, NULL, "TIME",
     "How long an unfinished upload is kept after its last piece.", 0},
	{"net.silence", NULL, OPT_TIME, AT(silence), "30", 1, 3600, NULL, "TIME",
     "Longest silence in the middle of a request before the connection is given up.", 0},
	{"net.events", NULL, OPT_INT, AT(events), "8192", 16, 1 << 20, NULL, "N",
     "Events that are kept for clients that were away or are slow; who misses more loads "
     "everything anew.",
     0},
};

const struct opt_group net_opt_group = {"Server", rows, ARRAY_LEN(rows)};
