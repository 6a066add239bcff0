/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

static const unsigned char magic[4] = {'V', 'D', 'W', '1'};

struct header {
	uint32_t type;
	size_t head, blob;
};

static void put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void wire_msg_clear(struct wire_msg *m)
{
	json_decref(m->head);
	free(m->blob);
	*m = (struct wire_msg){0};
}

/* Waits until fd is ready. Not called for a blocking descriptor. */
static int wait_ready(int fd, short events, int64_t deadline, struct cancel *cancel,
                      struct err *err)
{
	int ms = -1;
	if (deadline) {
		int64_t left = deadline - clock_now();
		if (left <= 0)
			return err_set(err, ERR_TIMEOUT, "no answer in time");
		ms = left > 3600 * CLOCK_SECOND ? 3600 * 1000 : (int)(left / 1000 + 1);
	}
	struct pollfd p[] = {{.fd = fd, .events = events}, {.fd = cancel_fd(cancel), .events = POLLIN}};
	if (poll(p, 2, ms) < 0 && errno != EINTR)
		return err_sys(err, errno, "cannot wait for the other process");
	return cancel_fired(cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}

static int send_all(int fd, const void *data, size_t len, int64_t deadline, struct cancel *cancel,
                    struct err *err)
{
	const unsigned char *p = data;
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			int r = wait_ready(fd, POLLOUT, deadline, cancel, err);
			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return err_set(err, ERR_DIED, "the other process has closed the connection");
		}
	}
	return 0;
}

int wire_send(int fd, uint32_t type, const json_t *head, const struct wire_part *parts,
              size_t n_parts, int64_t deadline, struct cancel *cancel, struct err *err)
{
	AUTO(mem_freep) char *text = head ? json_dumps(head, JSON_COMPACT) : mem_strdup("{}");
	size_t head_len = text ? strlen(text) : 0, blob_len = 0;
	for (size_t i = 0; i < n_parts; i++)
		blob_len += parts[i].len;
	if (!text || head_len > WIRE_HEAD_MAX || blob_len > WIRE_BLOB_MAX)
		return err_set(err, ERR_LIMIT, "a message of %zu and %zu bytes is too large", head_len,
		               blob_len);
	unsigned char h[WIRE_HEADER];
	memcpy(h, magic, 4);
	put32(h + 4, type);
	put32(h + 8, (uint32_t)head_len);
	put32(h + 12, (uint32_t)blob_len);
	int r = send_all(fd, h, sizeof h, deadline, cancel, err);
	if (r == 0)
		r = send_all(fd, text, head_len, deadline, cancel, err);
	for (size_t i = 0; i < n_parts && r == 0; i++)
		r = send_all(fd, parts[i].data, parts[i].len, deadline, cancel, err);
	return r;
}

static int recv_all(int fd, void *data, size_t len, int64_t deadline, struct cancel *cancel,
                    struct err *err)
{
	unsigned char *p = data;
	while (len) {
		ssize_t n = read(fd, p, len);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			int r = wait_ready(fd, POLLIN, deadline, cancel, err);
			if (r < 0)
				return r;
		} else if (n == 0 || errno != EINTR) {
			return err_set(err, ERR_DIED, "the other process has closed the connection");
		}
		/* The deadline also applies to a peer that sends byte by byte. */
		if (len && deadline && clock_now() >= deadline)
			return err_set(err, ERR_TIMEOUT, "no answer in time");
	}
	return 0;
}

static int parse_header(const unsigned char h[static WIRE_HEADER], const struct wire_limits *limits,
                        struct header *ret, struct err *err)
{
	if (memcmp(h, magic, 4) != 0)
		return err_set(err, ERR_PROTO, "invalid start of a message");
	struct header x = {.type = get32(h + 4), .head = get32(h + 8), .blob = get32(h + 12)};
	if (x.head > limits->head || x.head > WIRE_HEAD_MAX || x.blob > limits->blob ||
	    x.blob > WIRE_BLOB_MAX)
		return err_set(err, ERR_PROTO, "a message of %zu and %zu bytes is larger than allowed",
		               x.head, x.blob);
	if (x.head < 2)
		return err_set(err, ERR_PROTO, "a message without a head");
	*ret = x;
	return 0;
}

