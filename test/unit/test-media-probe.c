/* SPDX-License-Identifier: Apache-2.0 */
/* What a file says of itself. */
#include "unit.h"

#include "base/clock.h"
#include "media-help.h"
#include "media/probe.h"

/* The time of the recording, where the file has one that can be true. */
static void test_recorded(void **state)
{
	(void)state;
	static const struct {
		const char *name, *made;
		int64_t want; /* seconds */
	} files[] = {
		{"when.mp4", "-metadata creation_time=2024-05-06T07:08:09Z", 1714979289},
		{"when.mkv", "-metadata creation_time=2024-05-06T07:08:09.5Z", 1714979289},
		{"unset.mp4", "-metadata creation_time=1970-01-02T00:00:00Z", 0},
		{"silent.mp4", "", 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(mem_freep)
		char *how = mem_printf("-f lavfi -i testsrc2=s=160x90:r=10:d=1 %s -c:v mpeg4 -pix_fmt "
		                       "yuv420p",
		                       files[i].made);
		AUTO(mem_freep) char *path = media_make(files[i].name, how);
		struct opened o;
		struct probe p;
		struct err err = {0};
		if (!path)
			skip();
		assert_ok(opened_begin(path, &o, &err));
		assert_ok(probe_run(o.source, o.reader, &p, &err));
		assert_int_equal(p.recorded / CLOCK_SECOND, files[i].want);
		opened_end(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
