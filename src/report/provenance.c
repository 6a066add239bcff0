/* SPDX-License-Identifier: Apache-2.0 */
#include "report/provenance.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/checks.h"
#include "report/second.h"

struct made {
	const struct report *r;
	const struct report_sums *s;
	const char *group;
	void (*fn)(void *ctx, const struct report_row *row);
	void *ctx;
};

static void row(const struct made *m, const char *name, const char *value)
{
	if (!report_is_empty(value))
		m->fn(m->ctx, &(struct report_row){.group = m->group, .name = name, .value = value});
}

static void hash(const struct made *m, const char *name, const char *value)
{
	if (!report_is_empty(value))
		m->fn(m->ctx,
		      &(struct report_row){.group = m->group, .name = name, .value = value, .hash = true});
}

static void __attribute__((format(printf, 3, 4)))
put(const struct made *m, const char *name, const char *fmt, ...)
{
	char value[1000]; /* ours, and bounded */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	row(m, name, value);
}

static void add_video(struct made *m)
{
	const struct report *r = m->r;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	m->group = "The video";
	row(m, "File", r->source_name);
	hash(m, "SHA-256", r->source_sha256);
	put(m, "Size", "%s bytes", report_count(r->source_size, a));
	row(m, "Container", r->container);
	row(m, "Codec", r->codec);
	row(m, "Pixel format", r->pixel_format);
	row(m, "HDR, shown as SDR", r->hdr);
	if (r->rotation)
		put(m, "Rotation", "%d° clockwise", r->rotation);
	put(m, "Analyzed", "%s to %s", report_exact(r->from, a), report_exact(r->to, b));
	row(m, "Warning", r->source_warning);
}

static void add_model(struct made *m)
{
	const struct report *r = m->r;
	m->group = "The model";
	row(m, "Engine", r->engine_kind);
	row(m, "Engine version", r->engine_version);
	row(m, "Model", r->model);
	hash(m, "Model hash", r->model_hash);
	row(m, "Precision of weights", r->quantize);
	row(m, "Precision of cache", r->cache_type);
	row(m, "Asked to look for", r->prompt);
	hash(m, "Prompt hash", r->prompt_hash);
}

static size_t count_decode_path(const struct report_chunk *c, const char *decode_path)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n_samples; i++)
		n += c->samples[i].decode_path && !strcmp(c->samples[i].decode_path, decode_path);
	return n;
}

/* The decode paths (media/reader.h) of the pictures. */
static void add_pictures(struct made *m)
{
	static const struct {
		const char *decode_path, *words;
	} decode_paths[] = {
		{"hardware", "decoded by the device"},
		{"software", "decoded in software"},
		{"keyframe", "of keyframes, decoded in software"},
		{"concealed", "with damage concealed"},
		{"sequential", "found by decoding from the start"},
		{"salvage", "salvaged from a damaged file"},
	};
	AUTO(buf_free) struct buf text = BUF(1000);
	char number[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < ARRAY_LEN(decode_paths); i++) {
		size_t n = 0;
		for (size_t c = 0; c < m->r->n_chunks; c++)
			n += count_decode_path(&m->r->chunks[c], decode_paths[i].decode_path);
		if (n)
			buf_addf(&text, "%s%s %s", text.len ? ", " : "", report_count((int64_t)n, number),
			         decode_paths[i].words);
	}
	if (m->s->faults)
		buf_addf(&text, "%s%s not decoded", text.len ? ", " : "",
		         report_count((int64_t)m->s->faults, number));
	row(m, "Pictures", buf_str(&text));
}

static void add_work(struct made *m)
{
	const struct report *r = m->r;
	const struct report_sums *s = m->s;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX];
	m->group = "Processing";
	row(m, "vdet", r->vdet_version);
	row(m, "Libraries", r->libraries);
	hash(m, "Job", r->job);
	row(m, "Written", clock_iso(r->created, a));
	put(m, "Time", "%s in all; the engine was busy for %s, decoding took %s",
	    clock_short(r->wall_time, a), clock_short(r->engine_busy, b),
	    clock_short(s->decode_time, c));
	add_pictures(m);
	put(m, "Tokens", "%s read (%s of them cached), %s written", report_count(s->prompt_tokens, a),
	    report_count(s->cached_tokens, b), report_count(s->output_tokens, c));
	if (r->prefill_rate > 0 || r->decode_rate > 0)
		put(m, "Speed", "%.3g tokens/s read, %.3g tokens/s written", r->prefill_rate,
		    r->decode_rate);
}

/* If one engine answered everything and never failed, nothing is added. */
static void add_endpoints(struct made *m)
{
	const struct report *r = m->r;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	m->group = "Endpoints";
	for (size_t i = 0; i < r->n_endpoints; i++) {
		const struct report_endpoint *e = &r->endpoints[i];
		if (e->failures > 0)
			put(m, e->name, "%s; %lld of %s failed", report_plural(e->chunks, "chunk", a),
			    (long long)e->failures, report_plural((size_t)e->requests, "request", b));
		else if (r->n_endpoints > 1)
			put(m, e->name, "%s", report_plural(e->chunks, "chunk", a));
	}
	if (r->twice) {
		AUTO(buf_free) struct buf text = BUF(300);
		report_twice_text(r, &text);
		row(m, "Done by two workers", buf_str(&text));
	}
}

static void add_steps(struct made *m)
{
	char time[CLOCK_TEXT_MAX];
	m->group = "When memory ran short";
	for (size_t i = 0; i < m->r->n_steps; i++) {
		const struct store_step *s = &m->r->steps[i];
		put(m, clock_iso(s->time, time), "%s (%s)", s->what, s->why);
	}
}

static void add_checks(struct made *m)
{
	AUTO(buf_free) struct buf text = BUF(1000);
	m->group = "Checks";
	report_checks_text(m->r, &text);
	row(m, "Statements", buf_str(&text));
	buf_clear(&text);
	report_second_sum(m->r, &text);
	row(m, "Second pass", buf_str(&text));
}

static void add_options(struct made *m)
{
	m->group = "Options";
	for (size_t i = 0; i < m->r->n_options; i++)
		row(m, m->r->options[i].name, m->r->options[i].value);
}

void report_made_each(const struct report *r, const struct report_sums *s,
                      void (*fn)(void *ctx, const struct report_row *row), void *ctx)
{
	struct made m = {.r = r, .s = s, .fn = fn, .ctx = ctx};
	add_video(&m);
	add_model(&m);
	add_work(&m);
	add_endpoints(&m);
	add_steps(&m);
	add_checks(&m);
	add_options(&m);
}
