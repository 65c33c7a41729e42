package dev.berth.runtime.spec;

import com.google.gson.annotations.JsonAdapter;
import com.google.gson.annotations.SerializedName;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Limits of a container ({@code linux.resources}).
 *
 * @param devices access rules, applied in order
 * @param memory memory limits
 * @param cpu CPU limits
 * @param pids limit of tasks
 * @param blockIo block I/O limits
 * @param hugepageLimits huge page limits
 * @param network network classification (cgroup v1)
 * @param rdma limits by RDMA device
 * @param unified files of cgroup v2 and what to write to them
 */
public record Resources(
    List<DeviceRule> devices,
    @Nullable Memory memory,
    @Nullable Cpu cpu,
    @Nullable Pids pids,
    @SerializedName("blockIO") @Nullable BlockIo blockIo,
    List<HugepageLimit> hugepageLimits,
    @Nullable Network network,
    Map<String, Rdma> rdma,
    Map<String, String> unified) {
  public Resources {
    devices = Absent.list(devices);
    hugepageLimits = Absent.list(hugepageLimits);
    rdma = Absent.map(rdma);
    unified = Absent.map(unified);
  }

  /**
   * Reads a JSON object.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the field
   */
  public static Resources parse(byte[] json) {
    return SpecJson.read("resources", json, Resources.class);
  }

  /** Starts with nothing set. */
  public static Builder builder() {
    return new Builder();
  }

  /** Starts with the values of this record. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.devices = devices;
    builder.memory = memory;
    builder.cpu = cpu;
    builder.pids = pids;
    builder.blockIo = blockIo;
    builder.hugepageLimits = hugepageLimits;
    builder.network = network;
    builder.rdma = rdma;
    builder.unified = unified;
    return builder;
  }

  /**
   * Collects the fields of a {@link Resources}; each setter replaces the value. Not thread-safe.
   */
  public static final class Builder {
    private List<DeviceRule> devices = List.of();
    private @Nullable Memory memory;
    private @Nullable Cpu cpu;
    private @Nullable Pids pids;
    private @Nullable BlockIo blockIo;
    private List<HugepageLimit> hugepageLimits = List.of();
    private @Nullable Network network;
    private Map<String, Rdma> rdma = Map.of();
    private Map<String, String> unified = Map.of();

    private Builder() {}

    public Builder devices(List<DeviceRule> devices) {
      this.devices = devices;
      return this;
    }

    public Builder memory(@Nullable Memory memory) {
      this.memory = memory;
      return this;
    }

    public Builder cpu(@Nullable Cpu cpu) {
      this.cpu = cpu;
      return this;
    }

    public Builder pids(@Nullable Pids pids) {
      this.pids = pids;
      return this;
    }

    public Builder blockIo(@Nullable BlockIo blockIo) {
      this.blockIo = blockIo;
      return this;
    }

    public Builder hugepageLimits(List<HugepageLimit> hugepageLimits) {
      this.hugepageLimits = hugepageLimits;
      return this;
    }

    public Builder network(@Nullable Network network) {
      this.network = network;
      return this;
    }

    public Builder rdma(Map<String, Rdma> rdma) {
      this.rdma = rdma;
      return this;
    }

    public Builder unified(Map<String, String> unified) {
      this.unified = unified;
      return this;
    }

    /** Returns the record. */
    public Resources build() {
      return new Resources(
          devices, memory, cpu, pids, blockIo, hugepageLimits, network, rdma, unified);
    }
  }

  /**
   * Allows or denies devices.
   *
   * @param allow allow or deny
   * @param type {@code a}, {@code c} or {@code b}; absent for all
   * @param major major number; absent or -1 for any
   * @param minor minor number; absent or -1 for any
   * @param access of {@code r}, {@code w}, {@code m}; absent for all
   */
  public record DeviceRule(
      boolean allow,
      @Nullable String type,
      @Nullable Long major,
      @Nullable Long minor,
      @Nullable String access) {
    public DeviceRule {
      type = Absent.text(type);
      access = Absent.text(access);
    }
  }

  /**
   * Memory limits in bytes; -1 is unlimited, absent leaves it alone.
   *
   * @param limit hard limit
   * @param reservation soft limit
   * @param swap memory and swap together
   * @param kernel kernel memory, ignored by kernels since 5.16
   * @param kernelTcp TCP buffers, ignored likewise
   * @param swappiness 0 to 100
   * @param disableOomKiller pause instead of kill (cgroup v1)
   * @param useHierarchy count children (cgroup v1)
   * @param checkBeforeUpdate refuse a limit below what is in use
   */
  public record Memory(
      @Nullable Long limit,
      @Nullable Long reservation,
      @Nullable Long swap,
      @Nullable Long kernel,
      @SerializedName("kernelTCP") @Nullable Long kernelTcp,
      @Nullable Long swappiness,
      @SerializedName("disableOOMKiller") @Nullable Boolean disableOomKiller,
      @Nullable Boolean useHierarchy,
      @Nullable Boolean checkBeforeUpdate) {

    /** Starts with nothing set. */
    public static Builder builder() {
      return new Builder();
    }

    /** Starts with the values of this record. */
    public Builder toBuilder() {
      Builder builder = new Builder();
      builder.limit = limit;
      builder.reservation = reservation;
      builder.swap = swap;
      builder.kernel = kernel;
      builder.kernelTcp = kernelTcp;
      builder.swappiness = swappiness;
      builder.disableOomKiller = disableOomKiller;
      builder.useHierarchy = useHierarchy;
      builder.checkBeforeUpdate = checkBeforeUpdate;
      return builder;
    }

    /** Collects the fields of a {@link Memory}; each setter replaces the value. Not thread-safe. */
    public static final class Builder {
      private @Nullable Long limit;
      private @Nullable Long reservation;
      private @Nullable Long swap;
      private @Nullable Long kernel;
      private @Nullable Long kernelTcp;
      private @Nullable Long swappiness;
      private @Nullable Boolean disableOomKiller;
      private @Nullable Boolean useHierarchy;
      private @Nullable Boolean checkBeforeUpdate;

      private Builder() {}

      public Builder limit(@Nullable Long limit) {
        this.limit = limit;
        return this;
      }

      public Builder reservation(@Nullable Long reservation) {
        this.reservation = reservation;
        return this;
      }

      public Builder swap(@Nullable Long swap) {
        this.swap = swap;
        return this;
      }

      public Builder kernel(@Nullable Long kernel) {
        this.kernel = kernel;
        return this;
      }

      public Builder kernelTcp(@Nullable Long kernelTcp) {
        this.kernelTcp = kernelTcp;
        return this;
      }

      public Builder swappiness(@Nullable Long swappiness) {
        this.swappiness = swappiness;
        return this;
      }

      public Builder disableOomKiller(@Nullable Boolean disableOomKiller) {
        this.disableOomKiller = disableOomKiller;
        return this;
      }

      public Builder useHierarchy(@Nullable Boolean useHierarchy) {
        this.useHierarchy = useHierarchy;
        return this;
      }

      public Builder checkBeforeUpdate(@Nullable Boolean checkBeforeUpdate) {
        this.checkBeforeUpdate = checkBeforeUpdate;
        return this;
      }

      /** Returns the record. */
      public Memory build() {
        return new Memory(
            limit,
            reservation,
            swap,
            kernel,
            kernelTcp,
            swappiness,
            disableOomKiller,
            useHierarchy,
            checkBeforeUpdate);
      }
    }
  }

  /**
   * CPU limits; absent leaves it alone.
   *
   * @param shares relative weight, 2 to 262144
   * @param quota microseconds of CPU per period; -1 is unlimited
   * @param burst microseconds that may be saved up
   * @param period microseconds
   * @param realtimeRuntime microseconds of realtime per period
   * @param realtimePeriod microseconds
   * @param cpus CPU list
   * @param mems memory node list
   * @param idle 1 for SCHED_IDLE
   */
  public record Cpu(
      @JsonAdapter(Unsigned64.class) @Nullable Long shares,
      @Nullable Long quota,
      @JsonAdapter(Unsigned64.class) @Nullable Long burst,
      @JsonAdapter(Unsigned64.class) @Nullable Long period,
      @Nullable Long realtimeRuntime,
      @JsonAdapter(Unsigned64.class) @Nullable Long realtimePeriod,
      @Nullable String cpus,
      @Nullable String mems,
      @Nullable Long idle) {
    public Cpu {
      cpus = Absent.text(cpus);
      mems = Absent.text(mems);
    }

    /** Starts with nothing set. */
    public static Builder builder() {
      return new Builder();
    }

    /** Starts with the values of this record. */
    public Builder toBuilder() {
      Builder builder = new Builder();
      builder.shares = shares;
      builder.quota = quota;
      builder.burst = burst;
      builder.period = period;
      builder.realtimeRuntime = realtimeRuntime;
      builder.realtimePeriod = realtimePeriod;
      builder.cpus = cpus;
      builder.mems = mems;
      builder.idle = idle;
      return builder;
    }

    /** Collects the fields of a {@link Cpu}; each setter replaces the value. Not thread-safe. */
    public static final class Builder {
      private @Nullable Long shares;
      private @Nullable Long quota;
      private @Nullable Long burst;
      private @Nullable Long period;
      private @Nullable Long realtimeRuntime;
      private @Nullable Long realtimePeriod;
      private @Nullable String cpus;
      private @Nullable String mems;
      private @Nullable Long idle;

      private Builder() {}

      public Builder shares(@Nullable Long shares) {
        this.shares = shares;
        return this;
      }

      public Builder quota(@Nullable Long quota) {
        this.quota = quota;
        return this;
      }

      public Builder burst(@Nullable Long burst) {
        this.burst = burst;
        return this;
      }

      public Builder period(@Nullable Long period) {
        this.period = period;
        return this;
      }

      public Builder realtimeRuntime(@Nullable Long realtimeRuntime) {
        this.realtimeRuntime = realtimeRuntime;
        return this;
      }

      public Builder realtimePeriod(@Nullable Long realtimePeriod) {
        this.realtimePeriod = realtimePeriod;
        return this;
      }

      public Builder cpus(@Nullable String cpus) {
        this.cpus = cpus;
        return this;
      }

      public Builder mems(@Nullable String mems) {
        this.mems = mems;
        return this;
      }

      public Builder idle(@Nullable Long idle) {
        this.idle = idle;
        return this;
      }

      /** Returns the record. */
      public Cpu build() {
        return new Cpu(
            shares, quota, burst, period, realtimeRuntime, realtimePeriod, cpus, mems, idle);
      }
    }
  }

  /**
   * Limit of tasks.
   *
   * @param limit tasks; -1 is unlimited, 0 is none
   */
  public record Pids(@Nullable Long limit) {}

  /**
   * Block I/O limits.
   *
   * @param weight 10 to 1000
   * @param leafWeight weight against children
   * @param weightDevice weights by device
   * @param throttleReadBpsDevice bytes read per second
   * @param throttleWriteBpsDevice bytes written per second
   * @param throttleReadIopsDevice reads per second
   * @param throttleWriteIopsDevice writes per second
   */
  public record BlockIo(
      @Nullable Integer weight,
      @Nullable Integer leafWeight,
      List<WeightDevice> weightDevice,
      List<ThrottleDevice> throttleReadBpsDevice,
      List<ThrottleDevice> throttleWriteBpsDevice,
      @SerializedName("throttleReadIOPSDevice") List<ThrottleDevice> throttleReadIopsDevice,
      @SerializedName("throttleWriteIOPSDevice") List<ThrottleDevice> throttleWriteIopsDevice) {
    public BlockIo {
      weightDevice = Absent.list(weightDevice);
      throttleReadBpsDevice = Absent.list(throttleReadBpsDevice);
      throttleWriteBpsDevice = Absent.list(throttleWriteBpsDevice);
      throttleReadIopsDevice = Absent.list(throttleReadIopsDevice);
      throttleWriteIopsDevice = Absent.list(throttleWriteIopsDevice);
    }
  }

  /**
   * Weight of one device.
   *
   * @param major major number
   * @param minor minor number
   * @param weight 10 to 1000
   * @param leafWeight weight against children
   */
  public record WeightDevice(
      long major, long minor, @Nullable Integer weight, @Nullable Integer leafWeight) {}

  /**
   * Rate of one device.
   *
   * @param major major number
   * @param minor minor number
   * @param rate per second, unsigned 64 bits
   */
  public record ThrottleDevice(long major, long minor, @JsonAdapter(Unsigned64.class) long rate) {}

  /**
   * Limit of huge pages of one size.
   *
   * @param pageSize such as {@code 2MB}
   * @param limit bytes, unsigned 64 bits
   */
  public record HugepageLimit(String pageSize, @JsonAdapter(Unsigned64.class) long limit) {
    public HugepageLimit {
      pageSize = Absent.required(pageSize);
    }
  }

  /**
   * Network classification.
   *
   * @param classId class of packets
   * @param priorities priority by interface
   */
  public record Network(
      @SerializedName("classID") @Nullable Long classId, List<InterfacePriority> priorities) {
    public Network {
      priorities = Absent.list(priorities);
    }
  }

  /**
   * Priority of traffic on one interface.
   *
   * @param name interface
   * @param priority priority
   */
  public record InterfacePriority(String name, long priority) {
    public InterfacePriority {
      name = Absent.required(name);
    }
  }

  /**
   * Limits of one RDMA device.
   *
   * @param hcaHandles handles
   * @param hcaObjects objects
   */
  public record Rdma(@Nullable Long hcaHandles, @Nullable Long hcaObjects) {}
}
