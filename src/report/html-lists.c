/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of the page: events, holes and chunks, with their pictures. */
#include <string.h>

#include "report/checks.h"
#include "report/clocks.h"
#include "report/html-internal.h"
#include "report/html-page.h"
#include "report/second.h"
#include "report/subject-text.h"

/* Of an event with more frames than these, the others are shown as times. */
#define FRAMES_SHOWN 6

void report_page_text(struct report_page *p, const char *s)
{
	report_html_text(p->out, s);
}

void report_page_time(struct report_page *p, int64_t us)
{
	char exact[CLOCK_TEXT_MAX], seconds[CLOCK_TEXT_MAX];
	report_exact(us, exact);
	int split = (int)strlen(exact) - 3;
	buf_addf(p->out, "<time datetime=\"PT%sS\">%.*s<small>%s</small></time>",
	         report_seconds(us, seconds), split, exact, exact + split);
}

void report_page_clock_at(struct report_page *p, int64_t time)
{
	char text[WALLCLOCK_TEXT_MAX];
	if (!*report_clock_at(p->r, time, text))
		return;
	buf_adds(p->out, " <small class=\"wall\">");
	report_page_text(p, text);
	buf_adds(p->out, "</small>");
}

static void add_time(struct report_page *p, int64_t us)
{
	char text[CLOCK_TEXT_MAX], seconds[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<time datetime=\"PT%sS\">%s</time>", report_seconds(us, seconds),
	         clock_text(us, text));
}

/* The picture itself, or what is in its place. */
static void add_picture(struct report_page *p, size_t chunk, size_t sample, bool link)
{
	const struct report_sample *s = &p->r->chunks[chunk].samples[sample];
	size_t n = p->first[chunk] + sample;
	char t[CLOCK_TEXT_MAX];
	if (!report_is_empty(s->fault)) {
		buf_adds(p->out, "<span class=\"th none fault\">No picture: ");
		report_page_text(p, s->fault);
		buf_adds(p->out, "</span>");
	} else if (link) {
		buf_addf(
			p->out,
			"<a class=\"th%s t%zu\" href=\"#s%zu-%zu\" aria-label=\"Frame at %s, among those of "
			"chunk %zu\">"
			"</a>",
			p->shown[n] ? "" : " none", n, chunk + 1, sample + 1, clock_text(s->pts, t), chunk + 1);
	} else if (p->shown[n]) {
		buf_addf(p->out, "<span class=\"th t%zu\" role=\"img\" aria-label=\"Frame at %s\"></span>",
		         n, clock_text(s->pts, t));
	} else {
		buf_adds(p->out, "<span class=\"th none\">picture not kept</span>");
	}
}

void report_page_frame(struct report_page *p, size_t chunk, size_t sample, bool link)
{
	const struct report_sample *s = &p->r->chunks[chunk].samples[sample];
	if (link)
		buf_adds(p->out, "<li><figure>");
	else
		buf_addf(p->out, "<li id=\"s%zu-%zu\"><figure>", chunk + 1, sample + 1);
	add_picture(p, chunk, sample, link);
	buf_adds(p->out, "<figcaption>");
	report_page_time(p, s->pts);
	if (!link && !report_is_empty(s->decode_path) && strcmp(s->decode_path, "software") != 0) {
		buf_adds(p->out, " <span class=\"path\" title=\"how it was decoded\">");
		report_page_text(p, s->decode_path);
		buf_adds(p->out, "</span>");
	}
	buf_adds(p->out, "</figcaption></figure></li>");
}

static void add_more_frames(struct report_page *p, const struct report_part *part)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<details class=\"more\"><summary>%s more</summary><p>",
	         report_plural(part->n_samples - FRAMES_SHOWN, "frame", n));
	for (size_t k = FRAMES_SHOWN; k < part->n_samples; k++) {
		const struct report_sample *s = report_evidence(p->r, part, k);
		if (!s)
			continue;
		buf_addf(p->out, "<a href=\"#s%zu-%zu\">", part->chunk + 1, part->samples[k] + 1);
		report_page_time(p, s->pts);
		buf_adds(p->out, "</a> ");
	}
	buf_adds(p->out, "</p></details>");
}

