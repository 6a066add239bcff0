/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the world's truth: as sentences for people, as JSON for scoring. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "put.h"
#include "random.h"
#include "world.h"

static const char *const side[] = {"left", "right", NULL};

/* "A red square"; of a hard world one of the wordings. */
static void subject_text(const struct world *w, const struct world_event *e, char *out, size_t cap)
{
	int wording = 0;
	char name[50];
	if (w->o.subjects == WORLD_HARD)
		wording = (int)(random_mix((uint64_t)w->o.seed ^ ((uint64_t)e->id << 32)) % WORLD_WORDS);
	world_call(wording, e->color, e->shape, name, sizeof name);
	bool article = strncmp(name, "a ", 2) == 0 || strncmp(name, "the ", 4) == 0;
	snprintf(out, cap, "%s%s%s", article ? "" : "a ", name, strchr(name, ',') ? "," : "");
	*out = (char)toupper((unsigned char)*out);
}

void world_event_text(const struct world *w, const struct world_event *e, char *out, size_t cap)
{
	char who[60], come[60], turn[40] = "", go[60], meet[60] = "";
	subject_text(w, e, who, sizeof who);
	if (e->turn_us)
		snprintf(turn, sizeof turn, ", turns %s", world_color_name[e->turns]);
	if (e->verb == WORLD_CROSSES) {
		snprintf(out, cap, "%s crosses from the %s to the %s%s.", who, side[e->from], side[e->to],
		         turn);
		return;
	}
	if (side[e->from])
		snprintf(come, sizeof come, "enters from the %s", side[e->from]);
	else
		snprintf(come, sizeof come, "appears");
	if (side[e->to])
		snprintf(go, sizeof go, "leaves to the %s", side[e->to]);
	else
		snprintf(go, sizeof go, "disappears");
	if (e->other) {
		const struct world_event *o = &w->events[e->other - 1];
		snprintf(meet, sizeof meet, ", meets a %s %s",
		         world_color_name[world_color_at(o, e->stop_us)], world_shape_name[o->shape]);
	}
	snprintf(out, cap, "%s %s%s%s and %s.", who, come, meet, turn, go);
}

static void put_span(FILE *f, int64_t start, int64_t end)
{
	fputs("\"start\": ", f);
	put_time(f, start);
	fputs(", \"end\": ", f);
	put_time(f, end);
}

/* An event is visible from its start to its end, except during black pictures. */
static void put_visible(FILE *f, const struct world *w, const struct world_event *e)
{
	int64_t from = e->start_us;
	const char *comma = "";
	for (size_t i = 0; i <= w->n_gaps; i++) {
		int64_t to =
			i < w->n_gaps && w->gaps[i].start_us < e->end_us ? w->gaps[i].start_us : e->end_us;
		if (to > from) {
			fprintf(f, "%s[", comma);
			put_time(f, from);
			fputs(", ", f);
			put_time(f, to);
			fputc(']', f);
			comma = ", ";
		}
		if (to == e->end_us)
			return;
		if (w->gaps[i].end_us > from)
			from = w->gaps[i].end_us;
	}
}

/* All wordings of a look. */
static void put_called(FILE *f, enum world_color color, enum world_shape shape)
{
	fputs("\"called\": [", f);
	for (int i = 0; i < WORLD_WORDS; i++) {
		char name[60];
		world_call(i, color, shape, name, sizeof name);
		fprintf(f, "%s\"%s\"", i ? ", " : "", name);
	}
	fputs("], ", f);
}

/* Who an event of a hard world is about, and how that is called. */
static void put_subject(FILE *f, const struct world_event *e)
{
	fprintf(f, "\"subject\": %d, ", e->subject);
	put_called(f, e->color, e->shape);
	if (!e->turn_us)
		return;
	fputs("\"turns\": {", f);
	put_called(f, e->turns, e->shape);
	fprintf(f, "\"color\": \"%s\", \"at\": ", world_color_name[e->turns]);
	put_time(f, e->turn_us);
	fputs("}, ", f);
}

