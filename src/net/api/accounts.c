/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "config.h"
#include "net/api/api.h"
#include "net/api/handlers.h"

static json_t *me(const struct call *c, const struct who *who)
{
	return json_pack("{s:s, s:s, s:b, s:s}", "user", who->name, "role", role_name(who->role),
	                 "auth", (int)!c->local, "version", VDET_VERSION);
}

int handle_me(struct call *c, struct err *err)
{
	(void)err;
	call_json(c, 200, me(c, &c->who));
	return 0;
}

static const char *text_in(const struct call *c, const char *name)
{
	return json_string_value(json_object_get(c->body, name));
}

int handle_login(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	char cookie[ACCESS_COOKIE_MAX];
	const char *user = text_in(c, "user"), *password = text_in(c, "password"),
			   *token = text_in(c, "token");
	struct who who;
	if (!token && (!user || !password))
		return err_set(err, ERR_ARG, "expected user and password, or token, each a string");
	bool good = token ? access_token(api->access, token, &who)
	                  : access_password(api->access, user, password, &who);
	if (!good) {
		call_problem(c, 401, "login", token ? "unknown token" : "wrong user or password");
		return 0;
	}
	int r = access_cookie_new(api->access, &who, cookie, err);
	if (r < 0)
		return r;
	const char *proto = c->headers[HEADER_FORWARDED_PROTO];
	bool secure = c->http->setup.tls || (proto && strcmp(proto, "https") == 0);
	call_head(c, "Set-Cookie", "vdet=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", cookie,
	          (long long)(api->session / CLOCK_SECOND), secure ? "; Secure" : "");
	call_json(c, 200, me(c, &who));
	return 0;
}

int handle_logout(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	const char *cookie = c->headers[HEADER_COOKIE], *ours = cookie ? strstr(cookie, "vdet=") : NULL;
	(void)err;
	if (ours) {
		AUTO(mem_freep) char *value = mem_printf("%.*s", (int)strcspn(ours + 5, ";"), ours + 5);
		access_cookie_end(api->access, value);
	}
	call_head(c, "Set-Cookie", "vdet=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
	call_empty(c, 204);
	return 0;
}

int handle_tokens(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	(void)err;
	call_json(c, 200, json_pack("{s:o}", "tokens", access_list(api->access)));
	return 0;
}

int handle_token_new(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	char token[ACCESS_TOKEN_MAX];
	enum role role;
	const char *name = text_in(c, "name");
	int r = role_find(text_in(c, "role"), &role, err);
	if (r == 0)
		r = access_add_token(api->access, name ? name : "", role, token, err);
	if (r == 0)
		call_json(
			c, 201,
			json_pack("{s:s, s:s, s:s}", "name", name, "role", role_name(role), "token", token));
	return r;
}

int handle_token_delete(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	int r = access_remove(api->access, c->args.text[0], true, err);
	if (r == 0)
		call_empty(c, 204);
	return r;
}
