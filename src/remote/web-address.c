/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses of videos there are, and what of them is not secret. Pure. */
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "remote/web.h"

static bool has_scheme(const char *path, const char *scheme)
{
	return strncasecmp(path, scheme, strlen(scheme)) == 0;
}

bool remote_is_address(const char *path)
{
	return has_scheme(path, "http://") || has_scheme(path, "https://") || has_scheme(path, "s3://");
}

char *remote_address_name(const char *url)
{
	bool s3 = has_scheme(url, "s3://"); /* a key has any characters */
	const char *host = strstr(url, "://") + 3;
	size_t scheme = (size_t)(host - url), all = strcspn(host, s3 ? "" : "?#");
	size_t authority = strcspn(host, "/?#");
	for (size_t i = authority; i > 0; i--)
		if (host[i - 1] == '@') {
			host += i;
			all -= i;
			break;
		}
	AUTO(mem_freep) char *name = mem_printf("%.*s%.*s", (int)scheme, url, (int)all, host);
	return text_line(name, REMOTE_URL_MAX);
}

int remote_address_check(const char *url, struct err *err)
{
	AUTO(mem_freep) char *name = remote_address_name(url);
	const char *host = strstr(name, "://") + 3, *path = strchr(host, '/');
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return err_set(err, ERR_ARG, "%s: an address has no blanks; write %%20", name);
	if (strlen(url) > REMOTE_URL_MAX)
		return err_set(err, ERR_ARG, "%.200s: an address has at most %d characters", name,
		               REMOTE_URL_MAX);
	if (host == path || !path || !*file_base(path))
		return err_set(err, ERR_ARG, "%s: the address names no file", name);
	return 0;
}
