/* The end of the page: how the report was made, so that it can be repeated, and its pictures. */
#include "base/text.h"
#include "job/report-page.h"

static void row_begin(struct report_page *p, const char *name)
{
	buf_adds(p->out, "<div><dt>");
	report_page_text(p, name);
	buf_adds(p->out, "</dt><dd>");
}

static void row_end(struct report_page *p)
{
	buf_adds(p->out, "</dd></div>\n");
}

static void row(struct report_page *p, const char *name, const char *value)
{
	if (report_is_empty(value))
		return;
	row_begin(p, name);
	buf_adds(p->out, "<span dir=\"auto\">");
	report_page_text(p, value);
	buf_adds(p->out, "</span>");
	row_end(p);
}

static void row_hash(struct report_page *p, const char *name, const char *value)
{
	if (report_is_empty(value))
		return;
	row_begin(p, name);
	buf_adds(p->out, "<code>");
	report_page_text(p, value);
	buf_adds(p->out, "</code>");
	row_end(p);
}

static void group(struct report_page *p, const char *title)
{
	buf_addf(p->out, "<h3>%s</h3><dl class=\"rows\">\n", title);
}

static void add_video(struct report_page *p)
{
	const struct report *r = p->r;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	group(p, "The video");
	row(p, "File", r->source_name);
	row_hash(p, "SHA-256", r->source_sha256);
	row_begin(p, "Size");
	buf_addf(p->out, "%s bytes", report_count(r->source_size, a));
	row_end(p);
	row(p, "Container", r->container);
	row(p, "Codec", r->codec);
	row(p, "Pixel format", r->pixel_format);
	row(p, "HDR, shown as SDR", r->hdr);
	if (r->rotation) {
		row_begin(p, "Turned upright");
		buf_addf(p->out, "by %d° clockwise", r->rotation);
		row_end(p);
	}
	row_begin(p, "Analysed");
	buf_addf(p->out, "%s to %s", report_exact(r->from, a), report_exact(r->to, b));
	row_end(p);
	row(p, "Warning", r->source_warning);
	buf_adds(p->out, "</dl>\n");
}

static void add_model(struct report_page *p)
{
	const struct report *r = p->r;
	group(p, "The model");
	row(p, "Engine", r->engine_kind);
	row(p, "Engine's version", r->engine_version);
	row(p, "Model", r->model);
	row_hash(p, "Model's hash", r->model_hash);
	row(p, "Precision of its weights", r->quantize);
	row(p, "Precision of its cache", r->cache_type);
	row(p, "Asked to look for", r->prompt);
	row_hash(p, "Prompts' hash", r->prompt_hash);
	buf_adds(p->out, "</dl>\n");
}

static void add_work(struct report_page *p)
{
	const struct report *r = p->r;
	const struct report_sums *s = &p->sums;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX];
	group(p, "The work");
	row(p, "vdet", r->vdet_version);
	row(p, "Libraries", r->libraries);
	row_hash(p, "Job", r->job);
	row(p, "Written", clock_iso(r->created, a));
	row_begin(p, "Time");
	buf_addf(p->out, "%s in all; the engine was busy for %s, decoding took %s", clock_short(r->wall_time, a),
	         clock_short(r->engine_busy, b), clock_short(s->decode_time, c));
	row_end(p);
	row_begin(p, "Tokens");
	buf_addf(p->out, "%s read (%s of them cached), %s written", report_count(s->prompt_tokens, a),
	         report_count(s->cached_tokens, b), report_count(s->output_tokens, c));
	row_end(p);
	if (r->prefill_rate > 0 || r->decode_rate > 0) {
		row_begin(p, "Speed");
		buf_addf(p->out, "%.3g tokens/s read, %.3g tokens/s written", r->prefill_rate, r->decode_rate);
		row_end(p);
	}
	if (p->shown_thumbs < p->thumbs) {
		row_begin(p, "Pictures");
		buf_addf(p->out,
		         "%s of %s are in this page, those behind events first; the others were left out to keep it"
		         " small",
		         report_count((int64_t)p->shown_thumbs, a), report_count((int64_t)p->thumbs, b));
		row_end(p);
	}
	buf_adds(p->out, "</dl>\n");
}

void report_page_made(struct report_page *p)
{
	buf_adds(p->out, "<section id=\"made\" aria-labelledby=\"h-made\"><h2 id=\"h-made\">How this was made</h2>\n"
	                 "<p class=\"note\">");
	report_coverage_text(p->r, &p->sums, p->out);
	AUTO(buf_free) struct buf plan = BUF(2000);
	report_plan_text(p->r, &plan);
	if (plan.len) {
		buf_adds(p->out, "</p>\n<p class=\"note\">");
		report_page_text(p, buf_str(&plan));
	}
	buf_adds(p->out, "</p>\n");
	add_video(p);
	add_model(p);
	add_work(p);
	if (p->r->n_options) {
		buf_adds(p->out, "<h3>Options</h3><dl class=\"rows options\">\n");
		for (size_t i = 0; i < p->r->n_options; i++)
			row(p, p->r->options[i].name, p->r->options[i].value);
		buf_adds(p->out, "</dl>\n");
	}
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

void report_page_choose(struct report_page *p, size_t max_bytes)
{
	const struct report *r = p->r;
	size_t left = max_bytes;
	for (size_t i = 0; i < r->n_events; i++)
		for (size_t k = 0; k < r->events[i].n_samples; k++)
			if (report_evidence(r, &r->events[i], k))
				choose(p, r->events[i].chunk, r->events[i].samples[k], &left);
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
