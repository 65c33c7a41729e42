package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.ContainerProcess.ExecCpuAffinity;
import dev.berth.runtime.spec.ContainerProcess.IoPriority;
import dev.berth.runtime.spec.ContainerProcess.Scheduler;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.MemoryPolicy;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.NetDevice;
import dev.berth.runtime.spec.Personality;
import dev.berth.runtime.spec.Rlimit;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.TimeOffset;
import dev.berth.runtime.spec.User;
import dev.berth.testing.BusyboxBundle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * What the compiler makes of a configuration, step by step. Order and flags are security here, so a
 * change of either must be seen: it is a change of these files.
 */
class PlanGoldenTest {
  private static final Path ROOTFS = Path.of("/run/berth/rootfs");
  private static final Set<Slot> LOG_SLOTS =
      EnumSet.of(
          Slot.LISTENER,
          Slot.EXIT_RECORD,
          Slot.JOURNAL,
          Slot.OUT,
          Slot.ERR,
          Slot.OUT_SPOOL,
          Slot.ERR_SPOOL,
          Slot.LOG);
  private static final SeccompProgram FILTER =
      new SeccompProgram(new byte[3 * SeccompProgram.INSTRUCTION_BYTES], 0);

  /** Everything of which an ordinary pod has something. */
  @Test
  void kubernetesContainer() {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/dev/shm", "bind", "/run/berth/shm", List.of("rbind", "ro")));
    mounts.add(
        new Mount(
            "/etc/hosts", "bind", "/var/lib/kubelet/hosts", List.of("rbind", "rprivate", "rw")));
    mounts.add(
        new Mount(
            "/data",
            "bind",
            "/var/lib/kubelet/volume",
            List.of("rbind", "rslave", "rro", "nosuid")));
    ContainerProcess process =
        BusyboxBundle.process("sh", "-c", "true")
            .user(new User(1000, 2000, 0027, List.of(2000L, 3000L)))
            .cwd("/srv/app")
            .rlimits(List.of(new Rlimit("RLIMIT_NOFILE", 4096, 1024)))
            .noNewPrivileges(true)
            .oomScoreAdj(500)
            .build();
    RuntimeSpec spec =
        BusyboxBundle.spec(ROOTFS, "")
            .mounts(mounts)
            .process(process)
            .root(new Root(ROOTFS.toString(), true))
            .linux(
                BusyboxBundle.linux()
                    .sysctl(Map.of("net.ipv4.ip_unprivileged_port_start", "0"))
                    .devices(List.of(new Device("/dev/fuse", "c", 10, 229, 0660, 0L, 44L)))
                    .build())
            .build();
    check("kubernetes-container", spec, new CgroupEntry.V2(), new Stdio.Passed(), FILTER);
  }

  @Test
  void userNamespacePodJoiningNamespacesByPath() {
    Linux linux =
        bare()
            .namespaces(
                List.of(
                    Namespace.join("user", "/run/berth/ns/user"),
                    Namespace.join("network", "/run/berth/ns/net"),
                    Namespace.join("ipc", "/run/berth/ns/ipc"),
                    Namespace.join("uts", "/run/berth/ns/uts"),
                    Namespace.join("pid", "/proc/4711/ns/pid"),
                    Namespace.fresh("cgroup"),
                    Namespace.fresh("mount")))
            .uidMappings(List.of(new IdMapping(0, 100_000, 65_536)))
            .gidMappings(List.of(new IdMapping(0, 100_000, 65_536)))
            .devices(List.of(new Device("/dev/fuse", "c", 10, 229, null, null, null)))
            .build();
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/data", "bind", "/var/lib/kubelet/volume", List.of("rbind", "ro")));
    check("userns-joined", small().mounts(mounts).linux(linux).build());
  }

