/* SPDX-License-Identifier: Apache-2.0 */
/* The members of struct answer as a table, by which it is written as JSON, read
 * from it, and freed: so none of these can lack a member that another has.
 * Pure. */
#ifndef VDET_ANSWER_FIELDS_H
#define VDET_ANSWER_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
	FIELD_TEXT,    /* char * */
	FIELD_HEX,     /* char *: hexadecimal digits in lower case */
	FIELD_BYTES,   /* pointer to what is only freed; NULL when read */
	FIELD_BOOL,    /* bool */
	FIELD_INT,     /* int */
	FIELD_COUNT,   /* int64_t */
	FIELD_SIZE,    /* size_t */
	FIELD_SECONDS, /* int64_t in microseconds; seconds in the JSON */
	FIELD_DATE,    /* int64_t, Unix time in microseconds; as in RFC 3339, to the second */
	FIELD_SHARE,   /* double, 0 to 1 */
	FIELD_NAME,    /* an enum whose values have names */
	FIELD_OBJECT,  /* members of the same struct in an object of their own */
	FIELD_LIST,    /* pointer and size_t: structs */
	FIELD_TEXTS,   /* pointer and size_t: char * */
	FIELD_NUMBERS, /* pointer and size_t: size_t, indices; numbers from 1 in the JSON */
};

struct field {
	const char *name; /* NULL: not in the JSON */
	enum field_type type;
	size_t at; /* offset in its struct */
	/* null in the JSON: an empty text, an object of nulls, and a number up to
	 * `none`, which null is read as */
	bool null;
	int64_t none;
	bool added;                        /* to the format later: what lacks it has null */
	int64_t least, most;               /* digits, items; bytes of a text; a number; 0 = default */
	size_t n_at, item;                 /* of a list: offset of the number of items; size of one */
	const struct field *fields;        /* of an object, of the items of a list */
	size_t n_fields;                   /* how many */
	const char *(*name_of)(int value); /* of FIELD_NAME; "" is null */
	int names;                         /* how many values it has */
};

/* Those of struct answer. */
extern const struct field answer_fields[];
extern const size_t answer_n_fields;

/* Where a member of the struct `of` is. */
void *field_in(const struct field *f, const void *of);

#endif
