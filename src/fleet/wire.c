/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "fleet/options.h"
#include "fleet/wire-internal.h"

bool fleet_name_valid(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
	return n > 0 && n <= FLEET_NAME_MAX && !name[n];
}

static void short_hash(const char *text, char out[static 17])
{
	char hex[HASH_HEX];

	hash_texts(&text, 1, hex);
	snprintf(out, 17, "%.16s", hex);
}

void wire_queue(const char *model, const char *source, char out[static WIRE_QUEUE])
{
	char m[17], s[17];

	short_hash(model, m);
	short_hash(source, s);
	snprintf(out, WIRE_QUEUE, "u-%s-%s", m, s);
}

void wire_unit_subject(const char *head, const char *model, const char *source,
                       char out[static WIRE_SUBJECT])
{
	char m[17], s[17];

	short_hash(model, m);
	short_hash(source, s);
	snprintf(out, WIRE_SUBJECT, "vdet.%s.unit.%s.%s", head, m, s);
}

void wire_random(char out[static WIRE_NONCE])
{
	unsigned char bytes[16];

	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2hex(out, WIRE_NONCE, bytes, sizeof bytes);
}

void wire_nonce(const unsigned char secret[static WIRE_SECRET], const struct runner_unit *u,
                int64_t attempt, char out[static WIRE_NONCE])
{
	char numbers[64], hex[HASH_HEX];
	snprintf(numbers, sizeof numbers, "%d %lld", u->schema, (long long)attempt);
	const char *const texts[] = {u->id, u->kind, u->model, u->source, u->body, numbers};
	hash_texts(texts, ARRAY_LEN(texts), hex);

	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	_Static_assert(crypto_auth_hmacsha256_KEYBYTES == WIRE_SECRET, "the key of HMAC-SHA256");
	crypto_auth_hmacsha256(mac, (const unsigned char *)hex, strlen(hex), secret);
	sodium_bin2hex(out, WIRE_NONCE, mac, 16);
}

bool wire_token(const char *subject, int n, char *out, size_t size)
{
	for (; n > 0; n--) {
		subject = strchr(subject, '.');
		if (!subject)
			return false;
		subject++;
	}

	size_t len = strcspn(subject, ".");
	if (!len || len >= size)
		return false;
	memcpy(out, subject, len);
	out[len] = 0;
	return true;
}

static bool number_token(const char *subject, int n, int64_t *ret)
{
	char text[20];

	if (!wire_token(subject, n, text, sizeof text) || strspn(text, "0123456789") != strlen(text) ||
	    strlen(text) > 18)
		return false;
	*ret = atoll(text);
	return true;
}

/* $JS.ACK.STREAM.CONSUMER.TIMES.SEQ.…, or with domain and account before the
 * stream: where that is. */
static int stream_token(const char *reply)
{
	int tokens = 1;

	for (const char *p = reply; *p; p++)
		tokens += *p == '.';
	return tokens >= 11 ? 4 : 2;
}

bool wire_stream(const char *reply, char *out, size_t size)
{
	return strncmp(reply, "$JS.ACK.", 8) == 0 && wire_token(reply, stream_token(reply), out, size);
}

bool wire_delivery(const char *reply, int64_t *ret_times, uint64_t *ret_seq)
{
	int at = stream_token(reply) + 2;

	int64_t seq = 0;
	if (strncmp(reply, "$JS.ACK.", 8) != 0 || !number_token(reply, at, ret_times) ||
	    !number_token(reply, at + 1, &seq))
		return false;
	*ret_seq = (uint64_t)seq;
	return true;
}

/* ---- units */

void wire_unit_clear(struct wire_unit *u)
{
	free(u->id);
	free(u->kind);
	free(u->model);
	free(u->source);
	free(u->body);
	for (size_t i = 0; i < u->n_avoid; i++)
		free(u->avoid[i]);
	*u = (struct wire_unit){0};
}

