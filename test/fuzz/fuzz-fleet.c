/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between heads and workers of a fleet. The first byte says which; one
 * that is valid can be written, and is then the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fleet/wire.h"

static void unit(const char *data, size_t size)
{
	AUTO(wire_unit_clear) struct wire_unit u = {0}, v = {0};
	AUTO(buf_free) struct buf text = BUF(SIZE_MAX / 2);

	if (wire_unit_read(data, size, &u, NULL))
		return;
	const char *avoid[WIRE_MAX_AVOID + 1] = {0};
	for (size_t i = 0; i < u.n_avoid; i++)
		avoid[i] = u.avoid[i];
	struct runner_unit view = wire_unit_view(&u);
	if (wire_unit_write(&view, u.attempt, u.nonce, u.ack_wait, avoid, &text, NULL))
		abort();
	if (text.len <= WIRE_MAX && (wire_unit_read(text.data, text.len, &v, NULL) ||
	                             strcmp(u.body, v.body) != 0 || u.n_avoid != v.n_avoid))
		abort();
}

static void result(const char *data, size_t size)
{
	AUTO(wire_result_clear) struct wire_result r = {0}, s = {0};
	AUTO(buf_free) struct buf text = BUF(SIZE_MAX / 2);

	if (wire_result_read(data, size, &r, NULL))
		return;
	if (wire_result_write(&r, &text, NULL))
		abort();
	if (text.len <= WIRE_MAX && (wire_result_read(text.data, text.len, &s, NULL) ||
	                             strcmp(r.body, s.body) != 0 || r.n_blobs != s.n_blobs))
		abort();
}

static void notice(const char *data, size_t size)
{
	AUTO(wire_notice_clear) struct wire_notice t = {0}, u = {0};
	AUTO(buf_free) struct buf text = BUF(SIZE_MAX / 2);

	if (wire_notice_read(data, size, &t, NULL))
		return;
	if (wire_notice_write(&t, &text, NULL))
		abort();
	if (text.len <= WIRE_MAX &&
	    (wire_notice_read(text.data, text.len, &u, NULL) || t.n_queues != u.n_queues))
		abort();
}

static void beat(const char *data, size_t size)
{
	AUTO(wire_beat_clear) struct wire_beat b = {0}, c = {0};
	AUTO(buf_free) struct buf text = BUF(SIZE_MAX / 2);

	if (wire_beat_read(data, size, &b, NULL))
		return;
	if (wire_beat_write(&b, &text, NULL))
		abort();
	if (text.len <= WIRE_MAX &&
	    (wire_beat_read(text.data, text.len, &c, NULL) || b.n_units != c.n_units ||
	     b.n_models != c.n_models || memcmp(&b.figures, &c.figures, sizeof b.figures) != 0))
		abort();
}

static void subject(const char *data, size_t size)
{
	AUTO(mem_freep) char *text = mem_printf("%.*s", (int)size, data);
	char token[16];
	int64_t times;
	uint64_t seq;

	for (int i = 0; i < 12; i++)
		if (wire_token(text, i, token, sizeof token) && strlen(token) >= sizeof token)
			abort();
	wire_delivery(text, &times, &seq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_start s;

	if (!size)
		return 0;
	const char *text = (const char *)data + 1;
	switch (data[0]) {
	case 'u': unit(text, size - 1); break;
	case 'r': result(text, size - 1); break;
	case 't': notice(text, size - 1); break;
	case 'b': beat(text, size - 1); break;
	case 's': wire_start_read(text, size - 1, &s, NULL); break;
	default: subject(text, size - 1);
	}
	return 0;
}
