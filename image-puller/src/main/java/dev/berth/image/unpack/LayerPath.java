package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.ByteNames;
import java.util.List;

/**
 * Where an entry belongs: a directory below the layer's root and a name in it.
 *
 * <p>Valid by construction: no component is {@code ..}, empty or too long, and none holds a NUL.
 * {@code ..} is refused even where it would stay inside, because no honest archiver writes it.
 *
 * @param components of the path; empty for the root itself
 */
record LayerPath(List<String> components) {
  private static final String WHITEOUT_PREFIX = ".wh.";

  LayerPath {
    components = List.copyOf(components);
    for (int i = 0; i < components.size(); i++) {
      check(components.get(i), i == components.size() - 1);
    }
  }

  private static void check(String component, boolean last) {
    if (component.equals("..")) {
      throw new BerthException(INVALID_ARGUMENT, "the path has a \"..\" that leads out of it");
    }
    boolean whiteout = component.startsWith(WHITEOUT_PREFIX);
    // The prefix is never on the disk, so a name of any length can be removed.
    int bytes = component.length() - (whiteout && last ? WHITEOUT_PREFIX.length() : 0);
    if (component.isEmpty()
        || component.indexOf('\0') >= 0
        || bytes > UnpackLimits.MAX_NAME_BYTES) {
      throw new BerthException(
          INVALID_ARGUMENT, "the path has a component of " + bytes + " bytes or with a NUL in it");
    }
    if (!last && whiteout) {
      throw new BerthException(INVALID_ARGUMENT, "the path leads through a whiteout");
    }
  }

  /** Parses a name of the archive: a leading slash and {@code .} components mean nothing. */
  static LayerPath parse(String name) {
    if (name.length() >= UnpackLimits.MAX_PATH_BYTES) {
      throw new BerthException(INVALID_ARGUMENT, "the path has " + name.length() + " bytes");
    }
    return new LayerPath(ByteNames.components(name));
  }

  boolean isRoot() {
    return components.isEmpty();
  }

  String parent() {
    return ByteNames.join(components.subList(0, components.size() - 1));
  }

  String name() {
    return components.getLast();
  }

  /** Whether the entry marks a removed name or an opaque directory instead of being a file. */
  boolean isWhiteout() {
    return !isRoot() && name().startsWith(WHITEOUT_PREFIX);
  }

  /** {@code .wh..wh..opq}: everything that lower layers have in this directory is hidden. */
  boolean isOpaqueMark() {
    return !isRoot() && name().equals(".wh..wh..opq");
  }

  /** {@code .wh..wh.*}: the bookkeeping of AUFS, which means nothing to anyone else. */
  boolean isAufsMetadata() {
    return isWhiteout() && name().startsWith(".wh..wh.") && !isOpaqueMark();
  }

  /** Returns the name that a whiteout removes. */
  String whiteoutTarget() {
    String target = name().substring(WHITEOUT_PREFIX.length());
    if (target.isEmpty() || target.equals(".") || target.equals("..")) {
      throw new BerthException(INVALID_ARGUMENT, "the whiteout names no file");
    }
    return target;
  }
}
