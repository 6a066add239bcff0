/* SPDX-License-Identifier: Apache-2.0 */
/* The program that unit tests start as their child: the real roles, a media
 * role that sends wrong data (VDET_LIE names which), and roles that try to
 * break out of the sandbox. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "child/roles.h"
#include "media/jpeg.h"
#include "proc/sandbox.h"
#include "proc/spawn.h"
#include "proc/template.h"
#include "proc/wire.h"
#include "protocol/media-wire.h"

static void say(uint32_t type, json_t *head, const void *blob, size_t len)
{
	const struct wire_part part = {blob, len};
	wire_send(ROLE_SOCKET, type, head, &part, 1, 0, NULL, NULL);
	json_decref(head);
}

static void say_raw(const void *data, size_t len)
{
	send(ROLE_SOCKET, data, len, MSG_NOSIGNAL);
}

static void hear(void)
{
	struct wire_msg m = {0};
	if (wire_recv(ROLE_SOCKET, &WIRE_LIMITS_MAX, 0, NULL, &m, NULL) < 0)
		exit(0);
	wire_msg_clear(&m);
}

/* A JPEG of 64x48. */
static void make_jpeg(struct buf *out)
{
	AUTO(jpeg_freep) struct jpeg *j = jpeg_new();
	AUTO(av_frame_free) AVFrame *f = av_frame_alloc();
	f->format = AV_PIX_FMT_YUV420P;
	f->width = 64;
	f->height = 48;
	f->color_range = AVCOL_RANGE_JPEG;
	av_frame_get_buffer(f, 0);
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? 24 : 48); y++)
			memset(f->data[p] + (ptrdiff_t)y * f->linesize[p], 128 + y, p ? 32 : 64);
	jpeg_encode(j, f, 80, out, NULL);
}

static json_t *frame_head(int i, int w, int h, size_t jpeg)
{
	return json_pack("{s:i s:i s:i s:i s:s s:s s:s s:s s:I s:i}", "i", i, "pts", 0, "width", w,
	                 "height", h, "decode_path", "software", "planes_sha256", "", "planes_format",
	                 "", "gray", "", "jpeg", (json_int_t)jpeg, "thumb", 0);
}

