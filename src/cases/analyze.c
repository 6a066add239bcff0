/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "cases/cases.h"
#include "cases/done.h"
#include "cases/examine.h"
#include "cases/folder.h"
#include "cases/load.h"
#include "cases/summary.h"
#include "job/entry.h"

struct run {
	const struct case_options *o;
	const struct analyze *a;
	struct walk walk;
	struct store_case record;
	struct members members;
	int lock;
	char *out;                /* folder of all reports, absolute */
	struct settings settings; /* of the analyses of this run */
	struct case_files skipped;
	size_t videos, before, failed;
};

static void run_clear(struct run *c)
{
	walk_clear(&c->walk);
	members_clear(&c->members);
	store_case_clear(&c->record);
	case_files_clear(&c->skipped);
	fd_closep(&c->lock);
	free(c->out);
}

static void report_failure(struct run *c, const char *name, const struct err *why)
{
	struct err named = *why;
	err_wrap(&named, "%s", name);
	c->failed++;
	c->o->on_file(c->o->ctx, name, NULL, &named);
}

static void skip(struct run *c, struct member *m, const char *name, const char *reason)
{
	log_warning("%s: %s; skipped, the next run takes it", name, reason);
	case_files_add(&c->skipped, name, reason);
	if (m)
		m->skipped = true;
}

/* ---- which files, and where the reports go */

static int gather(struct run *c, struct err *err)
{
	size_t folders = 0;
	for (size_t i = 0; i < c->o->n; i++)
		folders += file_is_dir(c->o->paths[i]);
	progress_phase(c->a->progress, PHASE_OPENING, "");
	for (size_t i = 0; i < c->o->n; i++) {
		int r = walk_add(&c->walk, c->o->paths[i], c->a->options->full_path, folders > 1,
		                 c->a->cancel, err);
		if (r < 0)
			return r;
	}
	walk_end(&c->walk);
	return 0;
}

/* The real path of a folder that may not exist yet: that of the nearest one
 * above it that does. */
static char *real_folder(const char *path)
{
	AUTO(mem_freep) char *at = mem_strdup(path);
	for (;;) {
		char *real = realpath(at, NULL), *slash = strrchr(at, '/');
		if (real || !slash)
			return real;
		slash[slash == at] = '\0';
		if (slash == at && !strcmp(at, "/"))
			return realpath(at, NULL);
	}
}

static int choose_output(struct run *c, struct err *err)
{
	const char *dir = c->a->reports_dir ? c->a->reports_dir : "";
	AUTO(mem_freep) char *cwd = getcwd(NULL, 0);
	if (!cwd)
		return err_sys(err, errno, "cannot find the current folder");
	c->out = *dir == '/' ? mem_strdup(dir) : *dir ? file_join(cwd, dir) : TAKE(cwd);
	return 0;
}

