/* SPDX-License-Identifier: Apache-2.0 */
/* A source that is read from a head over HTTP, as a worker does: the same bytes
 * and the same frames as of the file, whatever the head sends. */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "decoder/decoder.h"
#include "media-help.h"
#include "remote-help.h"
#include "remote/blob.h"
#include "remote/source.h"

static void compare(struct remote_source *s, int fd, int64_t pos, size_t len)
{
	struct err err = {0};
	AUTO(mem_freep) char *a = mem_alloc(len, 1), *b = mem_alloc(len, 1);
	if (remote_source_read(s, pos, a, len, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(pread(fd, b, len, pos), len);
	assert_memory_equal(a, b, len);
}

static void bytes_are_those_of_the_file(void **state)
{
	(void)state;
	enum { SIZE = 20 * MB + 12345 };
	AUTO(mem_freep) char *path = make_file("random", SIZE, 1);
	AUTO(head_end) struct head h = {0};
	AUTO(worker_end) struct worker w = {0};
	AUTO(remote_source_freep) struct remote_source *s = NULL;
	struct err err = {0};
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-1", 8);
	struct remote_meter meter = {0};
	w.options.meter = &meter;
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	assert_int_equal(remote_source_size(s), SIZE);

	compare(s, fd, SIZE - 3, 3);
	compare(s, fd, MB - 1, 2);
	for (int64_t pos = 0; pos < SIZE; pos += 300000)
		compare(s, fd, pos, SIZE - pos < 300000 ? (size_t)(SIZE - pos) : 300000);
	assert_int_equal(remote_source_read(s, SIZE - 1, &(char[2]){0}, 2, NULL, &err), -ERR_ARG);
	assert_int_equal(remote_source_read(s, -1, &(char[2]){0}, 2, NULL, &err), -ERR_ARG);
	struct remote_cache_counts n = remote_cache_count(w.cache);
	assert_true(n.bytes <= 8 * MB && n.evicted >= 12);
	assert_false(remote_source_fault(s, NULL));
	assert_int_equal(h.asked, 1);

	/* What is kept is there after a restart; what is forgotten is not. */
	int64_t fetched = remote_source_count(s).fetched;
	assert_true(fetched >= SIZE);
	/* What was only read ahead does not count as a hit. */
	assert_int_equal(meter.miss_bytes, fetched);
	assert_true(meter.misses >= SIZE / MB && meter.hits <= 1 && meter.wait > 0);
	int64_t hits = meter.hits, hit_bytes = meter.hit_bytes;
	remote_source_free(TAKE(s));
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	compare(s, fd, SIZE - 3, 3);
	assert_int_equal(remote_source_count(s).fetched, 0);
	assert_int_equal(meter.hits, hits + 1);
	assert_int_equal(meter.hit_bytes, hit_bytes + 12345);
	assert_int_equal(meter.miss_bytes, fetched);
	remote_source_forget(s);
	assert_int_equal(remote_cache_count(w.cache).blocks, 0);
}

struct reader {
	struct remote_source *s;
	int fd, seed;
};

static void *read_around(void *arg)
{
	const struct reader *r = arg;
	for (int i = 0; i < 20; i++)
		compare(r->s, r->fd, (int64_t)((i * 7 + r->seed * 3) % 20) * MB + 500000, 700000);
	return NULL;
}

static void threads_read_one_source(void **state)
{
	(void)state;
	enum { READERS = 4 };
	AUTO(mem_freep) char *path = make_file("shared", 21 * MB, 2);
	AUTO(head_end) struct head h = {0};
	AUTO(worker_end) struct worker w = {0};
	AUTO(remote_source_freep) struct remote_source *s = NULL;
	struct err err = {0};
	struct reader readers[READERS];
	pthread_t threads[READERS];
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-2", 8);
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){s, fd, i};
		assert_ok(pthread_create(&threads[i], NULL, read_around, &readers[i]));
	}
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
}

