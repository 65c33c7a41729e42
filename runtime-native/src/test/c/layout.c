/*
 * Prints the sizes, offsets and numbers that berth-init and the kernel's headers
 * agree on, one "name value" a line, for the tests that compare Java's with them.
 * Built from berth-init's own sources, so that nothing here can be out of date.
 */
#include "attach.h"
#include "control.h"
#include "stub.h"

#include <asm/ioctls.h>
#include <asm/resource.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/seccomp.h>
#include <linux/stat.h>

static void print(const char *name, uint64_t value)
{
    char digits[21];
    int at = sizeof digits;
    digits[--at] = '\n';
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    sys3(__NR_write, 1, name, strlen(name));
    sys3(__NR_write, 1, " ", 1);
    sys3(__NR_write, 1, digits + at, sizeof digits - (size_t)at);
}

#define SHOW(value) print(#value, (uint64_t)(value))
#define OFFSET(type, field) print(#type "." #field, offsetof(struct type, field))
#define SIZE(type) print("sizeof " #type, sizeof(struct type))

static void show_plan(void)
{
    SHOW(PLAN_MAGIC), SHOW(PLAN_VERSION), SHOW(REGISTERS), SHOW(NO_REGISTER), SHOW(SLOT_COUNT);
    SHOW(OP_CALL), SHOW(OP_STORE), SHOW(OP_LOAD), SHOW(OP_CHECK), SHOW(OP_ASK), SHOW(OP_CLONE);
    SHOW(OP_SEND_FD), SHOW(OP_EXEC), SHOW(OP_SKIP), SHOW(OP_FAIL), SHOW(OP_WAIT), SHOW(OP_SHOW);
    SHOW(LISTENER_EXPECTED), SHOW(LISTENER_TAKEN);
    SHOW(EXEC_ASIDE), SHOW(WAIT_EXITED), SHOW(WAIT_SIGNALED);
    SHOW(CLONE_IS_INIT), SHOW(ARG_VALUE), SHOW(ARG_DATA), SHOW(ARG_REGISTER), SHOW(SKIP_RETRY);
    SHOW(ASK_START), SHOW(ASK_ID_MAPS), SHOW(ASK_CREATE_HOOKS), SHOW(ASK_CREATED_STATE);
    SHOW(ASK_COPY_UP), SHOW(ASK_NET_DEVICES);
    SHOW(SLOT_LISTENER), SHOW(SLOT_EXIT_RECORD), SHOW(SLOT_JOURNAL), SHOW(SLOT_OUT), SHOW(SLOT_ERR);
    SHOW(SLOT_OUT_SPOOL), SHOW(SLOT_ERR_SPOOL), SHOW(SLOT_LOG), SHOW(SLOT_STDIN);
    SHOW(SLOT_RAW_OUT), SHOW(SLOT_MASTER), SHOW(SLOT_INIT);
    SIZE(plan), SIZE(step), SIZE(relocation), SIZE(outcome);
    OFFSET(plan, magic), OFFSET(plan, version), OFFSET(plan, fd_count), OFFSET(plan, size);
    OFFSET(plan, step_offset), OFFSET(plan, step_count), OFFSET(plan, relocation_offset);
    OFFSET(plan, relocation_count), OFFSET(plan, data_offset), OFFSET(plan, data_size);
    OFFSET(plan, slot), OFFSET(plan, init_pid), OFFSET(plan, phase), OFFSET(plan, failed_step);
    OFFSET(plan, failed_errno), OFFSET(plan, listener);
    OFFSET(step, op), OFFSET(step, flags), OFFSET(step, target), OFFSET(step, outcome_count);
    OFFSET(step, number), OFFSET(step, kind), OFFSET(step, argument), OFFSET(step, outcome);
    OFFSET(outcome, error), OFFSET(outcome, skip), OFFSET(relocation, at);
    OFFSET(relocation, target);
}

