/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the file of tokens and passwords, and the cookies of those
 * who logged in.
 *
 * The file holds hashes only: SHA-256 of tokens, which are random and long;
 * argon2id of passwords. It is read again when it changes. Thread-safe; nothing
 * blocks but access_password() and access_add_user(), which take a tenth of a
 * second and 64 MB, and the changes, which write the file. */
#ifndef VDET_NET_ACCESS_H
#define VDET_NET_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"

enum role { ROLE_NONE, ROLE_VIEW, ROLE_SUBMIT, ROLE_ADMIN };
const char *role_name(enum role role);
int role_find(const char *name, enum role *ret, struct err *err); /* view, submit or admin */

enum { ACCESS_NAME_MAX = 41, ACCESS_TOKEN_MAX = 80, ACCESS_COOKIE_MAX = 256 };

struct who {
	char name[ACCESS_NAME_MAX];
	enum role role;
};

struct access;

/* `key_file` holds the key that signs cookies, made when it is first needed; a
 * cookie is good for `session`. */
int access_open(const char *file, const char *key_file, int64_t session, struct access **ret,
                struct err *err);
void access_free(struct access *a);
DEFINE_FREEP(struct access, access)

bool access_needed(struct access *a); /* there are entries, or there were some while we ran */
bool access_token(struct access *a, const char *token, struct who *ret);
bool access_password(struct access *a, const char *user, const char *password, struct who *ret);

int access_cookie_new(struct access *a, const struct who *who, char out[static ACCESS_COOKIE_MAX],
                      struct err *err);
bool access_cookie(struct access *a, const char *cookie, struct who *ret);
/* it is good no longer, as long as we run */
void access_cookie_end(struct access *a, const char *cookie);

/* The new token is only ever seen here. ERR_BUSY if the name is taken. */
int access_add_token(struct access *a, const char *name, enum role role,
                     char out[static ACCESS_TOKEN_MAX], struct err *err);
int access_add_user(struct access *a, const char *name, enum role role, const char *password,
                    struct err *err);
int access_remove(struct access *a, const char *name, struct err *err); /* ERR_NOENT */
json_t *access_list(struct access *a); /* [{"name", "kind": "token" or "user", "role"}] */

#endif
