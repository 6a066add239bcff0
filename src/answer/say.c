/* SPDX-License-Identifier: Apache-2.0 */
#include "answer/say.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "report/text.h"

enum { NAME_MAX = 200, REASON_MAX = 300 };

/* Sums of numbers that may be hostile end here, so that those of two of them
 * cannot overflow. */
#define SUM_MOST (INT64_MAX / 4)

static void add_to(int64_t *sum, int64_t n)
{
	*sum = n < 0 ? *sum : n < SUM_MOST - *sum ? *sum + n : SUM_MOST;
}

static void add_size(size_t *sum, size_t n)
{
	*sum = n < (size_t)SUM_MOST - *sum ? *sum + n : (size_t)SUM_MOST;
}

static void add_source(const struct answer_source *s, struct answer_sums *sums, double *frames)
{
	int64_t length = s->to > s->from ? s->to - s->from : 0;

	sums->sources++;
	add_to(&sums->length, length);
	add_to(&sums->examined, s->examined);
	add_to(&sums->lost, s->holes);
	add_size(&sums->windows, s->windows);
	add_size(&sums->frames, s->frames);
	add_size(&sums->holes, s->n_holes);
	if (s->mean_gap > 0)
		*frames += (double)length / (double)s->mean_gap;
	if (s->max_gap > sums->max_gap) {
		sums->max_gap = s->max_gap;
		sums->gap = s;
	}
}

void answer_sum(const struct answer *a, struct answer_sums *ret)
{
	struct answer_sums sums = {0};
	double frames = 0; /* of the general descriptions */
	bool known = true;

	for (size_t i = 0; i < a->n_sources; i++) {
		if (report_is_empty(a->sources[i].job))
			continue;
		add_source(&a->sources[i], &sums, &frames);
		known &= a->sources[i].frames || !a->sources[i].examined;
	}
	if (frames > 0)
		sums.mean_gap = llround((double)sums.length / frames);
	if (!known)
		sums.frames = 0;
	*ret = sums;
}

/* ---- pieces */

const char *answer_time(int64_t us, char out[static CLOCK_TEXT_MAX])
{
	clock_text(us, out);
	if (out[0] == '0' && out[1] != ':')
		memmove(out, out + 1, strlen(out));
	return out;
}

/* "1:44", in hours or in minutes, cut; so a part never looks like the whole of
 * what is longer by a minute. */
static void add_part(struct buf *out, int64_t us, bool hours)
{
	int64_t n = (us > 0 ? us : 0) / CLOCK_SECOND / (hours ? 60 : 1);
	buf_addf(out, "%" PRId64 ":%02" PRId64, n / 60, n % 60);
}

static bool in_hours(const struct answer_sums *s)
{
	return s->length >= 3600 * CLOCK_SECOND;
}

static void add_whole(struct buf *out, int64_t us, const struct answer_sums *s)
{
	add_part(out, us, in_hours(s));
	buf_adds(out, in_hours(s) ? " h" : " min");
}

/* "0:14 of 2:00 h" */
static void add_share(struct buf *out, int64_t us, const struct answer_sums *s)
{
	add_part(out, us < s->length ? us : s->length, in_hours(s));
	buf_adds(out, " of ");
	add_whole(out, s->length, s);
}

void answer_add_length(struct buf *out, int64_t us)
{
	double s = us > 0 ? (double)us / 1e6 : 0;
	if (s < 9.95)
		buf_addf(out, "%.2g s", s);
	else if (s < 119.5)
		buf_addf(out, "%.0f s", s);
	else if (s < 119.5 * 60)
		buf_addf(out, "%.0f min", s / 60);
	else
		buf_addf(out, "%" PRId64 ":%02" PRId64 " h", us / CLOCK_SECOND / 3600,
		         us / CLOCK_SECOND / 60 % 60);
}

/* "900 tokens", "31k tokens", "1.2M tokens" */
static void add_tokens(struct buf *out, int64_t n)
{
	if (n < 1000)
		buf_addf(out, "%" PRId64, n > 0 ? n : 0);
	else if (n < 999500)
		buf_addf(out, "%.*fk", n < 9950 ? 1 : 0, (double)n / 1e3);
	else
		buf_addf(out, "%.1fM", (double)n / 1e6);
	buf_addf(out, " token%s", text_s(n));
}

