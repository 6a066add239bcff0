/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table about reading a video and about its index; they
 * too are members of analyze_options. */
#include <stddef.h>

#include "base/opt.h"
#include "job/options.h"
#include "job/speech.h"

#define AT(member) offsetof(struct analyze_options, member)

/* The first DECODER_ROWS say how something is decoded, the others what. */
enum { DECODER_ROWS = 4 };
static const struct opt_row media_rows[] = {
	{"media.timeout", NULL, OPT_TIME, AT(media_timeout), "300", 0, 86400, NULL, "SECONDS",
     "Maximum time to decode the frames of one chunk; 0 = no limit.", 0},
	{"media.memory", NULL, OPT_SIZE, AT(media_memory), "2G", 64e6, 1e12, NULL, "BYTES",
     "Memory limit of a decoder process.", 0},
	{"media.hwaccel", NULL, OPT_CHOICE, AT(hwaccel), "none", 0, 0,
     "none|auto|cuda|vaapi|qsv|drm|vulkan", NULL,
     "Hardware decoder; auto takes the first available, and the CPU decodes what it cannot. "
     "Off by default: drivers need a wider sandbox and GPU memory, and decoded frames may "
     "differ.",
     OPT_RESULT},
	{"media.sandbox", NULL, OPT_CHOICE, AT(sandbox), "on", 0, 0, "on|off", NULL,
     "Sandbox the decoder; disable only for debugging.", 0},
	{"media.reference", NULL, OPT_STRING, AT(reference), "", 0, 0, NULL, "FILE",
     "Intact file of the same camera, to recover a recording that was cut off before its index "
     "was written.",
     OPT_COMMAND_ONLY},
	{"media.stream", "stream", OPT_INT, AT(media_stream), "-1", MEDIA_STREAM_ALL, 9999, "all", "N",
     "Index of the video stream to analyze, as listed by vdet index; -1 = the default, longest "
     "moving stream; all = each moving stream as a video of its own.",
     OPT_RESULT | OPT_PER_JOB},
	{"media.audio_track", "audio-track", OPT_INT, AT(audio_track), "best", SPEECH_TRACK_ALL, 9999,
     "all|best", "N",
     "Audio track whose speech is transcribed: its index in the file; best = the one that players "
     "choose; all = each.",
     OPT_PER_JOB},
	{"media.rate", "frame-rate", OPT_DOUBLE, AT(media_rate), "0", 0, 1000, NULL, "FPS",
     "Frame rate of a stream without timestamps, such as a raw .h264 file; 0 = as stored in the "
     "stream, else 25.",
     OPT_RESULT | OPT_PER_JOB},
	{"media.gaps", "gaps", OPT_CHOICE, AT(media_gaps), "auto", 0, 0, "auto|keep|close", NULL,
     "Forward jumps of the timestamps: auto closes clock errors and keeps time without pictures; "
     "keep and close apply to all jumps.",
     OPT_RESULT | OPT_PER_JOB},
	{"media.timezone", "timezone", OPT_STRING, AT(timezone), "", 0, 0, NULL, "ZONE",
     "Time zone of the recording's clock: Europe/Berlin, UTC, +01:00; empty: none is stated.",
     OPT_PER_JOB},
};

const struct opt_group media_opt_group = {"Decoder", media_rows,
                                          sizeof media_rows / sizeof *media_rows};
const struct opt_group decoder_opt_group = {"Decoder", media_rows, DECODER_ROWS};

static const struct opt_row index_rows[] = {
	{"index.effort", NULL, OPT_DOUBLE, AT(index_effort), "auto", -1, 1, "auto", "SHARE",
     "Share of the video to decode for the index beside its keyframes, where packet sizes "
     "suggest activity or keyframes are rare; 0 = none, 1 = all; auto = all, but each second of "
     "video costs at most as much as 1920x1080 at 30 frames per second.",
     OPT_RESULT | OPT_PER_JOB},
	{"index.max_gap", "index-max-gap", OPT_TIME, AT(index_max_gap), "10", 0.1, 86400, NULL,
     "SECONDS",
     "Keyframes further apart than this do not count as coverage of the time between them.",
     OPT_RESULT | OPT_PER_JOB},
	{"index.workers", NULL, OPT_INT, AT(index_workers), "0", 0, 64, NULL, "N",
     "Decoders that index in parallel; 0 = one per processor.", 0},
};

const struct opt_group index_opt_group = {"Index", index_rows,
                                          sizeof index_rows / sizeof *index_rows};

static const struct opt_row text_rows[] = {
	{"text.screen", "screen-text", OPT_CHOICE, AT(screen_text), "auto", 0, 0, "auto|off", NULL,
     "Read what is written in the picture; auto: where Tesseract and its language data are "
     "installed.",
     OPT_PER_JOB},
	{"text.ocr_languages", "ocr-languages", OPT_STRING, AT(ocr_languages), "eng", 0, 0, NULL,
     "LANGUAGES",
     "Languages of what is written in the picture, as Tesseract names them, with + between them: "
     "eng+deu.",
     OPT_PER_JOB},
	{"text.ocr_engine", "ocr-engine", OPT_STRING, AT(ocr_engine), "", 0, 0, NULL, "LIBRARY",
     "Read what is written in the picture with PP-OCR instead of Tesseract: the absolute path of "
     "ONNX Runtime's library. Its code is loaded into a sandboxed child.",
     0},
	{"text.ocr_models", "ocr-models", OPT_STRING, AT(ocr_models), "", 0, 0, NULL, "FOLDER",
     "For text.ocr_engine: the folder of PP-OCR's models, an absolute path.", 0},
};

const struct opt_group text_opt_group = {"Text in the picture", text_rows,
                                         sizeof text_rows / sizeof *text_rows};
