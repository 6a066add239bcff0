/* SPDX-License-Identifier: Apache-2.0 */
/* Text that comes from outside: made valid, escaped, encoded. Pure functions. */
#ifndef VDET_BASE_TEXT_H
#define VDET_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

bool text_is_utf8(const char *s);
/* Appends s as valid UTF-8: malformed bytes become U+FFFD, control characters
 * other than newline and tab a space. */
void text_utf8(struct buf *out, const void *s, size_t len);
/* As text_utf8 on a string, in one line (newlines and tabs become spaces),
 * without characters that change the direction of text, at most `max` bytes;
 * the caller frees. */
char *text_line(const char *s, size_t max);
/* Whether s ends in the same piece over and over (four times or more, 60 bytes
 * or more in all), as the text of a language model does that has lost its
 * thread. */
bool text_loops(const char *s);
/* Appends s with & < > " ' escaped: for HTML text and quoted attributes. */
void text_html(struct buf *out, const char *s);
/* Appends s as one CSV field (RFC 4180); a leading = + - @ is defused with a
 * quote mark, as spreadsheets execute it. */
void text_csv(struct buf *out, const char *s);
/* Appends s with the characters that Markdown would interpret escaped; newlines
 * become spaces. */
void text_markdown(struct buf *out, const char *s);
/* Appends data in base64 (RFC 4648). */
void text_base64(struct buf *out, const void *data, size_t len);
/* "1.4 GB": powers of 1000. */
#define TEXT_SIZE_MAX 24
const char *text_size(double bytes, char out[static TEXT_SIZE_MAX]);

#endif
