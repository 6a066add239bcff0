/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/download.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "transfer/download-head.h"
#include "transfer/download-part.h"

#define CONNECTIONS_MAX 16
#define SAVE_EVERY (2 * CLOCK_SECOND)
#define PROGRESS_EVERY (CLOCK_SECOND / 10)
#define RATE_OVER 5e6 /* time constant of the mean rate, microseconds */
/* signed URLs expire; how often they are requested again without receiving a
 * byte */
#define RESOLVE_MAX 5

struct transfer;

/* One connection with the piece that it fetches. */
struct line {
	struct transfer *t;
	CURL *easy;
	struct download_reply reply;
	size_t piece;
	int64_t first; /* byte of the file that it begins with */
	/* whole: the server sends the file from its beginning, whatever was asked */
	bool busy, whole;
	char words[CURL_ERROR_SIZE];
};

struct transfer {
	const struct download_options *o;
	const char *url;
	struct download_head head;
	struct download_part part;
	CURLM *multi;
	struct line lines[CONNECTIONS_MAX];
	size_t n_lines;
	char *taken; /* of each piece: a connection works on it */
	int failures, resolved;
	int64_t pause_until, saved, published;
	int64_t rated, rated_bytes; /* when the rate was last computed */
	double rate;
	int code; /* negative: it ends, with *err set */
	struct err *err;
};

/* ---- one connection */

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct line *l = ctx;
	struct transfer *t = l->t;
	size_t len = size * n;
	if (l->reply.status != 206 && l->reply.status != 200)
		return len; /* words about the failure */

	/* The whole file, or exactly the requested range: anything else would be
	 * written to the wrong place. */
	bool right = l->whole ? l->reply.status == 200
	                      : l->reply.status == 206 && l->reply.total == t->part.size &&
	                            l->reply.from == l->first;
	if (!right)
		return 0;

	while (len && t->code == 0) {
		int64_t room = download_part_length(&t->part, l->piece) - t->part.done[l->piece];
		size_t now = (int64_t)len < room ? len : (size_t)room;
		int r = download_part_write(&t->part, l->piece, data, now, t->err);
		if (r < 0)
			t->code = r;
		data += now;
		len -= now;
		if (len && (!l->whole || l->piece + 1 >= t->part.n))
			return 0;
		if (len)
			l->piece++;
	}

	t->failures = t->resolved = 0;
	return t->code < 0 ? 0 : size * n;
}

/* The next piece that is not there and that no connection works on; n if there
 * is none. */
static size_t next_piece(const struct transfer *t)
{
	for (size_t i = 0; i < t->part.n; i++)
		if (!t->taken[i] && t->part.done[i] < download_part_length(&t->part, i))
			return i;
	return t->part.n;
}

