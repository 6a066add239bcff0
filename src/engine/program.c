/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/program.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

int program_find(const char *wanted, const struct engine_places *p, char **ret, struct err *err)
{
	if (wanted && *wanted) {
		if (!file_can_run(wanted))
			return err_set(err, ERR_NOENT,
			               "the program %s does not exist or cannot be run (engine.server)",
			               wanted);
		*ret = mem_strdup(wanted);
		return 0;
	}

	*ret = file_find_program("llama-server", p->runtime_dir);
	if (*ret)
		return 0;
	return err_set(err, ERR_NOENT,
	               "no llama-server in PATH%s%s: run %s, install llama.cpp, or name another engine "
	               "with --engine URL",
	               p->runtime_dir ? " or in " : "", p->runtime_dir ? p->runtime_dir : "",
	               p->setup ? p->setup : "tools/setup engine");
}
