package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.LinkMove;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.kernel.Namespaces;
import dev.berth.runtime.spec.NetDevice;
import java.nio.file.Path;
import java.util.Map;

/**
 * Moves network devices of the runtime's namespace into that of a container ({@code
 * linux.netDevices}).
 *
 * <p>Nothing moves them back: when the namespace ends, whether with the container or because the
 * container could not be made, the kernel returns a physical device to the host's first namespace
 * and removes a virtual one. In a namespace that was joined they stay.
 */
final class NetDevices {
  private NetDevices() {}

  /**
   * Moves the devices for a process that is in the namespace already.
   *
   * @throws BerthException naming the device's field
   */
  static void move(int pid, Map<String, NetDevice> devices) {
    Path file = Path.of("/proc", Integer.toString(pid), "ns/net");
    try (Fd namespace = Namespaces.open(file, NamespaceType.NETWORK)) {
      devices.forEach((name, device) -> {
        move(name, device.name() == null ? name : device.name(), namespace);
      });
    }
  }

  private static void move(String device, String name, Fd namespace) {
    try {
      LinkMove.move(device, name, namespace);
    } catch (BerthException e) {
      throw e.during("linux.netDevices[\"" + device + "\"]");
    }
  }
}
