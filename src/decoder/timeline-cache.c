/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/timeline-cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { KEPT = 32 };

struct entry {
	struct timeline_id id;
	unsigned char *data;
	size_t len;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry entries[KEPT]; /* newest first */

void timeline_id_set(struct timeline_id *id, const struct stat *st, const char *stream,
                     const char *rate, const char *gaps)
{
	*id = (struct timeline_id){.device = (uint64_t)st->st_dev,
	                           .inode = (uint64_t)st->st_ino,
	                           .size = st->st_size,
	                           .seconds = st->st_mtim.tv_sec,
	                           .nanoseconds = st->st_mtim.tv_nsec};
	snprintf(id->options, sizeof id->options, "%s %s %s", stream, rate, gaps);
}

void timeline_id_name(struct timeline_id *id, const char *name)
{
	id->device = id->inode = 0;
	id->seconds = id->nanoseconds = 0;
	snprintf(id->name, sizeof id->name, "%s", name);
}

static bool is_same(const struct timeline_id *a, const struct timeline_id *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->seconds == b->seconds && a->nanoseconds == b->nanoseconds &&
	       strcmp(a->options, b->options) == 0 && strcmp(a->name, b->name) == 0;
}

static unsigned char *copy(const unsigned char *data, size_t len)
{
	unsigned char *out = mem_alloc(len + 1, 1);
	if (len)
		memcpy(out, data, len);
	return out;
}

void timeline_cache_put(const struct timeline_id *id, const unsigned char *data, size_t len)
{
	size_t at = 0;
	pthread_mutex_lock(&lock);
	while (at < KEPT - 1 && entries[at].data && !is_same(&entries[at].id, id))
		at++;
	free(entries[at].data);
	memmove(entries + 1, entries, at * sizeof *entries);
	entries[0] = (struct entry){.id = *id, .data = copy(data, len), .len = len};
	pthread_mutex_unlock(&lock);
}

unsigned char *timeline_cache_get(const struct timeline_id *id, size_t *ret_len)
{
	unsigned char *out = NULL;
	*ret_len = 0;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT && entries[i].data && !out; i++)
		if (is_same(&entries[i].id, id)) {
			out = copy(entries[i].data, entries[i].len);
			*ret_len = entries[i].len;
		}
	pthread_mutex_unlock(&lock);
	return out;
}
