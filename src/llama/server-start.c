/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a llama-server: flags and variables that every kind of
 * build understands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "llama/server-internal.h"

/* How its threads wait for each other, unless the user has set it. By default
 * they spin; if another process uses the CPU, such as our decoders, each spins
 * while the other does not run, which was measured to be fifty times slower. A
 * tiny model is fastest on one thread anyway. Adds at most three to `env`. */
static void add_thread_settings(const struct model *model, const char **env)
{
	if (!getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT")) {
		*env++ = "OMP_WAIT_POLICY=PASSIVE";
		*env++ = "GOMP_SPINCOUNT=0";
	}
	if (model->bytes < SERVER_TINY && !getenv("LLAMA_ARG_THREADS"))
		*env++ = "LLAMA_ARG_THREADS=1";
}

/* Appends to a list that ends in NULL and has room. */
static void add_setting(const char **list, const char *setting)
{
	while (*list)
		list++;
	*list = setting;
}

/* Devices, and how the model is split over several. Every build of llama.cpp
 * understands its own names: CUDA0, Vulkan1, ROCm0, SYCL0, MTL0. The caller
 * frees what is returned after the start. */
static char *add_device(const struct server *s, const char **argv)
{
	if (!*s->device)
		return NULL;
	char *list = mem_strdup(s->device);
	bool several = strchr(list, '+');
	for (char *p = list; (p = strchr(p, '+'));)
		*p = ',';
	while (*argv)
		argv++;
	*argv++ = "--device";
	*argv++ = list;
	if (several && *s->split) {
		*argv++ = "--split-mode";
		*argv++ = s->split;
	}
	return list;
}

/* Each text has to fit into one physical batch. */
static void add_pooling(const struct server *s, const char **argv)
{
	if (!s->o.pooling)
		return;
	add_setting(argv, "--embeddings");
	add_setting(argv, "-ub");
	add_setting(argv, SERVER_EMBED_TOKENS);
	add_setting(argv, "-b");
	add_setting(argv, SERVER_EMBED_TOKENS);
	if (strcmp(s->o.pooling, "auto") != 0) {
		add_setting(argv, "--pooling");
		add_setting(argv, s->o.pooling);
	}
}

/* Writes the command line to the log, before the output of the server. */
static void log_command(struct server *s, const char *const *argv)
{
	AUTO(buf_free) struct buf line = BUF(8192);
	buf_adds(&line, "vdet: starting");
	for (size_t i = 0; argv[i]; i++)
		buf_addf(&line, " %s", argv[i]);
	buf_adds(&line, "\n");
	child_log_add(&s->log, buf_str(&line), line.len);
	child_log_forget(&s->log);
}

int server_start_program(struct server *s, int log_fd, struct err *err)
{
	char slots[24], context[24], layers[24];
	pthread_mutex_lock(&s->lock);
	long long n_slots = s->o.slots;
	pthread_mutex_unlock(&s->lock);
	snprintf(slots, sizeof slots, "%lld", n_slots);
	snprintf(context, sizeof context, "%lld", n_slots * s->o.context);
	const char *argv[32] = {s->program, "-m", s->o.model->path, "-a",     s->o.model->name, "-np",
	                        slots,      "-c", context,          "--host", s->dir.socket,    NULL};
	AUTO(mem_freep) char *device = add_device(s, argv);
	(void)device; /* held for argv */
	if (s->o.model->projector) {
		add_setting(argv, "--mmproj");
		add_setting(argv, s->o.model->projector);
	}
	add_pooling(s, argv);
	/* The user's setting has priority. */
	if (s->o.gpu_layers >= 0 && !getenv("LLAMA_ARG_N_GPU_LAYERS")) {
		snprintf(layers, sizeof layers, "%lld", (long long)s->o.gpu_layers);
		add_setting(argv, "-ngl");
		add_setting(argv, layers);
	}

	/* Not on the command line: the key, which other users could read there, and
	 * what older versions do not know. CACHE_RAM: no prompt cache in main
	 * memory in addition to the slots', because it would only grow: no chunk
	 * repeats. */
	AUTO(mem_freep) char *key = mem_printf("LLAMA_API_KEY=%s", s->key);
	const char *env[16] = {key,
	                       "LLAMA_ARG_ENDPOINT_METRICS=1",
	                       "LLAMA_ARG_UI=0",
	                       "LLAMA_ARG_WEBUI=0",
	                       "LLAMA_ARG_OFFLINE=1",
	                       "LLAMA_ARG_CACHE_RAM=0",
	                       "LLAMA_ARG_LOG_COLORS=off"};
	add_thread_settings(s->o.model, env + 7);
	/* The default is left to the engine and to the user's settings. */
	const char *cache = s->o.cache_type ? s->o.cache_type : "f16";
	AUTO(mem_freep) char *keys = mem_printf("LLAMA_ARG_CACHE_TYPE_K=%s", cache);
	AUTO(mem_freep) char *values = mem_printf("LLAMA_ARG_CACHE_TYPE_V=%s", cache);
	AUTO(mem_freep)
	char *tokens = mem_printf("LLAMA_ARG_IMAGE_MIN_TOKENS=%lld", (long long)s->o.image_min_tokens);
	if (strcmp(cache, "f16") != 0) {
		add_setting(env, keys);
		add_setting(env, values);
	}
	if (s->o.image_min_tokens > 0 && !getenv("LLAMA_ARG_IMAGE_MIN_TOKENS"))
		add_setting(env, tokens);
	log_command(s, argv);
	const struct program_start start = {.argv = argv, .env = env, .log_fd = log_fd};
	int r = child_start_program(&start, &s->child, err);
	explicit_bzero(key, strlen(key));
	return r;
}
