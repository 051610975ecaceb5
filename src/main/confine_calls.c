/* Confinement of system calls by seccomp (libseccomp).

   The list says what souk and its libraries call: RocksDB, libuv, OpenSSL, libcurl, the C library's threads, memory and resolver,
   on the architectures that Debian has. A call that is not on it answers ENOSYS, as a kernel does that is older than the call: the
   C library then takes another way, where EPERM would look like a failure. What no server ever does ends the process. */
#include "main/confine.h"
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* Names, not numbers: an architecture that lacks one passes over it. */
/* clang-format off */
static const char *const allowed[] = {
    /* files */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "open",
    "openat", "openat2", "close", "close_range", "lseek", "_llseek", "stat", "stat64", "fstat", "fstat64", "lstat",
    "lstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "access",
    "faccessat", "faccessat2", "fsync", "fdatasync", "sync_file_range", "sync_file_range2", "syncfs", "fallocate",
    "truncate", "truncate64", "ftruncate", "ftruncate64", "fadvise64", "fadvise64_64", "readahead", "copy_file_range",
    "sendfile", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat",
    "rmdir", "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "umask", "chmod", "fchmod", "fchmodat",
    "utimensat", "flock", "fcntl", "fcntl64", "dup", "dup2", "dup3", "pipe", "pipe2",
    /* waiting */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "eventfd", "eventfd2", "timerfd_create",
    "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "nanosleep", "clock_nanosleep",
    "clock_nanosleep_time64", "pause", "restart_syscall",
    /* sockets; `socket` itself has conditions */
    "socketpair", "connect", "bind", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg",
    "recvmmsg_time64", "shutdown",
    /* memory; `mmap` and `mprotect` have conditions */
    "munmap", "mremap", "madvise", "brk", "mincore", "msync", "mlock", "mlock2", "munlock", "membarrier",
    /* threads; `clone` has conditions, and stands for clone3, whose flags a filter cannot see */
    "exit", "exit_group", "set_tid_address", "set_robust_list", "get_robust_list", "rseq", "futex", "futex_time64",
    "futex_waitv", "futex_wait", "futex_wake", "gettid", "getpid", "sched_yield", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min", "getcpu",
    "sigaltstack", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "rt_sigpending", "rt_sigtimedwait",
    "rt_sigsuspend", "arch_prctl", "set_thread_area", "set_tls",
    /* time, limits, names */
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "gettimeofday", "time", "times",
    "getrandom", "getrusage", "sysinfo", "uname", "getrlimit", "ugetrlimit", "setrlimit", "getppid", "getuid",
    "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "getresuid", "getresuid32",
    "getresgid", "getresgid32", "getgroups", "getgroups32", "capget",
};
/* clang-format on */

/* To start another program, to look into another process, to change the kernel, the name space or the user. */
/* clang-format off */
static const char *const deadly[] = {
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open",
    "userfaultfd", "mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "pivot_root",
    "chroot", "setns", "unshare", "open_by_handle_at", "add_key", "request_key", "keyctl", "reboot", "swapon",
    "swapoff", "iopl", "ioperm", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
    "capset", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "syslog", "acct", "quotactl",
};
/* clang-format on */

static bool add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number < 0) continue; /* not of this architecture, or younger than the library */
        if (seccomp_rule_add(filter, action, number, 0) != 0) return false;
    }
    return true;
}

/* Allows a call when one argument, masked, is as given. */
static bool add_masked(scmp_filter_ctx filter, const char *name, unsigned argument, scmp_datum_t mask,
                       scmp_datum_t value)
{
    int number = seccomp_syscall_resolve_name(name);
    return number < 0 || seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
                                          SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value)) == 0;
}

static bool add_equal(scmp_filter_ctx filter, const char *name, unsigned argument, const unsigned long *values,
                      size_t count)
{
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = add_masked(filter, name, argument, UINT32_MAX, values[i]);
    return good;
}

/* Memory is written or executed, never both: what was written into the process does not become its code. */
static bool add_memory(scmp_filter_ctx filter)
{
    static const char *const calls[] = {"mmap", "mmap2", "mprotect"};
    bool good = true;
    for (size_t i = 0; good && i < sizeof calls / sizeof calls[0]; i++)
        good = add_masked(filter, calls[i], 2, PROT_EXEC, 0) &&
               add_masked(filter, calls[i], 2, PROT_EXEC | PROT_WRITE, PROT_EXEC);
    return good;
}

static bool add_conditions(scmp_filter_ctx filter)
{
    static const unsigned long families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    static const unsigned long processes[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE,
                                              0x53564d41 /* PR_SET_VMA, which names memory */};
    static const unsigned long devices[] = {FIONBIO, FIOCLEX, FIONCLEX, FIONREAD, TCGETS, TIOCGWINSZ};
    const unsigned long own[] = {(unsigned long)getpid(), 0};
    return add_memory(filter) && add_equal(filter, "socket", 0, families, sizeof families / sizeof families[0]) &&
           add_equal(filter, "prctl", 0, processes, sizeof processes / sizeof processes[0]) &&
           add_equal(filter, "ioctl", 1, devices, sizeof devices / sizeof devices[0]) &&
           add_masked(filter, "clone", 0, CLONE_THREAD, CLONE_THREAD) && add_equal(filter, "prlimit64", 0, own, 2) &&
           add_equal(filter, "kill", 0, own, 1) && add_equal(filter, "tgkill", 0, own, 1);
}

bool confine_calls(char problem[256])
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    bool good = filter && add_all(filter, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof allowed[0]) &&
                add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, sizeof deadly / sizeof deadly[0]) &&
                add_conditions(filter);
    if (good) seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree; a library that has none makes a list */
    int fault = good ? seccomp_load(filter) : -EINVAL;
    if (fault) snprintf(problem, 256, "cannot confine itself to its system calls: %s", strerror(-fault));
    if (filter) seccomp_release(filter);
    return fault == 0;
}
