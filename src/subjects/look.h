/* SPDX-License-Identifier: Apache-2.0 */
/* How a description says that somebody or something looks. Pure; English, of
 * other languages only equal words are recognised. */
#ifndef VDET_SUBJECTS_LOOK_H
#define VDET_SUBJECTS_LOOK_H

#include <stdbool.h>
#include <stddef.h>

/* Descriptions with the same key say the same in other words: "the red car",
 * "Red car, parked", "a car that is red". What does not count:
 * - articles, case, punctuation, plurals, and the order of adjectives;
 * - the order of what is added by "with", "in", "on", …; each addition stays
 *   together, so that a red hat with a blue coat is not the reverse;
 * - what somebody does at the moment: "parked", "walking".
 * Words of number and place do count. "" where the text describes nothing: "",
 * "it", "someone". The caller frees. */
char *look_key(const char *text);

/* How many words of a description count: 0 where it describes nothing. */
size_t look_precision(const char *text);

/* Whether two descriptions can be of one: what one of them says, the other says
 * more precisely or leaves out. "man in red" and "person in a red jacket" can;
 * "man in red" and "man with a hat" would both have to leave something out. */
bool look_agrees(const char *a, const char *b);
/* Whether its noun is for anything of a kind: "person in red". */
bool look_is_vague(const char *text);

/* The keys of less precise descriptions of the same: of "red car", "car". What
 * says how many is never left out. *ret_n may be 0; look_general_free(). */
char **look_general(const char *text, size_t *ret_n);
void look_general_free(char **keys, size_t n);

#endif
