/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/ask.h"

#include <stdlib.h>
#include <string.h>

#include "ask/absent.h"
#include "ask/asking.h"
#include "ask/choose.h"
#include "ask/compose.h"
#include "ask/conclude.h"
#include "ask/evidence.h"
#include "ask/limit.h"
#include "ask/parts.h"
#include "ask/prompt.h"
#include "ask/sight.h"
#include "ask/rounds.h"
#include "ask/said.h"
#include "report/clocks.h"
#include "ask/scan.h"
#include "ask/sources.h"
#include "ask/verify.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/embed.h"
#include "job/check.h"
#include "job/progress.h"
#include "job/step-options.h"
#include "store/ask.h"

/* Raised when questions are read or answered by other rules than before. */
enum { RULES = 4 };
enum { ID_LENGTH = 12, ROUTE_TOKENS = 400, BEFORE_MAX = 4000, GROUP_FRAMES = 16 };

void ask_videos_free(struct ask_video *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++) {
		free(v[i].job);
		free(v[i].path);
		free(v[i].address);
	}
	free(v);
}

/* ---- opening */

static void asking_close(struct asking *a)
{
	requests_clear(&a->requests);
	limit_free(a->limit);
	sources_close(a);
	for (size_t i = 0; i < a->n_findings; i++)
		finding_clear(&a->findings[i]);
	free(a->findings);
	for (size_t i = 0; i < a->n_steps; i++) {
		free(a->steps[i].kind);
		free(a->steps[i].text);
		free(a->steps[i].request);
		free(a->steps[i].result);
	}
	free(a->steps);
	route_clear(&a->route);
	progress_free(a->quiet);
	free(a->model);
	free(a->no_vectors);
	free(a->asked);
	free(a->before);
	free(a->disbelief);
	free(a->fault);
	pthread_mutex_destroy(&a->lock);
}

int ask_check_question(const char *question, struct err *err)
{
	if (!question[strspn(question, " \t\n")])
		return err_set(err, ERR_ARG, "ask a question");
	if (strlen(question) > ASK_QUESTION_MAX || !text_is_utf8(question))
		return err_set(err, ERR_ARG, "a question is UTF-8 text of at most %d bytes",
		               ASK_QUESTION_MAX);
	return 0;
}

static int check_request(const struct ask_request *q, struct err *err)
{
	int r = ask_check_question(q->question, err);
	if (r < 0)
		return r;
	if (!q->n_videos)
		return err_set(err, ERR_ARG, "none of these videos is analyzed; analyze them first");
	if (q->to && q->from >= q->to)
		return err_set(err, ERR_ARG, "the part that is asked about ends before it begins");
	if (q->n_choices > ASK_CHOICES_MAX)
		return err_set(err, ERR_ARG, "give %d choices at most", ASK_CHOICES_MAX);
	if (q->n_videos > ASK_VIDEOS_MAX)
		return err_set(err, ERR_ARG, "ask about %d videos at most", ASK_VIDEOS_MAX);
	return 0;
}

static void open_asking(struct asking *a, const struct ask_context *c, const struct ask_request *q)
{
	const struct engine_info *info = engine_info(c->engine);
	*a = (struct asking){.context = c,
	                     .request = q,
	                     .quiet = progress_new(NULL, NULL),
	                     .describe = analyze_describe(c->options),
	                     .demo = info->demo_model,
	                     .before = mem_strdup(""),
	                     .asked = route_without_times(q->question),
	                     .salt = "",
	                     .by_clock = -1,
	                     .began = clock_now(),
	                     .letter_tokens = 1};
	a->run = (struct run_context){.engine = c->engine,
	                              .store = c->store,
	                              .memory = c->memory,
	                              .progress = a->quiet,
	                              .runner = c->runner,
	                              .cancel = c->cancel};
	a->describe.thumb_size = 0;
	a->describe.keyframes = false;
	sources_range(a);
	size_t limit = engine_most_images(c->engine);
	a->most = a->demo ? LOOK_FRAMES_MIN : GROUP_FRAMES;
	if (limit && limit < a->most)
		a->most = limit;
	a->deadline = q->budget_time ? a->began + q->budget_time : 0;
	a->limit = a->deadline ? limit_new(c->cancel, a->deadline) : NULL;
	a->limited = a->run;
	if (a->limit)
		a->limited.cancel = limit_cancel(a->limit);
	a->tokens_most = q->budget_tokens ? q->budget_tokens : q->thorough ? 0 : ASK_TOKENS;
	pthread_mutex_init(&a->lock, NULL);
	prompt_ask_hash(a->prompts);
}

