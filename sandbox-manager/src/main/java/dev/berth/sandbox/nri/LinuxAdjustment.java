package dev.berth.sandbox.nri;

import static java.util.Objects.requireNonNullElseGet;

import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.LinuxContainerAdjustment;
import dev.berth.proto.nri.LinuxDevice;
import dev.berth.proto.nri.LinuxMemoryPolicy;
import dev.berth.proto.nri.LinuxNamespace;
import dev.berth.proto.nri.LinuxNetDevice;
import dev.berth.proto.nri.LinuxRdt;
import dev.berth.proto.nri.LinuxScheduler;
import dev.berth.proto.nri.LinuxSeccomp;
import dev.berth.proto.nri.LinuxSyscall;
import dev.berth.proto.nri.Mount;
import dev.berth.proto.nri.OptionalUInt32;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.IntelRdt;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.MemoryPolicy;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.NetDevice;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.Seccomp;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The part of {@link SpecAdjustment} that is particular to Linux. */
final class LinuxAdjustment {
  private static final String RSHARED = "rshared";
  private static final String RSLAVE = "rslave";

  private LinuxAdjustment() {}

  static Linux apply(Linux before, ContainerAdjustment adjustment) {
    LinuxContainerAdjustment wanted = adjustment.getLinux();
    Linux.Builder linux =
        before.toBuilder()
            .namespaces(namespaces(before.namespaces(), wanted.getNamespacesList()))
            .devices(devices(before.devices(), wanted.getDevicesList()))
            .netDevices(netDevices(before.netDevices(), wanted.getNetDevicesMap()))
            .sysctl(SpecAdjustment.entries(before.sysctl(), wanted.getSysctlMap()))
            .resources(resources(before.resources(), wanted))
            .rootfsPropagation(propagation(before.rootfsPropagation(), adjustment.getMountsList()));
    if (!wanted.getCgroupsPath().isEmpty()) {
      linux.cgroupsPath(wanted.getCgroupsPath());
    }
    if (wanted.hasSeccompPolicy()) {
      linux.seccomp(seccomp(wanted.getSeccompPolicy()));
    }
    if (wanted.hasRdt()) {
      linux.intelRdt(rdt(before.intelRdt(), wanted.getRdt()));
    }
    if (wanted.hasMemoryPolicy()) {
      linux.memoryPolicy(memoryPolicy(wanted.getMemoryPolicy()));
    }
    return linux.build();
  }

  static void applyToProcess(ContainerProcess.Builder process, LinuxContainerAdjustment wanted) {
    if (wanted.hasOomScoreAdj()) {
      process.oomScoreAdj(SpecAdjustment.number(wanted.getOomScoreAdj().getValue()));
    }
    if (wanted.hasIoPriority()) {
      process.ioPriority(
          new ContainerProcess.IoPriority(
              wanted.getIoPriority().getClass_().name(), wanted.getIoPriority().getPriority()));
    }
    if (wanted.hasScheduler()) {
      process.scheduler(scheduler(wanted.getScheduler()));
    }
  }

  private static ContainerProcess.Scheduler scheduler(LinuxScheduler scheduler) {
    return new ContainerProcess.Scheduler(
        scheduler.getPolicy().name(),
        scheduler.getNice(),
        scheduler.getPriority(),
        scheduler.getFlagsList().stream().map(Enum::name).toList(),
        scheduler.getRuntime(),
        scheduler.getDeadline(),
        scheduler.getPeriod());
  }

  private static List<Namespace> namespaces(List<Namespace> before, List<LinuxNamespace> wanted) {
    Map<String, Namespace> namespaces = new LinkedHashMap<>();
    before.forEach(namespace -> namespaces.put(namespace.type(), namespace));
    for (LinuxNamespace namespace : wanted) {
      String type = Marks.name(namespace.getType());
      if (Marks.isRemoval(namespace.getType())) {
        namespaces.remove(type);
      } else {
        namespaces.put(type, new Namespace(type, namespace.getPath()));
      }
    }
    return List.copyOf(namespaces.values());
  }

  private static List<Device> devices(List<Device> before, List<LinuxDevice> wanted) {
    List<Device> devices = new ArrayList<>(before);
    for (LinuxDevice device : wanted) {
      devices.removeIf(other -> other.path().equals(Marks.name(device.getPath())));
    }
    wanted.stream()
        .filter(device -> !Marks.isRemoval(device.getPath()))
        .map(LinuxAdjustment::device)
        .forEach(devices::add);
    return devices;
  }

