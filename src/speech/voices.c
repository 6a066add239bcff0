/* SPDX-License-Identifier: Apache-2.0 */
#include "speech/voices.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "models/model.h"
#include "models/speech.h"
#include "proc/run.h"
#include "speech/split.h"
#include "speech/wav.h"

#define PROGRAM "whisper-vad-speech-segments"
#define LINE "Speech segment "

enum { OUTPUT_MAX = 1 << 20, SHOWN = 12, REASON_MAX = 200 };

/* What is added to a stretch, as words begin and end softly; stretches that are
 * closer are one. */
static const int64_t before = CLOCK_SECOND / 4, after = 3 * CLOCK_SECOND / 10;
static const int64_t between = 3 * CLOCK_SECOND / 10;
/* The program takes 0.01 of the length of the sound. */
static const int64_t time_max = 600 * CLOCK_SECOND;

struct speech_voices {
	char *program, *model; /* NULL: by level */
	char *method;
	struct cancel *cancel;
};

void speech_voices_free(struct speech_voices *v)
{
	if (!v)
		return;
	free(v->program);
	free(v->model);
	free(v->method);
	free(v);
}

const char *speech_voices_method(const struct speech_voices *v)
{
	return v->method;
}

/* ---- the output */

/* Adds a stretch with what belongs to it. */
static void add(struct speech_voice *list, size_t *n, int64_t start, int64_t end, int64_t length)
{
	start = start > before ? start - before : 0;
	end = end + after < length ? end + after : length;
	if (*n && start < list[*n - 1].end + between)
		list[*n - 1].end = end > list[*n - 1].end ? end : list[*n - 1].end;
	else if (end > start)
		list[(*n)++] = (struct speech_voice){start, end};
}

int speech_voices_read(const char *text, int64_t length, struct speech_voice **ret, size_t *ret_n,
                       struct err *err)
{
	const int64_t hundredth = CLOCK_SECOND / 100;
	const double latest = (double)(length / hundredth + 100);
	size_t n = 0, cap = 0;
	struct speech_voice *list = NULL;
	double last = 0;
	for (const char *p = text; (p = strstr(p, LINE)); p++) {
		double start, end;
		int number;
		if (sscanf(p, LINE "%d: start = %lf, end = %lf", &number, &start, &end) != 3 ||
		    !(start >= last && end >= start && end <= latest)) {
			free(list);
			return err_set(err, ERR_PROTO, PROGRAM " printed times that cannot be");
		}
		last = end;
		list = mem_room(list, n, &cap, sizeof *list);
		add(list, &n, (int64_t)start * hundredth, (int64_t)end * hundredth, length);
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* ---- the program */

static int run(const struct speech_voices *v, const int16_t *samples, size_t n, struct buf *out,
               struct err *err)
{
	AUTO(buf_free) struct buf wav = BUF(SPEECH_WAV_HEAD + 2 * n);
	const char *argv[] = {v->program, "-np", "-t", "1", "-vm", v->model, "-f", "/dev/stdin", NULL};
	struct err why = {0};
	bool cut;
	speech_wav(samples, n, &wav);
	const struct proc_run o = {.argv = argv,
	                           .input = wav.data,
	                           .input_len = wav.len,
	                           .timeout = time_max,
	                           .cancel = v->cancel,
	                           .background = true};
	int r = proc_run(&o, out, &cut, &why);
	if (r == -ERR_CANCELED)
		return err_set(err, ERR_CANCELED, "interrupted");
	if (r < 0)
		return err_set(err, ERR_ENGINE, PROGRAM ": %s", why.msg);
	return cut ? err_set(err, ERR_ENGINE, PROGRAM " prints more than is read") : 0;
}

int speech_voices_find(struct speech_voices *v, const int16_t *samples, size_t n,
                       struct speech_voice **ret, size_t *ret_n, struct err *err)
{
	AUTO(buf_free) struct buf out = BUF(OUTPUT_MAX);
	if (!v->program || !n) {
		split_voices(samples, n, ret, ret_n);
		return 0;
	}
	int r = run(v, samples, n, &out, err);
	if (r < 0)
		return r;
	int64_t length = (int64_t)n * CLOCK_SECOND / SPEECH_RATE;
	return speech_voices_read(buf_str(&out), length, ret, ret_n, err);
}

/* ---- finding them */

static bool is_model(const char *path)
{
	struct speech_file f;
	struct err ignored;
	return speech_file_is_named(file_base(path)) && speech_file_read(path, &f, &ignored) == 0 &&
	       f.voice;
}

/* The last by name of the models in a folder, and in those inside it. The
 * caller frees it; NULL = there is none. */
static char *find_model(const char *dir, int depth)
{
	struct dirent **list = NULL;
	int n = dir ? scandir(dir, &list, NULL, alphasort) : -1;
	char *found = NULL;
	for (int i = n - 1; i >= 0; i--) {
		AUTO(mem_freep) struct dirent *e = list[i];
		if (found || e->d_name[0] == '.')
			continue;
		AUTO(mem_freep) char *path = file_join(dir, e->d_name);
		if (!file_is_dir(path))
			found = is_model(path) ? TAKE(path) : NULL;
		else if (depth > 0)
			found = find_model(path, depth - 1);
	}
	free(list);
	return found;
}

/* Whether it works here, on a moment of silence. */
static int try_out(struct speech_voices *v, struct err *err)
{
	AUTO(mem_freep) int16_t *silence = mem_alloc(SPEECH_RATE, sizeof *silence);
	AUTO(mem_freep) struct speech_voice *found = NULL;
	size_t n;
	return speech_voices_find(v, silence, SPEECH_RATE, &found, &n, err);
}

struct speech_voices *speech_voices_new(const struct speech_places *p, struct cancel *cancel)
{
	struct speech_voices *v = mem_alloc(1, sizeof *v);
	char hash[HASH_HEX];
	struct err err;
	v->cancel = cancel;
	v->method = mem_strdup("");
	v->program = file_find_program(PROGRAM, p->runtime_dir);
	v->model = v->program ? find_model(p->models_dir, 1) : NULL;
	if (!v->model) {
		free(TAKE(v->program));
		return v;
	}
	AUTO(mem_freep) char *cache = file_join(p->models_dir, ".hashes.json");
	int r = model_file_hash(v->model, cache, cancel, NULL, NULL, hash, &err);
	if (r == 0)
		r = try_out(v, &err);
	if (r < 0) {
		if (r != -ERR_CANCELED)
			log_warning("Silero VAD is not used: %s", err.msg);
		free(TAKE(v->program));
		return v;
	}
	free(v->method);
	v->method = mem_printf("silero %.*s", SHOWN, hash);
	return v;
}
