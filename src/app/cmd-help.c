/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/help-shell.h"
#include "app/help.h"
#include "board/events.h"
#include "job/progress-json.h"

static struct {
	char *as;
} own;
static const struct opt_row rows[] = {
	{"help.as", "as", OPT_CHOICE, 0, "text", 0, 0, "text|markdown|man|bash|zsh|fish|events|schema",
     NULL, "Output format; events and schema describe the messages for programs.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Help", rows, 1};

void help_overview(const struct command_list *list)
{
	puts(
		"vdet watches long video with a vision-language model and reports what happened, when, and "
		"which frame shows it.\n\n"
		"usage: vdet COMMAND [OPTION…] [ARGUMENT…]\n");
	for (size_t i = 0; i < list->n; i++)
		printf("  %-9s %s\n", list->all[i]->name, list->all[i]->summary);
	puts("\nvdet help COMMAND describes a command; vdet --version prints the version.\n"
	     "Exit codes: 0 complete, 3 finished with holes, 1 failed, or every chunk is a hole,\n"
	     "2 wrong usage, 130 interrupted.");
}

void help_command(const struct command *c)
{
	static struct app app; /* bound for its addresses only */
	struct opt_bind binds[APP_BINDS_MAX];
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	struct opt_set set = app_options_of(c, &app, binds);
	opt_help(&set, &text);
	printf("vdet %s: %s\n\nusage: vdet %s [OPTION…] %s\n%s%s", c->name, c->summary, c->name,
	       c->usage, *c->text ? "\n" : "", c->text);
	fputs(buf_str(&text), stdout);
}

static void print_markdown(const struct command_list *list)
{
	(void)list;
	static struct app app;
	struct opt_bind binds[APP_BINDS_MAX];
	const struct command all = {.groups = GROUP_ALL};
	AUTO(buf_free) struct buf text = BUF(1 << 20);
	struct opt_set set = app_options_of(&all, &app, binds);
	opt_markdown(&set, &text);
	puts("# Options\n\n<!-- made by: vdet help --as markdown -->\n\n"
	     "Every option can be given as a flag, as a key in `vdet.conf` (section and key, as in "
	     "`[chunk]` and\n"
	     "`duration = 300`), or as an environment variable (`VDET_CHUNK_DURATION`). The command "
	     "line wins over the\n"
	     "environment, the environment over the file, the file over the default. The file is\n"
	     "`$XDG_CONFIG_HOME/vdet/vdet.conf` (`~/.config/vdet/vdet.conf`), or what `--config` or "
	     "`VDET_CONFIG` names.\n"
	     "An unknown key and a value out of range are errors. Times are in seconds, or written as "
	     "`1:30`, `5min`, "
	     "`2h`;\n"
	     "sizes take K, M, G and T.");
	fputs(buf_str(&text), stdout);
}

/* The part of docs/protocols.md that is made from the tables of messages. */
static void print_events(const struct command_list *list)
{
	(void)list;
	AUTO(buf_free) struct buf text = BUF(1 << 20);

	buf_adds(&text, "### `--progress json`\n");
	message_markdown(progress_messages, PROGRESS_EVENT_TYPES, &text);
	buf_adds(&text, "\n### Events of the server\n");
	message_markdown(event_messages, EVENT_TYPES, &text);
	fputs(buf_str(&text), stdout);
}

static void print_schema(const struct command_list *list)
{
	(void)list;
	AUTO(buf_free) struct buf text = BUF(1 << 20);

	buf_adds(&text, "{\n\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	                "\"title\": \"Messages of Video Detective\",\n\"$defs\": {\n \"progress\": ");
	message_schema(progress_messages, PROGRESS_EVENT_TYPES, false, &text);
	buf_adds(&text, ",\n \"events\": ");
	message_schema(event_messages, EVENT_TYPES, true, &text);
	buf_adds(&text, "\n}\n}\n");
	fputs(buf_str(&text), stdout);
}

static int run(struct app *app, int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(const struct command_list *list);
	} forms[] = {
		{"markdown", print_markdown}, {"man", help_man},
		{"bash", help_bash},          {"zsh", help_zsh},
		{"fish", help_fish},          {"events", print_events},
		{"schema", print_schema},
	};
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(own.as, forms[i].name) == 0) {
			forms[i].print(app->commands);
			return EXIT_COMPLETE;
		}
	}
	if (argc == 0) {
		help_overview(app->commands);
		return EXIT_COMPLETE;
	}
	const struct command *c = command_find(app->commands, argv[0]);
	if (!c)
		return app_usage(&cmd_help, "unknown command %s", argv[0]);
	help_command(c);
	return EXIT_COMPLETE;
}

const struct command cmd_help = {
	.name = "help",
	.usage = "[COMMAND]",
	.summary = "show how to use vdet or one of its commands",
	.text = "",
	.groups = GROUP_APP,
	.own = &group,
	.own_target = &own,
	.run = run,
};
