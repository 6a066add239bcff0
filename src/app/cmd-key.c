/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "app/commands.h"
#include "base/file.h"
#include "base/mem.h"
#include "job/step-options.h"
#include "prove/prove.h"
#include "sign/key.h"
#include "sign/sign.h"

static struct {
	bool json;
	char *output;
} own;
static const struct opt_row rows[] = {
	{"key.json", "json", OPT_BOOL, 0, "false", 0, 0, NULL, NULL, "Print one JSON object.",
     OPT_COMMAND_ONLY},
	{"key.output", "output", OPT_STRING, offsetof(__typeof__(own), output), "", 0, 0, NULL, "FILE",
     "Of sign: where the signed file is written; empty: it takes the place of the file.",
     OPT_COMMAND_ONLY},
};
static const struct opt_group group = {"Key", rows, ARRAY_LEN(rows)};

static int print_json(const struct sign_key *key, const char *fingerprint, const char *path)
{
	AUTO(buf_free) struct buf pem = BUF(1 << 16);
	sign_public_write(key, &pem);
	json_auto_t *j =
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "algorithm", "ed25519", "fingerprint", fingerprint,
	              "made", key->made, "file", path, "public", buf_str(&pem));
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	return EXIT_COMPLETE;
}

static int show(const struct app *app, const struct sign_key *key)
{
	char fingerprint[HASH_HEX];
	AUTO(mem_freep) char *path = sign_key_path(app->data_dir);
	AUTO(buf_free) struct buf pem = BUF(1 << 16);
	sign_fingerprint(key->public, fingerprint);
	if (own.json)
		return print_json(key, fingerprint, path);
	sign_public_write(key, &pem);
	fputs(buf_str(&pem), stdout);
	printf("The secret key is in %s\n", path);
	return EXIT_COMPLETE;
}

/* Another file of the name stays. */
static int export(const struct sign_key *key, const char *path)
{
	AUTO(buf_free) struct buf pem = BUF(1 << 16), there = BUF(1 << 16);
	struct err err;
	sign_public_write(key, &pem);
	if (!path || !strcmp(path, "-")) {
		fputs(buf_str(&pem), stdout);
		return EXIT_COMPLETE;
	}
	bool other = file_exists(path) &&
	             (file_read(path, &there, &err) < 0 || strcmp(buf_str(&there), buf_str(&pem)) != 0);
	int r = other ? err_set(&err, ERR_ARG, "%s exists already; choose another name", path)
	              : file_write(path, pem.data, pem.len, &err);
	return r < 0 ? app_fail(&err) : EXIT_COMPLETE;
}

static int write_json(const json_t *json, const char *path, struct err *err)
{
	AUTO(mem_freep) char *text = sign_dump(json);
	if (!text)
		return err_set(err, ERR_INTERNAL, "cannot write JSON");
	AUTO(mem_freep) char *line = mem_printf("%s\n", text);
	return file_write(path, line, strlen(line), err);
}

static int sign_file(const struct app *app, const struct sign_key *key, int argc, char **argv)
{
	json_auto_t *json = NULL;
	struct err err;
	const struct prove_options o = {.videos = (const char *const *)argv + 1,
	                                .n_videos = (size_t)argc - 1,
	                                .describe = {.decoder = analyze_decoder(&app->analyze)},
	                                .cancel = app->cancel};
	const char *to = *own.output ? own.output : argv[0];
	int r = prove_load(argv[0], &json, &err);
	if (r == 0)
		r = prove_sign(json, key, &o, &err);
	if (r == 0)
		r = write_json(json, to, &err);
	if (r < 0)
		return app_fail(&err);
	printf("signed: %s\n", to);
	return EXIT_COMPLETE;
}

static int run(struct app *app, int argc, char **argv)
{
	AUTO(sign_key_clear) struct sign_key key = {0};
	struct err err;
	const char *what = argc ? argv[0] : "show";
	bool shows = !strcmp(what, "show"), exports = !strcmp(what, "export"),
		 signs = !strcmp(what, "sign");
	if (!shows && !exports && !signs)
		return app_usage(&cmd_key, "unknown subcommand \"%s\"; use show, export or sign", what);
	if (argc > (signs ? 3 : exports ? 2 : 1))
		return app_usage(&cmd_key, "too many arguments");
	if (signs && argc < 2)
		return app_usage(&cmd_key, "sign takes a file");
	if (sign_key_load(app->data_dir, true, &key, &err) < 0)
		return app_fail(&err);
	return shows     ? show(app, &key)
	       : exports ? export(&key, argc > 1 ? argv[1] : NULL)
	                 : sign_file(app, &key, argc - 1, argv + 1);
}

const struct command cmd_key = {
	.name = "key",
	.usage = "[show | export [FILE] | sign FILE [VIDEO]]",
	.summary = "show the key that signs answers; sign a report",
	.text =
		"An installation has one key (Ed25519), which is made when it is first needed, and kept\n"
		"in its data folder. Anyone with the public key can check that an answer was signed here\n"
		"(vdet prove --key FILE).\n"
		"  show                 prints the public key, its fingerprint, and when it was made\n"
		"  export [FILE]        writes the public key into a file, or to standard output\n"
		"  sign FILE [VIDEO]    signs an answer.json or report.json; with its VIDEO, the\n"
		"                       identities of the frames that a report cites are added\n",
	.groups = GROUP_APP | GROUP_MEDIA,
	.own = &group,
	.own_target = &own,
	.run = run,
};