static void show_protocol(void)
{
    SHOW(TO_PLAN), SHOW(TO_ANSWER), SHOW(TO_START), SHOW(TO_REOPEN_LOG), SHOW(TO_RESIZE);
    SHOW(TO_CLOSE_STDIN), SHOW(TO_STATE), SHOW(TO_DESCRIPTORS), SHOW(TO_ABORT), SHOW(TO_ATTACH), SHOW(TO_RELEASE);
    SHOW(FROM_STDIN_CLOSED), SHOW(FROM_DETACHED), SHOW(FROM_LISTENER);
    SHOW(ATTACH_STDIN), SHOW(ATTACH_STDOUT), SHOW(ATTACH_STDERR);
    SHOW(STDIN_NONE), SHOW(STDIN_OPEN), SHOW(STDIN_ONCE), SHOW(STDIN_CLOSED);
    OFFSET(journal, stdin_state);
    SHOW(FROM_ASK), SHOW(FROM_CREATED), SHOW(FROM_FAILED), SHOW(FROM_STARTED), SHOW(FROM_EXITED);
    SHOW(FROM_OK), SHOW(FROM_ERROR), SHOW(FROM_STATE), SHOW(FROM_DESCRIPTORS);
    SHOW(HEAD), SIZE(message);
    SHOW(EXIT_MAGIC), SIZE(exit_record);
    OFFSET(exit_record, code), OFFSET(exit_record, status), OFFSET(exit_record, pid);
    OFFSET(exit_record, adopted), OFFSET(exit_record, seconds), OFFSET(exit_record, nanoseconds);
    SHOW(JOURNAL_MAGIC), SIZE(journal);
    OFFSET(journal, log_inode);
}

