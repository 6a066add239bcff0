/* SPDX-License-Identifier: Apache-2.0 */
#include "media/hwaccel.h"

#include <libavutil/hwcontext.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The order in which devices are tried. Intel's Quick Sync is also available
 * through VAAPI, which is simpler, so it comes later; libav uses DRM for
 * stateless V4L2 decoders. */
static const char *const kinds[] = {"cuda", "vaapi", "qsv", "drm", "vulkan"};

static enum AVHWDeviceType type_of(const struct hwaccel *h)
{
	return ((const AVHWDeviceContext *)h->device->data)->type;
}

static bool can_use(const AVCodec *codec, enum AVHWDeviceType type)
{
	const AVCodecHWConfig *c;
	for (int i = 0; (c = avcodec_get_hw_config(codec, i)); i++)
		if (c->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX && c->device_type == type)
			return true;
	return false;
}

static const AVCodec *device_codec(const struct hwaccel *h, enum AVCodecID id)
{
	const AVCodec *usual = avcodec_find_decoder(id), *codec;
	if (usual && can_use(usual, type_of(h)))
		return usual;
	/* Quick Sync has separate decoders, and so has AV1 if the default decoder
	 * is a library. */
	for (void *at = NULL; (codec = av_codec_iterate(&at));)
		if (av_codec_is_decoder(codec) && codec->id == id && can_use(codec, type_of(h)))
			return codec;
	return NULL;
}

/* The default get_format() of libav then selects the format of the device if
 * the device supports the stream, otherwise memory. */
static int device_attach(const struct hwaccel *h, AVCodecContext *dec)
{
	dec->hw_device_ctx = av_buffer_ref(h->device);
	return dec->hw_device_ctx ? 0 : AVERROR(ENOMEM);
}

static int device_fetch(const struct hwaccel *h, AVFrame *f)
{
	(void)h;
	if (!f->hw_frames_ctx)
		return 0;
	AUTO(av_frame_free) AVFrame *copy = av_frame_alloc();
	if (!copy)
		return AVERROR(ENOMEM);
	int r = av_hwframe_transfer_data(copy, f, 0);
	if (r >= 0)
		r = av_frame_copy_props(copy, f);
	if (r < 0)
		return r;
	av_frame_unref(f);
	av_frame_move_ref(f, copy);
	return 1;
}

static AVBufferRef *open_device(const char *kind, char *why, size_t why_size)
{
	AVBufferRef *device = NULL;
	size_t len = strlen(why);
	enum AVHWDeviceType type = av_hwdevice_find_type_by_name(kind);
	int r = type == AV_HWDEVICE_TYPE_NONE ? AVERROR(ENOSYS)
	                                      : av_hwdevice_ctx_create(&device, type, NULL, NULL, 0);
	if (r >= 0)
		return device;
	char text[AV_ERROR_MAX_STRING_SIZE];
	snprintf(why + len, why_size - len, "%s%s: %s", len ? "; " : "", kind,
	         type == AV_HWDEVICE_TYPE_NONE ? "not built into this machine's FFmpeg"
	                                       : av_make_error_string(text, sizeof text, r));
	return NULL;
}

struct hwaccel *hwaccel_open(const char *which, char *why, size_t why_size)
{
	bool any = !strcmp(which, "auto");
	why[0] = '\0';
	for (size_t i = 0; i < (any ? ARRAY_LEN(kinds) : 1); i++) {
		AVBufferRef *device = open_device(any ? kinds[i] : which, why, why_size);
		if (!device)
			continue;
		struct hwaccel *h = mem_alloc(1, sizeof *h);
		*h = (struct hwaccel){.codec = device_codec,
		                      .attach = device_attach,
		                      .fetch = device_fetch,
		                      .device = device};
		h->name = av_hwdevice_get_type_name(type_of(h));
		return h;
	}
	return NULL;
}

void hwaccel_free(struct hwaccel *h)
{
	if (!h)
		return;
	av_buffer_unref(&h->device);
	mem_freep(&h);
}
