/* SPDX-License-Identifier: Apache-2.0 */
/* What the media libraries of this machine can do. */
#ifndef VDET_DECODER_CAPS_H
#define VDET_DECODER_CAPS_H

#include <jansson.h>

#include "base/err.h"

/* Asks a child of its own, which has loaded them; the caller owns *ret, an
 * object: "libraries" has their versions by name. Blocks, up to 20 seconds. */
int decoder_caps(json_t **ret, struct err *err);

#endif