static void add_frames(struct report_page *p, const struct report_part *part)
{
	buf_adds(p->out, "<ul class=\"frames\">");
	for (size_t k = 0; k < part->n_samples && k < FRAMES_SHOWN; k++)
		if (report_evidence(p->r, part, k))
			report_page_frame(p, part->chunk, part->samples[k], true);
	buf_adds(p->out, "</ul>");
	if (part->n_samples > FRAMES_SHOWN)
		add_more_frames(p, part);
}

static void add_chunk_link(struct report_page *p, size_t chunk)
{
	buf_addf(p->out, "<a class=\"where\" href=\"#c%zu\">chunk %zu</a>", chunk + 1, chunk + 1);
}

static void add_span(struct report_page *p, int64_t start, int64_t end)
{
	if (end <= start)
		return;
	buf_adds(p->out, "<span class=\"to\"> to ");
	add_time(p, end);
	buf_adds(p->out, "</span>");
}

/* Words of the transcript that a part cites. */
static void add_quote(struct report_page *p, const struct report_part *part)
{
	if (report_is_empty(part->quote))
		return;
	buf_adds(p->out, "<p class=\"note\">cites: <q dir=\"auto\">");
	report_page_text(p, part->quote);
	buf_adds(p->out, "</q></p>");
}

static void add_parts(struct report_page *p, const struct report_event *e)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<details class=\"parts\"><summary>%s</summary><ol>",
	         report_plural(e->n_parts, "part", n));
	for (size_t i = 0; i < e->n_parts; i++) {
		const struct report_part *part = &e->parts[i];
		buf_adds(p->out, "<li><p class=\"when\">");
		add_time(p, part->start);
		add_span(p, part->start, part->end);
		buf_adds(p->out, "</p><p class=\"what\" dir=\"auto\">");
		report_page_text(p, part->what);
		if (i && part->by_model)
			buf_adds(p->out, " <small class=\"verdict\">joined by the model</small>");
		report_html_verdict(p->out, check_verdict_name(part->check.verdict));
		buf_adds(p->out, "</p>");
		if (i) { /* those of the first part are shown above */
			add_quote(p, part);
			add_frames(p, part);
		}
		add_chunk_link(p, part->chunk);
		buf_adds(p->out, "</li>");
	}
	buf_adds(p->out, "</ol></details>");
}

static void add_whose(struct report_page *p, const struct report_subject *s)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	report_subject_text(s, &b);
	buf_addf(p->out, " <a class=\"whose\" dir=\"auto\" href=\"#b%lld\">", (long long)s->number);
	report_page_text(p, buf_str(&b));
	buf_adds(p->out, "</a>");
}

static void add_event(struct report_page *p, const struct report_event *e, char kind, size_t i)
{
	buf_addf(p->out, "<li id=\"%c%zu\" class=\"event\"><p class=\"when\"><a href=\"#%c%zu\">", kind,
	         i + 1, kind, i + 1);
	add_time(p, e->start);
	buf_adds(p->out, "</a>");
	add_span(p, e->start, e->end);
	report_page_clock_at(p, e->start);

	buf_adds(p->out, "</p><div class=\"said\"><p class=\"what\" dir=\"auto\">");
	if (!report_is_empty(report_subject(e))) {
		buf_adds(p->out, "<b class=\"subject\">");
		report_page_text(p, report_subject(e));
		buf_adds(p->out, "</b> ");
	}
	report_page_text(p, e->what);
	if (e->subject)
		add_whose(p, e->subject);
	report_html_verdict(p->out, report_event_verdict(e));
	buf_adds(p->out, "</p>");
	if (e->parts[0].check.verdict == VERDICT_WITHDRAWN)
		buf_addf(p->out, "<p class=\"note\">%s</p>", report_check_says(&e->parts[0].check));

	add_quote(p, &e->parts[0]);
	add_frames(p, &e->parts[0]);
	if (e->n_parts > 1 && p->r->detail != REPORT_LOW)
		add_parts(p, e);
	buf_adds(p->out, "</div>");
	add_chunk_link(p, e->parts[0].chunk);
	buf_adds(p->out, "</li>\n");
}