static int parse_head(const char *text, size_t len, json_t **ret, struct err *err)
{
	json_error_t e;
	json_t *head = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!head)
		return err_set(err, ERR_PROTO, "the head of a message is not JSON: %s", e.text);
	if (!json_is_object(head)) {
		json_decref(head);
		return err_set(err, ERR_PROTO, "the head of a message is not a JSON object");
	}
	*ret = head;
	return 0;
}

/* Sizes are untrusted, although below the limits: a failed allocation is an
 * error, not an abort. */
static int alloc_blob(size_t len, unsigned char **ret, struct err *err)
{
	*ret = len ? malloc(len) : NULL;
	return len && !*ret ? err_set(err, ERR_LIMIT, "no memory for a message of %zu bytes", len) : 0;
}

int wire_recv(int fd, const struct wire_limits *limits, int64_t deadline, struct cancel *cancel,
              struct wire_msg *ret, struct err *err)
{
	unsigned char h[WIRE_HEADER];
	struct header x;
	int r = recv_all(fd, h, sizeof h, deadline, cancel, err);
	if (r == 0)
		r = parse_header(h, limits, &x, err);
	if (r < 0)
		return r;
	AUTO(wire_msg_clear) struct wire_msg m = {.type = x.type, .blob_len = x.blob};
	AUTO(mem_freep) char *text = mem_alloc(x.head, 1);
	r = alloc_blob(x.blob, &m.blob, err);
	if (r == 0)
		r = recv_all(fd, text, x.head, deadline, cancel, err);
	if (r == 0)
		r = recv_all(fd, m.blob, x.blob, deadline, cancel, err);
	if (r == 0)
		r = parse_head(text, x.head, &m.head, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct wire_msg){0};
	return 0;
}

int wire_parse(const void *data, size_t len, const struct wire_limits *limits, struct wire_msg *ret,
               size_t *ret_used, struct err *err)
{
	const unsigned char *p = data;
	struct header x;
	if (len < WIRE_HEADER)
		return err_set(err, ERR_DIED, "the message is cut off");
	int r = parse_header(p, limits, &x, err);
	if (r < 0)
		return r;
	if (len - WIRE_HEADER < x.head + x.blob)
		return err_set(err, ERR_DIED, "the message is cut off");
	AUTO(wire_msg_clear) struct wire_msg m = {.type = x.type, .blob_len = x.blob};
	r = parse_head((const char *)p + WIRE_HEADER, x.head, &m.head, err);
	if (r == 0)
		r = alloc_blob(x.blob, &m.blob, err);
	if (r < 0)
		return r;
	if (x.blob)
		memcpy(m.blob, p + WIRE_HEADER + x.head, x.blob);
	*ret_used = WIRE_HEADER + x.head + x.blob;
	*ret = m;
	m = (struct wire_msg){0};
	return 0;
}

int wire_int(const json_t *head, const char *key, int64_t min, int64_t max, int64_t *ret,
             struct err *err)
{
	const json_t *v = json_object_get(head, key);
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return err_set(err, ERR_PROTO, "\"%s\" is missing or out of range", key);
	*ret = json_integer_value(v);
	return 0;
}

int wire_real(const json_t *head, const char *key, double min, double max, double *ret,
              struct err *err)
{
	const json_t *v = json_object_get(head, key);
	/* The condition is written so that NaN fails too. */
	if (!json_is_number(v) || !(json_number_value(v) >= min && json_number_value(v) <= max))
		return err_set(err, ERR_PROTO, "\"%s\" is missing or out of range", key);
	*ret = json_number_value(v);
	return 0;
}

int wire_bool(const json_t *head, const char *key, bool *ret, struct err *err)
{
	const json_t *v = json_object_get(head, key);
	if (!json_is_boolean(v))
		return err_set(err, ERR_PROTO, "\"%s\" is missing or not a boolean", key);
	*ret = json_is_true(v);
	return 0;
}

int wire_string(const json_t *head, const char *key, size_t max, char **ret, struct err *err)
{
	const json_t *v = json_object_get(head, key);
	if (!json_is_string(v) || json_string_length(v) > max)
		return err_set(err, ERR_PROTO, "\"%s\" is missing or too long", key);
	*ret = text_line(json_string_value(v), max);
	return 0;
}
