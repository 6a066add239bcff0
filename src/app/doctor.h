/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of `vdet doctor`, one row each. */
#ifndef VDET_APP_DOCTOR_H
#define VDET_APP_DOCTOR_H

#include "app/app.h"
#include "base/buf.h"

enum check_state { CHECK_OK, CHECK_NOTE, CHECK_FAULT };

struct check {
	const char *name;
	enum check_state state;
	char *found;  /* the result */
	char *advice; /* what to do; "" = nothing */
};

struct checks {
	struct check *items;
	size_t n;
};
void checks_clear(struct checks *c);
/* `advice` may be NULL; both texts belong to `c` afterwards. */
void checks_add(struct checks *c, const char *name, enum check_state state, char *found,
                char *advice);

/* "NVIDIA H200", or the device files of others; nothing where there is no GPU. */
#define GPU_NAMES_MAX 4096
void doctor_name_gpus(struct buf *out);

void doctor_media(struct checks *c); /* libraries, decoders, hardware decoders */
/* engine and model; starts the engine */
void doctor_engine(struct checks *c, struct app *app);
/* what makes vectors, if engine.embed names something; likewise */
void doctor_vectors(struct checks *c, struct app *app);
/* what transcribes speech; starts nothing, and asks no endpoint */
void doctor_speech(struct checks *c, struct app *app);
/* processor, memory, GPU, disk, limits, journal */
void doctor_machine(struct checks *c, struct app *app);

#endif
