/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "openai/endpoint-internal.h"

#define PROBE_TIMEOUT (30 * CLOCK_SECOND)
#define PROBE_MAX ((size_t)16 << 20) /* a large catalogue lists thousands of models */
#define NAMES_SHOWN 5
#define KEY_FILE_MAX 4096

static int bad_url(const char *url, const char *why, struct err *err)
{
	/* Do not show an address that contains a password. */
	return err_set(err, ERR_ARG, "the engine's address %s%s", strchr(url, '@') ? "" : url, why);
}

/* Returns the length of `end` if the first `len` bytes of the URL end in it,
 * else 0. */
static size_t ends_with(const char *url, size_t len, const char *end)
{
	size_t n = strlen(end);
	return len > n && !strncasecmp(url + len - n, end, n) ? n : 0;
}

static int split_url(struct endpoint *e, const char *url, struct err *err)
{
	if (!strncmp(url, "unix:", 5)) {
		const char *path = url + 5;
		if (*path != '/' || strlen(path) > 107)
			return bad_url(url, ": a Unix socket needs a path of 1 to 107 bytes that begins with /",
			               err);
		e->socket = mem_strdup(path);
		e->shown = mem_strdup(url);
		e->root = mem_strdup("http://localhost");
		e->base = mem_strdup("http://localhost/v1");
		return 0;
	}

	size_t scheme = !strncasecmp(url, "http://", 7) ? 7 : !strncasecmp(url, "https://", 8) ? 8 : 0;
	if (!scheme || !url[scheme] || url[scheme] == '/')
		return bad_url(url, " is not a URL (http://HOST:PORT or https://HOST)", err);
	if (strpbrk(url, "?# \t\r\n"))
		return bad_url(url, " must not contain spaces, ? or #", err);

	size_t host = strcspn(url + scheme, "/");
	if (memchr(url + scheme, '@', host))
		return bad_url(url, " must not contain a password; use engine.key or engine.key-file", err);
	if (url[scheme + host - 1] == ':')
		return bad_url(url, " has a colon, but no port after it", err);

	size_t len = strlen(url);
	while (url[len - 1] == '/')
		len--;
	/* People often copy the address of requests instead of that of the API. */
	len -= ends_with(url, len, "/chat/completions");
	len -= ends_with(url, len, "/audio/transcriptions");
	while (url[len - 1] == '/')
		len--;

	bool path = len > scheme + host;
	e->base = mem_printf("%.*s%s", (int)len, url, path ? "" : "/v1");
	e->shown = mem_strdup(e->base);
	len = strlen(e->base);
	bool v1 = len > 3 && !strcmp(e->base + len - 3, "/v1");
	e->root = mem_printf("%.*s", (int)(v1 ? len - 3 : len), e->base);
	return 0;
}

static struct endpoint_known *known_new(const struct endpoint *e)
{
	struct endpoint_known *k = mem_alloc(1, sizeof *k);
	k->info = (struct endpoint_info){
		.version = mem_strdup(""), .model = mem_strdup(e->wanted), .images = true};
	return k;
}

static void known_free(struct endpoint_known *k)
{
	for (struct endpoint_known *older; k; k = older) {
		older = k->older;
		free(k->info.version);
		free(k->info.model);
		free(k);
	}
}
DEFINE_FREEP(struct endpoint_known, known)

