/* SPDX-License-Identifier: Apache-2.0 */
/* Close looks of an index as units. The first byte chooses: 'u', a unit, or
 * 'r', a result: a byte for the number of pictures, one for that of grids, and
 * their bytes. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "job/index-unit.h"

static void read_unit(const char *text)
{
	AUTO(index_unit_clear) struct index_unit u = {0}, back = {0};
	AUTO(mem_freep) char *first = NULL, *again = NULL;
	struct err err;
	if (index_unit_read(text, &u, &err) < 0)
		return;
	if (u.look.from < 0 || u.look.to < u.look.from)
		abort();
	if (index_unit_write(&u, &first, &err) < 0 || index_unit_read(first, &back, &err) < 0 ||
	    index_unit_write(&back, &again, &err) < 0 || strcmp(first, again) != 0)
		abort();
}

static void read_result(const unsigned char *data, size_t len)
{
	const struct index_unit u = {.look = {.from = 0, .to = 5000000}};
	AUTO(runner_result_clear) struct runner_result result = {0}, written = {0}, again = {0};
	AUTO(signatures_clear) struct signatures s = {0}, back = {0};
	AUTO(grids_clear) struct grids g = {0}, grids = {0};
	struct err err;
	if (len < 2)
		return;
	result.body = mem_printf("{\"pictures\":%d,\"grids\":%d,\"data\":[\"%s\"]}", data[0], data[1],
	                         runner_add_blob(&result, data + 2, len - 2));
	if (index_result_read(&u, &result, &s, &g, &err) < 0)
		return;
	for (size_t i = 1; i < s.n; i++)
		if (s.items[i].pts <= s.items[i - 1].pts)
			abort();
	/* What is passed on is the same again. */
	if (index_result_write(&s, &g, &written, &err) < 0 ||
	    index_result_read(&u, &written, &back, &grids, &err) < 0 ||
	    index_result_write(&back, &grids, &again, &err) < 0 ||
	    strcmp(written.body, again.body) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	AUTO(mem_freep) char *text = mem_alloc(size, 1);
	memcpy(text, data + 1, size - 1);
	if (data[0] == 'u')
		read_unit(text);
	else
		read_result((const unsigned char *)text, size - 1);
	return 0;
}
