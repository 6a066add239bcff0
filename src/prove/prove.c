/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "prove/frames.h"
#include "prove/quotes.h"
#include "prove/read.h"
#include "prove/recheck.h"
#include "sign/sign.h"

/* A VIDEO of the command line. */
struct video {
	const char *path;
	int fd;
	char sha256[HASH_HEX], stamp[FILE_STAMP_MAX];
};

struct proving {
	const struct prove_options *o;
	const struct cited_file *file;
	struct video *videos;
	struct proof *proof;
};

int prove_load(const char *path, json_t **ret, struct err *err)
{
	AUTO(buf_free) struct buf text = BUF(PROVE_BYTES_MAX);
	AUTO(fd_closep) int fd = -1;
	int r = file_open_input(path, &fd, err); /* no pipe, no device */
	if (r == 0)
		r = file_read(path, &text, err);
	if (r < 0)
		return r;
	r = json_read_foreign(buf_str(&text), text.len, ret, err);
	if (r == 0 && !json_is_object(*ret)) {
		json_decref(TAKE(*ret));
		r = err_set(err, ERR_FORMAT, "it is not an object");
	}
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

/* ---- the signature */

static void judge_signer(const struct proving *p, const struct sign_result *s)
{
	if (s->known)
		proof_add(p->proof, PROOF_HOLDS, PROOF_SIGNATURE, 0, "signed by %s, key %s",
		          p->o->keys_given ? "a key that you gave" : "this installation", s->fingerprint);
	else if (p->o->keys_given)
		proof_add(p->proof, PROOF_FAILS, PROOF_SIGNATURE, 0,
		          "signed by another key than those that you gave: %s", s->fingerprint);
	else
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_SIGNATURE, 0,
		          "unknown signer, only consistency was checked: key %s", s->fingerprint);
}

static int prove_signature(const struct proving *p, const json_t *json, struct err *err)
{
	struct sign_result s;
	int r = sign_check(json, p->o->keys, &s, err);
	if (r < 0)
		return r;
	if (!s.is_signed)
		proof_add(p->proof, p->o->keys_given ? PROOF_FAILS : PROOF_UNCHECKED, PROOF_SIGNATURE, 0,
		          "it is not signed: anyone may have written or changed it");
	else if (s.fault)
		proof_add(p->proof, PROOF_FAILS, PROOF_SIGNATURE, 0, "%s", s.fault);
	else if (!s.signature_holds)
		proof_add(p->proof, PROOF_FAILS, PROOF_SIGNATURE, 0,
		          "the content was changed after it was signed, or key %s did not sign it",
		          s.fingerprint);
	else
		judge_signer(p, &s);
	if (!s.is_signed || s.fault || !s.steps)
		return 0;
	if (s.chain_holds)
		proof_add(p->proof, PROOF_HOLDS, PROOF_STEPS, 0, "%zu step%s, none changed or left out",
		          s.steps, text_s((int64_t)s.steps));
	else
		proof_add(p->proof, PROOF_FAILS, PROOF_STEPS, 0,
		          "step %zu of %zu is not the one that was signed", s.broken_at, s.steps);
	return 0;
}

/* ---- the sources */

static void close_videos(struct video *videos, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fd_closep(&videos[i].fd);
	free(videos);
}

static int open_videos(const struct prove_options *o, struct video *videos, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < o->n_videos && r == 0; i++) {
		videos[i].path = o->videos[i];
		r = file_open_input(o->videos[i], &videos[i].fd, err);
		if (r < 0)
			break;
		file_stamp(videos[i].fd, videos[i].stamp);
		r = hash_fd(videos[i].fd, o->cancel, NULL, videos[i].sha256, err);
	}
	return r;
}

/* What was decoded has to be what was hashed. */
static int check_unchanged(const struct proving *p, struct err *err)
{
	char stamp[FILE_STAMP_MAX];
	for (size_t i = 0; i < p->o->n_videos; i++) {
		file_stamp(p->videos[i].fd, stamp);
		if (strcmp(stamp, p->videos[i].stamp) != 0)
			return err_set(err, ERR_BUSY, "%s was changed meanwhile; try again", p->videos[i].path);
	}
	return 0;
}

/* The video that is this source; NULL if none is. */
static const struct video *video_of(const struct proving *p, size_t source)
{
	const char *sha256 = p->file->sources[source].sha256;
	for (size_t i = 0; *sha256 && i < p->o->n_videos; i++)
		if (strcmp(p->videos[i].sha256, sha256) == 0)
			return &p->videos[i];
	return NULL;
}

