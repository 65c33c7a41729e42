package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/**
 * What can be set up from inside new namespaces. Lives on the thread that made them and refuses
 * what would reach the host because that namespace was not made.
 */
public final class NamespaceSetup {
  private static final int NEW_UTS_LEN = 64; // linux/utsname.h
  private static final int PR_SET_DUMPABLE = 4; // linux/prctl.h

  private final Set<NamespaceType> types;
  private final long owner;

  NamespaceSetup(Set<NamespaceType> types, long owner) {
    this.types = EnumSet.noneOf(NamespaceType.class);
    this.types.addAll(types);
    this.owner = owner;
  }

  /** Brings the loopback interface up; the kernel gives it 127.0.0.1/8 and ::1/128. */
  public void bringLoopbackUp() {
    require(NamespaceType.NETWORK);
    try (var netlink = RtNetlink.open()) {
      netlink.bringUp(netlink.link("lo").index());
    }
  }

  /** Sets the host name, at most 64 bytes. */
  public void setHostname(String name) {
    setName("sethostname", name);
  }

  /** Sets the NIS domain name, at most 64 bytes. */
  public void setDomainname(String name) {
    setName("setdomainname", name);
  }

  private void setName(String call, String name) {
    require(NamespaceType.UTS);
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > NEW_UTS_LEN) {
      throw new BerthException(
          FAILED_PRECONDITION, call + ": longer than " + NEW_UTS_LEN + " bytes: " + name);
    }
    try (var text = NativeMemory.bytes(bytes)) {
      Syscalls.check(call, name, text.address(), bytes.length);
    }
  }

  /**
   * Sets a kernel parameter of one of the new namespaces.
   *
   * @param namespace the one that the parameter belongs to
   * @param path below /proc/sys, already checked to belong to that namespace
   */
  public void setParameter(NamespaceType namespace, String path, String value) {
    require(namespace);
    if (namespace == NamespaceType.IPC && owner != 0) {
      asOwner(() -> write(path, value));
    } else {
      write(path, value);
    }
  }

  /** ipc_permissions of the kernel asks for the owner's user id, and for no capability. */
  private void asOwner(Runnable work) {
    // The plain system call changes this thread alone; the C library's would change all.
    Syscalls.check("setresuid", owner, -1, owner, -1);
    try {
      work.run();
    } finally {
      Syscalls.check("setresuid", 0, -1, 0, -1);
      // A change of user makes the whole process one that leaves no core file: credentials(7).
      Syscalls.check("prctl", "PR_SET_DUMPABLE", PR_SET_DUMPABLE, 1);
    }
  }

  private static void write(String path, String value) {
    // The kernel looks these files up in the namespaces of the calling thread.
    try (DirFd parameters = DirFd.open(Path.of("/proc/sys"));
        Fd file =
            parameters.resolve(
                path,
                EnumSet.of(DirFd.Resolve.BENEATH, DirFd.Resolve.NO_SYMLINKS),
                OpenFlag.WRITE)) {
      Descriptors.write(file, value.getBytes(StandardCharsets.UTF_8));
    }
  }

  private void require(NamespaceType type) {
    if (!types.contains(type)) {
      throw new BerthException(
          FAILED_PRECONDITION, "needs a new " + type.specName() + " namespace, not the host's");
    }
  }
}
