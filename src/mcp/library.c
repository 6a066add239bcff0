/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/library.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cases/walk.h"
#include "store/ask.h"
#include "store/queue.h"

enum { KNOWN_MAX = 1000, LINK_MAX = 4200 };

static void clear_video(struct mcp_video *v)
{
	free(v->id);
	free(v->name);
	free(v->sha256);
	free(v->dir);
	free(v->path);
	free(v->address);
	free(v->stamp);
	free(v->summary);
}

void library_clear(struct library *l)
{
	for (size_t i = 0; i < l->n; i++)
		clear_video(&l->videos[i]);
	free(l->videos);
	*l = (struct library){0};
}

/* ---- what the journal has */

/* Of the server. */
struct queue {
	struct store_video *videos;
	struct store_entry *entries;
	size_t n_videos, n_entries;
};

static void clear_queue(struct queue *q)
{
	for (size_t i = 0; i < q->n_videos; i++)
		store_video_clear(&q->videos[i]);
	for (size_t i = 0; i < q->n_entries; i++)
		store_entry_clear(&q->entries[i]);
	free(q->videos);
	free(q->entries);
}

struct loading {
	const struct mcp_setup *setup;
	const struct queue *queue;
	struct library *library;
	json_t *sources; /* those of which a newer run was found */
};

static const struct store_video *find_queued(const struct queue *q, const char *job)
{
	for (size_t i = q->n_entries; i > 0; i--) {
		if (strcmp(q->entries[i - 1].journal, job) != 0)
			continue;
		for (size_t k = 0; k < q->n_videos; k++)
			if (q->videos[k].id == q->entries[i - 1].video)
				return &q->videos[k];
	}
	return NULL;
}

/* Where the file of a source is that the server has. */
static const struct store_video *find_same(const struct queue *q, const char *sha256)
{
	for (size_t i = 0; i < q->n_videos; i++)
		if (*q->videos[i].path && strcmp(q->videos[i].sha256, sha256) == 0)
			return &q->videos[i];
	return NULL;
}

/* Beside its report, if the server does not have it. */
static char *path_of(const struct store_job *j, const struct store_video *v)
{
	if (v && *v->path)
		return mem_strdup(v->path);
	if (j->source_name[0] == '/')
		return mem_strdup(j->source_name);
	AUTO(mem_freep) char *parent = mem_strdup(j->output);
	char *slash = strrchr(parent, '/');
	if (slash)
		*slash = '\0';
	return slash ? file_join(parent, file_base(j->source_name)) : mem_strdup("");
}

/* Of the server's videos those are at addresses that came from one and have no
 * file. */
static char *address_of(const struct loading *l, const struct store_video *v)
{
	const struct mcp_host *host = l->setup->host;
	bool is = v && strcmp(v->origin, "url") == 0 && !*v->path && v->state == STORE_VIDEO_READY &&
	          l->setup->web && host && host->reads && host->reads(host->ctx, v->source);
	return is ? mem_strdup(v->source) : NULL;
}

static void add(struct loading *l, const struct store_job *j, const json_t *facts,
                const struct store_video *queued)
{
	const json_t *source = json_object_get(facts, "source");
	const char *sha256 = json_text(source, "sha256");
	const char *stream =
		json_text(json_object_get(json_object_get(facts, "key"), "options"), "media.stream");
	const struct store_video *file = queued ? queued : find_same(l->queue, sha256);
	struct library *to = l->library;
	to->videos = mem_room(to->videos, to->n, &to->cap, sizeof *to->videos);
	to->videos[to->n++] = (struct mcp_video){
		.id = mem_strdup(j->id),
		.name = mem_strdup(queued ? queued->name : file_base(j->source_name)),
		.sha256 = mem_strdup(sha256),
		.dir = mem_strdup(j->output),
		.path = path_of(j, file),
		.address = address_of(l, queued),
		.stamp = mem_strdup(file ? file->stamp : ""),
		.summary = mem_strdup(j->summary),
		.has_stream = *stream >= '0' && *stream <= '9',
		.stream = (int)strtol(stream, NULL, 10),
		.size = json_integer_value(json_object_get(source, "size")),
		.duration = json_integer_value(json_object_get(source, "duration_us")),
		.from = json_integer_value(json_object_get(facts, "from_us")),
		.to = json_integer_value(json_object_get(facts, "to_us")),
		.chunks = j->chunks,
		.holes = j->holes,
	};
}

