/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table that say what transcribes speech. */
#include "base/opt.h"
#include "speech/speech.h"

#define AT(member) offsetof(struct speech_options, member)

static const struct opt_row rows[] = {
	{"speech.engine", "speech", OPT_STRING, AT(engine), "auto", 0, 0, NULL, "auto|URL|off",
     "What transcribes speech: auto = a local whisper-server, if it and a model are installed; or "
     "the URL of an OpenAI-compatible API with /audio/transcriptions, http(s)://HOST:PORT/v1 or "
     "unix:/PATH, to which the sound is sent; off = nothing.",
     0},
	{"speech.model", "speech-model", OPT_STRING, AT(model), "", 0, 0, NULL, "MODEL",
     "With auto: a whisper model (ggml-….bin) or a name in the models folder, empty: the largest "
     "there that fits into half of the memory. With a URL: its name of the model, empty: "
     "whisper-1.",
     0},
	{"speech.language", "speech-language", OPT_STRING, AT(language), "auto", 0, 0, NULL, "CODE",
     "Language that is spoken, as ISO 639 has it (de); auto = the engine finds out, for each part "
     "of the sound.",
     0},
	{"speech.key", NULL, OPT_STRING, AT(key), "", 0, 0, NULL, "KEY",
     "With a URL: API key. Command lines are visible to other users of this machine; prefer the "
     "environment variable or a key file.",
     OPT_SECRET},
	{"speech.key_file", NULL, OPT_STRING, AT(key_file), "", 0, 0, NULL, "FILE",
     "File that contains the API key for it.", 0},
	{"speech.ca_file", NULL, OPT_STRING, AT(ca_file), "", 0, 0, NULL, "FILE",
     "Additional trusted certificates (PEM) for it.", 0},
	{"speech.server", NULL, OPT_STRING, AT(server), "", 0, 0, NULL, "PROGRAM",
     "whisper-server executable; empty: from PATH, else the one installed by the setup.", 0},
	{"speech.connect_timeout", NULL, OPT_TIME, AT(connect_timeout), "10", 0, 31536000, NULL, "TIME",
     "Maximum time to connect to a URL; 0 = no limit.", 0},
	{"speech.start_timeout", NULL, OPT_TIME, AT(start_timeout), "5min", 0, 31536000, NULL, "TIME",
     "Maximum time for whisper-server to load its model; 0 = no limit.", 0},
	{"speech.hang_timeout", NULL, OPT_TIME, AT(hang_timeout), "2min", 0, 31536000, NULL, "TIME",
     "Restart a whisper-server that has not answered for this long while it has a request; 0 = "
     "never.",
     0},
	{"speech.unload_after", NULL, OPT_TIME, AT(unload_after), "5min", 0, 31536000, NULL, "TIME",
     "Stop a whisper-server that has been idle for this long, until the next request; 0 = never.",
     0},
	{"speech.timeout", NULL, OPT_DOUBLE, AT(timeout_factor), "10", 0, 1000, NULL, "FACTOR",
     "Maximum time for an answer, in times of the length of the sound, and at least a minute; 0 = "
     "no limit.",
     0},
	{"speech.retries", NULL, OPT_INT, AT(retries), "3", 0, 100, NULL, "N",
     "Retries after a temporary failure: lost connection, HTTP 429 or 5xx, crash.", 0},
};

const struct opt_group speech_opt_group = {"Speech", rows, ARRAY_LEN(rows)};
