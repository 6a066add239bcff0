/* SPDX-License-Identifier: Apache-2.0 */
/* What descriptions say of how somebody or something looks. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "subjects/look.h"

static void assert_look(const char *a, const char *b, bool same)
{
	AUTO(mem_freep) char *x = look_key(a), *y = look_key(b);
	if ((strcmp(x, y) == 0) != same)
		fail_msg("\"%s\" is \"%s\", \"%s\" is \"%s\"", a, x, b, y);
}

static void varied_words_say_the_same(void **state)
{
	(void)state;
	static const char *const same[][2] = {
		{"the red car", "Red car"},
		{"the red car", "red car, parked"},
		{"the red car", "a car that is red"},
		{"the red car", "A car which is red."},
		{"a parked red car", "red car"},
		{"big red car", "red big car"},
		{"cars", "the car"},
		{"two red cars", "two red car"},
		{"women", "a woman"},
		{"two buses", "two bus"},
		{"a grey box", "gray boxes"},
		{"man in a red jacket", "a man wearing a red jacket"},
		{"man in a red jacket", "man with a red jacket"},
		{"man in a red jacket", "the man who is wearing a red jacket"},
		{"man with a dog in a red hat", "man in a red hat with a dog"},
		{"a red-colored car", "red car"},
		{"the same red car", "this red car"},
		{"ein rotes Auto", "Ein rotes Auto."},
		{"赤い車", "赤い車"},
	};
	static const char *const other[][2] = {
		{"red car", "blue car"},
		{"car", "red car"},
		{"two red cars", "red car"},
		{"another red car", "red car"},
		{"man with a red hat and a blue coat", "man with a blue hat and a red coat"},
		{"man, red hat, blue coat", "man, blue hat, red coat"},
		{"man behind the car", "car behind the man"},
		{"red car on the left", "red car on the right"},
		{"man with glasses", "man with a glass"},
		{"man with a dog", "man without a dog"},
		{"赤い車", "青い車"},
	};
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		assert_look(same[i][0], same[i][1], true);
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		assert_look(other[i][0], other[i][1], false);
}

static void assert_agrees(const char *a, const char *b, bool agree)
{
	if (look_agrees(a, b) != agree || look_agrees(b, a) != agree)
		fail_msg("\"%s\", \"%s\": %d, %d", a, b, look_agrees(a, b), look_agrees(b, a));
}

static void descriptions_that_can_be_of_one(void **state)
{
	(void)state;
	static const char *const agree[][2] = {
		{"red car", "the car"},
		{"red car", "a car that is red"},
		{"red car", "a red vehicle"},
		{"man in red", "man in a red jacket"},
		{"man in red", "red jacket man"},
		{"the man", "person in a red jacket"},
		{"the circle, red", "a red shape"},
		{"red car on the left", "red car"},
		{"two men in black", "two men"},
		{"赤い車", "赤い車"},
	};
	static const char *const differ[][2] = {
		{"red car", "blue car"},
		{"red car", "red bus"},
		{"man", "woman"},
		{"man in red", "man with a hat"},
		{"man with a red hat and a blue coat", "man with a blue hat and a red coat"},
		{"car", "another car"},
		{"man", "two men"},
		{"man in a red car", "man behind a red car"},
		{"red car", "someone"},
		{"", ""},
		{"it", "it"},
		{"赤い車", "青い車"},
	};
	for (size_t i = 0; i < ARRAY_LEN(agree); i++)
		assert_agrees(agree[i][0], agree[i][1], true);
	for (size_t i = 0; i < ARRAY_LEN(differ); i++)
		assert_agrees(differ[i][0], differ[i][1], false);
	assert_true(look_is_vague("person in red") && look_is_vague("a red shape"));
	assert_false(look_is_vague("man in red") || look_is_vague("it"));
}

/* Whatever a model writes. */
static void any_text_has_a_key(void **state)
{
	(void)state;
	static const char letters[] = "and that red, with s's es;\xe4\xbd\xa0-. in ";
	unsigned seed = 7;
	char text[400];
	for (int round = 0; round < 3000; round++) {
		size_t n = (size_t)(round % 399), n_general;
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			text[i] = letters[(seed >> 16) % (sizeof letters - 1)];
		}
		text[n] = '\0';
		AUTO(mem_freep) char *key = look_key(text);
		assert_non_null(key);
		char **general = look_general(text, &n_general);
		look_general_free(general, n_general);
		assert_true(n_general < 64);
	}
}

static void what_counts_makes_a_description_precise(void **state)
{
	(void)state;
	assert_int_equal(look_precision("it"), 0);
	assert_int_equal(look_precision("the car, parked"), 1);
	assert_int_equal(look_precision("a red car"), 2);
	assert_true(look_precision("person in a red jacket") > look_precision("man in red"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_counts_makes_a_description_precise),
		cmocka_unit_test(varied_words_say_the_same),
		cmocka_unit_test(descriptions_that_can_be_of_one),
		cmocka_unit_test(any_text_has_a_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
