/* SPDX-License-Identifier: Apache-2.0 */
/* The roles that vdet-media has when it is executed as `vdet -x ROLE ARGS…`
 * (proc/spawn.h). */
#ifndef VDET_CHILD_ROLES_H
#define VDET_CHILD_ROLES_H

/* Runs the role until it ends and returns the exit status; 2 for an unknown
 * role. argv holds the arguments after ROLE and ends with NULL. Must be called
 * first in main(), before any thread is started. */
int worker_main(const char *role, int argc, char **argv);

/* One function per role; the table is in roles.c. */
int caps_worker_main(int argc, char **argv);  /* prints what the media libraries can do */
int media_worker_main(int argc, char **argv); /* demuxes, decodes and scales, in its sandbox */
/* draws the demo world and encodes it: child/world-video.h */
int world_worker_main(int argc, char **argv);

#endif