/* The model is part of the key of a question. Which one an endpoint has is
 * known only once it was asked. */
static int find_model(struct asking *a, struct err *err)
{
	int r = *engine_info(a->run.engine)->model ? 0 : engine_start(a->run.engine, NULL, NULL, err);
	if (r < 0)
		return err_add(err, "`vdet ask --show ID` prints an earlier answer"), r;
	a->model = check_model_name(engine_info(a->run.engine));
	return 0;
}

/* ---- the journal */

/* SHA-256 of everything that the answer depends on; `scope`: of its videos. */
static void make_key(const struct asking *a, const char *scope, int64_t again,
                     char out[static HASH_HEX])
{
	const struct ask_request *q = a->request;
	AUTO(hash_freep) struct hash *h = hash_new();
	AUTO(mem_freep)
	char *how = mem_printf("%d %d %lld %lld %lld %lld %lld %lld", RULES, q->thorough,
	                       (long long)q->budget_time, (long long)q->budget_tokens,
	                       (long long)a->describe.frame_size, (long long)again, (long long)a->from,
	                       (long long)a->to);
	const char *const parts[] = {q->question, scope,      q->thread, q->language,
	                             how,         a->prompts, a->model};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		hash_adds(h, parts[i]);
	for (size_t i = 0; i < q->n_choices; i++)
		hash_adds(h, q->choices[i]);
	for (size_t i = 0; i < q->n_unread; i++)
		hash_adds(h, q->unread[i]);
	if (*engine_embed_name(a->run.engine))
		hash_adds(h, engine_embed_name(a->run.engine));
	hash_end(h, out);
}

/* The row with this key, which is added if it is new. */
static int open_key(struct asking *a, const char *asked, const char *scope, int64_t again,
                    struct store_ask *ret, struct err *err)
{
	char key[HASH_HEX], id[ID_LENGTH + 1];
	make_key(a, scope, again, key);
	snprintf(id, sizeof id, "%.*s", ID_LENGTH, key);
	const struct store_ask row = {.id = id,
	                              .key = key,
	                              .asked = (char *)asked,
	                              .question = (char *)a->request->question,
	                              .scope = (char *)scope};
	store_ask_clear(ret);
	return store_ask_open(a->run.store, &row, ret, err);
}

/* Opens the row of this question. To ask again is to open one that is not
 * finished, so that an interrupted one is continued. *ret_changed: why it is
 * asked again although it was answered before; "" = it was not. */
static int open_row(struct asking *a, struct store_ask *ret, char **ret_changed, struct err *err)
{
	char asked[HASH_HEX];
	int64_t n;
	bool forced = a->request->again;
	AUTO(mem_freep) char *scope = sources_scope(a, false), *same = sources_scope(a, true);
	AUTO(store_ask_clear) struct store_ask last = {0};
	make_key(a, same, 0, asked);
	int known = store_ask_last(a->run.store, asked, &last, &n, err);
	if (known < 0 && known != -ERR_NOENT)
		return known;
	int r = open_key(a, asked, scope, forced ? n : 0, ret, err);
	while (r == 0 && forced && *ret->answer)
		r = open_key(a, asked, scope, ++n, ret, err);
	bool again = r == 0 && known == 0 && strcmp(last.key, ret->key) != 0 && !*ret->answer;
	*ret_changed =
		mem_strdup(!again   ? ""
	               : forced ? "it was asked again on request"
	                        : "what is known of these videos changed since the last answer");
	return r;
}

static int find_reply(void *ctx, const char *request, char **ret, struct err *err)
{
	const struct asking *a = ctx;
	return store_ask_reply_find(a->run.store, a->id, request, ret, err);
}

static int add_reply(void *ctx, const char *request, const char *text, struct err *err)
{
	const struct asking *a = ctx;
	return store_ask_reply_add(a->run.store, a->id, request, text, err);
}

/* ---- what is asked */

/* The question and the answer that this one follows. */
static int load_thread(struct asking *a, struct err *err)
{
	AUTO(answer_freep) struct answer *last = NULL;
	AUTO(mem_freep) char *json = NULL;
	if (!*a->request->thread)
		return 0;
	int r = ask_load(a->run.store, a->request->thread, &last, &json, err);
	if (r < 0)
		return err_wrap(err, "cannot follow the answer %.40s", a->request->thread);
	AUTO(mem_freep) char *text = mem_printf("Q: %s\nA: %s", last->question, last->text);
	free(a->before);
	a->before = text_line(text, BEFORE_MAX);
	return 0;
}

