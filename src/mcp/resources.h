/* SPDX-License-Identifier: Apache-2.0 */
/* Resources of MCP: the report of a video, single frames, answers. */
#ifndef VDET_MCP_RESOURCES_H
#define VDET_MCP_RESOURCES_H

#include <jansson.h>

#include "mcp/tools.h"

enum resource_kind { RESOURCE_REPORT, RESOURCE_FRAME, RESOURCE_ANSWER };
struct resource {
	enum resource_kind kind;
	char id[16]; /* of the video, or of the answer */
	int64_t pts; /* of the frame, microseconds */
};
/* vdet://video/{id}/report.json, vdet://video/{id}/frame/{pts_us}.jpg,
 * vdet://answer/{id}.json. ERR_ARG. Pure. */
int resource_parse(const char *uri, struct resource *ret, struct err *err);

/* The templates of the addresses; the caller owns them. */
json_t *resources_templates(void);
/* {"resources", "nextCursor"?} from `cursor` (may be NULL) on; ERR_ARG of a
 * wrong cursor. Blocks for the disk. */
int resources_list(struct tools *t, const struct mcp_call *call, const char *cursor, json_t **ret,
                   struct err *err);
/* {"contents"}. ERR_ARG, ERR_NOENT: there is no such resource. Blocks. */
int resources_read(struct tools *t, const struct mcp_call *call, const char *uri, json_t **ret,
                   struct err *err);

#endif
