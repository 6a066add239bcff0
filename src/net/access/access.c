/* SPDX-License-Identifier: Apache-2.0 */
#include "net/access/access.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

enum {
	KEY_LEN = crypto_auth_KEYBYTES,
	NONCE_HEX = 33,
	ENDED = 256,
	FILE_MAX = 1 << 20,
	PASSWORD_MIN = 8
};

struct entry {
	char name[ACCESS_NAME_MAX], hash[crypto_pwhash_STRBYTES];
	bool user; /* has a password, and no token */
	enum role role;
};

struct access {
	pthread_mutex_t lock;
	char *file, *key_file;
	int64_t session;
	bool needed;
	struct stat seen; /* of the file, when it was read */
	struct entry *entries;
	size_t n;
	bool has_key;
	unsigned char key[KEY_LEN];
	char ended[ENDED][NONCE_HEX]; /* of cookies that were logged out, a ring */
	size_t n_ended;
};

static const char *const role_names[] = {"none", "view", "submit", "admin"};

const char *role_name(enum role role)
{
	return role_names[role];
}

int role_find(const char *name, enum role *ret, struct err *err)
{
	for (int i = ROLE_VIEW; name && i <= ROLE_ADMIN; i++)
		if (strcmp(name, role_names[i]) == 0) {
			*ret = (enum role)i;
			return 0;
		}
	return err_set(err, ERR_ARG, "unknown role \"%s\"; expected view, submit or admin",
	               name ? name : "");
}

static bool good_name(const char *s)
{
	size_t n = strlen(s);
	return n && n < ACCESS_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static int read_line(const char *line, struct entry *e, struct err *err)
{
	char kind[8], role[8], name[ACCESS_NAME_MAX];
	*e = (struct entry){0};
	if (sscanf(line, "%7s %40s %7s %127s", kind, name, role, e->hash) != 4 || !good_name(name))
		return err_set(err, ERR_FORMAT, "expected KIND NAME ROLE HASH");
	snprintf(e->name, sizeof e->name, "%s", name);
	e->user = strcmp(kind, "user") == 0;
	if (!e->user && strcmp(kind, "token") != 0)
		return err_set(err, ERR_FORMAT, "unknown kind \"%s\"; expected token or user", kind);
	if (!e->user && strlen(e->hash) != HASH_HEX - 1)
		return err_set(err, ERR_FORMAT, "the hash of a token has 64 digits");
	return role_find(role, &e->role, err);
}

static int read_file(struct access *a, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(FILE_MAX);
	AUTO(mem_freep) struct entry *entries = NULL;
	size_t n = 0;
	int number = 0, r = file_read(a->file, &text, err);
	for (char *line = text.data, *next; r == 0 && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		if (!line[strspn(line, " \t\r")] || line[0] == '#')
			continue;
		entries = mem_grow(entries, n + 1, sizeof *entries);
		r = read_line(line, &entries[n++], err);
		if (r < 0)
			r = err_wrap(err, "%s:%d", a->file, number);
	}
	if (r < 0)
		return r;
	free(a->entries);
	a->entries = TAKE(entries);
	a->n = n;
	a->needed = a->needed || n;
	return 0;
}

/* Reads the file if it changed; on error nothing changes. With the lock. */
static int refresh(struct access *a, struct err *err)
{
	struct stat st = {0};
	stat(a->file, &st); /* absent: all zero */
	if (st.st_ino == a->seen.st_ino && st.st_size == a->seen.st_size &&
	    st.st_mtim.tv_sec == a->seen.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == a->seen.st_mtim.tv_nsec)
		return 0;
	a->seen = st;
	if (st.st_ino)
		return read_file(a, err);
	a->n = 0;
	return 0;
}

static void refresh_quietly(struct access *a)
{
	struct err err;
	if (refresh(a, &err) < 0)
		log_warning("%s; the previous tokens and users stay valid", err.msg);
}

int access_open(const char *file, const char *key_file, int64_t session, struct access **ret,
                struct err *err)
{
	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium does not start");
	AUTO(access_freep) struct access *a = mem_alloc(1, sizeof *a);
	pthread_mutex_init(&a->lock, NULL);
	a->file = mem_strdup(file);
	a->key_file = mem_strdup(key_file);
	a->session = session;
	int r = refresh(a, err);
	if (r < 0)
		return r;
	*ret = TAKE(a);
	return 0;
}

void access_free(struct access *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	sodium_memzero(a->key, sizeof a->key);
	free(a->entries);
	free(a->file);
	free(a->key_file);
	free(a);
}

bool access_needed(struct access *a)
{
	pthread_mutex_lock(&a->lock);
	refresh_quietly(a);
	bool needed = a->needed;
	pthread_mutex_unlock(&a->lock);
	return needed;
}

static void token_hash(const char *token, char out[static HASH_HEX])
{
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, token, strlen(token));
	hash_end(h, out);
}

