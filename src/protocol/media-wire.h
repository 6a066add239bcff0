/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder's client (decoder/decoder.c) and the role `media`
 * (child/media-worker.c) exchange over proc/wire.h. Arguments of the
 * role: MEMORY (bytes, 0 = no limit), SANDBOX ("on" or "off"), the device that
 * may decode ("none", "auto", or a name), STREAM (index of the video stream, or
 * -1), RATE (frames a second of a stream without times, or 0), GAPS ("auto",
 * "keep" or "close") and SIZE: -1 if descriptor 4 is the video, else its size
 * in bytes, which the child asks for.
 *
 * The child speaks first: HELLO {version, sandbox, hwaccel, why} (the device,
 * or why there is none), or ERROR. Then one request at a time:
 *   PROBE {}
 *     -> INFO {…} (blob: the timeline, timeline-wire.h) or ERROR
 *   FRAMES {times, size, thumb_size, quality, keyframes, identify}
 *     -> FRAME for each time, in order, then DONE; or ERROR. keyframes: those
 *     nearest to the times will do.
 *       FRAME {i, pts, width, height, decode_path, planes_sha256,
 *         planes_format, gray, jpeg, thumb}: the blob holds the JPEG and the
 *         thumbnail, of these lengths in bytes; the identity of the decoded
 *         frame (media/planes.h), and the gray levels of the picture, are ""
 *         unless identify
 *       FRAME {i, fault}: there is no picture for this time, and why
 *   PACKETS {}
 *     -> PACKETS_INFO {first, duration, bin, bins, keys, packets, keyframes,
 *     bytes, frame_cost}; the blob holds the bins, then the keyframes
 *     (index-wire.h)
 *   KEYS {times, dts}
 *     -> SIGNATURES {n, grids} (blob: n signatures, then that many grids; see
 *     index-wire.h), often, then DONE
 *   STRETCH {from, to, all}
 *     -> likewise, of every frame, or of those that others refer to; with grids
 *     of some of them, at least GRID_APART from each other
 *   TILES {times, width, height, columns, rows, quality, keyframes}
 *     -> SHEET {} (blob: one JPEG of columns x rows pictures of this size, row
 *     by row) or ERROR
 *   PROXY {side, sound, duration}
 *     -> DATA {pos, at}, often (blob: bytes of the file from pos on, or none;
 *     at: made up to this time), then DONE; or ERROR
 *   PLANT {from, to, duration, keyframe, kbit, plants: [[kind, start, end,
 *   width, height, x0, y0, x1, y1, contrast, blue, red], …]}: a copy of a range
 *   with these events (plant.h) drawn into it; keyframe: their distance in s
 *     -> likewise; at: of the copy
 *   SOUND {rate}
 *     -> likewise
 *   CLIP {from, to}: the frames that begin in this range, as MP4
 *     -> likewise, but DONE {from, to, frames, encoded, concealed, sound, lost,
 *     codec} (clip-wire.h)
 *   TEXTS {}: the text tracks of the file (limits: texts-wire.h)
 *     -> TRACKS {tracks: [{index, format, language, title, fault}, …]}, then
 *     SEGMENTS {at, segments: [[track, start, end, who, text], …]}, often, then
 *     DONE {unread: [n, …], cut}; or ERROR. track: number in the list; end is
 *     start where the file does not state it. at: byte up to which the file was
 *     read; unread: packets of each track that could not be decoded; cut: there
 *     is more than the limits allow
 *   AUDIO {}
 *     -> AUDIO_INFO {best, tracks: [{index, codec, language, title, rate,
 *     channels, end, undecodable}, …]} or ERROR. best: index of the stream that
 *     is taken if none is named, or -1; end: as the file states it; 0 = it does
 *     not
 *   SAMPLES {track, from, to, believed}: the sound of the stream with this
 *   index; times up to `believed` are not taken for errors of the clock
 *     -> PCM {at}, often (blob: 16-bit samples, little-endian, one channel,
 *     MEDIA_SAMPLES_RATE a second, or none; at: byte up to which the file was
 *     read), then DONE {ended, lost: [[from, to], …]}; or ERROR. The first
 *     sample is at `from`; there are as many as fit up to `to`, and fewer only
 *     if the sound has ended. lost: what of it could not be decoded and is
 *     silence
 *   PARAMS {}
 *     -> REFERENCE {hevc, fps} (blob: parameter sets) or ERROR
 *   REFERENCE, as the child of an intact file has sent it; before any other
 *   request
 *     -> nothing
 *   TIMELINE {} (blob: the timeline from INFO of another child of this file);
 *   before any other request
 *     -> nothing
 * A child that has no descriptor asks for bytes of the video, at any time
 * during a request: WANT {pos, len} (at most MEDIA_WANT_MAX, within SIZE). The
 * parent answers BYTES {} (blob: all of them), or kills it.
 * ERROR {code, msg} ends a request; code is an enum err_code. All times:
 * microseconds of the timeline. */
