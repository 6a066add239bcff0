/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/route.h"

#include <string.h>

/* Compares a path with a pattern. The text of each {…} goes to args, in order. */
static bool matches(const char *p, const char *s, struct route_args *ret)
{
	struct route_args args = {0};
	while (*p) {
		if (*p != '{') {
			if (*p++ != *s++)
				return false;
			continue;
		}
		size_t len = strcspn(s, "/");
		const char *tail = strchr(p, '}') + 1; /* fixed end of the segment */
		size_t fixed = strcspn(tail, "/");
		if (len <= fixed || len - fixed >= sizeof args.text[0] || args.n == ROUTE_ARGS_MAX)
			return false;
		memcpy(args.text[args.n++], s, len - fixed);
		s += len - fixed;
		p = tail;
	}
	if (*s)
		return false;
	*ret = args;
	return true;
}

const struct route *route_find(const struct route_table *tables, size_t n, enum method method,
                               const char *path, struct route_args *ret, void **ret_ctx,
                               struct buf *ret_allow)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"};
	const struct route *get = NULL;
	*ret = (struct route_args){0};
	for (size_t t = 0; t < n; t++)
		for (size_t i = 0; i < tables[t].n; i++) {
			const struct route *r = &tables[t].routes[i];
			if (!matches(r->pattern, path, ret) || (r->accepts && !r->accepts(path)))
				continue;

			buf_addf(ret_allow, "%s%s", ret_allow->len ? ", " : "", names[r->method]);
			if (r->method == METHOD_GET)
				get = r;
			if (r->method == method || (r->method == METHOD_GET && method == METHOD_HEAD))
				*ret_ctx = tables[t].ctx;
			if (r->method == method)
				return r;
		}
	return method == METHOD_HEAD ? get : NULL;
}