  @Test
  void userNamespacePodWithMappedLayersAndVolumes() {
    List<IdMapping> map = List.of(new IdMapping(0, 100_000, 65_536));
    Linux linux =
        bare()
            .namespaces(
                List.of(Namespace.join("user", "/run/berth/ns/user"), Namespace.fresh("mount")))
            .uidMappings(map)
            .gidMappings(map)
            .build();
    List<Mount> mounts =
        List.of(
            new Mount("/data", "bind", "/var/lib/kubelet/volume", List.of("rbind", "ro"), map, map),
            new Mount("/tree", "bind", "/var/lib/kubelet/tree", List.of("rbind", "ridmap")));
    List<String> options = new ArrayList<>(new IdMappings(map, map).toMountOptions());
    options.addAll(List.of("lowerdir=/layers/2:/layers/1", "upperdir=/c/upper", "workdir=/c/work"));
    RuntimeSpec spec = small().mounts(mounts).linux(linux).build();
    LaunchInput input =
        new LaunchInput(
            "c",
            spec,
            new Rootfs.Mounted(ROOTFS.toString(), "overlay", "overlay", options),
            new CgroupEntry.None(),
            new Stdio.Passed(),
            null,
            Set.of());
    GoldenFile.check("userns-idmapped", ContainerPlan.compile(input));
  }

  @Test
  void freshUserNamespace() {
    List<Namespace> namespaces = new ArrayList<>(BusyboxBundle.linux().build().namespaces());
    namespaces.add(Namespace.fresh("user"));
    IdMapping map = new IdMapping(0, 100_000, 65_536);
    check(
        "userns-fresh",
        small()
            .linux(
                bare()
                    .namespaces(namespaces)
                    .uidMappings(List.of(map))
                    .gidMappings(List.of(map))
                    .build())
            .build());
  }

  @Test
  void joinedPidNamespace() {
    List<Namespace> namespaces =
        List.of(
            Namespace.join("pid", "/proc/4711/ns/pid"),
            Namespace.join("network", "/run/berth/ns/net"),
            Namespace.fresh("mount"));
    check("pid-joined", small().linux(bare().namespaces(namespaces).build()).build());
  }

  /** Without no_new_privs the filter needs CAP_SYS_ADMIN, so it goes in before the last capset. */
  @Test
  void seccompWithoutNoNewPrivileges() {
    check(
        "seccomp",
        small().process(process().noNewPrivileges(false).build()).build(),
        new CgroupEntry.None(),
        new Stdio.Passed(),
        FILTER);
  }

  @Test
  void seccompWithNoNewPrivileges() {
    check(
        "seccomp-nnp",
        small().process(process().noNewPrivileges(true).build()).build(),
        new CgroupEntry.None(),
        new Stdio.Passed(),
        FILTER);
  }

  @Test
  void terminal() {
    RuntimeSpec spec =
        small()
            .mounts(BusyboxBundle.mounts())
            .process(process().terminal(true).user(new User(7, 8)).build())
            .build();
    check("terminal", spec, new CgroupEntry.None(), new Stdio.Terminal(24, 80), null);
  }

  @Test
  void appArmorProfile() {
    check("apparmor", small().process(process().apparmorProfile("berth-default").build()).build());
    GoldenFile.check(
        "exec-apparmor",
        ExecPlan.compile(
            exec(
                process().apparmorProfile("berth-default").build(),
                List.of("mount", "pid"),
                false)));
  }

  /** On a host with SELinux; the kernel of another refuses the labels. */
  @Test
  void selinuxLabels() {
    String label = "system_u:system_r:container_t:s0:c1,c2";
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/data", "bind", "/var/lib/kubelet/volume", List.of("rbind")));
    RuntimeSpec spec =
        small()
            .mounts(mounts)
            .process(process().selinuxLabel(label).build())
            .linux(
                bare()
                    .mountLabel("system_u:object_r:container_file_t:s0:c1,c2")
                    .maskedPaths(List.of("/sys/firmware"))
                    .build())
            .build();
    Rootfs overlay =
        new Rootfs.Mounted(
            ROOTFS.toString(),
            "overlay",
            "overlay",
            List.of("lowerdir=/layers/1", "upperdir=/up", "workdir=/work"));
    LaunchInput input =
        new LaunchInput(
            "c", spec, overlay, new CgroupEntry.None(), new Stdio.Passed(), null, LOG_SLOTS);
    GoldenFile.check("selinux", ContainerPlan.compile(input));
    GoldenFile.check(
        "exec-selinux",
        ExecPlan.compile(
            exec(process().selinuxLabel(label).build(), List.of("mount", "pid"), false)));
  }

