/* SPDX-License-Identifier: Apache-2.0 */
/* Progress events as JSON, as `--progress json` prints them; the table that
 * documents them. */
#ifndef VDET_JOB_PROGRESS_JSON_H
#define VDET_JOB_PROGRESS_JSON_H

#include <jansson.h>

#include "base/message.h"
#include "job/progress.h"

/* By enum progress_event_type; PROGRESS_UPDATE is the "progress" message. */
extern const struct message_type progress_messages[PROGRESS_EVENT_TYPES];

/* {"seq", "time", "type", …}; the time is now. The caller owns it. */
json_t *progress_json(const struct progress_event *e, int64_t seq);

#endif
