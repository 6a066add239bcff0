/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a page: one file that needs nothing else. Its style and script
 * are src/report/page.*; its content security policy allows no requests and no
 * other script. Pure; text that is passed is escaped here. */
#ifndef VDET_REPORT_HTML_PAGE_H
#define VDET_REPORT_HTML_PAGE_H

#include "base/buf.h"

/* Up to the beginning of the body. `style`: more rules of CSS, "" = none. */
void report_html_begin(struct buf *out, const char *title, const char *style);
/* From the end of main to the script; the ends of body and html follow. */
void report_html_end(struct buf *out, const char *vdet_version);
/* Foreign text, made visible and escaped for text and quoted attributes. */
void report_html_text(struct buf *out, const char *s);
/* The mark of a verdict after an event, if it has one. */
void report_html_verdict(struct buf *out, const char *verdict);
/* A row of the facts below the heading; `name` is markup. */
void report_html_fact(struct buf *out, const char *name, const char *value);

#endif
