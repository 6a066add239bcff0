/* SPDX-License-Identifier: Apache-2.0 */
#include "job/description.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "openai/answer-text.h"

enum { MAX_EVENTS = 512, MAX_FRAMES = 4096, MAX_TEXT = 8000, MAX_SUBJECT = 200, MAX_QUOTE = 400 };

void description_clear(struct description *a)
{
	for (size_t i = 0; i < a->n_events; i++) {
		free(a->events[i].subject);
		free(a->events[i].what);
		free(a->events[i].quote);
		free(a->events[i].frames);
	}
	free(a->events);
	free(a->summary);
	*a = (struct description){0};
}

static bool blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

/* A frame number, or a range of them ("2-4"), as models write it: 2, 2.0, "2",
 * "Frame 2". False if it is anything else. */
static bool read_numbers(const json_t *v, json_int_t *first, json_int_t *last)
{
	int end = 0;
	long long a, b;

	if (json_is_integer(v)) {
		*first = *last = json_integer_value(v);
		return true;
	}
	if (json_is_real(v)) {
		double d = json_real_value(v);
		*first = *last = d >= 1 && d < 1e6 ? (json_int_t)d : 0;
		return (double)*first == d;
	}

	const char *s = json_string_value(v);
	if (!s)
		return false;
	s += strspn(s, " ");
	if (!strncasecmp(s, "frame", 5))
		s += 5 + strspn(s + 5, "s #");

	if (sscanf(s, "%9lld - %9lld %n", &a, &b, &end) == 2 && end && !s[end]) {
		*first = a;
		*last = b;
		return a <= b;
	}
	if (sscanf(s, "%9lld %n", &a, &end) != 1 || !end || s[end])
		return false;
	*first = *last = a;
	return true;
}

/* Appends the frames that one element names. */
static int read_frame(const json_t *v, size_t n_frames, size_t number, struct description_event *e,
                      struct err *err)
{
	json_int_t first = 0, last = 0;
	if (!read_numbers(v, &first, &last) || first < 1 || (size_t)last > n_frames)
		return err_set(err, ERR_FORMAT, "event %zu names a frame that is not one of 1 to %zu",
		               number, n_frames);
	e->frames = mem_grow(e->frames, e->n_frames + (size_t)(last - first) + 1, sizeof *e->frames);
	for (json_int_t k = first; k <= last; k++)
		e->frames[e->n_frames++] = (size_t)k - 1;
	return 0;
}

static int read_frames(const json_t *list, size_t n_frames, size_t number,
                       struct description_event *e, struct err *err)
{
	size_t i;
	json_t *v;
	int r = json_is_array(list) || !list ? 0 : read_frame(list, n_frames, number, e, err);
	json_array_foreach (list, i, v) {
		if (r == 0 && e->n_frames > MAX_FRAMES)
			r = err_set(err, ERR_FORMAT, "event %zu names more than %d frames", number, MAX_FRAMES);
		if (r < 0)
			break;
		r = read_frame(v, n_frames, number, e, err);
	}
	if (r < 0)
		return r;
	if (!e->n_frames)
		return err_set(err, ERR_FORMAT, "event %zu names no frames", number);
	e->n_frames = mem_sort_distinct(e->frames, e->n_frames);
	return 0;
}

/* One line of at most `max` bytes; what is left out is marked. */
static char *bounded_line(const char *s, size_t max)
{
	AUTO(mem_freep) char *line = text_line(s, max);
	return strlen(s) > max ? mem_printf("%s […]", line) : TAKE(line);
}

static int read_event(json_t *j, size_t n_frames, size_t number, struct description *a,
                      struct err *err)
{
	const char *what = json_string_value(json_object_get(j, "what"));
	const char *subject = json_string_value(json_object_get(j, "subject"));
	const char *quote = json_string_value(json_object_get(j, "quote"));
	/* As it is kept: without what cannot be seen. */
	AUTO(mem_freep) char *said = bounded_line(what ? what : "", MAX_TEXT);
	if (!json_is_object(j) || blank(said))
		return err_set(err, ERR_FORMAT, "event %zu has no \"what\"", number);
	struct description_event *e = &a->events[a->n_events++];
	e->subject = bounded_line(subject ? subject : "", MAX_SUBJECT);
	e->what = TAKE(said);
	e->quote = text_line(quote ? quote : "", MAX_QUOTE);
	return read_frames(json_object_get(j, "frames"), n_frames, number, e, err);
}

static int read_answer(json_t *root, size_t n_frames, struct description *a, struct err *err)
{
	const char *summary = json_string_value(json_object_get(root, "summary"));
	json_t *events = json_object_get(root, "events"), *v;
	size_t i;
	/* Many models write no list if nothing happens. */
	if (json_is_null(events))
		events = NULL;
	if (!summary || (events && !json_is_array(events)))
		return err_set(err, ERR_FORMAT, "it is not an object with \"summary\" and \"events\"");
	if (blank(summary) && !json_array_size(events))
		return err_set(err, ERR_FORMAT, "it has neither a summary nor events");
	if (json_array_size(events) > MAX_EVENTS)
		return err_set(err, ERR_FORMAT, "it has more than %d events", MAX_EVENTS);
	a->summary = bounded_line(summary, MAX_TEXT);
	a->events = mem_alloc(json_array_size(events), sizeof *a->events);
	json_array_foreach (events, i, v) {
		int r = read_event(v, n_frames, i + 1, a, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int description_read(const struct chat_result *result, size_t n_frames, struct description *ret,
                     struct err *err)
{
	AUTO(description_clear) struct description a = {0};
	json_t *root = NULL;
	int r = answer_text_object(result, "summary", &root, err);
	if (r == 0)
		r = read_answer(root, n_frames, &a, err);
	json_decref(root);
	if (r < 0)
		return r;
	*ret = a;
	a = (struct description){0};
	return 0;
}
