/* SPDX-License-Identifier: Apache-2.0 */
#include "app/ui.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "job/progress-json.h"

enum {
	BAR_CELLS = 24,
	BAR_PERIOD = 250,
	LINE_PERIOD = 1000 /* milliseconds */,
	MAX_CHUNK_LINES = 6,
	LINE_SIZE = 8192
};
#define QUIET (30 * CLOCK_SECOND)

/* A plain line, and when it was printed. */
struct printed {
	enum progress_phase phase;
	char detail[160];
	int tenths;   /* of the phase; -1 = not known */
	int64_t time; /* 0 = none yet */
};

struct ui {
	enum ui_mode mode;
	struct progress *progress;
	pthread_mutex_t
		/* guards the terminal and stop; taken inside the progress' and the
		 * log's lock, never around */
		lock;
	pthread_cond_t wake;
	bool running, stop;
	int64_t seq;         /* of the last JSON message */
	struct printed last; /* plain line … */
	char line[512];      /* … and its text */
	int lines;           /* of the bar that are on the terminal */
	pthread_t thread;
};

static void clear_bar(struct ui *ui)
{
	if (ui->lines > 1)
		fprintf(stderr, "\r\033[%dA\033[J", ui->lines - 1);
	else if (ui->lines == 1)
		fputs("\r\033[J", stderr);
	ui->lines = 0;
}

static void on_log(void *ctx, enum log_level level, const char *line)
{
	struct ui *ui = ctx;
	(void)level;
	pthread_mutex_lock(&ui->lock);
	clear_bar(ui);
	fprintf(stderr, "%s\n", line);
	pthread_mutex_unlock(&ui->lock);
}

static void print_video(const struct progress_event *e)
{
	AUTO(mem_freep) char *name = text_line(e->video, 1000);
	fprintf(stderr, "video %zu of %zu: %s\n", e->view->video, e->view->videos, name);
}

static void print_source(const struct progress_event *e)
{
	char t[CLOCK_TEXT_MAX];

	fprintf(stderr, "%s  %s  %dx%d %s", e->source.name, clock_short(e->source.duration, t),
	        e->source.width, e->source.height, e->source.codec);
	if (e->source.fps > 0)
		fprintf(stderr, " %.4g fps", e->source.fps);
	fputs("\n", stderr);
}