static void lie_in_identity(const char *how, const struct buf *jpeg)
{
	static const char good[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
					  upper[] = "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef";
	json_t *head = frame_head(0, 64, 48, jpeg->len);
	bool is_unasked = !strcmp(how, "unasked-hash");
	if (is_unasked || !strcmp(how, "bad-format"))
		json_object_set_new(head, "planes_sha256", json_string(good));
	else if (!strcmp(how, "bad-hash"))
		json_object_set_new(head, "planes_sha256", json_string(upper));
	else if (!strcmp(how, "bad-gray-format"))
		json_object_set_new(head, "gray", json_string(good));
	else if (!strcmp(how, "no-hash"))
		json_object_del(head, "planes_sha256");
	const char *format = !strcmp(how, "bad-format") ? "yuv420p <b>" : "yuv420p 64x48";
	json_object_set_new(head, "planes_format", json_string(format));
	say(MEDIA_FRAME, head, jpeg->data, jpeg->len);
}

static void lie_in_frames(const char *how, const struct buf *jpeg)
{
	if (!strcmp(how, "honest")) {
		say(MEDIA_FRAME, frame_head(0, 64, 48, jpeg->len), jpeg->data, jpeg->len);
		say(MEDIA_DONE, NULL, NULL, 0);
	} else if (!strcmp(how, "cut-jpeg")) {
		say(MEDIA_FRAME, frame_head(0, 64, 48, jpeg->len / 2), jpeg->data, jpeg->len / 2);
	} else if (!strcmp(how, "long-jpeg")) {
		say(MEDIA_FRAME, frame_head(0, 64, 48, jpeg->len + 1), jpeg->data, jpeg->len + 1);
	} else if (!strcmp(how, "wrong-size")) {
		say(MEDIA_FRAME, frame_head(0, 640, 480, jpeg->len), jpeg->data, jpeg->len);
	} else if (!strcmp(how, "too-wide")) {
		say(MEDIA_FRAME, frame_head(0, 6400, 48, jpeg->len), jpeg->data, jpeg->len);
	} else if (!strcmp(how, "wrong-index")) {
		say(MEDIA_FRAME, frame_head(1, 64, 48, jpeg->len), jpeg->data, jpeg->len);
	} else if (!strcmp(how, "wrong-length")) {
		say(MEDIA_FRAME, frame_head(0, 64, 48, jpeg->len + 1000), jpeg->data, jpeg->len);
	} else if (!strcmp(how, "one-more")) {
		say(MEDIA_FRAME, frame_head(0, 64, 48, jpeg->len), jpeg->data, jpeg->len);
		say(MEDIA_FRAME, frame_head(1, 64, 48, jpeg->len), jpeg->data, jpeg->len);
	} else if (!strcmp(how, "done-early")) {
		say(MEDIA_DONE, NULL, NULL, 0);
	} else if (!strcmp(how, "driver")) {
		say(MEDIA_FRAME, frame_head(0, 64, 48, jpeg->len), jpeg->data, jpeg->len);
		raise(SIGSEGV);
	} else if (!strcmp(how, "half")) {
		say_raw("VDW1\x21\0\0\0\x10\0\0\0\0\0\0\0{\"i\":", 21);
		exit(0);
	}
}

/* How a clip of the range from 1 to 3 s ends. */
static void lie_in_clips(const char *how)
{
	static const struct {
		const char *how;
		json_int_t from, to, frames, encoded, concealed;
		int sound, lost;
		const char *codec;
	} ends[] = {
		{"clip", 1000000, 2900000, 48, 5, 2, 2, 4, "h264"},
		{"clip-before", 999999, 2900000, 48, 5, 2, 2, 4, "h264"},
		{"clip-after", 1000000, 3000001, 48, 5, 2, 2, 4, "h264"},
		{"clip-backwards", 2900000, 1000000, 48, 5, 2, 2, 4, "h264"},
		{"clip-empty", 1000000, 2900000, 0, 0, 0, 2, 0, "h264"},
		{"clip-endless", 1000000, 2900000, INT64_MAX, 5, 2, 2, 4, "h264"},
		{"clip-encoded", 1000000, 2900000, 48, 49, 2, 2, 4, "h264"},
		{"clip-concealed", 1000000, 2900000, 48, 5, 6, 2, 4, "h264"},
		{"clip-sound", 1000000, 2900000, 48, 5, 2, 4, 4, "h264"},
		{"clip-lost", 1000000, 2900000, 48, 5, 2, 2, 16, "h264"},
		{"clip-copied", 1000000, 2900000, 48, 0, 0, 2, 4, "h264"},
		{"clip-long", 1000000, 2900000, 48, 5, 2, 2, 4, "h264h264h264h264h264h264h264h264"},
	};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (!strcmp(how, ends[i].how))
			say(MEDIA_DONE,
			    json_pack("{s:I s:I s:I s:I s:I s:i s:i s:s}", "from", ends[i].from, "to",
			              ends[i].to, "frames", ends[i].frames, "encoded", ends[i].encoded,
			              "concealed", ends[i].concealed, "sound", ends[i].sound, "lost",
			              ends[i].lost, "codec", ends[i].codec),
			    NULL, 0);
	if (!strcmp(how, "clip-silent"))
		say(MEDIA_DONE, NULL, NULL, 0);
	if (!strcmp(how, "clip-large"))
		say(MEDIA_DATA, json_pack("{s:i s:i}", "pos", 1000, "at", 0), "x", 1);
	if (!strcmp(how, "clip-far"))
		say(MEDIA_DATA, json_pack("{s:I s:i}", "pos", (json_int_t)1 << 60, "at", 0), "x", 1);
}

/* The text tracks of a file, and then a wrong end. */
static void lie_in_texts(const char *how)
{
	const char *const bad[][2] = {
		{"texts-track", "{\"at\":0,\"segments\":[[1,0,1,\"\",\"x\"]]}"},
		{"texts-back", "{\"at\":-1,\"segments\":[]}"},
		{"texts", "{\"at\":5,\"segments\":[[0,0,1,\"\",\"x\"]]}"},
		{"texts-end", "{\"at\":5,\"segments\":[[0,0,1,\"\",\"x\"]]}"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (strcmp(how, bad[i][0]) != 0)
			continue;
		say(MEDIA_TRACKS,
		    json_pack("{s:[{s:i s:s s:s s:s s:s}]}", "tracks", "index", 1, "format", "subrip",
		              "language", "", "title", "", "fault", ""),
		    NULL, 0);
		say(MEDIA_SEGMENTS, json_loads(bad[i][1], 0, NULL), NULL, 0);
		say(MEDIA_DONE, json_pack("{s:[i] s:b}", "unread", strcmp(how, "texts") ? -1 : 0, "cut", 0),
		    NULL, 0);
	}
	if (!strcmp(how, "texts-list"))
		say(MEDIA_TRACKS, json_pack("{s:{}}", "tracks"), NULL, 0);
}

/* 16 samples of sound, and then a wrong end. */
static void lie_in_sound(const char *how)
{
	static const struct {
		const char *how;
		size_t bytes;
		int ended; /* -1: the end does not say */
	} cases[] = {{"pcm", 16, 1},
	             {"pcm-long", 34, 1},
	             {"pcm-odd", 15, 1},
	             {"pcm-short", 16, 0},
	             {"pcm-end", 32, -1}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (strcmp(how, cases[i].how) != 0)
			continue;
		say(MEDIA_PCM, json_pack("{s:i}", "at", 1), "abababababababababababababababababab",
		    cases[i].bytes);
		say(MEDIA_DONE,
		    cases[i].ended < 0 ? NULL : json_pack("{s:b s:[]}", "ended", cases[i].ended, "lost"),
		    NULL, 0);
	}
}

/* Asks for bytes that may not be asked for. */
static void lie_in_wants(const char *how)
{
	static const struct {
		const char *how;
		json_int_t pos, len;
	} wants[] = {{"want", 0, 1},
	             {"want-after", 1, INT64_MAX},
	             {"want-before", -1, 1},
	             {"want-much", 0, MEDIA_WANT_MAX + 1},
	             {"want-nothing", 0, 0}};
	for (size_t i = 0; i < ARRAY_LEN(wants); i++)
		if (!strcmp(how, wants[i].how))
			say(MEDIA_WANT, json_pack("{s:I s:I}", "pos", wants[i].pos, "len", wants[i].len), NULL,
			    0);
}

static void lie_in_words(const char *how)
{
	if (!strcmp(how, "rubbish"))
		say_raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 35);
	else if (!strcmp(how, "huge-blob"))
		say_raw("VDW1\x21\0\0\0\2\0\0\0\xff\xff\xff\xff{}", 18);
	else if (!strcmp(how, "huge-head"))
		say_raw("VDW1\x21\0\0\0\xff\xff\xff\x7f\0\0\0\0{}", 18);
	else if (!strcmp(how, "no-json"))
		say_raw("VDW1\x21\0\0\0\4\0\0\0\0\0\0\0nope", 20);
	else if (!strcmp(how, "wrong-type"))
		say(MEDIA_HELLO, json_pack("{s:i}", "version", MEDIA_VERSION), NULL, 0);
	else if (!strcmp(how, "wrong-code"))
		say(MEDIA_ERROR, json_pack("{s:i s:s}", "code", 99, "msg", "x"), NULL, 0);
	else if (!strcmp(how, "escape"))
		say(MEDIA_ERROR, json_pack("{s:i s:s}", "code", ERR_FORMAT, "msg", "\x1b[2Jgone\n\x07"),
		    NULL, 0);
	else if (!strcmp(how, "exit"))
		exit(3);
	else if (!strcmp(how, "abort"))
		abort();
	else if (!strcmp(how, "crash"))
		raise(SIGSEGV);
	else if (!strcmp(how, "killed"))
		raise(SIGKILL);
	else if (!strcmp(how, "sigsys"))
		raise(SIGSYS);
	else if (!strcmp(how, "notify") && write(ROLE_INPUT, "x", 1) != 1)
		exit(4);
	else if (!strcmp(how, "trickle"))
		for (;; usleep(1000))
			say_raw("V", 0);
}

static _Noreturn void liar_main(const char *how)
{
	AUTO(buf_free) struct buf jpeg = BUF(1 << 20);
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL); /* a sanitizer would catch it */
	make_jpeg(&jpeg);
	if (!strcmp(how, "wrong-version"))
		say(MEDIA_HELLO, json_pack("{s:i}", "version", MEDIA_VERSION + 1), NULL, 0);
	else if (strcmp(how, "no-hello") != 0)
		say(MEDIA_HELLO, json_pack("{s:i}", "version", MEDIA_VERSION), NULL, 0);
	for (;;) {
		hear();
		lie_in_words(how);
		lie_in_frames(how, &jpeg);
		if (strstr(how, "-hash") || strstr(how, "-format"))
			lie_in_identity(how, &jpeg);
		lie_in_clips(how);
		lie_in_texts(how);
		lie_in_sound(how);
		lie_in_wants(how);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

/* Returns what the call returned; errno says more. */
static long attempt(const char *what)
{
	char *argv[] = {"true", NULL};
	pthread_t thread;
	if (!strcmp(what, "open"))
		return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (!strcmp(what, "open-device"))
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!strcmp(what, "load-library"))
		return dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL) ? 0 : -1;
	if (!strcmp(what, "create"))
		return open("/tmp/vdet-must-not-exist", O_WRONLY | O_CREAT, 0600);
	if (!strcmp(what, "stat"))
		return stat("/etc/passwd", &(struct stat){0});
	if (!strcmp(what, "unlink"))
		return unlink("/tmp/vdet-must-not-exist");
	if (!strcmp(what, "write-input"))
		return write(ROLE_INPUT, "x", 1);
	if (!strcmp(what, "kill"))
		return kill(getppid(), 0);
	if (!strcmp(what, "dup"))
		return dup(ROLE_SOCKET);
	if (!strcmp(what, "limits"))
		return setrlimit(RLIMIT_CPU, &(struct rlimit){1000, 1000});
	if (!strcmp(what, "memory"))
		return malloc((size_t)1 << 30) ? 0 : -1;
	if (!strcmp(what, "memory-below"))
		return malloc((size_t)16 << 20) ? 0 : -1;
	if (!strcmp(what, "socket"))
		return socket(AF_INET, SOCK_STREAM, 0);
	if (!strcmp(what, "exec"))
		return execv("/bin/true", argv);
	if (!strcmp(what, "fork"))
		return fork();
	if (!strcmp(what, "thread"))
		return pthread_create(&thread, NULL, nothing, NULL) ? -1 : 0;
	if (!strcmp(what, "begin-thread")) /* the kernel's error, not the filter's */
		return syscall(SYS_rseq, NULL, 0, 0, 0);
	if (!strcmp(what, "ptrace"))
		return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
	if (!strcmp(what, "exec-memory"))
		return (long)mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return -2;
}

