package dev.berth.sandbox.nri;

import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.nri.HugepageLimit;
import dev.berth.proto.nri.LinuxCPU;
import dev.berth.proto.nri.LinuxDeviceCgroup;
import dev.berth.proto.nri.LinuxMemory;
import dev.berth.proto.nri.LinuxPids;
import dev.berth.proto.nri.LinuxResources;
import dev.berth.proto.nri.OptionalBool;
import dev.berth.proto.nri.OptionalInt64;
import dev.berth.proto.nri.OptionalString;
import dev.berth.proto.nri.OptionalUInt64;
import dev.berth.runtime.spec.Resources;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Limits in the words of plugins, of CRI and of the runtime spec. */
public final class Limits {
  private Limits() {}

  /** Returns CRI's limits for plugins; zero and empty in CRI mean "not set". */
  public static LinuxResources ofCri(LinuxContainerResources limits) {
    LinuxMemory.Builder memory = LinuxMemory.newBuilder();
    if (limits.getMemoryLimitInBytes() != 0) {
      memory.setLimit(signed(limits.getMemoryLimitInBytes()));
    }
    if (limits.getMemorySwapLimitInBytes() != 0) {
      memory.setSwap(signed(limits.getMemorySwapLimitInBytes()));
    }
    LinuxCPU.Builder cpu =
        LinuxCPU.newBuilder().setCpus(limits.getCpusetCpus()).setMems(limits.getCpusetMems());
    if (limits.getCpuShares() != 0) {
      cpu.setShares(unsigned(limits.getCpuShares()));
    }
    if (limits.getCpuQuota() != 0) {
      cpu.setQuota(signed(limits.getCpuQuota()));
    }
    if (limits.getCpuPeriod() != 0) {
      cpu.setPeriod(unsigned(limits.getCpuPeriod()));
    }
    LinuxResources.Builder message =
        LinuxResources.newBuilder()
            .setMemory(memory)
            .setCpu(cpu)
            .putAllUnified(limits.getUnifiedMap());
    limits
        .getHugepageLimitsList()
        .forEach(
            limit -> message.addHugepageLimits(hugepages(limit.getPageSize(), limit.getLimit())));
    return message.build();
  }

  /** Returns what CRI has words for. {@link #overlay} takes the rest. */
  public static LinuxContainerResources toCri(LinuxResources limits) {
    LinuxContainerResources.Builder cri =
        LinuxContainerResources.newBuilder()
            .setMemoryLimitInBytes(limits.getMemory().getLimit().getValue())
            .setMemorySwapLimitInBytes(limits.getMemory().getSwap().getValue())
            .setCpuShares(limits.getCpu().getShares().getValue())
            .setCpuQuota(limits.getCpu().getQuota().getValue())
            .setCpuPeriod(limits.getCpu().getPeriod().getValue())
            .setCpusetCpus(limits.getCpu().getCpus())
            .setCpusetMems(limits.getCpu().getMems())
            .putAllUnified(limits.getUnifiedMap());
    for (HugepageLimit limit : limits.getHugepageLimitsList()) {
      cri.addHugepageLimits(
          dev.berth.proto.cri.v1.HugepageLimit.newBuilder()
              .setPageSize(limit.getPageSize())
              .setLimit(limit.getLimit()));
    }
    return cri.build();
  }

  /** Returns the spec's limits for plugins. */
  static LinuxResources ofSpec(Resources limits) {
    LinuxResources.Builder message = LinuxResources.newBuilder().putAllUnified(limits.unified());
    if (limits.memory() != null) {
      message.setMemory(memory(limits.memory()));
    }
    if (limits.cpu() != null) {
      message.setCpu(cpu(limits.cpu()));
    }
    if (limits.pids() != null && limits.pids().limit() != null) {
      message.setPids(LinuxPids.newBuilder().setLimit(limits.pids().limit()));
    }
    limits
        .hugepageLimits()
        .forEach(limit -> message.addHugepageLimits(hugepages(limit.pageSize(), limit.limit())));
    limits.devices().forEach(rule -> message.addDevices(rule(rule)));
    return message.build();
  }

