/* SPDX-License-Identifier: Apache-2.0 */
#include "media/feed.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "media/compat.h"
#include "media/note.h"

enum {
	AHEAD_BYTES = 24 << 20, /* limit for reading ahead, after the first few packets */
	AHEAD_LEAST = 4,
	LOST_PACKETS = 3000, /* if no keyframe follows within so many packets, the seek has failed */
};

/* Some decoders report a failed allocation as "invalid data". */
static int get_buffer(AVCodecContext *dec, AVFrame *frame, int flags)
{
	struct feed *f = dec->opaque;
	int r = avcodec_default_get_buffer2(dec, frame, flags);
	f->no_memory |= r == AVERROR(ENOMEM);
	return r;
}

/* Returns 0 or an AVERROR code. */
static int start_decoder(struct feed *f, const AVCodec *codec)
{
	const AVStream *st = f->src->st;
	avcodec_free_context(&f->dec);
	f->dec = avcodec_alloc_context3(codec);
	if (!f->dec)
		return AVERROR(ENOMEM);
	int r = avcodec_parameters_to_context(f->dec, st->codecpar);
	f->dec->pkt_timebase = st->time_base;
	f->dec->framerate = (AVRational){0, 1}; /* unknown until the stream itself states it */
	f->dec->thread_count = 1;
	f->dec->opaque = f;
	f->dec->get_buffer2 = get_buffer;
	f->dec->max_pixels = SOURCE_PIXELS_MAX;
	if (r >= 0 && f->hwaccel)
		r = f->hwaccel->attach(f->hwaccel, f->dec);
	return r < 0 ? r : avcodec_open2(f->dec, codec, NULL);
}

static int open_decoder(struct feed *f, struct err *err)
{
	const AVStream *st = f->src->st;
	const AVCodec *codec =
		f->hwaccel ? f->hwaccel->codec(f->hwaccel, st->codecpar->codec_id) : NULL;
	char name[64];
	if ((int64_t)st->codecpar->width * st->codecpar->height > SOURCE_PIXELS_MAX)
		return err_set(err, ERR_LIMIT,
		               "the picture has %dx%d pixels, more than the %d million that are decoded",
		               st->codecpar->width, st->codecpar->height, SOURCE_PIXELS_MAX / 1000000);
	int r = codec ? start_decoder(f, codec) : -1;
	if (r < 0) {
		f->hwaccel = NULL;
		r = start_decoder(f, f->src->codec);
	}
	return r < 0 ? note_error(err, r, "the decoder for %s does not start",
	                          source_codec_name(st->codecpar, name))
	             : 0;
}

static void drop_packets(struct feed *f)
{
	for (; f->ahead_n; f->ahead_n--) {
		av_packet_free(&f->ahead[f->ahead_at]);
		f->ahead_at = (f->ahead_at + 1) % FEED_AHEAD;
	}
	f->ahead_bytes = 0;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	drop_packets(f);
	avcodec_free_context(&f->dec);
	mem_freep(&f);
}

void feed_restart(struct feed *f, bool at_start)
{
	drop_packets(f);
	avcodec_flush_buffers(f->dec);
	f->draining = f->cut = f->hardware = f->lost = f->lied = f->tainted = false;
	f->first_out = true;
	f->n_times = 0;
	f->need_key = !at_start;
	f->from_start = at_start;
	f->floor = INT64_MIN;
	f->landed = f->key_at = f->last_time = f->taint_at = CLOCK_NONE;
	f->read_dts = AV_NOPTS_VALUE;
	f->fault = 0;
}

static void taint(struct feed *f, int64_t time)
{
	f->tainted = true;
	if (time != CLOCK_NONE && (f->taint_at == CLOCK_NONE || time > f->taint_at))
		f->taint_at = time;
}

static void saw_keyframe(struct feed *f, int64_t time)
{
	if (f->landed == CLOCK_NONE) {
		f->landed = time;
		if (f->from_start && f->first_key == CLOCK_NONE)
			f->first_key = time;
		if (!f->from_start && time <= f->first_key)
			f->from_start = true;
		if (!f->from_start)
			f->floor = time;
	}
	if (f->key_at != CLOCK_NONE && time - f->key_at > f->gop)
		f->gop = time - f->key_at;
	f->key_at = time;
}

