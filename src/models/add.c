/* SPDX-License-Identifier: Apache-2.0 */
/* Local files into the models folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <linux/fs.h>

#include "base/file.h"
#include "base/text.h"
#include "models/get.h"
#include "models/gguf.h"
#include "models/model.h"
#include "models/note.h"
#include "models/speech.h"

#define PARTS_MAX 1000

/* What goes in: the named files, with the parts of a split one that were not
 * named. */
struct parts {
	char **paths;
	size_t n;
	size_t fresh; /* of these, the first ones were put into the folder by us */
};

static void parts_clear(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->paths[i]);
	free(p->paths);
}

static void add_path(struct parts *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->paths[i], path))
			return;
	p->paths = mem_grow(p->paths, p->n + 1, sizeof *p->paths);
	p->paths[p->n++] = mem_strdup(path);
}

static int gather(char *const *files, int n, struct parts *p, struct err *err)
{
	for (int i = 0; i < n; i++) {
		struct gguf g = {0};
		struct speech_file speech;
		size_t stem;
		int64_t count;
		if (speech_file_is_named(files[i])) {
			int e = speech_file_read(files[i], &speech, err);
			if (e < 0)
				return e;
			add_path(p, files[i]);
			continue;
		}
		int r = gguf_read(files[i], &g, err);
		if (r < 0)
			return r;

		bool clip = !strcmp(g.arch, "clip"), named = model_is_projector(files[i]);
		gguf_clear(&g);
		if (clip != named)
			return err_set(
				err, ERR_ARG,
				clip ? "%s is a projector; give it a name with mmproj in it, as others expect it"
					 : "%s is named like a projector (mmproj) but is a model of its own",
				files[i]);

		if (!model_split(files[i], &stem, &count)) {
			add_path(p, files[i]);
			continue;
		}

		if (count > PARTS_MAX)
			return err_set(err, ERR_LIMIT, "%s claims to be one of %" PRId64 " parts", files[i],
			               count);
		for (int64_t k = 1; k <= count; k++) {
			AUTO(mem_freep)
			char *path = mem_printf("%.*s-%05" PRId64 "-of-%05" PRId64 ".gguf", (int)stem, files[i],
			                        k, count);
			if (!file_exists(path))
				return err_set(err, ERR_NOENT,
				               "part %" PRId64 " of %" PRId64 " of the model is missing: %s", k,
				               count, path);
			add_path(p, path);
		}
	}
	return 0;
}

static int copy_bytes(int from, int to, int64_t size, const char *path, struct cancel *cancel,
                      struct err *err)
{
	struct statvfs v;
	char need[TEXT_SIZE_MAX], have[TEXT_SIZE_MAX];

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (fstatvfs(to, &v) == 0 && (double)v.f_bavail * (double)v.f_frsize < (double)size)
		return err_set(err, ERR_NOSPC, "%s needs %s, and %s are free", path,
		               text_size((double)size, need),
		               text_size((double)v.f_bavail * (double)v.f_frsize, have));

