/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/template.h"

extern char **environ;

struct child {
	pid_t pid;
	int pidfd; /* -1 if the kernel does not support it */
	int socket;
	bool ended;
	int status;
	int64_t peak;
};

struct plan {
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int error; /* the first error */
};

static void plan_end(struct plan *p)
{
	posix_spawn_file_actions_destroy(&p->files);
	posix_spawnattr_destroy(&p->attr);
}

static void plan_note(struct plan *p, int error)
{
	if (!p->error)
		p->error = error;
}

static void plan_dup(struct plan *p, int from, int to)
{
	plan_note(p, posix_spawn_file_actions_adddup2(&p->files, from, to));
}

/* A defined start: own process group, no blocked signals, default handlers. */
static void plan_begin(struct plan *p)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	p->error = 0;
	plan_note(p, posix_spawn_file_actions_init(&p->files));
	plan_note(p, posix_spawnattr_init(&p->attr));
	plan_note(p, posix_spawnattr_setflags(&p->attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
	                                                    POSIX_SPAWN_SETSIGDEF));
	plan_note(p, posix_spawnattr_setpgroup(&p->attr, 0));
	plan_note(p, posix_spawnattr_setsigmask(&p->attr, &none));
	plan_note(p, posix_spawnattr_setsigdefault(&p->attr, &all));
	plan_note(p,
	          posix_spawn_file_actions_addopen(&p->files, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
}

/* A duplicate with a number above those that the child assigns, so that no dup2
 * overwrites the source of a later one. */
static int dup_high(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 16);
}

static const char this_program[] = "/proc/self/exe";

static const char *own_exe(const char *exe)
{
	if (exe)
		return exe;
	exe = getenv("VDET_EXE");
	return exe && *exe ? exe : this_program;
}

static size_t count_strings(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

static struct child *child_new(pid_t pid, int socket)
{
	struct child *c = mem_alloc(1, sizeof *c);
	*c =
		(struct child){.pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0), .socket = socket};
	return c;
}

