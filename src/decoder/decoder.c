/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "decoder/decoder-internal.h"
#include "decoder/jpeg-check.h"
#include "decoder/timeline-cache.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"
#include "protocol/timeline-wire.h"

enum {
	HEAD_MAX = 64 << 10,      /* of a message of the child */
	BLOB_MAX = 32 << 20,      /* a picture and its thumbnail */
	GRACE = 2 * CLOCK_SECOND, /* for reaping a killed child */
};

/* of names of pixel formats, with their size */
static const char format_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_ ";

struct decoder {
	struct child *child; /* NULL after it was killed */
	struct cancel *cancel;
	int64_t timeout, memory;
	int64_t deadline; /* of the current request; 0 = none */
	int64_t peak;
	bool greeted;
	bool unlocked, background;
	int fd;                          /* to start again without a device; -1 = none */
	bool device;                     /* it may be started again without a device */
	const struct decoder_feed *feed; /* instead of a file; NULL = none */
	struct wire_msg reference;       /* sent first; type 0 if there is none */
	struct timeline_id id;           /* identifies the file and how it is opened */
	char stream[16], rate[32], gaps[8];
};

void frame_clear(struct frame *f)
{
	free(f->decode_path);
	free(f->planes_sha256);
	free(f->planes_format);
	free(f->gray);
	free(f->jpeg);
	free(f->thumb);
	free(f->fault);
	*f = (struct frame){0};
}

/* Reads the parameters of an intact file of the same camera, with a separate
 * child. */
static int load_reference(const struct decoder_options *o, struct cancel *cancel,
                          struct wire_msg *ret, struct err *err)
{
	struct decoder_options plain = *o;
	AUTO(decoder_freep) struct decoder *d = NULL;
	AUTO(fd_closep) int fd = -1;
	plain.reference = plain.hwaccel = NULL;
	plain.feed = NULL;
	int r = file_open_input(o->reference, &fd, err);
	if (r == 0)
		r = decoder_open(fd, &plain, cancel, &d, err);
	if (r == 0)
		r = decoder_request(d, MEDIA_PARAMS, NULL, err);
	if (r == 0)
		r = decoder_receive(d, MEDIA_REFERENCE, MEDIA_REFERENCE, MEDIA_PARAMS_MAX, ret, err);
	return r < 0 && r != -ERR_CANCELED ? err_wrap(err, "the reference %s", file_base(o->reference))
	                                   : r;
}

static int start_child(struct decoder *d, int fd, const char *hwaccel, struct err *err)
{
	char memory[24], size[24];
	snprintf(memory, sizeof memory, "%lld", (long long)d->memory);
	snprintf(size, sizeof size, "%lld", d->feed ? (long long)d->feed->size : -1LL);
	const char *args[] = {
		memory, d->unlocked ? "off" : "on", hwaccel, d->stream, d->rate, d->gaps, size, NULL};
	struct role_start start = ROLE_START("media");
	start.args = args;
	start.input = fd;
	int r = child_start_role(&start, &d->child, err);
	if (r == 0 && d->background)
		child_yield(d->child);
	return r;
}

static void settings_text(struct decoder *d, const struct decoder_options *o)
{
	snprintf(d->stream, sizeof d->stream, "%d", o->has_stream ? o->stream : -1);
	snprintf(d->rate, sizeof d->rate, "%.6f", o->rate);
	snprintf(d->gaps, sizeof d->gaps, "%s", o->gaps ? o->gaps : "auto");
}

/* Identifies what is decoded, and how. */
static int identify(struct decoder *d, int fd, struct err *err)
{
	struct stat st = {.st_mode = S_IFREG};
	if (d->feed)
		st.st_size = d->feed->size;
	else if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read the file");
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		return err_set(err, ERR_FORMAT, "the file is empty (0 bytes)");
	timeline_id_set(&d->id, &st, d->stream, d->rate, d->gaps);
	if (d->feed)
		timeline_id_name(&d->id, d->feed->id);
	return 0;
}

