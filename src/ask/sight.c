/* SPDX-License-Identifier: Apache-2.0 */
#include "ask/sight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask/prompt.h"
#include "ask/sources.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "openai/answer-text.h"
#include "openai/letter.h"
#include "store/ask.h"

enum {
	LOOK_FRAMES_MOST = 64,
	LOOK_TOKENS = 400,
	LETTER_TOKENS = 512,
	ANSWER_BYTES = 2000,
	NEXT_BYTES = 80
};

void sight_clear(struct sight *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->sha256[i]);
	free(s->sha256);
	free(s->pts);
	free(s->frames);
	free(s->answer);
	free(s->next);
	*s = (struct sight){0};
}

/* ---- pictures */

struct pictures {
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
	if (!f->jpeg || (p->n && p->items[p->n - 1].pts >= f->pts))
		return 0;
	p->items[p->n++] =
		(struct prompt_picture){.pts = f->pts, .jpeg = TAKE(f->jpeg), .jpeg_len = f->jpeg_len};
	return 0;
}

static int decode(struct asking *a, struct describe_worker *w, size_t source, const int64_t *times,
                  size_t n, struct pictures *p, struct err *err)
{
	int64_t began = clock_now();
	const struct frame_request req = {.times = times,
	                                  .n = n,
	                                  .size = describe_picture_size(w, 1),
	                                  .quality = w->options->quality};
	p->items = mem_alloc(n, sizeof *p->items);
	int r = describe_open(w, err);
	if (r == 0)
		r = decoder_frames(w->decoder, &req, take_frame, p, err);
	if (r < 0)
		describe_close(w);
	pthread_mutex_lock(&a->lock);
	a->spent.decode_time += clock_now() - began;
	pthread_mutex_unlock(&a->lock);
	if (r < 0 && r != -ERR_CANCELED && p->n)
		r = 0; /* the frames before are valid */
	/* It may have been overwritten meanwhile. */
	if (r == 0)
		r = sources_check(a, source, w->fd, err);
	if (r == 0 && !p->n)
		return err_set(err, ERR_FORMAT, "none of these frames could be decoded");
	return r;
}

/* ---- keys and the journal */

static void look_key(const struct asking *a, const struct describe_worker *w, size_t source,
                     const int64_t *times, size_t n, const char *kind, const char *question,
                     char out[static HASH_HEX])
{
	const struct report *r = a->sources[source].report;
	AUTO(hash_freep) struct hash *h = hash_new();
	AUTO(mem_freep) char *list = json_times_text(times, n);
	AUTO(mem_freep)
	char *how = mem_printf("%d %d", r->source_stream, describe_picture_size(w, 1));
	const char *const parts[] = {kind,     r->source_sha256, list,     how,
	                             question, a->prompts,       a->model, a->salt};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		hash_adds(h, parts[i]);
	hash_end(h, out);
}

static json_t *find_look(const struct asking *a, const char *key)
{
	AUTO(mem_freep) char *text = NULL;
	struct err ignored;
	if (store_look_find(a->run.store, key, &text, &ignored) < 0)
		return NULL;
	return json_loads(text, 0, NULL);
}

static int keep_look(struct asking *a, const char *key, size_t source, const json_t *result,
                     struct err *err)
{
	AUTO(mem_freep) char *text = json_dumps(result, JSON_COMPACT);
	return store_look_add(a->run.store, key, a->sources[source].report->source_sha256, text, err);
}

static void note_step(struct asking *a, const char *kind, size_t source, const int64_t *times,
                      size_t n, const char *key, const json_t *result)
{
	char start[CLOCK_TEXT_MAX], end[CLOCK_TEXT_MAX];
	AUTO(mem_freep)
	char *text = mem_printf("%s %s - %s, %zu frame%s", a->sources[source].report->source_name,
	                        clock_text(times[0], start), clock_text(times[n - 1], end), n,
	                        text_s((int64_t)n));
	AUTO(mem_freep) char *dump = json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS);
	asking_step(a, kind, text, key, dump);
}

/* ---- requests */