/* Reads one packet into the ring. Returns 0, 1 at the end, or an error. */
static int read_packet(struct feed *f, struct err *err)
{
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	for (int skipped = 0; pkt; av_packet_unref(pkt)) {
		int r = source_packet(f->src, pkt);
		if (r == AVERROR(ENOMEM))
			return note_error(err, r, "cannot read the video");
		if (r < 0 && input_error(f->src->in))
			return err_sys(err, input_error(f->src->in), "cannot read the file");
		if (r < 0)
			return 1;
		size_t size;
		if (av_packet_get_side_data(pkt, AV_PKT_DATA_ENCRYPTION_INFO, &size))
			return err_set(err, ERR_UNSUPPORTED,
			               "the video is encrypted and cannot be decoded without its key; decrypt "
			               "it first");

		int64_t time = source_packet_time(f->src, pkt);
		bool timed = !sparse_is_filled(pkt) || pkt->pts != AV_NOPTS_VALUE;
		if (pkt->flags & AV_PKT_FLAG_KEY && time != CLOCK_NONE && timed) {
			saw_keyframe(f, time);
			f->need_key = false;
		}

		if (f->need_key) {
			if (++skipped < LOST_PACKETS)
				continue;
			f->lost = true;
			return 1;
		}

		if (pkt->dts != AV_NOPTS_VALUE)
			f->read_dts = pkt->dts;
		f->ahead_bytes += (size_t)pkt->size;
		f->ahead[(f->ahead_at + f->ahead_n++) % FEED_AHEAD] = TAKE(pkt);
		return 0;
	}
	return err_set(err, ERR_LIMIT, "no memory for a packet");
}

static int read_ahead(struct feed *f, struct err *err)
{
	while (!f->draining && f->ahead_n < FEED_AHEAD &&
	       (f->ahead_bytes < AHEAD_BYTES || f->ahead_n < AHEAD_LEAST)) {
		int r = read_packet(f, err);
		if (r < 0)
			return r;
		f->draining = r == 1;
	}
	return 0;
}

/* Some files have no presentation times: AVI never has them, and some muxers
 * write decoding times instead. Frames come out of the decoder in the right
 * order, and the set of times is right; only their assignment is wrong. So each
 * frame takes the earliest unused time. This works if every packet is decoded,
 * from the start or from a frame to which later frames do not refer across. */
static bool times_unsorted(const struct feed *f)
{
	if (f->dec->has_b_frames <= 0 || (f->ahead_n < 8 && !f->src->bare))
		return false;
	for (unsigned i = 0; i < f->ahead_n; i++) {
		const AVPacket *pkt = f->ahead[(f->ahead_at + i) % FEED_AHEAD];
		if (pkt->dts == AV_NOPTS_VALUE || sparse_is_filled(pkt) ||
		    (pkt->pts != AV_NOPTS_VALUE && pkt->pts != pkt->dts))
			return false;
	}
	return true;
}

static void put_time(struct feed *f, int64_t time)
{
	/* More times are unused than any codec delays: frames were lost, and the
	 * oldest times belong to them. */
	if (f->n_times == FEED_AHEAD)
		memmove(f->times, f->times + 1, --f->n_times * sizeof *f->times);
	unsigned i = f->n_times++;
	for (; i && f->times[i - 1] > time; i--)
		f->times[i] = f->times[i - 1];
	f->times[i] = time;
}

static int64_t take_time(struct feed *f)
{
	if (!f->n_times)
		return CLOCK_NONE;
	int64_t time = f->times[0];
	memmove(f->times, f->times + 1, --f->n_times * sizeof *f->times);
	return time;
}

int feed_open(struct source *s, struct feed **ret, struct err *err)
{
	AUTO(feed_freep) struct feed *f = mem_alloc(1, sizeof *f);
	f->src = s;
	f->hwaccel = s->hwaccel;
	f->first_key = CLOCK_NONE;
	const AVCodecDescriptor *d = avcodec_descriptor_get(s->st->codecpar->codec_id);
	f->intra_only = d && d->props & AV_CODEC_PROP_INTRA_ONLY;
	enum AVFieldOrder order = s->st->codecpar->field_order;
	f->interlaced = order != AV_FIELD_UNKNOWN && order != AV_FIELD_PROGRESSIVE;
	int r = open_decoder(f, err);
	if (r < 0)
		return r;
	feed_restart(f, true);
	/* So that the first keyframe is known, whatever time is requested first. */
	r = read_ahead(f, err);
	if (r < 0)
		return r;
	f->unsorted = times_unsorted(f);
	*ret = TAKE(f);
	return 0;
}

/* Whether the frame of this packet is certainly not the one shown at target:
 * other frames follow it before the target. Deinterlacing also needs the
 * adjacent frame. */
static bool certainly_hidden(const struct feed *f, const AVPacket *pkt, int64_t target)
{
	int64_t time = source_time(f->src, pkt->pts);
	int later = 0, need = f->interlaced ? 3 : 1;
	if (time == CLOCK_NONE || time >= target)
		return false;
	for (unsigned i = 0; i < f->ahead_n && later < need; i++) {
		int64_t t = source_time(f->src, f->ahead[(f->ahead_at + i) % FEED_AHEAD]->pts);
		later += t != CLOCK_NONE && t > time && t <= target;
	}
	return later >= need;
}

/* All packets that may be shown up to target were sent. */
static bool all_sent(const struct feed *f, int64_t target)
{
	if (f->unsorted || f->interlaced || (f->ahead_n < FEED_AHEAD && !f->draining))
		return false;
	for (unsigned i = 0; i < f->ahead_n; i++) {
		int64_t t = source_packet_time(f->src, f->ahead[(f->ahead_at + i) % FEED_AHEAD]);
		if (t == CLOCK_NONE || t <= target)
			return false;
	}
	return true;
}

