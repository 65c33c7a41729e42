package dev.berth.runtime.plan;

import java.util.Map;

/** Constants of the kernel's interface that plans use, with the header each is from. */
final class Uapi {
  private Uapi() {}

  // linux/fcntl.h, asm-generic/fcntl.h
  static final Arg AT_FDCWD = Arg.of(-100, "AT_FDCWD");
  static final long AT_EMPTY_PATH = 0x1000;
  static final long AT_EACCESS = 0x200;
  static final Arg F_DUPFD_CLOEXEC = Arg.of(1030, "F_DUPFD_CLOEXEC");

  // unistd.h of the C library
  static final Arg X_OK = Arg.of(1, "X_OK");

  // linux/fcntl.h, asm-generic/fcntl.h
  static final long AT_RECURSIVE = 0x8000;
  static final int O_WRONLY = 1;
  static final int O_RDWR = 2;
  static final int O_NOCTTY = 0400;
  static final int O_NONBLOCK = 04000;
  static final int O_CLOEXEC = 02000000;
  static final int O_PATH = 010000000;
  // These two differ between architectures: asm/fcntl.h of arm64 has its own.
  static final int O_DIRECTORY = isArm() ? 040000 : 0200000;
  static final int O_NOFOLLOW = isArm() ? 0100000 : 0400000;

  // linux/stat.h
  static final int S_IFREG = 0100000;
  static final int S_IFCHR = 0020000;
  static final int S_IFBLK = 0060000;
  static final int S_IFIFO = 0010000;
  static final int STATX_TYPE = 1;
  static final int STATX_MODE_OFFSET = 28;
  static final int STATX_RDEV_OFFSET = 128;

  // linux/openat2.h
  static final long RESOLVE_NO_XDEV = 0x01;
  static final long RESOLVE_NO_MAGICLINKS = 0x02;
  static final long RESOLVE_NO_SYMLINKS = 0x04;
  static final long RESOLVE_BENEATH = 0x08;
  static final long RESOLVE_IN_ROOT = 0x10;
  static final int OPEN_HOW_BYTES = 24;

  // linux/mount.h
  static final long OPEN_TREE_CLONE = 1;
  static final long MOVE_MOUNT_F_EMPTY_PATH = 0x4;
  static final long MOVE_MOUNT_FD_TO_FD = 0x4 | 0x40; // F_EMPTY_PATH | T_EMPTY_PATH
  static final long FSOPEN_CLOEXEC = 1;
  static final long FSMOUNT_CLOEXEC = 1;
  static final long FSCONFIG_SET_FLAG = 0;
  static final long FSCONFIG_SET_STRING = 1;
  static final long FSCONFIG_SET_FD = 5;
  static final long FSCONFIG_CMD_CREATE = 6;
  static final long MOUNT_ATTR_RDONLY = 0x1;
  static final long MOUNT_ATTR_NOSUID = 0x2;
  static final long MOUNT_ATTR_NODEV = 0x4;
  static final long MOUNT_ATTR_NOEXEC = 0x8;
  static final long MOUNT_ATTR_ATIME_MASK = 0x70;
  static final long MOUNT_ATTR_NOATIME = 0x10;
  static final long MOUNT_ATTR_STRICTATIME = 0x20;
  static final long MOUNT_ATTR_NODIRATIME = 0x80;
  static final long MOUNT_ATTR_IDMAP = 0x100000;
  static final long MOUNT_ATTR_NOSYMFOLLOW = 0x200000;
  static final long MS_UNBINDABLE = 1 << 17;
  static final long MS_PRIVATE = 1 << 18;
  static final long MS_SLAVE = 1 << 19;
  static final long MS_SHARED = 1 << 20;
  static final long MNT_DETACH = 2;
  static final int MOUNT_ATTR_BYTES = 32;
  static final int MOUNT_ATTR_USERNS_OFFSET = 24;

  // linux/sched.h
  static final long CLONE_NEWTIME = 0x80;
  static final long CLONE_PARENT = 0x8000;
  static final long CLONE_NEWNS = 0x20000;
  static final long CLONE_NEWCGROUP = 0x2000000;
  static final long CLONE_NEWUTS = 0x4000000;
  static final long CLONE_NEWIPC = 0x8000000;
  static final long CLONE_NEWUSER = 0x10000000;
  static final long CLONE_NEWPID = 0x20000000;
  static final long CLONE_NEWNET = 0x40000000;
  static final long CLONE_INTO_CGROUP = 0x200000000L;
  static final int CLONE_ARGS_BYTES = 88;
  static final int CLONE_ARGS_EXIT_SIGNAL = 32;
  static final int CLONE_ARGS_CGROUP = 80;
  static final int SIGCHLD = 17;
  static final int SIGKILL = 9;

  // linux/prctl.h
  static final Arg PR_SET_PDEATHSIG = Arg.of(1, "PR_SET_PDEATHSIG");
  static final Arg PR_SET_DUMPABLE = Arg.of(4, "PR_SET_DUMPABLE");
  static final Arg PR_SET_KEEPCAPS = Arg.of(8, "PR_SET_KEEPCAPS");
  static final Arg PR_CAPBSET_DROP = Arg.of(24, "PR_CAPBSET_DROP");
  static final Arg PR_SET_NO_NEW_PRIVS = Arg.of(38, "PR_SET_NO_NEW_PRIVS");
  static final Arg PR_CAP_AMBIENT = Arg.of(47, "PR_CAP_AMBIENT");
  static final Arg PR_CAP_AMBIENT_RAISE = Arg.of(2, "RAISE");
  static final Arg PR_CAP_AMBIENT_CLEAR_ALL = Arg.of(4, "CLEAR_ALL");

