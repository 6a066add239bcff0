/* SPDX-License-Identifier: Apache-2.0 */
/* What was not transcribed of a track of sound, part by part. Pure. */
#ifndef VDET_JOB_SPEECH_FAULTS_H
#define VDET_JOB_SPEECH_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct speech_faults {
	struct speech_fault {
		int64_t start; /* of the part */
		char *text;
	} * items;
	size_t n, cap;
};
void speech_faults_clear(struct speech_faults *f);
void speech_faults_add(struct speech_faults *f, int64_t start, const char *text);
/* Appends the first ones, in order of time: parts may have ended in another
 * order. */
void speech_faults_list(struct speech_faults *f, size_t most, struct buf *out);

#endif