static bool route_by_model(struct asking *a)
{
	AUTO(chat_freep) struct chat *chat = chat_new();
	json_auto_t *reply = NULL;
	char key[HASH_HEX];
	struct err err;
	const char *const parts[] = {"route", a->request->question, a->before, a->prompts, a->model};
	hash_texts(parts, ARRAY_LEN(parts), key);
	prompt_route(chat, a->asked, a->before);
	chat_max_tokens(chat, ROUTE_TOKENS);
	int r = asking_request(a, key, chat, "queries", &reply, &err);
	if (r == 0)
		r = route_read(reply, a->asked, *a->before, &a->route, &err);
	if (r < 0) {
		log_info("[answer %s] the question is searched by its words: %s", a->id, err.msg);
		asking_step(a, "route", a->request->question, key, NULL);
		return false;
	}
	AUTO(mem_freep) char *text = json_dumps(reply, JSON_COMPACT | JSON_SORT_KEYS);
	AUTO(mem_freep)
	char *step =
		mem_printf("%s (%s; statement: %s)", a->route.question, answer_kind_name(a->route.kind),
	               *a->route.statement ? a->route.statement : "none");
	asking_step(a, "route", step, key, text);
	return true;
}

static int start(struct asking *a, struct err *err)
{
	asking_tell(a, &(struct ask_progress){.step = "starting", .video = ""});
	int r = engine_start(a->run.engine, NULL, NULL, err);
	if (r == 0)
		r = load_thread(a, err);
	if (r < 0)
		return r;
	if (!route_by_model(a))
		route_by_rules(a->asked, &a->route);
	/* Words for what was not heard or read yet are still words. */
	return cancel_fired(a->run.cancel) ? err_set(err, ERR_CANCELED, "interrupted") : 0;
}

/* ---- what is found */

/* A sentence of a summary, with the first frame of each event that it is
 * about. */
static void find_sentence(struct asking *a, size_t source, const struct story_sentence *s)
{
	const struct report *r = a->sources[source].report;
	struct ask_finding f = {.source = source, .p = -1, .enough = true};
	for (size_t i = 0; i < s->n_entries && f.n < FINDING_FRAMES; i++) {
		const struct report_part *p = &r->events[s->entries[i]].parts[0];
		int64_t pts = r->chunks[p->chunk].samples[p->samples[0]].pts;
		if (pts >= a->from && pts <= a->to && (!f.n || pts > f.frames[f.n - 1]))
			f.frames[f.n++] = pts;
	}
	if (!f.n)
		return;
	f.text = mem_strdup(s->text);
	asking_add(a, &f);
}

static void find_section(struct asking *a, size_t source, const struct story_section *s)
{
	for (size_t i = 0; i < s->n; i++)
		find_sentence(a, source, &s->sentences[i]);
}

static int find_summaries(struct asking *a, struct err *err)
{
	for (size_t i = 0; i < a->n_sources; i++) {
		const struct story_summary *s = &a->sources[i].report->sentences;
		find_section(a, i, &s->whole);
		for (size_t k = 0; k < s->n_sections && !s->whole.n; k++)
			find_section(a, i, &s->sections[k]);
	}
	return verify_run(a, err);
}

static bool has_shown(const struct asking *a)
{
	for (size_t i = 0; i < a->n_findings; i++)
		if (asking_is_sure(a->findings[i].verdict))
			return true;
	return false;
}

/* Descriptions need not mention that someone speaks, or what is written. */
static bool is_overlooked(const struct asking *a)
{
	for (size_t i = 0; i < a->n_sources; i++)
		if (a->sources[i].n_looked)
			return false;
	return a->about != SENSE_SEEN;
}

static int find(struct asking *a, struct err *err)
{
	const struct ask_request *q = a->request;
	bool scans = route_scans(a->route.kind);
	int r = 0;
	a->looks_only = a->ability == CHECK_UNABLE;
	r = said_decide(a, err);
	if (r < 0 || a->quoted != SENSE_SEEN)
		return r;
	if (a->route.kind == ASK_SUMMARY)
		r = find_summaries(a, err);
	else if (a->route.parts[0])
		r = parts_find(a, err);
	else if (!scans || a->route.kind == ASK_IS)
		r = rounds_run(a, err);
	bool wanted =
		!a->route.parts[0] && (q->thorough || is_overlooked(a) ||
	                           (scans && (route_wants_all(a->route.kind) || !has_shown(a))));
	if (r == 0 && wanted)
		r = rounds_mark(a, err);
	if (r < 0 || !wanted)
		return r;
	scan_run(a, q->thorough);
	return verify_run(a, err);
}

/* ---- the answer */

