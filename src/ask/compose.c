/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/compose.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask/evidence.h"
#include "ask/prompt.h"
#include "ask/scan.h"
#include "ask/verify.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

enum {
	FINDINGS_MOST = 40, /* in a request */
	FINDINGS_DEMO = 6,  /* the demo model cites wrong numbers of longer lists */
	CLAIMS_MOST = 8,
	LISTED_MOST = 12, /* times in one sentence */
	CITES_MOST = 64,
	TEXT_MAX = 1 << 16,
	CLAIM_BYTES = 600,
	COMPOSE_TOKENS = 1200,
};

/* What may be cited: findings that no check contradicts, in order of source and
 * time. */
struct composing {
	struct asking *a;
	struct answer *to;
	const struct ask_finding **items;
	size_t n;
	char **times;  /* of each, for people */
	size_t *marks; /* number of its cite, from 1; 0 = it is not cited yet */
	char *fault;   /* of the last reply; NULL = none */
};

static void composing_clear(struct composing *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->times[i]);
	free(c->times);
	free(c->items);
	free(c->marks);
	free(c->fault);
}

/* ---- the answer's lists */

static size_t add_cite(struct composing *c, size_t finding)
{
	const struct ask_finding *f = c->items[finding];
	if (c->marks[finding])
		return c->marks[finding] - 1;
	const struct answer_cite cite = {.sense = SENSE_SEEN,
	                                 .source = f->source,
	                                 .start = f->frames[0],
	                                 .end = f->frames[f->n - 1],
	                                 .frames = mem_alloc(f->n, sizeof *cite.frames),
	                                 .n_frames = f->n,
	                                 .quote = mem_strdup(""),
	                                 .quote_source = mem_strdup(""),
	                                 .text = verify_text(c->a, f->text),
	                                 .verdict = f->verdict,
	                                 .p = f->p,
	                                 .reason = mem_strdup(f->reason ? f->reason : "")};
	for (size_t i = 0; i < f->n; i++)
		cite.frames[i] = evidence_frame(f->frames[i], f->sha256[i]);
	size_t index = answer_add_cite(c->to, &cite);
	c->marks[finding] = index + 1;
	return index;
}

static void add_dropped(struct answer *to, const char *text, const char *reason)
{
	to->dropped = mem_grow(to->dropped, to->n_dropped + 1, sizeof *to->dropped);
	to->dropped[to->n_dropped++] =
		(struct answer_dropped){.text = mem_strdup(text), .reason = mem_strdup(reason)};
}

/* The time of a finding, with the name of its video where there are several. */
static char *time_of(const struct asking *a, const struct ask_finding *f)
{
	char t[CLOCK_TEXT_MAX];
	clock_short(f->frames[0], t);
	if (a->n_sources == 1)
		return mem_strdup(t);
	AUTO(mem_freep) char *name = text_line(a->sources[f->source].report->source_name, 80);
	return mem_printf("%s of %s", t, name);
}

static void drop_finding(struct composing *c, const struct ask_finding *f, const char *reason)
{
	AUTO(mem_freep) char *text = verify_text(c->a, f->text), *time = time_of(c->a, f);
	AUTO(mem_freep) char *at = mem_printf("%s (%s)", text, time);
	add_dropped(c->to, at, reason);
}

/* Sentences follow each other with a space. */
static void add_text(struct answer *to, const char *sentence)
{
	char *before = to->text;
	to->text = before && *before ? mem_printf("%s %s", before, sentence) : mem_strdup(sentence);
	free(before);
}

static enum check_verdict best_verdict(const struct composing *c, const size_t *findings, size_t n)
{
	enum check_verdict best = VERDICT_UNCHECKED;
	for (size_t i = 0; i < n; i++) {
		enum check_verdict v = c->items[findings[i]]->verdict;
		if (v == VERDICT_SHOWN || (v == VERDICT_UNSURE && best == VERDICT_UNCHECKED))
			best = v;
	}
	return best;
}

/* ---- the model's sentences */