void answer_add_spent(const struct answer *a, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	buf_addf(out, "%s, ", report_plural((size_t)a->spent.requests, "request", n));
	add_tokens(out, a->spent.prompt_tokens + a->spent.output_tokens);
	buf_adds(out, ", ");
	answer_add_length(out, a->spent.wall);
}

void answer_add_times(const struct answer_cite *c, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	buf_adds(out, answer_time(c->start, t));
	if (c->end > c->start)
		buf_addf(out, " – %s", answer_time(c->end, t));
	/* of a foreign file it could be anything */
	if (c->clock && *c->clock && !c->clock[strspn(c->clock, "0123456789-:+, orAMPUTC")])
		buf_addf(out, " (%s)", c->clock);
}

bool answer_is_quote(const struct answer_cite *c)
{
	return c->sense != SENSE_SEEN && !c->n_frames && !report_is_empty(c->quote);
}

void answer_add_verdict(const struct answer_cite *c, struct buf *out)
{
	if (c->verdict == VERDICT_NONE)
		return;
	if (c->verdict == VERDICT_SHOWN && answer_is_quote(c)) {
		buf_adds(out, "compared with the transcript");
		return;
	}
	buf_addf(out, "%s%s",
	         c->verdict == VERDICT_UNCHECKED ? "" : "checked: ", check_verdict_name(c->verdict));
	/* cut, so that what is not certain does not look so */
	if (c->verdict != VERDICT_UNCHECKED && c->p >= 0 && c->p <= 1)
		buf_addf(out, " (%.2f)", floor(c->p * 100 + 1e-9) / 100);
	if (!report_is_empty(c->reason)) {
		AUTO(mem_freep) char *reason = report_line(c->reason, REASON_MAX);
		buf_addf(out, ": %s", reason);
	}
}

/* ---- coverage */

bool answer_has_text(const struct answer *a)
{
	size_t n = strlen("Not found");
	bool nothing = a->state == ANSWER_NOT_FOUND || a->state == ANSWER_NOT_SEEN;
	if (report_is_empty(a->text))
		return false;
	bool verdict =
		strncasecmp(a->text, "Not found", n) == 0 || strncasecmp(a->text, "Not seen", n - 1) == 0;
	return !(nothing && verdict && strlen(a->text) <= n + 1);
}

/* "a frame every 4.1 s, longest gap 31 s at 0:41:07 of cam1.mp4" */
static void add_density(const struct answer_sums *s, struct buf *out)
{
	char t[CLOCK_TEXT_MAX];
	if (s->mean_gap <= 0)
		return;
	buf_adds(out, "a frame every ");
	answer_add_length(out, s->mean_gap);
	if (!s->gap)
		return;
	buf_adds(out, ", longest gap ");
	answer_add_length(out, s->max_gap);
	answer_time(s->gap->max_gap_at, t);
	t[strcspn(t, ".")] = '\0';
	buf_addf(out, " at %s", t);
	if (s->sources > 1) {
		AUTO(mem_freep) char *name = report_line(s->gap->name, NAME_MAX);
		buf_addf(out, " of %s", name);
	}
}

static void add_holes(const struct answer_sums *s, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	answer_add_length(out, s->lost);
	buf_adds(out, s->lost == CLOCK_SECOND ? " was not seen" : " were not seen");
	if (s->holes)
		buf_addf(out, " (%s)", report_plural(s->holes, "hole", n));
}

static void add_price(const struct answer *a, struct buf *out)
{
	const struct answer_price *p = &a->price;
	char n[CLOCK_TEXT_MAX];
	if (a->thorough || (p->time < 0 && p->tokens < 0 && p->requests < 0))
		return;
	buf_adds(out, " Examining all sampled frames for this question: ");
	if (p->time >= 0)
		answer_add_length(out, p->time);
	if (p->tokens >= 0) {
		buf_adds(out, p->time >= 0 ? ", " : "");
		add_tokens(out, p->tokens);
	}
	if (p->time < 0 && p->tokens < 0)
		buf_adds(out, report_plural((size_t)p->requests, "request", n));
	buf_adds(out, " (--thorough).");
}

