/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/access/access.h"
#include "net/api/api.h"
#include "net/http/listen.h"
#include "net/access/rate-limit.h"
#include "net/http/range.h"
#include "net/http/request-check.h"
#include "net/http/route.h"
#include "net/upload/tus-text.h"
#include "net/upload/tus.h"
#include "net_openapi.h"

static void ranges_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t size;
		enum range_result answer;
		int64_t first, last;
	} cases[] = {
		{"bytes=0-99", 1000, RANGE_PART, 0, 99},
		{"bytes=0-", 1000, RANGE_PART, 0, 999},
		{"bytes=999-", 1000, RANGE_PART, 999, 999},
		{"bytes=-1", 1000, RANGE_PART, 999, 999},
		{"bytes=-5000", 1000, RANGE_PART, 0, 999},
		{"bytes=5-99999999999999999999999", 1000, RANGE_PART, 5, 999},
		{"Bytes= 1-2 ", 1000, RANGE_PART, 1, 2},
		{"bytes=1000-", 1000, RANGE_WRONG, 0, 0},
		{"bytes=99999999999999999999999-", 1000, RANGE_WRONG, 0, 0},
		{"bytes=-0", 1000, RANGE_WRONG, 0, 0},
		{"bytes=0-0", 0, RANGE_WRONG, 0, 0},
		{"bytes=-5", 0, RANGE_WRONG, 0, 0},
		{"bytes=2-1", 1000, RANGE_WHOLE, 0, 0},
		{"bytes=-", 1000, RANGE_WHOLE, 0, 0},
		{"bytes=1-2,4-5", 1000, RANGE_WHOLE, 0, 0},
		{"bytes=--1", 1000, RANGE_WHOLE, 0, 0},
		{"items=0-1", 1000, RANGE_WHOLE, 0, 0},
		{"", 1000, RANGE_WHOLE, 0, 0},
		{NULL, 1000, RANGE_WHOLE, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t first = -7, last = -7;
		assert_int_equal(range_read(cases[i].text, cases[i].size, &first, &last), cases[i].answer);
		assert_int_equal(first, cases[i].answer == RANGE_PART ? cases[i].first : -7);
		assert_int_equal(last, cases[i].answer == RANGE_PART ? cases[i].last : -7);
	}
}

static void metadata_is_read(void **state)
{
	static const char *const bad[] = {
		"k abc", "k ab=c", "k a===", "a YQ==,a YQ==", ",", " ", "k\x01 YQ==", "k YQ==YQ=="};
	json_t *m = NULL;
	struct err err;
	(void)state;
	assert_ok(tus_metadata("filename d29ybGQubXA0,analyze dHJ1ZQ==, empty,odd /w==", &m, &err));
	assert_int_equal(json_object_size(m), 4);
	assert_string_equal(json_string_value(json_object_get(m, "filename")), "world.mp4");
	assert_string_equal(json_string_value(json_object_get(m, "analyze")), "true");
	assert_string_equal(json_string_value(json_object_get(m, "empty")), "");
	/* no UTF-8 */
	assert_string_equal(json_string_value(json_object_get(m, "odd")), "\xEF\xBF\xBD");
	json_decref(m);
	assert_ok(tus_metadata("", &m, &err));
	assert_int_equal(json_object_size(m), 0);
	json_decref(m);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		m = NULL;
		assert_true(tus_metadata(bad[i], &m, &err) < 0);
		assert_null(m);
	}
}

/* The JSON that tus_request() makes of the metadata; NULL if it is refused. */
static char *requested(json_t *metadata)
{
	struct err err;
	json_auto_t *request = NULL;
	char *text = NULL;
	if (tus_request(metadata, &request, &err) == 0)
		text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(metadata);
	return text;
}

