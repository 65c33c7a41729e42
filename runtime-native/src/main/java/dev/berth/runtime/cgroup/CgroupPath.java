package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Where a cgroup is in its hierarchy, valid by construction.
 *
 * @param relative the path without a leading slash, such as {@code kubepods/pod1/c1}
 */
public record CgroupPath(String relative) {
  private static final int MAX_LENGTH = 4095; // PATH_MAX without its NUL
  private static final int MAX_NAME_LENGTH = 255; // NAME_MAX

  /** Checks a path in the form that {@link #parse} gives it. */
  public CgroupPath {
    if (relative.isEmpty() || relative.length() > MAX_LENGTH) {
      throw invalid(relative, "must name a group below the root, in at most 4095 characters");
    }
    for (String name : relative.split("/", -1)) {
      requireName(relative, name);
    }
  }

  /**
   * Reads {@code linux.cgroupsPath}: an absolute path from the root of the hierarchies, of which
   * repeated and closing slashes are dropped, or a scope of systemd as {@code slice:prefix:name},
   * whose path is where systemd puts it.
   *
   * @throws BerthException INVALID_ARGUMENT if the path is relative, the root, has a component
   *     {@code ..} or a control character, or the names cannot be those of units
   */
  public static CgroupPath parse(String cgroupsPath) {
    if (Scope.isNamedBy(cgroupsPath)) {
      return Scope.parse(cgroupsPath).path();
    }
    if (!cgroupsPath.startsWith("/")) {
      throw invalid(cgroupsPath, "must be absolute, or slice:prefix:name of systemd");
    }
    List<String> names =
        Stream.of(cgroupsPath.split("/", -1)).filter(name -> !name.isEmpty()).toList();
    return new CgroupPath(String.join("/", names));
  }

  private static void requireName(String path, String name) {
    if (name.isEmpty() || name.equals(".") || name.equals("..")) {
      throw invalid(path, "must not have a component \"" + name + "\"");
    }
    // /proc/PID/cgroup is lines: a line end in a name could forge a membership.
    if (name.length() > MAX_NAME_LENGTH || name.chars().anyMatch(Character::isISOControl)) {
      throw invalid(path, "has a component that is too long or holds a control character");
    }
  }

  private static BerthException invalid(String path, String why) {
    return new BerthException(
        Kind.INVALID_ARGUMENT, "linux.cgroupsPath \"" + Ids.printable(path) + "\" " + why);
  }

  /** Returns the groups that contain this one, outermost first, without the root. */
  List<CgroupPath> ancestors() {
    return IntStream.range(1, relative.length())
        .filter(i -> relative.charAt(i) == '/')
        .mapToObj(i -> new CgroupPath(relative.substring(0, i)))
        .toList();
  }

  /** Returns a group directly below this one. */
  public CgroupPath child(String name) {
    return new CgroupPath(relative + "/" + name);
  }

  /** Returns the path of a file of the group, relative to the root of the hierarchy. */
  String file(String name) {
    return relative + "/" + name;
  }

  @Override
  public String toString() {
    return "/" + relative;
  }
}