struct runner_unit wire_unit_view(const struct wire_unit *u)
{
	return (struct runner_unit){.id = u->id,
	                            .kind = u->kind,
	                            .schema = u->schema,
	                            .model = u->model,
	                            .source = u->source,
	                            .body = u->body,
	                            .timeout = u->timeout};
}

static int check_unit(const struct runner_unit *u, struct err *err)
{
	if (!runner_id_valid(u->id))
		return err_set(err, ERR_ARG, "%.130s is not a valid id of a unit of work", u->id);
	if (!fleet_name_valid(u->kind) || strlen(u->model) > WIRE_MAX_TEXT ||
	    (*u->source && !hash_is_hex(u->source)) || u->timeout < 0 || u->schema < 0)
		return err_set(err, ERR_ARG, "unit %s: wrong kind, model, source, schema or timeout",
		               u->id);
	if (strlen(u->body) > RUNNER_MAX_BODY)
		return err_set(err, ERR_LIMIT, "unit %s has more than %d bytes", u->id, RUNNER_MAX_BODY);
	return 0;
}

int wire_unit_write(const struct runner_unit *u, int64_t attempt, const char *nonce,
                    int64_t ack_wait, const char *const *avoid, struct buf *out, struct err *err)
{
	json_t *names = json_array();
	int r = check_unit(u, err);

	if (r) {
		json_decref(names);
		return r;
	}
	for (size_t i = 0; avoid[i] && i < WIRE_MAX_AVOID; i++)
		json_array_append_new(names, json_string(avoid[i]));
	return wire_write_line(json_pack("{s:s, s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:s, s:o}", "unit",
	                                 u->id, "kind", u->kind, "schema", u->schema, "model", u->model,
	                                 "source", u->source, "timeout", (json_int_t)u->timeout,
	                                 "attempt", (json_int_t)attempt, "ack_wait",
	                                 (json_int_t)ack_wait, "nonce", nonce, "avoid", names),
	                       u->body, out, err);
}

static bool unit_members(const json_t *o, struct wire_unit *u)
{
	int64_t schema = 0;

	u->id = wire_text_of(o, "unit", RUNNER_MAX_ID);
	u->kind = wire_text_of(o, "kind", FLEET_NAME_MAX);
	u->model = wire_text_of(o, "model", WIRE_MAX_TEXT);
	u->source = wire_text_of(o, "source", HASH_HEX);
	bool good = u->id && u->kind && u->model && u->source && u->body &&
	            wire_number_of(o, "schema", 0, INT32_MAX, &schema) &&
	            wire_number_of(o, "timeout", 0, INT64_MAX, &u->timeout) &&
	            wire_number_of(o, "attempt", 1, INT32_MAX, &u->attempt) &&
	            wire_number_of(o, "ack_wait", 1000, INT64_C(86400000000), &u->ack_wait) &&
	            wire_nonce_of(o, "nonce", u->nonce) &&
	            wire_texts_of(o, "avoid", u->avoid, WIRE_MAX_AVOID, FLEET_NAME_MAX, &u->n_avoid);
	u->schema = (int)schema;
	return good;
}

int wire_unit_read(const char *data, size_t len, struct wire_unit *ret, struct err *err)
{
	json_auto_t *o = NULL;
	AUTO(wire_unit_clear) struct wire_unit u = {0};

	int r = wire_read_line(data, len, &o, &u.body, err);
	if (r)
		return r;
	if (!unit_members(o, &u))
		return wire_malformed(err, "a unit");
	struct runner_unit view = wire_unit_view(&u);
	r = check_unit(&view, err);
	if (r)
		return r;
	*ret = u;
	u = (struct wire_unit){0};
	return 0;
}

/* ---- results */

static const char *const states[] = {"done", "failed", "refused", "back"};

void wire_result_clear(struct wire_result *r)
{
	free(r->id);
	free(r->body);
	free(r->fault);
	free(r->blobs);
	*r = (struct wire_result){0};
}

