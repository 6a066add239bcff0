/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without a fuzzer: over the files named, and, with -m N,
 * over N seeded mutations of each. What a mutation is follows from its number
 * alone, so that a failure can be repeated: -m N -s FIRST. FUZZ_MUTATIONS in
 * the environment overrules N: `FUZZ_MUTATIONS=1000 meson test -C build --suite
 * fuzz` for a long run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "fuzz.h"

static uint64_t state;

static size_t below(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (size_t)(state % n) : 0;
}

/* Flips, overwrites, cuts out, repeats and cuts off. */
static size_t mutate(unsigned char *data, size_t len, long number)
{
	state = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (size_t k = 1 + below(12); k-- && len > 16;) {
		size_t at = below(len), n = 1 + below(64);
		/* Headers deserve more of it than payloads. */
		if (below(2))
			at = below(len < 4096 ? len : 4096);
		n = n < len - at ? n : len - at;
		switch (below(6)) {
		case 0: data[at] ^= (unsigned char)(1 << below(8)); break;
		case 1: data[at] = (unsigned char)below(256); break;
		case 2: memset(data + at, below(2) ? 0xff : 0, n); break;
		case 3: memmove(data + at, data + below(len - n), n); break;
		case 4:
			memmove(data + at, data + at + n, len - at - n);
			len -= n;
			break;
		default:
			if (!below(4))
				len = at + 1;
		}
	}
	return len;
}

static void run(const struct buf *whole, long number)
{
	/* Of exactly its size, so that a sanitizer sees a read beyond it. */
	AUTO(mem_freep) unsigned char *copy = mem_alloc(whole->len, 1);
	memcpy(copy, whole->data, whole->len);
	size_t len = number < 0 ? whole->len : mutate(copy, whole->len, number);
	AUTO(mem_freep) unsigned char *data = mem_alloc(len, 1);
	memcpy(data, copy, len);
	LLVMFuzzerTestOneInput(data, len);
}

int main(int argc, char **argv)
{
	long mutations = 0, first = 0;
	const char *more = getenv("FUZZ_MUTATIONS");
	for (int i = 1; i < argc; i++) {
		struct err err;
		AUTO(buf_free) struct buf b = BUF(64 << 20);
		if (!strcmp(argv[i], "-m") && i + 1 < argc) {
			i++;
			mutations = strtol(more ? more : argv[i], NULL, 10);
			continue;
		}
		if (!strcmp(argv[i], "-s") && i + 1 < argc) {
			first = strtol(argv[++i], NULL, 10);
			continue;
		}
		if (file_read(argv[i], &b, &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			return 1;
		}
		if (!mutations)
			run(&b, -1);
		for (long m = first; m < first + mutations; m++) {
			if (getenv("FUZZ_VERBOSE"))
				fprintf(stderr, "%s %ld\n", argv[i], m);
			run(&b, m);
		}
	}
	return 0;
}