/* The time of day of each citation, where the video has a clock. */
static void add_clocks(const struct asking *a, struct answer *to)
{
	char text[WALLCLOCK_TEXT_MAX];
	for (size_t i = 0; i < to->n_cites; i++) {
		struct answer_cite *c = &to->cites[i];
		free(c->clock);
		c->clock = mem_strdup(report_clock_at(a->sources[c->source].report, c->start, text));
	}
}

static int make_answer(struct asking *a, const char *changed, struct answer **ret, struct err *err)
{
	AUTO(answer_freep) struct answer *answer = mem_alloc(1, sizeof *answer);
	bool partly;
	int r = 0;
	if (a->quoted != SENSE_SEEN)
		r = said_claims(a, answer, &partly, err);
	else if (a->route.kind == ASK_NOT)
		absent_claims(a, answer, &partly);
	else
		r = compose_run(a, answer, &partly, err);
	if (r == 0)
		r = evidence_collect(a, answer, err);
	if (r < 0)
		return r;
	add_clocks(a, answer);
	conclude(a, answer, partly);
	choose_run(a, answer);
	conclude_record(a, answer);
	answer->changed = mem_strdup(changed);
	*ret = TAKE(answer);
	return 0;
}

/* Where the reports of its videos are; of what was deleted, nowhere. */
static int find_reports(struct store *s, struct answer *answer, struct err *err)
{
	for (size_t i = 0; i < answer->n_sources; i++) {
		AUTO(store_job_clear) struct store_job job = {0};
		struct answer_source *source = &answer->sources[i];
		int r = *source->job ? store_job_find(s, source->job, &job, err) : -ERR_NOENT;
		if (r < 0 && r != -ERR_NOENT)
			return r;
		source->deleted = r < 0;
		free(source->report);
		source->report = mem_strdup(r < 0 ? "" : job.output);
	}
	return 0;
}

static int finish(struct asking *a, const struct answer *answer, char **ret_json, struct err *err)
{
	json_auto_t *json = answer_json(answer);
	AUTO(mem_freep) char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	size_t most = 0, n = 0;
	for (size_t i = 0; i < answer->n_cites; i++)
		most += answer->cites[i].n_frames;
	AUTO(mem_freep) struct store_ask_picture *pictures = mem_alloc(most + 1, sizeof *pictures);
	for (size_t i = 0; i < answer->n_cites; i++)
		for (size_t k = 0; k < answer->cites[i].n_frames; k++)
			if (answer->cites[i].frames[k].jpeg)
				pictures[n++] = (struct store_ask_picture){
					.cite = i,
					.index = k,
					.source = answer->sources[answer->cites[i].source].sha256,
					.jpeg = answer->cites[i].frames[k].jpeg,
					.len = answer->cites[i].frames[k].jpeg_len};
	AUTO(store_ask_clear) struct store_ask row = {0};
	int r = store_ask_finish(a->run.store, a->id, text, pictures, n, err);
	if (r == 0) /* it was signed */
		r = store_ask_find(a->run.store, a->id, &row, err);
	if (r == 0)
		*ret_json = TAKE(row.answer);
	return r;
}

static int find_answer(struct asking *a, const char *changed, struct answer **ret, char **ret_json,
                       struct err *err)
{
	AUTO(answer_freep) struct answer *answer = NULL;
	int r = start(a, err);
	if (r == 0)
		r = verify_ability(a, err);
	if (r == 0)
		r = find(a, err);
	if (r == 0)
		r = make_answer(a, changed, &answer, err);
	/* The engine cannot be used now: the same call continues from the
	 * journal. */
	if (r == 0 && a->stopped.code) {
		*err = a->stopped;
		err_add(err, "what was asked is kept, and the same question continues");
		r = -(int)err->code;
	}
	if (r == 0) {
		r = finish(a, answer, ret_json, err);
		if (r == -ERR_NOENT) /* another process was faster */
			return ask_load(a->run.store, a->id, ret, ret_json, err);
	}
	if (r == 0)
		r = find_reports(a->run.store, answer, err);
	if (r == 0)
		*ret = TAKE(answer);
	return r;
}