static void another_address_is_asked_for(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("expired", 3 * MB, 3);
	AUTO(head_end) struct head h = {.refuse = 1};
	AUTO(worker_end) struct worker w = {0};
	AUTO(remote_source_freep) struct remote_source *s = NULL, *none = NULL;
	struct err err = {0};
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-3", 8);
	h.replace[0] = "/fleet/source";
	h.replace[1] = "/fleet/nothing";
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	assert_int_equal(remote_source_read(s, 0, &(char){0}, 1, NULL, &err), -ERR_NOENT);
	h.replace[0] = NULL;
	remote_source_free(TAKE(s));

	h.asked = 0;
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	compare(s, fd, 0, 100);
	/* A head that was restarted has another key. */
	AUTO(mem_freep) char *address = mem_strdup(strstr(fleet_http_url(h.http), "://") + 3);
	const char *port = strchr(address, ':');
	AUTO(mem_freep) char *listen = mem_printf("127.0.0.1%s", port);
	fleet_http_free(TAKE(h.http));
	head_start(&h, listen);
	int before = h.asked;
	compare(s, fd, 2 * MB, 100);
	assert_int_equal(h.asked, before + 1);

	/* Refused twice. */
	h.asked = 0;
	h.refuse = 100;
	remote_source_free(TAKE(s));
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	assert_int_equal(remote_source_read(s, MB, &(char){0}, 1, NULL, &err), -ERR_PERM);
	assert_int_equal(h.asked, 2);
	assert_null(strstr(err.msg, "signature="));
	char other[HASH_HEX];
	memset(other, 'a', sizeof other - 1);
	other[sizeof other - 1] = '\0';
	assert_int_equal(remote_source_open(&w.options, other, NULL, &none, &err), -ERR_NOENT);
	assert_int_equal(remote_source_open(&w.options, "../x", NULL, &none, &err), -ERR_ARG);
}

/* Opens and reads byte 0; what is wrong. */
static int fails(struct worker *w, struct head *h, struct err *err)
{
	AUTO(remote_source_freep) struct remote_source *s = NULL;
	char byte;
	int r = remote_source_open(&w->options, h->sha256, NULL, &s, err);
	if (r < 0)
		return r;
	r = remote_source_read(s, 0, &byte, 1, NULL, err);
	struct err fault;
	assert_true(r == 0 || remote_source_fault(s, &fault));
	print_message("%s\n", err->msg);
	return r;
}

static void what_is_not_the_source_is_refused(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("right", 3 * MB, 4);
	AUTO(mem_freep) char *other = make_file("wrong", 3 * MB, 5);
	AUTO(mem_freep) char *cut = make_file("cut", 2 * MB + 1, 4);
	AUTO(mem_freep) char *brief = make_file("brief", 2 * MB, 4);
	AUTO(head_end) struct head h = {0};
	AUTO(worker_end) struct worker w = {0};
	struct err err = {0};
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-4", 8);
	assert_ok(fails(&w, &h, &err));
	remote_cache_clear(w.cache);

	/* Other bytes. */
	char *right = h.sent;
	h.sent = other;
	assert_int_equal(fails(&w, &h, &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "block 0"));
	assert_int_equal(remote_cache_count(w.cache).blocks, 0);
	/* Another size than the head says. */
	h.sent = right;
	h.replace[0] = "\"size\":3145728";
	h.replace[1] = "\"size\":2097152";
	assert_int_equal(fails(&w, &h, &err), -ERR_PROTO);
	/* Hashes that are not those of the answer. */
	h.replace[0] = "\"blocks_sha256\":\"";
	AUTO(mem_freep) char *lie = mem_printf("\"blocks_sha256\":\"%.64s\",\"x\":\"", h.sha256);
	h.replace[1] = lie;
	assert_int_equal(fails(&w, &h, &err), -ERR_FORMAT);
	assert_non_null(strstr(err.msg, "hashes"));
	/* No answer that makes sense. */
	h.replace[1] = "\"blocks_sha256\":\"0";
	assert_int_equal(fails(&w, &h, &err), -ERR_PROTO);

	/* The file is shorter than it was: there is no whole block, or none. */
	h.replace[0] = NULL;
	AUTO(remote_source_freep) struct remote_source *s = NULL;
	char byte;
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	h.sent = cut;
	assert_int_equal(remote_source_read(s, 2 * MB + 5, &byte, 1, NULL, &err), -ERR_FORMAT);
	print_message("%s\n", err.msg);
	h.sent = brief;
	assert_int_equal(remote_source_read(s, 2 * MB + 5, &byte, 1, NULL, &err), -ERR_FORMAT);
	print_message("%s\n", err.msg);
	h.sent = right;
	assert_ok(remote_source_read(s, 2 * MB + 5, &byte, 1, NULL, &err));
}