bool access_token(struct access *a, const char *token, struct who *ret)
{
	char hash[HASH_HEX];
	bool found = false;
	token_hash(token, hash);
	pthread_mutex_lock(&a->lock);
	refresh_quietly(a);
	for (size_t i = 0; i < a->n; i++)
		if (!a->entries[i].user && sodium_memcmp(a->entries[i].hash, hash, HASH_HEX - 1) == 0) {
			snprintf(ret->name, sizeof ret->name, "%s", a->entries[i].name);
			ret->role = a->entries[i].role;
			found = true;
		}
	pthread_mutex_unlock(&a->lock);
	return found;
}

static struct entry *find(struct access *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->entries[i].name, name) == 0)
			return &a->entries[i];
	return NULL;
}

bool access_password(struct access *a, const char *user, const char *password, struct who *ret)
{
	/* compared for unknown users, so that they take as long as known ones */
	struct entry e = {.hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
	                          "Y+vYrtvYkmyE7XhXGdA7zRcEe7y2BZJVdzIc1pCGXcs"};
	pthread_mutex_lock(&a->lock);
	refresh_quietly(a);
	struct entry *known = find(a, user);
	bool exists = known && known->user;
	if (exists)
		e = *known;
	pthread_mutex_unlock(&a->lock);
	bool right = crypto_pwhash_str_verify(e.hash, password, strlen(password)) == 0;
	if (!right || !exists)
		return false;
	snprintf(ret->name, sizeof ret->name, "%s", e.name);
	ret->role = e.role;
	return true;
}

/* ---- cookies: NAME:EXPIRES:NONCE:MAC. The MAC covers the hash of the entry,
 * so that a new password revokes them. */

/* Loads or creates the key; with the lock. */
static int have_key(struct access *a, struct err *err)
{
	AUTO(buf_free) struct buf b = BUF(KEY_LEN);
	if (a->has_key)
		return 0;
	if (file_exists(a->key_file)) {
		int r = file_read(a->key_file, &b, err);
		if (r < 0)
			return r;
	}
	if (b.len == KEY_LEN) {
		memcpy(a->key, b.data, KEY_LEN);
	} else {
		randombytes_buf(a->key, KEY_LEN);
		int r = file_write_private(a->key_file, a->key, KEY_LEN, err);
		if (r < 0)
			return r;
	}
	sodium_memzero(b.data, b.len);
	a->has_key = true;
	return 0;
}

static void sign(const struct access *a, const char *head, const struct entry *e,
                 char out[static 65])
{
	unsigned char mac[crypto_auth_BYTES];
	AUTO(mem_freep) char *text = mem_printf("%s:%s", head, e->hash);
	crypto_auth(mac, (const unsigned char *)text, strlen(text), a->key);
	sodium_bin2hex(out, 65, mac, sizeof mac);
}

