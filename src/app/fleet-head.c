/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a fleet: units go out and results come in by src/fleet/, videos
 * and blobs by src/net/fleet/. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "advise/fleet.h"
#include "app/app.h"
#include "app/fleet.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "config.h"
#include "fleet/creds.h"
#include "fleet/head.h"
#include "net/fleet/fleet-http.h"
#include "remote/blob.h"
#include "remote/blocks.h"
#include "remote/web.h"
#include "store/ask.h"
#include "store/block.h"
#include "work/ask.h"

/* After so long without a worker a warning is printed. */
#define PATIENCE (10 * CLOCK_SECOND)
/* Data of a result that is in the journal are kept for so long: those of
 * another unit of the same worker may be the same. */
#define BLOBS_KEPT (600 * CLOCK_SECOND)
/* Those of a head that was killed, and no one has asked for since. Results that
 * are still in the stream may name them, however long the head was away. */
#define BLOBS_LEFT (7 * 24 * 3600 * CLOCK_SECOND)
#define BLOBS_LOOK (3600 * CLOCK_SECOND) /* between two looks for such */

/* Blobs of a unit whose result was given out. */
struct named {
	char unit[RUNNER_MAX_ID + 1];
	char worker[FLEET_NAME_MAX + 1];
	int64_t settled; /* clock_now(); 0 = it is not */
	char (*names)[HASH_HEX];
	size_t n;
};

struct app_head {
	struct store *store;
	struct remote_web *videos; /* at addresses; NULL = none */
	bool direct;               /* workers read them there themselves */
	double twice;              /* share of the units that two workers do */
	struct cancel *cancel;
	char *blobs; /* their folder */
	struct fleet_http *http;
	struct fleet_head *head;
	struct runner inner, runner;
	struct api_fleet api;
	_Atomic int64_t addresses, n_blobs; /* that workers asked for; that were taken */
	pthread_mutex_t lock;               /* guards what follows */
	struct named *named;
	size_t n_named, cap_named;
	int64_t looked;       /* clock_now() of the last look for blobs that no one has asked for */
	char model[HASH_HEX]; /* of the last unit; "" = there was none */
	int64_t alone_since;  /* clock_now() since which no worker can do it; 0 = one can */
	bool warned;
};

/* ---- videos */

/* Whether the file at `path` still is this source. */
static int open_place(struct app_head *h, const char *path, const char *sha256, int *ret_fd)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(mem_freep) char *is = NULL;
	char stamp[FILE_STAMP_MAX];
	struct err ignored;
	int r = file_open_input(path, &fd, &ignored);
	if (r < 0)
		return r;
	file_stamp_all(fd, stamp);
	r = store_place_find(h->store, path, stamp, &is, &ignored);
	if (r < 0 || strcmp(is, sha256) != 0)
		return -ERR_NOENT;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int open_source(void *ctx, const char *sha256, int *ret_fd, char **ret_path, struct err *err)
{
	struct app_head *h = ctx;
	char **paths = NULL;
	size_t n = 0;
	int r = store_place_of(h->store, sha256, &paths, &n, err);
	if (r < 0)
		return r;
	r = h->videos ? remote_web_open(h->videos, sha256, ret_fd, ret_path, NULL) : -ERR_NOENT;
	for (size_t i = 0; i < n && r < 0; i++) {
		r = open_place(h, paths[i], sha256, ret_fd);
		if (r == 0)
			*ret_path = mem_strdup(paths[i]);
	}
	store_paths_free(paths, n);
	return r == 0 ? 0
	              : err_set(err, ERR_NOENT,
	                        "the head does not have the video any more: it was moved or changed");
}

static bool direct(void *ctx, const char *sha256, int64_t valid, struct remote_address *ret)
{
	const struct app_head *h = ctx;
	bool is = h->videos && remote_web_direct(h->videos, sha256, valid, ret);
	if (!h->direct)
		remote_address_clear(ret);
	return is;
}

static int fill(void *ctx, const char *sha256, int fd, int64_t from, int64_t len, struct err *err)
{
	const struct app_head *h = ctx;
	return remote_web_fill(h->videos, sha256, fd, from, len, err);
}

static int blocks_of(void *ctx, const char *sha256, int fd, struct hash_blocks *ret,
                     struct err *err)
{
	struct app_head *h = ctx;
	return h->videos && remote_web_blocks(h->videos, sha256, ret, NULL) == 0
	           ? 0
	           : remote_blocks_get(h->store, sha256, fd, h->cancel, ret, err);
}

static bool is_elsewhere(const struct app_head *h, const char *sha256)
{
	AUTO(remote_address_clear) struct remote_address ignored = {0};
	return h->videos && remote_web_direct(h->videos, sha256, 0, &ignored);
}

