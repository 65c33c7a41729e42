package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Changes limits of a container: those of a file of {@code linux.resources}, and after them those
 * that have an option. What is not named stays.
 */
@Command(name = "update", description = "Changes the limits of a container.")
final class UpdateCommand extends ContainerCommand {
  @Option(
      names = {"-r", "--resources"},
      paramLabel = "FILE",
      description = "linux.resources as JSON; - for standard input")
  private @Nullable String file;

  @Option(names = "--memory", paramLabel = "BYTES", description = "limit; -1 for none")
  private @Nullable Long memory;

  @Option(names = "--memory-reservation", paramLabel = "BYTES", description = "soft limit")
  private @Nullable Long memoryReservation;

  @Option(names = "--memory-swap", paramLabel = "BYTES", description = "memory and swap together")
  private @Nullable Long memorySwap;

  @Option(
      names = {"--cpu-shares", "--cpu-share"},
      paramLabel = "N",
      description = "weight, 2 to 262144")
  private @Nullable Long cpuShares;

  @Option(names = "--cpu-quota", paramLabel = "MICROS", description = "per period; -1 for none")
  private @Nullable Long cpuQuota;

  @Option(names = "--cpu-period", paramLabel = "MICROS", description = "length of a period")
  private @Nullable Long cpuPeriod;

  @Option(names = "--cpu-burst", paramLabel = "MICROS", description = "what may be saved up")
  private @Nullable Long cpuBurst;

  @Option(names = "--cpu-idle", paramLabel = "0|1", description = "whether others go first")
  private @Nullable Long cpuIdle;

  @Option(names = "--cpuset-cpus", paramLabel = "LIST", description = "such as 0-3,8")
  private @Nullable String cpus;

  @Option(names = "--cpuset-mems", paramLabel = "LIST", description = "memory nodes")
  private @Nullable String mems;

  @Option(names = "--pids-limit", paramLabel = "N", description = "tasks; -1 for no limit")
  private @Nullable Long pids;

  @Override
  int with(Task task) {
    Resources limits = withOptions(file == null ? Resources.builder().build() : read(file));
    if (limits.equals(Resources.builder().build())) {
      throw new BerthException(INVALID_ARGUMENT, "nothing to change: no limit is given");
    }
    task.limit(limits);
    return 0;
  }

  private static Resources read(String file) {
    try {
      byte[] json = file.equals("-") ? System.in.readAllBytes() : Files.readAllBytes(Path.of(file));
      return Resources.parse(json);
    } catch (IOException e) {
      throw new BerthException(NOT_FOUND, "--resources " + file + ": cannot be read: " + e, e);
    }
  }

  private Resources withOptions(Resources given) {
    Resources.Builder limits = given.toBuilder();
    if (memory != null || memoryReservation != null || memorySwap != null) {
      limits.memory(memory(given.memory()));
    }
    if (hasCpuOption()) {
      limits.cpu(cpu(given.cpu()));
    }
    if (pids != null) {
      limits.pids(new Resources.Pids(pids));
    }
    return limits.build();
  }

  private Resources.Memory memory(Resources.@Nullable Memory given) {
    var limits = given == null ? Resources.Memory.builder() : given.toBuilder();
    if (memory != null) {
      limits.limit(memory);
    }
    if (memoryReservation != null) {
      limits.reservation(memoryReservation);
    }
    if (memorySwap != null) {
      limits.swap(memorySwap);
    }
    return limits.build();
  }

  private boolean hasCpuOption() {
    return cpuShares != null
        || cpuQuota != null
        || cpuPeriod != null
        || cpuBurst != null
        || cpuIdle != null
        || cpus != null
        || mems != null;
  }

  private Resources.Cpu cpu(Resources.@Nullable Cpu given) {
    var limits = given == null ? Resources.Cpu.builder() : given.toBuilder();
    if (cpuShares != null) {
      limits.shares(cpuShares);
    }
    if (cpuQuota != null) {
      limits.quota(cpuQuota);
    }
    if (cpuPeriod != null) {
      limits.period(cpuPeriod);
    }
    if (cpuBurst != null) {
      limits.burst(cpuBurst);
    }
    if (cpuIdle != null) {
      limits.idle(cpuIdle);
    }
    if (cpus != null) {
      limits.cpus(cpus);
    }
    if (mems != null) {
      limits.mems(mems);
    }
    return limits.build();
  }
}
