package dev.berth.sandbox.nri;

import dev.berth.proto.nri.CDIDevice;
import dev.berth.proto.nri.Container;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.Field;
import dev.berth.proto.nri.Hooks;
import dev.berth.proto.nri.KeyValue;
import dev.berth.proto.nri.LinuxContainer;
import dev.berth.proto.nri.LinuxContainerAdjustment;
import dev.berth.proto.nri.LinuxDevice;
import dev.berth.proto.nri.LinuxNamespace;
import dev.berth.proto.nri.LinuxRdt;
import dev.berth.proto.nri.Mount;
import dev.berth.proto.nri.POSIXRlimit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Collects what plugins want of a container that is being made. Each plugin sees the container as
 * those before it have left it. Not thread-safe.
 */
final class AdjustmentCollector {
  private final Owners owners;
  private final Container.Builder shown;
  private final ContainerAdjustment.Builder adjustment = ContainerAdjustment.newBuilder();

  AdjustmentCollector(Owners owners, Container container) {
    this.owners = owners;
    this.shown = container.toBuilder();
  }

  /** Returns the container with all that was collected so far. */
  Container shown() {
    return shown.build();
  }

  ContainerAdjustment adjustment() {
    return adjustment.build();
  }

  /**
   * Adds what one plugin wants.
   *
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION if an earlier one set the same field
   */
  void apply(ContainerAdjustment wanted, String plugin) {
    entries(
        Field.Annotations,
        wanted.getAnnotationsMap(),
        plugin,
        List.of(shown::removeAnnotations, adjustment::removeAnnotations),
        List.of(shown::putAnnotations, adjustment::putAnnotations),
        removal -> adjustment.putAnnotations(removal, ""));
    mounts(wanted.getMountsList(), plugin);
    environment(wanted.getEnvList(), plugin);
    arguments(wanted.getArgsList(), plugin);
    hooks(wanted.getHooks(), plugin);
    for (POSIXRlimit limit : wanted.getRlimitsList()) {
      claim(Field.Rlimits, limit.getType(), plugin);
      shown.addRlimits(limit);
      adjustment.addRlimits(limit);
    }
    for (CDIDevice device : wanted.getCDIDevicesList()) {
      claim(Field.CdiDevices, device.getName(), plugin);
      adjustment.addCDIDevices(device);
    }
    if (wanted.hasLinux()) {
      linux(wanted.getLinux(), plugin);
    }
  }

  private void claim(Field field, String plugin) {
    owners.claim(shown.getId(), field, plugin);
  }

  private void claim(Field field, String entry, String plugin) {
    owners.claim(shown.getId(), field, entry, plugin);
  }

  private void release(Field field, String entry) {
    owners.clear(shown.getId(), field, entry);
  }

  /** Removals come first: who removes and sets an entry takes it over from an earlier plugin. */
  private <V> void entries(
      Field field,
      Map<String, V> wanted,
      String plugin,
      List<Consumer<String>> removers,
      List<BiConsumer<String, V>> setters,
      Consumer<String> markRemoved) {
    for (String key : wanted.keySet()) {
      if (Marks.isRemoval(key)) {
        release(field, Marks.name(key));
        removers.forEach(remover -> remover.accept(Marks.name(key)));
        markRemoved.accept(key);
      }
    }
    wanted.forEach((key, value) -> {
      if (!Marks.isRemoval(key)) {
        claim(field, key, plugin);
        setters.forEach(setter -> setter.accept(key, value));
      }
    });
  }

  /**
   * Puts what a plugin adds in the place of what has the same key; what it removes stays in the
   * list, marked, to be removed from the spec as well.
   */
  private <T> List<T> items(
      Field field, List<T> before, List<T> wanted, Function<T, String> key, String plugin) {
    Set<String> removed =
        wanted.stream()
            .map(key)
            .filter(Marks::isRemoval)
            .map(Marks::name)
            .collect(Collectors.toSet());
    removed.forEach(name -> release(field, name));
    List<T> result = new ArrayList<>(before);
    result.removeIf(item -> removed.contains(Marks.name(key.apply(item))));
    for (T item : wanted) {
      if (!Marks.isRemoval(key.apply(item))) {
        claim(field, key.apply(item), plugin);
      }
      result.add(item);
    }
    return result;
  }

