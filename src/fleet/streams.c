/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/streams.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define NANO INT64_C(1000000000)

enum {
	WINDOW = 120, /* seconds within which an id is published once */
	/* Deliveries of one message: a stop for when no head counts them. */
	MAX_DELIVER = 1000,
	MAX_PULLS = 8192,    /* that wait at one consumer */
	MAX_PENDING = 65536, /* messages of one that are not acknowledged */
	REPLY_MS = 5000,
};

void streams_units(const char *head, char out[static STREAM_NAME])
{
	snprintf(out, STREAM_NAME, "vdet-%.32s", head);
}

void streams_results(const char *head, char out[static STREAM_NAME])
{
	snprintf(out, STREAM_NAME, "vdet-%.32s-results", head);
}

static void info_freep(jsStreamInfo **i)
{
	jsStreamInfo_Destroy(*i);
}

static void ack_freep(jsPubAck **a)
{
	jsPubAck_Destroy(*a);
}

/* What of a stream's settings would lose messages, or keep none; NULL: none. */
static const char *wrong_setting(const jsStreamConfig *c, const char *subject)
{
	if (c->Retention != js_WorkQueuePolicy)
		return "its retention is not \"workqueue\"";
	if (c->Storage != js_FileStorage)
		return "its storage is not \"file\"";
	if (c->SubjectsLen != 1 || strcmp(c->Subjects[0], subject) != 0)
		return "it has other subjects";
	if (c->MaxMsgs > 0 || c->MaxBytes > 0 || c->MaxAge > 0 || c->MaxMsgsPerSubject > 0)
		return "it has limits, which would lose messages";
	if (c->MaxMsgSize > 0 && c->MaxMsgSize < WIRE_MAX)
		return "it allows small messages only";
	if (c->NoAck || c->Sealed || c->DenyDelete || c->Mirror || c->SourcesLen)
		return "it is a mirror, sealed, or without acknowledgements";
	return NULL;
}

static int ensure_stream(struct link *l, const char *name, const char *subject, int replicas,
                         struct err *err)
{
	AUTO(info_freep) jsStreamInfo *info = NULL;
	jsErrCode js = 0;
	natsStatus s = js_GetStreamInfo(&info, l->js, name, NULL, &js);

	if (s == NATS_NOT_FOUND || js == JSStreamNotFoundErr) {
		jsStreamConfig c;
		jsStreamConfig_Init(&c);
		c.Name = name;
		c.Subjects = &subject;
		c.SubjectsLen = 1;
		c.Retention = js_WorkQueuePolicy;
		c.Storage = js_FileStorage;
		c.Duplicates = WINDOW * NANO;
		c.Replicas = replicas > 0 ? replicas : 1;
		s = js_AddStream(NULL, l->js, &c, NULL, &js);
		return s ? link_err(err, s, js, "making the stream %s", name) : 0;
	}
	if (s)
		return link_err(err, s, js, "the stream %s", name);
	const char *wrong = wrong_setting(info->Config, subject);
	if (wrong)
		return err_set(err, ERR_FORMAT,
		               "the stream %s of the NATS server was made with other settings: %s; remove "
		               "it (`nats stream rm %s`), and it is made again",
		               name, wrong, name);
	return 0;
}

static void common(jsConsumerConfig *c, const char *durable)
{
	jsConsumerConfig_Init(c);
	c->Durable = durable;
	c->AckPolicy = js_AckExplicit;
	c->MaxAckPending = MAX_PENDING; /* libnats sends no -1, and the server then takes 1000 */
	c->MaxWaiting = MAX_PULLS;
}

static int ensure_results(struct link *l, const char *stream, struct err *err)
{
	jsConsumerConfig c;
	jsErrCode js = 0;

	common(&c, STREAMS_RESULTS_CONSUMER);
	c.AckWait = 60 * NANO;
	c.MaxDeliver = -1;
	natsStatus s = js_AddConsumer(NULL, l->js, stream, &c, NULL, &js);
	return s ? link_err(err, s, js, "making the consumer of %s", stream) : 0;
}

int streams_ensure(struct link *l, const char *head, int replicas, struct err *err)
{
	char name[STREAM_NAME], subject[WIRE_SUBJECT];

	streams_units(head, name);
	snprintf(subject, sizeof subject, "vdet.%s.unit.>", head);
	int r = ensure_stream(l, name, subject, replicas, err);
	if (r)
		return r;
	streams_results(head, name);
	snprintf(subject, sizeof subject, "vdet.%s.result.*.done", head);
	r = ensure_stream(l, name, subject, replicas, err);
	return r ? r : ensure_results(l, name, err);
}

int streams_restart_results(struct link *l, const char *head, struct err *err)
{
	char name[STREAM_NAME];

	streams_results(head, name);
	js_DeleteConsumer(l->js, name, STREAMS_RESULTS_CONSUMER, NULL, NULL);
	return ensure_results(l, name, err);
}

