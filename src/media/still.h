/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes single keyframes without the packets around them, which is cheap. One
 * thread. */
#ifndef VDET_MEDIA_STILL_H
#define VDET_MEDIA_STILL_H

#include <libavutil/frame.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/source.h"

struct still;

/* Borrows the source. `quick` skips the loop filter: good enough for
 * measurements, not for viewing. */
int still_open(const struct source *s, bool quick, struct still **ret, struct err *err);
void still_free(struct still *k);
DEFINE_FREEP(struct still, still)

/* Decodes one packet into *out (an allocated frame): 0, or 1 if it gives no
 * picture. *ret_torn: it is damaged. Errors are of memory only. */
int still_decode(struct still *k, const AVPacket *pkt, AVFrame *out, bool *ret_torn,
                 struct err *err);

#endif
