/* SPDX-License-Identifier: Apache-2.0 */
#include "screentext/reader.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "proc/spawn.h"
#include "proc/wire.h"
#include "protocol/text-wire.h"
#include "screentext/lines-read.h"

enum {
	HEAD_MAX = 2 << 20,       /* of a message of the child */
	GRACE = 2 * CLOCK_SECOND, /* for reaping a killed child */
	NAME_MAX_BYTES = 100,
	/* On a busy machine a child of lower priority gets a small part of the
	 * processors: it is its processor time that is limited, and it may take so
	 * many times longer by the clock. */
	BACKGROUND_FACTOR = 20,
};

static const int64_t default_timeout = 30 * CLOCK_SECOND;
static const int64_t default_memory = INT64_C(1) << 30;
/* of loading the languages, on a busy machine */
static const int64_t start_timeout = 120 * CLOCK_SECOND;

struct text_reader {
	struct child *child; /* NULL after it was killed: the next picture starts another */
	struct cancel *cancel;
	char *languages, *data, *exe;
	char *engine, *models; /* "" = Tesseract */
	char data_hash[HASH_HEX];
	char *name; /* engine, with languages if it has any; NULL until it has said so */
	int64_t timeout, memory;
	int64_t deadline; /* of the current request */
	bool unlocked, background;
};

/* Kills a child that failed, and puts the reason into err, which must contain
 * the error of the wire. */
static int give_up(struct text_reader *r, struct err *err)
{
	struct err own;
	char how[CHILD_TEXT_MAX], limit[CLOCK_TEXT_MAX], size[TEXT_SIZE_MAX];
	int code = (int)err->code;
	int64_t wait = r->background ? BACKGROUND_FACTOR * r->timeout : r->timeout;
	if (code == ERR_DIED && child_wait(r->child, clock_now() + GRACE, NULL, &own) == 0) {
		int status = child_status(r->child), sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
		if (sig == SIGABRT)
			err_set(err, ERR_DIED, "the reader of text was aborted, perhaps by its limit of %s",
			        text_size((double)r->memory, size));
		else if (sig == SIGXCPU)
			err_set(err, ERR_TIMEOUT, "reading took more than %s of processor time and was stopped",
			        clock_short(r->timeout, limit));
		else
			err_set(err, ERR_DIED, "the reader of text %s", child_status_text(r->child, how));
	} else if (code == ERR_TIMEOUT) {
		err_set(err, ERR_TIMEOUT, "reading took longer than %s and was stopped",
		        clock_short(wait, limit));
	} else if (code == ERR_PROTO) {
		err_wrap(err, "the reader of text violated its protocol and was stopped");
	}
	child_free(TAKE(r->child));
	return -(int)err->code;
}

/* Reads an ERROR message into err. */
static int read_error(struct text_reader *r, const json_t *head, struct err *err)
{
	int64_t code;
	AUTO(mem_freep) char *msg = NULL;
	int e = wire_int(head, "code", ERR_ARG, ERR_INTERNAL, &code, err);
	if (e == 0)
		e = wire_string(head, "msg", TEXT_ERROR_MAX, &msg, err);
	return e < 0 ? give_up(r, err) : err_set(err, (enum err_code)code, "%s", msg);
}

static int receive(struct text_reader *r, uint32_t type, struct wire_msg *ret, struct err *err)
{
	const struct wire_limits limits = {.head = HEAD_MAX, .blob = 0};
	int e = wire_recv(child_socket(r->child), &limits, r->deadline, r->cancel, ret, err);
	if (e < 0)
		return give_up(r, err);
	if (ret->type == TEXT_MSG_ERROR)
		return read_error(r, ret->head, err);
	if (ret->type == type)
		return 0;
	err_set(err, ERR_PROTO, "unexpected message of type %u", ret->type);
	return give_up(r, err);
}

static int read_hello(struct text_reader *r, struct err *err)
{
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	AUTO(mem_freep) char *engine = NULL;
	const char *data;
	int64_t version;
	int e = receive(r, TEXT_MSG_HELLO, &m, err);
	if (e == -ERR_DIED || e == -ERR_PROTO)
		err_add(err, "it had not begun to read: if this happens again, install vdet again");
	if (e < 0)
		return e;
	if (wire_int(m.head, "version", TEXT_WIRE_VERSION, TEXT_WIRE_VERSION, &version, err) < 0 ||
	    wire_string(m.head, "engine", NAME_MAX_BYTES, &engine, err) < 0)
		return give_up(r, err);
	data = json_text(m.head, "data");
	if (!hash_is_hex(data)) {
		err_set(err, ERR_PROTO, "it names no data");
		return give_up(r, err);
	}
	snprintf(r->data_hash, sizeof r->data_hash, "%s", data);
	if (!r->name)
		r->name = mem_printf("%s%s%s", engine, *r->languages ? ", " : "", r->languages);
	return 0;
}

static void limit_time(struct text_reader *r, int64_t time)
{
	r->deadline = clock_now() + (r->background ? BACKGROUND_FACTOR * time : time);
	child_limit_cpu(r->child, time / CLOCK_SECOND + 5);
}

static int start(struct text_reader *r, struct err *err)
{
	char memory[24];
	snprintf(memory, sizeof memory, "%lld", (long long)r->memory);
	const char *args[] = {
		memory, r->unlocked ? "off" : "on", r->languages, r->data, r->engine, r->models, NULL};
	struct role_start s = ROLE_START("text");
	const char *exe = r->exe ? r->exe : getenv("VDET_EXE");
	s.args = args;
	s.exe =
		exe && *exe ? exe : "/proc/self/exe"; /* no fork of the template: it has other libraries */
	int e = child_start_role(&s, &r->child, err);
	if (e < 0)
		return e;
	if (r->background)
		child_yield(r->child);
	limit_time(r, start_timeout);
	e = read_hello(r, err);
	if (e < 0)
		child_free(TAKE(r->child));
	return e;
}

