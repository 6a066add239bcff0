/* SPDX-License-Identifier: Apache-2.0 */
/* The demo world: a scenario that is generated from a seed, with its truth.
 *
 * A camera shows one of four places by day or night. Colored shapes enter,
 * stay, meet and leave; the place may change, the picture may drop out,
 * captions may be shown. What happens and when is known exactly, so that a
 * report about a video drawn from it (draw.h, sound.h) can be scored, and the
 * demo model can be trained on it.
 *
 * Pure C and libm; deterministic: the same options give the same world on every
 * machine. A world is not modified after it was made, so any number of threads
 * may use it. Nothing blocks. Times are int64 microseconds from the start.
 * Positions are fractions of the picture: x of its width, y and sizes of its
 * height. */
#ifndef VDET_WORLD_H
#define VDET_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dial.h"

enum world_color {
	WORLD_RED,
	WORLD_GREEN,
	WORLD_BLUE,
	WORLD_YELLOW,
	WORLD_WHITE,
	WORLD_PURPLE,
	WORLD_COLORS
};
enum world_shape { WORLD_CIRCLE, WORLD_SQUARE, WORLD_TRIANGLE, WORLD_SHAPES };
enum world_place { WORLD_STREET, WORLD_GRASS, WORLD_WATER, WORLD_ROOM, WORLD_PLACES };
/* NOWHERE: it appears or disappears in place */
enum world_side { WORLD_LEFT, WORLD_RIGHT, WORLD_NOWHERE };

enum world_subjects {
	/* each event has a subject of its own, and no two in view look the same */
	WORLD_PLAIN,
	/* Few subjects, which come again and again: some are two of one look, in
	 * view at once, and some change their color, in view or in between. */
	WORLD_HARD,
};

enum world_verb {
	WORLD_CROSSES, /* enters on one side and leaves on the other without a stop */
	WORLD_VISITS,  /* enters, stays for a while, leaves */
	WORLD_APPEARS, /* appears suddenly, stays, disappears suddenly */
	WORLD_MEETS,   /* visits, and stops beside another one that stays */
	WORLD_VERBS
};

struct world_options {
	int64_t seed;             /* any */
	int64_t duration_us;      /* 10 s to 24 h */
	double events_per_hour;   /* 0 to 1800, on average */
	double event_min_s;       /* the shortest event: 0.5 to 600 s */
	double event_max_s;       /* the longest event: event_min_s to 3600 s */
	double cuts_per_hour;     /* changes of place: 0 to 120 */
	double dropouts_per_hour; /* black pictures of 1 to 20 s: 0 to 60 */
	double captions_per_hour; /* captions: 0 to 600 */
	double start_hour;        /* time of day at the start, 0 to 24; determines the light */
	double noise;             /* camera noise, levels of 255: 0 to 20 */
	bool clock;               /* time of day in the corner */
	bool pan;                 /* the camera pans slowly */
	int64_t subjects;         /* enum world_subjects */
	struct world_dial dial;   /* date and time instead of the time of day; not parsed from text */
};

/* One event. Its centre is inside the picture from start_us to end_us. */
struct world_event {
	int id; /* 1, 2, … in order of start */
	enum world_color color;
	enum world_shape shape;
	double r, y, x_stop; /* size, row, and where it stops */
	enum world_verb verb;
	enum world_side from, to;
	int64_t start_us, end_us;
	int64_t stop_us, go_us; /* it does not move from stop_us to go_us; equal if it does not stop */
	int other;              /* the id of the event that it meets, or 0 */
	/* Of a hard world: who it is about, from 1, however it looks; 0 otherwise.
	 * The color is `turns` from turn_us on; 0: it stays the same. */
	int subject;
	int64_t turn_us;
	enum world_color turns;
};

struct world_cut {
	int64_t start_us; /* this place is shown from here to the next cut */
	enum world_place place;
	double phase; /* 0 to 1: shifts the background's pattern */
	/* how far the camera pans, as a fraction of the width, and how slowly */
	double pan, pan_period_s;
};

struct world_gap {
	int64_t start_us, end_us;
}; /* the picture is black */
struct world_text {
	int64_t start_us, end_us;
	const char *text;
}; /* a caption; the text is static */

struct world {
	struct world_options o;
	struct world_event *events;
	size_t n_events; /* by start_us */
	struct world_cut *cuts;
	size_t n_cuts; /* by start_us; the first is at 0 */
	struct world_gap *gaps;
	size_t n_gaps; /* by start_us, not adjacent */
	struct world_text *texts;
	size_t n_texts;     /* by start_us, not adjacent */
	int64_t longest_us; /* no event lasts longer; limits a search by time */
};

/* An object in the picture at one moment. */
struct world_sight {
	const struct world_event *event;
	double x, y, r;         /* centre and size */
	double share;           /* how much of its width is inside the picture, 0 to 1 */
	enum world_color color; /* at this moment */
};

/* The surroundings of the objects at one moment. */
struct world_scene {
	const struct world_cut *cut;
	const char *caption; /* or NULL */
	double pan;          /* the position of the camera, as a fraction of the width */
	double light;        /* 0 night to 1 day */
	double hour;         /* time of day, 0 to 24 */
	bool black;
};

void world_options_default(struct world_options *o);
/* Parses settings such as "seed=7 duration=600 events=60 noise=2"; settings
 * that are not given keep their value. Returns 0, or -1 with one line in msg. */
int world_options_parse(struct world_options *o, const char *text, char *msg, size_t cap);
/* Returns 0, or -1 with one line in msg that names the first setting out of
 * range. */
int world_options_check(const struct world_options *o, char *msg, size_t cap);

/* Makes a world; returns NULL with one line in msg if an option is out of
 * range. The caller frees it. */
struct world *world_new(const struct world_options *o, char *msg, size_t cap);
void world_free(struct world *w);

/* All objects of which a part is in the picture at t_us, by event id; none in
 * black pictures. Returns their number, of which at most `cap` are written. */
size_t world_visible(const struct world *w, int64_t t_us, struct world_sight *out, size_t cap);
enum world_color world_color_at(const struct world_event *e, int64_t t_us);
void world_scene(const struct world *w, int64_t t_us, struct world_scene *ret);

/* One sentence that describes an event: "A red square enters from the left and
 * leaves to the right." Of a hard world in varied words: "A square that is red
 * enters from the left, turns blue and leaves to the right." */
void world_event_text(const struct world *w, const struct world_event *e, char *out, size_t cap);
/* The complete truth as JSON, in seconds; allocated, the caller frees it. NULL
 * if memory is out. */
char *world_truth_json(const struct world *w);

/* Questions about the world that a user may type, with the true answer of each,
 * as JSON, in seconds; the same world and number give the same questions, all
 * of them different. *ret_made: how many there are, fewer than n if no more are
 * unambiguous. Allocated, the caller frees it; NULL if memory is out. */
enum { WORLD_QUESTIONS_MAX = 1000 };
char *world_questions_json(const struct world *w, int n, int *ret_made);

/* What may be called in other words: patterns with {color}, {thing} (its shape)
 * and {kind}. The first is the most common; the fifth does without the color. */
enum { WORLD_WORDS = 6 };
extern const char *const world_words[WORLD_WORDS];
/* Fills one of the patterns in. */
void world_call(int wording, enum world_color color, enum world_shape shape, char *out, size_t cap);

extern const char *const world_color_name[WORLD_COLORS];
extern const char *const world_shape_name[WORLD_SHAPES];
extern const char *const world_place_name[WORLD_PLACES];
extern const char *const world_verb_name[WORLD_VERBS];

#endif