	for (int64_t done = 0; done < size;) {
		if (cancel_fired(cancel))
			return err_set(err, ERR_CANCELED, "interrupted");
		ssize_t n = copy_file_range(from, NULL, to, NULL, 64 << 20, 0);
		if (n < 0 &&
		    (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
			static _Thread_local char data[1 << 16];
			n = read(from, data, sizeof data);
			if (n > 0 && write(to, data, (size_t)n) != n)
				n = -1;
		}
		if (n < 0)
			return err_sys(err, errno, "cannot copy to %s", path);
		if (!n)
			return err_set(err, ERR_IO, "%s became shorter while it was copied", path);
		done += n;
	}
	return fsync(to) < 0 ? err_sys(err, errno, "cannot write %s", path) : 0;
}

/* Puts the file into the folder: a hard link if both are on one file system,
 * else a copy. */
static int place(const char *from, const char *to, struct cancel *cancel, struct err *err)
{
	struct stat a, b;

	if (stat(from, &a) < 0)
		return err_sys(err, errno, "cannot read %s", from);
	if (stat(to, &b) == 0) {
		if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return 1;
		return err_set(
			err, ERR_ARG,
			"there is a file %s already; vdet model rm removes it, --name gives this one another "
			"name",
			to);
	}

	AUTO(mem_freep) char *real = realpath(from, NULL);
	if (real && link(real, to) == 0)
		return 0;
	AUTO(mem_freep) char *part = mem_printf("%s.part", to);
	AUTO(fd_closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO(fd_closep) int out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (in < 0 || out < 0)
		return err_sys(err, errno, "cannot copy %s to %s", from, to);

	int r = copy_bytes(in, out, a.st_size, to, cancel, err);
	if (r == 0 && rename(part, to) < 0)
		r = err_sys(err, errno, "cannot write %s", to);
	if (r < 0)
		unlink(part);
	return r;
}

static void take_back(const struct model_folder *f, const struct parts *p)
{
	for (size_t i = 0; i < p->fresh; i++) {
		AUTO(mem_freep) char *path = file_join(f->dir, file_base(p->paths[i]));
		unlink(path);
	}
	rmdir(f->dir);
}

static int place_all(const struct model_get *g, struct model_folder *f, struct parts *p,
                     struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		AUTO(mem_freep) char *to = file_join(f->dir, file_base(p->paths[i]));
		note_line(g->note, g->ctx, "adding %s", file_base(to));
		int r = place(p->paths[i], to, g->cancel, err);
		if (r < 0)
			return r;
		/* Files that were there before come last, so that an undo leaves
		 * them. */
		if (r == 0) {
			char *path = p->paths[i];
			memmove(p->paths + p->fresh + 1, p->paths + p->fresh,
			        (i - p->fresh) * sizeof *p->paths);
			p->paths[p->fresh++] = path;
		}
	}
	return 0;
}

static int describe(const struct model_get *g, struct model_folder *f, const struct parts *p,
                    struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const char *name = file_base(p->paths[i]);
		AUTO(mem_freep) char *path = file_join(f->dir, name);
		AUTO(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct gguf h = {0};
		struct speech_file speech;
		char hash[HASH_HEX];
		int r = fd < 0 ? err_sys(err, errno, "cannot read %s", path)
		               : hash_fd(fd, g->cancel, NULL, hash, err);
		if (r == 0 && speech_file_is_named(name)) {
			if ((r = speech_file_read(path, &speech, err)) < 0)
				return r;
			model_folder_put(f, name, speech.stored, hash, "", speech.file_bytes, false);
			continue;
		}
		if (r < 0 || (r = gguf_read(path, &h, err)) < 0)
			return r;
		const char *precision = model_name_precision(name);
		if (!*precision && gguf_quantize_name(h.file_type))
			precision = gguf_quantize_name(h.file_type);
		bool projector = !strcmp(h.arch, "clip");
		model_folder_put(f, name, precision, hash, "", h.file_bytes, projector);
		if (!projector) {
			free(f->use);
			f->use = mem_strdup(precision);
		}
		gguf_clear(&h);
	}
	return 0;
}

static char *name_for(const struct parts *p)
{
	size_t stem;
	int64_t count;
	for (size_t i = 0; i < p->n; i++) {
		if (model_is_projector(p->paths[i]))
			continue;
		const char *base = file_base(p->paths[i]);
		return model_split(base, &stem, &count) ? mem_printf("%.*s", (int)stem, base)
		                                        : file_stem(base);
	}
	return NULL;
}

int model_add(const struct model_get *g, char *const *files, int n, const char *name,
              struct model_folder *ret, struct err *err)
{
	AUTO(parts_clear) struct parts p = {0};
	AUTO(model_folder_clear) struct model_folder f = {0};
	struct err ignored;

	int r = gather(files, n, &p, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *own = *name ? mem_strdup(name) : name_for(&p);
	if (!own)
		return err_set(
			err, ERR_ARG,
			"no model was named, only a projector; name both, or the model's folder with --name");
	if (strchr(own, '/') || *own == '.')
		return err_set(err, ERR_ARG, "invalid name for a model: %s", own);

	if (model_folder_read(g->models_dir, own, &f, &ignored) < 0 || !f.managed) {
		model_folder_clear(&f);
		f = (struct model_folder){.dir = file_join(g->models_dir, own), .name = mem_strdup(own)};
		f.title = mem_strdup("");
		f.licence = mem_strdup("");
		f.repository = mem_strdup("");
		f.revision = mem_strdup("");
		f.use = mem_strdup("");
	}

	r = file_mkdirs(f.dir, false, err);
	if (r < 0)
		return r;
	AUTO(model_clear) struct model m = {0};
	r = place_all(g, &f, &p, err);
	if (r == 0)
		r = describe(g, &f, &p, err);
	/* A file for speech is all that its model needs. */
	if (r == 0 && !speech_file_is_named(p.paths[0]))
		r = model_choose(f.dir, f.use, NULL, NULL, &m, err);
	if (r == 0)
		r = model_folder_save(&f, err);
	if (r < 0) {
		take_back(&f, &p);
		return r;
	}

	*ret = f;
	f = (struct model_folder){0};
	return 0;
}
