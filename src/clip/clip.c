/* SPDX-License-Identifier: Apache-2.0 */
#include "clip/clip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/noun.h"
#include "decoder/decoder-output.h"

/* ---- the range, and the place ---- */

static int check_range(const struct clip_options *o, struct err *err)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (o->from >= 0 && o->to > o->from)
		return 0;
	return err_set(err, ERR_ARG,
	               "the range from %s to %s is empty; its end must be after its start",
	               clock_text(o->from, a), clock_text(o->to, b));
}

static int check_within(const struct clip_options *o, int64_t duration, struct err *err)
{
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	if (o->from < duration)
		return 0;
	return err_set(err, ERR_ARG,
	               "the range begins at %s, but the video ends at %s; choose a range in it",
	               clock_text(o->from, a), clock_text(duration, b));
}

static int check_place(int fd, const char *path, const struct clip_options *o, struct err *err)
{
	if (file_is_at(fd, path))
		return err_set(err, ERR_ARG, "the output %s is the video itself; choose another name",
		               path);
	if (file_is_dir(path))
		return err_set(err, ERR_ARG, "the output %s is a folder; name a file", path);
	if (!o->overwrite && file_exists(path))
		return err_set(err, ERR_ARG, "%s exists already; choose another name", path);
	return 0;
}

/* ---- the file ---- */

/* The folder of a path. The caller frees it. */
static char *folder_of(const char *path)
{
	const char *base = file_base(path);
	return base == path ? mem_strdup(".") : mem_printf("%.*s", (int)(base - path), path);
}

/* Gives the whole file its name. */
static int give_name(int fd, const char *path, bool overwrite, struct err *err)
{
	if (!overwrite)
		return file_give_name(fd, path, err);
	AUTO(mem_freep) char *part = mem_printf("%s.%ld.part", path, (long)getpid());
	int r = file_give_name(fd, part, err);
	if (r == 0 && rename(part, path) < 0) {
		r = err_sys(err, errno, "cannot write %s", path);
		unlink(part);
	}
	return r;
}

/* Far above what the encoder makes of such a video. */
static int64_t size_limit(int fd, int64_t length)
{
	const int64_t most = INT64_MAX / 16, second = 8 << 20, more = 256 << 20;
	struct stat st;
	int64_t size = fstat(fd, &st) == 0 && st.st_size < most ? st.st_size : most;
	return 2 * size + length / CLOCK_SECOND * second + more;
}

struct share {
	const struct clip_options *o;
	int64_t length;
};

static void on_done(void *ctx, int64_t at)
{
	const struct share *s = ctx;
	if (s->o->progress)
		s->o->progress(s->o->ctx, at < s->length ? (double)at / (double)s->length : 1);
}

static void set_result(const struct clip_made *m, struct clip_result *ret)
{
	ret->from = m->from;
	ret->to = m->to;
	ret->copied = !m->encoded;
	ret->frames = (size_t)m->frames;
	ret->encoded = (size_t)m->encoded;
	ret->concealed = (size_t)m->concealed;
	ret->sound = m->sound;
	ret->lost = m->lost;
	memcpy(ret->codec, m->codec, sizeof ret->codec);
}

char *clip_name(const char *video, int64_t from, int64_t to)
{
	enum { STEM_MAX = 200 };
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	AUTO(mem_freep) char *whole = file_stem(video);
	AUTO(mem_freep) char *stem = file_short_name(whole, STEM_MAX);
	clock_text(from, a);
	if (to == INT64_MAX)
		snprintf(b, sizeof b, "end");
	else
		clock_text(to, b);
	for (char *p = a; *p; p++)
		*p = *p == ':' ? '-' : *p;
	for (char *p = b; *p; p++)
		*p = *p == ':' ? '-' : *p;
	return mem_printf("%s.%s_%s.mp4", stem, a, b);
}

/* Where the clip goes: a path, or a folder that gets the usual name. */
struct target {
	const char *folder, *video; /* NULL: it is `path` */
	char *path;
};

static void clear_target(struct target *t)
{
	free(t->path);
}

/* The usual name has the end of the clip, which is known now. */
static int choose_name(struct target *t, int fd, const struct clip_options *o, int64_t duration,
                       struct err *err)
{
	if (t->path)
		return 0;
	bool clamped = o->to != INT64_MAX && o->to > duration;
	AUTO(mem_freep) char *name = clip_name(t->video, o->from, clamped ? duration : o->to);
	t->path = *t->folder ? file_join(t->folder, name) : mem_strdup(name);
	return check_place(fd, t->path, o, err);
}

