/* SPDX-License-Identifier: Apache-2.0 */
/* Which events are about one subject; numbers and edits by evidence. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "subjects/look.h"
#include "subjects/subjects-internal.h"
#include "subjects/subjects.h"

enum { MAX = 5000, FRAMES = 4 };

static struct subject_event events[MAX];
static int64_t frames[MAX][FRAMES];
static size_t n_events;

/* An event that cites four frames, or one. */
static void see(int64_t start, int64_t end, const char *description)
{
	struct subject_event *e = &events[n_events];
	*e = (struct subject_event){.start = start,
	                            .end = end,
	                            .description = description,
	                            .what = "",
	                            .frames = frames[n_events],
	                            .n_frames = end > start ? FRAMES : 1};
	for (int i = 0; i < FRAMES; i++)
		frames[n_events][i] = start + i * (end - start) / (FRAMES - 1);
	n_events++;
}

static struct subject_follow follows[4 * MAX];
static size_t n_follows;

static const struct subject_known *known;
static size_t n_known;

static struct subjects *made(void)
{
	struct subjects *s = subjects_make(events, n_events, follows, n_follows);
	subjects_number(s, known, n_known);
	return s;
}

static void print(const struct subjects *s, struct buf *b)
{
	for (size_t i = 0; i < s->n; i++) {
		int64_t possible[SUBJECT_POSSIBLE_MAX];
		bool more;
		const struct subject *x = &s->all[i];
		if (!x->n_events)
			continue;
		buf_addf(b, "%s%lld:", b->len ? "|" : "", (long long)x->number);
		for (size_t k = 0; k < x->n_events; k++)
			buf_addf(b, "%s%zu", k ? "+" : "", x->events[k]);
		size_t n = subjects_possible(s, i, possible, &more);
		for (size_t k = 0; k < n; k++)
			buf_addf(b, "%s%lld", k ? "," : " ?", (long long)possible[k]);
		buf_addf(b, "%s%s%s", more ? "…" : "", x->name ? " " : "", x->name ? x->name : "");
	}
}

/* The subjects as "1:0+3|2:1 ?1": number, events, what they may be, name. */
static void assert_subjects(const struct subjects *s, const char *want)
{
	AUTO(buf_free) struct buf b = BUF(1 << 20);
	print(s, &b);
	assert_string_equal(buf_str(&b), want);
}

/* And forgets the events. */
static void assert_made(const char *want)
{
	AUTO(subjects_freep) struct subjects *s = made();
	assert_subjects(s, want);
	n_events = n_follows = 0;
}

/* They meet at a border of chunks. */
static void may_follow(size_t earlier, size_t later)
{
	follows[n_follows++] = (struct subject_follow){earlier, later};
}

static void nothing_is_described(void **state)
{
	(void)state;
	static const char *const none[] = {"", " ", "...", "the", "It", "someone", "They", "nothing"};
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		AUTO(mem_freep) char *key = look_key(none[i]);
		assert_string_equal(key, "");
	}
	see(0, 10, "");
	see(20, 30, "someone");
	see(40, 50, "red car");
	assert_made("1:2");
}

/* ---- subjects */

static void one_look_is_one_subject(void **state)
{
	(void)state;
	see(0, 10, "a red car");
	see(5, 15, "blue bus");
	see(20, 30, "Red car, parked");
	see(30, 40, "the car that is red"); /* touches, does not overlap */
	see(50, 60, "blue buses");
	assert_made("1:0+2+3|2:1+4");
}

static void two_of_one_look_at_once_are_two(void **state)
{
	(void)state;
	see(0, 10, "red car");
	see(5, 15, "the red car");
	assert_made("1:0|2:1");
	see(0, 10, "red car");
	see(0, 10, "red car");
	assert_made("1:0|2:1");
	see(5, 5, "red car");
	see(5, 5, "red car");
	assert_made("1:0|2:1");
}

