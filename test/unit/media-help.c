/* SPDX-License-Identifier: Apache-2.0 */
#include "media-help.h"

#include <dirent.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/adler32.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "config.h"
#include "media/compat.h"
#include "media/note.h"

const char *media_dir(void)
{
	static char dir[4096];
	const char *env = getenv("VDET_TEST_MEDIA");
	snprintf(dir, sizeof dir, "%s", env ? env : VDET_SOURCE_ROOT "/../shared/media");
	return file_is_dir(dir) ? dir : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **media_files(void)
{
	char **list = mem_alloc(1, sizeof *list);
	size_t n = 0;
	const char *dir = media_dir();
	DIR *d = dir ? opendir(dir) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		const char *dot = strrchr(e->d_name, '.');
		if (e->d_name[0] == '.' || !dot || !strcmp(dot, ".md") || !strcmp(dot, ".json"))
			continue;
		list = mem_grow(list, n + 2, sizeof *list);
		list[n++] = file_join(dir, e->d_name);
		list[n] = NULL;
	}
	if (d)
		closedir(d);
	qsort(list, n, sizeof *list, by_name);
	return list;
}

void strings_free(char ***list)
{
	for (char **p = *list; p && *p; p++)
		free(*p);
	free(*list);
}

static char temp_dir[64];

static void remove_temp(void)
{
	DIR *d = opendir(temp_dir);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(temp_dir);
}

char *media_make(const char *name, const char *args)
{
	if (!temp_dir[0]) {
		snprintf(temp_dir, sizeof temp_dir, "/tmp/vdet-test-XXXXXX");
		if (!mkdtemp(temp_dir))
			return NULL;
		atexit(remove_temp);
	}
	AUTO(mem_freep) char *path = file_join(temp_dir, name);
	if (file_exists(path))
		return TAKE(path);
	AUTO(mem_freep) char *command = mem_printf("ffmpeg -v error -nostdin %s -y '%s'", args, path);
	char *argv[] = {"sh", "-c", command, NULL};
	pid_t pid;
	int status = -1;
	if (posix_spawnp(&pid, "sh", NULL, NULL, argv, environ) || waitpid(pid, &status, 0) < 0 ||
	    status)
		return NULL;
	return TAKE(path);
}

int opened_begin(const char *path, struct opened *ret, struct err *err)
{
	*ret = (struct opened){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	note_start();
	int r = input_open_fd(ret->fd, &ret->in, err);
	if (r == 0)
		r = source_open(ret->in, &ret->source, err);
	if (r == 0)
		r = reader_open(ret->source, &ret->reader, err);
	return r;
}

void opened_end(struct opened *o)
{
	reader_free(o->reader);
	source_free(o->source);
	input_free(o->in);
	fd_closep(&o->fd);
}

uint32_t frame_sum(const AVFrame *f)
{
	AVAdler sum = 1;
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	for (int p = 0; p < 4 && f->data[p]; p++) {
		int bytes = av_image_get_linesize(f->format, f->width, p);
		int rows = p == 1 || p == 2 ? AV_CEIL_RSHIFT(f->height, d->log2_chroma_h) : f->height;
		for (int y = 0; bytes > 0 && y < rows; y++)
			sum = av_adler32_update(sum, f->data[p] + (ptrdiff_t)y * f->linesize[p], (size_t)bytes);
	}
	return (uint32_t)sum;
}

static void take_frames(struct plain *p, AVCodecContext *dec, const struct source *s, AVFrame *f)
{
	while (avcodec_receive_frame(dec, f) == 0) {
		p->frames = mem_grow(p->frames, p->n + 1, sizeof *p->frames);
		p->frames[p->n++] = (struct plain_frame){.pts = source_time(s, f->best_effort_timestamp),
		                                         .sum = frame_sum(f)};
		p->keys += compat_key_frame(f);
		av_frame_unref(f);
	}
}

void plain_decode(const char *path, const struct source *s, size_t max, struct plain *ret)
{
	AVFormatContext *fmt = NULL;
	AUTO(av_packet_free) AVPacket *pkt = av_packet_alloc();
	AUTO(av_frame_free) AVFrame *f = av_frame_alloc();
	AUTO(avcodec_free_context) AVCodecContext *dec = avcodec_alloc_context3(s->codec);
	*ret = (struct plain){0};
	AUTO(mem_freep) char *url = mem_printf("file:%s", path);
	if (avformat_open_input(&fmt, url, NULL, NULL) < 0 || avformat_find_stream_info(fmt, NULL) < 0)
		return;
	AVStream *st = fmt->streams[s->st->index];
	avcodec_parameters_to_context(dec, st->codecpar);
	dec->pkt_timebase = st->time_base;
	dec->thread_count = 1;
	if (avcodec_open2(dec, s->codec, NULL) == 0) {
		for (; (!max || ret->n < max) && av_read_frame(fmt, pkt) == 0; av_packet_unref(pkt)) {
			if (pkt->stream_index != st->index)
				continue;
			ret->times = mem_grow(ret->times, ret->n_times + 1, sizeof *ret->times);
			ret->times[ret->n_times++] = source_time(s, pkt->pts);
			avcodec_send_packet(dec, pkt);
			take_frames(ret, dec, s, f);
		}
		av_packet_unref(pkt);
		avcodec_send_packet(dec, NULL);
		if (!max || ret->n < max)
			take_frames(ret, dec, s, f);
	}
	avformat_close_input(&fmt);
}

static int by_pts(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

void plain_sort_times(struct plain *p)
{
	if (p->n_times)
		qsort(p->times, p->n_times, sizeof *p->times, by_pts);
	for (size_t i = 0; i < p->n && i < p->n_times; i++)
		p->frames[i].pts = p->times[i];
}

void plain_free(struct plain *p)
{
	free(p->frames);
	free(p->times);
}

const struct plain_frame *plain_at(const struct plain *p, int64_t t)
{
	const struct plain_frame *best = p->n ? &p->frames[0] : NULL;
	for (size_t i = 0; i < p->n; i++)
		if (p->frames[i].pts <= t)
			best = &p->frames[i];
	return best;
}
