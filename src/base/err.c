/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int err_vset(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
	if (e) {
		/* The arguments may point into e->msg itself (err_set(e, e->code, "…:
		 * %s", e->msg)). */
		char msg[sizeof e->msg];
		vsnprintf(msg, sizeof msg, fmt, ap);
		memcpy(e->msg, msg, sizeof msg);
		e->code = code;
		e->option = NULL;
	}
	return -(int)code;
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = err_vset(e, code, fmt, ap);
	va_end(ap);
	return r;
}

int err_limit(struct err *e, enum err_code code, const char *option, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = err_vset(e, code, fmt, ap);
	va_end(ap);
	if (e)
		e->option = option;
	return r;
}

static enum err_code code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR: return ERR_NOENT;
	case EACCES:
	case EPERM:
	case EROFS: return ERR_PERM;
	case ENOSPC:
	case EDQUOT: return ERR_NOSPC;
	case ETIMEDOUT: return ERR_TIMEOUT;
	case ECANCELED: return ERR_CANCELED;
	case EMFILE:
	case ENFILE:
	case ENOMEM: return ERR_LIMIT;
	default: return ERR_IO;
	}
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	enum err_code code = code_of_errno(errnum);
	va_list ap;
	va_start(ap, fmt);
	int r = err_vset(e, code, fmt, ap);
	va_end(ap);
	if (e) {
		size_t n = strlen(e->msg);
		char why[128];
		snprintf(e->msg + n, sizeof e->msg - n, ": %s", strerror_r(errnum, why, sizeof why));
	}
	return r;
}

void err_add(struct err *e, const char *addition)
{
	size_t n = strlen(e->msg);
	snprintf(e->msg + n, sizeof e->msg - n, "; %s", addition);
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	if (!e)
		return -ERR_INTERNAL;
	char context[sizeof e->msg];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	return err_limit(e, e->code, e->option, "%s: %s", context, e->msg);
}

const char *err_code_name(enum err_code code)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",
		[ERR_ARG] = "argument",
		[ERR_IO] = "io",
		[ERR_NOENT] = "not-found",
		[ERR_PERM] = "permission",
		[ERR_NOSPC] = "no-space",
		[ERR_FORMAT] = "format",
		[ERR_UNSUPPORTED] = "unsupported",
		[ERR_LIMIT] = "limit",
		[ERR_TIMEOUT] = "timeout",
		[ERR_CANCELED] = "canceled",
		[ERR_ENGINE] = "engine",
		[ERR_PROTO] = "protocol",
		[ERR_DIED] = "died",
		[ERR_BUSY] = "busy",
		[ERR_OFFSET] = "offset",
		[ERR_INTERNAL] = "internal",
	};
	return (size_t)code < sizeof names / sizeof *names ? names[code] : "unknown";
}
