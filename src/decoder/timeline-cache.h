/* SPDX-License-Identifier: Apache-2.0 */
/* Timelines that media children have measured, so that every child of a file
 * uses the same one and the file is measured only once. A few are kept for the
 * life of the process. The bytes come from a child, and are only sent to other
 * children of the same file, which check them. Any thread. */
#ifndef VDET_DECODER_TIMELINE_CACHE_H
#define VDET_DECODER_TIMELINE_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Identifies a file and the options it is opened with. */
struct timeline_id {
	uint64_t device, inode;
	int64_t size, seconds, nanoseconds; /* and time of modification */
	char name[72];                      /* "" = a file */
	char options[64];
};
void timeline_id_set(struct timeline_id *id, const struct stat *st, const char *stream,
                     const char *rate, const char *gaps);
/* For a file of another machine: its name instead of device and inode. */
void timeline_id_name(struct timeline_id *id, const char *name);

void timeline_cache_put(const struct timeline_id *id, const unsigned char *data, size_t len);
/* A copy that the caller frees; NULL if there is none. */
unsigned char *timeline_cache_get(const struct timeline_id *id, size_t *ret_len);

#endif
