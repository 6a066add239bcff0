/* SPDX-License-Identifier: Apache-2.0 */
/* The template: a process that has loaded the media libraries, which takes
 * longer than many a child works, and forks the children that use them. It does
 * nothing else, so that each of them starts as one that was executed does. All
 * children of one `vdet` therefore have one address layout; what an attacker
 * learns of it in one child is of use in the next, but not beyond its sandbox.
 *
 * A fork is a child of the template's parent (CLONE_PARENT), which waits for it
 * like for any other. The template ends when its socket closes. */
#ifndef VDET_PROC_TEMPLATE_H
#define VDET_PROC_TEMPLATE_H

#include <sys/types.h>

#include "base/err.h"

#define TEMPLATE_ROLE "template"

struct template_order {
	const char *role;
	const char *const *args; /* NULL-terminated, may be NULL */
	int socket;              /* becomes ROLE_SOCKET; borrowed */
	int input;               /* becomes ROLE_INPUT; borrowed; -1 = none */
};

/* The parent's side: asks the template at the other end of `socket` (of type
 * SOCK_SEQPACKET) for a child. One thread at a time. After an error the
 * template cannot be used any more; ERR_LIMIT if the arguments are too long,
 * after which it can. */
int template_fork(int socket, const struct template_order *o, pid_t *ret, struct err *err);

/* Runs a role; argv holds the arguments after it. Returns the exit status. */
typedef int template_role(const char *role, int argc, char **argv);

/* The main() of a program with roles, called with `-x ROLE ARGS…` as argv[1]
 * and later: `run`, or for the role `template` forks that do so, until the
 * socket closes. Each fork writes its role over that of argv, for ps and the
 * like. A process with more than one thread cannot be a template, and returns
 * 1. */
int template_main(int argc, char **argv, template_role *run);

#endif
