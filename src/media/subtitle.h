/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a subtitle without its markup. Pure; any thread. */
#ifndef VDET_MEDIA_SUBTITLE_H
#define VDET_MEDIA_SUBTITLE_H

/* Of an event as libavcodec gives it, "ReadOrder,Layer,Style,Name,MarginL,
 * MarginR,MarginV,Effect,Text": who speaks ("" = it does not say), and the
 * text, in one line each, as text_line() makes it. Override codes of ASS,
 * drawings, and the tags and character references of SubRip and WebVTT are
 * removed or replaced. Both are NULL if it is not such an event, and to be
 * freed by the caller. */
void subtitle_read(const char *event, char **ret_who, char **ret_text);

#endif
