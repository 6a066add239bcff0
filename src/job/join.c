/* SPDX-License-Identifier: Apache-2.0 */
#include "job/join.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "job/merge-events.h"
#include "job/prompt.h"
#include "job/statements.h"
#include "report/joins.h"
#include "story/change.h"
#include "story/pairs.h"

enum {
	SHARE = 10,
	PAIRS = 20,      /* of one request; the demo model learned on as many */
	KNOWN_PAIRS = 2, /* of a border, of which the answer is known */
	STAMPS_SIZE = 2 * sizeof "20: [00:00:00 - 00:00:00] : ",
	ANSWER_TOKENS = 300,
	/* A request is about borders between so many chunks, counted from 0, so
	 * that a chunk that is described again changes few requests. */
	BORDERS = SHARE,
};

struct joining {
	struct requests requests;
	struct report *report;
	struct statements statements;
	struct story_part *parts; /* of the statements */
	struct story_pair *pairs;
	size_t n_pairs;
	size_t most_bytes; /* of the pairs of a request */
	atomic_bool open;  /* something was not asked, or not answered at all */
};

/* One request. */
struct batch {
	struct joining *joining;
	size_t first, n; /* of the pairs */
	bool *said;      /* of each: one event; all false where there is no answer */
};

size_t join_limit(size_t chunks)
{
	return chunks > 1 ? (chunks + SHARE - 1) / SHARE : 0;
}

size_t join_pairs_limit(size_t requests, size_t borders)
{
	size_t most = requests * PAIRS, there = borders * (STORY_BORDER_PAIRS + KNOWN_PAIRS);
	return most < there ? most : there;
}

/* ---- the requests */

static char *print_pairs(const struct batch *b)
{
	const struct joining *j = b->joining;
	struct buf text = BUF(PAIRS * 4 * STATEMENT_MAX);
	for (size_t i = 0; i < b->n; i++) {
		const struct story_pair *p = &j->pairs[b->first + i];
		buf_addf(&text, "%zu: ", i + 1);
		statement_print(&j->parts[p->first], &text);
		buf_adds(&text, " | ");
		statement_print(&j->parts[p->second], &text);
		buf_adds(&text, "\n");
	}
	return buf_take(&text);
}

static void request_key(const struct joining *j, const char *pairs, char out[static HASH_HEX])
{
	char prompt[HASH_HEX];
	prompt_join_hash(prompt);
	const char *const texts[] = {prompt, j->report->model, j->report->model_hash, pairs};
	hash_texts(texts, ARRAY_LEN(texts), out);
}

/* Sets what the answer says of each pair. Numbers of no pair are left out; some
 * models write them as text. */
static void read_answer(struct batch *b, const json_t *answer)
{
	size_t i;
	json_t *number;
	json_array_foreach (json_object_get(answer, "same"), i, number) {
		const char *text = json_string_value(number);
		double k = text ? strtod(text, NULL) : json_number_value(number);
		if (k >= 1 && k <= (double)b->n)
			b->said[(size_t)k - 1] = true;
	}
}

static void ask_batch(void *item)
{
	struct batch *b = item;
	struct joining *j = b->joining;
	char key[HASH_HEX];
	struct err err;
	json_auto_t *answer = NULL;
	AUTO(mem_freep) char *pairs = print_pairs(b);
	AUTO(chat_freep) struct chat *chat = chat_new();
	request_key(j, pairs, key);
	prompt_join(chat, pairs, b->n);
	chat_max_tokens(chat, ANSWER_TOKENS);
	int r = requests_object(&j->requests, key, chat, "same", false, &answer, &err);
	if (r == 0) {
		read_answer(b, answer);
		r = story_pairs_judge(&j->pairs[b->first], b->n, b->said, &err);
	}
	if (r < 0) {
		if (r != -ERR_FORMAT)
			atomic_store(&j->open, true);
		memset(b->said, 0, b->n * sizeof *b->said);
		log_info("[job %s] an answer about statements that may be one event is not used: %s",
		         j->report->job, err.msg);
	}
}

static size_t statement_size(const struct story_part *p)
{
	size_t what = strlen(p->what), subject = strlen(p->subject);
	return (what < STATEMENT_MAX ? what : STATEMENT_MAX) +
	       (subject < STATEMENT_MAX ? subject : STATEMENT_MAX);
}

/* How many pairs from the first on are asked for together; at least one. */
static size_t batch_size(const struct joining *j, size_t first)
{
	size_t n = 0, bytes = 0, chunk = j->parts[j->pairs[first].first].chunk;
	for (; first + n < j->n_pairs && n < PAIRS; n++) {
		const struct story_pair *p = &j->pairs[first + n];
		bytes += statement_size(&j->parts[p->first]) + statement_size(&j->parts[p->second]) +
		         STAMPS_SIZE;
		if (n && (bytes > j->most_bytes || j->parts[p->first].chunk / BORDERS != chunk / BORDERS))
			break;
	}
	return n;
}

