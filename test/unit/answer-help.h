/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of any shape, without a journal. */
#ifndef VDET_TEST_ANSWER_HELP_H
#define VDET_TEST_ANSWER_HELP_H

#include <string.h>

#include "answer/answer.h"
#include "base/clock.h"

#define S CLOCK_SECOND
#define MINUTE (60 * S)
#define HOUR (60 * MINUTE)
#define SHA_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GRAY SHA_B SHA_B SHA_B SHA_B "0123456789abcdef0123456789abcdef"
#define SHA_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static const unsigned char small_jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xd9};

static struct answer_source source_of(const char *name, int64_t length)
{
	return (struct answer_source){.sha256 = mem_strdup(SHA_A),
	                              .name = mem_strdup(name),
	                              .stream = -1,
	                              .job = mem_strdup("3fa94c3fa94c"),
	                              .generation = 1,
	                              .to = length,
	                              .report = mem_strdup(""),
	                              .mean_gap = 4100000,
	                              .max_gap = 10 * S,
	                              .max_gap_at = MINUTE,
	                              .unseen = mem_strdup("")};
}

static struct answer_frame frame_of(int64_t pts, const char *text)
{
	struct answer_frame f = {.pts = pts,
	                         .picture_sha256 = mem_strdup(SHA_A),
	                         .planes_sha256 = mem_strdup(*text ? SHA_B : ""),
	                         .planes_format = mem_strdup(text),
	                         .decode_path = mem_strdup(text),
	                         .gray = mem_strdup(*text ? GRAY : ""),
	                         .jpeg = mem_alloc(1, sizeof small_jpeg),
	                         .jpeg_len = sizeof small_jpeg};
	memcpy(f.jpeg, small_jpeg, sizeof small_jpeg);
	return f;
}

/* An answer without claims. */
static struct answer *answer_new(const char *question, enum answer_state state, const char *text)
{
	struct answer *a = mem_alloc(1, sizeof *a);
	*a = (struct answer){.id = mem_strdup("0123456789ab"),
	                     .question = mem_strdup(question),
	                     .thread = mem_strdup(""),
	                     .state = state,
	                     .text = mem_strdup(text),
	                     .changed = mem_strdup(""),
	                     .choice = mem_strdup(""),
	                     .at_least = -1,
	                     .unsure = -1,
	                     .spent = {.requests = 23,
	                               .prompt_tokens = 30000,
	                               .output_tokens = 1000,
	                               .decode_time = 5 * S,
	                               .wall = 41 * S},
	                     .price = {-1, -1, -1},
	                     .vdet_version = mem_strdup("0.1.0"),
	                     .engine = mem_strdup("llama-server 0.7.0"),
	                     .model = mem_strdup("test-model"),
	                     .model_hash = mem_strdup(""),
	                     .prompt_hash = mem_strdup(SHA_B),
	                     .created = 1795341600 * S};
	a->sources = mem_alloc(8, sizeof *a->sources);
	a->cites = mem_alloc(16, sizeof *a->cites);
	a->claims = mem_alloc(16, sizeof *a->claims);
	a->dropped = mem_alloc(8, sizeof *a->dropped);
	a->steps = mem_alloc(8, sizeof *a->steps);
	a->unread = mem_alloc(8, sizeof *a->unread);
	return a;
}

static struct answer_cite *add_cite(struct answer *a, size_t source, int64_t start, int64_t end,
                                    double p)
{
	struct answer_cite *c = &a->cites[a->n_cites++];
	*c = (struct answer_cite){.source = source,
	                          .start = start,
	                          .end = end,
	                          .frames = mem_alloc(2, sizeof *c->frames),
	                          .quote = mem_strdup(""),
	                          .quote_source = mem_strdup(""),
	                          .clock = mem_strdup(""),
	                          .text = mem_strdup("It is there."),
	                          .verdict = VERDICT_SHOWN,
	                          .p = p,
	                          .reason = mem_strdup("")};
	c->frames[c->n_frames++] = frame_of(start, "yuv420p 1920x1080");
	if (end > start)
		c->frames[c->n_frames++] = frame_of(end, "");
	return c;
}

static void add_claim(struct answer *a, const char *text, size_t cite)
{
	struct answer_claim *c = &a->claims[a->n_claims++];
	*c = (struct answer_claim){.text = mem_strdup(text),
	                           .cites = mem_alloc(1, sizeof *c->cites),
	                           .n_cites = 1,
	                           .verdict = VERDICT_SHOWN};
	c->cites[0] = cite;
}