  @Test
  void timeNamespaceWithOffsetsInAUserNamespace() {
    List<IdMapping> map = List.of(new IdMapping(0, 100_000, 65_536));
    Linux linux =
        bare()
            .namespaces(
                List.of(Namespace.fresh("user"), Namespace.fresh("mount"), Namespace.fresh("time")))
            .uidMappings(map)
            .gidMappings(map)
            .timeOffsets(
                Map.of(
                    "monotonic", new TimeOffset(172_800, 0), "boottime", new TimeOffset(-60, 500)))
            .build();
    check("time", small().linux(linux).build());
    GoldenFile.check(
        "exec-time",
        ExecPlan.compile(exec(process().build(), List.of("user", "mount", "time"), false)));
  }

  @Test
  void netDevicesAreAskedForBeforeTheMountsAndHooks() {
    Linux linux =
        bare()
            .namespaces(List.of(Namespace.fresh("mount"), Namespace.fresh("network")))
            .netDevices(Map.of("eth1", new NetDevice("net%d")))
            .build();
    check("net-devices", small().linux(linux).build());
  }

  /** The hook, which no agent is told of, has the filter without a listener. */
  @Test
  void seccompListenerIsShownBehindTheFilter() {
    Hooks.Hook hook = new Hooks.Hook("/bin/hook", List.of(), List.of(), null);
    Hooks hooks = new Hooks(List.of(), List.of(), List.of(), List.of(hook), List.of(), List.of());
    SeccompProgram program =
        new SeccompProgram(new byte[SeccompProgram.INSTRUCTION_BYTES], 1 << 3 | 1 << 1);
    RuntimeSpec spec = small().hooks(hooks).build();
    check("seccomp-notify", spec, new CgroupEntry.None(), new Stdio.Passed(), program);
  }

  @Test
  void cgroupNamespaceJoinedByPathAfterTheMove() {
    Linux linux =
        bare()
            .namespaces(
                List.of(Namespace.fresh("mount"), Namespace.join("cgroup", "/proc/4711/ns/cgroup")))
            .build();
    check(
        "cgroup-joined",
        small().linux(linux).build(),
        new CgroupEntry.V1(1, List.of()),
        new Stdio.Passed(),
        null);
  }

  @Test
  void timeNamespaceJoinedByPath() {
    Linux linux =
        bare()
            .namespaces(
                List.of(Namespace.fresh("mount"), Namespace.join("time", "/proc/4711/ns/time")))
            .build();
    check("time-joined", small().linux(linux).build());
  }

  @Test
  void maskedAndReadonlyPaths() {
    Linux linux =
        bare()
            .maskedPaths(List.of("/proc/kcore", "/sys/firmware"))
            .readonlyPaths(List.of("/proc/sys"))
            .build();
    check("protected-paths", small().linux(linux).build());
  }

  @Test
  void cgroupV1() {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/sys/fs/cgroup", "cgroup", "cgroup", List.of("nosuid", "noexec", "ro")));
    CgroupEntry.V1 entry =
        new CgroupEntry.V1(
            2,
            List.of(
                new CgroupEntry.V1.View("memory", "/sys/fs/cgroup/memory/pod/c"),
                new CgroupEntry.V1.View("cpu", "/sys/fs/cgroup/cpu/pod/c")));
    check(
        "cgroup-v1",
        small().mounts(mounts).linux(withCgroupNamespace()).build(),
        entry,
        new Stdio.Passed(),
        null);
  }

