/* SPDX-License-Identifier: Apache-2.0 */
#include "llama/server-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cond.h"
#include "base/log.h"
#include "proc/spawn.h"

#define GRACE (2 * CLOCK_SECOND)   /* between SIGTERM and SIGKILL */
#define STEADY (60 * CLOCK_SECOND) /* after a life of this length, earlier crashes do not count */
#define CRASHES_MAX 20             /* short lives in a row after which it is not started again */
#define FAILED_STARTS_MAX 5        /* failed starts in a row, after it was healthy before */
#define PAUSE (CLOCK_SECOND / 10)  /* before a restart, doubled each time */
#define PAUSE_MAX (10 * CLOCK_SECOND)
#define HEALTH_EVERY 50 /* milliseconds */

#define PING_EVERY CLOCK_SECOND
#define TIMEOUTS_MAX 2 /* requests in a row that timed out: it hangs */

const char *server_state_name(enum server_state state)
{
	static const char *const names[] = {"starting", "ready", "down", "asleep", "failed", "stopped"};
	return (size_t)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

const char *server_program_name(const struct server *s)
{
	return s->o.kind ? s->o.kind->name : "llama-server";
}

static void set_state(struct server *s, enum server_state state)
{
	pthread_mutex_lock(&s->lock);
	s->state = state;
	s->rested = clock_now();
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->o.changed)
		s->o.changed(s->o.changed_ctx);
}

static void __attribute__((format(printf, 2, 3))) set_note(struct server *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	pthread_mutex_lock(&s->lock);
	vsnprintf(s->note, sizeof s->note, fmt, ap);
	s->notes++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	va_end(ap);
}

/* ---- one life */

/* Reads what is there; false at the end. */
static bool read_log(struct server *s, int fd)
{
	char data[4096];
	for (;;) {
		ssize_t n = read(fd, data, sizeof data);
		if (n > 0)
			child_log_add(&s->log, data, (size_t)n);
		else if (n < 0 && errno == EINTR)
			continue;
		else
			return n < 0 && errno == EAGAIN;
	}
}

/* Healthy for the first time in this life. */
static void became_ready(struct server *s)
{
	struct err err = {0};
	/* Not probed again: requests of an earlier life may still read the result,
	 * which would be the same. */
	if (!s->probed && !s->o.kind && endpoint_probe(s->endpoint, s->stop, &err) < 0)
		return;
	s->probed = true;
	s->failed_starts = 0;
	set_note(s, "the engine is ready");
	set_state(s, SERVER_READY);
}

/* Stops the child: SIGTERM, and SIGKILL after GRACE, because it waits for the
 * requests in flight. */
static void stop_child(struct server *s, int log_fd)
{
	int64_t until = clock_now() + GRACE;
	child_kill(s->child, SIGTERM);
	bool open = true; /* a closed log would be readable all the time */
	while (!child_ended(s->child) && clock_now() < until) {
		struct pollfd p = {.fd = open ? log_fd : -1, .events = POLLIN};
		poll(&p, 1, 10);
		open = open && read_log(s, log_fd);
	}
	child_kill(s->child, SIGKILL);
	child_wait(s->child, 0, NULL, NULL);
}

/* Why this module ended a life. */
enum stop_reason { STOP_NONE, STOP_LATE, STOP_HUNG, STOP_ASKED, STOP_IDLE };

/* How much of the model is in memory, according to the kernel: the file is
 * mapped and read page by page. "" if that is not known, as when the weights
 * are copied to a GPU. */
static const char *loaded_share(const struct server *s, char out[static 24])
{
	AUTO(mem_freep) char *path = mem_printf("/proc/%d/statm", (int)child_pid(s->child));
	FILE *f = fopen(path, "re");
	long long resident = 0;
	if (f && fscanf(f, "%*d %lld", &resident) != 1)
		resident = 0;
	if (f)
		fclose(f);
	double share =
		s->o.model->bytes > SERVER_TINY
			? (double)resident * (double)sysconf(_SC_PAGESIZE) / (double)s->o.model->bytes
			: 0;
	out[0] = '\0';
	if (share >= 0.01)
		snprintf(out, 24, ", %d %%", share > 0.99 ? 99 : (int)(100 * share));
	return out;
}

/* Of a healthy server: time of the last health check, and since when it does
 * not answer; 0 = it does. */
struct watch {
	int64_t pinged, silent_since;
};

/* Checks once a second, while requests are in flight, whether it still
 * answers. */
