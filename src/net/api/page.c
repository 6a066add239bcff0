/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "net/api/handlers.h"
#include "page_files.h"

static const struct page_file *page_file(const char *path)
{
	for (size_t i = 0; i < page_files_len; i++)
		if (strcmp(page_files[i].path, path) == 0)
			return &page_files[i];
	return NULL;
}

bool is_page_file(const char *path)
{
	return page_file(path) != NULL;
}

int handle_page(struct call *c, struct err *err)
{
	const struct page_file *f = page_file(c->path);
	const char *accept = c->headers[HEADER_ACCEPT_ENCODING],
			   *have = c->headers[HEADER_IF_NONE_MATCH];
	if (!f)
		return err_set(err, ERR_NOENT, "no such file: %s", c->path);
	bool packed = accept && strstr(accept, "gzip");
	call_head(c, "Cache-Control", "no-cache");
	call_head(c, "Vary", "Accept-Encoding");
	call_head(c, "ETag", "%s", f->etag);
	if (have && strstr(have, f->etag)) {
		call_empty(c, 304);
		return 0;
	}
	if (packed)
		call_head(c, "Content-Encoding", "gzip");
	c->reply.status = 200;
	c->reply.type = f->type;
	c->reply.constant = packed ? f->gzip : f->plain;
	c->reply.constant_len = packed ? f->gzip_len : f->plain_len;
	return 0;
}
