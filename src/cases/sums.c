/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted over a case, and what it lacks. */
#include "cases/data.h"
#include "report/text.h"

bool case_is_partial(const struct case_video *v)
{
	return *v->job && (v->from > 0 || v->to < v->duration);
}

static void sum_limits(const struct case_video *v, struct case_sums *ret)
{
	ret->analyzed_time += v->to - v->from;
	if (case_is_partial(v)) {
		ret->partial++;
		ret->partial_time += v->to - v->from;
		ret->whole_of += v->duration;
	}
	ret->left_out += v->n_left_out;
	for (size_t i = 0; i < v->n_left_out; i++)
		ret->left_out_time += v->left_out[i].end - v->left_out[i].start;
}

void case_sum(const struct case_report *r, struct case_sums *ret)
{
	*ret = (struct case_sums){0};
	for (size_t i = 0; i < r->n_videos; i++) {
		const struct case_video *v = &r->videos[i];
		ret->analyzed += *v->job != '\0';
		ret->failed_again += *v->job && *v->fault;
		ret->complete += v->complete;
		ret->missing += v->missing;
		ret->replaced += v->replaced;
		ret->other_options += v->other_options;
		ret->events += v->n_events;
		ret->states += v->n_states;
		ret->holes += v->n_holes;
		ret->withdrawn += v->n_withdrawn;
		ret->anomalies += v->n_anomalies;
		ret->warned += *v->warning != '\0';
		ret->same += v->n_same;
		ret->duration += v->duration;
		ret->described += v->described;
		ret->lost += v->lost;
		sum_limits(v, ret);
	}
}

size_t case_counts(const struct case_report *r, const struct case_sums *s,
                   struct case_count out[static CASE_COUNTS_MAX])
{
	const struct case_count all[] = {
		{"Events", "event", s->events},
		{"Holes", "hole", s->holes},
		{"Statements withdrawn", "withdrawal", s->withdrawn},
		{"Anomalies", NULL, s->anomalies},
		{"Files with warnings", NULL, s->warned},
		{"Failed files", "failed file", r->faults.n},
		{"Skipped files", "skipped file", r->skipped.n},
		{"Other files", "other file", r->n_others},
		{"Links not followed", "ignored link", r->n_links},
	};
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].n || i < 2)
			out[n++] = all[i];
	return n;
}

void case_count_text(const struct case_count *c, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	if (c->one)
		buf_adds(out, report_plural(c->n, c->one, n));
	else
		buf_addf(out, "%s: %s", c->title, report_count((int64_t)c->n, n));
}

size_t case_lacks(const struct case_report *r, const struct case_sums *s,
                  struct case_lack out[static CASE_LACKS_MAX])
{
	bool empty = !r->n_videos && !r->faults.n && !r->skipped.n;
	const struct case_lack all[] = {
		{empty, NULL, "no videos", "videos"},
		{s->holes, "hole", "", "holes"},
		{r->n_videos - s->analyzed, "video", " not analyzed", "videos"},
		{s->failed_again, "video", " failed, with an earlier result", "videos"},
		{r->faults.n, "file", " failed", "faults"},
		{r->skipped.n, "file", " skipped", "skipped"},
		{s->left_out, "part", " left out by a given plan", "videos"},
	};
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].n)
			out[n++] = all[i];
	return n;
}

void case_lacks_text(const struct case_report *r, struct buf *out)
{
	struct case_sums sums;
	struct case_lack lacks[CASE_LACKS_MAX];
	char n[CLOCK_TEXT_MAX];
	case_sum(r, &sums);
	size_t all = case_lacks(r, &sums, lacks);
	for (size_t i = 0; i < all; i++)
		buf_addf(out, "%s%s%s", i ? ", " : "",
		         lacks[i].one ? report_plural(lacks[i].n, lacks[i].one, n) : "", lacks[i].what);
}

void case_limits_text(const struct case_sums *s, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], n[CLOCK_TEXT_MAX];
	if (s->other_options)
		buf_addf(out, "%s: the result is of an earlier run, with other options or another model.%s",
		         report_plural(s->other_options, "video", n), s->partial ? " " : "");
	if (s->partial)
		buf_addf(out, "Of %s only %s of %s was analyzed.", report_plural(s->partial, "video", n),
		         clock_short(s->partial_time, a), clock_short(s->whole_of, b));
}

void case_video_limits_text(const struct case_video *v, struct buf *out)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX], d[CLOCK_TEXT_MAX];
	if (v->other_options)
		buf_addf(out, "its result is of an earlier run, with other options or another model%s",
		         case_is_partial(v) || *v->left_out_text ? "; " : "");
	if (case_is_partial(v))
		buf_addf(out, "only %s of %s was analyzed: %s to %s%s", clock_short(v->to - v->from, a),
		         clock_short(v->duration, b), clock_text(v->from, c), clock_text(v->to, d),
		         *v->left_out_text ? "; " : "");
	buf_adds(out, v->left_out_text);
}
