/* SPDX-License-Identifier: Apache-2.0 */
#include "report/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "report/naming.h"

#define RECORD "vdet.json"
#define RECORD_FORMAT "vdet-folder/1"
#define RECORD_MAX ((size_t)512 << 20) /* report.json may be read instead */

enum { TRIES_MAX = 1000 };

static const char *const formats[] = {"html", "json", "md", "vtt", "csv"};

struct record {
	char source[HASH_HEX]; /* SHA-256; "" = not known */
	int64_t stream;        /* -1 = the default one */
	char run[HASH_HEX];    /* "" before the first report is written */
	struct place place;    /* empty in folders of older versions */
};

/* ---- the record */

static void copy(char *to, size_t size, json_t *from)
{
	const char *s = json_string_value(from);
	snprintf(to, size, "%s", s ? s : "");
}

static json_t *load(const char *dir, const char *name)
{
	AUTO(buf_free) struct buf text = BUF(RECORD_MAX);
	AUTO(mem_freep) char *path = file_join(dir, name);
	struct err ignored;
	return file_read(path, &text, &ignored) < 0 ? NULL : json_loadb(text.data, text.len, 0, NULL);
}

/* Of the value of media.stream as text. */
static int64_t stream_of(const json_t *value)
{
	const char *s = json_string_value(value);
	int64_t n = s ? strtoll(s, NULL, 10) : -1;
	return n < 0 ? -1 : n;
}

/* False if there is none. Older versions wrote none: report.json is read then. */
static bool read_record(const char *dir, struct record *ret)
{
	*ret = (struct record){.stream = -1};
	json_auto_t *j = load(dir, RECORD);
	const char *format = json_string_value(json_object_get(j, "format"));
	if (format && strcmp(format, RECORD_FORMAT) == 0) {
		copy(ret->source, sizeof ret->source, json_object_get(j, "source"));
		copy(ret->run, sizeof ret->run, json_object_get(j, "run"));
		if (json_is_integer(json_object_get(j, "stream")))
			ret->stream = json_integer_value(json_object_get(j, "stream"));
		place_read(json_object_get(j, "place"), &ret->place);
		return true;
	}

	json_auto_t *report = load(dir, "report.json");
	format = json_string_value(json_object_get(report, "format"));
	if (!format || strncmp(format, "vdet-report/", 12) != 0)
		return false;
	copy(ret->source, sizeof ret->source,
	     json_object_get(json_object_get(report, "source"), "sha256"));
	copy(ret->run, sizeof ret->run, json_object_get(json_object_get(report, "run"), "job"));
	ret->stream = stream_of(json_object_get(json_object_get(report, "options"), "media.stream"));
	return true;
}

static int write_record(const char *dir, const struct record *r, struct err *err)
{
	json_auto_t *j = json_pack("{s:s, s:s, s:s, s:o}", "format", RECORD_FORMAT, "source", r->source,
	                           "run", r->run, "place", place_json(&r->place));
	if (r->stream >= 0)
		json_object_set_new(j, "stream", json_integer(r->stream));
	AUTO(mem_freep) char *text = json_dumps(j, JSON_INDENT(1));
	AUTO(mem_freep) char *path = file_join(dir, RECORD);
	return file_write(path, text, strlen(text), err);
}

/* ---- one folder */