static void a_later_one_is_not_guessed(void **state)
{
	(void)state;
	see(0, 10, "red car");
	see(5, 15, "red car");
	see(20, 30, "red car");
	see(40, 50, "red car");
	assert_made("1:0|2:1|3:2 ?1,2|4:3 ?1,2,3");
	/* which of the two is the one before, is not known either */
	see(0, 10, "red car");
	see(20, 30, "red car");
	see(25, 35, "red car");
	assert_made("1:0|2:1 ?1|3:2 ?1");
}

static void a_less_precise_one_is_possibly_the_same(void **state)
{
	(void)state;
	see(0, 10, "red car");
	see(20, 30, "blue car");
	see(40, 50, "a car");
	see(60, 70, "old red car");
	assert_made("1:0|2:1|3:2 ?1,2|4:3 ?1,3");
	/* what is there at the same time is not */
	see(0, 10, "red car");
	see(5, 15, "a car");
	assert_made("1:0|2:1");
	/* nor is one of several */
	see(0, 10, "two men");
	see(20, 30, "man");
	assert_made("1:0|2:1");
}

static void what_goes_on_is_one_subject(void **state)
{
	(void)state;
	see(0, 10, "man in red");
	see(12, 20, "the man");
	see(22, 30, "person in a red jacket");
	see(50, 60, "man in a red jacket");
	may_follow(0, 1);
	may_follow(1, 2);
	assert_made("1:0+1+2|2:3");
	/* the most precise description counts, whatever was said first */
	see(0, 10, "the man");
	see(12, 20, "man in a red jacket");
	see(50, 60, "a man wearing a red jacket");
	may_follow(0, 1);
	assert_made("1:0+1+2");
	/* of a run each description has to agree, not only the next one */
	see(0, 10, "red car");
	see(12, 20, "the car");
	see(22, 30, "blue car");
	may_follow(0, 1);
	may_follow(1, 2);
	assert_made("1:0+1|2:2");
}

static void who_goes_on_is_not_guessed(void **state)
{
	(void)state;
	see(0, 10, "red car");
	see(0, 10, "old car");
	see(12, 20, "car");
	may_follow(0, 2);
	may_follow(1, 2);
	assert_made("1:0|2:1|3:2 ?1,2");
	see(0, 10, "car");
	see(12, 20, "red car");
	see(12, 20, "old car");
	may_follow(0, 1);
	may_follow(0, 2);
	assert_made("1:0|2:1 ?1|3:2 ?1");
	/* what cannot be the same leaves no doubt */
	see(0, 10, "red car");
	see(0, 10, "white dog");
	see(12, 20, "car");
	see(12, 20, "animal");
	for (size_t i = 0; i < 4; i++)
		may_follow(i / 2, 2 + i % 2);
	assert_made("1:0+2|2:1+3");
	/* nor does what begins earlier follow */
	see(0, 10, "red car");
	see(8, 20, "car");
	may_follow(0, 1);
	assert_made("1:0|2:1");
}

static void twins_go_on_apart(void **state)
{
	(void)state;
	see(0, 10, "red car");
	see(5, 10, "red car");
	see(12, 20, "red car"); /* one left: see story_stays() */
	may_follow(0, 2);
	assert_made("1:0+2|2:1");
	/* a frame in common at which one leaves, or comes */
	see(0, 10, "red car");
	see(10, 20, "red car");
	assert_made("1:0+1");
	see(0, 10, "red car");
	see(10, 20, "red car");
	events[0].leaves = true;
	assert_made("1:0|2:1");
	see(10, 10, "red car");
	see(10, 20, "red car");
	events[0].leaves = true;
	assert_made("1:0|2:1");
	see(0, 10, "red car");
	see(10, 20, "red car");
	events[1].comes = true;
	assert_made("1:0|2:1");
}

static unsigned seed;

