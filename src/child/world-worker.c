/* SPDX-License-Identifier: Apache-2.0 */
/* Role `world`: draws the demo world and encodes it (child/world-video.h). It
 * reads only the parent's messages, so it needs no sandbox. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "child/roles.h"
#include "child/world-video.h"
#include "media/note.h"
#include "media/writer.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "world/draw.h"
#include "world/sound.h"

DEFINE_FREEP(struct world, world)
DEFINE_FREEP(struct draw, draw)

static int read_request(const json_t *head, struct world_video *v, char **ret_path, struct err *err)
{
	struct world_options *o = &v->world;
	const struct {
		const char *key;
		double *at;
	} reals[] = {
		{"fps", &v->fps},
		{"keyframe_s", &v->keyframe_s},
		{"events", &o->events_per_hour},
		{"shortest", &o->event_min_s},
		{"longest", &o->event_max_s},
		{"cuts", &o->cuts_per_hour},
		{"dropouts", &o->dropouts_per_hour},
		{"captions", &o->captions_per_hour},
		{"hour", &o->start_hour},
		{"noise", &o->noise},
		{"clock_speed", &v->clock_speed},
	};
	const struct {
		const char *key;
		int64_t *at;
	} whole[] = {
		{"width", &v->width}, {"height", &v->height},           {"quality", &v->quality},
		{"seed", &o->seed},   {"duration_us", &o->duration_us}, {"subjects", &o->subjects},
	};

	int r = 0;
	for (size_t i = 0; i < ARRAY_LEN(reals) && r == 0; i++)
		r = wire_real(head, reals[i].key, -1e15, 1e15, reals[i].at, err);
	for (size_t i = 0; i < ARRAY_LEN(whole) && r == 0; i++)
		r = wire_int(head, whole[i].key, -INT64_C(9000000000000000), INT64_C(9000000000000000),
		             whole[i].at, err);
	if (r == 0)
		r = wire_bool(head, "sound", &v->sound, err);
	if (r == 0)
		r = wire_bool(head, "clock", &o->clock, err);
	if (r == 0)
		r = wire_bool(head, "pan", &o->pan, err);
	if (r == 0)
		r = wire_string(head, "clock_start", 100, &v->clock_start, err);
	if (r == 0)
		r = wire_string(head, "clock_format", 100, &v->clock_format, err);
	if (r == 0)
		r = wire_string(head, "clock_set", 1000, &v->clock_set, err);
	if (r == 0)
		r = world_video_dial(v, err);
	return r < 0 ? r : wire_string(head, "path", 4096, ret_path, err);
}

static int tell_done(int64_t us, struct err *err)
{
	json_auto_t *head = json_pack("{s:I}", "us", (json_int_t)us);
	return wire_send(ROLE_SOCKET, WORLD_DONE, head, NULL, 0, 0, NULL, err);
}

/* The sound for the pictures up to t_us; *done counts its samples. */
static int add_sound(struct writer *out, const struct world *w, int64_t t_us, int64_t *done,
                     struct err *err)
{
	int16_t block[1024];
	int64_t until = t_us * SOUND_RATE / CLOCK_SECOND;
	int r = 0;
	while (r == 0 && *done < until) {
		int64_t n =
			until - *done < (int64_t)ARRAY_LEN(block) ? until - *done : (int64_t)ARRAY_LEN(block);
		sound_fill(w, *done, (size_t)n, block);
		r = writer_sound(out, block, (size_t)n, err);
		*done += n;
	}
	return r;
}

static int draw_all(const struct world_video *v, const struct world *w, struct writer *out,
                    struct err *err)
{
	size_t stride = (size_t)v->width * 3;
	AUTO(mem_freep) uint8_t *rgb = mem_alloc((size_t)v->height, stride);
	AUTO(draw_freep) struct draw *d = draw_new(w, (int)v->width, (int)v->height);
	if (!d)
		return err_set(err, ERR_ARG, "cannot draw pictures of %dx%d", (int)v->width,
		               (int)v->height);
	int64_t sound = 0, told = clock_now();
	int r = 0;
	for (int64_t k = 0, t = 0; r == 0 && t < w->o.duration_us;
	     t = llround((double)++k * 1e6 / v->fps)) {
		draw_frame(d, t, rgb, stride);
		r = writer_picture(out, t, rgb, stride, err);
		if (r == 0 && v->sound)
			r = add_sound(out, w, t, &sound, err);
		if (r == 0 && clock_now() - told > CLOCK_SECOND / 2) {
			told = clock_now();
			r = tell_done(t, err);
		}
	}
	if (r == 0 && v->sound)
		r = add_sound(out, w, w->o.duration_us, &sound, err);
	return r < 0 ? r : writer_finish(out, err);
}

static int draw_video(struct world_video *v, struct err *err)
{
	char msg[200];
	AUTO(world_freep) struct world *w = world_new(&v->world, msg, sizeof msg);
	if (!w)
		return err_set(err, ERR_ARG, "%s", msg);
	if (v->width < 16 || v->width > 4096 || v->height < 16 || v->height > 4096)
		return err_set(err, ERR_ARG, "width and height must be even and from 16 to 4096");
	AUTO(writer_freep) struct writer *out = NULL;
	struct writer_options o = {.width = (int)v->width,
	                           .height = (int)v->height,
	                           .fps = v->fps,
	                           .keyframe_s = v->keyframe_s,
	                           .quality = (int)v->quality,
	                           .sound_rate = v->sound ? SOUND_RATE : 0};
	int r = writer_open(v->path, &o, &out, err);
	return r < 0 ? r : draw_all(v, w, out, err);
}

int world_worker_main(int argc, char **argv)
{
	struct err err;
	struct wire_msg m = {0};
	struct world_video v = {0};
	AUTO(mem_freep) char *path = NULL;
	(void)argc;
	(void)argv;
	note_start();
	int r = wire_recv(ROLE_SOCKET, &WIRE_LIMITS_MAX, 0, NULL, &m, &err);
	if (r == 0 && m.type != WORLD_DRAW)
		r = err_set(&err, ERR_PROTO, "unknown request");
	if (r == 0)
		r = read_request(m.head, &v, &path, &err);
	wire_msg_clear(&m);
	free(v.clock_start);
	free(v.clock_format);
	free(v.clock_set);
	v.path = path;
	if (r == 0)
		r = draw_video(&v, &err);
	if (r == 0)
		return tell_done(v.world.duration_us, &err) < 0;
	json_auto_t *head = json_pack("{s:i, s:s}", "code", (int)err.code, "msg", err.msg);
	wire_send(ROLE_SOCKET, WORLD_ERROR, head, NULL, 0, 0, NULL, &err);
	return 1;
}
