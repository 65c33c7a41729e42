package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.CapabilityNames;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Rlimit;
import dev.berth.runtime.spec.RuntimeSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a spec promises, worked out apart from the code that keeps it: from the text of the
 * runtime-spec, capabilities(7), mount(8) and proc(5).
 *
 * @param host what a process of the host sees that a shell started
 * @param ownLimits hard limits of this process by RLIMIT name, above which nothing can be raised
 */
record SpecExpectation(RuntimeSpec spec, SpecObserver host, Map<String, Long> ownLimits) {
  static final Map<Integer, String> ERRNO_TEXTS =
      Map.of(
          5, "Input/output error", 38, "Function not implemented", 28, "No space left on device");

  private static final Map<String, String> LIMIT_NAMES =
      Map.ofEntries(
          Map.entry("RLIMIT_CPU", "Max cpu time"),
          Map.entry("RLIMIT_FSIZE", "Max file size"),
          Map.entry("RLIMIT_DATA", "Max data size"),
          Map.entry("RLIMIT_STACK", "Max stack size"),
          Map.entry("RLIMIT_CORE", "Max core file size"),
          Map.entry("RLIMIT_RSS", "Max resident set"),
          Map.entry("RLIMIT_NPROC", "Max processes"),
          Map.entry("RLIMIT_NOFILE", "Max open files"),
          Map.entry("RLIMIT_MEMLOCK", "Max locked memory"),
          Map.entry("RLIMIT_AS", "Max address space"),
          Map.entry("RLIMIT_LOCKS", "Max file locks"),
          Map.entry("RLIMIT_SIGPENDING", "Max pending signals"),
          Map.entry("RLIMIT_MSGQUEUE", "Max msgqueue size"),
          Map.entry("RLIMIT_NICE", "Max nice priority"),
          Map.entry("RLIMIT_RTPRIO", "Max realtime priority"),
          Map.entry("RLIMIT_RTTIME", "Max realtime timeout"));

  /** As init gives them, see ARCHITECTURE "The launch plan": soft and hard. */
  private static final Map<String, long[]> DEFAULT_LIMITS =
      Map.of(
          "RLIMIT_STACK", new long[] {8 << 20, -1},
          "RLIMIT_CORE", new long[] {0, -1},
          "RLIMIT_NOFILE", new long[] {1024, 524_288},
          "RLIMIT_MEMLOCK", new long[] {8 << 20, 8 << 20},
          "RLIMIT_SIGPENDING", new long[] {65_536, 65_536},
          "RLIMIT_MSGQUEUE", new long[] {819_200, 819_200},
          "RLIMIT_NICE", new long[] {0, 0},
          "RLIMIT_RTPRIO", new long[] {0, 0});

  /** The RLIMIT name of a line of /proc/PID/limits. */
  static String typeOf(String name) {
    return LIMIT_NAMES.entrySet().stream()
        .filter(entry -> entry.getValue().equals(name))
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow(() -> new AssertionError("an unknown limit: " + name));
  }

  void check(SpecObserver seen) {
    identity(seen);
    capabilities(seen);
    limits(seen);
    scheduling(seen);
    untouched(seen);
    surroundings(seen);
    namespaces(seen);
    mounts(seen);
    paths(seen);
    devices(seen);
    kernelParameters(seen);
    resources(seen);
  }

  private ContainerProcess process() {
    return spec.process();
  }

  private Linux linux() {
    return spec.linux();
  }

  private boolean inUserNamespace() {
    return linux().namespace("user").isPresent();
  }

  // ---- the process ----

  private void identity(SpecObserver seen) {
    var user = process().user();
    String uid = Long.toString(user.uid());
    String gid = Long.toString(user.gid());
    assertThat(words(seen.status("Uid"))).as("uid").containsExactly(uid, uid, uid, uid);
    assertThat(words(seen.status("Gid"))).as("gid").containsExactly(gid, gid, gid, gid);
    assertThat(words(seen.status("Groups")))
        .as("groups")
        .containsExactlyInAnyOrderElementsOf(
            user.additionalGids().stream().map(String::valueOf).toList());
    int umask = user.umask() == null ? 0022 : user.umask();
    assertThat(seen.status("Umask")).as("umask").isEqualTo(String.format("%04o", umask));
    assertThat(seen.status("NoNewPrivs")).isEqualTo(process().noNewPrivileges() ? "1" : "0");
  }

