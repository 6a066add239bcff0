/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/commands.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "job/step-options.h"
#include "prove/prove.h"

static struct {
	char *key;
	bool recheck, json;
} own;
#define AT(member) offsetof(__typeof__(own), member)
static const struct opt_row rows[] = {
	{"prove.key", "key", OPT_STRING, AT(key), "", 0, 0, NULL, "FILE",
     "Public keys of those whose signatures are expected, as vdet key export writes them; empty: "
     "the key of this installation.",
     OPT_COMMAND_ONLY},
	{"prove.recheck", "recheck", OPT_BOOL, AT(recheck), "false", 0, 0, NULL, NULL,
     "Show the cited frames to the engine once more, with what the file says of them.",
     OPT_COMMAND_ONLY},
	{"prove.json", "json", OPT_BOOL, AT(json), "false", 0, 0, NULL, NULL,
     "Print one JSON object; docs/prove.md describes it.", OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Proof", rows, ARRAY_LEN(rows)};

/* Of pictures for the engine, as an analysis has them by default. */
enum { FRAME_SIZE = 1280, QUALITY = 90 };

enum { NAMES_SHOWN = 20 };

/* A line of two columns. Text of the file has no runs of blanks: where a
 * terminal wraps it, it could look like a line of results. */
static void print_line(const char *what, const char *text)
{
	AUTO(mem_freep) char *squeezed = text_squeeze(text);
	printf("%-13s  %s\n", what, squeezed);
}

/* What the file says, before what holds of it. */
static void print_file(const struct proof_file *f)
{
	if (!f->is_report)
		print_line("question", f->question);
	print_line(f->is_report ? "summary" : "answer", f->text);
	for (size_t i = 0; i < f->n_videos && i < NAMES_SHOWN; i++)
		print_line("video", f->videos[i]);
	if (f->n_videos > NAMES_SHOWN)
		printf("%-13s  and %zu more\n", "", f->n_videos - NAMES_SHOWN);
	putchar('\n');
}

static void print(const struct proof *p)
{
	static const char *const marks[PROOF_STATES] = {"holds       ", "DOES NOT HOLD",
	                                                "not checked "};
	print_file(&p->file);
	for (size_t i = 0; i < p->n; i++)
		print_line(marks[p->lines[i].state], p->lines[i].text);
	printf("\n%zu hold, %zu do not, %zu could not be checked\n", p->counts[PROOF_HOLDS],
	       p->counts[PROOF_FAILS], p->counts[PROOF_UNCHECKED]);
}

/* Those that were given, or else the one of this installation, if it has
 * one. */
static int load_keys(const struct app *app, struct sign_keys *keys, struct err *err)
{
	AUTO(sign_key_clear) struct sign_key mine = {0};
	if (*own.key)
		return sign_public_read(own.key, keys, err);
	int r = sign_key_load(app->data_dir, false, &mine, err);
	if (r == 0)
		memcpy(keys->keys[keys->n++], mine.public, SIGN_PUBLIC);
	return r == -ERR_NOENT ? 0 : r;
}

/* With the store, in which is counted what endpoints use. */
static int start_engine(struct app *app, struct store **ret_store, struct engine **ret,
                        struct err *err)
{
	int r = app_open_store(app, ret_store, err);
	if (r == 0)
		r = app_new_engine(app, NULL, NULL, ret, err);
	if (r < 0)
		return r;
	app_count_spending(*ret, *ret_store);
	app_warn_about(engine_info(*ret), app);
	return engine_start(*ret, NULL, NULL, err);
}

static int exit_code(const struct proof *p)
{
	static const int codes[PROOF_STATES] = {EXIT_COMPLETE, EXIT_FAILED, EXIT_HOLES};
	return codes[proof_result(p)];
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(store_freep) struct store *store = NULL;
	AUTO(engine_freep) struct engine *engine = NULL;
	AUTO(proof_clear) struct proof proof = {0};
	json_auto_t *json = NULL;
	struct sign_keys keys = {0};
	struct err err;
	if (argc < 1)
		return app_usage(&cmd_prove, "no answer given");
	int r = load_keys(app, &keys, &err);
	if (r == 0)
		r = prove_load(argv[0], &json, &err);
	if (r == 0 && own.recheck)
		r = start_engine(app, &store, &engine, &err);
	const struct prove_options o = {
		.videos = (const char *const *)argv + 1,
		.n_videos = (size_t)argc - 1,
		.keys = &keys,
		.keys_given = *own.key,
		.describe = {.decoder = analyze_decoder(&app->analyze),
	                 .frame_size = FRAME_SIZE,
	                 .quality = QUALITY},
		.engine = engine,
		.cancel = app->cancel,
	};
	if (r == 0)
		r = prove_run(json, &o, &proof, &err);
	if (r < 0)
		return app_fail(&err);
	if (own.json) {
		json_auto_t *out = proof_json(&proof);
		json_dumpf(out, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print(&proof);
	}
	return exit_code(&proof);
}

const struct command cmd_prove = {
	.name = "prove",
	.usage = "ANSWER [VIDEO…]",
	.summary = "check a signed answer or report against its videos",
	.text =
		"Checks who signed the file (answer.json or report.json) and that it was not changed\n"
		"since, that the videos are those that it is about, and that the frames that it cites\n"
		"are still decoded as they were. With --recheck, a model looks at them again, which need\n"
		"not be the one that made the answer; only then are texts of the file sent, to the\n"
		"engine that you configured. docs/prove.md says what this does not prove.\n"
		"Exit codes: 0 all holds; 1 something does not hold, or the command failed; 3 nothing was\n"
		"found to be wrong, but something could not be checked.\n",
	.groups = GROUP_APP | GROUP_MEDIA | GROUP_ENGINE,
	.own = &group,
	.own_target = &own,
	.run = run,
};
