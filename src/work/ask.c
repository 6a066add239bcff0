/* SPDX-License-Identifier: Apache-2.0 */
#include "work/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "proc/wire.h"

char *work_bytes_text(const unsigned char *data, size_t len)
{
	char *text = mem_alloc(2 * len + 1, 1);
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	return text;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int work_bytes_read(const char *text, struct buf *out, struct err *err)
{
	size_t len = strlen(text);
	if (len % 2)
		return err_set(err, ERR_PROTO, "an answer of the head has half a byte");
	for (size_t i = 0; i < len; i += 2) {
		int high = digit(text[i]), low = digit(text[i + 1]);
		if (high < 0 || low < 0)
			return err_set(err, ERR_PROTO, "an answer of the head is not hexadecimal");
		buf_add(out, (const unsigned char[]){(unsigned char)(high * 16 + low)}, 1);
	}
	return buf_check(out, "an answer of the head", err);
}

int work_ask_read_timeline(const json_t *q, const char **ret_sha256, struct decoder_options *ret,
                           struct err *err)
{
	static const char *const gaps[] = {"auto", "keep", "close", NULL};
	int64_t stream = -1;
	double rate = 0;
	*ret_sha256 = json_text(q, "sha256");
	if (!hash_is_hex(*ret_sha256) || !text_one_of(json_text(q, "gaps"), gaps) ||
	    wire_int(q, "stream", -1, 10000, &stream, NULL) < 0 ||
	    wire_real(q, "rate", 0, 1e6, &rate, NULL) < 0)
		return err_set(err, ERR_PROTO, "a worker asks for a timeline in another form");
	*ret = (struct decoder_options){.has_stream = stream >= 0,
	                                .stream = (int)stream,
	                                .rate = rate,
	                                .gaps = json_text(q, "gaps")};
	return 0;
}