  private static LinuxMemory memory(Resources.Memory memory) {
    LinuxMemory.Builder message = LinuxMemory.newBuilder();
    if (memory.limit() != null) {
      message.setLimit(signed(memory.limit()));
    }
    if (memory.reservation() != null) {
      message.setReservation(signed(memory.reservation()));
    }
    if (memory.swap() != null) {
      message.setSwap(signed(memory.swap()));
    }
    if (memory.kernel() != null) {
      message.setKernel(signed(memory.kernel()));
    }
    if (memory.kernelTcp() != null) {
      message.setKernelTcp(signed(memory.kernelTcp()));
    }
    if (memory.swappiness() != null) {
      message.setSwappiness(unsigned(memory.swappiness()));
    }
    if (memory.disableOomKiller() != null) {
      message.setDisableOomKiller(OptionalBool.newBuilder().setValue(memory.disableOomKiller()));
    }
    if (memory.useHierarchy() != null) {
      message.setUseHierarchy(OptionalBool.newBuilder().setValue(memory.useHierarchy()));
    }
    return message.build();
  }

  private static LinuxCPU cpu(Resources.Cpu cpu) {
    LinuxCPU.Builder message = LinuxCPU.newBuilder();
    if (cpu.shares() != null) {
      message.setShares(unsigned(cpu.shares()));
    }
    if (cpu.quota() != null) {
      message.setQuota(signed(cpu.quota()));
    }
    if (cpu.period() != null) {
      message.setPeriod(unsigned(cpu.period()));
    }
    if (cpu.realtimeRuntime() != null) {
      message.setRealtimeRuntime(signed(cpu.realtimeRuntime()));
    }
    if (cpu.realtimePeriod() != null) {
      message.setRealtimePeriod(unsigned(cpu.realtimePeriod()));
    }
    if (cpu.cpus() != null) {
      message.setCpus(cpu.cpus());
    }
    if (cpu.mems() != null) {
      message.setMems(cpu.mems());
    }
    return message.build();
  }

  private static LinuxDeviceCgroup rule(Resources.DeviceRule rule) {
    LinuxDeviceCgroup.Builder message = LinuxDeviceCgroup.newBuilder().setAllow(rule.allow());
    if (rule.type() != null) {
      message.setType(rule.type());
    }
    if (rule.major() != null) {
      message.setMajor(signed(rule.major()));
    }
    if (rule.minor() != null) {
      message.setMinor(signed(rule.minor()));
    }
    if (rule.access() != null) {
      message.setAccess(rule.access());
    }
    return message.build();
  }

  /**
   * Writes what plugins set over the spec's limits.
   *
   * <p>Swap that was kept to the memory limit stays so under another limit: the kernel refuses
   * memory and swap together below memory alone.
   *
   * @throws BerthException UNIMPLEMENTED for classes of block I/O and RDT, which would need a
   *     configuration of their own
   */
  public static Resources overlay(Resources before, LinuxResources wanted) {
    refuseClass("blockio_class", wanted.getBlockioClass());
    refuseClass("rdt_class", wanted.getRdtClass());
    Resources.Builder limits =
        before.toBuilder()
            .memory(overlay(before.memory(), wanted.getMemory()))
            .cpu(overlay(before.cpu(), wanted.getCpu()))
            .hugepageLimits(overlay(before.hugepageLimits(), wanted.getHugepageLimitsList()))
            .unified(united(before.unified(), wanted.getUnifiedMap()))
            .devices(overlayRules(before.devices(), wanted.getDevicesList()));
    if (wanted.hasPids()) {
      limits.pids(new Resources.Pids(wanted.getPids().getLimit()));
    }
    return limits.build();
  }

  private static void refuseClass(String field, OptionalString value) {
    if (!value.getValue().isEmpty()) {
      throw new BerthException(
          UNIMPLEMENTED,
          "nri: " + field + " " + Ids.printable(value.getValue()) + " is not implemented");
    }
  }

