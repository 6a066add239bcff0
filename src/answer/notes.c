/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader has to know beside the answer. */
#include <inttypes.h>
#include <string.h>

#include "answer/say.h"
#include "report/text.h"

enum { LISTED = 10, NAME_MAX = 200, REASON_MAX = 300, REASONS_MAX = 3 };

struct notes {
	const struct answer *a;
	answer_note_fn *fn;
	void *ctx;
};

/* Adds foreign text in one line. */
static void add_line(struct buf *out, const char *s, size_t max)
{
	AUTO(mem_freep) char *line = report_line(s, max);
	buf_adds(out, line);
}

static void note(const struct notes *n, enum answer_note kind, const char *title,
                 const struct buf *text)
{
	if (text->len)
		n->fn(n->ctx, kind, title, buf_str(text));
}

static void note_text(const struct notes *n, enum answer_note kind, const char *title,
                      const char *s)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	add_line(&b, s, 0);
	note(n, kind, title, &b);
}

/* "3 of 10 citations are unsure" */
static void add_count(struct buf *out, size_t n, size_t all, const char *what)
{
	char m[CLOCK_TEXT_MAX];
	if (!n)
		return;
	if (out->len)
		buf_addf(out, ", %zu %s %s", n, n == 1 ? "is" : "are", what);
	else
		buf_addf(out, "%zu of %s %s %s", n, report_plural(all, "citation", m),
		         n == 1 ? "is" : "are", what);
}

static void note_verdicts(const struct notes *n)
{
	AUTO(buf_free) struct buf b = BUF(1 << 12);
	size_t counts[VERDICT_WITHDRAWN + 1] = {0};
	const char *reason = NULL;

	for (size_t i = 0; i < n->a->n_cites; i++) {
		const struct answer_cite *c = &n->a->cites[i];
		if (c->verdict <= VERDICT_WITHDRAWN)
			counts[c->verdict]++;
		if (c->verdict == VERDICT_UNCHECKED && !reason && !report_is_empty(c->reason))
			reason = c->reason;
	}
	add_count(&b, counts[VERDICT_UNCHECKED], n->a->n_cites, "unchecked");
	if (reason) {
		buf_adds(&b, " (");
		add_line(&b, reason, REASON_MAX);
		buf_adds(&b, ")");
	}
	add_count(&b, counts[VERDICT_UNSURE], n->a->n_cites, "unsure");
	add_count(&b, counts[VERDICT_WITHDRAWN], n->a->n_cites, "contradicted by the check");
	if (b.len)
		buf_adds(&b, ".");
	note(n, NOTE_WARN, "Warning:", &b);
}

/* Each reason once. */
static void note_dropped(const struct notes *n)
{
	AUTO(buf_free) struct buf b = BUF(1 << 12);
	const struct answer_dropped *d = n->a->dropped;
	size_t shown = 0;
	char m[CLOCK_TEXT_MAX];

	if (n->a->n_dropped)
		buf_adds(&b, report_plural(n->a->n_dropped, "claim", m));
	for (size_t i = 0; i < n->a->n_dropped && shown < REASONS_MAX; i++) {
		bool before = report_is_empty(d[i].reason);
		for (size_t k = 0; k < i && !before; k++)
			before = !report_is_empty(d[k].reason) && strcmp(d[k].reason, d[i].reason) == 0;
		if (before)
			continue;
		buf_adds(&b, shown++ ? "; " : ": ");
		add_line(&b, d[i].reason, REASON_MAX);
	}
	note(n, NOTE_PLAIN, "Dropped:", &b);
}

/* ---- videos */

static void add_name(struct buf *out, size_t i, const char *name)
{
	if (i >= LISTED)
		return;
	buf_adds(out, i ? ", " : "");
	add_line(out, name, NAME_MAX);
}

static void add_more(struct buf *out, size_t n)
{
	if (n > LISTED)
		buf_addf(out, " and %zu more", n - LISTED);
}

static void note_unread(const struct notes *n)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	size_t k = 0;
	for (size_t i = 0; i < n->a->n_unread; i++)
		add_name(&b, k++, n->a->unread[i]);
	for (size_t i = 0; i < n->a->n_sources; i++)
		if (report_is_empty(n->a->sources[i].job))
			add_name(&b, k++, n->a->sources[i].name);
	add_more(&b, k);
	note(n, NOTE_BAD, "Not analyzed, so this answer says nothing of it:", &b);
}

