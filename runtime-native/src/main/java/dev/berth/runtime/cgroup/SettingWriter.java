package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.kernel.ControlTree;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.NativeException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Writes settings to one group.
 *
 * <p>Some limits bound each other: memory must not exceed memory and swap, the burst not the quota.
 * Which of two has to be written first depends on their old values, so what the kernel calls
 * invalid is tried once more after the rest.
 */
final class SettingWriter {
  /** What the kernel says of a value that it cannot have. */
  private static final Set<Errno> REFUSALS =
      EnumSet.of(Errno.EINVAL, Errno.ERANGE, Errno.EOVERFLOW, Errno.ENODEV);

  private final CgroupPath group;
  private final Function<String, Optional<ControlTree>> trees;

  /**
   * Writes to {@code group}.
   *
   * @param trees finds where a controller's files are, or nothing if the group does not have it
   */
  SettingWriter(CgroupPath group, Function<String, Optional<ControlTree>> trees) {
    this.group = group;
    this.trees = trees;
  }

  /**
   * Writes all settings.
   *
   * @throws BerthException naming the field of the first that fails
   */
  void write(List<Setting> settings) {
    List<Setting> refused = new ArrayList<>();
    for (Setting setting : settings) {
      NativeException failure = write(setting);
      if (failure != null && failure.is(Errno.EINVAL)) {
        refused.add(setting);
      } else if (failure != null) {
        throw failed(setting, failure);
      }
    }
    for (Setting setting : refused) {
      NativeException failure = write(setting);
      if (failure != null) {
        throw failed(setting, failure);
      }
    }
  }

  /** Returns what the kernel said against the value. */
  private @Nullable NativeException write(Setting setting) {
    Optional<ControlTree> tree = trees.apply(setting.controller());
    if (tree.isEmpty()) {
      if (setting.required()) {
        throw setting.controllerMissing();
      }
      return null;
    }
    try {
      boolean there = tree.get().writeIfPresent(group.file(setting.file()), setting.value());
      return there ? null : writeInstead(setting);
    } catch (NativeException e) {
      return e;
    }
  }

  private @Nullable NativeException writeInstead(Setting setting) {
    if (setting.otherwise() != null) {
      return write(setting.otherwise());
    }
    if (setting.required()) {
      throw setting.fileMissing(group);
    }
    return null;
  }

  private static BerthException failed(Setting setting, NativeException failure) {
    Kind kind = failure.kind();
    if (REFUSALS.stream().anyMatch(failure::is)) {
      kind = Kind.INVALID_ARGUMENT;
    } else if (failure.is(Errno.EBUSY)) {
      kind = Kind.FAILED_PRECONDITION; // more memory in use than the limit
    }
    return new BerthException(kind, setting.field() + ": " + failure.getMessage(), failure);
  }
}
