package dev.berth.sandbox;

import dev.berth.base.Operation;
import java.nio.channels.SocketChannel;
import java.util.List;

/**
 * What clients talk to inside a pod: commands, the processes of containers, and ports.
 *
 * <p>Thread-safe. Until recovery has ended every method answers {@code UNAVAILABLE}. Where a method
 * takes an id, a prefix that no other shares will do.
 */
public interface Streams {
  /**
   * Checks that a container runs.
   *
   * @return its full id
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none, FAILED_PRECONDITION if it
   *     does not run
   */
  String requireRunning(String containerId);

  /**
   * Checks that a sandbox is ready.
   *
   * @return its full id
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none, FAILED_PRECONDITION if it is
   *     not ready
   */
  String requireReady(String sandboxId);

  /**
   * Runs a command in a running container.
   *
   * @param terminal whether it gets a terminal; its output is all in stdout then
   * @return the running command, the caller's to close
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION if the container does not run; or
   *     what is wrong with the command
   */
  StreamedProcess exec(
      String containerId,
      List<String> command,
      boolean terminal,
      StandardStreams streams,
      Operation operation);

  /**
   * Attaches to the process of a running container, from now on. Any number of clients may; one
   * that does not read while the process goes on writing is cut off.
   *
   * @return the attachment, the caller's to close
   * @throws dev.berth.base.BerthException UNIMPLEMENTED if the container's shim is not Berth's
   */
  StreamedProcess attach(String containerId, StandardStreams streams, Operation operation);

  /**
   * Connects to a port on the loopback address of a sandbox's network, IPv4 before IPv6.
   *
   * @return the connection, blocking, the caller's to close
   * @throws dev.berth.base.BerthException UNAVAILABLE if nobody answers there
   */
  SocketChannel forward(String sandboxId, int port, Operation operation);
}
