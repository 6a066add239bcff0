/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are on this machine. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/file.h"
#include "config.h"

/* Written by the setup with --system, for all users and the service. */
#define SYSTEM_RUNTIME "/var/lib/vdet/runtime"

/* The folder of this program, or NULL. */
static char *program_dir(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0 || n == (ssize_t)sizeof path - 1)
		return NULL;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return mem_strdup(path);
}

static char *find_program(const char *name)
{
	AUTO(mem_freep) char *dir = program_dir();
	char *beside = dir ? file_join(dir, name) : NULL;
	if (beside && file_exists(beside))
		return beside;
	free(beside);
	return file_join(VDET_LIBEXEC, name);
}

char *places_media_program(void)
{
	return find_program("vdet-media");
}

char *places_text_program(void)
{
	return find_program("vdet-text");
}

static bool has_program(const char *dir, const char *name)
{
	AUTO(mem_freep) char *path = file_join(dir, name);
	return access(path, X_OK) == 0;
}

/* How much of what the setup brings is there. An older one has no
 * whisper-server. */
static int worth(const char *dir)
{
	return 2 * has_program(dir, "llama-server") + has_program(dir, "whisper-server");
}

static char *find_runtime(const char *data)
{
	const char *named = getenv("VDET_RUNTIME_DIR");
	if (named)
		return mem_strdup(named);
	AUTO(mem_freep) char *own = file_join(data, "runtime");
	return worth(SYSTEM_RUNTIME) > worth(own) ? mem_strdup(SYSTEM_RUNTIME) : TAKE(own);
}

/* If the program is not installed, it is in the build folder, and the program
 * in src/app/ there. Returns the demo model of the source then; the caller
 * frees. */
static char *built_weights(void)
{
	AUTO(mem_freep) char *program = program_dir();
	AUTO(mem_freep) char *built = program ? file_join(program, "../../model/weights") : NULL;
	return built && file_is_dir(built) ? TAKE(built) : NULL;
}

char *places_setup(const char *what)
{
	AUTO(mem_freep) char *built = built_weights();
	return built || !file_exists(VDET_SHARE "/setup")
	           ? mem_printf("tools/setup %s", what)
	           : mem_printf(VDET_SHARE "/setup %s --system", what);
}

char *places_nats_server(const struct app *app)
{
	/* Debian's package has it where PATH of most users does not look. */
	const char *const dirs[] = {app->runtime_dir, SYSTEM_RUNTIME, "/usr/sbin", "/usr/local/sbin"};
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char *program = file_find_program("nats-server", dirs[i]);
		if (program)
			return program;
	}
	return NULL;
}

void places_find(struct app *app)
{
	const char *demo = getenv("VDET_DEMO_DIR");
	AUTO(mem_freep) char *data = file_data_dir();
	AUTO(mem_freep) char *built = built_weights();
	app->data_dir =
		mem_strdup(app->options.data_dir && *app->options.data_dir ? app->options.data_dir : data);
	app->models_dir = file_join(app->data_dir, "models");
	app->made_dir = file_join(app->models_dir, ".made");
	app->locks_dir = file_join(app->data_dir, "locks");
	app->engine_log = file_join(app->data_dir, "engine.log");
	app->speech_log = file_join(app->data_dir, "speech.log");
	app->learned_path = file_join(app->data_dir, "endpoints.json");
	app->runtime_dir = find_runtime(data);
	app->demo = getenv("VDET_DEMO_ONLY") != NULL; /* of `vdet fleet try` */
	app->demo_dir = mem_strdup(demo ? demo : built ? built : VDET_SHARE "/demo-model");
	app->setup = places_setup("engine");
}