static void show_kernel(void)
{
    SHOW(AT_EACCESS), SHOW(F_DUPFD_CLOEXEC), SHOW(PHASE_EXECUTING);
    SHOW(AT_EMPTY_PATH), SHOW(AT_RECURSIVE), SHOW(O_WRONLY), SHOW(O_RDWR), SHOW(O_NOCTTY);
    SHOW(O_NONBLOCK), SHOW(O_CLOEXEC), SHOW(O_PATH), SHOW(O_DIRECTORY), SHOW(O_NOFOLLOW);
    SHOW(S_IFREG), SHOW(S_IFCHR), SHOW(S_IFBLK), SHOW(S_IFIFO), SHOW(STATX_TYPE);
    SHOW(RESOLVE_NO_XDEV), SHOW(RESOLVE_NO_MAGICLINKS), SHOW(RESOLVE_NO_SYMLINKS);
    SHOW(RESOLVE_BENEATH), SHOW(RESOLVE_IN_ROOT), SIZE(open_how);
    SHOW(OPEN_TREE_CLONE), SHOW(MOVE_MOUNT_F_EMPTY_PATH), SHOW(MOVE_MOUNT_T_EMPTY_PATH);
    SHOW(FSOPEN_CLOEXEC), SHOW(FSMOUNT_CLOEXEC), SHOW(FSCONFIG_SET_FLAG);
    SHOW(FSCONFIG_SET_STRING), SHOW(FSCONFIG_SET_FD), SHOW(FSCONFIG_CMD_CREATE);
    SHOW(MOUNT_ATTR_RDONLY), SHOW(MOUNT_ATTR_NOSUID), SHOW(MOUNT_ATTR_NODEV);
    SHOW(MOUNT_ATTR_NOEXEC), SHOW(MOUNT_ATTR_NOATIME), SHOW(MOUNT_ATTR_STRICTATIME);
    SHOW(MOUNT_ATTR_NODIRATIME), SHOW(MOUNT_ATTR_IDMAP), SHOW(MOUNT_ATTR_NOSYMFOLLOW);
    OFFSET(mount_attr, userns_fd);
    SHOW(MS_UNBINDABLE), SHOW(MS_PRIVATE), SHOW(MS_SLAVE), SHOW(MS_SHARED), SIZE(mount_attr);
    SHOW(CLONE_NEWTIME), SHOW(CLONE_PARENT), SHOW(CLONE_NEWNS), SHOW(CLONE_NEWCGROUP);
    SHOW(CLONE_NEWUTS), SHOW(CLONE_NEWIPC), SHOW(CLONE_NEWUSER), SHOW(CLONE_NEWPID);
    SHOW(CLONE_NEWNET), SHOW(CLONE_INTO_CGROUP), SIZE(clone_args);
    OFFSET(clone_args, exit_signal), OFFSET(clone_args, cgroup);
    SHOW(PR_SET_PDEATHSIG), SHOW(PR_SET_DUMPABLE), SHOW(PR_SET_KEEPCAPS), SHOW(PR_CAPBSET_DROP);
    SHOW(PR_SET_NO_NEW_PRIVS), SHOW(PR_CAP_AMBIENT), SHOW(PR_CAP_AMBIENT_RAISE);
    SHOW(PR_CAP_AMBIENT_CLEAR_ALL), SHOW(SECCOMP_SET_MODE_FILTER);
    SHOW(KEYCTL_JOIN_SESSION_KEYRING), SHOW(CLOSE_RANGE_CLOEXEC);
    print("LINUX_CAPABILITY_VERSION_3", _LINUX_CAPABILITY_VERSION_3);
    SHOW(CAP_SYS_ADMIN), SHOW(TIOCSCTTY), SHOW(TIOCSWINSZ), SHOW(TIOCSPTLCK), SHOW(TIOCGPTPEER);
    SHOW(RLIMIT_CPU), SHOW(RLIMIT_FSIZE), SHOW(RLIMIT_DATA), SHOW(RLIMIT_STACK), SHOW(RLIMIT_CORE);
    SHOW(RLIMIT_RSS), SHOW(RLIMIT_NPROC), SHOW(RLIMIT_NOFILE), SHOW(RLIMIT_MEMLOCK);
    SHOW(RLIMIT_AS), SHOW(RLIMIT_LOCKS), SHOW(RLIMIT_SIGPENDING), SHOW(RLIMIT_MSGQUEUE);
    SHOW(RLIMIT_NICE), SHOW(RLIMIT_RTPRIO), SHOW(RLIMIT_RTTIME);
    print("SCHED_OTHER", SCHED_NORMAL);
    SHOW(SCHED_FIFO), SHOW(SCHED_RR), SHOW(SCHED_BATCH), SHOW(SCHED_IDLE), SHOW(SCHED_DEADLINE);
    SHOW(SCHED_FLAG_RESET_ON_FORK), SHOW(SCHED_FLAG_RECLAIM), SHOW(SCHED_FLAG_DL_OVERRUN);
    SHOW(SCHED_FLAG_KEEP_POLICY), SHOW(SCHED_FLAG_KEEP_PARAMS), SHOW(SCHED_FLAG_UTIL_CLAMP_MIN);
    SHOW(SCHED_FLAG_UTIL_CLAMP_MAX), SHOW(SCHED_ATTR_SIZE_VER0);
    OFFSET(sched_attr, sched_policy), OFFSET(sched_attr, sched_flags);
    OFFSET(sched_attr, sched_nice), OFFSET(sched_attr, sched_priority);
    OFFSET(sched_attr, sched_runtime), OFFSET(sched_attr, sched_period);
    SHOW(IOPRIO_WHO_PROCESS), SHOW(IOPRIO_CLASS_SHIFT);
    SHOW(IOPRIO_CLASS_RT), SHOW(IOPRIO_CLASS_BE), SHOW(IOPRIO_CLASS_IDLE);
    print("LINUX", PER_LINUX), print("LINUX32", PER_LINUX32);
    SHOW(MPOL_DEFAULT), SHOW(MPOL_PREFERRED), SHOW(MPOL_BIND), SHOW(MPOL_INTERLEAVE);
    SHOW(MPOL_LOCAL), SHOW(MPOL_PREFERRED_MANY);
    SHOW(MPOL_F_NUMA_BALANCING), SHOW(MPOL_F_RELATIVE_NODES), SHOW(MPOL_F_STATIC_NODES);
    OFFSET(statx, stx_mode), OFFSET(statx, stx_rdev_major), OFFSET(statx, stx_rdev_minor);
}

_Noreturn void start(long *stack)
{
    (void)stack;
    show_plan();
    show_protocol();
    show_kernel();
    die(0);
}
