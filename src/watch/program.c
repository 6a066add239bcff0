/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "proc/spawn.h"

enum { LOOK_MS = 100, READS_MAX = 64 };

/* A file in memory: a program that does not read its input blocks no one. */
static int make_input(const char *text, int *ret_fd, struct err *err)
{
	size_t len = strlen(text), done = 0;
	AUTO(fd_closep) int fd = memfd_create("message", MFD_CLOEXEC);
	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, text + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd < 0 || done < len || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "cannot keep the message in memory");
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* Reads what there is, but not for ever; false once no one can write any
 * more. */
static bool read_output(int fd, struct buf *out)
{
	char data[4096];
	ssize_t n = 1;
	for (int i = 0; i < READS_MAX && (n = read(fd, data, sizeof data)) > 0; i++) {
		size_t room = PROGRAM_OUTPUT_MAX - out->len;
		buf_add(out, data, (size_t)n < room ? (size_t)n : room);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Until the program has ended. What it has started may still hold its output. */
static int wait_for(struct child *c, int fd, int64_t timeout, struct cancel *cancel,
                    struct buf *out, struct err *err)
{
	int64_t until = clock_now() + timeout;
	bool open = true;
	while (!child_ended(c)) {
		struct pollfd p[] = {{.fd = open ? fd : -1, .events = POLLIN},
		                     {.fd = cancel_fd(cancel), .events = POLLIN}};
		if (cancel_fired(cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		if (clock_now() >= until)
			return err_set(err, ERR_TIMEOUT, "it did not end within %lld s, and was killed",
			               (long long)(timeout / CLOCK_SECOND));
		poll(p, 2, LOOK_MS);
		if (open)
			open = read_output(fd, out);
	}
	if (open)
		read_output(fd, out);
	return 0;
}

static int run(const char *program, int input, int64_t timeout, struct cancel *cancel,
               struct buf *out, struct err *err)
{
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(fd_closep) int ours = pipes[0], theirs = pipes[1];
	fcntl(ours, F_SETFL, O_NONBLOCK);
	const char *const argv[] = {program, NULL};
	const struct program_start start = {.argv = argv, .log_fd = theirs, .input_fd = input};
	AUTO(child_freep) struct child *c = NULL;
	int r = child_start_program(&start, &c, err);
	if (r < 0)
		return r;
	close(theirs);
	theirs = -1;
	r = wait_for(c, ours, timeout, cancel, out, err);
	if (r < 0)
		return r;
	char text[CHILD_TEXT_MAX];
	int status = child_status(c);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
	           ? 0
	           : err_set(err, ERR_DIED, "it %s", child_status_text(c, text));
}

int program_run(const char *program, const char *input, int64_t timeout, struct cancel *cancel,
                struct program_result *ret, struct err *err)
{
	AUTO(buf_free) struct buf out = BUF(PROGRAM_OUTPUT_MAX);
	AUTO(fd_closep) int fd = -1;
	int r = make_input(input, &fd, err);
	if (r == 0)
		r = run(program, fd, timeout, cancel, &out, err);
	ret->output = text_line(buf_str(&out), PROGRAM_OUTPUT_MAX);
	return r;
}
