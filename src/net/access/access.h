/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and users with their roles, and the cookies of logins.
 *
 * The file holds hashes only: SHA-256 of tokens, which are random and long;
 * argon2id of passwords. It is read again when it changes.
 *
 * Thread-safe. access_password() and access_add_user() take a tenth of a second
 * and 64 MB; changes write the file; the others do not block. */
#ifndef VDET_NET_ACCESS_ACCESS_H
#define VDET_NET_ACCESS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"

enum role { ROLE_NONE, ROLE_VIEW, ROLE_SUBMIT, ROLE_ADMIN };
const char *role_name(enum role role);
int role_find(const char *name, enum role *ret, struct err *err); /* ERR_ARG */

enum { ACCESS_NAME_MAX = 41, ACCESS_TOKEN_MAX = 80, ACCESS_COOKIE_MAX = 256 };

struct who {
	char name[ACCESS_NAME_MAX];
	enum role role;
};

struct access;

/* `key_file` holds the key that signs cookies, and is created when it is first
 * needed. Cookies are valid for `session` microseconds. ERR_FORMAT names the
 * line of the file. */
int access_open(const char *file, const char *key_file, int64_t session, struct access **ret,
                struct err *err);
void access_free(struct access *a);
DEFINE_FREEP(struct access, access)

/* Whether requests must authenticate: there are entries, or were since
 * access_open(). */
bool access_needed(struct access *a);
bool access_token(struct access *a, const char *token, struct who *ret);
bool access_password(struct access *a, const char *user, const char *password, struct who *ret);

int access_cookie_new(struct access *a, const struct who *who, char out[static ACCESS_COOKIE_MAX],
                      struct err *err);
bool access_cookie(struct access *a, const char *cookie, struct who *ret);
/* Revokes a cookie until the process ends. */
void access_cookie_end(struct access *a, const char *cookie);

/* The token is not stored and cannot be read again. ERR_BUSY: the name exists. */
int access_add_token(struct access *a, const char *name, enum role role,
                     char out[static ACCESS_TOKEN_MAX], struct err *err);
int access_add_user(struct access *a, const char *name, enum role role, const char *password,
                    struct err *err);
/* ERR_NOENT. With `keep_admin`, ERR_BUSY for the last entry with the role
 * admin: without it, no client could change tokens and settings by the API. */
int access_remove(struct access *a, const char *name, bool keep_admin, struct err *err);
/* [{"name", "kind": "token" or "user", "role"}]; the caller owns it. */
json_t *access_list(struct access *a);

#endif
