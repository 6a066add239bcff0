/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upload/tus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "net/upload/tus-text.h"
#include "net/upload/upload.h"

#define VERSION "1.0.0"

/* A part of a file that a request sends; call.sink. */
struct part {
	struct upload *upload; /* NULL: no bytes are sent */
	char id[72];
	bool created; /* by this request */
	enum upload_sum sum;
	unsigned char wanted[32]; /* the checksum of the client */
};

/* What the headers of a request to create an upload say. */
struct creation {
	struct upload_request request;
	char *ids; /* owns the text of request.parts */
};

static void add_state(struct call *c, const struct upload_state *s)
{
	char date[64];
	struct tm tm;
	time_t t = s->expires / CLOCK_SECOND;
	gmtime_r(&t, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	call_head(c, "Upload-Offset", "%lld", (long long)s->offset);
	call_head(c, "Upload-Expires", "%s", date);
	if (s->video)
		call_head(c, "Vdet-Video", "%s", s->video);
	if (s->job)
		call_head(c, "Vdet-Job", "%s", s->job);
	if (s->fault)
		call_head(c, "Vdet-Job-Error", "%s", s->fault);
}

static int check_version(struct call *c, struct err *err)
{
	const char *v = c->headers[HEADER_TUS_RESUMABLE];
	if (v && strcmp(v, VERSION) == 0)
		return 0;
	call_problem(c, 412, "tus", "the header Tus-Resumable: " VERSION " is required");
	call_head(c, "Tus-Version", VERSION);
	return err_set(err, ERR_ARG, "not tus " VERSION);
}

static int handle_options(struct call *c, struct err *err)
{
	(void)err;
	call_empty(c, 204);
	call_head(c, "Tus-Version", VERSION);
	call_head(c, "Tus-Extension",
	          "creation,creation-with-upload,creation-defer-length,checksum,expiration,termination,"
	          "concatenation");
	call_head(c, "Tus-Checksum-Algorithm", "sha1,sha256");
	return 0;
}

static int read_number(const char *s, const char *what, int64_t *ret, struct err *err)
{
	size_t n = s ? strspn(s, "0123456789") : 0;
	if (!n || s[n] || n > 18)
		return err_set(err, ERR_ARG, "the header %s must be a number of bytes", what);
	*ret = strtoll(s, NULL, 10);
	return 0;
}

static const char *metadata_text(const json_t *m, const char *name)
{
	return json_string_value(json_object_get(m, name));
}

static bool is_offset_type(const struct call *c)
{
	const char *type = c->headers[HEADER_CONTENT_TYPE];
	return type && strcasecmp(type, "application/offset+octet-stream") == 0;
}

static int wrong_type(struct call *c, struct err *err)
{
	call_problem(c, 415, "type", "expected Content-Type: application/offset+octet-stream");
	return err_set(err, ERR_ARG, "wrong Content-Type");
}

/* The length of the file, if the request has it. */
static int read_total(const struct call *c, int64_t *ret, struct err *err)
{
	const char *text = c->headers[HEADER_UPLOAD_LENGTH];
	*ret = -1;
	return text ? read_number(text, "Upload-Length", ret, err) : 0;
}

static int begin_part(struct call *c, struct part *p, int64_t offset, struct err *err)
{
	const char *sum = c->headers[HEADER_UPLOAD_CHECKSUM];
	struct upload_part q = {.offset = offset, .length = c->length};
	int r = sum ? tus_checksum(sum, &p->sum, p->wanted, err) : 0;
	if (r == 0)
		r = read_total(c, &q.total, err);
	q.sum = p->sum;
	if (r == 0)
		r = upload_begin(c->ctx, p->id, c->serial, &q, &p->upload, err);
	return r;
}

static int read_lengths(struct call *c, struct upload_request *q, struct err *err)
{
	const char *defer = c->headers[HEADER_UPLOAD_DEFER];
	int r = read_total(c, &q->length, err);
	if (r < 0)
		return r;
	if (defer && (strcmp(defer, "1") != 0 || q->length >= 0))
		return err_set(err, ERR_ARG, "Upload-Defer-Length must be 1, without Upload-Length");
	if (!defer && q->length < 0)
		return err_set(err, ERR_ARG, "the header Upload-Length must be a number of bytes");
	return q->length ? 0 : err_set(err, ERR_ARG, "the file is empty");
}

/* Upload-Concat: "partial", or "final;" and the addresses of partial uploads. */
static int read_concat(struct call *c, struct creation *k, struct err *err)
{
	struct upload_request *q = &k->request;
	char *rest = NULL;
	q->concat = c->headers[HEADER_UPLOAD_CONCAT];
	q->partial = q->concat && strcmp(q->concat, "partial") == 0;
	if (!q->concat || q->partial)
		return read_lengths(c, q, err);
	if (strncmp(q->concat, "final;", 6) != 0)
		return err_set(err, ERR_ARG, "Upload-Concat must be partial, or final; and a list");
	if (c->headers[HEADER_UPLOAD_LENGTH] || c->headers[HEADER_UPLOAD_DEFER] || c->length > 0)
		return err_set(err, ERR_ARG, "a final upload has neither Upload-Length nor a body");

	k->ids = mem_strdup(q->concat + 6);
	for (char *s = strtok_r(k->ids, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) {
		if (q->n_parts == UPLOAD_PARTS_MAX)
			return err_set(err, ERR_LIMIT, "Upload-Concat names more than %d uploads",
			               UPLOAD_PARTS_MAX);
		q->parts[q->n_parts++] = file_base(s);
	}
	return q->n_parts ? 0 : err_set(err, ERR_ARG, "Upload-Concat names no uploads");
}

static int create(struct call *c, struct part *p, struct err *err)
{
	json_auto_t *m = NULL, *request = NULL;
	struct creation k = {0};
	const char *metadata = c->headers[HEADER_UPLOAD_METADATA];
	bool bytes = c->length > 0 || c->chunked;
	int r = check_version(c, err);
	if (r == 0)
		r = read_concat(c, &k, err);
	if (r == 0 && bytes && !is_offset_type(c))
		r = wrong_type(c, err);
	if (r == 0)
		r = tus_metadata(metadata ? metadata : "", &m, err);
	if (r == 0)
		r = tus_request(m, &request, err);
	if (r == 0)
		r = upload_check(c->ctx, request, err);

	const char *name = metadata_text(m, "filename");
	AUTO(mem_freep) char *line = text_line(name && *name ? name : "video", 200);
	AUTO(mem_freep) char *ids = k.ids;
	(void)ids; /* freed at the end of the function */
	k.request.metadata = metadata ? metadata : "";
	k.request.name = line;
	k.request.request = request;
	if (r == 0)
		r = k.request.n_parts ? upload_concat(c->ctx, &k.request, c->serial, p->id, err)
		                      : upload_create(c->ctx, &k.request, p->id, err);
	p->created = r == 0;
	return r;
}

/* The client never learned the address of the upload: it creates another. */
static void forget_created(struct call *c, const struct part *p)
{
	struct err ignored;
	if (p->created)
		upload_remove(c->ctx, p->id, &ignored);
}

static int handle_create(struct call *c, struct err *err)
{
	struct part *p = mem_alloc(1, sizeof *p);
	int r = create(c, p, err);
	if (r == 0 && (c->length > 0 || c->chunked))
		r = begin_part(c, p, 0, err);
	if (r < 0) {
		forget_created(c, p);
		free(p);
	} else {
		c->sink = p;
	}
	return r;
}

static int handle_patch(struct call *c, struct err *err)
{
	int64_t offset;
	int r = check_version(c, err);
	if (r == 0 && !is_offset_type(c))
		r = wrong_type(c, err);
	if (r == 0 && c->length < 0 && !c->chunked) {
		call_problem(c, 411, "length", "Content-Length is required");
		r = err_set(err, ERR_ARG, "no Content-Length");
	}
	if (r == 0)
		r = read_number(c->headers[HEADER_UPLOAD_OFFSET], "Upload-Offset", &offset, err);
	if (r < 0)
		return r;
	struct part *p = mem_alloc(1, sizeof *p);
	snprintf(p->id, sizeof p->id, "%s", c->args.text[0]);
	r = begin_part(c, p, offset, err);
	if (r < 0)
		free(p);
	else
		c->sink = p;
	return r;
}

static int write_body(struct call *c, const void *data, size_t len, struct err *err)
{
	struct part *p = c->sink;
	return p->upload ? upload_write(p->upload, data, len, err)
	                 : err_set(err, ERR_ARG, "unexpected request body");
}

static int finish_body(struct call *c, struct err *err)
{
	struct upload_state state = {0};
	struct part *p = c->sink;
	c->sink = NULL;
	int r = p->upload ? upload_end(p->upload, p->sum ? p->wanted : NULL, &state, err)
	                  : upload_state(c->ctx, p->id, c->serial, &state, err);
	if (r == -ERR_FORMAT && p->sum)
		call_problem(c, 460, "checksum", "%s", err->msg);
	else if (r == 0)
		call_empty(c, p->created ? 201 : 204);
	if (r < 0)
		forget_created(c, p);
	if (state.length && (r == 0 || !p->created))
		add_state(c, &state);
	if (r == 0 && p->created)
		call_head(c, "Location", "/api/v1/uploads/%s", p->id);
	upload_state_clear(&state);
	free(p);
	return r;
}

static void abort_body(struct call *c)
{
	struct part *p = c->sink;
	c->sink = NULL;
	if (p && p->upload)
		upload_break(p->upload);
	if (p)
		forget_created(c, p);
	free(p);
}

static int handle_head(struct call *c, struct err *err)
{
	struct upload_state state = {0};
	int r = check_version(c, err);
	if (r == 0)
		r = upload_state(c->ctx, c->args.text[0], c->serial, &state, err);
	if (r < 0)
		return r;
	call_empty(c, 200);
	add_state(c, &state);
	if (state.length < 0)
		call_head(c, "Upload-Defer-Length", "1");
	else
		call_head(c, "Upload-Length", "%lld", (long long)state.length);
	if (state.concat && strlen(state.concat) < 590)
		call_head(c, "Upload-Concat", "%s", state.concat);
	if (state.metadata && *state.metadata && strlen(state.metadata) < 590)
		call_head(c, "Upload-Metadata", "%s", state.metadata);
	upload_state_clear(&state);
	return 0;
}

static int handle_delete(struct call *c, struct err *err)
{
	int r = check_version(c, err);
	if (r == 0)
		r = upload_remove(c->ctx, c->args.text[0], err);
	if (r == 0)
		call_empty(c, 204);
	return r;
}

static const struct body_sink sink = {write_body, finish_body, abort_body};

#define TUS .head = "Tus-Resumable: " VERSION "\r\n"

const struct route tus_routes[] = {
	{METHOD_OPTIONS, "/api/v1/uploads", ROLE_NONE, 0, .fn = handle_options, TUS},
	{METHOD_POST, "/api/v1/uploads", ROLE_SUBMIT, 0, .fn = handle_create, .sink = &sink, TUS},
	{METHOD_HEAD, "/api/v1/uploads/{id}", ROLE_SUBMIT, 0, .fn = handle_head, TUS},
	{METHOD_PATCH, "/api/v1/uploads/{id}", ROLE_SUBMIT, 0, .fn = handle_patch, .sink = &sink, TUS},
	{METHOD_DELETE, "/api/v1/uploads/{id}", ROLE_SUBMIT, 0, .fn = handle_delete, TUS},
};
const size_t n_tus_routes = ARRAY_LEN(tus_routes);
