package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;

/**
 * An image of a program that nothing can write to: what enters a container can be reached from
 * there as /proc/PID/exe, and must not be a way to the host's file (rule R1, CVE-2019-5736).
 *
 * <p>{@link Spawner} executes it. It must be a binary: the path of a script's interpreter argument
 * would be gone at exec.
 */
public final class SealedProgram {
  private SealedProgram() {}

  /**
   * Shows a program read-only: through a detached mount of its file if the node allows that, which
   * costs no memory, else as a copy in memory. Hardened nodes forbid one or the other.
   *
   * @return a descriptor, closed by the caller
   */
  public static Fd of(Path program) {
    try {
      return viewOf(program);
    } catch (NativeException e) {
      return copyOf(program);
    }
  }

  /**
   * Makes a detached mount of a program's file through which nobody can write to it or change it.
   *
   * @return a path descriptor, closed by the caller; it stays executable when the file is replaced
   */
  public static Fd viewOf(Path program) {
    try (Fd file = Descriptors.open(program, OpenFlag.PATH)) {
      Fd view = Mounts.cloneTree(file, false);
      try {
        Mounts.setAttributes(
            view,
            EnumSet.of(MountAttribute.READ_ONLY, MountAttribute.NO_SETUID),
            EnumSet.noneOf(MountAttribute.class),
            false);
        return view;
      } catch (RuntimeException e) {
        view.close();
        throw e;
      }
    }
  }

  /**
   * Copies a program into memory, sealed against writing, growing, shrinking and change of its
   * execute bits. One copy serves any number of processes; they share its pages.
   *
   * @return a read-only descriptor, closed by the caller
   * @throws BerthException INTERNAL if the file cannot be read
   */
  public static Fd copyOf(Path program) {
    byte[] content = read(program);
    try (Fd writable = Memfd.createExecutable(String.valueOf(program.getFileName()))) {
      Descriptors.write(writable, content);
      Syscalls.check("fchmod", writable, writable.number(), 0500);
      seal(writable);
      // A descriptor without write access, so that holding it never makes exec fail with ETXTBSY.
      return Descriptors.reopen(writable);
    }
  }

  private static byte[] read(Path program) {
    try {
      return Files.readAllBytes(program);
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read the program " + program + ": " + e, e);
    }
  }

  private static void seal(Fd memfd) {
    EnumSet<Memfd.Seal> seals =
        EnumSet.of(
            Memfd.Seal.SEAL, Memfd.Seal.SHRINK, Memfd.Seal.GROW, Memfd.Seal.WRITE, Memfd.Seal.EXEC);
    try {
      Memfd.seal(memfd, seals);
    } catch (NativeException e) {
      if (!e.is(Errno.EINVAL)) {
        throw e;
      }
      seals.remove(Memfd.Seal.EXEC); // before 6.3; the write seal is what matters
      Memfd.seal(memfd, seals);
    }
  }
}
