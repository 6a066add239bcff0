#include "engine/server.h"

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

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/server-dir.h"
#include "engine/server-log.h"
#include "proc/spawn.h"

#define GRACE (2 * CLOCK_SECOND)   /* between SIGTERM and SIGKILL */
#define STEADY (60 * CLOCK_SECOND) /* a life that long makes the crashes before it forgotten */
#define CRASHES_MAX 20             /* short lives in a row before it is given up */
#define FAILED_STARTS_MAX 5        /* starts in a row that did not get healthy, once it had been */
#define PAUSE (CLOCK_SECOND / 10)  /* before a restart, doubled each time */
#define PAUSE_MAX (10 * CLOCK_SECOND)
#define HEALTH_EVERY 50          /* milliseconds */
#define TINY ((int64_t)64 << 20) /* bytes of weights */

enum state { STARTING, READY, DOWN, FAILED, STOPPED };

struct server {
	struct server_options o;
	char *program, *log_path;
	struct server_dir dir;
	char key[65];
	struct endpoint *endpoint;
	struct cancel *stop; /* fired by server_free() */
	pthread_t thread;
	bool threaded;

	/* Of the thread alone. */
	struct server_log log;
	struct child *child;
	int crashes, failed_starts;
	bool probed;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	enum state state;
	int lives, pid;
	char note[160];
	unsigned notes; /* how often `note` changed */
	struct err failure;
};

