/* SPDX-License-Identifier: Apache-2.0 */
/* Role `media`: demuxes, decodes and scales one file, in its sandbox, for the
 * parent on the socket. The protocol is in protocol/media-wire.h. This process
 * is assumed to be compromised: an attacker who controls it has only its
 * socket. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "child/media-index.h"
#include "child/media-output.h"
#include "child/media-samples.h"
#include "child/media-texts.h"
#include "child/media-tiles.h"
#include "child/roles.h"
#include "media/caps.h"
#include "media/hwaccel.h"
#include "media/jpeg.h"
#include "media/nearest.h"
#include "media/note.h"
#include "media/picture.h"
#include "media/planes.h"
#include "media/probe.h"
#include "media/reader.h"
#include "media/source.h"
#include "proc/sandbox.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

struct worker {
	struct input *in;
	struct hwaccel *hwaccel;            /* NULL if there is no device, or none was requested */
	char why[600];                      /* why there is no device although one was requested */
	struct source_options options;      /* how the file is opened */
	struct salvage_reference reference; /* used by options, if it was received */
	struct timeline timeline;           /* likewise */
	unsigned char *params;              /* of the reference */
	struct source *source;              /* NULL until the first request */
	struct reader *reader;
	struct index_scan *scan; /* NULL until the first request of the index */
	struct nearest *nearest; /* NULL until the first request of a keyframe */
	struct samples samples;
	struct picture *picture;
	struct jpeg *jpeg, *thumb;
	struct buf jpeg_data, thumb_data;
	struct planes_id id; /* of their frame; empty if it was not requested, as is the next */
	char gray[MEDIA_GRAY_HEX + 1];
};

static int tell(uint32_t type, const json_t *head, const struct wire_part *parts, size_t n,
                struct err *err)
{
	return wire_send(ROLE_SOCKET, type, head, parts, n, 0, NULL, err);
}

static int tell_error(const struct err *why, struct err *err)
{
	/* libav's messages contain data of the file. */
	AUTO(mem_freep) char *msg = text_line(why->msg, MEDIA_TEXT_MAX);
	json_auto_t *head = json_pack("{s:i, s:s}", "code", (int)why->code, "msg", msg);
	return tell(MEDIA_ERROR, head, NULL, 0, err);
}

static int ensure_open(struct worker *w, struct err *err)
{
	if (w->reader)
		return 0;
	int r = w->source ? 0 : source_open_with(w->in, &w->options, &w->source, err);
	if (r < 0)
		return r;
	w->source->hwaccel = w->hwaccel;
	return reader_open(w->source, &w->reader, err);
}

static int ensure_nearest(struct worker *w, struct err *err)
{
	int r = ensure_open(w, err);
	if (r == 0 && !w->nearest)
		w->nearest = nearest_new(w->source, w->reader);
	return r;
}

/* All video and audio streams, with the one that was chosen. */
static json_t *streams_json(const struct source *s)
{
	json_t *list = json_array();
	char name[64];
	for (unsigned i = 0; i < s->fmt->nb_streams; i++) {
		const AVStream *st = s->fmt->streams[i];
		const AVCodecParameters *par = st->codecpar;
		const AVDictionaryEntry *title = av_dict_get(st->metadata, "title", NULL, 0);
		bool video = par->codec_type == AVMEDIA_TYPE_VIDEO;
		if (!video && par->codec_type != AVMEDIA_TYPE_AUDIO)
			continue;
		int64_t length =
			st->duration > 0 ? av_rescale_q(st->duration, st->time_base, AV_TIME_BASE_Q) : 0;
		const char *given = title ? title->value : "";
		AUTO(mem_freep) char *text = text_line(given, 100);
		json_array_append_new(
			list,
			json_pack("{s:i s:s s:s s:i s:i s:I s:b s:b s:b s:s}", "index", (int)i, "kind",
		              video ? "video" : "audio", "codec", source_codec_name(par, name), "width",
		              par->width, "height", par->height, "duration_us", (json_int_t)length,
		              "default", !!(st->disposition & AV_DISPOSITION_DEFAULT), "still",
		              video && !source_is_moving(st), "chosen", st == s->st, "title", text));
	}
	return list;
}