/* Jobs come newest first. */
static int add_job(void *ctx, const struct store_job *j)
{
	struct loading *l = ctx;
	const struct store_video *queued = find_queued(l->queue, j->id);
	json_auto_t *facts = json_loads(j->facts ? j->facts : "", 0, NULL);
	const json_t *options = json_object_get(json_object_get(facts, "key"), "options");
	const char *sha256 = json_text(json_object_get(facts, "source"), "sha256");
	if (j->state == STORE_JOB_RUNNING || !*sha256 || (l->setup->queue && !queued))
		return 0;

	AUTO(mem_freep) char *source = mem_printf("%s %s", sha256, json_text(options, "media.stream"));
	if (json_object_get(l->sources, source))
		return 0;
	json_object_set_new(l->sources, source, json_true());
	add(l, j, facts, queued);
	return 0;
}

static int load_journal(const struct mcp_setup *s, struct library *ret, struct err *err)
{
	AUTO(clear_queue) struct queue q = {0};
	json_auto_t *sources = json_object();
	struct loading l = {.setup = s, .queue = &q, .library = ret, .sources = sources};
	int r = store_videos_load(s->store, &q.videos, &q.n_videos, err);
	if (r == 0)
		r = store_entries_load(s->store, &q.entries, &q.n_entries, err);
	return r < 0 ? r : store_job_each(s->store, add_job, &l, err);
}

/* ---- the folder */

/* A file of the walk that has name and size of the video, rather where it was
 * expected than elsewhere. */
static const char *find_file(const struct walk *w, const struct mcp_video *v)
{
	struct stat st;
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->files[i].path, v->path) == 0 && stat(v->path, &st) == 0 &&
		    st.st_size == v->size)
			return w->files[i].path;
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(file_base(w->files[i].path), file_base(v->path)) == 0 &&
		    stat(w->files[i].path, &st) == 0 && st.st_size == v->size)
			return w->files[i].path;
	return NULL;
}

/* Keeps the videos whose file, or whose report, is below the folder. */
static int keep_inside(const struct mcp_setup *s, struct cancel *cancel, struct library *l,
                       struct err *err)
{
	AUTO(walk_clear) struct walk w = {0};
	size_t n = 0;
	int r = walk_add(&w, s->folder, false, false, cancel, err);
	if (r < 0)
		return r;
	walk_end(&w);
	for (size_t i = 0; i < l->n; i++) {
		struct mcp_video *v = &l->videos[i];
		const char *path = find_file(&w, v);
		AUTO(mem_freep) char *dir = realpath(v->dir, NULL);
		if (!path && !(dir && file_is_below(dir, s->folder))) {
			clear_video(v);
			continue;
		}
		free(v->path);
		v->path = mem_strdup(path ? path : "");
		l->videos[n++] = *v;
	}
	l->n = n;
	return 0;
}

/* Where files of this content were seen, if it is not where it is expected. */
static int find_places(const struct mcp_setup *s, struct library *l, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < l->n && r == 0; i++) {
		struct mcp_video *v = &l->videos[i];
		char **paths = NULL;
		size_t n = 0;
		if (*v->path && file_exists(v->path))
			continue;
		r = store_place_of(s->store, v->sha256, &paths, &n, err);
		for (size_t k = 0; k < n; k++)
			if (file_exists(paths[k])) {
				free(v->path);
				v->path = mem_strdup(paths[k]);
				break;
			}
		store_paths_free(paths, n);
	}
	return r;
}

