package dev.berth.runtime.task;

import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.Personality;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Rlimit;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.User;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Specs that are valid on this machine, by a seed: of each part of config.json something, or
 * nothing. The root file system is {@link ObservedRootfs}.
 */
final class SpecGenerator {
  private static final List<String> FRESH =
      List.of("pid", "network", "ipc", "uts", "cgroup", "time");
  private static final List<String> JOINABLE = FRESH;

  /** Far more than the observer needs, so that no limit keeps it from looking. */
  private static final Map<String, Long> LEAST =
      Map.ofEntries(
          Map.entry("RLIMIT_CPU", 100L),
          Map.entry("RLIMIT_FSIZE", 1L << 20),
          Map.entry("RLIMIT_DATA", 1L << 28),
          Map.entry("RLIMIT_STACK", 1L << 20),
          Map.entry("RLIMIT_CORE", 0L),
          Map.entry("RLIMIT_RSS", 0L),
          Map.entry("RLIMIT_NPROC", 1L << 14),
          Map.entry("RLIMIT_NOFILE", 32L),
          Map.entry("RLIMIT_MEMLOCK", 0L),
          Map.entry("RLIMIT_AS", 1L << 30),
          Map.entry("RLIMIT_LOCKS", 0L),
          Map.entry("RLIMIT_SIGPENDING", 16L),
          Map.entry("RLIMIT_MSGQUEUE", 0L),
          Map.entry("RLIMIT_NICE", 0L),
          Map.entry("RLIMIT_RTPRIO", 0L),
          Map.entry("RLIMIT_RTTIME", 1L << 30));

  private static final List<List<String>> FLAG_PAIRS =
      List.of(
          List.of("ro", "rw"),
          List.of("nosuid", "suid"),
          List.of("nodev", "dev"),
          List.of("noexec", "exec"),
          List.of("nodiratime", "diratime"),
          List.of("nosymfollow", "symfollow"),
          List.of("noatime", "atime"),
          List.of("strictatime", "nostrictatime"),
          List.of("relatime", "norelatime"));

  private static final List<String> PROPAGATIONS =
      List.of("private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable");

  private final Random random;
  private final ObservedRootfs rootfs;
  private final List<String> hostCapabilities = HostCapabilities.names();
  private final String cgroupsParent;
  private final Map<String, Long> hardLimits;
  private final int partner;

  /**
   * @param partner a container's first process, whose namespaces may be joined
   * @param hardLimits of this process, which may not be raised
   */
  SpecGenerator(
      long seed,
      ObservedRootfs rootfs,
      String cgroupsParent,
      Map<String, Long> hardLimits,
      int partner) {
    this.random = new Random(seed);
    this.rootfs = rootfs;
    this.cgroupsParent = cgroupsParent;
    this.hardLimits = hardLimits;
    this.partner = partner;
  }

