package dev.berth.runtime.seccomp;

import dev.berth.runtime.spec.Seccomp;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A row of {@code default-profile.tsv}: what to do with one call, and when the row counts.
 *
 * @param errnoRet errno of the action, if it has one
 */
record ProfileRow(
    String syscall,
    String action,
    @Nullable Integer errnoRet,
    List<Requirement> requirements,
    List<Seccomp.Arg> args) {
  private static final Pattern ARGUMENT =
      Pattern.compile("arg([0-5])(?:&0x([0-9a-f]+))?(==|<|>)([0-9]+)");

  /** What a row depends on besides the call itself. */
  sealed interface Requirement {
    boolean holds(DefaultSeccompProfile.Machine machine, Set<String> capabilities);

    /** One of the capabilities is granted. */
    record Granted(Set<String> any) implements Requirement {
      @Override
      public boolean holds(DefaultSeccompProfile.Machine machine, Set<String> capabilities) {
        return any.stream().anyMatch(capabilities::contains);
      }
    }

    /** The machine is one of the architectures. */
    record Architecture(Set<String> any) implements Requirement {
      @Override
      public boolean holds(DefaultSeccompProfile.Machine machine, Set<String> capabilities) {
        return any.contains(machine.architecture());
      }
    }

    /** The kernel is at least of this version. */
    record Kernel(int major, int minor) implements Requirement {
      @Override
      public boolean holds(DefaultSeccompProfile.Machine machine, Set<String> capabilities) {
        return machine.kernelMajor() > major
            || (machine.kernelMajor() == major && machine.kernelMinor() >= minor);
      }
    }

    /** The opposite of another requirement. */
    record Not(Requirement requirement) implements Requirement {
      @Override
      public boolean holds(DefaultSeccompProfile.Machine machine, Set<String> capabilities) {
        return !requirement.holds(machine, capabilities);
      }
    }
  }

  static ProfileRow parse(String line) {
    String[] cells = line.split("\t", -1);
    String[] action = cells[1].split(":", -1);
    List<Requirement> requirements = new ArrayList<>();
    List<Seccomp.Arg> args = new ArrayList<>();
    if (!cells[2].equals("-")) {
      for (String condition : cells[2].split(";", -1)) {
        Matcher argument = ARGUMENT.matcher(condition);
        if (argument.matches()) {
          args.add(argument(argument));
        } else {
          requirements.add(requirement(condition));
        }
      }
    }
    return new ProfileRow(
        cells[0],
        "SCMP_ACT_" + action[0],
        action.length > 1 ? Integer.valueOf(action[1]) : null,
        List.copyOf(requirements),
        List.copyOf(args));
  }

  private static Seccomp.Arg argument(Matcher text) {
    int index = Integer.parseInt(text.group(1));
    long value = Long.parseLong(text.group(4));
    if (text.group(2) != null) {
      long mask = Long.parseUnsignedLong(text.group(2), 16);
      return new Seccomp.Arg(index, mask, value, "SCMP_CMP_MASKED_EQ");
    }
    String operator =
        switch (text.group(3)) {
          case "<" -> "SCMP_CMP_LT";
          case ">" -> "SCMP_CMP_GT";
          default -> "SCMP_CMP_EQ";
        };
    return new Seccomp.Arg(index, value, 0, operator);
  }

  private static Requirement requirement(String text) {
    if (text.startsWith("!")) {
      return new Requirement.Not(requirement(text.substring(1)));
    }
    String[] sides = text.split("=", 2);
    Set<String> any = Set.of(sides[1].split(",", -1));
    return switch (sides[0]) {
      case "caps" -> new Requirement.Granted(any);
      case "arch" -> new Requirement.Architecture(any);
      case "minKernel" -> kernel(sides[1]);
      default -> throw new IllegalStateException("condition of the default profile: " + text);
    };
  }

  private static Requirement kernel(String version) {
    String[] parts = version.split("\\.", -1);
    return new Requirement.Kernel(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
  }

  boolean applies(DefaultSeccompProfile.Machine machine, Set<String> capabilities) {
    return requirements.stream().allMatch(r -> r.holds(machine, capabilities));
  }
}
