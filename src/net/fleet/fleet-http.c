/* SPDX-License-Identifier: Apache-2.0 */
#include "net/fleet/fleet-http.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/fleet/routes.h"
#include "net/http/service.h"

enum {
	CONNECTIONS = 4096,
	PER_ADDRESS = 256, /* many workers may be behind one address */
	SILENCE = 60,      /* seconds within a request */
	STOP_TIME = 5,     /* seconds for open requests when the server stops */
	HOST_MAX = 256,
};

struct fleet_http {
	struct fleet_http_options options;
	struct fleet_files files;
	struct route_table table;
	char hosts[HOST_MAX]; /* the name in the address of this server */
	struct service service;
	int listener; /* -1 = the service has it, or there is none yet */
	struct access *access;
	pthread_t thread;
	bool running, tls;
	_Atomic bool ending;
};

/* ---- the thread */

static void *serve(void *arg)
{
	struct fleet_http *f = arg;
	int64_t until = 0;
	for (;;) {
		if (f->ending && !until) {
			until = clock_now() + STOP_TIME * CLOCK_SECOND;
			service_stop(&f->service);
		}
		if (until && (http_idle(f->service.http) || clock_now() >= until))
			break;
		if (lws_service(f->service.lws, 0) < 0)
			break;
	}
	f->service.http->stopping = true;
	return NULL;
}

/* ---- start */

static int open_service(struct fleet_http *f, struct err *err)
{
	f->table = (struct route_table){fleet_routes, n_fleet_routes, &f->files};
	const struct service_setup setup = {.name = "vdet-fleet",
	                                    .cert = f->options.tls_cert,
	                                    .key = f->options.tls_key,
	                                    .tables = &f->table,
	                                    .n_tables = 1,
	                                    .access = f->access,
	                                    .origins = "",
	                                    .hosts = f->hosts,
	                                    .proxies = "",
	                                    .connections = CONNECTIONS,
	                                    .per_address = PER_ADDRESS,
	                                    .silence = SILENCE * CLOCK_SECOND};
	return service_open(&f->service, &setup, err);
}

/* Sets how workers reach the server, and the name that they will use. */
static int set_url(struct fleet_http *f, const struct listen_address *a, int port, struct err *err)
{
	const char *given = f->options.address;
	char host[HOST_MAX] = "localhost";
	const char *scheme = f->tls ? "https" : "http";
	bool any = !*a->host || strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
	if (given && *given) {
		if (strncasecmp(given, "http://", 7) != 0 && strncasecmp(given, "https://", 8) != 0)
			return err_set(err, ERR_ARG, "%s: expected http://HOST:PORT (--fleet-address)", given);
		size_t n = strlen(given);
		while (n && given[n - 1] == '/')
			n--;
		if (n >= sizeof f->files.url)
			return err_set(err, ERR_ARG, "--fleet-address is too long");
		snprintf(f->files.url, sizeof f->files.url, "%.*s", (int)n, given);
	} else if (!any || (f->options.host && !f->tls)) {
		const char *is = any ? f->options.host : a->host;
		snprintf(f->files.url, sizeof f->files.url, strchr(is, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
		         scheme, is, port);
	} else {
		gethostname(host, sizeof host - 1);
		snprintf(f->files.url, sizeof f->files.url, "%s://%s:%d", scheme, host, port);
	}
	const char *name = strstr(f->files.url, "://") + 3;
	size_t n = name[0] == '[' ? strcspn(name, "]") + 1 : strcspn(name, ":/");
	snprintf(f->hosts, sizeof f->hosts, "%.*s", (int)(n < HOST_MAX ? n : HOST_MAX - 1), name);
	return 0;
}

static int listen_on(struct fleet_http *f, struct err *err)
{
	struct listen_address a;
	int port = 0;
	const char *given = f->options.listen;
	const char *text = given && *given ? given : "0.0.0.0:0";
	int r = listen_parse(text, strlen(text), &a, err);
	if (r == 0 && a.unix_socket)
		r = err_set(err, ERR_ARG, "%s: workers on other machines cannot reach it", text);
	if (r == 0)
		r = listen_open(&a, &f->listener, &port, err);
	return r < 0 ? err_wrap(err, "the server for workers (--fleet-listen)")
	             : set_url(f, &a, port, err);
}

static int begin(struct fleet_http *f, struct err *err)
{
	int r = service_add(&f->service, f->listener, err);
	f->listener = -1;
	if (r == 0)
		r = service_begin(&f->service, err);
	if (r < 0)
		return r;
	if (pthread_create(&f->thread, NULL, serve, f) != 0)
		return err_set(err, ERR_LIMIT, "cannot start a thread");
	f->running = true;
	return 0;
}

int fleet_http_start(const struct fleet_http_options *o, struct fleet_http **ret, struct err *err)
{
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	AUTO(fleet_http_freep) struct fleet_http *f = mem_alloc(1, sizeof *f);
	f->options = *o;
	f->listener = -1;
	f->tls = o->tls_cert && *o->tls_cert;
	if (f->tls != (o->tls_key && *o->tls_key))
		return err_set(err, ERR_ARG, "TLS for workers needs a certificate and its key");
	fleet_files_init(&f->files, &f->options);
	/* There are no logins: an address is its own permission. */
	int r = access_open("/dev/null", "/dev/null", 0, &f->access, err);
	if (r == 0)
		r = listen_on(f, err);
	if (r == 0)
		r = open_service(f, err);
	if (r == 0)
		r = begin(f, err);
	if (r == 0)
		*ret = TAKE(f);
	return r;
}

void fleet_http_free(struct fleet_http *f)
{
	if (!f)
		return;
	f->ending = true;
	if (f->running) {
		service_wake(&f->service);
		pthread_join(f->thread, NULL);
	}
	service_end(&f->service);
	service_join(&f->service);
	service_clear(&f->service);
	fd_closep(&f->listener);
	access_free(f->access);
	fleet_files_clear(&f->files);
	free(f);
}

const char *fleet_http_url(const struct fleet_http *f)
{
	return f->files.url;
}

struct fleet_http_counts fleet_http_count(const struct fleet_http *f)
{
	const struct http_counts *c = &f->service.http->counts;
	return (struct fleet_http_counts){c->requests, c->sent, c->received};
}

int fleet_http_address(struct fleet_http *f, const char *worker, enum remote_kind kind,
                       const char *sha256, bool relayed, char **ret, struct err *err)
{
	return fleet_files_address(&f->files, worker, kind, sha256, relayed, ret, err);
}
