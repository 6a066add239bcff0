/* SPDX-License-Identifier: Apache-2.0 */
/* A file from any server, on one connection from beginning to end. Beside
 * PATH.part is PATH.tag with the version of the file as the server states it
 * (ETag or Last-Modified): with it a later try or run requests the rest. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "transfer/curl-use.h"
#include "transfer/download-head.h"

#define REDIRECTS 5
#define PROGRESS_EVERY (CLOCK_SECOND / 2)

struct stream {
	const struct download_options *o;
	const char *url;
	CURL *easy;
	struct download_reply reply;
	int fd;
	int64_t here, total; /* bytes in the file; of the whole, 0 = unknown */
	int64_t published;   /* clock_now() of the last progress call */
	char tag[DOWNLOAD_TAG_MAX];
	char *tag_path;
	bool begun; /* the first byte of this try's body came */
	bool full;  /* larger than the limit */
	int write_errno;
};

/* The first byte: the server continues the file, or sends all of it. */
static bool begin(struct stream *t)
{
	curl_off_t length = -1;
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (t->reply.status != 206 && t->here) {
		t->here = 0;
		if (ftruncate(t->fd, 0) < 0) {
			t->write_errno = errno;
			return false;
		}
	}
	t->total = length > 0 ? t->here + length : 0;
	t->begun = true;
	if (!t->here) {
		struct err ignored; /* without a tag a later run starts from the beginning */
		memcpy(t->tag, t->reply.tag, sizeof t->tag);
		unlink(t->tag_path);
		if (*t->tag)
			file_write_private(t->tag_path, t->tag, strlen(t->tag), &ignored);
	}
	return true;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct stream *t = ctx;
	size_t len = size * n;
	int64_t max = t->o->max;
	if (!t->begun && !begin(t))
		return 0;
	t->full = max && (t->here + (int64_t)len > max || t->total > max);
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
	struct stream *t = ctx;
	(void)a, (void)b, (void)c, (void)d;
	if (t->o->progress && t->begun && clock_now() - t->published > PROGRESS_EVERY) {
		t->published = clock_now();
		t->o->progress(t->o->ctx,
		               &(struct download_progress){
						   .phase = "fetching", .done = t->here, .total = t->total, .left = -1});
	}
	return cancel_fired(t->o->cancel);
}

static void set_up(struct stream *t, char *words, int64_t left)
{
	CURL *e = t->easy;
	download_reply_reset(&t->reply);
	t->reply.is_private = false;
	download_set_up(e, t->o, t->url, false, &t->reply, words);
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	curl_easy_setopt(e, CURLOPT_FAILONERROR, 1L);
	if (left)
		curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)(left / CLOCK_SECOND + 1));
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_tick);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, t);
}

/* One try, from where the last one ended if the server can confirm that the
 * file is still the same. */
static CURLcode attempt(struct stream *t, int64_t left, char *words)
{
	struct curl_slist *headers = NULL;
	set_up(t, words, left);
	t->begun = false;
	if (t->here && *t->tag) {
		AUTO(mem_freep) char *line = mem_printf("If-Range: %s", t->tag);
		AUTO(mem_freep) char *range = mem_printf("%" PRId64 "-", t->here);
		headers = curl_slist_append(NULL, line);
		curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
	}
	CURLcode c = curl_easy_perform(t->easy);
	curl_slist_free_all(headers);
	return c;
}

static bool may_pass(const struct stream *t, CURLcode c)
{
	if (c == CURLE_HTTP_RETURNED_ERROR)
		return download_passing(t->reply.status, CURLE_OK);
	/* A name that cannot be resolved is probably misspelled. */
	return download_passing(0, c) && c != CURLE_COULDNT_RESOLVE_HOST;
}

static int failure(const struct stream *t, CURLcode c, const char *words, struct err *err)
{
	if (cancel_fired(t->o->cancel))
		return err_set(err, ERR_CANCELED, "interrupted");
	if (t->reply.is_private)
		return download_private(err);
	if (t->full)
		return err_set(err, ERR_LIMIT,
		               "the file is larger than the %" PRId64 " bytes that there is space for",
		               t->o->max);
	if (t->write_errno)
		return err_sys(err, t->write_errno, "cannot write the downloaded file");
	return err_set(err, c == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "cannot fetch it: %s",
	               *words ? words : curl_easy_strerror(c));
}

static int run(struct stream *t, struct err *err)
{
	int64_t end = t->o->total_timeout ? clock_now() + t->o->total_timeout : 0;
	for (int i = 1;; i++) {
		char words[CURL_ERROR_SIZE] = "";
		int64_t before = t->here, left = end ? end - clock_now() : 0;
		if (end && left <= 0)
			return err_set(err, ERR_TIMEOUT, "it took longer than serve.fetch_timeout allows");
		CURLcode c = attempt(t, left, words);
		if (c == CURLE_OK && t->begun)
			return 0;
		if (c == CURLE_OK)
			return err_set(err, ERR_FORMAT, "cannot fetch it: the answer is empty");

		if (t->here > before) /* there was progress: this failure is the first */
			i = 1;
		bool final = t->reply.is_private || t->full || t->write_errno;
		if (final || cancel_fired(t->o->cancel) || !may_pass(t, c) || i > t->o->retries)
			return failure(t, c, words, err);
		int r = download_wait(t->o, download_pause(i, t->reply.retry_after), err);
		if (r < 0)
			return r;
	}
}

/* A partial file of an earlier run is used if its tag exists, too. */
static int resume(struct stream *t, struct err *err)
{
	AUTO(buf_free) struct buf tag = BUF(DOWNLOAD_TAG_MAX - 1);
	struct stat st;
	struct err none;
	if (fstat(t->fd, &st) < 0)
		return err_sys(err, errno, "cannot examine what was downloaded before");
	if (st.st_size && file_read(t->tag_path, &tag, &none) == 0 && tag.len &&
	    !strpbrk(buf_str(&tag), "\r\n")) {
		snprintf(t->tag, sizeof t->tag, "%s", buf_str(&tag));
		t->here = st.st_size;
	} else if (ftruncate(t->fd, 0) < 0) {
		return err_sys(err, errno, "cannot write the downloaded file");
	}
	return 0;
}

int download_stream(const struct download_options *o, const char *url, const char *path,
                    struct err *err)
{
	AUTO(mem_freep)
	char *part = mem_printf("%s.part", path), *tag_path = mem_printf("%s.tag", path);
	AUTO(fd_closep) int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "cannot create %s", part);
	curl_use();
	struct stream t = {.o = o, .url = url, .fd = fd, .tag_path = tag_path};
	t.easy = curl_easy_init();
	int r = t.easy ? resume(&t, err) : err_set(err, ERR_INTERNAL, "cannot start curl");
	if (r == 0)
		r = run(&t, err);
	curl_easy_cleanup(t.easy);

	if (r == 0 && (fsync(fd) < 0 || rename(part, path) < 0))
		r = err_sys(err, errno, "cannot save %s", path);
	if (r < 0 && r != -ERR_CANCELED)
		unlink(part);
	if (r != -ERR_CANCELED)
		unlink(tag_path);
	return r;
}
