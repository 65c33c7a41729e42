package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.Syscalls;
import dev.berth.runtime.spec.Namespace;
import java.nio.file.Path;
import java.util.Map;

/** Opens the namespaces that a spec joins by path and makes sure that each is of its type. */
final class NamespaceFiles {
  private static final int NS_GET_NSTYPE = 0xb703; // linux/nsfs.h
  private static final Map<String, Long> CLONE_FLAGS = // linux/sched.h
      Map.of(
          "mount", 0x20000L,
          "cgroup", 0x2000000L,
          "uts", 0x4000000L,
          "ipc", 0x8000000L,
          "user", 0x10000000L,
          "pid", 0x20000000L,
          "network", 0x40000000L);

  private NamespaceFiles() {}

  static Fd open(Namespace namespace) {
    String path = namespace.path();
    String field = "linux.namespaces " + namespace.type() + " path " + path;
    if (path == null) {
      throw new IllegalArgumentException(field);
    }
    Fd fd = openFile(path, field);
    try {
      long type = Syscalls.check("ioctl", field, fd.number(), NS_GET_NSTYPE);
      if (type != CLONE_FLAGS.getOrDefault(namespace.type(), 0L)) {
        throw new BerthException(
            BerthException.Kind.INVALID_ARGUMENT, field + ": is a namespace of another type");
      }
      return fd;
    } catch (NativeException e) {
      fd.close();
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, field + ": is not a namespace", e);
    } catch (BerthException e) {
      fd.close();
      throw e;
    }
  }

  private static Fd openFile(String path, String field) {
    try {
      return Descriptors.open(Path.of(path));
    } catch (NativeException e) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, field + ": " + e.getMessage(), e);
    }
  }
}