static bool is_silent(struct server *s, struct watch *w, bool flying, int64_t now)
{
	struct err err = {0};
	if (!flying || !s->o.hang_timeout) {
		w->silent_since = 0;
		return false;
	}
	if (now - w->pinged >= PING_EVERY) {
		bool answers = endpoint_ping(s->endpoint, PING_EVERY, s->stop, &err) == 0;
		w->pinged = clock_now();
		w->silent_since = answers ? 0 : w->silent_since ? w->silent_since : now;
	}
	return w->silent_since && clock_now() - w->silent_since > s->o.hang_timeout;
}

static enum stop_reason look_after(struct server *s, struct watch *w)
{
	pthread_mutex_lock(&s->lock);
	int64_t now = clock_now();
	bool flying = s->flights > 0, restart = s->restart, timeouts = s->timeouts >= TIMEOUTS_MAX;
	int64_t rested = flying ? 0 : now - s->rested;
	s->restart = false;
	s->timeouts = timeouts ? 0 : s->timeouts;
	pthread_mutex_unlock(&s->lock);
	if (restart)
		return STOP_ASKED;
	if (timeouts)
		return STOP_HUNG;
	if (s->o.unload_after && rested > s->o.unload_after)
		return STOP_IDLE;
	return is_silent(s, w, flying, now) ? STOP_HUNG : STOP_NONE;
}

/* Watches a life until its end. Returns true if it was healthy; *ret_reason:
 * why it is to be stopped. */
static bool follow(struct server *s, int log_fd, enum stop_reason *ret_reason)
{
	int64_t begin = clock_now(), said = begin;
	struct watch watch = {0};
	bool ready = false, open = true;
	char share[24];
	struct err err = {0};

	while (!cancel_fired(s->stop) && !child_ended(s->child) && *ret_reason == STOP_NONE) {
		struct pollfd p[] = {{.fd = cancel_fd(s->stop), .events = POLLIN},
		                     {.fd = wakeup_fd(s->poke), .events = POLLIN},
		                     {.fd = open ? log_fd : -1, .events = POLLIN}};
		poll(p, ARRAY_LEN(p), ready && open ? 1000 : HEALTH_EVERY);
		wakeup_take(s->poke);
		open = open && read_log(s, log_fd);
		if (ready) {
			*ret_reason = look_after(s, &watch);
			continue;
		}

		if (endpoint_health(s->endpoint, s->stop, &err) == 0) {
			became_ready(s);
			ready = s->probed;
		}

		int64_t now = clock_now();
		if (!ready && s->o.start_timeout && now - begin > s->o.start_timeout)
			*ret_reason = STOP_LATE;
		if (!ready && now - said >= CLOCK_SECOND) {
			said = now;
			set_note(s, "loading the model %s%s, %lld s", s->o.model->name, loaded_share(s, share),
			         (long long)((now - begin) / CLOCK_SECOND));
		}
	}
	return ready;
}

/* The reason why a life ended, for the log and the callers. */
static void describe_end(struct server *s, bool ready, enum stop_reason why, struct err *err)
{
	char status[CHILD_TEXT_MAX];
	const char *name = server_program_name(s);
	AUTO(mem_freep) char *reason = child_log_reason(&s->log);
	const char *sep = *reason ? ": " : "", *where = s->log_path ? s->log_path : "";
	if (why == STOP_ASKED || why == STOP_IDLE)
		err_set(err, ERR_CANCELED, "%s was stopped", name);
	else if (why == STOP_HUNG)
		err_set(err, ERR_ENGINE, "%s answered nothing any more%s%s%s", name,
		        s->o.kind ? "" : " (--hang-timeout)", *where ? "; its log: " : "", where);
	else if (why == STOP_LATE)
		err_limit(err, ERR_TIMEOUT, "start-timeout", "%s was not ready within %.0f s%s%s%s", name,
		          (double)s->o.start_timeout / 1e6, s->o.kind ? "" : " (--start-timeout)", sep,
		          reason);
	else
		err_set(err, ERR_ENGINE, "%s %s%s%s%s%s%s%s", name, child_status_text(s->child, status),
		        ready ? "" : " before it was ready", sep, reason, *where ? " (log: " : "", where,
		        *where ? ")" : "");
}

/* Runs one life from start to end. 0 if it was healthy once; `err` says how it
 * ended. */