static bool is_source(const struct proving *p, const struct video *v)
{
	for (size_t i = 0; i < p->file->n_sources; i++)
		if (strcmp(p->file->sources[i].sha256, v->sha256) == 0)
			return true;
	return false;
}

static void prove_sources(const struct proving *p)
{
	for (size_t i = 0; i < p->file->n_sources; i++) {
		const struct cited_source *s = &p->file->sources[i];
		const struct video *v = video_of(p, i);
		if (v)
			proof_add(p->proof, PROOF_HOLDS, PROOF_SOURCE, i + 1,
			          "%s is source %zu, %s: SHA-256 %s", v->path, i + 1, s->name, s->sha256);
		else if (!*s->sha256)
			proof_add(p->proof, PROOF_UNCHECKED, PROOF_SOURCE, i + 1,
			          "%s: the file has no SHA-256 of this video", s->name);
		else
			proof_add(p->proof, PROOF_UNCHECKED, PROOF_SOURCE, i + 1,
			          "%s was not given: SHA-256 %s", s->name, s->sha256);
	}
	for (size_t i = 0; i < p->o->n_videos; i++)
		if (!is_source(p, &p->videos[i]))
			proof_add(p->proof, PROOF_FAILS, PROOF_SOURCE, 0,
			          "%s is none of the sources: its SHA-256 is %s", p->videos[i].path,
			          p->videos[i].sha256);
}

/* ---- the frames */

/* "[3] cam2.mp4 00:41:07.120", and what is said of it. */
static char *describe_cite(const struct proving *p, size_t cite)
{
	const struct cited *c = &p->file->cites[cite];
	char start[CLOCK_TEXT_MAX];
	clock_text(c->start, start);
	return mem_printf("[%zu] %s %s \"%s\"", cite + 1, p->file->sources[c->source].name, start,
	                  c->text);
}

/* The first frame of a kind, and how many there are. */
struct tally {
	size_t n[FOUND_MATCHES];
	const struct cited_frame *first[FOUND_MATCHES];
	const struct found_frame *found[FOUND_MATCHES];
};

static struct tally tally_frames(const struct cited *c, const struct found *found)
{
	struct tally t = {0};
	for (size_t k = 0; k < c->n_frames; k++) {
		const struct found_frame *f = found_at(found, c->frames[k].pts);
		enum found_match m = f ? found_compare(&c->frames[k], f) : FOUND_GONE;
		if (!t.n[m]++) {
			t.first[m] = &c->frames[k];
			t.found[m] = f;
		}
	}
	return t;
}

static void add_lost(const struct proving *p, size_t cite, const char *name, const struct tally *t)
{
	char time[CLOCK_TEXT_MAX];
	proof_add(p->proof, PROOF_UNCHECKED, PROOF_FRAMES, cite + 1,
	          "%s: the decoder failed on the frame at %s: %s", name,
	          clock_text(t->first[FOUND_LOST]->pts, time), t->found[FOUND_LOST]->fault);
}

static void add_gone(const struct proving *p, size_t cite, const char *name, const struct tally *t)
{
	char time[CLOCK_TEXT_MAX], shown[CLOCK_TEXT_MAX];
	const struct found_frame *f = t->found[FOUND_GONE];
	clock_text(t->first[FOUND_GONE]->pts, time);
	if (f && f->fault[0])
		proof_add(p->proof, PROOF_FAILS, PROOF_FRAMES, cite + 1,
		          "%s: the frame at %s cannot be decoded: %s", name, time, f->fault);
	else
		proof_add(p->proof, PROOF_FAILS, PROOF_FRAMES, cite + 1,
		          "%s: the video has no frame at %s%s%s", name, time, f ? ", but one at " : "",
		          f ? clock_text(f->pts, shown) : "");
}

/* "; its gray levels differ by …", if that is known. */
static char *describe_difference(const struct cited_frame *then, const struct found_frame *now)
{
	double mean;
	int most;
	if (!found_difference(then, now, &mean, &most))
		return mem_strdup("");
	return mem_printf("; its gray levels differ by %.1f of 255 on average, and %d at most", mean,
	                  most);
}

