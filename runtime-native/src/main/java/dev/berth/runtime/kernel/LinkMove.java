package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import java.util.List;

/**
 * Moves a network device from the network namespace of this thread into another one, with the
 * addresses that its administrator gave it.
 *
 * <p>The kernel sets a device down when it moves it, which takes its addresses away; so they are
 * read before. It gives the device another number where its own is taken, so a free one is named:
 * by that the device is found again whatever it is called.
 */
public final class LinkMove {
  private LinkMove() {}

  /**
   * Moves a device and sets it up. What fails after the move leaves it in the new namespace.
   *
   * @param device its name here
   * @param name its name there; {@code %d} in it stands for the first free number
   * @param namespace where it goes; stays the caller's
   * @return the device as it is there
   * @throws BerthException FAILED_PRECONDITION if there is no such device, or the name is taken
   */
  public static RtNetlink.Link move(String device, String name, Fd namespace) {
    try (RtNetlink here = RtNetlink.open();
        RtNetlink there = Namespaces.callInNetwork(namespace, RtNetlink::open)) {
      RtNetlink.Link link =
          here.findLink(device)
              .orElseThrow(
                  () -> new BerthException(FAILED_PRECONDITION, "no network device " + device));
      List<RtNetlink.Link> others = there.links();
      if (others.stream().anyMatch(other -> other.name().equals(name))) {
        throw new BerthException(FAILED_PRECONDITION, "its namespace has a device " + name);
      }
      int index = freeIndex(link.index(), others);
      List<LastingAddress> addresses = here.lastingAddresses(link.index());
      here.move(link.index(), name, namespace, index);
      there.bringUpWith(index, addresses);
      return there.link(index);
    }
  }

  private static int freeIndex(int wanted, List<RtNetlink.Link> others) {
    boolean taken = others.stream().anyMatch(other -> other.index() == wanted);
    return taken ? others.stream().mapToInt(RtNetlink.Link::index).max().orElseThrow() + 1 : wanted;
  }
}
