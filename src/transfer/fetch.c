/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "transfer/curl-use.h"

enum {
	TRIES = 6,
	REDIRECTS = 5,
	CONNECT_SECONDS = 30,
	STALL_SECONDS = 60,
	TELL = 500000,
	TAG_MAX = 256
};

/* ---- whom to talk to */

static bool is_private4(uint32_t a)
{
	static const struct {
		uint32_t net;
		int bits;
	} nets[] = {
		{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
		{0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xe0000000, 3},
	};
	for (size_t i = 0; i < ARRAY_LEN(nets); i++)
		if ((a ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return true;
	return false;
}

static uint32_t read4(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_private6(const uint8_t a[16])
{
	static const uint8_t zeros[12], mapped[12] = {[10] = 0xff, [11] = 0xff},
									nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	if (memcmp(a, zeros, 12) == 0) /* unspecified, loopback, and the old form of IPv4 */
		return true;
	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return is_private4(read4(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
		return is_private4(read4(a + 2));
	return (a[0] & 0xe0) != 0x20; /* only 2000::/3 is given out to machines of the world */
}

bool fetch_is_private(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return is_private4(ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr));
	if (a->sa_family == AF_INET6)
		return is_private6(((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr);
	return true;
}

/* ---- one transfer */

struct transfer {
	const struct fetch_request *q;
	CURL *curl;
	int fd;
	int64_t here, total; /* bytes in the file; of the whole, 0 = unknown */
	int64_t told;
	char tag[TAG_MAX]; /* what says that the file is the same one: ETag or date; "" = nothing */
	char *tag_path;    /* where that is kept for a later run */
	bool begun;        /* of this try: the first byte of the body came */
	bool refused;      /* a private address */
	bool full;         /* larger than max */
	int write_errno;
};

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct transfer *t = ctx;
	(void)purpose;
	if (!t->q->allow_private && fetch_is_private(&a->addr)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t len = size * n;
	char value[TAG_MAX];
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0 && t->here == 0)
		t->tag[0] = '\0';
	/* A date only where there is nothing better; a weak tag says nothing about
	 * the bytes. */
	bool etag =
		curl_use_header(line, len, "ETag", value, sizeof value) && strncmp(value, "W/", 2) != 0;
	if (etag || (!*t->tag && curl_use_header(line, len, "Last-Modified", value, sizeof value)))
		snprintf(t->tag, sizeof t->tag, "%s", value);
	return len;
}

/* The first byte tells whether the server goes on where we were, or begins
 * anew. */
static bool begin(struct transfer *t)
{
	long status = 0;
	curl_off_t length = -1;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (status != 206 && t->here) {
		t->here = 0;
		if (ftruncate(t->fd, 0) < 0) {
			t->write_errno = errno;
			return false;
		}
	}
	t->total = length > 0 ? t->here + length : 0;
	t->begun = true;
	if (!t->here) {
		struct err ignored; /* without it a later run begins anew */
		unlink(t->tag_path);
		if (*t->tag)
			file_write_private(t->tag_path, t->tag, strlen(t->tag), &ignored);
	}
	return true;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t len = size * n;
	if (!t->begun && !begin(t))
		return 0;
	t->full = t->here + (int64_t)len > t->q->max || t->total > t->q->max;
	if (t->full)
		return 0;
	for (size_t done = 0; done < len;) {
		ssize_t w = pwrite(t->fd, data + done, len - done, t->here);
		if (w <= 0) {
			t->write_errno = w < 0 ? errno : ENOSPC;
			return 0;
		}
		done += (size_t)w;
		t->here += w;
	}
	return len;
}

static int on_tick(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *t = ctx;
	(void)a, (void)b, (void)c, (void)d;
	if (t->q->progress && t->begun && clock_now() - t->told > TELL) {
		t->told = clock_now();
		t->q->progress(t->q->ctx, t->here, t->total);
	}
	return cancel_fired(t->q->cancel);
}

static void set_up(struct transfer *t, char *words, int64_t left)
{
	CURL *c = t->curl;
	curl_use_plainly(c, t->q->url, words);
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
	if (left)
		curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)(left / CLOCK_SECOND + 1));
	if (!t->q->allow_private) /* a proxy would connect in our place, to whatever it likes */
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_tick);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
}

/* One try, from where the last one ended if the file can be told to be the
 * same. */
static CURLcode attempt(struct transfer *t, int64_t left, char *words, long *ret_status)
{
	struct curl_slist *headers = NULL;
	curl_use();
	t->curl = curl_easy_init();
	if (!t->curl)
		return CURLE_OUT_OF_MEMORY;
	set_up(t, words, left);
	t->begun = false;
	if (t->here && *t->tag) {
		AUTO(mem_freep) char *line = mem_printf("If-Range: %s", t->tag);
		headers = curl_slist_append(NULL, line);
		curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
		AUTO(mem_freep) char *range = mem_printf("%" PRId64 "-", t->here);
		curl_easy_setopt(t->curl, CURLOPT_RANGE, range);
	}
	CURLcode c = curl_easy_perform(t->curl);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(headers);
	return c;
}

static bool may_pass(CURLcode c, long status)
{
	if (c == CURLE_HTTP_RETURNED_ERROR)
		return status == 429 || status >= 500;
	/* A name that cannot be resolved is most likely mistyped. */
	return curl_use_passing(c) && c != CURLE_COULDNT_RESOLVE_HOST;
}

static int tell_failure(const struct transfer *t, CURLcode c, const char *words, struct err *err)
{
	if (cancel_fired(t->q->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (t->refused)
		return err_set(err, ERR_PERM,
		               "the address leads into a private network or to this machine, which "
		               "serve.fetch_private forbids");
	if (t->full)
		return err_set(err, ERR_LIMIT,
		               "the file is larger than the %" PRId64 " bytes that there is room for",
		               t->q->max);
	if (t->write_errno)
		return err_sys(err, t->write_errno, "cannot write the file that is fetched");
	return err_set(err, c == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "cannot fetch it: %s",
	               *words ? words : curl_easy_strerror(c));
}

static int run(struct transfer *t, struct err *err)
{
	int64_t end = t->q->timeout ? clock_now() + t->q->timeout : 0;
	struct pollfd stop = {.fd = cancel_fd(t->q->cancel), .events = POLLIN};
	for (int i = 0;; i++) {
		char words[CURL_ERROR_SIZE] = "";
		long status = 0;
		int64_t before = t->here, left = end ? end - clock_now() : 0;
		if (end && left <= 0)
			return err_set(err, ERR_TIMEOUT, "it took longer than serve.fetch_timeout allows");
		CURLcode c = attempt(t, left, words, &status);
		if (c == CURLE_OK && t->begun)
			return 0;
		if (c == CURLE_OK)
			return err_set(err, ERR_FORMAT, "cannot fetch it: the answer is empty");
		if (t->here > before) /* it went on: that counts as a beginning */
			i = 0;
		if (t->refused || t->full || t->write_errno || cancel_fired(t->q->cancel) ||
		    !may_pass(c, status) || i >= TRIES)
			return tell_failure(t, c, words, err);
		poll(&stop, 1, 250 << i);
	}
}

/* What an earlier run left counts if it also left what tells whether the file
 * is still the same. */
static int go_on(struct transfer *t, struct err *err)
{
	AUTO(buf_free) struct buf tag = BUF(TAG_MAX - 1);
	struct stat st;
	struct err none;
	if (fstat(t->fd, &st) < 0)
		return err_sys(err, errno, "cannot examine what was fetched before");
	if (st.st_size && file_read(t->tag_path, &tag, &none) == 0 && tag.len &&
	    !strpbrk(buf_str(&tag), "\r\n")) {
		snprintf(t->tag, sizeof t->tag, "%s", buf_str(&tag));
		t->here = st.st_size;
	} else if (ftruncate(t->fd, 0) < 0) {
		return err_sys(err, errno, "cannot begin the file that is fetched");
	}
	return 0;
}

int fetch_file(const struct fetch_request *q, struct err *err)
{
	AUTO(mem_freep)
	char *part = mem_printf("%s.part", q->path), *tag_path = mem_printf("%s.tag", q->path);
	AUTO(fd_closep) int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "cannot create %s", part);
	struct transfer t = {.q = q, .fd = fd, .tag_path = tag_path};
	int r = go_on(&t, err);
	if (r == 0)
		r = run(&t, err);
	if (r == 0 && (fsync(fd) < 0 || rename(part, q->path) < 0))
		r = err_sys(err, errno, "cannot keep %s", q->path);
	if (r < 0 && r != -ERR_CANCELED)
		unlink(part);
	if (r != -ERR_CANCELED)
		unlink(tag_path);
	return r;
}

int fetch_name(const char *url, char **ret, struct err *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *path = NULL, *user = NULL, *password = NULL;
	int r = 0;
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		r = err_set(err, ERR_ARG, "%.200s is no http or https address", url);
	else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK ||
	         curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
		r = err_set(err, ERR_ARG,
		            "an address with a user or password in it is not taken: it would be kept");
	else if (curl_url_get(u, CURLUPART_PATH, &path, CURLU_URLDECODE) == CURLUE_OK &&
	         *file_base(path))
		*ret = mem_strdup(file_base(path));
	else
		*ret = mem_strdup("video");
	curl_free(scheme);
	curl_free(path);
	curl_free(user);
	curl_free(password);
	curl_url_cleanup(u);
	return r;
}
