/* SPDX-License-Identifier: Apache-2.0 */
/* The options of an analysis, as the user sets them. Each step of a run gets
 * only its own: see step-options.h. Times: microseconds. Strings are owned by
 * the code that fills the struct; see base/opt.h. */
#ifndef VDET_JOB_OPTIONS_H
#define VDET_JOB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { MEDIA_STREAM_ALL = -2 };

struct decoder_feed;

struct analyze_options {
	/* No option: reads the video where it is not a file; NULL = a file. */
	const struct decoder_feed *feed;
	int64_t chunk_duration, chunk_frames, chunk_min, chunk_max, chunk_overlap, workers;
	char *sample_policy, *sample_seek, *plan_file;
	int64_t sample_max_gap;
	bool sample_pairs;
	int64_t frame_size, frame_quality, thumb_size;
	int64_t from, to;
	char *prompt;
	char *with_texts; /* "speech,text": what is recognized is shown to the model */
	int64_t max_tokens;
	char *verify;
	int64_t passes;
	char *budget; /* "20min", "500ktok", "" = none */
	char *output, *format, *detail, *language;
	bool full_path, fresh;
	int64_t job_timeout, media_timeout, media_memory;
	char *sandbox, *reference, *hwaccel, *media_gaps;
	int64_t media_stream; /* -1 = the best one, or MEDIA_STREAM_ALL */
	char *timezone;
	double media_rate;
	int64_t audio_track; /* as in struct speech_step */
	double index_effort;
	int64_t index_max_gap, index_workers;
	char *screen_text, *ocr_languages, *ocr_engine, *ocr_models;
};

struct opt_group;
/* All are about the struct above. */
extern const struct opt_group analyze_opt_group, media_opt_group, index_opt_group, text_opt_group;
/* The part of media_opt_group that does not depend on the video. */
extern const struct opt_group decoder_opt_group;

#endif
