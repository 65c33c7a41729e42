package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.berth.runtime.spec.CapabilityNames;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Compares our copies of the kernel's numbers, sizes and offsets with its headers: a C file of
 * static assertions, which the compiler of each architecture accepts or not. What the installed
 * headers are too old for is passed over by {@code #ifdef}; the tests that use it show it right.
 */
class HeadersTest {
  private static final List<Class<?>> CLASSES =
      List.of(
          Descriptors.class,
          Epoll.class,
          EventFd.class,
          FcntlCommands.class,
          FileSystemContext.class,
          Memfd.class,
          MessageHeader.class,
          Mounts.class,
          Namespaces.class,
          Poll.class,
          Processes.class,
          RtNetlink.class,
          NetlinkMessage.class,
          NetlinkSocket.class,
          LinkMessages.class,
          AddressMessages.class,
          QueueMessages.class,
          NfTables.class,
          NfMessages.class,
          NfRule.class,
          Conntrack.class,
          SeqpacketSocket.class,
          Spawner.class,
          ControlTree.class,
          NamespaceSetup.class);

  /** The numbers of the launch plan, package-private there. */
  private static final String PLAN_NUMBERS = "dev.berth.runtime.plan.Uapi";

  /** What Uapi has for the architecture of this machine only. */
  private static final List<String> OF_THIS_MACHINE = List.of("O_DIRECTORY", "O_NOFOLLOW");

  /** Sizes by the name of our constant. What is not here must be a macro of that very name. */
  private static final Map<String, String> SIZES =
      Map.ofEntries(
          Map.entry("SIZE_OF_POLLFD", "sizeof(struct pollfd)"),
          Map.entry("SIZE_OF_TIMESPEC", "sizeof(struct timespec)"),
          Map.entry("SIZE_OF_SIGINFO", "sizeof(siginfo_t)"),
          Map.entry("SIZE_OF_MSGHDR", "sizeof(struct msghdr)"),
          Map.entry("SIZE_OF_IOVEC", "sizeof(struct iovec)"),
          Map.entry("SIZE_OF_CMSGHDR", "sizeof(struct cmsghdr)"),
          Map.entry("SIZE_OF_MOUNT_ATTR", "sizeof(struct mount_attr)"),
          Map.entry("SIZE_OF_SIGSET", "sizeof(sigset_t)"),
          Map.entry("SIZE_OF_NLMSGHDR", "sizeof(struct nlmsghdr)"),
          Map.entry("SIZE_OF_IFINFOMSG", "sizeof(struct ifinfomsg)"),
          Map.entry("SIZE_OF_IFADDRMSG", "sizeof(struct ifaddrmsg)"),
          Map.entry("SIZE_OF_NLATTR", "sizeof(struct nlattr)"),
          Map.entry("SIZE_OF_NLMSGERR", "sizeof(struct nlmsgerr)"),
          Map.entry("SIZE_OF_TC_TBF_QOPT", "sizeof(struct tc_tbf_qopt)"),
          Map.entry("SIZE_OF_SOCKADDR_NL", "sizeof(struct sockaddr_nl)"),
          Map.entry("SIZE_OF_NFGENMSG", "sizeof(struct nfgenmsg)"),
          Map.entry("SI_CODE", "offsetof(siginfo_t, si_code)"),
          Map.entry("SI_PID", "offsetof(siginfo_t, si_pid)"),
          Map.entry("SI_STATUS", "offsetof(siginfo_t, si_status)"),
          Map.entry("MSG_IOV", "offsetof(struct msghdr, msg_iov)"),
          Map.entry("MSG_IOVLEN", "offsetof(struct msghdr, msg_iovlen)"),
          Map.entry("MSG_CONTROL", "offsetof(struct msghdr, msg_control)"),
          Map.entry("MSG_CONTROLLEN", "offsetof(struct msghdr, msg_controllen)"),
          Map.entry("MSG_FLAGS", "offsetof(struct msghdr, msg_flags)"),
          Map.entry("CMSG_LEVEL", "offsetof(struct cmsghdr, cmsg_level)"),
          Map.entry("CMSG_TYPE", "offsetof(struct cmsghdr, cmsg_type)"));

  /** Enumerators, which {@code #ifdef} does not see. */
  private static final List<String> ENUMERATORS =
      List.of(
          "FSCONFIG_",
          "P_PIDFD",
          "IFLA_",
          "IFA_",
          "VETH_",
          "IN6_",
          "RTM_",
          "RTN_",
          "RTA_",
          "RT_SCOPE_",
          "TCA_",
          "NLMSGERR_",
          "NFNLGRP_",
          "NFPROTO_",
          "NFT_",
          "NFTA_",
          "IPS_",
          "IPCTNL_",
          "CTA_",
          "IPPROTO_");

  /** Bounds and numbers of our own, and what depends on the architecture and is asserted below. */
  private static final List<String> NOT_OF_THE_HEADERS =
      List.of(
          "MAX_DESCRIPTORS",
          "MAX_EVENTS",
          "MAX_MESSAGE_BYTES",
          "MAX_TARGET",
          "BUFFER_BYTES",
          "MAX_VALUE_BYTES",
          "REGISTER_BYTES",
          "SIZE_OF_FILE_ACTIONS",
          "SIZE_OF_ATTRIBUTES",
          "SIZE_OF_EPOLL_EVENT",
          "EPOLL_EVENT_DATA",
          "SIZE_OF_PIDFD_INFO",
          "PIDFD_INFO_EXIT_CODE");

  private static final String INCLUDES =
      """
      #define _GNU_SOURCE
      #include <stddef.h>
      #include <errno.h>
      #include <fcntl.h>
      #include <poll.h>
      #include <signal.h>
      #include <spawn.h>
      #include <time.h>
      #include <unistd.h>
      #include <sys/epoll.h>
      #include <sys/eventfd.h>
      #include <sys/prctl.h>
      #include <sys/socket.h>
      #include <sys/syscall.h>
      #include <sys/uio.h>
      #include <sys/un.h>
      #include <sys/wait.h>
      #include <linux/capability.h>
      #include <linux/sched.h>
      #include <linux/memfd.h>
      #include <linux/mount.h>
      #include <linux/netlink.h>
      #include <linux/nsfs.h>
      #include <linux/openat2.h>
      #include <linux/rtnetlink.h>
      #include <linux/if.h>
      #include <linux/if_link.h>
      #include <linux/veth.h>
      #include <linux/pkt_sched.h>
      #include <linux/netfilter.h>
      #include <linux/netfilter/nfnetlink.h>
      #include <linux/netfilter/nf_tables.h>
      #include <linux/netfilter/nfnetlink_conntrack.h>
      #include <linux/netfilter/nf_conntrack_common.h>
      #include <sys/stat.h>
      #include <sys/statfs.h>
      #ifndef MNT_DETACH
      #define MNT_DETACH 2
      #define UMOUNT_NOFOLLOW 8
      #endif
      #define EQUAL(expression, value) \\
        _Static_assert((unsigned long long)(expression) == (unsigned long long)(value), #expression)
      """;

  private static final String LAYOUTS =
      """
      _Static_assert(sizeof(posix_spawn_file_actions_t) <= 512, "file actions");
      _Static_assert(sizeof(posix_spawnattr_t) <= 512, "spawn attributes");
      EQUAL(offsetof(struct iovec, iov_len), 8);
      EQUAL(offsetof(struct pollfd, events), 4);
      EQUAL(offsetof(struct sockaddr_un, sun_path), 2);
      EQUAL(sizeof(((struct sockaddr_un *)0)->sun_path), 108);
      EQUAL(sizeof(struct ucred), 12);
      EQUAL(offsetof(struct ucred, uid), 4);
      EQUAL(sizeof(struct timeval), 16);
      EQUAL(sizeof(struct open_how), 24);
      EQUAL(offsetof(struct open_how, mode), 8);
      EQUAL(offsetof(struct open_how, resolve), 16);
      EQUAL(offsetof(struct mount_attr, attr_clr), 8);
      EQUAL(offsetof(struct mount_attr, propagation), 16);
      EQUAL(offsetof(struct mount_attr, userns_fd), 24);
      EQUAL(sizeof(struct statx), 256);
      EQUAL(offsetof(struct statx, stx_nlink), 16);
      EQUAL(offsetof(struct statx, stx_uid), 20);
      EQUAL(offsetof(struct statx, stx_gid), 24);
      EQUAL(offsetof(struct statx, stx_mode), 28);
      EQUAL(offsetof(struct statx, stx_ino), 32);
      EQUAL(offsetof(struct statx, stx_size), 40);
      EQUAL(offsetof(struct statx, stx_rdev_major), 128);
      EQUAL(offsetof(struct statx, stx_rdev_minor), 132);
      EQUAL(offsetof(struct statx, stx_dev_major), 136);
      EQUAL(offsetof(struct statx, stx_dev_minor), 140);
      EQUAL(offsetof(struct statx, stx_mnt_id), 144);
      EQUAL(sizeof(struct statfs), 120);
      EQUAL(offsetof(struct statfs, f_blocks), 16);
      EQUAL(offsetof(struct statfs, f_files), 40);
      EQUAL(offsetof(struct statfs, f_ffree), 48);
      EQUAL(offsetof(struct statfs, f_frsize), 72);
      EQUAL(offsetof(struct ifinfomsg, ifi_index), 4);
      EQUAL(offsetof(struct ifinfomsg, ifi_flags), 8);
      EQUAL(offsetof(struct ifinfomsg, ifi_change), 12);
      EQUAL(offsetof(struct ifaddrmsg, ifa_prefixlen), 1);
      EQUAL(offsetof(struct ifaddrmsg, ifa_index), 4);
      EQUAL(sizeof(struct rtmsg), 12);
      EQUAL(offsetof(struct rtmsg, rtm_table), 4);
      EQUAL(offsetof(struct rtmsg, rtm_type), 7);
      EQUAL(sizeof(struct tcmsg), 20);
      EQUAL(offsetof(struct tcmsg, tcm_parent), 12);
      EQUAL(offsetof(struct tc_tbf_qopt, rate.linklayer), 1);
      EQUAL(offsetof(struct tc_tbf_qopt, rate.rate), 8);
      EQUAL(offsetof(struct tc_tbf_qopt, limit), 24);
      EQUAL(RESOLVE_IN_ROOT, 0x10);
      EQUAL(RESOLVE_BENEATH, 0x08);
      EQUAL(RESOLVE_NO_SYMLINKS, 0x04);
      EQUAL(RESOLVE_NO_MAGICLINKS, 0x02);
      EQUAL(RESOLVE_NO_XDEV, 0x01);
      #ifdef __x86_64__
      EQUAL(sizeof(struct epoll_event), 12);
      EQUAL(offsetof(struct epoll_event, data), 4);
      #else
      EQUAL(sizeof(struct epoll_event), 16);
      EQUAL(offsetof(struct epoll_event, data), 8);
      #endif
      """;

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({"amd64,gcc", "arm64,aarch64-linux-gnu-gcc"})
  void ourNumbersAreThoseOfTheHeaders(String architecture, String compiler) throws Exception {
    List<String> assertions = new ArrayList<>();
    List<Class<?>> owners = new ArrayList<>(CLASSES);
    owners.add(Class.forName(PLAN_NUMBERS));
    boolean thisMachine = SyscallTable.host().architecture().equals(architecture);
    for (Class<?> owner : owners) {
      constants(assertions, owner, thisMachine ? List.of() : OF_THIS_MACHINE);
    }
    enums(assertions, architecture);
    systemCalls(assertions, architecture);
    Path source = directory.resolve("assertions.c");
    Files.writeString(source, INCLUDES + LAYOUTS + String.join("\n", assertions) + "\n");

    int exitCode = compile(compiler, source);

    assertThat(exitCode).as(Files.readString(directory.resolve("output"))).isZero();
    assertThat(assertions).hasSizeGreaterThan(500);
  }

  private int compile(String compiler, Path source) throws InterruptedException {
    var gcc =
        new ProcessBuilder(compiler, "-std=gnu11", "-fsyntax-only", source.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("output").toFile());
    try {
      return gcc.start().waitFor();
    } catch (IOException e) {
      return abort("needs the compiler " + compiler + ": " + e.getMessage());
    }
  }

  private static void constants(List<String> assertions, Class<?> owner, List<String> passedOver)
      throws IllegalAccessException {
    for (Field field : owner.getDeclaredFields()) {
      String name = field.getName();
      boolean constant =
          Modifier.isStatic(field.getModifiers())
              && Set.of(int.class, long.class, short.class).contains(field.getType());
      if (constant && !NOT_OF_THE_HEADERS.contains(name) && !passedOver.contains(name)) {
        field.setAccessible(true);
        assertions.add(equal(name, ((Number) field.get(null)).longValue()));
      }
    }
  }

  private static void enums(List<String> assertions, String architecture) throws Exception {
    for (Errno errno : Errno.values()) {
      assertions.add(equal(errno.name(), errno.number()));
    }
    for (NamespaceType type : NamespaceType.values()) {
      String name = type == NamespaceType.MOUNT ? "NS" : type.procName().toUpperCase(Locale.ROOT);
      assertions.add(equal("CLONE_NEW" + name, type.cloneFlag()));
    }
    int number = 0;
    for (String capability : CapabilityNames.all()) {
      assertions.add(equal(capability, number++));
    }
    members(assertions, Memfd.Seal.class, "F_SEAL_", "bit");
    members(assertions, OpenFlag.class, "", architecture);
    members(assertions, MountAttribute.class, "", "bit");
  }

  /** Our speaking names and those of the headers. */
  private static final Map<String, String> HEADER_NAMES =
      Map.ofEntries(
          Map.entry("WRITE", "O_WRONLY"),
          Map.entry("READ_WRITE", "O_RDWR"),
          Map.entry("CREATE", "O_CREAT"),
          Map.entry("EXCLUSIVE", "O_EXCL"),
          Map.entry("NO_CONTROLLING_TERMINAL", "O_NOCTTY"),
          Map.entry("TRUNCATE", "O_TRUNC"),
          Map.entry("APPEND", "O_APPEND"),
          Map.entry("NON_BLOCKING", "O_NONBLOCK"),
          Map.entry("DIRECTORY", "O_DIRECTORY"),
          Map.entry("NO_FOLLOW", "O_NOFOLLOW"),
          Map.entry("PATH", "O_PATH"),
          Map.entry("READ_ONLY", "MOUNT_ATTR_RDONLY"),
          Map.entry("NO_SETUID", "MOUNT_ATTR_NOSUID"),
          Map.entry("NO_DEVICES", "MOUNT_ATTR_NODEV"),
          Map.entry("NO_EXEC", "MOUNT_ATTR_NOEXEC"),
          Map.entry("NO_ACCESS_TIME", "MOUNT_ATTR_NOATIME"),
          Map.entry("STRICT_ACCESS_TIME", "MOUNT_ATTR_STRICTATIME"),
          Map.entry("NO_DIRECTORY_ACCESS_TIME", "MOUNT_ATTR_NODIRATIME"),
          Map.entry("NO_SYMLINK_FOLLOW", "MOUNT_ATTR_NOSYMFOLLOW"));

  private static <E extends Enum<E>> void members(
      List<String> assertions, Class<E> type, String prefix, String value) throws Exception {
    Field field = type.getDeclaredField(value);
    field.setAccessible(true);
    for (E member : type.getEnumConstants()) {
      String name = prefix.isEmpty() ? HEADER_NAMES.get(member.name()) : prefix + member.name();
      assertThat(name).as(member.name()).isNotNull();
      assertions.add(equal(name, field.getInt(member)));
    }
  }

  private static void systemCalls(List<String> assertions, String architecture) throws IOException {
    SyscallTable table = SyscallTable.load(architecture);
    try (var resource = SyscallTable.class.getResourceAsStream("syscalls.tsv")) {
      new String(resource.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(line -> line.split("\t", -1)[0])
          .filter(name -> table.find(name).isPresent())
          .forEach(name -> assertions.add(equal("__NR_" + name, table.number(name))));
    }
  }

  private static String equal(String name, long value) {
    String size = SIZES.get(name);
    if (size != null) {
      return "EQUAL(" + size + ", " + value + ");";
    }
    String assertion = "EQUAL(" + name + ", " + value + "LL);";
    return ENUMERATORS.stream().anyMatch(name::startsWith)
        ? assertion
        : "#ifdef " + name + "\n" + assertion + "\n#endif";
  }
}