static int live(struct server *s, enum stop_reason *ret_reason, struct err *err)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(fd_closep) int ours = pipe_fds[0], theirs = pipe_fds[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	/* It is left behind by a killed server, and binding to it would fail. */
	unlink(s->dir.socket);
	int r = s->o.kind ? s->o.kind->start(s->o.kind->ctx, s->dir.socket, theirs, &s->child, err)
	                  : server_start_program(s, theirs, err);
	if (r < 0)
		return r;
	close(theirs);
	theirs = -1;
	pthread_mutex_lock(&s->lock);
	s->lives++;
	s->pid = child_pid(s->child);
	pthread_mutex_unlock(&s->lock);
	set_note(s, "loading the model %s", s->o.model->name);

	*ret_reason = STOP_NONE;
	bool ready = follow(s, ours, ret_reason);
	bool dead = child_ended(s->child);
	if (!dead)
		set_state(s, *ret_reason == STOP_IDLE ? SERVER_ASLEEP : SERVER_DOWN);
	/* A process that hangs may ignore SIGTERM, and its connections should close
	 * at once. */
	if (*ret_reason == STOP_HUNG)
		child_kill(s->child, SIGKILL);
	if (!child_ended(s->child))
		stop_child(s, ours);
	read_log(s, ours);
	describe_end(s, ready, *ret_reason, err);
	pthread_mutex_lock(&s->lock);
	s->pid = 0;
	if (endpoint_says_no_room(err->msg))
		s->starved = s->lives;
	pthread_mutex_unlock(&s->lock);
	/* Not before: after this change, callers read the reason. */
	if (dead)
		set_state(s, SERVER_DOWN);
	child_free(TAKE(s->child));
	return ready ? 0 : -(int)err->code;
}

/* ---- the thread */

/* Whether to try again after a life, and if so, after which pause. */
static bool again(struct server *s, int result, int64_t lived, int64_t *ret_pause)
{
	if (result == 0) {
		s->crashes = lived >= STEADY ? 1 : s->crashes + 1;
	} else {
		/* If it never worked, a retry is useless. */
		if (!s->probed || result == -ERR_TIMEOUT)
			return false;
		s->failed_starts++;
	}
	int bad = s->crashes + s->failed_starts;
	*ret_pause = PAUSE;
	for (int i = 1; i < bad && *ret_pause < PAUSE_MAX; i++)
		*ret_pause *= 2;
	if (*ret_pause > PAUSE_MAX)
		*ret_pause = PAUSE_MAX;
	return s->crashes < CRASHES_MAX && s->failed_starts < FAILED_STARTS_MAX;
}

static void pause_for(struct server *s, int64_t pause)
{
	struct pollfd p = {.fd = cancel_fd(s->stop), .events = POLLIN};
	poll(&p, 1, (int)(pause / 1000));
}

/* Asleep, until a request wakes it. */
static void sleep_until_woken(struct server *s)
{
	while (!cancel_fired(s->stop)) {
		pthread_mutex_lock(&s->lock);
		bool wake = s->wake;
		s->wake = false;
		pthread_mutex_unlock(&s->lock);
		if (wake)
			return;
		wakeup_wait(s->poke, s->stop, -1);
	}
}

static void *supervise(void *ctx)
{
	struct server *s = ctx;
	while (!cancel_fired(s->stop)) {
		struct err err = {0};
		enum stop_reason why = STOP_NONE;
		int64_t begin = clock_now(), pause = PAUSE;
		int r = live(s, &why, &err);
		if (cancel_fired(s->stop))
			break;

		if (why == STOP_IDLE) {
			set_note(s, "the engine was stopped, since it was idle");
			sleep_until_woken(s);
		} else if (why == STOP_ASKED) {
			set_note(s, "the engine is being restarted");
		} else if (!again(s, r, clock_now() - begin, &pause)) {
			pthread_mutex_lock(&s->lock);
			s->failure = err;
			pthread_mutex_unlock(&s->lock);
			set_state(s, SERVER_FAILED);
			return NULL;
		} else {
			log_debug("%s; restarting it", err.msg);
			AUTO(mem_freep) char *line = mem_printf("vdet: %s; restarting it\n", err.msg);
			child_log_add(&s->log, line, strlen(line));
			set_note(s, "the engine ended and is being restarted");
			pause_for(s, pause);
		}

		set_state(s, SERVER_STARTING);
	}
	set_state(s, SERVER_STOPPED);
	return NULL;
}

