/* SPDX-License-Identifier: Apache-2.0 */
#include "media/still.h"

#include "media/note.h"

struct still {
	AVCodecContext *dec;
};

int still_open(const struct source *s, bool quick, struct still **ret, struct err *err)
{
	char name[64];
	const AVCodecParameters *par = s->st->codecpar;
	AUTO(still_freep) struct still *k = mem_alloc(1, sizeof *k);
	AVCodecContext *dec = k->dec = avcodec_alloc_context3(s->codec);
	if (!dec)
		return err_set(err, ERR_LIMIT, "no memory for the decoder");
	int r = avcodec_parameters_to_context(dec, par);
	dec->pkt_timebase = s->st->time_base;
	dec->thread_count = 1;
	dec->max_pixels = SOURCE_PIXELS_MAX;
	if (quick)
		dec->skip_loop_filter = AVDISCARD_ALL;
	/* Only keyframes are decoded: references of an open GOP are not needed. */
	dec->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
	if (r >= 0)
		r = avcodec_open2(dec, s->codec, NULL);
	if (r < 0)
		return note_error(err, r, "the decoder for %s does not start",
		                  source_codec_name(par, name));
	*ret = TAKE(k);
	return 0;
}

void still_free(struct still *k)
{
	if (!k)
		return;
	avcodec_free_context(&k->dec);
	mem_freep(&k);
}

/* Sends the packet and the end of the stream, receives the picture, and resets
 * the decoder. */
int still_decode(struct still *k, const AVPacket *pkt, AVFrame *out, bool *ret_torn,
                 struct err *err)
{
	unsigned long complaints = note_count();
	av_frame_unref(out);
	int r = avcodec_send_packet(k->dec, pkt);
	if (r >= 0)
		avcodec_send_packet(k->dec, NULL);
	if (r >= 0)
		r = avcodec_receive_frame(k->dec, out);
	*ret_torn = r < 0 || out->decode_error_flags || out->flags & AV_FRAME_FLAG_CORRUPT ||
	            note_count() != complaints;
	avcodec_flush_buffers(k->dec);
	if (r == AVERROR(ENOMEM))
		return note_error(err, r, "cannot decode");
	return r < 0;
}