  @Test
  void cgroupV2() {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/sys/fs/cgroup", "cgroup", "cgroup", List.of("nosuid", "noexec", "ro")));
    check(
        "cgroup-v2",
        small().mounts(mounts).linux(withCgroupNamespace()).build(),
        new CgroupEntry.V2(),
        new Stdio.Passed(),
        null);
  }

  @Test
  void overlayOfManyLayers() {
    String layers =
        IntStream.range(0, 40)
            .mapToObj(i -> "/var/lib/berth/layers/" + i)
            .collect(Collectors.joining(":"));
    Rootfs rootfs =
        new Rootfs.Mounted(
            "/run/berth/empty",
            "overlay",
            "overlay",
            List.of("lowerdir=" + layers, "upperdir=/rw/upper", "workdir=/rw/work", "nodev"));
    LaunchInput input =
        new LaunchInput(
            "c",
            small().build(),
            rootfs,
            new CgroupEntry.None(),
            new Stdio.Passed(),
            null,
            Set.of());
    GoldenFile.check("overlay", ContainerPlan.compile(input));
  }

  @Test
  void sharedRootPropagation() {
    check("rootfs-shared", small().linux(bare().rootfsPropagation("rshared").build()).build());
  }

  @Test
  void exec() {
    GoldenFile.check(
        "exec",
        ExecPlan.compile(
            exec(process().build(), List.of("mount", "pid", "network", "ipc", "uts"), false)));
  }

  @Test
  void execWithTerminal() {
    GoldenFile.check(
        "exec-terminal",
        ExecPlan.compile(exec(process().terminal(true).build(), List.of("mount", "pid"), true)));
  }

  @Test
  void execInUserNamespace() {
    GoldenFile.check(
        "exec-userns",
        ExecPlan.compile(
            exec(
                process().user(new User(1000, 1000)).build(),
                List.of("user", "mount", "pid", "network", "ipc", "uts", "cgroup"),
                false)));
  }

  @Test
  void successor() {
    GoldenFile.check("successor", SuccessorPlan.of(LOG_SLOTS));
  }

  @Test
  void sameInputGivesTheSamePlan() {
    LaunchInput input = input(small().build(), new CgroupEntry.V2(), new Stdio.Passed(), FILTER);
    assertThat(ContainerPlan.compile(input).print())
        .isEqualTo(ContainerPlan.compile(input).print());
  }

  @Test
  void terminalWithoutDevptsIsRefusedNamingTheField() {
    RuntimeSpec spec = small().process(process().terminal(true).build()).build();
    LaunchInput input = input(spec, new CgroupEntry.None(), new Stdio.Terminal(0, 0), null);
    assertThatThrownBy(() -> ContainerPlan.compile(input))
        .hasMessage("process.terminal: mounts has no devpts at /dev/pts");
  }

  @Test
  void containerWithoutItsOwnMountNamespaceIsRefused() {
    RuntimeSpec spec =
        small().linux(bare().namespaces(List.of(Namespace.fresh("pid"))).build()).build();
    LaunchInput input = input(spec, new CgroupEntry.None(), new Stdio.Passed(), null);
    assertThatThrownBy(() -> ContainerPlan.compile(input))
        .hasMessage("linux.namespaces: a container needs a mount namespace of its own");
  }

  @Test
  void hooksInsideTheContainer() {
    RuntimeSpec spec =
        small()
            .hooks(hooks())
            .process(process().user(new User(1000, 1000, null, List.of())).build())
            .build();
    check("hooks", spec, new CgroupEntry.None(), new Stdio.Passed(), FILTER);
  }

  /** Hooks are to find the root where the bundle says it is. */
  @Test
  void hooksOutsideOfAUserNamespace() {
    Hooks outside =
        new Hooks(List.of(), hooks().createRuntime(), List.of(), List.of(), List.of(), List.of());
    List<Namespace> namespaces = List.of(Namespace.fresh("user"), Namespace.fresh("mount"));
    check(
        "hooks-userns",
        small().hooks(outside).linux(bare().namespaces(namespaces).build()).build());
  }