/* A server that answers each request with the same text. */
struct liar {
	int listener, port;
	const char *text;
	pthread_t thread;
};

static void *answer_all(void *arg)
{
	struct liar *l = arg;
	char request[4096];
	for (int fd; (fd = accept(l->listener, NULL, NULL)) >= 0; close(fd)) {
		size_t len = 0;
		ssize_t n = 1;
		while (n > 0 && len < sizeof request - 1) {
			n = read(fd, request + len, sizeof request - 1 - len);
			len += n > 0 ? (size_t)n : 0;
			request[len] = '\0';
			if (strstr(request, "\r\n\r\n"))
				break;
		}
		if (write(fd, l->text, strlen(l->text)) < 0)
			continue;
		shutdown(fd, SHUT_WR);
		while (read(fd, request, sizeof request) > 0)
			;
	}
	return NULL;
}

static void liar_begin(struct liar *l, const char *text)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;
	l->text = text;
	l->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_ok(bind(l->listener, (struct sockaddr *)&at, sizeof at));
	assert_ok(listen(l->listener, 16));
	assert_ok(getsockname(l->listener, (struct sockaddr *)&at, &len));
	l->port = ntohs(at.sin_port);
	assert_ok(pthread_create(&l->thread, NULL, answer_all, l));
}

static void liar_end(struct liar *l)
{
	shutdown(l->listener, SHUT_RDWR);
	pthread_join(l->thread, NULL);
	close(l->listener);
}

static void replies_of_no_head_are_errors(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int result;
		const char *part;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", -ERR_PROTO, "something else"},
		{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", -ERR_PROTO, "302"},
		{"HTTP/1.1 404 Not Found\r\n\r\nno such page", -ERR_NOENT, "no reason"},
		{"HTTP/1.1 500 Oops\r\n\r\n{\"detail\": \"its disk\\nis full\"}", -ERR_IO,
	     "its disk is full"},
		{"HTTP/1.1 206 Part\r\nContent-Length: 1048576\r\n\r\nabc", -ERR_IO, "cannot be reached"},
		{"HTTP/1.1 206 Part\r\nContent-Length: 3\r\n\r\nabc", -ERR_IO, "of 1048576 bytes"},
		{"HTTP/1.1 206 Part\r\n\r\n", -ERR_IO, "0 of 1048576 bytes"},
		{"SSH-2.0-OpenSSH\r\n", -ERR_IO, "cannot be reached"},
		{"", -ERR_IO, "cannot be reached"},
	};
	AUTO(mem_freep) char *path = make_file("liar", MB, 10);
	AUTO(head_end) struct head h = {0};
	AUTO(worker_end) struct worker w = {0};
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-8", 8);
	AUTO(mem_freep) char *from = mem_printf("%s/fleet/source", fleet_http_url(h.http));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct liar l;
		struct err err = {0};
		liar_begin(&l, cases[i].text);
		AUTO(mem_freep) char *to = mem_printf("http://127.0.0.1:%d/fleet/source", l.port);
		h.replace[0] = from;
		h.replace[1] = to;
		int r = fails(&w, &h, &err);
		liar_end(&l);
		if (r != cases[i].result || !strstr(err.msg, cases[i].part))
			fail_msg("%zu: %d, %s", i, r, err.msg);
	}
	assert_int_equal(remote_cache_count(w.cache).blocks, 0);
}

static void a_head_that_is_gone_is_tried_again(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("gone", 3 * MB, 6);
	AUTO(head_end) struct head h = {0};
	AUTO(worker_end) struct worker w = {0};
	AUTO(remote_source_freep) struct remote_source *s = NULL;
	struct err err = {0};
	char byte;
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-5", 8);
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	AUTO(mem_freep) char *listen = mem_strdup(strstr(fleet_http_url(h.http), "://") + 3);
	fleet_http_free(TAKE(h.http));
	assert_int_equal(remote_source_read(s, 0, &byte, 1, NULL, &err), -ERR_IO);
	assert_null(strstr(err.msg, "signature="));
	print_message("%s\n", err.msg);

	/* Cancel ends the waiting at once. */
	struct cancel *cancel = cancel_new();
	cancel_fire(cancel);
	assert_int_equal(remote_source_read(s, 0, &byte, 1, cancel, &err), -ERR_CANCELED);
	cancel_free(cancel);
	AUTO(mem_freep) char *again = mem_printf("127.0.0.1%s", strchr(listen, ':'));
	head_start(&h, again);
	assert_ok(remote_source_read(s, 0, &byte, 1, NULL, &err));
}

