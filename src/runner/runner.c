/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/runner.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void runner_result_clear(struct runner_result *r)
{
	for (size_t i = 0; i < r->n_blobs; i++)
		free(r->blobs[i].data);
	free(r->blobs);
	free(r->body);
	free(r->worker);
	*r = (struct runner_result){0};
}

const struct runner_blob *runner_find_blob(const struct runner_result *r, const char *sha256)
{
	for (size_t i = 0; i < r->n_blobs; i++)
		if (strcmp(r->blobs[i].sha256, sha256) == 0)
			return &r->blobs[i];
	return NULL;
}

const char *runner_add_blob(struct runner_result *r, const unsigned char *data, size_t len)
{
	char name[HASH_HEX];
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, data, len);
	hash_end(h, name);

	const struct runner_blob *same = runner_find_blob(r, name);
	if (same)
		return same->sha256;

	r->blobs = mem_grow(r->blobs, r->n_blobs + 1, sizeof *r->blobs);
	struct runner_blob *b = &r->blobs[r->n_blobs++];
	*b = (struct runner_blob){.data = mem_alloc(len + 1, 1), .len = len};
	memcpy(b->sha256, name, sizeof name);
	if (len)
		memcpy(b->data, data, len);
	return b->sha256;
}

bool runner_id_valid(const char *id)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(id);
	return len >= 1 && len <= RUNNER_MAX_ID && strspn(id, allowed) == len;
}
