/* SPDX-License-Identifier: Apache-2.0 */
#include "ocr/letters.h"

#include <stdio.h>
#include <string.h>

const char letters_digits[] = "0123456789:/-., ";
const char letters_clock[] = "0123456789:/-., ABCDEFGHIJLMNOPRSTUVWYZabcdeghilmnoprstuvy";
const char letters_all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool letters_has_clock_word(const char *text)
{
	static const char words[] = "jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu "
								"fri sat sun am pm utc gmt ";
	for (const char *p = text; *p;) {
		size_t n = strspn(p, letters_all);
		char word[8];
		if (n >= 2) {
			snprintf(word, sizeof word, "%.*s ", n > 3 ? 3 : (int)n, p);
			if (strcasestr(words, word))
				return true;
		}
		p += n ? n : 1;
	}
	return false;
}
