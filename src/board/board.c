/* SPDX-License-Identifier: Apache-2.0 */
/* Start and stop of the board, and its manager: the thread that starts jobs,
 * publishes their progress, saves changes and frees what was removed. */
#include "board/board.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/file.h"
#include "base/log.h"
#include "base/opt.h"
#include "board/board-internal.h"

#define AT(member) offsetof(struct board_options, member)

static const struct opt_row rows[] = {
	{"queue.jobs", NULL, OPT_INT, AT(jobs), "2", 1, 64, NULL, "N",
     "Videos analyzed in parallel; they share the engine's slots. More is not faster, but "
     "short videos wait less.",
     0},
	{"queue.turn", NULL, OPT_TIME, AT(turn), "120", 0, 86400, NULL, "SECONDS",
     "Time slice of a video while others wait: it yields at the end of a chunk and continues "
     "later; 0 = run to the end.",
     0},
	{"queue.asks", NULL, OPT_INT, AT(asks), "1", 1, 16, NULL, "N",
     "Questions answered in parallel, beside the videos that are analyzed.", 0},
	{"serve.folders", "folder", OPT_STRING, AT(folders), "", 0, 0, NULL, "FOLDERS",
     "Folders whose videos clients may name by path, separated by colons; empty: none.", 0},
	{"serve.watch_folder", "watch-folder", OPT_STRING, AT(watch_folders), "", 0, 0, NULL, "FOLDER",
     "Folder whose video files come to the queue by themselves, each once, as soon as it is "
     "complete; also below it. Repeatable, none clears the list.",
     OPT_APPEND},
	{"serve.quota", NULL, OPT_SIZE, AT(quota), "0", 0, 1e18, NULL, "BYTES",
     "Maximum total size of uploaded and fetched videos; 0 = no limit.", 0},
	{"serve.video_max", NULL, OPT_SIZE, AT(video_max), "0", 0, 1e18, NULL, "BYTES",
     "Maximum size of one uploaded or fetched video; 0 = no limit.", 0},
	{"serve.free_min", NULL, OPT_SIZE, AT(free_min), "1G", 0, 1e18, NULL, "BYTES",
     "Disk space that uploads, and what is kept of videos at addresses, leave free.", 0},
	{"serve.fetch", NULL, OPT_BOOL, AT(fetch), "true", 0, 0, NULL, NULL,
     "Allow videos to be read or downloaded from addresses.", 0},
	{"serve.fetch_private", NULL, OPT_BOOL, AT(fetch_private), "false", 0, 0, NULL, NULL,
     "Allow addresses of this machine and private networks.", 0},
	{"serve.fetch_timeout", NULL, OPT_TIME, AT(fetch_timeout), "86400", 1, 3.2e7, NULL, "SECONDS",
     "Maximum time for reading a video at an address the first time, or downloading it.", 0},
	{"serve.fetch_copy", NULL, OPT_BOOL, AT(fetch_copy), "false", 0, 0, NULL, NULL,
     "Download videos at http and https addresses before they are analyzed, instead of reading "
     "them where they are.",
     0},
	{"serve.s3", NULL, OPT_STRING, AT(s3), "", 0, 0, NULL, "BUCKETS",
     "Buckets of S3 whose videos clients may name, as BUCKET or BUCKET/FOLDER, separated by "
     "colons; empty: none.",
     0},
	{"serve.proxy", NULL, OPT_BOOL, AT(proxy), "true", 0, 0, NULL, NULL,
     "Make a small copy of videos that browsers cannot play, at low priority.", 0},
	{"chat.videos", NULL, OPT_INT, AT(chat_videos), "100", 1, 1e6, NULL, "N",
     "Maximum number of videos that came in chats (/v1/chat/completions) and are not kept; the "
     "oldest are removed first.",
     0},
	{"chat.bytes", NULL, OPT_SIZE, AT(chat_bytes), "20G", 1, 1e18, NULL, "BYTES",
     "Maximum total size of such videos, and of each.", 0},
	{"chat.keep", NULL, OPT_TIME, AT(chat_keep), "24h", 0, 3.2e7, NULL, "TIME",
     "How long such a video is kept after its last use. Removing its tag \"chat\", or adding it to "
     "a case, keeps it.",
     0},
	{"serve.drain_timeout", NULL, OPT_TIME, AT(drain_timeout), "10", 0, 86400, NULL, "SECONDS",
     "How long a stopping server waits for chunks in progress; after that they are aborted and "
     "repeated by the next start.",
     0},
};
const struct opt_group board_opt_group = {"Queue", rows, ARRAY_LEN(rows)};

