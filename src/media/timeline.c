/* SPDX-License-Identifier: Apache-2.0 */
#include "media/timeline.h"

#include <libavutil/avstring.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "media/note.h"
#include "media/sparse.h"

enum {
	STREAMS_MAX = 200,
	SOUNDS_MAX = 8192,
	STEPS_MAX = 4096,    /* frame distances that are kept to find the usual one */
	RARE = 20,           /* one jump in so many frames at most; otherwise frames are shown long */
	TIMES_OF_USUAL = 20, /* a jump is longer than so many usual distances */
	REORDER_MAX = 16,    /* a frame follows at most so many that are shown after it */
};

static const int64_t back_least = CLOCK_SECOND / 2; /* a shorter one is reordering */
static const int64_t forward_least = 10 * CLOCK_SECOND;
static const int64_t surely_wrong = 6 * 3600 * CLOCK_SECOND;
/* Limit for plausible times: seventy years, so that Unix times are included. */
static const int64_t latest = INT64_C(1) << 51;
static const int64_t near_by = 5 * CLOCK_SECOND;
static const int64_t sound_gap = 2 * CLOCK_SECOND;

/* A possible jump of the clock. Times of the container. */
struct jump {
	int64_t pos, from, to;
	bool stated; /* the container states the duration of the frame before it */
};

/* Sound without a gap. Times of the container. */
struct sound_run {
	int64_t start, end;
	size_t first, last; /* jumps of the video before its first and last packet */
};

/* Packets between two jumps. */
struct run {
	int64_t first, last, end;
	int64_t tail_last, tail_end; /* of packets without times after those; INT64_MIN if none */
};

static const struct run run_empty = {INT64_MAX, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN};

struct scan {
	AVFormatContext *fmt;
	const AVStream *st;
	struct sparse_clock clock;
	int64_t last, last_length;   /* of the video */
	int64_t before;              /* the same, or of a packet without a time after it */
	int64_t recent[REORDER_MAX]; /* a ring of the last presentation times of the run */
	size_t n_recent;
	int64_t last_of_v2; /* what version 2 of the timeline took for `last` */
	bool revised;       /* version 2 found other jumps */
	bool only_shown;    /* the container has no decoding times; libav guesses them */
	int64_t packets;
	int64_t first_key; /* presentation time */
	bool key_first;    /* the first packet is a keyframe */
	struct sound_run *sounds;
	size_t n_sounds;
	size_t sound_of[STREAMS_MAX]; /* the run of a stream, counted from 1; 0 = none yet */
	int64_t *steps;
	size_t n_steps, every;
	int64_t seen_steps;
	struct jump *jumps;
	struct run *runs; /* n_jumps + 1 */
	size_t n_jumps;
	struct timeline_key *keys; /* container times */
	size_t *key_run;
	size_t n_keys;
	int64_t key_spacing;
};

static void scan_clear(struct scan *s)
{
	free(s->steps);
	free(s->jumps);
	free(s->sounds);
	free(s->runs);
	free(s->keys);
	free(s->key_run);
}

bool timeline_needs_scan(const AVFormatContext *fmt, const AVStream *st)
{
	static const char stated[] =
		"mov,mp4,avi,mxf,gxf,dv,yuv4mpegpipe,gif,apng,wav,w64,mp3,flac,aac,ac3,eac3,dts,aiff,au,"
		"caf,amr,ape,wv,tta,loas";
	const int64_t far = 60 * CLOCK_SECOND;
	if (fmt->iformat->flags & AVFMT_NOTIMESTAMPS || av_match_list(fmt->iformat->name, stated, ','))
		return false;
	if (!strstr(fmt->iformat->name, "matroska"))
		return true;

	/* Cues at even distances up to the end: there is no jump between them. */
	int n = avformat_index_get_entries_count(st);
	if (n < 3 || fmt->duration <= 0)
		return true;
	int64_t before = 0;
	for (int i = 0; i <= n; i++) {
		const AVIndexEntry *e =
			i < n ? avformat_index_get_entry((AVStream *)(uintptr_t)st, i) : NULL;
		int64_t t = e ? av_rescale_q(e->timestamp, st->time_base, AV_TIME_BASE_Q)
		              : fmt->duration + (fmt->start_time > 0 ? fmt->start_time : 0);
		if (i && (t - before > far || t < before))
			return true;
		before = t;
	}
	return false;
}

