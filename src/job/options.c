/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table that control how a video is analyzed. */
#include <stddef.h>

#include "base/opt.h"
#include "job/check.h"
#include "job/options.h"
#include "report/report.h"

#define AT(member) offsetof(struct analyze_options, member)

static const struct opt_row rows[] = {
	{"chunk.duration", NULL, OPT_TIME, AT(chunk_duration), "300", 1, 86400, NULL, "SECONDS",
     "Length of a chunk; with adaptive chunks (sample.policy) their mean length in busy parts.",
     OPT_RESULT | OPT_PER_JOB},
	{"chunk.frames", NULL, OPT_INT, AT(chunk_frames), "6", 1, 256, NULL, "N",
     "Frames per chunk; with adaptive chunks the maximum.", OPT_RESULT | OPT_PER_JOB},
	{"chunk.min", NULL, OPT_TIME, AT(chunk_min), "0", 0, 86400, NULL, "SECONDS",
     "Minimum length of adaptive chunks, unless they are full; 0 = chunk.duration / 10.",
     OPT_RESULT | OPT_PER_JOB},
	{"chunk.max", NULL, OPT_TIME, AT(chunk_max), "0", 0, 864000, NULL, "SECONDS",
     "Maximum length of adaptive chunks; 0 = 6 * chunk.duration.", OPT_RESULT | OPT_PER_JOB},
	{"chunk.overlap", NULL, OPT_TIME, AT(chunk_overlap), "0", 0, 86400, NULL, "SECONDS",
     "Overlap of consecutive chunks; the last frames of one are shown again in the next.",
     OPT_RESULT | OPT_PER_JOB},
	{"chunk.workers", "workers", OPT_INT, AT(workers), "0", 0, 64, NULL, "N",
     "Chunks processed in parallel, each with its own decoder; 0 = one more than the engine's "
     "slots.",
     0},
	{"sample.policy", NULL, OPT_CHOICE, AT(sample_policy), "adaptive", 0, 0,
     "even|keyframe|adaptive|scene", NULL,
     "Frame selection: even spacing; keyframe: those nearest to even spacing; adaptive: where the "
     "picture changes; scene: each shot once before any twice.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.seek", NULL, OPT_CHOICE, AT(sample_seek), "exact", 0, 0, "exact|keyframe", NULL,
     "exact: the frame shown at the sample time; keyframe: the nearest keyframe, much faster "
     "in long videos. Reports contain the true times.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.max_gap", NULL, OPT_TIME, AT(sample_max_gap), "0", 0, 86400, NULL, "SECONDS",
     "Adaptive selection: maximum time between two frames; 0 = chunk.duration.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.pairs", NULL, OPT_BOOL, AT(sample_pairs), "false", 0, 0, NULL, NULL,
     "Adaptive selection: frames in pairs, half a second apart, for models that merge two "
     "frames.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.plan", "plan", OPT_STRING, AT(plan_file), "", 0, 0, NULL, "FILE",
     "Use this plan, as printed by `vdet plan`.", OPT_COMMAND_ONLY},
	{"job.budget", "budget", OPT_STRING, AT(budget), "", 0, 0, NULL, "BUDGET",
     "Cost limit, such as 20min or 500ktok: smaller frames, longer chunks and fewer frames "
     "until it is met. A time limit needs an earlier job with the same model.",
     OPT_COMMAND_ONLY},
	{"frame.size", NULL, OPT_INT, AT(frame_size), "1280", 64, 8192, NULL, "PIXELS",
     "Maximum long side of the frames sent to the model; smaller ones are not enlarged.",
     OPT_RESULT | OPT_PER_JOB},
	{"frame.quality", NULL, OPT_INT, AT(frame_quality), "90", 1, 100, NULL, "N",
     "JPEG quality of the frames sent to the model.", OPT_RESULT | OPT_PER_JOB},
	{"frame.thumb", NULL, OPT_INT, AT(thumb_size), "400", 64, 2048, NULL, "PIXELS",
     "Maximum long side of the thumbnails in the report.", OPT_RESULT | OPT_PER_JOB},
	{"range.from", "from", OPT_TIME, AT(from), "0", 0, 3.2e8, NULL, "TIME",
     "Start time: 90, 1:30 or 01:01:30.5.", OPT_COMMAND_ONLY | OPT_PER_JOB},
	{"range.to", "to", OPT_TIME, AT(to), "0", 0, 3.2e8, NULL, "TIME",
     "End time; 0 = end of the video.", OPT_COMMAND_ONLY | OPT_PER_JOB},
	{"describe.prompt", "prompt", OPT_STRING, AT(prompt), "", 0, 0, NULL, "TEXT",
     "What to look for, in your own words.", OPT_RESULT | OPT_PER_JOB},
	{"describe.texts", "with-texts", OPT_CHOICE, AT(with_texts), "none", 0, 0,
     "none|speech|text|speech,text", NULL,
     "Show the model what is said and written in each chunk, between its frames, as data. Each "
     "chunk then waits until that is known.",
     OPT_RESULT | OPT_PER_JOB},
	{"describe.max_tokens", "max-tokens", OPT_INT, AT(max_tokens), "2048", 16, 1 << 20, NULL, "N",
     "Maximum length of the answer about one chunk.", OPT_RESULT | OPT_PER_JOB},
	{"check.verify", "verify", OPT_CHOICE, AT(verify), "doubtful", 0, 0, CHECK_MODES, NULL,
     "Check statements by a second look at their frames: doubtful: those that cite one frame or "
     "contradict their neighbors, with at most a fifth of the requests, controls of the model "
     "included; all: every one, without a limit. See docs/checking.md.",
     OPT_PER_JOB},
	{"describe.passes", "passes", OPT_INT, AT(passes), "1", 1, 2, NULL, "N",
     "2: what is in doubt after the first pass is described again, with more frames and with what "
     "was reported of the parts before and after it; at most a quarter of the chunks.",
     OPT_PER_JOB},
	{"report.output", "output", OPT_STRING, AT(output), "", 0, 0, NULL, "FOLDER",
     "Output folder; empty: NAME.vdet in the current folder. With several files or streams, each "
     "gets a folder inside it.",
     0},
	{"report.format", "format", OPT_STRING, AT(format), "all", 0, 0, NULL, "LIST",
     "Formats, separated by commas: html, json, md, vtt, csv; or all.", 0},
	{"report.detail", "detail", OPT_CHOICE, AT(detail), "normal", 0, 0, REPORT_DETAILS, NULL,
     REPORT_DETAIL_HELP, 0},
	{"report.language", "language", OPT_STRING, AT(language), "", 0, 0, NULL, "LANGUAGE",
     "Language of the summary, as its English name: German; empty: as the model wants.",
     OPT_PER_JOB},
	{"report.full_path", NULL, OPT_BOOL, AT(full_path), "false", 0, 0, NULL, NULL,
     "Show the full path of the video in the report instead of its file name.", 0},
	{"job.fresh", "fresh", OPT_BOOL, AT(fresh), "false", 0, 0, NULL, NULL,
     "Discard the results of an earlier run of the same job.", OPT_COMMAND_ONLY},
	{"job.timeout", NULL, OPT_TIME, AT(job_timeout), "3600", 0, 3.2e7, NULL, "SECONDS",
     "Start no further chunk after this time; the rest become holes, which the same command "
     "tries again; 0 = no limit. In vdet serve only for jobs that set it.",
     OPT_PER_JOB},
};

const struct opt_group analyze_opt_group = {"Analysis", rows, sizeof rows / sizeof *rows};
