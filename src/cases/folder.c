/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cases/writers.h"
#include "report/folder.h"

#define RECORD "vdet.json"
#define RECORD_FORMAT REPORT_CASE_RECORD

enum { TRIES_MAX = 1000, TITLE_MAX = 200, RECORD_MAX = 1 << 16 };
#define FILE_MAX_BYTES ((size_t)512 << 20)

/* "" if there is no record. */
static void read_owner(const char *dir, char out[static 32])
{
	AUTO(buf_free) struct buf text = BUF(RECORD_MAX);
	AUTO(mem_freep) char *path = file_join(dir, RECORD);
	struct err ignored;
	json_auto_t *j =
		file_read(path, &text, &ignored) < 0 ? NULL : json_loadb(text.data, text.len, 0, NULL);
	const char *format = json_string_value(json_object_get(j, "format"));
	const char *id = json_string_value(json_object_get(j, "case"));
	snprintf(out, 32, "%s", format && id && strcmp(format, RECORD_FORMAT) == 0 ? id : "");
}

/* 1: it is this case's now; 0: it is not. */
static int take(const char *dir, const char *id, struct err *err)
{
	AUTO(fd_closep) int fd = -1;
	char owner[32];
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot create the folder %s", dir);
	if (!file_is_dir(dir))
		return 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || file_lock(fd) < 0)
		return err_sys(err, errno, "cannot open the folder %s", dir);
	read_owner(dir, owner);
	if (*owner)
		return strcmp(owner, id) == 0;
	/* What a killed run left of a record does not count. */
	if (!file_dir_has_only(dir, RECORD))
		return 0;
	json_auto_t *j = json_pack("{s:s, s:s}", "format", RECORD_FORMAT, "case", id);
	AUTO(mem_freep) char *text = json_dumps(j, JSON_INDENT(1));
	AUTO(mem_freep) char *path = file_join(dir, RECORD);
	int r = file_write(path, text, strlen(text), err);
	return r < 0 ? r : 1;
}

/* A title as a part of a path. */
static char *file_name(const char *title)
{
	char *name = file_short_name(title, TITLE_MAX);
	for (char *p = name; *p; p++)
		if (*p == '/' || (*p == '.' && p == name))
			*p = '_';
	return name;
}

int case_folder_take(const char *parent, const char *title, const char *id, char **ret,
                     struct err *err)
{
	AUTO(mem_freep) char *line = text_line(title, SIZE_MAX);
	AUTO(mem_freep) char *stem = file_name(line);
	int r = file_mkdirs(parent, false, err);
	for (int i = 1; r == 0 && i < TRIES_MAX; i++) {
		AUTO(mem_freep)
		char *name =
			i == 1 ? mem_printf("%s.vdet-case", stem) : mem_printf("%s-%d.vdet-case", stem, i);
		AUTO(mem_freep) char *dir = file_join(parent, name);
		r = take(dir, id, err);
		if (r > 0 && i > 1)
			log_warning("%s.vdet-case is of another case, or not of vdet; this report goes to %s",
			            stem, name);
		if (r > 0)
			*ret = TAKE(dir);
	}
	if (r < 0)
		return r;
	return r > 0 ? 0 : err_set(err, ERR_LIMIT, "no free folder for the report in %s", parent);
}

static bool is_wanted(const char *formats, const char *name)
{
	return strcmp(name, "json") == 0 || strstr(formats, "all") || strstr(formats, name);
}

int case_folder_write(const struct case_report *r, const char *dir, const char *formats,
                      struct err *err)
{
	int e = 0;
	for (size_t i = 0; i < CASE_FORMATS_N && e == 0; i++) {
		const struct case_format *f = &case_formats[i];
		AUTO(buf_free) struct buf out = BUF(FILE_MAX_BYTES);
		AUTO(mem_freep) char *name = mem_printf("case.%s", f->name);
		AUTO(mem_freep) char *path = file_join(dir, name);
		if (!is_wanted(formats, f->name))
			continue;
		e = f->write(r, &out, err);
		if (e == 0)
			e = file_write(path, buf_str(&out), out.len, err);
	}
	return e;
}
