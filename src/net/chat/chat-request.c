/* SPDX-License-Identifier: Apache-2.0 */
#include "net/chat/chat-request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

enum { URL_MAX = 4000, TEXT_MAX = 1 << 20 };

void chat_request_clear(struct chat_request *q)
{
	for (size_t i = 0; i < q->n_videos; i++) {
		free(q->videos[i].url);
		free(q->videos[i].name);
	}
	free(q->videos);
	free(q->model);
	free(q->about);
	free(q->question);
	free(q->asked);
	free(q->said);
	free(q->budget);
	*q = (struct chat_request){0};
}

/* ---- videos */

/* A video in a part of a message. */
struct part {
	const char *type; /* of the part */
	const char *url, *data, *name;
};

static int add_video(struct chat_request *q, const struct chat_video *v, const char *name,
                     struct err *err)
{
	for (size_t i = 0; i < q->n_videos; i++) {
		const struct chat_video *other = &q->videos[i];
		bool same = v->url && other->url ? strcmp(v->url, other->url) == 0
		                                 : !v->url && !other->url && v->data == other->data;
		if (same)
			return 0;
	}
	if (q->n_videos == CHAT_VIDEOS_MAX)
		return err_set(err, ERR_ARG, "a request has at most %d videos", CHAT_VIDEOS_MAX);
	q->videos = mem_grow(q->videos, q->n_videos + 1, sizeof *q->videos);
	q->videos[q->n_videos++] = (struct chat_video){
		.url = mem_strdup(v->url), .data = v->data, .name = text_line(name, 200)};
	return 0;
}

/* "data:TYPE;vdet=N", which chat-scan.h made of data. */
static int add_data(struct chat_request *q, const struct part *p, const char *uri, size_t n_data,
                    struct err *err)
{
	const char *mark = strstr(uri, ";vdet=");
	const char *type = uri + strlen("data:");
	const char *digits = mark ? mark + strlen(";vdet=") : "";
	size_t len = strspn(digits, "0123456789");
	if (!mark || !len || len > 4 || digits[len])
		return err_set(err, ERR_ARG,
		               "the data of a %s part has to be base64: data:video/mp4;base64,…", p->type);
	struct chat_video v = {.data = (size_t)strtoul(digits, NULL, 10)};
	if (v.data >= n_data)
		return err_set(err, ERR_ARG, "a %s part names data that was not sent", p->type);
	bool video = mark == type || strncasecmp(type, "video/", 6) == 0 ||
	             strncasecmp(type, "application/octet-stream", 24) == 0;
	if (!video)
		return err_set(err, ERR_UNSUPPORTED, "a %s part has to be a video, not %.*s", p->type,
		               (int)(mark - type < 60 ? mark - type : 60), type);
	return add_video(q, &v, p->name, err);
}

static int add_part(struct chat_request *q, const struct part *p, size_t n_data, struct err *err)
{
	const char *where = *p->url ? p->url : p->data;
	if (strncasecmp(where, "data:", 5) == 0)
		return add_data(q, p, where, n_data, err);
	if (*p->data && !*p->url)
		return err_set(err, ERR_ARG, "the data of a %s part is not a video in base64", p->type);
	if (strncasecmp(where, "http://", 7) != 0 && strncasecmp(where, "https://", 8) != 0)
		return err_set(err, ERR_ARG,
		               "a %s part needs a video: as data (data:video/mp4;base64,…) or by its "
		               "address (https://…)",
		               p->type);
	if (strlen(where) > URL_MAX)
		return err_set(err, ERR_ARG, "the address of a video has at most %d bytes", URL_MAX);
	struct chat_video v = {.url = (char *)where};
	return add_video(q, &v, p->name, err);
}

static const char *first_text(const json_t *o, const char *const *keys)
{
	for (; *keys; keys++)
		if (*json_text(o, *keys))
			return json_text(o, *keys);
	return "";
}

/* The parts that carry a video: {"type": T, T: {"url"…}}, {"type": T, T: "…"},
 * and those whose members are in the part itself. */
