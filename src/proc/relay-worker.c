/* SPDX-License-Identifier: Apache-2.0 */
/* Role `relay`: starts a program that can listen on a TCP port only, and passes
 * on to it what comes to a Unix socket. Where the kernel allows it, both are in
 * a network namespace of their own, so that no other process reaches the port,
 * and the program reaches nothing. It ends with the program, with the same
 * status. An error before the program runs is written to ROLE_SOCKET, as by the
 * role `exec`. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "proc/spawn.h"

#define PAIRS_MAX 32
#define PIECE_MAX (64 << 10)
#define PORT 8080 /* in a namespace of its own */
#define CAPS_MAX 63

/* What came from one side and goes to the other. */
struct flow {
	char data[PIECE_MAX];
	size_t at, len; /* of the piece that is in `data` */
	bool ended;     /* nothing more comes */
	bool told;      /* … which the other side knows */
};

/* A client and the program; flow[0] goes to the program. */
struct pair {
	int fd[2];
	struct flow flow[2];
};

struct relay {
	int listen, program_fd; /* the second one is readable when the program ended */
	pid_t program;
	int port;
	bool isolated;
	struct pair *pairs[PAIRS_MAX];
	size_t n;
};

static int fail(const char *what, int error)
{
	char text[200];
	int n = error ? snprintf(text, sizeof text, "%s: %s", what, strerror(error))
	              : snprintf(text, sizeof text, "%s", what);
	ssize_t written = write(ROLE_SOCKET, text, (size_t)n < sizeof text ? (size_t)n : 0);
	(void)written; /* the parent has ended */
	return 127;
}

static int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* ---- the namespace */