int decoder_open(int fd, const struct decoder_options *o, struct cancel *cancel,
                 struct decoder **ret, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = mem_alloc(1, sizeof *d);
	*d = (struct decoder){.cancel = cancel,
	                      .timeout = o->timeout,
	                      .memory = o->memory,
	                      .unlocked = o->sandbox && !strcmp(o->sandbox, "off"),
	                      .background = o->background,
	                      .feed = o->feed,
	                      .fd = -1};
	settings_text(d, o);
	int r = identify(d, fd, err);
	if (r < 0)
		return r;
	d->device = o->hwaccel && strcmp(o->hwaccel, "none") != 0;
	if (d->device && !d->feed && (d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 16)) < 0)
		return err_sys(err, errno, "cannot duplicate a file descriptor");
	r = o->reference && *o->reference ? load_reference(o, cancel, &d->reference, err) : 0;
	if (r == 0)
		r = start_child(d, d->feed ? -1 : fd, d->device ? o->hwaccel : "none", err);
	if (r == 0)
		*ret = TAKE(d);
	return r;
}

/* A driver that crashes or hangs ends the child. Returns whether the failed
 * request can be repeated with a new child without a device. */
static bool again_in_software(struct decoder *d, int r)
{
	struct err err;
	if (d->child || !d->device ||
	    (r != -ERR_DIED && r != -ERR_TIMEOUT && r != -ERR_LIMIT && r != -ERR_PROTO))
		return false;
	d->greeted = false;
	r = start_child(d, d->fd, "none", &err);
	fd_closep(&d->fd);
	d->fd = -1;
	d->device = false;
	log_warning("decoding with a device failed: continuing in software");
	return r == 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	child_free(d->child);
	wire_msg_clear(&d->reference);
	fd_closep(&d->fd);
	free(d);
}

int64_t decoder_peak_memory(struct decoder *d)
{
	int64_t now = d->child ? child_peak_memory(d->child) : 0;
	if (now > d->peak)
		d->peak = now;
	return d->peak;
}

/* Describes the end of the child. */
static int explain_end(struct decoder *d, struct err *err)
{
	char how[CHILD_TEXT_MAX], size[TEXT_SIZE_MAX];
	int status = child_status(d->child), sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	child_status_text(d->child, how);
	if (sig == SIGSYS)
		return err_set(err, ERR_DIED,
		               "the decoder was killed by its sandbox (SIGSYS): it made a system "
		               "call that no decoder needs; the file may be malicious");
	if (sig == SIGXCPU)
		return err_set(err, ERR_TIMEOUT, "the decoder used more processor time than allowed");
	if (sig == SIGABRT && d->memory)
		return err_set(err, ERR_LIMIT,
		               "the decoder exceeded its memory limit of %s (increase --media-memory)",
		               text_size((double)d->memory, size));
	if (sig == SIGKILL)
		return err_set(err, ERR_DIED,
		               "the decoder was killed (SIGKILL), perhaps because this machine ran out of "
		               "memory");
	if (sig)
		return err_set(err, ERR_DIED, "the decoder crashed on this file: it %s", how);
	return err_set(err, ERR_DIED, "the decoder %s", how);
}

/* Kills a child that failed, and puts the reason into err, which must contain
 * the error of the wire. */
int decoder_give_up(struct decoder *d, struct err *err)
{
	struct err own;
	char limit[CLOCK_TEXT_MAX];
	int code = (int)err->code;
	decoder_peak_memory(d);
	if (code == ERR_DIED && child_wait(d->child, clock_now() + GRACE, NULL, &own) == 0)
		code = -explain_end(d, err);
	else if (code == ERR_TIMEOUT)
		err_limit(err, ERR_TIMEOUT, "media-timeout",
		          "decoding took longer than %s and was stopped (increase --media-timeout)",
		          clock_short(d->timeout, limit));
	else if (code == ERR_PROTO)
		err_set(err, ERR_PROTO, "the decoder violated its protocol and was stopped: %s", err->msg);
	child_free(TAKE(d->child));
	return -code;
}

/* Reads an ERROR message into err. A malformed one is a violation of the
 * protocol. */
static int read_error(struct decoder *d, const json_t *head, struct err *err)
{
	int64_t code;
	AUTO(mem_freep) char *msg = NULL;
	int r = wire_int(head, "code", ERR_ARG, ERR_INTERNAL, &code, err);
	if (r == 0)
		r = wire_string(head, "msg", MEDIA_TEXT_MAX, &msg, err);
	if (r < 0)
		return decoder_give_up(d, err);
	if (code == ERR_LIMIT && d->memory && strstr(msg, "memory")) {
		char size[TEXT_SIZE_MAX];
		err_set(err, ERR_LIMIT, "%s: %s (increase --media-memory)", msg,
		        text_size((double)d->memory, size));
	} else {
		err_set(err, (enum err_code)code, "%s", msg);
	}
	child_free(TAKE(d->child));
	return -(int)code;
}

