/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the world's truth: as sentences for people, as JSON for scoring. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static const char *const side[] = {"left", "right", NULL};

void world_event_text(const struct world *w, const struct world_event *e, char *out, size_t cap)
{
	const char *color = world_color_name[e->color], *shape = world_shape_name[e->shape];
	char come[60], go[60];
	if (e->verb == WORLD_CROSSES) {
		snprintf(out, cap, "A %s %s crosses from the %s to the %s.", color, shape, side[e->from],
		         side[e->to]);
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
	if (!e->other) {
		snprintf(out, cap, "A %s %s %s and %s.", color, shape, come, go);
		return;
	}
	const struct world_event *o = &w->events[e->other - 1];
	snprintf(out, cap, "A %s %s %s, meets a %s %s and %s.", color, shape, come,
	         world_color_name[o->color], world_shape_name[o->shape], go);
}

static void put_time(FILE *f, int64_t t)
{
	fprintf(f, "%" PRId64 ".%03d", t / 1000000, (int)(t % 1000000 / 1000));
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
	fprintf(f, "\"hour\": %g, \"noise\": %g, \"clock\": %s, \"pan\": %s},\n", o->start_hour,
	        o->noise, o->clock ? "true" : "false", o->pan ? "true" : "false");
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
	fputs("]\n}\n", f);
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