static void set_state(struct server *s, enum state state)
{
	pthread_mutex_lock(&s->lock);
	s->state = state;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
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

/* How its threads wait for each other, unless the user has said so. By default they spin, and as soon as anything else
 * wants the processor, our decoders for one, each spins while the other is not running: fifty times slower was seen.
 * A tiny model is fastest on one thread anyway. Adds at most three to `env`. */
static void add_thread_settings(const struct model *model, const char **env)
{
	if (!getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT")) {
		*env++ = "OMP_WAIT_POLICY=PASSIVE";
		*env++ = "GOMP_SPINCOUNT=0";
	}
	if (model->bytes < TINY && !getenv("LLAMA_ARG_THREADS"))
		*env++ = "LLAMA_ARG_THREADS=1";
}

static int start_program(struct server *s, int log_fd, struct err *err)
{
	char slots[24], context[24];
	snprintf(slots, sizeof slots, "%lld", (long long)s->o.slots);
	snprintf(context, sizeof context, "%lld", (long long)(s->o.slots * s->o.context));
	const char *argv[] = {
		s->program, "-m", s->o.model->path, "--mmproj", s->o.model->projector, "-a", s->o.model->name, "-np",
		slots,      "-c", context,          "--host",   s->dir.socket,         NULL};
	/* Not on the command line: the key, which other users could read there; and what older versions would not know.
	 * CACHE_RAM: no prompt cache in main memory beside the slots' own. Each chunk is new; it only grows. */
	AUTO(mem_freep) char *key = mem_printf("LLAMA_API_KEY=%s", s->key);
	const char *env[16] = {key,
	                       "LLAMA_ARG_ENDPOINT_METRICS=1",
	                       "LLAMA_ARG_UI=0",
	                       "LLAMA_ARG_WEBUI=0",
	                       "LLAMA_ARG_OFFLINE=1",
	                       "LLAMA_ARG_CACHE_RAM=0",
	                       "LLAMA_ARG_LOG_COLORS=off"};
	add_thread_settings(s->o.model, env + 7);
	/* The default is left to the engine, and to the user's own settings of it. */
	const char *cache = s->o.cache_type ? s->o.cache_type : "f16";
	AUTO(mem_freep) char *keys = mem_printf("LLAMA_ARG_CACHE_TYPE_K=%s", cache);
	AUTO(mem_freep) char *values = mem_printf("LLAMA_ARG_CACHE_TYPE_V=%s", cache);
	size_t n = 0;
	while (env[n])
		n++;
	if (strcmp(cache, "f16") != 0) {
		env[n] = keys;
		env[n + 1] = values;
	}
	AUTO(buf_free) struct buf line = BUF(8192);
	buf_adds(&line, "vdet: starting");
	for (size_t i = 0; argv[i]; i++)
		buf_addf(&line, " %s", argv[i]);
	buf_adds(&line, "\n");
	server_log_add(&s->log, buf_str(&line), line.len);
	server_log_forget(&s->log);
	const struct program_start start = {.argv = argv, .env = env, .log_fd = log_fd};
	int r = child_start_program(&start, &s->child, err);
	explicit_bzero(key, strlen(key));
	return r;
}

/* Reads what is there; false at the end. */
static bool read_log(struct server *s, int fd)
{
	char data[4096];
	for (;;) {
		ssize_t n = read(fd, data, sizeof data);
		if (n > 0)
			server_log_add(&s->log, data, (size_t)n);
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
	/* Requests of an earlier life may still be reading what the probe found; it would find the same. */
	if (!s->probed && endpoint_probe(s->endpoint, s->stop, &err) < 0)
		return;
	s->probed = true;
	s->failed_starts = 0;
	set_note(s, "the engine is ready");
	set_state(s, READY);
}

/* Stops the child: asks, and after the grace insists, as it waits for the requests in flight. */
static void stop_child(struct server *s, int log_fd)
{
	int64_t until = clock_now() + GRACE;
	child_kill(s->child, SIGTERM);
	while (!child_ended(s->child) && clock_now() < until) {
		struct pollfd p = {.fd = log_fd, .events = POLLIN};
		poll(&p, 1, 10);
		/* A closed log would be readable all the time. */
		if (!read_log(s, log_fd))
			usleep(5000);
	}
	child_kill(s->child, SIGKILL);
	child_wait(s->child, 0, NULL, NULL);
}

/* Follows a life until its end. Returns true if it was healthy; *ret_late: it was not in time. */
static bool follow(struct server *s, int log_fd, bool *ret_late)
{
	int64_t begin = clock_now(), said = begin;
	bool ready = false, open = true;
	struct err err = {0};
	while (!cancel_fired(s->stop) && !child_ended(s->child)) {
		struct pollfd p[] = {{.fd = cancel_fd(s->stop), .events = POLLIN},
		                     {.fd = open ? log_fd : -1, .events = POLLIN}};
		poll(p, 2, ready && open ? 1000 : HEALTH_EVERY);
		open = open && read_log(s, log_fd);
		if (ready)
			continue;
		if (endpoint_health(s->endpoint, s->stop, &err) == 0) {
			became_ready(s);
			ready = s->probed;
		}
		int64_t now = clock_now();
		if (!ready && s->o.start_timeout && now - begin > s->o.start_timeout) {
			*ret_late = true;
			break;
		}
		if (!ready && now - said >= 2 * CLOCK_SECOND) {
			said = now;
			set_note(s, "loading the model %s, %lld s", s->o.model->name, (long long)((now - begin) / CLOCK_SECOND));
		}
	}
	return ready;
}

/* Says why a life ended, for the log and for whoever asked. */
static void describe_end(struct server *s, bool ready, bool late, struct err *err)
{
	char status[CHILD_TEXT_MAX];
	AUTO(mem_freep) char *reason = server_log_reason(&s->log);
	const char *sep = *reason ? ": " : "", *where = s->log_path ? s->log_path : "";
	if (late)
		err_set(err, ERR_TIMEOUT, "llama-server was not ready within %.0f s (--start-timeout)%s%s",
		        (double)s->o.start_timeout / 1e6, sep, reason);
	else
		err_set(err, ERR_ENGINE, "llama-server %s%s%s%s%s%s%s", child_status_text(s->child, status),
		        ready ? "" : " before it was ready", sep, reason, *where ? " (log: " : "", where, *where ? ")" : "");
}

/* Runs one life from start to end. 0 if it was healthy once; `err` says how it ended. */
static int live(struct server *s, struct err *err)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(fd_closep) int ours = pipe_fds[0], theirs = pipe_fds[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	/* It is left behind by a killed server, and binding to it would fail. */
	unlink(s->dir.socket);
	int r = start_program(s, theirs, err);
	if (r < 0)
		return r;
	close(theirs);
	theirs = -1;
	pthread_mutex_lock(&s->lock);
	s->lives++;
	s->pid = child_pid(s->child);
	pthread_mutex_unlock(&s->lock);
	set_note(s, "loading the model %s", s->o.model->name);

	bool late = false, ready = follow(s, ours, &late);
	set_state(s, DOWN);
	if (!child_ended(s->child))
		stop_child(s, ours);
	read_log(s, ours);
	describe_end(s, ready, late, err);
	pthread_mutex_lock(&s->lock);
	s->pid = 0;
	pthread_mutex_unlock(&s->lock);
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
		/* What never worked will not by being tried again. */
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

static void *supervise(void *ctx)
{
	struct server *s = ctx;
	while (!cancel_fired(s->stop)) {
		struct err err = {0};
		int64_t begin = clock_now(), pause = PAUSE;
		int r = live(s, &err);
		if (cancel_fired(s->stop))
			break;
		if (!again(s, r, clock_now() - begin, &pause)) {
			pthread_mutex_lock(&s->lock);
			s->failure = err;
			pthread_mutex_unlock(&s->lock);
			set_state(s, FAILED);
			return NULL;
		}
		log_debug("%s; starting it again", err.msg);
		set_note(s, "the engine ended and is started again");
		pause_for(s, pause);
		set_state(s, STARTING);
	}
	set_state(s, STOPPED);
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
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	s->o = *o;
	s->program = mem_strdup(o->program);
	s->log_path = mem_strdup(o->log_path);
	s->stop = cancel_new();
	server_log_open(&s->log, o->log_path);
	int r = server_dir_make(&s->dir, err);
	if (r < 0 || (r = make_key(s->key, err)) < 0)
		return r;
	AUTO(mem_freep) char *url = mem_printf("unix:%s", s->dir.socket);
	r = endpoint_new(url, s->key, o->model->name, &o->limits, &s->endpoint, err);
	if (r < 0)
		return r;
	set_note(s, "starting llama-server");
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
	server_log_close(&s->log);
	cancel_free(s->stop);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	explicit_bzero(s->key, sizeof s->key);
	free(s->program);
	free(s->log_path);
	free(s);
}

/* ---- for other threads */

/* With the lock held: waits for a change, at most 50 ms, so that a cancel is seen. */
static void wait_change(struct server *s)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 50000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

int server_wait(struct server *s, struct cancel *cancel, struct cancel *cancel2,
                void (*note)(void *ctx, const char *what), void *ctx, struct err *err)
{
	unsigned told = 0;
	int r = 1;
	pthread_mutex_lock(&s->lock);
	while (r > 0) {
		if (note && s->notes != told) {
			char text[sizeof s->note];
			told = s->notes;
			memcpy(text, s->note, sizeof text);
			pthread_mutex_unlock(&s->lock);
			note(ctx, text);
			pthread_mutex_lock(&s->lock);
		}
		if (s->state == READY)
			r = 0;
		else if (s->state == FAILED)
			r = err_set(err, s->failure.code, "%s", s->failure.msg);
		else if (s->state == STOPPED || cancel_fired(cancel) || cancel_fired(cancel2))
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
	while (s->state == READY && s->lives == life && clock_now() < until)
		wait_change(s);
	pthread_mutex_unlock(&s->lock);
}

int server_restarts(struct server *s)
{
	int n = server_life(s);
	return n > 1 ? n - 1 : 0;
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
