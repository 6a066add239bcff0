/* SPDX-License-Identifier: Apache-2.0 */
/* Keyframes decoded by themselves, each without the packets around it: cheap
 * looks. One thread. */
#ifndef VDET_MEDIA_STILL_H
#define VDET_MEDIA_STILL_H

#include <libavutil/frame.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/source.h"

struct still;

/* Borrows the source. `quick` leaves out the loop filter: good enough to
 * measure, not to look at. */
int still_open(const struct source *s, bool quick, struct still **ret, struct err *err);
void still_free(struct still *k);
DEFINE_FREEP(struct still, still)

/* Decodes one packet into *out (an allocated frame): 0, or 1 where no picture
 * comes of it. *ret_torn tells of damage. Errors are of memory. */
int still_decode(struct still *k, const AVPacket *pkt, AVFrame *out, bool *ret_torn,
                 struct err *err);

#endif