static void put_event(FILE *f, const struct world *w, const struct world_event *e)
{
	char what[200];
	world_event_text(w, e, what, sizeof what);
	fprintf(f,
	        "    {\"id\": %d, \"what\": \"%s\", \"who\": {\"color\": \"%s\", \"shape\": \"%s\", "
	        "\"size\": %.3f}, ",
	        e->id, what, world_color_name[e->color], world_shape_name[e->shape], e->r);
	fprintf(f, "\"verb\": \"%s\", ", world_verb_name[e->verb]);
	if (e->other)
		fprintf(f, "\"meets\": %d, ", e->other);
	if (e->subject)
		put_subject(f, e);
	put_span(f, e->start_us, e->end_us);
	fputs(", \"visible\": [", f);
	put_visible(f, w, e);
	fputs("]}", f);
}

static void put_options(FILE *f, const struct world_options *o)
{
	fprintf(f, "  \"seed\": %" PRId64 ",\n  \"options\": {\"duration\": ", o->seed);
	put_time(f, o->duration_us);
	fprintf(f,
	        ", \"events\": %g, \"shortest\": %g, \"longest\": %g, \"cuts\": %g, \"dropouts\": %g, "
	        "\"captions\": %g, ",
	        o->events_per_hour, o->event_min_s, o->event_max_s, o->cuts_per_hour,
	        o->dropouts_per_hour, o->captions_per_hour);
	fprintf(f, "\"hour\": %g, \"noise\": %g, \"clock\": %s, \"pan\": %s", o->start_hour, o->noise,
	        o->clock ? "true" : "false", o->pan ? "true" : "false");
	/* The truth of a plain world is the one that it always had. */
	fputs(o->subjects == WORLD_HARD ? ", \"subjects\": \"hard\"},\n  \"words\": [" : "},\n", f);
	for (int i = 0; o->subjects == WORLD_HARD && i < WORLD_WORDS; i++)
		fprintf(f, "\"%s\"%s", world_words[i], i + 1 < WORLD_WORDS ? ", " : "],\n");
}

/* What the date and time in the picture are. */
static void put_dial(FILE *f, const struct world_dial *d)
{
	char text[WORLD_DIAL_TEXT];
	world_dial_text(d, 0, text);
	fputs("  \"dial\": {\"start\": ", f);
	put_time(f, d->start_us);
	fprintf(f, ", \"format\": \"%s\", \"text\": \"%s\", \"speed\": %.9g, \"sets\": [",
	        world_dial_format_name[d->format], text, d->speed);
	for (size_t i = 0; i < d->n_sets; i++) {
		fputs(i ? ", {\"at\": " : "{\"at\": ", f);
		put_time(f, d->sets[i].at_us);
		fprintf(f, ", \"by\": %g}", (double)d->sets[i].by_us / 1e6);
	}
	fputs("]}\n}\n", f);
}

static void put_world(FILE *f, const struct world *w)
{
	fputs("{\n", f);
	put_options(f, &w->o);

	fputs("  \"events\": [", f);
	for (size_t i = 0; i < w->n_events; i++) {
		fputs(i ? ",\n" : "\n", f);
		put_event(f, w, &w->events[i]);
	}

	fputs("\n  ],\n  \"cuts\": [", f);
	for (size_t i = 0; i < w->n_cuts; i++) {
		fputs(i ? ", {\"start\": " : "{\"start\": ", f);
		put_time(f, w->cuts[i].start_us);
		fprintf(f, ", \"place\": \"%s\"}", world_place_name[w->cuts[i].place]);
	}

	fputs("],\n  \"dropouts\": [", f);
	for (size_t i = 0; i < w->n_gaps; i++) {
		fputs(i ? ", {" : "{", f);
		put_span(f, w->gaps[i].start_us, w->gaps[i].end_us);
		fputc('}', f);
	}

	fputs("],\n  \"texts\": [", f);
	for (size_t i = 0; i < w->n_texts; i++) {
		fputs(i ? ", {" : "{", f);
		put_span(f, w->texts[i].start_us, w->texts[i].end_us);
		fprintf(f, ", \"text\": \"%s\"}", w->texts[i].text);
	}
	fputs(w->o.dial.start_us ? "],\n" : "]\n}\n", f);
	if (w->o.dial.start_us)
		put_dial(f, &w->o.dial);
}

char *world_truth_json(const struct world *w)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	put_world(f, w);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}
