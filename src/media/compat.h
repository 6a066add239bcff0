/* SPDX-License-Identifier: Apache-2.0 */
/* All differences between FFmpeg 5.1 and later versions. */
#ifndef VDET_MEDIA_COMPAT_H
#define VDET_MEDIA_COMPAT_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <stdbool.h>

/* Side data that the container has for a stream, such as the display matrix;
 * NULL if there is none of at least `min` bytes. */
static inline const uint8_t *compat_side_data(const AVStream *st, enum AVPacketSideDataType type,
                                              size_t min)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
	const AVPacketSideData *sd = av_packet_side_data_get(st->codecpar->coded_side_data,
	                                                     st->codecpar->nb_coded_side_data, type);
	return sd && sd->size >= min ? sd->data : NULL;
#else
	size_t size = 0;
	const uint8_t *data = av_stream_get_side_data(st, type, &size);
	return data && size >= min ? data : NULL;
#endif
}

/* Removes what the container has for a stream, and copies one kind of it from
 * another stream. Negative if memory is out. */
static inline void compat_remove_side_data(AVStream *st)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
	av_packet_side_data_free(&st->codecpar->coded_side_data, &st->codecpar->nb_coded_side_data);
#else
	(void)st; /* a new stream has none */
#endif
}

static inline int compat_copy_side_data(AVStream *to, const AVStream *from,
                                        enum AVPacketSideDataType type)
{
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
	const AVPacketSideData *sd = av_packet_side_data_get(from->codecpar->coded_side_data,
	                                                     from->codecpar->nb_coded_side_data, type);
	AVPacketSideData *copy =
		sd && sd->size
			? av_packet_side_data_new(&to->codecpar->coded_side_data,
	                                  &to->codecpar->nb_coded_side_data, type, sd->size, 0)
			: NULL;
	size_t size = sd ? sd->size : 0;
	const uint8_t *data = sd ? sd->data : NULL;
	uint8_t *out = copy ? copy->data : NULL;
#else
	size_t size = 0;
	const uint8_t *data = av_stream_get_side_data(from, type, &size);
	uint8_t *out = data && size ? av_stream_new_side_data(to, type, size) : NULL;
#endif
	if (!data || !size)
		return 0;
	if (!out)
		return AVERROR(ENOMEM);
	for (size_t i = 0; i < size; i++)
		out[i] = data[i];
	return 0;
}

/* The data that avio_alloc_context() passes to a write callback. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t compat_write_data;
#else
typedef uint8_t compat_write_data;
#endif

static inline bool compat_interlaced(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
	return f->flags & AV_FRAME_FLAG_INTERLACED;
#else
	return f->interlaced_frame;
#endif
}

static inline bool compat_key_frame(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
	return f->flags & AV_FRAME_FLAG_KEY;
#else
	return f->key_frame;
#endif
}

static inline int64_t compat_duration(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
	return f->duration;
#else
	return f->pkt_duration;
#endif
}

#endif
