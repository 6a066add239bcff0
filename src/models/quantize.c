/* SPDX-License-Identifier: Apache-2.0 */
#include "models/quantize.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "models/fit.h"
#include "models/folder.h"
#include "models/gguf.h"
#include "models/note.h"
#include "proc/child-log.h"
#include "proc/spawn.h"

#define NOTE_EVERY (2 * CLOCK_SECOND)
#define HASH_SHOWN 12

/* ---- where the made file is */

/* The file's stem with the new precision in place of the old: "Qwen-VL-F16"
 * becomes "Qwen-VL-q4_k_m". */
static char *new_stem(const struct model *m, const char *precision)
{
	const char *old = model_name_precision(m->path), *at = *old ? strcasestr(m->name, old) : NULL;
	if (!at || at == m->name)
		return mem_printf("%s-%s", m->name, precision);
	return mem_printf("%.*s-%s%s", (int)(at - m->name - 1), m->name, precision, at + strlen(old));
}

/* The folder of `vdet model` that contains the model; false if it is
 * elsewhere. */
static bool own_folder(const struct model *m, struct model_folder *ret)
{
	struct err ignored;
	size_t n = (size_t)(file_base(m->path) - m->path);
	if (n < 2)
		return false;
	AUTO(mem_freep) char *dir = mem_printf("%.*s", (int)(n - 1), m->path);
	size_t p = (size_t)(file_base(dir) - dir);
	AUTO(mem_freep) char *parent = mem_printf("%.*s", (int)p, dir);
	if (model_folder_read(p ? parent : ".", file_base(dir), ret, &ignored) < 0)
		return false;
	if (!ret->managed)
		model_folder_clear(ret);
	return ret->managed;
}

/* ---- the program */

static int find_tool(const struct quantize *q, char **ret, struct err *err)
{
	size_t n = q->server ? (size_t)(file_base(q->server) - q->server) : 0;
	if (!n) {
		*ret = mem_strdup("llama-quantize");
		return 0;
	}
	*ret = mem_printf("%.*sllama-quantize", (int)n, q->server);
	if (access(*ret, X_OK) == 0)
		return 0;
	free(*ret);
	return err_set(err, ERR_NOENT,
	               "no llama-quantize beside %s, so another precision cannot be made; "
	               "vdet model get NAME:PRECISION may fetch it",
	               q->server);
}

/* The output of llama-quantize contains "[ 12/ 339] blk.0.attn_q.weight …". */
struct output {
	struct child_log log;
	char line[300];
	size_t used;
	int fallbacks; /* tensors that are stored at more bits, as they cannot be cut into blocks */
	int done, total;
};

static void take_line(struct output *o)
{
	int done, total;
	o->line[o->used] = '\0';
	if (sscanf(o->line, "[ %d/ %d]", &done, &total) == 2 && total > 0) {
		o->done = done;
		o->total = total;
	}
	o->fallbacks += strstr(o->line, "using fallback") != NULL;
	o->used = 0;
}

static void take_output(struct output *o, const char *data, size_t len)
{
	child_log_add(&o->log, data, len);
	for (; len; data++, len--)
		if (*data == '\n')
			take_line(o);
		else if (o->used + 1 < sizeof o->line)
			o->line[o->used++] = *data;
}