enum {
	POOL_THREADS = 6,         /* for requests */
	POOL_WAITING = 256,       /* requests that may wait for one */
	CHANGE_PERIOD = 40000,    /* least time between events of a job, … */
	PROGRESS_PERIOD = 250000, /* … and if only its progress changed */
	SAVE_PERIOD = 5000000,    /* between attempts to save that fail */
};

/* ---- the manager */

static void start(struct board *b, struct job *j, int64_t now)
{
	j->cancel = cancel_new();
	j->drain = cancel_new();
	j->stop = STOP_NONE;
	j->began = now;
	j->in_chunks = j->ended = false;
	j->row.state = STORE_ENTRY_RUNNING;
	if (!j->row.started)
		j->row.started = clock_wall();
	j->row.ended = 0;
	free(j->row.fault);
	j->row.fault = mem_strdup("");
	j->unsaved = true;
	if (!j->progress)
		j->progress = progress_new(board_on_progress, j);
	if (pthread_create(&j->thread, NULL, board_run_job, j) == 0) {
		j->has_thread = true;
	} else { /* the system has no thread for it: it waits */
		cancel_free(TAKE(j->cancel));
		cancel_free(TAKE(j->drain));
		j->row.state = STORE_ENTRY_QUEUED;
		j->retry_at = now + CLOCK_SECOND;
	}
	board_publish_job(b, j);
}

/* With the lock held: starts and stops what is due; when to look again. */
static int64_t schedule(struct board *b, int64_t now)
{
	size_t i;
	for (;;) {
		AUTO(mem_freep) struct queue_job *q = board_queue(b, now);
		const struct board_options *o = b->setup.options;
		int64_t when = INT64_MAX;
		enum queue_move move =
			b->stopping ? QUEUE_NOTHING : queue_next(q, b->n_jobs, o->jobs, o->turn, now, &i);
		if (move == QUEUE_START) {
			start(b, b->jobs[i], now);
		} else if (move == QUEUE_YIELD) {
			board_stop_job(b->jobs[i], STOP_YIELD);
		} else {
			if (!b->stopping)
				when = queue_when(q, b->n_jobs, o->jobs, o->turn, now);
			for (i = 0; i < b->n_jobs; i++)
				if (b->jobs[i]->retry_at > now && b->jobs[i]->retry_at < when)
					when = b->jobs[i]->retry_at;
			return when;
		}
	}
}

static void drop_job(struct board *b, size_t i)
{
	struct job *j = b->jobs[i];
	memmove(b->jobs + i, b->jobs + i + 1, (b->n_jobs - i - 1) * sizeof(struct job *));
	b->n_jobs--;
	board_free_job(j);
}

static bool is_used(const struct board *b, const struct video *v)
{
	for (size_t i = 0; i < b->n_jobs; i++)
		if (b->jobs[i]->video == v)
			return true;
	return v->busy || v->makes_proxy;
}

/* With the lock held: joins threads that are over, and forgets what was
 * removed. */
static void reap(struct board *b)
{
	for (size_t i = 0; i < b->n_jobs; i++) {
		struct job *j = b->jobs[i];
		if (j->has_thread && j->ended) {
			pthread_join(j->thread, NULL); /* it is past its last lock */
			j->has_thread = false;
			cancel_free(TAKE(j->cancel));
			cancel_free(TAKE(j->drain));
		}
		if (j->gone && !j->has_thread)
			drop_job(b, i--);
	}
	for (size_t i = 0; i < b->n_videos; i++) {
		struct video *v = b->videos[i];
		if (!v->gone || is_used(b, v))
			continue;
		memmove(b->videos + i, b->videos + i + 1, (b->n_videos - i - 1) * sizeof(struct video *));
		b->n_videos--;
		i--;
		board_free_video(v);
	}
}

