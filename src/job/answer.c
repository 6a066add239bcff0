/* SPDX-License-Identifier: Apache-2.0 */
#include "job/answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { MAX_EVENTS = 512, MAX_TEXT = 8000, MAX_SUBJECT = 200 };

void answer_clear(struct answer *a)
{
	for (size_t i = 0; i < a->n_events; i++) {
		free(a->events[i].subject);
		free(a->events[i].what);
		free(a->events[i].frames);
	}
	free(a->events);
	free(a->summary);
	*a = (struct answer){0};
}

static bool blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

/* The part between ``` fences, if that is what the text consists of; else the
 * text. */
static json_t *load(const char *text, json_error_t *e)
{
	text += strspn(text, " \t\r\n");
	if (strncmp(text, "```", 3) != 0)
		return json_loads(text, 0, e);
	const char *start = strchr(text, '\n');
	const char *end = start ? strstr(start, "```") : NULL;
	if (!end || !blank(end + 3))
		return json_loads(text, 0, e);
	return json_loadb(start, (size_t)(end - start), 0, e);
}

static int compare_sizes(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

static int read_frames(json_t *list, size_t n_frames, size_t number, struct answer_event *e,
                       struct err *err)
{
	size_t i;
	json_t *v;
	if (!json_is_array(list) || !json_array_size(list))
		return err_set(err, ERR_FORMAT, "event %zu names no frames", number);
	e->frames = mem_alloc(json_array_size(list), sizeof *e->frames);
	json_array_foreach (list, i, v) {
		json_int_t k = json_is_integer(v) ? json_integer_value(v) : 0;
		if (k < 1 || (size_t)k > n_frames)
			return err_set(err, ERR_FORMAT, "event %zu names a frame that is not one of 1 to %zu",
			               number, n_frames);
		e->frames[e->n_frames++] = (size_t)k - 1;
	}
	qsort(e->frames, e->n_frames, sizeof *e->frames, compare_sizes);
	size_t kept = 1;
	for (i = 1; i < e->n_frames; i++)
		if (e->frames[i] != e->frames[kept - 1])
			e->frames[kept++] = e->frames[i];
	e->n_frames = kept;
	return 0;
}

static int read_event(json_t *j, size_t n_frames, size_t number, struct answer *a, struct err *err)
{
	const char *what = json_string_value(json_object_get(j, "what"));
	const char *subject = json_string_value(json_object_get(j, "subject"));
	if (!json_is_object(j) || !what || blank(what))
		return err_set(err, ERR_FORMAT, "event %zu has no \"what\"", number);
	struct answer_event *e = &a->events[a->n_events++];
	e->subject = text_line(subject ? subject : "", MAX_SUBJECT);
	e->what = text_line(what, MAX_TEXT);
	return read_frames(json_object_get(j, "frames"), n_frames, number, e, err);
}

static int read_answer(json_t *root, size_t n_frames, struct answer *a, struct err *err)
{
	const char *summary = json_string_value(json_object_get(root, "summary"));
	json_t *events = json_object_get(root, "events"), *v;
	size_t i;
	if (!json_is_object(root) || !summary || !json_is_array(events))
		return err_set(err, ERR_FORMAT, "it is not an object with \"summary\" and \"events\"");
	if (blank(summary) && !json_array_size(events))
		return err_set(err, ERR_FORMAT, "it says nothing");
	if (json_array_size(events) > MAX_EVENTS)
		return err_set(err, ERR_FORMAT, "it has more than %d events", MAX_EVENTS);
	a->summary = text_line(summary, MAX_TEXT);
	a->events = mem_alloc(json_array_size(events), sizeof *a->events);
	json_array_foreach (events, i, v) {
		int r = read_event(v, n_frames, i + 1, a, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int answer_parse(const char *text, size_t n_frames, struct answer *ret, struct err *err)
{
	json_error_t e;
	if (blank(text))
		return err_set(err, ERR_FORMAT, "it is empty");
	json_auto_t *root = load(text, &e);
	if (!root)
		return err_set(err, ERR_FORMAT, "it is not valid JSON: %.120s", e.text);
	AUTO(answer_clear) struct answer a = {0};
	int r = read_answer(root, n_frames, &a, err);
	if (r < 0)
		return r;
	*ret = a;
	a = (struct answer){0};
	return 0;
}
