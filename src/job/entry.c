/* SPDX-License-Identifier: Apache-2.0 */
#include "job/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "protocol/media-wire.h"

void entry_clear(struct entry *e)
{
	store_job_clear(&e->job);
	json_decref(TAKE(e->key));
	fd_closep(&e->lock);
	e->lock = -1;
}

static char *lock_path(const char *dir, const char *id)
{
	AUTO(mem_freep) char *name = mem_printf("%s.lock", id);
	return file_join(dir, name);
}

bool entry_is_held(const char *locks_dir, const char *id)
{
	AUTO(mem_freep) char *path = lock_path(locks_dir, id);
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

int entry_lock(const char *dir, const char *id, int *ret_fd, struct err *err)
{
	AUTO(mem_freep) char *path = lock_path(dir, id);
	int r = file_mkdirs(dir, true, err);
	if (r < 0)
		return r;
	AUTO(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	if (file_lock_now(fd) < 0)
		return err_set(err, ERR_BUSY, "job %s is already running in another process", id);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int find(struct store *store, const char *key, struct store_job *ret, struct err *err)
{
	store_job_clear(ret);
	int r = store_job_find(store, key, ret, err);
	return r == -ERR_NOENT ? 0 : r;
}

/* A run with another version of the timeline: new chunks would not fit the
 * finished ones, so it is not continued. A finished one is used, with its key. */
static int find_other_timeline(struct store *store, const struct facts_input *in,
                               char key[static HASH_HEX], struct entry *ret, struct err *err)
{
	const int now = in->video->timeline;
	for (int version = TIMELINE_VERSION; version > 0; version--) {
		char hash[HASH_HEX];
		if (version == now)
			continue;
		json_auto_t *parts = facts_key(in, version, hash);
		int r = find(store, hash, &ret->job, err);
		if (r < 0)
			return r;
		if (!ret->job.id)
			continue;

		const char *id = ret->job.id;
		if (ret->job.state == STORE_JOB_COMPLETE) {
			log_warning("job %s was created with version %d of the timeline, this file now has "
			            "version %d; --fresh analyzes it again",
			            id, version, now);
			json_decref(ret->key);
			ret->key = json_incref(parts);
			memcpy(key, hash, HASH_HEX);
			return 0;
		}
		log_warning("the unfinished job %s was created with version %d of the timeline, this file "
		            "now has version %d; a new job is started (vdet report %s writes the old "
		            "results)",
		            id, version, now, id);
	}
	store_job_clear(&ret->job);
	return 0;
}

/* A run of an earlier version that names the default stream by its index. */
static int find_named_stream(struct store *store, const struct facts_input *in,
                             char key[static HASH_HEX], struct entry *ret, struct err *err)
{
	struct analyze_options named = *in->options; /* borrows its strings */
	struct facts_input other = *in;
	char hash[HASH_HEX];
	if (named.media_stream >= 0)
		return 0;
	named.media_stream = in->video->stream;
	other.options = &named;
	json_auto_t *parts = facts_key(&other, in->video->timeline, hash);
	int r = find(store, hash, &ret->job, err);
	if (r < 0 || !ret->job.id)
		return r;
	json_decref(ret->key);
	ret->key = json_incref(parts);
	memcpy(key, hash, HASH_HEX);
	return 0;
}

int entry_find(struct store *store, const char *locks_dir, const struct facts_input *in,
               const char *name, const char *dir, struct entry *ret, struct err *err)
{
	AUTO(entry_clear) struct entry e = ENTRY_NONE;
	char key[HASH_HEX];
	e.key = facts_key(in, in->video->timeline, key);
	int r = find(store, key, &e.job, err);
	if (r == 0 && !e.job.id)
		r = find_named_stream(store, in, key, &e, err);
	if (r == 0 && !e.job.id && !in->options->fresh)
		r = find_other_timeline(store, in, key, &e, err);
	if (r < 0)
		return r;

	AUTO(mem_freep) char *id = e.job.id ? TAKE(e.job.id) : mem_printf("%.12s", key);
	r = entry_lock(locks_dir, id, &e.lock, err);
	if (r == 0 && in->options->fresh)
		r = store_job_remove(store, id, err);
	/* Again: another process may have worked on it before it was locked. */
	if (r == 0)
		r = find(store, key, &e.job, err);
	if (r < 0)
		return r;

	if (!e.job.id)
		e.job = (struct store_job){.id = TAKE(id),
		                           .key = mem_strdup(key),
		                           .summary = mem_strdup(""),
		                           .summary_fallback = mem_strdup("")};
	e.job.state = STORE_JOB_RUNNING;
	/* The video may have been moved. */
	free(e.job.source_name);
	free(e.job.output);
	e.job.source_name = mem_strdup(name);
	e.job.output = mem_strdup(dir);
	*ret = e;
	e = ENTRY_NONE;
	return 0;
}
