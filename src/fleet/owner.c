/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/file.h"
#include "fleet/streams.h"

enum { OWNER_TTL = 20 }; /* seconds */
#define KEY "owner"

static void entry_freep(kvEntry **e)
{
	kvEntry_Destroy(*e);
}

/* The machine with its boot and its numbers of processes: what these numbers
 * mean. */
static char *machine(void)
{
	AUTO(buf_free) struct buf boot = BUF(256);
	char space[64] = "";

	file_read("/proc/sys/kernel/random/boot_id", &boot, NULL);
	ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
	space[n > 0 ? n : 0] = 0;
	return mem_printf("%.*s/%s", (int)strcspn(buf_str(&boot), "\n"), buf_str(&boot), space);
}

static char *own_value(void)
{
	AUTO(mem_freep) char *where = machine();
	char nonce[WIRE_NONCE], host[128] = "";

	gethostname(host, sizeof host - 1);
	wire_random(nonce);
	return mem_printf("%s %ld %s %s", *host ? host : "?", (long)getpid(), where, nonce);
}

/* Whether who wrote this was a process of this machine that has ended, or no
 * head. */
static bool has_died(const char *value)
{
	AUTO(mem_freep) char *where = machine();
	char host[129], place[129];
	long pid;

	/* Not written by a head, but by the server, to which a worker named this
	 * key as the subject of its reply. */
	if (sscanf(value, "%128s %ld %128s", host, &pid, place) != 3)
		return true;
	if (strcmp(place, where) != 0 || pid <= 0)
		return false;
	return pid == (long)getpid() ? false : kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static int bucket(struct link *l, const char *name, int64_t ttl, int replicas, kvStore **ret,
                  struct err *err)
{
	kvConfig c;

	if (!js_KeyValue(ret, l->js, name))
		return 0;
	kvConfig_Init(&c);
	c.Bucket = name;
	c.History = 1;
	c.TTL = ttl * INT64_C(1000000000);
	c.StorageType = js_FileStorage;
	c.Replicas = replicas > 0 ? replicas : 1;
	natsStatus s = js_CreateKeyValue(ret, l->js, &c);
	return s ? link_err(err, s, 0, "making the bucket %s", name) : 0;
}

static int busy(const char *head, const char *value, struct err *err)
{
	AUTO(mem_freep) char *where = machine();
	char host[129] = "?", place[129] = "";
	long pid = 0;

	sscanf(value, "%128s %ld %128s", host, &pid, place);
	if (!strcmp(place, where))
		return err_set(
			err, ERR_BUSY,
			"process %ld on this machine is a head with this journal or a copy of it (id "
			"%s), and there can be one at a time: wait until it has ended, let one command "
			"do all videos (a folder, or vdet serve), or use a journal and credentials of its own",
			pid, head);
	return err_set(
		err, ERR_BUSY,
		"a head with the id of this journal, %s, runs on %s; a copy of a journal cannot "
		"be used at the same time: stop one of them, or use a journal and credentials of "
		"its own",
		head, host);
}

/* One attempt: 0, ERR_BUSY, or ERR_TIMEOUT where it has to be tried again. */
static int take_once(struct owner *o, const char *head, uint64_t *seen, struct err *err)
{
	AUTO(entry_freep) kvEntry *e = NULL;
	natsStatus s = kvStore_CreateString(&o->revision, o->kv, KEY, o->value);

	if (!s)
		return 0;
	s = kvStore_Get(&e, o->kv, KEY);
	if (s == NATS_NOT_FOUND)
		return -ERR_TIMEOUT;
	if (s)
		return link_err(err, s, 0, "the owner of head %s", head);

	const char *value = kvEntry_ValueString(e) ? kvEntry_ValueString(e) : "";
	uint64_t revision = kvEntry_Revision(e);
	if (!strcmp(value, o->value)) {
		o->revision = revision;
		return 0;
	}
	if (has_died(value) && !kvStore_UpdateString(&o->revision, o->kv, KEY, o->value, revision))
		return 0;
	/* One that lives renews it. */
	if (*seen && *seen != revision)
		return busy(head, value, err);
	*seen = revision;
	err_set(err, ERR_TIMEOUT, "waiting for head %s on %.*s to end", head, (int)strcspn(value, " "),
	        value);
	return -ERR_TIMEOUT;
}

static int take(struct owner *o, const char *head, struct err *err)
{
	int64_t end = clock_now() + (OWNER_TTL + 10) * CLOCK_SECOND;
	uint64_t seen = 0;

	for (;;) {
		int r = take_once(o, head, &seen, err);
		if (r != -ERR_TIMEOUT)
			return r;
		if (clock_now() > end)
			return err_set(err, ERR_BUSY, "head %s cannot be taken over", head);
		cancel_wait_until(NULL, NULL, clock_now() + CLOCK_SECOND / 2);
	}
}

/* The secret that nonces are made of; it outlives the head. */
static int get_secret(struct link *l, const char *head, int replicas, struct owner *o,
                      struct err *err)
{
	AUTO(mem_freep) char *name = mem_printf("vdet-%s", head);
	kvStore *kv = NULL;
	kvEntry *e = NULL;
	char fresh[2 * WIRE_SECRET + 1];
	size_t n = 0;

	int r = bucket(l, name, 0, replicas, &kv, err);
	if (r)
		return r;
	randombytes_buf(o->secret, WIRE_SECRET);
	sodium_bin2hex(fresh, sizeof fresh, o->secret, WIRE_SECRET);
	kvStore_CreateString(NULL, kv, "secret", fresh);

	natsStatus s = kvStore_Get(&e, kv, "secret");
	const char *text = s ? "" : kvEntry_ValueString(e);
	bool good = text && strlen(text) == 2 * WIRE_SECRET &&
	            !sodium_hex2bin(o->secret, WIRE_SECRET, text, strlen(text), NULL, &n, NULL) &&
	            n == WIRE_SECRET;
	kvEntry_Destroy(e);
	/* Damaged, as an owner can be: what is in the streams is given again. */
	if (!s && !good) {
		sodium_hex2bin(o->secret, WIRE_SECRET, fresh, strlen(fresh), NULL, &n, NULL);
		s = kvStore_PutString(NULL, kv, "secret", fresh);
	}
	kvStore_Destroy(kv);
	return s ? link_err(err, s, 0, "the secret of head %s", head) : 0;
}

int owner_take(struct link *l, const char *head, int replicas, struct owner *o, struct err *err)
{
	AUTO(mem_freep) char *name = mem_printf("vdet-%s-owner", head);

	int r = o->kv ? 0 : bucket(l, name, OWNER_TTL, replicas, &o->kv, err);
	if (r)
		return r;
	/* The same each time: the reply to an attempt may have been lost. */
	if (!o->value)
		o->value = own_value();
	r = take(o, head, err);
	return r ? r : get_secret(l, head, replicas, o, err);
}

int owner_mend(struct link *l, const char *head, int replicas, struct owner *o, struct err *err)
{
	AUTO(mem_freep) char *owner = mem_printf("vdet-%s-owner", head);
	AUTO(mem_freep) char *state = mem_printf("vdet-%s", head);
	char secret[2 * WIRE_SECRET + 1];
	kvStore *kv = NULL;

	int r = bucket(l, owner, OWNER_TTL, replicas, &kv, err);
	if (r)
		return r;
	kvStore_Destroy(kv);
	kv = NULL;
	r = bucket(l, state, 0, replicas, &kv, err);
	if (r)
		return r;
	sodium_bin2hex(secret, sizeof secret, o->secret, WIRE_SECRET);
	kvStore_CreateString(NULL, kv, "secret", secret);
	kvStore_Destroy(kv);
	return 0;
}

/* The entry is of another head: of one that lives only if it changes. It may be
 * of one before this, in a server whose folder was restored. */
static int renew_foreign(struct owner *o, const char *value, uint64_t revision, struct err *err)
{
	bool dead = has_died(value), changed = o->foreign && o->foreign != revision;

	if (!dead && changed)
		return err_set(err, ERR_BUSY, "another head has taken over, on %.*s",
		               (int)strcspn(value, " "), value);
	o->foreign = revision;
	if (dead && !kvStore_UpdateString(&o->revision, o->kv, KEY, o->value, revision)) {
		o->foreign = 0;
		return 0;
	}
	return err_set(err, ERR_TIMEOUT, "waiting for another head on %.*s to end",
	               (int)strcspn(value, " "), value);
}

int owner_renew(struct owner *o, struct err *err)
{
	AUTO(entry_freep) kvEntry *e = NULL;
	uint64_t revision = 0;
	natsStatus s = kvStore_UpdateString(&revision, o->kv, KEY, o->value, o->revision);

	/* It has expired, or the server has lost it, while there was no connection. */
	if (s)
		s = kvStore_CreateString(&revision, o->kv, KEY, o->value);
	if (!s) {
		o->revision = revision;
		o->foreign = 0;
		return 0;
	}
	natsStatus got = kvStore_Get(&e, o->kv, KEY);
	const char *value = got ? NULL : kvEntry_ValueString(e);
	if (!value)
		return link_err(err, got ? got : s, 0, "renewing the owner");
	/* The reply to an update may have been lost. */
	if (!strcmp(value, o->value)) {
		o->revision = kvEntry_Revision(e);
		return 0;
	}
	return renew_foreign(o, value, kvEntry_Revision(e), err);
}

void owner_give_up(struct owner *o)
{
	AUTO(entry_freep) kvEntry *e = NULL;

	if (o->kv && o->value && !kvStore_Get(&e, o->kv, KEY) && kvEntry_ValueString(e) &&
	    !strcmp(kvEntry_ValueString(e), o->value))
		kvStore_Delete(o->kv, KEY);
	kvStore_Destroy(o->kv);
	free(o->value);
	*o = (struct owner){0};
}