/* Sends what `build` makes of the pictures; with fewer of them where the engine
 * refuses so many. */
struct request {
	const char *question;
	bool letter;
	int tokens;
};

static int send(struct asking *a, const struct pictures *p, const struct request *q,
                struct chat_result *ret, struct err *err)
{
	AUTO(chat_freep) struct chat *chat = chat_new();
	int r = q->letter ? prompt_check(chat, p->items, p->n, q->question, err)
	                  : prompt_look(chat, p->items, p->n, q->question,
	                                engine_info(a->run.engine)->own, err);
	if (r < 0)
		return r;
	chat_max_tokens(chat, q->tokens);
	chat_set_cancel(chat, a->limited.cancel);
	r = engine_chat(a->run.engine, chat, NULL, NULL, ret, err);
	if (r == 0)
		asking_spent(a, 1, ret->prompt_tokens, ret->output_tokens);
	return r;
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

static int send_all(struct asking *a, struct pictures *p, const struct request *q,
                    struct chat_result *ret, struct err *err)
{
	for (;;) {
		if (p->n > a->most)
			thin_out(p, a->most);
		int r = send(a, p, q, ret, err);
		if (r != -ERR_LIMIT || p->n == 1)
			return r;
		size_t limit = engine_most_images(a->run.engine);
		a->most = limit && limit < p->n ? limit : (p->n * 3 + 3) / 4 - (p->n < 4);
		a->most = a->most ? a->most : 1;
	}
}

/* ---- a look */

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

/* The reply in the form of the journal; ERR_FORMAT names what is wrong. */
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
	AUTO(mem_freep) char *answer = text_line(json_text(o, "answer"), ANSWER_BYTES);
	AUTO(mem_freep) char *next = text_line(json_text(o, "next"), NEXT_BYTES);
	json_object_set(look, "frames", cited);
	json_object_set_new(look, "answer", json_string(answer));
	json_object_set_new(look, "enough", json_boolean(json_is_true(json_object_get(o, "enough"))));
	json_object_set_new(look, "next", json_string(next));
	*ret = json_incref(look);
	return 0;
}

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

/* The journal's form; false if it is damaged. */
static bool read_look(const json_t *o, struct sight *ret)
{
	const json_t *sums = json_object_get(o, "sha256"), *frames = json_object_get(o, "frames");
	*ret = (struct sight){.answer = mem_strdup(json_text(o, "answer")),
	                      .enough = json_is_true(json_object_get(o, "enough")),
	                      .next = mem_strdup(json_text(o, "next"))};
	ret->pts = json_times_of(json_object_get(o, "pts"), LOOK_FRAMES_MOST, &ret->n);
	ret->sha256 = mem_alloc(ret->n + 1, sizeof *ret->sha256);
	ret->frames = mem_alloc(json_array_size(frames) + 1, sizeof *ret->frames);
	for (size_t i = 0; i < ret->n; i++) {
		const char *sum = json_string_value(json_array_get(sums, i));
		ret->sha256[i] = mem_strdup(sum ? sum : "");
	}
	for (size_t i = 0; i < json_array_size(frames); i++) {
		json_int_t f = json_integer_value(json_array_get(frames, i));
		if (f < 0 || (size_t)f >= ret->n)
			return false;
		ret->frames[ret->n_frames++] = (size_t)f;
	}
	qsort(ret->frames, ret->n_frames, sizeof *ret->frames, by_size);
	size_t kept = 0;
	for (size_t i = 0; i < ret->n_frames; i++)
		if (!kept || ret->frames[kept - 1] != ret->frames[i])
			ret->frames[kept++] = ret->frames[i];
	ret->n_frames = kept;
	return ret->n > 0;
}

static int ask_look(struct asking *a, struct describe_worker *w, size_t source,
                    const int64_t *times, size_t n, const char *question, json_t **ret,
                    struct err *err)
{
	AUTO(pictures_clear) struct pictures p = {0};
	int r = decode(a, w, source, times, n, &p, err);
	for (int attempt = 0; r == 0; attempt++) {
		AUTO(chat_result_clear) struct chat_result reply = {0};
		const struct request q = {.question = question, .tokens = LOOK_TOKENS << attempt};
		r = send_all(a, &p, &q, &reply, err);
		if (r == 0)
			r = read_reply(&reply, &p, ret, err);
		if (r != -ERR_FORMAT || attempt)
			return r;
		r = 0;
	}
	return r;
}