/* With the lock held. */
static void print_json(struct ui *ui, const struct progress_event *e)
{
	json_auto_t *j = progress_json(e, ++ui->seq);

	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

static void on_event(void *ctx, const struct progress_event *e)
{
	struct ui *ui = ctx;

	pthread_mutex_lock(&ui->lock);
	if (ui->mode == UI_JSON && e->type != PROGRESS_UPDATE) { /* that one is printed periodically */
		print_json(ui, e);
	} else if (e->type == PROGRESS_VIDEO || e->type == PROGRESS_SOURCE) {
		clear_bar(ui);
		(e->type == PROGRESS_VIDEO ? print_video : print_source)(e);
	}
	pthread_mutex_unlock(&ui->lock);
}

static void print_progress(struct ui *ui)
{
	struct progress_view view;
	const struct progress_event event = {.type = PROGRESS_UPDATE, .view = &view};

	progress_read(ui->progress, &view);
	pthread_mutex_lock(&ui->lock);
	print_json(ui, &event);
	pthread_mutex_unlock(&ui->lock);
}

static void draw_cells(double fraction, char *out, size_t size)
{
	static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int filled = (int)(fraction * BAR_CELLS * 8 + 0.5), n = 0;
	out[0] = '\0';
	for (int i = 0; i < BAR_CELLS && (size_t)n < size; i++, filled -= 8)
		n += snprintf(out + n, size - (size_t)n, "%s",
		              filled >= 8 ? "█" : eighths[filled > 0 ? filled : 0]);
}

static const char *left_text(int64_t left, char out[static CLOCK_TEXT_MAX])
{
	char t[CLOCK_TEXT_MAX];
	if (left < 0)
		return "--:--";
	clock_short(left, t);
	snprintf(out, CLOCK_TEXT_MAX, "%s%.20s", strlen(t) < 5 ? "0" : "", t);
	return out;
}

const char *ui_line(const struct progress_view *v, char *out, size_t size)
{
	char cells[BAR_CELLS * 4], left[CLOCK_TEXT_MAX], total[24], video[64] = "";
	if (v->videos)
		snprintf(video, sizeof video, "video %zu/%zu  ", v->video, v->videos);
	if (v->phase != PHASE_CHUNKS || *v->detail) {
		snprintf(out, size, "%s%s%s%s", video, progress_phase_name(v->phase),
		         *v->detail ? ": " : "", v->detail);
		return out;
	}
	int width = snprintf(total, sizeof total, "%zu", v->chunks);
	/* The number of the chunk in progress, from 1: 7 of 25 while six are done. */
	size_t at = v->done < v->chunks ? v->done + 1 : v->chunks;
	draw_cells(v->fraction, cells, sizeof cells);
	bool about = !v->planned; /* the plan still grows, as the video is read */
	int n = snprintf(out, size, "%schunk %*zu%s%s  %s  %3.0f %%  %s%s left%s", video, width, at,
	                 about ? " of about " : "/", total, cells, v->fraction * 100,
	                 about && v->left >= 0 ? "about " : "", left_text(v->left, left),
	                 v->videos ? " of this video" : "");
	if (v->holes && n > 0 && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, "   holes: %zu", v->holes);
	if (v->decode_rate > 0 && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, "   engine: %.0f tok/s prefill, %.0f tok/s",
		         v->prefill_rate, v->decode_rate);
	return out;
}

static void chunk_line(const struct progress_chunk *c, char *out, size_t size)
{
	char at[CLOCK_TEXT_MAX], left[CLOCK_TEXT_MAX], what[80];
	switch (c->state) {
	case CHUNK_DECODING:
		snprintf(what, sizeof what, "frames %" PRId64 "/%" PRId64, c->done, c->total);
		break;
	case CHUNK_QUEUED: snprintf(what, sizeof what, "waiting for the engine"); break;
	case CHUNK_PREFILL:
		if (c->total)
			snprintf(what, sizeof what, "reading %" PRId64 "/%" PRId64 " tokens", c->done,
			         c->total);
		else
			snprintf(what, sizeof what, "reading");
		break;
	case CHUNK_ANSWER: snprintf(what, sizeof what, "answering, %" PRId64 " tokens", c->done); break;
	default: snprintf(what, sizeof what, "%s", chunk_state_name(c->state));
	}
	snprintf(out, size, "  chunk %zu at %s  %s  %s left", c->index + 1, clock_short(c->start, at),
	         what, left_text(c->left, left));
}

/* Cut to the terminal's width: a wrapped line could not be cleared. Multi-byte
 * cells count once. */
static void put_cut(const char *line, int columns)
{
	for (int n = 0; *line && n < columns; n++) {
		fputc(*line++, stderr);
		while (((unsigned char)*line & 0xc0) == 0x80)
			fputc(*line++, stderr);
	}
}

static void draw_bar(struct ui *ui, const struct progress_view *v)
{
	struct winsize ws = {0};
	int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col ? ws.ws_col - 1 : 79;
	char line[512];
	clear_bar(ui);
	put_cut(ui_line(v, line, sizeof line), columns);
	ui->lines = 1;
	for (size_t i = 0; v->phase == PHASE_CHUNKS && i < v->n_active && i < MAX_CHUNK_LINES;
	     i++, ui->lines++) {
		chunk_line(&v->active[i], line, sizeof line);
		fputc('\n', stderr);
		put_cut(line, columns);
	}
	fflush(stderr);
}

/* The detail of a phase often ends in a share: "keyframes 40 %". Returns it in
 * tenths, and cuts it off; -1 = there is none. */
static int cut_share(char *detail)
{
	char *space = strrchr(detail, ' ');
	if (!space || strcmp(space, " %") != 0)
		return -1;
	*space = '\0';
	char *number = strrchr(detail, ' ');
	number = number ? number + 1 : detail;
	int tenths = (int)(strtol(number, NULL, 10) / 10);
	*number = '\0';
	return tenths;
}

/* In a file, a line for what is new, and for each tenth; and each 30 s, if
 * something changed, as a sign of life. */
static void print_plain(struct ui *ui, const struct progress_view *v)
{
	char line[512];
	struct printed *last = &ui->last, now = {.phase = v->phase, .tenths = -1, .time = clock_now()};
	if (v->phase == PHASE_CHUNKS && !*v->detail) {
		now.tenths = (int)(v->fraction * 10);
	} else {
		snprintf(now.detail, sizeof now.detail, "%s", v->detail);
		now.tenths = cut_share(now.detail);
	}
	bool same = last->time && now.phase == last->phase && strcmp(now.detail, last->detail) == 0 &&
	            now.tenths == last->tenths;
	ui_line(v, line, sizeof line);
	if (same && (now.time - last->time < QUIET || strcmp(line, ui->line) == 0))
		return;
	*last = now;
	snprintf(ui->line, sizeof ui->line, "%s", line);
	fprintf(stderr, "%s\n", line);
}

static void show(struct ui *ui)
{
	struct progress_view v;
	if (ui->mode == UI_JSON) {
		print_progress(ui);
		return;
	}
	progress_read(ui->progress, &v);
	pthread_mutex_lock(&ui->lock);
	if (ui->mode == UI_BAR)
		draw_bar(ui, &v);
	else
		print_plain(ui, &v);
	pthread_mutex_unlock(&ui->lock);
}

static bool wait_period(struct ui *ui, long ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&ui->lock);
	while (!ui->stop && pthread_cond_timedwait(&ui->wake, &ui->lock, &until) == 0)
		;
	bool stop = ui->stop;
	pthread_mutex_unlock(&ui->lock);
	return !stop;
}