int endpoint_new(const char *url, const char *key, const char *model,
                 const struct endpoint_limits *limits, struct endpoint **ret, struct err *err)
{
	AUTO(endpoint_freep) struct endpoint *e = mem_alloc(1, sizeof *e);
	e->http = http_new();
	e->key = mem_strdup(key ? key : "");
	e->wanted = mem_strdup(model ? model : "");
	e->limits = *limits;
	e->ca_file = mem_strdup(limits->ca_file ? limits->ca_file : "");
	e->limits.ca_file = e->ca_file;
	pthread_mutex_init(&e->lock, NULL);
	atomic_store(&e->known, known_new(e));
	int r = split_url(e, url, err);
	if (r < 0)
		return r;

	for (const char *p = e->key; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return err_set(err, ERR_ARG,
			               "the engine's key holds a space or another byte that no key has");

	*ret = TAKE(e);
	return 0;
}

int endpoint_read_key(const char *path, char **ret, char **ret_warning, struct err *err)
{
	AUTO(buf_free) struct buf b = BUF(KEY_FILE_MAX);
	struct stat st;
	*ret_warning = NULL;
	int r = file_read(path, &b, err);
	if (r < 0)
		return r;
	if (stat(path, &st) == 0 && st.st_mode & (S_IRGRP | S_IROTH))
		*ret_warning = mem_printf("others can read the key in %s: chmod 600 it", path);
	const char *begin = buf_str(&b) + strspn(buf_str(&b), " \t\r\n");
	*ret = mem_printf("%.*s", (int)strcspn(begin, " \t\r\n"), begin);
	explicit_bzero(b.data, b.len);
	return 0;
}

void endpoint_free(struct endpoint *e)
{
	if (!e)
		return;

	http_free(e->http);
	/* A core file must not contain the key. */
	explicit_bzero(e->key, strlen(e->key));
	free(e->key);
	free(e->wanted);
	free(e->ca_file);
	pthread_mutex_destroy(&e->lock);
	free(e->shown);
	free(e->base);
	free(e->root);
	free(e->socket);
	known_free(atomic_load(&e->known));
	free(e);
}

void endpoint_set_prefix(struct endpoint *e, const char *prefix)
{
	size_t root = strlen(e->root);
	char *base = mem_printf("%s%s%s", e->root, prefix, e->base + root);
	char *whole = mem_printf("%s%s", e->root, prefix);
	free(e->base);
	free(e->root);
	e->base = base;
	e->root = whole;
}

const char *endpoint_url(const struct endpoint *e)
{
	return e->shown;
}

const struct endpoint_info *endpoint_info(const struct endpoint *e)
{
	return &atomic_load(&e->known)->info;
}

struct dialect endpoint_dialect(struct endpoint *e)
{
	pthread_mutex_lock(&e->lock);
	struct dialect d = e->dialect;
	pthread_mutex_unlock(&e->lock);
	return d;
}

void endpoint_set_dialect(struct endpoint *e, const struct dialect *d)
{
	pthread_mutex_lock(&e->lock);
	e->dialect = *d;
	pthread_mutex_unlock(&e->lock);
}

void endpoint_set_sampling(struct endpoint *e, const struct sampling *s)
{
	pthread_mutex_lock(&e->lock);
	e->sampling = *s;
	pthread_mutex_unlock(&e->lock);
}

void endpoint_on_learned(struct endpoint *e, void (*learned)(void *ctx), void *ctx)
{
	e->learned = learned;
	e->learned_ctx = ctx;
}

/* Parses JSON, without a byte order mark at its beginning. */
static json_t *parse(const struct buf *body)
{
	const char *text = buf_str(body);
	size_t mark = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	return json_loadb(text + mark, body->len - mark, 0, NULL);
}

static int collect(void *ctx, const struct http_reply *reply, const char *data, size_t len,
                   struct err *err)
{
	(void)reply;
	struct buf *b = ctx;
	buf_add(b, data, len);
	return buf_check(b, "the engine's reply", err);
}

static int exchange(struct endpoint *e, const char *root, const char *path,
                    const struct http_piece *piece, int64_t timeout, struct cancel *cancel,
                    struct buf *body, struct http_reply *reply, struct err *err)
{
	AUTO(mem_freep) char *url = mem_printf("%s%s", root, path);
	struct http_request q = {.url = url,
	                         .pieces = piece,
	                         .n_pieces = piece ? 1 : 0,
	                         .socket = e->socket,
	                         .key = e->key,
	                         .ca_file = e->ca_file,
	                         .connect_timeout = e->limits.connect,
	                         .total_timeout = timeout,
	                         .cancel = {cancel},
	                         .body = collect,
	                         .ctx = body};
	int r = http_run(e->http, &q, reply, err);
	if (r == -ERR_CANCELED)
		return r;
	if (r < 0) {
		err_wrap(err, "cannot reach the engine at %s", e->shown);
		endpoint_scrub(e, err);
	}
	return r;
}

static int get(struct endpoint *e, const char *root, const char *path, struct cancel *cancel,
               struct buf *body, struct http_reply *reply, struct err *err)
{
	return exchange(e, root, path, NULL, PROBE_TIMEOUT, cancel, body, reply, err);
}

int endpoint_ping(struct endpoint *e, int64_t timeout, struct cancel *cancel, struct err *err)
{
	AUTO(buf_free) struct buf body = BUF(PROBE_MAX);
	struct http_reply reply;
	return exchange(e, e->root, "/health", NULL, timeout, cancel, &body, &reply, err);
}

int endpoint_read(struct endpoint *e, const char *path, struct cancel *cancel, struct buf *out,
                  struct err *err)
{
	struct http_reply reply;
	int r = get(e, e->root, path, cancel, out, &reply, err);
	return r < 0 || reply.status == 200
	           ? r
	           : endpoint_status_error(e, &reply, buf_str(out), out->len, err);
}

int endpoint_post(struct endpoint *e, const char *path, struct cancel *cancel, struct err *err)
{
	AUTO(buf_free) struct buf body = BUF(PROBE_MAX);
	const struct http_piece piece = {"{}", 2};
	struct http_reply reply;
	int r = exchange(e, e->root, path, &piece, PROBE_TIMEOUT, cancel, &body, &reply, err);
	return r < 0 || reply.status == 200
	           ? r
	           : endpoint_status_error(e, &reply, buf_str(&body), body.len, err);
}

/* Gets a JSON object that not all endpoints have; NULL if there is none. */
static json_t *get_optional(struct endpoint *e, const char *path, struct cancel *cancel)
{
	AUTO(buf_free) struct buf body = BUF(PROBE_MAX);
	struct http_reply reply;
	struct err ignored = {0};
	if (get(e, e->root, path, cancel, &body, &reply, &ignored) < 0 || reply.status != 200)
		return NULL;
	json_t *j = parse(&body);
	if (j && !json_is_object(j)) {
		json_decref(j);
		j = NULL;
	}
	return j;
}

int endpoint_health(struct endpoint *e, struct cancel *cancel, struct err *err)
{
	AUTO(buf_free) struct buf body = BUF(PROBE_MAX);
	struct http_reply reply;
	int r = get(e, e->root, "/health", cancel, &body, &reply, err);
	if (r < 0)
		return r;
	if (reply.status == 503)
		return err_set(err, ERR_BUSY, "the engine is loading its model");
	return reply.status == 200 ? 0
	                           : endpoint_status_error(e, &reply, buf_str(&body), body.len, err);
}

static void set(char **s, const char *value)
{
	if (!value)
		return;
	free(*s);
	*s = text_line(value, 200);
}

/* Returns an error that lists some of the endpoint's models. */
static int several_models(struct endpoint *e, const json_t *data, struct err *err)
{
	AUTO(buf_free) struct buf names = BUF(400);
	size_t n = json_array_size(data);
	for (size_t i = 0; i < n && i < NAMES_SHOWN; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(data, i), "id"));
		AUTO(mem_freep) char *line = text_line(id ? id : "?", 60);
		buf_addf(&names, "%s%s", i ? ", " : "", line);
	}
	return err_set(err, ERR_ARG, "%s offers %zu models (%s%s); choose one with --model", e->shown,
	               n, buf_str(&names), n > NAMES_SHOWN ? ", …" : "");
}