static void requests_are_read(void **state)
{
	static const struct {
		const char *key, *value, *request; /* request NULL: refused */
	} cases[] = {
		{"analyze", "True", "{\"analyze\":true}"},
		{"analyze", "0", "{\"analyze\":false}"},
		{"analyze", "", "{\"analyze\":false}"},
		{"analyze", "maybe", NULL},
		{"priority", "-7", "{\"analyze\":false,\"priority\":-7}"},
		/* left for the board to refuse */
		{"priority", "7x", "{\"analyze\":false,\"priority\":\"7x\"}"},
		{"priority", "null", "{\"analyze\":false,\"priority\":\"null\"}"},
		{"options", "[1]", "{\"analyze\":false,\"options\":[1]}"},
		{"options", "{\"a\":1}", "{\"analyze\":false,\"options\":{\"a\":1}}"},
		{"options", "{\"a\":1,\"a\":2}", NULL},
		{"options", "{not json", NULL},
		{"options", "hello", NULL},
		{"filetype", "maybe", "{\"analyze\":false}"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(mem_freep)
		char *text = requested(json_pack("{s:s}", cases[i].key, cases[i].value));
		if (cases[i].request)
			assert_string_equal(text, cases[i].request);
		else
			assert_null(text);
	}
}

static void checksums_are_read(void **state)
{
	static const char *const bad[] = {
		"",          "sha1",        "sha1 ",     "md5 1B2M2Y8AsgTpgAmY7PhCfg==",
		"sha1 YQ==", "sha256 YQ==", "sha1 !!!!", "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0="};
	enum upload_sum sum;
	unsigned char bytes[32];
	struct err err;
	(void)state;
	assert_ok(tus_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &sum, bytes, &err));
	assert_int_equal(sum, UPLOAD_SHA1);
	assert_memory_equal(bytes, "\x2a\xae\x6c\x35\xc9\x4f\xcf\xb4", 8);
	assert_ok(
		tus_checksum("sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", &sum, bytes, &err));
	assert_int_equal(sum, UPLOAD_SHA256);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(tus_checksum(bad[i], &sum, bytes, &err) < 0);
}

static void addresses_are_read(void **state)
{
	static const struct {
		const char *text, *host, *port;
		bool local;
	} good[] = {
		{"127.0.0.1:8080", "127.0.0.1", "8080", true}, {"[::1]:0", "::1", "0", true},
		{"0.0.0.0:80", "0.0.0.0", "80", false},        {":80", "", "80", false},
		{"127.9.9.9:1", "127.9.9.9", "1", true},       {"[::]:80", "::", "80", false},
		{"192.0.2.1:80", "192.0.2.1", "80", false},
	};
	static const char *const bad[] = {
		"",       "8080",           "127.0.0.1",     "127.0.0.1:", "127.0.0.1:http",
		"::1:80", "1.2.3.4:999999", "unix:relative", "a b:80"};
	struct listen_address a;
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_ok(listen_parse(good[i].text, strlen(good[i].text), &a, &err));
		assert_string_equal(a.host, good[i].host);
		assert_string_equal(a.port, good[i].port);
		assert_int_equal(a.local, good[i].local);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(listen_parse(bad[i], strlen(bad[i]), &a, &err) < 0);
	assert_ok(listen_parse("unix:/run/vdet.sock,rest", 19, &a, &err));
	assert_string_equal(a.host, "/run/vdet.sock");
	assert_true(a.unix_socket && a.local);
}

