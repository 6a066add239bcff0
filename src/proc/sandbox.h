/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of a process that reads hostile data. Called by the role itself,
 * once, on a single thread, after it has opened what it needs and initialized
 * what its libraries open lazily; it cannot be undone.
 *
 * Still allowed are computing, memory, reading ROLE_INPUT and ROLE_SOCKET,
 * writing to ROLE_SOCKET and standard error, and the clock. Opening a file, and
 * anything else that is not listed, fails with EPERM, so that a library that
 * merely probes (for a CPU count, a character set, a random device) continues
 * without it. What only an attacker would call (exec, fork, sockets, ptrace,
 * executable memory) kills the process with SIGSYS, which the parent reports.
 *
 * One file per mechanism: sandbox-seccomp.c (libseccomp), sandbox-landlock.c,
 * sandbox-null.c (for sanitizers and for builds without libseccomp). */
#ifndef VDET_PROC_SANDBOX_H
#define VDET_PROC_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct sandbox {
	bool enforce;   /* false: no filter and no limits (a sanitizer maps terabytes) */
	int64_t memory; /* bytes of data and of new address space; 0 = no limit */
	bool devices;   /* a device is in use: see sandbox_devices() */
	bool loading;   /* a library is about to be loaded: see sandbox_library() */
};

/* Resource limits, no new privileges, no core, no ptrace, SIGPIPE and SIGXFSZ
 * ignored. */
int sandbox_limit(const struct sandbox *s, struct err *err);
/* Installs the system call filter. */
int sandbox_enter(const struct sandbox *s, struct err *err);
/* Must be called before a device for decoding is opened. From then on, the only
 * files that can be opened are the devices themselves and, for reading,
 * libraries and what the kernel reports about devices (Landlock). With this
 * restriction, `devices` may grant a driver what it needs in addition: opening
 * files, device requests (ioctl), threads, mapping library code.
 * ERR_UNSUPPORTED if the kernel cannot do this. */
int sandbox_devices(struct err *err);
/* Must be called before a library that the user names is loaded. From then on,
 * the only files that can be opened, for reading, are those below the library's
 * folder and those of the system's libraries, and what the kernel reports about
 * the processor (Landlock). With this restriction, sandbox_enter() with
 * `loading` allows what loading needs: opening files, threads, mapping library
 * code, but no sockets and no programs; once it is loaded, sandbox_enter()
 * without it takes that away. ERR_UNSUPPORTED if the kernel cannot do this. */
int sandbox_library(const char *folder, struct err *err);
/* The mechanism of this build: "seccomp" or "none". */
const char *sandbox_name(void);

#endif
