/* SPDX-License-Identifier: Apache-2.0 */
/* The languages that Whisper knows: servers name them in English, or by their
 * code. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "speech/answer.h"

#define NAME_MAX_LEN 20

static const struct {
	const char *code, *name;
} languages[] = {
	{"en", "english"},        {"zh", "chinese"},     {"de", "german"},        {"es", "spanish"},
	{"ru", "russian"},        {"ko", "korean"},      {"fr", "french"},        {"ja", "japanese"},
	{"pt", "portuguese"},     {"tr", "turkish"},     {"pl", "polish"},        {"ca", "catalan"},
	{"nl", "dutch"},          {"ar", "arabic"},      {"sv", "swedish"},       {"it", "italian"},
	{"id", "indonesian"},     {"hi", "hindi"},       {"fi", "finnish"},       {"vi", "vietnamese"},
	{"he", "hebrew"},         {"uk", "ukrainian"},   {"el", "greek"},         {"ms", "malay"},
	{"cs", "czech"},          {"ro", "romanian"},    {"da", "danish"},        {"hu", "hungarian"},
	{"ta", "tamil"},          {"no", "norwegian"},   {"th", "thai"},          {"ur", "urdu"},
	{"hr", "croatian"},       {"bg", "bulgarian"},   {"lt", "lithuanian"},    {"la", "latin"},
	{"mi", "maori"},          {"ml", "malayalam"},   {"cy", "welsh"},         {"sk", "slovak"},
	{"te", "telugu"},         {"fa", "persian"},     {"lv", "latvian"},       {"bn", "bengali"},
	{"sr", "serbian"},        {"az", "azerbaijani"}, {"sl", "slovenian"},     {"kn", "kannada"},
	{"et", "estonian"},       {"mk", "macedonian"},  {"br", "breton"},        {"eu", "basque"},
	{"is", "icelandic"},      {"hy", "armenian"},    {"ne", "nepali"},        {"mn", "mongolian"},
	{"bs", "bosnian"},        {"kk", "kazakh"},      {"sq", "albanian"},      {"sw", "swahili"},
	{"gl", "galician"},       {"mr", "marathi"},     {"pa", "punjabi"},       {"si", "sinhala"},
	{"km", "khmer"},          {"sn", "shona"},       {"yo", "yoruba"},        {"so", "somali"},
	{"af", "afrikaans"},      {"oc", "occitan"},     {"ka", "georgian"},      {"be", "belarusian"},
	{"tg", "tajik"},          {"sd", "sindhi"},      {"gu", "gujarati"},      {"am", "amharic"},
	{"yi", "yiddish"},        {"lo", "lao"},         {"uz", "uzbek"},         {"fo", "faroese"},
	{"ht", "haitian creole"}, {"ps", "pashto"},      {"tk", "turkmen"},       {"nn", "nynorsk"},
	{"mt", "maltese"},        {"sa", "sanskrit"},    {"lb", "luxembourgish"}, {"my", "myanmar"},
	{"bo", "tibetan"},        {"tl", "tagalog"},     {"mg", "malagasy"},      {"as", "assamese"},
	{"tt", "tatar"},          {"haw", "hawaiian"},   {"ln", "lingala"},       {"ha", "hausa"},
	{"ba", "bashkir"},        {"jw", "javanese"},    {"su", "sundanese"},     {"yue", "cantonese"},
};

char *speech_language_code(const char *name)
{
	char *line = text_line(name, NAME_MAX_LEN);
	for (char *p = line; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (!strcmp(line, languages[i].name)) {
			memcpy(line, languages[i].code, strlen(languages[i].code) + 1);
			break;
		}
	return line;
}

bool speech_language_known(const char *code)
{
	bool known = false;
	for (size_t i = 0; !known && i < ARRAY_LEN(languages); i++)
		known = !strcmp(code, languages[i].code);
	return known;
}
