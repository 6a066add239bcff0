/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cases/names.h"
#include "config.h"
#include "report/checks.h"
#include "report/folder.h"
#include "report/text.h"

const char *case_title(const char *name)
{
	const char *base = *name == '/' ? file_base(name) : name;
	return *base ? base : "root";
}

static void add_url(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~/", *s))
			buf_add(out, s, 1);
		else
			buf_addf(out, "%%%02X", (unsigned char)*s);
	}
}

char *case_link(const char *from, const char *to)
{
	struct buf out = BUF(1 << 20);
	size_t same = 0, i = 0;
	for (; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			same = i + 1;
	if (!from[i] && to[i] == '/')
		same = i + 1;
	const char *up = from + (same <= strlen(from) ? same : strlen(from));
	while (*up) {
		size_t n = strcspn(up, "/");
		if (n)
			buf_adds(&out, "../");
		up += n + (up[n] == '/');
	}
	add_url(&out, to + same);
	return buf_take(&out);
}

/* ---- one video */

/* Takes the text. */
static struct case_event take_event(struct report *r, struct report_event *e)
{
	const struct report_sample *s = report_evidence(r, &e->parts[0], 0);
	const char *verdict = report_event_verdict(e);
	return (struct case_event){
		.start = e->start,
		.end = e->end,
		.subject = mem_strdup(report_subject(e)),
		.what = TAKE(e->what),
		.name = mem_strdup(e->subject ? e->subject->name : ""),
		.number = e->subject ? e->subject->number : 0,
		.chunk = e->parts[0].chunk,
		.sample = e->parts[0].n_samples ? e->parts[0].samples[0] : 0,
		.pts = s ? s->pts : e->start,
		.verdict = verdict,
		.says = e->parts[0].check.verdict == VERDICT_WITHDRAWN
	                ? report_check_says(&e->parts[0].check)
	                : "",
	};
}

static void take_events(struct case_video *v, struct report *r)
{
	v->events = mem_alloc(r->n_events, sizeof *v->events);
	for (size_t i = 0; i < r->n_events; i++)
		v->events[v->n_events++] = take_event(r, &r->events[i]);
	v->withdrawn = mem_alloc(r->n_withdrawn, sizeof *v->withdrawn);
	for (size_t i = 0; i < r->n_withdrawn; i++)
		v->withdrawn[v->n_withdrawn++] = take_event(r, &r->withdrawn[i]);
	v->n_states = r->n_states;
}

/* What is wrong with the recording. */
static void take_faults(struct case_video *v, struct report *r)
{
	struct report_anomaly a;
	v->anomalies = mem_alloc(report_count_anomalies(r), sizeof *v->anomalies);
	while (report_anomaly(r, v->n_anomalies, &a))
		v->anomalies[v->n_anomalies++] =
			(struct case_anomaly){mem_strdup(a.kind), mem_strdup(a.text), a.start, a.end};
	free(v->warning);
	v->warning = TAKE(r->source_warning);
}

static void take_holes(struct case_video *v, struct report *r)
{
	for (size_t i = 0; i < r->n_chunks; i++) {
		struct report_chunk *c = &r->chunks[i];
		if (c->state != CHUNK_HOLE)
			continue;
		v->holes = mem_grow(v->holes, v->n_holes + 1, sizeof *v->holes);
		v->holes[v->n_holes++] = (struct case_hole){c->start, c->end, i, TAKE(c->reason)};
	}
}

static void take_limits(struct case_video *v, struct report *r)
{
	struct buf text = BUF(1 << 20);
	v->from = r->from;
	v->to = r->to;
	v->left_out = TAKE(r->left_out);
	v->n_left_out = r->n_left_out;
	report_left_out_text(&(struct report){.left_out = v->left_out, .n_left_out = v->n_left_out},
	                     &text);
	free(v->left_out_text);
	v->left_out_text = buf_take(&text);
}

/* Where its own report is, for the page. */
static int find_link(struct store *s, struct case_video *v, const char *dir, struct err *err)
{
	AUTO(store_job_clear) struct store_job job = {0};
	int r = store_job_find(s, v->job, &job, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *report = report_folder_find(job.output, job.id);
	AUTO(mem_freep) char *from = realpath(dir, NULL);
	AUTO(mem_freep) char *to = report ? realpath(report, NULL) : NULL;
	if (!from || !to)
		return 0;
	AUTO(mem_freep) char *page = file_join(to, "report.html");
	free(v->link);
	v->link = case_link(from, to);
	v->page = file_exists(page);
	return 0;
}

static int load_run(struct store *s, const char *job, const char *dir, struct case_report *c,
                    struct case_video *v, struct err *err)
{
	struct report_sums sums;
	AUTO(report_freep) struct report *r = NULL;
	int e = report_load_text(s, job, REPORT_NORMAL, &r, err);
	if (e < 0)
		return e == -ERR_NOENT ? 0 : e; /* it was removed */
	report_sum(r, &sums);
	free(v->job);
	free(v->summary);
	v->job = mem_strdup(r->job);
	v->complete = r->complete && !*v->fault;
	v->described = sums.described;
	v->lost = sums.lost;
	take_limits(v, r);
	v->summary = TAKE(r->summary);
	v->summary_by_model = r->summary_by_model;
	v->sentences = TAKE(r->sentences.whole.sentences);
	v->n_sentences = r->sentences.whole.n;
	r->sentences.whole.n = 0;
	c->demo_model |= r->demo_model;
	take_events(v, r);
	take_faults(v, r);
	take_holes(v, r);
	return dir ? find_link(s, v, dir, err) : 0;
}

/* ---- the members, by their content */

struct entry {
	const struct store_member *row;
	const char *name; /* that differs from those of other files */
	bool missing, replaced;
};

/* Those of one content follow each other, the one that gives the name first. */
static int by_content(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->row->source, y->row->source);
	if (c == 0 && x->row->stream != y->row->stream)
		c = x->row->stream < y->row->stream ? -1 : 1;
	if (c == 0 && x->missing != y->missing)
		c = x->missing ? 1 : -1;
	if (c == 0 && x->replaced != y->replaced)
		c = x->replaced ? 1 : -1;
	if (c == 0)
		c = strcmp(x->name, y->name);
	return c ? c : strcmp(x->row->path, y->row->path);
}

static bool is_same(const struct entry *a, const struct entry *b)
{
	return *a->row->source && strcmp(a->row->source, b->row->source) == 0 &&
	       a->row->stream == b->row->stream;
}

static int add_video(struct store *s, const struct case_place *at, const struct entry *e, size_t n,
                     struct case_report *c, struct err *err)
{
	const struct store_member *row = e->row;
	struct case_video *v = &c->videos[c->n_videos++];
	*v = (struct case_video){.name = mem_strdup(e->name),
	                         .label = member_label(row, e->name),
	                         .missing = e->missing,
	                         .replaced = e->replaced,
	                         .other_options =
	                             at->settings && settings_differ(at->settings, row->settings),
	                         .same = mem_alloc(n, sizeof *v->same),
	                         .sha256 = mem_strdup(row->source),
	                         .stream = row->stream,
	                         .job = mem_strdup(""),
	                         .link = mem_strdup(""),
	                         .fault = text_line(row->fault, 1000),
	                         .start = row->start,
	                         .clock = row->clock,
	                         .duration = row->duration,
	                         .left_out_text = mem_strdup(""),
	                         .warning = mem_strdup(""),
	                         .summary = mem_strdup("")};
	for (size_t i = 1; i < n; i++)
		v->same[v->n_same++] =
			(struct case_name){mem_strdup(e[i].name), e[i].missing, e[i].replaced};
	return *row->job ? load_run(s, row->job, at->dir, c, v, err) : 0;
}

static int by_start(const void *a, const void *b)
{
	const struct case_video *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	int c = strcmp(x->name, y->name);
	return c ? c : (x->stream > y->stream) - (x->stream < y->stream);
}

/* ---- all events */

struct keyed {
	int64_t time;
	struct case_moment at;
};

static int by_time(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->at.video != y->at.video)
		return x->at.video < y->at.video ? -1 : 1;
	return x->at.event < y->at.event ? -1 : x->at.event > y->at.event;
}

