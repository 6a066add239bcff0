/* SPDX-License-Identifier: Apache-2.0 */
/* report.vtt: a cue for each chunk and each event, for a player's <track
 * kind="chapters">. An event over several chunks is not nested in one of them,
 * as chapters should be; players show it all the same. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "report/text.h"

/* Players do not show cues without duration; an event with one frame gets this
 * duration. */
#define SHORTEST_CUE CLOCK_SECOND

/* In one line, with & < > escaped: the result contains no markup, no arrow and
 * no blank line. */
static void cue_text(struct buf *out, const char *s)
{
	AUTO(mem_freep) char *line = report_line(s, 0);
	for (const char *p = line; *p; p++) {
		switch (*p) {
		case '&': buf_adds(out, "&amp;"); break;
		case '<': buf_adds(out, "&lt;"); break;
		case '>': buf_adds(out, "&gt;"); break;
		default: buf_add(out, p, 1);
		}
	}
}

static void add_cue(struct buf *out, char kind, size_t number, int64_t start, int64_t end,
                    const char *text)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (start < 0)
		start = 0;
	if (end < start + SHORTEST_CUE)
		end = start + SHORTEST_CUE;
	buf_addf(out, "%c%zu\n%s --> %s\n", kind, number, clock_text(start, a), clock_text(end, b));
	if (report_is_empty(text))
		buf_adds(out, "(no description)");
	else
		cue_text(out, text);
	buf_adds(out, "\n\n");
}

static void add_chunk(struct buf *out, const struct report_chunk *c, size_t number)
{
	if (c->state == CHUNK_DONE) {
		add_cue(out, 'c', number, c->start, c->end, c->summary);
		return;
	}
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	buf_addf(out,
	         "NOTE Hole: nothing is known about %s to %s (chunk %zu): ", clock_text(c->start, a),
	         clock_text(c->end, b), number);
	cue_text(out, c->reason);
	buf_adds(out, "\n\n");
}

int report_vtt(const struct report *r, struct buf *out, struct err *err)
{
	buf_adds(out, "WEBVTT\n\nNOTE Video: ");
	cue_text(out, r->source_name);
	buf_adds(
		out,
		"\n"
		"Cues c1, c2, … are chunks and e1, e2, … events; those shorter than a second are shown "
		"for one."
		"\nreport.json has the exact times.\n\n");
	if (r->demo_model)
		buf_adds(
			out,
			"NOTE Made with the demo model, which understands only vdet's own drawn scenes.\n\n");
	if (r->n_left_out) {
		buf_adds(out, "NOTE ");
		report_left_out_text(r, out);
		buf_adds(out, ".\n\n");
	}
	if (r->n_states) {
		buf_adds(out, "NOTE ");
		report_states_text(r, out);
		buf_adds(out, ", left out: see report.json.\n\n");
	}
	/* Both lists ascend; cues must be in order of their start. */
	for (size_t c = 0, e = 0; c < r->n_chunks || e < r->n_events;) {
		if (e >= r->n_events || (c < r->n_chunks && r->chunks[c].start <= r->events[e].start)) {
			add_chunk(out, &r->chunks[c], c + 1);
			c++;
		} else {
			add_cue(out, 'e', e + 1, r->events[e].start, r->events[e].end, r->events[e].what);
			e++;
		}
	}
	return buf_check(out, "report.vtt", err);
}