  /** capabilities(7), "Transformation of capabilities during execve()", for a file without any. */
  private void capabilities(SpecObserver seen) {
    Capabilities given =
        process().capabilities() == null ? Capabilities.NONE : process().capabilities();
    long bounding = bits(given.bounding());
    long inheritable = bits(given.inheritable());
    long ambient = bits(given.ambient());
    long before = bits(given.permitted());
    boolean root = process().user().uid() == 0;
    long permitted = root ? inheritable | bounding | ambient : ambient;
    if (process().noNewPrivileges() && (permitted & ~before) != 0) {
      permitted &= before;
    }
    long effective = root ? permitted : ambient;
    assertThat(hex(seen, "CapInh")).as("inheritable").isEqualTo(inheritable);
    assertThat(hex(seen, "CapBnd")).as("bounding").isEqualTo(bounding);
    assertThat(hex(seen, "CapAmb")).as("ambient").isEqualTo(ambient);
    assertThat(hex(seen, "CapPrm")).as("permitted").isEqualTo(permitted);
    assertThat(hex(seen, "CapEff")).as("effective").isEqualTo(effective);
  }

  private static long hex(SpecObserver seen, String set) {
    return Long.parseUnsignedLong(seen.status(set), 16);
  }

  private static long bits(List<String> names) {
    return names.stream()
        .mapToLong(name -> 1L << CapabilityNames.number(name).orElseThrow())
        .reduce(0, (a, b) -> a | b);
  }

  private void limits(SpecObserver seen) {
    Map<String, String> limits = seen.limits();
    Map<String, Rlimit> asked = new HashMap<>();
    process().rlimits().forEach(limit -> asked.put(limit.type(), limit));
    LIMIT_NAMES.forEach((type, name) -> {
      Rlimit limit = asked.get(type);
      long[] wanted =
          limit == null
              ? DEFAULT_LIMITS.getOrDefault(type, new long[] {-1, -1})
              : new long[] {limit.soft(), limit.hard()};
      if (limit != null || Long.compareUnsigned(wanted[1], ownLimits.get(type)) <= 0) {
        assertThat(limits.get(name)).as(name).isEqualTo(text(wanted[0]) + " " + text(wanted[1]));
      } else {
        assertThat(limits.get(name)).as(name).endsWith(" " + text(ownLimits.get(type)));
      }
    });
  }

  private static String text(long limit) {
    return limit == -1 ? "unlimited" : Long.toUnsignedString(limit);
  }

  private void scheduling(SpecObserver seen) {
    var scheduler = process().scheduler();
    Map<String, String> policies =
        Map.of("SCHED_OTHER", "0", "SCHED_BATCH", "3", "SCHED_IDLE", "5");
    if (scheduler == null) {
      assertThat(seen.stat(41)).as("policy").isEqualTo("0");
      assertThat(seen.stat(19)).as("nice").isEqualTo("0");
    } else {
      assertThat(seen.stat(41)).as("policy").isEqualTo(policies.get(scheduler.policy()));
      int nice = scheduler.nice() == null ? 0 : scheduler.nice();
      assertThat(seen.stat(19)).as("nice").isEqualTo(Integer.toString(nice));
    }
    assertThat(seen.stat(40)).as("static priority").isEqualTo("0");
    var priority = process().ioPriority();
    Map<String, String> classes =
        Map.of(
            "IOPRIO_CLASS_RT", "realtime: prio ",
            "IOPRIO_CLASS_BE", "best-effort: prio ",
            "IOPRIO_CLASS_IDLE", "idle");
    if (priority != null) {
      boolean levels = !priority.priorityClass().equals("IOPRIO_CLASS_IDLE");
      assertThat(seen.line("ioprio"))
          .isEqualTo(classes.get(priority.priorityClass()) + (levels ? priority.priority() : ""));
    } else if (scheduler == null) {
      assertThat(seen.line("ioprio")).isEqualTo(host.line("ioprio"));
    }
    int score = process().oomScoreAdj() == null ? 0 : process().oomScoreAdj();
    assertThat(seen.line("oom")).as("oom_score_adj").isEqualTo(Integer.toString(score));
    var personality = linux().personality();
    boolean narrow = personality != null && personality.domain().equals("LINUX32");
    assertThat(seen.line("personality")).isEqualTo(narrow ? "00000008" : "00000000");
  }

