package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.util.Objects.requireNonNull;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Looks at the device nodes of the host that go into a container. */
public final class HostDevices {
  private static final Path DEV = Path.of("/dev");
  private static final int TYPE_MASK = 0170000; // S_IFMT and the values below: inode(7)
  private static final int CHARACTER = 0020000;
  private static final int BLOCK = 0060000;
  private static final int PERMISSIONS = 0777;

  /** Made anew for every container: the host's would be another container's terminal. */
  private static final Set<String> OWN_IN_CONTAINER =
      Set.of("pts", "shm", "fd", "mqueue", "console", "ptmx", ".udev", ".lxc", ".lxd-mounts");

  private HostDevices() {}

  /**
   * Returns the devices of a container: the listed ones, or all that the host has if it is
   * privileged. A listed directory stands for all devices below it.
   *
   * @throws BerthException INVALID_ARGUMENT naming the device
   */
  public static List<HostDevice> resolve(List<Device> wanted, boolean privileged) {
    List<HostDevice> devices = new ArrayList<>();
    if (privileged) {
      devices.addAll(all());
    }
    int index = 0;
    for (Device device : wanted) {
      devices.addAll(resolve("devices[" + index++ + "]", device));
    }
    return devices;
  }

  private static List<HostDevice> resolve(String field, Device device) {
    String access = device.getPermissions();
    if (!access.matches("r?w?m?") || access.isEmpty()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          field + ": permissions \"" + Ids.printable(access) + "\" are not some of r, w and m");
    }
    if (!device.getContainerPath().startsWith("/")) {
      throw new BerthException(INVALID_ARGUMENT, field + ": container_path is not absolute");
    }
    Path host = Path.of(CommandPart.requireText(field, device.getHostPath()));
    Path container = Path.of(CommandPart.requireText(field, device.getContainerPath())).normalize();
    try {
      Path real = host.toRealPath();
      if (!Files.isDirectory(real)) {
        return List.of(
            read(real, container, access)
                .orElseThrow(() -> new IOException("not a character or block device")));
      }
      List<HostDevice> devices = new ArrayList<>();
      for (Path node : nodes(real)) {
        read(node, container.resolve(real.relativize(node)), access).ifPresent(devices::add);
      }
      return devices;
    } catch (IOException e) {
      throw new BerthException(
          INVALID_ARGUMENT,
          field + ": host_path " + Ids.printable(device.getHostPath()) + ": " + e,
          e);
    }
  }

  /**
   * Looks at one node.
   *
   * @throws IOException if it is not there, or no device
   */
  static HostDevice node(String path) throws IOException {
    Path real = Path.of(path).toRealPath();
    return read(real, Path.of(path), "rwm")
        .orElseThrow(() -> new IOException("not a character or block device"));
  }

  private static List<HostDevice> all() {
    List<HostDevice> devices = new ArrayList<>();
    try {
      for (Path node : nodes(DEV)) {
        if (!OWN_IN_CONTAINER.contains(DEV.relativize(node).getName(0).toString())) {
          read(node, node, "rwm").ifPresent(devices::add);
        }
      }
    } catch (IOException e) {
      throw new BerthException(BerthException.Kind.INTERNAL, "cannot list /dev: " + e, e);
    }
    return devices;
  }

  private static List<Path> nodes(Path directory) throws IOException {
    try (Stream<Path> tree = Files.walk(directory)) {
      return tree.sorted().toList();
    }
  }

  private static Optional<HostDevice> read(Path node, Path container, String access)
      throws IOException {
    int mode = (int) attribute(node, "mode");
    String type =
        switch (mode & TYPE_MASK) {
          case CHARACTER -> "c";
          case BLOCK -> "b";
          default -> "";
        };
    if (type.isEmpty()) {
      return Optional.empty();
    }
    long device = (long) attribute(node, "rdev");
    return Optional.of(
        new HostDevice(
            container.toString(),
            type,
            major(device),
            minor(device),
            mode & PERMISSIONS,
            Integer.toUnsignedLong((int) attribute(node, "uid")),
            Integer.toUnsignedLong((int) attribute(node, "gid")),
            access));
  }

  private static Object attribute(Path node, String name) throws IOException {
    return requireNonNull(
        Files.getAttribute(node, "unix:" + name, LinkOption.NOFOLLOW_LINKS),
        "the unix view has every attribute it names");
  }

  /** The number as stat(2) gives it, see gnu_dev_major of sys/sysmacros.h. */
  private static long major(long device) {
    return ((device >>> 8) & 0xFFF) | ((device >>> 32) & 0xFFFF_F000L);
  }

  private static long minor(long device) {
    return (device & 0xFF) | ((device >>> 12) & 0xFFFF_FF00L);
  }
}