  /** Returns what plugins after this one see: without what it removes or replaces. */
  private static <T> List<T> seen(List<T> before, List<T> wanted, Function<T, String> key) {
    Set<String> changed = wanted.stream().map(key).map(Marks::name).collect(Collectors.toSet());
    List<T> result = new ArrayList<>(before);
    result.removeIf(item -> changed.contains(key.apply(item)));
    wanted.stream().filter(item -> !Marks.isRemoval(key.apply(item))).forEach(result::add);
    return result;
  }

  private void mounts(List<Mount> wanted, String plugin) {
    List<Mount> collected =
        items(Field.Mounts, adjustment.getMountsList(), wanted, Mount::getDestination, plugin);
    adjustment.clearMounts().addAllMounts(collected);
    List<Mount> visible = seen(shown.getMountsList(), wanted, Mount::getDestination);
    shown.clearMounts().addAllMounts(visible);
  }

  private void environment(List<KeyValue> wanted, String plugin) {
    List<KeyValue> collected =
        items(Field.Env, adjustment.getEnvList(), wanted, KeyValue::getKey, plugin);
    adjustment.clearEnv().addAllEnv(collected);
    List<String> added =
        wanted.stream().map(pair -> pair.getKey() + "=" + pair.getValue()).toList();
    List<String> visible = seen(shown.getEnvList(), added, AdjustmentCollector::variable);
    shown.clearEnv().addAllEnv(visible);
  }

  private static String variable(String pair) {
    int equals = pair.indexOf('=');
    return equals < 0 ? pair : pair.substring(0, equals);
  }

  /** An empty first one replaces what an earlier plugin has set. */
  private void arguments(List<String> wanted, String plugin) {
    if (wanted.isEmpty()) {
      return;
    }
    boolean takesOver = wanted.getFirst().isEmpty();
    if (takesOver) {
      owners.clear(shown.getId(), Field.Args);
    }
    claim(Field.Args, plugin);
    List<String> args = takesOver ? wanted.subList(1, wanted.size()) : wanted;
    adjustment.clearArgs().addAllArgs(args);
    shown.clearArgs().addAllArgs(args);
  }

  private void hooks(Hooks wanted, String plugin) {
    if (!wanted.equals(Hooks.getDefaultInstance())) {
      owners.share(shown.getId(), Field.OciHooks, plugin);
      adjustment.getHooksBuilder().mergeFrom(wanted); // the lists are made longer
      shown.getHooksBuilder().mergeFrom(wanted);
    }
  }

  private void linux(LinuxContainerAdjustment wanted, String plugin) {
    LinuxContainerAdjustment.Builder collected = adjustment.getLinuxBuilder();
    LinuxContainer.Builder visible = shown.getLinuxBuilder();
    devices(wanted.getDevicesList(), plugin);
    namespaces(wanted.getNamespacesList(), plugin);
    entries(
        Field.Sysctl,
        wanted.getSysctlMap(),
        plugin,
        List.of(visible::removeSysctl, collected::removeSysctl),
        List.of(visible::putSysctl, collected::putSysctl),
        removal -> collected.putSysctl(removal, ""));
    entries(
        Field.LinuxNetDevices,
        wanted.getNetDevicesMap(),
        plugin,
        List.of(visible::removeNetDevices, collected::removeNetDevices),
        List.of(visible::putNetDevices, collected::putNetDevices),
        removal -> collected.putNetDevices(removal, wanted.getNetDevicesMap().get(removal)));
    new ResourceClaims(owners, shown.getId(), plugin)
        .write(
            wanted.getResources(), collected.getResourcesBuilder(), visible.getResourcesBuilder());
    values(wanted, collected, visible, plugin);
    if (wanted.hasRdt()) {
      rdt(wanted.getRdt(), collected.getRdtBuilder(), plugin);
    }
  }

