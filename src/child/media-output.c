/* SPDX-License-Identifier: Apache-2.0 */
#include "child/media-output.h"

#include <errno.h>

#include "base/clock.h"
#include "media/clip.h"
#include "media/proxy.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

/* The progress, which is sent with every message. */
struct output {
	int64_t at;
};

static int send_data(const struct output *o, int64_t pos, const void *data, size_t len,
                     struct err *err)
{
	json_auto_t *head = json_pack("{s:I s:I}", "pos", (json_int_t)pos, "at", (json_int_t)o->at);
	const struct wire_part part = {data, len};
	return wire_send(ROLE_SOCKET, MEDIA_DATA, head, &part, 1, 0, NULL, err);
}

static int on_bytes(void *ctx, int64_t pos, const void *data, size_t len)
{
	const unsigned char *from = data;
	for (size_t done = 0; done < len; done += MEDIA_DATA_MAX) {
		size_t n = len - done < MEDIA_DATA_MAX ? len - done : MEDIA_DATA_MAX;
		if (send_data(ctx, pos + (int64_t)done, from + done, n, NULL) < 0)
			return -EPIPE;
	}
	return 0;
}

static int on_progress(void *ctx, int64_t t, struct err *err)
{
	struct output *o = ctx;
	o->at = t;
	return send_data(o, 0, NULL, 0, err);
}

static int finish(int r, struct err *err)
{
	return r < 0 ? r : wire_send(ROLE_SOCKET, MEDIA_DONE, NULL, NULL, 0, 0, NULL, err);
}

int media_proxy(struct input *in, struct source *s, struct reader *r, const json_t *request,
                struct err *err)
{
	struct output out = {0};
	struct source_options source = s->options;
	struct proxy_options o = {.sink = {on_bytes, &out},
	                          .progress = on_progress,
	                          .ctx = &out,
	                          .source = &source,
	                          .fps_max = 30,
	                          .keyframe_s = 2,
	                          .quality = 26,
	                          .web = true};
	source.timeline = s->timeline.duration > 0 ? &s->timeline : NULL;
	int64_t side;
	int e = wire_int(request, "side", MEDIA_SIZE_MIN, 2160, &side, err);
	if (e == 0)
		e = wire_bool(request, "sound", &o.sound, err);
	if (e == 0)
		e = wire_int(request, "duration", 1, INT64_MAX / 1000, &o.duration, err);
	if (e < 0)
		return e;
	o.short_side = (int)side;
	return finish(proxy_video(in, s, r, &o, err), err);
}

static int read_plant(const json_t *j, struct plant *ret, struct err *err)
{
	json_int_t start, end;
	int kind;
	if (json_unpack((json_t *)j, "[i I I F F F F F F i i i!]", &kind, &start, &end, &ret->width,
	                &ret->height, &ret->x0, &ret->y0, &ret->x1, &ret->y1, &ret->contrast,
	                &ret->blue, &ret->red) < 0 ||
	    kind < 0 || kind >= PLANT_KINDS || end <= start)
		return err_set(err, ERR_PROTO, "an invalid planted event");
	ret->kind = (enum plant_kind)kind;
	ret->start = start;
	ret->end = end;
	return 0;
}

int media_plant(struct input *in, struct source *s, struct reader *r, const json_t *request,
                struct err *err)
{
	enum { QUALITY = 20, FPS_MAX = 120, SIDE_MAX = 4096 };
	const json_t *list = json_object_get(request, "plants");
	size_t n = json_array_size(list);
	AUTO(mem_freep) struct plant *plants = mem_alloc(n, sizeof *plants);
	struct output out = {0};
	int64_t kbit = 0;
	struct proxy_options o = {.sink = {on_bytes, &out},
	                          .progress = on_progress,
	                          .ctx = &out,
	                          .source = &s->options,
	                          .short_side = SIDE_MAX,
	                          .fps_max = FPS_MAX,
	                          .quality = QUALITY,
	                          .plants = plants,
	                          .n_plants = n};

	int e = wire_int(request, "from", 0, INT64_MAX / 1000, &o.from, err);
	if (e == 0)
		e = wire_int(request, "to", 1, INT64_MAX / 1000, &o.to, err);
	if (e == 0)
		e = wire_int(request, "duration", 1, INT64_MAX / 1000, &o.duration, err);
	if (e == 0)
		e = wire_real(request, "keyframe", 0.1, 60, &o.keyframe_s, err);
	if (e == 0)
		e = wire_int(request, "kbit", 1, INT32_MAX, &kbit, err);
	for (size_t i = 0; i < n && e == 0; i++)
		e = read_plant(json_array_get(list, i), &plants[i], err);
	if (e < 0)
		return e;
	o.max_kbit = (int)kbit;
	return finish(proxy_video(in, s, r, &o, err), err);
}

int media_sound(struct input *in, const struct source_options *options, const json_t *request,
                struct err *err)
{
	struct output out = {0};
	const struct proxy_options o = {
		.sink = {on_bytes, &out}, .progress = on_progress, .ctx = &out, .source = options};
	int64_t rate;
	int e = wire_int(request, "rate", 8000, 48000, &rate, err);
	return e < 0 ? e : finish(proxy_sound(in, (int)rate, &o, err), err);
}

int media_clip(struct input *in, struct source *s, struct reader *r,
               const struct source_options *options, const json_t *request, struct err *err)
{
	struct output out = {0};
	struct clip_made made;
	struct clip_request q = {
		.sink = {on_bytes, &out}, .progress = on_progress, .ctx = &out, .source = options};
	int e = wire_int(request, "from", 0, INT64_MAX / 1000, &q.from, err);
	if (e == 0)
		e = wire_int(request, "to", q.from + 1, INT64_MAX / 1000, &q.to, err);
	if (e == 0)
		e = clip_make(in, s, r, &q, &made, err);
	reader_moved(r, CLOCK_NONE);
	if (e < 0)
		return e;
	json_auto_t *head =
		json_pack("{s:I s:I s:I s:I s:I s:i s:i s:s}", "from", (json_int_t)made.from, "to",
	              (json_int_t)made.to, "frames", (json_int_t)made.frames, "encoded",
	              (json_int_t)made.encoded, "concealed", (json_int_t)made.concealed, "sound",
	              (int)made.sound, "lost", (int)made.lost, "codec", made.codec);
	return wire_send(ROLE_SOCKET, MEDIA_DONE, head, NULL, 0, 0, NULL, err);
}