static int64_t to_us(const AVStream *st, int64_t ts)
{
	int64_t us =
		ts == AV_NOPTS_VALUE ? CLOCK_NONE : av_rescale_q(ts, st->time_base, AV_TIME_BASE_Q);
	return us > -latest && us < latest ? us : CLOCK_NONE;
}

/* The time by which packets are in order. Without a decoding time there is
 * none, if frames are reordered. */
static int64_t clock_of(const AVStream *st, const AVPacket *pkt)
{
	bool ordered = st->codecpar->video_delay == 0;
	return to_us(st, pkt->dts != AV_NOPTS_VALUE || !ordered ? pkt->dts : pkt->pts);
}

/* Keeps every n-th distance, so that those kept are from the whole file. */
static void note_step(struct scan *s, int64_t step)
{
	if (s->seen_steps++ % (int64_t)s->every)
		return;
	if (s->n_steps == STEPS_MAX) {
		for (size_t i = 0; i < STEPS_MAX / 2; i++)
			s->steps[i] = s->steps[2 * i];
		s->n_steps = STEPS_MAX / 2;
		s->every *= 2;
	}
	s->steps[s->n_steps++] = step;
}

static bool is_far(int64_t from, int64_t t)
{
	return from != CLOCK_NONE && (t < from - back_least || t > from + forward_least);
}

/* Whether the frame is shown before all that were decoded just before it. If
 * only some of them are shown after it, it was reordered. */
static bool is_earliest(const struct scan *s, int64_t pts)
{
	size_t n = s->n_recent < REORDER_MAX ? s->n_recent : REORDER_MAX;
	for (size_t i = 0; i < n; i++)
		if (s->recent[i] < pts)
			return false;
	return true;
}

/* Whether the clock was set forward or back before this packet. */
static bool is_jump(struct scan *s, const AVPacket *pkt, int64_t t, int64_t pts)
{
	if (s->n_jumps == TIMELINE_GAPS_MAX || pkt->pos < 0)
		return false;
	bool jump = t != CLOCK_NONE && is_far(s->last, t) &&
	            (t > s->last || !s->only_shown || is_earliest(s, pts));
	int64_t t_of_v2 = pkt->dts == AV_NOPTS_VALUE ? pts : t;
	s->revised |= jump != is_far(s->last_of_v2, t_of_v2);
	s->last_of_v2 = t_of_v2;
	return jump;
}

static void note_jump(struct scan *s, const AVPacket *pkt, int64_t to)
{
	int64_t length = to - s->last;
	s->jumps = mem_grow(s->jumps, s->n_jumps + 1, sizeof *s->jumps);
	s->runs = mem_grow(s->runs, s->n_jumps + 2, sizeof *s->runs);
	s->jumps[s->n_jumps++] = (struct jump){
		.pos = pkt->pos, .from = s->last, .to = to, .stated = s->last_length >= length / 2};
	s->runs[s->n_jumps] = run_empty;
	s->n_recent = 0;
}

static void thin_keys(struct scan *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n_keys; i += 2, n++) {
		s->keys[n] = s->keys[i];
		s->key_run[n] = s->key_run[i];
	}
	s->n_keys = n;
	s->key_spacing *= 2;
}

static void note_key(struct scan *s, const AVPacket *pkt, int64_t time)
{
	if (s->first_key == CLOCK_NONE)
		s->first_key = time;
	bool same_run = s->n_keys && s->key_run[s->n_keys - 1] == s->n_jumps;
	if (pkt->pos < 0 || (same_run && time - s->keys[s->n_keys - 1].time < s->key_spacing))
		return;
	if (s->n_keys == TIMELINE_KEYS_MAX)
		thin_keys(s);
	s->keys[s->n_keys] = (struct timeline_key){pkt->pos, time};
	s->key_run[s->n_keys++] = s->n_jumps;
}

static void on_sound(struct scan *s, const AVPacket *pkt)
{
	const AVStream *st = s->fmt->streams[pkt->stream_index];
	int64_t t = clock_of(st, pkt), length = to_us(st, pkt->duration);
	if (t == CLOCK_NONE || pkt->stream_index >= STREAMS_MAX || length < 0)
		return;
	size_t *of = &s->sound_of[pkt->stream_index];
	struct sound_run *run = *of ? &s->sounds[*of - 1] : NULL;
	if (!run || llabs(t - run->end) > sound_gap) {
		if (s->n_sounds == SOUNDS_MAX)
			return;
		s->sounds = mem_grow(s->sounds, s->n_sounds + 1, sizeof *s->sounds);
		run = &s->sounds[s->n_sounds++];
		*run = (struct sound_run){.start = t, .end = t, .first = s->n_jumps};
		*of = s->n_sounds;
	}
	run->end = t + length;
	run->last = s->n_jumps;
}

