/* SPDX-License-Identifier: Apache-2.0 */
#include "job/fresh-look.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "job/prompt.h"
#include "openai/answer-text.h"
#include "openai/letter.h"
#include "story/check.h"

enum { LOOK_TOKENS = 400 };

/* ---- pictures */

struct pictures {
	const struct describe_worker *worker;
	struct prompt_picture *items;
	size_t n;
};

static void pictures_clear(struct pictures *p)
{
	for (size_t i = 0; i < p->n; i++)
		free((void *)p->items[i].jpeg);
	free(p->items);
}

/* Two times may fall on one frame: it is shown once. */
static int take_frame(void *ctx, size_t i, struct frame *f)
{
	struct pictures *p = ctx;
	(void)i;
	describe_moved(p->worker);
	if (!f->jpeg || (p->n && p->items[p->n - 1].pts >= f->pts))
		return 0;
	p->items[p->n++] =
		(struct prompt_picture){.pts = f->pts, .jpeg = TAKE(f->jpeg), .jpeg_len = f->jpeg_len};
	return 0;
}

static int decode(struct describe_worker *w, struct fresh_look *l, struct pictures *p,
                  struct err *err)
{
	int64_t began = clock_now();
	const struct frame_request req = {.times = l->times,
	                                  .n = l->n,
	                                  .size = describe_picture_size(w, 1),
	                                  .quality = w->options->quality};
	p->worker = w;
	p->items = mem_alloc(l->n, sizeof *p->items);
	int r = describe_open(w, err);
	if (r == 0)
		r = decoder_frames(w->decoder, &req, take_frame, p, err);
	if (r < 0)
		describe_close(w);
	l->decode_time += clock_now() - began;
	if (r < 0 && r != -ERR_CANCELED && p->n)
		r = 0; /* the frames before are valid */
	if (r == 0 && l->decoded)
		r = l->decoded(l->ctx, err);
	if (r == 0 && !p->n)
		return err_set(err, ERR_FORMAT, "none of these frames could be decoded");
	return r;
}

/* ---- requests */

static int send(const struct describe_worker *w, struct fresh_look *l, const struct pictures *p,
                int tokens, struct chat_result *ret, struct err *err)
{
	struct engine *engine = w->run->engine;
	AUTO(chat_freep) struct chat *chat = chat_new();
	int r = l->letter
	            ? prompt_check(chat, p->items, p->n, l->question, err)
	            : prompt_look(chat, p->items, p->n, l->question, engine_info(engine)->own, err);
	if (r < 0)
		return r;
	chat_max_tokens(chat, tokens);
	chat_set_cancel(chat, w->run->cancel);
	r = engine_chat(engine, chat, describe_asked, (void *)w, ret, err);
	if (r < 0)
		return r;
	l->requests++;
	l->prompt_tokens += ret->prompt_tokens;
	l->output_tokens += ret->output_tokens;
	return 0;
}

/* Leaves out pictures evenly, until `most` are left. */
static void thin_out(struct pictures *p, size_t most)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->n; i++) {
		bool keep = i * most / p->n != (i + 1) * most / p->n;
		if (keep)
			p->items[kept++] = p->items[i];
		else
			free((void *)p->items[i].jpeg);
	}
	p->n = kept;
}

/* With fewer pictures where the engine refuses so many. */
static int send_all(const struct describe_worker *w, struct fresh_look *l, struct pictures *p,
                    int tokens, struct chat_result *ret, struct err *err)
{
	for (;;) {
		if (p->n > l->most)
			thin_out(p, l->most);
		int r = send(w, l, p, tokens, ret, err);
		if (r != -ERR_LIMIT || p->n == 1)
			return r;
		size_t limit = engine_most_images(w->run->engine);
		l->most = limit && limit < p->n ? limit : (p->n * 3 + 3) / 4 - (p->n < 4);
		l->most = l->most ? l->most : 1;
	}
}

/* ---- replies */

