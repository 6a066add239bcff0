/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of `vdet mcp` has started: analyses, one at a time, on a
 * thread, into one folder; and the engine for them and for its questions. */
#ifndef VDET_APP_ADDING_H
#define VDET_APP_ADDING_H

#include "app/app.h"
#include "mcp/context.h"

struct adding;

/* `folders`: real paths, NULL-terminated; files below them may be analyzed, and
 * a relative path is one of the first. `output`, a real path, gets the
 * reports; NULL: nothing is added. Borrowed until adding_free(). */
struct adding *adding_new(struct app *app, struct store *store, const char *const *folders,
                          const char *output);
/* Stops what runs: finished chunks are kept, and the next analysis of the file
 * continues. Waits. NULL is fine. */
void adding_free(struct adding *a);
DEFINE_FREEP(struct adding, adding)

/* As add_video of struct mcp_host; `ctx` is a struct adding. A file that failed
 * is tried again once its failure was reported. */
int adding_add(void *ctx, const char *path, const char *url, struct mcp_added *ret,
               struct err *err);

/* As engine of struct mcp_host. */
int adding_engine(void *ctx, struct engine **ret, struct memory **ret_memory, struct err *err);

#endif