/* What only stays as it is: there for who looks for it. */
static void add_states(struct report_page *p)
{
	if (!p->r->n_states)
		return;
	if (p->r->detail == REPORT_LOW) {
		buf_adds(p->out, "<p class=\"note\">");
		report_states_text(p->r, p->out);
		buf_adds(p->out, ", left out.</p>");
		return;
	}
	buf_adds(p->out, "<details id=\"states\"><summary>");
	report_states_text(p->r, p->out);
	buf_adds(p->out, "</summary><ol class=\"events\">\n");
	for (size_t i = 0; i < p->r->n_states; i++)
		add_event(p, &p->r->states[i], 'u', i);
	buf_adds(p->out, "</ol></details>\n");
}

static void add_withdrawn(struct report_page *p)
{
	if (!p->r->n_withdrawn)
		return;
	if (p->r->detail == REPORT_LOW) {
		buf_adds(p->out, "<p class=\"note\">");
		report_withdrawn_text(p->r, p->out);
		buf_adds(p->out, ", left out.</p>");
		return;
	}
	buf_adds(p->out, "<details id=\"withdrawn\"><summary>");
	report_withdrawn_text(p->r, p->out);
	buf_adds(p->out, "</summary><ol class=\"events\">\n");
	for (size_t i = 0; i < p->r->n_withdrawn; i++)
		add_event(p, &p->r->withdrawn[i], 'w', i);
	buf_adds(p->out, "</ol></details>\n");
}

void report_page_events(struct report_page *p)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out,
	         "<section id=\"events\" aria-labelledby=\"h-events\"><h2 id=\"h-events\">Events <span "
	         "class=\"n\">%s"
	         "</span></h2>\n",
	         report_count((int64_t)p->r->n_events, n));
	if (!p->r->n_events) {
		buf_adds(p->out, "<p class=\"note\">The model named no event in the frames it saw.</p>\n");
		add_states(p);
		add_withdrawn(p);
		buf_adds(p->out, "</section>\n");
		return;
	}
	buf_adds(
		p->out,
		"<form id=\"filter\" role=\"search\" hidden><label for=\"q\">Show only events with</label> "
		"<input id=\"q\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"> "
		"<span id=\"found\" role=\"status\"></span></form>\n<ol id=\"list\" class=\"events\">\n");
	for (size_t i = 0; i < p->r->n_events; i++)
		add_event(p, &p->r->events[i], 'e', i);
	buf_adds(p->out, "</ol>\n");
	add_states(p);
	add_withdrawn(p);
	buf_adds(p->out, "</section>\n");
}

void report_page_anomalies(struct report_page *p)
{
	struct report_anomaly a;
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out,
	         "<section id=\"anomalies\" aria-labelledby=\"h-anomalies\"><h2 "
	         "id=\"h-anomalies\">Anomalies <span class=\"n\">%s</span></h2>\n<p class=\"note\">",
	         report_count((int64_t)report_count_anomalies(p->r), n));
	report_anomalies_text(p->r, p->out);
	buf_adds(p->out, "</p>\n");
	if (report_count_anomalies(p->r))
		buf_adds(p->out, "<table class=\"anomalies\"><tr><th>Kind</th><th>Start</th><th>End</th>"
		                 "<th>What</th></tr>\n");
	for (size_t i = 0; report_anomaly(p->r, i, &a); i++) {
		buf_adds(p->out, "<tr><td>");
		report_page_text(p, a.kind);
		buf_adds(p->out, "</td><td>");
		add_time(p, a.start);
		buf_adds(p->out, "</td><td>");
		add_time(p, a.end);
		buf_adds(p->out, "</td><td>");
		report_page_text(p, a.text);
		buf_adds(p->out, "</td></tr>\n");
	}
	if (report_count_anomalies(p->r))
		buf_adds(p->out, "</table>\n");
	buf_adds(p->out, "</section>\n");
}

