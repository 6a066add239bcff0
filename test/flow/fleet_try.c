/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and workers with trivial units, for tests:
 *   fleet_try head URL ID JOURNAL KEY=VALUE…  (JOURNAL: units that are done)
 *   fleet_try worker URL NAME KEY=VALUE…
 *   fleet_try liar URL HEAD acks|forges|fails|… takes units and is wrong
 *   fleet_try crowd URL HEAD WORKERS KEY=VALUE…  many on few connections
 *   fleet_try order URL HEAD state|drain|forget [NAME]
 *   fleet_try try URL
 *   fleet_try creds FOLDER HEAD NAME…
 * Each prints lines of JSON. SIGTERM cancels, SIGUSR1 drains, SIGUSR2 ends what
 * waits. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "fleet/creds.h"
#include "fleet/head.h"
#include "fleet/streams.h"
#include "fleet/worker.h"
#include "fleet_try.h"

enum { GIVER_STACK = 256 << 10 };

struct cancel *stop;
static struct cancel *drain, *go;
static char **values; /* KEY=VALUE… */
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static void on_signal(int number)
{
	cancel_fire(number == SIGUSR1 ? drain : number == SIGUSR2 ? go : stop);
}

static const char *value(const char *key, const char *otherwise)
{
	size_t n = strlen(key);
	for (char **v = values; *v; v++)
		if (!strncmp(*v, key, n) && (*v)[n] == '=')
			return *v + n + 1;
	return otherwise;
}

static int count_of(const char *key, int otherwise)
{
	const char *text = value(key, NULL);
	return text ? (int)strtol(text, NULL, 10) : otherwise;
}

void print(json_t *o)
{
	pthread_mutex_lock(&printing);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&printing);
	json_decref(o);
}

int fail(const struct err *e)
{
	print(json_pack("{s:s, s:s, s:s}", "event", "error", "code", err_code_name(e->code), "text",
	                e->msg));
	return 1;
}

struct fleet_options options(const char *url)
{
	int64_t ack_wait = 0, every = 0;

	clock_parse(value("ack_wait", "2"), &ack_wait, NULL);
	clock_parse(value("check_every", "60"), &every, NULL);
	return (struct fleet_options){.url = url,
	                              .creds = value("creds", NULL),
	                              .ca = value("ca", NULL),
	                              .ack_wait = ack_wait,
	                              .check_every = every};
}

/* ---- a head */

struct give {
	struct runner runner;
	const char *journal;
	int n, next, failed;
	char *done; /* by number */
	pthread_mutex_t lock;
};

static void read_journal(struct give *g)
{
	AUTO(buf_free) struct buf text = BUF(64 << 20);
	int number;

	file_read(g->journal, &text, NULL);
	for (const char *p = buf_str(&text); sscanf(p, "%d", &number) == 1; p++) {
		if (number >= 0 && number < g->n)
			g->done[number] = 1;
		p = strchr(p, '\n');
		if (!p)
			return;
	}
}

static void write_journal(struct give *g, int number, const struct runner_result *r)
{
	AUTO(mem_freep) char *line = mem_printf("%d %s %s\n", number, r->worker, r->body);
	pthread_mutex_lock(&g->lock);
	int fd = open(g->journal, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, strlen(line)) < 0 || fsync(fd))
		abort();
	close(fd);
	pthread_mutex_unlock(&g->lock);
}

static int next_number(struct give *g)
{
	int number = -1;
	pthread_mutex_lock(&g->lock);
	while (g->next < g->n && g->done[g->next])
		g->next++;
	if (g->next < g->n)
		number = g->next++;
	pthread_mutex_unlock(&g->lock);
	return number;
}

