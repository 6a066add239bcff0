#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

static bool loops_back(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static void free_info(struct addrinfo **i)
{
	if (*i)
		freeaddrinfo(*i);
}

static int resolve(const struct listen_address *a, struct addrinfo **ret, struct err *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int e = getaddrinfo(*a->host ? a->host : NULL, a->port, &hints, ret);
	return e ? err_set(err, ERR_ARG, "cannot listen on %s: %s", a->host, gai_strerror(e)) : 0;
}

int listen_parse(const char *text, size_t len, struct listen_address *ret, struct err *err)
{
	*ret = (struct listen_address){0};
	int n = (int)len;
	if (len > 5 && strncmp(text, "unix:", 5) == 0) {
		if (text[5] != '/' || len - 5 >= sizeof((struct sockaddr_un *)0)->sun_path)
			return err_set(err, ERR_ARG, "%.*s: a Unix socket is written unix:/PATH, at most 107 bytes", n, text);
		snprintf(ret->host, sizeof ret->host, "%.*s", n - 5, text + 5);
		ret->unix_socket = ret->local = true;
		return 0;
	}
	const char *colon = memrchr(text, ':', len), *end = text + len;
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	if (!colon || !digits || digits > 5 || colon + 1 + digits != end)
		return err_set(err, ERR_ARG, "%.*s: an address to listen on is written HOST:PORT, [IPv6]:PORT or unix:/PATH", n,
		               text);
	size_t host = (size_t)(colon - text);
	if (host >= sizeof ret->host)
		return err_set(err, ERR_ARG, "%.*s: this name is too long", n, text);
	snprintf(ret->port, sizeof ret->port, "%.*s", (int)digits, colon + 1);
	if (host >= 2 && text[0] == '[' && text[host - 1] == ']')
		snprintf(ret->host, sizeof ret->host, "%.*s", (int)host - 2, text + 1);
	else
		snprintf(ret->host, sizeof ret->host, "%.*s", (int)host, text);
	if (strchr(ret->host, ':') && text[0] != '[')
		return err_set(err, ERR_ARG, "%.*s: an IPv6 address stands in brackets: [::1]:8080", n, text);
	AUTO(free_info) struct addrinfo *info = NULL;
	int r = resolve(ret, &info, err);
	ret->local = r == 0 && *ret->host;
	for (struct addrinfo *i = info; i; i = i->ai_next)
		ret->local = ret->local && loops_back(i->ai_addr);
	return r;
}

static int open_unix(const struct listen_address *a, int *ret_fd, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	memcpy(at.sun_path, a->host, strlen(a->host) + 1); /* listen_parse() saw that it fits */
	AUTO(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	AUTO(fd_closep) int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || probe < 0)
		return err_sys(err, errno, "cannot make a socket");
	struct stat st;
	if (stat(a->host, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (connect(probe, (struct sockaddr *)&at, sizeof at) == 0)
			return err_set(err, ERR_BUSY, "another server listens on %s already", a->host);
		unlink(a->host); /* left by one that was killed */
	}
	mode_t old = umask(0177); /* only for us */
	int r = bind(fd, (struct sockaddr *)&at, sizeof at);
	umask(old);
	if (r < 0 || listen(fd, SOMAXCONN) < 0)
		return err_sys(err, errno, "cannot listen on %s", a->host);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int listen_open(const struct listen_address *a, int *ret_fd, int *ret_port, struct err *err)
{
	if (a->unix_socket) {
		*ret_port = 0;
		return open_unix(a, ret_fd, err);
	}
	AUTO(free_info) struct addrinfo *info = NULL;
	int r = resolve(a, &info, err), on = 1, off = 0;
	if (r < 0)
		return r;
	AUTO(fd_closep) int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (info->ai_family == AF_INET6 && !*a->host)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
		if (errno == EADDRINUSE)
			return err_set(err, ERR_BUSY,
			               "port %s of %s is in use, perhaps by another vdet serve; choose another with "
			               "--listen HOST:PORT",
			               a->port, *a->host ? a->host : "this machine");
		return err_sys(err, errno, "cannot listen on %s:%s", a->host, a->port);
	}
	struct sockaddr_storage me;
	socklen_t n = sizeof me;
	if (getsockname(fd, (struct sockaddr *)&me, &n) < 0)
		return err_sys(err, errno, "cannot examine a socket");
	*ret_port = ntohs(me.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&me)->sin6_port
	                                           : ((struct sockaddr_in *)&me)->sin_port);
	*ret_fd = fd;
	fd = -1;
	return 0;
}
