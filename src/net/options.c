/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the server. */
#include "net/net.h"

#define AT(member) offsetof(struct net_options, member)

static const struct opt_row rows[] = {
	{"net.listen", "listen", OPT_STRING, AT(listen), "127.0.0.1:8080", 0, 0, NULL, "ADDRESS",
     "Addresses to listen on, separated by commas: HOST:PORT, [IPv6]:PORT or unix:/PATH. Port 0 "
     "takes a free one. Addresses that other machines can reach need a token or user (vdet token "
     "add), or --net-open.",
     0},
	{"net.open", NULL, OPT_BOOL, AT(open), "false", 0, 0, NULL, NULL,
     "Serve other machines without authentication: everybody who reaches the address has full "
     "access.",
     0},
	{"net.tls_cert", "tls-cert", OPT_STRING, AT(tls_cert), "", 0, 0, NULL, "FILE",
     "Certificate chain (PEM); enables HTTPS.", 0},
	{"net.tls_key", "tls-key", OPT_STRING, AT(tls_key), "", 0, 0, NULL, "FILE",
     "Private key of the certificate (PEM).", 0},
	{"net.token_file", "token-file", OPT_STRING, AT(token_file), "", 0, 0, NULL, "FILE",
     "File of tokens and users, written by vdet token; empty: access.txt in the data folder.", 0},
	{"net.origins", NULL, OPT_STRING, AT(origins), "", 0, 0, NULL, "LIST",
     "Other web origins that may use the API, separated by commas: https://cases.example.org", 0},
	{"net.hosts", NULL, OPT_STRING, AT(hosts), "", 0, 0, NULL, "LIST",
     "Host names of this server, separated by commas, that are accepted while no login is needed; "
     "localhost and IP addresses always are.",
     0},
	{"net.proxies", NULL, OPT_STRING, AT(proxies), "", 0, 0, NULL, "LIST",
     "Addresses of proxies whose X-Forwarded-For is trusted, separated by commas.", 0},
	{"net.connections", NULL, OPT_INT, AT(connections), "4096", 1, 1 << 20, NULL, "N",
     "Maximum number of connections.", 0},
	{"net.per_address", NULL, OPT_INT, AT(per_address), "256", 1, 1 << 20, NULL, "N",
     "Maximum number of connections of one address.", 0},
	{"net.rate", NULL, OPT_INT, AT(rate), "200", 0, 1 << 20, NULL, "N",
     "Maximum number of requests per second of one address, on average; 0 = no limit.", 0},
	{"net.session", NULL, OPT_TIME, AT(session), "168h", 60, 31536000, NULL, "TIME",
     "How long a login is valid.", 0},
	{"net.upload_expiry", NULL, OPT_TIME, AT(upload_expiry), "168h", 60, 31536000, NULL, "TIME",
     "How long an incomplete upload is kept after its last request.", 0},
	{"net.silence", NULL, OPT_TIME, AT(silence), "30", 1, 3600, NULL, "TIME",
     "Longest pause in the middle of a request before the connection is closed.", 0},
	{"net.events", NULL, OPT_INT, AT(events), "8192", 16, 1 << 20, NULL, "N",
     "Number of events that are kept for clients that reconnect or are slow; a client that misses "
     "more reloads everything.",
     0},
	{"net.mcp_calls", NULL, OPT_INT, AT(mcp_calls), "60", 0, 1 << 20, NULL, "N",
     "Maximum number of calls an hour of one client of /mcp to tools that start work, such as "
     "look, ask and add_video; the same call again does not count. 0 = no limit.",
     0},
	{"chat.upload_max", NULL, OPT_SIZE, AT(chat_upload_max), "64M", 1, 1e15, NULL, "BYTES",
     "Maximum size of the videos that a request to /v1/chat/completions brings as data; larger "
     "ones are uploaded, or named by their address.",
     0},
	{"chat.max_wait", NULL, OPT_TIME, AT(chat_max_wait), "5min", 0, 86400, NULL, "TIME",
     "When a reply of /v1/chat/completions that is not streamed is sent, with what is known until "
     "then.",
     0},
};

const struct opt_group net_opt_group = {"Server", rows, ARRAY_LEN(rows)};
