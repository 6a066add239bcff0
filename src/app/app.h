/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: options, places, exit codes. */
#ifndef VDET_APP_APP_H
#define VDET_APP_APP_H

#include "app/fleet.h"
#include "app/web.h"
#include "base/cancel.h"
#include "base/err.h"
#include "base/opt.h"
#include "board/board.h"
#include "engine/engine.h"
#include "speech/speech.h"
#include "job/analyze.h"
#include "models/get.h"
#include "net/net.h"
#include "store/store.h"
#include "watch/notify.h"

/* The program's exit codes; `vdet help` and README.md list them. */
enum {
	EXIT_COMPLETE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_HOLES = 3,     /* of `ask`: answered partly */
	EXIT_NOT_FOUND = 4, /* of `ask` only, as the next */
	EXIT_NOT_SEEN = 5,
	EXIT_INTERRUPTED = 130,
};

struct app_options {
	char *progress, *log_level, *data_dir, *config;
};
extern const struct opt_group app_opt_group;

struct app {
	const struct command_list *commands;
	struct app_options options;
	struct engine_options engine;
	struct speech_options speech;
	struct model_options model;
	struct analyze_options analyze;
	struct board_options board;
	struct notify_options notify;
	struct app_fleet fleet;
	struct app_web web;
	struct remote_web *videos; /* at addresses, of a command that reads them; borrowed */
	struct net_options net;
	struct memory_options memory;
	struct cancel *cancel;
	bool demo; /* use the bundled model, even if there are others */
	/* folders, files and the command of the setup; see places_find() */
	char *data_dir, *models_dir, *made_dir, *demo_dir, *runtime_dir, *setup, *engine_log,
		*speech_log, *locks_dir, *learned_path;
	bool learn_again; /* ignore what endpoints refused in earlier runs */
};

struct command {
	const char *name;
	const char *usage;           /* "FILE…" */
	const char *summary;         /* one line */
	const char *text;            /* printed by --help before the options; may be "" */
	unsigned groups;             /* GROUP_…: the options that it takes */
	const struct opt_group *own; /* options of this command alone, or NULL */
	void *own_target;
	/* arguments that are not options; returns an exit code */
	int (*run)(struct app *app, int argc, char **argv);
};
enum {
	GROUP_APP = 1,
	GROUP_ENGINE = 2,
	GROUP_ANALYZE = 4,
	GROUP_INDEX = 8,
	GROUP_NET = 16,
	GROUP_QUEUE = 32,
	GROUP_SPEECH = 512,
	GROUP_FLEET = 1024,
	GROUP_TEXT = 2048,
	GROUP_DECODER = 4096, /* a part of GROUP_MEDIA */
	GROUP_WEB = 8192,
	/* to analyze */
	GROUP_RUN = GROUP_APP | GROUP_ENGINE | GROUP_ANALYZE | GROUP_INDEX | GROUP_TEXT | GROUP_SPEECH,
	GROUP_MODEL = 64,
	GROUP_MEDIA = 128,
	GROUP_NOTIFY = 256,
	GROUP_ALL = GROUP_RUN | GROUP_MEDIA | GROUP_NET | GROUP_MODEL | GROUP_QUEUE | GROUP_NOTIFY |
	            GROUP_FLEET | GROUP_WEB,
	APP_BINDS_MAX = 16,
};

struct command_list {
	const struct command *const *all;
	size_t n;
};
/* NULL if there is none of this name. */
const struct command *command_find(const struct command_list *list, const char *name);

/* Fills in the folders and files of `app`, owned by it. */
void places_find(struct app *app);
/* vdet-media: beside this program, or where it is installed. The caller
 * frees. */
char *places_media_program(void);
char *places_text_program(void); /* likewise, vdet-text */
/* nats-server; NULL if there is none. The caller frees. */
char *places_nats_server(const struct app *app);
/* For messages: the command that brings the engine ("engine"), or what else
 * tools/setup knows. The caller frees. */
char *places_setup(const char *what);
/* Sets gpus, gpu_memory and gpu_in_use. GPUs that share the machine's memory,
 * or have hardly any, are ignored. */
void app_look_at_gpus(const struct app *app, struct engine_places *p);
/* Prints the error to standard error; returns its exit code. */
int app_fail(const struct err *err);
/* Prints a usage error and how to get help; returns EXIT_USAGE. */
int app_usage(const struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The options that a command takes, bound to app; for parsing, help and
 * documents. */
struct opt_set app_options_of(const struct command *c, struct app *app,
                              struct opt_bind binds[static APP_BINDS_MAX]);
int app_open_store(const struct app *app, struct store **ret, struct err *err);
/* `note` (may be NULL) is called while a large model is hashed for the first
 * time. */
int app_new_engine(struct app *app, void (*note)(void *ctx, const char *what), void *ctx,
                   struct engine **ret, struct err *err);
/* Likewise one that only makes vectors (engine.embed). */
int app_new_embedder(struct app *app, struct engine **ret, struct err *err);
/* Folders and files of this machine for speech; borrowed from `app`. */
struct speech_places app_speech_places(const struct app *app);
/* Prints a note about the chosen engine, once. */
void app_warn_about(const struct engine_info *i, const struct app *app);
/* Makes the engine count in the store what endpoints use, for all processes
 * together. `store` is borrowed until engine_free(). */
void app_count_spending(struct engine *engine, struct store *store);
/* Analyzes files one after the other with one engine, showing progress; the
 * exit code is the worst of them. */
int app_analyze(struct app *app, char **files, int n);

#endif
