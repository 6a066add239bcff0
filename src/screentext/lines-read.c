/* SPDX-License-Identifier: Apache-2.0 */
#include "screentext/lines-read.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "protocol/text-wire.h"

void text_lines_clear(struct text_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->lines[i].text);
	free(l->lines);
	*l = (struct text_lines){0};
}

static bool read_number(const json_t *line, size_t at, int min, int max, int *ret)
{
	const json_t *value = json_array_get(line, at);
	json_int_t x = json_integer_value(value);
	if (!json_is_integer(value) || x < min || x > max)
		return false;
	*ret = (int)x;
	return true;
}

/* What is left of a text without what cannot be seen; NULL if nothing is. */
static char *clean(const char *text)
{
	AUTO(mem_freep) char *line = text_line(text, TEXT_LINE_BYTES_MAX);
	AUTO(mem_freep) char *squeezed = text_squeeze(line);
	size_t from = strspn(squeezed, " "), to = strlen(squeezed);
	while (to > from && squeezed[to - 1] == ' ')
		to--;
	squeezed[to] = '\0';
	return to > from ? mem_strdup(squeezed + from) : NULL;
}

static bool read_line(const json_t *line, struct text_line *l)
{
	int conf;
	const char *text = json_string_value(json_array_get(line, 5));
	if (json_array_size(line) != 6 || !text || strlen(text) > TEXT_LINE_BYTES_MAX ||
	    !read_number(line, 0, 0, TEXT_SCALE - 1, &l->box.x) ||
	    !read_number(line, 1, 0, TEXT_SCALE - 1, &l->box.y) ||
	    !read_number(line, 2, 1, TEXT_SCALE - l->box.x, &l->box.w) ||
	    !read_number(line, 3, 1, TEXT_SCALE - l->box.y, &l->box.h) ||
	    !read_number(line, 4, 0, TEXT_CONF, &conf))
		return false;
	l->conf = (double)conf / TEXT_CONF;
	l->text = clean(text);
	return true;
}

int text_lines_read(const json_t *head, int turn, struct text_lines *ret, struct err *err)
{
	const json_t *lines = json_object_get(head, "lines");
	size_t n = json_array_size(lines);
	*ret = (struct text_lines){0};
	if (!json_is_array(lines) || n > TEXT_LINES_MAX)
		return err_set(err, ERR_PROTO, "the list of lines is missing or too long");
	ret->lines = mem_alloc(n + 1, sizeof *ret->lines);
	for (size_t i = 0; i < n; i++) {
		struct text_line l = {.box.turn = turn};
		if (!read_line(json_array_get(lines, i), &l))
			return err_set(err, ERR_PROTO, "a line is malformed");
		if (l.text)
			ret->lines[ret->n++] = l;
	}
	return 0;
}
