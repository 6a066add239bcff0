/* SPDX-License-Identifier: Apache-2.0 */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/fleet.h"

/* The host and the port of the first address, each a copy. */
static bool split(const char *url, char **ret_host, char **ret_port)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	size_t all = strcspn(host, ",/?");
	const char *at = memrchr(host, '@', all);
	if (at) {
		all -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	bool v6 = all && *host == '[';
	host += v6;
	size_t n = v6 ? strcspn(host, "]") : strcspn(host, ":,/?");
	const char *port = host + n + v6;
	if (!n)
		return false;
	*ret_host = mem_printf("%.*s", (int)n, host);
	*ret_port = *port == ':' ? mem_printf("%.*s", (int)strcspn(port + 1, ",/?"), port + 1)
	                         : mem_strdup("4222");
	return true;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;
	return a->ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
	                                : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

/* What the kernel would send from; nothing is sent. */
static bool own_address(const struct addrinfo *to, char out[static APP_HOST_MAX])
{
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof own;
	AUTO(fd_closep) int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
	       getsockname(fd, (struct sockaddr *)&own, &len) == 0 && !is_loopback(&own) &&
	       getnameinfo((struct sockaddr *)&own, len, out, APP_HOST_MAX, NULL, 0, NI_NUMERICHOST) ==
	           0 &&
	       !strchr(out, '%'); /* of one link only */
}

bool app_fleet_own_address(const char *url, char out[static APP_HOST_MAX])
{
	AUTO(mem_freep) char *host = NULL, *port = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	bool is = false;
	if (!split(url, &host, &port) || getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	for (const struct addrinfo *a = found; a && !is; a = a->ai_next)
		is = (a->ai_family == AF_INET || a->ai_family == AF_INET6) && own_address(a, out);
	freeaddrinfo(found);
	return is;
}
