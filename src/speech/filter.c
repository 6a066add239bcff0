/* SPDX-License-Identifier: Apache-2.0 */
#include "speech/filter.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNITS_MAX 1000   /* words of a text that are looked at */
#define CIRCLE_BYTES 30  /* "no, no, no, no" may well have been said */
#define ROW_BYTES 8      /* likewise as segments of their own … */
#define ROW_SHORT_MAX 10 /* … unless there are this many */

/* A word, or in a text without spaces a character. */
struct unit {
	const char *at;
	size_t len;
};

/* Letters and digits; all that is not ASCII counts as a letter. */
static bool is_letter(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static size_t split_words(const char *text, struct unit *out)
{
	size_t n = 0;
	while (*text && n < UNITS_MAX) {
		while (*text && !is_letter(*text))
			text++;
		const char *begin = text;
		while (is_letter(*text) || (*text == '\'' && text > begin))
			text++;
		if (text > begin)
			out[n++] = (struct unit){begin, (size_t)(text - begin)};
	}
	return n;
}

static size_t split_characters(const char *text, struct unit *out)
{
	size_t n = 0;
	while (*text && n < UNITS_MAX) {
		const char *begin = text++;
		while (((unsigned char)*text & 0xc0) == 0x80)
			text++;
		if (is_letter(*begin))
			out[n++] = (struct unit){begin, (size_t)(text - begin)};
	}
	return n;
}

static bool equal(const struct unit *a, const struct unit *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (tolower((unsigned char)a->at[i]) != tolower((unsigned char)b->at[i]))
			return false;
	return true;
}

/* Whether a phrase of `period` units fills more than half of them. */
static bool circles_by(const struct unit *u, size_t n, size_t period)
{
	size_t run = 0, longest = 0;
	for (size_t i = period; i < n; i++) {
		run = equal(&u[i], &u[i - period]) ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	size_t covered = longest ? longest + period : 0;
	return covered >= SPEECH_REPEATS * period && covered > n / 2;
}

bool speech_goes_in_circles(const char *text)
{
	if (strlen(text) < CIRCLE_BYTES)
		return false;
	struct unit *u = mem_alloc(UNITS_MAX, sizeof *u);
	bool circles = false;
	size_t n = split_words(text, u);
	/* Chinese, Japanese and Thai have no spaces between words. */
	if (n && strlen(text) / n > 20)
		n = split_characters(text, u);
	for (size_t period = 1; !circles && period <= n / SPEECH_REPEATS; period++)
		circles = circles_by(u, n, period);
	free(u);
	return circles;
}

/* ---- voice */

static int64_t voiced(const struct speech_segment *s, const struct speech_voice *v, size_t n)
{
	int64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		int64_t a = v[i].start > s->start ? v[i].start : s->start;
		int64_t b = v[i].end < s->end ? v[i].end : s->end;
		sum += b > a ? b - a : 0;
	}
	return sum;
}

static bool is_over_silence(const struct speech_segment *s, const struct speech_voice *v, size_t n)
{
	int64_t heard = voiced(s, v, n);
	return heard < SPEECH_VOICE_LEAST &&
	       (double)heard < SPEECH_VOICE_SHARE * (double)(s->end - s->start);
}

static const char *reason_of(const struct speech_segment *s, const struct speech_voice *voices,
                             size_t n)
{
	/* Comparisons with NAN are false: what is not known drops nothing. */
	bool unlikely = s->avg_logprob < SPEECH_AVG_LOGPROB;
	if (voices && is_over_silence(s, voices, n))
		return SPEECH_SILENCE;
	if (s->no_speech_prob > SPEECH_NO_SPEECH_PROB && unlikely)
		return SPEECH_NO_SPEECH;
	if (s->compression > SPEECH_COMPRESSION || speech_goes_in_circles(s->text))
		return SPEECH_REPEATED;
	return unlikely ? SPEECH_UNLIKELY : NULL;
}

/* ---- the same text in a row */

static bool same_text(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !is_letter(*a))
			a++;
		while (*b && !is_letter(*b))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

/* The next that is shown, or n. */
static size_t next_shown(const struct speech_result *r, size_t i)
{
	while (i < r->n && r->segments[i].dropped)
		i++;
	return i;
}

/* Of a row of equal texts the first stays. */
static void drop_rows(struct speech_result *r)
{
	for (size_t i = next_shown(r, 0), end; i < r->n; i = end) {
		const char *text = r->segments[i].text;
		size_t count = 1;
		for (end = next_shown(r, i + 1); end < r->n && same_text(text, r->segments[end].text);
		     end = next_shown(r, end + 1))
			count++;
		if (count < (strlen(text) < ROW_BYTES ? ROW_SHORT_MAX : SPEECH_REPEATS))
			continue;
		for (size_t k = i + 1; k < end; k++)
			if (!r->segments[k].dropped)
				r->segments[k].dropped = SPEECH_REPEATED;
	}
}

void speech_filter(struct speech_result *r, const struct speech_voice *voices, size_t n_voices)
{
	for (size_t i = 0; i < r->n; i++) {
		struct speech_segment *s = &r->segments[i];
		if (!s->dropped)
			s->dropped = reason_of(s, voices, n_voices);
	}
	drop_rows(r);
}
