/* SPDX-License-Identifier: Apache-2.0 */
#include "prove/proof.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

enum { LINE_MAX_BYTES = 4000 };

static const char *const about_name[PROOF_ABOUTS] = {"signature", "steps", "source",
                                                     "frames",    "quote", "claim"};

const char *proof_state_name(enum proof_state s)
{
	static const char *const names[PROOF_STATES] = {"holds", "fails", "unchecked"};
	return names[s];
}

void proof_clear(struct proof *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->lines[i].text);
	free(p->lines);
	for (size_t i = 0; i < p->file.n_videos; i++)
		free(p->file.videos[i]);
	free(p->file.videos);
	free(p->file.question);
	free(p->file.text);
	*p = (struct proof){0};
}

void proof_add(struct proof *p, enum proof_state s, enum proof_about about, size_t number,
               const char *fmt, ...)
{
	AUTO(mem_freep) char *text = NULL;
	va_list args;
	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		abort(); /* no memory */
	p->lines = mem_room(p->lines, p->n, &p->cap, sizeof *p->lines);
	p->lines[p->n++] = (struct proof_line){s, about, number, text_line(text, LINE_MAX_BYTES)};
	p->counts[s]++;
}

enum proof_state proof_result(const struct proof *p)
{
	return p->counts[PROOF_FAILS]       ? PROOF_FAILS
	       : p->counts[PROOF_UNCHECKED] ? PROOF_UNCHECKED
	                                    : PROOF_HOLDS;
}

static json_t *file_json(const struct proof_file *f)
{
	json_t *videos = json_array();
	for (size_t i = 0; i < f->n_videos; i++)
		json_array_append_new(videos, json_string(f->videos[i]));
	return json_pack("{s:s, s:s, s:s, s:o}", "kind", f->is_report ? "report" : "answer", "question",
	                 f->question ? f->question : "", "text", f->text ? f->text : "", "videos",
	                 videos);
}

json_t *proof_json(const struct proof *p)
{
	json_t *lines = json_array();
	for (size_t i = 0; i < p->n; i++) {
		const struct proof_line *l = &p->lines[i];
		json_t *number = l->number ? json_integer((json_int_t)l->number) : json_null();
		json_array_append_new(lines, json_pack("{s:s, s:o, s:s, s:s}", "about",
		                                       about_name[l->about], "number", number, "state",
		                                       proof_state_name(l->state), "text", l->text));
	}
	return json_pack("{s:s, s:o, s:s, s:I, s:I, s:I, s:o}", "format", "vdet-proof/1", "file",
	                 file_json(&p->file), "result", proof_state_name(proof_result(p)), "holds",
	                 (json_int_t)p->counts[PROOF_HOLDS], "fails",
	                 (json_int_t)p->counts[PROOF_FAILS], "unchecked",
	                 (json_int_t)p->counts[PROOF_UNCHECKED], "lines", lines);
}
