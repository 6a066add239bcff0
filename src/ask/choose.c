/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/choose.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ask/conclude.h"
#include "ask/prompt.h"
#include "base/log.h"
#include "base/text.h"
#include "openai/letter.h"
#include "store/ask.h"

enum { TEXT_MAX = 1 << 16, WORD_MAX = 60 };

/* ---- by words */

/* The next word of *at in lower case; false at the end. */
static bool next_word(const char **at, char word[static WORD_MAX])
{
	const unsigned char *s = (const unsigned char *)*at;
	size_t n = 0;
	while (*s && !isalnum(*s) && *s < 0x80)
		s++;
	for (; *s && (isalnum(*s) || *s >= 0x80); s++)
		if (n + 1 < WORD_MAX)
			word[n++] = (char)tolower(*s);
	word[n] = '\0';
	*at = (const char *)s;
	return n > 0;
}

static bool has_word(const char *text, const char *wanted)
{
	char word[WORD_MAX];
	while (next_word(&text, word))
		if (strcmp(word, wanted) == 0)
			return true;
	return false;
}

static double share(const char *text, const char *choice)
{
	char word[WORD_MAX];
	size_t n = 0, found = 0;
	while (next_word(&choice, word)) {
		n++;
		found += has_word(text, word);
	}
	return n ? (double)found / (double)n : 0;
}

int choose_by_words(const char *text, const char *const *choices, size_t n)
{
	int best = -1;
	double most = 0;
	for (size_t i = 0; i < n; i++) {
		double s = share(text, choices[i]);
		if (s > most) {
			most = s;
			best = (int)i;
		} else if (s == most) {
			best = -1;
		}
	}
	return best;
}

/* ---- by what the program knows */

/* The number that a choice names: "two times", "never", "3"; -1 = none, or
 * several. */
static int64_t number_of(const char *choice)
{
	static const struct {
		const char *word;
		int64_t number;
	} words[] = {{"no", 0},     {"never", 0}, {"zero", 0},    {"one", 1},    {"once", 1},
	             {"single", 1}, {"two", 2},   {"twice", 2},   {"three", 3},  {"thrice", 3},
	             {"four", 4},   {"five", 5},  {"six", 6},     {"seven", 7},  {"eight", 8},
	             {"nine", 9},   {"ten", 10},  {"eleven", 11}, {"twelve", 12}};
	char word[WORD_MAX];
	int64_t found = -1;
	while (next_word(&choice, word)) {
		char *end;
		int64_t number = strtoll(word, &end, 10);
		if (end == word || *end)
			number = -1;
		for (size_t i = 0; i < ARRAY_LEN(words) && number < 0; i++)
			if (strcmp(word, words[i].word) == 0)
				number = words[i].number;
		if (number >= 0 && found >= 0)
			return -1;
		found = number >= 0 ? number : found;
	}
	return found;
}

int choose_by_number(int64_t number, const char *const *choices, size_t n)
{
	int best = -1;
	for (size_t i = 0; i < n; i++) {
		if (number_of(choices[i]) != number)
			continue;
		if (best >= 0)
			return -1;
		best = (int)i;
	}
	return best;
}

/* What counts, order and verdict decide, which no model has to: the index of
 * the choice, -1 = none fits; *ret_decides: nothing else may choose. */
static int choose_by_facts(const struct asking *a, const struct answer *to, bool *ret_decides)
{
	const struct ask_request *q = a->request;
	bool not_seen = to->state == ANSWER_NOT_SEEN;
	int first = conclude_first(a), best = -1;
	*ret_decides = to->kind == ASK_COUNT || not_seen;
	if (to->kind == ASK_COUNT)
		return to->unsure ? -1 : choose_by_number(to->at_least, q->choices, q->n_choices);
	if (not_seen)
		return to->kind == ASK_IS ? choose_by_words("no", q->choices, q->n_choices) : -1;
	if (first >= 0)
		best = choose_by_words(a->route.parts[first], q->choices, q->n_choices);
	*ret_decides = best >= 0 || (a->route.parts[0] && to->kind == ASK_COMPARE);
	return best;
}

/* ---- by the model */

static int ask_letter(struct asking *a, const char *found, char letters[static LETTERS_MAX + 1],
                      char *ret, struct err *err)
{
	const struct ask_request *q = a->request;
	AUTO(buf_free) struct buf choices = BUF(TEXT_MAX);
	AUTO(chat_freep) struct chat *chat = chat_new();
	AUTO(chat_result_clear) struct chat_result reply = {0};
	struct letter letter;
	for (size_t i = 0; i < q->n_choices; i++)
		buf_addf(&choices, "%c: %s\n", letters[i], q->choices[i]);
	prompt_choose(chat, a->route.question, found, buf_str(&choices));
	chat_set_cancel(chat, a->limited.cancel);
	int r = engine_chat(a->run.engine, chat, NULL, NULL, &reply, err);
	if (r < 0)
		return r;
	asking_spent(a, 1, reply.prompt_tokens, reply.output_tokens);
	r = letter_read(&reply, letters, &letter, err);
	*ret = letter.letter;
	return r;
}

/* From the journal, or from the model. */
static int choose_by_model(struct asking *a, const char *found,
                           char letters[static LETTERS_MAX + 1], char *ret, struct err *err)
{
	char key[HASH_HEX];
	AUTO(mem_freep) char *known = NULL;
	const char *const parts[] = {"choose", found, a->route.question, a->prompts, a->model};
	hash_texts(parts, ARRAY_LEN(parts), key);
	int r = store_ask_reply_find(a->run.store, a->id, key, &known, err);
	if (r == 0) {
		*ret = *known;
		return 0;
	}
	r = ask_letter(a, found, letters, ret, err);
	const char text[] = {*ret, '\0'};
	if (r == 0)
		r = store_ask_reply_add(a->run.store, a->id, key, text, err);
	asking_step(a, "choose", "the given answer that fits", key, r == 0 ? text : NULL);
	return r;
}

static void name_choice(const struct asking *a, char chosen, struct answer *to)
{
	char *before = to->text;
	if (chosen) {
		AUTO(mem_freep) char *said = text_line(a->request->choices[chosen - 'A'], 300);
		free(to->choice);
		to->choice = mem_printf("%c", chosen);
		to->text = mem_printf("%s That fits %c: %s", before, chosen, said);
	} else {
		to->text = mem_printf("%s None of the given answers fits for certain.", before);
	}
	free(before);
}

void choose_run(struct asking *a, struct answer *to)
{
	static const char all[] = "ABCDEFGH";
	const struct ask_request *q = a->request;
	char letters[LETTERS_MAX + 1] = "", chosen = '\0';
	struct err err;
	if (!q->n_choices || (!to->n_claims && to->state != ANSWER_NOT_SEEN))
		return; /* nothing was found that could decide */
	memcpy(letters, all, q->n_choices);
	letters[q->n_choices] = '\0';
	bool decides;
	int best = choose_by_facts(a, to, &decides);
	bool by_model = !decides && !a->demo && asking_goes_on(a, 1);
	if (by_model && choose_by_model(a, to->text, letters, &chosen, &err) < 0) {
		log_info("[answer %s] the model chose none of the given answers: %s", a->id, err.msg);
		chosen = '\0';
	}
	if (!chosen && !decides)
		best = choose_by_words(to->text, q->choices, q->n_choices);
	if (best >= 0)
		chosen = letters[best];
	name_choice(a, chosen, to);
}
