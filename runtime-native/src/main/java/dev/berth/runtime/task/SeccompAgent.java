package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.DescriptorSocket;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.spec.ContainerProcessState;
import dev.berth.runtime.spec.ContainerState;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The program that decides on what a container's seccomp filter notifies it of ({@code
 * linux.seccomp.listenerPath}).
 *
 * @param socket where it listens, for one message a connection
 * @param metadata for it alone
 * @param id of the container
 */
record SeccompAgent(
    Path socket,
    @Nullable String metadata,
    String id,
    String bundle,
    Map<String, String> annotations) {
  private static final List<String> DESCRIPTORS = List.of("seccompFd");

  /** Returns that of a container; null if its filter notifies nobody. */
  static @Nullable SeccompAgent of(String id, String bundle, RuntimeSpec spec) {
    Seccomp seccomp = spec.linux() == null ? null : spec.linux().seccomp();
    if (seccomp == null || !seccomp.notifies() || seccomp.listenerPath() == null) {
      return null;
    }
    return new SeccompAgent(
        Path.of(seccomp.listenerPath()),
        seccomp.listenerMetadata(),
        id,
        bundle,
        spec.annotations());
  }

  /**
   * Gives it the listener of a process.
   *
   * @param listener stays the caller's
   * @param pid of the process
   * @param status of the container
   * @param containerPid of the container's first process
   * @throws BerthException FAILED_PRECONDITION naming the field if nobody takes it
   */
  void tell(Fd listener, int pid, String status, int containerPid) {
    var state =
        new ContainerState(RuntimeSpec.OCI_VERSION, id, status, containerPid, bundle, annotations);
    var message =
        new ContainerProcessState(RuntimeSpec.OCI_VERSION, DESCRIPTORS, pid, metadata, state);
    try {
      DescriptorSocket.send(socket, message.toJson(), listener);
    } catch (NativeException e) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "linux.seccomp.listenerPath: " + e.getMessage(),
          e);
    }
  }
}