  private void devices(List<LinuxDevice> wanted, String plugin) {
    LinuxContainerAdjustment.Builder collected = adjustment.getLinuxBuilder();
    List<LinuxDevice> all =
        items(Field.Devices, collected.getDevicesList(), wanted, LinuxDevice::getPath, plugin);
    collected.clearDevices().addAllDevices(all);
    LinuxContainer.Builder linux = shown.getLinuxBuilder();
    List<LinuxDevice> visible = seen(linux.getDevicesList(), wanted, LinuxDevice::getPath);
    linux.clearDevices().addAllDevices(visible);
  }

  private void namespaces(List<LinuxNamespace> wanted, String plugin) {
    LinuxContainerAdjustment.Builder collected = adjustment.getLinuxBuilder();
    for (LinuxNamespace namespace : wanted) { // also a removal is a claim: none may add it again
      claim(Field.Namespace, Marks.name(namespace.getType()), plugin);
      collected.addNamespaces(namespace);
    }
    LinuxContainer.Builder linux = shown.getLinuxBuilder();
    List<LinuxNamespace> visible = seen(linux.getNamespacesList(), wanted, LinuxNamespace::getType);
    linux.clearNamespaces().addAllNamespaces(visible);
  }

  /** Those that are one value each. */
  private void values(
      LinuxContainerAdjustment wanted,
      LinuxContainerAdjustment.Builder collected,
      LinuxContainer.Builder visible,
      String plugin) {
    if (!wanted.getCgroupsPath().isEmpty()) {
      claim(Field.CgroupsPath, plugin);
      collected.setCgroupsPath(wanted.getCgroupsPath());
      visible.setCgroupsPath(wanted.getCgroupsPath());
    }
    if (wanted.hasOomScoreAdj()) {
      claim(Field.OomScoreAdj, plugin);
      collected.setOomScoreAdj(wanted.getOomScoreAdj());
      visible.setOomScoreAdj(wanted.getOomScoreAdj());
    }
    if (wanted.hasIoPriority()) {
      claim(Field.IoPriority, plugin);
      collected.setIoPriority(wanted.getIoPriority());
      visible.setIoPriority(wanted.getIoPriority());
    }
    if (wanted.hasSeccompPolicy()) {
      claim(Field.SeccompPolicy, plugin);
      collected.setSeccompPolicy(wanted.getSeccompPolicy());
      visible.setSeccompPolicy(wanted.getSeccompPolicy());
    }
    if (wanted.hasScheduler()) {
      claim(Field.LinuxSched, plugin);
      collected.setScheduler(wanted.getScheduler());
      visible.setScheduler(wanted.getScheduler());
    }
    if (wanted.hasMemoryPolicy()) {
      claim(Field.MemoryPolicy, plugin);
      collected.setMemoryPolicy(wanted.getMemoryPolicy());
    }
  }

  private void rdt(LinuxRdt wanted, LinuxRdt.Builder collected, String plugin) {
    if (wanted.getRemove()) {
      owners.clear(shown.getId(), Field.RdtClosID);
      owners.clear(shown.getId(), Field.RdtSchemata);
      owners.clear(shown.getId(), Field.RdtEnableMonitoring);
      collected.clear().setRemove(true);
    }
    if (wanted.hasClosId()) {
      claim(Field.RdtClosID, plugin);
      collected.setClosId(wanted.getClosId());
    }
    if (wanted.hasSchemata()) {
      claim(Field.RdtSchemata, plugin);
      collected.setSchemata(wanted.getSchemata());
    }
    if (wanted.hasEnableMonitoring()) {
      claim(Field.RdtEnableMonitoring, plugin);
      collected.setEnableMonitoring(wanted.getEnableMonitoring());
    }
    shown.getLinuxBuilder().setRdt(collected);
  }
}
