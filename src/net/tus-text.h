/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of the tus protocol's headers. Pure. */
#ifndef VDET_NET_TUS_TEXT_H
#define VDET_NET_TUS_TEXT_H

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/upload.h"

/* Base64 (RFC 4648, with padding) of at most `len` characters. ERR_FORMAT. */
int tus_base64(const char *text, size_t len, struct buf *out, struct err *err);
/* Upload-Metadata: "filename d29ybGQubXA0,analyze dHJ1ZQ==" as an object of
 * strings; values are made valid UTF-8. */
int tus_metadata(const char *text, json_t **ret, struct err *err);
/* Upload-Checksum: "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=". */
int tus_checksum(const char *text, enum upload_sum *ret, unsigned char ret_sum[static 32],
                 struct err *err);

#endif
