/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/curl-use.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static void init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

void curl_use(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init);
}

/* Addresses of this machine are never reached through a proxy. The option
 * replaces the user's variable, so its content is appended. */
static void set_no_proxy(CURL *e)
{
	char host[256] = "";
	const char *env = getenv("no_proxy");
	env = env ? env : getenv("NO_PROXY");
	gethostname(host, sizeof host - 1);
	AUTO(mem_freep)
	char *list = mem_printf("localhost,127.0.0.0/8,0.0.0.0,::1%s%s%s%s", *host ? "," : "", host,
	                        env && *env ? "," : "", env ? env : "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, env && !strcmp(env, "*") ? "*" : list);
}

/* As the curl command does; libcurl itself ignores these variables. A variable
 * that names the system's certificates is skipped. */
static void set_trust(CURL *e)
{
	static const char *const names[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE"};
	const char *system = curl_version_info(CURLVERSION_NOW)->cainfo, *dir = getenv("SSL_CERT_DIR");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *file = getenv(names[i]);
		if (!file || !*file || (system && !strcmp(file, system)))
			continue;
		curl_easy_setopt(e, CURLOPT_CAINFO, file);
		break;
	}
	if (dir && *dir)
		curl_easy_setopt(e, CURLOPT_CAPATH, dir);
}

void curl_use_plainly(CURL *e, const char *url, char words[static CURL_ERROR_SIZE])
{
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(e, CURLOPT_USERAGENT, "vdet");
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, words);
	set_no_proxy(e);
	set_trust(e);
}

bool curl_use_header(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t n = strlen(name), used = 0;
	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	for (line += n + 1, len -= n + 1; len && isspace((unsigned char)*line); line++)
		len--;
	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	for (; len && used + 1 < size; line++, len--)
		out[used++] = isprint((unsigned char)*line) ? *line : '?';
	out[used] = '\0';
	return true;
}

int64_t curl_use_retry_after(const char *value, int64_t max)
{
	char *end;
	double seconds = strtod(value, &end);
	if (end == value) {
		time_t at = curl_getdate(value, NULL);
		seconds = at == (time_t)-1 ? 0 : difftime(at, time(NULL));
	}
	if (!(seconds > 0))
		return 0;
	return seconds * 1e6 < (double)max ? (int64_t)(seconds * 1e6) : max;
}

bool curl_use_passing(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_SSL_CONNECT_ERROR: return true;
	default: return false;
	}
}
