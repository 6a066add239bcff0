/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: their names, and their form as JSON. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "answer-help.h"
#include "base/file.h"

static void every_value_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < ANSWER_STATES; i++)
		assert_true(*answer_state_name((enum answer_state)i));
	for (int i = 0; i < ASK_KINDS; i++)
		assert_true(*answer_kind_name((enum answer_kind)i));
	for (int i = 0; i < SENSES; i++)
		assert_true(*answer_sense_name((enum answer_sense)i));
	assert_string_equal(answer_state_name(ANSWER_NOT_SEEN), "not-seen");
	assert_string_equal(answer_state_name(ANSWER_STATES), "");
	assert_string_equal(answer_kind_name(ASK_LIST), "list");
	assert_string_equal(answer_sense_name(SENSE_WRITTEN), "written");
}

static void unknown_values_are_null(void **state)
{
	(void)state;
	AUTO(answer_freep) struct answer *a = answer_who();
	json_auto_t *j = answer_json(a);
	static const char *const nulls[] = {"thread", "changed", "choice", "count", "price"};
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		assert_true(json_is_null(json_object_get(j, nulls[i])));
	const json_t *source = json_array_get(json_object_get(j, "sources"), 0);
	assert_true(json_is_null(json_object_get(source, "stream")));
	assert_true(json_is_null(json_object_get(source, "unseen")));
	const json_t *cite = json_array_get(json_object_get(j, "cites"), 0);
	assert_true(json_real_value(json_object_get(cite, "start")) == 2467.12);
	const json_t *claim = json_array_get(json_object_get(j, "claims"), 1);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(claim, "cites"), 0)), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_a_name),
		cmocka_unit_test(unknown_values_are_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