  /** What no field of config.json is about is as in a process that a shell started. */
  private void untouched(SpecObserver seen) {
    for (String name :
        List.of(
            "SigPnd",
            "ShdPnd",
            "SigBlk",
            "SigCgt",
            "TracerPid",
            "Threads",
            "THP_enabled",
            "Speculation_Store_Bypass",
            "SpeculationIndirectBranch",
            "Mems_allowed_list")) {
      assertThat(seen.status(name)).as(name).isEqualTo(host.status(name));
    }
    // Not the host's: whoever started this JVM may have some ignored, which is inherited.
    assertThat(seen.status("SigIgn")).as("ignored signals").isEqualTo("0000000000000000");
    Resources.Cpu cpu = linux().resources() == null ? null : linux().resources().cpu();
    assertThat(seen.status("Cpus_allowed_list"))
        .isEqualTo(
            cpu != null && cpu.cpus() != null ? cpu.cpus() : host.status("Cpus_allowed_list"));
    assertThat(seen.line("slack")).as("timer slack").isEqualTo(host.line("slack"));
    assertThat(seen.line("coredump")).as("coredump_filter").isEqualTo(host.line("coredump"));
    assertThat(seen.lines("fds")).as("descriptors").containsExactly("0", "1", "2", "3");
    boolean filtered = linux().seccomp() != null;
    assertThat(seen.status("Seccomp")).isEqualTo(filtered ? "2" : host.status("Seccomp"));
    int filters = Integer.parseInt(host.status("Seccomp_filters")) + (filtered ? 1 : 0);
    assertThat(seen.status("Seccomp_filters")).isEqualTo(Integer.toString(filters));
    if (filtered) {
      int error = linux().seccomp().syscalls().getFirst().errnoRet();
      assertThat(seen.line("mkdir")).as("filtered call").endsWith(": " + ERRNO_TEXTS.get(error));
    } else {
      String refused = "mkdir: can't create directory '/tmp/made': Read-only file system";
      assertThat(seen.line("mkdir")).isEqualTo(spec.root().readonly() ? refused : "");
    }
  }

  private void surroundings(SpecObserver seen) {
    Map<String, String> wanted = new HashMap<>();
    for (String entry : process().env()) {
      wanted.put(entry.substring(0, entry.indexOf('=')), entry.substring(entry.indexOf('=') + 1));
    }
    assertThat(seen.environment()).as("environment").isEqualTo(wanted);
    String cwd = process().cwd().replace("/srv/../", "/").replaceAll("(.)/$", "$1");
    assertThat(seen.line("cwd")).as("working directory").isEqualTo(cwd);
    if (spec.hostname() != null) {
      assertThat(seen.line("hostname")).isEqualTo(spec.hostname());
    }
    if (spec.domainname() != null) {
      assertThat(seen.line("domainname")).isEqualTo(spec.domainname());
    }
  }

  // ---- around it ----

  private void namespaces(SpecObserver seen) {
    Map<String, String> files = Map.of("network", "net", "mount", "mnt");
    for (String type : List.of("pid", "network", "ipc", "uts", "cgroup", "user", "mount", "time")) {
      String part = "ns." + files.getOrDefault(type, type);
      Namespace given = linux().namespace(type).orElse(null);
      if (given == null) {
        assertThat(seen.line(part)).as(type).isEqualTo(host.line(part));
      } else if (given.path() == null) {
        assertThat(seen.line(part)).as(type).isNotEqualTo(host.line(part)).contains(":[");
      } else {
        assertThat(seen.line(part)).as(type).isEqualTo(link(given.path()));
      }
    }
  }

