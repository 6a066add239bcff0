/* SPDX-License-Identifier: Apache-2.0 */
#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/checks.h"

enum { STRETCHES_SHOWN = 10 };

/* A frame counts as seen when its picture was sent and the answer was accepted:
 * what a hole's frames showed is not in the report. */
static bool is_seen(const struct report_chunk *c, const struct report_sample *s)
{
	return c->state == CHUNK_DONE && report_is_empty(s->fault);
}

int64_t *report_seen(const struct report *r, size_t *ret_n)
{
	size_t max = 0, n = 0;
	for (size_t i = 0; i < r->n_chunks; i++)
		max += r->chunks[i].n_samples;
	int64_t *times = mem_alloc(max + 1, sizeof *times);
	for (size_t i = 0; i < r->n_chunks; i++)
		for (size_t k = 0; k < r->chunks[i].n_samples; k++)
			if (is_seen(&r->chunks[i], &r->chunks[i].samples[k]))
				times[n++] = r->chunks[i].samples[k].pts;
	*ret_n = mem_sort_times(times, n);
	return times;
}

static void sum_gaps(const struct report *r, struct report_sums *s)
{
	AUTO(mem_freep) int64_t *times = report_seen(r, &s->seen);
	if (!s->seen)
		return;
	int64_t before = r->from;
	for (size_t i = 0; i <= s->seen; i++) {
		int64_t t = i < s->seen ? times[i] : r->to;
		if (t - before > s->max_gap) {
			s->max_gap = t - before;
			s->max_gap_start = before;
		}
		before = t;
	}
	s->mean_gap = (r->to - r->from) / (int64_t)s->seen;
}

static bool is_damaged(const struct report_sample *s)
{
	return s->decode_path && strcmp(s->decode_path, "concealed") == 0;
}

void report_sum(const struct report *r, struct report_sums *ret)
{
	struct report_sums s = {0};
	for (size_t i = 0; i < r->n_chunks; i++) {
		const struct report_chunk *c = &r->chunks[i];
		bool hole = c->state == CHUNK_HOLE;
		s.holes += hole;
		*(hole ? &s.lost : &s.described) += c->end - c->start;
		for (size_t k = 0; k < c->n_samples; k++) {
			s.faults += !report_is_empty(c->samples[k].fault);
			s.repeated += c->samples[k].repeated;
			s.pictures += is_seen(c, &c->samples[k]);
			s.damaged += is_seen(c, &c->samples[k]) && is_damaged(&c->samples[k]);
		}
		s.decode_time += c->decode_time;
		s.engine_time += c->engine_time;
		s.prompt_tokens += c->prompt_tokens;
		s.cached_tokens += c->cached_tokens;
		s.output_tokens += c->output_tokens;
	}
	sum_gaps(r, &s);
	*ret = s;
}

const struct report_sample *report_evidence(const struct report *r, const struct report_part *p,
                                            size_t k)
{
	if (p->chunk >= r->n_chunks || k >= p->n_samples ||
	    p->samples[k] >= r->chunks[p->chunk].n_samples)
		return NULL;
	return &r->chunks[p->chunk].samples[p->samples[k]];
}

const char *report_subject(const struct report_event *e)
{
	return e->n_parts && e->parts[0].subject ? e->parts[0].subject : "";
}

bool report_is_empty(const char *s)
{
	return !s || !*s;
}

#define REPLACEMENT "\xef\xbf\xbd"

/* The replacement of the character at p, and how many bytes that has; NULL: it
 * may stay. */
static const char *visible_form(const unsigned char *p, size_t *ret_len)
{
	*ret_len = 1;
	if (p[0] == '\r')
		return p[1] == '\n' ? "" : "\n";
	if ((p[0] < 0x20 && p[0] != '\n' && p[0] != '\t') || p[0] == 0x7f)
		return REPLACEMENT;
	*ret_len = 2;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* C1 controls: terminals obey them */
		return p[1] == 0x85 ? "\n" : REPLACEMENT;
	*ret_len = 3;
	/* line and paragraph separators */
	if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
		return "\n";
	/* bidirectional embedding, override */
	if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
		return REPLACEMENT;
	/* bidirectional isolates */
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return REPLACEMENT;
	return NULL;
}

void report_visible(struct buf *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)(s ? s : ""), *start = p;
	while (*p) {
		size_t len;
		const char *form = visible_form(p, &len);
		if (!form) {
			p++;
			continue;
		}
		buf_add(out, start, (size_t)(p - start));
		buf_adds(out, form);
		start = p += len;
	}
	buf_add(out, start, (size_t)(p - start));
}

