/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests, and what clients write into headers: ranges, metadata and
 * checksums of uploads, addresses, cookies. The first byte says which. Nothing
 * may crash, and what is accepted keeps its promises. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fuzz.h"
#include "net/access/access.h"
#include "net/http/range.h"
#include "net/http/request-check.h"
#include "net/upload/tus-text.h"

static void range(const char *text)
{
	int64_t first = -1, last = -1;
	if (range_read(text, 1000, &first, &last) == RANGE_PART &&
	    (first < 0 || last < first || last > 999))
		abort();
}

/* A head that was judged stays what it is when more bytes follow. */
static void head(const char *data, size_t len)
{
	struct request_fault f = {0}, g = {0};
	enum request_verdict v = request_check(data, len, &f);
	if ((v == REQUEST_BAD) != (f.status >= 400))
		abort();
	for (size_t n = 0; n < len && n < 2000 && v != REQUEST_BAD; n++)
		if (request_check(data, n, &g) == REQUEST_BAD)
			abort();
}

static void cookie(const char *text)
{
	static struct access *a;
	struct err err;
	struct who who;
	if (!a && access_open("/nonexistent", "/nonexistent", 1, &a, &err) < 0)
		abort();
	if (access_cookie(a, text, &who))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	char *text = mem_alloc(1, size);
	memcpy(text, data + 1, size - 1);
	json_t *m = NULL;
	enum upload_sum sum;
	unsigned char bytes[32];
	struct err err;
	switch (data[0] % 8) {
	case 0: range(text); break;
	case 1:
		if (tus_metadata(text, &m, &err) == 0) {
			char *written = json_dumps(m, 0); /* NULL if a text in it is not UTF-8 */
			if (!written)
				abort();
			free(written);
			json_decref(m);
		}
		break;
	case 2: tus_checksum(text, &sum, bytes, &err); break;
	case 3: cookie(text); break;
	default: head(text, size - 1); break;
	}
	free(text);
	return 0;
}
