/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fresh-look-run.h"

#include "job/unit-result.h"

struct reading {
	struct fresh_look *look;
	json_t *found;
};

static int read_result(void *ctx, const struct runner_result *result, struct err *err)
{
	struct reading *r = ctx;
	return fresh_look_result_read(r->look, result, &r->found, err);
}

/* The id says what is asked, and not what was learned from other answers. */
static int name_unit(const struct fresh_look_give *how, const struct fresh_look_unit *u,
                     char unit[static RUNNER_MAX_ID + 1], struct err *err)
{
	struct fresh_look_unit plain = *u;
	AUTO(mem_freep) char *body = NULL;
	plain.look.tokens = 1;
	int r = fresh_look_unit_write(&plain, &body, err);
	if (r == 0)
		unit_id(how->owner, u->look.letter ? "letter" : "look", how->index, body, unit);
	return r;
}

int fresh_look_give(const struct fresh_look_give *how, struct fresh_look *l, json_t **ret,
                    char unit[static RUNNER_MAX_ID + 1], struct err *err)
{
	const struct fresh_look_unit u = {.look = *l, .describe = *how->options};
	AUTO(mem_freep) char *body = NULL;
	AUTO(mem_freep) char *what = mem_printf("look %s", how->owner);
	struct reading reading = {.look = l};
	const struct unit_run run = {.run = how->run,
	                             .what = what,
	                             .kind = FRESH_LOOK_UNIT_KIND,
	                             .schema = FRESH_LOOK_UNIT_SCHEMA,
	                             .source = how->source,
	                             .cancel = how->run->cancel,
	                             .read = read_result,
	                             .ctx = &reading};
	struct err why = {0};
	*unit = '\0';
	int r = name_unit(how, &u, unit, err);
	if (r == 0)
		r = fresh_look_unit_write(&u, &body, err);
	if (r < 0) {
		*unit = '\0';
		return r;
	}
	r = unit_run(&run, unit, body, &why);
	if (r == 0) {
		*ret = reading.found;
		return 0;
	}
	*unit = '\0';
	return unit_failure_error(&why, err);
}
