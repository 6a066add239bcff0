/* SPDX-License-Identifier: Apache-2.0 */
/* New jobs: making them, saving them, and adding them to the queue. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "board/board-internal.h"
#include "job/streams.h"

struct job *board_find_same(struct board *b, const struct video *v, const char *options)
{
	for (size_t i = 0; i < b->n_jobs; i++) {
		struct job *j = b->jobs[i];
		if (j->video == v && !j->gone && j->row.state != STORE_ENTRY_FAILED &&
		    j->row.state != STORE_ENTRY_CANCELED && j->stop != STOP_CANCEL &&
		    strcmp(j->row.options, options) == 0)
			return j;
	}
	return NULL;
}

double board_last_place(const struct board *b)
{
	double last = 0;
	for (size_t i = 0; i < b->n_jobs; i++)
		last = b->jobs[i]->row.place > last ? b->jobs[i]->row.place : last;
	return last;
}

/* With the lock held: how much work it counts as having had, when it comes to
 * the queue. */
void board_level(struct board *b, struct job *j)
{
	int64_t now = clock_now();
	AUTO(mem_freep) struct queue_job *q = board_queue(b, now);
	for (size_t i = 0; i < b->n_jobs; i++)
		if (b->jobs[i] == j)
			q[i].state = QUEUE_IDLE;
	j->row.served = queue_level(q, b->n_jobs, j->row.priority, j->row.served, now);
}

void board_clear_new_job(struct new_job *n)
{
	json_decref(n->options);
	free(n->text);
}

struct job *board_make_job(struct board *b, const struct new_job *n)
{
	struct job *j = mem_alloc(1, sizeof *j);
	*j = (struct job){.board = b, .options = json_incref(n->options)};
	j->row = (struct store_entry){.priority = n->priority,
	                              .options = mem_strdup(n->text),
	                              .journal = mem_strdup(""),
	                              .fault = mem_strdup(""),
	                              .created = clock_wall()};
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	j->row.place = board_last_place(locked) + 1;
	board_level(b, j);
	return j;
}

void board_insert_job(struct board *b, struct job *j, struct video *v)
{
	j->video = v;
	b->jobs = mem_grow(b->jobs, b->n_jobs + 1, sizeof(struct job *));
	b->jobs[b->n_jobs++] = j;
	board_publish_job(b, j);
	board_wake(b);
}

int board_add_job(struct board *b, struct video *v, const struct new_job *n, struct job **ret,
                  struct err *err)
{
	struct job *j = board_make_job(b, n);
	j->row.video = v->row.id;
	int r = store_entry_add(b->setup.store, &j->row, &j->row.id, err);
	if (r < 0) {
		board_free_job(j);
		return r;
	}
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	board_insert_job(locked, j, v);
	*ret = j;
	return 0;
}

/* The options of a job with this stream instead of "all". */
static void set_stream(struct new_job *n, const struct job *j, int64_t stream)
{
	AUTO(mem_freep) char *text = mem_printf("%lld", (long long)stream);
	n->options = j->options ? json_copy(j->options) : json_object();
	json_object_set_new(n->options, "media.stream", json_string(text));
	n->text = json_dumps(n->options, JSON_COMPACT | JSON_SORT_KEYS);
	n->priority = j->row.priority;
}

static int list_streams(struct job *j, const char *path, const struct analyze_options *o,
                        int64_t **ret, size_t *ret_n, struct err *err)
{
	AUTO(board_close_input) struct board_input in = {.fd = -1};
	AUTO(video_info_clear) struct video_info v = {0};
	AUTO(away_clear) struct away a = {0};
	struct board *b = j->board;
	pthread_mutex_lock(&b->lock);
	bool away = board_take_away(j->video, &a);
	pthread_mutex_unlock(&b->lock);
	if (!away)
		return streams_list(path, o, j->cancel, ret, ret_n, err);
	struct analyze_options with = *o;
	int r = board_open_away(b, &a, false, j->cancel, &in.away, err);
	if (r < 0)
		return r;
	board_set_input(&in, in.away);
	with.feed = in.feed;
	r = streams_probe(in.fd, &with, j->cancel, &v, err);
	if (r == 0)
		streams_moving(&v, ret, ret_n);
	return r;
}

int board_split_streams(struct job *j, const char *path, struct analyze_options *o, struct err *err)
{
	struct board *b = j->board;
	AUTO(mem_freep) int64_t *streams = NULL;
	size_t n = 0;
	int r = list_streams(j, path, o, &streams, &n, err);
	if (r < 0)
		return r;
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	for (size_t i = n; r == 0 && i-- > 0;) {
		AUTO(board_clear_new_job) struct new_job one = {0};
		pthread_mutex_lock(&b->lock);
		set_stream(&one, j, streams[i]);
		struct job *same = board_find_same(b, j->video, one.text);
		if (i == 0) { /* the job itself goes on with the first */
			json_decref(j->options);
			j->options = json_incref(one.options);
			board_set_text(&j->row.options, one.text);
			j->unsaved = true;
		}
		pthread_mutex_unlock(&b->lock);
		if (i > 0 && !same)
			r = board_add_job(disk, j->video, &one, &same, err);
	}
	o->media_stream = streams[0];
	return r;
}
