/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker keeps and believes of a source: addresses, signatures, paths,
 * the cache on disk, blobs, hashes of blocks. */
#include "unit.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "remote/blob.h"
#include "remote/blocks.h"
#include "remote/cache.h"
#include "remote/fetch.h"
#include "remote/web.h"
#include "store/block.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char dir[64];

static int parse(const char *text, struct remote_address *a)
{
	return remote_address_parse(text, strlen(text), a, NULL);
}

static void an_address_comes_back(void **state)
{
	(void)state;
	struct remote_address a = {.url = "http://head:1/fleet/source/x?y=z",
	                           .blocks_url = "https://head/b",
	                           .blocks_sha256 = SHA,
	                           .size = 12345678901,
	                           .path = "/videos/a \"b\".mp4"};
	AUTO(mem_freep) char *text = remote_address_text(&a);
	AUTO(remote_address_clear) struct remote_address got = {0}, blob = {0};
	assert_ok(parse(text, &got));
	assert_string_equal(got.url, a.url);
	assert_string_equal(got.blocks_url, a.blocks_url);
	assert_string_equal(got.blocks_sha256, SHA);
	assert_string_equal(got.path, a.path);
	assert_true(got.size == a.size);
	assert_ok(parse("{\"url\": \"http://head/x\"}", &blob));
	assert_null(blob.blocks_url);
}

/* The server that a head has a source from. */
static void a_direct_address_comes_back(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{\"url\":\"http://h/\",\"direct\":1}",
		"{\"url\":\"http://h/\",\"direct\":{\"etag\":\"\"}}",
		"{\"url\":\"http://h/\",\"direct\":{\"etag\":\"a\\r\\nb\",\"modified\":\"\"}}",
	};
	const struct remote_address a = {
		.url = "https://s/a?b", .direct = true, .marks = {"\"x\"", "Thu, 01 Jan 2026"}};
	AUTO(mem_freep) char *text = remote_address_text(&a);
	AUTO(remote_address_clear) struct remote_address got = {0};
	struct remote_address none;
	assert_ok(parse(text, &got));
	assert_true(got.direct);
	assert_string_equal(got.marks.etag, a.marks.etag);
	assert_string_equal(got.marks.modified, a.marks.modified);
	assert_true(!got.public_only && !got.stay);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse(bad[i], &none), -ERR_PROTO);
}

static int name_private(void *ctx, enum remote_kind kind, const char *sha256, bool relayed,
                        struct cancel *cancel, char **ret, struct err *err)
{
	const struct remote_address a = {.url = (char *)"http://127.0.0.1:1/a.mp4",
	                                 .direct = true,
	                                 .public_only = true,
	                                 .stay = true};
	(void)ctx, (void)kind, (void)sha256, (void)relayed, (void)cancel, (void)err;
	*ret = remote_address_text(&a);
	return 0;
}

/* What a client of the head has named: neither head nor worker connects to it
 * if it is not public. */
static void a_private_address_is_refused(void **state)
{
	(void)state;
	const struct remote_options o = {.provider = {name_private, NULL}, .patience = 1};
	AUTO(http_freep) struct http *http = http_new();
	AUTO(remote_fetch_clear)
	struct remote_fetch f = {.options = &o, .http = http, .sha256 = "", .kind = REMOTE_SOURCE};
	struct remote_marks marks;
	int64_t size;
	struct err err;
	assert_int_equal(remote_fetch_look(&f, &size, &marks, &err), -ERR_PERM);
	assert_non_null(strstr(err.msg, "private network"));
	assert_true(f.address.public_only && f.address.stay);
}

/* The example of "Authenticating Requests: Using Query Parameters" in the
 * reference of Amazon S3. */
