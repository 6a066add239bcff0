/* SPDX-License-Identifier: Apache-2.0 */
/* Analyses that a client of `vdet mcp` has started: one at a time, on a thread,
 * into one folder. */
#ifndef VDET_APP_ADDING_H
#define VDET_APP_ADDING_H

#include "app/app.h"
#include "mcp/context.h"

struct adding;

/* `folders`: real paths, NULL-terminated; files below them may be analyzed, and
 * a relative path is one of the first. `output`, a real path, gets the
 * reports. Borrowed until adding_free(). The engine is started with the first
 * analysis. */
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

#endif
