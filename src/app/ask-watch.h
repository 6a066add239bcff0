/* SPDX-License-Identifier: Apache-2.0 */
/* `vdet ask --watch`: each new video is analyzed, and asked once. */
#ifndef VDET_APP_ASK_WATCH_H
#define VDET_APP_ASK_WATCH_H

#include "app/app.h"
#include "app/ui.h"
#include "ask/ask.h"

struct ask_watch {
	struct app *app;
	struct ui *ui;
	struct store *store;
	const struct runner *runner; /* see struct ask_context */
	char **folders; /* none: the videos that others analyze, as they are in the journal */
	size_t n;
	const struct ask_request *question; /* its videos are set here */
	void (*progress)(void *ctx, const struct ask_progress *p);
	void *ctx;
	bool json; /* a hit is printed as JSON */
};

/* Until it is interrupted (ERR_CANCELED), or cannot go on. Where hits are sent
 * is in app->notify. The same call goes on where the last one ended: what was
 * asked is not asked again, and hits that were not delivered are. */
int ask_watch_run(const struct ask_watch *w, struct err *err);

#endif