static json_t *shown_json(const struct pictures *p)
{
	json_t *pts = json_array(), *sums = json_array();
	for (size_t i = 0; i < p->n; i++) {
		char sum[HASH_HEX];
		AUTO(hash_freep) struct hash *h = hash_new();
		hash_add(h, p->items[i].jpeg, p->items[i].jpeg_len);
		hash_end(h, sum);
		json_array_append_new(pts, json_integer(p->items[i].pts));
		json_array_append_new(sums, json_string(sum));
	}
	return json_pack("{s:o, s:o}", "pts", pts, "sha256", sums);
}

static bool is_shown(const json_t *frame, size_t n)
{
	json_int_t i = json_integer_value(frame);
	return json_is_integer(frame) && i >= 1 && (size_t)i <= n;
}

/* ERR_FORMAT names what is wrong. */
static int read_reply(const struct chat_result *reply, const struct pictures *p, json_t **ret,
                      struct err *err)
{
	json_auto_t *o = NULL;
	size_t i;
	const json_t *frame;
	int r = answer_text_object(reply, "answer", &o, err);
	if (r < 0)
		return r;
	const json_t *frames = json_object_get(o, "frames");
	if (!json_is_array(frames) || !json_is_string(json_object_get(o, "answer")))
		return err_set(err, ERR_FORMAT, "\"frames\" is not a list, or \"answer\" is not a text");
	json_auto_t *look = shown_json(p), *cited = json_array();
	json_array_foreach (frames, i, frame) {
		if (!is_shown(frame, p->n))
			return err_set(err, ERR_FORMAT, "it names a frame that was not sent");
		json_array_append_new(cited, json_integer(json_integer_value(frame) - 1));
	}
	AUTO(mem_freep) char *answer = text_line(json_text(o, "answer"), FRESH_LOOK_ANSWER);
	AUTO(mem_freep) char *next = text_line(json_text(o, "next"), FRESH_LOOK_NEXT);
	json_object_set(look, "frames", cited);
	json_object_set_new(look, "answer", json_string(answer));
	json_object_set_new(look, "enough", json_boolean(json_is_true(json_object_get(o, "enough"))));
	json_object_set_new(look, "next", json_string(next));
	*ret = json_incref(look);
	return 0;
}

static int ask_question(struct describe_worker *w, struct fresh_look *l, struct pictures *p,
                        json_t **ret, struct err *err)
{
	int r = 0;
	for (int attempt = 0; attempt < 2; attempt++) {
		AUTO(chat_result_clear) struct chat_result reply = {0};
		r = send_all(w, l, p, LOOK_TOKENS << attempt, &reply, err);
		if (r == 0)
			r = read_reply(&reply, p, ret, err);
		if (r != -ERR_FORMAT)
			break;
	}
	return r;
}

static int ask_letter(struct describe_worker *w, struct fresh_look *l, struct pictures *p,
                      json_t **ret, struct err *err)
{
	struct letter letter = {0};
	for (int attempt = 0; attempt < 2; attempt++) {
		AUTO(chat_result_clear) struct chat_result reply = {0};
		int tokens = attempt ? FRESH_LOOK_TOKENS : l->tokens;
		int r = send_all(w, l, p, tokens, &reply, err);
		if (r < 0)
			return r;
		if (letter_read(&reply, CHECK_LETTERS, &letter, err) == 0) {
			l->tokens = tokens;
			break;
		}
	}
	const char text[] = {letter.letter ? letter.letter : '-', '\0'};
	*ret = shown_json(p);
	json_object_set_new(*ret, "letter", json_string(text));
	json_object_set_new(*ret, "p", json_pack("[f, f, f]", letter.p[0], letter.p[1], letter.p[2]));
	return 0;
}

int fresh_look_run(struct describe_worker *w, struct fresh_look *l, json_t **ret, struct err *err)
{
	AUTO(pictures_clear) struct pictures p = {0};
	int r = decode(w, l, &p, err);
	if (r < 0)
		return r;
	return l->letter ? ask_letter(w, l, &p, ret, err) : ask_question(w, l, &p, ret, err);
}