static int read_video(struct chat_request *q, const json_t *part, const char *type, size_t n_data,
                      struct err *err)
{
	static const char *const urls[] = {"url", "file_url", "video_url", NULL};
	static const char *const datas[] = {"data", "file_data", NULL};
	static const char *const names[] = {"filename", "name", NULL};
	const json_t *inner = json_object_get(part, type), *o = json_is_object(inner) ? inner : part;
	struct part p = {.type = type, .url = first_text(o, urls), .data = first_text(o, datas)};
	p.name = first_text(o, names);
	if (json_is_string(inner))
		p.url = json_string_value(inner);
	if (json_is_array(inner))
		return err_set(err, ERR_UNSUPPORTED,
		               "a list of pictures is not a video: send the video itself");
	if (!*p.url && !*p.data && *json_text(o, "file_id"))
		return err_set(err, ERR_UNSUPPORTED,
		               "this server has no files of that kind: name a video in \"model\" "
		               "(GET /v1/models lists them)");
	return add_part(q, &p, n_data, err);
}

static int read_part(struct chat_request *q, const json_t *part, size_t n_data, struct buf *text,
                     struct err *err)
{
	static const char *const videos[] = {"video_url", "input_video", "video",
	                                     "file",      "input_file",  NULL};
	const char *type = json_text(part, "type");
	AUTO(mem_freep) char *shown = text_line(type, 60);
	if (text_one_of(type, videos))
		return read_video(q, part, type, n_data, err);
	if (strcmp(type, "text") != 0 && strcmp(type, "input_text") != 0)
		return err_set(err, ERR_UNSUPPORTED,
		               "a part of type \"%s\" is not supported; there are text, video_url, "
		               "input_video, video and file",
		               shown);
	if (text->len)
		buf_adds(text, "\n");
	buf_adds(text, json_text(part, "text"));
	return 0;
}

/* ---- messages */

