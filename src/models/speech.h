/* SPDX-License-Identifier: Apache-2.0 */
/* Model files of whisper.cpp (ggml-NAME.bin), which are not GGUF: the header
 * and the list of tensors, so that a wrong file, or one that is cut short, is
 * found before a program loads it; and which of those that are installed is
 * used. Trusts nothing: every length is checked against the file's size.
 * Blocking; thread-safe. */
#ifndef VDET_MODELS_SPEECH_H
#define VDET_MODELS_SPEECH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

struct speech_file {
	bool voice;                   /* it finds voices (Silero VAD), and knows no words */
	bool english;                 /* it knows English only */
	const char *size;             /* "base"; "" = none of the known sizes; a literal */
	const char *stored;           /* "f16", "q5_1", …; "" = not known; a literal */
	int64_t vocab, layers, width; /* layers: of both halves; 0 for `voice` */
	int64_t file_bytes;
};

/* ERR_NOENT and the like; ERR_FORMAT: it is none, or cut short;
 * ERR_UNSUPPORTED: a GGUF file. */
int speech_file_read(const char *path, struct speech_file *ret, struct err *err);
/* Whether a file has the name of one: ggml-….bin, whisper-….bin, or any .bin. */
bool speech_file_is_named(const char *name);

/* Bytes of main memory that whisper-server takes with it. Pure. */
int64_t speech_file_memory(const struct speech_file *f);

/* `wanted`: a path of a file or folder, or a name in `models_dir` (NAME,
 * NAME.bin, ggml-NAME.bin, or a folder NAME, with "whisper-" before it or not);
 * "": the largest one in `models_dir` that fits into `memory` bytes (0 = any)
 * and knows `language` ("auto" = more than English). ERR_NOENT. The caller
 * frees *ret_path. */
int speech_file_choose(const char *wanted, const char *models_dir, const char *language,
                       int64_t memory, char **ret_path, struct speech_file *ret, struct err *err);

#endif
