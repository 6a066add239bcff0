/* SPDX-License-Identifier: Apache-2.0 */
/* Role `caps`: prints what the media libraries can do, and exits. Runs in a
 * child, because device drivers may crash. */
#include "child/roles.h"
#include "media/caps.h"
#include "proc/spawn.h"
#include "proc/wire.h"

int caps_worker_main(int argc, char **argv)
{
	struct err err;
	(void)argc;
	(void)argv;
	json_auto_t *caps = caps_json();
	return wire_send(ROLE_SOCKET, 1, caps, NULL, 0, 0, NULL, &err) < 0;
}
