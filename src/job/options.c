/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table that say how a video is analysed. */
#include <stddef.h>

#include "base/opt.h"
#include "job/options.h"

#define AT(member) offsetof(struct analyze_options, member)

static const struct opt_row rows[] = {
	{"chunk.duration", NULL, OPT_TIME, AT(chunk_duration), "300", 1, 86400, NULL, "SECONDS",
     "Length of the stretches that are looked at one by one; where they adapt to the video "
     "(sample.policy), their mean "
     "in a busy one.",
     OPT_RESULT | OPT_PER_JOB},
	{"chunk.frames", NULL, OPT_INT, AT(chunk_frames), "6", 1, 256, NULL, "N",
     "Frames of each chunk that the model is shown; where they adapt, at most.",
     OPT_RESULT | OPT_PER_JOB},
	{"chunk.min", NULL, OPT_TIME, AT(chunk_min), "0", 0, 86400, NULL, "SECONDS",
     "Adaptive chunks: none is shorter, unless it is full; 0 = a tenth of chunk.duration.",
     OPT_RESULT | OPT_PER_JOB},
	{"chunk.max", NULL, OPT_TIME, AT(chunk_max), "0", 0, 864000, NULL, "SECONDS",
     "Adaptive chunks: none is longer; 0 = six times chunk.duration.", OPT_RESULT | OPT_PER_JOB},
	{"chunk.overlap", NULL, OPT_TIME, AT(chunk_overlap), "0", 0, 86400, NULL, "SECONDS",
     "Each chunk begins this much before the end of the one before, and is shown its last frames "
     "again.",
     OPT_RESULT | OPT_PER_JOB},
	{"chunk.workers", "workers", OPT_INT, AT(workers), "0", 0, 64, NULL, "N",
     "Chunks in work at once, each with a decoder of its own; 0 = one more than the engine "
     "answers at once, so that it "
     "never waits for frames.",
     0},
	{"sample.policy", NULL, OPT_CHOICE, AT(sample_policy), "adaptive", 0, 0,
     "even|keyframe|adaptive|scene", NULL,
     "Which frames: spread evenly; the keyframes nearest to these; where the picture changes; "
     "every shot before any "
     "twice.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.seek", NULL, OPT_CHOICE, AT(sample_seek), "exact", 0, 0, "exact|keyframe", NULL,
     "The frame that is shown at the time of a sample, or, far cheaper in long videos, the "
     "nearest keyframe; the "
     "report "
     "tells each frame's true time.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.max_gap", NULL, OPT_TIME, AT(sample_max_gap), "0", 0, 86400, NULL, "SECONDS",
     "Adaptive: no stretch without a frame is longer, whatever that costs; 0 = chunk.duration.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.pairs", NULL, OPT_BOOL, AT(sample_pairs), "false", 0, 0, NULL, NULL,
     "Adaptive: frames come in twos, half a second apart, for engines that read two pictures as "
     "one.",
     OPT_RESULT | OPT_PER_JOB},
	{"sample.plan", "plan", OPT_STRING, AT(plan_file), "", 0, 0, NULL, "FILE",
     "Follow this plan, as `vdet plan` prints it, instead of making one.", OPT_COMMAND_ONLY},
	{"job.budget", "budget", OPT_STRING, AT(budget), "", 0, 0, NULL, "BUDGET",
     "What the whole may cost, as 20min or 500ktok: pictures are made smaller, chunks longer and "
     "frames fewer until it "
     "does. A time needs an earlier job with the same model to reckon from.",
     OPT_COMMAND_ONLY},
	{"frame.size", NULL, OPT_INT, AT(frame_size), "1280", 64, 8192, NULL, "PIXELS",
     "Long side of the pictures that the model is shown; smaller ones are not enlarged.",
     OPT_RESULT | OPT_PER_JOB},
	{"frame.quality", NULL, OPT_INT, AT(frame_quality), "90", 1, 100, NULL, "N",
     "JPEG quality of these pictures.", OPT_RESULT | OPT_PER_JOB},
	{"frame.thumb", NULL, OPT_INT, AT(thumb_size), "400", 64, 2048, NULL, "PIXELS",
     "Long side of the pictures in the report.", OPT_RESULT | OPT_PER_JOB},
	{"range.from", "from", OPT_TIME, AT(from), "0", 0, 3.2e8, NULL, "TIME",
     "Begin here: 90, 1:30 or 01:01:30.5.", OPT_COMMAND_ONLY | OPT_PER_JOB},
	{"range.to", "to", OPT_TIME, AT(to), "0", 0, 3.2e8, NULL, "TIME", "Stop here; 0 = the end.",
     OPT_COMMAND_ONLY | OPT_PER_JOB},
	{"describe.prompt", "prompt", OPT_STRING, AT(prompt), "", 0, 0, NULL, "TEXT",
     "What to look for above all, in your words.", OPT_RESULT | OPT_PER_JOB},
	{"describe.max_tokens", "max-tokens", OPT_INT, AT(max_tokens), "2048", 16, 1 << 20, NULL, "N",
     "Longest answer about one chunk.", OPT_RESULT | OPT_PER_JOB},
	{"report.output", "output", OPT_STRING, AT(output), "", 0, 0, NULL, "FOLDER",
     "Where the report goes; empty = NAME.vdet in the current folder. With several files, one "
     "folder each inside it.",
     0},
	{"report.format", "format", OPT_STRING, AT(format), "all", 0, 0, NULL, "LIST",
     "Formats, separated by commas: html, json, md, vtt, csv; or all.", 0},
	{"report.full_path", NULL, OPT_BOOL, AT(full_path), "false", 0, 0, NULL, NULL,
     "Name the video by its whole path in the report instead of its file name.", 0},
	{"job.fresh", "fresh", OPT_BOOL, AT(fresh), "false", 0, 0, NULL, NULL,
     "Forget what an earlier run of the same job has finished.", OPT_COMMAND_ONLY},
	{"job.timeout", NULL, OPT_TIME, AT(job_timeout), "3600", 0, 3.2e7, NULL, "SECONDS",
     "After this long no further chunk is begun; the rest are holes, and the same command goes "
     "on with them. 0 = none. "
     "In vdet serve only where a job asks for it.",
     OPT_PER_JOB},
};

const struct opt_group analyze_opt_group = {"Analysis", rows, sizeof rows / sizeof *rows};
