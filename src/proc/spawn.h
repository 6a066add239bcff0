/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: roles of this program, and external programs that end with
 * it.
 *
 * A role is `vdet -x ROLE ARGS…`: the program executes itself again, with its
 * socket to the parent on fd 3, an input file (optional) on fd 4, standard
 * input and output on /dev/null, and everything else closed; what needs libav
 * it leaves to vdet-media, since loading that takes longer than most commands.
 * It is executed once: the roles are forks of that process (proc/template.h),
 * except where another program has to be the child, or where forking fails.
 * An external program is started through the role `exec`, which asks the kernel
 * to kill it when its parent ends, and then becomes the program. There is no
 * fork without exec, because the parent has threads.
 *
 * PR_SET_PDEATHSIG fires when the *thread* that called child_start_program()
 * ends, not the process: start programs from a thread that lives as long as
 * they should. Roles do not depend on this: they end when their socket closes.
 *
 * Each child leads a process group of its own, so that Ctrl-C in the terminal
 * reaches only the parent. A child belongs to one thread at a time, except that
 * child_kill() may be called from any thread while the child is not being
 * freed. */
#ifndef VDET_PROC_SPAWN_H
#define VDET_PROC_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

enum { ROLE_SOCKET = 3, ROLE_INPUT = 4 };

struct child;

struct role_start {
	const char *role;        /* "media" */
	const char *const *args; /* NULL-terminated, may be NULL */
	const char *exe;         /* NULL: $VDET_EXE, else /proc/self/exe */
	int input;               /* becomes fd 4 (a duplicate); -1 = none */
};
#define ROLE_START(role_) ((struct role_start){.role = (role_), .input = -1})

/* Does not wait for the role; one that ends closes its socket. */
int child_start_role(const struct role_start *s, struct child **ret, struct err *err);

/* For a program that can listen on a TCP port only (role `relay`): what comes
 * to a Unix socket is passed on to it, and it has a network namespace of its
 * own where the kernel allows that. */
struct program_relay {
	const char *socket; /* to listen on; in a private folder */
	const char *folder; /* where the program runs */
};
/* The argument of the program that becomes the number of its port on
 * 127.0.0.1. */
#define RELAY_PORT "@PORT@"

struct program_start {
	/* NULL-terminated; argv[0] is searched in PATH unless it contains a slash */
	const char *const *argv;
	/* "NAME=value" added to the parent's environment, NULL-terminated, may be
	 * NULL */
	const char *const *env;
	const char *exe;                   /* as in role_start: the program that has the role `exec` */
	const struct program_relay *relay; /* NULL = none; else the child is the relay */
	int log_fd;   /* its standard output and error (a duplicate); -1 = inherited */
	int input_fd; /* its standard input (a duplicate); 0 = /dev/null */
};

/* Returns when the program runs, or with the reason why it could not be
 * executed. Blocks until then. */
int child_start_program(const struct program_start *s, struct child **ret, struct err *err);

/* The role `exec`: PPID PROGRAM ARGS…; becomes the program, which ends with the
 * thread that started it. */
int exec_worker_main(int argc, char **argv);
/* The role `relay`: PPID SOCKET FOLDER PROGRAM ARGS…; ends with the thread that
 * started it, or as the program ends. */
int relay_worker_main(int argc, char **argv);

void child_free(struct child *c); /* kills (SIGKILL) and reaps a running child; NULL is allowed */
DEFINE_FREEP(struct child, child)

pid_t child_pid(const struct child *c);
int child_socket(const struct child *c); /* the parent's end, non-blocking; -1 for programs */
/* the child and the process group that it leads; no effect once reaped */
void child_kill(struct child *c, int signal);
/* Waits for the end and reaps: 0, ERR_TIMEOUT when clock_now() >= deadline (0 =
 * never), or ERR_CANCELED. */
int child_wait(struct child *c, int64_t deadline, struct cancel *cancel, struct err *err);
bool child_ended(struct child *c); /* reaps an ended child; does not block */
/* After the end: the wait status as from waitpid(), and as text: "ended with
 * status 1", "was killed by SIGSYS". */
int child_status(const struct child *c);
#define CHILD_TEXT_MAX 64
const char *child_status_text(const struct child *c, char out[static CHILD_TEXT_MAX]);

/* The highest resident size (VmHWM) seen in any call while it ran, in bytes; 0
 * if unknown. Not from rusage, which includes the memory of the parent until
 * exec. */
int64_t child_peak_memory(struct child *c);
/* runs at the lowest priority from now on; best effort */
void child_yield(struct child *c);
/* The child is killed by SIGXCPU after another `seconds` of processor time (0 =
 * no limit). Best effort: a safeguard against a child that outlives the parent
 * while it computes. */
void child_limit_cpu(struct child *c, int64_t seconds);

#endif