  private boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  private <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }

  private <T> List<T> some(List<T> from, int percent) {
    return from.stream().filter(_ -> chance(percent)).toList();
  }

  RuntimeSpec next() {
    List<Namespace> namespaces = namespaces();
    boolean user = has(namespaces, "user");
    RuntimeSpec.Builder spec =
        RuntimeSpec.builder()
            .ociVersion(pick(List.of("1.0.0", "1.2.1", "1.3.0")))
            .root(new Root(rootfs.path().toString(), chance(30)))
            .process(process(user))
            .mounts(mounts(user, has(namespaces, "cgroup")))
            .annotations(chance(30) ? Map.of("a.b", "c d", "empty", "") : Map.of())
            .linux(linux(namespaces, user));
    if (has(namespaces, "uts") && chance(60)) {
      spec.hostname(pick(List.of("boat", "a-b.c", "x".repeat(64))));
    }
    if (has(namespaces, "uts") && chance(30)) {
      spec.domainname(pick(List.of("sea", "north.sea")));
    }
    return spec.build();
  }

  // ---- linux ----

  static boolean has(List<Namespace> namespaces, String type) {
    return namespaces.stream().anyMatch(one -> one.type().equals(type));
  }

  private List<Namespace> namespaces() {
    List<Namespace> namespaces = new ArrayList<>(List.of(Namespace.fresh("mount")));
    boolean user = chance(25);
    for (String type : FRESH) {
      // What a user namespace does not own, its root cannot mount.
      if ((user && !type.equals("cgroup")) || chance(70)) {
        boolean join = !user && JOINABLE.contains(type) && chance(20);
        namespaces.add(join ? joined(type) : Namespace.fresh(type));
      }
    }
    if (user) {
      namespaces.add(Namespace.fresh("user"));
    }
    Collections.shuffle(namespaces, random);
    return namespaces;
  }

  private Namespace joined(String type) {
    String file = type.equals("network") ? "net" : type;
    return Namespace.join(type, "/proc/" + partner + "/ns/" + file);
  }

  private Linux linux(List<Namespace> namespaces, boolean user) {
    List<IdMapping> ids =
        chance(50)
            ? List.of(new IdMapping(0, 100_000, 65_536))
            : List.of(new IdMapping(0, 200_000, 500), new IdMapping(500, 300_000, 65_036));
    Linux.Builder linux =
        Linux.builder()
            .namespaces(namespaces)
            .cgroupsPath(cgroupsParent + "/" + Integer.toHexString(random.nextInt()))
            .resources(chance(60) ? resources() : null)
            .sysctl(sysctls(namespaces))
            .devices(user ? List.of() : devices())
            .maskedPaths(some(ObservedRootfs.MASKABLE, 25))
            .readonlyPaths(some(ObservedRootfs.PROTECTABLE, 25))
            .personality(
                chance(20) ? new Personality(pick(List.of("LINUX", "LINUX32")), List.of()) : null)
            .rootfsPropagation(
                chance(40)
                    ? pick(List.of("private", "rprivate", "slave", "rslave", "shared", "rshared"))
                    : null);
    if (user) {
      linux.uidMappings(ids).gidMappings(ids);
    }
    if (chance(35)) {
      linux.seccomp(
          RuntimeSpecs.seccomp(
              """
              {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
                {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":%d}]}\
              """
                  .formatted(pick(List.copyOf(SpecExpectation.ERRNO_TEXTS.keySet())))));
    }
    return linux.build();
  }

  private Resources resources() {
    Resources.Builder resources = Resources.builder();
    if (chance(60)) {
      resources.memory(Resources.Memory.builder().limit((32L + random.nextInt(256)) << 20).build());
    }
    if (chance(60)) {
      resources.pids(new Resources.Pids(50L + random.nextInt(1000)));
    }
    if (chance(60)) {
      resources.cpu(
          new Resources.Cpu(
              chance(70) ? 2L + random.nextInt(5000) : null,
              chance(60) ? 20_000L + random.nextInt(80_000) : null,
              null,
              chance(60) ? 50_000L + random.nextInt(200_000) : null,
              null,
              null,
              chance(40) ? "0" : null,
              null,
              null));
    }
    return resources.build();
  }

  private Map<String, String> sysctls(List<Namespace> namespaces) {
    Map<String, String> sysctls = new HashMap<>();
    if (has(namespaces, "network") && chance(40)) {
      sysctls.put(
          pick(
              List.of(
                  "net.ipv4.ip_unprivileged_port_start", "net/ipv4/ip_unprivileged_port_start")),
          Integer.toString(random.nextInt(1025)));
    }
    // A joined namespace of the host's user namespace is not for a container to change.
    if (has(namespaces, "ipc") && chance(40)) {
      sysctls.put("kernel.msgmax", Integer.toString(8192 + random.nextInt(1000)));
      sysctls.put("fs.mqueue.msg_max", Integer.toString(10 + random.nextInt(90)));
    }
    return sysctls;
  }

  private List<Device> devices() {
    List<Device> devices = new ArrayList<>();
    for (int i = 0; i < random.nextInt(4); i++) {
      String type = pick(List.of("c", "u", "b", "p"));
      boolean fifo = type.equals("p");
      devices.add(
          new Device(
              pick(List.of("/dev/", "/dev/more/", "/srv/")) + "device" + i,
              type,
              fifo ? 0 : pick(List.of(1L, 7L, 10L, 4095L)),
              fifo ? 0 : pick(List.of(0L, 3L, 229L, 1_048_575L)),
              chance(70) ? random.nextInt(01000) : null,
              chance(50) ? random.nextLong(100_000) : null,
              chance(50) ? random.nextLong(100_000) : null));
    }
    return devices;
  }

  // ---- mounts ----

  private List<Mount> mounts(boolean user, boolean ownCgroup) {
    List<Mount> mounts = new ArrayList<>();
    mounts.add(new Mount("/proc", "proc", "proc", some(List.of("nosuid", "noexec", "nodev"), 60)));
    if (user || chance(80)) {
      mounts.add(new Mount("/dev", "tmpfs", "tmpfs", List.of("nosuid", "mode=755", "size=65536k")));
      mounts.add(
          new Mount(
              "/dev/pts",
              "devpts",
              "devpts",
              List.of("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")));
    }
    if (chance(70)) {
      mounts.add(new Mount("/sys", "sysfs", "sysfs", List.of("nosuid", "noexec", "nodev", "ro")));
      if ((ownCgroup || !user) && chance(80)) {
        mounts.add(new Mount("/sys/fs/cgroup", "cgroup", "cgroup", List.of("nosuid", "ro")));
      }
    }
    int count = random.nextInt(5);
    for (int i = 0; i < count; i++) {
      mounts.add(chance(40) ? temporary(i) : bind(i, user));
    }
    return mounts;
  }

  private Mount temporary(int index) {
    List<String> options = new ArrayList<>(flags());
    if (chance(50)) {
      options.add("size=" + (64 + random.nextInt(1000)) * 4 + "k");
    }
    if (chance(50)) {
      options.add("mode=" + pick(List.of("700", "0755", "1777", "500")));
    }
    if (chance(30)) {
      options.add(pick(PROPAGATIONS));
    }
    if (chance(25)) {
      options.add(pick(List.of("rro", "rnosuid", "rnodev", "rnoexec")));
    }
    return new Mount("/mnt/" + index, "tmpfs", "tmpfs", options);
  }

  private Mount bind(int index, boolean user) {
    List<String> options = new ArrayList<>(List.of(pick(List.of("bind", "rbind", "rbind"))));
    // What the host has locked, a user namespace cannot clear.
    options.addAll(user ? some(List.of("ro", "nosuid", "nodev", "noexec"), 40) : flags());
    if (chance(25)) {
      options.add(pick(List.of("rro", "rnosuid", "rnodev", "rnoexec")));
    }
    if (chance(50)) {
      options.add(pick(PROPAGATIONS));
    }
    boolean file = chance(25);
    Path source = file ? rootfs.sourceFile() : rootfs.sourceDirectory();
    return new Mount(
        file ? "/mnt/file" + index : pick(List.of("/mnt/", "//mnt/./")) + index,
        chance(70) ? "bind" : null,
        source.toString(),
        options);
  }

  private List<String> flags() {
    List<String> flags = new ArrayList<>();
    for (List<String> pair : FLAG_PAIRS) {
      if (chance(20)) {
        flags.add(pick(pair));
      }
    }
    Collections.shuffle(flags, random);
    return flags;
  }

  // ---- process ----

  private ContainerProcess process(boolean inUserNamespace) {
    List<String> env = new ArrayList<>(List.of("PATH=/bin"));
    for (int i = 0; i < random.nextInt(6); i++) {
      env.add(
          "V" + i + "=" + pick(List.of("", "plain", "two words", "line\nline", "ü☃", "a=b", "$X")));
    }
    return ContainerProcess.builder()
        .args(List.of("sh", "-c", SpecObserver.script()))
        .env(env)
        .cwd(pick(List.of("/", "/srv", "/srv/work", "/srv/../srv/work/", "/tmp")))
        .user(user())
        .capabilities(chance(15) ? null : capabilities())
        .rlimits(limits())
        .noNewPrivileges(chance(40))
        .oomScoreAdj(chance(40) ? random.nextInt(1001) : null)
        .scheduler(chance(30) ? scheduler(inUserNamespace) : null)
        .ioPriority(chance(30) ? ioPriority(inUserNamespace) : null)
        .build();
  }

  /** More than others takes rights that a user namespace does not give. */
  private ContainerProcess.Scheduler scheduler(boolean inUserNamespace) {
    String policy = pick(List.of("SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE"));
    Integer nice =
        policy.equals("SCHED_IDLE") || chance(30)
            ? null
            : inUserNamespace ? random.nextInt(20) : random.nextInt(40) - 20;
    return new ContainerProcess.Scheduler(policy, nice, null, List.of(), null, null, null);
  }

  private ContainerProcess.IoPriority ioPriority(boolean inUserNamespace) {
    List<String> classes = List.of("IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", "IOPRIO_CLASS_RT");
    String name = pick(inUserNamespace ? classes.subList(0, 2) : classes);
    return new ContainerProcess.IoPriority(
        name, name.equals("IOPRIO_CLASS_IDLE") ? 0 : random.nextInt(8));
  }

  private User user() {
    long uid = chance(40) ? 0 : pick(List.of(1L, 499L, 500L, 1000L, 65_534L));
    long gid = chance(40) ? 0 : pick(List.of(1L, 20L, 1000L, 65_534L));
    return new User(
        uid,
        gid,
        chance(50) ? random.nextInt(01000) : null,
        some(List.of(0L, 5L, 10L, 499L, 1000L, 60_000L), 30));
  }

  /** Sets that the kernel accepts: ambient within the inheritable and permitted ones. */
  private Capabilities capabilities() {
    int share = pick(List.of(0, 10, 50, 100));
    List<String> bounding = some(hostCapabilities, share);
    List<String> inheritable = chance(40) ? some(bounding, 40) : List.of();
    List<String> permitted = some(hostCapabilities, pick(List.of(0, 20, 100)));
    List<String> effective = some(permitted, pick(List.of(0, 50, 100)));
    List<String> ambient =
        inheritable.stream().filter(permitted::contains).filter(_ -> chance(60)).toList();
    return new Capabilities(bounding, effective, inheritable, permitted, ambient);
  }

  private List<Rlimit> limits() {
    List<Rlimit> limits = new ArrayList<>();
    LEAST.keySet().stream()
        .sorted()
        .filter(_ -> chance(15))
        .forEach(type -> limits.add(limit(type)));
    return limits;
  }

  private Rlimit limit(String type) {
    long least = LEAST.getOrDefault(type, 0L);
    long most = hardLimits.getOrDefault(type, 0L);
    if (most == -1 && chance(20)) {
      return new Rlimit(type, -1, chance(50) ? -1 : least);
    }
    long hard = clamp(least + random.nextInt(1 << 20), most);
    return new Rlimit(type, hard, clamp(least + random.nextInt(1 << 10), hard));
  }

  private static long clamp(long value, long most) {
    return Long.compareUnsigned(value, most) < 0 ? value : most;
  }
}