/* Gives the child the bytes that it asks for. */
static int serve_bytes(struct decoder *d, const json_t *head, struct err *err)
{
	int64_t pos, len, size = d->feed->size, began = clock_now();
	int r = wire_int(head, "pos", 0, size - 1, &pos, err);
	if (r == 0)
		r = wire_int(head, "len", 1, MEDIA_WANT_MAX, &len, err);
	if (r == 0 && len > size - pos)
		r = err_set(err, ERR_PROTO, "bytes after the end of the video were asked for");
	if (r < 0)
		return decoder_give_up(d, err);

	AUTO(mem_freep) unsigned char *data = mem_alloc((size_t)len, 1);
	r = d->feed->read(d->feed->ctx, pos, data, (size_t)len, d->cancel, err);
	if (r < 0)
		return decoder_stop(d, r);
	if (d->deadline)
		d->deadline += clock_now() - began;
	const struct wire_part part = {data, (size_t)len};
	r = wire_send(child_socket(d->child), MEDIA_BYTES, NULL, &part, 1, d->deadline, d->cancel, err);
	return r < 0 ? decoder_give_up(d, err) : 0;
}

/* Receives the next message for the caller. */
static int receive(struct decoder *d, size_t blob, struct wire_msg *ret, struct err *err)
{
	const struct wire_limits limits = {.head = HEAD_MAX, .blob = blob};
	for (;;) {
		int r = wire_recv(child_socket(d->child), &limits, d->deadline, d->cancel, ret, err);
		if (r < 0)
			return decoder_give_up(d, err);
		if (ret->type != MEDIA_WANT || !d->feed)
			return 0;
		r = serve_bytes(d, ret->head, err);
		wire_msg_clear(ret);
		if (r < 0)
			return r;
	}
}

/* Receives the next message, which must have an allowed type. Anything else
 * ends the child. */
int decoder_receive(struct decoder *d, uint32_t type, uint32_t other, size_t blob,
                    struct wire_msg *ret, struct err *err)
{
	int r = receive(d, blob, ret, err);
	if (r < 0)
		return r;
	if (ret->type == type || ret->type == other)
		return 0;
	if (ret->type == MEDIA_ERROR) {
		r = read_error(d, ret->head, err);
	} else {
		err_set(err, ERR_PROTO, "unexpected message of type %u", ret->type);
		r = decoder_give_up(d, err);
	}
	wire_msg_clear(ret);
	return r;
}

static int send_reference(struct decoder *d, struct err *err)
{
	const struct wire_part part = {d->reference.blob, d->reference.blob_len};
	int r = wire_send(child_socket(d->child), MEDIA_REFERENCE, d->reference.head, &part, 1,
	                  d->deadline, d->cancel, err);
	if (!d->device)
		wire_msg_clear(&d->reference);
	return r < 0 ? decoder_give_up(d, err) : 0;
}

/* Logged once, not by every child of a job. */
static void tell_missing_device(const char *why)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;
	AUTO(mem_freep) char *line = why && *why ? text_line(why, MEDIA_TEXT_MAX) : NULL;
	if (line && !atomic_flag_test_and_set(&told))
		log_warning("no device can decode; using the CPU (%s)", line);
}

/* Sends the timeline that another child has measured for this file, so that
 * this one need not. */
static int send_timeline(struct decoder *d, struct err *err)
{
	size_t len;
	AUTO(mem_freep) unsigned char *data = timeline_cache_get(&d->id, &len);
	const struct wire_part part = {data, len};
	int r = data ? wire_send(child_socket(d->child), MEDIA_TIMELINE, NULL, &part, 1, d->deadline,
	                         d->cancel, err)
	             : 0;
	return r < 0 ? decoder_give_up(d, err) : 0;
}

static int greet(struct decoder *d, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	int64_t version;
	int r = decoder_receive(d, MEDIA_HELLO, MEDIA_HELLO, 0, &m, err);
	if (r == -ERR_DIED || r == -ERR_PROTO)
		err_add(err, "it had not begun to read the video: if others fail too, install vdet again");
	if (r < 0)
		return r;
	if (wire_int(m.head, "version", MEDIA_VERSION, MEDIA_VERSION, &version, err) < 0)
		return decoder_give_up(d, err);
	d->greeted = true;
	tell_missing_device(json_string_value(json_object_get(m.head, "why")));
	r = d->reference.type ? send_reference(d, err) : 0;
	return r == 0 ? send_timeline(d, err) : r;
}