/* ---- questions of workers */

static int answer_address(struct app_head *h, const char *worker, const json_t *q, char **ret,
                          struct err *err)
{
	enum remote_kind kind;
	const char *sha256 = json_text(q, "sha256");
	int r = remote_kind_find(json_text(q, "kind"), &kind, err);
	if (r == 0 && !hash_is_hex(sha256))
		r = err_set(err, ERR_ARG, "a worker asks for something without a name");
	h->addresses++;
	const json_t *relayed = json_object_get(q, "relayed");
	return r < 0
	           ? r
	           : fleet_http_address(h->http, worker, kind, sha256, json_is_true(relayed), ret, err);
}

/* Of an analysis that runs here the timeline is known. */
static int answer_timeline(struct app_head *h, const json_t *q, char **ret, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(mem_freep) char *path = NULL;
	AUTO(mem_freep) unsigned char *data = NULL;
	struct decoder_options o;
	const char *sha256;
	size_t len = 0;
	int r = work_ask_read_timeline(q, &sha256, &o, err);
	if (r == 0)
		r = open_source(h, sha256, &fd, &path, err);
	if (r < 0)
		return r;
	struct stat st;
	const struct decoder_feed feed = {.size = fstat(fd, &st) < 0 ? 0 : st.st_size, .id = sha256};
	o.feed = is_elsewhere(h, sha256) ? &feed : NULL;
	data = decoder_timeline(fd, &o, &len);
	*ret = work_bytes_text(data, data && len <= WORK_TIMELINE_MAX ? len : 0);
	return 0;
}

static int answer(void *ctx, const char *worker, const char *topic, const char *body,
                  char **ret_reply, struct err *err)
{
	struct app_head *h = ctx;
	json_auto_t *q = NULL;
	int r = json_read_foreign(body, strlen(body), &q, err);
	if (r == 0 && strcmp(topic, WORK_ASK_ADDRESS) == 0)
		r = answer_address(h, worker, q, ret_reply, err);
	else if (r == 0 && strcmp(topic, WORK_ASK_TIMELINE) == 0)
		r = answer_timeline(h, q, ret_reply, err);
	else if (r == 0)
		r = err_set(err, ERR_UNSUPPORTED, "a worker asks for \"%.40s\"", topic);
	if (r < 0)
		log_info("worker %s: %s", worker, err->msg);
	return r;
}

/* ---- blobs */

static int load_blob(void *ctx, const char *worker, const char *sha256, unsigned char **ret,
                     size_t *ret_len, struct err *err)
{
	struct app_head *h = ctx;
	int r = remote_blob_load(h->blobs, worker, sha256, ret, ret_len, err);
	h->n_blobs += r == 0;
	return r;
}

static void note_blobs(struct app_head *h, const char *unit, const struct runner_result *r)
{
	if (!r->n_blobs)
		return;
	struct named named = {.names = mem_alloc(r->n_blobs, HASH_HEX), .n = r->n_blobs};
	snprintf(named.unit, sizeof named.unit, "%s", unit);
	snprintf(named.worker, sizeof named.worker, "%s", r->worker);
	for (size_t i = 0; i < r->n_blobs; i++)
		memcpy(named.names[i], r->blobs[i].sha256, HASH_HEX);
	pthread_mutex_lock(&h->lock);
	h->named = mem_room(h->named, h->n_named, &h->cap_named, sizeof *h->named);
	h->named[h->n_named++] = named;
	pthread_mutex_unlock(&h->lock);
}

/* With the lock held. */
static void remove_blobs(struct app_head *h, struct named *named)
{
	for (size_t i = 0; i < named->n; i++)
		remote_blob_remove(h->blobs, named->names[i]);
	free(named->names);
	*named = h->named[--h->n_named];
}

/* Those of the unit, and of others for which it was long ago. */
static void settle_blobs(struct app_head *h, const char *unit)
{
	int64_t now = clock_now();
	pthread_mutex_lock(&h->lock);
	bool look = now - h->looked > BLOBS_LOOK;
	h->looked = look ? now : h->looked;
	for (size_t i = h->n_named; i-- > 0;) {
		struct named *named = &h->named[i];
		if (!named->settled && strcmp(named->unit, unit) == 0) {
			named->settled = now;
			for (size_t n = 0; n < named->n; n++)
				remote_blob_settle(h->blobs, named->worker, named->names[n]);
		}
		if (named->settled && now - named->settled > BLOBS_KEPT)
			remove_blobs(h, named);
	}
	pthread_mutex_unlock(&h->lock);
	if (look)
		remote_blob_expire(h->blobs, NULL, BLOBS_LEFT);
}

