/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a recording of a fixed camera, from its index: another
 * picture is cut in, the picture is black or does not change, the view has
 * changed for good. Pure; any thread.
 *
 * Discontinuities of the clock are not listed here, but by the timeline. */
#ifndef VDET_INDEX_ANOMALY_H
#define VDET_INDEX_ANOMALY_H

#include <jansson.h>

#include "index/index.h"

enum index_anomaly_kind {
	ANOMALY_FOREIGN, /* most of the picture is another one for a while */
	ANOMALY_BLACK,   /* black, or the lens is covered, for a second or longer */
	ANOMALY_FROZEN,  /* nothing changes for ten seconds, although it usually does */
	ANOMALY_VIEW,    /* the view is another one from here on */
	ANOMALY_KINDS
};

struct index_anomaly {
	enum index_anomaly_kind kind;
	int64_t start, end;
};

/* In order of time. Films and moving cameras have black pictures only. The
 * caller frees the result. */
struct index_anomaly *index_anomalies(const struct video_index *x, size_t *ret_n);

const char *index_anomaly_name(enum index_anomaly_kind kind); /* "foreign", … */
const char *index_anomaly_text(enum index_anomaly_kind kind); /* for people */
/* [{kind, text, start, end}, …], times in seconds; the caller owns it. */
json_t *index_anomalies_json(const struct video_index *x);

#endif