static const char *skip_digits(const char *s)
{
	while (isdigit((unsigned char)*s))
		s++;
	return s;
}

static bool is_cited(size_t finding, const size_t *cites, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cites[i] == finding)
			return true;
	return false;
}

/* "{E12}" at `s`: its end; NULL if there is no such finding among the cites. */
static const char *fill_time(const char *s, const size_t *cites, size_t n_cites, char *const *times,
                             const size_t *marks, struct buf *to)
{
	const char *end = skip_digits(s + 2);
	unsigned long number = strtoul(s + 2, NULL, 10);
	if (end == s + 2 || end > s + 8 || *end != '}' || !is_cited(number, cites, n_cites))
		return NULL;
	buf_addf(to, "%s [%zu]", times[number - 1], marks[number - 1]);
	return end + 1;
}

/* Digits of other scripts, and signs that are numbers, by their code points. */
static bool is_number(unsigned c)
{
	static const unsigned ranges[][2] = {
		{0x30, 0x39},     {0xb2, 0xb3},     {0xb9, 0xb9},     {0xbc, 0xbe},      {0x660, 0x669},
		{0x6f0, 0x6f9},   {0x966, 0x96f},   {0x9e6, 0x9ef},   {0xa66, 0xa6f},    {0xae6, 0xaef},
		{0xb66, 0xb6f},   {0xbe6, 0xbf2},   {0xc66, 0xc6f},   {0xce6, 0xcef},    {0xd66, 0xd6f},
		{0xe50, 0xe59},   {0xed0, 0xed9},   {0xf20, 0xf33},   {0x1040, 0x1049},  {0x17e0, 0x17e9},
		{0x1810, 0x1819}, {0x2070, 0x2079}, {0x2080, 0x2089}, {0x2150, 0x218b},  {0x2460, 0x249b},
		{0x24ea, 0x24ff}, {0x2776, 0x2793}, {0xff10, 0xff19}, {0x1d7ce, 0x1d7ff}};
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

/* The code point at `s`, which is valid UTF-8; *ret_n: its bytes. */
static unsigned code_point(const char *s, size_t *ret_n)
{
	const unsigned char *b = (const unsigned char *)s;
	size_t n = b[0] < 0x80 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	unsigned c = n == 1 ? b[0] : b[0] & (0x7fu >> n);
	for (size_t i = 1; i < n && b[i]; i++)
		c = c << 6 | (b[i] & 0x3f);
	*ret_n = n;
	return c;
}

char *compose_fill(const char *text, const size_t *cites, size_t n_cites, char *const *times,
                   const size_t *marks)
{
	AUTO(buf_free) struct buf b = BUF(TEXT_MAX);
	for (const char *s = text; *s;) {
		size_t n;
		if (strncmp(s, "{E", 2) == 0) {
			s = fill_time(s, cites, n_cites, times, marks, &b);
			if (!s)
				return NULL;
		} else if (strncmp(s, "{#}", 3) == 0) {
			buf_addf(&b, "%zu", n_cites);
			s += 3;
		} else if (*s == '{' || *s == '}' || is_number(code_point(s, &n))) {
			return NULL;
		} else {
			buf_add(&b, s, n);
			s += n;
		}
	}
	return mem_strdup(buf_str(&b));
}

/* What leads to a placeholder, alone or in a list. */
static void cut_before_place(struct buf *b)
{
	static const char *const words[] = {" at ", ", and ", " and ", ", "};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]);
		if (b->len > n && memcmp(b->data + b->len - n, words[i], n) == 0) {
			b->len -= n;
			return;
		}
	}
}

/* The claim for a check: without placeholders and the words before them. */
static char *without_places(const char *text)
{
	AUTO(buf_free) struct buf b = BUF(TEXT_MAX);
	for (const char *s = text; *s; s++) {
		const char *end = *s == '{' ? strchr(s, '}') : NULL;
		if (!end) {
			buf_add(&b, s, 1);
			continue;
		}
		cut_before_place(&b);
		s = end;
	}
	return mem_strdup(buf_str(&b));
}