/* Also the time before the first picture, if it is long. */
static json_t *gaps_json(const struct source *s, const struct probe *p)
{
	const struct timeline *t = &s->timeline;
	enum { MOST = 200 };
	json_t *list = json_array();
	if (p->extent.first >= PROBE_SILENT)
		json_array_append_new(
			list,
			json_pack("{s:I s:I s:I s:s s:b}", "time_us", (json_int_t)p->extent.first, "from_us",
		              (json_int_t)s->start, "to_us", (json_int_t)(s->start + p->extent.first),
		              "kind", timeline_kind_name[TIMELINE_NO_PICTURES], "closed", 0));
	for (size_t i = 0; i < t->n_gaps && i < MOST; i++) {
		const struct timeline_gap *g = &t->gaps[i];
		json_array_append_new(list,
		                      json_pack("{s:I s:I s:I s:s s:b}", "time_us", (json_int_t)g->time,
		                                "from_us", (json_int_t)g->from, "to_us", (json_int_t)g->to,
		                                "kind", timeline_kind_name[g->kind], "closed", g->closed));
	}
	return list;
}

static json_t *probe_json(const struct source *s, const struct probe *p)
{
	char libraries[CAPS_LIBRARIES_MAX];
	return json_pack(
		"{s:s s:s s:i s:i s:i s:i s:i s:i s:i s:i s:i s:f s:b s:b s:s s:s s:I s:b s:I s:I s:I s:s "
		"s:I s:b s:s s:o s:o s:s}",
		"container", s->fmt->iformat->name, "codec", p->codec, "stream", s->st->index, "preferred",
		s->preferred, "streams", (int)s->fmt->nb_streams, "timeline", p->timeline, "width",
		p->width, "height", p->height, "coded_width", p->coded_width, "coded_height",
		p->coded_height, "rotation", p->rotation, "fps", p->fps, "variable_rate", p->variable_rate,
		"interlaced", p->interlaced, "hdr", p->hdr, "pixel_format", p->pixel_format, "duration",
		(json_int_t)p->extent.duration, "duration_measured", p->extent.measured, "header_duration",
		(json_int_t)p->extent.header, "start_time", (json_int_t)s->start, "recorded",
		(json_int_t)p->recorded, "timecode", p->timecode, "frames", (json_int_t)p->extent.frames,
		"has_audio", p->has_audio, "warning", p->warning, "video_streams", streams_json(s), "gaps",
		gaps_json(s, p), "libraries", caps_libraries(libraries));
}

static int on_probe(struct worker *w, const json_t *request, struct err *err)
{
	struct probe p;
	(void)request;
	int r = ensure_open(w, err);
	if (r == 0)
		r = probe_run(w->source, w->reader, &p, err);
	if (r < 0)
		return r;
	json_auto_t *head = probe_json(w->source, &p);
	if (!head)
		return err_set(err, ERR_INTERNAL, "cannot encode the result");
	size_t len;
	AUTO(mem_freep) unsigned char *timeline = timeline_write(&w->source->timeline, &len);
	const struct wire_part part = {timeline, len};
	return tell(MEDIA_INFO, head, &part, 1, err);
}

struct frames_request {
	int64_t size, thumb_size, quality;
	bool keyframes, identify;
	const json_t *times;
};

static int send_picture(struct worker *w, size_t i, const struct shown *s, const AVFrame *pic,
                        struct err *err)
{
	json_auto_t *head = json_pack(
		"{s:I s:I s:i s:i s:s s:s s:s s:s s:I s:I}", "i", (json_int_t)i, "pts", (json_int_t)s->pts,
		"width", pic->width, "height", pic->height, "decode_path", s->decode_path, "planes_sha256",
		w->id.sha256, "planes_format", w->id.format, "gray", w->gray, "jpeg",
		(json_int_t)w->jpeg_data.len, "thumb", (json_int_t)w->thumb_data.len);
	const struct wire_part parts[] = {
		{w->jpeg_data.data, w->jpeg_data.len},
		{w->thumb_data.data, w->thumb_data.len},
	};
	return tell(MEDIA_FRAME, head, parts, 2, err);
}

static int64_t time_of(const struct frames_request *q, size_t i)
{
	return json_integer_value(json_array_get(q->times, i));
}

/* Decodes, converts and encodes the picture that is shown at the time of number
 * i, into *pic. */
