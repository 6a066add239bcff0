/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for chat completions: the scanner that takes videos out of them, and
 * what is left as a request. The first byte says in which pieces it arrives;
 * the result must not depend on that, and the text has to stay JSON if it
 * was. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/hash.h"
#include "fuzz.h"
#include "net/chat/chat-request.h"
#include "net/chat/chat-scan.h"

/* What became of the data. */
struct taken {
	struct hash *hash;
	size_t n, ended, bytes;
};

static int begin(void *ctx, struct err *err)
{
	struct taken *t = ctx;
	(void)err;
	t->n++;
	hash_adds(t->hash, "begin");
	return 0;
}

static int add(void *ctx, const void *data, size_t len, struct err *err)
{
	struct taken *t = ctx;
	(void)err;
	t->bytes += len;
	hash_add(t->hash, data, len);
	return 0;
}

static int end(void *ctx, struct err *err)
{
	struct taken *t = ctx;
	(void)err;
	t->ended++;
	return 0;
}

static const struct chat_scan_sink sink = {begin, add, end};

/* Scans it; what came out goes into the hash. */
static int scan(const char *text, size_t len, size_t piece, struct taken *t, char **ret,
                size_t *ret_len)
{
	struct chat_scan *s = chat_scan_new(&sink, t);
	const struct buf *out = NULL;
	struct err err;
	int r = 0;
	for (size_t at = 0; r == 0 && at < len; at += piece)
		r = chat_scan_add(s, text + at, piece < len - at ? piece : len - at, &err);
	if (r == 0)
		r = chat_scan_end(s, &out, &err);
	if (r == 0) {
		*ret = mem_alloc(out->len + 1, 1);
		memcpy(*ret, buf_str(out), out->len);
		*ret_len = out->len;
		hash_add(t->hash, buf_str(out), out->len);
	}
	chat_scan_free(s);
	return r;
}

static void read_request(const char *text, size_t len, size_t n_data)
{
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct chat_request q = {0};
	struct err err;
	if (json_is_object(j) && chat_request_read(j, n_data, &q, &err) == 0) {
		for (size_t i = 0; i < q.n_videos; i++)
			if (!q.videos[i].url && q.videos[i].data >= n_data)
				abort();
		if (!*q.question || q.n_videos > CHAT_VIDEOS_MAX)
			abort();
	}
	chat_request_clear(&q);
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char sums[2][HASH_HEX], *out[2] = {NULL, NULL};
	int results[2];
	if (!size)
		return 0;
	const char *text = (const char *)data + 1;
	size_t pieces[2] = {size, 1 + data[0]}, len[2] = {0, 0}, n = 0;
	for (int i = 0; i < 2; i++) {
		struct taken t = {.hash = hash_new()};
		results[i] = scan(text, size - 1, pieces[i], &t, &out[i], &len[i]);
		if (results[i] == 0 && t.ended != t.n)
			abort();
		if (t.bytes > size)
			abort();
		hash_end(t.hash, sums[i]);
		hash_free(t.hash);
		n = t.n;
	}
	if (results[0] != results[1] || (results[0] == 0 && strcmp(sums[0], sums[1]) != 0))
		abort();
	if (results[0] == 0) {
		json_t *was = json_loadb(text, size - 1, JSON_DECODE_ANY, NULL);
		json_t *is = json_loadb(out[0], len[0], JSON_DECODE_ANY, NULL);
		if (was && !is)
			abort();
		json_decref(was);
		json_decref(is);
		read_request(out[0], len[0], n);
	}
	free(out[0]);
	free(out[1]);
	return 0;
}