  private static Hooks hooks() {
    List<String> environment = List.of("A=1");
    return new Hooks(
        List.of(),
        List.of(new Hooks.Hook("/usr/bin/outside", List.of(), List.of(), null)),
        List.of(
            new Hooks.Hook("/usr/bin/link", List.of("link", "--all"), environment, 2),
            new Hooks.Hook("/usr/bin/bare", List.of(), List.of(), null)),
        List.of(new Hooks.Hook("/bin/inside", List.of(), List.of(), 3)),
        List.of(),
        List.of());
  }

  /** What few machines can run: real-time scheduling, and nodes of memory beside the first. */
  @Test
  void deadlineSchedulingAndMemoryPolicy() {
    Scheduler deadline =
        new Scheduler(
            "SCHED_DEADLINE",
            null,
            null,
            List.of("SCHED_FLAG_RESET_ON_FORK"),
            1_000_000L,
            5_000_000L,
            10_000_000L);
    ContainerProcess process =
        process().scheduler(deadline).ioPriority(new IoPriority("IOPRIO_CLASS_RT", 2)).build();
    Linux linux =
        bare()
            .personality(new Personality("LINUX32", List.of()))
            .memoryPolicy(
                new MemoryPolicy("MPOL_INTERLEAVE", "0-1,65", List.of("MPOL_F_STATIC_NODES")))
            .build();
    check("scheduling", small().process(process).linux(linux).build());
  }

  @Test
  void execBoundToCpusBeforeAndAfterItJoinsTheCgroup() {
    ContainerProcess process =
        process()
            .execCpuAffinity(new ExecCpuAffinity("0-1", "2"))
            .scheduler(new Scheduler("SCHED_BATCH", 5, null, List.of(), null, null, null))
            .build();
    GoldenFile.check(
        "exec-affinity", ExecPlan.compile(exec(process, List.of("mount", "pid"), false)));
  }

  private static void check(String name, RuntimeSpec spec) {
    check(name, spec, new CgroupEntry.None(), new Stdio.Passed(), null);
  }

  private static void check(
      String name, RuntimeSpec spec, CgroupEntry cgroup, Stdio stdio, SeccompProgram seccomp) {
    GoldenFile.check(name, ContainerPlan.compile(input(spec, cgroup, stdio, seccomp)));
  }

  private static LaunchInput input(
      RuntimeSpec spec, CgroupEntry cgroup, Stdio stdio, SeccompProgram seccomp) {
    return new LaunchInput(
        "c", spec, new Rootfs.Directory(ROOTFS.toString()), cgroup, stdio, seccomp, LOG_SLOTS);
  }

  private static ExecInput exec(
      ContainerProcess process, List<String> namespaces, boolean terminal) {
    return new ExecInput(
        "c",
        process,
        namespaces,
        new CgroupEntry.V2(),
        terminal ? new Stdio.Terminal(0, 0) : new Stdio.Passed(),
        null,
        Set.of(Slot.LISTENER, Slot.EXIT_RECORD));
  }

  /** Only /proc is mounted and every capability kept, so that each plan shows its own point. */
  private static RuntimeSpec.Builder small() {
    return BusyboxBundle.spec(ROOTFS, "")
        .hostname(null)
        .mounts(List.of(BusyboxBundle.mounts().getFirst()))
        .process(process().build())
        .linux(bare().build());
  }

  private static ContainerProcess.Builder process() {
    List<String> all = dev.berth.runtime.spec.CapabilityNames.all();
    return BusyboxBundle.process("/bin/true")
        .capabilities(new Capabilities(all, all, List.of(), all, List.of()));
  }

  private static Linux.Builder bare() {
    return BusyboxBundle.linux().maskedPaths(List.of()).readonlyPaths(List.of());
  }

  private static Linux withCgroupNamespace() {
    List<Namespace> namespaces = new ArrayList<>(bare().build().namespaces());
    namespaces.add(Namespace.fresh("cgroup"));
    return bare().namespaces(namespaces).build();
  }
}
