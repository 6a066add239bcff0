/* SPDX-License-Identifier: Apache-2.0 */
/* Figures for Prometheus. */
#include "net/api/api.h"
#include "net/api/handlers.h"

static void metric(struct buf *b, const char *name, const char *type, const char *help,
                   double value)
{
	buf_addf(b, "# HELP vdet_%s %s\n# TYPE vdet_%s %s\nvdet_%s %.15g\n", name, help, name, type,
	         name, value);
}

static void board_metrics(const struct board_figures *f, struct buf *b)
{
	const struct {
		const char *state;
		int64_t n;
	} jobs[] = {{"queued", f->queued}, {"running", f->running}, {"paused", f->paused},
	            {"done", f->done},     {"holes", f->holes},     {"failed", f->failed}};
	metric(b, "videos", "gauge", "Videos on the board.", (double)f->videos);
	buf_adds(b, "# HELP vdet_jobs Jobs by state.\n# TYPE vdet_jobs gauge\n");
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		buf_addf(b, "vdet_jobs{state=\"%s\"} %lld\n", jobs[i].state, (long long)jobs[i].n);
	metric(b, "chunks_done_total", "counter", "Chunks described by this run.",
	       (double)f->chunks_done);
	metric(b, "chunks_holes_total", "counter", "Chunks that failed in this run.",
	       (double)f->chunks_holes);
	metric(b, "prefill_tokens_per_second", "gauge", "Of the running jobs.", f->prefill_rate);
	metric(b, "decode_tokens_per_second", "gauge", "Of the running jobs.", f->decode_rate);
	metric(b, "engine_slots", "gauge", "Requests that the engine works on at once.",
	       (double)f->slots);
	metric(b, "engine_busy_seconds_total", "counter", "Time with a request in flight.",
	       (double)f->busy_time / 1e6);
	metric(b, "disk_free_bytes", "gauge", "Free where the server keeps its files.",
	       (double)f->disk_free);
	metric(b, "disk_used_bytes", "gauge", "Used by the server's own files.", (double)f->disk_used);
	metric(b, "pool_waiting", "gauge", "Work that waits for a thread of the board.",
	       (double)f->waiting);
}

/* One metric of each GPU; values that a GPU does not report are left out. */
static void gpu_metric(const json_t *gpus, const char *key, const char *name, const char *help,
                       struct buf *b)
{
	size_t i;
	json_t *g;
	bool any = false;
	json_array_foreach (gpus, i, g) {
		const json_t *v = json_object_get(g, key);
		const char *model = json_string_value(json_object_get(g, "name"));
		double value = json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
		if (!json_is_number(v) && !json_is_boolean(v))
			continue;
		if (!any)
			buf_addf(b, "# HELP vdet_gpu_%s %s\n# TYPE vdet_gpu_%s gauge\n", name, help, name);
		any = true;
		buf_addf(b, "vdet_gpu_%s{gpu=\"%zu\",model=\"", name, i);
		for (const char *p = model ? model : ""; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_adds(b, "\\");
			buf_add(b, p, 1);
		}
		buf_addf(b, "\"} %.15g\n", value);
	}
}

static void gpu_metrics(const struct api *api, struct buf *b)
{
	json_auto_t *all = api->performance ? api->performance(api->performance_ctx) : NULL;
	const json_t *gpus = json_object_get(json_object_get(all, "now"), "gpu");
	gpu_metric(gpus, "memory_used", "memory_used_bytes", "Memory in use.", b);
	gpu_metric(gpus, "memory_total", "memory_total_bytes", "Memory there is.", b);
	gpu_metric(gpus, "memory_peak", "memory_peak_bytes",
	           "The most that was in use since the server started.", b);
	gpu_metric(gpus, "load", "load_ratio", "Share of time that it was at work.", b);
	gpu_metric(gpus, "temperature", "temperature_celsius", "Temperature.", b);
	gpu_metric(gpus, "lost", "lost", "1 if it no longer answers.", b);
}

int handle_metrics(struct call *c, struct err *err)
{
	const struct api *api = c->ctx;
	struct board_figures f;
	struct http_counts *k = &api->http->counts;
	struct buf *b = &c->reply.body;
	(void)err;

	board_figures(api->board, &f);
	board_metrics(&f, b);
	gpu_metrics(api, b);
	if (api->fleet) {
		json_auto_t *view = api->fleet->view(api->fleet->ctx);
		fleet_metrics(view, b);
	}
	buf_adds(b, "# HELP vdet_http_responses_total Replies by class.\n"
	            "# TYPE vdet_http_responses_total counter\n");
	for (int i = 2; i < 6; i++)
		buf_addf(b, "vdet_http_responses_total{class=\"%dxx\"} %lld\n", i,
		         (long long)k->by_class[i]);

	metric(b, "http_requests_total", "counter", "Requests.", (double)k->requests);
	metric(b, "connections", "gauge", "Open connections.", (double)k->connections);
	metric(b, "connections_refused_total", "counter", "Connections beyond a limit.",
	       (double)k->refused);
	metric(b, "sockets", "gauge", "Open WebSockets.", (double)k->sockets);
	metric(b, "sockets_slow_total", "counter", "WebSockets closed because they were too slow.",
	       (double)k->slow_sockets);
	metric(b, "messages_total", "counter", "Messages sent by WebSocket.", (double)k->messages);
	metric(b, "sent_bytes_total", "counter", "Bytes sent.", (double)k->sent);
	metric(b, "received_bytes_total", "counter", "Bytes of bodies received.", (double)k->received);
	metric(b, "uploads", "gauge", "Unfinished uploads.", (double)uploads_count(api->uploads));
	metric(b, "work_waiting", "gauge", "Requests that wait for a thread.",
	       (double)http_waiting(api->http));

	c->reply.status = 200;
	c->reply.type = "text/plain; version=0.0.4; charset=utf-8";
	return 0;
}
