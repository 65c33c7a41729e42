package dev.berth.runtime.cgroup;

import static dev.berth.runtime.cgroup.DeviceAccess.ALL;
import static dev.berth.runtime.cgroup.DeviceAccess.ANY;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The outcome of an ordered list of device rules: a default and the exceptions from it.
 *
 * <p>The rules are applied to a group that allows everything, one after the other, as cgroup v1
 * would; both versions then get the outcome. A rule can add to the exceptions or take whole devices
 * out of them. It cannot cut a hole into an exception with a wildcard: v1 has no way to say that.
 */
record DevicePolicy(boolean allowedByDefault, List<DeviceAccess> exceptions) {
  /**
   * What every container may use, whatever its rules say: it may make nodes of any device, which
   * gives no access to it, and has the nodes that the runtime itself puts into /dev. As in runc,
   * which learned that programs rely on /dev/net/tun.
   */
  private static final List<DeviceAccess> ALWAYS_ALLOWED =
      List.of(
          new DeviceAccess('c', ANY, ANY, DeviceAccess.MKNOD),
          new DeviceAccess('b', ANY, ANY, DeviceAccess.MKNOD),
          new DeviceAccess('c', 1, 3, ALL), // null
          new DeviceAccess('c', 1, 5, ALL), // zero
          new DeviceAccess('c', 1, 7, ALL), // full
          new DeviceAccess('c', 1, 8, ALL), // random
          new DeviceAccess('c', 1, 9, ALL), // urandom
          new DeviceAccess('c', 5, 0, ALL), // tty
          new DeviceAccess('c', 5, 2, ALL), // ptmx
          new DeviceAccess('c', 136, ANY, ALL), // pts
          new DeviceAccess('c', 10, 200, ALL)); // net/tun

  DevicePolicy {
    exceptions = List.copyOf(exceptions);
  }

  /**
   * Reads {@code linux.resources.devices}.
   *
   * @throws BerthException INVALID_ARGUMENT naming a rule that is malformed or cannot be kept
   */
  static DevicePolicy of(List<Resources.DeviceRule> rules) {
    Builder builder = new Builder();
    for (int i = 0; i < rules.size(); i++) {
      builder.apply("devices[" + i + "]", rules.get(i));
    }
    if (!builder.allowedByDefault) {
      ALWAYS_ALLOWED.forEach(builder::add);
    }
    return new DevicePolicy(builder.allowedByDefault, builder.exceptions);
  }

  private static final class Builder {
    private boolean allowedByDefault = true;
    private final List<DeviceAccess> exceptions = new ArrayList<>();

    void apply(String field, Resources.DeviceRule rule) {
      int access = access(field, rule.access());
      long major = number(field + ".major", rule.major());
      long minor = number(field + ".minor", rule.minor());
      String type = rule.type() == null ? "a" : rule.type();
      switch (type) {
        case "c", "b" ->
            apply(field, rule.allow(), new DeviceAccess(type.charAt(0), major, minor, access));
        case "a" -> {
          if (major == ANY && minor == ANY && access == ALL) {
            allowedByDefault = rule.allow();
            exceptions.clear();
          } else {
            Stream.of('c', 'b')
                .forEach(each ->
                    apply(field, rule.allow(), new DeviceAccess(each, major, minor, access)));
          }
        }
        default ->
            throw Settings.invalid(
                field + ".type", "\"" + Ids.printable(type) + "\" is not a, b or c");
      }
    }

    private void apply(String field, boolean allow, DeviceAccess rule) {
      if (allow == allowedByDefault) {
        remove(field, rule);
      } else {
        add(rule);
      }
    }

    private void add(DeviceAccess rule) {
      int access = rule.access();
      for (DeviceAccess old : exceptions) {
        access |= old.sameDevices(rule) ? old.access() : 0;
      }
      exceptions.removeIf(rule::sameDevices);
      exceptions.add(rule.withAccess(access));
    }

    private void remove(String field, DeviceAccess rule) {
      exceptions.replaceAll(old -> {
        if (rule.covers(old)) {
          return old.withAccess(old.access() & ~rule.access());
        }
        if (rule.overlaps(old) && (old.access() & rule.access()) != 0) {
          throw Settings.invalid(
              field, "(" + rule + ") would cut a hole into an earlier rule (" + old + ")");
        }
        return old;
      });
      exceptions.removeIf(old -> old.access() == 0);
    }

    private static long number(String field, @Nullable Long value) {
      if (value == null || value == ANY) {
        return ANY;
      }
      if (value < 0 || value > 0xffffffffL) {
        throw Settings.invalid(field, value + " is not a device number");
      }
      return value;
    }

    private static int access(String field, @Nullable String text) {
      if (text == null) {
        return ALL;
      }
      int access = 0;
      for (int i = 0; i < text.length(); i++) {
        access |=
            switch (text.charAt(i)) {
              case 'r' -> DeviceAccess.READ;
              case 'w' -> DeviceAccess.WRITE;
              case 'm' -> DeviceAccess.MKNOD;
              default ->
                  throw Settings.invalid(
                      field + ".access", "\"" + Ids.printable(text) + "\" is not of r, w and m");
            };
      }
      return access;
    }
  }
}