static void a_path_that_both_see_is_read(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("mapped", 3 * MB, 7);
	AUTO(mem_freep) char *there = file_join(dir, "mount"), *map = NULL, *mine = NULL;
	AUTO(head_end) struct head h = {0};
	AUTO(worker_end) struct worker w = {0};
	struct err err = {0};
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-6", 8);
	assert_ok(file_mkdirs(there, true, &err));
	mine = file_join(there, "mapped");
	map = mem_printf("%s=%s", dir, there);
	w.options.path_map = map;
	for (int i = 0; i < 4; i++) {
		AUTO(remote_source_freep) struct remote_source *s = NULL;
		if (i == 1)
			assert_ok(link(path, mine)); /* the same file */
		if (i == 2) {                    /* a file of another size */
			assert_ok(unlink(mine));
			assert_ok(file_write(mine, "x", 1, &err));
		}
		if (i == 3) { /* other bytes of the same size */
			AUTO(mem_freep) char *other = make_file("other", 3 * MB, 8);
			assert_ok(rename(other, mine));
		}
		remote_cache_clear(w.cache);
		assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
		compare(s, fd, 0, 2 * MB);
		struct remote_source_counts n = remote_source_count(s);
		assert_int_equal(n.local, i == 1 ? 2 * MB : 0);
		assert_true(i == 1 ? n.fetched == 0 : n.fetched >= 2 * MB);
	}
}

static void blobs_arrive(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("any", MB, 9), *blobs = file_join(dir, "blobs");
	AUTO(mem_freep) unsigned char *data = mem_alloc(REMOTE_BLOB_MAX + 1, 1), *got = NULL;
	AUTO(head_end) struct head h = {0};
	AUTO(worker_end) struct worker w = {0};
	char sha256[HASH_HEX];
	size_t len;
	struct err err = {0};
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-7", 8);
	memset(data, 7, REMOTE_BLOB_MAX);
	if (remote_blob_put(&w.options, data, REMOTE_BLOB_MAX, NULL, sha256, &err) < 0)
		fail_msg("%s", err.msg);
	assert_ok(remote_blob_load(blobs, "w", sha256, &got, &len, &err));
	assert_int_equal(len, REMOTE_BLOB_MAX);
	assert_memory_equal(got, data, len);
	assert_ok(remote_blob_put(&w.options, data, 5, NULL, sha256, &err));
	assert_int_equal(remote_blob_put(&w.options, data, 0, NULL, sha256, &err), -ERR_LIMIT);
	assert_int_equal(remote_blob_put(&w.options, data, REMOTE_BLOB_MAX + 1, NULL, sha256, &err),
	                 -ERR_LIMIT);
	/* An address for one thing does not take another. */
	AUTO(mem_freep) char *from = mem_printf("/fleet/blob/%s", sha256);
	AUTO(mem_freep) char *to = mem_printf("/fleet/blob/%s", h.sha256);
	h.replace[0] = from;
	h.replace[1] = to;
	assert_int_equal(remote_blob_put(&w.options, data, 5, NULL, sha256, &err), -ERR_PERM);
}

/* As a worker, so many bytes of this kind. */
static int put_as(struct head *h, struct worker *w, const char *worker, int byte, size_t len,
                  char sha256[static HASH_HEX], struct err *err)
{
	AUTO(mem_freep) unsigned char *data = memset(mem_alloc(len, 1), byte, len);
	h->worker = worker;
	return remote_blob_put(&w->options, data, len, NULL, sha256, err);
}