static int connect_to(int port)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)port),
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void connections_without_a_descriptor_are_closed(void **state)
{
	struct listen_address a;
	struct listen_spare spare = {.fd = -1};
	struct rlimit before, few;
	struct err err;
	int listener, port, fd = -1;
	(void)state;
	assert_ok(listen_parse("127.0.0.1:0", 11, &a, &err));
	assert_ok(listen_open(&a, &listener, &port, &err));
	int clients[] = {connect_to(port), connect_to(port)};
	listen_spare_open(&spare);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)spare.fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (dup(listener) >= 0) /* those below the limit that are unused */
		continue;

	assert_int_equal(listen_accept(listener, &spare, &fd), LISTEN_SHED);
	assert_int_equal(read(clients[0], (char[1]){0}, 1), 0);
	assert_true(spare.fd >= 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(listen_accept(listener, &spare, &fd), LISTEN_ACCEPTED);
	assert_true(fd >= 0);
	close(fd);

	/* The system says that no descriptor is left before it says that no one is
	 * waiting. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(listen_accept(listener, &spare, &fd), LISTEN_NONE);
	assert_true(spare.fd >= 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 2; i++)
		close(clients[i]);
	close(listener);
	close(spare.fd);
}

static void clients_are_limited(void **state)
{
	struct rate_limiter *l = rate_limiter_new(2, 10);
	double wait = 0;
	int64_t now = 1000000;
	size_t n = 0;
	(void)state;
	assert_true(rate_limiter_connect(l, "192.0.2.1") && rate_limiter_connect(l, "192.0.2.1"));
	assert_false(rate_limiter_connect(l, "192.0.2.1"));
	assert_true(rate_limiter_connect(l, "192.0.2.2"));
	rate_limiter_disconnect(l, "192.0.2.1");
	assert_true(rate_limiter_connect(l, "192.0.2.1"));
	while (rate_limiter_request(l, "192.0.2.1", now, &wait))
		n++;
	assert_int_equal(n, 50); /* five seconds' worth */
	assert_true(wait > 0 && wait <= 0.1);
	assert_true(rate_limiter_request(l, "192.0.2.2", now, &wait));
	assert_true(rate_limiter_request(l, "192.0.2.1", now + 100000, &wait));
	assert_false(rate_limiter_request(l, "192.0.2.1", now + 100000, &wait));
	for (n = 0; rate_limiter_login(l, "192.0.2.1", now, &wait);)
		n++;
	assert_int_equal(n, 10);
	assert_true(wait > 9 && wait <= 10);
	rate_limiter_free(l);
}

/* A folder of its own for each test that writes. */
static char *folder(void)
{
	char *dir = mem_strdup("/tmp/vdet-net-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

static void tokens_and_passwords_are_kept(void **state)
{
	AUTO(mem_freep) char *dir = folder();
	AUTO(mem_freep) char *file = file_join(dir, "access.txt"), *key = file_join(dir, "key");
	AUTO(access_freep) struct access *a = NULL;
	AUTO(buf_free) struct buf text = BUF(10000);
	char token[ACCESS_TOKEN_MAX], cookie[ACCESS_COOKIE_MAX], other[ACCESS_COOKIE_MAX];
	struct who who;
	struct err err;
	(void)state;
	assert_ok(access_open(file, key, 60 * CLOCK_SECOND, &a, &err));
	assert_false(access_needed(a));
	assert_ok(access_add_token(a, "robot", ROLE_SUBMIT, token, &err));
	assert_int_equal(access_add_token(a, "robot", ROLE_VIEW, other, &err), -ERR_BUSY);
	assert_int_equal(access_add_user(a, "eva", ROLE_ADMIN, "short", &err), -ERR_ARG);
	assert_int_equal(access_add_user(a, "e va", ROLE_ADMIN, "long enough", &err), -ERR_ARG);
	assert_ok(access_add_user(a, "eva", ROLE_ADMIN, "long enough", &err));
	assert_true(access_needed(a));
	assert_ok(file_read(file, &text, &err));
	assert_null(strstr(buf_str(&text), token));
	assert_null(strstr(buf_str(&text), "long enough"));

	assert_true(access_token(a, token, &who));
	assert_string_equal(who.name, "robot");
	assert_int_equal(who.role, ROLE_SUBMIT);
	token[10] ^= 1;
	assert_false(access_token(a, token, &who));
	assert_false(access_token(a, "", &who));
	assert_false(access_password(a, "eva", "wrong", &who));
	assert_false(access_password(a, "robot", "long enough", &who));
	assert_false(access_password(a, "unknown", "long enough", &who));
	assert_true(access_password(a, "eva", "long enough", &who));
	assert_int_equal(who.role, ROLE_ADMIN);

	/* Another process, as after a restart, believes the same cookie; no one
	 * believes a changed one. */
	assert_ok(access_cookie_new(a, &who, cookie, &err));
	access_free(TAKE(a));
	assert_ok(access_open(file, key, 60 * CLOCK_SECOND, &a, &err));
	assert_true(access_cookie(a, cookie, &who));
	assert_string_equal(who.name, "eva");
	for (size_t i = 0; i < strlen(cookie); i += 3) {
		memcpy(other, cookie, sizeof other);
		other[i] = other[i] == 'a' ? 'b' : 'a';
		assert_false(access_cookie(a, other, &who));
	}
	access_cookie_end(a, cookie);
	assert_false(access_cookie(a, cookie, &who));
	assert_ok(access_cookie_new(a, &who, cookie, &err));
	assert_int_equal(access_remove(a, "eva", true, &err), -ERR_BUSY); /* the last admin */
	assert_ok(access_remove(a, "eva", false, &err));
	assert_false(access_cookie(a, cookie, &who));
	assert_int_equal(access_remove(a, "eva", true, &err), -ERR_NOENT);
	assert_ok(access_remove(a, "robot", true, &err));
	assert_true(access_needed(a)); /* the last one gone does not open the door */
	unlink(file);
	unlink(key);
	rmdir(dir);
}

static void a_bad_file_of_tokens_is_refused(void **state)
{
	static const char *const bad[] = {"token x admin\n", "token x king 0\n", "ticket x admin abc\n",
	                                  "token x admin abc\n", "user a/b admin $argon2id$x\n"};
	AUTO(mem_freep) char *dir = folder();
	AUTO(mem_freep) char *file = file_join(dir, "access.txt");
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct access *a = NULL;
		assert_ok(file_write(file, bad[i], strlen(bad[i]), &err));
		assert_true(access_open(file, "/nonexistent", 1, &a, &err) < 0);
		assert_non_null(strstr(err.msg, "access.txt:1"));
	}
	unlink(file);
	rmdir(dir);
}

/* ---- the document and the program */

static enum method method_of(const char *name)
{
	static const char *const names[] = {"get", "head", "post", "patch", "delete", "put", "options"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum method)i;
	return METHOD_OTHER;
}

static struct route_table tables[2];

static int set_up_routes(void **state)
{
	(void)state;
	tables[0] = (struct route_table){api_routes, n_api_routes, NULL};
	tables[1] = (struct route_table){tus_routes, n_tus_routes, NULL};
	return 0;
}

static const struct route *route_of(enum method m, const char *pattern)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (size_t i = 0; i < tables[t].n; i++)
			if (tables[t].routes[i].method == m &&
			    strcmp(tables[t].routes[i].pattern, pattern) == 0)
				return &tables[t].routes[i];
	return NULL;
}