/* "do3=fail" is what unit 3 does, "do" what the others do. */
static char *body_of(int number)
{
	char key[32];

	snprintf(key, sizeof key, "do%d", number);
	json_t *o =
		json_pack("{s:i, s:s, s:i, s:s}", "n", number, "do", value(key, value("do", "sleep")), "ms",
	              count_of("ms", 50), "only", value("only", ""));
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

static bool is_right(int number, const char *body)
{
	json_auto_t *o = json_loads(body, 0, NULL);
	return json_integer_value(json_object_get(o, "square")) == (json_int_t)number * number;
}

static void give_one(struct give *g, int number)
{
	AUTO(mem_freep) char *id = mem_printf("job.chunk.%d", number);
	AUTO(mem_freep) char *body = body_of(number);
	AUTO(runner_result_clear) struct runner_result r = {0};
	struct err e = {0};
	struct runner_unit u = {.id = id,
	                        .kind = "chunk",
	                        .schema = count_of("schema", 1),
	                        .model = value("model", ""),
	                        .source = value("source", ""),
	                        .body = body};

	clock_parse(value("timeout", "0"), &u.timeout, NULL);
	for (;;) {
		if (g->runner.run(g->runner.ctx, &u, stop, &r, &e)) {
			pthread_mutex_lock(&g->lock);
			g->failed++;
			pthread_mutex_unlock(&g->lock);
			print(json_pack("{s:s, s:i, s:s, s:s}", "event", "failed", "n", number, "code",
			                err_code_name(e.code), "text", e.msg));
			return;
		}
		if (is_right(number, r.body))
			break;
		g->runner.reject(g->runner.ctx, id, "the square is wrong");
		runner_result_clear(&r);
	}
	if (!*value("unsettled", ""))
		write_journal(g, number, &r);
	print(json_pack("{s:s, s:i, s:s, s:I}", "event", "done", "n", number, "worker", r.worker,
	                "attempts", (json_int_t)r.attempts));
	if (!*value("unsettled", ""))
		g->runner.settle(g->runner.ctx, id);
}

static void *giver(void *arg)
{
	struct give *g = arg;

	for (int number; !cancel_fired(stop) && (number = next_number(g)) >= 0;)
		give_one(g, number);
	return NULL;
}

static int answer(void *ctx, const char *worker, const char *topic, const char *body,
                  char **ret_reply, struct err *err)
{
	(void)ctx;
	if (strcmp(topic, "address") != 0)
		return err_set(err, ERR_NOENT, "no topic %s", topic);
	*ret_reply = mem_printf("%s for %s", body, worker);
	return 0;
}

static int head_main(const char *url, const char *id, const char *journal)
{
	AUTO(fleet_head_freep) struct fleet_head *h = NULL;
	struct err e = {0};
	struct fleet_options o = options(url);
	struct fleet_head_hooks hooks = {.answer = answer};
	struct give g = {.journal = journal, .n = count_of("n", 10)};
	int n = count_of("threads", 8);
	AUTO(mem_freep) pthread_t *threads = mem_alloc((size_t)n, sizeof *threads);
	pthread_attr_t small;

	if (fleet_head_open(&o, id, &hooks, &h, &e))
		return fail(&e);
	print(json_pack("{s:s}", "event", "open"));
	g.runner = fleet_head_runner(h);
	g.done = mem_alloc((size_t)g.n + 1, 1);
	pthread_mutex_init(&g.lock, NULL);
	read_journal(&g);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, GIVER_STACK);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], &small, giver, &g))
			abort();
	pthread_attr_destroy(&small);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	print(json_pack("{s:s, s:i, s:i, s:o}", "event", "end", "failed", g.failed, "capacity",
	                g.runner.capacity(g.runner.ctx), "state", fleet_head_state(h)));
	free(g.done);
	return 0;
}

/* ---- a worker */

/* Without progress until the unit is given back. */
static int stall(struct fleet_token *t, struct err *err)
{
	while (!cancel_wait_until(fleet_token_cancel(t), NULL, INT64_MAX))
		;
	return err_set(err, ERR_CANCELED, "canceled");
}

static int sleep_for(struct fleet_token *t, int64_t ms, struct err *err)
{
	int64_t end = clock_now() + ms * 1000;

	while (clock_now() < end) {
		int64_t until = clock_now() + 20 * 1000;
		if (cancel_wait_until(fleet_token_cancel(t), NULL, until < end ? until : end))
			return err_set(err, ERR_CANCELED, "canceled");
		fleet_progress(t);
	}
	return 0;
}

static int do_unit(const char *name, const json_t *o, struct fleet_token *t, int *n,
                   struct err *err)
{
	const char *what = json_text(o, "do"), *only = json_text(o, "only");
	int64_t ms = json_integer_value(json_object_get(o, "ms"));

	*n = (int)json_integer_value(json_object_get(o, "n"));
	if (*only && strcmp(only, name) != 0)
		what = "sleep";
	if (!strcmp(what, "die"))
		kill(getpid(), SIGKILL);
	if (!strcmp(what, "fail"))
		return err_set(err, ERR_ENGINE, "unit %d cannot be done", *n);
	if (!strcmp(what, "refuse"))
		return err_set(err, ERR_UNSUPPORTED, "unit %d is of a newer version", *n);
	if (!strcmp(what, "lie"))
		*n += 1;
	if (!strcmp(what, "ask")) {
		AUTO(mem_freep) char *reply = NULL;
		int r = fleet_ask(t, "address", "where", &reply, err);
		if (r)
			return r;
		print(json_pack("{s:s, s:s}", "event", "reply", "text", reply));
	}
	if (!strcmp(what, "wait")) /* with progress, until SIGUSR2 */
		while (!cancel_fired(go))
			if (sleep_for(t, 50, err))
				return -ERR_CANCELED;
	return strcmp(what, "stall") ? sleep_for(t, ms, err) : stall(t, err);
}

