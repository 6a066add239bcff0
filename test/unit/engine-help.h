/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the engine: options with their defaults, a small
 * picture, the stand-in engine, and the role `exec`, as which a test program
 * executes itself when it starts a child (proc/spawn.h). */
#ifndef VDET_TEST_ENGINE_HELP_H
#define VDET_TEST_ENGINE_HELP_H

#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "config.h"
#include "engine/engine.h"
#include "proc/spawn.h"

/* First line of main(). */
#define PLAY_ROLE(argc, argv)                                                     \
	do {                                                                          \
		if ((argc) > 2 && !strcmp((argv)[1], "-x") && !strcmp((argv)[2], "exec")) \
			return exec_worker_main((argc)-3, (argv) + 3);                        \
	} while (0)

/* Defaults, with limits for tests. Freed by options_clear(). */
static inline void options_init(struct engine_options *o)
{
	const struct opt_bind bind = {&engine_opt_group, o};
	const struct opt_set set = {&bind, 1};
	char *argv[] = {(char *)"test", NULL}, *env[] = {NULL};
	struct err err = {0};
	int n;
	*o = (struct engine_options){0};
	if (opt_parse(&set, &set, NULL, env, argv, &n, &err) < 0)
		fail_msg("%s", err.msg);
	o->vision_timeout = o->generation_timeout = o->idle_timeout = 60 * CLOCK_SECOND;
}

static inline void options_clear(struct engine_options *o)
{
	const struct opt_bind bind = {&engine_opt_group, o};
	const struct opt_set set = {&bind, 1};
	opt_free(&set);
}

static inline void set_string(char **s, const char *value)
{
	free(*s);
	*s = mem_strdup(value);
}

/* A valid JPEG of 16 x 16 pixels in one grey, for engines that do not look at
 * it. */
static const unsigned char any_jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9};

/* Runs a program to its end; its exit status. */
static inline int run_program(const char *const *argv)
{
	pid_t pid = fork();
	int status = -1;
	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(...) run_program((const char *const[]){__VA_ARGS__, NULL})

/* ---- the stand-in engine */

struct fake {
	pid_t pid;
	char url[72], root[64];
};

/* Starts it with up to eight arguments, NULL-terminated. */
static inline void fake_start(struct fake *f, const char *const *args)
{
	const char *argv[16] = {"python3", VDET_SOURCE_ROOT "/test/flow/fake_engine.py"};
	for (int i = 0; args[i] && i < 13; i++)
		argv[2 + i] = args[i];
	int out[2];
	assert_ok(pipe2(out, O_CLOEXEC));
	f->pid = fork();
	if (f->pid == 0) {
		dup2(out[1], 1);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	FILE *from = fdopen(out[0], "r");
	int port = 0;
	if (fscanf(from, "%d", &port) != 1)
		fail_msg("the stand-in engine did not start");
	fclose(from);
	snprintf(f->root, sizeof f->root, "http://127.0.0.1:%d", port);
	snprintf(f->url, sizeof f->url, "%s/v1", f->root);
}
#define FAKE(f, ...) fake_start(f, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static inline void fake_stop(struct fake *f)
{
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	f->pid = 0;
}

#endif
