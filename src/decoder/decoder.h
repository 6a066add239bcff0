/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of the decoder: a sandboxed child (role `media`) that reads
 * one open video file.
 *
 * The child is not trusted: everything it sends is checked (sizes, ranges, JPEG
 * markers), and a child that violates the protocol, exceeds its time or ends is
 * killed; the error says so, and the decoder may be freed and opened again. One
 * decoder belongs to one thread at a time. All calls block, observe `cancel`,
 * and end by their deadline. Times: microseconds from the start of the video's
 * timeline. */
#ifndef VDET_DECODER_DECODER_H
#define VDET_DECODER_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"

struct decoder;

/* Where the bytes of a video come from if no open file has them: the parent
 * gives them to its child as this asks for them. Borrowed by all decoders that
 * use it. */
struct decoder_feed {
	int64_t size;
	const char *id; /* of the content: its SHA-256 */
	/* Fills all of `data` with the bytes at pos, which are within the size.
	 * Called on the thread that uses the decoder, of several decoders at once;
	 * the time that it takes does not count for the decoder's timeout. An error
	 * ends the child, and is that of the request. */
	int (*read)(void *ctx, int64_t pos, void *data, size_t len, struct cancel *cancel,
	            struct err *err);
	void *ctx;
};

struct decoder_options {
	int64_t timeout; /* microseconds per request (probe, or one call of frames), 0 = none */
	int64_t memory;  /* limit of the child's memory in bytes, 0 = none */
	/* "none" (or NULL), "auto", or the kind of device to decode with where
	 * possible */
	const char *hwaccel;
	const char *sandbox; /* "on", or "off" (the null sandbox, for sanitizers) */
	bool background;     /* lower scheduling priority than requests that somebody waits for */
	/* An intact file of the same camera, whose parameters are used for a
	 * damaged one; NULL or "" if none. */
	const char *reference;
	bool has_stream;  /* use stream number `stream`; otherwise the best one */
	int stream;       /* its index in the file */
	double rate;      /* frames per second of a stream without times; 0 = as stated, or assumed */
	const char *gaps; /* "auto" (or NULL), "keep" or "close": forward jumps of the clock */
	/* Reads the video instead of a file (then fd is not used); NULL = none. */
	const struct decoder_feed *feed;
};

/* The result of probing; all strings are valid UTF-8 and owned by the struct. */
struct video_info {
	char *container;   /* "mov,mp4,…" as libavformat names it */
	char *codec;       /* "h264" */
	int stream;        /* index of the chosen video stream */
	int preferred;     /* of the one that is chosen by default; -1 = none */
	int streams;       /* number of streams of any kind */
	int width, height; /* as displayed: after rotation, square pixels */
	int coded_width, coded_height;
	int rotation; /* degrees clockwise that were applied: 0, 90, 180, 270 */
	double fps;   /* average; 0 if unknown */
	bool variable_rate;
	bool interlaced; /* according to the stream */
	char *hdr;       /* "pq", "hlg" or "" */
	char *pixel_format;
	int64_t duration;        /* the true one: from packets if the header is wrong; > 0 */
	bool duration_measured;  /* the header's was wrong or absent, so packets were counted */
	int64_t header_duration; /* according to the header, or 0 */
	int64_t start_time;      /* subtracted from the container's times */
	/* When it was recorded, according to the file: Unix time of its beginning
	 * in microseconds; 0 if the file does not say. */
	int64_t recorded;
	char *timecode; /* of its first frame, "10:00:00:00"; "" = none */
	int timeline;   /* version of the rules for these times, from 1 */
	int64_t frames; /* number of video packets; 0 if not counted */
	bool has_audio;
	/* Faults of the file that did not prevent reading, and assumptions; "" if
	 * there are none. */
	char *warning;
	char *libraries;       /* what decodes it: "FFmpeg 5.1.6, libavcodec 59.37.100, …" */
	json_t *video_streams; /* [{index, kind, codec, width, height, duration_us, …}]: all streams */
	json_t *gaps;          /* [{time_us, from_us, to_us, kind, closed}]: jumps of the clock */
};
void video_info_clear(struct video_info *v);

/* One decoded picture, upright, square pixels, SDR BT.709. */
struct frame {
	int64_t time; /* requested */
	int64_t pts;  /* of the frame that is shown at that time */
	int width, height;
	char *decode_path;   /* "software", "concealed", "sequential", …: see the architecture */
	unsigned char *jpeg; /* for the model: long side at most `size` */
	size_t jpeg_len;
	/* for the report: long side at most `thumb_size`; NULL if that is 0 */
	unsigned char *thumb;
	size_t thumb_len;
	/* With `identify`: SHA-256 (lower-case hex) of the planes as decoded,
	 * before scaling, rotation and tone mapping, each row by row without
	 * padding, and their format, "yuv420p 1920x1080"; otherwise, and where it
	 * cannot be had, "". NULL with a fault. */
	char *planes_sha256, *planes_format;
	/* Likewise: the mean levels of the picture in a grid of MEDIA_GRAY_COLUMNS
	 * x MEDIA_GRAY_ROWS, in hexadecimal, to compare it with another one. */
	char *gray;
	char *fault; /* NULL, or why there is no picture (then jpeg is NULL) */
};
void frame_clear(struct frame *f);

struct frame_request {
	const int64_t *times; /* ascending */
	size_t n;             /* 1 to 4096 */
	int size;             /* long side in pixels; never enlarged */
	int thumb_size;       /* 0 = none */
	int quality;          /* JPEG, 1 (worst) to 100 */
	bool keyframes; /* use the nearest keyframes, which is cheap; their true times are returned */
	bool identify;  /* compute planes_sha256 and planes_format */
};

/* Starts the child for `fd`, an open, seekable, readable file; the child gets a
 * duplicate of it. */
int decoder_open(int fd, const struct decoder_options *o, struct cancel *cancel,
                 struct decoder **ret, struct err *err);
void decoder_free(struct decoder *d); /* kills the child; NULL is allowed */
DEFINE_FREEP(struct decoder, decoder)

/* Describes the file. Fails if there is no video that can be decoded; the error
 * says why and what to do. The caller clears `ret`. */
int decoder_probe(struct decoder *d, struct video_info *ret, struct err *err);

/* The timeline of a file that a decoder with these options has measured: bytes
 * that the caller frees, NULL if there are none. Where the video is another
 * machine's, setting it (with the same options, and a feed) saves reading the
 * whole file there. ERR_PROTO if it is malformed. */
unsigned char *decoder_timeline(int fd, const struct decoder_options *o, size_t *ret_len);
int decoder_timeline_set(const struct decoder_options *o, const unsigned char *data, size_t len,
                         struct err *err);

/* Decodes the frames shown at the requested times. For each, in order, fn is
 * called once; what it does not take (TAKE of jpeg, thumb) is freed after it
 * returns. A time whose frame cannot be decoded has a `fault`. A negative
 * result of fn ends the call. An error return means that the child is gone. */
int decoder_frames(struct decoder *d, const struct frame_request *req,
                   int (*fn)(void *ctx, size_t i, struct frame *f), void *ctx, struct err *err);

/* the child's VmHWM in bytes so far, 0 if unknown */
int64_t decoder_peak_memory(struct decoder *d);

#endif
