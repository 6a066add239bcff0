/* SPDX-License-Identifier: Apache-2.0 */
#include "work/index.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/unit-result.h"
#include "work/ticker.h"

void work_index_init(struct work_index *x)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct err err;
	*x = (struct work_index){.most = processors > 3 ? (int)(processors / 2) : 1};
	if (index_unit_model(x->model, &err) < 0) {
		*x->model = '\0';
		log_warning("this worker does no close looks of an index: %s", err.msg);
	}
}

bool work_index_takes(const struct work_index *x, const char *model)
{
	return strcmp(model, x->model) != 0 || x->running < x->most;
}

/* The pictures of the index are those of a software decoder, whatever this
 * machine has for others. */
static int decode(struct work_lane *l, const struct index_look *look, struct signatures *s,
                  struct grids *g, struct err *err)
{
	AUTO(decoder_freep) struct decoder *d = NULL;
	struct decoder_options o = l->options.decoder;
	o.hwaccel = "none";
	int r = decoder_open(l->video.fd, &o, l->cancel, &d, err);
	if (r == 0)
		r = decoder_stretch(d, look->from, look->to, look->all, INDEX_FRAMES_MOST, s, g, err);
	int bytes = work_lane_bytes(l, err);
	return bytes < 0 ? bytes : r;
}

int work_index_run(struct work_lane *l, const struct runner_unit *u, void *index_unit,
                   struct runner_result *ret, struct err *err)
{
	const struct index_unit *unit = index_unit;
	const struct describe_options with = {.decoder = unit->decoder};
	struct work_index *x = l->setup->index;
	AUTO(signatures_clear) struct signatures s = {0};
	AUTO(grids_clear) struct grids g = {0};
	struct ticker ticker;
	if (!x || strcmp(u->model, x->model) != 0)
		return err_set(err, ERR_UNSUPPORTED, "this worker has other media libraries than the head");
	int r = work_lane_use(l, u->source, &with, err);
	if (r < 0)
		return r;

	x->running++;
	ticker_start(&ticker, l, NULL);
	int64_t began = clock_now();
	r = decode(l, &unit->look, &s, &g, err);
	work_lane_decoded(l, clock_now() - began);
	ticker_end(&ticker);
	x->running--;
	if (r == 0)
		r = index_result_write(&s, &g, ret, err);
	if (r == 0)
		log_info("%.1f s of %.12s were decoded for its index",
		         (double)(unit->look.to - unit->look.from) / CLOCK_SECOND, l->source);
	return r;
}
