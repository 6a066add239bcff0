/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/auth.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/http/http.h"
#include "net/http/route.h"

/* Whether `word` is in a list separated by commas. */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *s = list; s && *s;) {
		s += strspn(s, " ,");
		size_t len = strcspn(s, ",");
		while (len && s[len - 1] == ' ')
			len--;
		if (n && len == n && strncasecmp(s, word, n) == 0)
			return true;
		s += strcspn(s, ",");
	}
	return false;
}

/* The host of "host:port", "[v6]:port" or "host". */
static void host_of(const char *text, char out[static 256])
{
	size_t n = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");
	snprintf(out, 256, "%.*s", (int)(n < 255 ? n : 255), text);
	n = strlen(out);
	if (out[0] == '[' && n > 2 && out[n - 1] == ']') {
		memmove(out, out + 1, n - 2);
		out[n - 2] = '\0';
	}
}

static bool is_address(const char *host)
{
	unsigned char raw[16];
	return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

/* Without authentication, a page of another domain whose name resolves to this
 * machine must not use the API through a browser (DNS rebinding). Addresses
 * cannot be rebound. */
static bool is_known_host(const struct call *c)
{
	const char *text = c->headers[HEADER_HOST];
	char host[256];
	if (!c->local)
		return true;
	if (!text)
		return false;
	host_of(text, host);
	size_t n = strlen(host);
	return is_address(host) || strcasecmp(host, "localhost") == 0 ||
	       (n > 10 && strcasecmp(host + n - 10, ".localhost") == 0) ||
	       listed(c->http->setup.hosts, host);
}

static bool is_known_origin(const struct call *c)
{
	const char *origin = c->headers[HEADER_ORIGIN], *host = c->headers[HEADER_HOST];
	if (!origin)
		return true;
	if (listed(c->http->setup.origins, origin))
		return true;
	const char *authority = strstr(origin, "://");
	return authority && host && strcasecmp(authority + 3, host) == 0;
}

/* Without authentication a page of another site must not read anything either:
 * a picture or a script of it would be sent without Origin. Following a link to
 * the page itself is allowed. */
static bool is_foreign_read(const struct call *c)
{
	const char *site = c->headers[HEADER_FETCH_SITE], *mode = c->headers[HEADER_FETCH_MODE];
	const char *origin = c->headers[HEADER_ORIGIN];
	bool foreign =
		site && (strcasecmp(site, "cross-site") == 0 || strcasecmp(site, "same-site") == 0);
	bool link = mode && strcasecmp(mode, "navigate") == 0 && strncmp(c->path, "/api/", 5) != 0;
	return foreign && !link && !(origin && listed(c->http->setup.origins, origin));
}

/* Whether a page of another site made its visitor's browser send this. */
static bool is_forged(const struct call *c)
{
	const char *site = c->headers[HEADER_FETCH_SITE];
	bool reads = c->method == METHOD_GET || c->method == METHOD_HEAD || c->method == METHOD_OPTIONS;
	if (c->route && c->route->flags & ROUTE_ORIGIN && !is_known_origin(c))
		return true;
	if (c->headers[HEADER_AUTHORIZATION])
		return false; /* a browser does not add this by itself */
	if (c->local && reads && is_foreign_read(c))
		return true;
	if (!is_known_origin(c))
		return !reads || (c->route && c->route->flags & ROUTE_SOCKET);
	return !reads && site && strcasecmp(site, "cross-site") == 0 && !c->headers[HEADER_ORIGIN];
}

static bool cookie_user(struct call *c)
{
	for (const char *s = c->headers[HEADER_COOKIE]; s && *s;) {
		s += strspn(s, " ;");
		size_t n = strcspn(s, ";");
		if (n > 5 && strncmp(s, "vdet=", 5) == 0) {
			AUTO(mem_freep)
			char *value = mem_printf("%.*s", (int)(n - 5 < 1000 ? n - 5 : 1000), s + 5);
			if (access_cookie(c->http->setup.access, value, &c->who))
				return true;
		}
		s += n;
	}
	return false;
}

/* Clients of OpenAI's API always send a token, also where none is needed. */
static bool sends_any_token(const struct call *c)
{
	return strncmp(c->path, "/v1/", 4) == 0;
}

static void find_user(struct call *c)
{
	const char *auth = c->headers[HEADER_AUTHORIZATION];
	c->who = (struct who){.name = "", .role = ROLE_NONE};
	bool token = auth && strncasecmp(auth, "bearer ", 7) == 0;
	if (token)
		access_token(c->http->setup.access, auth + 7 + strspn(auth + 7, " "), &c->who);
	if (token ? c->local && sends_any_token(c) : !cookie_user(c) && c->local) {
		snprintf(c->who.name, sizeof c->who.name, "local");
		c->who.role = ROLE_ADMIN;
	}
}

static bool is_over_limit(struct call *c)
{
	double wait = 0;
	int64_t now = clock_now();
	bool ok = rate_limiter_request(c->http->setup.limiter, c->address, now, &wait);
	if (ok && c->route && c->route->flags & ROUTE_LOGIN)
		ok = rate_limiter_login(c->http->setup.limiter, c->address, now, &wait);
	if (ok)
		return false;
	call_problem(c, 429, "rate", "rate limit exceeded for %s; try again in %.0f seconds",
	             c->address, wait + 1);
	call_head(c, "Retry-After", "%.0f", wait + 1);
	return true;
}

/* A browser asks whether a page of another origin may send a request (CORS). */
static bool is_preflight(const struct call *c)
{
	return c->method == METHOD_OPTIONS && c->headers[HEADER_ORIGIN] &&
	       c->headers[HEADER_REQUEST_METHOD];
}

static bool find_route(struct call *c)
{
	AUTO(buf_free) struct buf allow = BUF(200);
	const struct http_setup *s = &c->http->setup;
	c->route = route_find(s->tables, s->n_tables, c->method, c->path, &c->args, &c->ctx, &allow);
	if (c->route && !is_preflight(c))
		return true;
	if (c->method == METHOD_OPTIONS && allow.len) {
		call_empty(c, 204);
		call_head(c, "Allow", "%s, OPTIONS", buf_str(&allow));
		if (is_preflight(c) && listed(c->http->setup.origins, c->headers[HEADER_ORIGIN])) {
			call_head(c, "Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
			call_head(c, "Access-Control-Allow-Headers",
			          "Authorization, Content-Type, Tus-Resumable, Upload-Offset, Upload-Length, "
			          "Upload-Metadata, Upload-Checksum, Upload-Concat, Upload-Defer-Length, "
			          "X-HTTP-Method-Override, X-Requested-With, Mcp-Protocol-Version, "
			          "Mcp-Method, Mcp-Name");
			call_head(c, "Access-Control-Max-Age", "600");
		}
	} else if (allow.len) {
		call_problem(c, 405, "method", "method not allowed; allowed here: %s", buf_str(&allow));
		call_head(c, "Allow", "%s", buf_str(&allow));
	} else {
		call_problem(c, 404, "not-found", "no such path; /api/v1/openapi.json lists all paths");
	}
	return false;
}

static bool check_role(struct call *c)
{
	if (c->who.role >= c->route->role)
		return true;
	if (c->who.role == ROLE_NONE) {
		bool tried = c->headers[HEADER_AUTHORIZATION] != NULL;
		call_problem(c, 401, "login", tried ? "unknown token" : "log in or send a token");
		call_head(c, "WWW-Authenticate", "Bearer realm=\"vdet\"%s",
		          tried ? ", error=\"invalid_token\"" : "");
	} else {
		call_problem(c, 403, "role", "the role %s is required; %s has the role %s",
		             role_name(c->route->role), c->who.name, role_name(c->who.role));
	}
	return false;
}

bool auth_admit(struct call *c)
{
	c->local = !access_needed(c->http->setup.access);
	if (!is_known_host(c)) {
		const char *host = c->headers[HEADER_HOST];
		call_problem(
			c, 403, "host",
			"unknown host name \"%.200s\"; add it to net.hosts, or add a token or user (vdet token "
			"add)",
			host ? host : "");
		return false;
	}
	bool found = find_route(c);
	if (is_over_limit(c) || !found)
		return false;
	if (is_forged(c)) {
		call_problem(c, 403, "origin",
		             "the request comes from a page of another origin; add the origin to "
		             "net.origins to allow it");
		return false;
	}
	find_user(c);
	return check_role(c);
}

void auth_add_cors(struct call *c)
{
	const char *origin = c->headers[HEADER_ORIGIN];
	bool allowed = origin && listed(c->http->setup.origins, origin);
	call_head(c, "Cross-Origin-Resource-Policy", allowed ? "cross-origin" : "same-origin");
	if (!*c->http->setup.origins)
		return;
	call_head(c, "Vary", "Origin");
	if (!allowed)
		return;
	call_head(c, "Access-Control-Allow-Origin", "%s", origin);
	call_head(c, "Access-Control-Allow-Credentials", "true");
	call_head(
		c, "Access-Control-Expose-Headers",
		"Location, Upload-Offset, Upload-Length, Upload-Expires, Upload-Metadata, Upload-Concat, "
		"Upload-Defer-Length, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, "
		"Tus-Checksum-Algorithm, Vdet-Video, Vdet-Job, Retry-After");
}
