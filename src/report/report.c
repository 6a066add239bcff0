/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/events.h"
#include "report/second.h"
#include "report/subject.h"
#include "report/text.h"

/* A day with a thousand frames an hour, each with its small picture, stays far
 * below. */
#define FILE_MAX_BYTES ((size_t)512 << 20)

static const struct format {
	const char *name;
	int (*write)(const struct report *r, struct buf *out, struct err *err);
} formats_known[] = {
	{"html", report_html}, {"json", report_json}, {"md", report_markdown},
	{"vtt", report_vtt},   {"csv", report_csv},
};

static void free_chunk(struct report_chunk *c)
{
	for (size_t i = 0; i < c->n_samples; i++) {
		free(c->samples[i].decode_path);
		free(c->samples[i].fault);
		free(c->samples[i].thumb);
	}
	free(c->samples);
	free(c->summary);
	free(c->reason);
	free(c->option);
	free(c->endpoint);
	report_second_clear(&c->second);
}

void report_free(struct report *r)
{
	if (!r)
		return;

	json_decref(r->source_streams);
	json_decref(r->source_gaps);
	json_decref(r->index.anomalies);
	char *strings[] = {
		r->job,
		r->vdet_version,
		r->source_name,
		r->source_sha256,
		r->container,
		r->codec,
		r->pixel_format,
		r->hdr,
		r->source_warning,
		r->engine_kind,
		r->engine_version,
		r->model,
		r->model_hash,
		r->quantize,
		r->cache_type,
		r->checks.mode,
		r->checks.model,
		r->checks.prompt,
		r->prompt_hash,
		r->prompt,
		r->libraries,
		r->plan.policy,
		r->plan.text,
		(char *)r->index.curve,
		r->summary,
		r->summary_fallback,
	};

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < r->n_options; i++) {
		free(r->options[i].name);
		free(r->options[i].value);
	}
	for (size_t i = 0; i < r->n_chunks; i++)
		free_chunk(&r->chunks[i]);
	for (size_t i = 0; i < r->n_endpoints; i++)
		free(r->endpoints[i].name);

	store_transcript_clear(&r->said);
	wallclock_free(r->clock);
	store_steps_free(r->steps, r->n_steps);
	free(r->endpoints);
	free(r->options);
	free(r->chunks);
	free(r->left_out);
	free(r->plan.missed);
	story_summary_clear(&r->sentences);
	report_subjects_free(r);
	report_events_free(r->events, r->n_events);
	report_events_free(r->states, r->n_states);
	report_events_free(r->withdrawn, r->n_withdrawn);
	free(r);
}

bool report_has_holes(const struct report *r)
{
	size_t i = 0;
	while (i < r->n_chunks && r->chunks[i].state != CHUNK_HOLE)
		i++;
	return i < r->n_chunks;
}

void report_coverage(const struct report *r, int64_t *ret_max_gap, int64_t *ret_mean_gap)
{
	struct report_sums s;
	report_sum(r, &s);
	*ret_max_gap = s.max_gap;
	*ret_mean_gap = s.mean_gap;
}

enum report_detail report_detail_of(const char *name)
{
	static const char *const names[] = {"low", "normal", "all"};
	size_t i = 0;
	while (i < ARRAY_LEN(names) && strcmp(names[i], name) != 0)
		i++;
	return (enum report_detail)i;
}

/* Reads the list into one bit for each known format. */
static int parse_formats(const char *list, unsigned *ret, struct err *err)
{
	unsigned wanted = 0;
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ","), i;
		for (i = 0; i < ARRAY_LEN(formats_known); i++)
			if (strlen(formats_known[i].name) == n && !strncmp(formats_known[i].name, p, n))
				break;
		if (i < ARRAY_LEN(formats_known))
			wanted |= 1U << i;
		else if (n == 3 && !strncmp(p, "all", 3))
			wanted = (1U << ARRAY_LEN(formats_known)) - 1;
		else
			return err_set(
				err, ERR_ARG,
				"\"%.*s\" is not a report format; use all, or some of html,json,md,vtt,csv",
				(int)(n > 40 ? 40 : n), p);
		p += n;
		if (!*p)
			break;
	}
	*ret = wanted;
	return 0;
}

int report_check_formats(const char *formats, struct err *err)
{
	unsigned wanted;
	return parse_formats(formats, &wanted, err);
}

int report_print(const struct report *r, const char *format, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(formats_known); i++)
		if (strcmp(formats_known[i].name, format) == 0)
			return formats_known[i].write(r, out, err);
	return err_set(err, ERR_ARG,
	               "\"%.40s\" is not a report format; use one of html, json, md, vtt or csv",
	               format);
}

static int write_one(const struct report *r, const char *dir, const struct format *f,
                     struct err *err)
{
	AUTO(buf_free) struct buf out = BUF(FILE_MAX_BYTES);
	AUTO(mem_freep) char *name = mem_printf("report.%s", f->name);
	AUTO(mem_freep) char *path = file_join(dir, name);
	int e = f->write(r, &out, err);
	return e < 0 ? e : file_write(path, buf_str(&out), out.len, err);
}

int report_write(const struct report *r, const char *dir, const char *formats, struct err *err)
{
	unsigned wanted;
	int e = parse_formats(formats, &wanted, err);
	if (e < 0 || (e = file_mkdirs(dir, false, err)) < 0)
		return e;
	for (size_t i = 0; i < ARRAY_LEN(formats_known) && !e; i++)
		if (wanted & 1U << i)
			e = write_one(r, dir, &formats_known[i], err);
	return e;
}
