/* SPDX-License-Identifier: Apache-2.0 */
/* The private folder in which a llama-server's socket
 * is. A lock file in it shows that its owner is alive; folders whose owner was
 * killed are removed by the next start. */
#ifndef VDET_LLAMA_SERVER_DIR_H
#define VDET_LLAMA_SERVER_DIR_H

#include "base/err.h"

struct server_dir {
	char *path;   /* the folder, mode 0700 */
	char *socket; /* path of the socket in it, which need not exist; fits into a sockaddr_un */
	int lock;
};

/* In $XDG_RUNTIME_DIR, else $TMPDIR, else /tmp. */
int server_dir_make(struct server_dir *ret, struct err *err);
void server_dir_remove(struct server_dir *d); /* removes the folder and frees; twice is fine */

#endif
