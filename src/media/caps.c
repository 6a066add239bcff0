/* SPDX-License-Identifier: Apache-2.0 */
#include "media/caps.h"

#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/hwcontext.h>
#include <libavutil/log.h>
#include <libswscale/swscale.h>
#include <stdio.h>

#include "base/mem.h"

static json_t *version_text(unsigned v)
{
	char text[40];
	snprintf(text, sizeof text, "%u.%u.%u", AV_VERSION_MAJOR(v), AV_VERSION_MINOR(v),
	         AV_VERSION_MICRO(v));
	return json_string(text);
}

static json_t *libraries(void)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "FFmpeg", av_version_info(), "libavformat",
	                 version_text(avformat_version()), "libavcodec",
	                 version_text(avcodec_version()), "libavfilter",
	                 version_text(avfilter_version()), "libavutil", version_text(avutil_version()),
	                 "libswscale", version_text(swscale_version()));
}

const char *caps_libraries(char out[static CAPS_LIBRARIES_MAX])
{
	const char *name;
	json_t *version;
	json_auto_t *all = libraries();
	size_t n = 0;
	*out = '\0';
	json_object_foreach (all, name, version)
		if (n < CAPS_LIBRARIES_MAX)
			n += (size_t)snprintf(out + n, CAPS_LIBRARIES_MAX - n, "%s%s %s", n ? ", " : "", name,
			                      json_string_value(version));
	return out;
}

static void decoders(json_t *have, json_t *missing)
{
	static const enum AVCodecID wanted[] = {
		AV_CODEC_ID_H264,   AV_CODEC_ID_HEVC,  AV_CODEC_ID_VVC,        AV_CODEC_ID_AV1,
		AV_CODEC_ID_VP9,    AV_CODEC_ID_VP8,   AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MPEG4,
		AV_CODEC_ID_PRORES, AV_CODEC_ID_DNXHD, AV_CODEC_ID_MJPEG};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		json_array_append_new(avcodec_find_decoder(wanted[i]) ? have : missing,
		                      json_string(avcodec_get_name(wanted[i])));
}

static json_t *hardware(void)
{
	json_t *list = json_array();
	enum AVHWDeviceType type = AV_HWDEVICE_TYPE_NONE;
	while ((type = av_hwdevice_iterate_types(type)) != AV_HWDEVICE_TYPE_NONE) {
		AVBufferRef *device = NULL;
		int r = av_hwdevice_ctx_create(&device, type, NULL, NULL, 0);
		char why[AV_ERROR_MAX_STRING_SIZE];
		av_strerror(r, why, sizeof why);
		json_array_append_new(list,
		                      json_pack("{s:s, s:b, s:s}", "name", av_hwdevice_get_type_name(type),
		                                "usable", r >= 0, "note", r < 0 ? why : ""));
		av_buffer_unref(&device);
	}
	return list;
}

json_t *caps_json(void)
{
	static const char *const filters[] = {"scale", "zscale", "tonemap", "bwdif", "transpose"};
	json_t *have = json_array(), *missing = json_array(), *filters_missing = json_array();
	av_log_set_level(AV_LOG_QUIET);
	decoders(have, missing);
	for (size_t i = 0; i < ARRAY_LEN(filters); i++)
		if (!avfilter_get_by_name(filters[i]))
			json_array_append_new(filters_missing, json_string(filters[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "libraries", libraries(), "decoders", have,
	                 "missing", missing, "filters_missing", filters_missing, "hardware",
	                 hardware());
}