static void add_other(const struct proving *p, size_t cite, const char *name, const struct tally *t,
                      enum found_match m)
{
	char time[CLOCK_TEXT_MAX];
	const struct cited_frame *then = t->first[m];
	const struct found_frame *now = t->found[m];
	AUTO(mem_freep) char *difference = describe_difference(then, now);
	const char *path = *then->decode_path ? then->decode_path : "not known";
	clock_text(then->pts, time);
	if (m == FOUND_OTHER)
		proof_add(p->proof, PROOF_FAILS, PROOF_FRAMES, cite + 1,
		          "%s: the frame at %s is another one: %s, SHA-256 %s, not %s, %s%s", name, time,
		          now->planes_format, now->planes_sha256, then->planes_format, then->planes_sha256,
		          difference);
	else if (m == FOUND_ALIKE)
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_FRAMES, cite + 1,
		          "%s: the frame at %s looks alike, but has other samples (decoded as %s, and here "
		          "as %s)%s",
		          name, time, path, now->decode_path, difference);
	else if (m == FOUND_ELSEWISE)
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_FRAMES, cite + 1,
		          "%s: the frame at %s cannot be compared: it was decoded as %s, and here as %s%s",
		          name, time, path, now->decode_path, difference);
	else
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_FRAMES, cite + 1,
		          "%s: there is a frame at %s, but nothing to compare it with", name, time);
}

static void prove_cite(const struct proving *p, size_t cite, const struct found *found)
{
	const struct cited *c = &p->file->cites[cite];
	AUTO(mem_freep) char *name = describe_cite(p, cite);
	struct tally t = tally_frames(c, found);
	if (!c->n_frames && !*c->quote)
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_FRAMES, cite + 1, "%s: it cites no frames",
		          name);
	if (t.n[FOUND_LOST])
		add_lost(p, cite, name, &t);
	if (t.n[FOUND_GONE])
		add_gone(p, cite, name, &t);
	for (int m = FOUND_OTHER; m < FOUND_MATCHES; m++)
		if (t.n[m])
			add_other(p, cite, name, &t, (enum found_match)m);
	if (t.n[FOUND_SAME])
		proof_add(p->proof, PROOF_HOLDS, PROOF_FRAMES, cite + 1,
		          "%s: %zu of %zu frame%s decoded again, the same in every sample", name,
		          t.n[FOUND_SAME], c->n_frames, text_s((int64_t)c->n_frames));
}

static void skip_cites(const struct proving *p, size_t source)
{
	for (size_t i = 0; i < p->file->n_cites; i++) {
		if (p->file->cites[i].source != source)
			continue;
		AUTO(mem_freep) char *name = describe_cite(p, i);
		proof_add(p->proof, PROOF_UNCHECKED, *p->file->cites[i].quote ? PROOF_QUOTE : PROOF_FRAMES,
		          i + 1, "%s: its video was not given", name);
	}
	if (p->file->n_texts)
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_QUOTE, 0,
		          "%zu texts that are said or written: their video was not given",
		          p->file->n_texts);
}

/* ---- the quotes */

static void prove_quote(const struct proving *p, size_t cite, const struct quotes *q)
{
	const struct cited *c = &p->file->cites[cite];
	AUTO(mem_freep) char *name = describe_cite(p, cite);
	switch (quotes_compare(q, c->quote_source, c->start, c->quote)) {
	case QUOTE_SAME:
		proof_add(p->proof, PROOF_HOLDS, PROOF_QUOTE, cite + 1,
		          "%s: read again, the subtitles have these words at this time", name);
		break;
	case QUOTE_OTHER:
		proof_add(p->proof, PROOF_FAILS, PROOF_QUOTE, cite + 1,
		          "%s: the subtitles of the video do not have these words at this time", name);
		break;
	case QUOTE_UNREAD:
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_QUOTE, cite + 1,
		          "%s: the subtitles of the video cannot be read: %s", name, q->fault);
		break;
	case QUOTE_RECOGNIZED:
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_QUOTE, cite + 1,
		          "%s: not compared: an engine recognized it (%s)", name, c->quote_source);
		break;
	}
}