/* A packet without a time: it counts at the end of the run, where no later
 * packet states the time. */
static void on_untimed(struct scan *s, const AVPacket *pkt)
{
	const AVStream *st = s->st;
	struct run *run = &s->runs[s->n_jumps];
	int64_t step = sparse_step(st, st->avg_frame_rate, pkt);
	int64_t delay = pkt->pts == AV_NOPTS_VALUE ? st->codecpar->video_delay * step : 0;
	int64_t t = to_us(st, pkt->dts);
	if (t == CLOCK_NONE || pkt->flags & AV_PKT_FLAG_DISCARD)
		return;
	if (s->before != CLOCK_NONE && t > s->before)
		note_step(s, t - s->before);
	s->before = t;
	run->tail_last = t + av_rescale_q(delay, st->time_base, AV_TIME_BASE_Q);
	run->tail_end = run->tail_last + av_rescale_q(step, st->time_base, AV_TIME_BASE_Q);
}

static void on_video(struct scan *s, AVPacket *pkt)
{
	sparse_fill(&s->clock, s->st, s->st->avg_frame_rate, pkt);
	bool key = pkt->flags & AV_PKT_FLAG_KEY;
	int64_t t = clock_of(s->st, pkt), length = to_us(s->st, pkt->duration);
	int64_t pts = pkt->pts != AV_NOPTS_VALUE ? to_us(s->st, pkt->pts) : t;
	length = length > 0 ? length : 0;

	if (!s->packets++)
		s->key_first = key;
	if (sparse_is_filled(pkt)) {
		on_untimed(s, pkt);
		return;
	}
	bool wrong = t == CLOCK_NONE && pkt->dts != AV_NOPTS_VALUE;
	if (wrong || pts == CLOCK_NONE || pkt->flags & AV_PKT_FLAG_DISCARD)
		return;

	if (is_jump(s, pkt, t, pts))
		note_jump(s, pkt, t);
	else if (s->before != CLOCK_NONE && t > s->before)
		note_step(s, t - s->before);

	struct run *run = &s->runs[s->n_jumps];
	run->first = pts < run->first ? pts : run->first;
	run->last = pts > run->last ? pts : run->last;
	run->end = pts + length > run->end ? pts + length : run->end;
	run->tail_last = run->tail_end = INT64_MIN;
	if (key)
		note_key(s, pkt, pts);

	s->recent[s->n_recent++ % REORDER_MAX] = pts;
	if (t == CLOCK_NONE)
		return;
	s->last = s->before = t;
	s->last_length = length;
}

