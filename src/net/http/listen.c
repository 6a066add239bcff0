/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { WARN_EVERY = 60 /* seconds between warnings that no file can be opened */ };

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static void free_info(struct addrinfo **i)
{
	if (*i)
		freeaddrinfo(*i);
}

static int resolve(const struct listen_address *a, struct addrinfo **ret, struct err *err)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	                               .ai_family = AF_UNSPEC,
	                               .ai_socktype = SOCK_STREAM};
	int e = getaddrinfo(*a->host ? a->host : NULL, a->port, &hints, ret);
	return e ? err_set(err, ERR_ARG, "cannot listen on %s: %s", a->host, gai_strerror(e)) : 0;
}

int listen_parse(const char *text, size_t len, struct listen_address *ret, struct err *err)
{
	*ret = (struct listen_address){0};
	int n = (int)len;
	if (len > 5 && strncmp(text, "unix:", 5) == 0) {
		if (text[5] != '/' || len - 5 >= sizeof((struct sockaddr_un *)0)->sun_path)
			return err_set(err, ERR_ARG,
			               "%.*s: expected unix:/PATH, with a path of at most 107 bytes", n, text);
		snprintf(ret->host, sizeof ret->host, "%.*s", n - 5, text + 5);
		ret->unix_socket = ret->local = true;
		return 0;
	}

	const char *colon = memrchr(text, ':', len), *end = text + len;
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	if (!colon || !digits || digits > 5 || colon + 1 + digits != end)
		return err_set(err, ERR_ARG, "%.*s: expected HOST:PORT, [IPv6]:PORT or unix:/PATH", n,
		               text);

	size_t host = (size_t)(colon - text);
	if (host >= sizeof ret->host)
		return err_set(err, ERR_ARG, "%.*s: the name is too long", n, text);
	snprintf(ret->port, sizeof ret->port, "%.*s", (int)digits, colon + 1);
	if (host >= 2 && text[0] == '[' && text[host - 1] == ']')
		snprintf(ret->host, sizeof ret->host, "%.*s", (int)host - 2, text + 1);
	else
		snprintf(ret->host, sizeof ret->host, "%.*s", (int)host, text);
	if (strchr(ret->host, ':') && text[0] != '[')
		return err_set(err, ERR_ARG, "%.*s: an IPv6 address needs brackets: [::1]:8080", n, text);

	AUTO(free_info) struct addrinfo *info = NULL;
	int r = resolve(ret, &info, err);
	ret->local = r == 0 && *ret->host;
	for (struct addrinfo *i = info; i; i = i->ai_next)
		ret->local = ret->local && is_loopback(i->ai_addr);
	return r;
}

static int open_unix(const struct listen_address *a, int *ret_fd, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	memcpy(at.sun_path, a->host, strlen(a->host) + 1); /* listen_parse() checked its length */
	AUTO(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	AUTO(fd_closep) int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || probe < 0)
		return err_sys(err, errno, "cannot create a socket");
	struct stat st;
	if (stat(a->host, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (connect(probe, (struct sockaddr *)&at, sizeof at) == 0)
			return err_set(err, ERR_BUSY, "another server is listening on %s", a->host);
		unlink(a->host); /* of a server that was killed */
	}
	mode_t old = umask(0177); /* only its owner may connect */
	int r = bind(fd, (struct sockaddr *)&at, sizeof at);
	umask(old);
	if (r < 0 || listen(fd, SOMAXCONN) < 0)
		return err_sys(err, errno, "cannot listen on %s", a->host);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* The port of a socket, and (unless `ret` is NULL) where it listens. */
static int examine(int fd, struct listen_address *ret, int *ret_port, struct err *err)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_un path;
	} me = {0};
	socklen_t n = sizeof me;
	if (getsockname(fd, &me.any, &n) < 0)
		return err_sys(err, errno, "cannot examine a socket");
	bool six = me.any.sa_family == AF_INET6, path = me.any.sa_family == AF_UNIX;
	*ret_port = path ? 0 : ntohs(six ? me.six.sin6_port : me.four.sin_port);
	if (!ret)
		return 0;
	*ret = (struct listen_address){.unix_socket = path, .local = path || is_loopback(&me.any)};
	if (path)
		snprintf(ret->host, sizeof ret->host, "%.*s", (int)sizeof me.path.sun_path,
		         me.path.sun_path);
	else if (!inet_ntop(me.any.sa_family,
	                    six ? (void *)&me.six.sin6_addr : (void *)&me.four.sin_addr, ret->host,
	                    sizeof ret->host))
		return err_set(err, ERR_ARG, "descriptor %d is neither an Internet nor a Unix socket", fd);
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
		return err_sys(err, errno, "cannot create a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (info->ai_family == AF_INET6 && !*a->host)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);

	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
		if (errno == EADDRINUSE)
			return err_set(
				err, ERR_BUSY,
				"port %s of %s is in use, perhaps by another vdet serve; choose another one with "
				"--listen HOST:PORT",
				a->port, *a->host ? a->host : "this machine");
		return err_sys(err, errno, "cannot listen on %s:%s", a->host, a->port);
	}

	r = examine(fd, NULL, ret_port, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int listen_inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int n = pid && count && strtol(pid, NULL, 10) == getpid() ? (int)strtol(count, NULL, 10) : 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (int fd = LISTEN_FIRST; fd < LISTEN_FIRST + n; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return n < 0 ? 0 : n;
}

int listen_adopt(int fd, struct listen_address *ret, int *ret_port, struct err *err)
{
	int kind = 0, listens = 0;
	socklen_t n = sizeof kind, m = sizeof listens;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &n) < 0 || kind != SOCK_STREAM ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &m) < 0 || !listens)
		return err_set(
			err, ERR_ARG,
			"LISTEN_FDS: descriptor %d is not a listening stream socket; a .socket unit needs "
			"ListenStream= and Accept=no",
			fd);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, errno, "cannot set up descriptor %d", fd);
	return examine(fd, ret, ret_port, err);
}

void listen_spare_open(struct listen_spare *s)
{
	s->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void warn_of_files(struct listen_spare *s)
{
	int64_t now = clock_now();
	if (s->warned && now - s->warned <= WARN_EVERY * CLOCK_SECOND)
		return;
	s->warned = now;
	log_warning("connections are closed, since too many files are open; raise the limit "
	            "(ulimit -n, LimitNOFILE= of systemd) or lower --net-connections");
}

enum listen_result listen_accept(int fd, struct listen_spare *s, int *ret_fd)
{
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c < 0 && (errno == EMFILE || errno == ENFILE)) {
		fd_closep(&s->fd);
		c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		listen_spare_open(s);
		if (c >= 0 && s->fd < 0) { /* it has the last descriptor */
			fd_closep(&c);
			listen_spare_open(s);
			warn_of_files(s);
			return LISTEN_SHED;
		}
	}

	*ret_fd = c;
	return c < 0 ? LISTEN_NONE : LISTEN_ACCEPTED;
}

void listen_peer(int fd, char out[static CLIENT_ADDRESS_MAX])
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof a;
	getpeername(fd, (struct sockaddr *)&a, &len);
	snprintf(out, CLIENT_ADDRESS_MAX, "local");
	if (a.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, out, CLIENT_ADDRESS_MAX);
	if (a.ss_family != AF_INET6)
		return;

	const struct in6_addr *six = &((struct sockaddr_in6 *)&a)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(six)) /* IPv4 on a socket for both */
		inet_ntop(AF_INET, &six->s6_addr[12], out, CLIENT_ADDRESS_MAX);
	else
		inet_ntop(AF_INET6, six, out, CLIENT_ADDRESS_MAX);
}
