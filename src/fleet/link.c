/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "fleet/creds.h"
#include "fleet/wire.h"

enum {
	CONNECT_MS = 5000,
	RECONNECT_MS = 500,
	REPLY_MS = 5000,
	PING_MS = 10000,
	MAX_SERVERS = 16,
	MAX_CREDS = 64 << 10,
};

bool fleet_supported(void)
{
	return true;
}

static void options_freep(natsOptions **o)
{
	natsOptions_Destroy(*o);
}

static enum err_code code_of(natsStatus s)
{
	switch (s) {
	case NATS_CONNECTION_AUTH_FAILED:
	case NATS_NOT_PERMITTED: return ERR_PERM;
	case NATS_TIMEOUT: return ERR_TIMEOUT;
	case NATS_NOT_FOUND: return ERR_NOENT;
	case NATS_ADDRESS_MISSING:
	case NATS_INVALID_ARG: return ERR_ARG;
	default: return ERR_IO;
	}
}

/* The text of the last error, without the place in libnats in front of it. */
static const char *last_text(natsStatus *ret_last)
{
	const char *text = nats_GetLastError(ret_last);
	const char *end = text && *text == '(' ? strstr(text, "): ") : NULL;

	return end ? end + 3 : text ? text : "";
}

int link_err(struct err *err, natsStatus s, jsErrCode js, const char *fmt, ...)
{
	char what[300];
	va_list args;
	natsStatus last = NATS_OK;

	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	const char *text = last_text(&last);
	if (!*text || last != s)
		text = natsStatus_GetText(s);
	if (s == NATS_NO_RESPONDERS)
		text = "the server has no JetStream, or the stream does not exist";
	enum err_code code = code_of(s);
	if (js == JSInsufficientResourcesErr || js == JSStorageResourcesExceededErr ||
	    js == JSStreamStoreFailedErr)
		code = ERR_NOSPC;
	if (code == ERR_NOSPC)
		return err_set(err, code,
		               "%s: the NATS server has no more room: its disk is full, or what its "
		               "configuration allows (max_file_store): %s",
		               what, text);
	return err_set(err, code, "%s: %s", what, text);
}

/* ---- connecting */

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *closure)
{
	const char *text = NULL;

	(void)sub;
	natsConnection_GetLastError(nc, &text);
	log_write(closure ? LOG_INFO : LOG_WARNING, "NATS: %s",
	          text && *text ? text : natsStatus_GetText(s));
}

static void on_lost(natsConnection *nc, void *closure)
{
	(void)closure;
	if (!natsConnection_IsClosed(nc)) /* by this program */
		log_info("the connection to the NATS server is lost; trying again");
}

static void on_back(natsConnection *nc, void *closure)
{
	(void)nc, (void)closure;
	log_info("connected to the NATS server again");
}

/* The rest of the line that begins with `key` and a space; the caller frees. */
static char *line_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p ? 1 : 0)
		if (!strncmp(p, key, n) && p[n] == ' ')
			return mem_printf("%.*s", (int)strcspn(p + n + 1, "\r\n"), p + n + 1);
	return NULL;
}

int link_read_creds(const char *path, struct link_creds *ret, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(MAX_CREDS);
	int r = file_read(path, &text, err);

	if (r)
		return r;
	if (strstr(buf_str(&text), "-----BEGIN NATS USER JWT-----")) {
		*ret = (struct link_creds){0};
		return 0;
	}
	AUTO(link_creds_clear)
	struct link_creds c = {.user = line_of(buf_str(&text), "user"),
	                       .password = line_of(buf_str(&text), "password"),
	                       .head = line_of(buf_str(&text), "head")};
	if (!c.user || !c.password)
		return err_set(err, ERR_FORMAT,
		               "%s is not a file of credentials: it has no lines \"user NAME\" and "
		               "\"password PASSWORD\"; `vdet fleet creds` writes such files",
		               path);
	*ret = c;
	c = (struct link_creds){0};
	return 0;
}

void link_creds_clear(struct link_creds *c)
{
	free(c->user);
	free(c->password);
	free(c->head);
	*c = (struct link_creds){0};
}

int fleet_creds_read(const char *path, char **ret_user, char **ret_head, struct err *err)
{
	AUTO(link_creds_clear) struct link_creds c = {0};
	int r = link_read_creds(path, &c, err);

	if (r)
		return r;
	*ret_user = TAKE(c.user);
	*ret_head = TAKE(c.head);
	return 0;
}

