/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet mcp`: serves the Model Context Protocol on standard input and output. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/adding.h"
#include "app/commands.h"
#include "base/file.h"
#include "mcp/pipes.h"

static struct {
	char *folder, *allow_write;
} own;
#define AT(member) offsetof(__typeof__(own), member)
static const struct opt_row rows[] = {
	{"mcp.folder", "folder", OPT_STRING, AT(folder), "", 0, 0, NULL, "FOLDER",
     "Give access only to videos that are below this folder, and read files only below it; empty: "
     "to all videos that were analyzed.",
     OPT_COMMAND_ONLY},
	{"mcp.allow_write", "allow-write", OPT_STRING, AT(allow_write), "", 0, 0, NULL, "FOLDER",
     "Let the client write clips into this folder, and analyze videos below --folder, or without "
     "it below this folder, which gets the reports; no file in it is overwritten. Empty: nothing "
     "is analyzed or written.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"MCP", rows, ARRAY_LEN(rows)};

struct session {
	struct store *store;
	char *folder, *output; /* real paths; NULL: not given */
	const char *folders[2];
	struct adding *adding;
	struct mcp *mcp;
	int out;
};

static void clear_session(struct session *s)
{
	mcp_free(s->mcp);
	adding_free(s->adding);
	store_free(s->store);
	free(s->folder);
	free(s->output);
	fd_closep(&s->out);
}

static int find_folder(const char *option, const char *path, char **ret, struct err *err)
{
	if (!*path)
		return 0;
	*ret = realpath(path, NULL);
	if (!*ret)
		return err_sys(err, errno, "--%s %s", option, path);
	return file_is_dir(*ret) ? 0 : err_set(err, ERR_ARG, "--%s %s is not a folder", option, path);
}

/* Messages have a descriptor of their own, and what something prints to
 * standard output goes to standard error: it would break the protocol. */
static int take_output(struct session *s, struct err *err)
{
	s->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (s->out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return err_sys(err, errno, "cannot use standard output");
	return 0;
}

static int set_up(struct app *app, struct session *s, struct err *err)
{
	int r = find_folder("folder", own.folder, &s->folder, err);
	if (r == 0)
		r = find_folder("allow-write", own.allow_write, &s->output, err);
	if (r == 0)
		r = take_output(s, err);
	if (r == 0)
		r = app_open_store(app, &s->store, err);
	if (r < 0)
		return r;

	s->folders[0] = s->folder ? s->folder : s->output;
	s->adding = adding_new(app, s->store, s->folders, s->output);
	return 0;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(clear_session) struct session s = {.out = -1};
	struct cancel *signals = app->cancel;
	struct err err;
	if (argc)
		return app_usage(&cmd_mcp, "unexpected argument \"%s\"", argv[0]);
	int r = set_up(app, &s, &err);
	if (r < 0)
		return app_fail(&err);

	const struct mcp_host host = {
		.ctx = s.adding, .add_video = s.output ? adding_add : NULL, .engine = adding_engine};
	const struct mcp_setup setup = {.store = s.store,
	                                .options = &app->analyze,
	                                .folder = s.folder,
	                                .output = s.output,
	                                .host = &host};
	s.mcp = mcp_new(&setup);
	r = pipes_serve(s.mcp, STDIN_FILENO, s.out, signals, &err);
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_mcp = {
	.name = "mcp",
	.usage = "",
	.summary = "let an assistant search and look at videos (Model Context Protocol)",
	.text = "Serves MCP on standard input and output, for assistants that start programs:\n"
			"configure this command in them. docs/mcp.md has examples and the list of tools.\n"
			"Messages for people go to standard error.\n"
			"Exit codes: 0 the client has ended, 1 failed, 2 wrong usage, 130 interrupted.\n",
	.groups = GROUP_RUN | GROUP_MODEL,
	.own = &group,
	.own_target = &own,
	.run = run,
};
