/* SPDX-License-Identifier: Apache-2.0 */
/* Restricts code that is loaded at run time: the files that a decoder which
 * uses a device, or a library that the user names, may open. */
#include "proc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* Missing in some older headers. */
#define ACCESS_TRUNCATE (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)

struct place {
	const char *path; /* with everything below it */
	bool device;
};

static const struct place open_to_drivers[] = {
	{"/dev/dri", true},
	{"/dev/nvidia0", true},
	{"/dev/nvidia1", true},
	{"/dev/nvidia2", true},
	{"/dev/nvidia3", true},
	{"/dev/nvidiactl", true},
	{"/dev/nvidia-uvm", true},
	{"/dev/nvidia-caps", true},
	{"/dev/dma_heap", true},
	{"/dev/video0", true},
	{"/dev/video1", true},
	{"/dev/media0", true},
	{"/dev/media1", true},
	{"/dev/null", true},
	{"/dev/urandom", false},
	{"/usr/lib", false},
	{"/usr/local/lib", false},
	{"/usr/share/drirc.d", false},
	{"/usr/share/vulkan", false},
	{"/lib", false},
	{"/lib64", false},
	{"/etc/ld.so.cache", false},
	{"/etc/vulkan", false},
	{"/sys", false},
	{"/proc/self", false},
	{"/proc/driver/nvidia", false},
	{"/proc/modules", false},
};

/* Other libraries, and what it asks about the processor. */
static const struct place open_to_libraries[] = {
	{"/usr/lib", false},      {"/usr/local/lib", false},   {"/lib", false},
	{"/lib64", false},        {"/etc/ld.so.cache", false}, {"/sys/devices/system/cpu", false},
	{"/proc/cpuinfo", false},
};

static uint64_t handled(int abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
	all |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
	all |= abi >= 3 ? ACCESS_TRUNCATE : 0;
	return all | (abi >= 5 ? ACCESS_IOCTL_DEV : 0);
}

static void allow(int rules, const char *path, uint64_t access)
{
	AUTO(fd_closep) int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr at = {.allowed_access = access, .parent_fd = fd};
	long r = fd < 0 ? 0 : syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &at, 0);
	/* Directory rights are invalid for a file. */
	at.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
	if (r < 0)
		syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &at, 0);
}

static void allow_all(int rules, const struct place *places, size_t n, uint64_t handled)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	for (size_t i = 0; i < n; i++) {
		uint64_t more = places[i].device ? LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_IOCTL_DEV : 0;
		allow(rules, places[i].path, (read | more) & handled);
	}
}

/* what: "a driver" */
static int begin(const char *what, int *ret, uint64_t *ret_handled, struct err *err)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = {.handled_access_fs = handled(abi)};
	*ret_handled = attr.handled_access_fs;
	*ret = abi < 1 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (*ret >= 0)
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
	               "this kernel cannot restrict %s (needs Landlock, Linux 5.13); "
	               "--media-sandbox off uses it without restrictions",
	               what);
}

static int enforce(int rules, const char *what, struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return err_sys(err, errno, "cannot restrict %s (Landlock)", what);
	return 0;
}

int sandbox_devices(struct err *err)
{
	AUTO(fd_closep) int rules = -1;
	uint64_t all;
	int r = begin("a driver", &rules, &all, err);
	if (r < 0)
		return r;
	allow_all(rules, open_to_drivers, ARRAY_LEN(open_to_drivers), all);
	return enforce(rules, "the driver", err);
}

int sandbox_library(const char *folder, struct err *err)
{
	AUTO(fd_closep) int rules = -1;
	uint64_t all;
	const struct place own = {folder, false};
	int r = begin("a library that is named", &rules, &all, err);
	if (r < 0)
		return r;
	allow_all(rules, open_to_libraries, ARRAY_LEN(open_to_libraries), all);
	allow_all(rules, &own, 1, all);
	return enforce(rules, "the library", err);
}