static void note_unseen(const struct notes *n)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	size_t k = 0;
	for (size_t i = 0; i < n->a->n_sources; i++) {
		const struct answer_source *s = &n->a->sources[i];
		if (report_is_empty(s->unseen))
			continue;
		add_name(&b, k, s->name);
		if (k++ >= LISTED)
			continue;
		buf_adds(&b, " (");
		add_line(&b, s->unseen, REASON_MAX);
		buf_adds(&b, ")");
	}
	add_more(&b, k);
	note(n, NOTE_BAD, "Could not be examined for this question:", &b);
}

static void note_deleted(const struct notes *n)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	size_t k = 0;
	for (size_t i = 0; i < n->a->n_sources; i++)
		if (n->a->sources[i].deleted)
			add_name(&b, k++, n->a->sources[i].name);
	add_more(&b, k);
	note(n, NOTE_WARN, "Deleted since this answer was made:", &b);
}

/* Which analysis was asked, of videos that have several. */
static void note_jobs(const struct notes *n)
{
	AUTO(buf_free) struct buf b = BUF(1 << 16);
	size_t k = 0;
	for (size_t i = 0; i < n->a->n_sources; i++) {
		const struct answer_source *s = &n->a->sources[i];
		if (s->n_jobs < 2 || report_is_empty(s->job))
			continue;
		add_name(&b, k, s->name);
		if (k++ >= LISTED)
			continue;
		buf_adds(&b, " by job ");
		add_line(&b, s->job, NAME_MAX);
		if (s->job_rank <= 1)
			buf_addf(&b, " (the newest of %zu)", s->n_jobs);
		else
			buf_addf(&b, " (number %zu of %zu, from the newest)", s->job_rank, s->n_jobs);
	}
	add_more(&b, k);
	note(n, NOTE_PLAIN, "Analyzed more than once:", &b);
}

void answer_each_note(const struct answer *a, answer_note_fn *fn, void *ctx)
{
	const struct notes n = {a, fn, ctx};

	if (a->demo_model)
		note_text(&n, NOTE_WARN, "Made with the demo model.",
		          "It understands only vdet's own drawn scenes; its answers about any other video "
		          "are meaningless.");
	if (a->state == ANSWER_PARTLY)
		note_text(&n, NOTE_BAD, "Not complete:", "only some of what was asked is answered.");
	note_text(&n, NOTE_PLAIN, "Choice:", a->choice);
	note_verdicts(&n);
	note_dropped(&n);
	note_unseen(&n);
	note_unread(&n);
	note_deleted(&n);
	note_jobs(&n);
	note_text(&n, NOTE_PLAIN, "Asked again:", a->changed);
}

/* ---- what made it */

static void row(answer_row_fn *fn, void *ctx, const char *name, const char *value)
{
	AUTO(mem_freep) char *line = report_line(value, 0);
	if (*line)
		fn(ctx, name, line);
}

void answer_each_row(const struct answer *a, answer_row_fn *fn, void *ctx)
{
	char t[CLOCK_TEXT_MAX], u[CLOCK_TEXT_MAX];
	AUTO(buf_free) struct buf decode = BUF(1 << 10), wall = BUF(1 << 10);

	clock_iso(a->created, t);
	AUTO(mem_freep) char *when = mem_printf("%.10s, %.8s UTC", t, *t ? t + 11 : "");
	answer_add_length(&decode, a->spent.decode_time);
	answer_add_length(&wall, a->spent.wall);

	row(fn, ctx, "Answered", a->created >= 0 ? when : "");
	row(fn, ctx, "Id", a->id);
	row(fn, ctx, "Follows", a->thread);
	row(fn, ctx, "Kind of question", answer_kind_name(a->kind));
	row(fn, ctx, "Every sampled frame examined", a->thorough ? "asked for" : "not asked for");
	row(fn, ctx, "Model", a->model);
	row(fn, ctx, "SHA-256 of the model", a->model_hash);
	row(fn, ctx, "Engine", a->engine);
	row(fn, ctx, "SHA-256 of the prompts", a->prompt_hash);
	row(fn, ctx, "Requests", report_count(a->spent.requests, t));
	AUTO(mem_freep)
	char *tokens = mem_printf("%s of prompts, %s written", report_count(a->spent.prompt_tokens, t),
	                          report_count(a->spent.output_tokens, u));
	row(fn, ctx, "Tokens", tokens);
	row(fn, ctx, "Time to decode frames", buf_str(&decode));
	row(fn, ctx, "Time to answer", buf_str(&wall));
	row(fn, ctx, "Version of vdet", a->vdet_version);
}
