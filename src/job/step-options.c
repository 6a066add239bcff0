/* SPDX-License-Identifier: Apache-2.0 */
#include "job/step-options.h"

#include <string.h>

struct decoder_options analyze_decoder(const struct analyze_options *o)
{
	return (struct decoder_options){.timeout = o->media_timeout,
	                                .memory = o->media_memory,
	                                .hwaccel = o->hwaccel,
	                                .sandbox = o->sandbox,
	                                .reference = o->reference,
	                                .has_stream = o->media_stream >= 0,
	                                .stream = (int)o->media_stream,
	                                .rate = o->media_rate,
	                                .gaps = o->media_gaps,
	                                .feed = o->feed};
}

struct describe_options analyze_describe(const struct analyze_options *o)
{
	return (struct describe_options){.decoder = analyze_decoder(o),
	                                 .frame_size = o->frame_size,
	                                 .thumb_size = (int)o->thumb_size,
	                                 .quality = (int)o->frame_quality,
	                                 .keyframes = strcmp(o->sample_seek, "keyframe") == 0,
	                                 .prompt = o->prompt,
	                                 .max_tokens = (int)o->max_tokens};
}

enum check_mode analyze_verify(const struct analyze_options *o)
{
	const char *name = o->verify;
	if (name && strcmp(name, "all") == 0)
		return CHECKS_ALL;
	return name && strcmp(name, "doubtful") == 0 ? CHECKS_DOUBTFUL : CHECKS_NONE;
}

struct check_options analyze_check(const struct analyze_options *o)
{
	return (struct check_options){
		.mode = analyze_verify(o), .describe = analyze_describe(o), .workers = o->workers};
}

static enum plan_policy policy_of(const char *name)
{
	for (size_t i = 0; i < PLAN_POLICIES; i++)
		if (strcmp(name, plan_policy_name[i]) == 0)
			return (enum plan_policy)i;
	return PLAN_EVEN;
}

struct survey_options analyze_survey(const struct analyze_options *o)
{
	struct survey_options s = {
		.plan = {.from = o->from,
	             .to = o->to,
	             .chunk_duration = o->chunk_duration,
	             .chunk_frames = o->chunk_frames,
	             .policy = policy_of(o->sample_policy),
	             .chunk_min = o->chunk_min,
	             .chunk_max = o->chunk_max,
	             .chunk_overlap = o->chunk_overlap,
	             .max_gap = o->sample_max_gap,
	             .pairs = o->sample_pairs},
		.plan_file = o->plan_file,
		.effort = o->index_effort,
		.max_gap = o->index_max_gap,
		.workers = o->index_workers,
		.decoder = analyze_decoder(o),
	};
	s.decoder.background = true;
	return s;
}

struct indexer_options analyze_indexer(const struct analyze_options *o)
{
	return (struct indexer_options){.effort = o->index_effort,
	                                .max_gap = o->index_max_gap,
	                                .workers = o->index_workers,
	                                .decoder = analyze_decoder(o)};
}

struct screentext_options analyze_screentext(const struct analyze_options *o)
{
	return (struct screentext_options){.mode = o->screen_text,
	                                   .languages = o->ocr_languages,
	                                   .engine = o->ocr_engine,
	                                   .models = o->ocr_models,
	                                   .sandbox = o->sandbox};
}
