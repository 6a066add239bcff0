/* SPDX-License-Identifier: Apache-2.0 */
#include "report/html-page.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "page.h"
#include "report/checks.h"
#include "report/text.h"

void report_html_text(struct buf *out, const char *s)
{
	AUTO(buf_free) struct buf b = BUF(SIZE_MAX / 2);
	report_visible(&b, s);
	text_html(out, buf_str(&b));
}

void report_html_fact(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "<div><dt>%s</dt><dd>", name);
	report_html_text(out, value);
	buf_adds(out, "</dd></div>");
}

void report_html_verdict(struct buf *out, const char *verdict)
{
	const char *mark = report_verdict_mark(verdict);
	if (*mark)
		buf_addf(out, " <small class=\"verdict\" title=\"%s\">%s</small>",
		         *mark == 'c' ? "a second look at the frames found the same"
		                      : "a second look at the frames did not decide it",
		         mark);
}

/* The script's hash in the form of a content security policy. */
static void add_script_hash(struct buf *out)
{
	char hex[HASH_HEX];
	unsigned char raw[32];
	AUTO(hash_freep) struct hash *h = hash_new();
	hash_add(h, page_page_js, page_page_js_len);
	hash_end(h, hex);
	for (size_t i = 0; i < sizeof raw; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		raw[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	buf_adds(out, "sha256-");
	text_base64(out, raw, sizeof raw);
}

void report_html_begin(struct buf *out, const char *title, const char *style)
{
	buf_adds(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
		"style-src 'unsafe-inline'; script-src '");
	add_script_hash(out);
	buf_adds(out, "'; base-uri 'none'; form-action 'none'\">\n"
	              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	              "<meta name=\"color-scheme\" content=\"light dark\">\n"
	              "<meta name=\"referrer\" content=\"no-referrer\">\n"
	              "<link rel=\"icon\" href=\"data:,\">\n<title>");
	report_html_text(out, title);
	buf_adds(out, "</title>\n<style>\n");
	buf_add(out, page_page_css, page_page_css_len);
	buf_adds(out, style);
	buf_adds(out, "</style>\n</head>\n<body>\n");
}

void report_html_end(struct buf *out, const char *vdet_version)
{
	buf_adds(out, "</main>\n<footer><p>Written by vdet ");
	report_html_text(out, vdet_version);
	buf_adds(out,
	         ". What a model says about a video can be wrong: look at the frames.</p></footer>\n"
	         "<p id=\"toast\" role=\"status\"></p>\n<script>");
	buf_add(out, page_page_js, page_page_js_len);
	buf_adds(out, "</script>\n");
}
