/* SPDX-License-Identifier: Apache-2.0 */
#include "speech/speech.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "speech/answer.h"
#include "speech/filter.h"
#include "speech/wav.h"
#include "speech/whisper.h"

#define ANSWER_MAX ((size_t)16 << 20)
#define TIMEOUT_LEAST (60 * CLOCK_SECOND)
#define PAUSE (CLOCK_SECOND / 2) /* before a retry, doubled each time */
#define PAUSE_MAX (30 * CLOCK_SECOND)
#define FAILURES_MAX 3 /* pieces in a row, after which further ones would fail, too */

struct speech {
	struct speech_options o;
	struct speech_places p;
	struct cancel *cancel; /* borrowed, may be NULL */
	char *identity;
	struct whisper whisper;    /* of a child */
	struct endpoint *endpoint; /* in use; owned unless it is that of a child */
	bool child, hopeless;
	int form;     /* what the endpoint has not refused yet, see struct endpoint_sound */
	int failures; /* pieces in a row */
};

/* ---- what is used */

static void copy_options(struct speech_options *to, const struct speech_options *from)
{
	*to = *from;
	char **const texts[] = {&to->engine,   &to->model,  &to->language, &to->key,
	                        &to->key_file, &to->server, &to->ca_file};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = mem_strdup(*texts[i] ? *texts[i] : "");
	if (!*to->language) {
		free(to->language);
		to->language = mem_strdup("auto");
	}
}

static void clear_options(struct speech_options *o)
{
	/* A core file must not contain the key. */
	if (o->key)
		explicit_bzero(o->key, strlen(o->key));
	free(o->engine);
	free(o->model);
	free(o->language);
	free(o->key);
	free(o->key_file);
	free(o->server);
	free(o->ca_file);
}

static int check_language(const char *language, struct err *err)
{
	size_t n = strspn(language, "abcdefghijklmnopqrstuvwxyz");
	if (!language[n] && (n == 2 || n == 3 || !strcmp(language, "auto")))
		return 0;
	return err_set(err, ERR_ARG,
	               "speech.language: \"%.40s\" is not the code of a language, such as en or de",
	               language);
}

static int read_key(struct speech_options *o, struct err *err)
{
	if (*o->key || !*o->key_file)
		return 0;
	AUTO(mem_freep) char *warning = NULL;
	char *key = NULL;
	int r = endpoint_read_key(o->key_file, &key, &warning, err);
	if (r < 0)
		return err_wrap(err, "the key file of the engine for speech");
	if (warning)
		log_warning("%s", warning);
	free(o->key);
	o->key = key;
	return *o->key ? 0
	               : err_set(err, ERR_ARG, "the file %s (speech.key_file) is empty", o->key_file);
}

static int open_endpoint(struct speech *s, struct err *err)
{
	int r = read_key(&s->o, err);
	if (r < 0)
		return r;
	const struct endpoint_limits limits = {.connect = s->o.connect_timeout,
	                                       .ca_file = s->o.ca_file};
	r = endpoint_new(s->o.engine, s->o.key, s->o.model, &limits, &s->endpoint, err);
	if (r < 0)
		return err_wrap(err, "--speech");
	s->identity = mem_printf("%s, model %s, language %s", endpoint_url(s->endpoint),
	                         *s->o.model ? s->o.model : "not named", s->o.language);
	return 0;
}

static int open_child(struct speech *s, struct err *err)
{
	int r = whisper_choose(&s->o, &s->p, s->cancel, &s->whisper, err);
	if (r < 0)
		return r;
	s->child = true;
	s->identity = mem_printf("whisper-server, model %s %.16s, language %s", s->whisper.model.name,
	                         s->whisper.model.hash, s->o.language);
	return 0;
}

int speech_open(const struct speech_options *o, const struct speech_places *p,
                struct cancel *cancel, struct speech **ret, struct err *err)
{
	AUTO(speech_freep) struct speech *s = mem_alloc(1, sizeof *s);
	copy_options(&s->o, o);
	s->p = *p;
	s->cancel = cancel;
	int r = check_language(s->o.language, err);
	if (r < 0)
		return r;
	if (!strcmp(s->o.engine, "off"))
		return err_set(err, ERR_NOENT, "speech is not transcribed (--speech off)");
	bool chosen = !*s->o.engine || !strcmp(s->o.engine, "auto");
	r = chosen ? open_child(s, err) : open_endpoint(s, err);
	if (r < 0)
		return r;
	*ret = TAKE(s);
	return 0;
}

void speech_free(struct speech *s)
{
	if (!s)
		return;
	if (!s->child)
		endpoint_free(s->endpoint);
	whisper_clear(&s->whisper);
	clear_options(&s->o);
	free(s->identity);
	free(s);
}

const char *speech_identity(const struct speech *s)
{
	return s->identity;
}

bool speech_hopeless(const struct speech *s)
{
	return s->hopeless;
}

int speech_pid(const struct speech *s)
{
	return s->whisper.server ? server_pid(s->whisper.server) : 0;
}

/* ---- one request */

/* The child is healthy, or the endpoint needs nothing. */
static int get_ready(struct speech *s, struct err *err)
{
	int r = 0;
	if (!s->child)
		return 0;
	if (!s->whisper.server) {
		r = whisper_start(&s->whisper, &s->o, &s->p, err);
		s->hopeless = r < 0;
		if (r < 0)
			return r;
		s->endpoint = server_endpoint(s->whisper.server);
	}
	r = server_wait(s->whisper.server, s->cancel, NULL, s->p.note, s->p.note_ctx, err);
	/* It will not be started again. */
	s->hopeless = r < 0 && r != -ERR_CANCELED;
	return r;
}