static void addresses_of_s3_are_signed(void **state)
{
	(void)state;
	struct remote_s3 s3 = {.key_id = "AKIAIOSFODNN7EXAMPLE",
	                       .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
	AUTO(mem_freep)
	char *query =
		remote_s3_query(&s3, "examplebucket.s3.amazonaws.com", "/test.txt", 1369353600, 86400);
	assert_string_equal(
		query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
			   "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
			   "&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da"
			   "4c265957d157751f604d404");

	static const struct {
		const char *endpoint, *address, *url;
	} forms[] = {
		{NULL, "s3://b/a b/ä?.mp4", "https://b.s3.us-east-1.amazonaws.com/a%20b/%C3%A4%3F.mp4"},
		{"", "s3://a.b/../x", "https://s3.us-east-1.amazonaws.com/a.b/../x"},
		{"http://h:9000/", "S3://b/k", "http://h:9000/b/k"},
		{"https://h/x//", "s3://b//k", "https://h/x/b//k"},
		{"ftp://h", "s3://b/k", NULL},
		{"h:9000", "s3://b/k", NULL},
		{"http://", "s3://b/k", NULL},
		{"http://me@h", "s3://b/k", NULL},
		{"http://h/?x", "s3://b/k", NULL},
		{NULL, "s3://b", NULL},
		{NULL, "s3://b/", NULL},
		{NULL, "s3:///k", NULL},
		{NULL, "s3://me:you@b/k", NULL},
	};
	s3.key_id = s3.secret = NULL;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		AUTO(mem_freep) char *bucket = NULL, *url = NULL;
		const char *key;
		s3.endpoint = forms[i].endpoint;
		int r = remote_s3_parse(forms[i].address, &bucket, &key, NULL);
		r = r == 0 ? remote_s3_url(&s3, bucket, key, 0, 600, &url, NULL) : r;
		if (forms[i].url)
			assert_string_equal(url, forms[i].url);
		else
			assert_int_equal(r, -ERR_ARG);
	}

	AUTO(mem_freep)
	char *name = remote_address_name("https://me:you@host:1/a/b@c.mp4?token=x#y"),
		 *key = remote_address_name("s3://b/a?b#c@d");
	assert_string_equal(name, "https://host:1/a/b@c.mp4");
	assert_string_equal(key, "s3://b/a?b#c@d");
}

#define SOURCE(url, sha, size, path)                                              \
	"{\"url\":\"" url "\",\"blocks_url\":\"http://h/b\",\"blocks_sha256\":\"" sha \
	"\",\"size\":" size ",\"path\":" path "}"

static void addresses_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"url\": 1}",
		"{\"url\": \"ftp://h/x\"}",
		"{\"url\": \"file:///etc/passwd\"}",
		"{\"url\": \"http://h/x y\"}",
		"{\"url\": \"http://h/x\\ny\"}",
		"{\"url\": \"http://h/\", \"url\": \"http://h/\"}",
		"{\"url\": \"http://h/\"} x",
		SOURCE("http://h/", "12", "1", "\"\""),
		SOURCE("http://h/", SHA, "0", "\"\""),
		SOURCE("http://h/", SHA, "-1", "\"\""),
		SOURCE("http://h/", SHA, "1e3", "\"\""),
		SOURCE("http://h/", SHA, "9223372036854775807", "\"\""),
		SOURCE("http://h/", SHA, "1", "null"),
		SOURCE("http://h/", SHA, "1", "\"a\\u0000b\""),
	};
	struct remote_address a;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (parse(bad[i], &a) != -ERR_PROTO)
			fail_msg("%s", bad[i]);
	AUTO(remote_address_clear) struct remote_address good = {0};
	assert_ok(parse(SOURCE("http://h/", SHA, "1", "\"\""), &good));
}

static enum remote_verdict verify(const unsigned char *key, enum remote_kind kind,
                                  const char *sha256, const char *query, int64_t now)
{
	char expires[40], signature[80];
	assert_int_equal(sscanf(query, "expires=%39[0-9]&signature=%79s", expires, signature), 2);
	return remote_verify(key, kind, sha256, expires, signature, now);
}