/* Those of a result that is wrong stay with its worker, until they are old. */
static void forget_blobs(struct app_head *h, const char *unit)
{
	pthread_mutex_lock(&h->lock);
	for (size_t i = h->n_named; i-- > 0;) {
		struct named *named = &h->named[i];
		if (named->settled || strcmp(named->unit, unit) != 0)
			continue;
		free(named->names);
		*named = h->named[--h->n_named];
	}
	pthread_mutex_unlock(&h->lock);
}

/* ---- the runner */

static int run_unit(void *ctx, const struct runner_unit *u, struct cancel *cancel,
                    struct runner_result *ret, struct err *err)
{
	struct app_head *h = ctx;
	pthread_mutex_lock(&h->lock);
	if (!u->optional) /* the others do not wait for workers */
		snprintf(h->model, sizeof h->model, "%s", u->model);
	pthread_mutex_unlock(&h->lock);
	int r = h->inner.run(h->inner.ctx, u, cancel, ret, err);
	if (r == 0)
		note_blobs(h, u->id, ret);
	return r;
}

static void settle(void *ctx, const char *unit)
{
	struct app_head *h = ctx;
	h->inner.settle(h->inner.ctx, unit);
	settle_blobs(h, unit);
}

static void reject(void *ctx, const char *unit, const char *why)
{
	struct app_head *h = ctx;
	h->inner.reject(h->inner.ctx, unit, why);
	forget_blobs(h, unit);
}

static bool has_model(const json_t *worker, const char *model)
{
	size_t i;
	json_t *m;
	json_array_foreach (json_object_get(worker, "models"), i, m)
		if (strcmp(json_string_value(m), model) == 0)
			return true;
	return false;
}

/* Sets whether the user should know now that nothing can be done. */
static bool is_news(struct app_head *h, const json_t *workers)
{
	size_t i, fit = 0;
	json_t *w;
	int64_t now = clock_now();
	pthread_mutex_lock(&h->lock);
	json_array_foreach (workers, i, w)
		fit += has_model(w, h->model);
	if (fit || !*h->model)
		h->alone_since = 0;
	else if (!h->alone_since)
		h->alone_since = now;
	bool alone = h->alone_since && now - h->alone_since > PATIENCE, news = alone && !h->warned;
	h->warned = alone;
	pthread_mutex_unlock(&h->lock);
	return news;
}

/* Work waits for workers: the user has to know what it waits for. */
static void watch_workers(struct app_head *h)
{
	json_auto_t *state = fleet_head_state(h->head);
	const json_t *workers = json_object_get(state, "workers");
	size_t n = json_array_size(workers);
	if (!is_news(h, workers))
		return;
	if (n)
		log_warning("work waits: %zu worker%s there, but none with the model of this head, with "
		            "the same settings of the model, and a vdet with the same prompts; vdet fleet "
		            "lists them",
		            n, n == 1 ? " is" : "s are");
	else
		log_warning("work waits: no worker is there; on each machine that is to help: vdet "
		            "worker --fleet ADDRESS");
}

static int capacity(void *ctx)
{
	struct app_head *h = ctx;
	watch_workers(h);
	return h->inner.capacity(h->inner.ctx);
}

static int serves(void *ctx, const char *model)
{
	const struct app_head *h = ctx;
	return h->inner.serves(h->inner.ctx, model);
}

static bool twice(void *ctx, const struct runner_unit *u)
{
	const struct app_head *h = ctx;
	return fleet_head_twice(h->head, u, h->twice);
}

static void compared(void *ctx, const char *first, const char *second, bool same)
{
	const struct app_head *h = ctx;
	fleet_head_compared(h->head, first, second, same);
}

/* ---- for who looks at it */

static void describe(void *ctx, json_t *state)
{
	const struct app_head *h = ctx;
	const struct fleet_http_counts c = fleet_http_count(h->http);
	json_object_set_new(state, "version", json_string(VDET_VERSION));
	json_object_set_new(state, "traffic",
	                    json_pack("{s:I, s:I, s:I, s:I, s:I}", "requests", (json_int_t)c.requests,
	                              "sent", (json_int_t)c.sent, "received", (json_int_t)c.received,
	                              "addresses", (json_int_t)h->addresses, "blobs",
	                              (json_int_t)h->n_blobs));
}

static json_t *view(void *ctx)
{
	const struct app_head *h = ctx;
	json_auto_t *state = fleet_head_state(h->head);
	return fleet_view(state);
}

static int drain(void *ctx, const char *worker, struct err *err)
{
	const struct app_head *h = ctx;
	return fleet_head_drain(h->head, worker, err);
}

