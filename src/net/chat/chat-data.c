/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/chat-data.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

struct chat_data *chat_data_new(const char *dir, int64_t max)
{
	struct chat_data *d = mem_alloc(1, sizeof *d);
	d->dir = dir;
	d->max = max;
	d->fd = -1;
	return d;
}

void chat_data_free(struct chat_data *d)
{
	if (!d)
		return;
	fd_closep(&d->fd);
	hash_free(d->hash);
	for (size_t i = 0; i < d->n; i++) {
		unlink(d->files[i].path); /* fails if the board has moved it */
		free(d->files[i].path);
	}
	free(d);
}

static int begin(void *ctx, struct err *err)
{
	struct chat_data *d = ctx;
	struct chat_file *f = &d->files[d->n];
	unsigned char random[16];
	char digits[2 * sizeof random + 1];
	if (d->n == CHAT_DATA_MAX)
		return err_set(err, ERR_LIMIT, "a request has at most %d videos as data", CHAT_DATA_MAX);
	randombytes_buf(random, sizeof random);
	sodium_bin2hex(digits, sizeof digits, random, sizeof random);
	snprintf(f->id, sizeof f->id, "chat-%s", digits);
	f->path = file_join(d->dir, f->id);
	d->fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (d->fd < 0) {
		err_sys(err, errno, "cannot create a file in %s", d->dir);
		free(TAKE(f->path));
		return -err->code;
	}
	d->n++;
	d->hash = hash_new();
	return 0;
}

static int too_much(const struct chat_data *d, struct err *err)
{
	char most[TEXT_SIZE_MAX];
	return err_set(err, ERR_LIMIT,
	               "the videos in a request have at most %s (chat.upload_max); upload larger ones "
	               "(POST /api/v1/uploads), or send their addresses, and name them in \"model\"",
	               text_size((double)d->max, most));
}

static int write_all(void *ctx, const void *data, size_t len, struct err *err)
{
	struct chat_data *d = ctx;
	struct chat_file *f = &d->files[d->n - 1];
	if ((int64_t)len > d->max - d->used)
		return too_much(d, err);
	for (size_t done = 0; done < len;) {
		ssize_t n = write(d->fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot write a video to %s", d->dir);
		done += n > 0 ? (size_t)n : 0;
	}
	hash_add(d->hash, data, len);
	d->used += (int64_t)len;
	f->size += (int64_t)len;
	return 0;
}

static int end(void *ctx, struct err *err)
{
	struct chat_data *d = ctx;
	struct chat_file *f = &d->files[d->n - 1];
	hash_end(d->hash, f->sha256);
	hash_free(TAKE(d->hash));
	int r = fsync(d->fd) < 0 ? err_sys(err, errno, "cannot write a video to %s", d->dir) : 0;
	fd_closep(&d->fd);
	d->fd = -1;
	return r == 0 && !f->size ? err_set(err, ERR_ARG, "the data of video %zu is empty", d->n) : r;
}

const struct chat_scan_sink chat_data_sink = {.begin = begin, .write = write_all, .end = end};