  // linux/seccomp.h, linux/keyctl.h, linux/close_range.h, linux/capability.h
  static final Arg SECCOMP_SET_MODE_FILTER = Arg.of(1, "SET_MODE_FILTER");
  static final Arg KEYCTL_JOIN_SESSION_KEYRING = Arg.of(1, "JOIN_SESSION_KEYRING");
  static final Arg CLOSE_RANGE_CLOEXEC = Arg.of(4, "CLOEXEC");
  static final int LINUX_CAPABILITY_VERSION_3 = 0x20080522;
  static final int CAP_SYS_ADMIN = 21;

  // asm-generic/ioctls.h
  static final Arg TIOCSCTTY = Arg.of(0x540E, "TIOCSCTTY");
  static final Arg TIOCSWINSZ = Arg.of(0x5414, "TIOCSWINSZ");
  static final Arg TIOCSPTLCK = Arg.of(0x40045431L, "TIOCSPTLCK");
  static final Arg TIOCGPTPEER = Arg.of(0x5441, "TIOCGPTPEER");

  /** asm-generic/resource.h. */
  static final Map<String, Integer> RLIMITS =
      Map.ofEntries(
          Map.entry("RLIMIT_CPU", 0),
          Map.entry("RLIMIT_FSIZE", 1),
          Map.entry("RLIMIT_DATA", 2),
          Map.entry("RLIMIT_STACK", 3),
          Map.entry("RLIMIT_CORE", 4),
          Map.entry("RLIMIT_RSS", 5),
          Map.entry("RLIMIT_NPROC", 6),
          Map.entry("RLIMIT_NOFILE", 7),
          Map.entry("RLIMIT_MEMLOCK", 8),
          Map.entry("RLIMIT_AS", 9),
          Map.entry("RLIMIT_LOCKS", 10),
          Map.entry("RLIMIT_SIGPENDING", 11),
          Map.entry("RLIMIT_MSGQUEUE", 12),
          Map.entry("RLIMIT_NICE", 13),
          Map.entry("RLIMIT_RTPRIO", 14),
          Map.entry("RLIMIT_RTTIME", 15));

  /** linux/sched.h; SCHED_OTHER is SCHED_NORMAL there. */
  static final Map<String, Integer> SCHED_POLICIES =
      Map.of(
          "SCHED_OTHER", 0,
          "SCHED_FIFO", 1,
          "SCHED_RR", 2,
          "SCHED_BATCH", 3,
          "SCHED_IDLE", 5,
          "SCHED_DEADLINE", 6);

  /** linux/sched.h. */
  static final Map<String, Integer> SCHED_FLAGS =
      Map.of(
          "SCHED_FLAG_RESET_ON_FORK", 0x01,
          "SCHED_FLAG_RECLAIM", 0x02,
          "SCHED_FLAG_DL_OVERRUN", 0x04,
          "SCHED_FLAG_KEEP_POLICY", 0x08,
          "SCHED_FLAG_KEEP_PARAMS", 0x10,
          "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20,
          "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40);

  // linux/sched/types.h
  static final int SCHED_ATTR_SIZE_VER0 = 48;

  // linux/ioprio.h
  static final Arg IOPRIO_WHO_PROCESS = Arg.of(1, "PROCESS");
  static final int IOPRIO_CLASS_SHIFT = 13;

  /** linux/ioprio.h. */
  static final Map<String, Integer> IO_CLASSES =
      Map.of("IOPRIO_CLASS_RT", 1, "IOPRIO_CLASS_BE", 2, "IOPRIO_CLASS_IDLE", 3);

  /** linux/personality.h, PER_LINUX and PER_LINUX32. */
  static final Map<String, Integer> PERSONALITIES = Map.of("LINUX", 0, "LINUX32", 8);

  /** linux/mempolicy.h. */
  static final Map<String, Integer> MEMORY_POLICIES =
      Map.of(
          "MPOL_DEFAULT", 0,
          "MPOL_PREFERRED", 1,
          "MPOL_BIND", 2,
          "MPOL_INTERLEAVE", 3,
          "MPOL_LOCAL", 4,
          "MPOL_PREFERRED_MANY", 5,
          "MPOL_WEIGHTED_INTERLEAVE", 6);

  /** linux/mempolicy.h. */
  static final Map<String, Integer> MEMORY_POLICY_FLAGS =
      Map.of(
          "MPOL_F_NUMA_BALANCING", 1 << 13,
          "MPOL_F_RELATIVE_NODES", 1 << 14,
          "MPOL_F_STATIC_NODES", 1 << 15);

  /** Packs a device number as the kernel's new encoding does: makedev(3). */
  static long device(long major, long minor) {
    return (minor & 0xff)
        | ((major & 0xfff) << 8)
        | ((minor & ~0xffL) << 12)
        | ((major & ~0xfffL) << 32);
  }

  private static boolean isArm() {
    return System.getProperty("os.arch").equals("aarch64");
  }
}
