/* SPDX-License-Identifier: Apache-2.0 */
/* What a head answers its workers, and what anybody may ask a head: the
 * input as an answer, and its lines as a signature, a path and a map. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "base/mem.h"
#include "remote/address.h"

static void read_answer(const uint8_t *data, size_t size)
{
	struct remote_address a = {0}, b = {0};
	struct err err;
	if (remote_address_parse((const char *)data, size, &a, &err) < 0)
		return;
	AUTO(mem_freep) char *text = remote_address_text(&a);
	assert(remote_address_parse(text, strlen(text), &b, &err) == 0);
	assert(strcmp(a.url, b.url) == 0 && a.size == b.size);
	remote_address_clear(&a);
	remote_address_clear(&b);
}

static void read_lines(char *text)
{
	static const unsigned char key[REMOTE_KEY_BYTES];
	char *lines[4] = {text, NULL, NULL, NULL}, *mapped = NULL;
	enum remote_kind kind = REMOTE_SOURCE;
	for (int i = 1; i < 4 && lines[i - 1]; i++) {
		lines[i] = strchr(lines[i - 1], '\n');
		if (lines[i])
			*lines[i]++ = '\0';
	}
	remote_kind_find(text, &kind, NULL);
	if (lines[3])
		remote_verify(key, kind, lines[1], lines[2], lines[3], 0);
	if (lines[1] && remote_path_map(text, lines[1], &mapped))
		assert(mapped[0] == '/');
	free(mapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(mem_freep) char *text = mem_alloc(size + 1, 1);
	if (size)
		memcpy(text, data, size);
	read_answer(data, size);
	read_lines(text);
	return 0;
}