static void sort_events(struct case_report *c)
{
	size_t n = 0, all = 0;
	for (size_t i = 0; i < c->n_videos; i++)
		all += c->videos[i].n_events;
	AUTO(mem_freep) struct keyed *keyed = mem_alloc(all + 1, sizeof *keyed);
	for (size_t i = 0; i < c->n_videos; i++)
		for (size_t k = 0; k < c->videos[i].n_events; k++)
			keyed[n++] =
				(struct keyed){case_time(&c->videos[i], c->videos[i].events[k].start), {i, k}};
	qsort(keyed, n, sizeof *keyed, by_time);
	c->moments = mem_alloc(n + 1, sizeof *c->moments);
	for (size_t i = 0; i < n; i++)
		c->moments[i] = keyed[i].at;
	c->n_moments = n;
}

static int by_file(const void *a, const void *b)
{
	const struct case_file *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static void keep_first(struct case_files *f, size_t most)
{
	if (f->n)
		qsort(f->items, f->n, sizeof *f->items, by_file);
	while (f->n > most) {
		free(f->items[--f->n].name);
		free(f->items[f->n].reason);
	}
}

/* No one knows what was in a failed file that is gone. */
static void add_fault(struct case_report *c, const char *name, const char *why, bool missing)
{
	AUTO(mem_freep) char *text = mem_printf("%s; missing now", why);
	case_files_add(&c->faults, name, missing ? text : why);
}

/* The name of each member, none twice; ends in NULL. */
static char **make_names(const struct members *m)
{
	char **names = mem_alloc(m->n + 1, sizeof *names);
	AUTO(mem_freep) struct named *named = mem_alloc(m->n, sizeof *named);
	for (size_t i = 0; i < m->n; i++) {
		names[i] = mem_strdup(m->items[i].row.name);
		named[i] = (struct named){member_path(&m->items[i].row), &names[i]};
	}
	names_differ(named, m->n);
	return names;
}

static void names_freep(char ***names)
{
	for (char **at = *names; at && *at; at++)
		free(*at);
	free(*names);
}

int case_report_load(const struct members *m, const struct case_place *at, struct case_report **ret,
                     struct err *err)
{
	AUTO(case_report_freep) struct case_report *c = mem_alloc(1, sizeof *c);
	AUTO(mem_freep) struct entry *entries = mem_alloc(m->n + 1, sizeof *entries);
	AUTO(names_freep) char **names = make_names(m);
	size_t n = 0;
	int r = 0;
	*c = (struct case_report){.id = mem_strdup(m->case_id),
	                          .title = text_line(case_title(at->name), 1000),
	                          .vdet_version = mem_strdup(VDET_VERSION),
	                          .created = clock_wall(),
	                          .videos = mem_alloc(m->n, sizeof *c->videos),
	                          .summary = mem_strdup(""),
	                          .summary_fallback = mem_strdup("")};
	for (size_t i = 0; i < m->n; i++) {
		const struct store_member *row = &m->items[i].row;
		bool replaced = member_is_replaced(row);
		bool missing = replaced || (!m->items[i].seen && !file_exists(row->path));
		AUTO(mem_freep) char *why = text_line(row->fault, 1000);
		if (row->kind == STORE_MEMBER_VIDEO)
			entries[n++] = (struct entry){row, names[i], missing, replaced};
		else if (row->kind == STORE_MEMBER_FAULT)
			add_fault(c, names[i], why, missing);
		else if (!missing)
			case_files_add(&c->others, names[i], why);
	}
	c->n_others = c->others.n;
	keep_first(&c->others, CASE_OTHERS_NAMED);
	keep_first(&c->faults, SIZE_MAX);

	qsort(entries, n, sizeof *entries, by_content);
	for (size_t i = 0, k; r == 0 && i < n; i = k) {
		for (k = i + 1; k < n && !at->each && is_same(&entries[i], &entries[k]);)
			k++;
		r = add_video(m->store, at, &entries[i], k - i, c, err);
	}
	if (r < 0)
		return r;
	if (c->n_videos)
		qsort(c->videos, c->n_videos, sizeof *c->videos, by_start);
	sort_events(c);
	*ret = TAKE(c);
	return 0;
}
