package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;

/**
 * Gives out the addresses of a subnet in turns, so that one that was given back is the last to be
 * given again: who still talks to it reaches nobody, not another pod.
 *
 * <p>Knows what it was told since it was made; the records of the pods are what is durable.
 * Thread-safe.
 */
final class AddressPool {
  private static final int FIRST = 2; // 1 is the gateway

  private final Subnet subnet;

  @GuardedBy("this") private final Map<Integer, String> owners = new HashMap<>();

  @GuardedBy("this") private int last = FIRST - 1;

  AddressPool(Subnet subnet) {
    this.subnet = subnet;
  }

  Subnet subnet() {
    return subnet;
  }

  /**
   * Gives an address to an owner.
   *
   * @throws BerthException RESOURCE_EXHAUSTED if all are taken
   */
  synchronized InetAddress take(String owner) {
    int count = subnet.lastHost() - FIRST + 1;
    for (int tried = 0; tried < count; tried++) {
      last = last >= subnet.lastHost() ? FIRST : last + 1;
      if (owners.putIfAbsent(last, owner) == null) {
        return subnet.address(last);
      }
    }
    throw new BerthException(
        RESOURCE_EXHAUSTED,
        "all " + count + " addresses of the pod network " + subnet + " are taken");
  }

  /** Takes note of an address that an owner has; the next is given out behind it. */
  synchronized void adopt(InetAddress address, String owner) {
    int number = subnet.numberOf(address);
    if (number >= FIRST) {
      owners.put(number, owner);
      last = number;
    }
  }

  /** Tells whether it gives out such an address. */
  boolean has(InetAddress address) {
    return subnet.numberOf(address) >= FIRST;
  }

  /** Returns what is given out, and to whom. */
  synchronized Map<InetAddress, String> owners() {
    Map<InetAddress, String> given = new HashMap<>();
    owners.forEach((number, owner) -> given.put(subnet.address(number), owner));
    return given;
  }

  /** Takes back all that an owner has. Idempotent. */
  synchronized void giveBack(String owner) {
    owners.values().removeIf(owner::equals);
  }
}
