/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of the API and of the page, apart from uploads. openapi.json
 * describes them. */
#ifndef VDET_NET_API_API_H
#define VDET_NET_API_API_H

#include <stddef.h>

#include <jansson.h>

#include "board/board.h"
#include "net/access/access.h"
#include "net/api/fleet.h"
#include "net/api/mcp.h"
#include "net/http/http.h"
#include "net/http/route.h"
#include "net/live/socket.h"
#include "net/upload/upload.h"

/* What the handlers use: call.ctx of api_routes. All borrowed; they run on
 * several threads at once. */
struct api {
	struct board *board;
	struct access *access;
	struct http_server *http;
	struct sockets *sockets;
	struct uploads *uploads;
	struct mcp_service *mcp;
	int64_t session; /* how long a login is valid, microseconds */
	/* The reply of GET /performance; any thread; NULL: not available. */
	json_t *(*performance)(void *ctx);
	void *performance_ctx;
	const struct api_fleet *fleet; /* NULL: none */
};

extern const struct route api_routes[];
extern const size_t n_api_routes;

#endif