/* Where the pairs are more than may be asked for, of each border fewer. */
static void choose_pairs(struct joining *j, size_t n)
{
	size_t limit = join_limit(j->report->n_chunks) * PAIRS, borders = 0;
	j->pairs = story_pairs(j->parts, n, STORY_BORDER_PAIRS, &j->n_pairs);
	if (j->n_pairs <= limit)
		return;
	for (size_t i = 0; i < j->n_pairs; i++)
		borders += !i || j->parts[j->pairs[i].first].chunk != j->parts[j->pairs[i - 1].first].chunk;
	size_t each = limit / borders;
	free(j->pairs);
	j->pairs = story_pairs(j->parts, n, each > 3 ? each - 2 : 1, &j->n_pairs);
}

/* Links of what the model said of at most as many requests as are allowed. */
static int ask_for_links(struct joining *j, struct story_link *links, size_t *ret_n,
                         struct err *err)
{
	size_t limit = join_limit(j->report->n_chunks), n = 0, at = 0;
	AUTO(mem_freep) struct batch *batches = mem_alloc(limit + 1, sizeof *batches);
	AUTO(mem_freep) bool *said = mem_alloc(j->n_pairs + 1, sizeof *said);
	for (; at < j->n_pairs && n < limit; at += batches[n++].n)
		batches[n] =
			(struct batch){.joining = j, .first = at, .n = batch_size(j, at), .said = &said[at]};
	if (at < j->n_pairs)
		log_info("[job %s] %zu pairs of statements are joined by rules alone", j->report->job,
		         j->n_pairs - at);
	int r = requests_all(&j->requests, ask_batch, batches, n, sizeof *batches, err);

	*ret_n = 0;
	for (size_t i = 0; i < at; i++)
		if (said[i])
			links[(*ret_n)++] = (struct story_link){j->pairs[i].first, j->pairs[i].second};
	return r;
}

/* ---- the journal */

/* Sets the joins of the job, and whether there is more to be asked for. */
static int keep(const struct run_context *run, struct store_job *job, json_t *joins, bool open,
                bool *ret_changed, struct err *err)
{
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	json_t *before = json_object_get(facts, REPORT_JOINS);
	*ret_changed =
		json_array_size(before) + json_array_size(joins) > 0 && !json_equal(before, joins);
	if (!facts || (before && json_equal(before, joins) && open == report_joins_open(job->facts)))
		return 0;
	json_object_set(facts, REPORT_JOINS, joins);
	json_object_set_new(facts, REPORT_JOINS_OPEN, json_boolean(open));
	store_job_set_facts(job, facts);
	return store_job_extend(run->store, job, NULL, 0, err);
}

/* Whether this version began with it. */
static bool is_wanted(const struct store_job *job)
{
	json_auto_t *facts = json_loads(job->facts, 0, NULL);
	return !*job->summary || json_object_get(facts, REPORT_JOINS);
}

/* Those that are withdrawn, too: what is asked does not depend on checks. */
static void collect(struct joining *j, const char *key)
{
	AUTO(mem_freep) size_t *numbers = report_chunk_numbers(j->report);
	statements_collect(j->report, key, &j->statements);
	size_t n = j->statements.video.n;
	j->parts = mem_alloc(n, sizeof *j->parts);
	for (size_t i = 0; i < n; i++) {
		j->parts[i] = j->statements.items[i].part;
		j->parts[i].chunk = numbers[j->parts[i].chunk];
	}
	choose_pairs(j, n);
}

/* Joins what is to be joined. Of requests that failed nothing is joined that
 * was not known before. */
static int ask_about_pairs(struct joining *j, json_t **ret_joins, struct err *err)
{
	size_t n = 0;
	int r = 0;
	*ret_joins = NULL;
	AUTO(mem_freep) struct story_link *links = mem_alloc(j->n_pairs, sizeof *links);
	if (j->n_pairs) {
		progress_phase(j->requests.run->progress, PHASE_JOINING, "");
		r = ask_for_links(j, links, &n, err);
	}
	if (r < 0)
		return r;
	if (atomic_load(&j->open))
		log_warning("[job %s] some statements are joined by rules alone; the same command asks "
		            "again: %s",
		            j->report->job, j->requests.stopped.msg);
	*ret_joins = report_joins_pack(j->statements.parts, links, n);
	return 0;
}

int join_run(const struct run_context *run, const struct join_options *o, struct store_job *job,
             bool *ret_changed, struct err *err)
{
	struct joining j = {.most_bytes = merge_events_bytes(run)};
	struct reply_job answers = {run->store, job->id};
	const struct reply_journal journal = reply_journal_of(&answers);
	json_auto_t *joins = NULL;
	*ret_changed = false;
	if (!o->fresh && !is_wanted(job))
		return 0;
	int r = report_load_text(run->store, job->id, REPORT_NORMAL, &j.report, err);
	if (r < 0)
		return r;

	requests_init(&j.requests, run, &journal);
	if (o->deadline && clock_now() > o->deadline)
		err_set(&j.requests.stopped, ERR_TIMEOUT, "the job's time limit (job.timeout) was reached");
	collect(&j, job->key);
	r = ask_about_pairs(&j, &joins, err);
	if (r == 0)
		r = keep(run, job, joins, atomic_load(&j.open), ret_changed, err);
	requests_clear(&j.requests);
	statements_clear(&j.statements);
	report_free(j.report);
	free(j.parts);
	free(j.pairs);
	return r;
}