  private static String link(String path) {
    try {
      return Files.readSymbolicLink(Path.of(path)).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void mounts(SpecObserver seen) {
    Set<String> wanted = new TreeSet<>(Set.of("/"));
    for (Mount mount : spec.mounts()) {
      String target = mount.target();
      wanted.add(target);
      MountExpectation expected = MountExpectation.of(mount, linux().rootfsPropagation());
      expected.check(seen.mount(target));
      if (expected.hasInner()) {
        wanted.add(target + "/inner");
        expected.checkInner(seen.mount(target + "/inner"));
      }
    }
    root(seen.mount("/"));
    wanted.addAll(covered());
    Set<String> found = new HashSet<>();
    seen.mounts().stream()
        .map(SpecObserver.SeenMount::point)
        .filter(point -> !point.startsWith("/sys/fs/cgroup/"))
        .filter(point -> !(inUserNamespace() && point.startsWith("/dev/")))
        .forEach(found::add);
    wanted.removeIf(point -> inUserNamespace() && point.startsWith("/dev/"));
    assertThat(found).as("mount points").isEqualTo(wanted);
  }

  private Set<String> covered() {
    Set<String> paths = new TreeSet<>(linux().maskedPaths());
    paths.addAll(linux().readonlyPaths());
    paths.removeIf(path -> path.contains("/no") || !Files.exists(onHost(path)));
    return paths;
  }

  private Path onHost(String path) {
    return path.startsWith("/proc") ? Path.of(path) : Path.of(spec.root().path() + path);
  }

  private void root(SpecObserver.SeenMount root) {
    assertThat(root.flags().contains("ro")).as("root read-only").isEqualTo(spec.root().readonly());
    String propagation = linux().rootfsPropagation();
    boolean shared = propagation != null && propagation.endsWith("shared");
    assertThat(root.peers().stream().anyMatch(field -> field.startsWith("shared:")))
        .as("root shared")
        .isEqualTo(shared);
  }

  private void paths(SpecObserver seen) {
    boolean masked = linux().maskedPaths().contains("/srv/secret");
    assertThat(seen.line("secret")).isEqualTo(masked ? "" : "content");
    boolean empty = linux().maskedPaths().contains("/srv/full");
    assertThat(seen.line("full")).isEqualTo(empty ? "" : "below");
    assertThat(seen.line("kept")).isEqualTo("content\ncontent");
    for (String path : covered()) {
      boolean isFileMask =
          path.equals("/srv/secret") || path.startsWith("/proc/key") || path.contains("trigger");
      if (!(linux().maskedPaths().contains(path) && isFileMask)) {
        assertThat(seen.mount(path).flags()).as(path).contains("ro");
      }
    }
  }

  private void devices(SpecObserver seen) {
    List<String> wanted = new ArrayList<>();
    for (Device device : linux().devices()) {
      String type =
          switch (device.type()) {
            case "b" -> "block special file";
            case "p" -> "fifo";
            default -> "character special file";
          };
      int mode = device.fileMode() == null ? 0666 : device.fileMode();
      wanted.add(
          "%s|%s|%x:%x|%o|%d:%d"
              .formatted(
                  device.path(),
                  type,
                  device.major(),
                  device.minor(),
                  mode,
                  device.uid() == null ? 0 : device.uid(),
                  device.gid() == null ? 0 : device.gid()));
    }
    assertThat(seen.lines("devices").stream().filter(line -> line.contains("|")).toList())
        .as("devices")
        .containsExactlyInAnyOrderElementsOf(wanted);
    assertThat(seen.lines("defaults"))
        .as("default devices")
        .containsExactly(
            "/dev/null|character special file|1:3",
            "/dev/zero|character special file|1:5",
            "/dev/full|character special file|1:7",
            "/dev/random|character special file|1:8",
            "/dev/tty|character special file|5:0");
  }

  private void kernelParameters(SpecObserver seen) {
    linux()
        .sysctl()
        .forEach((name, value) ->
            assertThat(seen.line("sysctl." + name.replace('.', '/'))).as(name).isEqualTo(value));
  }

  private void resources(SpecObserver seen) {
    boolean visible = spec.mounts().stream().anyMatch(mount -> "cgroup".equals(mount.type()));
    Resources resources = linux().resources();
    if (resources == null || !visible) {
      return;
    }
    boolean v1 = TaskFixture.CGROUPS.version() == Cgroups.Version.V1;
    if (resources.memory() != null) {
      String file = v1 ? "memory/memory.limit_in_bytes" : "memory.max";
      assertThat(seen.line("cgroup." + file)).isEqualTo(resources.memory().limit().toString());
    }
    if (resources.pids() != null) {
      String file = v1 ? "pids/pids.max" : "pids.max";
      assertThat(seen.line("cgroup." + file)).isEqualTo(resources.pids().limit().toString());
    }
    Resources.Cpu cpu = resources.cpu();
    if (cpu != null) {
      String quota = cpu.quota() == null ? (v1 ? "-1" : "max") : cpu.quota().toString();
      String period = cpu.period() == null ? "100000" : cpu.period().toString();
      if (v1) {
        assertThat(seen.line("cgroup.cpu/cpu.cfs_quota_us")).isEqualTo(quota);
        assertThat(seen.line("cgroup.cpu/cpu.cfs_period_us")).isEqualTo(period);
        assertThat(seen.line("cgroup.cpu/cpu.shares"))
            .isEqualTo(cpu.shares() == null ? "1024" : cpu.shares().toString());
      } else {
        assertThat(seen.line("cgroup.cpu.max")).isEqualTo(quota + " " + period);
      }
      if (cpu.cpus() != null) {
        assertThat(seen.line("cgroup." + (v1 ? "cpuset/cpuset.cpus" : "cpuset.cpus")))
            .isEqualTo(cpu.cpus());
      }
    }
  }

  private static List<String> words(String text) {
    return text.isBlank() ? List.of() : List.of(text.strip().split("\\s+", -1));
  }
}
