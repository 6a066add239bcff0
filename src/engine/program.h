/* SPDX-License-Identifier: Apache-2.0 */
/* Which llama-server is run. Reads the file system. */
#ifndef VDET_ENGINE_PROGRAM_H
#define VDET_ENGINE_PROGRAM_H

#include "base/err.h"
#include "engine/engine.h"

/* `wanted`: a path or a name in PATH; NULL or "" = llama-server in PATH, else
 * that of the setup. The caller frees *ret. ERR_NOENT. */
int program_find(const char *wanted, const struct engine_places *p, char **ret, struct err *err);

#endif
