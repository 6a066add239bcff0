/* SPDX-License-Identifier: Apache-2.0 */
/* A whisper-server child: which program and model it is, and how it is started.
 * It has no authentication, and a path that loads any file: so it runs behind a
 * relay (proc/spawn.h), in an empty folder, and all of its paths begin with
 * random bytes. */
#ifndef VDET_SPEECH_WHISPER_H
#define VDET_SPEECH_WHISPER_H

#include "llama/server.h"
#include "models/model.h"
#include "models/speech.h"
#include "speech/speech.h"

struct whisper {
	char *program, *language, *prefix;
	struct model model; /* its name, path, bytes and hash */
	struct speech_file file;
	bool brief; /* the program can leave out what is not needed of languages */
	struct server_kind kind;
	struct server *server; /* NULL = not started */
};

/* Chooses program and model. ERR_NOENT: one of them is not here. */
int whisper_choose(const struct speech_options *o, const struct speech_places *p,
                   struct cancel *cancel, struct whisper *ret, struct err *err);
/* Starts it; returns at once. `w` must not move afterwards. */
int whisper_start(struct whisper *w, const struct speech_options *o, const struct speech_places *p,
                  struct err *err);
void whisper_clear(struct whisper *w); /* stops it */

#endif
