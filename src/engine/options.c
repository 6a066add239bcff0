/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table that say which engine answers, and how long it
 * may take. */
#include "base/opt.h"
#include "engine/engine.h"

#define AT(member) offsetof(struct engine_options, member)

static const struct opt_row rows[] = {
	{"engine.url", "engine", OPT_STRING, AT(url), "auto", 0, 0, NULL, "URL",
     "The engine: auto starts llama-server here; else the address of an OpenAI-compatible API, "
     "http(s)://HOST:PORT/v1 "
     "or unix:/PATH.",
     0},
	{"engine.model", "model", OPT_STRING, AT(model), "", 0, 0, NULL, "MODEL",
     "With auto, a GGUF file or a name in the models folder; else the name that the engine knows "
     "it by. Empty: the "
     "newest in the models folder, else the built-in demo model; the only one that the engine has.",
     0},
	{"engine.key", NULL, OPT_STRING, AT(key), "", 0, 0, NULL, "KEY",
     "Key for the engine. Others on this machine can read command lines: the variable or a file "
     "is better.",
     OPT_SECRET},
	{"engine.key_file", NULL, OPT_STRING, AT(key_file), "", 0, 0, NULL, "FILE",
     "File that holds the key.", 0},
	{"engine.quantize", "quantize", OPT_CHOICE, AT(quantize), "as-is", 0, 0,
     "as-is|bf16|f16|q8_0|q6_k|q5_k_m|q4_k_m|mixed", NULL,
     "With auto, the precision of the model's weights; where the model is there only in a finer "
     "one, it is made, once. "
     "mixed: q4_k_m with what matters most at more bits.",
     0},
	{"engine.cache_type", "cache-type", OPT_CHOICE, AT(cache_type), "f16", 0, 0, "f16|q8_0|q4_0",
     NULL, "With auto, the precision of the key-value cache: q8_0 halves it, q4_0 quarters it.", 0},
	{"engine.endpoint", "endpoint", OPT_STRING, AT(endpoints), "", 0, 0, NULL,
     "NAME=URL[,KEY=VALUE…]",
     "One more engine, may be given several times; none forgets those before. Keys: model, "
     "concurrency, context, "
     "weight, "
     "cost, cap, tier, key-file, key-env, device; see docs/engines.md. The address auto is a "
     "llama-server of ours. "
     "With "
     "endpoints, --engine auto alone starts none.",
     OPT_APPEND},
	{"engine.cloud_after", "cloud-after", OPT_TIME, AT(cloud_after), "0", 0, 31536000, NULL, "TIME",
     "Endpoints of tier cloud (https, unless they say otherwise) are asked only while the others "
     "would need longer "
     "than "
     "this for all that is left; 0 = never.",
     0},
	{"engine.devices", "devices", OPT_STRING, AT(devices), "", 0, 0, NULL, "LIST",
     "With auto, one llama-server a device: CUDA0,CUDA1; one over two: CUDA0+CUDA1; none = the "
     "processor. Empty: one, "
     "on what it finds.",
     0},
	{"engine.split", "split", OPT_CHOICE, AT(split), "", 0, 0, "|none|layer|row", NULL,
     "How a model is split over several devices; empty: as llama-server does.", 0},
	{"engine.memory", "gpu-memory", OPT_SIZE, AT(memory), "0", 0, 1e15, NULL, "SIZE",
     "Memory of the GPU, for planning with it; 0 = what this machine tells.", 0},
	{"engine.memory_goal", "gpu-memory-goal", OPT_DOUBLE, AT(memory_goal), "0.7", 0.1, 1, NULL,
     "SHARE", "How much of the GPU's memory may be in use.", 0},
	{"engine.server", NULL, OPT_STRING, AT(server), "", 0, 0, NULL, "PROGRAM",
     "The llama-server to start; empty: the one in PATH, else the one that was set up for vdet.",
     0},
	{"engine.slots", "slots", OPT_INT, AT(slots), "0", 0, 256, NULL, "N",
     "Requests that the engine works on at once; 0 = as many as fit into the GPU's memory where "
     "that is "
     "known, else 4; or what the engine says.",
     0},
	{"engine.context", "context", OPT_INT, AT(context), "0", 0, 1 << 24, NULL, "TOKENS",
     "With auto, how much one request may hold; 0 = 16384, or the model's own maximum if that is "
     "less.",
     0},
	{"engine.vision_timeout", "vision-timeout", OPT_TIME, AT(vision_timeout), "30min", 0, 31536000,
     NULL, "TIME",
     "Longest wait for the first word of an answer, while the pictures are taken in; 0 = no limit.",
     0},
	{"engine.generation_timeout", "generation-timeout", OPT_TIME, AT(generation_timeout), "30min",
     0, 31536000, NULL, "TIME", "Longest time from the first word to the last; 0 = no limit.", 0},
	{"engine.idle_timeout", "idle-timeout", OPT_TIME, AT(idle_timeout), "10min", 0, 31536000, NULL,
     "TIME", "Longest silence in the middle of an answer; 0 = no limit.", 0},
	{"engine.connect_timeout", "connect-timeout", OPT_TIME, AT(connect_timeout), "10", 0, 31536000,
     NULL, "TIME", "Longest wait for a connection to the engine; 0 = no limit.", 0},
	{"engine.ca_file", "ca-file", OPT_STRING, AT(ca_file), "", 0, 0, NULL, "FILE",
     "Certificates (PEM) to trust beside the system's, for an engine with a certificate of a "
     "private authority. CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR are observed, too.",
     0},
	{"engine.start_timeout", "start-timeout", OPT_TIME, AT(start_timeout), "15min", 0, 31536000,
     NULL, "TIME", "Longest wait until the engine has loaded its model; 0 = no limit.", 0},
	{"engine.hang_timeout", "hang-timeout", OPT_TIME, AT(hang_timeout), "2min", 0, 31536000, NULL,
     "TIME",
     "A llama-server of ours that answers nothing for that long while it has work is started "
     "again; 0 = it is waited "
     "for.",
     0},
	{"engine.unload_after", "unload-after", OPT_TIME, AT(unload_after), "0", 0, 31536000, NULL,
     "TIME",
     "A llama-server of ours that has had nothing to do for that long is stopped until the next "
     "request, and its "
     "memory "
     "is free; 0 = never.",
     0},
	{"engine.retries", "retries", OPT_INT, AT(retries), "3", 0, 100, NULL, "N",
     "Further tries of a request after a failure that may pass: a lost connection, HTTP 429 or "
     "5xx, a crash.",
     0},
};

const struct opt_group engine_opt_group = {"Engine", rows, ARRAY_LEN(rows)};
