/* SPDX-License-Identifier: Apache-2.0 */
/* What `vdet prove` reads: a signed answer or report, and public keys. */
#include <string.h>

#include "base/json.h"
#include "fuzz.h"
#include "prove/read.h"
#include "sign/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(mem_freep) char *text = mem_alloc(size + 1, 1);
	AUTO(cited_file_freep) struct cited_file *file = NULL;
	json_t *json = NULL;
	struct sign_keys keys = {0};
	struct sign_result result;
	struct err err;
	if (size)
		memcpy(text, data, size);
	sign_public_parse(text, "keys", &keys, &err);
	if (json_read_foreign(text, size, &json, &err) < 0)
		return 0;
	if (json_is_object(json)) {
		sign_check(json, &keys, &result, &err);
		cited_read(json, &file, &err);
	}
	json_decref(json);
	return 0;
}
