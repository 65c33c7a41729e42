package dev.berth.sandbox.nri;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.berth.proto.nri.Field;
import dev.berth.proto.nri.HugepageLimit;
import dev.berth.proto.nri.LinuxResources;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes the limits that a plugin sets over others, field by field, each claimed for the plugin.
 *
 * @param containerId whose limits they are
 * @param plugin who sets them
 */
record ResourceClaims(Owners owners, String containerId, String plugin) {
  private static final Map<String, Field> MEMORY =
      Map.of(
          "limit", Field.MemLimit,
          "reservation", Field.MemReservation,
          "swap", Field.MemSwapLimit,
          "kernel", Field.MemKernelLimit,
          "kernel_tcp", Field.MemTCPLimit,
          "swappiness", Field.MemSwappiness,
          "disable_oom_killer", Field.MemDisableOomKiller,
          "use_hierarchy", Field.MemUseHierarchy);

  private static final Map<String, Field> CPU =
      Map.of(
          "shares", Field.CPUShares,
          "quota", Field.CPUQuota,
          "period", Field.CPUPeriod,
          "realtime_runtime", Field.CPURealtimeRuntime,
          "realtime_period", Field.CPURealtimePeriod,
          "cpus", Field.CPUSetCPUs,
          "mems", Field.CPUSetMems);

  /** Claims all that is set, then writes it to each of the targets; none is written on conflict. */
  void write(LinuxResources wanted, LinuxResources.Builder... targets) {
    claim(wanted);
    for (LinuxResources.Builder target : targets) {
      overlay(wanted, target);
    }
  }

  private void claim(LinuxResources wanted) {
    claimFields(wanted.getMemory(), MEMORY);
    claimFields(wanted.getCpu(), CPU);
    for (HugepageLimit limit : wanted.getHugepageLimitsList()) {
      owners.claim(containerId, Field.HugepageLimits, limit.getPageSize(), plugin);
    }
    for (String key : wanted.getUnifiedMap().keySet()) {
      owners.claim(containerId, Field.CgroupsUnified, key, plugin);
    }
    if (wanted.hasBlockioClass()) {
      owners.claim(containerId, Field.BlockioClass, plugin);
    }
    if (wanted.hasRdtClass()) {
      owners.claim(containerId, Field.RdtClass, plugin);
    }
    if (wanted.hasPids()) {
      owners.claim(containerId, Field.PidsLimit, plugin);
    }
  }

  private void claimFields(Message wanted, Map<String, Field> fields) {
    for (FieldDescriptor field : wanted.getAllFields().keySet()) {
      owners.claim(containerId, requireNonNull(fields.get(field.getName())), plugin);
    }
  }

  /** Writes what is set over what is there; lists are made longer, but for a page size again. */
  static void overlay(LinuxResources wanted, LinuxResources.Builder target) {
    List<HugepageLimit> limits = new ArrayList<>(target.getHugepageLimitsList());
    for (HugepageLimit limit : wanted.getHugepageLimitsList()) {
      limits.removeIf(before -> before.getPageSize().equals(limit.getPageSize()));
      limits.add(limit);
    }
    target.mergeFrom(wanted).clearHugepageLimits().addAllHugepageLimits(limits);
    // A merge does not write what is zero or empty within a message, and all of these may be.
    if (wanted.hasMemory()) {
      wanted.getMemory().getAllFields().forEach(target.getMemoryBuilder()::setField);
    }
    if (wanted.hasCpu()) {
      wanted.getCpu().getAllFields().forEach(target.getCpuBuilder()::setField);
    }
    if (wanted.hasPids()) {
      target.setPids(wanted.getPids());
    }
    if (wanted.hasBlockioClass()) {
      target.setBlockioClass(wanted.getBlockioClass());
    }
    if (wanted.hasRdtClass()) {
      target.setRdtClass(wanted.getRdtClass());
    }
  }
}
