/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox with seccomp-bpf. The list contains what libav's demuxers,
 * single-threaded decoders, filters and malloc were observed to use, and what
 * abort() needs; extend it only for a stated reason. */
#include "proc/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "proc/spawn.h"

static void free_filter(scmp_filter_ctx *f)
{
	if (*f)
		seccomp_release(*f);
}

/* Harmless with any arguments: own memory, time, own identity, waiting on open
 * descriptors. */
static const int allowed[] = {
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(getrusage),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(close),
	/* The beginning of a thread: a library may have made one when it was loaded
	 * that runs only now, and the C library aborts without them. */
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
};

/* No decoder uses these calls, so a process that does is compromised. */
static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(mount),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(pidfd_getfd),
};

/* Additional calls of drivers, if a device is in use; Landlock limits which
 * files they may open. */
static const int for_drivers[] = {
	SCMP_SYS(ioctl),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(read),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler),
	SCMP_SYS(sched_get_priority_min),
	SCMP_SYS(sched_get_priority_max),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(mincore),
	SCMP_SYS(mlock),
	SCMP_SYS(munlock),
	SCMP_SYS(mbind),
	SCMP_SYS(get_mempolicy),
};

/* While a library is loaded, so that a narrower filter can follow. */
static const int for_loading[] = {
	SCMP_SYS(prctl),
	SCMP_SYS(seccomp),
};

struct rules {
	scmp_filter_ctx filter;
	int error;
};

static void rule(struct rules *r, uint32_t action, int call)
{
	/* A call that does not exist on this architecture needs no rule. */
	int e = call < 0 ? 0 : seccomp_rule_add(r->filter, action, call, 0);
	if (e < 0 && !r->error)
		r->error = e;
}

/* Condition: (argument `arg` & mask) == value. */
static void rule_if(struct rules *r, uint32_t action, int call, unsigned arg, uint64_t mask,
                    uint64_t value)
{
	struct scmp_arg_cmp cmp = {
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
	int e = call < 0 ? 0 : seccomp_rule_add_array(r->filter, action, call, 1, &cmp);
	if (e < 0 && !r->error)
		r->error = e;
}

/* Threads, and code that is mapped from a file and is not writable. */
static void add_driver_rules(struct rules *r)
{
	const uint64_t both = PROT_WRITE | PROT_EXEC;
	for (size_t i = 0; i < ARRAY_LEN(for_drivers); i++)
		rule(r, SCMP_ACT_ALLOW, for_drivers[i]);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
	rule_if(r, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 0, CLONE_THREAD, 0);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, both, PROT_EXEC);
	rule_if(r, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mmap), 2, both, both);
}

/* Calls that are allowed only on the socket and the video. */
static void add_decoder_rules(struct rules *r)
{
	const uint64_t whole = UINT32_MAX;
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(read), 0, whole, ROLE_SOCKET);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(read), 0, whole, ROLE_INPUT);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(pread64), 0, whole, ROLE_INPUT);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(write), 0, whole, STDERR_FILENO);
	rule(r, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone));
	rule_if(r, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mmap), 2, PROT_EXEC, PROT_EXEC);
}

static void add_rules(struct rules *r, const struct sandbox *s)
{
	const uint64_t whole = UINT32_MAX; /* descriptors and process numbers are int */
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		rule(r, SCMP_ACT_ALLOW, allowed[i]);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		rule(r, SCMP_ACT_KILL_PROCESS, deadly[i]);
	/* ENOSYS makes libc fall back to clone(), whose arguments a filter can
	 * check. */
	rule(r, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));

	if (s->devices || s->loading)
		add_driver_rules(r);
	else
		add_decoder_rules(r);
	for (size_t i = 0; s->loading && i < ARRAY_LEN(for_loading); i++)
		rule(r, SCMP_ACT_ALLOW, for_loading[i]);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 0, whole, ROLE_SOCKET);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(writev), 0, whole, STDERR_FILENO);
	/* abort() sends a signal to its own thread. */
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 0, whole, (uint64_t)getpid());

	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	rule_if(r, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
	rule_if(r, SCMP_ACT_KILL_PROCESS, SCMP_SYS(mprotect), 2, PROT_EXEC, PROT_EXEC);
	rule(r, SCMP_ACT_KILL_PROCESS, SCMP_SYS(pkey_mprotect));
}

int sandbox_enter(const struct sandbox *s, struct err *err)
{
	if (!s->enforce)
		return 0;
	AUTO(free_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return err_set(err, ERR_UNSUPPORTED, "cannot make a system call filter");
	struct rules r = {.filter = filter};
	/* A call through the entry of another architecture would bypass the numbers
	 * above. */
	seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* A driver or a library may have started threads already; the filter
	 * applies to them too. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	add_rules(&r, s);
	int e = r.error ? r.error : seccomp_load(filter);
	if (e < 0)
		return err_sys(err, -e,
		               "cannot enter the sandbox (seccomp); --media-sandbox off disables it");
	return 0;
}

const char *sandbox_name(void)
{
	return "seccomp";
}
