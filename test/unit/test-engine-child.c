/* SPDX-License-Identifier: Apache-2.0 */
/* A real llama-server as our child, with the demo model. Skipped if no
 * llama-server is found. */
#include "engine-help.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#include "world/draw.h"

#define DEMO VDET_SOURCE_ROOT "/model/weights"
#define PICTURES 4

static char dir[] = "/tmp/vdet-child-XXXXXX";
static char *runtime;
static struct buf pictures[PICTURES];

/* An answer that takes a while, whatever the model is. */
static const char long_schema[] = "{\"type\":\"array\",\"minItems\":100,"
								  "\"items\":{\"type\":\"string\",\"pattern\":\"^[a-z]{6}$\"}}";

struct session {
	struct engine_options o;
	struct cancel *cancel, *own;
	struct engine *e;
	struct chat_result r;
	struct err err;
	bool kill_once, cancel_once;
	int notes;
	int64_t fired;
};

static void note(void *ctx, const char *what)
{
	(void)what;
	((struct session *)ctx)->notes++;
}

static void begin(struct session *s)
{
	*s = (struct session){.cancel = cancel_new(), .own = cancel_new()};
	options_init(&s->o);
}

static int start(struct session *s)
{
	AUTO(mem_freep) char *log = mem_printf("%s/log/engine.log", dir);
	AUTO(mem_freep) char *models = mem_printf("%s/models", dir);
	const struct engine_places places = {
		.models_dir = models, .demo_dir = DEMO, .runtime_dir = runtime, .log_path = log};
	int r = engine_new(&s->o, &places, s->cancel, &s->e, &s->err);
	return r < 0 ? r : engine_start(s->e, note, s, &s->err);
}

static void started(struct session *s)
{
	begin(s);
	if (start(s) < 0)
		fail_msg("%s", s->err.msg);
}

static void end(struct session *s)
{
	engine_free(s->e);
	chat_result_clear(&s->r);
	options_clear(&s->o);
	cancel_free(s->cancel);
	cancel_free(s->own);
}

/* The llama-server that is a child of process `parent`, or 0. */
static pid_t server_of(pid_t parent)
{
	DIR *d = opendir("/proc");
	pid_t found = 0;
	for (const struct dirent *de; !found && (de = readdir(d));) {
		int pid = (int)strtol(de->d_name, NULL, 10), ppid = 0;
		AUTO(mem_freep) char *path = mem_printf("/proc/%d/stat", pid);
		FILE *f = pid > 0 ? fopen(path, "r") : NULL;
		char state = 0;
		/* The name in parentheses is the loader's or the program's, without
		 * spaces in both cases. */
		if (f && fscanf(f, "%*d %*s %c %d", &state, &ppid) == 2 && ppid == parent && state != 'Z')
			found = pid;
		if (f)
			fclose(f);
	}
	closedir(d);
	return found;
}

static void progress(void *ctx, const struct chat_progress *p)
{
	struct session *s = ctx;
	if (p->phase != CHAT_DECODE || !p->output_tokens)
		return;
	if (s->kill_once) {
		s->kill_once = false;
		assert_ok(kill(server_of(getpid()), SIGKILL));
	}
	if (s->cancel_once) {
		s->cancel_once = false;
		s->fired = clock_now();
		cancel_fire(s->own);
	}
}

static int ask(struct session *s, int picture, const char *schema, int max_tokens)
{
	AUTO(chat_freep) struct chat *c = chat_new();
	chat_text(c, "Frame 1 at 00:00:01.000:\n");
	if (picture >= 0)
		assert_ok(chat_jpeg(c, pictures[picture].data, pictures[picture].len, &s->err));
	chat_text(c, "\nDescribe this stretch as JSON.");
	if (schema)
		chat_schema(c, "answer", schema);
	chat_max_tokens(c, max_tokens);
	chat_set_cancel(c, s->own);
	chat_result_clear(&s->r);
	return engine_chat(s->e, c, progress, s, &s->r, &s->err);
}

static void must(struct session *s, int result)
{
	if (result < 0)
		fail_msg("%s", s->err.msg);
}

