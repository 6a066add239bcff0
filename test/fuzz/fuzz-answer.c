/* SPDX-License-Identifier: Apache-2.0 */
/* A file that claims to be an answer: read, written in each form, and, if it
 * was valid, the same after it is read again. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "answer/answer.h"

static char *dump(const struct answer *a)
{
	json_auto_t *j = answer_json(a);
	return json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;
	AUTO(answer_freep) struct answer *a = NULL, *b = NULL;
	json_auto_t *j = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
	if (!j || answer_read(j, &a, &err) < 0)
		return 0;

	AUTO(mem_freep) char *first = dump(a);
	json_auto_t *again = json_loads(first, 0, NULL);
	if (!again || answer_read(again, &b, &err) < 0)
		abort();
	AUTO(mem_freep) char *second = dump(b);
	if (strcmp(first, second) != 0)
		abort();

	AUTO(buf_free) struct buf text = BUF(SIZE_MAX / 2);
	AUTO(buf_free) struct buf markdown = BUF(SIZE_MAX / 2);
	AUTO(buf_free) struct buf page = BUF(SIZE_MAX / 2);
	if (answer_text(a, &text, &err) < 0 || answer_markdown(a, &markdown, &err) < 0 ||
	    answer_html(a, &page, &err) < 0)
		abort();
	return 0;
}