static unsigned dice(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static const char *const looks[] = {
	"red car", "the car that is red", "a blue bus", "two men", "men", "man in a red jacket", "",
	"someone", "red truck",           "car"};

static void see_anything(size_t n)
{
	n_events = n_follows = 0;
	for (int64_t t = 0; n_events < n; t += (int64_t)dice(30)) {
		see(t, t + (int64_t)dice(12), looks[dice(ARRAY_LEN(looks))]);
		events[n_events - 1].comes = dice(4) == 0;
		events[n_events - 1].leaves = dice(4) == 0;
		for (size_t i = 1; i < 4 && i < n_events; i++)
			if (dice(2))
				may_follow(n_events - 1 - i, n_events - 1);
	}
	/* in order of start, then end */
	for (size_t i = 1; i < n_events; i++)
		if (events[i].start == events[i - 1].start && events[i].end < events[i - 1].end)
			return see_anything(n);
}

static void check_sense(const struct subjects *s)
{
	size_t in = 0;
	for (size_t i = 0; i < s->n; i++) {
		in += s->all[i].n_events;
		for (size_t k = 0; k < s->all[i].n_events; k++)
			assert_int_equal(s->of[s->all[i].events[k]], i);
		for (size_t k = 0; k < i && s->all[i].n_events; k++)
			if (s->all[k].n_events)
				assert_int_not_equal(s->all[k].number, s->all[i].number);
	}
	for (size_t i = 0; i < n_events; i++)
		in -= s->of[i] != SUBJECT_NONE;
	assert_int_equal(in, 0); /* each is in at most one */
}

static void check_rules(const struct subjects *s)
{
	check_sense(s);
	for (size_t i = 0; i < n_events; i++)
		for (size_t k = i + 1; k < n_events; k++)
			if (s->of[i] != SUBJECT_NONE && s->of[i] == s->of[k])
				assert_false(subjects_overlap(&events[i], &events[k]));
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->all[i].n_possible; k++) {
			const struct subject *a = &s->all[i], *b = &s->all[s->all[i].possible[k]];
			for (size_t p = 0; p < a->n_events * b->n_events; p++)
				assert_false(subjects_overlap(&events[a->events[p % a->n_events]],
				                              &events[b->events[p / a->n_events]]));
		}
}

static void overlap_is_never_one_subject(void **state)
{
	(void)state;
	seed = 3;
	for (int round = 0; round < 300; round++) {
		see_anything(1 + dice(60));
		AUTO(subjects_freep) struct subjects *s = made();
		check_rules(s);
	}
	n_events = n_follows = 0;
}

static size_t count_steps(size_t n, const char *const *said, size_t n_said, int64_t apart)
{
	n_events = 0;
	for (size_t i = 0; i < n; i++)
		see((int64_t)i * apart, (int64_t)i * apart + 10, said[i % n_said]);
	AUTO(subjects_freep) struct subjects *s = made();
	n_events = 0;
	return s->steps;
}

static void steps_grow_with_the_events(void **state)
{
	(void)state;
	static const char *const same[] = {"red car"};
	static const char *const some[] = {"car", "red car", "old red car", "blue car", "bus"};
	static char text[MAX][40];
	static const char *many[MAX];
	for (size_t i = 0; i < MAX; i++) {
		snprintf(text[i], sizeof text[i], i % 2 ? "car" : "x%zu car", i);
		many[i] = text[i];
	}
	for (int64_t apart = 5; apart <= 20; apart += 15) { /* all overlap, none does */
		assert_true(count_steps(MAX, same, 1, apart) < 40 * MAX);
		assert_true(count_steps(MAX, some, 5, apart) < 200 * MAX);
		assert_true(count_steps(MAX, many, MAX, apart) < 200 * MAX);
	}
}

/* ---- numbers */

struct kept {
	struct subject_known all[400];
	size_t n;
};

static void kept_clear(struct kept *k)
{
	for (size_t i = 0; i < k->n; i++) {
		free(k->all[i].description);
		free(k->all[i].frames);
	}
	k->n = 0;
	known = NULL;
	n_known = 0;
}

/* As the journal keeps them: what was given stays. */
static void keep(struct kept *k, const struct subjects *s)
{
	size_t n;
	struct subject_known *rows = subjects_known(s, &n);
	for (size_t i = 0; i < n; i++) {
		size_t at = 0;
		while (at < k->n && k->all[at].number != rows[i].number)
			at++;
		k->n += at == k->n;
		assert_true(k->n < ARRAY_LEN(k->all));
		free(k->all[at].description);
		free(k->all[at].frames);
		k->all[at] = rows[i];
		rows[i] = (struct subject_known){0};
	}
	subjects_known_free(rows, n);
	known = k->all;
	n_known = k->n;
}

