package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import org.jspecify.annotations.Nullable;

/**
 * A value to write to a file of a cgroup.
 *
 * @param field what asked for it, for errors: {@code linux.resources.memory.limit}
 * @param controller whose file it is
 * @param value text as the kernel reads it
 * @param required false where a missing file or controller loses nothing, because the value asks
 *     for what is so anyway
 * @param otherwise what to write instead where the file is missing
 */
record Setting(
    String field,
    String controller,
    String file,
    String value,
    boolean required,
    @Nullable Setting otherwise) {
  static Setting required(String field, String controller, String file, Object value) {
    return new Setting(field, controller, file, value.toString(), true, null);
  }

  static Setting optional(String field, String controller, String file, Object value) {
    return new Setting(field, controller, file, value.toString(), false, null);
  }

  /** Returns this setting with a second choice for kernels that lack the file. */
  Setting otherwise(Setting other) {
    return new Setting(field, controller, file, value, required, other);
  }

  /** Returns the error of a limit whose controller the host does not offer. */
  BerthException controllerMissing() {
    return new BerthException(
        Kind.FAILED_PRECONDITION, field + ": this host has no cgroup controller " + controller);
  }

  /** Returns the error of a limit that this kernel's controller does not have. */
  BerthException fileMissing(CgroupPath group) {
    return new BerthException(
        Kind.FAILED_PRECONDITION,
        field + ": this kernel's " + controller + " controller has no " + file + " in " + group);
  }
}