/* What was examined for this question, and what is only known in general. */
static void add_not_found(const struct answer *a, const struct answer_sums *s, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	int64_t rest = s->length - s->lost - s->examined;
	AUTO(buf_free) struct buf density = BUF(1 << 12);

	add_density(s, &density);
	buf_adds(out, answer_has_text(a) ? "" : "Not found. ");
	if (s->examined > 0) {
		add_share(out, s->examined, s);
		buf_addf(out, " was examined for this question (%s",
		         report_plural(s->windows, "window", n));
		if (s->frames) {
			buf_adds(out, ", a frame every ");
			answer_add_length(out, s->examined / (int64_t)s->frames);
		}
		buf_adds(out, ").");
	} else {
		buf_adds(out, "Nothing was examined for this question.");
	}
	if (rest > 0) {
		buf_adds(out, s->examined > 0 ? " The rest, " : " All, ");
		add_whole(out, rest, s);
		buf_addf(out,
		         ", is known only by its general description%s%s%s, which need not mention what "
		         "was asked for",
		         density.len ? " (" : "", buf_str(&density), density.len ? ")" : "");
	}
	if (s->lost > 0) {
		buf_adds(out, rest > 0 ? "; " : " ");
		add_holes(s, out);
	}
	buf_adds(out, rest > 0 || s->lost > 0 ? "." : "");
	add_price(a, out);
}

static void add_not_seen(const struct answer *a, const struct answer_sums *s, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	AUTO(buf_free) struct buf density = BUF(1 << 12);

	add_density(s, &density);
	buf_adds(out, answer_has_text(a) ? "All " : "Not seen. All ");
	if (s->frames)
		buf_addf(out, "%s ", report_count((int64_t)s->frames, n));
	buf_adds(out, "sampled frames of ");
	add_whole(out, s->length, s);
	buf_addf(out, " of %s were examined for this question%s%s%s; what happened between two frames ",
	         report_plural(s->sources, "video", n), density.len ? " (" : "", buf_str(&density),
	         density.len ? ")" : "");
	buf_adds(out, "is not known.");
	if (s->lost > 0) {
		buf_adds(out, " ");
		add_holes(s, out);
		buf_adds(out, ".");
	}
}

/* Also what was found says nothing of what no frame shows. */
static void add_looked(const struct answer_sums *s, struct buf *out)
{
	char n[CLOCK_TEXT_MAX];
	AUTO(buf_free) struct buf density = BUF(1 << 12);

	add_density(s, &density);
	buf_adds(out, "Looked at ");
	add_share(out, s->length - s->lost, s);
	buf_addf(out, " of %s", report_plural(s->sources, "video", n));
	if (s->holes)
		buf_addf(out, " (%s)", report_plural(s->holes, "hole", n));
	if (s->windows)
		buf_addf(out, ", %s again in detail", report_plural(s->windows, "window", n));
	if (density.len)
		buf_addf(out, "; %s%s; what happened between two frames is not known",
		         s->windows ? "otherwise " : "", buf_str(&density));
	buf_adds(out, ". ");
}

/* Whether the transcript was searched instead of frames: that is a step of its
 * own. */
static bool is_quoted(const struct answer *a)
{
	for (size_t i = 0; i < a->n_steps; i++)
		if (strcmp(a->steps[i].kind, "search") == 0)
			return true;
	return false;
}

static void add_quoted(const struct answer *a, struct buf *out)
{
	if (a->state == ANSWER_NOT_FOUND && !answer_has_text(a))
		buf_adds(out, "Not found. ");
	buf_adds(out, a->n_cites ? "The quotes were compared with the transcript; no frame was looked "
	                           "at. "
	                         : "The transcript was searched; no frame was looked at. ");
	answer_add_spent(a, out);
	buf_adds(out, ".");
}

void answer_add_coverage(const struct answer *a, struct buf *out)
{
	struct answer_sums s;
	answer_sum(a, &s);

	if (a->state != ANSWER_FAILED && is_quoted(a)) {
		add_quoted(a, out);
		return;
	}
	switch (a->state) {
	case ANSWER_NOT_FOUND: add_not_found(a, &s, out); return;
	case ANSWER_NOT_SEEN: add_not_seen(a, &s, out); return;
	case ANSWER_FAILED: buf_adds(out, "Nothing could be examined. "); break;
	case ANSWER_ANSWERED:
	case ANSWER_PARTLY:
	case ANSWER_STATES: add_looked(&s, out);
	}
	answer_add_spent(a, out);
	buf_adds(out, ".");
}