static int read_models(struct endpoint *e, struct endpoint_info *info, const json_t *root,
                       struct err *err)
{
	const json_t *data = json_object_get(root, "data");
	const json_t *model = json_array_get(data, 0);
	if (*e->wanted) {
		for (size_t i = 0; i < json_array_size(data); i++) {
			const char *id = json_string_value(json_object_get(json_array_get(data, i), "id"));
			if (id && !strcmp(id, e->wanted))
				model = json_array_get(data, i);
		}
	} else if (json_array_size(data) > 1) {
		return several_models(e, data, err);
	} else {
		set(&info->model, json_string_value(json_object_get(model, "id")));
	}

	const char *owner = json_string_value(json_object_get(model, "owned_by"));
	info->llama = info->llama || (owner && !strcmp(owner, "llamacpp"));
	info->ollama = owner && !strcmp(owner, "library");
	/* vLLM and SGLang report it. */
	int64_t context = json_integer_value(json_object_get(model, "max_model_len"));
	info->context = context > 0 ? context : 0;
	return 0;
}

static void read_props(struct endpoint *e, struct endpoint_info *info, struct cancel *cancel)
{
	json_t *props = get_optional(e, "/props", cancel);
	if (!props)
		return;
	int64_t slots = json_integer_value(json_object_get(props, "total_slots"));
	const json_t *settings = json_object_get(props, "default_generation_settings");
	int64_t context = json_integer_value(json_object_get(settings, "n_ctx"));
	const json_t *vision = json_object_get(json_object_get(props, "modalities"), "vision");
	info->slots = slots > 0 && slots < 1000 ? (int)slots : 0;
	info->context = context > 0 ? context : info->context;
	info->images = !vision || json_is_true(vision);
	set(&info->version, json_string_value(json_object_get(props, "build_info")));
	json_decref(props);
}

