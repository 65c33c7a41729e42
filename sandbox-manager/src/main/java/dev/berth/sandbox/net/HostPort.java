package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.net.InetAddress;
import java.util.Optional;

/**
 * A port of the host that leads to one of a pod.
 *
 * @param address of the host's own it is reached by; an unspecified one stands for all of its
 *     family, none for all of both
 * @param hostPort from 1 to 65535
 * @param podPort from 1 to 65535
 */
public record HostPort(
    Optional<InetAddress> address, Protocol protocol, int hostPort, int podPort) {
  /** The transport protocols that have ports, with their numbers: linux/in.h. */
  public enum Protocol {
    TCP(6),
    UDP(17),
    SCTP(132);

    private final int number;

    Protocol(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }

  public HostPort {
    requirePort(hostPort);
    requirePort(podPort);
  }

  private static void requirePort(int port) {
    if (port < 1 || port > 65535) {
      throw new BerthException(INVALID_ARGUMENT, "port " + port + " is not between 1 and 65535");
    }
  }

  /**
   * Reads the address of a host port; an empty text stands for all.
   *
   * @throws BerthException INVALID_ARGUMENT if it is none
   */
  public static Optional<InetAddress> address(String text) {
    try {
      return text.isEmpty() ? Optional.empty() : Optional.of(InetAddress.ofLiteral(text));
    } catch (IllegalArgumentException e) {
      throw new BerthException(
          INVALID_ARGUMENT, "host_ip \"" + Ids.printable(text) + "\" is not an address");
    }
  }

  /** Tells whether it is reached by all addresses of its family. */
  boolean isForAll() {
    return address.map(InetAddress::isAnyLocalAddress).orElse(true);
  }

  @Override
  public String toString() {
    return address.map(InetAddress::getHostAddress).orElse("*")
        + " port "
        + hostPort
        + "/"
        + protocol;
  }
}