static bool write_file(const char *path, const char *text)
{
	AUTO(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* The user stays who he is. */
static bool map_user(uid_t uid, gid_t gid)
{
	char users[64], groups[64];
	snprintf(users, sizeof users, "%u %u 1\n", uid, uid);
	snprintf(groups, sizeof groups, "%u %u 1\n", gid, gid);
	return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", users) &&
	       write_file("/proc/self/gid_map", groups);
}

static bool raise_loopback(void)
{
	AUTO(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo"};
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return false;
	r.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

/* Tried by a process of its own first, since half of it cannot be undone. Where
 * the kernel refuses user namespaces, as below chroot(), root needs none. */
static bool isolate(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	bool apart = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? map_user(uid, gid)
	                                                        : unshare(CLONE_NEWNET) == 0;
	return apart && raise_loopback();
}

static bool can_isolate(void)
{
	pid_t pid = fork();
	int status = 1;
	if (pid == 0)
		_exit(isolate() ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return pid > 0 && status == 0;
}

/* A port that is free now. Another process may take it before the program does,
 * which then fails to start, and is started again with another. */
static int free_port(void)
{
	AUTO(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof a;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return -1;
	return ntohs(a.sin_port);
}

/* ---- the program */

/* In a namespace of its own it would have all rights there. */
static void drop_rights(void)
{
	for (unsigned long i = 0; i <= CAPS_MAX; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static _Noreturn void run_program(const char *folder, char **argv, int port, pid_t relay)
{
	char number[16];
	snprintf(number, sizeof number, "%d", port);
	for (char **a = argv; *a; a++)
		if (strcmp(*a, RELAY_PORT) == 0)
			*a = number;
	/* What it holds of a video must not become a file. */
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(fail("cannot tie it to its parent", errno));
	if (getppid() != relay)
		_exit(127);
	if (chdir(folder) < 0)
		_exit(fail(folder, errno));
	drop_rights();
	execvp(argv[0], argv);
	_exit(fail(argv[0], errno));
}

static int start(struct relay *r, const char *folder, char **argv)
{
	r->isolated = can_isolate() && isolate();
	r->port = r->isolated ? PORT : free_port();
	if (r->port < 0)
		return fail("no free port on the loopback address", errno);
	fprintf(stderr,
	        r->isolated ? "vdet: %s has a network of its own\n"
	                    : "vdet: %s gets no network of its own (user namespaces are not allowed "
	                      "here): it listens on a loopback port, with a secret path\n",
	        argv[0]);
	fcntl(ROLE_SOCKET, F_SETFD, FD_CLOEXEC);
	pid_t relay = getpid();
	r->program = fork();
	if (r->program < 0)
		return fail("fork", errno);
	if (r->program == 0)
		run_program(folder, argv, r->port, relay);
	close(ROLE_SOCKET);
	r->program_fd = (int)syscall(SYS_pidfd_open, r->program, 0);
	return 0;
}

/* ---- the bytes */

static bool prepare(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static int connect_program(const struct relay *r)
{
	AUTO(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons((uint16_t)r->port),
	                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int on = 1;
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return take_fd(&fd);
}

static void accept_one(struct relay *r)
{
	AUTO(fd_closep) int client = accept4(r->listen, NULL, NULL, SOCK_CLOEXEC);
	/* One too many, or a program that does not listen yet: the client sees that
	 * it is closed. */
	AUTO(fd_closep) int program = client >= 0 && r->n < PAIRS_MAX ? connect_program(r) : -1;
	if (program < 0 || !prepare(client) || !prepare(program))
		return;
	struct pair *p = mem_alloc(1, sizeof *p);
	p->fd[0] = take_fd(&client);
	p->fd[1] = take_fd(&program);
	r->pairs[r->n++] = p;
}

/* Moves what can be moved from fd[from] to the other; false if the connection
 * is lost. */
static bool move(struct pair *p, int from)
{
	struct flow *f = &p->flow[from];
	if (!f->len && !f->ended) {
		ssize_t n = read(p->fd[from], f->data, sizeof f->data);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		f->ended = n == 0;
		f->at = 0;
		f->len = n > 0 ? (size_t)n : 0;
	}
	while (f->len) {
		ssize_t n = send(p->fd[!from], f->data + f->at, f->len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		f->at += (size_t)n;
		f->len -= (size_t)n;
	}
	if (f->ended && !f->told) {
		shutdown(p->fd[!from], SHUT_WR);
		f->told = true;
	}
	return true;
}

static short events_of(const struct pair *p, int side)
{
	short reads = !p->flow[side].len && !p->flow[side].ended ? POLLIN : 0;
	return (short)(reads | (p->flow[!side].len ? POLLOUT : 0));
}

static void move_all(struct relay *r)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct pair *p = r->pairs[i];
		if (move(p, 0) && move(p, 1) && !(p->flow[0].told && p->flow[1].told)) {
			r->pairs[kept++] = p;
			continue;
		}
		close(p->fd[0]);
		close(p->fd[1]);
		free(p);
	}
	r->n = kept;
}

/* Ends as the program did. */
static int end_like(int status)
{
	const struct rlimit none = {0, 0};
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 127;
}

static int serve(struct relay *r)
{
	struct pollfd fds[2 + 2 * PAIRS_MAX];
	for (;;) {
		int status;
		if (waitpid(r->program, &status, WNOHANG) == r->program)
			return end_like(status);
		size_t n = 0;
		fds[n++] = (struct pollfd){.fd = r->program_fd, .events = POLLIN};
		fds[n++] = (struct pollfd){.fd = r->listen, .events = POLLIN};
		for (size_t i = 0; i < r->n; i++)
			for (int side = 0; side < 2; side++) {
				/* A side that has nothing to do, but was closed, would be
				 * reported all the time. */
				short events = events_of(r->pairs[i], side);
				fds[n++] =
					(struct pollfd){.fd = events ? r->pairs[i]->fd[side] : -1, .events = events};
			}
		if (poll(fds, n, r->program_fd < 0 ? 100 : -1) < 0 && errno != EINTR)
			return 127;
		move_all(r);
		if (fds[1].revents & POLLIN)
			accept_one(r);
	}
}

static int listen_on(const char *path)
{
	AUTO(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, PAIRS_MAX) < 0)
		return -1;
	return take_fd(&fd);
}

int relay_worker_main(int argc, char **argv)
{
	struct relay r = {.program_fd = -1};
	if (argc < 4)
		return fail("no program was given", 0);
	long parent = strtol(argv[0], NULL, 10);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail("cannot tie it to its parent", errno);
	if (getppid() != parent)
		return 127;
	umask(0077);
	r.listen = listen_on(argv[1]);
	if (r.listen < 0)
		return fail(argv[1], errno);
	int e = start(&r, argv[2], argv + 3);
	return e ? e : serve(&r);
}
