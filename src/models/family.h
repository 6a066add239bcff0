/* SPDX-License-Identifier: Apache-2.0 */
/* Families of models: what all sizes of a model have in common, whatever the
 * engine is that runs them. A model is recognized by its name: that of its
 * file, of the catalogue, or the one that an endpoint reports. Pure. */
#ifndef VDET_MODELS_FAMILY_H
#define VDET_MODELS_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

#define FAMILY_MATCHES_MAX 16

struct model_family {
	char *name, *source; /* source: the pages that confirm it, a space between two */
	bool checked;        /* they do */
	/* Any of them recognizes the model; one of several words wants all of
	 * them. */
	char *match[FAMILY_MATCHES_MAX];
	size_t n_match;
	/* fewest tokens of a picture with which the model finds where things are
	 * (--image-min-tokens of llama-server); 0 = any */
	int64_t picture_tokens_min;
	/* so many frames become one picture where they follow each other without
	 * text in between; 0 = 1 */
	int64_t frame_pair;
	bool reasons; /* it may reason before it answers … */
	/* … and its chat template has `enable_thinking` to turn that off */
	bool template_switch;
	/* Recommended sampling; below 0 = not known. */
	double temperature, top_p, min_p;
	int64_t top_k;
};

/* "source" as it is in a catalogue: one address, or a list of them, with a
 * space between two. The caller frees. */
char *family_source(const json_t *v);
/* `where` begins the message of ERR_FORMAT. */
int family_read(const json_t *o, const char *where, struct model_family *ret, struct err *err);
void family_clear(struct model_family *f);

/* Whether `name` is one of this family. Case does not matter; all that is not a
 * letter, a digit or a dot counts as a dash; a word matches whole: "qwen3-vl"
 * matches "Qwen/Qwen3-VL-8B-Instruct", and not "qwen3-vlx". */
bool family_matches(const struct model_family *f, const char *name);
/* The first that matches; NULL if there is none. */
const struct model_family *family_find(const struct model_family *list, size_t n, const char *name);

#endif