/* All subtitles of a report at once. */
static void prove_subtitles(const struct proving *p, const struct quotes *q, const size_t *n,
                            const struct cited_text *first)
{
	char time[CLOCK_TEXT_MAX];
	size_t lacking = p->file->subtitles_read && !*q->fault ? quotes_lacking(q, p->file) : 0;
	if (n[QUOTE_SAME])
		proof_add(p->proof, PROOF_HOLDS, PROOF_QUOTE, 0,
		          "%zu subtitle%s read again, the same in the video", n[QUOTE_SAME],
		          text_s((int64_t)n[QUOTE_SAME]));
	if (n[QUOTE_OTHER])
		proof_add(p->proof, PROOF_FAILS, PROOF_QUOTE, 0,
		          "%zu subtitle%s not in the video, first at %s: \"%s\"", n[QUOTE_OTHER],
		          n[QUOTE_OTHER] == 1 ? " is" : "s are", clock_text(first->start, time),
		          first->text);
	if (lacking)
		proof_add(p->proof, PROOF_FAILS, PROOF_QUOTE, 0,
		          "%zu subtitle%s of the video %s not in the report", lacking,
		          text_s((int64_t)lacking), lacking == 1 ? "is" : "are");
	if (n[QUOTE_UNREAD])
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_QUOTE, 0,
		          "%zu subtitle%s not compared: those of the video cannot be read: %s",
		          n[QUOTE_UNREAD], text_s((int64_t)n[QUOTE_UNREAD]), q->fault);
}

/* The texts that a report lists. */
static void prove_texts(const struct proving *p, const struct quotes *q)
{
	const struct cited_text *first = NULL;
	size_t n[QUOTE_RECOGNIZED + 1] = {0};
	for (size_t i = 0; i < p->file->n_texts; i++) {
		const struct cited_text *t = &p->file->texts[i];
		enum quote_match m = quotes_compare(q, t->source, t->start, t->text);
		n[m]++;
		first = m == QUOTE_OTHER && !first ? t : first;
	}
	prove_subtitles(p, q, n, first);
	if (n[QUOTE_RECOGNIZED])
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_QUOTE, 0,
		          "%zu text%s not compared: an engine recognized what is said or written",
		          n[QUOTE_RECOGNIZED], text_s((int64_t)n[QUOTE_RECOGNIZED]));
}

/* The video is read only if there is something to compare with it. */
static int prove_quotes(const struct proving *p, size_t source, int fd, struct err *err)
{
	AUTO(quotes_clear) struct quotes q = {.fault = mem_strdup("")};
	const struct decoder_options o =
		found_options(&p->file->sources[source], &p->o->describe.decoder);
	bool read = p->file->is_report && (p->file->n_texts || p->file->subtitles_read);
	int r = 0;
	for (size_t i = 0; i < p->file->n_cites; i++) {
		const struct cited *c = &p->file->cites[i];
		read |= c->source == source && *c->quote &&
		        (!*c->quote_source || strcmp(c->quote_source, STORE_SUBTITLE) == 0);
	}
	if (read) {
		quotes_clear(&q);
		r = quotes_read(fd, &o, p->o->cancel, &q, err);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->file->n_cites; i++)
		if (p->file->cites[i].source == source && *p->file->cites[i].quote)
			prove_quote(p, i, &q);
	if (p->file->is_report)
		prove_texts(p, &q);
	return 0;
}

/* ---- the claims */

static int prove_claim(const struct proving *p, struct recheck *k, size_t cite, struct err *err)
{
	const struct cited *c = &p->file->cites[cite];
	enum check_verdict now;
	AUTO(mem_freep) char *reason = NULL;
	if (!c->seen || !c->n_frames)
		return 0;
	int r = recheck_cite(k, c, &now, &reason, err);
	if (r == -ERR_CANCELED)
		return r;
	AUTO(mem_freep) char *name = describe_cite(p, cite);
	const char *then = c->verdict == VERDICT_NONE ? "" : check_verdict_name(c->verdict);
	const char *model = engine_info(p->o->engine)->model;
	if (r < 0 || reason)
		proof_add(p->proof, PROOF_UNCHECKED, PROOF_CLAIM, cite + 1, "%s: %s did not check it: %s",
		          name, model, r < 0 ? err->msg : reason);
	else
		proof_add(p->proof,
		          now == VERDICT_SHOWN       ? PROOF_HOLDS
		          : now == VERDICT_WITHDRAWN ? PROOF_FAILS
		                                     : PROOF_UNCHECKED,
		          PROOF_CLAIM, cite + 1, "%s: %s says %s%s%s", name, model, check_verdict_name(now),
		          *then ? "; the file says " : "", then);
	return 0;
}

static int prove_claims(const struct proving *p, size_t source, const struct video *v,
                        struct err *err)
{
	AUTO(recheck_freep)
	struct recheck *k = recheck_new(&p->file->sources[source], v->fd, p->o);
	int r = 0;
	for (size_t i = 0; i < p->file->n_cites && r == 0; i++)
		if (p->file->cites[i].source == source)
			r = prove_claim(p, k, i, err);
	return r;
}

