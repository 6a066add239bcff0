/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/blocks.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "store/block.h"

static int changed(const char *sha256, struct err *err)
{
	return err_set(err, ERR_FORMAT,
	               "the file of the source %.12s has changed: put back the file that was analyzed, "
	               "or analyze the new one",
	               sha256);
}

int remote_blocks_get(struct store *s, const char *sha256, int fd, struct cancel *cancel,
                      struct hash_blocks *ret, struct err *err)
{
	struct stat st;
	char real[HASH_HEX];
	AUTO(hash_blocks_clear) struct hash_blocks b = {0};
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot examine the file of the source %.12s", sha256);
	int r = store_blocks_load(s, sha256, &b, err);
	if (r < 0)
		return r;
	if (b.n && b.n != hash_blocks_of(st.st_size))
		return changed(sha256, err);
	if (!b.n) {
		r = hash_fd_blocks(fd, cancel, NULL, real, &b, err);
		if (r == 0 && strcmp(real, sha256) != 0)
			r = changed(sha256, err);
		if (r == 0)
			r = store_blocks_save(s, sha256, &b, err);
	}
	if (r < 0)
		return r;
	*ret = b;
	b = (struct hash_blocks){0};
	return 0;
}
