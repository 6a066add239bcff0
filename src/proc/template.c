/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/template.h"

#include <dirent.h>
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/spawn.h"

enum { ORDER_MAX = 8192, ARGS_MAX = 32, FDS_MAX = 2 };

/* An order is one packet: the role and its arguments, each with its NUL, and
 * the descriptors. The answer is the number of the process, or the negative
 * errno. */
static const int64_t answer_within = 20 * CLOCK_SECOND;

union fds {
	struct cmsghdr align;
	char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static bool pack_string(char *to, size_t *len, const char *s)
{
	size_t n = strlen(s) + 1;
	if (n > ORDER_MAX - *len)
		return false;
	memcpy(to + *len, s, n);
	*len += n;
	return true;
}

static int send_order(int socket, const struct template_order *o, struct err *err)
{
	char text[ORDER_MAX];
	size_t len = 0;
	bool fits = pack_string(text, &len, o->role);
	for (size_t i = 0; fits && o->args && o->args[i]; i++)
		fits = i < ARGS_MAX && pack_string(text, &len, o->args[i]);
	if (!fits)
		return err_set(err, ERR_LIMIT, "the arguments of the role are too long");

	const int fds[FDS_MAX] = {o->socket, o->input};
	size_t size = (o->input >= 0 ? 2 : 1) * sizeof fds[0];
	union fds control = {0};
	struct iovec part = {text, len};
	struct msghdr m = {.msg_iov = &part,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = CMSG_SPACE(size)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
	return sendmsg(socket, &m, MSG_NOSIGNAL) < 0 ? err_sys(err, errno, "cannot send") : 0;
}

int template_fork(int socket, const struct template_order *o, pid_t *ret, struct err *err)
{
	int r = send_order(socket, o, err);
	if (r < 0)
		return r;
	int32_t answer;
	int64_t deadline = clock_now() + answer_within;
	for (;;) {
		ssize_t n = recv(socket, &answer, sizeof answer, MSG_DONTWAIT);
		if (n == sizeof answer)
			break;
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return err_set(err, ERR_DIED, "the template ended");
		int64_t left = deadline - clock_now();
		if (left <= 0)
			return err_set(err, ERR_TIMEOUT, "the template does not answer");
		poll(&(struct pollfd){.fd = socket, .events = POLLIN}, 1, (int)(left / 1000 + 1));
	}
	if (answer <= 0)
		return err_sys(err, -answer, "cannot fork");
	*ret = answer;
	return 0;
}

/* An order as it is received. */
struct order {
	char text[ORDER_MAX + 1];
	char *argv[ARGS_MAX + 2]; /* the role first; into text */
	int argc;
	int fds[FDS_MAX], n_fds;
};

static bool receive_order(struct order *o)
{
	union fds control;
	struct iovec part = {o->text, ORDER_MAX};
	struct msghdr m = {.msg_iov = &part,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof control};
	ssize_t n;
	do
		n = recvmsg(ROLE_SOCKET, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return false;
	size_t size = c->cmsg_len - CMSG_LEN(0);
	memcpy(o->fds, CMSG_DATA(c), size);
	o->n_fds = (int)(size / sizeof o->fds[0]);

	o->text[n] = '\0';
	o->argc = 0;
	for (char *s = o->text; s < o->text + n && o->argc <= ARGS_MAX; s += strlen(s) + 1)
		o->argv[o->argc++] = s;
	o->argv[o->argc] = NULL;
	return true;
}

/* A library may start threads when it is loaded. A fork would lack them, with
 * the locks that they hold. */
static bool has_one_thread(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;
	while (tasks && readdir(tasks))
		n++;
	if (tasks)
		closedir(tasks);
	return n == 3; /* ".", "..", and this one */
}

/* A child of our parent. Not fork(), which cannot do that; what it does in
 * addition is for other threads. */
static pid_t fork_sibling(void)
{
	struct clone_args how = {.flags = CLONE_PARENT};
	return (pid_t)syscall(SYS_clone3, &how, sizeof how);
}

/* In the new process: as child_start_role() promises. The descriptors have
 * numbers above ROLE_SOCKET, in the order in which they were sent. */
static void become(const struct order *o, char *title)
{
	setpgid(0, 0);
	for (int i = 0; i < o->n_fds; i++)
		dup2(o->fds[i], ROLE_SOCKET + i);
	closefrom(ROLE_SOCKET + o->n_fds);
	memset(title, 0, strlen(TEMPLATE_ROLE));
	memcpy(title, o->argv[0], strnlen(o->argv[0], strlen(TEMPLATE_ROLE)));
}

static int serve(template_role *run, char *title)
{
	static struct order o;
	if (!has_one_thread())
		return 1;
	while (receive_order(&o)) {
		pid_t pid = fork_sibling();
		if (pid == 0) {
			become(&o, title);
			exit(run(o.argv[0], o.argc - 1, o.argv + 1));
		}
		int32_t answer = pid < 0 ? -errno : pid;
		for (int i = 0; i < o.n_fds; i++)
			close(o.fds[i]);
		if (send(ROLE_SOCKET, &answer, sizeof answer, MSG_NOSIGNAL) < 0)
			break;
	}
	return 0;
}

int template_main(int argc, char **argv, template_role *run)
{
	return strcmp(argv[2], TEMPLATE_ROLE) == 0 ? serve(run, argv[2])
	                                           : run(argv[2], argc - 3, argv + 3);
}
