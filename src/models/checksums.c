/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the demo model with the file SHA256SUMS in its folder, in the format
 * of sha256sum(1). */
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "models/model.h"

#define SUMS_MAX ((size_t)64 << 10)

/* The sum that a line "SUM  NAME" or "SUM *NAME" gives for this name, or NULL. */
static const char *sum_of(const char *sums, const char *name)
{
	size_t digits = HASH_HEX - 1, n = strlen(name);
	for (const char *line = sums; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t len = strcspn(line, "\r\n");
		if (len == digits + 2 + n && line[digits] == ' ' &&
		    strncmp(line + digits + 2, name, n) == 0)
			return line;
	}
	return NULL;
}

static int check_sum(const char *sums, const char *path, struct err *err)
{
	const char *want = sum_of(sums, file_base(path));
	char got[HASH_HEX];
	if (!want)
		return 0;
	int r = model_file_hash(path, NULL, NULL, NULL, NULL, got, err);
	if (r < 0)
		return r;
	if (strncasecmp(want, got, HASH_HEX - 1) == 0)
		return 0;
	return err_set(err, ERR_FORMAT,
	               "%s is damaged or of another version: it differs from SHA256SUMS beside it; get "
	               "both again",
	               path);
}

int model_check_sums(const struct model *m, struct err *err)
{
	AUTO(mem_freep)
	char *path = mem_printf("%.*sSHA256SUMS", (int)(file_base(m->path) - m->path), m->path);
	AUTO(buf_free) struct buf sums = BUF(SUMS_MAX);
	if (!file_exists(path))
		return 0;
	int r = file_read(path, &sums, err);
	if (r == 0)
		r = check_sum(buf_str(&sums), m->path, err);
	if (r == 0)
		r = check_sum(buf_str(&sums), m->projector, err);
	return r;
}
