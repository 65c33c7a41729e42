package dev.berth.sandbox.net;

import dev.berth.runtime.kernel.NfBatch;
import dev.berth.runtime.kernel.NfBatch.FieldType;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * An element of a map of the packet filter: what comes to a port of the host goes to one of a pod.
 *
 * @param map its name
 * @param key protocol and port, behind the host's address if it is for one only; in hex
 * @param value the pod's address and port; in hex
 * @param port of the host
 */
record Redirect(String map, String key, String value, HostPort port) {
  /** Ports of any of the host's addresses, by family. */
  static final NfBatch.MapType PORTS4 = map("ports4", List.of(), FieldType.IPV4_ADDR);

  static final NfBatch.MapType PORTS6 = map("ports6", List.of(), FieldType.IPV6_ADDR);

  /** Ports of one of the host's addresses. */
  static final NfBatch.MapType ADDRESSED4 =
      map("addressed4", List.of(FieldType.IPV4_ADDR), FieldType.IPV4_ADDR);

  static final NfBatch.MapType ADDRESSED6 =
      map("addressed6", List.of(FieldType.IPV6_ADDR), FieldType.IPV6_ADDR);

  private static final int REGISTER_BYTES = 4;

  private static NfBatch.MapType map(String name, List<FieldType> address, FieldType podAddress) {
    List<FieldType> key = new ArrayList<>(address);
    key.add(FieldType.INET_PROTO);
    key.add(FieldType.INET_SERVICE);
    return new NfBatch.MapType(name, key, List.of(podAddress, FieldType.INET_SERVICE));
  }

  /** Returns what leads from a host port to the pod's address of each family that it is for. */
  static List<Redirect> of(HostPort port, PodAddresses pod) {
    return pod.addresses().stream()
        .map(PodAddresses.PodAddress::address)
        .filter(address -> port.address().map(host -> sameFamily(host, address)).orElse(true))
        .map(address -> to(address, port))
        .toList();
  }

  private static boolean sameFamily(InetAddress one, InetAddress other) {
    return one.getAddress().length == other.getAddress().length;
  }

  private static Redirect to(InetAddress pod, HostPort port) {
    byte[] host = port.isForAll() ? new byte[0] : port.address().orElseThrow().getAddress();
    ByteBuffer key =
        ByteBuffer.allocate(host.length + 2 * REGISTER_BYTES)
            .put(host)
            .put((byte) port.protocol().number())
            .putShort(host.length + REGISTER_BYTES, (short) port.hostPort());
    ByteBuffer value =
        ByteBuffer.allocate(pod.getAddress().length + REGISTER_BYTES)
            .put(pod.getAddress())
            .putShort((short) port.podPort());
    return new Redirect(mapFor(pod, port).name(), hex(key.array()), hex(value.array()), port);
  }

  private static NfBatch.MapType mapFor(InetAddress pod, HostPort port) {
    boolean ipv4 = pod instanceof Inet4Address;
    if (port.isForAll()) {
      return ipv4 ? PORTS4 : PORTS6;
    }
    return ipv4 ? ADDRESSED4 : ADDRESSED6;
  }

  /** Tells whether another leads elsewhere from the same port. */
  boolean conflictsWith(Redirect other) {
    return map.equals(other.map) && key.equals(other.key);
  }

  void addTo(NfBatch batch) {
    batch.element(map, HexFormat.of().parseHex(key), HexFormat.of().parseHex(value));
  }

  void removeFrom(NfBatch batch) {
    batch.removeElement(map, HexFormat.of().parseHex(key));
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
