/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: one sample per second while jobs run or wait, else one in ten
 * seconds; the last BOARD_SAMPLES are kept. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "board/board-internal.h"

enum { BUSY_PERIOD = 1000000, IDLE_PERIOD = 10000000 };

/* Bytes of memory that this process holds; 0 if unknown. */
static int64_t own_memory(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* With the lock held. */
static void count(const struct board *b, int64_t *running, int64_t *waiting, int64_t *asking,
                  double *prefill, double *decode)
{
	for (size_t i = 0; i < b->n_jobs; i++) {
		const struct job *j = b->jobs[i];
		if (j->gone)
			continue;
		*running += j->row.state == STORE_ENTRY_RUNNING;
		*waiting += j->row.state == STORE_ENTRY_QUEUED;
		if (j->row.state != STORE_ENTRY_RUNNING)
			continue;
		*prefill += j->view.prefill_rate;
		*decode += j->view.decode_rate;
		for (size_t k = 0; k < j->view.n_active; k++)
			*asking +=
				j->view.active[k].state == CHUNK_PREFILL || j->view.active[k].state == CHUNK_ANSWER;
	}
}

int64_t board_take_sample(struct board *b, int64_t now)
{
	int64_t running = 0, waiting = 0, asking = 0;
	double prefill = 0, decode = 0;
	pthread_mutex_lock(&b->lock);
	count(b, &running, &waiting, &asking, &prefill, &decode);
	pthread_mutex_unlock(&b->lock);

	/* The shorter period applies as soon as there is work, also after a sample
	 * taken before. */
	int64_t period = running || waiting ? BUSY_PERIOD : IDLE_PERIOD;
	if (b->last_sample && now < b->last_sample + period)
		return b->last_sample + period;
	json_t *r =
		json_pack("{s:f, s:I, s:i, s:f, s:f, s:I, s:I, s:I}", "time", (double)clock_wall() / 1e6,
	              "slots_busy", (json_int_t)asking, "slots", engine_slots(b->setup.engine),
	              "prefill_rate", prefill, "decode_rate", decode, "queue", (json_int_t)waiting,
	              "running", (json_int_t)running, "rss", (json_int_t)own_memory());
	board_check_disk(b);
	pthread_mutex_lock(&b->lock);
	json_object_set_new(r, "disk_free", json_integer((json_int_t)b->disk_free));
	pthread_mutex_unlock(&b->lock);
	if (b->setup.add_metrics)
		b->setup.add_metrics(b->setup.metrics_ctx, r);
	pthread_mutex_lock(&b->lock);
	json_t **at = &b->samples[b->n_samples++ % BOARD_SAMPLES];
	json_decref(*at);
	*at = json_incref(r);
	pthread_mutex_unlock(&b->lock);
	events_post(b->setup.events, EVENT_PERFORMANCE, 0, r);
	b->last_sample = now;
	return now + period;
}

/* ---- what limits the board */

static void advise(json_t *all, const char *rule, const char *text, const char *action)
{
	json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "rule", rule, "level", "warning",
	                                     "text", text, "action", action));
}

/* Recommendations about the disk, each with the option that limits. */
static json_t *disk_advice(struct board *b)
{
	const struct board_options *o = b->setup.options;
	char has[TEXT_SIZE_MAX], wants[TEXT_SIZE_MAX];
	int64_t used = board_disk_used(b, NULL);
	json_t *all = json_array();
	AUTO(board_unlockp) struct board *locked = board_lock(b);

	if (locked->disk_full) {
		AUTO(mem_freep)
		char *text = mem_printf("The disk of %s is full (%s free): jobs wait, and continue when "
		                        "there is space.",
		                        b->setup.data_dir, text_size((double)b->disk_free, has));
		advise(all, "disk-full", text, "Delete videos or other files.");
	} else if (b->disk_free < o->free_min) {
		AUTO(mem_freep)
		char *text = mem_printf("Uploads are refused: the disk of %s has %s free, and "
		                        "serve.free_min reserves %s.",
		                        b->setup.data_dir, text_size((double)b->disk_free, has),
		                        text_size((double)o->free_min, wants));
		advise(all, "disk-reserve", text, "Delete files, or lower serve.free_min.");
	}
	if (o->quota && used >= o->quota) {
		AUTO(mem_freep)
		char *text = mem_printf("Uploads are refused: videos take %s, and serve.quota allows %s.",
		                        text_size((double)used, has), text_size((double)o->quota, wants));
		advise(all, "quota", text, "Delete videos, or raise serve.quota.");
	}
	return all;
}

json_t *board_performance(struct board *b)
{
	json_t *history = json_array(), *now = NULL, *advice = disk_advice(b);
	AUTO(board_unlockp) struct board *locked = board_lock(b);
	size_t n = locked->n_samples < BOARD_SAMPLES ? b->n_samples : BOARD_SAMPLES;
	for (size_t i = b->n_samples - n; i < b->n_samples; i++) {
		now = b->samples[i % BOARD_SAMPLES];
		json_array_append(history, now);
	}
	return json_pack("{s:o, s:o, s:o}", "now", now ? json_incref(now) : json_object(), "history",
	                 history, "recommendations", advice);
}
