package dev.berth.runtime.spec;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is particular to Linux ({@code linux}).
 *
 * @param uidMappings user ids of the user namespace
 * @param gidMappings group ids of the user namespace
 * @param sysctl kernel parameters by name, see {@link SysctlName}
 * @param resources limits
 * @param cgroupsPath cgroup, or {@code slice:prefix:name} for the systemd driver
 * @param namespaces namespaces to make or join; those not named are inherited
 * @param devices device nodes beside the default ones
 * @param netDevices network devices to move, by their name on the host
 * @param seccomp system call filter
 * @param rootfsPropagation propagation of the root mount
 * @param maskedPaths paths made unreadable
 * @param readonlyPaths paths made read-only
 * @param mountLabel SELinux label of the mounts
 * @param intelRdt cache and bandwidth allocation
 * @param memoryPolicy NUMA policy
 * @param personality execution domain
 * @param timeOffsets offsets by clock
 */
public record Linux(
    List<IdMapping> uidMappings,
    List<IdMapping> gidMappings,
    Map<String, String> sysctl,
    @Nullable Resources resources,
    @Nullable String cgroupsPath,
    List<Namespace> namespaces,
    List<Device> devices,
    Map<String, NetDevice> netDevices,
    @Nullable Seccomp seccomp,
    @Nullable String rootfsPropagation,
    List<String> maskedPaths,
    List<String> readonlyPaths,
    @Nullable String mountLabel,
    @Nullable IntelRdt intelRdt,
    @Nullable MemoryPolicy memoryPolicy,
    @Nullable Personality personality,
    Map<String, TimeOffset> timeOffsets) {
  public Linux {
    uidMappings = Absent.list(uidMappings);
    gidMappings = Absent.list(gidMappings);
    sysctl = Absent.map(sysctl);
    cgroupsPath = Absent.text(cgroupsPath);
    namespaces = Absent.list(namespaces);
    devices = Absent.list(devices);
    netDevices = Absent.map(netDevices);
    rootfsPropagation = Absent.text(rootfsPropagation);
    maskedPaths = Absent.list(maskedPaths);
    readonlyPaths = Absent.list(readonlyPaths);
    mountLabel = Absent.text(mountLabel);
    timeOffsets = Absent.map(timeOffsets);
  }

  /** Returns how the ids of the user namespace are mapped; empty without one. */
  public IdMappings idMappings() {
    return new IdMappings(uidMappings, gidMappings);
  }

  /** Returns the entry of a namespace type, empty if that namespace is inherited. */
  public Optional<Namespace> namespace(String type) {
    return namespaces.stream().filter(namespace -> namespace.type().equals(type)).findFirst();
  }

  /** Starts with nothing set. */
  public static Builder builder() {
    return new Builder();
  }

  /** Starts with the values of this record. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.uidMappings = uidMappings;
    builder.gidMappings = gidMappings;
    builder.sysctl = sysctl;
    builder.resources = resources;
    builder.cgroupsPath = cgroupsPath;
    builder.namespaces = namespaces;
    builder.devices = devices;
    builder.netDevices = netDevices;
    builder.seccomp = seccomp;
    builder.rootfsPropagation = rootfsPropagation;
    builder.maskedPaths = maskedPaths;
    builder.readonlyPaths = readonlyPaths;
    builder.mountLabel = mountLabel;
    builder.intelRdt = intelRdt;
    builder.memoryPolicy = memoryPolicy;
    builder.personality = personality;
    builder.timeOffsets = timeOffsets;
    return builder;
  }

  /** Collects the fields of a {@link Linux}; each setter replaces the value. Not thread-safe. */
  public static final class Builder {
    private List<IdMapping> uidMappings = List.of();
    private List<IdMapping> gidMappings = List.of();
    private Map<String, String> sysctl = Map.of();
    private @Nullable Resources resources;
    private @Nullable String cgroupsPath;
    private List<Namespace> namespaces = List.of();
    private List<Device> devices = List.of();
    private Map<String, NetDevice> netDevices = Map.of();
    private @Nullable Seccomp seccomp;
    private @Nullable String rootfsPropagation;
    private List<String> maskedPaths = List.of();
    private List<String> readonlyPaths = List.of();
    private @Nullable String mountLabel;
    private @Nullable IntelRdt intelRdt;
    private @Nullable MemoryPolicy memoryPolicy;
    private @Nullable Personality personality;
    private Map<String, TimeOffset> timeOffsets = Map.of();

    private Builder() {}

    public Builder uidMappings(List<IdMapping> uidMappings) {
      this.uidMappings = uidMappings;
      return this;
    }

    public Builder gidMappings(List<IdMapping> gidMappings) {
      this.gidMappings = gidMappings;
      return this;
    }

    public Builder sysctl(Map<String, String> sysctl) {
      this.sysctl = sysctl;
      return this;
    }

    public Builder resources(@Nullable Resources resources) {
      this.resources = resources;
      return this;
    }

    public Builder cgroupsPath(@Nullable String cgroupsPath) {
      this.cgroupsPath = cgroupsPath;
      return this;
    }

    public Builder namespaces(List<Namespace> namespaces) {
      this.namespaces = namespaces;
      return this;
    }

    public Builder devices(List<Device> devices) {
      this.devices = devices;
      return this;
    }

    public Builder netDevices(Map<String, NetDevice> netDevices) {
      this.netDevices = netDevices;
      return this;
    }

    public Builder seccomp(@Nullable Seccomp seccomp) {
      this.seccomp = seccomp;
      return this;
    }

    public Builder rootfsPropagation(@Nullable String rootfsPropagation) {
      this.rootfsPropagation = rootfsPropagation;
      return this;
    }

    public Builder maskedPaths(List<String> maskedPaths) {
      this.maskedPaths = maskedPaths;
      return this;
    }

    public Builder readonlyPaths(List<String> readonlyPaths) {
      this.readonlyPaths = readonlyPaths;
      return this;
    }

    public Builder mountLabel(@Nullable String mountLabel) {
      this.mountLabel = mountLabel;
      return this;
    }

    public Builder intelRdt(@Nullable IntelRdt intelRdt) {
      this.intelRdt = intelRdt;
      return this;
    }

    public Builder memoryPolicy(@Nullable MemoryPolicy memoryPolicy) {
      this.memoryPolicy = memoryPolicy;
      return this;
    }

    public Builder personality(@Nullable Personality personality) {
      this.personality = personality;
      return this;
    }

    public Builder timeOffsets(Map<String, TimeOffset> timeOffsets) {
      this.timeOffsets = timeOffsets;
      return this;
    }

    /** Returns the record. */
    public Linux build() {
      return new Linux(
          uidMappings,
          gidMappings,
          sysctl,
          resources,
          cgroupsPath,
          namespaces,
          devices,
          netDevices,
          seccomp,
          rootfsPropagation,
          maskedPaths,
          readonlyPaths,
          mountLabel,
          intelRdt,
          memoryPolicy,
          personality,
          timeOffsets);
    }
  }
}