/* Locked until the descriptor is closed. */
static int lock_folder(const char *dir, int *ret_fd, struct err *err)
{
	AUTO(fd_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || file_lock(fd) < 0)
		return err_sys(err, errno, "cannot open the folder %s", dir);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static bool is_same_source(const struct record *a, const struct record *b)
{
	return strcmp(a->source, b->source) == 0 && a->stream == b->stream;
}

/* 1: the folder is this source's now; 0: it is not ours or of another source,
 * whose record is *other. */
static int take(const char *dir, const struct record *wanted, struct record *other, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	*other = (struct record){.stream = -1};
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot create the folder %s", dir);
	if (!file_is_dir(dir))
		return 0;
	int r = lock_folder(dir, &fd, err);
	if (r < 0)
		return r;
	if (read_record(dir, other))
		return is_same_source(other, wanted);
	/* What a killed run left of a record does not count. */
	if (!file_dir_has_only(dir, RECORD))
		return 0;
	r = write_record(dir, wanted, err);
	return r < 0 ? r : 1;
}

int report_folder_take(const char *parent, const char *path, const struct report_source *source,
                       char **ret, char **ret_note, struct err *err)
{
	struct record wanted = {.stream = -1}, other;
	AUTO(naming_clear) struct naming n;
	char *note = NULL;
	naming_start(&n, path, source->stream);
	snprintf(wanted.source, sizeof wanted.source, "%s", source->sha256);
	wanted.stream = n.stream;
	wanted.place = n.place;
	int r = file_mkdirs(parent, false, err);

	for (int i = 0; r == 0 && i < TRIES_MAX; i++) {
		AUTO(mem_freep) char *text = naming_text(&n);
		AUTO(mem_freep) char *name = mem_printf("%s.vdet", text);
		AUTO(mem_freep) char *dir = file_join(parent, name);
		r = take(dir, &wanted, &other, err);
		if (r == 0) {
			if (!note)
				note =
					*other.source
						? mem_printf("%s holds the report of another video", name)
						: mem_printf("%s was not written by vdet, or holds no record of it", name);
			naming_next(&n, *other.source ? &other.place : NULL);
		} else if (r > 0) {
			if (!note && naming_is_cut(&n))
				note = mem_strdup("the name of the video is too long for a folder");
			*ret_note = note ? mem_printf("%s; this report goes to %s", note, name) : NULL;
			*ret = TAKE(dir);
		}
	}
	free(note);
	if (r < 0)
		return r;
	return r > 0 ? 0 : err_set(err, ERR_LIMIT, "no free folder for the report in %s", parent);
}

bool report_folder_holds(const char *dir, const char *run)
{
	struct record r;
	return read_record(dir, &r) && strcmp(r.run, run) == 0;
}

/* Of a folder in which a report of another run is: where that is moved. */
static char *earlier_folder(const char *dir, const char *run)
{
	AUTO(mem_freep) char *name = mem_printf("earlier/%s", run);
	return file_join(dir, name);
}

char *report_folder_find(const char *dir, const char *run)
{
	AUTO(mem_freep) char *earlier = earlier_folder(dir, run);
	if (report_folder_holds(dir, run))
		return mem_strdup(dir);
	return report_folder_holds(earlier, run) ? TAKE(earlier) : NULL;
}

/* Of any version. */
static int refuse_case(const char *dir, struct err *err)
{
	json_auto_t *j = load(dir, RECORD);
	const char *format = json_string_value(json_object_get(j, "format"));
	size_t n = strcspn(REPORT_CASE_RECORD, "/");
	if (!format || strncmp(format, REPORT_CASE_RECORD, n + 1) != 0)
		return 0;
	return err_set(err, ERR_ARG,
	               "%s is the folder of the report of a case; name another folder with --output",
	               dir);
}

int report_folder_check(const char *dir, struct err *err)
{
	int r = refuse_case(dir, err);
	if (r < 0)
		return r;
	AUTO(mem_freep) char *at = mem_strdup(dir);
	struct stat st;
	while (stat(at, &st) < 0 && errno == ENOENT) {
		char *slash = strrchr(at, '/');
		if (!slash)
			snprintf(at, strlen(at) + 1, ".");
		else
			slash[slash == at] = '\0';
	}
	if (stat(at, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(err, ERR_ARG, "cannot create the folder %s: %s is not a folder", dir, at);
	if (access(at, W_OK | X_OK) == 0)
		return 0;
	return err_sys(err, errno, "cannot write into the folder %s", at);
}

/* ---- writing */

/* Moves what the run left in `dir` to dir/earlier/RUN. */
static int keep_earlier(const char *dir, const struct record *r, char **ret, struct err *err)
{
	AUTO(mem_freep) char *to = earlier_folder(dir, r->run);
	bool any = false;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		AUTO(mem_freep) char *file = mem_printf("report.%s", formats[i]);
		AUTO(mem_freep) char *old = file_join(dir, file), *new = file_join(to, file);
		if (!file_exists(old))
			continue;
		int e = any ? 0 : file_mkdirs(to, false, err);
		if (e < 0)
			return e;
		if (rename(old, new) < 0)
			return err_sys(err, errno, "cannot move %s to %s", old, new);
		any = true;
	}
	if (!any)
		return 0;
	*ret = TAKE(to);
	return write_record(*ret, r, err);
}

/* The run's id names a folder: only what vdet writes is taken for one. */
static bool is_run(const char *s)
{
	return *s && s[strspn(s, "0123456789abcdef")] == '\0';
}

static int64_t stream_in(const struct report *r)
{
	for (size_t i = 0; i < r->n_options; i++)
		if (strcmp(r->options[i].name, "media.stream") == 0) {
			json_auto_t *value = json_string(r->options[i].value);
			return stream_of(value);
		}
	return -1;
}

int report_folder_write(const struct report *r, const char *dir, const char *list,
                        char **ret_earlier, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	AUTO(mem_freep) char *earlier = NULL;
	struct record old, now = {.stream = -1};
	int e = report_check_formats(list, err);
	if (e == 0)
		e = file_mkdirs(dir, false, err);
	if (e == 0)
		e = refuse_case(dir, err);
	if (e == 0)
		e = lock_folder(dir, &fd, err);
	if (e < 0)
		return e;

	bool recorded = read_record(dir, &old);
	if (recorded && is_run(old.run) && strcmp(old.run, r->job) != 0)
		e = keep_earlier(dir, &old, &earlier, err);
	if (e < 0)
		return e;

	snprintf(now.source, sizeof now.source, "%s", r->source_sha256);
	now.stream = stream_in(r);
	snprintf(now.run, sizeof now.run, "%s", r->job);
	if (recorded && is_same_source(&old, &now))
		now.place = old.place;
	e = write_record(dir, &now, err);
	if (e == 0)
		e = report_write(r, dir, list, err);
	if (e < 0)
		return e;
	*ret_earlier = TAKE(earlier);
	return 0;
}