  private static Device device(LinuxDevice device) {
    return new Device(
        device.getPath(),
        device.getType(),
        device.getMajor(),
        device.getMinor(),
        device.hasFileMode() ? device.getFileMode().getValue() : null,
        device.hasUid() ? Integer.toUnsignedLong(device.getUid().getValue()) : null,
        device.hasGid() ? Integer.toUnsignedLong(device.getGid().getValue()) : null);
  }

  private static Map<String, NetDevice> netDevices(
      Map<String, NetDevice> before, Map<String, LinuxNetDevice> wanted) {
    Map<String, NetDevice> devices = new LinkedHashMap<>(before);
    wanted.keySet().stream().filter(Marks::isRemoval).map(Marks::name).forEach(devices::remove);
    wanted.forEach((host, device) -> {
      if (!Marks.isRemoval(host)) {
        devices.put(host, new NetDevice(device.getName()));
      }
    });
    return devices;
  }

  /** Whoever gets a device node may use it. */
  private static Resources resources(@Nullable Resources before, LinuxContainerAdjustment wanted) {
    Resources limits =
        Limits.overlay(
            requireNonNullElseGet(before, () -> Resources.builder().build()),
            wanted.getResources());
    List<Resources.DeviceRule> rules = new ArrayList<>(limits.devices());
    for (LinuxDevice device : wanted.getDevicesList()) {
      if (!Marks.isRemoval(device.getPath())) {
        rules.add(
            new Resources.DeviceRule(
                true, device.getType(), device.getMajor(), device.getMinor(), "rwm"));
      }
    }
    return limits.toBuilder().devices(rules).build();
  }

  /** Mounts spread no further than the root does. */
  private static @Nullable String propagation(@Nullable String before, List<Mount> wanted) {
    if (RSHARED.equals(before) || spreads(wanted, RSHARED)) {
      return spreads(wanted, RSHARED) ? RSHARED : before;
    }
    return spreads(wanted, RSLAVE) ? RSLAVE : before;
  }

  private static boolean spreads(List<Mount> wanted, String propagation) {
    return wanted.stream()
        .filter(mount -> !Marks.isRemoval(mount.getDestination()))
        .anyMatch(mount -> mount.getOptionsList().contains(propagation));
  }

  private static @Nullable IntelRdt rdt(@Nullable IntelRdt before, LinuxRdt wanted) {
    IntelRdt base =
        before == null || wanted.getRemove()
            ? new IntelRdt(null, List.of(), null, null, false)
            : before;
    boolean sets = wanted.hasClosId() || wanted.hasSchemata() || wanted.hasEnableMonitoring();
    if (!sets) {
      return wanted.getRemove() ? null : before;
    }
    return new IntelRdt(
        wanted.hasClosId() ? wanted.getClosId().getValue() : base.closID(),
        wanted.hasSchemata() ? wanted.getSchemata().getValueList() : base.schemata(),
        base.l3CacheSchema(),
        base.memBwSchema(),
        wanted.hasEnableMonitoring()
            ? wanted.getEnableMonitoring().getValue()
            : base.enableMonitoring());
  }

  private static MemoryPolicy memoryPolicy(LinuxMemoryPolicy policy) {
    return new MemoryPolicy(
        policy.getMode().name(),
        policy.getNodes(),
        policy.getFlagsList().stream().map(Enum::name).toList());
  }

  private static Seccomp seccomp(LinuxSeccomp policy) {
    return new Seccomp(
        policy.getDefaultAction(),
        errno(policy.hasDefaultErrno(), policy.getDefaultErrno()),
        policy.getArchitecturesList(),
        policy.getFlagsList(),
        policy.getListenerPath(),
        policy.getListenerMetadata(),
        policy.getSyscallsList().stream().map(LinuxAdjustment::rule).toList());
  }

  private static Seccomp.Rule rule(LinuxSyscall rule) {
    return new Seccomp.Rule(
        rule.getNamesList(),
        rule.getAction(),
        errno(rule.hasErrnoRet(), rule.getErrnoRet()),
        rule.getArgsList().stream()
            .map(arg ->
                new Seccomp.Arg(arg.getIndex(), arg.getValue(), arg.getValueTwo(), arg.getOp()))
            .toList());
  }

  private static @Nullable Integer errno(boolean given, OptionalUInt32 value) {
    return given ? Integer.valueOf(value.getValue()) : null;
  }
}
