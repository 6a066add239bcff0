/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the page: how the report was made, so that it can be repeated, and
 * its pictures. */
#include <string.h>

#include "base/text.h"
#include "report/html-internal.h"
#include "report/provenance.h"

struct list {
	struct report_page *p;
	const char *group;
};

static void add_row(void *ctx, const struct report_row *row)
{
	struct list *l = ctx;
	struct report_page *p = l->p;
	if (!l->group || strcmp(l->group, row->group) != 0)
		buf_addf(p->out, "%s<h3>%s</h3><dl class=\"rows%s\">\n", l->group ? "</dl>\n" : "",
		         row->group, strcmp(row->group, "Options") == 0 ? " options" : "");
	l->group = row->group;
	buf_adds(p->out, "<div><dt>");
	report_page_text(p, row->name);
	buf_adds(p->out, row->hash ? "</dt><dd><code>" : "</dt><dd><span dir=\"auto\">");
	report_page_text(p, row->value);
	buf_adds(p->out, row->hash ? "</code></dd></div>\n" : "</span></dd></div>\n");
}

void report_page_made(struct report_page *p)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	buf_adds(
		p->out,
		"<section id=\"made\" aria-labelledby=\"h-made\"><h2 id=\"h-made\">How this was made</h2>\n"
		"<p class=\"note\">");
	report_coverage_text(p->r, &p->sums, p->out);
	AUTO(buf_free) struct buf plan = BUF(2000);
	report_plan_text(p->r, &plan);
	if (plan.len) {
		buf_adds(p->out, "</p>\n<p class=\"note\">");
		report_page_text(p, buf_str(&plan));
	}
	buf_adds(p->out, "</p>\n");
	report_made_each(p->r, &p->sums, add_row, &(struct list){.p = p});
	buf_adds(p->out, "</dl>\n");
	if (p->shown_thumbs < p->thumbs)
		buf_addf(p->out,
		         "<p class=\"note\">%s of %s pictures are in this page, those of events first; "
		         "the others were left "
		         "out to keep it small.</p>\n",
		         report_count((int64_t)p->shown_thumbs, a), report_count((int64_t)p->thumbs, b));
	buf_adds(p->out, "</section>\n");
}

static void choose(struct report_page *p, size_t chunk, size_t sample, size_t *left)
{
	const struct report_sample *s = &p->r->chunks[chunk].samples[sample];
	size_t n = p->first[chunk] + sample;
	if (!s->thumb || p->shown[n] || s->thumb_len > *left)
		return;
	*left -= s->thumb_len;
	p->shown[n] = true;
	p->shown_thumbs++;
}

static void choose_evidence(struct report_page *p, const struct report_event *events, size_t n,
                            size_t *left)
{
	for (size_t i = 0; i < n; i++)
		for (size_t m = 0; m < events[i].n_parts; m++) {
			const struct report_part *part = &events[i].parts[m];
			for (size_t k = 0; k < part->n_samples; k++)
				if (report_evidence(p->r, part, k))
					choose(p, part->chunk, part->samples[k], left);
		}
}

void report_page_choose(struct report_page *p, size_t max_bytes)
{
	const struct report *r = p->r;
	size_t left = max_bytes;
	choose_evidence(p, r->events, r->n_events, &left);
	choose_evidence(p, r->states, r->n_states, &left);
	choose_evidence(p, r->withdrawn, r->n_withdrawn, &left);
	for (size_t i = 0; i < r->n_chunks; i++)
		for (size_t k = 0; k < r->chunks[i].n_samples; k++) {
			p->thumbs += r->chunks[i].samples[k].thumb != NULL;
			choose(p, i, k, &left);
		}
}

void report_page_thumbs(struct report_page *p)
{
	buf_adds(p->out, "<style>\n");
	for (size_t i = 0; i < p->r->n_chunks; i++)
		for (size_t k = 0; k < p->r->chunks[i].n_samples; k++) {
			const struct report_sample *s = &p->r->chunks[i].samples[k];
			size_t n = p->first[i] + k;
			if (!p->shown[n])
				continue;
			buf_addf(p->out, ".t%zu{background-image:url(data:image/jpeg;base64,", n);
			text_base64(p->out, s->thumb, s->thumb_len);
			buf_adds(p->out, ")}\n");
		}
	buf_adds(p->out, "</style>\n");
}