static void a_signature_is_for_one_thing_and_time(void **state)
{
	(void)state;
	unsigned char key[REMOTE_KEY_BYTES] = {1}, other[REMOTE_KEY_BYTES] = {2};
	char query[120], sha[] = SHA, later[40];
	remote_sign(key, REMOTE_SOURCE, SHA, 1000, query);
	assert_int_equal(verify(key, REMOTE_SOURCE, SHA, query, 999), REMOTE_VALID);
	assert_int_equal(verify(key, REMOTE_SOURCE, SHA, query, 1000), REMOTE_EXPIRED);
	assert_int_equal(verify(key, REMOTE_BLOCKS, SHA, query, 999), REMOTE_FORGED);
	assert_int_equal(verify(other, REMOTE_SOURCE, SHA, query, 999), REMOTE_FORGED);
	sha[3] ^= 1;
	assert_int_equal(verify(key, REMOTE_SOURCE, sha, query, 999), REMOTE_FORGED);

	const char *signature = strstr(query, "signature=") + 10;
	snprintf(later, sizeof later, "%d", 2000);
	assert_int_equal(remote_verify(key, REMOTE_SOURCE, SHA, later, signature, 999), REMOTE_FORGED);
	assert_int_equal(remote_verify(key, REMOTE_SOURCE, SHA, NULL, signature, 999), REMOTE_FORGED);
	assert_int_equal(remote_verify(key, REMOTE_SOURCE, SHA, "1000", NULL, 999), REMOTE_FORGED);
	assert_int_equal(remote_verify(key, REMOTE_SOURCE, SHA, "1000", "", 999), REMOTE_FORGED);
	assert_int_equal(remote_verify(key, REMOTE_SOURCE, SHA, "", signature, 999), REMOTE_FORGED);
	assert_int_equal(remote_verify(key, REMOTE_SOURCE, SHA, "1000x", signature, 999),
	                 REMOTE_FORGED);
	assert_int_equal(remote_verify(key, REMOTE_SOURCE, SHA, "1000", SHA, 999), REMOTE_FORGED);
}

static void paths_are_mapped(void **state)
{
	(void)state;
	static const struct {
		const char *map, *path, *mapped;
	} cases[] = {
		{"/srv=/mnt", "/srv/a.mp4", "/mnt/a.mp4"},
		{"/srv/=/mnt/", "/srv/b/a.mp4", "/mnt/b/a.mp4"},
		{"/=/mnt", "/srv/a.mp4", "/mnt/srv/a.mp4"},
		{"/srv=/", "/srv/a.mp4", "/a.mp4"},
		{"/srv=/mnt", "/srv2/a.mp4", NULL},
		{"/srv=/mnt", "/srv/", NULL},
		{"/srv=/mnt", "/srv", NULL},
		{"/srv=/mnt", "srv/a.mp4", NULL},
		{"/srv=/mnt", "", NULL},
		{"/srv=/mnt", "/srv/../etc/passwd", NULL},
		{"/srv=/mnt", "/srv/a/..", NULL},
		{"/srv=/mnt", "/srv/..a/b..", "/mnt/..a/b.."},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep) char *got = NULL;
		if (remote_path_map(cases[i].map, cases[i].path, &got) != !!cases[i].mapped ||
		    (got && strcmp(got, cases[i].mapped) != 0))
			fail_msg("%s of %s: %s", cases[i].path, cases[i].map, got ? got : "none");
	}
	assert_ok(remote_path_map_check("/a=/b", NULL));
	assert_int_equal(remote_path_map_check("/a", NULL), -ERR_ARG);
	assert_int_equal(remote_path_map_check("a=/b", NULL), -ERR_ARG);
	assert_int_equal(remote_path_map_check("/a=b", NULL), -ERR_ARG);
}

/* ---- cache */

static void make_block(unsigned number, unsigned char *data, unsigned char sum[static HASH_MAX])
{
	memset(data, (int)number, HASH_BLOCK);
	hash_bytes(data, HASH_BLOCK, sum);
}