static void openapi_describes_exactly_the_routes(void **state)
{
	json_error_t e;
	json_t *doc = json_loadb(net_openapi_json, net_openapi_json_len, JSON_REJECT_DUPLICATES, &e),
		   *item, *op;
	const char *path, *method;
	size_t described = 0;
	json_auto_t *ids = json_object();
	(void)state;
	assert_non_null(doc);
	json_object_foreach (json_object_get(doc, "paths"), path, item)
		json_object_foreach (item, method, op) {
			enum method m = method_of(method);
			const struct route *r = route_of(m, path);
			if (m == METHOD_OTHER) /* "parameters" */
				continue;
			described++;
			if (!r && m == METHOD_HEAD) { /* as GET */
				assert_non_null(route_of(METHOD_GET, path));
				described--;
				continue;
			}
			if (!r)
				fail_msg("%s %s is in openapi.json, but there is no such route", method, path);
			const char *id = json_string_value(json_object_get(op, "operationId"));
			assert_non_null(id);
			assert_null(json_object_get(ids, id)); /* unique */
			json_object_set_new(ids, id, json_true());
			assert_string_equal(json_string_value(json_object_get(op, "x-role")),
			                    role_name(r->role));
			assert_int_equal(json_object_get(op, "requestBody") != NULL,
			                 r->flags & ROUTE_BODY || r->sink);
		}
	assert_int_equal(described, n_api_routes + n_tus_routes - 1); /* all but the page's files */
	json_decref(doc);
}

