/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target is one function; a fuzzer (clang -fsanitize=fuzzer) or replay.c
 * calls it. */
#ifndef VDET_TEST_FUZZ_H
#define VDET_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
