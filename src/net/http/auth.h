/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that a request has to pass before its handler runs: rate limit, Host
 * header, origin of the page that sent it, authentication, role. Net thread
 * only. */
#ifndef VDET_NET_HTTP_AUTH_H
#define VDET_NET_HTTP_AUTH_H

#include "net/http/call.h"

/* Finds the route and the user of a request. False if the request is refused:
 * the reply says why. */
bool auth_admit(struct call *c);
/* Adds Cross-Origin-Resource-Policy to the reply, and the CORS headers if the
 * origin of the request is one of net.origins. */
void auth_add_cors(struct call *c);

#endif
