package dev.berth.runtime.kernel;

import java.util.Map;
import java.util.TreeMap;

/**
 * An address that a device keeps until someone takes it away and that is good everywhere, as the
 * kernel tells it and takes it back.
 *
 * @param family AF_INET or AF_INET6
 * @param prefixLength of its network, in bits
 * @param attributes the address, its peer's and the broadcast one, by their IFA_ numbers
 */
record LastingAddress(int family, int prefixLength, Map<Integer, byte[]> attributes) {
  LastingAddress {
    attributes = new TreeMap<>(attributes);
  }
}
