/* SPDX-License-Identifier: Apache-2.0 */
/* How a model is asked, beside what a request holds: how it samples its answer,
 * and whether it reasons before it. Pure. */
#ifndef VDET_OPENAI_SAMPLING_H
#define VDET_OPENAI_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

/* How the model is asked not to reason: as its chat template has it
 * (llama-server, vLLM, SGLang), or as Ollama has it. */
enum no_reasoning { REASONING_AS_IS, NO_REASONING_TEMPLATE, NO_REASONING_EFFORT };

/* All zero: greedy, and nothing else is sent. */
struct sampling {
	double temperature;
	double top_p;  /* 0 = not sent */
	int64_t top_k; /* 0 = not sent */
	double min_p;
	bool has_min_p; /* it is sent */
	enum no_reasoning no_reasoning;
};

#endif
