/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/demo-video.h"
#include "app/fleet-try.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "fleet/creds.h"
#include "fleet/head.h"

enum { ARGS_MAX = 64, PORTS_MAX = 1 << 16, LOG_MAX = 16 << 20 };

static const int64_t period = CLOCK_SECOND / 4; /* between two looks at the workers */
static const int64_t patience = 10 * CLOCK_SECOND;
static const int64_t server_start = 60 * CLOCK_SECOND;

/* A worker that is killed while the user watches is missed after so long, or
 * sooner if the user wants that. */
static const int64_t ack_wait_max = 10 * CLOCK_SECOND;

/* ---- programs */

struct args {
	const char *v[ARGS_MAX]; /* ends with NULL */
	size_t n;
};

static void add(struct args *a, const char *flag, const char *value)
{
	if (a->n + 3 > ARGS_MAX) /* a bug: the lists below are constant */
		abort();
	a->v[a->n++] = flag;
	if (value)
		a->v[a->n++] = value;
}

static char *path_in(const struct try_run *t, const char *name, const char *ending)
{
	AUTO(mem_freep) char *file = mem_printf("%s%s", name, ending);
	return file_join(t->dir, file);
}

/* The bundled model, even if there are others. */
static const char *const environment[] = {"VDET_DEMO_ONLY=1", NULL};

/* Its output goes to NAME.log. */
static int start_logged(const struct try_run *t, const char *name, const struct args *args,
                        struct child **ret, struct err *err)
{
	AUTO(mem_freep) char *path = path_in(t, name, ".log");
	AUTO(fd_closep) int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0)
		return err_set(err, ERR_IO, "cannot write %s", path);
	const struct program_start s = {.argv = args->v, .env = environment, .log_fd = log};
	return child_start_program(&s, ret, err);
}

/* Why a program ended: the last line of its log with this mark, else the last
 * line. The caller frees. */
static char *reason_of(const struct try_run *t, const char *name, const char *mark)
{
	AUTO(mem_freep) char *path = path_in(t, name, ".log");
	AUTO(buf_free) struct buf text = BUF(LOG_MAX);
	const char *last = "", *marked = NULL;
	if (file_read(path, &text, NULL) < 0 || !text.len)
		return mem_strdup("it wrote nothing");

	char *rest = text.data;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (*line)
			last = line;
		if (strstr(line, mark))
			marked = line;
	}
	return text_line(marked ? marked : last, 400);
}

static char *ending_of(const struct try_run *t, const struct child *c, const char *name,
                       const char *mark)
{
	char how[CHILD_TEXT_MAX];
	child_status_text(c, how);
	if (WIFSIGNALED(child_status(c))) /* it could not say why */
		return mem_strdup(how);
	AUTO(mem_freep) char *why = reason_of(t, name, mark);
	return mem_printf("%s: %s", how, why);
}

static char *nats_ending(const struct try_run *t)
{
	return ending_of(t, t->nats, "nats-server", "[FTL]");
}

/* ---- the NATS server */

static int write_creds(struct try_run *t, const char *folder, struct err *err)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(mem_freep) char *data = path_in(t, "head", "");
	AUTO(mem_freep) char *journal = path_in(t, "head/vdet", ".db");
	AUTO(mem_freep) char *streams = path_in(t, "jetstream", "");
	const char *names[TRY_WORKERS];
	for (size_t i = 0; i < TRY_WORKERS; i++)
		names[i] = t->workers[i].name;
	int r = file_mkdirs(data, true, err);
	if (r == 0)
		r = store_open(journal, &store, err);
	if (r == 0)
		r = store_head_id(store, t->head, err);
	const struct fleet_creds c = {.head = t->head,
	                              .workers = names,
	                              .n_workers = TRY_WORKERS,
	                              .listen = "127.0.0.1:-1", /* a free port */
	                              .store = streams};
	return r < 0 ? r : fleet_creds_write(folder, &c, err);
}

/* The server writes its addresses into a file; NULL while it has not. */
static char *read_url(const char *path)
{
	AUTO(buf_free) struct buf text = BUF(PORTS_MAX);
	if (!file_exists(path) || file_read(path, &text, NULL) < 0 || !text.len)
		return NULL;
	json_auto_t *j = json_loadb(text.data, text.len, 0, NULL);
	return mem_strdup(json_string_value(json_array_get(json_object_get(j, "nats"), 0)));
}