int wire_result_write(const struct wire_result *r, struct buf *out, struct err *err)
{
	if (r->body && strlen(r->body) > RUNNER_MAX_BODY)
		return err_set(err, ERR_LIMIT, "the result of unit %s has more than %d bytes", r->id,
		               RUNNER_MAX_BODY);

	json_t *blobs = json_array();
	for (size_t i = 0; i < r->n_blobs; i++)
		json_array_append_new(blobs, json_string(r->blobs[i]));
	AUTO(mem_freep) char *fault = text_line(r->fault ? r->fault : "", WIRE_MAX_TEXT);
	return wire_write_line(json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:o}", "unit", r->id, "state",
	                                 states[r->state], "attempt", (json_int_t)r->attempt,
	                                 "delivery", (json_int_t)r->delivery, "nonce", r->nonce,
	                                 "fault", fault, "blobs", blobs),
	                       r->body ? r->body : "", out, err);
}

static bool blobs_of(const json_t *o, struct wire_result *r)
{
	const json_t *list = json_object_get(o, "blobs"), *v;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > RUNNER_MAX_BLOBS)
		return false;
	r->blobs = mem_alloc(json_array_size(list) + 1, sizeof *r->blobs);
	json_array_foreach (list, i, v) {
		if (!json_is_string(v) || !hash_is_hex(json_string_value(v)))
			return false;
		memcpy(r->blobs[r->n_blobs++], json_string_value(v), HASH_HEX);
	}
	return true;
}

static bool state_of(const json_t *o, enum wire_state *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (!strcmp(json_text(o, "state"), states[i])) {
			*ret = (enum wire_state)i;
			return true;
		}
	return false;
}

int wire_result_read(const char *data, size_t len, struct wire_result *ret, struct err *err)
{
	json_auto_t *o = NULL;
	AUTO(wire_result_clear) struct wire_result r = {0};

	int e = wire_read_line(data, len, &o, &r.body, err);
	if (e)
		return e;
	r.id = wire_text_of(o, "unit", RUNNER_MAX_ID);
	AUTO(mem_freep) char *fault = wire_text_of(o, "fault", WIRE_MAX_TEXT);
	if (!r.id || !runner_id_valid(r.id) || !fault || !r.body || !state_of(o, &r.state) ||
	    !wire_number_of(o, "attempt", 1, INT32_MAX, &r.attempt) ||
	    !wire_number_of(o, "delivery", 1, INT32_MAX, &r.delivery) ||
	    !wire_nonce_of(o, "nonce", r.nonce) || !blobs_of(o, &r))
		return wire_malformed(err, "a result");
	r.fault = text_line(fault, WIRE_MAX_TEXT);
	*ret = r;
	r = (struct wire_result){0};
	return 0;
}

void wire_start_write(const struct wire_start *s, struct buf *out)
{
	wire_write_line(json_pack("{s:s, s:I, s:I, s:s}", "unit", s->id, "attempt",
	                          (json_int_t)s->attempt, "delivery", (json_int_t)s->delivery, "nonce",
	                          s->nonce),
	                NULL, out, NULL);
}

int wire_start_read(const char *data, size_t len, struct wire_start *ret, struct err *err)
{
	json_auto_t *o = NULL;
	int r = wire_read_line(data, len, &o, NULL, err);

	if (r)
		return r;
	const char *id = json_text(o, "unit");
	if (!runner_id_valid(id) || !wire_number_of(o, "attempt", 1, INT32_MAX, &ret->attempt) ||
	    !wire_number_of(o, "delivery", 1, INT32_MAX, &ret->delivery) ||
	    !wire_nonce_of(o, "nonce", ret->nonce))
		return wire_malformed(err, "a start of a unit");
	snprintf(ret->id, sizeof ret->id, "%s", id);
	return 0;
}
