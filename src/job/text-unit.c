/* SPDX-License-Identifier: Apache-2.0 */
#include "job/text-unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "job/unit-result.h"
#include "job/unit.h"
#include "protocol/text-wire.h"
#include "screentext/lines-read.h"

/* Of each sample two frames are read, each with four turns. */
enum { READINGS_OF_SAMPLE = 8 };

void text_unit_clear(struct text_unit *u)
{
	if (u->root)
		free(u->samples);
	json_decref(u->root);
	*u = (struct text_unit){0};
}

int text_unit_write(const struct text_unit *u, char **ret, struct err *err)
{
	json_t *samples = json_array();
	for (size_t i = 0; i < u->n; i++)
		json_array_append_new(samples, json_pack("[I, I, I]", (json_int_t)u->samples[i].time,
		                                         (json_int_t)u->samples[i].from,
		                                         (json_int_t)u->samples[i].until));
	json_t *j = json_pack("{s:o, s:I}", "samples_us", samples, "end_us", (json_int_t)u->end);
	unit_set_video(j, &u->decoder);
	return unit_text(j, "a batch of frames", ret, err);
}

static bool read_sample(const json_t *j, struct text_sample *ret)
{
	int64_t v[3];
	if (json_array_size(j) != ARRAY_LEN(v))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const json_t *n = json_array_get(j, i);
		v[i] = json_integer_value(n);
		if (!json_is_integer(n) || v[i] < 0 || v[i] > UNIT_TIME_MAX)
			return false;
	}
	*ret = (struct text_sample){.time = v[0], .from = v[1], .until = v[2]};
	return v[1] <= v[0] && v[0] <= v[2];
}

static int read_samples(const json_t *j, struct text_unit *u, struct err *err)
{
	const json_t *samples = json_object_get(j, "samples_us");
	size_t n = json_array_size(samples);
	if (n < 1 || n > TEXT_UNIT_SAMPLES_MAX)
		return unit_bad(err, "samples_us");
	u->samples = mem_alloc(n, sizeof *u->samples);
	for (u->n = 0; u->n < n; u->n++)
		if (!read_sample(json_array_get(samples, u->n), &u->samples[u->n]) ||
		    (u->n && u->samples[u->n].time <= u->samples[u->n - 1].time))
			return unit_bad(err, "samples_us");
	return unit_int(j, "end_us", u->samples[n - 1].time, UNIT_TIME_MAX, &u->end, err);
}

int text_unit_read(const char *body, struct text_unit *ret, struct err *err)
{
	static const char *const keys[] = {"samples_us", "end_us", "stream", "rate", "gaps", NULL};
	AUTO(text_unit_clear) struct text_unit u = {0};
	int r = unit_open(body, keys, &u.root, err);
	if (r == 0)
		r = unit_get_video(u.root, &u.decoder, err);
	if (r == 0)
		r = read_samples(u.root, &u, err);
	if (r < 0)
		return r;
	*ret = u;
	u = (struct text_unit){0};
	return 0;
}

void text_unit_model(const struct text_reader *r, char out[static HASH_HEX])
{
	const char *const texts[] = {TEXT_UNIT_KIND, text_reader_name(r), text_reader_data(r)};
	hash_texts(texts, ARRAY_LEN(texts), out);
}

/* ---- readings */

void text_readings_clear(struct text_readings *r)
{
	for (size_t i = 0; i < r->n; i++)
		text_lines_clear(&r->items[i].lines);
	free(r->items);
	*r = (struct text_readings){0};
}

static struct text_lines copy_lines(const struct text_lines *l)
{
	struct text_lines copy = {.lines = mem_alloc(l->n + 1, sizeof *copy.lines), .n = l->n};
	for (size_t i = 0; i < l->n; i++) {
		copy.lines[i] = l->lines[i];
		copy.lines[i].text = mem_strdup(l->lines[i].text);
	}
	return copy;
}

static const struct text_seen *find(const struct text_readings *r, int64_t time, int turn)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].time == time && r->items[i].turn == turn)
			return &r->items[i];
	return NULL;
}

void text_readings_add(struct text_readings *r, int64_t time, int turn, const struct text_lines *l)
{
	if (find(r, time, turn))
		return;
	r->items = mem_room(r->items, r->n, &r->cap, sizeof *r->items);
	r->items[r->n++] = (struct text_seen){time, turn, copy_lines(l)};
}

bool text_readings_find(const struct text_readings *r, int64_t time, int turn,
                        struct text_lines *ret)
{
	const struct text_seen *seen = find(r, time, turn);
	if (seen)
		*ret = copy_lines(&seen->lines);
	return seen != NULL;
}

/* ---- results */

static json_t *lines_json(const struct text_lines *l, int *lost)
{
	json_t *all = json_array();
	for (size_t i = 0; i < l->n; i++) {
		const struct text_line *t = &l->lines[i];
		*lost |= json_array_append_new(
			all, json_pack("[i, i, i, i, I, s]", t->box.x, t->box.y, t->box.w, t->box.h,
		                   (json_int_t)lround(t->conf * TEXT_CONF), t->text));
	}
	return all;
}

int text_result_write(const struct text_readings *r, struct runner_result *ret, struct err *err)
{
	json_t *all = json_array();
	int lost = 0; /* of what is not a valid text */
	for (size_t i = 0; i < r->n; i++) {
		const struct text_seen *s = &r->items[i];
		json_array_append_new(all,
		                      json_pack("{s:I, s:i, s:o}", "time_us", (json_int_t)s->time, "turn",
		                                s->turn, "lines", lines_json(&s->lines, &lost)));
	}
	json_t *j = json_pack("{s:o}", "readings", all);
	if (lost)
		json_decref(TAKE(j));
	return unit_result_write(j, ret, err);
}

static int read_reading(const struct text_unit *u, const json_t *j, struct text_readings *ret,
                        struct err *err)
{
	static const char *const keys[] = {"time_us", "turn", "lines", NULL};
	const json_t *time = json_object_get(j, "time_us"), *turn = json_object_get(j, "turn");
	json_int_t at = json_integer_value(time), by = json_integer_value(turn);
	AUTO(text_lines_clear) struct text_lines lines = {0};
	if (!json_is_object(j) || json_unknown_key(j, keys) || !json_is_integer(time) ||
	    !json_is_integer(turn) || at < u->samples[0].time || at > u->end || by < 0 || by > 270 ||
	    by % 90)
		return err_set(err, ERR_PROTO, "the result of a worker has readings of other frames");
	int r = text_lines_read(j, (int)by, &lines, err);
	if (r == 0)
		text_readings_add(ret, at, (int)by, &lines);
	return r < 0 ? err_wrap(err, "the result of a worker") : 0;
}

int text_result_read(const struct text_unit *u, const struct runner_result *result,
                     struct text_readings *ret, struct err *err)
{
	static const char *const keys[] = {"readings", NULL};
	AUTO(text_readings_clear) struct text_readings all = {0};
	json_auto_t *j = NULL;
	int r = unit_result_open(result, keys, &j, err);
	if (r < 0)
		return r;
	const json_t *readings = json_object_get(j, "readings");
	size_t n = json_array_size(readings);
	if (!json_is_array(readings) || n > READINGS_OF_SAMPLE * u->n)
		return unit_result_bad(err, "readings");
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_reading(u, json_array_get(readings, i), &all, err);
	if (r < 0)
		return r;
	*ret = all;
	all = (struct text_readings){0};
	return 0;
}
