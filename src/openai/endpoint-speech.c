/* SPDX-License-Identifier: Apache-2.0 */
/* One request for a transcription at an endpoint. */
#include <string.h>

#include "openai/endpoint-internal.h"

#define REPLY_MAX ((size_t)16 << 20) /* hours of speech with the time of each word */
/* The name that OpenAI's own API wants; other servers ignore it, or have their
 * own. */
#define MODEL "whisper-1"
#define FIELDS_MAX 8

static int on_body(void *ctx, const struct http_reply *reply, const char *data, size_t len,
                   struct err *err)
{
	struct buf *out = ctx;
	(void)reply;
	buf_add(out, data, len);
	return buf_check(out, "the reply to a request for a transcription", err);
}

/* Whether a refusal is about the form of the answer: then a simpler one may be
 * taken. */
static bool is_about_form(const struct http_reply *reply, const char *body)
{
	static const char *const marks[] = {"response_format", "verbose_json", "granularit",
	                                    "response format", "timestamp"};
	bool form = reply->status == 501;
	if (reply->status != 400 && reply->status != 415 && reply->status != 422 && !form)
		return false;
	for (size_t i = 0; !form && i < ARRAY_LEN(marks); i++)
		form = strcasestr(body, marks[i]);
	return form;
}

static int refusal(const struct endpoint *e, const struct endpoint_sound *s,
                   const struct http_reply *reply, const struct buf *body,
                   struct endpoint_failure *failure, struct err *err)
{
	int r = endpoint_status_error(e, reply, buf_str(body), body->len, err);
	endpoint_note_failure(reply, r, failure);
	if (s->form < ENDPOINT_TEXT && is_about_form(reply, buf_str(body)))
		r = err_set(err, ERR_UNSUPPORTED, "%s does not give answers of this form (HTTP %d)",
		            e->shown, reply->status);
	else if (reply->status == 404)
		r = err_set(err, ERR_NOENT, "%s has no such model, or transcribes no speech (HTTP 404)",
		            e->shown);
	return r;
}

static size_t add_fields(const struct endpoint *e, const struct endpoint_sound *s,
                         struct http_field out[static FIELDS_MAX])
{
	static const char *const forms[] = {"verbose_json", "verbose_json", "json", "text"};
	const char *model = *e->wanted ? e->wanted : MODEL, *form = forms[s->form];
	size_t n = 0;
	out[n++] = (struct http_field){"file", s->wav, s->len, "sound.wav", "audio/wav"};
	out[n++] = (struct http_field){.name = "model", .data = model, .len = strlen(model)};
	out[n++] = (struct http_field){.name = "response_format", .data = form, .len = strlen(form)};
	out[n++] = (struct http_field){.name = "temperature", .data = "0", .len = 1};
	if (*s->language)
		out[n++] = (struct http_field){
			.name = "language", .data = s->language, .len = strlen(s->language)};
	if (s->form == ENDPOINT_WORDS) {
		out[n++] =
			(struct http_field){.name = "timestamp_granularities[]", .data = "word", .len = 4};
		out[n++] =
			(struct http_field){.name = "timestamp_granularities[]", .data = "segment", .len = 7};
	}
	return n;
}

int endpoint_transcribe(struct endpoint *e, const struct endpoint_sound *s, struct cancel *cancel,
                        struct buf *out, struct endpoint_failure *failure, struct err *err)
{
	AUTO(buf_free) struct buf body = BUF(REPLY_MAX);
	AUTO(mem_freep) char *url = mem_printf("%s/audio/transcriptions", e->base);
	struct http_field fields[FIELDS_MAX];
	struct http_reply reply;
	const struct http_request q = {.url = url,
	                               .socket = e->socket,
	                               .key = e->key,
	                               .ca_file = e->ca_file,
	                               .fields = fields,
	                               .n_fields = add_fields(e, s, fields),
	                               .connect_timeout = e->limits.connect,
	                               .total_timeout = s->timeout,
	                               .cancel = {cancel},
	                               .body = on_body,
	                               .ctx = &body};
	*failure = (struct endpoint_failure){0};
	int r = http_run(e->http, &q, &reply, err);
	if (r < 0 && r != -ERR_CANCELED) {
		failure->retry = reply.passing;
		r = err_wrap(err, reply.status ? "the reply of %s ended early" : "cannot use %s", e->shown);
	} else if (r == 0 && reply.status != 200) {
		r = refusal(e, s, &reply, &body, failure, err);
	} else if (r == 0 && strstr(reply.type, "html")) {
		failure->refused = true;
		r = err_set(err, ERR_PROTO,
		            "%s answered with a web page: it is not an OpenAI-compatible API", e->shown);
	} else if (r == 0) {
		buf_add(out, body.data, body.len);
		r = buf_check(out, "the reply to a request for a transcription", err);
	}
	if (r < 0)
		endpoint_scrub(e, err);
	return r;
}
