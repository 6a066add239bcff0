/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table about reading a video and about its index; they
 * too are members of analyze_options. */
#include <stddef.h>

#include "base/opt.h"
#include "job/options.h"

#define AT(member) offsetof(struct analyze_options, member)

static const struct opt_row media_rows[] = {
	{"media.timeout", NULL, OPT_TIME, AT(media_timeout), "300", 0, 86400, NULL, "SECONDS",
     "Longest time for decoding the frames of one chunk; 0 = none.", 0},
	{"media.memory", NULL, OPT_SIZE, AT(media_memory), "2G", 64e6, 1e12, NULL, "BYTES",
     "Memory that a decoder child may take.", 0},
	{"media.hwaccel", NULL, OPT_CHOICE, AT(hwaccel), "none", 0, 0,
     "none|auto|cuda|vaapi|qsv|drm|vulkan", NULL,
     "A device that decodes frames: auto takes the first that this machine has. Where it is "
     "missing, cannot decode the "
     "video, or fails on the way, the processor does it; the report says which did. Not used "
     "unless asked for: a "
     "driver needs a wider sandbox (devices and their libraries are open to it), it takes memory "
     "that the model may "
     "want, and nobody has checked that its pictures are exact.",
     OPT_RESULT},
	{"media.reference", NULL, OPT_STRING, AT(reference), "", 0, 0, NULL, "FILE",
     "A good file of the same camera: where a recording was cut off before its index was "
     "written, the pictures are "
     "found without it, and decoded as this file says.",
     OPT_COMMAND_ONLY},
	{"media.sandbox", NULL, OPT_CHOICE, AT(sandbox), "on", 0, 0, "on|off", NULL,
     "Whether the decoder child is locked in; off only to look for faults.", 0},
};

const struct opt_group media_opt_group = {"Decoder", media_rows,
                                          sizeof media_rows / sizeof *media_rows};

static const struct opt_row index_rows[] = {
	{"index.effort", NULL, OPT_DOUBLE, AT(index_effort), "0.05", 0, 1, NULL, "SHARE",
     "How much of the video may be decoded closely for the index, beside its keyframes: where "
     "the sizes of the coded "
     "frames say that something happens, and where keyframes are rare. 0 = nothing, 1 = "
     "everything.",
     OPT_RESULT | OPT_PER_JOB},
	{"index.max_gap", "index-max-gap", OPT_TIME, AT(index_max_gap), "10", 0.1, 86400, NULL,
     "SECONDS", "Keyframes further apart than this do not count as a look at what lies between.",
     OPT_RESULT | OPT_PER_JOB},
	{"index.workers", NULL, OPT_INT, AT(index_workers), "0", 0, 64, NULL, "N",
     "Decoders at work at once on the index; 0 = one for each processor.", 0},
};

const struct opt_group index_opt_group = {"Index", index_rows,
                                          sizeof index_rows / sizeof *index_rows};