int ask_run(const struct ask_context *c, const struct ask_request *q, struct answer **ret,
            char **ret_json, struct err *err)
{
	AUTO(mem_freep) char *changed = NULL;
	AUTO(store_ask_clear) struct store_ask row = {0};
	int r = check_request(q, err);
	if (r < 0)
		return r;
	AUTO(asking_close) struct asking a;
	open_asking(&a, c, q);
	a.journal = (struct reply_journal){.find = find_reply, .add = add_reply, .ctx = &a};
	requests_init(&a.requests, &a.limited, &a.journal);
	r = find_model(&a, err);
	if (r == 0)
		r = sources_open(&a, a.most, err);
	if (r == 0)
		r = open_row(&a, &row, &changed, err);
	if (r < 0)
		return r;
	a.id = row.id;
	a.salt = q->again ? row.id : "";
	return *row.answer ? ask_load(c->store, row.id, ret, ret_json, err)
	                   : find_answer(&a, changed, ret, ret_json, err);
}

/* ---- a single look */

void ask_seen_clear(struct ask_seen *s)
{
	free(s->shown);
	free(s->frames);
	free(s->text);
	*s = (struct ask_seen){0};
}

static void take_sight(struct sight *s, struct ask_seen *ret)
{
	*ret = (struct ask_seen){.shown = TAKE(s->pts),
	                         .n_shown = s->n,
	                         .frames = mem_alloc(s->n_frames + 1, sizeof *ret->frames),
	                         .text = TAKE(s->answer)};
	for (size_t i = 0; i < s->n_frames; i++)
		ret->frames[ret->n_frames++] = ret->shown[s->frames[i]];
}

static int look_at(struct asking *a, const struct ask_look *look, struct ask_seen *ret,
                   struct err *err)
{
	AUTO(sight_clear) struct sight sight = {0};
	int64_t times[ASK_LOOK_FRAMES];
	const struct ask_source *s = &a->sources[0];
	size_t n = rounds_times(look->start, look->end, look->frames, times);
	if (!s->visible)
		return err_set(err, ERR_NOENT, "the video cannot be examined: %s", s->unseen);
	AUTO(sources_leave) struct ask_file file = {.fd = -1};
	int r = sources_file(a, 0, &file, err);
	if (r < 0)
		return r;
	struct describe_worker w = {.run = &a->run, .options = &file.describe, .fd = file.fd};
	r = sight_look(a, &w, 0, times, n, a->request->question, &sight, err);
	describe_close(&w);
	if (r == 0)
		take_sight(&sight, ret);
	return r;
}

int ask_look_at(const struct ask_context *c, const struct ask_video *video,
                const struct ask_look *look, const char *question, struct ask_seen *ret,
                struct err *err)
{
	const struct ask_request q = {.question = question, .videos = video, .n_videos = 1};
	int r = check_request(&q, err);
	if (r == 0 && (look->frames < 1 || look->frames > ASK_LOOK_FRAMES || look->end < look->start))
		r = err_set(err, ERR_ARG, "look at 1 to %d frames of a range", ASK_LOOK_FRAMES);
	if (r == 0)
		r = engine_start(c->engine, NULL, NULL, err);
	if (r < 0)
		return r;
	AUTO(asking_close) struct asking a;
	open_asking(&a, c, &q);
	a.id = "-";
	a.run.runner = NULL; /* two of the same may be made at the same time */
	requests_init(&a.requests, &a.limited, &a.journal);
	r = find_model(&a, err);
	if (r == 0)
		r = sources_open(&a, a.most, err);
	return r < 0 ? r : look_at(&a, look, ret, err);
}

/* ---- answers of the journal */

static void take_picture(void *ctx, const struct store_ask_picture *p)
{
	struct answer *a = ctx;
	if (p->cite >= a->n_cites || p->index >= a->cites[p->cite].n_frames)
		return;
	struct answer_frame *f = &a->cites[p->cite].frames[p->index];
	free(f->jpeg);
	f->jpeg = mem_alloc(p->len, 1);
	memcpy(f->jpeg, p->jpeg, p->len);
	f->jpeg_len = p->len;
}

int ask_load(struct store *s, const char *id, struct answer **ret, char **ret_json, struct err *err)
{
	AUTO(store_ask_clear) struct store_ask row = {0};
	AUTO(answer_freep) struct answer *answer = NULL;
	int r = store_ask_find(s, id, &row, err);
	if (r < 0)
		return r;
	if (!*row.answer)
		return err_set(err, ERR_BUSY, "this question is not answered yet");
	json_auto_t *json = json_loads(row.answer, 0, NULL);
	r = json ? answer_read(json, &answer, err)
	         : err_set(err, ERR_FORMAT, "the answer %s in the journal is damaged", row.id);
	if (r == 0)
		r = store_ask_pictures(s, row.id, take_picture, answer, err);
	if (r == 0)
		r = find_reports(s, answer, err);
	if (r < 0)
		return r;
	*ret = TAKE(answer);
	*ret_json = TAKE(row.answer);
	return 0;
}
