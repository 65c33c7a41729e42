package dev.berth.runtime.seccomp;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** What the compiler knows of the runtime spec's profiles, by the names that they use, sorted. */
public final class SeccompFeatures {
  private SeccompFeatures() {}

  /** Returns the actions: {@code SCMP_ACT_...}. */
  public static List<String> actions() {
    return Arrays.stream(Action.Named.values()).map(Action.Named::specName).sorted().toList();
  }

  /** Returns the comparisons of arguments: {@code SCMP_CMP_...}. */
  public static List<String> operators() {
    return Stream.concat(
            Arrays.stream(Condition.Comparison.values()).map(Condition.Comparison::specName),
            Stream.of(Condition.MASKED_EQUAL))
        .sorted()
        .toList();
  }

  /** Returns the architectures, whatever this machine is: {@code SCMP_ARCH_...}. */
  public static List<String> architectures() {
    return Arrays.stream(Abi.values()).map(Abi::specName).sorted().toList();
  }
}
