/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "fleet/options.h"
#include "fleet/wire-internal.h"

/* ---- notices of a head */

void wire_notice_clear(struct wire_notice *t)
{
	for (size_t i = 0; i < t->n_queues; i++) {
		free(t->queues[i].model);
		free(t->queues[i].source);
	}
	free(t->queues);
	free(t->gone);
	*t = (struct wire_notice){0};
}

int wire_notice_write(const struct wire_notice *t, struct buf *out, struct err *err)
{
	json_t *queues = json_array();

	for (size_t i = 0; i < t->n_queues && i < WIRE_MAX_QUEUES; i++)
		json_array_append_new(queues, json_pack("{s:s, s:s, s:I}", "model", t->queues[i].model,
		                                        "source", t->queues[i].source, "waiting",
		                                        (json_int_t)t->queues[i].waiting));
	json_t *o = json_pack("{s:o}", "queues", queues);
	if (t->gone)
		json_object_update_new(
			o, json_pack("{s:s, s:I}", "gone", t->gone, "before", (json_int_t)t->before));
	if (t->drain)
		json_object_set_new(o, "drain", json_true());
	return wire_write_line(o, NULL, out, err);
}

static bool queues_of(const json_t *o, struct wire_notice *t)
{
	const json_t *list = json_object_get(o, "queues"), *v;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > WIRE_MAX_QUEUES)
		return false;
	t->queues = mem_alloc(json_array_size(list) + 1, sizeof *t->queues);
	json_array_foreach (list, i, v) {
		struct wire_queue_row *q = &t->queues[t->n_queues++];
		q->model = wire_text_of(v, "model", WIRE_MAX_TEXT);
		q->source = wire_text_of(v, "source", HASH_HEX);
		if (!q->model || !q->source || (*q->source && !hash_is_hex(q->source)) ||
		    !wire_number_of(v, "waiting", 0, INT32_MAX, &q->waiting))
			return false;
	}
	return true;
}

int wire_notice_read(const char *data, size_t len, struct wire_notice *ret, struct err *err)
{
	json_auto_t *o = NULL;
	AUTO(wire_notice_clear) struct wire_notice t = {0};

	int r = wire_read_line(data, len, &o, NULL, err);
	if (r)
		return r;
	if (!queues_of(o, &t))
		return wire_malformed(err, "a notice");
	if (json_object_get(o, "gone")) {
		t.gone = wire_text_of(o, "gone", RUNNER_MAX_ID);
		if (!t.gone || !runner_id_valid(t.gone) ||
		    !wire_number_of(o, "before", 1, INT32_MAX, &t.before))
			return wire_malformed(err, "a notice");
	}
	t.drain = json_is_true(json_object_get(o, "drain"));
	*ret = t;
	t = (struct wire_notice){0};
	return 0;
}

/* ---- what a worker says of itself */

void wire_beat_clear(struct wire_beat *b)
{
	for (size_t i = 0; i < b->n_models; i++)
		free(b->models[i]);
	for (size_t i = 0; i < b->n_units; i++)
		free(b->units[i]);
	free(b->report);
	*b = (struct wire_beat){0};
}

int wire_beat_write(const struct wire_beat *b, struct buf *out, struct err *err)
{
	json_t *report = b->report ? json_loads(b->report, 0, NULL) : json_object();

	if (!json_is_object(report) || (b->report && strlen(b->report) > WIRE_MAX_REPORT)) {
		json_decref(report);
		return err_set(err, ERR_ARG,
		               "what a worker reports of itself must be a JSON object of at most %d bytes",
		               WIRE_MAX_REPORT);
	}
	return wire_write_line(json_pack("{s:s, s:I, s:b, s:o, s:o, s:o, s:o}", "instance", b->instance,
	                                 "slots", (json_int_t)b->slots, "draining", b->draining,
	                                 "models", wire_list_of(b->models, b->n_models), "units",
	                                 wire_list_of(b->units, b->n_units), "report", report,
	                                 "figures", fleet_figures_write(&b->figures)),
	                       NULL, out, err);
}

int wire_beat_read(const char *data, size_t len, struct wire_beat *ret, struct err *err)
{
	json_auto_t *o = NULL;
	AUTO(wire_beat_clear) struct wire_beat b = {0};

	int r = wire_read_line(data, len, &o, NULL, err);
	if (r)
		return r;
	if (!wire_nonce_of(o, "instance", b.instance) ||
	    !wire_number_of(o, "slots", 1, WIRE_MAX_UNITS, &b.slots) ||
	    !wire_texts_of(o, "models", b.models, WIRE_MAX_MODELS, WIRE_MAX_TEXT, &b.n_models) ||
	    !wire_texts_of(o, "units", b.units, WIRE_MAX_UNITS, RUNNER_MAX_ID, &b.n_units) ||
	    !json_is_object(json_object_get(o, "report")) ||
	    !fleet_figures_read(json_object_get(o, "figures"), &b.figures))
		return wire_malformed(err, "what a worker says of itself");
	b.draining = json_is_true(json_object_get(o, "draining"));
	b.report = json_dumps(json_object_get(o, "report"), JSON_COMPACT);
	if (!b.report || strlen(b.report) > WIRE_MAX_REPORT)
		return wire_malformed(err, "what a worker says of itself");
	*ret = b;
	b = (struct wire_beat){0};
	return 0;
}
