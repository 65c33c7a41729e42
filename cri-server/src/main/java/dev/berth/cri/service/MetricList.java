package dev.berth.cri.service;

import dev.berth.proto.cri.v1.Metric;
import dev.berth.proto.cri.v1.UInt64Value;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** The metrics of one pod or container, all of one moment and with the same common labels. */
final class MetricList {
  private static final long NANOS_PER_SECOND = 1_000_000_000;

  private final long atNanos;
  private final List<String> commonLabels;
  private final List<Metric> metrics = new ArrayList<>();

  /**
   * @param commonLabels values for {@link MetricFamily#COMMON_LABELS}, in their order
   */
  MetricList(long atNanos, List<String> commonLabels) {
    this.atNanos = atNanos;
    this.commonLabels = List.copyOf(commonLabels);
  }

  void add(MetricFamily family, long value, String... ownLabels) {
    if (ownLabels.length != family.ownLabelCount()) {
      throw new IllegalArgumentException(family + " has other labels than " + ownLabels.length);
    }
    metrics.add(
        Metric.newBuilder()
            .setName(family.metricName())
            .setTimestamp(atNanos)
            .setMetricType(family.type())
            .addAllLabelValues(commonLabels)
            .addAllLabelValues(List.of(ownLabels))
            .setValue(UInt64Value.newBuilder().setValue(value))
            .build());
  }

  /** Adds a figure that the host may lack: then there is no such metric. */
  void add(MetricFamily family, OptionalLong value, String... ownLabels) {
    value.ifPresent(number -> add(family, number, ownLabels));
  }

  /** Adds a time in nanoseconds as whole seconds. */
  void addSeconds(MetricFamily family, OptionalLong nanos, String... ownLabels) {
    nanos.ifPresent(number -> add(family, number / NANOS_PER_SECOND, ownLabels));
  }

  List<Metric> metrics() {
    return metrics;
  }
}