static void *run(void *arg)
{
	struct ui *ui = arg;
	do
		show(ui);
	while (wait_period(ui, ui->mode == UI_BAR ? BAR_PERIOD : LINE_PERIOD));
	return NULL;
}

struct ui *ui_new(const char *option)
{
	struct ui *ui = mem_alloc(1, sizeof *ui);
	const char *term = getenv("TERM");
	bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
	ui->mode = strcmp(option, "json") == 0               ? UI_JSON
	           : strcmp(option, "auto") == 0 && terminal ? UI_BAR
	                                                     : UI_PLAIN;
	pthread_mutex_init(&ui->lock, NULL);
	pthread_cond_init(&ui->wake, NULL);
	ui->progress = progress_new(on_event, ui);
	return ui;
}

void ui_start(struct ui *ui)
{
	log_set_sink(on_log, ui);
	ui->running = pthread_create(&ui->thread, NULL, run, ui) == 0;
}

void ui_free(struct ui *ui)
{
	if (!ui)
		return;
	pthread_mutex_lock(&ui->lock);
	ui->stop = true;
	pthread_cond_signal(&ui->wake);
	pthread_mutex_unlock(&ui->lock);
	if (ui->running)
		pthread_join(ui->thread, NULL);
	log_set_sink(NULL, NULL);
	clear_bar(ui);
	progress_free(ui->progress);
	pthread_cond_destroy(&ui->wake);
	pthread_mutex_destroy(&ui->lock);
	free(ui);
}

struct progress *ui_progress(struct ui *ui)
{
	return ui->progress;
}

void ui_writing(void *ctx, double fraction)
{
	struct ui_writing *w = ctx;
	char text[80];
	int percent = (int)(fraction * 100);
	if (percent == w->shown)
		return;
	w->shown = percent;
	snprintf(text, sizeof text, "%s %d %%", w->name, percent);
	progress_phase(ui_progress(w->ui), PHASE_PREVIEW, text);
}

void ui_say(struct ui *ui, const char *fmt, ...)
{
	va_list ap;
	if (ui->mode == UI_JSON)
		return;
	char text[LINE_SIZE];
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* Names of files may contain what controls a terminal. */
	AUTO(mem_freep) char *line = text_line(text, sizeof text);

	pthread_mutex_lock(&ui->lock);
	clear_bar(ui);
	puts(line);
	fflush(stdout);
	pthread_mutex_unlock(&ui->lock);
}