static int prove_source(const struct proving *p, size_t source, struct err *err)
{
	AUTO(found_clear) struct found found = {0};
	const struct video *v = video_of(p, source);
	if (!v) {
		skip_cites(p, source);
		return 0;
	}
	int r = found_make(p->file, source, v->fd, &p->o->describe.decoder, p->o->cancel, &found, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->file->n_cites; i++)
		if (p->file->cites[i].source == source)
			prove_cite(p, i, &found);
	r = prove_quotes(p, source, v->fd, err);
	if (r < 0)
		return r;
	return p->o->engine ? prove_claims(p, source, v, err) : 0;
}

static int prove_all(struct proving *p, const json_t *json, struct err *err)
{
	int r = open_videos(p->o, p->videos, err);
	if (r == 0)
		r = prove_signature(p, json, err);
	if (r < 0)
		return r;
	prove_sources(p);
	for (size_t i = 0; i < p->file->n_sources && r == 0; i++)
		r = prove_source(p, i, err);
	return r < 0 ? r : check_unchanged(p, err);
}

/* What the file says, for those who read what holds of it. */
static void take_file(const struct cited_file *f, struct proof_file *ret)
{
	*ret = (struct proof_file){.is_report = f->is_report,
	                           .question = mem_strdup(f->question),
	                           .text = mem_strdup(f->text),
	                           .videos = mem_alloc(f->n_sources + 1, sizeof *ret->videos)};
	for (; ret->n_videos < f->n_sources; ret->n_videos++)
		ret->videos[ret->n_videos] = mem_strdup(f->sources[ret->n_videos].name);
}

int prove_run(const json_t *json, const struct prove_options *o, struct proof *ret, struct err *err)
{
	AUTO(cited_file_freep) struct cited_file *file = NULL;
	int r = cited_read(json, &file, err);
	if (r < 0)
		return r;
	take_file(file, &ret->file);
	struct proving p = {o, file, mem_alloc(o->n_videos + 1, sizeof *p.videos), ret};
	for (size_t i = 0; i < o->n_videos; i++)
		p.videos[i].fd = -1;
	r = prove_all(&p, json, err);
	close_videos(p.videos, o->n_videos);
	return r;
}

/* ---- identities of a report's frames */

static json_t *identities_json(const struct found *found)
{
	json_t *all = json_array();
	for (size_t i = 0; i < found->n; i++) {
		const struct found_frame *f = &found->frames[i];
		if (f->planes_sha256[0] && f->pts == f->time)
			json_array_append_new(
				all, json_pack("{s:f, s:s, s:s, s:s, s:s}", "pts", (double)f->pts / 1e6,
			                   "planes_sha256", f->planes_sha256, "planes_format", f->planes_format,
			                   "decode_path", f->decode_path, "gray", f->gray));
	}
	return all;
}

static int add_identities(json_t *json, const struct cited_file *file,
                          const struct prove_options *o, struct err *err)
{
	AUTO(found_clear) struct found found = {0};
	AUTO(fd_closep) int fd = -1;
	char sha256[HASH_HEX];
	if (!file->is_report)
		return err_set(err, ERR_ARG, "an answer has the identities of its frames; give no video");
	int r = file_open_input(o->videos[0], &fd, err);
	if (r == 0)
		r = hash_fd(fd, o->cancel, NULL, sha256, err);
	if (r == 0 && strcmp(file->sources[0].sha256, sha256) != 0)
		r = err_set(err, ERR_ARG, "%s is another video than that of the report, %s", o->videos[0],
		            file->sources[0].name);
	if (r == 0)
		r = found_make(file, 0, fd, &o->describe.decoder, o->cancel, &found, err);
	return r < 0 ? r : json_object_set_new(json, "identities", identities_json(&found));
}

int prove_sign(json_t *json, const struct sign_key *key, const struct prove_options *o,
               struct err *err)
{
	AUTO(cited_file_freep) struct cited_file *file = NULL;
	struct sign_keys mine = {.n = 1};
	struct sign_result s;
	memcpy(mine.keys[0], key->public, SIGN_PUBLIC);
	int r = cited_read(json, &file, err);
	if (r == 0)
		r = sign_check(json, &mine, &s, err);
	if (r == 0 && s.is_signed && !s.known)
		r = err_set(err, ERR_ARG,
		            "it has a signature that is not by this key; sign the file as it was before");
	if (r == 0 && o->n_videos)
		r = add_identities(json, file, o, err);
	return r < 0 ? r : sign_json(json, key, err);
}