/* Fills an open, empty file. */
static int fill(int fd, int out, struct target *t, const struct clip_options *o,
                struct cancel *cancel, struct clip_result *ret, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(video_info_clear) struct video_info info = {0};
	struct decoder_options options = o->decoder;
	struct clip_made made;
	struct stat st;
	options.hwaccel = NULL; /* a device may decode a little differently */
	int r = decoder_open(fd, &options, cancel, &d, err);
	if (r == 0)
		r = decoder_probe(d, &info, err);
	if (r == 0)
		r = check_within(o, info.duration, err);
	if (r == 0)
		r = choose_name(t, fd, o, info.duration, err);
	if (r < 0)
		return r;

	int64_t to = o->to < info.duration ? o->to : info.duration;
	struct share share = {o, to - o->from};
	const struct decoder_output file = {
		.fd = out, .max = size_limit(fd, to - o->from), .progress = on_done, .ctx = &share};
	r = decoder_clip(d, o->from, to, &file, &made, err);
	if (r < 0)
		return r;
	if (fstat(out, &st) < 0)
		return err_sys(err, errno, "cannot write the clip");
	if (!st.st_size)
		return err_set(err, ERR_PROTO, "the media child sent an empty clip");
	set_result(&made, ret);
	ret->duration = info.duration;
	ret->bytes = st.st_size;
	return 0;
}

static int write_to(int fd, struct target *t, const struct clip_options *o, struct cancel *cancel,
                    struct clip_result *ret, struct err *err)
{
	AUTO(fd_closep) int out = -1;
	AUTO(mem_freep)
	char *folder = t->path ? folder_of(t->path) : mem_strdup(*t->folder ? t->folder : ".");
	struct clip_result made = {0};
	int r = check_range(o, err);
	if (r == 0 && t->path)
		r = check_place(fd, t->path, o, err);
	if (r == 0)
		r = file_open_nameless(folder, &out, err);
	if (r == 0)
		r = fill(fd, out, t, o, cancel, &made, err);
	if (r == 0)
		r = give_name(out, t->path, o->overwrite, err);
	if (r == 0)
		*ret = made;
	return r;
}

int clip_write(int fd, const char *path, const struct clip_options *o, struct cancel *cancel,
               struct clip_result *ret, struct err *err)
{
	AUTO(clear_target) struct target t = {.path = mem_strdup(path)};
	return write_to(fd, &t, o, cancel, ret, err);
}

int clip_write_named(int fd, const char *folder, const char *video, const struct clip_options *o,
                     struct cancel *cancel, char **ret_path, struct clip_result *ret,
                     struct err *err)
{
	AUTO(clear_target) struct target t = {.folder = folder, .video = video};
	int r = write_to(fd, &t, o, cancel, ret, err);
	if (r == 0)
		*ret_path = TAKE(t.path);
	return r;
}

/* ---- what was made ---- */

static const char *const sound_names[CLIP_SOUNDS] = {"none", "copied", "encoded", "lost"};

static const struct {
	unsigned flag;
	const char *name, *text;
} losses[] = {
	{CLIP_LOST_HDR, "hdr", "HDR was converted to SDR"},
	{CLIP_LOST_DEPTH, "depth", "colors were converted to 8 bits, 4:2:0"},
	{CLIP_LOST_INTERLACED, "interlaced", "frames were deinterlaced"},
	{CLIP_LOST_SIZE, "size", "frames were scaled"},
};

json_t *clip_json(const struct clip_result *r)
{
	json_t *lost = json_array();
	for (size_t i = 0; i < ARRAY_LEN(losses); i++)
		if (r->lost & losses[i].flag)
			json_array_append_new(lost, json_string(losses[i].name));
	return json_pack("{s:f s:f s:b s:I s:I s:I s:s s:s s:o s:f s:I}", "from", (double)r->from / 1e6,
	                 "to", (double)r->to / 1e6, "copied", r->copied, "frames",
	                 (json_int_t)r->frames, "encoded", (json_int_t)r->encoded, "concealed",
	                 (json_int_t)r->concealed, "codec", r->codec, "sound", sound_names[r->sound],
	                 "lost", lost, "duration", (double)r->duration / 1e6, "bytes",
	                 (json_int_t)r->bytes);
}

char *clip_text(const struct clip_result *r)
{
	AUTO(buf_free) struct buf t = BUF(4096);
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];
	buf_addf(&t, "%s to %s, %zu frame%s: ", clock_text(r->from, a), clock_text(r->to, b), r->frames,
	         r->frames == 1 ? "" : "s");
	if (r->copied)
		buf_addf(&t, "copied (%s)", r->codec);
	else if (r->encoded == r->frames)
		buf_addf(&t, "encoded again (%s)", r->codec);
	else
		buf_addf(&t, "%zu encoded again, the others copied (%s)", r->encoded, r->codec);
	if (r->concealed)
		buf_addf(&t, "; %zu damaged", r->concealed);
	for (size_t i = 0; i < ARRAY_LEN(losses); i++)
		if (r->lost & losses[i].flag)
			buf_addf(&t, "; %s", losses[i].text);
	if (r->sound == CLIP_SOUND_LOST)
		buf_adds(&t, "; the sound could not be kept");
	else
		buf_addf(&t, "; %s",
		         r->sound == CLIP_SOUND_NONE     ? "no sound"
		         : r->sound == CLIP_SOUND_COPIED ? "sound copied"
		                                         : "sound encoded again (aac)");
	return mem_strdup(buf_str(&t));
}