static int set_creds(natsOptions *no, const char *path, struct err *err)
{
	AUTO(link_creds_clear) struct link_creds c = {0};

	int r = link_read_creds(path, &c, err);
	if (r)
		return r;
	natsStatus s = c.user ? natsOptions_SetUserInfo(no, c.user, c.password)
	                      : natsOptions_SetUserCredentialsFromFiles(no, path, NULL);
	return s ? link_err(err, s, 0, "credentials of %s", path) : 0;
}

static int set_servers(natsOptions *no, const char *url, struct err *err)
{
	AUTO(mem_freep) char *list = mem_strdup(url);
	const char *servers[MAX_SERVERS];
	int n = 0;
	char *rest = list;

	for (char *one; (one = strsep(&rest, ","));) {
		if (strncmp(one, "nats://", 7) != 0 && strncmp(one, "tls://", 6) != 0)
			return err_set(err, ERR_ARG,
			               "%s is not the address of a NATS server; it is nats://HOST:PORT, or "
			               "tls://HOST:PORT",
			               one);
		if (n == MAX_SERVERS)
			return err_set(err, ERR_ARG, "more than %d addresses of NATS servers", MAX_SERVERS);
		servers[n++] = one;
	}
	natsStatus s = natsOptions_SetServers(no, servers, n);
	return s ? link_err(err, s, 0, "address %s", url) : 0;
}

static int set_tls(natsOptions *no, const struct fleet_options *o, struct err *err)
{
	natsStatus s = NATS_OK;

	if (strncmp(o->url, "tls://", 6) != 0 && !strstr(o->url, ",tls://") && !o->ca)
		return 0;
	s = natsOptions_SetSecure(no, true);
	if (s)
		return link_err(err, s, 0, "TLS");
	if (o->ca && natsOptions_LoadCATrustedCertificates(no, o->ca))
		return err_set(err, ERR_ARG, "%s cannot be read, or has no certificates in PEM", o->ca);
	return 0;
}

static int connect_error(const struct fleet_options *o, natsStatus s, struct err *err)
{
	natsStatus last = NATS_OK;
	const char *text = last_text(&last), *why = strstr(text, "SSL handshake error: ");

	/* "SSL handshake error: 10:certificate has expired:depth=0:cert=…" */
	if (why && strstr(why, ":depth="))
		return err_set(err, ERR_PERM,
		               "the certificate of the NATS server at %s is not accepted: %s; a "
		               "certificate that vouches for it can be named with --fleet-ca",
		               o->url, why + strlen("SSL handshake error: "));
	if (s == NATS_CONNECTION_AUTH_FAILED && strcasestr(text, "expired"))
		return err_set(err, ERR_PERM,
		               "the NATS server at %s says that the credentials of %s have "
		               "expired; get new ones from its administrator",
		               o->url, o->creds);
	if (s == NATS_CONNECTION_AUTH_FAILED && o->creds)
		return err_set(err, ERR_PERM,
		               "the NATS server at %s refuses the credentials of %s; they "
		               "may be of another server, or not be valid any more",
		               o->url, o->creds);
	if (s == NATS_CONNECTION_AUTH_FAILED)
		return err_set(err, ERR_PERM,
		               "the NATS server at %s wants credentials; name a file that "
		               "has them with --fleet-creds",
		               o->url);
	if (s == NATS_NO_SERVER || s == NATS_TIMEOUT)
		return err_set(err, ERR_IO,
		               "no NATS server answers at %s; check the address, and that "
		               "nats-server runs there and the firewall lets it pass",
		               o->url);
	if (s == NATS_SECURE_CONNECTION_REQUIRED || s == NATS_SECURE_CONNECTION_WANTED)
		return err_set(err, ERR_ARG, "the NATS server at %s %s", o->url,
		               s == NATS_SECURE_CONNECTION_REQUIRED
		                   ? "wants TLS; its address has to begin with tls://"
		                   : "has no TLS; its address has to begin with nats://");
	return link_err(err, s, 0, "connecting to the NATS server at %s", o->url);
}

static natsStatus set_rest(natsOptions *no, const struct fleet_options *o, const char *inbox)
{
	static const bool quiet = true;
	natsStatus s = natsOptions_SetName(no, o->name ? o->name : "vdet");

	s = s ? s : natsOptions_SetCustomInboxPrefix(no, inbox);
	s = s ? s : natsOptions_SetTimeout(no, CONNECT_MS);
	s = s ? s : natsOptions_SetMaxReconnect(no, -1);
	s = s ? s : natsOptions_SetReconnectWait(no, RECONNECT_MS);
	s = s ? s : natsOptions_SetReconnectJitter(no, RECONNECT_MS, RECONNECT_MS);
	s = s ? s : natsOptions_SetPingInterval(no, PING_MS);
	s = s ? s : natsOptions_SetMaxPingsOut(no, 2);
	/* What a worker says before a unit kills it must have been sent. */
	s = s ? s : natsOptions_SetSendAsap(no, true);
	s = s ? s : natsOptions_SetErrorHandler(no, on_error, o->quiet ? (void *)&quiet : NULL);
	s = s ? s : natsOptions_SetDisconnectedCB(no, on_lost, NULL);
	return s ? s : natsOptions_SetReconnectedCB(no, on_back, NULL);
}

