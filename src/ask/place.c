/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask/ask.h"
#include "base/file.h"
#include "base/hash.h"
#include "store/ask.h"

/* Hashes the open file, and keeps that, unless it changed meanwhile. */
static int hash_file(struct store *s, int fd, const char *path, const char *stamp,
                     struct cancel *cancel, char ret[static HASH_HEX], struct err *err)
{
	char after[FILE_STAMP_MAX];
	int r = hash_fd(fd, cancel, NULL, ret, err);
	if (r < 0)
		return r;
	file_stamp_all(fd, after);
	if (!*stamp || strcmp(stamp, after) != 0)
		return err_set(err, ERR_BUSY, "the file is being changed; try again when it is finished");
	return store_place_set(s, path, stamp, ret, err);
}

int ask_identify(struct store *s, const char *path, struct cancel *cancel,
                 char ret_sha256[static 65], char **ret_path, struct err *err)
{
	char stamp[FILE_STAMP_MAX];
	AUTO(mem_freep) char *known = NULL, *real = realpath(path, NULL);
	int fd = -1;
	int r = file_open_input(path, &fd, err);
	if (r < 0)
		return r;
	if (!real)
		real = mem_strdup(path);
	file_stamp_all(fd, stamp);
	if (store_place_find(s, real, stamp, &known, err) == 0 && strlen(known) == HASH_HEX - 1)
		memcpy(ret_sha256, known, HASH_HEX);
	else
		r = hash_file(s, fd, real, stamp, cancel, ret_sha256, err);
	close(fd);
	if (r == 0)
		*ret_path = TAKE(real);
	return r;
}