static void pictures_change_the_answer(void **state)
{
	(void)state;
	struct session s;
	started(&s);
	const struct engine_info *i = engine_info(s.e);
	assert_true(i->demo_model);
	assert_string_equal(i->model, "demo");
	assert_int_equal(strlen(i->model_hash), 64);
	assert_true(*i->version);
	assert_true(i->context >= 2048 && i->images);
	assert_true(s.notes >= 2);
	char *texts[PICTURES];
	for (int k = 0; k < PICTURES; k++) {
		must(&s, ask(&s, k, NULL, 200));
		texts[k] = mem_strdup(s.r.text);
		assert_true(s.r.prompt_tokens > 10 && s.r.prefill_rate > 0 && s.r.decode_rate > 0);
		assert_string_equal(s.r.model, "demo");
	}
	int differ = 0;
	for (int k = 1; k < PICTURES; k++)
		differ += strcmp(texts[k], texts[0]) != 0;
	assert_true(differ >= 2);
	/* The same again gives the same, now from the cache. */
	must(&s, ask(&s, 0, NULL, 200));
	assert_string_equal(s.r.text, texts[0]);
	must(&s, ask(&s, 0, NULL, 200));
	assert_true(s.r.cached_tokens > 0);
	for (int k = 0; k < PICTURES; k++)
		free(texts[k]);
	end(&s);
}

static void schemas_and_lengths_are_kept(void **state)
{
	(void)state;
	struct session s;
	started(&s);
	must(&s, ask(&s, 0,
	             "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":3,"
	             "\"maximum\":3}},\"required\":[\"n\"],\"additionalProperties\":false}",
	             200));
	assert_string_equal(s.r.finish_reason, "stop");
	json_t *j = json_loads(s.r.text, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(j, "n")), 3);
	json_decref(j);
	must(&s, ask(&s, -1, long_schema, 20));
	assert_string_equal(s.r.finish_reason, "length");
	assert_int_equal(s.r.output_tokens, 20);
	/* Its own words come through. */
	assert_int_equal(ask(&s, 0, "{\"type\":\"nonsense\"}", 20), -ERR_ENGINE);
	assert_non_null(strstr(s.err.msg, "HTTP 400"));
	end(&s);
}

static void a_long_prompt_is_a_limit(void **state)
{
	(void)state;
	struct session s;
	started(&s);
	AUTO(chat_freep) struct chat *c = chat_new();
	for (int i = 0; i < 400; i++) {
		chat_text(c, "Frame at 00:00:01.000: red square ");
		assert_ok(chat_jpeg(c, pictures[0].data, pictures[0].len, &s.err));
	}
	assert_int_equal(engine_chat(s.e, c, NULL, NULL, &s.r, &s.err), -ERR_LIMIT);
	assert_non_null(strstr(s.err.msg, "tokens"));
	end(&s);
}

static void a_killed_server_answers_all_the_same(void **state)
{
	(void)state;
	struct session s;
	started(&s);
	for (int i = 1; i <= 3; i++) {
		s.kill_once = true;
		must(&s, ask(&s, 0, long_schema, 400));
		assert_false(s.kill_once);
		assert_int_equal(s.r.attempts, 2);
		assert_int_equal(engine_restarts(s.e), i);
	}
	/* Between two requests it is noticed, too. */
	assert_ok(kill(server_of(getpid()), SIGKILL));
	must(&s, ask(&s, 0, NULL, 50));
	end(&s);
	assert_int_equal(server_of(getpid()), 0);
}

static void cancel_frees_the_slot_at_once(void **state)
{
	(void)state;
	struct session s;
	begin(&s);
	s.o.slots = 1;
	must(&s, start(&s));
	s.cancel_once = true;
	assert_int_equal(ask(&s, 0, long_schema, 2000), -ERR_CANCELED);
	assert_true(clock_now() - s.fired < CLOCK_SECOND);
	struct cancel *used = s.own;
	s.own = cancel_new();
	int64_t begun = clock_now();
	must(&s, ask(&s, 0, NULL, 5));
	assert_true(clock_now() - begun < 5 * CLOCK_SECOND);
	cancel_free(used);
	/* Stopping does not wait for anything. */
	begun = clock_now();
	end(&s);
	assert_true(clock_now() - begun < 5 * CLOCK_SECOND);
}