static int connect_now(struct link *l, const struct fleet_options *o, const char *inbox,
                       struct err *err)
{
	AUTO(options_freep) natsOptions *no = NULL;

	if (!o->url || !*o->url)
		return err_set(err, ERR_ARG, "the address of the NATS server is missing");
	natsStatus s = natsOptions_Create(&no);
	s = s ? s : set_rest(no, o, inbox);
	if (s)
		return link_err(err, s, 0, "libnats");
	int r = set_servers(no, o->url, err);
	if (!r && o->creds)
		r = set_creds(no, o->creds, err);
	r = r ? r : set_tls(no, o, err);
	if (r)
		return r;
	s = natsConnection_Connect(&l->nc, no);
	return s ? connect_error(o, s, err) : 0;
}

int link_open(const struct fleet_options *o, const char *inbox, struct link **ret, struct err *err)
{
	AUTO(link_freep) struct link *l = mem_alloc(1, sizeof *l);
	l->inbox = mem_strdup(inbox);
	int r = connect_now(l, o, inbox, err);

	if (r)
		return r;
	int64_t most = natsConnection_GetMaxPayload(l->nc);
	if (most < WIRE_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		               "the NATS server at %s allows messages of %lld bytes only; a fleet needs "
		               "max_payload of at least %d (its default is 1 MB)",
		               o->url, (long long)most, WIRE_MAX);
	natsStatus s = natsConnection_JetStream(&l->js, l->nc, NULL);
	if (s)
		return link_err(err, s, 0, "libnats");
	*ret = TAKE(l);
	return 0;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	if (l->nc)
		natsConnection_FlushTimeout(l->nc, 1000);
	jsCtx_Destroy(l->js);
	natsConnection_Destroy(l->nc);
	free(l->inbox);
	free(l);
}

bool link_up(struct link *l)
{
	return natsConnection_Status(l->nc) == NATS_CONN_STATUS_CONNECTED;
}

bool link_ended(struct link *l)
{
	return natsConnection_IsClosed(l->nc);
}

void link_address(struct link *l, char out[static LINK_ADDRESS])
{
	char url[LINK_ADDRESS] = "";

	natsConnection_GetConnectedUrl(l->nc, url, sizeof url);
	char *host = strstr(url, "://"), *at = strrchr(url, '@');
	host = host ? host + strlen("://") : url;
	if (at && at >= host)
		memmove(host, at + 1, strlen(at));
	snprintf(out, LINK_ADDRESS, "%s", *url ? url : "the NATS server");
}

uint64_t link_connects(struct link *l)
{
	natsStatistics *stats = NULL;
	uint64_t again = 0;

	if (!natsStatistics_Create(&stats) && !natsConnection_GetStats(l->nc, stats))
		natsStatistics_GetCounts(stats, NULL, NULL, NULL, NULL, &again);
	natsStatistics_Destroy(stats);
	return 1 + again;
}

int link_check_permitted(struct link *l, const struct fleet_options *o, const char *needed,
                         struct err *err)
{
	AUTO(link_creds_clear) struct link_creds c = {0};
	const char *text = NULL;

	if (natsConnection_GetLastError(l->nc, &text) != NATS_NOT_PERMITTED)
		return 0;
	if (o->creds)
		link_read_creds(o->creds, &c, NULL);
	AUTO(mem_freep)
	char *whose = o->creds
	                  ? mem_printf("with the credentials of %s%s%s%s", o->creds,
	                               c.user ? " (user " : "", c.user ? c.user : "", c.user ? ")" : "")
	                  : mem_strdup("without credentials");
	return err_set(err, ERR_PERM,
	               "the NATS server at %s does not allow this %s; name %s, with --fleet-creds (%s)",
	               o->url, whose, needed, text ? text : "");
}

