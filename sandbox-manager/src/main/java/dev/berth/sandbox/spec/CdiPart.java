package dev.berth.sandbox.spec;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Device;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.NetDevice;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.User;
import dev.berth.sandbox.cdi.ContainerEdits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Applies what CDI devices change. What is given anew takes the place of what has the same name: a
 * variable, a device node, a mount point.
 */
public final class CdiPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    return apply(spec, input.cdi());
  }

  /** Returns the spec with the devices. */
  public static RuntimeSpec apply(RuntimeSpec spec, CdiInput cdi) {
    ContainerEdits edits = cdi.edits();
    RuntimeSpec changed = SpecParts.process(spec, process -> process(spec, process, edits));
    changed = devices(changed, cdi.nodes());
    changed = changed.toBuilder().mounts(mounts(changed.mounts(), edits.mounts())).build();
    changed = SpecParts.linux(changed, linux -> linux(spec, linux, edits));
    return edits.hooks().isEmpty()
        ? changed
        : changed.toBuilder().hooks(hooks(changed.hooks(), edits.hooks())).build();
  }

  private static ContainerProcess.Builder process(
      RuntimeSpec spec, ContainerProcess.Builder builder, ContainerEdits edits) {
    ContainerProcess process = requireNonNull(spec.process(), "the generator sets it");
    List<String> env = new ArrayList<>(process.env());
    for (String variable : edits.env()) {
      String name = variable.substring(0, variable.indexOf('=') + 1);
      env.removeIf(old -> old.startsWith(name));
      env.add(variable);
    }
    User user = process.user();
    List<Long> groups = new ArrayList<>(user.additionalGids());
    edits.additionalGids().stream()
        .filter(gid -> gid != 0 && !groups.contains(gid)) // 0 is what a file without a group says
        .forEach(groups::add);
    return builder.env(env).user(new User(user.uid(), user.gid(), user.umask(), groups));
  }

  private static RuntimeSpec devices(RuntimeSpec spec, List<HostDevice> nodes) {
    Linux linux = requireNonNull(spec.linux(), "the generator sets it");
    List<Device> devices = new ArrayList<>(linux.devices());
    Resources resources = linux.resources();
    List<Resources.DeviceRule> rules =
        new ArrayList<>(resources == null ? List.of() : resources.devices());
    for (HostDevice node : nodes) {
      devices.removeIf(old -> old.path().equals(node.containerPath()));
      devices.add(DevicesPart.node(node));
      rules.add(
          new Resources.DeviceRule(true, node.type(), node.major(), node.minor(), node.access()));
    }
    RuntimeSpec withNodes = SpecParts.linux(spec, builder -> builder.devices(devices));
    return SpecParts.resources(withNodes, builder -> builder.devices(rules));
  }

  /** Parents before children, as without CDI; otherwise the order stays. */
  private static List<Mount> mounts(List<Mount> given, List<ContainerEdits.Mount> added) {
    List<Mount> mounts = new ArrayList<>(given);
    for (ContainerEdits.Mount mount : added) {
      String path = requireNonNull(mount.containerPath(), "checked before");
      mounts.removeIf(old -> old.target().equals(path));
      mounts.add(
          new Mount(
              path,
              requireNonNullElse(mount.type(), "bind"),
              requireNonNullElse(mount.hostPath(), ""),
              mount.options()));
    }
    if (!added.isEmpty()) {
      mounts.sort(Comparator.comparingInt(mount -> depth(mount.target())));
    }
    return mounts;
  }

  private static int depth(String path) {
    return (int) path.chars().filter(c -> c == '/').count();
  }

  private static Linux.Builder linux(
      RuntimeSpec spec, Linux.Builder builder, ContainerEdits edits) {
    Linux before = requireNonNull(spec.linux(), "the generator sets it");
    Map<String, NetDevice> network = new TreeMap<>(before.netDevices());
    for (ContainerEdits.NetDevice device : edits.netDevices()) {
      network.put(requireNonNullElse(device.hostInterfaceName(), ""), new NetDevice(device.name()));
    }
    builder.netDevices(network);
    return edits.intelRdt() == null ? builder : builder.intelRdt(edits.intelRdt());
  }

  private static Hooks hooks(@Nullable Hooks before, List<ContainerEdits.Hook> added) {
    Hooks old = Hooks.of(before);
    return new Hooks(
        at("prestart", old.prestart(), added),
        at("createRuntime", old.createRuntime(), added),
        at("createContainer", old.createContainer(), added),
        at("startContainer", old.startContainer(), added),
        at("poststart", old.poststart(), added),
        at("poststop", old.poststop(), added));
  }

  private static List<Hooks.Hook> at(
      String point, List<Hooks.Hook> before, List<ContainerEdits.Hook> added) {
    List<Hooks.Hook> hooks = new ArrayList<>(before);
    added.stream()
        .filter(hook -> point.equals(hook.hookName()))
        .map(hook ->
            new Hooks.Hook(
                requireNonNullElse(hook.path(), ""),
                hook.args(),
                hook.env(),
                hook.timeoutSeconds()))
        .forEach(hooks::add);
    return hooks;
  }
}
