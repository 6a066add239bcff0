/* SPDX-License-Identifier: Apache-2.0 */
/* Text that comes from outside: made valid, escaped, encoded. Pure functions;
 * those that append to a buffer drop what does not fit (see base/buf.h). */
#ifndef VDET_BASE_TEXT_H
#define VDET_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

bool text_is_utf8(const char *s);
/* Appends s as valid UTF-8: malformed bytes become U+FFFD, control characters
 * (U+0000 to U+001F, U+007F to U+009F) other than newline and tab a space. */
void text_utf8(struct buf *out, const void *s, size_t len);
/* As text_utf8 on a string, in one line (newlines and tabs become spaces),
 * without characters that change the direction of text or have neither width
 * nor meaning, at most `max` bytes; the caller frees. */
char *text_line(const char *s, size_t max);
/* A copy of valid UTF-8 in which runs of blanks are one space, so that a line
 * that a terminal wraps cannot look like other lines; the caller frees. */
char *text_squeeze(const char *s);
/* Checks a name, or what else `what` says, that a person gives: one line of
 * plain text of at most TEXT_NAME_MAX bytes, without what text_line() removes.
 * Removes spaces at both ends of it. ERR_ARG. */
enum { TEXT_NAME_MAX = 200 };
int text_check_name(char *name, const char *what, struct err *err);
/* Whether s ends in a repeated piece of at most 400 bytes (four times or more,
 * 60 bytes or more in all), as the text of a language model does when decoding
 * got into a loop. */
bool text_loops(const char *s);
/* Appends s with & < > " ' escaped: for HTML text and quoted attributes. */
void text_html(struct buf *out, const char *s);
/* Appends s as one CSV field (RFC 4180); a leading = + - @ or tab gets an
 * apostrophe before it, because spreadsheets would run it as a formula. */
void text_csv(struct buf *out, const char *s);
/* Appends s with the characters that Markdown would interpret escaped; newlines
 * become spaces. */
void text_markdown(struct buf *out, const char *s);
/* Appends data in base64 (RFC 4648). */
void text_base64(struct buf *out, const void *data, size_t len);
#define TEXT_SIZE_MAX 24
/* "1.4 GB": powers of 1000. Returns out. */
const char *text_size(double bytes, char out[static TEXT_SIZE_MAX]);
/* Whether the text is in the list, which ends with NULL. */
bool text_one_of(const char *s, const char *const *list);
/* The same without regard to the case of ASCII letters. */
bool text_one_of_any_case(const char *s, const char *const *list);
/* The ending of a noun after the number n: "s", or "" after 1. */
const char *text_s(int64_t n);

#endif
