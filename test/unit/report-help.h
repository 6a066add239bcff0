/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of any shape, without a journal. */
#ifndef VDET_TEST_REPORT_HELP_H
#define VDET_TEST_REPORT_HELP_H

#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "report/report.h"
#include "report/subject.h"

#define S CLOCK_SECOND

static const char hostile[] =
	"</style></script><script>alert(1)</script><img src=x onerror=alert(1)> \"'`&amp; --> \r\n"
	"\r\n00:00:01.000 --> "
	"00:00:02.000\n<b>]]> =cmd()|x \xe2\x80\xaexlsx.exe\xe2\x80\xac \xc2\x9b"
	"31m \x1b[31m a,\"b\";\\ # *x* [y](http://z) ünïcödé 視頻";

static const unsigned char tiny_jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xd9};

struct shape {
	size_t chunks, samples, events;
	const char *text;  /* for every string that a model, a file or a user gives */
	size_t hole_every; /* 0 = none */
};

static void fill_chunk(struct report *r, size_t i, const struct shape *s)
{
	struct report_chunk *c = &r->chunks[i];
	bool hole = s->hole_every && i % s->hole_every == s->hole_every - 1;
	*c = (struct report_chunk){.start = (int64_t)i * 288 * S,
	                           .end = (int64_t)(i + 1) * 288 * S,
	                           .attempts = 1,
	                           .state = hole ? CHUNK_HOLE : CHUNK_DONE,
	                           .summary = mem_strdup(hole ? "" : s->text),
	                           .reason = mem_strdup(hole ? s->text : ""),
	                           .n_samples = s->samples,
	                           .decode_time = 1234567,
	                           .engine_time = 9876543,
	                           .prompt_tokens = 4000,
	                           .cached_tokens = 100,
	                           .output_tokens = 300,
	                           .samples = mem_alloc(s->samples, sizeof *c->samples)};
	for (size_t k = 0; k < s->samples; k++) {
		int64_t t = c->start + (int64_t)k * (c->end - c->start) / (int64_t)s->samples;
		c->samples[k] =
			(struct report_sample){.time = t + 7,
		                           .pts = t,
		                           .decode_path = mem_strdup(k ? "software" : s->text),
		                           .fault = mem_strdup(k == 1 && i % 5 == 0 ? s->text : ""),
		                           .thumb = mem_alloc(1, sizeof tiny_jpeg),
		                           .thumb_len = sizeof tiny_jpeg,
		                           .width = 1280,
		                           .height = 720};
		memcpy(c->samples[k].thumb, tiny_jpeg, sizeof tiny_jpeg);
	}
	r->complete &= !hole;
}

static void fill_part(const struct report *r, struct report_part *p, size_t chunk, size_t n,
                      const char *subject, const char *what)
{
	*p = (struct report_part){.start = r->chunks[chunk].samples[0].pts,
	                          .end = r->chunks[chunk].samples[n - 1].pts,
	                          .subject = mem_strdup(subject),
	                          .what = mem_strdup(what),
	                          .chunk = chunk,
	                          .n_samples = n,
	                          .samples = mem_alloc(n, sizeof *p->samples)};
	for (size_t k = 0; k < n; k++)
		p->samples[k] = k;
}

/* Every verdict, with and without what may be known of it. */
static struct report_check check_of(size_t i, const char *text)
{
	static const char letters[] = {'\0', '-', 'A', 'C', 'B'};
	struct report_check c = {.verdict = (enum check_verdict)(i % 5), .letter = letters[i % 5]};
	if (c.verdict == VERDICT_NONE)
		return c;
	c.reason = mem_strdup(i % 2 ? text : "");
	if (i % 3)
		c.p[0] = c.p[1] = 0.5;
	c.n_frames = i % 3;
	c.frames = mem_alloc(2, sizeof *c.frames);
	return c;
}