unsigned char *decoder_timeline(int fd, const struct decoder_options *o, size_t *ret_len)
{
	struct decoder d = {.feed = o->feed};
	settings_text(&d, o);
	*ret_len = 0;
	return identify(&d, fd, NULL) < 0 ? NULL : timeline_cache_get(&d.id, ret_len);
}

int decoder_timeline_set(const struct decoder_options *o, const unsigned char *data, size_t len,
                         struct err *err)
{
	struct decoder d = {.feed = o->feed};
	struct timeline t;
	settings_text(&d, o);
	int r = identify(&d, -1, err);
	if (r < 0)
		return r;
	if (!timeline_read(data, len, &t))
		return err_set(err, ERR_PROTO, "the timeline of the video is malformed");
	timeline_clear(&t);
	timeline_cache_put(&d.id, data, len);
	return 0;
}

void decoder_more_time(struct decoder *d)
{
	d->deadline = d->timeout ? clock_now() + d->timeout : 0;
	child_limit_cpu(d->child, d->timeout ? d->timeout / CLOCK_SECOND + 5 : 0);
}

int decoder_stop(struct decoder *d, int r)
{
	child_free(TAKE(d->child));
	return r;
}

int decoder_request(struct decoder *d, uint32_t type, const json_t *head, struct err *err)
{
	struct err own;
	err = err ? err : &own;
	if (!d->child)
		return err_set(err, ERR_DIED, "the decoder has ended");
	decoder_more_time(d);
	int r = d->greeted ? 0 : greet(d, err);
	if (r < 0)
		return r;
	r = wire_send(child_socket(d->child), type, head, NULL, 0, d->deadline, d->cancel, err);
	return r < 0 ? decoder_give_up(d, err) : 0;
}

int decoder_probe(struct decoder *d, struct video_info *ret, struct err *err)
{
	struct err own;
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	AUTO(video_info_clear) struct video_info v = {0};
	err = err ? err : &own;
	int r;
	do {
		r = decoder_request(d, MEDIA_PROBE, NULL, err);
		if (r == 0)
			r = decoder_receive(d, MEDIA_INFO, MEDIA_INFO, TIMELINE_BYTES_MAX, &m, err);
	} while (r < 0 && again_in_software(d, r));
	if (r < 0)
		return r;
	if (decoder_read_info(m.head, &v, err) < 0)
		return decoder_give_up(d, err);
	decoder_peak_memory(d);
	timeline_cache_put(&d->id, m.blob, m.blob_len);
	*ret = v;
	v = (struct video_info){0};
	return 0;
}

static int take_bytes(const unsigned char *data, size_t len, unsigned char **ret, size_t *ret_len)
{
	if (!len)
		return 0;
	*ret = mem_alloc(len, 1);
	memcpy(*ret, data, len);
	*ret_len = len;
	return 0;
}

/* Both are empty unless they were requested. */
static int read_identity(const json_t *head, const struct frame_request *req, struct frame *f,
                         struct err *err)
{
	int r = wire_string(head, "planes_sha256", HASH_HEX - 1, &f->planes_sha256, err);
	if (r == 0)
		r = wire_string(head, "planes_format", MEDIA_FORMAT_MAX, &f->planes_format, err);
	if (r == 0)
		r = wire_string(head, "gray", MEDIA_GRAY_HEX, &f->gray, err);
	if (r < 0)
		return r;
	size_t levels = strspn(f->gray, "0123456789abcdef");
	if (f->gray[levels] || levels != (req->identify ? MEDIA_GRAY_HEX : 0))
		return err_set(err, ERR_PROTO, "the identity of a frame has wrong gray levels");
	if (!f->planes_sha256[0] && !f->planes_format[0])
		return 0;
	if (!req->identify || !hash_is_hex(f->planes_sha256) || !f->planes_format[0] ||
	    strspn(f->planes_format, format_letters) != strlen(f->planes_format))
		return err_set(err, ERR_PROTO, "the identity of a frame is malformed");
	return 0;
}