static char *file_of(const char *cache, const unsigned char *sum)
{
	char hex[HASH_HEX];
	for (size_t i = 0; i < HASH_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return mem_printf("%s/%.2s/%s", cache, hex, hex + 2);
}

static void the_least_recently_used_block_goes_first(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "lru");
	AUTO(mem_freep) unsigned char *data = mem_alloc(HASH_BLOCK, 1);
	unsigned char sums[12][HASH_MAX];
	AUTO(remote_cache_freep) struct remote_cache *c = NULL;
	struct err err = {0};
	assert_int_equal(remote_cache_open(path, 7 << 20, &c, &err), -ERR_ARG);
	assert_ok(remote_cache_open(path, 8 << 20, &c, &err));
	for (unsigned i = 0; i < 8; i++) {
		make_block(i, data, sums[i]);
		assert_ok(remote_cache_put(c, sums[i], data, HASH_BLOCK, &err));
		assert_ok(remote_cache_put(c, sums[i], data, HASH_BLOCK, &err));
	}
	assert_int_equal(remote_cache_count(c).blocks, 8);
	assert_true(remote_cache_get(c, sums[0], data, HASH_BLOCK));
	assert_int_equal(data[77], 0);
	for (unsigned i = 8; i < 10; i++) {
		make_block(i, data, sums[i]);
		assert_ok(remote_cache_put(c, sums[i], data, HASH_BLOCK, &err));
	}
	assert_true(remote_cache_has(c, sums[0]));
	assert_false(remote_cache_has(c, sums[1]));
	assert_false(remote_cache_get(c, sums[2], data, HASH_BLOCK));
	struct remote_cache_counts n = remote_cache_count(c);
	assert_int_equal(n.bytes, 8 << 20);
	assert_int_equal(n.evicted, 2);
	assert_int_equal(n.hits, 1);
	assert_int_equal(n.misses, 1);

	/* Two do not share a folder; the next one finds the blocks. */
	AUTO(remote_cache_freep) struct remote_cache *two = NULL;
	assert_int_equal(remote_cache_open(path, 8 << 20, &two, &err), -ERR_BUSY);
	remote_cache_free(TAKE(c));
	assert_ok(remote_cache_open(path, 8 << 20, &two, &err));
	assert_int_equal(remote_cache_count(two).blocks, 8);
	assert_true(remote_cache_get(two, sums[9], data, HASH_BLOCK));

	const struct hash_blocks some = {sums, 4}, none = {NULL, 0};
	remote_cache_drop(two, &some);
	remote_cache_drop(two, &none);
	assert_int_equal(remote_cache_count(two).blocks, 6);
	AUTO(mem_freep) char *gone = file_of(path, sums[0]);
	assert_false(file_exists(gone));
	remote_cache_clear(two);
	assert_int_equal(remote_cache_count(two).bytes, 0);
}

static void damaged_blocks_are_missing(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "damaged");
	AUTO(mem_freep) unsigned char *data = mem_alloc(HASH_BLOCK, 1);
	unsigned char sums[3][HASH_MAX];
	AUTO(remote_cache_freep) struct remote_cache *c = NULL;
	struct err err = {0};
	assert_ok(remote_cache_open(path, 8 << 20, &c, &err));
	for (unsigned i = 0; i < 3; i++) {
		make_block(i, data, sums[i]);
		assert_ok(remote_cache_put(c, sums[i], data, HASH_BLOCK, &err));
	}
	AUTO(mem_freep) char *wrong = file_of(path, sums[0]);
	AUTO(mem_freep) char *cut = file_of(path, sums[1]);
	AUTO(mem_freep) char *lost = file_of(path, sums[2]);
	AUTO(fd_closep) int fd = open(wrong, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 500000), 1);
	assert_int_equal(truncate(cut, 1000), 0);
	assert_int_equal(unlink(lost), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_false(remote_cache_get(c, sums[i], data, HASH_BLOCK));
	assert_int_equal(remote_cache_count(c).blocks, 0);
	assert_int_equal(remote_cache_count(c).damaged, 3);
	assert_false(file_exists(wrong));

	make_block(0, data, sums[0]);
	assert_ok(remote_cache_put(c, sums[0], data, HASH_BLOCK, &err));
	assert_true(remote_cache_get(c, sums[0], data, HASH_BLOCK));

	/* No disk is that large. */
	remote_cache_leave(c, INT64_C(1) << 60);
	make_block(1, data, sums[1]);
	assert_int_equal(remote_cache_put(c, sums[1], data, HASH_BLOCK, &err), -ERR_NOSPC);
	assert_int_equal(remote_cache_count(c).blocks, 0);
}

