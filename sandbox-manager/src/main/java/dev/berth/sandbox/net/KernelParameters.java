package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.OpenFlag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Numbers below /proc/sys/net, of the network namespace of the calling thread. */
final class KernelParameters {
  private static final Path NET = Path.of("/proc/sys/net");

  private KernelParameters() {}

  static boolean exists(String name) {
    return Files.exists(NET.resolve(name));
  }

  static String get(String name) {
    try (Fd file = Descriptors.open(NET.resolve(name))) {
      return new String(Descriptors.read(file, 64).orElseThrow(), US_ASCII).strip();
    }
  }

  static void set(String name, String value) {
    try (Fd file = Descriptors.open(NET.resolve(name), OpenFlag.WRITE)) {
      Descriptors.write(file, value.getBytes(US_ASCII));
    }
  }

  /**
   * Lets a device of the pod network take no IPv6 address or route from others: a pod is no router,
   * whatever it says (CVE-2020-10749). Nor are they asked whether an address is taken, for which a
   * device would be silent in its first second.
   */
  static void trustNobodyOn(String device) {
    if (exists("ipv6")) {
      set("ipv6/conf/" + device + "/accept_ra", "0");
      set("ipv6/conf/" + device + "/accept_dad", "0");
    }
  }

  /** Returns the names below a directory, sorted. */
  static List<String> names(String directory) {
    try (Stream<Path> entries = Files.list(NET.resolve(directory))) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot list " + NET.resolve(directory) + ": " + e, e);
    }
  }
}
