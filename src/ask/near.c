/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/near.h"

void near_clear(struct near *x)
{
	embed_result_clear(&x->result);
}

static int make(struct asking *a, const struct find_query *queries, size_t n, struct near *ret,
                struct err *err)
{
	struct engine *e = a->run.engine;
	const char *texts[EMBED_ITEMS_MAX];
	struct engine_embed_info info;
	n = n < EMBED_ITEMS_MAX ? n : EMBED_ITEMS_MAX;
	for (size_t i = 0; i < n; i++)
		texts[i] = queries[i].text;
	int r = engine_embed_info(e, a->limited.cancel, &info, err);
	if (r == 0 && n)
		r = engine_embed_texts(e, texts, n, true, a->limited.cancel, &ret->result, err);
	if (r < 0)
		return r;
	ret->vectors = (struct find_vectors){
		.space = {.model = info.model, .hash = info.hash, .lead = info.lead, .dim = info.dim},
		.of = ret->result.vectors};
	return 0;
}

void near_make(struct asking *a, const struct find_query *queries, size_t n, struct near *ret)
{
	struct err err = {0};
	*ret = (struct near){.wanted = *engine_embed_name(a->run.engine) != '\0'};
	if (ret->wanted && !a->no_vectors && make(a, queries, n, ret, &err) < 0)
		a->no_vectors = mem_strdup(err.msg);
	ret->vectors.fault = a->no_vectors;
}