static int make_frame(struct worker *w, size_t i, const struct frames_request *q, struct shown *s,
                      AVFrame *pic, struct err *err)
{
	int64_t t = time_of(q, i), then = i + 1 < json_array_size(q->times) ? time_of(q, i + 1) : t;
	buf_clear(&w->jpeg_data);
	buf_clear(&w->thumb_data);
	w->id = (struct planes_id){0};
	w->gray[0] = '\0';
	int r = q->keyframes ? nearest_at(w->nearest, t, s, err)
	                     : reader_at_then(w->reader, t, then, s, err);
	if (r == 0 && q->identify)
		planes_identify(s->frame, &w->id);
	if (r == 0)
		r = picture_make(w->picture, w->source, s, (int)q->size, pic, err);
	if (r == 0 && q->identify)
		planes_gray(pic, w->gray);
	if (r == 0)
		r = jpeg_encode(w->jpeg, pic, (int)q->quality, &w->jpeg_data, err);
	if (r < 0 || !q->thumb_size)
		return r;
	AUTO(av_frame_free) AVFrame *small = av_frame_alloc();
	if (!small)
		return err_set(err, ERR_LIMIT, "no memory for a thumbnail");
	r = picture_shrink(w->picture, pic, (int)q->thumb_size, small, err);
	return r < 0 ? r : jpeg_encode(w->thumb, small, (int)q->quality, &w->thumb_data, err);
}

static int one_frame(struct worker *w, size_t i, const struct frames_request *q, struct err *err)
{
	AUTO(av_frame_free) AVFrame *pic = av_frame_alloc();
	struct shown s;
	int r =
		pic ? make_frame(w, i, q, &s, pic, err) : err_set(err, ERR_LIMIT, "no memory for a frame");
	if (r == 0)
		return send_picture(w, i, &s, pic, err);
	if (r == -ERR_LIMIT)
		return r;
	AUTO(mem_freep) char *msg = text_line(err->msg, MEDIA_TEXT_MAX);
	json_auto_t *head = json_pack("{s:I s:s}", "i", (json_int_t)i, "fault", msg);
	return tell(MEDIA_FRAME, head, NULL, 0, err);
}

static int on_frames(struct worker *w, const json_t *request, struct err *err)
{
	struct frames_request q = {.times = json_object_get(request, "times")};
	int r = wire_int(request, "size", MEDIA_SIZE_MIN, MEDIA_SIZE_MAX, &q.size, err);
	if (r == 0)
		r = wire_int(request, "thumb_size", 0, MEDIA_SIZE_MAX, &q.thumb_size, err);
	if (r == 0)
		r = wire_int(request, "quality", 1, 100, &q.quality, err);
	if (r == 0)
		r = wire_bool(request, "keyframes", &q.keyframes, err);
	if (r == 0)
		r = wire_bool(request, "identify", &q.identify, err);
	if (r == 0)
		r = ensure_nearest(w, err);
	if (r < 0)
		return r;
	size_t n = json_array_size(q.times);
	for (size_t i = 0; i < n; i++) {
		r = one_frame(w, i, &q, err);
		if (r < 0)
			return r;
	}
	return tell(MEDIA_DONE, NULL, NULL, 0, err);
}

static int on_packets(struct worker *w, const json_t *request, struct err *err)
{
	(void)request;
	int r = ensure_open(w, err);
	return r < 0 ? r : media_index_packets(w->source, w->reader, err);
}

static int ensure_scan(struct worker *w, struct err *err)
{
	int r = ensure_open(w, err);
	if (r == 0 && !w->scan)
		w->scan = index_scan_new(w->source, w->reader);
	return r;
}

static int on_keys(struct worker *w, const json_t *request, struct err *err)
{
	int r = ensure_scan(w, err);
	return r < 0 ? r : media_index_keys(w->scan, request, err);
}

static int on_stretch(struct worker *w, const json_t *request, struct err *err)
{
	int r = ensure_scan(w, err);
	return r < 0 ? r : media_index_stretch(w->scan, request, err);
}

static int on_tiles(struct worker *w, const json_t *request, struct err *err)
{
	buf_clear(&w->jpeg_data);
	int r = ensure_nearest(w, err);
	const struct media_tools tools = {w->source, w->reader, w->nearest, w->picture};
	if (r == 0)
		r = media_tiles(&tools, request, &w->jpeg_data, err);
	const struct wire_part part = {w->jpeg_data.data, w->jpeg_data.len};
	return r < 0 ? r : tell(MEDIA_SHEET, NULL, &part, 1, err);
}

static int on_proxy(struct worker *w, const json_t *request, struct err *err)
{
	int r = ensure_open(w, err);
	return r < 0 ? r : media_proxy(w->in, w->source, w->reader, request, err);
}

