/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

int program_find(const char *wanted, const struct engine_places *p, char **ret, struct err *err)
{
	if (wanted && *wanted) {
		if (strchr(wanted, '/') ? access(wanted, X_OK) != 0 || file_is_dir(wanted)
		                        : !file_in_path(wanted))
			return err_set(err, ERR_NOENT,
			               "the program %s does not exist or cannot be run (engine.server)",
			               wanted);
		*ret = mem_strdup(wanted);
		return 0;
	}

	if (file_in_path("llama-server")) {
		*ret = mem_strdup("llama-server");
		return 0;
	}

	AUTO(mem_freep) char *ours = p->runtime_dir ? file_join(p->runtime_dir, "llama-server") : NULL;
	if (ours && access(ours, X_OK) == 0) {
		*ret = TAKE(ours);
		return 0;
	}
	return err_set(err, ERR_NOENT,
	               "no llama-server in PATH%s%s: run %s, install llama.cpp, or name another engine "
	               "with --engine URL",
	               p->runtime_dir ? " or in " : "", p->runtime_dir ? p->runtime_dir : "",
	               p->setup ? p->setup : "tools/setup engine");
}