/* Saves what changed, without locks. When to try again if that failed. */
static int64_t save_all(struct board *b, int64_t now)
{
	AUTO(board_undiskp) struct board *disk = board_disk(b);
	struct err err;

	if (now < b->save_at)
		return b->save_at;
	int r = board_save_changes(disk, &err);
	b->save_at = r < 0 ? now + SAVE_PERIOD : 0;
	board_note_saving(b, r, &err);
	return r < 0 ? b->save_at : INT64_MAX;
}

/* With the lock held: repeats fetches that found no space. */
static void repeat_fetches(struct board *b, int64_t now)
{
	for (size_t i = 0; i < b->n_videos && !b->stopping && !b->disk_full; i++) {
		struct video *v = b->videos[i];
		if (v->row.state != STORE_VIDEO_FETCHING || v->busy || v->gone || v->retry_at > now)
			continue;
		v->retry_at = 0;
		board_prepare(b, v);
	}
}

/* When the progress of a job is to be published; INT64_MAX = nothing is new. */
static int64_t publish_at(const struct job *j)
{
	if (!j->has_thread || j->ended || (!j->dirty && !j->moved))
		return INT64_MAX;
	return j->last_published + (j->dirty ? CHANGE_PERIOD : PROGRESS_PERIOD);
}

/* With the lock held: publishes the progress that is due; when the next is. */
static int64_t publish_progress(struct board *b, int64_t now)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < b->n_jobs; i++) {
		struct job *j = b->jobs[i];
		int64_t at = publish_at(j);
		if (at <= now)
			board_publish_job(b, j);
		else if (at < next)
			next = at;
	}
	return next;
}

static bool is_over(struct board *b)
{
	for (size_t i = 0; i < b->n_jobs; i++)
		if (b->jobs[i]->has_thread)
			return false;
	return b->stopping;
}

static void sleep_until(struct board *b, int64_t when)
{
	if (when == INT64_MAX)
		pthread_cond_wait(&b->wake, &b->lock);
	else if (when > clock_now())
		cond_wait_until(&b->wake, &b->lock, when);
}

static void *manage(void *arg)
{
	struct board *b = arg;
	for (;;) {
		pthread_mutex_lock(&b->lock);
		b->changed = false;
		reap(b);
		repeat_fetches(b, clock_now());
		int64_t when = schedule(b, clock_now());
		bool over = is_over(b);
		pthread_mutex_unlock(&b->lock);
		int64_t save = save_all(b, clock_now());
		if (over)
			break;

		int64_t watches = board_ask_watched(b, clock_now());
		when = watches < when ? watches : when;
		int64_t sample = board_take_sample(b, clock_now());
		when = sample < when ? sample : when;
		when = save < when ? save : when;
		pthread_mutex_lock(&b->lock);
		int64_t publish = publish_progress(b, clock_now());
		int64_t asks = board_publish_questions(b, clock_now());
		publish = asks < publish ? asks : publish;
		if (!b->changed)
			sleep_until(b, publish < when ? publish : when);
		pthread_mutex_unlock(&b->lock);
	}

	pthread_mutex_lock(&b->lock);
	b->over = true;
	pthread_cond_signal(&b->end);
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* ---- life */

static int load_videos(struct board *b, struct err *err)
{
	struct store_video *rows_;
	size_t n;
	int r = store_videos_load(b->setup.store, &rows_, &n, err);
	if (r < 0)
		return r;
	b->videos = mem_alloc(n + 1, sizeof(struct video *));
	for (size_t i = 0; i < n; i++) {
		struct video *v = mem_alloc(1, sizeof *v);
		v->row = rows_[i];
		bool came = strcmp(v->row.origin, "upload") == 0 ||
		            (strcmp(v->row.origin, BOARD_CHAT) == 0 && !*v->row.source);
		v->unsaved = came && board_move_upload(b, &v->row);
		v->facts = *v->row.facts ? json_loads(v->row.facts, 0, NULL) : NULL;
		v->cancel = cancel_new();
		b->videos[b->n_videos++] = v;
	}
	free(rows_);
	return board_load_names(b, err);
}

static void load_states(struct job *j, const char *letters)
{
	j->n_chunks = letters ? strlen(letters) : 0;
	j->states = mem_alloc(j->n_chunks + 1, sizeof *j->states);
	for (size_t i = 0; i < j->n_chunks; i++)
		j->states[i] = chunk_state_of_letter(letters[i]);
}

static int load_jobs(struct board *b, struct err *err)
{
	struct store_entry *rows_;
	size_t n;
	int r = store_entries_load(b->setup.store, &rows_, &n, err);
	if (r < 0)
		return r;
	b->jobs = mem_alloc(n + 1, sizeof(struct job *));
	for (size_t i = 0; i < n; i++) {
		struct job *j = mem_alloc(1, sizeof *j);
		struct store_summary summary = {0};
		struct err ignored;
		*j =
			(struct job){.board = b, .row = rows_[i], .video = board_find_video(b, rows_[i].video)};
		j->options = json_loads(j->row.options, 0, NULL);
		if (*j->row.journal &&
		    store_summary(b->setup.store, j->row.journal, &summary, &ignored) == 0)
			j->events = board_listed(b, &summary);
		load_states(j, summary.states);
		free(summary.states);
		if (j->row.state == STORE_ENTRY_RUNNING) /* the last server was interrupted */
			j->row.state = STORE_ENTRY_QUEUED;
		b->jobs[b->n_jobs++] = j;
	}
	free(rows_);
	return 0;
}

/* Folders of what was removed from the database by a server that was killed
 * before it removed the files. Only ids that this database gave away: what
 * belongs to another one is kept. */
static void remove_strays(struct board *b, const char *dir, int64_t last, bool videos)
{
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		AUTO(mem_freep) char *path = file_join(dir, e->d_name);
		char *end;
		struct err err;
		int64_t id = strtoll(e->d_name, &end, 10);
		bool known = videos ? board_find_video(b, id) != NULL : board_find_job(b, id) != NULL;
		if (*end || id <= 0 || id > last || known)
			continue;
		if (file_remove_tree(path, &err) < 0)
			log_warning("%s", err.msg);
	}
	if (d)
		closedir(d);
}