int streams_ensure_queue(struct link *l, const char *head, const char *model, const char *source,
                         int64_t ack_wait, struct err *err)
{
	char stream[STREAM_NAME], queue[WIRE_QUEUE], subject[WIRE_SUBJECT];
	jsConsumerConfig c;
	jsErrCode js = 0;

	streams_units(head, stream);
	wire_queue(model, source, queue);
	wire_unit_subject(head, model, source, subject);
	common(&c, queue);
	c.FilterSubject = subject;
	c.AckWait = ack_wait * 1000;
	c.MaxDeliver = MAX_DELIVER;
	natsStatus s = js_AddConsumer(NULL, l->js, stream, &c, NULL, &js);
	return s ? link_err(err, s, js, "making a consumer of %s", stream) : 0;
}

enum queue_state streams_queue_state(struct link *l, const char *stream, const char *queue)
{
	jsConsumerInfo *info = NULL;
	enum queue_state state = QUEUE_EMPTY;

	if (js_GetConsumerInfo(&info, l->js, stream, queue, NULL, NULL))
		state = QUEUE_UNKNOWN;
	else if (info->NumPending)
		state = QUEUE_WAITS;
	else if (info->NumAckPending)
		state = QUEUE_GIVEN;
	jsConsumerInfo_Destroy(info);
	return state;
}

void streams_remove_queue(struct link *l, const char *head, const char *queue)
{
	char stream[STREAM_NAME];

	streams_units(head, stream);
	js_DeleteConsumer(l->js, stream, queue, NULL, NULL);
}

/* ---- messages */

int streams_publish(struct link *l, const char *subject, const char *id, const struct buf *data,
                    uint64_t *ret_seq, bool *ret_twice, struct err *err)
{
	AUTO(ack_freep) jsPubAck *ack = NULL;
	jsPubOptions o;
	jsErrCode js = 0;

	jsPubOptions_Init(&o);
	o.MsgId = id;
	natsStatus s = js_Publish(&ack, l->js, subject, data->data, (int)data->len, &o, &js);
	if (s)
		return link_err(err, s, js, "publishing %s", id);
	*ret_seq = ack->Sequence;
	*ret_twice = ack->Duplicate;
	return 0;
}

int streams_has(struct link *l, const char *stream, uint64_t seq, const char *nonce,
                struct err *err)
{
	AUTO(msg_freep) natsMsg *m = NULL;
	AUTO(wire_unit_clear) struct wire_unit u = {0};
	jsErrCode js = 0;
	natsStatus s = js_GetMsg(&m, l->js, stream, seq, NULL, &js);

	if (s == NATS_NOT_FOUND || js == JSNoMessageFoundErr || js == JSStreamNotFoundErr)
		return 0;
	if (s)
		return link_err(err, s, js, "message %llu of %s", (unsigned long long)seq, stream);
	return !wire_unit_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &u, NULL) &&
	       !strcmp(u.nonce, nonce);
}

uint64_t streams_last(struct link *l, const char *stream)
{
	AUTO(info_freep) jsStreamInfo *info = NULL;

	return js_GetStreamInfo(&info, l->js, stream, NULL, NULL) ? 0 : info->State.LastSeq;
}

void streams_delete(struct link *l, const char *stream, uint64_t seq)
{
	js_DeleteMsg(l->js, stream, seq, NULL, NULL);
}

/* The message of a reply of STREAM.MSG.GET. */
static bool read_stored(const natsMsg *m, uint64_t *seq, struct wire_unit *ret)
{
	json_auto_t *o = json_loadb(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0, NULL);
	const json_t *message = json_object_get(o, "message");
	const char *data = json_text(message, "data");
	size_t len = strlen(data), n = 0;
	AUTO(mem_freep) unsigned char *bytes = mem_alloc(len + 1, 1);

	if (!message)
		return false;
	*seq = (uint64_t)json_integer_value(json_object_get(message, "seq"));
	*ret = (struct wire_unit){0};
	if (!sodium_base642bin(bytes, len + 1, data, len, NULL, &n, NULL,
	                       sodium_base64_VARIANT_ORIGINAL))
		wire_unit_read((const char *)bytes, n, ret, NULL);
	return true;
}

bool streams_next_unit(struct link *l, const char *head, uint64_t *seq, struct wire_unit *ret)
{
	char stream[STREAM_NAME], subject[WIRE_SUBJECT], request[WIRE_SUBJECT];
	AUTO(msg_freep) natsMsg *m = NULL;

	streams_units(head, stream);
	snprintf(subject, sizeof subject, "$JS.API.STREAM.MSG.GET.%s", stream);
	snprintf(request, sizeof request, "{\"seq\":%llu,\"next_by_subj\":\"vdet.%s.unit.>\"}",
	         (unsigned long long)*seq, head);
	if (natsConnection_RequestString(&m, l->nc, subject, request, REPLY_MS))
		return false;
	return read_stored(m, seq, ret);
}
