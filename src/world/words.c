/* SPDX-License-Identifier: Apache-2.0 */
/* What things are called in varied words. */
#include <stdio.h>
#include <string.h>

#include "world.h"

const char *const world_words[WORLD_WORDS] = {
	"{color} {thing}", "a {thing} that is {color}", "the {thing}, {color}", "the {color} {thing}",
	"{thing}",         "a {color} {kind}",
};

void world_call(int wording, enum world_color color, enum world_shape shape, char *out, size_t cap)
{
	const struct {
		const char *name, *value;
	} known[] = {{"{color}", world_color_name[color]},
	             {"{thing}", world_shape_name[shape]},
	             {"{kind}", "shape"}};
	size_t n = 0;
	for (const char *p = world_words[wording]; *p && n + 1 < cap;) {
		const char *value = NULL;
		for (size_t i = 0; i < sizeof known / sizeof *known && !value; i++) {
			size_t len = strlen(known[i].name);
			if (strncmp(p, known[i].name, len) != 0)
				continue;
			value = known[i].value;
			p += len;
		}
		if (value)
			n += (size_t)snprintf(out + n, cap - n, "%s", value);
		else
			out[n++] = *p++;
	}
	out[n < cap ? n : cap - 1] = '\0';
}
