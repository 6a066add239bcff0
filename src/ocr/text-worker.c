/* SPDX-License-Identifier: Apache-2.0 */
/* The role `text` of vdet-text: reads the writing in JPEGs for the parent on
 * the socket, in its sandbox. The protocol is in protocol/text-wire.h. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "ocr/ocr.h"
#include "ocr/ppocr.h"
#include "proc/sandbox.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/text-wire.h"

static int tell(uint32_t type, const json_t *head, struct err *err)
{
	return wire_send(ROLE_SOCKET, type, head, NULL, 0, 0, NULL, err);
}

static int tell_error(const struct err *why, struct err *err)
{
	AUTO(mem_freep) char *msg = text_line(why->msg, TEXT_ERROR_MAX);
	json_auto_t *head = json_pack("{s:i, s:s}", "code", (int)why->code, "msg", msg);
	return tell(TEXT_MSG_ERROR, head, err);
}

/* The library prints statistics of pictures that it finds odd. What a sanitizer
 * prints is kept. */
static void be_quiet(void)
{
	AUTO(fd_closep) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && strcmp(sandbox_name(), "none") != 0)
		dup2(fd, STDERR_FILENO);
}

/* One of both reads. */
struct readers {
	struct ocr *tesseract;
	struct ppocr *ppocr;
	char data[HASH_HEX]; /* SHA-256 of what it reads with */
};

static void readers_clear(struct readers *r)
{
	ocr_free(r->tesseract);
	ppocr_free(r->ppocr);
}

static const char *name_of(const struct readers *r)
{
	return r->ppocr ? ppocr_name(r->ppocr) : ocr_version();
}

/* Native code of a library that the user names: it is loaded where it can open
 * nothing but libraries, and neither connect nor start anything. */
static int load_library(const char *library, const char *models, const struct sandbox *s,
                        struct ppocr **ret, struct err *err)
{
	AUTO(ppocr_freep) struct ppocr *p = NULL;
	AUTO(mem_freep) char *folder = mem_strdup(library);
	const struct sandbox loading = {.enforce = s->enforce, .loading = true};
	int r = ppocr_open(models, &p, err);
	if (r < 0)
		return r;
	*strrchr(folder, '/') = '\0';
	if (s->enforce)
		r = sandbox_library(*folder ? folder : "/", err);
	if (r == 0)
		r = sandbox_enter(&loading, err);
	if (r == 0)
		r = ppocr_start(p, library, err);
	if (r == 0)
		*ret = TAKE(p);
	return r;
}

/* Does everything that the sandbox does not allow, then enters it. */
static int settle(int argc, char **argv, struct readers *ret, struct err *err)
{
	if (argc != 6 || (*argv[4] && *argv[4] != '/'))
		return err_set(err, ERR_ARG,
		               "the role text takes a memory limit, a sandbox, languages, a folder, the "
		               "path of a library and a folder");
	const struct sandbox s = {.enforce = strcmp(argv[1], "off") != 0,
	                          .memory = strtoll(argv[0], NULL, 10)};
	json_object_seed(0);
	tzset();
	be_quiet();
	int r = *argv[4] ? 0 : ocr_open(argv[2], argv[3], &ret->tesseract, err);
	if (r == 0 && ret->tesseract)
		r = ocr_data(ret->tesseract, argv[2], ret->data, err);
	if (r == 0)
		r = sandbox_limit(&s, err);
	if (r == 0 && *argv[4])
		r = load_library(argv[4], argv[5], &s, &ret->ppocr, err);
	if (r == 0 && ret->ppocr)
		snprintf(ret->data, sizeof ret->data, "%s", ppocr_data(ret->ppocr));
	return r < 0 ? r : sandbox_enter(&s, err);
}

static int on_read(struct readers *o, const struct wire_msg *m, struct err *err)
{
	int64_t mode, x, y, w, h, turn;
	int r = wire_int(m->head, "mode", 0, TEXT_WIRE_MODES - 1, &mode, err);
	if (r == 0)
		r = wire_int(m->head, "x", 0, TEXT_SCALE - 1, &x, err);
	if (r == 0)
		r = wire_int(m->head, "y", 0, TEXT_SCALE - 1, &y, err);
	if (r == 0)
		r = wire_int(m->head, "w", 1, TEXT_SCALE, &w, err);
	if (r == 0)
		r = wire_int(m->head, "h", 1, TEXT_SCALE, &h, err);
	if (r == 0)
		r = wire_int(m->head, "turn", 0, 270, &turn, err);
	if (r == 0 && (m->type != TEXT_MSG_READ || turn % 90))
		r = err_set(err, ERR_PROTO, "a request of unknown type");
	if (r < 0)
		return r;
	const struct ocr_request q = {(int)mode, (int)x, (int)y, (int)w, (int)h, (int)turn};
	json_auto_t *lines = NULL;
	r = o->ppocr ? ppocr_read(o->ppocr, m->blob, m->blob_len, &q, &lines, err)
	             : ocr_read(o->tesseract, m->blob, m->blob_len, &q, &lines, err);
	if (r < 0)
		return r;
	json_auto_t *head = json_pack("{s:O}", "lines", lines);
	return tell(TEXT_MSG_LINES, head, err);
}

int text_worker_main(int argc, char **argv)
{
	const struct wire_limits limits = {.head = 4 << 10, .blob = TEXT_JPEG_MAX};
	AUTO(readers_clear) struct readers o = {0};
	struct err err;
	int r = settle(argc, argv, &o, &err);
	if (r < 0) {
		tell_error(&err, &err);
		return 1;
	}
	json_auto_t *hello =
		json_pack("{s:i s:s s:s s:s}", "version", TEXT_WIRE_VERSION, "engine", name_of(&o), "data",
	              o.data, "sandbox", strcmp(argv[1], "off") ? sandbox_name() : "off");
	r = tell(TEXT_MSG_HELLO, hello, &err);
	while (r == 0) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		if (wire_recv(ROLE_SOCKET, &limits, 0, NULL, &m, &err) < 0)
			return 0; /* the parent has closed the socket */
		if (on_read(&o, &m, &err) < 0)
			r = tell_error(&err, &err);
	}
	return 1;
}
