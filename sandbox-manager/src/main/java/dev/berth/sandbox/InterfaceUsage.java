package dev.berth.sandbox;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What went through a network interface since it was made. */
public record InterfaceUsage(String name, Traffic received, Traffic transmitted) {
  /** One direction. */
  public record Traffic(long bytes, long packets, long errors, long dropped) {}

  private static final String LOOPBACK = "lo";

  /** What the interface is called by which a pod is attached to its network. */
  private static final String OF_THE_POD = "eth0";

  private static final int HEADER_LINES = 2;
  private static final int COLUMNS_PER_DIRECTION = 8;

  /**
   * Reads /proc/PID/net/dev, see proc_pid_net(5), without loopback. The pod's own interface is the
   * first: what some kernel modules put into every namespace ({@code tunl0}, {@code sit0}) is there
   * before it. A list of pods reads one for each: no strings are made but the names.
   */
  static List<InterfaceUsage> parse(byte[] procNetDev, int length) {
    List<InterfaceUsage> interfaces = new ArrayList<>();
    int line = 0;
    for (int number = 0; line < length; number++) {
      int end = line;
      while (end < length && procNetDev[end] != '\n') {
        end++;
      }
      if (number >= HEADER_LINES) {
        InterfaceUsage device = line(procNetDev, line, end);
        if (device.name.equals(OF_THE_POD)) {
          interfaces.addFirst(device);
        } else if (!device.name.equals(LOOPBACK)) {
          interfaces.add(device);
        }
      }
      line = end + 1;
    }
    return interfaces;
  }

  private static InterfaceUsage line(byte[] text, int from, int end) {
    int colon = end - 1;
    while (colon > from && text[colon] != ':') { // the last one: an alias has one in its name
      colon--;
    }
    long[] numbers = new long[2 * COLUMNS_PER_DIRECTION];
    int at = colon + 1;
    for (int column = 0; column < numbers.length; column++) {
      while (at < end && text[at] == ' ') {
        at++;
      }
      while (at < end && text[at] != ' ') {
        numbers[column] = numbers[column] * 10 + text[at] - '0';
        at++;
      }
    }
    String name = new String(text, from, colon - from, StandardCharsets.UTF_8).strip();
    return new InterfaceUsage(name, traffic(numbers, 0), traffic(numbers, COLUMNS_PER_DIRECTION));
  }

  private static Traffic traffic(long[] numbers, int first) {
    return new Traffic(numbers[first], numbers[first + 1], numbers[first + 2], numbers[first + 3]);
  }
}
