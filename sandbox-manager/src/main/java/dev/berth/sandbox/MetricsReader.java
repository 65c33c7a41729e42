package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.image.FsUsage;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupDetails;
import dev.berth.runtime.cgroup.CgroupPath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads what monitoring wants beside usage, for one answer: what containers have in common, the
 * file system and the names of devices, is looked up once. Not thread-safe.
 */
final class MetricsReader {
  private static final System.Logger LOG = System.getLogger(MetricsReader.class.getName());
  private static final Path BLOCK_DEVICES = Path.of("/sys/dev/block");

  /** A tenth of a second's worth. */
  private static final int MOST_DESCRIPTORS = 20_000;

  /** How long layers that were never measured are waited for, all together. */
  private static final Duration MEASURING = Duration.ofMillis(200);

  private final UsageMeters meters;
  private final WritableLayers layers;
  private final long deadlineNanos = System.nanoTime() + MEASURING.toNanos();
  private final ProcessFigures.Budget budget = new ProcessFigures.Budget(MOST_DESCRIPTORS);
  private final Map<String, String> deviceNames = new HashMap<>();
  private @Nullable DiskSpace disk; // one for all: snapshots are on one file system

  MetricsReader(UsageMeters meters, WritableLayers layers) {
    this.meters = meters;
    this.layers = layers;
  }

  /**
   * Reads the rest of a running container.
   *
   * @param usage with its cgroup's figures
   * @throws BerthException if the cgroup cannot be read
   */
  ContainerMetrics read(ContainerUsage usage, String cgroup, int pid) {
    Cgroup group = meters.group(cgroup);
    CgroupDetails details = group.details();
    Optional<FsUsage> layer =
        layers.usageWithin(
            usage.container().snapshotKey(), Duration.ofNanos(deadlineNanos - System.nanoTime()));
    return new ContainerMetrics(
        usage.with(layer),
        CgroupPath.parse(cgroup).toString(),
        details,
        ProcessFigures.of(group.pids(), pid, budget),
        layer.flatMap(written -> disk(written.mountpoint())),
        names(details));
  }

  private Optional<DiskSpace> disk(Path layer) {
    if (disk == null) {
      try {
        disk = DiskSpace.of(layer);
      } catch (IOException | BerthException e) {
        LOG.log(System.Logger.Level.DEBUG, "the container of " + layer + " was removed", e);
      }
    }
    return Optional.ofNullable(disk);
  }

  private Map<String, String> names(CgroupDetails details) {
    Map<String, String> names = new HashMap<>();
    for (CgroupDetails.DeviceIo device : details.devices()) {
      String numbers = device.major() + ":" + device.minor();
      names.put(numbers, deviceNames.computeIfAbsent(numbers, MetricsReader::name));
    }
    return names;
  }

  /** The link of a device leads to its directory, which has its name. */
  private static String name(String numbers) {
    try {
      Path directory = Files.readSymbolicLink(BLOCK_DEVICES.resolve(numbers));
      return "/dev/" + directory.getFileName();
    } catch (IOException e) {
      return numbers; // it was unplugged
    }
  }
}
