/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the headers of the tus protocol. Pure functions, any thread. */
#ifndef VDET_NET_UPLOAD_TUS_TEXT_H
#define VDET_NET_UPLOAD_TUS_TEXT_H

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/upload/upload.h"

/* Appends the bytes of `len` characters of base64 (RFC 4648, with padding).
 * ERR_FORMAT, ERR_LIMIT. */
int tus_base64(const char *text, size_t len, struct buf *out, struct err *err);
/* Upload-Metadata: "filename d29ybGQubXA0,analyze dHJ1ZQ==" as a JSON object of
 * strings, with values made valid UTF-8; the caller owns it. ERR_FORMAT,
 * ERR_LIMIT. */
int tus_metadata(const char *text, json_t **ret, struct err *err);
/* The request for the board (board_upload()), from the metadata: analyze,
 * prompt, priority and options; an empty value is as none. What cannot be read
 * is left as text, for board_check_upload() to refuse. The caller owns *ret.
 * ERR_ARG. */
int tus_request(const json_t *metadata, json_t **ret, struct err *err);
/* Upload-Checksum: "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=". ERR_ARG. */
int tus_checksum(const char *text, enum upload_sum *ret, unsigned char ret_sum[static 32],
                 struct err *err);

#endif
