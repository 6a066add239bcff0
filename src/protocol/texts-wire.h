/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of what a media child sends of text tracks (media-wire.h). */
#ifndef VDET_PROTOCOL_TEXTS_WIRE_H
#define VDET_PROTOCOL_TEXTS_WIRE_H

enum {
	TEXTS_TRACKS_MAX = 64,
	TEXTS_SEGMENTS_MAX = 100000, /* of all tracks of a file */
	TEXTS_BYTES_MAX = 16 << 20,  /* likewise, of their texts */
	TEXTS_BATCH = 64,            /* segments in one message */
	TEXTS_TEXT_MAX = 2000,       /* bytes of a segment */
	TEXTS_WHO_MAX = 100,
	TEXTS_NAME_MAX = 100, /* of a format, a language, a title */
};

#endif
