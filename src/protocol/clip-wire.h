/* SPDX-License-Identifier: Apache-2.0 */
/* What the media child says of a clip that it made. Plain data. */
#ifndef VDET_PROTOCOL_CLIP_WIRE_H
#define VDET_PROTOCOL_CLIP_WIRE_H

#include <stdint.h>

enum clip_sound {
	CLIP_SOUND_NONE,    /* the file has none in this range */
	CLIP_SOUND_COPIED,  /* its packets were copied */
	CLIP_SOUND_ENCODED, /* it was encoded again, as AAC */
	CLIP_SOUND_LOST,    /* it could not be kept */
	CLIP_SOUNDS
};

/* What the encoded frames lack, compared with the video. */
enum {
	CLIP_LOST_HDR = 1,        /* converted to SDR */
	CLIP_LOST_DEPTH = 2,      /* converted to 8 bits, 4:2:0 */
	CLIP_LOST_INTERLACED = 4, /* deinterlaced */
	CLIP_LOST_SIZE = 8,       /* scaled: the encoder cannot encode this size */
	CLIP_LOST_ALL = 15
};

enum { CLIP_CODEC_MAX = 32 };

/* Times: microseconds of the video's timeline. */
struct clip_made {
	int64_t from, to;  /* of the first frame; the end of the last one */
	int64_t frames;    /* of the clip, at least 1 */
	int64_t encoded;   /* of them were encoded again; all others are bit-exact copies */
	int64_t concealed; /* of those encoded were damaged in the video */
	enum clip_sound sound;
	unsigned lost;              /* CLIP_LOST_… */
	char codec[CLIP_CODEC_MAX]; /* of the clip's pictures: "h264" */
};

#endif
