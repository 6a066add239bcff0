/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet COMMAND …` is for people; `vdet -x ROLE …` is how it starts its own
 * children. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/help.h"
#include "base/file.h"
#include "base/log.h"
#include "config.h"
#include "proc/spawn.h"
#include "proc/template.h"

static struct cancel *stop;

static void on_signal(int number)
{
	/* A second signal ends at once: the journal is consistent at any time. */
	if (cancel_fired(stop))
		_exit(128 + number);
	cancel_fire(stop);
}

static void handle_signals(void)
{
	struct sigaction on = {.sa_handler = on_signal, .sa_flags = SA_RESTART},
					 ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGINT, &on, NULL);
	sigaction(SIGTERM, &on, NULL);
	sigaction(SIGHUP, &on, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Arguments that must be known before the table is parsed. */
static char *scan_flag(char **argv, const char *flag)
{
	size_t n = strlen(flag);
	for (int i = 1; argv[i] && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], flag) == 0)
			return argv[i + 1];
		if (strncmp(argv[i], flag, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	}
	return NULL;
}

static bool has_word(char **argv, const char *word)
{
	for (int i = 1; argv[i] && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

static char *config_file(char **argv)
{
	const char *named = scan_flag(argv, "--config");
	if (!named)
		named = getenv("VDET_CONFIG");
	if (named)
		return mem_strdup(named);
	AUTO(mem_freep) char *dir = file_config_dir();
	char *path = file_join(dir, "vdet.conf");
	if (!file_exists(path))
		free(TAKE(path));
	return path;
}

static int parse(const struct command *c, struct app *app, char **argv, int *ret_n, struct err *err)
{
	extern char **environ;
	struct opt_bind binds[APP_BINDS_MAX], all[APP_BINDS_MAX];
	struct opt_set set = app_options_of(c, app, binds);
	const struct command any = {.groups = GROUP_ALL};
	struct opt_set known = app_options_of(&any, app, all);
	AUTO(mem_freep) char *file = config_file(argv);
	return opt_parse(&set, &known, file, environ, argv, ret_n, err);
}

static void app_clear(struct app *app, const struct command *c)
{
	struct opt_bind binds[APP_BINDS_MAX];
	struct opt_set set = app_options_of(c, app, binds);
	opt_free(&set);
	cancel_free(app->cancel);
	free(app->data_dir);
	free(app->models_dir);
	free(app->made_dir);
	free(app->demo_dir);
	free(app->runtime_dir);
	free(app->setup);
	free(app->engine_log);
	free(app->speech_log);
	free(app->learned_path);
	free(app->locks_dir);
}

static void set_log_level(const char *name)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			log_set_level((enum log_level)i);
}

static int run_command(const struct command *c, char **argv)
{
	struct app app = {.cancel = cancel_new(), .commands = &commands};
	struct err err;
	int n = 0, code;
	stop = app.cancel;
	handle_signals();
	int r = parse(c, &app, argv, &n, &err);
	if (r < 0) {
		log_error("%s (more: vdet help %s)", err.msg, c->name);
		code = err.code == ERR_ARG || err.code == ERR_NOENT ? EXIT_USAGE : EXIT_FAILED;
	} else {
		if (app.options.log_level)
			set_log_level(app.options.log_level);
		places_find(&app);
		code = c->run(&app, n, argv);
	}
	app_clear(&app, c);
	return code;
}

static int unknown_command(const char *name)
{
	const char *names[64];
	for (size_t i = 0; i < commands.n; i++)
		names[i] = commands.all[i]->name;
	const char *nearest = opt_nearest(name, names, commands.n);
	if (file_exists(name))
		log_error("unknown command \"%s\"; to analyze that file: vdet analyze %s", name, name);
	else
		log_error("unknown command \"%s\"%s%s; see vdet help", name,
		          nearest ? "; did you mean " : "", nearest ? nearest : "");
	return EXIT_USAGE;
}

static bool is_this_program(const char *path)
{
	struct stat own, other;
	return stat("/proc/self/exe", &own) == 0 && stat(path, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* vdet-text has the role `text`, and vdet-media the others. */
static int be_child(int argc, char **argv)
{
	if (strcmp(argv[2], "exec") == 0)
		return exec_worker_main(argc - 3, argv + 3);
	if (strcmp(argv[2], "relay") == 0)
		return relay_worker_main(argc - 3, argv + 3);
	AUTO(mem_freep)
	char *path = strcmp(argv[2], "text") == 0 ? places_text_program() : places_media_program();
	bool same = is_this_program(path);
	/* For a filter that vdet does not use, libavfilter may load OpenBLAS, which
	 * starts a thread per core at once. */
	setenv("OPENBLAS_NUM_THREADS", "1", 1);
	/* Tesseract would start four, which its sandbox does not allow. */
	setenv("OMP_THREAD_LIMIT", "1", 1);
	if (!same)
		execv(path, argv);
	/* The role that is executed after a template that failed says so. */
	if (strcmp(argv[2], TEMPLATE_ROLE) == 0)
		return EXIT_FAILED;
	fprintf(stderr,
	        "vdet: cannot start %s: %s. It is a part of vdet, and has to be in the same folder as "
	        "vdet or in " VDET_LIBEXEC ": install vdet again\n",
	        path, same ? "it is vdet itself" : strerror(errno));
	return EXIT_FAILED;
}

static int be_program(int argc, char **argv)
{
	if (argc < 2) {
		help_overview(&commands);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("vdet %s\n", VDET_VERSION);
		return EXIT_COMPLETE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help_overview(&commands);
		return EXIT_COMPLETE;
	}

	const struct command *c = command_find(&commands, argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	if (has_word(argv + 1, "--help") || has_word(argv + 1, "-h")) {
		help_command(c);
		return EXIT_COMPLETE;
	}
	if (has_word(argv + 1, "--version")) {
		printf("vdet %s\n", VDET_VERSION);
		return EXIT_COMPLETE;
	}
	return run_command(c, argv + 1);
}

/* What was not written is missing, whatever else the exit code would say. Only
 * an interruption stays one. */
static int end_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	log_error("cannot write to standard output");
	return code == EXIT_INTERRUPTED ? code : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "-x") == 0)
		return be_child(argc, argv);
	setlocale(LC_CTYPE, "");
	return end_output(be_program(argc, argv));
}