static int work(void *ctx, const struct runner_unit *u, struct fleet_token *t,
                struct runner_result *ret, struct err *err)
{
	json_auto_t *o = json_loads(u->body, 0, NULL);
	int n = 0;

	print(json_pack("{s:s, s:s}", "event", "begin", "unit", u->id));
	int r = do_unit(ctx, o, t, &n, err);
	print(json_pack("{s:s, s:s, s:b}", "event", "end", "unit", u->id, "done", !r));
	if (r)
		return r;
	ret->body = mem_printf("{\"square\":%d}", n * n);
	return 0;
}

static bool holds(void *ctx, const char *source)
{
	(void)ctx;
	return !strcmp(source, value("holds", "-"));
}

static void said(void *ctx, const char *text)
{
	(void)ctx, print(json_pack("{s:s, s:s}", "event", "said", "text", text));
}

static int worker_main(const char *url, const char *name)
{
	struct err e = {0};
	const char *model = value("model", NULL);
	struct fleet_worker_options o = {.link = options(url),
	                                 .slots = count_of("slots", 2),
	                                 .models = &model,
	                                 .n_models = model ? 1 : 0,
	                                 .report = "{\"version\":\"test\"}",
	                                 .ctx = (void *)name,
	                                 .work = work,
	                                 .holds = holds,
	                                 .say = said};

	o.link.name = name;
	clock_parse(value("patience", "0"), &o.patience, NULL);
	if (fleet_worker_run(&o, drain, stop, &e))
		return fail(&e);
	print(json_pack("{s:s}", "event", "drained"));
	return 0;
}

/* ---- for the others */

/* As a worker of this name; 0 once the server has it. */
int send_result(struct link *l, const char *head, const char *worker, const struct wire_result *r,
                int number)
{
	AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
	char subject[WIRE_SUBJECT], id[RUNNER_MAX_ID + 32];
	uint64_t seq;
	bool twice;

	snprintf(subject, sizeof subject, "vdet.%s.result.%s.done", head, worker);
	snprintf(id, sizeof id, "%s:%d", r->id, number);
	wire_result_write(r, &text, NULL);
	return streams_publish(l, subject, id, &text, &seq, &twice, NULL);
}

/* ---- many workers, each of which does its unit at once */

struct crowd {
	const char *url, *head;
	char stream[STREAM_NAME], queue[WIRE_QUEUE];
	int first, n; /* workers that this thread plays */
};

static void say(struct link *l, const struct crowd *c, int worker, const char *what,
                const struct buf *text)
{
	char subject[WIRE_SUBJECT];

	snprintf(subject, sizeof subject, "vdet.%s.result.w%d.note.%s", c->head, worker, what);
	link_publish(l, subject, text->data, text->len, NULL);
}

static void beat_all(struct link *l, const struct crowd *c)
{
	for (int i = 0; i < c->n; i++) {
		AUTO(buf_free) struct buf text = BUF(WIRE_MAX);
		AUTO(wire_beat_clear) struct wire_beat b = {.slots = 1};
		snprintf(b.instance, sizeof b.instance, "%032d", c->first + i);
		if (!wire_beat_write(&b, &text, NULL))
			say(l, c, c->first + i, "beat", &text);
	}
}

static void do_now(struct link *l, const struct crowd *c, int worker, const natsMsg *m)
{
	AUTO(wire_unit_clear) struct wire_unit u = {0};
	AUTO(buf_free) struct buf start = BUF(4096);
	char name[FLEET_NAME_MAX + 1];
	struct wire_start s = {.delivery = 1};
	uint64_t seq;

	if (!wire_delivery(natsMsg_GetReply(m), &s.delivery, &seq) ||
	    wire_unit_read(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), &u, NULL))
		return;
	s.attempt = u.attempt;
	snprintf(s.id, sizeof s.id, "%s", u.id);
	memcpy(s.nonce, u.nonce, sizeof s.nonce);
	wire_start_write(&s, &start);
	say(l, c, worker, "start", &start);

	json_auto_t *o = json_loads(u.body, 0, NULL);
	json_int_t n = json_integer_value(json_object_get(o, "n"));
	AUTO(mem_freep) char *body = mem_printf("{\"square\":%lld}", (long long)(n * n));
	struct wire_result r = {.id = u.id, .body = body, .attempt = u.attempt, .delivery = s.delivery};
	memcpy(r.nonce, u.nonce, sizeof r.nonce);
	snprintf(name, sizeof name, "w%d", worker);
	if (!send_result(l, c->head, name, &r, worker))
		link_ack_sure(l, natsMsg_GetReply(m), NULL);
}

