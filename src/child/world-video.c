/* SPDX-License-Identifier: Apache-2.0 */
#include "child/world-video.h"

#include <jansson.h>
#include <unistd.h>

#include "base/mem.h"
#include "proc/spawn.h"
#include "proc/wire.h"

void world_video_default(struct world_video *v)
{
	*v = (struct world_video){
		.width = 640, .height = 360, .fps = 10, .keyframe_s = 4, .quality = 26, .clock_speed = 1};
	world_options_default(&v->world);
}

int world_video_dial(struct world_video *v, struct err *err)
{
	char msg[200];
	if (world_dial_parse(&v->world.dial, v->clock_start ? v->clock_start : "",
	                     v->clock_format ? v->clock_format : "ymd", v->clock_speed,
	                     v->clock_set ? v->clock_set : "", msg, sizeof msg) < 0)
		return err_set(err, ERR_ARG, "%s", msg);
	return 0;
}

static json_t *request(const struct world_video *v)
{
	const struct world_options *o = &v->world;
	return json_pack(
		"{s:s s:I s:I s:f s:f s:I s:b s:I s:I s:f s:f s:f s:f s:f s:f s:f s:f s:b s:b s:I s:s s:s "
		"s:s s:f}",
		"path", v->path, "width", (json_int_t)v->width, "height", (json_int_t)v->height, "fps",
		v->fps, "keyframe_s", v->keyframe_s, "quality", (json_int_t)v->quality, "sound", v->sound,
		"seed", (json_int_t)o->seed, "duration_us", (json_int_t)o->duration_us, "events",
		o->events_per_hour, "shortest", o->event_min_s, "longest", o->event_max_s, "cuts",
		o->cuts_per_hour, "dropouts", o->dropouts_per_hour, "captions", o->captions_per_hour,
		"hour", o->start_hour, "noise", o->noise, "clock", o->clock, "pan", o->pan, "subjects",
		(json_int_t)o->subjects, "clock_start", v->clock_start ? v->clock_start : "",
		"clock_format", v->clock_format ? v->clock_format : "ymd", "clock_set",
		v->clock_set ? v->clock_set : "", "clock_speed", v->clock_speed);
}

static int reported_error(const json_t *head, struct err *err)
{
	int64_t code;
	AUTO(mem_freep) char *msg = NULL;
	int r = wire_int(head, "code", 1, ERR_INTERNAL, &code, err);
	if (r == 0)
		r = wire_string(head, "msg", 590, &msg, err);
	return r < 0 ? r : err_set(err, (enum err_code)code, "%s", msg);
}

static int draw(const struct world_video *v, void (*progress)(void *ctx, int64_t done_us),
                void *ctx, struct cancel *cancel, struct err *err)
{
	AUTO(child_freep) struct child *child = NULL;
	struct role_start start = ROLE_START("world");
	json_auto_t *head = request(v);
	if (!head)
		return err_set(err, ERR_ARG, "the path is not valid UTF-8");
	int r = child_start_role(&start, &child, err);
	if (r == 0)
		r = wire_send(child_socket(child), WORLD_DRAW, head, NULL, 0, 0, cancel, err);
	for (int64_t done = 0; r == 0 && done < v->world.duration_us;) {
		struct wire_msg m = {0};
		r = wire_recv(child_socket(child), &WIRE_LIMITS_MAX, 0, cancel, &m, err);
		if (r == 0 && m.type == WORLD_DONE)
			r = wire_int(m.head, "us", done, v->world.duration_us, &done, err);
		else if (r == 0)
			r = m.type == WORLD_ERROR ? reported_error(m.head, err)
			                          : err_set(err, ERR_PROTO, "unknown message");
		wire_msg_clear(&m);
		if (r == 0 && progress)
			progress(ctx, done);
	}
	return r;
}

int world_video_draw(const struct world_video *v, void (*progress)(void *ctx, int64_t done_us),
                     void *ctx, struct cancel *cancel, struct err *err)
{
	char msg[200];
	if (world_options_check(&v->world, msg, sizeof msg) < 0)
		return err_set(err, ERR_ARG, "%s", msg);
	int r = draw(v, progress, ctx, cancel, err);
	if (r < 0) {
		/* A child that was killed could not remove its partial file
		 * (media/writer.h). */
		AUTO(mem_freep) char *part = mem_printf("%s.part", v->path);
		unlink(part);
	}
	return r < 0 ? err_wrap(err, "cannot draw %s", v->path) : 0;
}
