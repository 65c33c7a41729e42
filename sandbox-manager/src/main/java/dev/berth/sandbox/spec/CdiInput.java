package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import dev.berth.base.BerthException;
import dev.berth.sandbox.cdi.ContainerEdits;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What a container's CDI devices change, after the host's nodes were looked at.
 *
 * @param nodes the device nodes among the edits
 */
public record CdiInput(ContainerEdits edits, List<HostDevice> nodes) {
  /** Changes nothing. */
  public static final CdiInput NONE = new CdiInput(ContainerEdits.NONE, List.of());

  public CdiInput {
    nodes = List.copyOf(nodes);
  }

  /**
   * Looks at the nodes that edits name.
   *
   * @param uid of the container's process, who owns the nodes that name no owner
   * @throws BerthException FAILED_PRECONDITION naming a node that is not there
   */
  public static CdiInput of(ContainerEdits edits, long uid, long gid) {
    List<HostDevice> nodes = new ArrayList<>();
    for (ContainerEdits.DeviceNode node : edits.deviceNodes()) {
      nodes.add(device(node, uid, gid));
    }
    return new CdiInput(edits, nodes);
  }

  private static HostDevice device(ContainerEdits.DeviceNode node, long uid, long gid) {
    String path = requireNonNull(node.path(), "checked when it was read");
    String access = requireNonNullElse(node.permissions(), "");
    HostDevice found = found(path, node);
    return new HostDevice(
        path,
        found.type(),
        found.major(),
        found.minor(),
        requireNonNullElse(node.fileMode(), found.mode()),
        requireNonNullElse(node.uid(), uid),
        requireNonNullElse(node.gid(), gid),
        access.isEmpty() ? "rwm" : access);
  }

  private static HostDevice found(String path, ContainerEdits.DeviceNode node) {
    if (node.type() != null && node.major() != null && node.minor() != null) {
      return new HostDevice(path, node.type(), node.major(), node.minor(), 0666, 0, 0, "rwm");
    }
    String host = requireNonNullElse(node.hostPath(), path);
    try {
      return HostDevices.node(host);
    } catch (IOException e) {
      throw new BerthException(
          FAILED_PRECONDITION, "CDI: deviceNodes " + path + ": " + host + ": " + e.getMessage(), e);
    }
  }
}
