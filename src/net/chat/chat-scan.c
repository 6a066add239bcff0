/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/chat-scan.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HEAD = 200,  /* characters in which a data: URI has to come to its data */
	BARE = 64,   /* characters of base64 that make a text without data: data */
	NAME = 16,   /* characters of a key that are kept */
	BLOCK = 8192 /* characters of base64 that are decoded at once; a multiple of 4 */
};

enum state {
	OUTSIDE, /* of strings */
	HEAD_OF, /* a string that may become data */
	PLAIN,   /* a string that is passed on */
	DATA,
};

struct chat_scan {
	const struct chat_scan_sink *sink;
	void *ctx;
	enum state state;
	struct buf text;
	size_t n; /* data so far */

	/* The last string, if it is short, and the key of the value that comes. */
	char last[NAME], key[NAME];
	bool is_key; /* the string that is read may be a key: its beginning is kept */

	/* An escape sequence: 1 after the backslash, 2 to 5 in \uXXXX. */
	int escape;
	unsigned code;

	struct buf raw;  /* HEAD_OF: as it was sent */
	char head[HEAD]; /* HEAD_OF: decoded */
	size_t n_head;

	char block[BLOCK];
	size_t n_block;
	bool padded; /* = was there: nothing may follow */
	int64_t at;  /* characters of the data */
};

struct chat_scan *chat_scan_new(const struct chat_scan_sink *sink, void *ctx)
{
	struct chat_scan *s = mem_alloc(1, sizeof *s);
	s->sink = sink;
	s->ctx = ctx;
	s->text.max = CHAT_SCAN_TEXT_MAX;
	s->raw.max = HEAD * 8;
	return s;
}

void chat_scan_free(struct chat_scan *s)
{
	if (!s)
		return;
	buf_free(&s->text);
	buf_free(&s->raw);
	free(s);
}

/* ---- data */

static int decode_block(struct chat_scan *s, struct err *err)
{
	unsigned char bytes[BLOCK];
	size_t n = 0;
	const char *end = NULL;
	int variant =
		s->n_block % 4 ? sodium_base64_VARIANT_ORIGINAL_NO_PADDING : sodium_base64_VARIANT_ORIGINAL;
	if (!s->n_block)
		return 0;
	if (sodium_base642bin(bytes, sizeof bytes, s->block, s->n_block, NULL, &n, &end, variant) < 0 ||
	    end != s->block + s->n_block)
		return err_set(err, ERR_FORMAT, "the data of video %zu is not valid base64", s->n + 1);
	s->n_block = 0;
	return s->sink->write(s->ctx, bytes, n, err);
}

static int add_data(struct chat_scan *s, char c, struct err *err)
{
	if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
		return 0;
	s->at++;
	if (s->padded && c != '=')
		return err_set(err, ERR_FORMAT,
		               "the data of video %zu goes on after the end of its base64, at character "
		               "%lld",
		               s->n + 1, (long long)s->at);
	s->padded = c == '=';
	s->block[s->n_block++] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
	return s->n_block == BLOCK ? decode_block(s, err) : 0;
}

static int end_data(struct chat_scan *s, struct err *err)
{
	int r = decode_block(s, err);
	if (r == 0)
		r = s->sink->end(s->ctx, err);
	buf_addf(&s->text, ";vdet=%zu\"", s->n++);
	return r;
}

/* The string that was read so far is the beginning of data: its media type goes
 * to the text, and the rest from `from` is data. */
static int begin_data(struct chat_scan *s, size_t type, size_t from, struct err *err)
{
	int r = s->sink->begin(s->ctx, err);
	buf_adds(&s->text, "\"data:");
	for (size_t i = 0; i < type; i++) { /* only what can be in a media type */
		char c = s->head[5 + i];
		bool good = c > ' ' && c <= '~' && c != '"' && c != '\\';
		buf_add(&s->text, good ? &c : "_", 1);
	}
	s->state = DATA;
	s->padded = false;
	s->at = 0;
	for (size_t i = from; r == 0 && i < s->n_head; i++)
		r = add_data(s, s->head[i], err);
	return r;
}

/* ---- the beginning of a string */

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("+/-_= \r\n\t", c));
}

static bool names_data(const struct chat_scan *s)
{
	return strcmp(s->key, "data") == 0 || strcmp(s->key, "file_data") == 0;
}

static void make_plain(struct chat_scan *s)
{
	buf_add(&s->text, s->raw.data, s->raw.len);
	s->state = PLAIN;
}

