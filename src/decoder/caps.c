/* SPDX-License-Identifier: Apache-2.0 */
#include "decoder/caps.h"

#include "base/clock.h"
#include "proc/spawn.h"
#include "proc/wire.h"

int decoder_caps(json_t **ret, struct err *err)
{
	const struct role_start start = ROLE_START("caps");
	const struct wire_limits limits = {.head = 1 << 16, .blob = 0};
	AUTO(child_freep) struct child *child = NULL;
	AUTO(wire_msg_clear) struct wire_msg m = {0};
	int r = child_start_role(&start, &child, err);
	if (r == 0)
		r = wire_recv(child_socket(child), &limits, clock_now() + 20 * CLOCK_SECOND, NULL, &m, err);
	if (r == 0)
		*ret = json_incref(m.head);
	return r;
}