static int read_frame(const struct wire_msg *m, size_t i, const struct frame_request *req,
                      struct frame *f, struct err *err)
{
	int64_t index, w, h, jpeg, thumb;
	int r = wire_int(m->head, "i", (int64_t)i, (int64_t)i, &index, err);
	if (r == 0 && json_object_get(m->head, "fault"))
		return wire_string(m->head, "fault", MEDIA_TEXT_MAX, &f->fault, err);
	if (r == 0)
		r = wire_int(m->head, "pts", -DECODER_LATEST, DECODER_LATEST, &f->pts, err);
	if (r == 0)
		r = wire_int(m->head, "width", 1, req->size, &w, err);
	if (r == 0)
		r = wire_int(m->head, "height", 1, req->size, &h, err);
	if (r == 0)
		r = wire_int(m->head, "jpeg", 1, (int64_t)m->blob_len, &jpeg, err);
	if (r == 0)
		r = wire_int(m->head, "thumb", !!req->thumb_size, (int64_t)m->blob_len, &thumb, err);
	if (r == 0)
		r = wire_string(m->head, "decode_path", 32, &f->decode_path, err);
	if (r == 0)
		r = read_identity(m->head, req, f, err);
	if (r < 0)
		return r;

	if ((size_t)(jpeg + thumb) != m->blob_len || (!req->thumb_size && thumb))
		return err_set(err, ERR_PROTO, "the lengths of the pictures of a frame are wrong");
	int tw = f->width = (int)w, th = f->height = (int)h;
	jpeg_thumb_size(&tw, &th, req->thumb_size);

	r = jpeg_check(m->blob, (size_t)jpeg, (int)w, (int)h, err);
	if (r == 0 && thumb)
		r = jpeg_check(m->blob + jpeg, (size_t)thumb, tw, th, err);
	if (r < 0)
		return r;

	take_bytes(m->blob, (size_t)jpeg, &f->jpeg, &f->jpeg_len);
	return take_bytes(m->blob + jpeg, (size_t)thumb, &f->thumb, &f->thumb_len);
}

static int check_request(const struct frame_request *req, struct err *err)
{
	if (req->n < 1 || req->n > MEDIA_TIMES_MAX || req->size < MEDIA_SIZE_MIN ||
	    req->size > MEDIA_SIZE_MAX || req->thumb_size < 0 || req->thumb_size > MEDIA_SIZE_MAX ||
	    req->quality < 1 || req->quality > 100)
		return err_set(err, ERR_ARG, "invalid request: %zu frames of size %d, %d and quality %d",
		               req->n, req->size, req->thumb_size, req->quality);
	return 0;
}

static int ask_frames(struct decoder *d, const struct frame_request *req, struct err *err)
{
	json_auto_t *times = json_array();
	for (size_t i = 0; i < req->n; i++)
		json_array_append_new(times, json_integer(req->times[i]));
	json_auto_t *head = json_pack("{s:O s:i s:i s:i s:b s:b}", "times", times, "size", req->size,
	                              "thumb_size", req->thumb_size, "quality", req->quality,
	                              "keyframes", req->keyframes, "identify", req->identify);
	return decoder_request(d, MEDIA_FRAMES, head, err);
}

/* The receiver of the frames, and the number that it has received. */
struct taker {
	int (*fn)(void *ctx, size_t i, struct frame *f);
	void *ctx;
	size_t done;
	bool stopped;
};

static int take_frames(struct decoder *d, const struct frame_request *req, struct taker *t,
                       struct err *err)
{
	int r = ask_frames(d, req, err);
	for (size_t i = 0; i < req->n && r == 0; i++) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		AUTO(frame_clear) struct frame f = {.time = req->times[i]};
		r = decoder_receive(d, MEDIA_FRAME, MEDIA_FRAME, BLOB_MAX, &m, err);
		if (r < 0)
			return r;
		if (read_frame(&m, i, req, &f, err) < 0)
			return decoder_give_up(d, err);
		r = t->fn(t->ctx, t->done++, &f);
		t->stopped = r < 0;
		if (r < 0)
			return decoder_stop(d, r);
	}
	AUTO(wire_msg_clear) struct wire_msg done = {0};
	if (r == 0)
		r = decoder_receive(d, MEDIA_DONE, MEDIA_DONE, 0, &done, err);
	if (r == 0)
		decoder_peak_memory(d);
	return r;
}

int decoder_frames(struct decoder *d, const struct frame_request *req,
                   int (*fn)(void *ctx, size_t i, struct frame *f), void *ctx, struct err *err)
{
	struct err own;
	struct taker t = {.fn = fn, .ctx = ctx};
	struct frame_request rest = *req;
	err = err ? err : &own;
	int r = check_request(req, err);
	if (r == 0)
		r = take_frames(d, req, &t, err);
	if (r == 0 || t.stopped || t.done == req->n || !again_in_software(d, r))
		return r;
	rest.times += t.done;
	rest.n -= t.done;
	return take_frames(d, &rest, &t, err);
}