static int load(struct board *b, struct err *err)
{
	int64_t last_video, last_job;
	int r = load_videos(b, err);
	if (r == 0)
		r = load_jobs(b, err);
	if (r == 0)
		r = store_ids_used(b->setup.store, &last_video, &last_job, err);
	if (r < 0)
		return r;
	remove_strays(b, b->videos_dir, last_video, true);
	remove_strays(b, b->reports_dir, last_job, false);
	return 0;
}

static int begin(struct board *b, struct err *err)
{
	int r = file_mkdirs(b->videos_dir, true, err);
	if (r == 0)
		r = file_mkdirs(b->reports_dir, true, err);
	if (r == 0)
		board_check_disk(b);
	if (r == 0)
		r = load(b, err);
	if (r < 0)
		return r;
	struct err why;
	if (board_room(b, 1, 0, &why) < 0)
		log_warning("uploads are refused: %s", why.msg);

	b->pool = pool_new(POOL_THREADS);
	b->preparing = pool_new(2);
	b->fetching = pool_new(2);
	b->copying = pool_new(1);
	b->summarizing = pool_new(1);
	b->asking = pool_new((size_t)b->setup.options->asks);

	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->n_videos; i++)
		if (b->videos[i]->row.state == STORE_VIDEO_FETCHING || !b->videos[i]->facts)
			board_prepare(b, b->videos[i]);
		else {
			board_note_artifacts(b, b->videos[i]);
			board_request_proxy(b, b->videos[i]);
			board_request_pictures(b, b->videos[i]);
		}
	pthread_mutex_unlock(&b->lock);

	if (b->setup.notify)
		r = notifier_new(b->setup.notify, b->setup.store, 0, &b->notifier, err);
	b->watches_due = true;
	if (r == 0)
		r = board_resume_summaries(b, err);
	if (r == 0)
		r = board_resume_questions(b, err);
	if (r < 0)
		return r;
	if (pthread_create(&b->manager, NULL, manage, b) != 0)
		return err_set(err, ERR_LIMIT, "cannot start a thread");
	b->started = true;
	return board_watch_folders(b, err);
}