  private static Resources.@Nullable Memory overlay(
      Resources.@Nullable Memory before, LinuxMemory wanted) {
    if (wanted.equals(LinuxMemory.getDefaultInstance())) {
      return before;
    }
    Resources.Memory.Builder memory =
        before == null ? Resources.Memory.builder() : before.toBuilder();
    if (wanted.hasLimit()) {
      memory.limit(wanted.getLimit().getValue());
      if (before != null && before.swap() != null && before.swap().equals(before.limit())) {
        memory.swap(wanted.getLimit().getValue());
      }
    }
    if (wanted.hasSwap()) {
      memory.swap(wanted.getSwap().getValue());
    }
    if (wanted.hasReservation()) {
      memory.reservation(wanted.getReservation().getValue());
    }
    if (wanted.hasKernel()) {
      memory.kernel(wanted.getKernel().getValue());
    }
    if (wanted.hasKernelTcp()) {
      memory.kernelTcp(wanted.getKernelTcp().getValue());
    }
    if (wanted.hasSwappiness()) {
      memory.swappiness(wanted.getSwappiness().getValue());
    }
    if (wanted.hasDisableOomKiller()) {
      memory.disableOomKiller(wanted.getDisableOomKiller().getValue());
    }
    if (wanted.hasUseHierarchy()) {
      memory.useHierarchy(wanted.getUseHierarchy().getValue());
    }
    return memory.build();
  }

  private static Resources.@Nullable Cpu overlay(Resources.@Nullable Cpu before, LinuxCPU wanted) {
    if (wanted.equals(LinuxCPU.getDefaultInstance())) {
      return before;
    }
    Resources.Cpu.Builder cpu = before == null ? Resources.Cpu.builder() : before.toBuilder();
    if (wanted.hasShares()) {
      cpu.shares(wanted.getShares().getValue());
    }
    if (wanted.hasQuota()) {
      cpu.quota(wanted.getQuota().getValue());
    }
    if (wanted.hasPeriod()) {
      cpu.period(wanted.getPeriod().getValue());
    }
    if (wanted.hasRealtimeRuntime()) {
      cpu.realtimeRuntime(wanted.getRealtimeRuntime().getValue());
    }
    if (wanted.hasRealtimePeriod()) {
      cpu.realtimePeriod(wanted.getRealtimePeriod().getValue());
    }
    if (!wanted.getCpus().isEmpty()) {
      cpu.cpus(wanted.getCpus());
    }
    if (!wanted.getMems().isEmpty()) {
      cpu.mems(wanted.getMems());
    }
    return cpu.build();
  }

  private static List<Resources.HugepageLimit> overlay(
      List<Resources.HugepageLimit> before, List<HugepageLimit> wanted) {
    List<Resources.HugepageLimit> limits = new ArrayList<>(before);
    for (HugepageLimit limit : wanted) {
      limits.removeIf(other -> other.pageSize().equals(limit.getPageSize()));
      limits.add(new Resources.HugepageLimit(limit.getPageSize(), limit.getLimit()));
    }
    return limits;
  }

  private static Map<String, String> united(
      Map<String, String> before, Map<String, String> wanted) {
    Map<String, String> files = new LinkedHashMap<>(before);
    files.putAll(wanted);
    return files;
  }

  private static List<Resources.DeviceRule> overlayRules(
      List<Resources.DeviceRule> before, List<LinuxDeviceCgroup> wanted) {
    List<Resources.DeviceRule> rules = new ArrayList<>(before);
    for (LinuxDeviceCgroup rule : wanted) {
      rules.add(
          new Resources.DeviceRule(
              rule.getAllow(),
              rule.getType(),
              rule.hasMajor() ? rule.getMajor().getValue() : null,
              rule.hasMinor() ? rule.getMinor().getValue() : null,
              rule.getAccess()));
    }
    return rules;
  }

  private static HugepageLimit hugepages(String pageSize, long limit) {
    return HugepageLimit.newBuilder().setPageSize(pageSize).setLimit(limit).build();
  }

  private static OptionalInt64 signed(long value) {
    return OptionalInt64.newBuilder().setValue(value).build();
  }

  private static OptionalUInt64 unsigned(long value) {
    return OptionalUInt64.newBuilder().setValue(value).build();
  }
}