void report_page_holes(struct report_page *p)
{
	char n[CLOCK_TEXT_MAX], t[CLOCK_TEXT_MAX];
	if (!p->sums.holes)
		return;
	buf_addf(p->out,
	         "<section id=\"holes\" aria-labelledby=\"h-holes\"><h2 id=\"h-holes\">Holes <span "
	         "class=\"n\">%s"
	         "</span></h2>\n"
	         "<p class=\"note\">%s of the video could not be described. Nothing is known of what "
	         "happened"
	         " there.</p>\n<ul class=\"holes\">",
	         report_count((int64_t)p->sums.holes, n), clock_short(p->sums.lost, t));
	for (size_t i = 0; i < p->r->n_chunks; i++) {
		const struct report_chunk *c = &p->r->chunks[i];
		if (c->state != CHUNK_HOLE)
			continue;
		buf_addf(p->out, "<li><a href=\"#c%zu\">", i + 1);
		add_time(p, c->start);
		buf_adds(p->out, " to ");
		add_time(p, c->end);
		buf_adds(p->out, "</a> <span dir=\"auto\">");
		report_page_text(p, report_is_empty(c->reason) ? "No reason was recorded." : c->reason);
		buf_adds(p->out, "</span></li>\n");
	}
	buf_adds(p->out, "</ul></section>\n");
}

/* What it took, in one line. */
static void add_cost(struct report_page *p, const struct report_chunk *c)
{
	char prompt[CLOCK_TEXT_MAX], cached[CLOCK_TEXT_MAX], output[CLOCK_TEXT_MAX], n[CLOCK_TEXT_MAX];
	buf_addf(p->out,
	         "<p class=\"cost\">Decoding %.1f s, engine %.1f s in %s; tokens: %s read (%s of them "
	         "cached), %s"
	         " written.</p>",
	         (double)c->decode_time / 1e6, (double)c->engine_time / 1e6,
	         report_plural((size_t)(c->attempts > 0 ? c->attempts : 0), "attempt", n),
	         report_count(c->prompt_tokens, prompt), report_count(c->cached_tokens, cached),
	         report_count(c->output_tokens, output));
}

/* Samples of which the model saw no picture of their own. */
static size_t count_unseen(const struct report_chunk *c)
{
	size_t n = 0;
	for (size_t k = 0; k < c->n_samples; k++)
		n += !report_is_empty(c->samples[k].fault) || c->samples[k].repeated;
	return n;
}

static void add_chunk(struct report_page *p, size_t i)
{
	const struct report_chunk *c = &p->r->chunks[i];
	bool hole = c->state == CHUNK_HOLE;
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out, "<article id=\"c%zu\" class=\"chunk%s\"><h3>Chunk %zu%s <span class=\"span\">",
	         i + 1, hole ? " hole" : "", i + 1, hole ? ", a hole" : "");
	add_time(p, c->start);
	buf_adds(p->out, " to ");
	add_time(p, c->end);
	buf_adds(p->out, "</span></h3><p class=\"what\" dir=\"auto\">");
	report_page_text(p, hole ? c->reason : c->summary);
	if (c->withdrawn) {
		buf_adds(p->out, "</p><p class=\"note\">");
		report_chunk_note(c, p->out);
		buf_adds(p->out, ".");
	}
	if (c->second.context) {
		AUTO(buf_free) struct buf text = BUF(1 << 20);
		report_second_text(&c->second, &text);
		buf_adds(p->out, "</p><p class=\"note\" dir=\"auto\">");
		report_page_text(p, buf_str(&text));
	}
	buf_addf(p->out, "</p><details><summary>%s", report_plural(c->n_samples, "frame", n));
	if (hole)
		buf_adds(p->out, " chosen");
	else if (count_unseen(c))
		buf_addf(p->out, ", of which the model saw %s",
		         report_count((int64_t)(c->n_samples - count_unseen(c)), n));
	else
		buf_adds(p->out, " that the model saw");
	buf_adds(p->out, "</summary><ul class=\"frames\">");
	for (size_t k = 0; k < c->n_samples; k++)
		report_page_frame(p, i, k, false);
	buf_adds(p->out, "</ul>");
	add_cost(p, c);
	buf_adds(p->out, "</details></article>\n");
}

void report_page_chunks(struct report_page *p)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(p->out,
	         "<section id=\"chunks\" aria-labelledby=\"h-chunks\"><h2 id=\"h-chunks\">Chunks <span "
	         "class=\"n\">%s"
	         "</span></h2>\n"
	         "<p class=\"note\">The video was analyzed in these parts, one after the other.</p>\n",
	         report_count((int64_t)p->r->n_chunks, n));
	for (size_t i = 0; i < p->r->n_chunks; i++)
		add_chunk(p, i);
	buf_adds(p->out, "</section>\n");
}