int access_cookie_new(struct access *a, const struct who *who, char out[static ACCESS_COOKIE_MAX],
                      struct err *err)
{
	unsigned char random[16];
	char nonce[NONCE_HEX], mac[65], head[ACCESS_COOKIE_MAX - 70];
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(nonce, sizeof nonce, random, sizeof random);
	pthread_mutex_lock(&a->lock);
	const struct entry *e = find(a, who->name);
	int r = e ? have_key(a, err) : err_set(err, ERR_NOENT, "no such token or user: %s", who->name);
	if (r == 0) {
		snprintf(head, sizeof head, "%s:%lld:%s", who->name, (long long)(clock_wall() + a->session),
		         nonce);
		sign(a, head, e, mac);
		snprintf(out, ACCESS_COOKIE_MAX, "%s:%s", head, mac);
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

/* The entry of a valid cookie, or NULL; with the lock. */
static const struct entry *check_cookie(struct access *a, const char *cookie,
                                        char nonce[static NONCE_HEX])
{
	char name[ACCESS_NAME_MAX], mac[65], right[65], head[ACCESS_COOKIE_MAX];
	long long expires;
	struct err err;
	if (strlen(cookie) >= ACCESS_COOKIE_MAX ||
	    sscanf(cookie, "%40[^:]:%19lld:%32[0-9a-f]:%64[0-9a-f]", name, &expires, nonce, mac) != 4 ||
	    strlen(mac) != 64)
		return NULL;
	const struct entry *e = find(a, name);
	if (!e || expires <= clock_wall() || have_key(a, &err) < 0)
		return NULL;
	snprintf(head, sizeof head, "%s:%lld:%s", name, expires, nonce);
	sign(a, head, e, right);
	if (sodium_memcmp(mac, right, 64) != 0)
		return NULL;
	for (size_t i = 0; i < a->n_ended && i < ENDED; i++)
		if (strcmp(a->ended[i], nonce) == 0)
			return NULL;
	return e;
}

bool access_cookie(struct access *a, const char *cookie, struct who *ret)
{
	char nonce[NONCE_HEX];
	pthread_mutex_lock(&a->lock);
	refresh_quietly(a);
	const struct entry *e = check_cookie(a, cookie, nonce);
	if (e) {
		snprintf(ret->name, sizeof ret->name, "%s", e->name);
		ret->role = e->role;
	}
	pthread_mutex_unlock(&a->lock);
	return e != NULL;
}

void access_cookie_end(struct access *a, const char *cookie)
{
	char nonce[NONCE_HEX];
	pthread_mutex_lock(&a->lock);
	if (check_cookie(a, cookie, nonce))
		memcpy(a->ended[a->n_ended++ % ENDED], nonce, NONCE_HEX);
	pthread_mutex_unlock(&a->lock);
}

/* ---- changes */

static int write_entries(struct access *a, struct err *err)
{
	AUTO(buf_free) struct buf b = BUF(FILE_MAX);
	buf_adds(&b, "# Tokens and users of vdet serve, written by vdet token. KIND NAME ROLE HASH\n");
	for (size_t i = 0; i < a->n; i++) {
		const struct entry *e = &a->entries[i];
		buf_addf(&b, "%s %s %s %s\n", e->user ? "user" : "token", e->name, role_name(e->role),
		         e->hash);
	}
	int r = buf_check(&b, a->file, err);
	if (r == 0)
		r = file_write_private(a->file, b.data, b.len, err);
	if (r == 0 && stat(a->file, &a->seen) < 0)
		a->seen = (struct stat){0};
	return r;
}

static int add(struct access *a, const struct entry *e, struct err *err)
{
	int r = refresh(a, err);
	if (r < 0)
		return r;
	if (find(a, e->name))
		return err_set(err, ERR_BUSY, "%s exists; remove it first (vdet token rm %s)", e->name,
		               e->name);
	a->entries = mem_grow(a->entries, a->n + 1, sizeof *a->entries);
	a->entries[a->n++] = *e;
	r = write_entries(a, err);
	if (r < 0)
		a->n--;
	else
		a->needed = true;
	return r;
}

static int new_entry(const char *name, enum role role, bool user, struct entry *ret,
                     struct err *err)
{
	*ret = (struct entry){.role = role, .user = user};
	if (!good_name(name))
		return err_set(err, ERR_ARG,
		               "a name has 1 to 40 letters, digits, dots, dashes or underscores");
	snprintf(ret->name, sizeof ret->name, "%s", name);
	return 0;
}

int access_add_token(struct access *a, const char *name, enum role role,
                     char out[static ACCESS_TOKEN_MAX], struct err *err)
{
	unsigned char random[24];
	char hex[2 * sizeof random + 1];
	struct entry e;
	int r = new_entry(name, role, false, &e, err);
	if (r < 0)
		return r;
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(hex, sizeof hex, random, sizeof random);
	snprintf(out, ACCESS_TOKEN_MAX, "vdet_%s", hex);
	token_hash(out, e.hash);
	pthread_mutex_lock(&a->lock);
	r = add(a, &e, err);
	pthread_mutex_unlock(&a->lock);
	return r;
}

int access_add_user(struct access *a, const char *name, enum role role, const char *password,
                    struct err *err)
{
	struct entry e;
	int r = new_entry(name, role, true, &e, err);
	if (r < 0)
		return r;
	if (strlen(password) < PASSWORD_MIN)
		return err_set(err, ERR_ARG, "a password has at least %d characters", PASSWORD_MIN);
	if (crypto_pwhash_str(e.hash, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
	                      crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
		return err_set(err, ERR_LIMIT, "not enough memory to hash a password (64 MB)");
	pthread_mutex_lock(&a->lock);
	r = add(a, &e, err);
	pthread_mutex_unlock(&a->lock);
	return r;
}

static size_t count_admins(const struct access *a)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n; i++)
		n += a->entries[i].role == ROLE_ADMIN;
	return n;
}

int access_remove(struct access *a, const char *name, bool keep_admin, struct err *err)
{
	pthread_mutex_lock(&a->lock);
	int r = refresh(a, err);
	struct entry *e = r == 0 ? find(a, name) : NULL;
	if (r == 0 && !e)
		r = err_set(err, ERR_NOENT, "no such token or user: %s", name);
	if (e && keep_admin && e->role == ROLE_ADMIN && count_admins(a) == 1) {
		r = err_set(err, ERR_BUSY,
		            "%s is the last token or user with the role admin; add another one first, or "
		            "use vdet token rm",
		            name);
	} else if (e) {
		struct entry old = *e;
		*e = a->entries[--a->n];
		r = write_entries(a, err);
		if (r < 0) {
			a->entries[a->n++] = *e;
			*e = old;
		}
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

json_t *access_list(struct access *a)
{
	json_t *all = json_array();
	pthread_mutex_lock(&a->lock);
	refresh_quietly(a);
	for (size_t i = 0; i < a->n; i++)
		json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "name", a->entries[i].name, "kind",
		                                     a->entries[i].user ? "user" : "token", "role",
		                                     role_name(a->entries[i].role)));
	pthread_mutex_unlock(&a->lock);
	return all;
}