static void bad_starts_say_why(void **state)
{
	(void)state;
	struct session s;
	begin(&s);
	set_string(&s.o.server, "/nonexistent/llama-server");
	assert_int_equal(start(&s), -ERR_NOENT);
	set_string(&s.o.server, "/bin/false");
	assert_int_equal(start(&s), -ERR_ENGINE);
	assert_non_null(strstr(s.err.msg, "llama-server ended with status 1 before it was ready"));
	engine_free(s.e);
	s.e = NULL;

	/* Never ready. */
	AUTO(mem_freep) char *script = mem_printf("%s/sleeper", dir);
	FILE *f = fopen(script, "w");
	fputs("#!/bin/sh\necho here I am\nexec sleep 1000\n", f);
	fchmod(fileno(f), 0755);
	fclose(f);
	set_string(&s.o.server, script);
	s.o.start_timeout = CLOCK_SECOND;
	assert_int_equal(start(&s), -ERR_TIMEOUT);
	assert_non_null(strstr(s.err.msg, "--start-timeout"));
	assert_int_equal(server_of(getpid()), 0);
	engine_free(s.e);
	s.e = NULL;
	s.o.start_timeout = 60 * CLOCK_SECOND;
	set_string(&s.o.server, "");

	/* A file that looks like a model but is none that the server knows. */
	AUTO(mem_freep) char *model = mem_printf("%s/odd.gguf", dir);
	AUTO(mem_freep) char *projector = mem_printf("%s/mmproj-odd.gguf", dir);
	AUTO(buf_free) struct buf b = BUF((size_t)1 << 30);
	assert_ok(file_read(DEMO "/demo.gguf", &b, &s.err));
	char *arch = memmem(b.data, b.len, "llama", 5);
	assert_non_null(arch);
	memcpy(arch, "llamx", 5);
	assert_ok(file_write(model, b.data, b.len, &s.err));
	buf_clear(&b);
	assert_ok(file_read(DEMO "/mmproj-demo.gguf", &b, &s.err));
	assert_ok(file_write(projector, b.data, b.len, &s.err));
	set_string(&s.o.model, model);
	assert_int_equal(start(&s), -ERR_ENGINE);
	assert_non_null(strstr(s.err.msg, "unknown model architecture: 'llamx'"));
	end(&s);
}

/* The role that the next test's victim plays: starts an engine, prints its pid,
 * and waits to be killed. */
static int play_parent(void)
{
	struct session s;
	begin(&s);
	if (start(&s) < 0)
		return 1;
	printf("%d\n", (int)server_of(getpid()));
	fflush(stdout);
	pause();
	return 0;
}

static int folders(void)
{
	DIR *d = opendir(dir);
	int n = 0;
	for (const struct dirent *de; (de = readdir(d));)
		n += !strncmp(de->d_name, "vdet-engine-", 12);
	closedir(d);
	return n;
}

static void the_server_dies_with_its_parent(void **state)
{
	(void)state;
	int out[2];
	assert_ok(pipe2(out, O_CLOEXEC));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		execl("/proc/self/exe", "test", "parent", runtime, dir, NULL);
		_exit(127);
	}
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	int server = 0;
	assert_int_equal(fscanf(f, "%d", &server), 1);
	fclose(f);
	assert_true(server > 0);
	assert_int_equal(folders(), 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* It is not our child: a descriptor reports its end. One that is gone
	 * already can no longer be opened. */
	int end_fd = (int)syscall(SYS_pidfd_open, server, 0);
	struct pollfd p = {.fd = end_fd, .events = POLLIN};
	assert_true(end_fd >= 0 ? poll(&p, 1, 60000) == 1 : errno == ESRCH);
	if (end_fd >= 0)
		close(end_fd);
	/* Its folder is left, until the next one starts. */
	assert_int_equal(folders(), 1);
	struct session s;
	started(&s);
	assert_int_equal(folders(), 1);
	end(&s);
	assert_int_equal(folders(), 0);
}

