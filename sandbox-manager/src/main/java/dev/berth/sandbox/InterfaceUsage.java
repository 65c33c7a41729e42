package dev.berth.sandbox;

import java.util.ArrayList;
import java.util.List;

/** What went through a network interface since it was made. */
public record InterfaceUsage(String name, Traffic received, Traffic transmitted) {
  /** One direction. */
  public record Traffic(long bytes, long packets, long errors, long dropped) {}

  private static final String LOOPBACK = "lo";
  private static final int COLUMNS_PER_DIRECTION = 8;

  /** Reads the text of /proc/PID/net/dev, see proc_pid_net(5); leaves loopback out. */
  static List<InterfaceUsage> parse(String procNetDev) {
    List<InterfaceUsage> interfaces = new ArrayList<>();
    procNetDev
        .lines()
        .skip(2)
        .forEach(line -> {
          int colon = line.lastIndexOf(':'); // an alias has one in its name
          String name = line.substring(0, colon).strip();
          String[] numbers = line.substring(colon + 1).strip().split(" +");
          if (!name.equals(LOOPBACK)) {
            interfaces.add(
                new InterfaceUsage(
                    name, traffic(numbers, 0), traffic(numbers, COLUMNS_PER_DIRECTION)));
          }
        });
    return interfaces;
  }

  private static Traffic traffic(String[] numbers, int first) {
    return new Traffic(
        Long.parseLong(numbers[first]),
        Long.parseLong(numbers[first + 1]),
        Long.parseLong(numbers[first + 2]),
        Long.parseLong(numbers[first + 3]));
  }
}
