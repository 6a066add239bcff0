/* SPDX-License-Identifier: Apache-2.0 */
/* The requests to the model. The texts are files in src/job/prompt/, embedded;
 * the demo model is trained on them. */
#ifndef VDET_JOB_PROMPT_H
#define VDET_JOB_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "openai/chat.h"

struct prompt_picture {
	int64_t pts;
	const unsigned char *jpeg;
	size_t jpeg_len;
};

/* Adds each with its number, from 1, and its time before it. ERR_FORMAT,
 * ERR_LIMIT: see chat_jpeg(). */
int prompt_pictures(struct chat *c, const struct prompt_picture *pictures, size_t n,
                    struct err *err);

/* A text that was recognized in a video: a line for a request, with its time.
 */
struct prompt_text {
	int64_t time;
	char *line;       /* "Heard at 00:00:12: \"…\"\n" */
	const char *text; /* in `line`, to its end: what is between the quotation marks */
};
void prompt_texts_free(struct prompt_text *t, size_t n); /* NULL is fine */

/* A part of a video that is to be described. */
struct prompt_stretch {
	int64_t start, end;
	const struct prompt_picture *pictures;
	size_t n;
	/* in order of time; each is put before the first picture after it */
	const struct prompt_text *texts;
	size_t n_texts;
	const char *look_for; /* what the user asks to look for; "" = nothing */
	/* What is known of the parts before and after it, one per line: "[00:05:00
	 * - 00:10:00] text"; NULL = nothing is said of them. */
	const char *context;
	const char *fault; /* what was wrong with the last answer; NULL = it is the first */
};
/* The describe request: system text; the stretch; per picture its number (from
 * 1) and time, then the picture, with the texts between; the context; the task.
 * `bounded`: the schema bounds how long texts and lists may be, so that a model
 * that repeats itself stops; not every engine accepts such a schema. */
int prompt_describe(struct chat *c, const struct prompt_stretch *s, bool bounded, struct err *err);

/* The summary request from notes, one per line: "[00:05:00 - 00:10:00] text".
 * `language`: of the summary, "" = any. */
void prompt_summary(struct chat *c, const char *notes, const char *look_for, const char *language);

/* Entries to be summarized. */
struct prompt_list {
	const char *text; /* "1 [00:00:05 - 00:00:09] A red car enters.\n…" */
	size_t n, most;   /* its lines; sentences of the answer */
	bool case_list;   /* of several videos; else of one */
};
/* The request for a summary whose sentences name entries; the other arguments
 * as above. */
void prompt_story(struct chat *c, const struct prompt_list *list, const char *look_for,
                  const char *language, const char *fault, bool bounded);

/* SHA-256 over the texts and the schema of prompt_story(). */
void prompt_story_hash(bool case_list, char out[static HASH_HEX]);

/* The request that asks which of n numbered pairs are one event; `pairs` has
 * their lines: "1: [00:00:05 - 00:00:09] A man … | [00:00:09 - 00:00:12] The
 * person …\n". */
void prompt_join(struct chat *c, const char *pairs, size_t n);
/* SHA-256 of its texts. */
void prompt_join_hash(char out[static HASH_HEX]);

/* The request that checks a statement: system text, the pictures as above, the
 * task, and the statement last, so that an engine finds the pictures of several
 * statements in its prefix cache. The answer is a letter. */
int prompt_check(struct chat *c, const struct prompt_picture *pictures, size_t n, const char *what,
                 struct err *err);
/* SHA-256 of its texts. */
void prompt_check_hash(char out[static HASH_HEX]);

/* A question about pictures: system text, the pictures as above, the task, and
 * the question last, for the same reason. `bounded`: see prompt_describe(). */
int prompt_look(struct chat *c, const struct prompt_picture *pictures, size_t n,
                const char *question, bool bounded, struct err *err);
/* System text, task and schema of that. */
enum { PROMPT_LOOK_TEXTS = 3 };
extern const char *const prompt_look_texts[PROMPT_LOOK_TEXTS];

/* SHA-256 over the texts and the schema that the journal's chunks depend on:
 * part of a job's key. */
void prompt_hash(char out[static HASH_HEX]);

#endif