int library_load(const struct mcp_setup *s, struct cancel *cancel, struct library *ret,
                 struct err *err)
{
	AUTO(library_clear) struct library l = {0};
	int r = load_journal(s, &l, err);
	if (r == 0 && !s->folder && !s->queue)
		r = find_places(s, &l, err);
	if (r == 0 && s->folder)
		r = keep_inside(s, cancel, &l, err);
	if (r == 0) {
		*ret = l;
		l = (struct library){0};
	}
	return r;
}

int library_find(const struct library *l, const char *id, const struct mcp_video **ret,
                 struct err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->videos[i].id, id) == 0) {
			*ret = &l->videos[i];
			return 0;
		}
	return err_set(err, ERR_NOENT,
	               "there is no video \"%.64s\" here (any more); list_videos has the ids", id);
}

/* ---- files */

struct known {
	char *stamp;
	char sha256[HASH_HEX];
};
struct library_known {
	pthread_mutex_t lock;
	struct known *files;
	size_t n, next, cap;
};

struct library_known *library_known_new(void)
{
	struct library_known *k = mem_alloc(1, sizeof *k);
	pthread_mutex_init(&k->lock, NULL);
	return k;
}

void library_known_free(struct library_known *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++)
		free(k->files[i].stamp);
	free(k->files);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static bool find_known(struct library_known *k, const char *stamp, char out[static HASH_HEX])
{
	bool found = false;
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->n && !found; i++)
		if (strcmp(k->files[i].stamp, stamp) == 0) {
			memcpy(out, k->files[i].sha256, HASH_HEX);
			found = true;
		}
	pthread_mutex_unlock(&k->lock);
	return found;
}

static void keep_known(struct library_known *k, const char *stamp, const char *sha256)
{
	pthread_mutex_lock(&k->lock);
	if (k->n < KNOWN_MAX) {
		k->files = mem_room(k->files, k->n, &k->cap, sizeof *k->files);
		k->files[k->n++] = (struct known){0};
		k->next = k->n - 1;
	} else {
		k->next = (k->next + 1) % KNOWN_MAX;
	}
	struct known *f = &k->files[k->next];
	free(f->stamp);
	f->stamp = mem_strdup(stamp);
	snprintf(f->sha256, sizeof f->sha256, "%s", sha256);
	pthread_mutex_unlock(&k->lock);
}

bool library_is_inside(int fd, const char *folder)
{
	char link[40], path[LINK_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n <= 0 || n == (ssize_t)sizeof path - 1)
		return false;
	path[n] = '\0';
	return file_is_below(path, folder);
}

/* Whether the file has the content that was analyzed. */
static int check_content(struct library_known *k, const struct mcp_video *v, int fd,
                         struct cancel *cancel, struct err *err)
{
	char stamp[FILE_STAMP_MAX], sha256[HASH_HEX];
	file_stamp(fd, stamp);
	if (*stamp && strcmp(stamp, v->stamp) == 0)
		return 0;
	if (lseek(fd, 0, SEEK_END) != v->size)
		return err_set(err, ERR_NOENT, "the file of %s has changed since it was analyzed", v->name);
	if (!*stamp || !find_known(k, stamp, sha256)) {
		int r = hash_fd(fd, cancel, NULL, sha256, err);
		if (r < 0)
			return r;
		keep_known(k, stamp, sha256);
	}
	if (strcmp(sha256, v->sha256) != 0)
		return err_set(err, ERR_NOENT, "the file of %s has changed since it was analyzed", v->name);
	return 0;
}

int library_open(const struct mcp_setup *s, struct library_known *k, const struct mcp_video *v,
                 struct cancel *cancel, int *ret_fd, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	struct err ignored;
	int r = *v->path ? file_open_input(v->path, &fd, &ignored) : -ERR_NOENT;
	if (r < 0 || (s->folder && !library_is_inside(fd, s->folder)))
		return err_set(err, ERR_NOENT, "the file of %s is not here any more", v->name);
	r = check_content(k, v, fd, cancel, err);
	if (r == 0) {
		*ret_fd = fd;
		fd = -1;
	}
	return r;
}