int sight_look(struct asking *a, struct describe_worker *w, size_t source, const int64_t *times,
               size_t n, const char *question, struct sight *ret, struct err *err)
{
	char key[HASH_HEX];
	look_key(a, w, source, times, n, "look", question, key);
	json_auto_t *look = find_look(a, key);
	bool known = look && read_look(look, ret);
	if (!known) {
		json_decref(TAKE(look));
		int r = ask_look(a, w, source, times, n, question, &look, err);
		if (r == 0)
			r = keep_look(a, key, source, look, err);
		if (r < 0) {
			asking_step(a, "look", a->sources[source].report->source_name, key, NULL);
			return r;
		}
		read_look(look, ret);
	}
	note_step(a, "look", source, ret->pts, ret->n, key, look);
	return 0;
}

void sight_found(struct asking *a, size_t source, const struct sight *s)
{
	for (size_t i = 0; i < s->n_frames && *s->answer;) {
		struct ask_finding f = {.source = source, .p = -1, .enough = s->enough};
		/* Frames that do not follow each other are of different times. */
		do {
			if (f.n < FINDING_FRAMES) {
				f.frames[f.n] = s->pts[s->frames[i]];
				snprintf(f.sha256[f.n++], HASH_HEX, "%s", s->sha256[s->frames[i]]);
			}
			i++;
		} while (i < s->n_frames && s->frames[i] == s->frames[i - 1] + 1);
		f.text = mem_strdup(s->answer);
		asking_add(a, &f);
	}
}

/* ---- a letter */

static int ask_letter(struct asking *a, struct describe_worker *w, size_t source,
                      const int64_t *times, size_t n, const char *statement, json_t **ret,
                      struct err *err)
{
	AUTO(pictures_clear) struct pictures p = {0};
	struct letter letter = {.letter = '-'};
	int r = decode(a, w, source, times, n, &p, err);
	for (int attempt = 0; r == 0 && attempt < 2; attempt++) {
		AUTO(chat_result_clear) struct chat_result reply = {0};
		int tokens = attempt ? LETTER_TOKENS : a->letter_tokens;
		const struct request q = {.question = statement, .letter = true, .tokens = tokens};
		r = send_all(a, &p, &q, &reply, err);
		if (r == 0 && letter_read(&reply, CHECK_LETTERS, &letter, err) == 0) {
			a->letter_tokens = tokens;
			break;
		}
	}
	if (r < 0)
		return r;
	const char text[] = {letter.letter, '\0'};
	*ret = shown_json(&p);
	json_object_set_new(*ret, "letter", json_string(text));
	json_object_set_new(*ret, "p", json_pack("[f, f, f]", letter.p[0], letter.p[1], letter.p[2]));
	return 0;
}

int sight_letter(struct asking *a, struct describe_worker *w, size_t source, const int64_t *times,
                 size_t n, const char *statement, char *ret_letter, double ret_p[static 3],
                 size_t *ret_shown, struct err *err)
{
	char key[HASH_HEX];
	look_key(a, w, source, times, n, "letter", statement, key);
	json_auto_t *look = find_look(a, key);
	if (!look) {
		int r = ask_letter(a, w, source, times, n, statement, &look, err);
		if (r == 0)
			r = keep_look(a, key, source, look, err);
		if (r < 0) {
			asking_step(a, "look", a->sources[source].report->source_name, key, NULL);
			return r;
		}
	}
	const char *letter = json_text(look, "letter");
	*ret_letter = *letter ? *letter : '-';
	*ret_shown = json_array_size(json_object_get(look, "pts"));
	for (size_t i = 0; i < 3; i++)
		ret_p[i] = json_number_value(json_array_get(json_object_get(look, "p"), i));
	note_step(a, "look", source, times, n, key, look);
	return 0;
}