static int on_plant(struct worker *w, const json_t *request, struct err *err)
{
	int r = ensure_open(w, err);
	return r < 0 ? r : media_plant(w->in, w->source, w->reader, request, err);
}

static int on_sound(struct worker *w, const json_t *request, struct err *err)
{
	return media_sound(w->in, &w->options, request, err);
}

static int on_clip(struct worker *w, const json_t *request, struct err *err)
{
	int r = ensure_open(w, err);
	return r < 0 ? r : media_clip(w->in, w->source, w->reader, &w->options, request, err);
}

static int on_texts(struct worker *w, const json_t *request, struct err *err)
{
	(void)request;
	return media_texts(w->in, &w->options, err);
}

static int on_audio(struct worker *w, const json_t *request, struct err *err)
{
	(void)request;
	return media_audio(w->in, &w->options, err);
}

static int on_samples(struct worker *w, const json_t *request, struct err *err)
{
	return media_samples(&w->samples, w->in, &w->options, request, err);
}

static int on_params(struct worker *w, const json_t *request, struct err *err)
{
	struct salvage_reference ref;
	(void)request;
	int r = ensure_open(w, err);
	if (r < 0)
		return r;
	if (!source_reference(w->source, &ref) || ref.params_len > MEDIA_PARAMS_MAX)
		return err_set(err, ERR_UNSUPPORTED,
		               "only H.264 and HEVC videos can be used as a reference");
	json_auto_t *head = json_pack("{s:b s:f}", "hevc", ref.hevc, "fps", ref.fps);
	const struct wire_part part = {ref.params, ref.params_len};
	return tell(MEDIA_REFERENCE, head, &part, 1, err);
}

static int take_reference(struct worker *w, struct wire_msg *m, struct err *err)
{
	struct salvage_reference *ref = &w->reference;
	int r = wire_bool(m->head, "hevc", &ref->hevc, err);
	if (r == 0)
		r = wire_real(m->head, "fps", 0, 1000, &ref->fps, err);
	if (r == 0 && (w->source || w->params || !m->blob_len || m->blob_len > MEDIA_PARAMS_MAX))
		r = err_set(err, ERR_PROTO, "a reference must be sent once, before other requests");
	if (r < 0)
		return r;
	ref->params = w->params = TAKE(m->blob);
	ref->params_len = m->blob_len;
	w->options.reference = ref;
	return 0;
}

static int take_timeline(struct worker *w, const struct wire_msg *m, struct err *err)
{
	if (w->source || w->options.timeline || !timeline_read(m->blob, m->blob_len, &w->timeline))
		return err_set(err, ERR_PROTO, "a timeline must be sent once, before other requests");
	w->options.timeline = &w->timeline;
	return 0;
}

static const struct {
	uint32_t type;
	int (*handle)(struct worker *w, const json_t *request, struct err *err);
} handlers[] = {
	{MEDIA_PROBE, on_probe},   {MEDIA_FRAMES, on_frames},   {MEDIA_PACKETS, on_packets},
	{MEDIA_KEYS, on_keys},     {MEDIA_STRETCH, on_stretch}, {MEDIA_TILES, on_tiles},
	{MEDIA_PROXY, on_proxy},   {MEDIA_PLANT, on_plant},     {MEDIA_SOUND, on_sound},
	{MEDIA_PARAMS, on_params}, {MEDIA_CLIP, on_clip},       {MEDIA_TEXTS, on_texts},
	{MEDIA_AUDIO, on_audio},   {MEDIA_SAMPLES, on_samples},
};

static int handle(struct worker *w, struct wire_msg *m, struct err *err)
{
	if (m->type == MEDIA_REFERENCE)
		return take_reference(w, m, err);
	if (m->type == MEDIA_TIMELINE)
		return take_timeline(w, m, err);
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (handlers[i].type == m->type)
			return handlers[i].handle(w, m->head, err);
	return err_set(err, ERR_PROTO, "a request of unknown type %u", m->type);
}

/* Initializes what libraries would open or request lazily, which the sandbox
 * would refuse. */
static void touch_libraries(void)
{
	json_object_seed(0);
	tzset();
	note_start();
	planes_prepare();
}

/* From here on only devices and drivers can be opened, so that this limit also
 * applies to what a driver does with data of a hostile file. Without a device,
 * only what every decoder needs is allowed. */
