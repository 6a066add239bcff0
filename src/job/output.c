/* SPDX-License-Identifier: Apache-2.0 */
#include "job/output.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

static char *absolute(const char *path)
{
	AUTO(mem_freep) char *cwd = getcwd(NULL, 0);
	return *path == '/' || !cwd ? mem_strdup(path) : *path ? file_join(cwd, path) : TAKE(cwd);
}

int output_check(const char *named, const char *parent, struct err *err)
{
	AUTO(mem_freep) char *dir = absolute(*named ? named : parent ? parent : "");
	return report_folder_check(dir, err);
}

int output_choose(const char *named, const char *parent, const char *path,
                  const struct report_source *source, char **ret, struct err *err)
{
	AUTO(mem_freep) char *note = NULL;
	if (*named) {
		*ret = absolute(named);
		return 0;
	}
	AUTO(mem_freep) char *dir = absolute(parent ? parent : "");
	int r = report_folder_take(dir, path, source, ret, &note, err);
	if (r == 0 && note)
		log_warning("%s", note);
	return r;
}
