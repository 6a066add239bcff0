/* SPDX-License-Identifier: Apache-2.0 */
#include "job/look.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "openai/letter.h"

/* For the callbacks. */
struct looking_at {
	const struct describe_worker *worker;
	struct look *look;
};

static int take_frame(void *ctx, size_t i, struct frame *f)
{
	const struct looking_at *at = ctx;
	struct look *l = at->look;
	(void)i;
	describe_moved(at->worker);
	bool cited = check_is_among(f->time, l->cited, l->n_cited);
	bool again = (l->n && l->pictures[l->n - 1].pts >= f->pts) ||
	             (!cited && check_is_among(f->pts, l->seen, l->n_seen));
	if (!f->jpeg || again || l->n == CHECK_PICTURES)
		return 0;
	l->pictures[l->n++] =
		(struct prompt_picture){.pts = f->pts, .jpeg = TAKE(f->jpeg), .jpeg_len = f->jpeg_len};
	return 0;
}

void look_close(struct look *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)l->pictures[i].jpeg);
	l->n = 0;
}

int look_open(struct describe_worker *w, const struct looking *k, struct look *l, struct err *err)
{
	int64_t times[CHECK_PICTURES];
	const struct frame_request req = {
		.times = times,
		.n = check_times(l->cited, l->n_cited, l->seen, l->n_seen, l->from, l->to, k->most, times),
		.size = describe_picture_size(w, 1),
		.quality = w->options->quality};
	look_close(l);
	int r = describe_open(w, err);
	if (r == 0)
		r = decoder_frames(w->decoder, &req, take_frame, &(struct looking_at){w, l}, err);
	if (r < 0)
		describe_close(w);
	if (r == 0 && !l->n)
		r = err_set(err, ERR_FORMAT, "none of its frames could be decoded");
	return r;
}

static int ask(const struct describe_worker *w, struct look *l, const char *what, int max_tokens,
               struct chat_result *ret, struct err *err)
{
	AUTO(chat_freep) struct chat *chat = chat_new();
	int r = prompt_check(chat, l->pictures, l->n, what, err);
	if (r < 0)
		return r;
	chat_max_tokens(chat, max_tokens);
	chat_set_cancel(chat, w->run->cancel);
	r = engine_chat(w->run->engine, chat, describe_asked, (void *)w, ret, err);
	if (r < 0)
		return r;
	l->requests++;
	l->prompt_tokens += ret->prompt_tokens;
	l->output_tokens += ret->output_tokens;
	return 0;
}

/* Fewer pictures for this and later requests; false if one is too many. */
static bool ask_for_less(const struct describe_worker *w, struct looking *k, const struct look *l)
{
	size_t limit = engine_most_images(w->run->engine);
	size_t most = limit && limit < l->n ? limit : l->n * 3 / 4;
	if (!most)
		return false;
	k->most = most;
	return true;
}

int look_ask(struct describe_worker *w, struct looking *k, struct look *l, const char *what,
             struct store_answer *ret, char **ret_reason, struct err *err)
{
	*ret_reason = NULL;
	for (bool again = false;; again = true) {
		AUTO(chat_result_clear) struct chat_result result = {0};
		struct letter letter;
		int tokens = again ? LOOK_TOKENS_MAX : k->max_tokens;
		int r = ask(w, l, what, tokens, &result, err);
		if (r == -ERR_LIMIT && ask_for_less(w, k, l)) {
			r = look_open(w, k, l, err);
			again = false;
			if (r == 0)
				continue;
		}
		if (r < 0)
			return r;
		if (letter_read(&result, CHECK_LETTERS, &letter, err) == 0) {
			*ret = (struct store_answer){.letter = letter.letter};
			memcpy(ret->p, letter.p, sizeof ret->p);
			k->max_tokens = tokens;
			return 0;
		}
		if (again) {
			*ret = (struct store_answer){.letter = '-'};
			*ret_reason = text_line(err->msg, sizeof err->msg);
			return 0;
		}
	}
}
