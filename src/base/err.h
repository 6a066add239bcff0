/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: what went wrong, in a form that a caller can act on (code) and a
 * person can read (msg).
 *
 * Functions that can fail return 0 or a negative `enum err_code` and take a
 * `struct err *` as their last parameter, which the caller owns and may pass as
 * NULL. On failure no `ret_` parameter is written. A message says what was
 * wrong and where; the caller adds context with err_wrap(). No thread state. */
#ifndef VDET_BASE_ERR_H
#define VDET_BASE_ERR_H

enum err_code {
	ERR_NONE = 0,
	ERR_ARG,         /* an argument, option or configuration value is wrong */
	ERR_IO,          /* reading or writing failed */
	ERR_NOENT,       /* something named does not exist */
	ERR_PERM,        /* not allowed */
	ERR_NOSPC,       /* no space left */
	ERR_FORMAT,      /* data is not what it claims to be */
	ERR_UNSUPPORTED, /* understood, but cannot be handled here */
	ERR_LIMIT,       /* a limit was reached */
	ERR_TIMEOUT,     /* it took longer than allowed */
	ERR_CANCELED,    /* the user or a shutdown stopped it */
	ERR_ENGINE,      /* the model's engine refused or failed */
	ERR_PROTO,       /* a peer broke its protocol */
	ERR_DIED,        /* a child process ended unexpectedly */
	ERR_BUSY,        /* somebody else is using it */
	ERR_OFFSET,      /* what is sent does not begin where what is there ends */
	ERR_INTERNAL,    /* a bug in vdet */
};

struct err {
	enum err_code code;
	/* The option whose limit was reached, as its flag without dashes
	 * ("vision-timeout"); a literal; NULL for other errors. */
	const char *option;
	char msg[600];
};

/* Sets code and message; returns -code, so that `return err_set(…)` reads well. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As err_set, and names the option whose limit was reached. */
int err_limit(struct err *e, enum err_code code, const char *option, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* As err_set, with the code that fits `errnum` and its text appended. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "context: " before the message; keeps the option; returns -code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "; addition" after the message; keeps code and option. */
void err_add(struct err *e, const char *addition);
/* A stable word for a code ("timeout"), for logs, journal and JSON. */
const char *err_code_name(enum err_code code);

#endif
