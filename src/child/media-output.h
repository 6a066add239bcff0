/* SPDX-License-Identifier: Apache-2.0 */
/* The requests PROXY, PLANT, SOUND and CLIP of role `media`
 * (protocol/media-wire.h): files that are made here and written by the parent.
 * Replies are sent on ROLE_SOCKET; an error that is returned has not been
 * sent. */
#ifndef VDET_CHILD_MEDIA_OUTPUT_H
#define VDET_CHILD_MEDIA_OUTPUT_H

#include <jansson.h>

#include "base/err.h"
#include "media/input.h"
#include "media/reader.h"
#include "media/source.h"

int media_proxy(struct input *in, struct source *s, struct reader *r, const json_t *request,
                struct err *err);
int media_plant(struct input *in, struct source *s, struct reader *r, const json_t *request,
                struct err *err);
/* `options`: how the file is opened. */
int media_sound(struct input *in, const struct source_options *options, const json_t *request,
                struct err *err);
int media_clip(struct input *in, struct source *s, struct reader *r,
               const struct source_options *options, const json_t *request, struct err *err);

#endif
