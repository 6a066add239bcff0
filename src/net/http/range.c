/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Reads digits at *s; values that are too large are capped. False if there is
 * no digit. */
static bool digits(const char **s, int64_t *ret)
{
	int64_t v = 0;
	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; ++*s)
		v = v > (INT64_MAX - 9) / 10 ? INT64_MAX / 10 : v * 10 + (**s - '0');
	*ret = v;
	return true;
}

enum range_result range_read(const char *text, int64_t size, int64_t *ret_first, int64_t *ret_last)
{
	int64_t first = 0, last = 0;
	if (!text || strncasecmp(text, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	const char *s = text + 6;
	s += strspn(s, " \t");
	bool has_first = digits(&s, &first);
	if (*s++ != '-')
		return RANGE_WHOLE;
	bool has_last = digits(&s, &last);
	s += strspn(s, " \t");
	if (*s || (!has_first && !has_last) || (has_first && has_last && last < first))
		return RANGE_WHOLE;
	if (!has_first) { /* the last N bytes */
		if (!last || !size)
			return RANGE_WRONG;
		first = last < size ? size - last : 0;
		last = size - 1;
	} else if (first >= size) {
		return RANGE_WRONG;
	} else if (!has_last || last >= size) {
		last = size - 1;
	}
	*ret_first = first;
	*ret_last = last;
	return RANGE_PART;
}
