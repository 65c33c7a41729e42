package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.SELinuxOption;
import java.util.zip.CRC32;

/**
 * The SELinux labels of a container, {@code user:role:type:level}.
 *
 * @param process of what it runs
 * @param mount of the files that are mounted for it alone
 */
record SelinuxLabels(String process, String mount) {
  private static final int CATEGORIES = 1024; // of the policies that distributions ship

  /**
   * Completes what was asked for by what the policies of distributions call a container.
   *
   * @param sandboxId gives the level where none was asked for: two categories, the same for all
   *     containers of a pod and hardly the same for two pods
   * @throws BerthException INVALID_ARGUMENT naming the option that cannot be part of a label
   */
  static SelinuxLabels of(SELinuxOption options, String sandboxId) {
    String user = part("user", options.getUser(), "system_u", false);
    String role = part("role", options.getRole(), "system_r", false);
    String type = part("type", options.getType(), "container_t", false);
    String level = part("level", options.getLevel(), levelOf(sandboxId), true);
    return new SelinuxLabels(
        String.join(":", user, role, type, level),
        String.join(":", user, "object_r", "container_file_t", level));
  }

  private static String part(String name, String value, String otherwise, boolean colons) {
    boolean plain = value.chars().allMatch(c -> c > ' ' && c < 127 && (colons || c != ':'));
    if (!plain) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "security_context.selinux_options."
              + name
              + " \""
              + Ids.printable(value)
              + "\" cannot be part of a label");
    }
    return value.isEmpty() ? otherwise : value;
  }

  /** Two different categories, the lower first. */
  private static String levelOf(String sandboxId) {
    CRC32 sum = new CRC32();
    sum.update(sandboxId.getBytes(UTF_8));
    int first = (int) (sum.getValue() % CATEGORIES);
    int other = (int) (sum.getValue() / CATEGORIES % (CATEGORIES - 1));
    int second = other < first ? other : other + 1;
    return "s0:c" + Math.min(first, second) + ",c" + Math.max(first, second);
  }
}
