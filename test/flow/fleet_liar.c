/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that takes units, and says what is not true. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/streams.h"
#include "fleet_try.h"

#define NO_NONCE "00000000000000000000000000000000"

/* A result of a unit that it was not given: the nonce is wrong. */
static void forge(struct link *l, const char *head, const struct wire_unit *u)
{
	struct wire_result r = {.id = u->id,
	                        .body = (char *)"{\"square\":-1}",
	                        .attempt = u->attempt,
	                        .delivery = 1,
	                        .nonce = NO_NONCE};
	send_result(l, head, "liar", &r, 0);
}

/* Says several times of a unit that it failed. */
static void complain(struct link *l, const char *head, const struct wire_unit *u)
{
	struct wire_result r = {
		.id = u->id, .state = WIRE_FAILED, .attempt = u->attempt, .delivery = 1};
	r.fault = (char *)"a lie";
	memcpy(r.nonce, u->nonce, sizeof r.nonce);
	for (int i = 0; i < 5; i++)
		send_result(l, head, "liar", &r, i);
}

/* Says often of a unit that it begins it. */
static void begin_often(struct link *l, const char *head, const struct wire_unit *u,
                        const char *nonce)
{
	AUTO(mem_freep) char *subject = mem_printf("vdet.%s.result.liar.note.start", head);
	struct wire_start s = {.attempt = u->attempt};

	for (s.delivery = 1; s.delivery <= 150; s.delivery++) {
		AUTO(buf_free) struct buf text = BUF(4096);
		snprintf(s.nonce, sizeof s.nonce, "%s", nonce);
		snprintf(s.id, sizeof s.id, "%s", u->id);
		wire_start_write(&s, &text);
		link_publish(l, subject, text.data, text.len, NULL);
	}
}

static void say_as_liar(struct link *l, const char *head, const char *what, const struct buf *text)
{
	AUTO(mem_freep) char *subject = mem_printf("vdet.%s.result.liar.note.%s", head, what);

	link_publish(l, subject, text->data, text->len, NULL);
}

/* Says for ever that it gets on with a unit: `begins` is whether it also says
 * that it has begun. */
static void hold(struct link *l, const char *head, struct wire_unit *u, const char *reply,
                 bool begins)
{
	AUTO(buf_free) struct buf start = BUF(4096);
	struct wire_beat b = {.instance = NO_NONCE, .slots = 1, .n_units = 1, .units = {u->id}};
	struct wire_start s = {.attempt = u->attempt, .delivery = 1};

	print(json_pack("{s:s, s:s}", "event", "holds", "unit", u->id));
	snprintf(s.id, sizeof s.id, "%s", u->id);
	memcpy(s.nonce, u->nonce, sizeof s.nonce);
	do {
		AUTO(buf_free) struct buf beat = BUF(WIRE_MAX);
		buf_clear(&start);
		s.delivery++;
		wire_start_write(&s, &start);
		if (begins)
			say_as_liar(l, head, "start", &start);
		wire_beat_write(&b, &beat, NULL);
		say_as_liar(l, head, "beat", &beat);
		link_ack(l, reply, LINK_PROGRESS);
	} while (!cancel_wait_until(stop, NULL, clock_now() + CLOCK_SECOND / 4));
}

/* Many notes at once. */
static void flood(struct link *l, const char *head)
{
	AUTO(buf_free) struct buf start = BUF(4096);
	struct wire_start s = {.id = "job.chunk.0", .nonce = NO_NONCE, .attempt = 1, .delivery = 1};

	wire_start_write(&s, &start);
	for (int i = 0; i < 100000; i++)
		say_as_liar(l, head, "start", &start);
	natsConnection_FlushTimeout(l->nc, 60000);
	print(json_pack("{s:s}", "event", "flooded"));
}

int liar_main(const char *url, const char *head, const char *how)
{
	AUTO(link_freep) struct link *l = NULL;
	struct fleet_options o = options(url);
	struct err e = {0};
	char stream[STREAM_NAME], queue[WIRE_QUEUE];

	if (link_open(&o, "_vdet.liar", &l, &e))
		return fail(&e);
	streams_units(head, stream);
	wire_queue("", "", queue);
	struct puller puller;
	if (puller_open(l, &puller, &e))
		return fail(&e);
	if (!strcmp(how, "floods"))
		flood(l, head);
	while (!cancel_fired(stop)) {
		AUTO(msg_freep) natsMsg *m = NULL;
		AUTO(wire_unit_clear) struct wire_unit u = {0};
		if (puller_take(&puller, stream, queue, 500, &m, NULL) || !m)
			continue;
		wire_unit_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &u, NULL);
		if (!strcmp(how, "forges"))
			forge(l, head, &u);
		if (!strcmp(how, "fails"))
			complain(l, head, &u);
		if (!strcmp(how, "begins") || !strcmp(how, "invents"))
			begin_often(l, head, &u, *how == 'b' ? u.nonce : NO_NONCE);
		if (!strcmp(how, "holds") || !strcmp(how, "keeps"))
			hold(l, head, &u, natsMsg_GetReply(m), *how == 'h');
		link_ack(l, natsMsg_GetReply(m), LINK_ACK);
		print(json_pack("{s:s, s:s}", "event", "took", "unit", u.id));
	}
	puller_clear(&puller);
	return 0;
}