static void fill_event(struct report *r, struct report_event *e, size_t i, const struct shape *s)
{
	size_t chunk = i * s->chunks / s->events, n = 1 + i % 9;
	if (n > s->samples)
		n = s->samples;
	*e = (struct report_event){
		.what = mem_strdup(s->text), .n_parts = 1 + i % 2, .parts = mem_alloc(2, sizeof *e->parts)};
	for (size_t k = 0; k < e->n_parts; k++)
		fill_part(r, &e->parts[k], chunk, n, i % 3 ? s->text : "", s->text);
	for (size_t k = 0; k < e->n_parts; k++)
		e->parts[k].event = i;
	e->parts[0].check = check_of(i, s->text);
	e->start = e->parts[0].start;
	e->end = e->parts[0].end;
}

/* With edits that apply and that do not. */
static void fill_subjects(struct report *r, const struct shape *s)
{
	AUTO(registry_clear) struct registry g = {.report = r};
	json_auto_t *cites = json_pack("[{s:i, s:s, s:s, s:[i]}]", "which", 0, "subject", s->text,
	                               "what", s->text, "frames", 0);
	json_auto_t *data = json_pack("{s:s, s:o}", "text", s->text, "cites", json_incref(cites));
	g.saved.edits = mem_alloc(2, sizeof *g.saved.edits);
	for (; g.saved.n_edits < 2; g.saved.n_edits++)
		g.saved.edits[g.saved.n_edits] =
			(struct store_subject_edit){.id = (int64_t)g.saved.n_edits + 1,
		                                .kind = mem_strdup(g.saved.n_edits ? "split" : "rename"),
		                                .data = json_dumps(data, 0)};
	registry_make(&g);
	report_subjects_set(r, &g);
}

/* Of all kinds, in turn. */
static void fill_said(struct report *r, const struct shape *s)
{
	static const char *const kinds[] = {"subtitle", "speech", "written"};
	const char *t = s->text;
	struct store_transcript *to = &r->said;
	if (!s->events)
		return;
	to->sources = mem_alloc(3, sizeof *to->sources);
	for (; to->n_sources < 3; to->n_sources++)
		to->sources[to->n_sources] =
			(struct store_text_source){.kind = mem_strdup(kinds[to->n_sources]),
		                               .track = to->n_sources == 1 ? -1 : 2,
		                               .format = mem_strdup(t),
		                               .lang = mem_strdup(t),
		                               .title = mem_strdup(t),
		                               .fault = mem_strdup(t),
		                               .n = s->events};
	to->segments = mem_alloc(s->events, sizeof *to->segments);
	for (size_t i = 0; i < s->events; i++)
		to->segments[to->n_segments++] = (struct store_segment){
			.start = (int64_t)i * S,
			.end = (int64_t)i * S + S,
			.kind = mem_strdup(kinds[i % 3]),
			.track = 2,
			.text = mem_strdup(t),
			.who = mem_strdup(t),
			.lang = mem_strdup(""),
			.conf = i ? 0.5 : -1,
			.box = {i % 2 ? 100 : 0, 200, i % 2 ? 300 : 0, 400},
			.words = mem_strdup(i % 2 ? "[[1000000, 2000000, \"word\", 0.5]]" : "")};
	to->dropped = mem_alloc(s->events, sizeof *to->dropped);
	for (size_t i = 0; i < s->events; i++)
		to->dropped[to->n_dropped++] = (struct store_dropped){.start = (int64_t)i * S,
		                                                      .end = (int64_t)i * S + S,
		                                                      .kind = mem_strdup(kinds[1 + i % 2]),
		                                                      .track = 2,
		                                                      .text = mem_strdup(t),
		                                                      .reason = mem_strdup(t)};
}

