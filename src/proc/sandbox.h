/* SPDX-License-Identifier: Apache-2.0 */
/* The walls around a process that reads hostile data. Called by the role
 * itself, once, on a single thread, after it has opened what it needs and
 * touched what its libraries open lazily; there is no way back.
 *
 * What remains is computing, memory, reading ROLE_INPUT and ROLE_SOCKET,
 * writing to ROLE_SOCKET and standard error, and the clock. Opening a file, and
 * anything else not on the list, fails with EPERM, so that a library that
 * merely probes (for a CPU count, a character set, a random device) goes on
 * without; whatever only an attacker would ask for (exec, fork, sockets,
 * ptrace, executable memory) kills the process with SIGSYS, which the parent
 * reports.
 *
 * Two functions, one file a mechanism: sandbox-seccomp.c (libseccomp),
 * sandbox-null.c (for sanitizers and for builds without libseccomp). */
#ifndef VDET_PROC_SANDBOX_H
#define VDET_PROC_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct sandbox {
	bool enforce;   /* false: the null sandbox, no limits either (a sanitizer maps terabytes) */
	int64_t memory; /* bytes of data and of new address space; 0 = no limit */
	bool devices;   /* a device is in use: see sandbox_devices() */
};

/* Resource limits, no new privileges, no core, no ptrace, SIGPIPE and SIGXFSZ
 * ignored. */
int sandbox_limit(const struct sandbox *s, struct err *err);
/* The system call filter. */
int sandbox_enter(const struct sandbox *s, struct err *err);
/* Before a device for decoding is opened: from now on no file can be opened but
 * the devices themselves, and libraries and what the kernel reports about
 * devices, to be read (Landlock). Only so fenced in may a driver have what
 * `devices` then grants it beyond the rest: opening files, device requests
 * (ioctl), threads, mapping library code. ERR_UNSUPPORTED where the kernel
 * cannot do this. */
int sandbox_devices(struct err *err);
/* The mechanism built in: "seccomp" or "none". */
const char *sandbox_name(void);

#endif