static bool says_something(const char *text)
{
	AUTO(mem_freep) char *plain = without_places(text);
	for (const char *s = plain; *s; s++)
		if (isalpha((unsigned char)*s) || (unsigned char)*s >= 0x80)
			return true;
	return false;
}

static size_t *read_cites(const struct composing *c, const json_t *list, size_t *ret_n)
{
	size_t n = 0, *cites = mem_alloc(json_array_size(list) + 1, sizeof *cites);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_int_t number = json_integer_value(json_array_get(list, i));
		if (number >= 1 && (size_t)number <= c->n && !is_cited((size_t)number, cites, n))
			cites[n++] = (size_t)number;
	}
	*ret_n = n;
	return cites;
}

/* The frames of all that a sentence cites of one video, as a finding. */
static struct ask_finding join(const struct composing *c, size_t source, const size_t *cites,
                               size_t n)
{
	struct ask_finding all = {.source = source, .p = -1};
	for (size_t i = 0; i < n; i++) {
		const struct ask_finding *f = c->items[cites[i] - 1];
		if (f->source == source)
			finding_join(&all, f);
	}
	return all;
}

static bool is_first_of_source(const struct composing *c, const size_t *cites, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (c->items[cites[i] - 1]->source == c->items[cites[at] - 1]->source)
			return false;
	return true;
}

/* A check of the sentence itself, over the frames of what it cites in each
 * video: it may say more than its findings. */
static enum check_verdict check_claim(struct composing *c, const char *text, const size_t *cites,
                                      size_t n)
{
	AUTO(mem_freep) char *plain = without_places(text);
	enum check_verdict worst = VERDICT_SHOWN;
	for (size_t i = 0; i < n; i++) {
		if (!is_first_of_source(c, cites, i))
			continue;
		const struct ask_finding *f = c->items[cites[i] - 1];
		const struct ask_finding all = join(c, f->source, cites, n);
		enum check_verdict v = f->verdict;
		double p;
		if (n > 1 || strcmp(plain, f->text) != 0)
			verify_sentence(c->a, &all, plain, &v, &p);
		if (v == VERDICT_WITHDRAWN)
			return v;
		if (v != VERDICT_SHOWN && worst != VERDICT_UNCHECKED)
			worst = v;
	}
	return worst;
}