/* As much as the server sends to so many workers. */
static void listen_as_all(struct link *l, const struct crowd *c)
{
	char subject[WIRE_SUBJECT];
	natsSubscription *sub;

	snprintf(subject, sizeof subject, "vdet.%s.notice.all", c->head);
	for (int i = 0; i < c->n; i++)
		if (!natsConnection_SubscribeSync(&sub, l->nc, subject))
			natsSubscription_SetPendingLimits(sub, 1, -1); /* what is more is dropped */
}

static void *crowd_thread(void *arg)
{
	const struct crowd *c = arg;
	AUTO(link_freep) struct link *l = NULL;
	struct fleet_options o = options(c->url);
	AUTO(mem_freep) char *inbox = mem_printf("_vdet.crowd%d", c->first);
	struct puller puller;
	int64_t beat = 0;

	if (link_open(&o, inbox, &l, NULL) || puller_open(l, &puller, NULL))
		abort();
	listen_as_all(l, c);
	for (int i = 0; !cancel_fired(stop); i = (i + 1) % c->n) {
		AUTO(msg_freep) natsMsg *m = NULL;
		if (clock_now() >= beat) {
			beat_all(l, c);
			beat = clock_now() + 5 * CLOCK_SECOND;
		}
		if (!puller_take(&puller, c->stream, c->queue, 200, &m, NULL) && m)
			do_now(l, c, c->first + i, m);
	}
	puller_clear(&puller);
	return NULL;
}

static int crowd_main(const char *url, const char *head, int workers)
{
	struct crowd crowds[64];
	pthread_t threads[64];
	int n = count_of("links", 16);

	log_set_level(LOG_ERROR);
	n = n > 64 ? 64 : n > workers ? workers : n;
	for (int i = 0; i < n; i++) {
		crowds[i] = (struct crowd){.url = url, .head = head};
		crowds[i].first = workers * i / n;
		crowds[i].n = workers * (i + 1) / n - crowds[i].first;
		streams_units(head, crowds[i].stream);
		wire_queue("", "", crowds[i].queue);
		if (pthread_create(&threads[i], NULL, crowd_thread, &crowds[i]))
			abort();
	}
	print(json_pack("{s:s}", "event", "open"));
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static int order_main(const char *url, const char *head, const char *order, const char *worker)
{
	struct fleet_options o = options(url);
	struct err e = {0};
	json_t *state = NULL;

	if (fleet_head_order(&o, head, order, worker, &state, &e))
		return fail(&e);
	print(state);
	return 0;
}

static int creds_main(const char *folder, const char *head, char **names, size_t n)
{
	struct err e = {0};
	struct fleet_creds c = {.head = head,
	                        .workers = (const char *const *)names,
	                        .n_workers = n,
	                        .listen = getenv("LISTEN"),
	                        .store = getenv("STORE"),
	                        .cert = getenv("CERT"),
	                        .key = getenv("KEY")};

	return fleet_creds_write(folder, &c, &e) ? fail(&e) : 0;
}

int main(int argc, char **argv)
{
	struct err e = {0};

	log_set_level(LOG_DEBUG);
	stop = cancel_new();
	drain = cancel_new();
	go = cancel_new();
	struct sigaction on = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigaction(SIGTERM, &on, NULL);
	sigaction(SIGUSR1, &on, NULL);
	sigaction(SIGUSR2, &on, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (argc < 3)
		return 2;
	values = argv + (argc > 5 ? 5 : argc);
	if (!strcmp(argv[1], "head") && argc > 4)
		return head_main(argv[2], argv[3], argv[4]);
	values = argv + (argc > 4 ? 4 : argc);
	if (!strcmp(argv[1], "worker") && argc > 3)
		return worker_main(argv[2], *argv[3] ? argv[3] : NULL);
	if (!strcmp(argv[1], "liar") && argc > 4)
		return liar_main(argv[2], argv[3], argv[4]);
	if (!strcmp(argv[1], "crowd") && argc > 4)
		return crowd_main(argv[2], argv[3], (int)strtol(argv[4], NULL, 10));
	if (!strcmp(argv[1], "order") && argc > 4)
		return order_main(argv[2], argv[3], argv[4], argc > 5 ? argv[5] : NULL);
	if (!strcmp(argv[1], "creds") && argc > 3)
		return creds_main(argv[2], argv[3], argv + 4, (size_t)argc - 4);
	values = argv + 3;
	struct fleet_options o = options(argv[2]);
	return strcmp(argv[1], "try") ? 2 : fleet_try(&o, &e) ? fail(&e) : 0;
}