char *report_line(const char *s, size_t max)
{
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2);
	report_visible(&b, s);
	bool cut = max && b.len > max;
	AUTO(mem_freep) char *line = text_line(buf_str(&b), cut ? max : b.len);
	return cut ? mem_printf("%s…", line) : TAKE(line);
}

const char *report_exact(int64_t us, char out[static CLOCK_TEXT_MAX])
{
	uint64_t u = us < 0 ? -(uint64_t)us : (uint64_t)us;
	snprintf(out, CLOCK_TEXT_MAX, "%s%02" PRIu64 ":%02u:%02u.%06u", us < 0 ? "-" : "",
	         u / 3600000000, (unsigned)(u / 60000000 % 60), (unsigned)(u / 1000000 % 60),
	         (unsigned)(u % 1000000));
	return out;
}

const char *report_seconds(int64_t us, char out[static CLOCK_TEXT_MAX])
{
	uint64_t u = us < 0 ? -(uint64_t)us : (uint64_t)us;
	snprintf(out, CLOCK_TEXT_MAX, "%s%" PRIu64 ".%06u", us < 0 ? "-" : "", u / 1000000,
	         (unsigned)(u % 1000000));
	return out;
}

const char *report_count(int64_t n, char out[static CLOCK_TEXT_MAX])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRId64, n < 0 ? 0 : n), at = 0;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *report_plural(size_t n, const char *one, char out[static CLOCK_TEXT_MAX])
{
	char count[CLOCK_TEXT_MAX];
	report_count((int64_t)n, count);
	snprintf(out, CLOCK_TEXT_MAX, "%.12s %.16s%s", count, one, n == 1 ? "" : "s");
	return out;
}

/* "48.1 s", or "5:37" for longer times. */
static void add_length(struct buf *out, int64_t us)
{
	char t[CLOCK_TEXT_MAX];
	if (us < 120 * CLOCK_SECOND)
		buf_addf(out, "%.3g s", (double)us / 1e6);
	else
		buf_adds(out, clock_short(us, t));
}

size_t report_count_anomalies(const struct report *r)
{
	return json_array_size(r->index.anomalies);
}

static int64_t time_in(const json_t *o, const char *key)
{
	return llround(json_number_value(json_object_get(o, key)) * 1e6);
}

bool report_anomaly(const struct report *r, size_t i, struct report_anomaly *ret)
{
	const json_t *one = json_array_get(r->index.anomalies, i);
	const char *kind = json_string_value(json_object_get(one, "kind"));
	const char *text = json_string_value(json_object_get(one, "text"));
	*ret = (struct report_anomaly){.kind = kind ? kind : "",
	                               .text = text ? text : "",
	                               .start = time_in(one, "start"),
	                               .end = time_in(one, "end")};
	return one;
}

void report_anomalies_text(const struct report *r, struct buf *out)
{
	const struct report_index *x = &r->index;
	if (!x->packets || !x->anomalies) {
		buf_adds(out, "None were looked for: there is no index of this video.");
		return;
	}
	buf_adds(out, report_count_anomalies(r) ? "Found" : "None were found");
	buf_adds(out, " by the index, not by the model, in the parts that it decoded closely (");
	add_length(out, x->closely);
	buf_adds(out, ").");
}

void report_coverage_text(const struct report *r, const struct report_sums *s, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX];
	if (!s->seen) {
		buf_addf(out,
		         "The model saw no frame between %s and %s: this report says nothing about them.",
		         clock_text(r->from, a), clock_text(r->to, b));
		return;
	}
	buf_addf(out, "The model looked at %s of %s of video", report_plural(s->seen, "frame", a),
	         clock_short(r->to - r->from, b));
	if (s->seen > 1) {
		buf_adds(out, ", one every ");
		add_length(out, s->mean_gap);
		buf_adds(out, " on average");
	}
	buf_adds(out, "; the longest gap between frames is ");
	add_length(out, s->max_gap);
	buf_addf(out, " (%s to %s).", clock_text(s->max_gap_start, b),
	         clock_text(s->max_gap_start + s->max_gap, c));
	if (s->faults)
		buf_addf(out, " %s could not be decoded and %s not looked at.",
		         report_plural(s->faults, "frame", a), s->faults == 1 ? "was" : "were");
	if (s->repeated)
		buf_addf(out, " %s fell on a frame already shown.",
		         report_plural(s->repeated, "sample", a));
}

