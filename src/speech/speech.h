/* SPDX-License-Identifier: Apache-2.0 */
/* Speech as text: what is said in a piece of sound, by a `whisper-server` child
 * or by an endpoint with OpenAI's /v1/audio/transcriptions.
 *
 * One thread at a time uses a struct speech. speech_open() and
 * speech_transcribe() block, and observe the `cancel` of speech_open(). A child
 * is started by the first piece of sound, and restarted after a crash; it ends
 * with speech_free(). Times: microseconds. */
#ifndef VDET_SPEECH_SPEECH_H
#define VDET_SPEECH_SPEECH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

#define SPEECH_RATE 16000                               /* samples a second; one channel */
#define SPEECH_SAMPLES_MAX ((size_t)1800 * SPEECH_RATE) /* of one piece: half an hour */

struct speech;

struct speech_options {
	char *engine; /* "auto", "off", or an address; row speech.engine, flag --speech */
	/* auto: a file or a name in the models folder; an address: the name that
	 * requests have; "" = choose */
	char *model;
	char *language; /* "auto", or as ISO 639-1 has it: "de" */
	char *key;      /* bearer key of an address, never logged; "" = none */
	char *key_file; /* file that holds it; "" = none */
	/* whisper-server program; "" = from PATH, else the private folder of the
	 * setup */
	char *server;
	char *ca_file; /* PEM file of certificates to trust beside the system's; "" = none */
	int64_t connect_timeout, start_timeout, hang_timeout, unload_after; /* 0 = none */
	/* The longest that the answer to a piece may take, in times of its length,
	 * and at least a minute; 0 = none. */
	double timeout_factor;
	int64_t retries; /* of a piece, after the first try */
};

/* Rows for the options table (base/opt.h), section [speech]; offsets into
 * struct speech_options. */
struct opt_group;
extern const struct opt_group speech_opt_group;

/* Folders and files of this machine. Borrowed until speech_free(). */
struct speech_places {
	const char *models_dir;  /* NULL = none */
	const char *runtime_dir; /* where tools/setup unpacked whisper-server; NULL = none */
	const char *setup;       /* the command that does; NULL = tools/setup engine */
	const char *log_path;    /* the child's log is appended here; NULL = none */
	/* Called on the caller's thread with each long step ("loading the model
	 * …"); may be NULL. */
	void (*note)(void *ctx, const char *what);
	void *note_ctx;
};

/* Decides which engine and model are used; starts nothing, asks no endpoint.
 * `o` is copied. `cancel` is borrowed until speech_free(), and may be NULL.
 * ERR_NOENT: --speech off, or auto without program or model: one line that says
 * what to do; ERR_ARG: an option is wrong; ERR_FORMAT: the model is none. */
int speech_open(const struct speech_options *o, const struct speech_places *p,
                struct cancel *cancel, struct speech **ret, struct err *err);
void speech_free(struct speech *s); /* stops the child; NULL is fine */
DEFINE_FREEP(struct speech, speech)

/* Engine, model and settings as one line without keys: two equal ones mean that
 * the same sound gets the same text, as far as the engine allows. Constant.
 * Owned by `s`. For struct store_speech_part.engine. */
const char *speech_identity(const struct speech *s);

/* A stretch of a piece in which somebody may speak, by voice activity or by
 * level. */
struct speech_voice {
	int64_t start, end; /* from the first sample */
};

/* A piece of sound; all is borrowed. */
struct speech_sound {
	const int16_t *samples; /* 16 kHz, one channel */
	size_t n;               /* at most SPEECH_SAMPLES_MAX */
	/* In order, not overlapping. What is heard outside of them is dropped.
	 * NULL: not known, and then nothing is dropped for it. */
	const struct speech_voice *voices;
	size_t n_voices;
};

struct speech_word {
	int64_t start, end;
	char *text;
	double conf; /* 0 to 1; < 0 = not known */
};

struct speech_segment {
	/* From the beginning of the piece; 0 <= start < end <= its length.
	 * Segments are in order of start and do not overlap unless speakers do. */
	int64_t start, end;
	char *text;     /* one line, not "", sanitized as text_line() does */
	char *language; /* "en"; "" = not known */
	char *speaker;  /* "" = not known */
	struct speech_word *words;
	size_t n_words;
	/* as whisper gives them; NAN = not known */
	double avg_logprob, no_speech_prob, compression;
	double conf; /* 0 to 1, from avg_logprob or the words; < 0 = not known */
	/* Why it is not to be shown ("repeated", …: speech/filter.h); NULL = it is.
	 * A literal. */
	const char *dropped;
	bool guessed; /* the engine gave no time, or only one of the two */
};

struct speech_result {
	struct speech_segment *segments;
	size_t n;
	char *language; /* of the piece; "" = not known */
	bool timed;     /* false: the engine gives no times; one segment for the whole piece */
	/* What was wrong with the answer, but did not prevent its use ("3 segments
	 * end after the sound"); "" = nothing. For people. */
	char *note;
};
void speech_result_clear(struct speech_result *r);

/* Transcribes a piece, with retries. An empty result is a success. ERR_ENGINE,
 * ERR_TIMEOUT, ERR_PROTO, ERR_PERM: it failed, and the next piece may be tried
 * all the same, unless speech_hopeless(); ERR_CANCELED; ERR_ARG: the piece is
 * too long. The caller clears `ret`. */
int speech_transcribe(struct speech *s, const struct speech_sound *sound, struct speech_result *ret,
                      struct err *err);
/* Whether further pieces would fail as the last one did: the key is refused,
 * the address is none of such a server, the program does not start. */
bool speech_hopeless(const struct speech *s);
/* Process id of the child, or 0. For tests and displays. */
int speech_pid(const struct speech *s);

#endif
