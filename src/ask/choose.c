/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/choose.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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

void choose_run(struct asking *a, struct answer *to)
{
	static const char all[] = "ABCDEFGH";
	const struct ask_request *q = a->request;
	char letters[LETTERS_MAX + 1] = "", chosen = '\0';
	struct err err;
	if (!q->n_choices || !to->n_claims)
		return; /* nothing was found that could decide */
	memcpy(letters, all, q->n_choices);
	letters[q->n_choices] = '\0';
	bool by_model = !a->demo && asking_goes_on(a, 1);
	if (by_model && choose_by_model(a, to->text, letters, &chosen, &err) < 0) {
		log_info("[answer %s] the model chose none of the given answers: %s", a->id, err.msg);
		chosen = '\0';
	}
	int best = chosen ? -1 : choose_by_words(to->text, q->choices, q->n_choices);
	if (best >= 0)
		chosen = letters[best];
	if (chosen) {
		free(to->choice);
		to->choice = mem_printf("%c", chosen);
		AUTO(mem_freep) char *said = text_line(q->choices[strchr(all, chosen) - all], 300);
		char *before = to->text;
		to->text = mem_printf("%s That fits %c: %s", before, chosen, said);
		free(before);
	}
}
