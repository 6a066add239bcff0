/* SPDX-License-Identifier: Apache-2.0 */
#include "speech/whisper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "proc/run.h"
#include "proc/spawn.h"
#include "speech/answer.h"

#define NAME "whisper-server"
#define PREFIX_BYTES 16
#define HELP_MAX ((size_t)64 << 10)
#define HELP_TIME (30 * CLOCK_SECOND)

/* ---- program and model */

static int find_program(const char *wanted, const struct speech_places *p, char **ret,
                        struct err *err)
{
	if (*wanted) {
		/* It runs in a folder of its own. */
		char *real = strchr(wanted, '/') ? realpath(wanted, NULL) : NULL;
		*ret = real ? real : mem_strdup(wanted);
		return file_can_run(wanted)
		           ? 0
		           : err_set(err, ERR_NOENT,
		                     "the program %s does not exist or cannot be run (speech.server)",
		                     wanted);
	}

	AUTO(mem_freep) char *found = file_find_program(NAME, p->runtime_dir);
	if (found) {
		*ret = strchr(found, '/') ? realpath(found, NULL) : TAKE(found);
		return *ret ? 0 : err_sys(err, errno, "cannot find %s", found);
	}
	return err_set(err, ERR_NOENT,
	               "no " NAME ", so speech is not recognized: run %s, install whisper.cpp, or name "
	               "another engine with --speech URL",
	               p->setup ? p->setup : "tools/setup engine");
}

/* The same whatever else runs on the machine: the model that is chosen is part
 * of what a result is kept under. */
static int64_t memory_for_models(void)
{
	return sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 2;
}

static int find_model(const struct speech_options *o, const struct speech_places *p,
                      struct cancel *cancel, struct whisper *w, struct err *err)
{
	AUTO(mem_freep) char *cache = p->models_dir ? file_join(p->models_dir, ".hashes.json") : NULL;
	AUTO(mem_freep) char *path = NULL;
	int r = speech_file_choose(o->model, p->models_dir, o->language, memory_for_models(), &path,
	                           &w->file, err);
	if (r < 0)
		return r;
	w->model.path = realpath(path, NULL);
	if (!w->model.path)
		return err_sys(err, errno, "cannot find the model %s", path);
	w->model.name = file_stem(w->model.path);
	w->model.bytes = w->file.file_bytes;
	return model_file_hash(w->model.path, cache, cancel, p->note, p->note_ctx, w->model.hash, err);
}

int whisper_choose(const struct speech_options *o, const struct speech_places *p,
                   struct cancel *cancel, struct whisper *ret, struct err *err)
{
	AUTO(whisper_clear) struct whisper w = {0};
	if (strcmp(o->language, "auto") != 0 && !speech_language_known(o->language))
		return err_set(err, ERR_ARG, "whisper knows no language \"%s\" (speech.language)",
		               o->language);
	int r = find_program(o->server, p, &w.program, err);
	if (r == 0)
		r = find_model(o, p, cancel, &w, err);
	if (r < 0)
		return r;
	w.language = mem_strdup(o->language);
	*ret = w;
	w = (struct whisper){0};
	return 0;
}

void whisper_clear(struct whisper *w)
{
	server_free(w->server);
	model_clear(&w->model);
	free(w->program);
	free(w->language);
	free(w->prefix);
	*w = (struct whisper){0};
}

/* ---- the program */

/* Folder for what it might write: that of the socket has a folder of its own
 * for it. */
static int make_folder(const char *socket, char **ret, struct err *err)
{
	AUTO(mem_freep)
	char *path = mem_printf("%.*swork", (int)(file_base(socket) - socket), socket);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot make the folder %s", path);
	*ret = TAKE(path);
	return 0;
}

/* -mc 0: no text of what came before, so that what the model once made up does
 * not go on. -nlp: else it looks at the sound twice, for the language.
 * --convert would run ffmpeg on what is sent. */
static int start(void *ctx, const char *socket, int log_fd, struct child **ret, struct err *err)
{
	const struct whisper *w = ctx;
	AUTO(mem_freep) char *folder = NULL;
	int r = make_folder(socket, &folder, err);
	if (r < 0)
		return r;
	const char *const argv[] = {w->program,
	                            "-m",
	                            w->model.path,
	                            "--host",
	                            "127.0.0.1",
	                            "--port",
	                            RELAY_PORT,
	                            "--request-path",
	                            w->prefix,
	                            "--inference-path",
	                            "/v1/audio/transcriptions",
	                            "-l",
	                            w->language,
	                            "-mc",
	                            "0",
	                            w->brief ? "-nlp" : NULL,
	                            NULL};
	/* As for llama-server: threads that spin slow our decoders down. */
	const char *const env[] = {"OMP_WAIT_POLICY=PASSIVE", "GOMP_SPINCOUNT=0", NULL};
	bool set = getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT");
	/* It was left behind by an earlier life. */
	unlink(socket);
	const struct program_relay relay = {.socket = socket, .folder = folder};
	const struct program_start s = {
		.argv = argv, .env = set ? NULL : env, .log_fd = log_fd, .relay = &relay};
	return child_start_program(&s, ret, err);
}

/* Versions differ, and refuse to start with an option that they do not know. */
static int look_at_options(struct whisper *w, struct err *err)
{
	AUTO(buf_free) struct buf help = BUF(HELP_MAX);
	const char *const argv[] = {w->program, "--help", NULL};
	const struct proc_run o = {.argv = argv, .timeout = HELP_TIME};
	int r = proc_run(&o, &help, NULL, err);
	/* What it printed says more than how it ended. */
	if (r < 0 && r != -ERR_DIED && r != -ERR_TIMEOUT)
		return r;
	w->brief = strstr(buf_str(&help), "-nlp");
	return strstr(buf_str(&help), "--inference-path")
	           ? 0
	           : err_set(err, ERR_UNSUPPORTED,
	                     "%s is not the whisper-server of whisper.cpp, or too old for vdet",
	                     w->program);
}

static int make_prefix(char **ret, struct err *err)
{
	unsigned char raw[PREFIX_BYTES];
	char text[2 + 2 * PREFIX_BYTES] = "/";
	if (getrandom(raw, sizeof raw, 0) != sizeof raw)
		return err_sys(err, errno, "cannot get random bytes");
	for (size_t i = 0; i < sizeof raw; i++)
		snprintf(text + 1 + 2 * i, 3, "%02x", raw[i]);
	*ret = mem_strdup(text);
	return 0;
}

int whisper_start(struct whisper *w, const struct speech_options *o, const struct speech_places *p,
                  struct err *err)
{
	int r = make_prefix(&w->prefix, err);
	if (r == 0)
		r = look_at_options(w, err);
	if (r < 0)
		return r;
	w->kind = (struct server_kind){.name = NAME, .prefix = w->prefix, .start = start, .ctx = w};
	const struct server_options so = {.kind = &w->kind,
	                                  .program = w->program,
	                                  .model = &w->model,
	                                  .log_path = p->log_path,
	                                  .start_timeout = o->start_timeout,
	                                  .hang_timeout = o->hang_timeout,
	                                  .unload_after = o->unload_after,
	                                  .limits = {.connect = o->connect_timeout}};
	return server_start(&so, &w->server, err);
}
