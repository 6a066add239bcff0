/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/letter.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { SHORT = 16, WORDS_MAX = 120 };

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '\'' || (c & 0x80);
}

/* "A car", but not "A. A car". */
static bool is_article(const char *p)
{
	size_t blanks = strspn(p + 1, " \t");
	return *p == 'A' && blanks && isalpha((unsigned char)p[1 + blanks]);
}

static char find(const char *text, const char *letters)
{
	for (const char *p = text; *p; p++)
		if (strchr(letters, *p) && (p == text || !word_char(p[-1])) && !word_char(p[1]) &&
		    !is_article(p))
			return *p;
	return '\0';
}

/* The letter that a token is, without what may be around it in one token; '\0'
 * for others. */
static char letter_of(const char *token, const char *letters)
{
	static const char *const blanks[] = {"▁", "Ġ"}; /* as some tokenizers write a space */
	for (size_t i = 0; token && i < ARRAY_LEN(blanks); i++)
		if (strncmp(token, blanks[i], strlen(blanks[i])) == 0)
			token += strlen(blanks[i]);
	if (!token)
		return '\0';
	token += strspn(token, " \t\n*(\"'");
	if (!*token || !strchr(letters, *token))
		return '\0';
	return token[1 + strspn(token + 1, " \t\n*).:\"'")] ? '\0' : *token;
}

static void add(const json_t *token, const char *letters, double p[static LETTERS_MAX])
{
	const json_t *logprob = json_object_get(token, "logprob");
	char letter = letter_of(json_string_value(json_object_get(token, "token")), letters);
	/* Rounding may make the logarithm of one a little more than 0. */
	double value = json_is_number(logprob) ? fmin(exp(json_number_value(logprob)), 1) : 0;
	if (letter && value > 0)
		p[strchr(letters, letter) - letters] += value;
}

/* The tokens in the place of the letter that was answered. */
static void read_place(const json_t *place, const char *letters, double p[static LETTERS_MAX])
{
	size_t i;
	json_t *token;
	double sum = 0;
	const json_t *top = json_object_get(place, "top_logprobs");
	json_array_foreach (top, i, token)
		add(token, letters, p);
	if (!json_array_size(top))
		add(place, letters, p);
	for (i = 0; letters[i]; i++)
		sum += p[i];
	for (i = 0; letters[i]; i++)
		p[i] = sum > 0 ? p[i] / sum : 0;
}

int letter_read(const struct chat_result *r, const char *letters, struct letter *ret,
                struct err *err)
{
	const char *text = r->text, *reasoning = r->reasoning ? r->reasoning : "";
	bool reasoned = *reasoning;
	size_t i;
	json_t *place;
	/* Some engines return everything as reasoning. */
	if (!*text && strlen(reasoning) <= SHORT) {
		text = reasoning;
		reasoned = false;
	}
	*ret = (struct letter){.letter = find(text, letters)};
	if (!ret->letter) {
		AUTO(mem_freep) char *words = text_line(text, WORDS_MAX);
		return err_set(err, ERR_FORMAT, "the model answered with none of the letters %s: %s",
		               letters,
		               *words     ? words
		               : reasoned ? "only reasoning"
		                          : "nothing");
	}
	json_array_foreach (reasoned ? NULL : r->logprobs, i, place)
		if (letter_of(json_string_value(json_object_get(place, "token")), letters) == ret->letter) {
			read_place(place, letters, ret->p);
			break;
		}
	return 0;
}
