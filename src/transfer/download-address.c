/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses may be downloaded from, and what an address suggests as a
 * file's name. */
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/mem.h"
#include "transfer/download-head.h"

static bool is_private4(uint32_t a)
{
	static const struct {
		uint32_t net;
		int bits;
	} nets[] = {
		{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
		{0xac100000, 12}, {0xc0000000, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xe0000000, 3},
	};
	for (size_t i = 0; i < ARRAY_LEN(nets); i++)
		if ((a ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return true;
	return false;
}

static uint32_t read4(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_private6(const uint8_t a[16])
{
	static const uint8_t zeros[12], mapped[12] = {[10] = 0xff, [11] = 0xff},
									nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	if (memcmp(a, zeros, 12) == 0) /* unspecified, loopback, and the old form of IPv4 */
		return true;
	if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
		return is_private4(read4(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02) /* 6to4 */
		return is_private4(read4(a + 2));
	return (a[0] & 0xe0) != 0x20; /* only 2000::/3 contains global unicast addresses */
}

bool download_is_private(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return is_private4(ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr));
	if (a->sa_family == AF_INET6)
		return is_private6(((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr);
	return true;
}

curl_socket_t download_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct download_reply *r = ctx;
	(void)purpose;
	if (download_is_private(&a->addr)) {
		r->is_private = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

int download_private(struct err *err)
{
	return err_set(err, ERR_PERM,
	               "the address leads to a private network or to this machine: allow that with "
	               "serve.fetch_private");
}

int download_name(const char *url, char **ret, struct err *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *path = NULL, *user = NULL, *password = NULL;
	int r = 0;
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		r = err_set(err, ERR_ARG, "%.200s is not an http or https address", url);
	else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK ||
	         curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
		r = err_set(
			err, ERR_ARG,
			"addresses with a user name or password are refused, since they would be stored");
	else if (curl_url_get(u, CURLUPART_PATH, &path, CURLU_URLDECODE) == CURLUE_OK &&
	         *file_base(path))
		*ret = mem_strdup(file_base(path));
	else
		*ret = mem_strdup("video");
	curl_free(scheme);
	curl_free(path);
	curl_free(user);
	curl_free(password);
	curl_url_cleanup(u);
	return r;
}
