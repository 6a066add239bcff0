/* SPDX-License-Identifier: Apache-2.0 */
/* The roles that the program plays when it executes itself as `vdet -x ROLE
 * ARGS…` (proc/spawn.h). */
#ifndef VDET_CHILD_ROLES_H
#define VDET_CHILD_ROLES_H

/* Runs the role to its end and returns the exit status; 2 for a role that does
 * not exist. argv holds the arguments after ROLE and ends in NULL. Call it
 * first thing in main(), before any thread is started. */
int worker_main(const char *role, int argc, char **argv);

/* One function a role; the table is in worker.c. */
int caps_worker_main(int argc, char **argv); /* prints what the media libraries can do */
/* PPID PROGRAM ARGS…: becomes the program, dies with the parent */
int exec_worker_main(int argc, char **argv);
int media_worker_main(int argc, char **argv); /* demuxes, decodes and scales, in its sandbox */
/* draws the demo world and encodes it: child/world-video.h */
int world_worker_main(int argc, char **argv);

#endif
