package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.kernel.NfRule;
import java.math.BigInteger;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * A range of addresses that pods are given theirs from.
 *
 * @param network its first address
 * @param prefixLength bits that all its addresses have in common
 */
public record Subnet(InetAddress network, int prefixLength) {
  /** Two hosts at least, besides the gateway and what IPv4 keeps for itself. */
  private static final int MIN_HOST_BITS = 3;

  /** More than a node has pods, whatever the subnet could hold. */
  private static final int MAX_HOST_BITS = 20;

  public Subnet {
    int hostBits = network.getAddress().length * 8 - prefixLength;
    if (prefixLength < 8 || hostBits < MIN_HOST_BITS) {
      throw invalid(network.getHostAddress() + "/" + prefixLength, "too large or too small");
    }
    if (!number(network).mod(BigInteger.ONE.shiftLeft(hostBits)).equals(BigInteger.ZERO)) {
      throw invalid(network.getHostAddress() + "/" + prefixLength, "not the start of a subnet");
    }
  }

  /**
   * Reads a subnet such as {@code 10.1.0.0/16} or {@code fd00:1::/64}.
   *
   * @throws BerthException INVALID_ARGUMENT saying what is wrong with it
   */
  public static Subnet parse(String text) {
    int slash = text.indexOf('/');
    try {
      return new Subnet(
          InetAddress.ofLiteral(text.substring(0, Math.max(0, slash))),
          Integer.parseInt(text.substring(slash + 1)));
    } catch (IllegalArgumentException e) {
      throw invalid(text, "expected an address, / and a number of bits");
    }
  }

  private static BerthException invalid(String text, String why) {
    return new BerthException(INVALID_ARGUMENT, "subnet \"" + Ids.printable(text) + "\": " + why);
  }

  /** Tells whether it is one of IPv4. */
  public boolean isIpv4() {
    return network instanceof Inet4Address;
  }

  NfRule.Family family() {
    return isIpv4() ? NfRule.Family.IPV4 : NfRule.Family.IPV6;
  }

  /** Returns the bridge's own address: the first after the network's. */
  InetAddress gateway() {
    return address(1);
  }

  /** Returns the number of the last address that pods may have; theirs begin with 2. */
  int lastHost() {
    int hostBits = Math.min(MAX_HOST_BITS, network.getAddress().length * 8 - prefixLength);
    return (1 << hostBits) - 2; // the last of an IPv4 subnet is for broadcasts
  }

  /** Returns the address of that number. */
  InetAddress address(int number) {
    byte[] sum = number(network).add(BigInteger.valueOf(number)).toByteArray();
    byte[] bytes = new byte[network.getAddress().length];
    int length = Math.min(sum.length, bytes.length); // BigInteger may put a sign byte in front
    System.arraycopy(sum, sum.length - length, bytes, bytes.length - length, length);
    try {
      return InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalStateException("an address of " + bytes.length + " bytes", e);
    }
  }

  /** Returns the number of an address in this subnet, or -1 if it is none that pods may have. */
  int numberOf(InetAddress address) {
    if (address.getAddress().length != network.getAddress().length) {
      return -1;
    }
    BigInteger difference = number(address).subtract(number(network));
    boolean within =
        difference.signum() > 0 && difference.compareTo(BigInteger.valueOf(lastHost())) <= 0;
    return within ? difference.intValue() : -1;
  }

  /** Tells whether this subnet and another have an address in common. */
  boolean overlaps(InetAddress other, int otherPrefixLength) {
    int bits = network.getAddress().length * 8;
    if (other.getAddress().length * 8 != bits) {
      return false;
    }
    int shift = bits - Math.min(prefixLength, otherPrefixLength);
    return number(network).shiftRight(shift).equals(number(other).shiftRight(shift));
  }

  private static BigInteger number(InetAddress address) {
    return new BigInteger(1, address.getAddress());
  }

  @Override
  public String toString() {
    return network.getHostAddress() + "/" + prefixLength;
  }
}
