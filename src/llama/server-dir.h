/* SPDX-License-Identifier: Apache-2.0 */
/* The private folder that contains the socket of a llama-server. A lock file in
 * it shows that its owner is alive; folders whose owner was killed are removed
 * by the next server_dir_make(). One thread at a time. */
#ifndef VDET_LLAMA_SERVER_DIR_H
#define VDET_LLAMA_SERVER_DIR_H

#include "base/err.h"

struct server_dir {
	char *path;   /* the folder, mode 0700 */
	char *socket; /* path of the socket in it, which need not exist; fits into a sockaddr_un */
	int lock;     /* descriptor of the lock file */
};

/* Creates the folder in $XDG_RUNTIME_DIR, else $TMPDIR, else /tmp. */
int server_dir_make(struct server_dir *ret, struct err *err);
void server_dir_remove(
	struct server_dir *d); /* removes the folder, and frees; may be called twice */

#endif
