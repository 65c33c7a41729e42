package dev.berth.sandbox.cdi;

import com.google.gson.annotations.SerializedName;
import dev.berth.runtime.spec.IntelRdt;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a device changes of a container, as the spec file says it.
 *
 * @param env variables as {@code NAME=value}
 * @param deviceNodes nodes of the host
 * @param netDevices network devices that are moved into the container
 * @param mounts what is mounted beside the container's own
 * @param hooks programs that run at points of the container's life
 * @param intelRdt cache and memory bandwidth; the last one counts
 * @param additionalGids further groups of the process
 */
public record ContainerEdits(
    List<String> env,
    List<DeviceNode> deviceNodes,
    List<NetDevice> netDevices,
    List<Mount> mounts,
    List<Hook> hooks,
    @Nullable IntelRdt intelRdt,
    List<Long> additionalGids) {
  /** Changes nothing. */
  public static final ContainerEdits NONE =
      new ContainerEdits(List.of(), List.of(), List.of(), List.of(), List.of(), null, List.of());

  /** Takes what the file does not have for empty. */
  public ContainerEdits {
    env = orEmpty(env);
    deviceNodes = orEmpty(deviceNodes);
    netDevices = orEmpty(netDevices);
    mounts = orEmpty(mounts);
    hooks = orEmpty(hooks);
    additionalGids = orEmpty(additionalGids);
  }

  /**
   * A node of the host's.
   *
   * @param path in the container
   * @param hostPath on the host; absent if it is the same
   * @param type {@code c}, {@code b}, {@code u} or {@code p}; absent if the host's node says it
   * @param permissions letters of {@code rwm}; absent for all
   */
  public record DeviceNode(
      @Nullable String path,
      @Nullable String hostPath,
      @Nullable String type,
      @Nullable Long major,
      @Nullable Long minor,
      @Nullable Integer fileMode,
      @Nullable String permissions,
      @Nullable Long uid,
      @Nullable Long gid) {}

  /** A network device of the host's and its name in the container. */
  public record NetDevice(@Nullable String hostInterfaceName, @Nullable String name) {}

  /** A mount; without a type a bind mount. */
  public record Mount(
      @Nullable String hostPath,
      @Nullable String containerPath,
      List<String> options,
      @Nullable String type) {
    public Mount {
      options = orEmpty(options);
    }
  }

  /** A program and the point at which it runs, by the name in config.json. */
  public record Hook(
      @Nullable String hookName,
      @Nullable String path,
      List<String> args,
      List<String> env,
      @Nullable @SerializedName("timeout") Integer timeoutSeconds) {
    public Hook {
      args = orEmpty(args);
      env = orEmpty(env);
    }
  }

  /** Returns these changes followed by others. */
  ContainerEdits and(ContainerEdits later) {
    return new ContainerEdits(
        joined(env, later.env),
        joined(deviceNodes, later.deviceNodes),
        joined(netDevices, later.netDevices),
        joined(mounts, later.mounts),
        joined(hooks, later.hooks),
        later.intelRdt == null ? intelRdt : later.intelRdt,
        joined(additionalGids, later.additionalGids));
  }

  private static <T> List<T> joined(List<T> first, List<T> second) {
    List<T> all = new ArrayList<>(first);
    all.addAll(second);
    return all;
  }

  private static <T> List<T> orEmpty(@Nullable List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }
}
