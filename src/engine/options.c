/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options table that say which engine answers, and how long it
 * may take. */
#include "base/opt.h"
#include "engine/engine.h"

#define AT(member) offsetof(struct engine_options, member)

static const struct opt_row rows[] = {
	{"engine.url", "engine", OPT_STRING, AT(url), "auto", 0, 0, NULL, "URL",
     "Engine: auto starts a local llama-server; or the URL of an OpenAI-compatible API, "
     "http(s)://HOST:PORT/v1 or unix:/PATH.",
     0},
	{"engine.model", "model", OPT_STRING, AT(model), "", 0, 0, NULL, "MODEL",
     "With auto: a GGUF file or a name in the models folder, empty: the newest there, else the "
     "built-in demo model. With a URL: the engine's name of the model, empty: its only one.",
     0},
	{"engine.key", NULL, OPT_STRING, AT(key), "", 0, 0, NULL, "KEY",
     "API key. Command lines are visible to other users of this machine; prefer the "
     "environment variable or a key file.",
     OPT_SECRET},
	{"engine.key_file", NULL, OPT_STRING, AT(key_file), "", 0, 0, NULL, "FILE",
     "File that contains the API key.", 0},
	{"engine.quantize", "quantize", OPT_CHOICE, AT(quantize), "as-is", 0, 0,
     "as-is|bf16|f16|q8_0|q6_k|q5_k_m|q4_k_m|mixed", NULL,
     "With auto: precision of the model's weights; made once from a finer one if needed. "
     "mixed: q4_k_m with the most sensitive tensors at higher precision.",
     0},
	{"engine.cache_type", "cache-type", OPT_CHOICE, AT(cache_type), "f16", 0, 0, "f16|q8_0|q4_0",
     NULL, "With auto: precision of the key-value cache; q8_0 halves its size, q4_0 quarters it.",
     0},
	{"engine.endpoint", "endpoint", OPT_STRING, AT(endpoints), "", 0, 0, NULL,
     "NAME=URL[,KEY=VALUE…]",
     "Additional engine; repeatable, none clears the list. Keys: model, concurrency, context, "
     "weight, cost, cap, tier, key-file, key-env, ca-file, device; see docs/engines.md. URL "
     "auto: a local llama-server, which --engine auto alone then does not start.",
     OPT_APPEND},
	{"engine.cloud_after", "cloud-after", OPT_TIME, AT(cloud_after), "0", 0, 31536000, NULL, "TIME",
     "Use endpoints of tier cloud (default for https) only while the others would need longer "
     "than this for the remaining work; 0 = never.",
     0},
	{"engine.devices", "devices", OPT_STRING, AT(devices), "", 0, 0, NULL, "LIST",
     "With auto: one llama-server per device (CUDA0,CUDA1), or one for several (CUDA0+CUDA1); "
     "none = CPU. Empty: one, on the devices it finds.",
     0},
	{"engine.split", "split", OPT_CHOICE, AT(split), "", 0, 0, "|none|layer|row", NULL,
     "How to split a model over several devices; empty: the default of llama-server.", 0},
	{"engine.memory", "gpu-memory", OPT_SIZE, AT(memory), "0", 0, 1e15, NULL, "SIZE",
     "GPU memory for planning; 0 = as detected.", 0},
	{"engine.memory_goal", "gpu-memory-goal", OPT_DOUBLE, AT(memory_goal), "0.7", 0.1, 1, NULL,
     "SHARE", "Share of the GPU memory that planning may use.", 0},
	{"engine.server", NULL, OPT_STRING, AT(server), "", 0, 0, NULL, "PROGRAM",
     "llama-server executable; empty: from PATH, else the one installed by the setup.", 0},
	{"engine.slots", "slots", OPT_INT, AT(slots), "0", 0, 256, NULL, "N",
     "Parallel requests; 0 = what fits into the GPU memory, 4 if that is unknown, or what the "
     "engine reports.",
     0},
	{"engine.context", "context", OPT_INT, AT(context), "0", 0, 1 << 24, NULL, "TOKENS",
     "With auto: context size of one request; 0 = 16384, or the model's maximum if smaller.", 0},
	{"engine.vision_timeout", "vision-timeout", OPT_TIME, AT(vision_timeout), "30min", 0, 31536000,
     NULL, "TIME",
     "Maximum time to the first token of an answer, while images are processed; 0 = no limit.", 0},
	{"engine.generation_timeout", "generation-timeout", OPT_TIME, AT(generation_timeout), "30min",
     0, 31536000, NULL, "TIME", "Maximum time from the first token to the last; 0 = no limit.", 0},
	{"engine.idle_timeout", "idle-timeout", OPT_TIME, AT(idle_timeout), "10min", 0, 31536000, NULL,
     "TIME", "Maximum time between two tokens; 0 = no limit.", 0},
	{"engine.connect_timeout", "connect-timeout", OPT_TIME, AT(connect_timeout), "10", 0, 31536000,
     NULL, "TIME", "Maximum time to connect to the engine; 0 = no limit.", 0},
	{"engine.ca_file", "ca-file", OPT_STRING, AT(ca_file), "", 0, 0, NULL, "FILE",
     "Additional trusted certificates (PEM), for an engine with a certificate of a private "
     "authority. CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR are honored too.",
     0},
	{"engine.start_timeout", "start-timeout", OPT_TIME, AT(start_timeout), "15min", 0, 31536000,
     NULL, "TIME", "Maximum time for the engine to load its model; 0 = no limit.", 0},
	{"engine.hang_timeout", "hang-timeout", OPT_TIME, AT(hang_timeout), "2min", 0, 31536000, NULL,
     "TIME",
     "Restart a local llama-server that has not answered for this long while it has requests; "
     "0 = never.",
     0},
	{"engine.unload_after", "unload-after", OPT_TIME, AT(unload_after), "0", 0, 31536000, NULL,
     "TIME",
     "Stop a local llama-server that has been idle for this long, to free its memory, until "
     "the next request; 0 = never.",
     0},
	{"engine.sampling", "sampling", OPT_CHOICE, AT(sampling), "auto", 0, 0, "auto|greedy", NULL,
     "How the model chooses words: auto = as its makers recommend where the model is known, else "
     "greedy (temperature 0).",
     0},
	{"engine.temperature", "temperature", OPT_DOUBLE, AT(temperature), "-1", -1, 2, NULL, "NUMBER",
     "Temperature of the model; -1 = as engine.sampling says.", 0},
	{"engine.top_p", "top-p", OPT_DOUBLE, AT(top_p), "-1", -1, 1, NULL, "NUMBER",
     "Nucleus sampling; 0 = none, -1 = as engine.sampling says.", 0},
	{"engine.reasoning", "reasoning", OPT_CHOICE, AT(reasoning), "auto", 0, 0, "auto|on|off", NULL,
     "Reasoning before an answer: auto = turned off where the model is known and allows it, on = "
     "as the engine does it, off = turned off in each request.",
     0},
	{"engine.image_min_tokens", "image-min-tokens", OPT_INT, AT(image_min_tokens), "-1", -1, 65536,
     NULL, "N",
     "With auto: fewest tokens of a frame, see llama-server; 0 = its default, -1 = what the model "
     "needs where it is known.",
     0},
	{"engine.embed", "embed", OPT_STRING, AT(embed), "", 0, 0, NULL, "MODEL",
     "What makes vectors, by which questions find what is said in other words: a GGUF file or a "
     "name in the models folder, for a llama-server of its own, or the URL of an OpenAI-compatible "
     "API with /embeddings. Empty: nothing.",
     0},
	{"engine.embed_model", NULL, OPT_STRING, AT(embed_model), "", 0, 0, NULL, "NAME",
     "With a URL: its name of the model, empty: its only one.", 0},
	{"engine.embed_key_file", NULL, OPT_STRING, AT(embed_key_file), "", 0, 0, NULL, "FILE",
     "File that contains the API key for it.", 0},
	{"engine.embed_pooling", NULL, OPT_CHOICE, AT(embed_pooling), "auto", 0, 0,
     "auto|last|mean|cls", NULL,
     "With a model: how one vector is made of those of the tokens; auto = as the model's file "
     "says.",
     0},
	{"engine.embed_query", NULL, OPT_STRING, AT(embed_query), "", 0, 0, NULL, "TEXT",
     "Text before a query, if the model wants one.", 0},
	{"engine.embed_text", NULL, OPT_STRING, AT(embed_text), "", 0, 0, NULL, "TEXT",
     "Text before what is to be found, if the model wants one.", 0},
	{"engine.embed_pictures", NULL, OPT_BOOL, AT(embed_pictures), "true", 0, 0, NULL, NULL,
     "Also make vectors of sampled frames, if the model takes pictures.", 0},
	{"engine.retries", "retries", OPT_INT, AT(retries), "3", 0, 100, NULL, "N",
     "Retries of a request after a temporary failure: lost connection, HTTP 429 or 5xx, crash.", 0},
};

const struct opt_group engine_opt_group = {"Engine", rows, ARRAY_LEN(rows)};