/* Nothing is written below a folder of the case, also one of another run. */
static int check_roots(struct run *c, struct err *err)
{
	AUTO(mem_freep) char *real = real_folder(c->out), *root = NULL;
	for (size_t i = 0; real && !root && i < c->walk.n_roots; i++)
		if (strcmp(real, c->walk.roots[i]) == 0 || file_is_below(real, c->walk.roots[i]))
			root = mem_strdup(c->walk.roots[i]);
	int r = real && !root ? store_case_root_above(c->a->store, c->record.id, real, &root, err) : 0;
	if (r < 0 && r != -ERR_NOENT)
		return r;
	if (root)
		return err_set(err, ERR_ARG,
		               "the reports would be written below %s, where nothing is written; name "
		               "another folder with --output",
		               root);
	for (size_t i = 0; i < c->walk.n_roots; i++) {
		r = store_case_root_add(c->a->store, c->record.id, c->walk.roots[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The record of the case, locked: two processes never work on one case. */
static int open_case(struct run *c, struct err *err)
{
	char sha256[HASH_HEX];
	const char *name = c->o->name ? c->o->name : c->walk.n_roots ? c->walk.roots[0] : "";
	if (!*name)
		return err_set(err, ERR_ARG, "a case without a folder needs a name");
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, name, strlen(name));
	hash_end(h, sha256);
	AUTO(mem_freep) char *id = mem_printf("%.12s", sha256);
	AUTO(mem_freep) char *lock = mem_printf("case-%s", id);
	int r = entry_lock(c->a->locks_dir, lock, &c->lock, err);
	if (r == -ERR_BUSY)
		return err_set(err, ERR_BUSY, "another process works on the case %s", name);
	if (r == 0)
		r = store_case_open(c->a->store, id, name, &c->record, err);
	return r < 0 ? r : members_load(&c->members, c->a->store, c->record.id, err);
}

/* ---- what they are */

static int examine(struct run *c, const struct walk_file *f, struct err *err)
{
	enum examine_result found;
	struct err why;
	if (cancel_fired(c->a->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	int r = examine_file(&c->members, f, c->a, &found, &why, err);
	if (r < 0)
		return r;
	if (found == EXAMINE_FRESH)
		skip(c, NULL, f->name, "it changed less than 10 s ago");
	else if (found == EXAMINE_FAILED)
		report_failure(c, f->name, &why);
	for (size_t i = 0; i < c->members.n; i++)
		if (found != EXAMINE_DONE && strcmp(c->members.items[i].row.path, f->path) == 0)
			c->members.items[i].skipped = true;
	return 0;
}

static int examine_all(struct run *c, struct err *err)
{
	for (size_t i = 0; i < c->walk.n_faults; i++) {
		const struct walk_fault *f = &c->walk.faults[i];
		struct err why;
		err_set(&why, f->code, "%s", f->reason);
		report_failure(c, f->name, &why);
	}
	int r = 0;
	for (size_t i = 0; i < c->walk.n && r == 0; i++)
		r = examine(c, &c->walk.files[i], err);
	if (r == 0 && c->o->forget_missing)
		r = members_forget_lost(&c->members, err);
	return r;
}

/* ---- analyze */

static void note_engine(void *ctx, const char *what)
{
	progress_phase(ctx, PHASE_ENGINE, what);
}

/* Which model answers is known once the engine runs. Where it does not, nothing
 * is taken for done, and each analysis fails with the reason. */
static int find_settings_before(struct run *c, struct err *err)
{
	bool any = false;
	struct err ignored;
	for (size_t i = 0; i < c->members.n; i++) {
		const struct member *m = &c->members.items[i];
		any |= (m->seen || m->new_content) && *m->row.job;
	}
	if (!any || engine_start(c->a->engine, note_engine, c->a->progress, &ignored) < 0)
		return cancel_fired(c->a->cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
	return settings_find(&c->settings, c->a, err);
}

static bool is_complete(const struct run *c, const struct member *m)
{
	return done_before(&c->settings, c->a, c->out, &m->row);
}

/* Another member with the same content that needs no analysis any more. */
static const struct member *find_twin(const struct run *c, const struct member *m)
{
	for (size_t i = 0; i < c->members.n; i++) {
		const struct member *o = &c->members.items[i];
		if (o != m && !o->gone && o->row.kind == STORE_MEMBER_VIDEO &&
		    o->row.stream == m->row.stream && strcmp(o->row.source, m->row.source) == 0 &&
		    (o->taken || is_complete(c, o)))
			return o;
	}
	return NULL;
}

/* The result of an analysis, for the member. */
static int note_result(struct run *c, struct member *m, const struct analyze_result *result,
                       struct err *why, struct err *err)
{
	if (why)
		walk_hide_path(why, m->row.path);
	member_set(&m->row.fault, why ? why->msg : "");
	int r = 0;
	if (result) {
		r = settings_find(&c->settings, c->a, err);
		m->before = result->outcome == ANALYZE_COMPLETE && result->resumed == result->chunks;
		member_set(&m->row.job, result->job);
		/* What was not checked is tried again: the member is not done. */
		member_set(&m->row.settings, result->unchecked ? "" : c->settings.text);
	}
	AUTO(mem_freep) char *label = member_label(&m->row, m->row.name);
	m->taken = true;
	if (why)
		report_failure(c, label, why);
	else
		c->o->on_file(c->o->ctx, label, result, NULL);
	return r < 0 ? r : members_save(&c->members, m, err);
}

static int analyze_member(struct run *c, struct member *m, struct err *err)
{
	AUTO(analyze_result_clear) struct analyze_result result = {0};
	struct analyze_options options = *c->a->options;
	struct analyze one = *c->a;
	struct err why;
	options.media_stream = m->row.stream;
	one.options = &options;
	one.sha256 = m->row.source;
	one.reports_dir = c->out;
	int r = analyze_file(&one, m->row.path, &result, &why);
	if (r == -ERR_CANCELED) {
		*err = why;
		return r;
	}
	return note_result(c, m, r == 0 ? &result : NULL, r == 0 ? NULL : &why, err);
}

static int copy_twin(struct run *c, struct member *m, const struct member *twin, struct err *err)
{
	member_set(&m->row.job, twin->row.job);
	member_set(&m->row.settings, twin->row.settings);
	member_set(&m->row.fault, twin->row.fault);
	m->taken = true;
	return members_save(&c->members, m, err);
}

static int note_before(struct run *c, struct member *m, struct err *err)
{
	m->taken = m->before = true;
	if (!*m->row.fault)
		return 0;
	member_set(&m->row.fault, "");
	return members_save(&c->members, m, err);
}

static int take(struct run *c, struct member *m, size_t number, size_t total, struct err *err)
{
	struct err why;
	bool same;
	if (*m->row.source && is_complete(c, m))
		return note_before(c, m, err);
	AUTO(mem_freep) char *label = member_label(&m->row, m->row.name);
	progress_video(c->a->progress, number, total, label);
	int r = examine_hash(m, c->a, &same, &why);
	if (r == -ERR_CANCELED) {
		*err = why;
		return r;
	}
	if (r < 0)
		return note_result(c, m, NULL, &why, err);
	if (!same) {
		skip(c, m, label, "it changed while it was read");
		return 0;
	}
	r = members_save(&c->members, m, err); /* a hash takes time, too */
	if (r == 0)
		r = members_restore(&c->members, m, err);
	if (r < 0)
		return r;
	if (is_complete(c, m))
		return note_before(c, m, err);
	const struct member *twin = find_twin(c, m);
	return twin ? copy_twin(c, m, twin, err) : analyze_member(c, m, err);
}

static int by_name(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;
	int c = strcmp(x->row.name, y->row.name);
	return c ? c : (x->row.stream > y->row.stream) - (x->row.stream < y->row.stream);
}

/* The videos of this run, each content once, and those that were done before;
 * also where only the report had to be written. */
static void count(struct run *c, struct member *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct store_member *row = &all[i]->row;
		bool is_first = true, before = all[i]->before;
		for (size_t k = 0; k < n && *row->source; k++) {
			const struct store_member *other = &all[k]->row;
			bool same = other->stream == row->stream && strcmp(other->source, row->source) == 0;
			is_first &= !same || k >= i;
			before |= same && all[k]->before;
		}
		c->videos += is_first;
		c->before += is_first && before;
	}
}

static int analyze_all(struct run *c, struct err *err)
{
	size_t n = 0;
	AUTO(mem_freep) struct member **todo = mem_alloc(c->members.n + 1, sizeof(struct member *));
	for (size_t i = 0; i < c->members.n; i++) {
		struct member *m = &c->members.items[i];
		if (m->seen && !m->skipped && m->row.kind == STORE_MEMBER_VIDEO)
			todo[n++] = m;
	}
	qsort(todo, n, sizeof *todo, by_name);
	int r = find_settings_before(c, err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = take(c, todo[i], i + 1, n, err);
	progress_video(c->a->progress, 0, 0, NULL);
	members_sweep(&c->members);
	count(c, todo, n);
	return r;
}

/* ---- the report */

static int write_report(struct run *c, struct case_report *r, const char *dir, struct err *err)
{
	for (size_t i = 0; i < c->walk.n_faults; i++)
		case_files_add(&r->faults, c->walk.faults[i].name, c->walk.faults[i].reason);
	for (size_t i = 0; i < c->skipped.n; i++)
		case_files_add(&r->skipped, c->skipped.items[i].name, c->skipped.items[i].reason);
	r->n_links = c->walk.links;
	const struct run_context context = {.engine = c->a->engine,
	                                    .store = c->a->store,
	                                    .memory = c->a->memory,
	                                    .progress = c->a->progress,
	                                    .cancel = c->a->cancel};
	progress_phase(c->a->progress, PHASE_SUMMARY, "");
	const struct merge_options merge = {.prompt = c->a->options->prompt,
	                                    .language = c->a->options->language};
	struct case_answers kept = {c->a->store, r};
	const struct reply_journal answers = case_answers_of(&kept);
	int e = case_summarize(&context, &merge, &answers, r, err);
	progress_phase(c->a->progress, PHASE_REPORT, "");
	if (e == 0)
		e = case_folder_write(r, dir, c->a->options->format, err);
	return e < 0 ? e : store_case_set_output(c->a->store, c->record.id, dir, err);
}

static void say_what_changed(const struct run *c)
{
	for (size_t i = 0; i < c->members.n; i++)
		if (c->members.items[i].new_content)
			log_warning("%s has another content than before; what was found in the earlier one "
			            "stays in the case, as replaced",
			            c->members.items[i].row.name);
}

static int finish(struct run *c, struct case_result *ret, struct err *err)
{
	AUTO(case_report_freep) struct case_report *r = NULL;
	AUTO(mem_freep) char *dir = NULL;
	AUTO(buf_free) struct buf lacks = BUF(1 << 12);
	size_t videos = c->walk.n_faults + c->skipped.n, lost = 0;
	for (size_t i = 0; i < c->members.n; i++) {
		videos += c->members.items[i].row.kind != STORE_MEMBER_OTHER;
		lost += members_are_lost(&c->members, &c->members.items[i]);
	}
	int e =
		videos ? case_folder_take(c->out, case_title(c->record.name), c->record.id, &dir, err) : 0;
	if (e == 0)
		e = case_report_load(&c->members,
		                     &(struct case_place){.name = c->record.name,
		                                          .dir = dir ? dir : "",
		                                          .settings = &c->settings},
		                     &r, err);
	if (e == 0 && dir)
		e = write_report(c, r, dir, err);
	if (e < 0)
		return e;
	case_lacks_text(r, &lacks);
	*ret = (struct case_result){.id = mem_strdup(c->record.id),
	                            .dir = TAKE(dir),
	                            .videos = r->n_videos,
	                            .now = c->videos,
	                            .before = c->before,
	                            .failed = c->failed,
	                            .skipped = c->skipped.n,
	                            .others = r->n_others,
	                            .lost = lost,
	                            .lacks = mem_strdup(buf_str(&lacks))};
	say_what_changed(c);
	if (c->walk.links)
		log_warning("links that were not followed: %zu", c->walk.links);
	const struct progress_event event = {.type = PROGRESS_CASE,
	                                     .cases = {.id = ret->id,
	                                               .dir = ret->dir,
	                                               .videos = ret->videos,
	                                               .before = ret->before,
	                                               .failed = ret->failed,
	                                               .skipped = ret->skipped,
	                                               .complete = !*ret->lacks}};
	if (ret->dir)
		progress_emit(c->a->progress, &event);
	return 0;
}

/* A plan has the length of one video. */
static int check_plan(const struct case_options *o, struct err *err)
{
	if (!*o->analyze->options->plan_file || (o->n == 1 && !file_is_dir(o->paths[0])))
		return 0;
	return err_set(err, ERR_ARG,
	               "--plan is the plan of one video, so it cannot be used for %s; name that video "
	               "alone, with --case to have it in a case",
	               o->n == 1 ? "a folder" : "several files");
}

int case_analyze(const struct case_options *o, struct case_result *ret, struct err *err)
{
	AUTO(run_clear) struct run c = {.o = o, .a = o->analyze, .lock = -1};
	int r = check_plan(o, err);
	if (r == 0)
		r = gather(&c, err);
	if (r == 0)
		r = choose_output(&c, err);
	if (r == 0)
		r = open_case(&c, err);
	if (r == 0)
		r = check_roots(&c, err);
	if (r == 0)
		r = examine_all(&c, err);
	if (r == 0)
		r = analyze_all(&c, err);
	return r < 0 ? r : finish(&c, ret, err);
}

void case_result_clear(struct case_result *r)
{
	free(r->id);
	free(r->dir);
	free(r->lacks);
	*r = (struct case_result){0};
}