static int socket_pair(int type, int ret[2], struct err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "cannot make a socket pair");
	/* The parent's end gets a high number and does not block; the child's end
	 * blocks. */
	ret[0] = dup_high(pair[0]);
	ret[1] = dup_high(pair[1]);
	close(pair[0]);
	close(pair[1]);
	if (ret[0] >= 0 && ret[1] >= 0 && fcntl(ret[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	int e = errno;
	fd_closep(&ret[0]);
	fd_closep(&ret[1]);
	return err_sys(err, e, "cannot make a socket pair");
}

/* Executes this program again. */
static int execute_role(const char *exe, const struct template_order *o, pid_t *ret,
                        struct err *err)
{
	AUTO(plan_end) struct plan p;
	plan_begin(&p);
	plan_note(&p,
	          posix_spawn_file_actions_addopen(&p.files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0));
	plan_dup(&p, o->socket, ROLE_SOCKET);
	if (o->input >= 0)
		plan_dup(&p, o->input, ROLE_INPUT);
	plan_note(&p, posix_spawn_file_actions_addclosefrom_np(&p.files, o->input >= 0 ? ROLE_INPUT + 1
	                                                                               : ROLE_INPUT));

	size_t n = count_strings(o->args);
	AUTO(mem_freep) const char **argv = mem_alloc(n + 4, sizeof *argv);
	argv[0] = "vdet";
	argv[1] = "-x";
	argv[2] = o->role;
	for (size_t i = 0; i < n; i++)
		argv[3 + i] = o->args[i];
	if (!p.error)
		p.error = posix_spawn(ret, exe, &p.files, &p.attr, (char *const *)argv, environ);
	return p.error ? err_sys(err, p.error, "cannot start %s as %s", exe, o->role) : 0;
}

/* The template of this process, started when it is first needed; it ends with
 * this process, when its socket closes. */
static pthread_mutex_t template_lock = PTHREAD_MUTEX_INITIALIZER;
static struct child *template;
static bool template_refused; /* it ended by itself, and would again */

static struct child *start_template(void)
{
	int pair[2];
	pid_t pid;
	if (socket_pair(SOCK_SEQPACKET, pair, NULL) < 0)
		return NULL;
	const struct template_order o = {.role = TEMPLATE_ROLE, .socket = pair[1], .input = -1};
	int r = execute_role(this_program, &o, &pid, NULL);
	close(pair[1]);
	if (r == 0)
		return child_new(pid, pair[0]);
	close(pair[0]);
	return NULL;
}

static int fork_role(const struct template_order *o, pid_t *ret, struct err *err)
{
	pthread_mutex_lock(&template_lock);
	if (!template && !template_refused)
		template = start_template();
	int r = template ? template_fork(template->socket, o, ret, err)
	                 : err_set(err, ERR_DIED, "there is no template");
	/* One that was killed is started again for the next child. */
	if (template && r < 0 && r != -ERR_LIMIT) {
		child_wait(template, clock_now() + CLOCK_SECOND, NULL, NULL);
		template_refused = template->ended && WIFEXITED(template->status);
		child_free(template);
		template = NULL;
	}
	pthread_mutex_unlock(&template_lock);
	return r;
}

/* `exe` NULL: a fork of the template. */
static int start_role(const struct role_start *s, const char *exe, struct child **ret,
                      struct err *err)
{
	int pair[2];
	int r = socket_pair(SOCK_STREAM, pair, err);
	if (r < 0)
		return r;
	AUTO(fd_closep) int ours = pair[0], theirs = pair[1];
	AUTO(fd_closep) int input = dup_high(s->input);
	if (s->input >= 0 && input < 0)
		return err_sys(err, errno, "cannot duplicate a file descriptor");

	const struct template_order o = {s->role, s->args, theirs, input};
	pid_t pid;
	r = exe ? execute_role(exe, &o, &pid, err) : fork_role(&o, &pid, err);
	if (r < 0)
		return r;
	*ret = child_new(pid, ours);
	ours = -1;
	return 0;
}

int child_start_role(const struct role_start *s, struct child **ret, struct err *err)
{
	const char *exe = own_exe(s->exe);
	/* A template that failed may have forked; that child ends with its socket. */
	if (exe == this_program && start_role(s, NULL, ret, NULL) == 0)
		return 0;
	return start_role(s, exe, ret, err);
}

static const char **environment_with(const char *const *more)
{
	size_t n = count_strings((const char *const *)environ), m = count_strings(more), k = 0;
	const char **env = mem_alloc(n + m + 1, sizeof *env);
	for (size_t i = 0; i < n; i++) {
		bool replaced = false;
		for (size_t j = 0; j < m; j++) {
			size_t len = strcspn(more[j], "=") + 1;
			replaced = replaced || !strncmp(environ[i], more[j], len);
		}
		if (!replaced)
			env[k++] = environ[i];
	}
	for (size_t j = 0; j < m; j++)
		env[k++] = more[j];
	return env;
}

/* The role `exec` writes its error to its socket; a successful exec closes the
 * socket without a message. */
static int program_running(struct child *c, const char *name, struct err *err)
{
	char why[300];
	size_t len = 0;
	struct pollfd p = {.fd = c->socket, .events = POLLIN};
	while (len < sizeof why - 1) {
		ssize_t n = read(c->socket, why + len, sizeof why - 1 - len);
		if (n > 0)
			len += (size_t)n;
		else if (n == 0)
			break;
		else if (errno == EAGAIN)
			poll(&p, 1, -1);
		else if (errno != EINTR)
			break;
	}
	close(c->socket);
	c->socket = -1;
	why[len] = '\0';
	if (!len)
		return 0;
	child_wait(c, 0, NULL, NULL);
	return err_set(err, ERR_NOENT, "cannot start %s: %s", name, why);
}

/* Of the role that becomes the program, or starts it. */
static const char **arguments_of(const struct program_start *s, const char *parent)
{
	size_t n = count_strings(s->argv), k = 0;
	const char **argv = mem_alloc(n + 7, sizeof *argv);
	argv[k++] = "vdet";
	argv[k++] = "-x";
	argv[k++] = s->relay ? "relay" : "exec";
	argv[k++] = parent;
	if (s->relay) {
		argv[k++] = s->relay->socket;
		argv[k++] = s->relay->folder;
	}
	for (size_t i = 0; i < n; i++)
		argv[k++] = s->argv[i];
	return argv;
}

int child_start_program(const struct program_start *s, struct child **ret, struct err *err)
{
	int pair[2];
	int r = socket_pair(SOCK_STREAM, pair, err);
	if (r < 0)
		return r;
	AUTO(fd_closep) int ours = pair[0], theirs = pair[1];
	AUTO(fd_closep) int log = dup_high(s->log_fd);
	AUTO(fd_closep) int input = s->input_fd > 0 ? dup_high(s->input_fd) : -1;
	if ((s->log_fd >= 0 && log < 0) || (s->input_fd > 0 && input < 0))
		return err_sys(err, errno, "cannot duplicate a file descriptor");

	AUTO(plan_end) struct plan p;
	plan_begin(&p);
	if (log >= 0) {
		plan_dup(&p, log, STDOUT_FILENO);
		plan_dup(&p, log, STDERR_FILENO);
	}
	if (input >= 0)
		plan_dup(&p, input, STDIN_FILENO);
	plan_dup(&p, theirs, ROLE_SOCKET);
	plan_note(&p, posix_spawn_file_actions_addclosefrom_np(&p.files, ROLE_SOCKET + 1));

	char parent[24];
	snprintf(parent, sizeof parent, "%ld", (long)getpid());
	AUTO(mem_freep) const char **argv = arguments_of(s, parent);
	AUTO(mem_freep) const char **env = environment_with(s->env);

	pid_t pid;
	const char *exe = own_exe(s->exe);
	if (!p.error)
		p.error =
			posix_spawn(&pid, exe, &p.files, &p.attr, (char *const *)argv, (char *const *)env);
	if (p.error)
		return err_sys(err, p.error, "cannot start %s through %s", s->argv[0], exe);
	AUTO(child_freep) struct child *c = child_new(pid, ours);
	ours = -1;
	close(theirs);
	theirs = -1;
	r = program_running(c, s->argv[0], err);
	if (r < 0)
		return r;
	*ret = TAKE(c);
	return 0;
}

void child_free(struct child *c)
{
	if (!c)
		return;
	fd_closep(&c->socket);
	if (!c->ended) {
		child_kill(c, SIGKILL);
		child_wait(c, 0, NULL, NULL);
	}
	fd_closep(&c->pidfd);
	free(c);
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}
int child_socket(const struct child *c)
{
	return c->socket;
}
int child_status(const struct child *c)
{
	return c->status;
}

void child_kill(struct child *c, int signal)
{
	/* The number cannot be reused until the child is reaped. */
	if (!c->ended && kill(-c->pid, signal) < 0)
		kill(c->pid, signal);
}

bool child_ended(struct child *c)
{
	if (c->ended)
		return true;
	pid_t r;
	do
		r = waitpid(c->pid, &c->status, WNOHANG);
	while (r < 0 && errno == EINTR);
	c->ended = r != 0; /* an error (the child was reaped elsewhere) is an end too */
	return c->ended;
}

int child_wait(struct child *c, int64_t deadline, struct cancel *cancel, struct err *err)
{
	while (!child_ended(c)) {
		if (cancel_fired(cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		int64_t left = deadline ? deadline - clock_now() : 3600 * CLOCK_SECOND;
		if (left <= 0)
			return err_set(err, ERR_TIMEOUT, "timeout: process %ld has not ended", (long)c->pid);
		struct pollfd p[] = {{.fd = c->pidfd, .events = POLLIN},
		                     {.fd = cancel_fd(cancel), .events = POLLIN}};
		int64_t ms = left / 1000 + 1;
		if (c->pidfd < 0 && ms > 5)
			ms = 5;
		poll(p, 2, (int)ms);
	}
	return 0;
}

const char *child_status_text(const struct child *c, char out[static CHILD_TEXT_MAX])
{
	if (WIFSIGNALED(c->status)) {
		const char *name = sigabbrev_np(WTERMSIG(c->status));
		snprintf(out, CHILD_TEXT_MAX, "was killed by SIG%s", name ? name : "?");
	} else {
		snprintf(out, CHILD_TEXT_MAX, "ended with status %d", WEXITSTATUS(c->status));
	}
	return out;
}

int64_t child_peak_memory(struct child *c)
{
	if (c->ended)
		return c->peak;
	char path[40], line[256];
	snprintf(path, sizeof path, "/proc/%ld/status", (long)c->pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return c->peak;
	while (fgets(line, sizeof line, f)) {
		long long kib;
		if (sscanf(line, "VmHWM: %lld kB", &kib) == 1 && kib * 1024 > c->peak)
			c->peak = kib * 1024;
	}
	fclose(f);
	return c->peak;
}

void child_yield(struct child *c)
{
	if (!c->ended)
		setpriority(PRIO_PROCESS, (id_t)c->pid, 10);
}

void child_limit_cpu(struct child *c, int64_t seconds)
{
	struct rlimit limit;
	clockid_t clock;
	struct timespec used;
	if (c->ended || prlimit(c->pid, RLIMIT_CPU, NULL, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (seconds > 0 && clock_getcpuclockid(c->pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
		limit.rlim_cur = (rlim_t)(used.tv_sec + 1 + seconds);
	prlimit(c->pid, RLIMIT_CPU, &limit, NULL);
}