static void a_worker_has_a_quota(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("full", MB, 12), *blobs = file_join(dir, "blobs");
	AUTO(head_end) struct head h = {.quota = 3 * MB};
	AUTO(worker_end) struct worker w = {0};
	char first[HASH_HEX], sha256[HASH_HEX];
	struct err err = {0};
	head_begin(&h, path);
	worker_begin(&w, &h, "c", 8);
	w.options.patience = 1; /* no second attempt */
	assert_ok(put_as(&h, &w, "greedy", 1, MB, first, &err));
	assert_ok(put_as(&h, &w, "greedy", 2, MB, sha256, &err));
	assert_int_equal(put_as(&h, &w, "greedy", 3, 2 * MB, sha256, &err), -ERR_NOSPC);
	assert_non_null(strstr(err.msg, "answered 507: the head has 2 MiB of worker greedy"));
	assert_non_null(strstr(err.msg, "at most 3 MiB"));
	assert_ok(put_as(&h, &w, "other", 3, 2 * MB, sha256, &err));

	/* What is in the journal does not count, nor what is old. */
	w.options.patience = 60 * CLOCK_SECOND;
	remote_blob_settle(blobs, "greedy", first);
	assert_ok(put_as(&h, &w, "greedy", 4, MB, first, &err));
	const struct timespec old[] = {{time(NULL) - 7200, 0}, {time(NULL) - 7200, 0}};
	AUTO(mem_freep) char *kept = mem_printf("%s/from-greedy/%s", blobs, first);
	assert_int_equal(utimensat(AT_FDCWD, kept, old, 0), 0);
	assert_ok(put_as(&h, &w, "greedy", 5, 2 * MB - 8192, sha256, &err));
	assert_false(file_exists(kept));

	h.replace[0] = "worker=greedy";
	h.replace[1] = "worker=other"; /* asking as one, sending as another */
	assert_int_equal(put_as(&h, &w, "greedy", 6, 10, sha256, &err), -ERR_PERM);
	h.replace[0] = NULL;
	fleet_http_free(TAKE(h.http)); /* it also holds for the next head */
	head_start(&h, "127.0.0.1:0");
	w.options.patience = 1;
	assert_int_equal(put_as(&h, &w, "greedy", 6, MB, sha256, &err), -ERR_NOSPC);
}

static void tls_is_used_with_a_certificate(void **state)
{
	(void)state;
	AUTO(mem_freep) char *path = make_file("tls", 3 * MB, 11);
	AUTO(head_end) struct head h = {.cert = file_join(dir, "cert"), .key = file_join(dir, "key")};
	AUTO(worker_end) struct worker w = {0};
	AUTO(remote_source_freep) struct remote_source *s = NULL, *none = NULL;
	char sha256[HASH_HEX];
	struct err err = {0};
	AUTO(mem_freep)
	char *make = mem_printf("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=head "
	                        "-addext subjectAltName=IP:127.0.0.1 -out %s -keyout %s 2> /dev/null",
	                        h.cert, h.key);
	if (system(make) != 0)
		skip();
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	head_begin(&h, path);
	worker_begin(&w, &h, "cache-9", 8);
	assert_int_equal(strncmp(fleet_http_url(h.http), "https://", 8), 0);
	assert_int_equal(remote_source_open(&w.options, h.sha256, NULL, &none, &err), -ERR_IO);
	assert_non_null(strstr(err.msg, "certificate"));
	w.options.ca_file = h.cert;
	assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
	compare(s, fd, 0, 3 * MB);
	assert_ok(remote_blob_put(&w.options, "abc", 3, NULL, sha256, &err));

	struct fleet_http *bad = NULL;
	struct fleet_http_options o = {
		.listen = "127.0.0.1:0", .tls_cert = h.cert, .tls_key = "/nonexistent/key"};
	assert_int_equal(fleet_http_start(&o, &bad, &err), -ERR_NOENT);
	o.tls_key = NULL;
	assert_int_equal(fleet_http_start(&o, &bad, &err), -ERR_ARG);
}

/* ---- frames */

struct seen {
	size_t n;
	char sha256[8][HASH_HEX];
};

static int see(void *ctx, size_t i, struct frame *f)
{
	struct seen *s = ctx;
	assert_null(f->fault);
	snprintf(s->sha256[i], HASH_HEX, "%s", f->planes_sha256);
	s->n++;
	return 0;
}