static void routes_are_found(void **state)
{
	static const struct {
		enum method m;
		const char *path, *pattern, *arg;
	} good[] = {
		{METHOD_GET, "/api/v1/jobs", "/api/v1/jobs", ""},
		{METHOD_HEAD, "/api/v1/jobs", "/api/v1/jobs", ""},
		{METHOD_GET, "/api/v1/jobs/7", "/api/v1/jobs/{id}", "7"},
		{METHOD_POST, "/api/v1/jobs/7/pause", "/api/v1/jobs/{id}/pause", "7"},
		{METHOD_GET, "/api/v1/videos/12/storyboard.vtt", "/api/v1/videos/{id}/storyboard.vtt",
	     "12"},
		{METHOD_GET, "/api/v1/videos/7/storyboard-2.jpg",
	     "/api/v1/videos/{id}/storyboard-{sheet}.jpg", "7"},
		{METHOD_DELETE, "/api/v1/tokens/a.b", "/api/v1/tokens/{name}", "a.b"},
		{METHOD_GET, "/app.js", "/{name}", "app.js"},
	};
	static const char *const bad[] = {"/api/v1/jobs/",
	                                  "/api/v1/jobs//",
	                                  "/api/v1/jobs/7/",
	                                  "/api/v1/jobs/7/x",
	                                  "//",
	                                  "/api/v1/jobs/7/pause/x",
	                                  "/api/v1",
	                                  "",
	                                  "/etc/passwd",
	                                  "/../app.js"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct route_args args;
		void *ctx;
		AUTO(buf_free) struct buf allow = BUF(200);
		const struct route *r = route_find(tables, 2, good[i].m, good[i].path, &args, &ctx, &allow);
		assert_non_null(r);
		assert_string_equal(r->pattern, good[i].pattern);
		assert_string_equal(args.text[0], good[i].arg);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct route_args args;
		void *ctx;
		AUTO(buf_free) struct buf allow = BUF(200);
		assert_null(route_find(tables, 2, METHOD_GET, bad[i], &args, &ctx, &allow));
		assert_int_equal(allow.len, 0);
	}
	struct route_args args;
	void *ctx;
	AUTO(buf_free) struct buf allow = BUF(200);
	assert_null(route_find(tables, 2, METHOD_DELETE, "/api/v1/jobs", &args, &ctx, &allow));
	assert_string_equal(buf_str(&allow), "GET, POST");
}

static void heads_are_checked(void **state)
{
	static const struct {
		const char *text;
		enum request_verdict verdict;
		int status;
	} cases[] = {
		{"", REQUEST_INCOMPLETE, 0},
		{"GET / HTTP/1.1", REQUEST_INCOMPLETE, 0},
		{"GET / HTTP/1.1\r\nHost: a\r\n", REQUEST_INCOMPLETE, 0},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_GOOD, 0},
		{"GET / HTTP/1.1\nHost: a\n\n", REQUEST_GOOD, 0},
		{"GET / HTTP/1.0\r\n\r\n", REQUEST_GOOD, 0},
		{"GET /%41%2f?q=%c3%a4 HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_GOOD, 0},
		{"POST / HTTP/1.1\r\nHost:a\r\nContent-Length: 5\r\n\r\n\0", REQUEST_GOOD, 0},
		{"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n", REQUEST_GOOD, 0},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_OPTIONS, 0},
		{"get / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_BAD, 501},
		{"GET / HTTP/1.1\r\n\r\n", REQUEST_BAD, 400},
		{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_BAD, 400},
		{"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_BAD, 400},
		{"GET /%0g HTTP/1.1\r\nHost: a\r\n\r\n", REQUEST_BAD, 400},
		{"\x16\x03", REQUEST_BAD, 400},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct request_fault f = {0};
		assert_int_equal(request_check(cases[i].text, strlen(cases[i].text), &f), cases[i].verdict);
		assert_int_equal(f.status, cases[i].status);
		assert_int_equal(f.detail[0] != '\0', cases[i].status != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(heads_are_checked),
		cmocka_unit_test(metadata_is_read),
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(checksums_are_read),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(connections_without_a_descriptor_are_closed),
		cmocka_unit_test(clients_are_limited),
		cmocka_unit_test(tokens_and_passwords_are_kept),
		cmocka_unit_test(a_bad_file_of_tokens_is_refused),
		cmocka_unit_test(openapi_describes_exactly_the_routes),
		cmocka_unit_test(routes_are_found),
	};
	return cmocka_run_group_tests(tests, set_up_routes, NULL);
}