int64_t report_left_out(const struct report *r)
{
	int64_t sum = 0;
	for (size_t i = 0; i < r->n_left_out; i++)
		sum += r->left_out[i].end - r->left_out[i].start;
	return sum;
}

static void add_stretches(struct buf *out, const struct report_stretch *s, size_t n)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < n && i < STRETCHES_SHOWN; i++)
		buf_addf(out, "%s%s – %s", i ? ", " : "", clock_text(s[i].start, a),
		         clock_text(s[i].end, b));
	if (n > STRETCHES_SHOWN)
		buf_addf(out, " and %zu more", n - STRETCHES_SHOWN);
}

void report_left_out_text(const struct report *r, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	if (!r->n_left_out)
		return;
	buf_adds(out, "Not looked at: ");
	add_stretches(out, r->left_out, r->n_left_out);
	if (r->n_left_out > STRETCHES_SHOWN)
		buf_addf(out, ", in all %s", clock_short(report_left_out(r), t));
	buf_adds(out, ", left out by the given plan");
}

size_t report_count_missed(const struct report *r)
{
	int64_t n = r->plan.bursts - r->plan.bursts_seen;
	return n > (int64_t)r->plan.n_missed ? (size_t)n : r->plan.n_missed;
}

void report_missed_text(const struct report *r, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	size_t missed = report_count_missed(r), listed = r->plan.n_missed;
	if (!missed)
		return;
	if (listed) {
		buf_addf(out, "%s without a frame, which the model did not see: ",
		         report_plural(listed, "burst", n));
		add_stretches(out, r->plan.missed, listed);
	}
	if (missed > listed)
		buf_addf(out,
		         "%s%s of activity without a frame %s not listed: where most of the picture "
		         "changes, it need not be an event",
		         listed ? "; " : "", report_plural(missed - listed, "burst", n),
		         missed - listed == 1 ? "is" : "are");
	buf_adds(out, "; to see more, raise --chunk-frames or shorten --chunk-duration");
}

void report_chunk_note(const struct report_chunk *c, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(out, "%s about this chunk withdrawn since; this text may repeat %s",
	         report_plural(c->withdrawn, "statement", n), c->withdrawn == 1 ? "it" : "them");
}

void report_damaged_text(const struct report_sums *s, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	if (s->damaged)
		buf_addf(out,
		         "%zu of %s that the model saw are damaged: the decoder filled what is missing, "
		         "and what is said of them may be wrong",
		         s->damaged, report_plural(s->pictures, "frame", n));
}

void report_twice_text(const struct report *r, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	if (r->different)
		buf_addf(out,
		         "of %s that two workers did, %" PRId64
		         " had different results: one of the workers "
		         "is faulty; here is what the first of them said",
		         report_plural((size_t)r->twice, "chunk", n), r->different);
	else if (r->twice)
		buf_addf(out, "%s, with the same results", report_plural((size_t)r->twice, "chunk", n));
}

void report_plan_text(const struct report *r, struct buf *out)
{
	const struct report_index *x = &r->index;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (report_is_empty(r->plan.policy))
		return;
	if (!r->plan.given)
		buf_addf(out, "Policy %s: ", r->plan.policy);
	buf_adds(out, report_is_empty(r->plan.text) ? "" : r->plan.text);
	if (!x->packets || r->plan.given)
		return;
	buf_addf(out, " To choose them, the sizes of %s coded frames were read, %s decoded small",
	         report_count(x->packets, a), report_plural((size_t)x->decoded, "picture", b));
	if (x->closely) {
		buf_adds(out, " (");
		add_length(out, x->closely);
		buf_adds(out, " of the video closely)");
	}
	buf_addf(out, ", and %s found.", report_plural((size_t)x->cuts, "cut", a));
}

void report_states_text(const struct report *r, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(out, "%s, in which something only stays as it is",
	         report_plural(r->n_states, "state", n));
}

void report_markdown_line(struct buf *out, const char *s)
{
	AUTO(mem_freep) char *line = report_line(s, 0);
	const char *p = line + strspn(line, " ");
	size_t digits = strspn(p, "0123456789");
	/* text_markdown() escapes what has meaning anywhere; at the beginning of a
	 * line a list marker or a number with a point has one, too. */
	if (*p && strchr("-+=", *p)) {
		buf_adds(out, "\\");
	} else if (digits && (p[digits] == '.' || p[digits] == ')')) {
		buf_add(out, p, digits);
		buf_adds(out, "\\");
		p += digits;
	}
	text_markdown(out, p);
}
