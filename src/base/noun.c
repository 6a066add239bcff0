/* SPDX-License-Identifier: Apache-2.0 */
#include "base/noun.h"

#include <string.h>

#include "base/text.h"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct noun_kind noun_kinds[NOUN_KINDS] = {
	{LIST("person", "people", "figure", "individual", "someone", "somebody"),
     LIST("man", "woman", "men", "women", "boy", "girl", "child", "pedestrian", "guy")},
	{LIST("vehicle"),
     LIST("car", "van", "truck", "lorry", "bus", "taxi", "sedan", "bike", "bicycle", "motorcycle")},
	{LIST("animal"), LIST("dog", "cat", "bird", "horse", "fox")},
	{LIST("shape"), LIST("circle", "square", "triangle")},
};

bool noun_is_general(const char *word)
{
	for (int i = 0; i < NOUN_KINDS; i++)
		if (text_one_of(word, noun_kinds[i].general))
			return true;
	return false;
}

bool noun_agrees(const char *a, const char *b)
{
	for (int i = 0; i < NOUN_KINDS; i++) {
		const struct noun_kind *k = &noun_kinds[i];
		bool general_a = text_one_of(a, k->general), general_b = text_one_of(b, k->general);
		if ((general_a && (general_b || text_one_of(b, k->words))) ||
		    (general_b && text_one_of(a, k->words)))
			return true;
	}
	return strcmp(a, b) == 0;
}
