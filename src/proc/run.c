/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "proc/spawn.h"

enum { LOOK_MS = 100, READS_MAX = 64 };

/* A file in memory: a program that does not read its input blocks no one. */
static int make_input(const char *data, size_t len, int *ret_fd, struct err *err)
{
	size_t done = 0;
	AUTO(fd_closep) int fd = memfd_create("input", MFD_CLOEXEC);
	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd < 0 || done < len || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "cannot keep the input of a program in memory");
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* Reads what there is, but not for ever; false once no one can write any
 * more. */
static bool read_output(int fd, struct buf *out, bool *cut)
{
	char data[4096];
	ssize_t n = 1;
	for (int i = 0; i < READS_MAX && (n = read(fd, data, sizeof data)) > 0; i++) {
		size_t room = out->max - out->len, len = (size_t)n < room ? (size_t)n : room;
		*cut = *cut || len < (size_t)n;
		buf_add(out, data, len);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Until the program has ended. What it has started may still hold its output. */
static int wait_for(const struct proc_run *o, struct child *c, int fd, struct buf *out, bool *cut,
                    struct err *err)
{
	int64_t until = clock_now() + o->timeout;
	bool open = true;
	while (!child_ended(c)) {
		struct pollfd p[] = {{.fd = open ? fd : -1, .events = POLLIN},
		                     {.fd = cancel_fd(o->cancel), .events = POLLIN}};
		if (cancel_fired(o->cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		if (clock_now() >= until)
			return err_set(err, ERR_TIMEOUT, "it did not end within %lld s, and was killed",
			               (long long)(o->timeout / CLOCK_SECOND));
		poll(p, 2, LOOK_MS);
		if (open)
			open = read_output(fd, out, cut);
	}
	if (open)
		read_output(fd, out, cut);
	return 0;
}

static int run(const struct proc_run *o, int input, struct buf *out, bool *cut, struct err *err)
{
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(fd_closep) int ours = pipes[0], theirs = pipes[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	const struct program_start start = {.argv = o->argv, .log_fd = theirs, .input_fd = input};
	AUTO(child_freep) struct child *c = NULL;
	int r = child_start_program(&start, &c, err);
	if (r < 0)
		return r;
	if (o->background)
		child_yield(c);
	close(theirs);
	theirs = -1;
	r = wait_for(o, c, ours, out, cut, err);
	if (r < 0)
		return r;
	char text[CHILD_TEXT_MAX];
	int status = child_status(c);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
	           ? 0
	           : err_set(err, ERR_DIED, "it %s", child_status_text(c, text));
}

int proc_run(const struct proc_run *o, struct buf *out, bool *ret_cut, struct err *err)
{
	AUTO(fd_closep) int input = -1;
	bool cut = false;
	int r = o->input ? make_input(o->input, o->input_len, &input, err) : 0;
	if (r == 0)
		r = run(o, o->input ? input : 0, out, &cut, err);
	if (ret_cut)
		*ret_cut = cut;
	return r;
}
