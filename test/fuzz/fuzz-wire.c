/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile peer may send: one buffer as a stream of messages, whose heads
 * are then read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "fuzz.h"
#include "decoder/decoder-audio.h"
#include "decoder/jpeg-check.h"
#include "proc/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire_limits limits = {.head = 1 << 16, .blob = 1 << 16};
	while (size) {
		AUTO(wire_msg_clear) struct wire_msg m = {0};
		struct err err;
		size_t used;
		int64_t n;
		double r;
		bool t;
		AUTO(mem_freep) char *s = NULL;
		if (wire_parse(data, size, &limits, &m, &used, &err) < 0)
			break;
		wire_int(m.head, "i", 0, 100, &n, &err);
		wire_real(m.head, "fps", 0, 100, &r, &err);
		wire_bool(m.head, "has_audio", &t, &err);
		wire_string(m.head, "fault", 100, &s, &err);
		AUTO(decoder_audio_clear) struct decoder_audio audio = {0};
		decoder_audio_read(m.head, &audio, &err);
		jpeg_check(m.blob, m.blob_len, 64, 48, &err);
		data += used;
		size -= used;
	}
	return 0;
}