static void numbers_stay_when_chunks_are_described_again(void **state)
{
	(void)state;
	AUTO(kept_clear) struct kept k = {.n = 0};
	see(100, 110, "blue bus");
	see(200, 210, "red car");
	AUTO(subjects_freep) struct subjects *first = made();
	keep(&k, first);
	assert_made("1:0|2:1");
	/* the hole before them is filled: its subjects get the next numbers */
	see(0, 10, "green van");
	see(50, 60, "the red car");
	see(100, 110, "blue bus");
	see(200, 210, "red car");
	AUTO(subjects_freep) struct subjects *second = made();
	keep(&k, second);
	assert_made("3:0|2:1+3|1:2");
	/* the bus is gone; what is new does not get its number */
	see(0, 10, "green van");
	see(100, 110, "white dog");
	see(200, 210, "red car");
	assert_made("3:0|4:1|2:2");
}

/* ---- edits */

static struct subject_edit edit_of(const struct subjects *s, int64_t id, enum subject_op op,
                                   const char *text, const int64_t *numbers, size_t n)
{
	struct subject_edit e = {.id = id, .op = op, .text = mem_strdup(text)};
	for (size_t i = 0; i < n; i++)
		subjects_cite(s, subjects_find(s, numbers[i]), i, &e);
	return e;
}

static void edits_apply_where_their_evidence_is_cited(void **state)
{
	(void)state;
	see(0, 10, "red car");
	see(20, 30, "blue bus");
	see(40, 50, "a man");
	see(60, 70, "red car");
	AUTO(subjects_freep) struct subjects *s = made();
	AUTO(subject_edit_clear)
	struct subject_edit name = edit_of(s, 1, SUBJECT_RENAME, "Bob", (int64_t[]){3}, 1);
	AUTO(subject_edit_clear)
	struct subject_edit merge = edit_of(s, 2, SUBJECT_MERGE, "", (int64_t[]){2, 1}, 2);
	AUTO(subject_edit_clear) struct subject_edit split = {.id = 3, .op = SUBJECT_SPLIT};
	split.text = mem_strdup("");
	subject_cite_event(&split, 1, &events[3]);
	assert_null(subjects_apply(s, &name));
	assert_null(subjects_apply(s, &merge));
	assert_null(subjects_apply(s, &split));
	assert_subjects(s, "2:0+1|3:2 Bob|4:3");

	/* another analysis, with other words and frames */
	n_events = 0;
	see(5, 15, "bicycle");
	see(20, 30, "Blue bus, parked");
	see(40, 50, "a bird");
	see(60, 70, "car that is red");
	AUTO(subjects_freep) struct subjects *other = made();
	assert_non_null(subjects_apply(other, &name));
	assert_null(subjects_apply(other, &merge));
	assert_null(subjects_apply(other, &split));
	assert_subjects(other, "1:0|2:1|3:2|5:3");
	n_events = n_follows = 0;
}

static void twins_differ_by_what_they_do(void **state)
{
	(void)state;
	see(0, 10, "red car");
	see(0, 10, "red car");
	events[0].what = "It turns left.";
	events[1].what = "It turns right.";
	AUTO(subjects_freep) struct subjects *s = made();
	AUTO(subject_edit_clear)
	struct subject_edit name = edit_of(s, 1, SUBJECT_RENAME, "B", (int64_t[]){2}, 1);
	assert_null(subjects_apply(s, &name));
	assert_subjects(s, "1:0|2:1 B");
	/* where nothing differs, none is chosen */
	events[0].what = events[1].what;
	assert_non_null(subjects_apply(s, &name));
	n_events = n_follows = 0;
}

/* The known numbers, and the edits of one video, as they grow. */
struct history {
	struct kept kept;
	struct subject_edit edits[40];
	size_t n;
	int64_t next;
};

