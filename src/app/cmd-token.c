/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "app/commands.h"
#include "base/file.h"
#include "base/log.h"
#include "net/access/access.h"

static struct {
	char *role;
	bool user;
} own;
static const struct opt_row rows[] = {
	{"token.role", "role", OPT_CHOICE, offsetof(__typeof__(own), role), "submit", 0, 0,
     "view|submit|admin", NULL,
     "Permissions: view reads; submit also adds and changes videos and jobs; admin also "
     "changes settings and tokens.",
     OPT_COMMAND_ONLY},
	{"token.user", "user", OPT_BOOL, offsetof(__typeof__(own), user), "false", 0, 0, NULL, NULL,
     "Add a user who logs in on the page, instead of a token for programs; reads the password "
     "from standard input.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Token", rows, ARRAY_LEN(rows)};

/* A line from standard input, without showing it on a terminal. */
static int read_password(struct buf *out, struct err *err)
{
	struct termios old, hidden;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	if (terminal) {
		hidden = old;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		fputs("Password: ", stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	}
	char line[1024];
	bool got = fgets(line, sizeof line, stdin) != NULL;
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	if (!got)
		return err_set(err, ERR_ARG, "no password on standard input");
	buf_add(out, line, strcspn(line, "\r\n"));
	return 0;
}

static int add(struct access *a, const char *name, struct err *err)
{
	char token[ACCESS_TOKEN_MAX];
	enum role role;
	AUTO(buf_free) struct buf password = BUF(1024);
	int r = role_find(own.role, &role, err);
	if (r == 0 && own.user) {
		r = read_password(&password, err);
		if (r == 0)
			r = access_add_user(a, name, role, buf_str(&password), err);
		if (r == 0)
			printf("added the user %s with the role %s\n", name, own.role);
		return r;
	}
	if (r == 0)
		r = access_add_token(a, name, role, token, err);
	if (r == 0) {
		fprintf(stderr, "Token of %s (role %s); it is not shown again:\n", name, own.role);
		printf("%s\n", token);
	}
	return r;
}

static void list(struct access *a)
{
	json_t *all = access_list(a), *v;
	size_t i;
	json_array_foreach (all, i, v)
		printf("%-6s %-7s %s\n", json_string_value(json_object_get(v, "kind")),
		       json_string_value(json_object_get(v, "role")),
		       json_string_value(json_object_get(v, "name")));
	if (!json_array_size(all))
		puts("No tokens or users; vdet token add NAME creates a token.");
	json_decref(all);
}

static int open_access(const struct app *app, struct access **ret, struct err *err)
{
	AUTO(mem_freep) char *in_data = file_join(app->data_dir, "access.txt");
	AUTO(mem_freep) char *key = file_join(app->data_dir, "session.key");
	int r = file_mkdirs(app->data_dir, true, err);
	if (r == 0)
		r = access_open(*app->net.token_file ? app->net.token_file : in_data, key, app->net.session,
		                ret, err);
	return r;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(access_freep) struct access *a = NULL;
	struct err err;
	const char *verb = argc ? argv[0] : "";
	bool adds = strcmp(verb, "add") == 0, removes = strcmp(verb, "rm") == 0,
		 lists = strcmp(verb, "list") == 0;
	if (!adds && !removes && !lists)
		return app_usage(&cmd_token, "expected add, list or rm");
	if (argc != (lists ? 1 : 2))
		return app_usage(&cmd_token, lists ? "list takes no name" : "%s takes one name", verb);
	int r = open_access(app, &a, &err);
	if (r == 0 && adds)
		r = add(a, argv[1], &err);
	if (r == 0 && removes)
		r = access_remove(a, argv[1], false, &err);
	if (r == 0 && lists)
		list(a);
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

const struct command cmd_token = {
	.name = "token",
	.usage = "add NAME | list | rm NAME",
	.summary = "manage access to vdet serve: tokens for programs, users for the page",
	.text = "Only hashes are stored. A running server applies changes at once.\n"
			"Without any token or user the server accepts connections from this\n"
			"machine only, without login.\n",
	.groups = GROUP_APP | GROUP_NET,
	.own = &group,
	.own_target = &own,
	.run = run,
};
