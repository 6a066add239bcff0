/* SPDX-License-Identifier: Apache-2.0 */
#include "child/media-output.h"

#include <errno.h>

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
	struct proxy_options o = {
		.sink = {on_bytes, &out}, .progress = on_progress, .ctx = &out, .source = &source};
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