static struct subjects *replay(struct history *h)
{
	known = h->kept.all;
	n_known = h->kept.n;
	struct subjects *s = made();
	for (size_t i = 0; i < h->n; i++)
		subjects_apply(s, &h->edits[i]);
	return s;
}

/* A subject that there is. */
static int64_t any_number(const struct subjects *s)
{
	size_t i = dice((unsigned)s->n);
	while (!s->all[i].n_events)
		i = (i + 1) % s->n;
	return s->all[i].number;
}

static void edit_anything(struct history *h, const struct subjects *s)
{
	int64_t numbers[] = {any_number(s), any_number(s)};
	size_t one = subjects_find(s, numbers[0]);
	enum subject_op op = (enum subject_op)dice(SUBJECT_OPS);
	struct subject_edit e = {.op = op};
	if (op == SUBJECT_SPLIT) {
		e.text = mem_strdup("");
		subjects_cite(s, one, 0, &e);
		subject_cite_event(&e, 1, &events[s->all[one].events[0]]);
	} else {
		e = edit_of(s, 0, op, "name", numbers, op == SUBJECT_MERGE ? 2 : 1);
	}
	e.id = ++h->next;
	h->edits[h->n++] = e;
}

static void undo_is_identity(struct history *h)
{
	AUTO(subjects_freep) struct subjects *before = replay(h);
	AUTO(buf_free) struct buf was = BUF(1 << 20), is = BUF(1 << 20);
	if (!before->n)
		return;
	print(before, &was);
	edit_anything(h, before);
	AUTO(subjects_freep) struct subjects *edited = replay(h);
	check_sense(edited);
	keep(&h->kept, edited);
	if (dice(2)) {
		subject_edit_clear(&h->edits[--h->n]);
		AUTO(subjects_freep) struct subjects *after = replay(h);
		print(after, &is);
		assert_string_equal(buf_str(&is), buf_str(&was));
	}
}

/* Chunks are described again, and edited: a number that was given to one look
 * is never given to another one. */
static void numbers_are_never_used_again(void **state)
{
	(void)state;
	seed = 11;
	for (int round = 0; round < 60; round++) {
		struct history h = {0};
		char *look_of[400] = {0};
		for (int retry = 0; retry < 12 && h.kept.n < 300; retry++) {
			if (retry % 4 == 0)
				see_anything(1 + dice(20));
			known = h.kept.all;
			n_known = h.kept.n;
			AUTO(subjects_freep) struct subjects *s = made();
			for (size_t i = 0; i < s->n; i++) {
				char *key = mem_strdup(s->index->classes[s->all[i].look].key);
				char **was = &look_of[s->all[i].number];
				if (*was)
					assert_string_equal(*was, key);
				free(*was);
				*was = key;
			}
			keep(&h.kept, s);
			undo_is_identity(&h);
		}
		for (size_t i = 0; i < h.n; i++)
			subject_edit_clear(&h.edits[i]);
		for (size_t i = 0; i < ARRAY_LEN(look_of); i++)
			free(look_of[i]);
		kept_clear(&h.kept);
	}
	n_events = n_follows = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_described),
		cmocka_unit_test(one_look_is_one_subject),
		cmocka_unit_test(two_of_one_look_at_once_are_two),
		cmocka_unit_test(a_later_one_is_not_guessed),
		cmocka_unit_test(a_less_precise_one_is_possibly_the_same),
		cmocka_unit_test(what_goes_on_is_one_subject),
		cmocka_unit_test(who_goes_on_is_not_guessed),
		cmocka_unit_test(twins_go_on_apart),
		cmocka_unit_test(overlap_is_never_one_subject),
		cmocka_unit_test(steps_grow_with_the_events),
		cmocka_unit_test(numbers_stay_when_chunks_are_described_again),
		cmocka_unit_test(edits_apply_where_their_evidence_is_cited),
		cmocka_unit_test(twins_differ_by_what_they_do),
		cmocka_unit_test(numbers_are_never_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