/* They become the name of a file. */
static int check_languages(const char *languages, struct err *err)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+";
	size_t n = strlen(languages);
	if (n > 200 || languages[strspn(languages, allowed)] || languages[0] == '+' ||
	    languages[n - 1] == '+' || strstr(languages, "++"))
		return err_set(err, ERR_ARG,
		               "\"%.100s\" is not a list of languages; write names of Tesseract's language "
		               "data with + between them, as in eng+deu",
		               languages);
	return 0;
}

/* Both name files of the machine, so neither is looked for. */
static int check_engine(const struct text_reader_options *o, struct err *err)
{
	bool models = o->models && *o->models;
	if (o->engine[0] != '/')
		return err_set(
			err, ERR_ARG,
			"--ocr-engine %.200s: give the absolute path of ONNX Runtime's library, such "
			"as /usr/lib/x86_64-linux-gnu/libonnxruntime.so.1.21",
			o->engine);
	if (!models)
		return err_set(err, ERR_ARG,
		               "--ocr-engine needs --ocr-models, the folder of PP-OCR's models; see "
		               "docs/screentext.md");
	if (o->models[0] != '/')
		return err_set(err, ERR_ARG, "--ocr-models %.200s: give an absolute path", o->models);
	return 0;
}

int text_reader_open(const struct text_reader_options *o, struct cancel *cancel,
                     struct text_reader **ret, struct err *err)
{
	bool other = o->engine && *o->engine;
	const char *languages = other                           ? ""
	                        : o->languages && *o->languages ? o->languages
	                                                        : TEXT_LANGUAGES_DEFAULT;
	int e = other ? check_engine(o, err) : check_languages(languages, err);
	if (e < 0)
		return e;
	AUTO(text_reader_freep) struct text_reader *r = mem_alloc(1, sizeof *r);
	*r = (struct text_reader){.cancel = cancel,
	                          .languages = mem_strdup(languages),
	                          .data = mem_strdup(o->data ? o->data : ""),
	                          .exe = mem_strdup(o->exe),
	                          .engine = mem_strdup(other ? o->engine : ""),
	                          .models = mem_strdup(other ? o->models : ""),
	                          .timeout = o->timeout ? o->timeout : default_timeout,
	                          .memory = o->memory ? o->memory : default_memory,
	                          .unlocked = o->sandbox && !strcmp(o->sandbox, "off"),
	                          .background = o->background};
	e = start(r, err);
	if (e == 0)
		*ret = TAKE(r);
	return e;
}

void text_reader_free(struct text_reader *r)
{
	if (!r)
		return;
	child_free(r->child);
	free(r->languages);
	free(r->data);
	free(r->exe);
	free(r->engine);
	free(r->models);
	free(r->name);
	free(r);
}

const char *text_reader_name(const struct text_reader *r)
{
	return r->name;
}

const char *text_reader_languages(const struct text_reader *r)
{
	return r->languages;
}

const char *text_reader_data(const struct text_reader *r)
{
	return r->data_hash;
}

static int check_request(const struct text_region *at, size_t len, enum text_mode mode,
                         struct err *err)
{
	if (len < 1 || len > TEXT_JPEG_MAX)
		return err_set(err, ERR_ARG, "a picture of %zu bytes cannot be read", len);
	if (at->x < 0 || at->y < 0 || at->w < 1 || at->h < 1 || at->x > TEXT_SCALE - at->w ||
	    at->y > TEXT_SCALE - at->h || at->turn < 0 || at->turn > 270 || at->turn % 90 ||
	    (unsigned)mode >= TEXT_MODES)
		return err_set(err, ERR_ARG, "invalid part of a picture: %d,%d %dx%d turned by %d", at->x,
		               at->y, at->w, at->h, at->turn);
	return 0;
}

static int ask(struct text_reader *r, const void *jpeg, size_t len, const struct text_region *at,
               enum text_mode mode, struct err *err)
{
	json_auto_t *head = json_pack("{s:i s:i s:i s:i s:i s:i}", "mode", (int)mode, "x", at->x, "y",
	                              at->y, "w", at->w, "h", at->h, "turn", at->turn);
	const struct wire_part part = {jpeg, len};
	limit_time(r, r->timeout);
	int e = wire_send(child_socket(r->child), TEXT_MSG_READ, head, &part, 1, r->deadline, r->cancel,
	                  err);
	return e < 0 ? give_up(r, err) : 0;
}

int text_reader_read(struct text_reader *r, const void *jpeg, size_t len,
                     const struct text_region *region, enum text_mode mode, struct text_lines *ret,
                     struct err *err)
{
	struct err own;
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	const struct text_region at = region ? *region : (struct text_region){0, 0, 10000, 10000, 0};
	err = err ? err : &own;
	*ret = (struct text_lines){0};
	int e = check_request(&at, len, mode, err);
	if (e == 0 && !r->child)
		e = start(r, err);
	if (e == 0)
		e = ask(r, jpeg, len, &at, mode, err);
	if (e == 0)
		e = receive(r, TEXT_MSG_LINES, &m, err);
	if (e < 0)
		return e;
	e = text_lines_read(m.head, at.turn, ret, err);
	return e < 0 ? give_up(r, err) : 0;
}
