/* SPDX-License-Identifier: Apache-2.0 */
/* Transcribes for tests: speech_try [OPTION…] MODELS_DIR LOG. Each line of
 * standard input is a number of seconds of noise to transcribe, or "pid"; each
 * answer is a line of JSON. SIGTERM cancels. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cancel.h"
#include "base/opt.h"
#include "speech/speech.h"

static struct cancel *stop;

static void on_signal(int number)
{
	(void)number;
	cancel_fire(stop);
}

static json_t *segment_json(const struct speech_segment *g)
{
	json_t *words = json_array();
	for (size_t i = 0; i < g->n_words; i++)
		json_array_append_new(words, json_pack("[I, I, s, f]", (json_int_t)g->words[i].start,
		                                       (json_int_t)g->words[i].end, g->words[i].text,
		                                       g->words[i].conf));
	return json_pack("{s:I, s:I, s:s, s:s, s:s, s:f, s:s?, s:o}", "start", (json_int_t)g->start,
	                 "end", (json_int_t)g->end, "text", g->text, "language", g->language, "speaker",
	                 g->speaker, "conf", g->conf, "dropped", g->dropped, "words", words);
}

static void print(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

static void print_error(const struct speech *s, const struct err *err)
{
	print(json_pack("{s:s, s:s, s:b}", "error", err->msg, "code", err_code_name(err->code),
	                "hopeless", s && speech_hopeless(s)));
}

static void transcribe(struct speech *s, double seconds)
{
	struct speech_result r = {0};
	struct err err = {0};
	size_t n = (size_t)(seconds * SPEECH_RATE);
	int16_t *samples = mem_alloc(n + 1, sizeof *samples);
	for (size_t i = 0; i < n; i++)
		samples[i] = (int16_t)(i * 7919 % 2000);
	const struct speech_sound sound = {.samples = samples, .n = n};
	if (speech_transcribe(s, &sound, &r, &err) < 0) {
		print_error(s, &err);
	} else {
		json_t *segments = json_array();
		for (size_t i = 0; i < r.n; i++)
			json_array_append_new(segments, segment_json(&r.segments[i]));
		print(json_pack("{s:o, s:s, s:b, s:s}", "segments", segments, "language", r.language,
		                "timed", r.timed, "note", r.note));
	}
	speech_result_clear(&r);
	free(samples);
}

int main(int argc, char **argv)
{
	struct speech_options o = {0};
	struct err err = {0};
	char line[100];
	int n = 0;
	struct speech *s = NULL;
	const struct opt_bind bind = {&speech_opt_group, &o};
	const struct opt_set set = {&bind, 1};
	(void)argc;
	if (opt_parse(&set, &set, NULL, NULL, argv, &n, &err) < 0 || n != 2) {
		print_error(NULL, &err);
		return 2;
	}
	stop = cancel_new();
	const struct sigaction on = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigaction(SIGTERM, &on, NULL);
	const struct speech_places p = {
		.models_dir = argv[0], .log_path = argv[1], .runtime_dir = getenv("VDET_RUNTIME_DIR")};
	if (speech_open(&o, &p, stop, &s, &err) < 0) {
		print_error(NULL, &err);
		cancel_free(stop);
		opt_free(&set);
		return 1;
	}
	print(json_pack("{s:s}", "identity", speech_identity(s)));
	while (fgets(line, sizeof line, stdin))
		if (!strncmp(line, "pid", 3))
			print(json_pack("{s:i}", "pid", speech_pid(s)));
		else
			transcribe(s, strtod(line, NULL));
	speech_free(s);
	cancel_free(stop);
	opt_free(&set);
	return 0;
}
