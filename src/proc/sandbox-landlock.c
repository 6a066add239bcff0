/* SPDX-License-Identifier: Apache-2.0 */
/* Restricts a driver: the files that a decoder which uses a device may open. */
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

static const struct {
	const char *path; /* with everything below it */
	bool device;
} open_to_drivers[] = {
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

int sandbox_devices(struct err *err)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = {.handled_access_fs = handled(abi)};
	AUTO(fd_closep)
	int rules = abi < 1 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (rules < 0)
		return err_set(err, ERR_UNSUPPORTED,
		               "this kernel cannot restrict a driver (needs Landlock, Linux 5.13); "
		               "--media-sandbox off uses it without restrictions");
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	for (size_t i = 0; i < ARRAY_LEN(open_to_drivers); i++) {
		uint64_t more =
			open_to_drivers[i].device ? LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_IOCTL_DEV : 0;
		allow(rules, open_to_drivers[i].path, (read | more) & attr.handled_access_fs);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return err_sys(err, errno, "cannot restrict the driver (Landlock)");
	return 0;
}