static int no_memory(struct feed *f, struct err *err)
{
	f->no_memory = false;
	return note_error(err, AVERROR(ENOMEM), "cannot decode a picture of %dx%d", f->dec->width,
	                  f->dec->height);
}

/* Sends the next packet, or the end of the stream. Returns 0, or an error if
 * memory is out. */
static int send_packet(struct feed *f, int64_t target, bool last, struct err *err)
{
	int r = read_ahead(f, err);
	if (r < 0)
		return r;
	f->cut =
		f->ahead_n && last && f->landed != CLOCK_NONE && f->landed <= target && all_sent(f, target);
	if (!f->ahead_n || f->cut) {
		avcodec_send_packet(f->dec, NULL);
		return 0;
	}

	AUTO(av_packet_free) AVPacket *pkt = f->ahead[f->ahead_at];
	f->ahead[f->ahead_at] = NULL;
	f->ahead_at = (f->ahead_at + 1) % FEED_AHEAD;
	f->ahead_n--;
	f->ahead_bytes -= (size_t)pkt->size;
	int64_t time = source_packet_time(f->src, pkt);
	/* Frames follow each other better by their rate than by such times. */
	if (sparse_is_filled(pkt) && pkt->pts == AV_NOPTS_VALUE)
		pkt->dts = AV_NOPTS_VALUE;
	bool skip = !f->unsorted && certainly_hidden(f, pkt, target);
	f->dec->skip_frame = skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;

	unsigned long complaints = note_count();
	r = avcodec_send_packet(f->dec, pkt);
	if (r == AVERROR(ENOMEM) || f->no_memory)
		return no_memory(f, err);
	if (r < 0 && r != AVERROR_EOF)
		f->fault = r;
	else if (f->unsorted && time != CLOCK_NONE)
		put_time(f, time);

	if (r < 0 || note_count() != complaints || pkt->flags & AV_PKT_FLAG_CORRUPT)
		taint(f, time);
	return 0;
}

/* Sets the time of a frame that was put out, and records damage. False if it
 * must be dropped. */
static bool accept_frame(struct feed *f, AVFrame *frame)
{
	int64_t time = f->unsorted ? take_time(f) : source_time(f->src, frame->best_effort_timestamp);
	bool key = compat_key_frame(frame) || frame->pict_type == AV_PICTURE_TYPE_I || f->intra_only;
	if (time == CLOCK_NONE) {
		AVRational rate = f->src->st->avg_frame_rate;
		int64_t step = rate.num > 0 && rate.den > 0 ? av_rescale(CLOCK_SECOND, rate.den, rate.num)
		                                            : CLOCK_SECOND / 25;
		time = f->last_time == CLOCK_NONE ? 0 : f->last_time + step;
	}
	frame->pts = f->last_time = time;
	f->interlaced |= compat_interlaced(frame);
	if (frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT)
		taint(f, time);
	else if (f->tainted && key && (f->taint_at == CLOCK_NONE || time > f->taint_at))
		f->tainted = false;
	if (time < f->floor)
		return false;
	/* The frame of the keyframe comes first, after leftovers. */
	f->lied |= f->first_out && !f->from_start && !key;
	f->first_out = false;
	return true;
}

static int next_frame(struct feed *f, int64_t target, bool last, AVFrame *out, struct err *err)
{
	for (;;) {
		av_frame_unref(out);
		unsigned long complaints = note_count();
		int r = avcodec_receive_frame(f->dec, out);
		if (note_count() != complaints)
			taint(f, f->last_time);
		if (r == 0 && f->hwaccel) {
			r = f->hwaccel->fetch(f->hwaccel, out);
			f->hardware = r > 0;
		}

		if (r >= 0) {
			if (accept_frame(f, out))
				return FEED_FRAME;
		} else if (r == AVERROR(EAGAIN)) {
			r = send_packet(f, target, last, err);
			if (r < 0)
				return r;
		} else if (r == AVERROR_EOF) {
			return f->cut ? FEED_CUT : FEED_END;
		} else if (r == AVERROR(ENOMEM) || f->no_memory) {
			return no_memory(f, err);
		} else {
			f->fault = r;
			taint(f, f->last_time);
		}
	}
}

/* Permanent: a device that has failed once is not used again. */
static int fall_to_software(struct feed *f, AVFrame *out, struct err *err)
{
	enum AVDiscard filter = f->dec->skip_loop_filter;
	av_frame_unref(out);
	f->hwaccel = NULL;
	f->no_memory = false;
	int r = open_decoder(f, err);
	if (r < 0)
		return r;
	f->dec->skip_loop_filter = filter;
	return FEED_FELL;
}

int feed_next(struct feed *f, int64_t target, bool last, AVFrame *out, struct err *err)
{
	int r = next_frame(f, target, last, out, err);
	/* The software decoder shows whether the device or the file caused the
	 * error, and it conceals damage best. */
	if (f->hwaccel && (r == -ERR_LIMIT || f->tainted || f->fault))
		return fall_to_software(f, out, err);
	return r;
}