/* Where the media type of a data: URI in base64 ends, whose head is complete. */
static bool find_type(const struct chat_scan *s, size_t *ret)
{
	static const char mark[] = ";base64";
	size_t n = s->n_head - 6, len = sizeof mark - 1; /* without "data:" and the comma */
	if (n < len || strncasecmp(s->head + 5 + n - len, mark, len) != 0)
		return false;
	*ret = n - len;
	return true;
}

/* The next character of a string that may become data. */
static int add_head(struct chat_scan *s, char c, struct err *err)
{
	static const char scheme[] = "data:";
	size_t n = s->n_head, type;
	s->head[s->n_head++] = c;
	bool uri = strncasecmp(s->head, scheme, n + 1 < 5 ? n + 1 : 5) == 0;
	bool bare = !uri && names_data(s);
	if (uri && n >= 5 && c == ',') {
		if (find_type(s, &type))
			return begin_data(s, type, s->n_head, err);
		make_plain(s);
	} else if (uri && s->n_head < HEAD) {
		return 0;
	} else if (!bare || !is_base64(c)) {
		make_plain(s);
	} else if (s->n_head == BARE) {
		return begin_data(s, 0, 0, err);
	}
	return 0;
}

/* ---- characters */

static void begin_string(struct chat_scan *s)
{
	buf_clear(&s->raw);
	buf_adds(&s->raw, "\"");
	memset(s->last, 0, sizeof s->last);
	s->is_key = true;
	s->n_head = 0;
	s->state = HEAD_OF;
}

static int end_string(struct chat_scan *s, struct err *err)
{
	enum state was = s->state;
	s->state = OUTSIDE;
	if (was == DATA)
		return end_data(s, err);
	if (was == HEAD_OF)
		buf_add(&s->text, s->raw.data, s->raw.len);
	buf_adds(&s->text, "\"");
	return 0;
}

/* A decoded character of a string. */
static int add_decoded(struct chat_scan *s, char c, struct err *err)
{
	size_t n = strlen(s->last);
	if (s->is_key && n + 1 < NAME)
		s->last[n] = c;
	else if (s->is_key) /* too long to be one that is looked for */
		memset(s->last, 0, sizeof s->last);
	s->is_key = s->is_key && n + 1 < NAME && c;
	return s->state == HEAD_OF ? add_head(s, c, err) : s->state == DATA ? add_data(s, c, err) : 0;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* The next character of an escape sequence. What is not one becomes a character
 * that cannot be in data; the parser refuses it. */
static int add_escaped(struct chat_scan *s, char c, struct err *err)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	if (s->escape == 1 && c != 'u') {
		const char *at = c ? strchr(names, c) : NULL;
		s->escape = 0;
		return add_decoded(s, (char)(at ? values[at - names] : 1), err);
	}
	if (s->escape == 1) {
		s->code = 0;
		s->escape = 2;
		return 0;
	}
	int digit = hex(c);
	s->code = digit < 0 ? 0x10000 : s->code * 16 + (unsigned)digit;
	if (digit >= 0 && ++s->escape < 6)
		return 0;
	s->escape = 0;
	return add_decoded(s, (char)(s->code < 0x80 ? s->code : 1), err);
}

static int add_in_string(struct chat_scan *s, char c, struct err *err)
{
	if (c == '"' && !s->escape)
		return end_string(s, err);
	if (s->state == PLAIN)
		buf_add(&s->text, &c, 1);
	else if (s->state == HEAD_OF)
		buf_add(&s->raw, &c, 1);
	if (s->escape)
		return add_escaped(s, c, err);
	if (c == '\\') {
		s->escape = 1;
		return 0;
	}
	return add_decoded(s, c, err);
}

static void add_outside(struct chat_scan *s, char c)
{
	buf_add(&s->text, &c, 1);
	if (c == ':')
		memcpy(s->key, s->last, sizeof s->key);
	else if (c && strchr(",{}[]", c))
		memset(s->key, 0, sizeof s->key);
}

int chat_scan_add(struct chat_scan *s, const char *data, size_t len, struct err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < len; i++) {
		if (s->state != OUTSIDE)
			r = add_in_string(s, data[i], err);
		else if (data[i] == '"')
			begin_string(s);
		else
			add_outside(s, data[i]);
	}
	return r < 0 ? r : buf_check(&s->text, "the request without the data of its videos", err);
}

int chat_scan_end(struct chat_scan *s, const struct buf **ret, struct err *err)
{
	if (s->state != OUTSIDE)
		return err_set(err, ERR_FORMAT, "the body ends within %s",
		               s->state == DATA ? "the data of a video" : "a text");
	*ret = &s->text;
	return buf_check(&s->text, "the request without the data of its videos", err);
}
