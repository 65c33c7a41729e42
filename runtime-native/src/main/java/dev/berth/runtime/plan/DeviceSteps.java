package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.Device;
import java.util.List;
import java.util.Map;

/**
 * Makes the device nodes that every container has, those that the spec adds, and the links of
 * config-linux "default devices".
 *
 * <p>Nodes come from mknod(2) or, in a user namespace where that is forbidden, from the host's node
 * bound over an empty file; never from the image (rule R3). Each is verified by its device number.
 */
final class DeviceSteps {
  private record Node(String name, long major, long minor) {}

  private static final List<Node> DEFAULT =
      List.of(
          new Node("null", 1, 3),
          new Node("zero", 1, 5),
          new Node("full", 1, 7),
          new Node("random", 1, 8),
          new Node("urandom", 1, 9),
          new Node("tty", 5, 0));

  private static final List<Map.Entry<String, String>> LINKS =
      List.of(
          Map.entry("fd", "/proc/self/fd"),
          Map.entry("stdin", "/proc/self/fd/0"),
          Map.entry("stdout", "/proc/self/fd/1"),
          Map.entry("stderr", "/proc/self/fd/2"),
          Map.entry("core", "/proc/kcore"),
          Map.entry("ptmx", "pts/ptmx"));

  private final PlanBuilder plan;
  private final Emitter emit;
  private final MountSteps mounts;
  private final boolean inUserNamespace;
  private final Reg tree;
  private final Reg target;
  private final Reg directory;

  DeviceSteps(PlanBuilder plan, Emitter emit, MountSteps mounts, boolean inUserNamespace) {
    this.plan = plan;
    this.emit = emit;
    this.mounts = mounts;
    this.inUserNamespace = inUserNamespace;
    this.tree = plan.reg("deviceTree");
    this.target = plan.reg("deviceTarget");
    this.directory = plan.reg("devDirectory");
  }

  void makeAll(List<Device> devices) {
    if (!mounts.mayMakeDevices()) {
      return;
    }
    plan.from("default devices");
    openDev();
    for (Node node : DEFAULT) {
      if (inUserNamespace) {
        bindNode("/dev/" + node.name(), Uapi.S_IFCHR, Uapi.device(node.major(), node.minor()));
      } else {
        long device = Uapi.device(node.major(), node.minor());
        emit.makeNode(directory, node.name(), Uapi.S_IFCHR | 0666, device, 0, 0);
      }
    }
    for (Map.Entry<String, String> link : LINKS) {
      plan.call("symlinkat", plan.string(link.getValue()), directory, plan.string(link.getKey()))
          .on(Outcome.tolerate(Errno.EEXIST));
    }
    for (int i = 0; i < devices.size(); i++) {
      make(devices.get(i), "linux.devices[" + i + "] " + devices.get(i).path());
    }
  }

  private void openDev() {
    if (mounts.hasDev()) {
      plan.call("dup", mounts.dev()).into(directory);
    } else {
      emit.openTarget("/dev", true, true, directory);
    }
  }

  private void make(Device device, String field) {
    plan.from(field);
    int type = type(device, field);
    long number = Uapi.device(device.major(), device.minor());
    if (inUserNamespace) {
      bindNode(device.path(), type, number);
      return;
    }
    List<String> names = Emitter.components(device.path());
    if (names.isEmpty()) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, field + ": path names no file");
    }
    int mode = device.fileMode() == null ? 0666 : device.fileMode() & 07777;
    Reg parent = emit.openParents(names);
    emit.makeNode(
        parent,
        names.getLast(),
        type | mode,
        type == Uapi.S_IFIFO ? 0 : number,
        device.uid() == null ? 0 : device.uid(),
        device.gid() == null ? 0 : device.gid());
  }

  private void bindNode(String path, int type, long number) {
    emit.cloneHostTree(path, false, tree);
    emit.checkNode(tree, type, number);
    emit.openTarget(path, false, true, target);
    emit.attach(tree, target);
  }

  private static int type(Device device, String field) {
    return switch (device.type()) {
      case "c", "u" -> Uapi.S_IFCHR;
      case "b" -> Uapi.S_IFBLK;
      case "p" -> Uapi.S_IFIFO;
      default ->
          throw new BerthException(
              BerthException.Kind.INVALID_ARGUMENT,
              field + ": type must be c, u, b or p, not \"" + device.type() + "\"");
    };
  }
}
