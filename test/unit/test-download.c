/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching: which addresses are whose, and what an address must look like. The
 * transfer itself is in test/flow. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "transfer/download.h"

static bool is_private(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct sockaddr_in6 b = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &a.sin_addr) == 1)
		return download_is_private((struct sockaddr *)&a);
	assert_int_equal(inet_pton(AF_INET6, text, &b.sin6_addr), 1);
	return download_is_private((struct sockaddr *)&b);
}

static void private_addresses_are_known(void **state)
{
	static const char *const private[] = {"0.0.0.0",
	                                      "10.1.2.3",
	                                      "100.64.0.1",
	                                      "100.127.255.255",
	                                      "127.0.0.1",
	                                      "127.9.9.9",
	                                      "169.254.169.254",
	                                      "172.16.0.1",
	                                      "172.31.255.255",
	                                      "192.0.0.1",
	                                      "192.168.1.1",
	                                      "198.18.0.1",
	                                      "224.0.0.1",
	                                      "255.255.255.255",
	                                      "::",
	                                      "::1",
	                                      "::127.0.0.1",
	                                      "::ffff:10.0.0.1",
	                                      "64:ff9b::7f00:1",
	                                      "2002:7f00:1::",
	                                      "2002:c0a8:101::",
	                                      "fc00::1",
	                                      "fd12::1",
	                                      "fe80::1",
	                                      "ff02::1",
	                                      "100::1"};
	static const char *const public[] = {
		"1.1.1.1",        "9.255.255.255",  "11.0.0.1",        "100.63.0.1",      "100.128.0.1",
		"128.0.0.1",      "169.253.0.1",    "172.15.0.1",      "172.32.0.1",      "192.0.1.1",
		"192.167.0.1",    "198.17.0.1",     "198.20.0.1",      "223.255.255.255", "2606:4700::1111",
		"2002:101:101::", "::ffff:1.1.1.1", "64:ff9b::101:101"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(private); i++)
		if (!is_private(private[i]))
			fail_msg("%s is private", private[i]);
	for (size_t i = 0; i < ARRAY_LEN(public); i++)
		if (is_private(public[i]))
			fail_msg("%s is public", public[i]);
	assert_true(download_is_private(&(struct sockaddr){.sa_family = AF_UNIX}));
}

static void names_come_from_addresses(void **state)
{
	static const struct {
		const char *url, *name;
	} cases[] = {
		{"http://example.org/a/b/cam%201.mp4?x=1", "cam 1.mp4"},
		{"https://example.org", "video"},
		{"https://example.org/", "video"},
		{"http://[::1]:80/x.mkv#t=3", "x.mkv"},
		{"ftp://example.org/x", NULL},
		{"file:///etc/passwd", NULL},
		{"gopher://x/", NULL},
		{"http://u:p@example.org/x", NULL},
		{"http://u@example.org/x", NULL},
		{"", NULL},
		{"http://", NULL},
		{"x.mp4", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = {0};
		AUTO(mem_freep) char *name = NULL;
		int r = download_name(cases[i].url, &name, &err);
		assert_int_equal(r, cases[i].name ? 0 : -ERR_ARG);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_addresses_are_known),
		cmocka_unit_test(names_come_from_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