static int wait_for_nats(struct try_run *t, struct err *err)
{
	AUTO(mem_freep)
	char *path = mem_printf("%s/nats-server_%ld.ports", t->dir, (long)child_pid(t->nats));
	const int64_t until = clock_now() + server_start;
	while (!(t->url = read_url(path))) {
		if (child_ended(t->nats)) {
			AUTO(mem_freep) char *why = nats_ending(t);
			return err_set(err, ERR_DIED, "the NATS server %s", why);
		}
		if (clock_now() > until)
			return err_set(err, ERR_TIMEOUT, "the NATS server does not start");
		if (cancel_wait_until(t->app->cancel, NULL, clock_now() + CLOCK_SECOND / 50))
			return err_set(err, ERR_CANCELED, "interrupted");
	}
	return 0;
}

static int start_nats(struct try_run *t, struct err *err)
{
	struct args args = {.n = 0};
	AUTO(mem_freep) char *program = places_nats_server(t->app);
	AUTO(mem_freep) char *setup = places_setup("fleet");
	AUTO(mem_freep) char *folder = path_in(t, "creds", "");
	AUTO(mem_freep) char *conf = path_in(t, "creds/nats-server", ".conf");
	if (!program)
		return err_set(err, ERR_NOENT,
		               "nats-server is missing, through which head and workers find each other; "
		               "`%s` brings it, or put it on PATH",
		               setup);
	int r = write_creds(t, folder, err);
	if (r < 0)
		return r;
	add(&args, program, NULL);
	add(&args, "-c", conf);
	add(&args, "--ports_file_dir", t->dir);
	r = start_logged(t, "nats-server", &args, &t->nats, err);
	return r < 0 ? r : wait_for_nats(t, err);
}

/* ---- workers and analyses */

/* Options of the file of the user are for his videos and machines. */
static void add_common(struct args *a, const struct try_run *t, const char *data_dir)
{
	const struct app_options *o = &t->app->options;
	add(a, "--config", "/dev/null");
	add(a, "--data-dir", data_dir);
	add(a, "--engine", "auto");
	add(a, "--model", "");
	if (o->log_level)
		add(a, "--log-level", o->log_level);
}

static int start_worker(struct try_run *t, struct try_worker *w, struct err *err)
{
	struct args args = {.n = 0};
	AUTO(mem_freep) char *data = path_in(t, w->name, "");
	AUTO(mem_freep) char *creds = path_in(t, "creds/", w->name);
	AUTO(mem_freep) char *creds_file = mem_printf("%s.creds", creds);
	add(&args, t->exe, "worker");
	add_common(&args, t, data);
	add(&args, "--progress", "plain");
	add(&args, "--fleet", t->url);
	add(&args, "--fleet-creds", creds_file);
	add(&args, "--fleet-name", w->name);
	add(&args, "--fleet-ca", "");
	add(&args, "--path-map", "");
	return start_logged(t, w->name, &args, &w->child, err);
}

int try_run_start(const struct app *app, const char *dir, struct try_run *ret, struct err *err)
{
	ret->app = app;
	ret->dir = dir;
	ret->exe = realpath("/proc/self/exe", NULL);
	for (int i = 0; i < TRY_WORKERS; i++)
		snprintf(ret->workers[i].name, sizeof ret->workers[i].name, "worker-%d", i + 1);
	if (!ret->exe)
		return err_set(err, ERR_NOENT, "this vdet was replaced while it runs; start it again");
	int r = start_nats(ret, err);
	for (int i = 0; i < TRY_WORKERS && r == 0; i++)
		r = start_worker(ret, &ret->workers[i], err);
	return r;
}

