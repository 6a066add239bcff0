/* SPDX-License-Identifier: Apache-2.0 */
/* Children and their sandbox: what they inherit, how they end, what they cannot
 * do. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proc/sandbox.h"
#include "proc/spawn.h"
#include "proc/wire.h"

static int hear(struct child *c, struct wire_msg *m)
{
	return wire_recv(child_socket(c), &WIRE_LIMITS_MAX, clock_now() + 20 * CLOCK_SECOND, NULL, m,
	                 NULL);
}

static struct child *start(const char *role, const char *arg, int input)
{
	const char *args[] = {arg, NULL};
	struct role_start s = ROLE_START(role);
	struct child *c = NULL;
	struct err err = {0};
	s.args = args;
	s.input = input;
	if (child_start_role(&s, &c, &err) < 0)
		fail_msg("%s", err.msg);
	return c;
}

static void test_clean_start(void **state)
{
	(void)state;
	int spare = open("/dev/null", O_RDONLY); /* inheritable on purpose */
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int with_input = 0; with_input < 2; with_input++) {
		AUTO(child_freep) struct child *c = start("inventory", NULL, with_input ? spare : -1);
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		assert_ok(hear(c, &m));
		json_auto_t *want =
			with_input ? json_pack("[iiiii]", 0, 1, 2, 3, 4) : json_pack("[iiii]", 0, 1, 2, 3);
		assert_true(json_equal(json_object_get(m.head, "fds"), want));
		assert_true(json_is_false(json_object_get(m.head, "int_blocked")));
		assert_true(json_is_true(json_object_get(m.head, "leader")));
		assert_true(child_peak_memory(c) > 1 << 20);
		assert_false(child_ended(c));
		assert_int_equal(child_wait(c, clock_now() + 20000, NULL, NULL), -ERR_TIMEOUT);
		assert_ok(wire_send(child_socket(c), 1, NULL, NULL, 0, 0, NULL, NULL));
		assert_ok(child_wait(c, clock_now() + 20 * CLOCK_SECOND, NULL, NULL));
		char text[CHILD_TEXT_MAX];
		assert_string_equal(child_status_text(c, text), "ended with status 5");
		assert_true(child_peak_memory(c) > 1 << 20);
	}
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	close(spare);
}