static void open_device(struct worker *w, const char *which, struct sandbox *s)
{
	struct err err;
	if (!strcmp(which, "none"))
		return;
	if (s->enforce && sandbox_devices(&err) < 0)
		snprintf(w->why, sizeof w->why, "%s", err.msg);
	else
		w->hwaccel = hwaccel_open(which, w->why, sizeof w->why);
	s->devices = w->hwaccel;
}

/* Asks the parent for bytes of the video, which is not on this machine. */
static int fetch(void *ctx, int64_t pos, void *data, size_t len)
{
	const struct wire_limits limits = {.head = 1 << 10, .blob = MEDIA_WANT_MAX};
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	json_auto_t *head = json_pack("{s:I s:I}", "pos", (json_int_t)pos, "len", (json_int_t)len);
	(void)ctx;
	int r = tell(MEDIA_WANT, head, NULL, 0, NULL);
	if (r == 0)
		r = wire_recv(ROLE_SOCKET, &limits, 0, NULL, &m, NULL);
	if (r < 0 || m.type != MEDIA_BYTES || m.blob_len != len)
		return -EIO;
	memcpy(data, m.blob, len);
	return 0;
}

static int open_input(struct worker *w, int64_t size, struct err *err)
{
	if (size < 0)
		return input_open_fd(ROLE_INPUT, &w->in, err);
	w->in = input_open_feed(size, fetch, NULL);
	return 0;
}

/* Does everything that the sandbox does not allow, then enters the sandbox. */
static int settle(struct worker *w, int argc, char **argv, struct err *err)
{
	struct sandbox s = {.enforce = true};
	if (argc != 7)
		return err_set(err, ERR_ARG,
		               "the role media takes a memory limit, a sandbox, a device, a stream, a "
		               "rate, the handling of gaps and a size");
	w->options = (struct source_options){.stream = (int)strtol(argv[3], NULL, 10),
	                                     .rate = strtod(argv[4], NULL),
	                                     .gaps = !strcmp(argv[5], "keep")    ? TIMELINE_KEEP
	                                             : !strcmp(argv[5], "close") ? TIMELINE_CLOSE
	                                                                         : TIMELINE_AUTO};
	s.memory = strtoll(argv[0], NULL, 10);
	s.enforce = strcmp(argv[1], "off") != 0;
	touch_libraries();
	int r = open_input(w, strtoll(argv[6], NULL, 10), err);
	if (r == 0)
		open_device(w, argv[2], &s);
	if (r == 0)
		r = sandbox_limit(&s, err);
	return r < 0 ? r : sandbox_enter(&s, err);
}

static void worker_close(struct worker *w)
{
	index_scan_free(w->scan);
	nearest_free(w->nearest);
	reader_free(w->reader);
	samples_clear(&w->samples);
	source_free(w->source);
	input_free(w->in);
	hwaccel_free(w->hwaccel);
	free(w->params);
	timeline_clear(&w->timeline);
	picture_free(w->picture);
	jpeg_free(w->jpeg);
	jpeg_free(w->thumb);
	buf_free(&w->jpeg_data);
	buf_free(&w->thumb_data);
}

int media_worker_main(int argc, char **argv)
{
	const struct wire_limits limits = {.head = 1 << 20, .blob = TIMELINE_BYTES_MAX};
	AUTO(worker_close) struct worker w = {.jpeg_data = BUF(24 << 20), .thumb_data = BUF(8 << 20)};
	struct err err;
	int r = settle(&w, argc, argv, &err);
	if (r < 0) {
		tell_error(&err, &err);
		return 1;
	}
	w.picture = picture_new(PICTURE_JPEG);
	w.jpeg = jpeg_new();
	w.thumb = jpeg_new();
	json_auto_t *hello = json_pack("{s:i s:s s:s s:s}", "version", MEDIA_VERSION, "sandbox",
	                               strcmp(argv[1], "off") ? sandbox_name() : "off", "hwaccel",
	                               w.hwaccel ? w.hwaccel->name : "", "why", w.hwaccel ? "" : w.why);
	r = tell(MEDIA_HELLO, hello, NULL, 0, &err);
	while (r == 0) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		if (wire_recv(ROLE_SOCKET, &limits, 0, NULL, &m, &err) < 0)
			return 0; /* the parent has closed the socket, or sent an invalid message */
		if (handle(&w, &m, &err) < 0)
			r = tell_error(&err, &err);
	}
	return 1;
}