/* ---- blobs and blocks */

static void a_blob_has_the_name_of_its_content(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "blobs");
	char sha256[HASH_HEX];
	unsigned char *got = NULL;
	size_t len = 0;
	struct err err = {0};
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, "abc", 3);
	hash_end(h, sha256);
	assert_int_equal(remote_blob_load(path, "w", sha256, &got, &len, &err), -ERR_NOENT);
	assert_int_equal(remote_blob_store(path, "w", sha256, "abd", 3, &err), -ERR_FORMAT);
	assert_int_equal(remote_blob_store(path, "w", "../../etc/passwd", "abc", 3, &err), -ERR_ARG);
	assert_int_equal(remote_blob_store(path, "../w", sha256, "abc", 3, &err), -ERR_ARG);
	assert_int_equal(remote_blob_store(path, "", sha256, "abc", 3, &err), -ERR_ARG);
	assert_ok(remote_blob_store(path, "w", sha256, "abc", 3, &err));
	assert_ok(remote_blob_store(path, "w", sha256, "abc", 3, &err));
	assert_int_equal(remote_blob_used(path, "w"), remote_blob_size(3));
	assert_int_equal(remote_blob_load(path, "v", sha256, &got, &len, &err), -ERR_NOENT);
	assert_ok(remote_blob_load(path, "w", sha256, &got, &len, &err));
	assert_int_equal(len, 3);
	assert_memory_equal(got, "abc", 3);
	free(got);

	AUTO(mem_freep) char *file = file_join(path, sha256);
	AUTO(mem_freep) char *sent = mem_printf("%s/from-w/%s", path, sha256);
	assert_int_equal(truncate(sent, 2), 0);
	assert_int_equal(remote_blob_load(path, "w", sha256, &got, &len, &err), -ERR_FORMAT);
	assert_ok(remote_blob_store(path, "w", sha256, "abc", 3, &err));
	remote_blob_settle(path, "w", sha256);
	remote_blob_settle(path, "w", sha256);
	assert_false(file_exists(sent));
	assert_int_equal(remote_blob_used(path, "w"), 0);
	got = NULL;
	assert_ok(remote_blob_load(path, "w", sha256, &got, &len, &err));
	free(got);
	remote_blob_expire(path, NULL, 3600 * CLOCK_SECOND);
	assert_true(file_exists(file));
	remote_blob_remove(path, sha256);
	remote_blob_remove(path, sha256);
	remote_blob_remove(path, "..");
	assert_false(file_exists(file));

	/* No one asked for it since. */
	const struct timespec old[] = {{time(NULL) - 7200, 0}, {time(NULL) - 7200, 0}};
	for (int i = 0; i < 2; i++) {
		assert_ok(remote_blob_store(path, "w", sha256, "abc", 3, &err));
		assert_int_equal(utimensat(AT_FDCWD, sent, old, 0), 0);
		remote_blob_expire(path, "v", 3600 * CLOCK_SECOND);
		assert_true(file_exists(sent));
		remote_blob_expire(path, i ? "w" : NULL, 3600 * CLOCK_SECOND);
		assert_false(file_exists(sent));
	}
}

