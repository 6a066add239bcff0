/* SPDX-License-Identifier: Apache-2.0 */
/* Which videos of the board a model names. Pure functions on what the board
 * returns, any thread. */
#ifndef VDET_NET_CHAT_SCOPE_H
#define VDET_NET_CHAT_SCOPE_H

#include <jansson.h>

#include "base/err.h"

/* What "vdet/NAME" names: "video-ID", "case-ID", or the name of a video.
 * `videos` and `cases` as of board_videos() and board_cases(). Of *ret_video
 * and *ret_case one gets the id, the other NULL; they belong to the arguments.
 * ERR_NOENT; ERR_ARG if several fit, which are listed. */
int chat_scope_find(const json_t *videos, const json_t *cases, const char *name,
                    const json_t **ret_video, const json_t **ret_case, struct err *err);
/* {"object": "list", "data": […]}: "vdet", and one for each video and case, by
 * its name if that is clear; the caller owns it. */
json_t *chat_scope_models(const json_t *videos, const json_t *cases);
/* One of these, by its id; NULL if there is none. The caller owns it. */
json_t *chat_scope_model(const json_t *videos, const json_t *cases, const char *id);

#endif