static int read_content(struct chat_request *q, const json_t *content, size_t n_data,
                        struct buf *text, struct err *err)
{
	size_t i;
	json_t *part;
	if (json_is_string(content)) {
		buf_adds(text, json_string_value(content));
		return 0;
	}
	if (!json_is_array(content))
		return err_set(err, ERR_ARG,
		               "\"content\" of a message has to be a text or a list of parts");
	json_array_foreach (content, i, part) {
		int r = read_part(q, part, n_data, text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What an assistant said before: the parts that are text. */
static void read_said(const json_t *content, struct buf *text)
{
	size_t i;
	json_t *part;
	if (json_is_string(content))
		buf_adds(text, json_string_value(content));
	json_array_foreach (content, i, part)
		buf_adds(text, json_text(part, "text"));
}

/* `said`: the text of the last message of the assistant so far; owned. */
static int read_message(struct chat_request *q, const json_t *m, size_t n_data, char **said,
                        struct err *err)
{
	static const char *const roles[] = {"system", "developer", "tool", "function", NULL};
	AUTO(buf_free) struct buf text = BUF(TEXT_MAX);
	const char *role = json_text(m, "role");
	const json_t *content = json_object_get(m, "content");
	if (strcmp(role, "assistant") == 0) {
		read_said(content, &text);
		free(*said);
		*said = mem_strdup(buf_str(&text));
		return 0;
	}
	if (text_one_of(role, roles)) /* has no part in a question about videos */
		return 0;
	if (strcmp(role, "user") != 0)
		return err_set(err, ERR_ARG,
		               "\"role\" of a message has to be user, assistant, system or developer");
	int r = read_content(q, content, n_data, &text, err);
	if (r < 0)
		return r;
	free(q->asked);
	free(q->said);
	q->asked = q->question ? q->question : mem_strdup("");
	q->said = mem_strdup(*said ? *said : "");
	q->question = mem_strdup(buf_str(&text));
	return 0;
}

static int read_messages(struct chat_request *q, const json_t *list, size_t n_data, struct err *err)
{
	AUTO(mem_freep) char *said = NULL;
	size_t i;
	json_t *m;
	if (!json_is_array(list) || !json_array_size(list))
		return err_set(err, ERR_ARG, "\"messages\" has to be a list with at least one message");
	if (json_array_size(list) > CHAT_TURNS_MAX)
		return err_set(err, ERR_ARG, "a request has at most %d messages", CHAT_TURNS_MAX);
	json_array_foreach (list, i, m) {
		int r = read_message(q, m, n_data, &said, err);
		if (r < 0)
			return err_wrap(err, "messages[%zu]", i);
	}
	if (!q->question || !q->question[strspn(q->question, " \t\r\n")])
		return err_set(err, ERR_ARG,
		               "there is no question: the last message of the user has no text");
	return 0;
}

/* ---- the rest */

static int read_model(struct chat_request *q, const json_t *body, struct err *err)
{
	const char *model = json_text(body, "model");
	q->model = text_line(model, 300);
	bool bare = strcmp(model, "vdet") == 0;
	if (!bare && strncmp(model, "vdet/", 5) != 0)
		return err_set(
			err, ERR_NOENT,
			"no model \"%s\": there is vdet, and vdet/NAME for each video (GET /v1/models "
			"lists them)",
			q->model);
	q->about = mem_strdup(bare ? "" : model + 5);
	return 0;
}

static int read_flag(const json_t *o, const char *key, bool *ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);
	if (v && !json_is_boolean(v) && !json_is_null(v))
		return err_set(err, ERR_ARG, "\"%s\" has to be true or false", key);
	*ret = json_is_true(v);
	return 0;
}

/* What would change the answer in a way that is not possible. */
static int check_wishes(const json_t *body, struct err *err)
{
	const json_t *n = json_object_get(body, "n"),
				 *format = json_object_get(body, "response_format");
	const char *type = json_text(format, "type");
	if (n && !json_is_null(n) && json_integer_value(n) != 1)
		return err_set(err, ERR_UNSUPPORTED, "\"n\" has to be 1: a question has one answer");
	if (*type && strcmp(type, "text") != 0)
		return err_set(err, ERR_UNSUPPORTED,
		               "\"response_format\" has to be text; the member \"vdet\" of the reply has "
		               "the answer as an object");
	return 0;
}

static int read_own(struct chat_request *q, const json_t *own, struct err *err)
{
	static const char *const keys[] = {"thorough", "again", "budget", NULL};
	const json_t *budget = json_object_get(own, "budget");
	if (own && !json_is_object(own) && !json_is_null(own))
		return err_set(err, ERR_ARG, "\"vdet\" has to be an object");
	const char *unknown = json_is_object(own) ? json_unknown_key(own, keys) : NULL;
	if (unknown) {
		AUTO(mem_freep) char *shown = text_line(unknown, 60);
		return err_set(err, ERR_ARG,
		               "\"vdet\" has no member \"%s\"; there are thorough, again and budget",
		               shown);
	}
	if (budget && !json_is_string(budget))
		return err_set(err, ERR_ARG, "\"budget\" has to be a text such as 60s or 40ktok");
	q->budget = mem_strdup(json_text(own, "budget"));
	int r = read_flag(own, "thorough", &q->thorough, err);
	return r < 0 ? r : read_flag(own, "again", &q->again, err);
}

int chat_request_read(const json_t *body, size_t n_data, struct chat_request *ret, struct err *err)
{
	AUTO(chat_request_clear) struct chat_request q = {0};
	int r = read_model(&q, body, err);
	if (r == 0)
		r = check_wishes(body, err);
	if (r == 0)
		r = read_flag(body, "stream", &q.stream, err);
	if (r == 0)
		r = read_flag(json_object_get(body, "stream_options"), "include_usage", &q.usage, err);
	if (r == 0)
		r = read_own(&q, json_object_get(body, "vdet"), err);
	if (r == 0)
		r = read_messages(&q, json_object_get(body, "messages"), n_data, err);
	if (r < 0)
		return r;
	*ret = q;
	q = (struct chat_request){0};
	return 0;
}
