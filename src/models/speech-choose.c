/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the installed models of whisper.cpp is used. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "models/speech.h"

#define FILES_MAX 1000
#define GET "vdet model get whisper-base"

struct found {
	char *path;
	struct speech_file file;
};

struct search {
	const char *language;
	int64_t memory;
	struct found best;
	size_t looked, large, english; /* files seen; too large; of another language */
	struct err why;                /* of the last file that could not be used */
};

static void dir_closep(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* A larger network before a finer precision. */
static bool is_better(const struct speech_file *a, const struct speech_file *b)
{
	int64_t x = a->layers * a->width * a->width, y = b->layers * b->width * b->width;
	return x != y ? x > y : a->file_bytes > b->file_bytes;
}

static void consider(struct search *s, const char *path)
{
	struct speech_file f;
	if (++s->looked > FILES_MAX || speech_file_read(path, &f, &s->why) < 0 || f.voice)
		return;
	if (f.english && strcmp(s->language, "en") != 0) {
		s->english++;
		return;
	}
	if (s->memory > 0 && speech_file_memory(&f) > s->memory) {
		s->large++;
		return;
	}
	/* Of two equal ones the first by name, whatever order the folder has. */
	bool first = s->best.path && !is_better(&s->best.file, &f) && strcmp(path, s->best.path) < 0;
	if (s->best.path && !is_better(&f, &s->best.file) && !first)
		return;
	free(s->best.path);
	s->best = (struct found){mem_strdup(path), f};
}

static void look_into(struct search *s, const char *dir, bool deep)
{
	AUTO(dir_closep) DIR *d = opendir(dir);
	for (const struct dirent *de; d && (de = readdir(d));) {
		if (*de->d_name == '.')
			continue;
		AUTO(mem_freep) char *path = file_join(dir, de->d_name);
		if (deep && file_is_dir(path))
			look_into(s, path, false);
		else if (speech_file_is_named(de->d_name))
			consider(s, path);
	}
}

static int nothing(const struct search *s, const char *models_dir, struct err *err)
{
	char size[TEXT_SIZE_MAX];
	if (s->large)
		return err_set(err, ERR_NOENT,
		               "no whisper model in %s fits into half of the memory (%s): " GET
		               " fetches a small one, --speech-model names one all the same",
		               models_dir, text_size((double)s->memory, size));
	if (s->english)
		return err_set(err, ERR_NOENT,
		               "the whisper models in %s know English only: " GET
		               " fetches another, --speech-language en uses them",
		               models_dir);
	if (s->why.code == ERR_FORMAT)
		return err_set(err, ERR_NOENT, "no whisper model: " GET " fetches one (%s)", s->why.msg);
	return err_set(err, ERR_NOENT, "no whisper model in %s: " GET " fetches one", models_dir);
}

static int choose_best(const char *dir, const char *language, int64_t memory, bool deep,
                       char **ret_path, struct speech_file *ret, struct err *err)
{
	struct search s = {.language = language, .memory = memory};
	look_into(&s, dir, deep);
	if (!s.best.path)
		return nothing(&s, dir, err);
	*ret_path = s.best.path;
	*ret = s.best.file;
	return 0;
}

static int take_path(const char *path, char **ret_path, struct speech_file *ret, struct err *err)
{
	struct speech_file f;
	int r = speech_file_read(path, &f, err);
	if (r < 0)
		return r;
	if (f.voice)
		return err_set(err, ERR_FORMAT,
		               "%s finds where somebody speaks, not what is said: name a whisper model",
		               path);
	*ret_path = mem_strdup(path);
	*ret = f;
	return 0;
}

int speech_file_choose(const char *wanted, const char *models_dir, const char *language,
                       int64_t memory, char **ret_path, struct speech_file *ret, struct err *err)
{
	static const char *const forms[] = {"%s/%s", "%s/%s.bin", "%s/ggml-%s.bin", "%s/whisper-%s"};
	if (!*wanted)
		return models_dir ? choose_best(models_dir, language, memory, true, ret_path, ret, err)
		                  : err_set(err, ERR_NOENT, "there is no models folder here");
	/* What was named is used whatever it knows and needs. */
	if (file_is_dir(wanted))
		return choose_best(wanted, "en", 0, false, ret_path, ret, err);
	if (file_exists(wanted))
		return take_path(wanted, ret_path, ret, err);
	for (size_t i = 0; models_dir && !strchr(wanted, '/') && *wanted != '.' && i < ARRAY_LEN(forms);
	     i++) {
		AUTO(mem_freep) char *path = mem_printf(forms[i], models_dir, wanted);
		if (file_is_dir(path))
			return choose_best(path, "en", 0, false, ret_path, ret, err);
		if (file_exists(path))
			return take_path(path, ret_path, ret, err);
	}
	return err_set(err, ERR_NOENT,
	               "no whisper model %s: it is not a file%s%s; vdet model get whisper-… fetches "
	               "one (speech.model)",
	               wanted, models_dir ? ", nor in " : "", models_dir ? models_dir : "");
}