int link_check_jetstream(struct link *l, struct err *err)
{
	jsAccountInfo *info = NULL;
	jsErrCode js = 0;
	natsStatus s = js_GetAccountInfo(&info, l->js, NULL, &js);

	jsAccountInfo_Destroy(info);
	if (s == NATS_NO_RESPONDERS || js == JSNotEnabledErr || js == JSNotEnabledForAccountErr)
		return err_set(err, ERR_UNSUPPORTED,
		               "the NATS server has no JetStream; start nats-server with -js, or with "
		               "\"jetstream\" in its configuration");
	return s ? link_err(err, s, js, "JetStream of the NATS server") : 0;
}

int fleet_try(const struct fleet_options *o, struct err *err)
{
	AUTO(link_freep) struct link *l = NULL;
	AUTO(mem_freep) char *inbox = mem_printf("_vdet.%s", o->name ? o->name : "admin");

	return link_open(o, inbox, &l, err);
}

/* ---- messages */

int link_publish(struct link *l, const char *subject, const void *data, size_t len, struct err *err)
{
	natsStatus s = natsConnection_Publish(l->nc, subject, data, (int)len);

	return s ? link_err(err, s, 0, "sending to %s", subject) : 0;
}

int puller_open(struct link *l, struct puller *ret, struct err *err)
{
	char unique[WIRE_NONCE];

	wire_random(unique);
	struct puller p = {.link = l, .inbox = mem_printf("%s.%s", l->inbox, unique)};
	AUTO(mem_freep) char *pattern = mem_printf("%s.*", p.inbox);
	natsStatus s = natsConnection_SubscribeSync(&p.sub, l->nc, pattern);
	if (s) {
		free(p.inbox);
		return link_err(err, s, 0, "listening to %s", pattern);
	}
	*ret = p;
	return 0;
}

void puller_clear(struct puller *p)
{
	natsSubscription_Destroy(p->sub);
	free(p->inbox);
	*p = (struct puller){0};
}

/* What a message without data says: 0 there is none, 1 it is about an earlier
 * request, or an error. */
static int read_status(const char *inbox, natsMsg *m, const char *stream, struct err *err)
{
	const char *status = NULL;

	natsMsgHeader_Get(m, "Status", &status);
	if (strcmp(natsMsg_GetSubject(m), inbox) != 0)
		return 1;
	if (status && (!strcmp(status, "404") || !strcmp(status, "408")))
		return 0;
	return err_set(err, ERR_NOENT, "taking a message of %s: status %.20s", stream,
	               status ? status : "?");
}

int puller_take(struct puller *p, const char *stream, const char *consumer, int64_t wait,
                natsMsg **ret, struct err *err)
{
	char subject[WIRE_SUBJECT], request[80];
	AUTO(mem_freep) char *inbox = mem_printf("%s.%llu", p->inbox, (unsigned long long)++p->n);
	int64_t end = clock_now() + (wait + REPLY_MS) * 1000;

	snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, consumer);
	if (wait)
		snprintf(request, sizeof request, "{\"batch\":1,\"expires\":%lld}",
		         (long long)wait * 1000000);
	else
		snprintf(request, sizeof request, "{\"batch\":1,\"no_wait\":true}");
	natsStatus s = natsConnection_PublishRequestString(p->link->nc, subject, inbox, request);
	while (!s) {
		AUTO(msg_freep) natsMsg *m = NULL;
		int64_t left = (end - clock_now()) / 1000;
		s = natsSubscription_NextMsg(&m, p->sub, left > 1 ? left : 1);
		if (s)
			break;
		/* One of an earlier request that came late is as good. */
		if (natsMsg_GetDataLength(m) > 0) {
			*ret = TAKE(m);
			return 0;
		}
		int r = read_status(inbox, m, stream, err);
		if (!r)
			*ret = NULL;
		if (r <= 0)
			return r;
	}
	return link_err(err, s, 0, "taking a message of %s", stream);
}

void link_ack(struct link *l, const char *reply, enum link_ack what)
{
	static const char *const words[] = {"+ACK", "+WPI", "-NAK"};

	natsConnection_PublishString(l->nc, reply, words[what]);
}

void link_back(struct link *l, const char *reply, int64_t delay)
{
	char text[64];

	snprintf(text, sizeof text, "-NAK {\"delay\": %lld}", (long long)delay * 1000);
	natsConnection_PublishString(l->nc, reply, text);
}

int link_ack_sure(struct link *l, const char *reply, struct err *err)
{
	AUTO(msg_freep) natsMsg *m = NULL;
	natsStatus s = natsConnection_RequestString(&m, l->nc, reply, "+ACK", REPLY_MS);

	return s ? link_err(err, s, 0, "acknowledging a message") : 0;
}
