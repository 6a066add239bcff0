/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/creds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "fleet/options.h"
#include "fleet/wire.h"

enum { MAX_CONF = 4 << 20, STREAM_NAME_MAX = 64, HEAD_ID = 16 };

static int check(const struct fleet_creds *c, struct err *err)
{
	if (strlen(c->head) != HEAD_ID || strspn(c->head, "0123456789abcdef") != HEAD_ID)
		return err_set(err, ERR_ARG, "\"%.40s\" is not the id of a head", c->head);
	if (!c->cert != !c->key)
		return err_set(err, ERR_ARG, "a certificate needs its key, and a key its certificate");
	const char *const texts[] = {c->listen, c->store, c->cert, c->key};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i] && strpbrk(texts[i], "\"\\\n\r"))
			return err_set(err, ERR_ARG, "\"%.80s\" cannot be in the configuration of a server",
			               texts[i]);
	for (size_t i = 0; i < c->n_workers; i++) {
		const char *name = c->workers[i];
		if (!fleet_name_valid(name) || !strcmp(name, "admin") || !strcmp(name, "head") ||
		    !strncmp(name, "head-", 5))
			return err_set(err, ERR_ARG,
			               "\"%.80s\" cannot be the name of a worker: letters, digits, _ and -, at "
			               "most %d, and not \"admin\", \"head\" or \"head-…\"",
			               name, FLEET_NAME_MAX);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(name, c->workers[j]))
				return err_set(err, ERR_ARG, "two workers have the name %s", name);
	}
	return 0;
}

/* A file of credentials; its password is put into `password`. */
static int write_user(const char *folder, const char *file, const char *user, const char *head,
                      char password[static WIRE_NONCE], struct err *err)
{
	AUTO(mem_freep) char *name = mem_printf("%s.creds", file);
	AUTO(mem_freep) char *path = file_join(folder, name);

	if (file_exists(path))
		return err_set(err, ERR_ARG, "%s exists; remove it first, or use another folder", path);
	wire_random(password);
	AUTO(mem_freep)
	char *text = mem_printf("# Credentials of Video Detective for a NATS server\n"
	                        "user %s\npassword %s\nhead %s\n",
	                        user, password, head);
	return file_write_private(path, text, strlen(text), err);
}

/* The subjects below are those of docs/protocols.md. */
static void add_head(struct buf *out, const char *h, const char *password)
{
	buf_addf(out,
	         "    # the head\n"
	         "    { user: \"head-%s\", password: \"%s\", permissions: {\n"
	         "      publish: [\n"
	         "        \"vdet.%s.unit.>\", \"vdet.%s.notice.>\",\n"
	         "        \"$KV.vdet-%s.>\", \"$KV.vdet-%s-owner.>\",\n"
	         "        \"$JS.API.INFO\", \"$JS.ACK.vdet-%s-results.>\",\n",
	         h, password, h, h, h, h, h);
	static const char *const streams[] = {"vdet-%s", "vdet-%s-results", "KV_vdet-%s",
	                                      "KV_vdet-%s-owner"};
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		char name[STREAM_NAME_MAX];
		snprintf(name, sizeof name, streams[i], h);
		buf_addf(out,
		         "        \"$JS.API.STREAM.*.%s\", \"$JS.API.STREAM.MSG.*.%s\", "
		         "\"$JS.API.DIRECT.GET.%s\", \"$JS.API.DIRECT.GET.%s.>\",\n"
		         "        \"$JS.API.CONSUMER.*.%s.>\", \"$JS.API.CONSUMER.*.*.%s.>\",\n",
		         name, name, name, name, name, name);
	}
	buf_addf(out,
	         "      ]\n"
	         "      subscribe: [ \"_vdet.head-%s.>\", \"vdet.%s.result.*.note.*\", "
	         "\"vdet.%s.order.*\", \"vdet.%s.ask.*.*\" ]\n"
	         "      allow_responses: true\n"
	         "    } }\n",
	         h, h, h, h);
}

static void add_admin(struct buf *out, const char *h, const char *password)
{
	buf_addf(out,
	         "    # vdet fleet: lists, drains and forgets workers\n"
	         "    { user: \"admin\", password: \"%s\", permissions: {\n"
	         "      publish: [ \"vdet.%s.order.*\" ]\n"
	         "      subscribe: [ \"_vdet.admin.>\" ]\n"
	         "    } }\n",
	         password, h);
}

static void add_worker(struct buf *out, const char *h, const char *name, const char *password)
{
	buf_addf(out,
	         "    { user: \"%s\", password: \"%s\", permissions: {\n"
	         "      publish: [ \"vdet.%s.result.%s.>\", \"vdet.%s.ask.%s.*\",\n"
	         "        \"$JS.API.CONSUMER.MSG.NEXT.vdet-%s.*\", \"$JS.ACK.vdet-%s.>\" ]\n"
	         "      subscribe: [ \"_vdet.%s.>\", \"vdet.%s.notice.all\", \"vdet.%s.notice.%s\" ]\n"
	         "    } }\n",
	         name, password, h, name, h, name, h, h, name, h, h, name);
}

static void add_server(struct buf *out, const struct fleet_creds *c)
{
	buf_addf(out,
	         "# NATS server for Video Detective: `nats-server -c nats-server.conf`\n"
	         "listen: \"%s\"\n"
	         "jetstream { store_dir: \"%s\" }\n",
	         c->listen ? c->listen : "0.0.0.0:4222", c->store ? c->store : "/var/lib/nats");
	if (c->cert)
		buf_addf(out, "tls { cert_file: \"%s\", key_file: \"%s\" }\n", c->cert, c->key);
	buf_adds(out, "authorization {\n"
	              "  timeout: 5\n"
	              "  users: [\n");
}

static int write_users(const char *folder, const struct fleet_creds *c, struct buf *conf,
                       struct err *err)
{
	AUTO(mem_freep) char *head = mem_printf("head-%s", c->head);
	char password[WIRE_NONCE];

	int r = write_user(folder, "head", head, c->head, password, err);
	if (r)
		return r;
	add_head(conf, c->head, password);
	r = write_user(folder, "admin", "admin", c->head, password, err);
	if (r)
		return r;
	add_admin(conf, c->head, password);
	if (c->n_workers)
		buf_adds(conf, "    # the workers\n");
	for (size_t i = 0; i < c->n_workers; i++) {
		r = write_user(folder, c->workers[i], c->workers[i], c->head, password, err);
		if (r)
			return r;
		add_worker(conf, c->head, c->workers[i], password);
	}
	return 0;
}

int fleet_creds_write(const char *folder, const struct fleet_creds *given, struct err *err)
{
	AUTO(buf_free) struct buf conf = BUF(MAX_CONF);
	AUTO(mem_freep) char *path = file_join(folder, "nats-server.conf");
	char id[WIRE_NONCE];
	struct fleet_creds with = *given;
	const struct fleet_creds *c = &with;

	if (!with.head) {
		wire_random(id);
		id[HEAD_ID] = 0;
		with.head = id;
	}
	int r = check(c, err);
	r = r ? r : file_mkdirs(folder, true, err);
	if (r)
		return r;
	if (file_exists(path))
		return err_set(err, ERR_ARG, "%s exists; remove it first, or use another folder", path);
	add_server(&conf, c);
	r = write_users(folder, c, &conf, err);
	if (r)
		return r;
	buf_adds(&conf, "  ]\n}\n");
	r = buf_check(&conf, "the configuration of the NATS server", err);
	return r ? r : file_write_private(path, conf.data, conf.len, err);
}
