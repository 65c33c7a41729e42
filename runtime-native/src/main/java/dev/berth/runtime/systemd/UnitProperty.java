package dev.berth.runtime.systemd;

import java.util.BitSet;
import java.util.List;
import java.util.function.Consumer;

/**
 * A property of a unit, as {@code org.freedesktop.systemd1(5)} names and types it. Values are typed
 * data all the way: none is spliced into the text of a unit (rule R8).
 *
 * @param name such as {@code MemoryMax}
 */
public record UnitProperty(String name, Value value) {
  /** What a property can be. */
  public sealed interface Value {
    /** A string. */
    record Text(String text) implements Value {}

    /** Yes or no. */
    record Flag(boolean flag) implements Value {}

    /** An unsigned number of 64 bits; all ones mean without limit. */
    record Count(long count) implements Value {}

    /** Processes, by their numbers. */
    record Processes(List<Integer> pids) implements Value {
      public Processes {
        pids = List.copyOf(pids);
      }
    }

    /** CPUs or memory nodes. Number {@code n} is bit {@code n % 8} of byte {@code n / 8}. */
    record NumberSet(List<Integer> members) implements Value {
      public NumberSet {
        members = List.copyOf(members);
      }
    }

    /** A limit of a device by its path. */
    record DeviceLimit(String path, long limit) implements Value {}

    /** Devices and what may be done with them: {@code r}, {@code w}, {@code m}. */
    record DeviceAccesses(List<DeviceAccess> accesses) implements Value {
      public DeviceAccesses {
        accesses = List.copyOf(accesses);
      }
    }
  }

  /**
   * An element of {@code DeviceAllow}.
   *
   * @param device a path below /dev, or a group of devices such as {@code char-pts}
   */
  public record DeviceAccess(String device, String access) {}

  public static UnitProperty of(String name, String text) {
    return new UnitProperty(name, new Value.Text(text));
  }

  public static UnitProperty of(String name, boolean flag) {
    return new UnitProperty(name, new Value.Flag(flag));
  }

  public static UnitProperty of(String name, long count) {
    return new UnitProperty(name, new Value.Count(count));
  }

  /** Writes the pair of name and variant that methods of systemd take. */
  void write(DbusWriter out) {
    out.align(Long.BYTES).text(name);
    switch (value) {
      case Value.Text(var text) -> out.signature("s").text(text);
      case Value.Flag(var flag) -> out.signature("b").flag(flag);
      case Value.Count(var count) -> out.signature("t").number64(count);
      case Value.Processes(var pids) ->
          array(out, "au", Integer.BYTES, o -> pids.forEach(o::number));
      case Value.NumberSet(var members) -> array(out, "ay", 1, o -> bits(o, members));
      case Value.DeviceLimit(var path, var limit) ->
          array(out, "a(st)", Long.BYTES, o -> o.align(Long.BYTES).text(path).number64(limit));
      case Value.DeviceAccesses(var accesses) ->
          array(out, "a(ss)", Long.BYTES, o -> accesses.forEach(one -> access(o, one)));
    }
  }

  private static void array(
      DbusWriter out, String type, int elementAlignment, Consumer<DbusWriter> elements) {
    out.signature(type).array(elementAlignment, elements);
  }

  private static void bits(DbusWriter out, List<Integer> members) {
    BitSet bits = new BitSet();
    members.forEach(bits::set);
    for (byte each : bits.toByteArray()) {
      out.octet(each);
    }
  }

  private static void access(DbusWriter out, DeviceAccess one) {
    out.align(Long.BYTES).text(one.device()).text(one.access());
  }
}