/* The first dialogue: a question that is answered. */
static struct answer *answer_who(void)
{
	struct answer *a =
		answer_new("Who carried the box out, and when?", ANSWER_ANSWERED,
	               "A person in a red jacket carries a box out of the room at 0:41:07 [1], after "
	               "putting it on the table at 0:39:52 [2].");
	a->kind = ASK_WHEN;
	for (int i = 0; i < 3; i++)
		a->sources[a->n_sources++] =
			source_of((const char *[]){"cam1.mp4", "cam2.mp4", "cam3.mp4"}[i], 40 * MINUTE);
	a->sources[1].to = 42 * MINUTE;
	a->sources[2].to = 38 * MINUTE;
	a->sources[1].windows = 14;
	a->sources[1].examined = 14 * MINUTE;
	a->sources[1].frames = 700;
	a->sources[2].holes = 2 * MINUTE;
	a->sources[2].n_holes = 2;
	add_cite(a, 1, 2467120000, 2471480000, 0.97);
	add_cite(a, 1, 2392 * S, 2392 * S, 0.91);
	add_claim(a, "A person in a red jacket carries a box out of the room", 0);
	add_claim(a, "putting it on the table", 1);
	return a;
}

/* The second one: a question that is not. */
static struct answer *answer_dog(enum answer_state state)
{
	struct answer *a = answer_new("Is there a dog?", state, "");
	a->sources[a->n_sources++] = source_of("cam1.mp4", HOUR);
	a->sources[a->n_sources++] = source_of("cam2.mp4", HOUR);
	a->sources[0].windows = a->sources[1].windows = 7;
	a->sources[0].examined = a->sources[1].examined = 7 * MINUTE;
	a->sources[0].frames = a->sources[1].frames = 350;
	a->sources[0].max_gap = 31 * S;
	a->sources[0].max_gap_at = 2467 * S;
	a->sources[0].holes = a->sources[1].holes = MINUTE;
	a->sources[0].n_holes = a->sources[1].n_holes = 1;
	a->price = (struct answer_price){9 * MINUTE, 35000, 20};
	return a;
}

/* The same after every sampled frame was examined. */
static struct answer *answer_no_dog(void)
{
	struct answer *a = answer_dog(ANSWER_NOT_SEEN);
	a->thorough = true;
	a->sources[0].examined = a->sources[1].examined = HOUR;
	a->sources[0].frames = a->sources[1].frames = 878;
	a->sources[0].holes = a->sources[1].holes = 0;
	a->sources[0].n_holes = a->sources[1].n_holes = 0;
	return a;
}

/* With every member set; `text` for each that a model, a file or a user gives. */
static struct answer *answer_full(const char *text)
{
	struct answer *a = answer_new(text, ANSWER_PARTLY, text);
	free(a->thread);
	a->thread = mem_strdup("abc");
	free(a->changed);
	a->changed = mem_strdup(text);
	free(a->choice);
	a->choice = mem_strdup("B");
	free(a->model);
	a->model = mem_strdup(text);
	free(a->model_hash);
	a->model_hash = mem_strdup(SHA_A);
	a->thorough = a->demo_model = true;
	a->kind = ASK_COUNT;
	a->at_least = 3;
	a->unsure = 1;
	a->price = (struct answer_price){-1, 35000, 20};
	for (int i = 0; i < 3; i++) {
		a->sources[a->n_sources] = source_of(text, HOUR);
		struct answer_source *s = &a->sources[a->n_sources++];
		s->stream = i - 1;
		s->deleted = i == 1;
		s->job_rank = (size_t)(i == 2 ? 3 : i);
		s->n_jobs = (size_t)(2 * i);
		s->windows = 3;
		s->examined = MINUTE;
		s->holes = i * S;
		s->n_holes = (size_t)i;
		s->max_gap = i ? s->max_gap : 0;
		free(s->unseen);
		s->unseen = mem_strdup(i == 2 ? text : "");
		free(s->report);
		s->report = mem_strdup(i == 1 ? "/tmp/a \"folder\"/x%<b>.vdet" : "");
	}
	for (size_t i = 0; i < 10; i++) {
		struct answer_cite *c = add_cite(a, i % 3, (int64_t)i * S + 123457,
		                                 (int64_t)(2 * i + 1) * S, i % 2 ? 0.25 : -1);
		c->sense = (enum answer_sense)(i % SENSES);
		c->verdict = (enum check_verdict)(i % 5);
		free(c->text);
		c->text = mem_strdup(text);
		free(c->quote);
		c->quote = mem_strdup(c->sense == SENSE_SEEN ? "" : text);
		free(c->reason);
		c->reason = mem_strdup(c->verdict == VERDICT_UNCHECKED ? text : "");
		add_claim(a, text, i);
		a->claims[i].verdict = c->verdict;
	}
	for (int i = 0; i < 2; i++) {
		a->dropped[a->n_dropped++] = (struct answer_dropped){mem_strdup(text), mem_strdup(text)};
		a->steps[a->n_steps++] = (struct answer_step){
			mem_strdup("look"), mem_strdup(text), mem_strdup(SHA_A), mem_strdup(i ? SHA_B : "")};
		a->unread[a->n_unread++] = mem_strdup(text);
	}
	return a;
}

#endif
