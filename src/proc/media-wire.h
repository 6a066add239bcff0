/* What the decoder's client (job/decoder.c) and the role `media` (worker/media-worker.c) say to each other over
 * proc/wire.h. Arguments of the role: MEMORY (bytes, 0 = no limit) and SANDBOX ("on" or "off").
 *
 * The child speaks first: HELLO {version, sandbox}, or ERROR. Then one request at a time:
 *   PROBE {}                                          -> INFO {…} or ERROR
 *   FRAMES {times, size, thumb_size, quality}         -> FRAME for each time, in order, then DONE; or ERROR
 *     FRAME {i, pts, width, height, rung, jpeg, thumb}   blob: jpeg and thumb bytes, of these lengths
 *     FRAME {i, fault}                                   no picture can be had for this time
 *   WALK {}                                           -> WALKED {first, duration, bin, bins, keys, packets, keyframes,
 *                                                        bytes}, blob: the bins, then the keyframes (index-wire.h)
 *   KEYS {times, dts}                                 -> SIGNATURES {n} (blob: n of them), often, then DONE
 *   STRETCH {from, to, all}                           -> likewise, of every frame, or of those that others refer to
 * ERROR {code, msg} ends a request; code is an enum err_code. All times: microseconds of the timeline. */
#ifndef VDET_PROC_MEDIA_WIRE_H
#define VDET_PROC_MEDIA_WIRE_H

enum { MEDIA_VERSION = 1 };

enum media_msg {
	MEDIA_HELLO = 1,
	MEDIA_ERROR,
	MEDIA_DONE,
	MEDIA_PROBE = 16,
	MEDIA_INFO,
	MEDIA_FRAMES = 32,
	MEDIA_FRAME,
	MEDIA_WALK = 48,
	MEDIA_WALKED,
	MEDIA_KEYS,
	MEDIA_STRETCH,
	MEDIA_SIGNATURES,
};

enum {
	MEDIA_TIMES_MAX = 4096, /* in one request */
	MEDIA_SIZE_MIN = 16,
	MEDIA_SIZE_MAX = 8192,
	MEDIA_TEXT_MAX = 590, /* of a message for people */
};

#endif