static int forget(void *ctx, const char *worker, struct err *err)
{
	const struct app_head *h = ctx;
	return fleet_head_forget(h->head, worker, err);
}

/* ---- the whole */

/* "1%" */
static int read_share(const char *text, double *ret, struct err *err)
{
	char *end = NULL;
	double percent = *text ? strtod(text, &end) : 0;
	if (*text && (end == text || strcmp(end, "%") != 0 || !(percent >= 0 && percent <= 100)))
		return err_set(err, ERR_ARG, "--fleet-double %.20s: expected a share of the chunks, as 1%%",
		               text);
	*ret = percent / 100;
	return 0;
}

static int open_http(struct app_head *h, const struct app_fleet *o, struct err *err)
{
	char host[APP_HOST_MAX];
	bool has = app_fleet_own_address(o->url, host);
	const struct fleet_http_options with = {.listen = o->listen,
	                                        .host = has ? host : NULL,
	                                        .address = o->address,
	                                        .tls_cert = o->cert,
	                                        .tls_key = o->key,
	                                        .blobs = h->blobs,
	                                        .open = open_source,
	                                        .blocks = blocks_of,
	                                        .direct = direct,
	                                        .fill = fill,
	                                        .ctx = h};
	return fleet_http_start(&with, &h->http, err);
}

/* Credentials may have been made before the journal was. */
static int name_head(struct app_head *h, const struct fleet_options *link,
                     char id[static STORE_HEAD_ID], struct err *err)
{
	AUTO(mem_freep) char *user = NULL, *named = NULL;
	int r = link->creds ? fleet_creds_read(link->creds, &user, &named, err) : 0;
	if (r == 0 && named && store_head_name(h->store, named, err) < 0)
		return err_wrap(err,
		                "%s is for the head with another journal; use its --data-dir, or write new "
		                "credentials with this one (vdet fleet creds)",
		                link->creds);
	return r < 0 ? r : store_head_id(h->store, id, err);
}

static int open_head(struct app_head *h, const struct fleet_options *link, struct err *err)
{
	char id[STORE_HEAD_ID];
	const struct fleet_head_hooks hooks = {
		.blob = load_blob, .answer = answer, .describe = describe, .ctx = h, .ending = h->cancel};
	int r = name_head(h, link, id, err);
	if (r == 0)
		r = fleet_head_open(link, id, &hooks, &h->head, err);
	if (r < 0)
		return r;
	h->inner = fleet_head_runner(h->head);
	h->runner = (struct runner){.run = run_unit,
	                            .settle = settle,
	                            .reject = reject,
	                            .capacity = capacity,
	                            .serves = serves,
	                            .twice = h->twice > 0 ? twice : NULL,
	                            .compared = compared,
	                            .ctx = h};
	h->api = (struct api_fleet){view, drain, forget, h};
	return 0;
}

int app_head_open(const struct app *app, struct store *store, struct app_head **ret,
                  struct err *err)
{
	const struct app_fleet *o = &app->fleet;
	char host[FLEET_NAME_MAX + 1];
	struct fleet_options link;
	*ret = NULL;
	if (!o->url || !*o->url) /* not every command takes the options */
		return 0;
	int r = app_fleet_link(o, host, &link, err);
	if (r < 0)
		return r;

	AUTO(app_head_freep) struct app_head *h = mem_alloc(1, sizeof *h);
	pthread_mutex_init(&h->lock, NULL);
	h->store = store;
	h->videos = app->videos;
	h->direct = o->direct;
	h->cancel = app->cancel;
	h->blobs = file_join(app->data_dir, "fleet-blobs");
	remote_blob_expire(h->blobs, NULL, BLOBS_LEFT);
	r = read_share(o->twice, &h->twice, err);
	if (r == 0)
		r = open_http(h, o, err);
	if (r == 0)
		r = open_head(h, &link, err);
	if (r < 0)
		return err_wrap(err, "--fleet %s", o->url);
	*ret = TAKE(h);
	return 0;
}

void app_head_free(struct app_head *h)
{
	if (!h)
		return;
	fleet_head_free(h->head);
	fleet_http_free(h->http);
	/* What is not settled is asked for again by the next run. */
	for (size_t i = h->n_named; i-- > 0;)
		if (h->named[i].settled)
			remove_blobs(h, &h->named[i]);
	for (size_t i = 0; i < h->n_named; i++)
		free(h->named[i].names);
	free(h->named);
	free(h->blobs);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

const struct runner *app_head_runner(const struct app_head *h)
{
	return h ? &h->runner : NULL;
}

const struct api_fleet *app_head_api(const struct app_head *h)
{
	return h ? &h->api : NULL;
}