static int start_analysis(const struct try_run *t, const struct try_analysis *a, struct child **ret,
                          struct err *err)
{
	struct args args = {.n = 0};
	AUTO(mem_freep) char *creds = path_in(t, "creds/head", ".creds");
	const int64_t wait = t->app->fleet.ack_wait;
	AUTO(mem_freep)
	char *ack_wait =
		mem_printf("%" PRId64, (wait < ack_wait_max ? wait : ack_wait_max) / CLOCK_SECOND);
	add(&args, t->exe, "analyze");
	add(&args, a->video, NULL);
	add_common(&args, t, a->data_dir);
	add(&args, "--output", a->output);
	for (const struct demo_setting *s = demo_settings; s->row; s++)
		add(&args, s->flag, s->value);
	if (t->app->options.progress)
		add(&args, "--progress", t->app->options.progress);
	add(&args, "--fleet", a->alone ? "" : t->url);
	add(&args, "--fleet-creds", a->alone ? "" : creds);
	add(&args, "--fleet-ca", "");
	add(&args, "--fleet-listen", "127.0.0.1:0");
	add(&args, "--fleet-address", "");
	add(&args, "--fleet-cert", "");
	add(&args, "--fleet-key", "");
	add(&args, "--fleet-ack-wait", ack_wait);
	/* It writes to where this program does. */
	const struct program_start s = {.argv = args.v, .env = environment, .log_fd = -1};
	return child_start_program(&s, ret, err);
}

/* Asks a program to end (0: it was asked), and waits for a while. A worker ends
 * after the chunks that it has. */
static void end_child(struct child **c, int number)
{
	if (!*c)
		return;
	if (number)
		child_kill(*c, number);
	child_wait(*c, clock_now() + patience, NULL, NULL);
	child_free(*c); /* kills what did not listen */
	*c = NULL;
}

void try_run_stop(struct try_run *t)
{
	for (int i = 0; i < TRY_WORKERS; i++)
		if (t->workers[i].child)
			child_kill(t->workers[i].child, SIGTERM);
	for (int i = 0; i < TRY_WORKERS; i++)
		end_child(&t->workers[i].child, 0);
	end_child(&t->nats, SIGKILL);
}

void try_run_clear(struct try_run *t)
{
	try_run_stop(t);
	free(t->url);
	free(t->exe);
	*t = (struct try_run){0};
}

/* ---- while the head runs */

static void take_count(struct try_run *t, const json_t *worker)
{
	int64_t done = json_integer_value(json_object_get(worker, "done"));
	for (int i = 0; i < TRY_WORKERS; i++)
		if (strcmp(t->workers[i].name, json_text(worker, "name")) == 0 && done > t->workers[i].done)
			t->workers[i].done = done;
}

/* As `vdet fleet` does. Before and after its work the head does not answer. */
static void count_chunks(struct try_run *t)
{
	size_t i;
	json_t *w;
	json_auto_t *state = NULL;
	AUTO(mem_freep) char *creds = path_in(t, "creds/admin", ".creds");
	const struct fleet_options link = {.url = t->url, .creds = creds};
	if (fleet_head_order(&link, t->head, "state", NULL, &state, NULL) < 0)
		return;
	json_array_foreach (json_object_get(state, "workers"), i, w)
		take_count(t, w);
}

/* What one of two does not do, the other one does. */
static int look_at_workers(struct try_run *t, struct err *err)
{
	int alive = 0;
	for (int i = 0; i < TRY_WORKERS; i++) {
		struct try_worker *w = &t->workers[i];
		if (!child_ended(w->child)) {
			alive++;
			continue;
		}
		if (w->ended)
			continue;
		w->ended = true;
		AUTO(mem_freep) char *why = ending_of(t, w->child, w->name, "vdet: error: ");
		log_warning("%s %s", w->name, why);
	}
	return alive ? 0 : err_set(err, ERR_DIED, "no worker is left to do the chunks");
}

static int look_at_all(struct try_run *t, struct err *err)
{
	if (child_ended(t->nats)) {
		AUTO(mem_freep) char *why = nats_ending(t);
		return err_set(err, ERR_DIED, "the NATS server %s", why);
	}
	int r = look_at_workers(t, err);
	if (r == 0)
		count_chunks(t);
	return r;
}

int try_run_analyze(struct try_run *t, const struct try_analysis *a, int *ret_code, struct err *err)
{
	struct child *c = NULL;
	fflush(stdout); /* what it prints comes after that */
	int r = start_analysis(t, a, &c, err);
	while (r == 0 && !child_ended(c)) {
		if (!a->alone)
			r = look_at_all(t, err);
		if (r == 0 && child_wait(c, clock_now() + period, t->app->cancel, err) == -ERR_CANCELED)
			r = -ERR_CANCELED;
	}
	if (r < 0) {
		end_child(&c, SIGINT);
		return r;
	}
	const int status = child_status(c);
	*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	child_free(c);
	return 0;
}