static void read_version(struct endpoint *e, struct endpoint_info *info, struct cancel *cancel)
{
	json_t *v = get_optional(e, "/version", cancel);
	set(&info->version, json_string_value(json_object_get(v, "version")));
	json_decref(v);
}

int endpoint_probe(struct endpoint *e, struct cancel *cancel, struct err *err)
{
	AUTO(buf_free) struct buf body = BUF(PROBE_MAX);
	struct http_reply reply;
	char advice[ADVICE_SIZE];
	int r = get(e, e->base, "/models", cancel, &body, &reply, err);
	if (r < 0)
		return r;
	if (reply.status == 503)
		return err_set(err, ERR_BUSY, "the engine at %s is not ready (HTTP 503)", e->shown);

	AUTO(known_freep) struct endpoint_known *known = known_new(e);
	struct endpoint_info *info = &known->info;
	info->llama = !strcmp(reply.server, "llama.cpp");
	/* Some endpoints have no list of models, but answer requests. */
	bool absent = reply.status == 404 || reply.status == 405 || reply.status == 501;
	if (reply.status != 200 && !absent)
		return endpoint_status_error(e, &reply, buf_str(&body), body.len, err);

	json_t *root = absent ? NULL : parse(&body);
	if (!absent && !json_is_object(root)) {
		json_decref(root);
		return err_set(err, ERR_PROTO,
		               "%s does not speak the OpenAI-compatible API: its /models is %s%s", e->shown,
		               strstr(reply.type, "html") ? "a web page" : "not JSON",
		               endpoint_address_advice(e, advice));
	}

	r = read_models(e, info, root, err);
	json_decref(root);
	if (r < 0)
		return r;
	if (info->llama)
		read_props(e, info, cancel);
	else
		read_version(e, info, cancel);
	if (cancel_fired(cancel))
		return err_set(err, ERR_CANCELED, "interrupted");

	known->older = atomic_load(&e->known);
	atomic_store(&e->known, TAKE(known));
	return 0;
}
