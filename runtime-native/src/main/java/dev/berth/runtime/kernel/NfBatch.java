package dev.berth.runtime.kernel;

import dev.berth.runtime.kernel.NetlinkSocket.Step;
import java.util.ArrayList;
import java.util.List;

/**
 * Changes of one table of the packet filter that take effect together: see {@link NfTables#commit}.
 *
 * <p>The table is of the family inet, whose chains see IPv4 and IPv6. Not thread-safe.
 */
public final class NfBatch {
  private final String table;
  private final List<Step> steps = new ArrayList<>();
  private int maps;

  /** Begins a batch for a table, which need not exist. */
  public NfBatch(String table) {
    this.table = table;
  }

  /** Where in the way of a packet a chain is called. */
  public enum Hook {
    /** As it comes in, before its way is chosen. */
    PREROUTING(0),
    /** As a process of this host sends it. */
    OUTPUT(3),
    /** As it leaves. */
    POSTROUTING(4);

    private final int number; // enum nf_inet_hooks of linux/netfilter.h

    Hook(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }

  /**
   * A chain that packets come to by themselves.
   *
   * @param type {@code filter} or {@code nat}
   * @param priority those with lower numbers are called first
   */
  public record BaseChain(String name, String type, Hook hook, int priority) {}

  /** What a part of a key or value is, as {@code nft} names it: datatype.h of nftables. */
  public enum FieldType {
    IPV4_ADDR(7, 4),
    IPV6_ADDR(8, 16),
    INET_PROTO(12, 1),
    INET_SERVICE(13, 2);

    private static final int TYPE_BITS = 6;

    private final int number;
    private final int bytes;

    FieldType(int number, int bytes) {
      this.number = number;
      this.bytes = bytes;
    }

    /** The parts of a concatenation are six bits each; the kernel only hands it to {@code nft}. */
    static int numberOf(List<FieldType> fields) {
      return fields.stream().reduce(0, (sum, one) -> sum << TYPE_BITS | one.number, (_, b) -> b);
    }

    /** Each part fills whole registers of four bytes. */
    static int bytesOf(List<FieldType> fields) {
      return fields.stream().mapToInt(field -> NetlinkAttributes.align(field.bytes)).sum();
    }
  }

  /** A map from keys to values, each a concatenation of fields. */
  public record MapType(String name, List<FieldType> key, List<FieldType> value) {
    public MapType {
      key = List.copyOf(key);
      value = List.copyOf(value);
    }
  }

  /** Removes the table with all that is in it, if it is there, and makes it anew, empty. */
  public NfBatch replaceTable() {
    return deleteTable().step(NfMessages.newTable(table), "table " + table);
  }

  /** Removes the table with all that is in it, if it is there. */
  public NfBatch deleteTable() {
    // Only what exists can be deleted, and making what exists is no error.
    return step(NfMessages.newTable(table), "table " + table)
        .step(NfMessages.deleteTable(table), "delete table " + table);
  }

  /** Adds a chain that packets come to by a rule. */
  public NfBatch chain(String name) {
    return step(NfMessages.newChain(table, name), "chain " + name);
  }

  /** Adds a chain that packets come to by themselves. */
  public NfBatch chain(BaseChain chain) {
    return step(NfMessages.newBaseChain(table, chain), "chain " + chain.name);
  }

  /** Adds a rule at the end of a chain. */
  public NfBatch rule(String chain, NfRule rule) {
    return step(NfMessages.newRule(table, chain, rule), "rule of chain " + chain);
  }

  /** Adds an empty map. */
  public NfBatch map(MapType map) {
    return step(NfMessages.newMap(table, map, ++maps), "map " + map.name);
  }

  /** Adds an element to a map; the batch fails with EEXIST if the key has another value. */
  public NfBatch element(String map, byte[] key, byte[] value) {
    return step(NfMessages.newElement(table, map, key, value), "element of map " + map);
  }

  /** Removes an element from a map; the batch fails with ENOENT if it is not there. */
  public NfBatch removeElement(String map, byte[] key) {
    return step(NfMessages.deleteElement(table, map, key), "element of map " + map);
  }

  private NfBatch step(NetlinkMessage message, String subject) {
    steps.add(new Step(message, "nftables table " + table + ": " + subject));
    return this;
  }

  List<Step> steps() {
    return steps;
  }
}
