/* SPDX-License-Identifier: Apache-2.0 */
/* The name of what is written for a video, so that files of several videos of
 * one name are side by side. A name that is another video's already is changed:
 * the nearest part of the path that differs is put in front (cam2-NAME), or the
 * extension is kept (NAME.mkv), or a number is appended (NAME-2). The stream is
 * named where it is not the default one (NAME.stream2). A name that is too long
 * is cut and ends in a hash. */
#ifndef VDET_REPORT_NAMING_H
#define VDET_REPORT_NAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum {
	PLACE_PARTS_MAX = 32, /* of a path that are compared, from its end */
	PLACE_DIGITS = 8,     /* of the hash of each */
};

/* The parts of a path from its end, the file's name first: hashes, so that a
 * report that is passed on does not reveal where the video was. */
struct place {
	char part[PLACE_PARTS_MAX][PLACE_DIGITS + 1];
	size_t n;
};

/* As JSON: an array of texts. What is not one reads as a place without parts. */
json_t *place_json(const struct place *p);
void place_read(const json_t *j, struct place *ret);

struct naming {
	char *path; /* absolute */
	struct place place;
	const char *part[PLACE_PARTS_MAX]; /* within path */
	size_t len[PLACE_PARTS_MAX];
	bool in_front[PLACE_PARTS_MAX]; /* of the name */
	bool extension;                 /* it is kept */
	int64_t stream;                 /* -1 = the default one, which is not named */
	int number;                     /* 0 = none */
};

/* Asks the file system for the absolute path. */
void naming_start(struct naming *ret, const char *path, int64_t stream);
void naming_clear(struct naming *n);

/* Without a suffix, at most 230 bytes; the caller frees. */
char *naming_text(const struct naming *n);
/* Whether a part of the video's name is missing in it. */
bool naming_is_cut(const struct naming *n);

/* Changes the name. `owner`: the place of the video that has the name; without
 * parts if it is not known, NULL if that is none of a video. */
void naming_next(struct naming *n, const struct place *owner);

#endif
