/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that a head gives workers of a video from another server. */
#include "unit.h"

#include "remote-help.h"
#include "remote/address.h"

/* What holds for the head's own requests holds for those of its workers. */
static void an_address_of_another_server_keeps_its_rules(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("rules", MB, 7);
	AUTO(head_end) struct head h = {0};
	struct err err = {0};
	head_begin(&h, path);
	for (int i = 0; i < 4; i++) {
		char url[] = "https://s.example/a.mp4";
		const struct remote_address there = {.url = url,
		                                     .direct = true,
		                                     .marks = {"\"x\"", ""},
		                                     .public_only = i & 1,
		                                     .stay = i & 2};
		AUTO(mem_freep) char *text = NULL;
		AUTO(remote_address_clear) struct remote_address got = {0};
		h.direct = &there;
		assert_ok(fleet_http_address(h.http, "w", REMOTE_SOURCE, h.sha256, false, &text, &err));
		assert_ok(remote_address_parse(text, strlen(text), &got, &err));
		assert_string_equal(got.url, url);
		assert_true(got.direct);
		assert_int_equal(got.public_only, i & 1);
		assert_int_equal(got.stay, (i & 2) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_of_another_server_keeps_its_rules),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
