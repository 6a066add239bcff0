/* SPDX-License-Identifier: Apache-2.0 */
#include "job/source-note.h"

#include <stdlib.h>

#include "remote/blocks.h"
#include "store/ask.h"

int source_note(const struct run_context *run, const struct source_note *n, struct err *err)
{
	AUTO(mem_freep) char *path = realpath(n->path, NULL);
	AUTO(hash_blocks_clear) struct hash_blocks blocks = {0};
	int r = store_source_note(run->store, n->sha256, n->size, err);
	if (r == 0 && path && *n->stamp)
		r = store_place_set(run->store, path, n->stamp, n->sha256, err);
	if (r == 0 && run->runner && n->fd >= 0)
		r = remote_blocks_get(run->store, n->sha256, n->fd, run->cancel, &blocks, err);
	return r;
}
