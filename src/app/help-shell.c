/* SPDX-License-Identifier: Apache-2.0 */
/* The options table as a manual page and as completion for three shells. */
#include "app/help-shell.h"

#include <stdio.h>
#include <string.h>

#include "config.h"

/* Calls fn for each option of a command. */
static void each_option(const struct command *c,
                        void (*fn)(const struct command *c, const struct opt_row *row))
{
	static struct app app; /* bound for its addresses only */
	struct opt_bind binds[APP_BINDS_MAX];
	struct opt_set set = app_options_of(c, &app, binds);
	for (size_t g = 0; g < set.n; g++)
		for (size_t i = 0; i < set.binds[g].group->n; i++)
			fn(c, &set.binds[g].group->rows[i]);
}

/* Prints s with `escape` before each character of `special`. */
static void put_escaped(const char *s, const char *special, const char *escape)
{
	for (; *s; s++)
		printf("%s%c", strchr(special, *s) ? escape : "", *s);
}

/* ---- roff, see man(7) */

static void put_roff(const char *s)
{
	put_escaped(s, "-'.\\", "\\");
}

static void man_option(const struct command *c, const struct opt_row *row)
{
	char flag[64];
	(void)c;
	opt_flag_name(row, flag);
	fputs(".TP\n.B ", stdout);
	put_roff("--");
	put_roff(flag);
	if (row->type != OPT_BOOL) {
		fputs(" \\fI", stdout);
		put_roff(row->type == OPT_CHOICE ? row->choices : row->metavar ? row->metavar : "VALUE");
		fputs("\\fR", stdout);
	}
	fputs("\n", stdout);
	put_roff(row->help);
	if (*row->def && row->type != OPT_BOOL) {
		fputs(" Default: ", stdout);
		put_roff(row->def);
		fputs(".", stdout);
	}
	fputs("\n", stdout);
}

void help_man(const struct command_list *list)
{
	printf(".TH VDET 1 \"\" \"vdet %s\" \"User Commands\"\n.SH NAME\n"
	       "vdet \\- watch long video with a vision\\-language "
	       "model, and report what happened\n.SH SYNOPSIS\n.B vdet\n\\fICOMMAND\\fR "
	       "[\\fIOPTION\\fR]... "
	       "[\\fIARGUMENT\\fR]...\n.SH DESCRIPTION\n"
	       "vdet looks at a video chunk by chunk, asks a vision\\-language model "
	       "what its frames show, and writes a\n"
	       "report in which each event names the frames behind it. Every finished "
	       "chunk is kept: after an interruption\nthe same command continues.\n.SH COMMANDS\n",
	       VDET_VERSION);

	for (size_t i = 0; i < list->n; i++) {
		printf(".SS vdet %s ", list->all[i]->name);
		put_roff(list->all[i]->usage);
		fputs("\n", stdout);
		put_roff(list->all[i]->summary);
		fputs("\n", stdout);
		if (list->all[i]->own)
			each_option(
				&(struct command){.own = list->all[i]->own, .own_target = list->all[i]->own_target},
				man_option);
	}

	fputs(".SH OPTIONS\n", stdout);
	each_option(&(struct command){.groups = GROUP_ALL}, man_option);
	fputs(
		".SH EXIT STATUS\n"
		"0 complete; 3 finished with holes; 1 failed, or every chunk is a hole; "
		"2 wrong usage; 130 interrupted.\n"
		".SH FILES\n.TP\n.I $XDG_CONFIG_HOME/vdet/vdet.conf\n"
		"The configuration: [section] and key = value, for each "
		"option.\n"
		".TP\n.I $XDG_DATA_HOME/vdet/\nThe journal vdet.db, models/, engine.log.\n"
		".SH ENVIRONMENT\nEach option is also a variable: VDET_CHUNK_DURATION for chunk.duration. "
		"VDET_CONFIG names another configuration file.\n",
		stdout);
}

/* ---- bash */

static void word_option(const struct command *c, const struct opt_row *row)
{
	char flag[64];
	(void)c;
	opt_flag_name(row, flag);
	printf(" --%s", flag);
}

void help_bash(const struct command_list *list)
{
	fputs("# bash completion for vdet\n_vdet() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} words=\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords='",
	      stdout);
	for (size_t i = 0; i < list->n; i++)
		printf("%s ", list->all[i]->name);
	fputs("--help --version'\n\telse\n\t\tcase ${COMP_WORDS[1]} in\n", stdout);
	for (size_t i = 0; i < list->n; i++) {
		printf("\t\t%s) words='--help", list->all[i]->name);
		each_option(list->all[i], word_option);
		fputs("' ;;\n", stdout);
	}
	fputs("\t\tesac\n\tfi\n\tcase $word in\n"
	      "\t-*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\") ;;\n"
	      "\t*) [ \"$COMP_CWORD\" != 1 ] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
	      "\"$word\") ;;\n\tesac\n}\n"
	      "complete -o default -F _vdet vdet\n",
	      stdout);
}

/* ---- zsh */

static void zsh_option(const struct command *c, const struct opt_row *row)
{
	char flag[64];
	(void)c;
	opt_flag_name(row, flag);
	printf("\t\t\t'--%s%s[", flag, row->type == OPT_BOOL ? "" : "=");
	for (const char *s = row->help; *s; s++)
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			printf("%s%c", strchr("[]\\:", *s) ? "\\" : "", *s);
	fputs("]", stdout);
	if (row->type == OPT_CHOICE) {
		fputs(":value:(", stdout);
		for (const char *s = row->choices; *s; s++)
			putchar(*s == '|' ? ' ' : *s);
		fputs(")", stdout);
	} else if (row->type != OPT_BOOL) {
		fputs(":value:_files", stdout);
	}
	fputs("' \\\n", stdout);
}

void help_zsh(const struct command_list *list)
{
	fputs("#compdef vdet\n_vdet() {\n\tlocal -a commands\n\tcommands=(\n", stdout);
	for (size_t i = 0; i < list->n; i++)
		printf("\t\t'%s:%s'\n", list->all[i]->name, list->all[i]->summary);
	fputs("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
	      "\tcase $words[2] in\n",
	      stdout);
	for (size_t i = 0; i < list->n; i++) {
		printf("\t%s)\n\t\tshift words\n\t\t(( CURRENT-- ))\n\t\t_arguments \\\n",
		       list->all[i]->name);
		each_option(list->all[i], zsh_option);
		fputs("\t\t\t'*:file:_files'\n\t\t;;\n", stdout);
	}
	fputs("\tesac\n}\n_vdet \"$@\"\n", stdout);
}

/* ---- fish */

static void fish_option(const struct command *c, const struct opt_row *row)
{
	char flag[64];
	opt_flag_name(row, flag);
	printf("complete -c vdet -n '__fish_seen_subcommand_from %s' -l %s%s -d '", c->name, flag,
	       row->type == OPT_BOOL ? "" : " -r");
	put_escaped(row->help, "'\\", "\\");
	fputs("'", stdout);
	if (row->type == OPT_CHOICE) {
		fputs(" -a '", stdout);
		for (const char *s = row->choices; *s; s++)
			putchar(*s == '|' ? ' ' : *s);
		fputs("'", stdout);
	}
	fputs("\n", stdout);
}

void help_fish(const struct command_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		printf("complete -c vdet -n __fish_use_subcommand -a %s -d '", list->all[i]->name);
		put_escaped(list->all[i]->summary, "'\\", "\\");
		fputs("'\n", stdout);
		each_option(list->all[i], fish_option);
	}
}
