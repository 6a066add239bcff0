/* SPDX-License-Identifier: Apache-2.0 */
/* Progress for people and programs: a bar with the chunks in progress on a
 * terminal, plain lines elsewhere, or one JSON object per line. Updated by a
 * thread of its own. Results (the path of the report) go to standard output,
 * progress in the text modes to standard error. */
#ifndef VDET_APP_UI_H
#define VDET_APP_UI_H

#include "job/progress.h"

enum ui_mode { UI_BAR, UI_PLAIN, UI_JSON };

struct ui;

struct ui *ui_new(const char *progress_option); /* "auto", "plain" or "json" */
void ui_free(struct ui *ui);                    /* stops the thread, clears the bar; NULL is fine */
DEFINE_FREEP(struct ui, ui)
struct progress *ui_progress(struct ui *ui); /* owned by ui */
void ui_start(struct ui *ui);                /* starts the thread */
/* A line of results: to standard output, or nothing in JSON mode. */
void ui_say(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The progress of writing a file, as the line "clip 42 %". */
struct ui_writing {
	struct ui *ui;
	const char *name; /* of what is written; a literal */
	int shown;        /* percent; -1 at first */
};
/* `ctx`: a struct ui_writing; `fraction`: 0 to 1. */
void ui_writing(void *ctx, double fraction);

/* The progress line: "chunk  7/25  ████▌   28 %   00:42 left   engine: …".
 * Pure; returns out. */
const char *ui_line(const struct progress_view *v, char *out, size_t size);

#endif