/* Reads until the program has ended. */
static int follow(struct child *child, int fd, struct output *o, const char *precision,
                  const struct quantize *q, struct err *err)
{
	int64_t said = clock_now();
	char data[4096];
	bool open = true;
	while (open || !child_ended(child)) {
		struct pollfd p[] = {{.fd = cancel_fd(q->cancel), .events = POLLIN},
		                     {.fd = open ? fd : -1, .events = POLLIN}};
		poll(p, 2, 100);
		if (cancel_fired(q->cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		ssize_t n = open && p[1].revents ? read(fd, data, sizeof data) : -1;
		if (n > 0)
			take_output(o, data, (size_t)n);
		else if (n == 0)
			open = false;
		if (o->total && clock_now() - said > NOTE_EVERY) {
			said = clock_now();
			note_line(q->note, q->ctx, "making %s, once: %d of %d tensors", precision, o->done,
			          o->total);
		}
	}
	return 0;
}

/* The arguments between the program and the files. Adds at most eight to
 * `argv`; returns the type's name. */
static const char *arguments(const struct model *m, const char *precision, const char **argv)
{
	/* The name or header states whether it is quantized already; from q8_0
	 * little is lost. */
	if (fit_bits(m->quantize) < 16)
		*argv++ = "--allow-requantize";
	if (strcasecmp(precision, "mixed") != 0)
		return precision;
	/* Embeddings, output and attention values: small, with the largest
	 * influence on quality. */
	static const char *const finer[] = {
		"--token-embedding-type", "q8_0",        "--output-tensor-type", "q8_0",
		"--tensor-type",          "attn_v=q8_0", "--tensor-type",        "ffn_down=q6_k"};
	for (size_t i = 0; i < ARRAY_LEN(finer); i++)
		*argv++ = finer[i];
	return "q4_k_m";
}

static int run_tool(const struct model *m, const char *precision, const char *to,
                    const struct quantize *q, struct output *o, struct err *err)
{
	AUTO(mem_freep) char *tool = NULL;
	AUTO(child_freep) struct child *child = NULL;
	char threads[24], status[CHILD_TEXT_MAX];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int pipe_fds[2], r = find_tool(q, &tool, err);
	if (r < 0)
		return r;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	AUTO(fd_closep) int ours = pipe_fds[0], theirs = pipe_fds[1];

	const char *argv[16] = {tool};
	const char *type = arguments(m, precision, argv + 1);
	size_t n = 1;
	while (argv[n])
		n++;
	snprintf(threads, sizeof threads, "%ld", cpus > 0 ? cpus : 1);
	argv[n++] = m->path;
	argv[n++] = to;
	argv[n++] = type;
	argv[n] = threads;

	const struct program_start start = {.argv = argv, .log_fd = theirs};
	r = child_start_program(&start, &child, err);
	if (r < 0)
		return err_wrap(err, "llama-quantize, to make %s of %s", precision, m->name);
	close(theirs);
	theirs = -1;

	r = follow(child, ours, o, precision, q, err);
	if (r < 0)
		return r;
	if (child_status(child) != 0) {
		AUTO(mem_freep) char *reason = child_log_reason(&o->log);
		return err_set(err, ERR_ENGINE, "llama-quantize %s when it made %s of %s: %s",
		               child_status_text(child, status), precision, m->name, reason);
	}
	return 0;
}

/* ---- all of it */

static int check_space(const struct model *m, const char *precision, const char *dir,
                       struct err *err)
{
	struct gguf g = {0};
	struct statvfs v;
	struct stat st;
	char need[TEXT_SIZE_MAX], have[TEXT_SIZE_MAX];
	double from = fit_bits(m->quantize),
		   bytes = m->files == 1 && stat(m->path, &st) == 0 ? (double)st.st_size : 0;
	if (m->files > 1 && gguf_read(m->path, &g, err) == 0)
		bytes = (double)(m->files * g.file_bytes);
	gguf_clear(&g);
	if (from > 0)
		bytes *= fit_bits(precision) / from;
	if (statvfs(dir, &v) < 0 || bytes <= (double)v.f_bavail * (double)v.f_frsize)
		return 0;
	return err_set(err, ERR_NOSPC, "%s of %s needs %s, and %s are free in %s", precision, m->name,
	               text_size(bytes, need), text_size((double)v.f_bavail * (double)v.f_frsize, have),
	               dir);
}

/* Makes `path`, unless another process does so while this one waits for the
 * lock. */
static int make(const struct model *m, const char *precision, const char *dir, const char *path,
                const struct quantize *q, struct err *err)
{
	AUTO(mem_freep) char *lock_path = mem_printf("%s.part", path);
	AUTO(fd_closep) int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (lock < 0)
		return err_sys(err, errno, "cannot write %s", lock_path);
	while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		struct pollfd p = {.fd = cancel_fd(q->cancel), .events = POLLIN};
		note_line(q->note, q->ctx, "another vdet is making %s of %s", precision, m->name);
		poll(&p, 1, 1000);
		if (cancel_fired(q->cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
	}

	if (file_exists(path))
		return 0;
	struct output *o = mem_alloc(1, sizeof *o);
	struct gguf g = {0};
	child_log_open(&o->log, NULL);
	note_line(q->note, q->ctx, "making %s of %s, once", precision, m->name);

	int r = check_space(m, precision, dir, err);
	if (r == 0)
		r = run_tool(m, precision, lock_path, q, o, err);
	if (r == 0 && (r = gguf_read(lock_path, &g, err)) < 0)
		err_wrap(err, "what llama-quantize made");
	gguf_clear(&g);
	if (r == 0 && o->fallbacks)
		note_line(
			q->note, q->ctx,
			"%d of %d tensors cannot be cut into blocks of 256 and are stored at more bits than %s",
			o->fallbacks, o->total, precision);
	if (r == 0 && rename(lock_path, path) < 0)
		r = err_sys(err, errno, "cannot write %s", path);

	if (r < 0)
		unlink(lock_path);
	child_log_close(&o->log);
	free(o);
	return r;
}

static void use(struct model *m, const char *path, const char *stem, const char *precision)
{
	struct gguf g = {0};
	struct err ignored;
	free(m->path);
	free(m->name);
	free(m->quantize);
	m->path = mem_strdup(path);
	m->name = mem_strdup(stem);
	m->quantize = mem_strdup(precision);
	m->files = 1;
	if (gguf_read(path, &g, &ignored) == 0)
		m->bytes = g.weight_bytes;
	gguf_clear(&g);
}

/* So that `vdet model` lists, checks and removes it. */
static int enter(struct model_folder *f, const char *path, const char *precision,
                 const char *source, const struct quantize *q, struct err *err)
{
	char hash[HASH_HEX];
	struct stat st;
	AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->files[i].name, file_base(path)))
			return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read %s", path);
	int r = hash_fd(fd, q->cancel, NULL, hash, err);
	if (r < 0)
		return r;
	model_folder_put(f, file_base(path), precision, hash, source, st.st_size, false);
	return model_folder_save(f, err);
}

int model_quantize(struct model *m, const char *precision, const struct quantize *q,
                   struct err *err)
{
	AUTO(model_folder_clear) struct model_folder f = {0};
	char source[HASH_HEX];
	if (!strcasecmp(m->quantize, precision))
		return 0;
	if (fit_bits(precision) <= 0)
		return err_set(
			err, ERR_ARG,
			"unknown precision %s; known are bf16, f16, q8_0, q6_k, q5_k_m, q4_k_m and mixed",
			precision);

	double have = fit_bits(m->quantize),
		   need = strcasecmp(precision, "mixed") ? fit_bits(precision) : fit_bits("q8_0");
	if (have > 0 && have < need)
		return err_set(
			err, ERR_UNSUPPORTED,
			"%s is there at %s; %s cannot be made from it. vdet model get NAME:%s fetches it",
			m->name, m->quantize, precision, precision);

	bool ours = own_folder(m, &f);
	if (!ours && !q->made_dir)
		return err_set(err, ERR_UNSUPPORTED, "no folder in which to save %s of %s", precision,
		               m->name);
	const char *dir = ours ? f.dir : q->made_dir;

	int r = file_mkdirs(dir, false, err);
	if (r == 0)
		r = model_file_hash(m->path, q->hash_cache, q->cancel, q->note, q->ctx, source, err);
	if (r < 0)
		return r;

	AUTO(mem_freep) char *stem = new_stem(m, precision);
	AUTO(mem_freep) char *name = mem_printf("%s-%.*s.gguf", stem, HASH_SHOWN, source);
	AUTO(mem_freep) char *path = file_join(dir, name);
	if (!file_exists(path))
		r = make(m, precision, dir, path, q, err);
	if (r == 0 && ours)
		r = enter(&f, path, precision, source, q, err);
	if (r == 0)
		use(m, path, stem, precision);
	return r;
}