static int read_all(struct scan *s, struct err *err)
{
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	if (!pkt)
		return err_set(err, ERR_LIMIT, "no memory for a packet");
	for (int again = 0; again < 1000; av_packet_unref(pkt)) {
		int r = av_read_frame(s->fmt, pkt);
		if (r == AVERROR(EAGAIN)) {
			again++;
			continue;
		}
		if (r == AVERROR(ENOMEM))
			return note_error(err, r, "cannot read the packets");
		if (r < 0)
			return 0;
		if (pkt->stream_index == s->st->index)
			on_video(s, pkt);
		else
			on_sound(s, pkt);
	}
	return 0;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The median distance of two frames. *ret_even: nearly all are close to it. */
static int64_t usual_step(struct scan *s, bool *ret_even)
{
	size_t like = 0;
	*ret_even = false;
	/* Every frame is shown long: slides. */
	for (size_t i = 0; !s->seen_steps && s->n_jumps > 1 && i < s->n_jumps && i < STEPS_MAX; i++)
		if (s->jumps[i].to > s->jumps[i].from)
			s->steps[s->n_steps++] = s->jumps[i].to - s->jumps[i].from;
	if (!s->n_steps)
		return 0;
	qsort(s->steps, s->n_steps, sizeof *s->steps, by_size);
	int64_t usual = s->steps[s->n_steps / 2];
	for (size_t i = 0; i < s->n_steps; i++)
		like += s->steps[i] >= usual / 2 && s->steps[i] <= usual * 3 / 2;
	*ret_even = s->seen_steps && like * 10 >= s->n_steps * 8;
	return usual;
}

/* Whether another stream continues through jump number k, or up to it. A
 * demuxer may read sound slightly before or after the pictures that belong to
 * it. */
static void listen(const struct scan *s, size_t k, bool *ret_covered, bool *ret_heard)
{
	const struct jump *j = &s->jumps[k];
	*ret_covered = *ret_heard = false;
	for (size_t i = 0; i < s->n_sounds; i++) {
		const struct sound_run *run = &s->sounds[i];
		if (run->first > k || run->last + 1 < k || run->start > j->from + near_by)
			continue;
		*ret_heard |= run->end > j->from - near_by;
		*ret_covered |= run->end > j->to - near_by;
	}
}

/* Classifies a jump. False if it is none: a frame is shown long. */
static bool judge(const struct scan *s, size_t k, int64_t usual, bool even,
                  enum timeline_policy policy, struct timeline_gap *ret)
{
	const struct jump *j = &s->jumps[k];
	bool covered, heard;
	int64_t length = j->to - j->from;
	bool rare = (int64_t)s->n_jumps * RARE <= s->packets;
	*ret = (struct timeline_gap){.from = j->from, .to = j->to, .closed = policy != TIMELINE_KEEP};
	if (length < 0) {
		ret->kind = TIMELINE_CLOCK_BACK;
		ret->closed = true;
		return true;
	}
	bool unusual = even && rare && length >= TIMES_OF_USUAL * usual;
	if (j->stated || length < 2 * usual || (!unusual && length < surely_wrong))
		return false;
	listen(s, k, &covered, &heard);
	ret->kind = covered ? TIMELINE_NO_PICTURES
	            : heard ? TIMELINE_CLOCK_FORWARD
	                    : TIMELINE_UNDECIDED;
	if (covered && policy == TIMELINE_AUTO)
		ret->closed = false;
	return true;
}

/* A part begins where container times need another correction. */
static void add_part(struct timeline *t, int64_t pos, int64_t add)
{
	t->parts = mem_grow(t->parts, t->n_parts + 1, sizeof *t->parts);
	t->parts[t->n_parts++] =
		(struct timeline_part){.pos = pos, .add = add, .begin = INT64_MAX, .end = INT64_MIN};
}

static void add_run(const struct scan *s, struct timeline *t, size_t i, int64_t add, int64_t usual)
{
	struct timeline_part *p = &t->parts[t->n_parts - 1];
	const struct run *run = &s->runs[i];
	if (run->last == INT64_MIN)
		return;
	bool tail = run->tail_last > run->last;
	int64_t first = run->first + add - t->start;
	int64_t last = (tail ? run->tail_last : run->last) + add - t->start;
	int64_t end = (tail ? run->tail_end : run->end) + add - t->start;
	/* Some demuxers give a unit of the clock as the duration of each frame, or
	 * guess it from the frame rate; Matroska states it. */
	bool stated = s->only_shown && end - last > 1 + to_us(s->st, 1);
	if (end - last < 1 || (!stated && end - last < usual / 2) || end - last > forward_least)
		end = last + (usual ? usual : CLOCK_SECOND / 25);
	p->begin = first < p->begin ? first : p->begin;
	p->end = last > p->end ? last : p->end;
	t->first = first < t->first ? first : t->first;
	t->duration = end > t->duration ? end : t->duration;
}

static void add_keys(const struct scan *s, const int64_t *adds, struct timeline *t)
{
	t->keys = mem_alloc(s->n_keys + 1, sizeof *t->keys);
	for (size_t i = 0; i < s->n_keys; i++) {
		int64_t time = s->keys[i].time + adds[s->key_run[i]] - t->start;
		if (!t->n_keys || time > t->keys[t->n_keys - 1].time)
			t->keys[t->n_keys++] = (struct timeline_key){s->keys[i].pos, time};
	}
}

/* Guessed decoding times are too late after a restart: presentation times say
 * where the recordings meet. */
static void settle_restarts(struct scan *s)
{
	for (size_t i = 0; i < s->n_jumps && s->only_shown; i++) {
		struct jump *j = &s->jumps[i];
		int64_t from = s->runs[i].last, to = s->runs[i + 1].first;
		if (j->to > j->from || from < j->from || to > j->to)
			continue;
		s->revised |= from != j->from || to != j->to;
		j->from = from;
		j->to = to;
	}
}

static void conclude(struct scan *s, enum timeline_policy policy, struct timeline *t)
{
	bool even;
	int64_t usual = usual_step(s, &even), add = 0;
	AUTO(mem_freep) int64_t *adds = mem_alloc(s->n_jumps + 1, sizeof *adds);

	if (!s->key_first && s->first_key != CLOCK_NONE && s->first_key > s->runs[0].first) {
		t->skipped = s->first_key - s->runs[0].first;
		t->start = s->first_key;
		s->runs[0].first = s->first_key;
	}

	settle_restarts(s);
	t->step = usual;
	t->frames = s->packets;
	t->first = INT64_MAX;
	add_part(t, 0, 0);
	add_run(s, t, 0, 0, usual);
	t->gaps = mem_alloc(s->n_jumps + 1, sizeof *t->gaps);

	for (size_t i = 0; i < s->n_jumps; i++) {
		const struct jump *j = &s->jumps[i];
		struct timeline_gap gap;
		bool found = judge(s, i, usual, even, policy, &gap);
		s->revised |= !found && !j->stated && j->to - j->from >= surely_wrong;
		if (found && gap.closed && llabs(add) < INT64_C(1) << 60) {
			add += j->from + (usual ? usual : CLOCK_SECOND / 25) - j->to;
			add_part(t, j->pos, add);
		}
		adds[i + 1] = add;
		gap.time = j->to + add - t->start;
		if (found)
			t->gaps[t->n_gaps++] = gap;
		add_run(s, t, i + 1, add, usual);
	}

	t->revised = s->revised;
	add_keys(s, adds, t);
	t->first = t->first == INT64_MAX ? 0 : t->first;
	if (t->n_parts > 1)
		return;
	t->n_parts = t->n_keys = 0;
}

int timeline_scan(AVFormatContext *fmt, AVStream *st, enum timeline_policy policy, int64_t start,
                  struct timeline *ret, struct err *err)
{
	AUTO(scan_clear)
	struct scan s = {.fmt = fmt,
	                 .st = st,
	                 .clock = {.last = AV_NOPTS_VALUE},
	                 .last = CLOCK_NONE,
	                 .before = CLOCK_NONE,
	                 .last_of_v2 = CLOCK_NONE,
	                 .first_key = CLOCK_NONE,
	                 .every = 1,
	                 .only_shown = strstr(fmt->iformat->name, "matroska"),
	                 .key_spacing = CLOCK_SECOND / 2,
	                 .steps = mem_alloc(STEPS_MAX, sizeof *s.steps),
	                 .runs = mem_alloc(1, sizeof *s.runs),
	                 .keys = mem_alloc(TIMELINE_KEYS_MAX, sizeof *s.keys),
	                 .key_run = mem_alloc(TIMELINE_KEYS_MAX, sizeof *s.key_run)};

	s.runs[0] = run_empty;
	for (unsigned i = 0; i < fmt->nb_streams; i++)
		if (fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
			fmt->streams[i]->discard = AVDISCARD_DEFAULT;
	int r = read_all(&s, err);
	for (unsigned i = 0; i < fmt->nb_streams; i++)
		if (fmt->streams[i] != st)
			fmt->streams[i]->discard = AVDISCARD_ALL;
	if (r < 0)
		return r;

	struct timeline t = {.start = start, .measured = true};
	if (s.runs[0].last != INT64_MIN)
		conclude(&s, policy, &t);
	*ret = t;
	return 0;
}

void timeline_adjust(const struct timeline *t, AVRational time_base, AVPacket *pkt, size_t *part)
{
	size_t i = pkt->pos < 0 ? *part : t->n_parts - 1;
	while (i && pkt->pos >= 0 && pkt->pos < t->parts[i].pos)
		i--;
	*part = i;
	int64_t add = av_rescale_q(t->parts[i].add, AV_TIME_BASE_Q, time_base);
	if (pkt->pts != AV_NOPTS_VALUE && __builtin_add_overflow(pkt->pts, add, &pkt->pts))
		pkt->pts = AV_NOPTS_VALUE;
	if (pkt->dts != AV_NOPTS_VALUE && __builtin_add_overflow(pkt->dts, add, &pkt->dts))
		pkt->dts = AV_NOPTS_VALUE;
}

const struct timeline_key *timeline_key_before(const struct timeline *t, int64_t t_us)
{
	size_t low = 0, high = t->n_keys;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->keys[middle].time > t_us)
			high = middle;
		else
			low = middle + 1;
	}
	return low ? &t->keys[low - 1] : NULL;
}

bool timeline_container_time(const struct timeline *t, int64_t t_us, int64_t *ret)
{
	size_t at = 0;
	for (size_t i = 1; i < t->n_parts; i++) {
		if (t->parts[i].add > t->parts[i - 1].add)
			return false;
		if (t_us >= t->parts[i].begin)
			at = i;
	}
	*ret = t_us - (t->n_parts ? t->parts[at].add : 0);
	return true;
}