static void test_free_kills(void **state)
{
	(void)state;
	struct child *c = start("inventory", NULL, -1);
	pid_t pid = child_pid(c);
	child_free(c);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* The process that this one has with `role` in its command line; 0 if none. */
static pid_t find_child(const char *role)
{
	DIR *all = opendir("/proc");
	pid_t found = 0;
	for (const struct dirent *e; !found && (e = readdir(all));) {
		char path[300], line[64] = "";
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10), parent = 0;
		snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
		FILE *f = pid > 0 ? fopen(path, "re") : NULL;
		size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
		if (f)
			fclose(f);
		snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
		f = n > 8 && !strcmp(line + 8, role) ? fopen(path, "re") : NULL; /* vdet, -x */
		if (f && fscanf(f, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == getpid())
			found = pid;
		if (f)
			fclose(f);
	}
	closedir(all);
	return found;
}

static void test_template_that_was_killed(void **state)
{
	(void)state;
	AUTO(child_freep) struct child *first = start("inventory", NULL, -1);
	AUTO(wire_msg_clear) struct wire_msg m = {0}, n = {0};
	assert_ok(hear(first, &m));
	assert_int_equal(find_child("inventor"), child_pid(first)); /* as long as "template" */
	pid_t template = find_child("template");
	if (!template)
		skip(); /* a library, or ThreadSanitizer, has threads */
	kill(template, SIGKILL);
	AUTO(child_freep) struct child *second = start("inventory", NULL, -1);
	assert_ok(hear(second, &n));
	assert_false(child_ended(first));
	assert_int_equal(kill(template, 0), -1);
	child_free(TAKE(first));
	child_free(TAKE(second));
}

static void test_arguments_too_long(void **state)
{
	(void)state;
	char path[10000];
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	AUTO(child_freep) struct child *c = start("inventory", path, -1);
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	assert_ok(hear(c, &m));
}

static void test_missing_program(void **state)
{
	(void)state;
	struct role_start s = ROLE_START("inventory");
	struct child *c;
	struct err err;
	s.exe = "/nonexistent/vdet";
	assert_int_equal(child_start_role(&s, &c, &err), -ERR_NOENT);
	const char *argv[] = {"vdet-no-such-program", NULL};
	const struct program_start p = {.argv = argv, .log_fd = -1};
	assert_int_equal(child_start_program(&p, &c, &err), -ERR_NOENT);
	assert_non_null(strstr(err.msg, "vdet-no-such-program"));
}

static void test_program(void **state)
{
	(void)state;
	int pipes[2];
	assert_ok(pipe(pipes));
	const char *argv[] = {"sh", "-c", "echo $VDET_HELLO; echo err >&2; exec sleep 100", NULL};
	const char *env[] = {"VDET_HELLO=hello", NULL};
	const struct program_start p = {.argv = argv, .env = env, .log_fd = pipes[1]};
	AUTO(child_freep) struct child *c = NULL;
	struct err err = {0};
	if (child_start_program(&p, &c, &err) < 0)
		fail_msg("%s", err.msg);
	close(pipes[1]);
	char text[100] = "";
	for (size_t n = 0; n < 10;) {
		ssize_t got = read(pipes[0], text + n, sizeof text - 1 - n);
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_string_equal(text, "hello\nerr\n");
	close(pipes[0]);
	child_kill(c, SIGTERM);
	assert_ok(child_wait(c, clock_now() + 20 * CLOCK_SECOND, NULL, NULL));
	assert_string_equal(child_status_text(c, text), "was killed by SIGTERM");
}

static void *start_and_end(void *arg)
{
	const char *argv[] = {"sleep", "100", NULL};
	const struct program_start p = {.argv = argv, .log_fd = -1};
	struct child **ret = (struct child **)arg;
	child_start_program(&p, ret, NULL);
	return NULL;
}

static void test_program_dies_with_its_thread(void **state)
{
	(void)state;
	pthread_t thread;
	struct child *c = NULL;
	assert_ok(pthread_create(&thread, NULL, start_and_end, (void *)&c));
	pthread_join(thread, NULL);
	assert_non_null(c);
	assert_ok(child_wait(c, clock_now() + 20 * CLOCK_SECOND, NULL, NULL));
	assert_int_equal(WTERMSIG(child_status(c)), SIGKILL);
	child_free(c);
}

static void test_cpu_limit(void **state)
{
	(void)state;
	const char *argv[] = {"sh", "-c", "while :; do :; done", NULL};
	const struct program_start p = {.argv = argv, .log_fd = -1};
	AUTO(child_freep) struct child *c = NULL;
	assert_ok(child_start_program(&p, &c, NULL));
	child_limit_cpu(c, 1);
	assert_ok(child_wait(c, clock_now() + 60 * CLOCK_SECOND, NULL, NULL));
	assert_int_equal(WTERMSIG(child_status(c)), SIGXCPU);
}

struct escape {
	const char *what;
	int error; /* errno, 0 = allowed, -1 = killed by SIGSYS */
};

static void try_escapes(const char *role, const struct escape *cases, size_t n)
{
	int input = open("/dev/zero", O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < n; i++) {
		AUTO(child_freep) struct child *c = start(role, cases[i].what, input);
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		int r = hear(c, &m);
		assert_ok(child_wait(c, clock_now() + 20 * CLOCK_SECOND, NULL, NULL));
		int status = child_status(c);
		if (cases[i].error < 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS))
			fail_msg("%s: not killed (status %x)", cases[i].what, (unsigned)status);
		if (cases[i].error >= 0 &&
		    (r < 0 || json_integer_value(json_object_get(m.head, "errno")) != cases[i].error))
			fail_msg("%s: errno %lld, status %x", cases[i].what,
			         (long long)json_integer_value(json_object_get(m.head, "errno")),
			         (unsigned)status);
	}
	close(input);
}

static void test_sandbox(void **state)
{
	(void)state;
	static const struct escape cases[] = {
		{"open", EPERM},     {"create", EPERM},        {"stat", EPERM},
		{"unlink", EPERM},   {"write-input", EPERM},   {"kill", EPERM},
		{"dup", EPERM},      {"limits", EPERM},        {"memory", ENOMEM},
		{"memory-below", 0}, {"socket", -1},           {"exec", -1},
		{"fork", -1},        {"thread", -1},           {"ptrace", -1},
		{"exec-memory", -1}, {"begin-thread", EINVAL},
	};
	if (strcmp(sandbox_name(), "none") == 0)
		skip();
	try_escapes("prisoner", cases, ARRAY_LEN(cases));
}

/* With a device: only its files and its libraries. */
static void test_sandbox_with_device(void **state)
{
	(void)state;
	static const struct escape cases[] = {
		{"open", EACCES},    {"create", EACCES}, {"open-device", 0}, {"load-library", 0},
		{"thread", 0},       {"unlink", EPERM},  {"kill", EPERM},    {"limits", EPERM},
		{"socket", -1},      {"exec", -1},       {"fork", -1},       {"ptrace", -1},
		{"exec-memory", -1},
	};
	/* The version of Landlock; unsupported in a kernel without it. */
	if (strcmp(sandbox_name(), "none") == 0 || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		skip();
	try_escapes("prisoner-with-device", cases, ARRAY_LEN(cases));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest roles[] = {
		cmocka_unit_test(test_clean_start),         cmocka_unit_test(test_free_kills),
		cmocka_unit_test(test_arguments_too_long),  cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_sandbox_with_device),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template_that_was_killed),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_program_dies_with_its_thread),
		cmocka_unit_test(test_cpu_limit),
	};
	if (argc > 2 && strcmp(argv[1], "-x") == 0)
		return setenv("OPENBLAS_NUM_THREADS", "1", 1) + execv(UNIT_HELPER, argv);
	int failed = cmocka_run_group_tests_name("forks of the template", roles, NULL, NULL) +
	             cmocka_run_group_tests(tests, NULL, NULL);
	setenv("VDET_EXE", UNIT_HELPER, 1);
	return failed + cmocka_run_group_tests_name("executed", roles, NULL, NULL);
}