int board_new(const struct board_setup *s, struct board **ret, struct err *err)
{
	AUTO(board_freep) struct board *b = mem_alloc(1, sizeof *b);
	json_object_seed(0); /* before there are threads to do it at once */
	b->setup = *s;
	b->folders_stop = cancel_new();
	b->videos_dir = file_join(s->data_dir, "videos");
	b->reports_dir = file_join(s->data_dir, "reports");
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->disk, NULL);
	cond_init(&b->wake);
	cond_init(&b->end);
	cond_init(&b->asked);
	AUTO(mem_freep) char *settings = file_join(s->data_dir, "settings.json");
	int r = s->settings ? settings_open(settings, s->settings, &b->settings, err) : 0;
	if (r == 0)
		r = board_read_folders(b, err);
	if (r == 0)
		r = begin(b, err);
	if (r < 0)
		return r;
	*ret = TAKE(b);
	return 0;
}

struct settings *board_settings(struct board *b)
{
	return b->settings;
}

static void halt_all(struct board *b, bool abort)
{
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	bool wait = false;
	b->stopping = true;
	for (size_t i = 0; i < locked->n_jobs; i++)
		wait |= b->jobs[i]->has_thread && b->jobs[i]->in_chunks;
	if ((abort || !wait) && b->setup.abort)
		cancel_fire(b->setup.abort);
	for (size_t i = 0; i < locked->n_jobs; i++) {
		struct job *j = b->jobs[i];
		if (!j->has_thread || j->ended)
			continue;
		board_stop_job(j, STOP_YIELD);
		if (abort)
			cancel_fire(j->cancel);
	}
	for (size_t i = 0; i < b->n_videos; i++)
		cancel_fire(b->videos[i]->cancel);
	for (size_t i = 0; i < b->n_summing; i++)
		if (b->summing[i]->cancel)
			cancel_fire(b->summing[i]->cancel);
	for (size_t i = 0; i < b->n_questions; i++)
		if (b->questions[i]->cancel)
			cancel_fire(b->questions[i]->cancel);
	cancel_fire(b->folders_stop);
	pthread_cond_broadcast(&b->asked);
	board_wake(b);
}

/* Whether the manager is through by then. */
static bool wait_for_manager(struct board *b, int64_t until)
{
	pthread_mutex_lock(&b->lock);
	while (!b->over && cond_wait_until(&b->end, &b->lock, until))
		;
	bool over = b->over;
	pthread_mutex_unlock(&b->lock);
	return over;
}

void board_stop(struct board *b)
{
	if (!b->started)
		return;
	int64_t until = clock_now() + b->setup.options->drain_timeout;
	halt_all(b, false);
	if (!wait_for_manager(b, until))
		halt_all(b, true);
	pthread_join(b->manager, NULL);
	board_unwatch_folders(b);
	b->started = false;
}

void board_free(struct board *b)
{
	if (!b)
		return;
	board_stop(b);
	for (size_t i = 0; i < b->n_videos; i++)
		cancel_fire(b->videos[i]->cancel);
	pool_free(b->preparing);
	pool_free(b->fetching);
	pool_free(b->copying);
	pool_free(b->summarizing);
	pool_free(b->asking);
	pool_free(b->pool);
	notifier_free(b->notifier);
	for (size_t i = 0; i < b->n_jobs; i++)
		board_free_job(b->jobs[i]);
	for (size_t i = 0; i < b->n_videos; i++)
		board_free_video(b->videos[i]);
	for (size_t i = 0; i < ARRAY_LEN(b->samples); i++)
		json_decref(b->samples[i]);
	settings_free(b->settings);
	free(b->jobs);
	free(b->summing);
	free(b->questions);
	free(b->unasked);
	free(b->videos);
	free(b->videos_dir);
	free(b->reports_dir);
	board_free_roots(b->watched, b->n_watched);
	cancel_free(b->folders_stop);
	pthread_cond_destroy(&b->wake);
	pthread_cond_destroy(&b->end);
	pthread_cond_destroy(&b->asked);
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->disk);
	free(b);
}

bool board_later(struct board *b, void (*work)(void *ctx), void *ctx)
{
	if (pool_waiting(b->pool) >= POOL_WAITING)
		return false;
	pool_run(b->pool, work, ctx);
	return true;
}