static void the_log_is_kept(void **state)
{
	(void)state;
	AUTO(mem_freep) char *log = mem_printf("%s/log/engine.log", dir);
	AUTO(buf_free) struct buf b = BUF((size_t)100 << 20);
	struct err err;
	struct stat st;
	assert_ok(file_read(log, &b, &err));
	assert_non_null(strstr(buf_str(&b), "vdet: starting"));
	assert_non_null(strstr(buf_str(&b), "model loaded"));
	assert_null(strstr(buf_str(&b), "API_KEY"));
	assert_ok(stat(log, &st));
	assert_int_equal(st.st_mode & 077, 0);
}

/* Scenes of the demo world: of other pictures the demo model would only say
 * that it does not know them. */
static void draw_pictures(void)
{
	enum { WIDTH = 320, HEIGHT = 180 };
	static const char head[] = "P6 320 180 255\n";
	static uint8_t file[sizeof head - 1 + WIDTH * HEIGHT * 3];
	AUTO(mem_freep) char *ppm = mem_printf("%s/scene.ppm", dir);
	struct err err;
	memcpy(file, head, sizeof head - 1);
	for (int i = 0; i < PICTURES; i++) {
		struct world_options o;
		char msg[200];
		AUTO(mem_freep)
		char *settings = mem_printf("seed=%d duration=60 events=600 hour=12", i + 1);
		world_options_default(&o);
		if (world_options_parse(&o, settings, msg, sizeof msg) < 0)
			abort();
		struct world *w = world_new(&o, msg, sizeof msg);
		struct draw *d = w ? draw_new(w, WIDTH, HEIGHT) : NULL;
		if (!d)
			abort();
		draw_frame(d, 30000000, file + sizeof head - 1, (size_t)WIDTH * 3);
		draw_free(d);
		world_free(w);
		AUTO(mem_freep) char *path = mem_printf("%s/%d.jpg", dir, i);
		pictures[i] = BUF(1 << 20);
		if (file_write(ppm, file, sizeof file, &err) < 0 ||
		    RUN("ffmpeg", "-v", "error", "-nostdin", "-i", ppm, "-q:v", "3", path) != 0 ||
		    file_read(path, &pictures[i], &err) < 0)
			abort();
	}
}

int main(int argc, char **argv)
{
	PLAY_ROLE(argc, argv);
	if (argc > 3 && !strcmp(argv[1], "parent")) {
		runtime = argv[2];
		memcpy(dir, argv[3], sizeof dir);
		return play_parent();
	}
	AUTO(mem_freep) char *data = file_data_dir();
	const char *named = getenv("VDET_RUNTIME_DIR");
	runtime = named ? mem_strdup(named) : file_join(data, "runtime");
	AUTO(mem_freep) char *ours = file_join(runtime, "llama-server");
	if (RUN("sh", "-c", "command -v llama-server >/dev/null") != 0 && access(ours, X_OK) != 0) {
		puts("skipped: no llama-server in PATH or set up by tools/setup engine");
		return 77;
	}
	if (!mkdtemp(dir))
		return 1;
	setenv("TMPDIR", dir, 1);
	unsetenv("XDG_RUNTIME_DIR");
	draw_pictures();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_change_the_answer),
		cmocka_unit_test(schemas_and_lengths_are_kept),
		cmocka_unit_test(a_long_prompt_is_a_limit),
		cmocka_unit_test(a_killed_server_answers_all_the_same),
		cmocka_unit_test(cancel_frees_the_slot_at_once),
		cmocka_unit_test(bad_starts_say_why),
		cmocka_unit_test(the_server_dies_with_its_parent),
		cmocka_unit_test(the_log_is_kept),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (int i = 0; i < PICTURES; i++)
		buf_free(&pictures[i]);
	free(runtime);
	return RUN("rm", "-rf", dir) ? 1 : failed;
}
