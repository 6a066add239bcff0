/* SPDX-License-Identifier: Apache-2.0 */
/* The options of each step of a run, from those of the user. Pure; the results
 * borrow the strings of `o`. */
#ifndef VDET_JOB_STEP_OPTIONS_H
#define VDET_JOB_STEP_OPTIONS_H

#include "decoder/decoder.h"
#include "job/check.h"
#include "job/describe.h"
#include "job/options.h"
#include "job/screentext.h"
#include "job/survey.h"

/* how decoder children are started */
struct decoder_options analyze_decoder(const struct analyze_options *o);
struct describe_options analyze_describe(const struct analyze_options *o);
enum check_mode analyze_verify(const struct analyze_options *o);
/* without deadline and drain */
struct check_options analyze_check(const struct analyze_options *o);
struct survey_options analyze_survey(const struct analyze_options *o);
/* how the index of a video is found in the journal */
struct indexer_options analyze_indexer(const struct analyze_options *o);
struct screentext_options analyze_screentext(const struct analyze_options *o);

#endif