static void hashes_of_blocks_stay_with_the_source(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "list.db");
	AUTO(store_freep) struct store *s = NULL, *other = NULL;
	struct err err = {0};
	unsigned char sums[3][HASH_MAX] = {{1}, {2}, {3}};
	const struct hash_blocks three = {sums, 3}, two = {sums + 1, 2};
	struct hash_blocks got;

	assert_ok(store_open(path, &s, &err));
	assert_ok(store_open(path, &other, &err));
	assert_ok(store_blocks_load(s, SHA, &got, &err));
	assert_int_equal(got.n, 0);
	assert_ok(store_blocks_save(s, SHA, &three, &err));
	assert_ok(store_blocks_save(s, SHA, &two, &err));
	assert_ok(store_blocks_load(s, SHA, &got, &err));
	assert_int_equal(got.n, 2);
	assert_memory_equal(got.sums, two.sums, sizeof sums[0] * 2);
	hash_blocks_clear(&got);

	char one[STORE_HEAD_ID], again[STORE_HEAD_ID];
	assert_ok(store_head_id(s, one, &err));
	assert_ok(store_head_id(other, again, &err));
	assert_int_equal(strlen(one), 16);
	assert_string_equal(one, again);
	assert_ok(store_head_name(s, one, &err));
	assert_int_equal(store_head_name(s, "0123456789abcdef", &err), -ERR_ARG);

	AUTO(mem_freep) char *new_path = file_join(dir, "new.db");
	AUTO(store_freep) struct store *fresh = NULL;
	assert_ok(store_open(new_path, &fresh, &err));
	assert_int_equal(store_head_name(fresh, "0123456789abcde", &err), -ERR_ARG);
	assert_int_equal(store_head_name(fresh, "0123456789abcdeF", &err), -ERR_ARG);
	assert_ok(store_head_name(fresh, "0123456789abcdef", &err));
	assert_ok(store_head_id(fresh, one, &err));
	assert_string_equal(one, "0123456789abcdef");
}

static void blocks_are_hashed_once(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = file_join(dir, "three"), *db = file_join(dir, "blocks.db");
	AUTO(mem_freep) unsigned char *data = mem_alloc(5, HASH_BLOCK / 2);
	AUTO(store_freep) struct store *s = NULL;
	struct hash_blocks one = {0}, two = {0};
	unsigned char sum[HASH_MAX];
	char sha256[HASH_HEX], again[HASH_HEX];
	struct err err = {0};
	for (size_t i = 0; i < 5 * HASH_BLOCK / 2; i++)
		data[i] = (unsigned char)(i * 7 >> 10);
	assert_ok(file_write(path, data, 5 * HASH_BLOCK / 2, &err));
	assert_ok(store_open(db, &s, &err));
	AUTO(fd_closep) int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_ok(hash_fd(fd, NULL, NULL, sha256, &err));
	assert_ok(hash_fd_blocks(fd, NULL, NULL, again, &one, &err));
	assert_string_equal(sha256, again);
	assert_int_equal(one.n, 3);
	hash_bytes(data + 2 * HASH_BLOCK, HASH_BLOCK / 2, sum);
	assert_memory_equal(one.sums[2], sum, HASH_MAX);
	hash_blocks_clear(&one);

	assert_int_equal(remote_blocks_get(s, SHA, fd, NULL, &one, &err), -ERR_FORMAT);
	assert_ok(remote_blocks_get(s, sha256, fd, NULL, &one, &err));
	/* From the journal, although the file is another one by now. */
	assert_int_equal(pwrite(fd, "other", 5, 0), 5);
	assert_ok(remote_blocks_get(s, sha256, fd, NULL, &two, &err));
	assert_int_equal(two.n, 3);
	assert_memory_equal(one.sums, two.sums, 3 * sizeof *one.sums);
	hash_blocks_clear(&one);
	hash_blocks_clear(&two);
	assert_int_equal(ftruncate(fd, 1000), 0);
	assert_int_equal(remote_blocks_get(s, sha256, fd, NULL, &two, &err), -ERR_FORMAT);
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/vdet-remote-XXXXXX");
	return mkdtemp(dir) && sodium_init() >= 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_comes_back),
		cmocka_unit_test(a_direct_address_comes_back),
		cmocka_unit_test(a_private_address_is_refused),
		cmocka_unit_test(addresses_of_s3_are_signed),
		cmocka_unit_test(addresses_that_make_no_sense_are_refused),
		cmocka_unit_test(a_signature_is_for_one_thing_and_time),
		cmocka_unit_test(paths_are_mapped),
		cmocka_unit_test(the_least_recently_used_block_goes_first),
		cmocka_unit_test(damaged_blocks_are_missing),
		cmocka_unit_test(a_blob_has_the_name_of_its_content),
		cmocka_unit_test(hashes_of_blocks_stay_with_the_source),
		cmocka_unit_test(blocks_are_hashed_once),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