/* A clock in the picture that jumps once; as the journal has it. */
static void fill_clock(struct report *r, const struct shape *s)
{
	struct err err;
	if (!s->events)
		return;
	json_auto_t *clock = json_pack(
		"{s:i, s:s, s:s, s:i, s:[{s:s, s:s, s:[iiii], s:i, s:s, s:b, s:i, s:i, s:[{s:s, s:[{s:i, "
		"s:I, s:I, s:f, s:i, s:i, s:n}]}], s:[{s:i, s:i, s:I, s:I, s:I, s:s, s:b, s:s}], s:[]}]}",
		"version", 1, "timezone", s->text, "fault", s->text, "reads", 3, "clocks", "source",
		"picture", "name", s->text, "box", 1000, 100, 3000, 500, "turn", 0, "format",
		"YYYY-MM-DD hh:mm:ss", "dated", 1, "unit_us", 1000000, "period_us", 0, "fits", "order",
		"ymd", "pieces", "start_us", 0, "end_us", (json_int_t)(288 * S), "at_us",
		(json_int_t)(1795341600 * S), "speed", 1.0, "residual_us", 1000, "readings", 9,
		"utc_offset_s", "breaks", "before_us", 1000000, "after_us", 1100000, "clock_before_us",
		(json_int_t)(1795341600 * S), "clock_after_us", (json_int_t)(1795341637 * S), "jump_us",
		(json_int_t)(37 * S), "verdict", "recording interrupted", "daylight", 0, "why", s->text,
		"samples");
	AUTO(mem_freep) char *text = json_dumps(clock, 0);
	assert_non_null(text);
	if (wallclock_read(text, &r->clock, &err) < 0)
		fail_msg("%s", err.msg);
}

static struct report *make(const struct shape *s)
{
	struct report *r = mem_alloc(1, sizeof *r);
	const char *t = s->text;
	*r = (struct report){.job = mem_strdup("3fa94c"),
	                     .vdet_version = mem_strdup("0.1.0"),
	                     .created = 1795341600 * S,
	                     .complete = true,
	                     .detail = REPORT_NORMAL,
	                     .source_name = mem_strdup(t),
	                     .source_size = 1400000000,
	                     .container = mem_strdup(t),
	                     .source_sha256 = mem_strdup(
							 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
	                     .codec = mem_strdup(t),
	                     .pixel_format = mem_strdup(t),
	                     .hdr = mem_strdup(t),
	                     .width = 1920,
	                     .height = 1080,
	                     .fps = 30000 / 1001.0,
	                     .duration = (int64_t)s->chunks * 288 * S,
	                     .to = (int64_t)s->chunks * 288 * S,
	                     .source_warning = mem_strdup(t),
	                     .engine_kind = mem_strdup(t),
	                     .engine_version = mem_strdup(t),
	                     .model = mem_strdup(t),
	                     .model_hash = mem_strdup(t),
	                     .quantize = mem_strdup(t),
	                     .cache_type = mem_strdup(t),
	                     .prompt_hash = mem_strdup(t),
	                     .prompt = mem_strdup(t),
	                     .libraries = mem_strdup(t),
	                     .summary = mem_strdup(t),
	                     .summary_fallback = mem_strdup(t),
	                     .summary_by_model = !*t,
	                     .wall_time = 100 * S,
	                     .engine_busy = 90 * S,
	                     .prefill_rate = 812.5,
	                     .decode_rate = 96};
	r->n_options = 1;
	r->options = mem_alloc(1, sizeof *r->options);
	r->options[0] = (struct report_option){mem_strdup("chunk.duration"), mem_strdup(t)};
	r->n_chunks = s->chunks;
	r->chunks = mem_alloc(s->chunks, sizeof *r->chunks);
	for (size_t i = 0; i < s->chunks; i++)
		fill_chunk(r, i, s);
	r->n_events = s->events;
	r->events = mem_alloc(s->events, sizeof *r->events);
	for (size_t i = 0; i < s->events; i++)
		fill_event(r, &r->events[i], i, s);
	r->n_withdrawn = s->events / 5;
	r->withdrawn = mem_alloc(r->n_withdrawn, sizeof *r->withdrawn);
	for (size_t i = 0; i < r->n_withdrawn; i++)
		fill_event(r, &r->withdrawn[i], 5 * i + VERDICT_WITHDRAWN, s);
	r->checks = (struct report_checks){.mode = mem_strdup("all"),
	                                   .ability = (enum check_ability)(s->events % 3),
	                                   .controls = {.false_yes = 1, .no = 20, .yes = s->events},
	                                   .counts = {1, 2, 3, 4, 5}};
	fill_subjects(r, s);
	fill_said(r, s);
	fill_clock(r, s);
	return r;
}

#endif