static int make_key(char out[static 65], struct err *err)
{
	unsigned char raw[32];
	if (getrandom(raw, sizeof raw, 0) != sizeof raw)
		return err_sys(err, errno, "cannot get random bytes");
	for (size_t i = 0; i < sizeof raw; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

int server_start(const struct server_options *o, struct server **ret, struct err *err)
{
	AUTO(server_freep) struct server *s = mem_alloc(1, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->changed);

	s->o = *o;
	s->program = mem_strdup(o->program);
	s->log_path = mem_strdup(o->log_path);
	s->device = mem_strdup(o->device ? o->device : "");
	s->split = mem_strdup(o->split ? o->split : "");
	s->rested = clock_now();
	s->stop = cancel_new();
	s->poke = wakeup_new();
	child_log_open(&s->log, o->log_path);

	int r = server_dir_make(&s->dir, err);
	if (r < 0 || (r = make_key(s->key, err)) < 0)
		return r;
	AUTO(mem_freep) char *url = mem_printf("unix:%s", s->dir.socket);
	r = endpoint_new(url, o->kind ? "" : s->key, o->model->name, &o->limits, &s->endpoint, err);
	if (r < 0)
		return r;

	if (o->kind)
		endpoint_set_prefix(s->endpoint, o->kind->prefix);
	set_note(s, "starting %s", server_program_name(s));
	int e = pthread_create(&s->thread, NULL, supervise, s);
	if (e)
		return err_sys(err, e, "cannot start a thread");
	s->threaded = true;
	*ret = TAKE(s);
	return 0;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	cancel_fire(s->stop);
	if (s->threaded)
		pthread_join(s->thread, NULL);
	endpoint_free(s->endpoint);
	server_dir_remove(&s->dir);
	child_log_close(&s->log);
	cancel_free(s->stop);
	wakeup_free(s->poke);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	explicit_bzero(s->key, sizeof s->key);
	free(s->program);
	free(s->log_path);
	free(s->device);
	free(s->split);
	free(s);
}

/* ---- for other threads */

/* With the lock held: waits for a change, at most 50 ms, so that a cancel is
 * seen. */
static void wait_change(struct server *s)
{
	cond_wait_until(&s->changed, &s->lock, clock_now() + CLOCK_SECOND / 20);
}

int server_wait(struct server *s, struct cancel *cancel, struct cancel *cancel2,
                void (*note)(void *ctx, const char *what), void *ctx, struct err *err)
{
	unsigned shown = 0;
	int r = 1;
	pthread_mutex_lock(&s->lock);

	while (r > 0) {
		if (note && s->notes != shown) {
			char text[sizeof s->note];
			shown = s->notes;
			memcpy(text, s->note, sizeof text);
			pthread_mutex_unlock(&s->lock);
			note(ctx, text);
			pthread_mutex_lock(&s->lock);
		}
		if (s->state == SERVER_ASLEEP && !s->wake) {
			s->wake = true;
			wakeup_signal(s->poke);
		}

		if (s->state == SERVER_READY)
			r = 0;
		else if (s->state == SERVER_FAILED)
			r = err_set(err, s->failure.code, "%s", s->failure.msg);
		else if (s->state == SERVER_STOPPED || cancel_fired(cancel) || cancel_fired(cancel2))
			r = err_set(err, ERR_CANCELED, "interrupted");
		else
			wait_change(s);
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

int server_life(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	int n = s->lives;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void server_suspect(struct server *s, int life)
{
	int64_t until = clock_now() + CLOCK_SECOND / 2;
	pthread_mutex_lock(&s->lock);
	while (s->state == SERVER_READY && s->lives == life && clock_now() < until)
		wait_change(s);
	pthread_mutex_unlock(&s->lock);
}

int server_restarts(struct server *s)
{
	int n = server_life(s);
	return n > 1 ? n - 1 : 0;
}

bool server_lacked_memory(struct server *s, int life)
{
	pthread_mutex_lock(&s->lock);
	bool yes = s->starved == life;
	pthread_mutex_unlock(&s->lock);
	return yes;
}

enum server_state server_state(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	enum server_state state = s->state;
	pthread_mutex_unlock(&s->lock);
	return state;
}

void server_flight_begin(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->flights++;
	pthread_mutex_unlock(&s->lock);
}

void server_flight_end(struct server *s, bool timed_out)
{
	pthread_mutex_lock(&s->lock);
	s->timeouts = timed_out ? s->timeouts + 1 : 0;
	if (!--s->flights)
		s->rested = clock_now();
	if (s->timeouts >= TIMEOUTS_MAX)
		wakeup_signal(s->poke);
	pthread_mutex_unlock(&s->lock);
}

void server_restart(struct server *s, int64_t slots)
{
	pthread_mutex_lock(&s->lock);
	if (slots > 0)
		s->o.slots = slots;
	s->restart = true;
	pthread_mutex_unlock(&s->lock);
	wakeup_signal(s->poke);
}

struct endpoint *server_endpoint(struct server *s)
{
	return s->endpoint;
}

int server_pid(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	int pid = s->pid;
	pthread_mutex_unlock(&s->lock);
	return pid;
}
