/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, the canonical form, and what a signature notices. */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "sign/canonical.h"
#include "sign/sign.h"

static char dir[] = "/tmp/vdet-sign-XXXXXX";

static struct sign_key load_key(const char *name, bool make)
{
	struct sign_key key;
	struct err err = {0};
	AUTO(mem_freep) char *path = file_join(dir, name);
	if (sign_key_load(path, make, &key, &err) < 0)
		fail_msg("%s", err.msg);
	return key;
}

/* ---- the canonical form */

static void test_numbers(void **state)
{
	(void)state;
	/* most of them from RFC 8785, appendix B */
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "0"},
		{5e-324, "5e-324"},
		{-5e-324, "-5e-324"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{9007199254740992.0, "9007199254740992"},
		{295147905179352825856.0, "295147905179352830000"},
		{9.999999999999997e22, "9.999999999999997e+22"},
		{1e23, "1e+23"},
		{1e21, "1e+21"},
		{999999999999999700000.0, "999999999999999700000"},
		{9.999999999999997e-7, "9.999999999999997e-7"},
		{0.000001, "0.000001"},
		{333333333.3333332, "333333333.3333332"},
		{333333333.33333325, "333333333.33333325"},
		{-0.0000033333333333333333, "-0.0000033333333333333333"},
		{1424953923781206.2, "1424953923781206.2"},
		{0.97, "0.97"},
		{2467.12, "2467.12"},
		{100, "100"},
		{1e-7, "1e-7"},
		{1.5e-10, "1.5e-10"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[CANONICAL_NUMBER_MAX];
		canonical_number(cases[i].v, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void assert_canonical(const char *json, const char *want)
{
	AUTO(buf_free) struct buf out = BUF(1 << 16);
	json_auto_t *j = json_loads(json, JSON_DECODE_ANY, NULL);
	assert_non_null(j);
	assert_ok(canonical_add(j, &out, NULL));
	assert_string_equal(buf_str(&out), want);
}

static void test_form(void **state)
{
	(void)state;
	assert_canonical("{\"b\" : [ 1, 2.0, true, null ],\n\"a\": {\"\": false}}",
	                 "{\"a\":{\"\":false},\"b\":[1,2,true,null]}");
	assert_canonical("\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"",
	                 "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
	assert_canonical("\"\\b\\t\\n\\u000b\\f\\r\\u007f\"", "\"\\b\\t\\n\\u000b\\f\\r\x7f\"");
	/* the order of RFC 8785, section 3.2.3 */
	assert_canonical("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,"
	                 "\"\\u0080\":6,\"\\u00f6\":7,\"11\":8}",
	                 "{\"\\r\":2,\"1\":4,\"11\":8,\"\xc2\x80\":6,\"ö\":7,\"€\":1,\"😀\":5,"
	                 "\"\xef\xac\xb3\":3}");
	assert_canonical("[9223372036854775807,-9223372036854775808]",
	                 "[9223372036854775807,-9223372036854775808]");
}

static void test_depth(void **state)
{
	(void)state;
	json_auto_t *j = json_array();
	for (int i = 0; i < CANONICAL_DEPTH + 1; i++)
		j = json_pack("[o]", j);
	AUTO(buf_free) struct buf out = BUF(1 << 16);
	assert_int_equal(canonical_add(j, &out, NULL), -ERR_FORMAT);
	AUTO(buf_free) struct buf small = BUF(2);
	json_auto_t *word = json_string("longer");
	assert_int_equal(canonical_add(word, &small, NULL), -ERR_LIMIT);
}

static void test_foreign(void **state)
{
	(void)state;
	struct err err;
	json_t *j = NULL;
	static const char *const bad[] = {
		"", "{", "{\"a\":1,\"a\":2}", "nonsense", "{\"a\":\"\\u0000\"}", "\"a", "\"\\",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(json_read_foreign(bad[i], strlen(bad[i]), &j, &err), -ERR_FORMAT);
	AUTO(buf_free) struct buf deep = BUF(1 << 20), many = BUF(64 << 20);
	for (int i = 0; i < 100; i++)
		buf_adds(&deep, "[");
	assert_int_equal(json_read_foreign(deep.data, deep.len, &j, &err), -ERR_FORMAT);
	for (int i = 0; i <= JSON_FOREIGN_GROUPS; i++)
		buf_adds(&many, i ? ",{}" : "[{}");
	buf_adds(&many, "]");
	assert_int_equal(json_read_foreign(many.data, many.len, &j, &err), -ERR_LIMIT);
	static const char good[] = "{\"a\": \"[[\\\"{{\", \"b\": []}";
	assert_ok(json_read_foreign(good, strlen(good), &j, &err));
	json_decref(j);
}

/* ---- keys */

static void test_key(void **state)
{
	(void)state;
	struct stat st;
	struct err err = {0};
	struct sign_key none;
	AUTO(mem_freep) char *folder = file_join(dir, "new");
	AUTO(mem_freep) char *path = sign_key_path(folder);
	assert_int_equal(sign_key_load(folder, false, &none, &err), -ERR_NOENT);
	struct sign_key made = load_key("new", true), again = load_key("new", true),
					read = load_key("new", false), other = load_key("other", true);
	assert_memory_equal(&made, &again, sizeof made);
	assert_memory_equal(&made, &read, sizeof made);
	assert_memory_not_equal(made.public, other.public, SIGN_PUBLIC);
	assert_int_equal(strlen(made.made), strlen("2026-11-22T10:00:00Z"));
	assert_ok(stat(path, &st));
	assert_int_equal(st.st_mode & 07777, 0600);
	sign_key_clear(&made);
	assert_memory_equal(made.secret, (unsigned char[SIGN_SECRET]){0}, SIGN_SECRET);
}

static void *make_key(void *ret)
{
	AUTO(mem_freep) char *path = file_join(dir, "race");
	return (void *)(intptr_t)sign_key_load(path, true, ret, NULL);
}

static void test_race(void **state)
{
	(void)state;
	enum { N = 8 };
	pthread_t threads[N];
	struct sign_key keys[N];
	for (int i = 0; i < N; i++)
		assert_ok(pthread_create(&threads[i], NULL, make_key, &keys[i]));
	for (int i = 0; i < N; i++) {
		void *result;
		pthread_join(threads[i], &result);
		assert_null(result);
		assert_memory_equal(keys[i].public, keys[0].public, SIGN_PUBLIC);
	}
}

static const char of_x25519[] =
	"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	"-----END PUBLIC KEY-----\n";

static int read_public(const char *text, struct sign_keys *keys)
{
	struct err err;
	AUTO(mem_freep) char *path = file_join(dir, "given.pem");
	assert_ok(file_write(path, text, strlen(text), &err));
	return sign_public_read(path, keys, &err);
}

static void test_public(void **state)
{
	(void)state;
	struct sign_key one = load_key("new", true), two = load_key("other", true);
	struct sign_keys keys = {0};
	AUTO(buf_free) struct buf text = BUF(1 << 16), secret = BUF(1 << 16), crlf = BUF(1 << 16);
	sign_public_write(&one, &text);
	sign_public_write(&two, &text);
	assert_ok(read_public(buf_str(&text), &keys));
	assert_int_equal(keys.n, 2);
	assert_memory_equal(keys.keys[0], one.public, SIGN_PUBLIC);
	assert_memory_equal(keys.keys[1], two.public, SIGN_PUBLIC);
	for (const char *s = buf_str(&text); *s; s++)
		buf_addf(&crlf, *s == '\n' ? "\r%c" : "%c", *s);
	assert_ok(read_public(buf_str(&crlf), &keys));
	assert_int_equal(keys.n, 4);

	AUTO(mem_freep) char *folder = file_join(dir, "new");
	AUTO(mem_freep) char *path = sign_key_path(folder);
	assert_ok(file_read(path, &secret, NULL));
	assert_int_equal(read_public(buf_str(&secret), &keys), -ERR_FORMAT);
	static const char *const bad[] = {
		"",
		"nothing",
		"-----BEGIN PUBLIC KEY-----",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----\n",
		of_x25519,
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(read_public(bad[i], &keys), -ERR_FORMAT);
	assert_int_equal(keys.n, 4);
}

static void test_broken_key(void **state)
{
	(void)state;
	struct err err;
	struct sign_key key;
	AUTO(mem_freep) char *folder = file_join(dir, "broken");
	AUTO(mem_freep) char *path = sign_key_path(folder);
	assert_ok(file_mkdirs(folder, true, &err));
	assert_ok(file_write_private(path, "no key", 6, &err));
	/* It is not replaced: what it has signed could not be proven any more. */
	assert_int_equal(sign_key_load(folder, true, &key, &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "backup"));
}

/* ---- signatures */

static const char example[] = "{\"format\": \"vdet-answer/1\", \"text\": \"A dog [1] – \\u00fc\","
							  " \"p\": 0.123456789012345678,"
							  " \"n\": [1, -2.5, 1e300, true, null],"
							  " \"steps\": [{\"kind\": \"route\", \"result\": \"a\"},"
							  " {\"kind\": \"look\", \"result\": \"b\"}]}";

static json_t *signed_example(const struct sign_key *key)
{
	json_t *j = json_loads(example, 0, NULL);
	assert_ok(sign_json(j, key, NULL));
	return j;
}

static struct sign_result check(const json_t *j, const struct sign_key *known)
{
	struct sign_result r;
	struct sign_keys keys = {.n = known ? 1 : 0};
	if (known)
		memcpy(keys.keys[0], known->public, SIGN_PUBLIC);
	assert_ok(sign_check(j, &keys, &r, NULL));
	return r;
}

static bool holds(const struct sign_result *r)
{
	return r->is_signed && !r->fault && r->signature_holds && r->chain_holds;
}

static void test_sign(void **state)
{
	(void)state;
	struct sign_key key = load_key("new", true), other = load_key("other", true);
	json_auto_t *plain = json_loads(example, 0, NULL), *j = signed_example(&key);
	char fingerprint[HASH_HEX];
	sign_fingerprint(key.public, fingerprint);
	struct sign_result r = check(plain, &key);
	assert_false(r.is_signed);
	r = check(j, &key);
	assert_true(holds(&r) && r.known);
	assert_int_equal(r.steps, 2);
	assert_string_equal(r.fingerprint, fingerprint);
	r = check(j, NULL);
	assert_true(holds(&r) && !r.known);
	r = check(j, &other);
	assert_true(holds(&r) && !r.known);

	/* Written with any number of digits from 15 on, in any form. */
	static const size_t flags[] = {JSON_REAL_PRECISION(15), JSON_REAL_PRECISION(17),
	                               JSON_INDENT(1) | JSON_SORT_KEYS | JSON_ENSURE_ASCII};
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		AUTO(mem_freep) char *text = json_dumps(j, flags[i]);
		json_auto_t *back = json_loads(text, 0, NULL);
		r = check(back, &key);
		assert_true(holds(&r) && r.known);
	}
	/* Signing again replaces the signature. */
	assert_ok(sign_json(j, &other, NULL));
	r = check(j, &other);
	assert_true(holds(&r) && r.known);
}

/* Each byte of the text is changed in several ways: what can still be read and
 * says something else is noticed. */
static void test_every_byte(void **state)
{
	(void)state;
	struct sign_key key = load_key("new", true);
	json_auto_t *j = signed_example(&key);
	AUTO(mem_freep) char *text = json_dumps(j, JSON_COMPACT);
	size_t len = strlen(text), read = 0, same = 0;
	for (size_t i = 0; i < 7 * len; i++) {
		static const unsigned char masks[] = {1, 2, 4, 8, 16, 32, 64};
		text[i / 7] ^= (char)masks[i % 7];
		json_auto_t *changed = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
		text[i / 7] ^= (char)masks[i % 7];
		if (!changed)
			continue;
		read++;
		struct sign_result r = check(changed, &key);
		bool equal = json_equal(changed, j);
		same += equal;
		if (!equal && holds(&r) && r.known)
			fail_msg("byte %zu, %d: not noticed", i / 7, masks[i % 7]);
		assert_true(!equal || holds(&r));
	}
	print_message("%zu of %zu changes can be read, %zu of them change nothing\n", read, 7 * len,
	              same);
	assert_true(read > len);
}

/* Changes one thing, and repairs what can be repaired without the key. */
static void test_forged(void **state)
{
	(void)state;
	struct sign_key key = load_key("new", true), thief = load_key("other", true);
	json_auto_t *j = signed_example(&key), *forged = signed_example(&key);
	json_t *step = json_array_get(json_object_get(forged, "steps"), 1);
	json_object_set_new(step, "result", json_string("c"));
	struct sign_result r = check(forged, &key);
	assert_false(r.chain_holds || r.signature_holds);
	assert_int_equal(r.broken_at, 2);

	/* The whole chain computed again, with a key of their own. */
	assert_ok(sign_json(forged, &thief, NULL));
	r = check(forged, &key);
	assert_true(holds(&r) && !r.known);

	/* That signature under the name of the real key. */
	json_t *head = json_object_get(forged, "signature");
	json_object_set(head, "key", json_object_get(json_object_get(j, "signature"), "key"));
	r = check(forged, &key);
	assert_true(r.known && r.chain_holds && !r.signature_holds);
	/* The real signature over the new chain. */
	json_object_set(head, "signature",
	                json_object_get(json_object_get(j, "signature"), "signature"));
	r = check(forged, &key);
	assert_true(r.known && r.chain_holds && !r.signature_holds);

	/* Steps removed, added, or reordered. */
	json_auto_t *shorter = signed_example(&key), *longer = signed_example(&key);
	json_array_remove(json_object_get(shorter, "steps"), 1);
	r = check(shorter, &key);
	assert_false(r.chain_holds || r.signature_holds);
	json_array_append_new(json_object_get(longer, "steps"), json_string("more"));
	r = check(longer, &key);
	assert_false(r.chain_holds || r.signature_holds);
	assert_int_equal(r.broken_at, 3);
}

static void test_malformed(void **state)
{
	(void)state;
	struct sign_key key = load_key("new", true);
	static const char *const bad[] = {
		"null",
		"[]",
		"{}",
		"{\"algorithm\": \"rsa\"}",
		"{\"algorithm\": \"ed25519\", \"chain\": 1}",
		"{\"algorithm\": \"ed25519\", \"chain\": [], \"key\": 1, \"signature\": 2}",
		"{\"algorithm\": \"ed25519\", \"chain\": [], \"key\": \"AA==\", \"signature\": \"AA==\"}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_auto_t *j = json_loads(example, 0, NULL);
		json_object_set_new(j, "signature", json_loads(bad[i], JSON_DECODE_ANY, NULL));
		struct sign_result r = check(j, &key);
		assert_true(r.is_signed && r.fault && !r.signature_holds && !r.known);
	}
	json_auto_t *list = json_array(), *odd = signed_example(&key);
	assert_int_equal(sign_json(list, &key, NULL), -ERR_FORMAT);
	json_object_set_new(odd, "steps", json_object());
	struct sign_result r = check(odd, &key);
	assert_non_null(r.fault);
}

static int clean(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_form),
		cmocka_unit_test(test_depth),   cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_key),     cmocka_unit_test(test_race),
		cmocka_unit_test(test_public),  cmocka_unit_test(test_broken_key),
		cmocka_unit_test(test_sign),    cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_forged),  cmocka_unit_test(test_malformed),
	};
	if (!mkdtemp(dir))
		return 1;
	return cmocka_run_group_tests(tests, NULL, clean);
}