static int prisoner_main(const char *what, bool devices)
{
	const struct sandbox s = {.enforce = true, .memory = 256 << 20, .devices = devices};
	struct err err;
	json_object_seed(1);
	if ((devices && sandbox_devices(&err) < 0) || sandbox_limit(&s, &err) < 0 ||
	    sandbox_enter(&s, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 9;
	}
	errno = 0;
	long result = attempt(what);
	say(1, json_pack("{s:I s:i}", "result", (json_int_t)result, "errno", errno), NULL, 0);
	return 0;
}

/* Prints which descriptors are open, and which signals are blocked or ignored. */
static int inventory_main(void)
{
	json_t *fds = json_array();
	for (int fd = 0; fd < 100; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			json_array_append_new(fds, json_integer(fd));
	sigset_t blocked;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	say(1,
	    json_pack("{s:o s:b s:b}", "fds", fds, "int_blocked", sigismember(&blocked, SIGINT),
	              "leader", getpgrp() == getpid()),
	    NULL, 0);
	hear();
	return 5;
}

static int run(const char *role, int argc, char **argv)
{
	const char *how = getenv("VDET_LIE");
	if (!strcmp(role, "prisoner"))
		return prisoner_main(argv[0], false);
	if (!strcmp(role, "prisoner-with-device"))
		return prisoner_main(argv[0], true);
	if (!strcmp(role, "inventory"))
		return inventory_main();
	/* A driver does harm only where a device is used. */
	bool good = how && !strcmp(how, "driver") && argc > 2 && !strcmp(argv[2], "none");
	if (!strcmp(role, "media") && how && !good)
		liar_main(how);
	return worker_main(role, argc, argv);
}

int main(int argc, char **argv)
{
	return argc < 3 || strcmp(argv[1], "-x") != 0 ? 2 : template_main(argc, argv, run);
}