static int look(int fd, const struct decoder_feed *feed, struct seen *s, struct err *err)
{
	static const int64_t times[] = {0,        3100000,  3200000,  9000000,
	                                15000000, 15040000, 29000000, 29900000};
	const struct frame_request q = {
		.times = times, .n = 8, .size = 320, .quality = 80, .identify = true};
	const struct decoder_options o = {.timeout = 60 * CLOCK_SECOND, .sandbox = "on", .feed = feed};
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(video_info_clear) struct video_info v = {0};
	int r = decoder_open(fd, &o, NULL, &d, err);
	if (r == 0)
		r = decoder_probe(d, &v, err);
	return r < 0 ? r : decoder_frames(d, &q, see, s, err);
}

/* The head has measured the timeline of its file. */
static void hand_over_timeline(int fd, const struct decoder_feed *feed)
{
	const struct decoder_options near_by = {.sandbox = "on"}, far = {.sandbox = "on", .feed = feed};
	struct err err = {0};
	size_t len;
	AUTO(mem_freep) unsigned char *timeline = decoder_timeline(fd, &near_by, &len);
	assert_non_null(timeline);
	assert_int_equal(decoder_timeline_set(&far, timeline, len - 1, &err), -ERR_PROTO);
	assert_int_equal(decoder_timeline_set(&far, NULL, 0, &err), -ERR_PROTO);
	assert_ok(decoder_timeline_set(&far, timeline, len, &err));
}

static void frames_are_those_of_the_file(void **state)
{
	(void)state;
	static const char *const forms[] = {"far.mp4", "far.mkv", "far.ts"};
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		AUTO(mem_freep)
		char *path = media_make(forms[i], "-f lavfi -i testsrc2=s=640x360:r=25:d=30,noise=alls=40 "
		                                  "-f lavfi -i sine=d=30 -c:v libx264 -preset ultrafast "
		                                  "-g 50 -b:v 6M -c:a aac -shortest");
		if (!path)
			skip();
		AUTO(head_end) struct head h = {0};
		AUTO(worker_end) struct worker w = {0};
		AUTO(remote_source_freep) struct remote_source *s = NULL;
		struct seen near_by = {0}, far = {0};
		struct err err = {0};
		AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
		head_begin(&h, path);
		worker_begin(&w, &h, forms[i], 8);
		assert_ok(remote_source_open(&w.options, h.sha256, NULL, &s, &err));
		assert_true(remote_source_size(s) > 10 * MB);
		int r = look(fd, NULL, &near_by, &err);
		if (r == 0 && i > 0)
			hand_over_timeline(fd, remote_source_feed(s));
		if (r < 0 || look(-1, remote_source_feed(s), &far, &err) < 0)
			fail_msg("%s: %s", forms[i], err.msg);
		assert_int_equal(far.n, 8);
		for (size_t k = 0; k < 8; k++)
			assert_string_equal(far.sha256[k], near_by.sha256[k]);
		struct remote_source_counts n = remote_source_count(s);
		print_message("%s: %lld bytes, %lld fetched, %lld given\n", forms[i],
		              (long long)remote_source_size(s), (long long)n.fetched, (long long)n.given);

		/* Nothing of what a head sends instead reaches the decoder. */
		char *right = h.sent;
		AUTO(mem_freep) char *other = make_file("lie", (size_t)remote_source_size(s), 1);
		h.sent = other;
		remote_cache_clear(w.cache);
		AUTO(remote_source_freep) struct remote_source *lied = NULL;
		assert_ok(remote_source_open(&w.options, h.sha256, NULL, &lied, &err));
		assert_int_equal(look(-1, remote_source_feed(lied), &far, &err), -ERR_FORMAT);
		assert_non_null(strstr(err.msg, "does not have the hash"));
		assert_true(remote_source_fault(lied, NULL));
		h.sent = right;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_those_of_the_file),
		cmocka_unit_test(threads_read_one_source),
		cmocka_unit_test(another_address_is_asked_for),
		cmocka_unit_test(what_is_not_the_source_is_refused),
		cmocka_unit_test(replies_of_no_head_are_errors),
		cmocka_unit_test(a_head_that_is_gone_is_tried_again),
		cmocka_unit_test(a_path_that_both_see_is_read),
		cmocka_unit_test(blobs_arrive),
		cmocka_unit_test(a_worker_has_a_quota),
		cmocka_unit_test(tls_is_used_with_a_certificate),
		cmocka_unit_test(frames_are_those_of_the_file),
	};
	setenv("VDET_EXE", UNIT_HELPER, 1);
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