static void take_claim(struct composing *c, const char *text, const json_t *list)
{
	size_t n;
	AUTO(mem_freep) size_t *cites = read_cites(c, list, &n);
	AUTO(mem_freep) char *fits = compose_fill(text, cites, n, c->times, c->marks);
	const char *reason = !n                               ? "it cites nothing that was found"
	                     : !says_something(text)          ? "it says nothing"
	                     : !fits                          ? "it states numbers of its own"
	                     : c->to->n_claims == CLAIMS_MOST ? "the answer has eight sentences"
	                                                      : NULL;
	enum check_verdict verdict = reason ? VERDICT_NONE : check_claim(c, text, cites, n);
	if (verdict == VERDICT_WITHDRAWN)
		reason = "a second look at its frames shows that it is otherwise";
	if (reason) {
		add_dropped(c->to, text, reason);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_cite(c, cites[i] - 1);
	AUTO(mem_freep) char *filled = compose_fill(text, cites, n, c->times, c->marks);
	AUTO(buf_free) struct buf sentence = BUF(TEXT_MAX);
	buf_adds(&sentence, filled);
	for (size_t i = 0; i < n; i++) {
		char mark[32];
		snprintf(mark, sizeof mark, "[%zu]", c->marks[cites[i] - 1]);
		if (!strstr(filled, mark))
			buf_addf(&sentence, " %s", mark);
		cites[i] = c->marks[cites[i] - 1] - 1;
	}
	add_text(c->to, buf_str(&sentence));
	answer_add_claim(c->to, TAKE(filled), TAKE(cites), n, verdict);
}

/* What is wrong with the claims of a reply; NULL if nothing is. */
static const char *fault_of(const struct composing *c, const json_t *claims)
{
	size_t i;
	const json_t *claim;
	AUTO(mem_freep) size_t *marks = mem_alloc(c->n + 1, sizeof *marks);
	json_array_foreach (claims, i, claim) {
		size_t n;
		AUTO(mem_freep) size_t *cites = read_cites(c, json_object_get(claim, "cites"), &n);
		AUTO(mem_freep)
		char *filled = compose_fill(json_text(claim, "text"), cites, n, c->times, marks);
		if (!n)
			return "a claim cites no finding";
		if (!filled)
			return "a claim has digits; write {E3} for the time of finding 3 that it cites";
	}
	return NULL;
}

static void print_findings(const struct composing *c, struct buf *to)
{
	char start[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < c->n; i++) {
		const struct ask_finding *f = c->items[i];
		AUTO(mem_freep) char *text = verify_text(c->a, f->text);
		AUTO(mem_freep)
		char *name = text_line(c->a->sources[f->source].report->source_name, 80);
		buf_addf(to, "%zu [%s %s - %s] %s\n", i + 1, name, clock_whole(f->frames[0], start),
		         clock_whole(f->frames[f->n - 1], end), text);
	}
}

static int request(struct composing *c, json_t **ret, struct err *err)
{
	AUTO(buf_free) struct buf findings = BUF(TEXT_MAX);
	AUTO(chat_freep) struct chat *chat = chat_new();
	const struct ask_request *q = c->a->request;
	char key[HASH_HEX];
	print_findings(c, &findings);
	const char *const parts[] = {"compose",   c->a->route.question,     buf_str(&findings),
	                             q->language, c->fault ? c->fault : "", c->a->model};
	hash_texts(parts, ARRAY_LEN(parts), key);
	prompt_compose(chat, c->a->route.question, buf_str(&findings), c->n, q->language, c->fault);
	chat_max_tokens(chat, COMPOSE_TOKENS);
	asking_tell(c->a, &(struct ask_progress){.step = "compose", .video = ""});
	int r = asking_request(c->a, key, chat, "claims", ret, err);
	AUTO(mem_freep) char *text = r == 0 ? json_dumps(*ret, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	asking_step(c->a, "compose", "the sentences of the answer", key, text);
	return r;
}

/* What was found and is not in the sentences is named. */
static void drop_uncited(struct composing *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->marks[i])
			drop_finding(c, c->items[i], "the model left it out of its sentences");
}

/* Whether the model wrote claims that can be used. */
static bool write_claims(struct composing *c, bool *ret_partly)
{
	json_auto_t *reply = NULL;
	struct err err;
	size_t i;
	const json_t *claim;
	for (int attempt = 0; attempt < 2; attempt++) {
		json_decref(TAKE(reply));
		if (request(c, &reply, &err) < 0) {
			log_info("[answer %s] the model wrote no answer: %s", c->a->id, err.msg);
			return false;
		}
		const char *fault = fault_of(c, json_object_get(reply, "claims"));
		if (!fault)
			break;
		free(c->fault);
		c->fault = mem_strdup(fault);
	}
	json_array_foreach (json_object_get(reply, "claims"), i, claim) {
		AUTO(mem_freep) char *text = text_line(json_text(claim, "text"), CLAIM_BYTES);
		if (*text)
			take_claim(c, text, json_object_get(claim, "cites"));
	}
	*ret_partly = strcmp(json_text(reply, "answered"), "yes") != 0;
	if (c->to->n_claims)
		drop_uncited(c);
	return c->to->n_claims > 0;
}

/* ---- without a model: each finding is a claim */

/* "A red square enters from the left" of a sentence. */
static char *without_dot(const struct asking *a, const char *text)
{
	char *s = verify_text(a, text);
	size_t n = strlen(s);
	while (n && strchr(". ", s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* Indices of the findings that say the same as the first, from `at` on. */
static size_t same_words(const struct composing *c, size_t at, const bool *used, size_t *out)
{
	size_t n = 0;
	AUTO(mem_freep) char *said = verify_text(c->a, c->items[at]->text);
	for (size_t i = at; i < c->n && n < CITES_MOST; i++) {
		AUTO(mem_freep) char *text = verify_text(c->a, c->items[i]->text);
		if (!used[i] && strcmp(text, said) == 0)
			out[n++] = i;
	}
	return n;
}

static void list_times(const struct composing *c, const size_t *of, size_t n, struct buf *to)
{
	size_t shown = n < LISTED_MOST ? n : LISTED_MOST;
	for (size_t i = 0; i < shown; i++) {
		const char *between = i == 0 ? " at " : i + 1 == n ? " and " : ", ";
		buf_addf(to, "%s%s [%zu]", between, c->times[of[i]], c->marks[of[i]]);
	}
	if (shown < n)
		buf_addf(to, " and %zu more times", n - shown);
}

static void claim_findings(struct composing *c, const size_t *of, size_t n)
{
	AUTO(buf_free) struct buf sentence = BUF(TEXT_MAX);
	size_t *cites = mem_alloc(n, sizeof *cites);
	char *text = without_dot(c->a, c->items[of[0]]->text);
	for (size_t i = 0; i < n; i++)
		cites[i] = add_cite(c, of[i]);
	buf_adds(&sentence, text);
	list_times(c, of, n, &sentence);
	buf_adds(&sentence, ".");
	add_text(c->to, buf_str(&sentence));
	answer_add_claim(c->to, text, cites, n, best_verdict(c, of, n));
}

static void claim_each(struct composing *c)
{
	AUTO(mem_freep) bool *used = mem_alloc(c->n + 1, sizeof *used);
	size_t of[CITES_MOST];
	for (size_t i = 0; i < c->n; i++) {
		if (used[i])
			continue;
		size_t n = same_words(c, i, used, of);
		for (size_t k = 0; k < n; k++)
			used[of[k]] = true;
		claim_findings(c, of, n);
	}
}

/* ---- */

static int by_time(const void *x, const void *y)
{
	const struct ask_finding *a = *(const struct ask_finding *const *)x,
							 *b = *(const struct ask_finding *const *)y;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	if (a->frames[0] != b->frames[0])
		return a->frames[0] < b->frames[0] ? -1 : 1;
	return strcmp(a->text, b->text);
}

/* Those that count; the others are dropped with their reason. */
static void choose(struct composing *c)
{
	struct asking *a = c->a;
	c->items = mem_alloc(a->n_findings + 1, sizeof *c->items);
	for (size_t i = 0; i < a->n_findings; i++) {
		const struct ask_finding *f = &a->findings[i];
		if (f->verdict == VERDICT_WITHDRAWN)
			drop_finding(c, f, "a second look at its frames shows that it is otherwise");
		else if (verify_is_open(a, f))
			drop_finding(
				c, f,
				"a second look at its frames could not decide whether it is what was asked for");
		else
			c->items[c->n++] = f;
	}
	if (c->n)
		qsort(c->items, c->n, sizeof *c->items, by_time);
	c->times = mem_alloc(c->n + 1, sizeof *c->times);
	c->marks = mem_alloc(c->n + 1, sizeof *c->marks);
	for (size_t i = 0; i < c->n; i++)
		c->times[i] = time_of(a, c->items[i]);
}

int compose_run(struct asking *a, struct answer *to, bool *ret_partly, struct err *err)
{
	AUTO(composing_clear) struct composing c = {.a = a, .to = to};
	*ret_partly = false;
	choose(&c);
	if (!c.n)
		return 0;
	size_t most = a->demo ? FINDINGS_DEMO : FINDINGS_MOST;
	bool by_model = c.n <= most && !route_scans(a->route.kind) && asking_goes_on(a, 1) &&
	                write_claims(&c, ret_partly);
	if (cancel_fired(a->run.cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (!by_model)
		claim_each(&c);
	return 0;
}