static int64_t time_limit(const struct speech *s, int64_t length)
{
	if (s->o.timeout_factor <= 0)
		return 0;
	int64_t limit = (int64_t)(s->o.timeout_factor * (double)length);
	return limit > TIMEOUT_LEAST ? limit : TIMEOUT_LEAST;
}

/* A text that is empty says that nothing is said; JSON that is empty says that
 * the answer is lost. */
static bool is_lost(const struct buf *answer, int form)
{
	return form < ENDPOINT_TEXT && !buf_str(answer)[strspn(buf_str(answer), " \t\r\n")];
}

/* One request in the form that was not refused yet, and in simpler ones if it
 * is. */
static int request(struct speech *s, const struct buf *wav, int64_t length, struct buf *answer,
                   struct endpoint_failure *failure, struct err *err)
{
	struct endpoint_sound sound = {.wav = wav->data,
	                               .len = wav->len,
	                               .language = strcmp(s->o.language, "auto") ? s->o.language : "",
	                               .timeout = time_limit(s, length)};
	for (;;) {
		sound.form = s->form;
		buf_clear(answer);
		int r = endpoint_transcribe(s->endpoint, &sound, s->cancel, answer, failure, err);
		if (r != -ERR_UNSUPPORTED || s->form >= ENDPOINT_TEXT)
			return r;
		log_info("speech: %s", err->msg);
		s->form++;
	}
}

static int request_once(struct speech *s, const struct buf *wav, int64_t length, struct buf *answer,
                        struct endpoint_failure *failure, struct err *err)
{
	*failure = (struct endpoint_failure){0};
	int r = get_ready(s, err);
	if (r < 0)
		return r;
	struct server *child = s->whisper.server;
	int life = child ? server_life(child) : 0;
	if (child)
		server_flight_begin(child);
	r = request(s, wav, length, answer, failure, err);
	if (r == -ERR_TIMEOUT)
		err_add(err, "speech.timeout allows more, and a smaller model takes less");
	if (child) {
		server_flight_end(child, r == -ERR_TIMEOUT);
		/* A child that crashed or hung is started again. */
		failure->retry = failure->retry || r == -ERR_TIMEOUT;
		if (r < 0 && failure->retry)
			server_suspect(child, life);
	}
	return r;
}

static int wait_before_retry(const struct speech *s, int64_t wanted, int tries, struct err *err)
{
	int64_t pause = PAUSE;
	for (int i = 1; i < tries && pause < PAUSE_MAX; i++)
		pause *= 2;
	pause = wanted > pause ? wanted : pause;
	int64_t until = clock_now() + (pause < PAUSE_MAX ? pause : PAUSE_MAX);
	return cancel_wait_until(s->cancel, NULL, until) ? err_set(err, ERR_CANCELED, "interrupted")
	                                                 : 0;
}

/* Whether the next piece would fail for the same reason. */
static bool lasts(int code, const struct endpoint_failure *failure)
{
	return code == -ERR_PERM || code == -ERR_NOENT || (code == -ERR_PROTO && failure->refused);
}

static int transcribe(struct speech *s, const struct buf *wav, int64_t length,
                      struct speech_result *ret, struct err *err)
{
	AUTO(buf_free) struct buf answer = BUF(ANSWER_MAX);
	struct endpoint_failure failure;
	for (int tries = 1;; tries++) {
		int r = request_once(s, wav, length, &answer, &failure, err);
		if (r == 0 && is_lost(&answer, s->form)) {
			r = err_set(err, ERR_PROTO, "%s answered nothing", endpoint_url(s->endpoint));
			failure.retry = true;
		} else if (r == 0) {
			r = speech_answer_read(answer.data ? answer.data : "", answer.len,
			                       s->form == ENDPOINT_TEXT, length, ret, err);
			/* What is broken once may be right the next time. */
			failure.retry = r < 0;
		}
		if (r == 0 || r == -ERR_CANCELED)
			return r;
		s->hopeless = s->hopeless || lasts(r, &failure);
		/* A child that is only slow would be as slow again. */
		if (r == -ERR_TIMEOUT && tries > 1)
			failure.retry = false;
		if (!failure.retry || s->hopeless || tries > s->o.retries)
			return r;
		log_info("speech, try %d: %s", tries, err->msg);
		struct err stop;
		if (wait_before_retry(s, failure.after, tries, &stop) < 0)
			return err_set(err, ERR_CANCELED, "interrupted");
	}
}

/* ---- a piece */

int speech_transcribe(struct speech *s, const struct speech_sound *q, struct speech_result *ret,
                      struct err *err)
{
	struct err own = {0};
	struct err *e = err ? err : &own;
	AUTO(speech_result_clear) struct speech_result result = {0};
	int64_t length = (int64_t)q->n * CLOCK_SECOND / SPEECH_RATE;
	if (q->n > SPEECH_SAMPLES_MAX)
		return err_set(e, ERR_ARG, "a piece of sound of %lld s is too long for a transcription",
		               (long long)(length / CLOCK_SECOND));
	if (!q->n) {
		*ret = (struct speech_result){
			.language = mem_strdup(""), .note = mem_strdup(""), .timed = true};
		return 0;
	}

	AUTO(buf_free) struct buf wav = BUF(SPEECH_WAV_HEAD + 2 * q->n);
	speech_wav(q->samples, q->n, &wav);
	int r = transcribe(s, &wav, length, &result, e);
	s->failures = r < 0 && r != -ERR_CANCELED ? s->failures + 1 : 0;
	s->hopeless = s->hopeless || s->failures >= FAILURES_MAX;
	if (r < 0)
		return r;
	speech_filter(&result, q->voices, q->n_voices);
	*ret = result;
	result = (struct speech_result){0};
	return 0;
}
