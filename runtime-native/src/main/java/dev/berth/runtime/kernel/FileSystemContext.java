package dev.berth.runtime.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;

/**
 * A file system that is being configured: fsopen(2), fsconfig(2), fsmount(2).
 *
 * <pre>{@code
 * try (var context = FileSystemContext.open("tmpfs")) {
 *   Fd tree = context.set("mode", "1777").mount(Set.of(NO_SETUID));
 * }
 * }</pre>
 *
 * <p>Where the kernel explains a refusal in its message log, the exception carries the words. Not
 * thread-safe.
 */
public final class FileSystemContext implements AutoCloseable {
  // enum fsconfig_command of linux/mount.h
  private static final int FSCONFIG_SET_FLAG = 0;
  private static final int FSCONFIG_SET_STRING = 1;
  private static final int FSCONFIG_SET_FD = 5;
  private static final int FSCONFIG_CMD_CREATE = 6;
  private static final int FSOPEN_CLOEXEC = 1;
  private static final int FSMOUNT_CLOEXEC = 1;

  private static final int MAX_MESSAGE_BYTES = 4096;

  private final String type;
  private final Fd fd;

  private FileSystemContext(String type, Fd fd) {
    this.type = type;
    this.fd = fd;
  }

  /**
   * Opens a context.
   *
   * @throws NativeException ENODEV if the kernel does not have the file system
   */
  public static FileSystemContext open(String type) {
    try (var name = NativeMemory.string(type)) {
      Fd fd = Fd.own(Syscalls.check("fsopen", type, name.address(), FSOPEN_CLOEXEC));
      return new FileSystemContext(type, fd);
    }
  }

  /** Sets a parameter to a text, {@code size=65536k}; there is no limit of a page in all. */
  public FileSystemContext set(String key, String value) {
    try (var text = NativeMemory.string(value)) {
      configure(key + "=" + value, FSCONFIG_SET_STRING, key, text.address(), 0);
    }
    return this;
  }

  /** Sets a parameter to an open file or tree, which stays the caller's. */
  public FileSystemContext set(String key, Fd value) {
    configure(key + "=" + value, FSCONFIG_SET_FD, key, 0, value.number());
    return this;
  }

  /** Sets a parameter that has no value, {@code ro}. */
  public FileSystemContext flag(String key) {
    configure(key, FSCONFIG_SET_FLAG, key, 0, 0);
    return this;
  }

  /**
   * Makes the file system and a detached mount of it, closed by the caller. Done once per context.
   */
  public Fd mount(Set<MountAttribute> attributes) {
    checked("fsconfig create", type, call("fsconfig", fd.number(), FSCONFIG_CMD_CREATE));
    Syscalls.Result result =
        call("fsmount", fd.number(), FSMOUNT_CLOEXEC, MountAttribute.bits(attributes));
    return Fd.own(checked("fsmount", type, result));
  }

  private void configure(String subject, int command, String key, long value, int auxiliary) {
    try (var name = NativeMemory.string(key)) {
      Syscalls.Result result =
          call("fsconfig", fd.number(), command, name.address(), value, auxiliary);
      checked("fsconfig", type + " " + subject, result);
    }
  }

  private static Syscalls.Result call(String name, long... arguments) {
    return Syscalls.call(Descriptors.number(name), arguments);
  }

  private long checked(String call, String subject, Syscalls.Result result) {
    if (!result.failed()) {
      return result.value();
    }
    StringBuilder explanation = new StringBuilder();
    for (Optional<String> line = message(); line.isPresent(); line = message()) {
      explanation.append(explanation.isEmpty() ? "" : "; ").append(line.get());
    }
    throw explanation.isEmpty()
        ? new NativeException(call, subject, result.errno())
        : new NativeException(call, subject, result.errno(), explanation.toString());
  }

  /** Reads one line of the log: a letter for its weight, a space, the text; ENODATA at the end. */
  private Optional<String> message() {
    try (var buffer = NativeMemory.allocate(MAX_MESSAGE_BYTES)) {
      Syscalls.Result result = call("read", fd.number(), buffer.address(), MAX_MESSAGE_BYTES);
      if (result.failed() || result.value() == 0) {
        return Optional.empty();
      }
      String line = new String(buffer.get(0, (int) result.value()), StandardCharsets.UTF_8).strip();
      return Optional.of(line.matches("(?s)[ewi] .*") ? line.substring(2) : line);
    }
  }

  /** Gives the context up; what was mounted from it stays. Idempotent. */
  @Override
  public void close() {
    fd.close();
  }
}