#ifndef VDET_PROTOCOL_MEDIA_WIRE_H
#define VDET_PROTOCOL_MEDIA_WIRE_H

enum { MEDIA_VERSION = 15 };

/* Version of the rules that turn a file's timestamps into the timeline. It is
 * part of the key of a run (job/facts.h): raise it when a file can get other
 * times than before, and report the older version for each file whose times
 * are as they were, so that its runs are still found. */
enum { TIMELINE_VERSION = 3 };

enum media_msg {
	MEDIA_HELLO = 1,
	MEDIA_ERROR,
	MEDIA_DONE,
	MEDIA_PROBE = 16,
	MEDIA_INFO,
	MEDIA_FRAMES = 32,
	MEDIA_FRAME,
	MEDIA_PACKETS = 48,
	MEDIA_PACKETS_INFO,
	MEDIA_KEYS,
	MEDIA_STRETCH,
	MEDIA_SIGNATURES,
	MEDIA_TILES = 64,
	MEDIA_SHEET,
	MEDIA_PROXY = 80,
	MEDIA_SOUND,
	MEDIA_DATA,
	MEDIA_PLANT,
	MEDIA_CLIP,
	MEDIA_PARAMS = 96,
	MEDIA_REFERENCE,
	MEDIA_TIMELINE,
	MEDIA_TEXTS = 112,
	MEDIA_TRACKS,
	MEDIA_SEGMENTS,
	MEDIA_AUDIO = 128,
	MEDIA_AUDIO_INFO,
	MEDIA_SAMPLES,
	MEDIA_PCM,
	MEDIA_WANT = 144,
	MEDIA_BYTES,
};

enum {
	MEDIA_TIMES_MAX = 4096, /* in one request */
	MEDIA_SIZE_MIN = 16,
	MEDIA_SIZE_MAX = 8192,
	MEDIA_TEXT_MAX = 590,  /* of a message for people */
	MEDIA_FORMAT_MAX = 64, /* of a pixel format with its size */
	MEDIA_TIMECODE_MAX = 40,
	MEDIA_GRAY_COLUMNS = 16,
	MEDIA_GRAY_ROWS = 9,
	MEDIA_GRAY_HEX = 2 * MEDIA_GRAY_COLUMNS * MEDIA_GRAY_ROWS, /* digits */
	MEDIA_TILES_MAX = 400,                                     /* in one sheet */
	MEDIA_DATA_MAX = 1 << 20,
	MEDIA_PARAMS_MAX = 32 << 10,
	MEDIA_AUDIO_MAX = 64,         /* audio tracks that are named */
	MEDIA_SAMPLES_RATE = 16000,   /* of SAMPLES */
	MEDIA_SAMPLES_SECONDS = 1800, /* in one request */
	MEDIA_LOST_MAX = 4096,        /* stretches that could not be decoded */
	MEDIA_WANT_MAX = 1 << 20,
};

#endif
