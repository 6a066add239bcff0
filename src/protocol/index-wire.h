/* SPDX-License-Identifier: Apache-2.0 */
/* What the role `media` measures for the index of a whole video, and its form
 * on the wire (protocol/media-wire.h): packets counted in bins, and signatures
 * of decoded pictures. Measurements only; the parent evaluates them
 * (src/index/). Little-endian; times are microseconds of the timeline. Pure
 * functions. */
#ifndef VDET_PROTOCOL_INDEX_WIRE_H
#define VDET_PROTOCOL_INDEX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The packets in one interval; all intervals have equal length. */
struct packet_bin {
	uint32_t bytes;     /* of packets that are not keyframes */
	uint32_t largest;   /* the largest of these */
	uint32_t key_bytes; /* of keyframes */
	uint16_t packets;   /* number that are not keyframes */
	uint16_t at;        /* position of the largest, in 1/65536 of the bin */
};

struct packet_key {
	/* dts: decoding time; INT64_MIN if the container does not state it */
	int64_t pts, dts;
	uint32_t bytes;
};

enum {
	PACKET_BIN_BYTES = 16,
	PACKET_KEY_BYTES = 20,
	PACKET_BINS_MAX = 1 << 20, /* of a whole video, as PACKET_KEYS_MAX */
	PACKET_KEYS_MAX = 1 << 20,
	PACKET_BIN_WIDTH = 100000, /* microseconds; doubled as often as a long video requires */
};

enum {
	SIGNATURE_W = 32,
	SIGNATURE_H = 18,
	SIGNATURE_CELLS = SIGNATURE_W * SIGNATURE_H,
	SIGNATURE_CHROMA = 144, /* 16x9 cells */
	SIGNATURE_LEVELS = 32,
	SIGNATURE_BYTES = 8 + 8 + 4 + 4 + SIGNATURE_CELLS + 2 * SIGNATURE_CHROMA + 2 * SIGNATURE_LEVELS,
	SIGNATURES_MAX = 512, /* per message */
};

enum {
	SIGNATURE_TORN = 1, /* decoded with damage concealed */
	SIGNATURE_KEY = 2,  /* of a keyframe */
};

/* A downscaled picture: means of luma and chroma cells in full range, the
 * distribution of luma, sharpness. */
struct signature {
	int64_t pts;
	uint64_t hash;           /* 64 signs of its lowest cosine frequencies */
	float sharpness;         /* variance of the Laplacian at 128x72 */
	uint8_t mean, deviation; /* of luma at 128x72 */
	uint8_t flags;
	uint8_t luma[SIGNATURE_CELLS];
	uint8_t chroma[2][SIGNATURE_CHROMA];
	uint16_t levels[SIGNATURE_LEVELS]; /* share of each of 32 ranges of luma, in 1/65535 */
};

enum {
	GRID_W = 96,
	GRID_H = 54,
	GRID_CELLS = GRID_W * GRID_H,
	GRID_CHROMA = GRID_CELLS / 4, /* of half the width and height */
	GRID_BYTES = 8 + GRID_CELLS + 2 * GRID_CHROMA,
	GRIDS_MAX = 64,      /* per message */
	GRID_APART = 190000, /* microseconds between two grids of a range, at least */
};

/* A picture for the detection of small objects: means of luma and chroma cells,
 * all in limited range (black 16, white 235). */
struct grid {
	int64_t pts;
	uint8_t luma[GRID_CELLS];
	uint8_t chroma[2][GRID_CHROMA];
};

/* Write and read one item: PACKET_BIN_BYTES, PACKET_KEY_BYTES, SIGNATURE_BYTES,
 * GRID_BYTES at p. */
void packet_bin_put(unsigned char *p, const struct packet_bin *b);
void packet_bin_get(const unsigned char *p, struct packet_bin *b);
void packet_key_put(unsigned char *p, const struct packet_key *k);
void packet_key_get(const unsigned char *p, struct packet_key *k);
void signature_put(unsigned char *p, const struct signature *s);
/* False if the values are impossible (a sharpness that is not a number, levels
 * above the total). */
bool signature_get(const unsigned char *p, struct signature *s);
void grid_put(unsigned char *p, const struct grid *g);
void grid_get(const unsigned char *p, struct grid *g);

#endif
