package dev.berth.sandbox.cdi;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the edits of a spec file must satisfy, whatever is on the host. */
final class EditRules {
  private static final Set<String> HOOKS =
      Set.of(
          "prestart",
          "createRuntime",
          "createContainer",
          "startContainer",
          "poststart",
          "poststop");
  private static final Set<String> NODE_TYPES = Set.of("", "b", "c", "u", "p");

  private final String where;

  private EditRules(String where) {
    this.where = where;
  }

  /**
   * Checks edits.
   *
   * @param where file and device, for errors
   * @throws BerthException FAILED_PRECONDITION naming them and the edit
   */
  static void check(String where, ContainerEdits edits) {
    EditRules rules = new EditRules(where);
    edits.env().forEach(rules::variable);
    edits.deviceNodes().forEach(rules::node);
    edits.netDevices().forEach(rules::netDevice);
    edits.mounts().forEach(rules::mount);
    edits.hooks().forEach(rules::hook);
    for (long gid : edits.additionalGids()) {
      rules.require(gid >= 0 && gid < 0xFFFF_FFFFL, "additionalGids: " + gid + " is no group id");
    }
  }

  private void variable(String variable) {
    require(variable.indexOf('=') > 0, "env \"" + Ids.printable(variable) + "\" has no name");
    text("env", variable);
  }

  private void node(ContainerEdits.DeviceNode node) {
    absolute("deviceNodes: path", node.path());
    String permissions = node.permissions();
    require(
        permissions == null || permissions.matches("r?w?m?"),
        "deviceNodes " + node.path() + ": permissions are not some of r, w and m");
    require(
        NODE_TYPES.contains(node.type() == null ? "" : node.type()),
        "deviceNodes " + node.path() + ": type is none of b, c, u and p");
  }

  private void netDevice(ContainerEdits.NetDevice device) {
    require(
        device.hostInterfaceName() != null && !device.hostInterfaceName().isEmpty(),
        "netDevices: hostInterfaceName is missing");
  }

  private void mount(ContainerEdits.Mount mount) {
    absolute("mounts: containerPath", mount.containerPath());
    require(
        mount.hostPath() != null && !mount.hostPath().isEmpty(),
        "mounts " + mount.containerPath() + ": hostPath is missing");
    text("mounts: hostPath", mount.hostPath());
  }

  private void hook(ContainerEdits.Hook hook) {
    String point = hook.hookName();
    require(
        point != null && HOOKS.contains(point),
        "hooks: hookName \"" + Ids.printable(String.valueOf(point)) + "\" is not known");
    absolute("hooks: path", hook.path());
  }

  private void absolute(String field, @Nullable String path) {
    require(path != null && path.startsWith("/"), field + " is not absolute");
    text(field, path);
  }

  private void text(String field, @Nullable String value) {
    require(value == null || value.indexOf('\0') < 0, field + " holds a zero byte");
  }

  private void require(boolean condition, String problem) {
    if (!condition) {
      throw new BerthException(FAILED_PRECONDITION, where + ": " + problem);
    }
  }
}