static void begin(struct transfer *t, struct line *l)
{
	char range[64];
	size_t i = next_piece(t);
	if (i >= t->part.n)
		return;
	l->piece = i;
	l->busy = true;
	l->whole = !t->head.ranges;
	if (l->whole)
		/* Without ranges only one connection, from the beginning. */
		memset(t->part.done, 0, t->part.n * sizeof *t->part.done);
	t->taken[i] = 1;
	l->first = (int64_t)i * t->part.piece + t->part.done[i];
	int64_t last = (int64_t)i * t->part.piece + download_part_length(&t->part, i) - 1;
	download_reply_reset(&l->reply);
	l->words[0] = '\0';
	download_set_up(l->easy, t->o, t->head.url, t->head.foreign, &l->reply, l->words);
	curl_easy_setopt(l->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(l->easy, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(l->easy, CURLOPT_PRIVATE, l);
	snprintf(range, sizeof range, "%lld-%lld", (long long)l->first, (long long)last);
	if (!l->whole)
		curl_easy_setopt(l->easy, CURLOPT_RANGE, range);
	curl_multi_add_handle(t->multi, l->easy);
}

/* The URL has expired, or the file has changed: resolves it again. */
static void resolve_again(struct transfer *t)
{
	struct download_head head = {0};
	int r = download_head(t->o, t->url, &head, t->err);
	if (r == 0 && (head.size != t->part.size ||
	               (*t->part.hash && *head.hash && strcmp(t->part.hash, head.hash) != 0)))
		r = err_set(t->err, ERR_FORMAT,
		            "the file changed on the hub during the download; run the same command again");
	if (r < 0) {
		t->code = r;
		download_head_clear(&head);
		return;
	}
	download_head_clear(&t->head);
	t->head = head;
}

/* A connection ended before its piece was complete. */
static void failed(struct transfer *t, struct line *l, CURLcode code)
{
	int status = l->reply.status;
	char shown[300];
	if (t->code < 0)
		return;

	bool expired =
		(status == 403 || status == 401 || status == 404 || status == 410) && t->head.foreign;
	bool lost = status == 200 || status == 206 || !status;

	if (expired && t->resolved++ < RESOLVE_MAX) {
		resolve_again(t);
		return;
	}
	if (lost ? !download_passing(0, code) && code != CURLE_WRITE_ERROR
	         : !download_passing(status, CURLE_OK)) {
		t->code =
			lost ? err_set(t->err, ERR_ENGINE, "%s: %s", download_show(t->url, shown),
		                   *l->words ? l->words : curl_easy_strerror(code))
				 : download_refused(&l->reply, t->head.url, t->o->token && *t->o->token, t->err);
		return;
	}

	/* Connections that fail together count as one failure. */
	if (!t->failures || clock_now() >= t->pause_until)
		t->failures++;
	if (t->failures > t->o->retries) {
		t->code =
			lost ? err_set(
					   t->err, ERR_ENGINE,
					   "%s: connection lost %d times in a row: %s; run the command again to resume",
					   download_show(t->url, shown), t->failures,
					   *l->words ? l->words : curl_easy_strerror(code))
				 : download_refused(&l->reply, t->head.url, t->o->token && *t->o->token, t->err);
		return;
	}

	int64_t until = clock_now() + download_pause(t->failures, l->reply.retry_after);
	if (until > t->pause_until)
		t->pause_until = until;
	log_debug("%s: HTTP %d, %s; again in %.1f s", download_show(t->url, shown), status,
	          curl_easy_strerror(code), (double)(until - clock_now()) / 1e6);
}

static void collect(struct transfer *t)
{
	int left;
	for (const CURLMsg *m; (m = curl_multi_info_read(t->multi, &left));) {
		struct line *l = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&l);
		curl_multi_remove_handle(t->multi, l->easy);
		l->busy = false;
		memset(t->taken, 0, t->part.n);
		for (size_t i = 0; i < t->n_lines; i++)
			if (t->lines[i].busy)
				t->taken[t->lines[i].piece] = 1;
		bool done = t->part.done[l->piece] == download_part_length(&t->part, l->piece);
		if (code != CURLE_OK || !done)
			failed(t, l, code);
	}
}

/* ---- all of them */

static void publish(struct transfer *t)
{
	int64_t now = clock_now(), done = download_part_total(&t->part), spent = now - t->rated;
	if (!t->o->progress || now - t->published < PROGRESS_EVERY)
		return;
	t->published = now;
	if (spent > 0) {
		double rate = (double)(done - t->rated_bytes) * 1e6 / (double)spent,
			   part = (double)spent / RATE_OVER;
		part = t->rate > 0 ? part < 1 ? part : 1 : 1;
		t->rate += part * (rate - t->rate);
		t->rated = now;
		t->rated_bytes = done;
	}
	t->o->progress(
		t->o->ctx,
		&(struct download_progress){
			.phase = now < t->pause_until ? "waiting" : "fetching",
			.done = done,
			.total = t->part.size,
			.rate = t->rate,
			.left = t->rate > 1 ? (int64_t)((double)(t->part.size - done) / t->rate * 1e6) : -1});
}

static bool all_there(const struct transfer *t)
{
	return download_part_total(&t->part) == t->part.size;
}

static void start_lines(struct transfer *t)
{
	size_t busy = 0;
	if (clock_now() < t->pause_until)
		return;
	for (size_t i = 0; i < t->n_lines; i++)
		busy += t->lines[i].busy;
	/* After a failure, one connection alone tests whether it works again. */
	size_t most = !t->head.ranges || t->failures ? 1 : t->n_lines;
	for (size_t i = 0; i < t->n_lines && busy < most; i++)
		if (!t->lines[i].busy) {
			begin(t, &t->lines[i]);
			busy += t->lines[i].busy;
		}
}

static void drive(struct transfer *t)
{
	struct curl_waitfd stop = {.fd = cancel_fd(t->o->cancel), .events = CURL_WAIT_POLLIN};
	while (t->code == 0 && !all_there(t)) {
		int running;
		start_lines(t);
		curl_multi_perform(t->multi, &running);
		collect(t);
		if (t->code == 0 && cancel_fired(t->o->cancel))
			t->code = err_set(t->err, ERR_CANCELED, "interrupted");
		if (t->code == 0 && clock_now() - t->saved > SAVE_EVERY) {
			t->code = download_part_save(&t->part, t->err);
			t->saved = clock_now();
		}
		publish(t);
		if (t->code == 0 && !all_there(t))
			curl_multi_poll(t->multi, &stop, t->o->cancel ? 1 : 0, 100, NULL);
	}
}

static void lines_open(struct transfer *t)
{
	int64_t want = t->o->connections < 1 ? 1 : t->o->connections;
	t->n_lines = want < CONNECTIONS_MAX ? (size_t)want : CONNECTIONS_MAX;
	t->multi = curl_multi_init();
	for (size_t i = 0; i < t->n_lines; i++) {
		t->lines[i] = (struct line){.t = t, .easy = curl_easy_init()};
		if (!t->multi || !t->lines[i].easy)
			abort();
	}
}

static void lines_close(struct transfer *t)
{
	for (size_t i = 0; i < t->n_lines; i++) {
		if (t->lines[i].busy)
			curl_multi_remove_handle(t->multi, t->lines[i].easy);
		curl_easy_cleanup(t->lines[i].easy);
	}
	curl_multi_cleanup(t->multi);
}

/* Downloads what is missing. What was received is kept, also after an error. */
static int transfer(struct transfer *t)
{
	struct err ignored;
	t->taken = mem_alloc(t->part.n, 1);
	t->saved = t->rated = clock_now();
	t->rated_bytes = download_part_total(&t->part);
	lines_open(t);
	drive(t);
	lines_close(t);
	free(TAKE(t->taken));
	/* Without ranges a partial file cannot be continued. */
	if (t->code < 0 && t->head.ranges)
		download_part_save(&t->part, &ignored);
	t->published = 0;
	publish(t);
	return t->code;
}

static int download_whole(struct transfer *t, const struct download_file *f,
                          char ret[static HASH_HEX])
{
	const char *hash = f->sha256 && *f->sha256 ? f->sha256 : t->head.hash;
	int r =
		download_part_open(f->path, t->head.size, hash, 4 * t->o->connections, &t->part, t->err);
	if (r < 0)
		return r;
	bool resumed = t->part.resumed > 0;
	r = transfer(t);
	if (r == 0)
		r = download_part_finish(&t->part, t->o, ret, t->err);
	if (r == -ERR_FORMAT) {
		download_part_forget(&t->part);
		if (!resumed)
			unlink(t->part.part);
	}
	download_part_close(&t->part);
	/* The part of an earlier run may have been damaged: once more, from the
	 * beginning. */
	if (r == -ERR_FORMAT && resumed) {
		log_debug("%s; downloading it again", t->err->msg);
		t->code = 0;
		return download_whole(t, f, ret);
	}
	return r;
}

int download_file(const struct download_options *o, const struct download_file *f,
                  char ret_sha256[static HASH_HEX], struct err *err)
{
	struct err own;
	struct transfer t = {.o = o, .url = f->url, .part.fd = -1, .err = err ? err : &own};
	int r = download_head(o, f->url, &t.head, t.err);
	if (r == 0 && t.head.size <= 0)
		r = err_set(t.err, ERR_ENGINE, "the server does not report the size of %s",
		            file_base(f->path));
	if (r == 0 && f->size > 0 && f->size != t.head.size)
		r = err_set(t.err, ERR_FORMAT, "%s should have %lld bytes, and the server has one of %lld",
		            file_base(f->path), (long long)f->size, (long long)t.head.size);
	if (r == 0)
		r = download_whole(&t, f, ret_sha256);
	download_head_clear(&t.head);
	return r;
}
