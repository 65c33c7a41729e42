package dev.berth.sandbox.nri;

import static java.util.Objects.requireNonNullElseGet;

import dev.berth.base.BerthException;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.Hook;
import dev.berth.proto.nri.KeyValue;
import dev.berth.proto.nri.Mount;
import dev.berth.proto.nri.POSIXRlimit;
import dev.berth.runtime.spec.ContainerPaths;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Rlimit;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes what plugins want of a container into its runtime spec: the last adjuster. Pure.
 *
 * <p>What removes comes before what sets, so that a plugin can replace an entry. Whether the result
 * can be is for the validation of the spec to say, as for any other.
 */
public final class SpecAdjustment {
  private SpecAdjustment() {}

  /**
   * Returns the adjusted spec.
   *
   * @param spec which has the wanted CDI devices already
   * @throws BerthException UNIMPLEMENTED naming what plugins may want and Berth has not
   */
  public static RuntimeSpec apply(RuntimeSpec spec, ContainerAdjustment wanted) {
    if (wanted.equals(ContainerAdjustment.getDefaultInstance())) {
      return spec;
    }
    ContainerProcess process =
        requireNonNullElseGet(spec.process(), () -> ContainerProcess.builder().build());
    Linux linux = requireNonNullElseGet(spec.linux(), () -> Linux.builder().build());
    return spec.toBuilder()
        .annotations(entries(spec.annotations(), wanted.getAnnotationsMap()))
        .process(process(process, wanted))
        .hooks(hooks(spec.hooks(), wanted.getHooks()))
        .linux(LinuxAdjustment.apply(linux, wanted))
        .mounts(mounts(spec.mounts(), wanted.getMountsList()))
        .build();
  }

  /** Returns a map without what is marked for removal and with what is set. */
  static Map<String, String> entries(Map<String, String> before, Map<String, String> wanted) {
    Map<String, String> entries = new TreeMap<>(before);
    wanted.keySet().stream().filter(Marks::isRemoval).map(Marks::name).forEach(entries::remove);
    wanted.forEach((key, value) -> {
      if (!Marks.isRemoval(key)) {
        entries.put(key, value);
      }
    });
    return entries;
  }

  private static ContainerProcess process(ContainerProcess before, ContainerAdjustment wanted) {
    ContainerProcess.Builder process =
        before.toBuilder().env(environment(before.env(), wanted.getEnvList()));
    if (wanted.getArgsCount() > 0) {
      process.args(wanted.getArgsList());
    }
    if (wanted.getRlimitsCount() > 0) {
      process.rlimits(rlimits(before.rlimits(), wanted.getRlimitsList()));
    }
    LinuxAdjustment.applyToProcess(process, wanted.getLinux());
    return process.build();
  }

  /** A variable that is replaced keeps its place. */
  private static List<String> environment(List<String> before, List<KeyValue> wanted) {
    Map<String, String> variables = new LinkedHashMap<>();
    for (String variable : before) {
      int equals = variable.indexOf('=');
      variables.put(equals < 0 ? variable : variable.substring(0, equals), variable);
    }
    wanted.stream()
        .map(KeyValue::getKey)
        .filter(Marks::isRemoval)
        .map(Marks::name)
        .filter(name -> wanted.stream().noneMatch(pair -> pair.getKey().equals(name)))
        .forEach(variables::remove);
    for (KeyValue pair : wanted) {
      if (!Marks.isRemoval(pair.getKey())) {
        variables.put(pair.getKey(), pair.getKey() + "=" + pair.getValue());
      }
    }
    return List.copyOf(variables.values());
  }

  private static List<Rlimit> rlimits(List<Rlimit> before, List<POSIXRlimit> wanted) {
    Map<String, Rlimit> limits = new LinkedHashMap<>();
    before.forEach(limit -> limits.put(limit.type(), limit));
    wanted.forEach(limit ->
        limits.put(limit.getType(), new Rlimit(limit.getType(), limit.getHard(), limit.getSoft())));
    return List.copyOf(limits.values());
  }

  private static @Nullable Hooks hooks(@Nullable Hooks before, dev.berth.proto.nri.Hooks wanted) {
    if (wanted.equals(dev.berth.proto.nri.Hooks.getDefaultInstance())) {
      return before;
    }
    Hooks hooks = Hooks.of(before);
    return new Hooks(
        joined(hooks.prestart(), wanted.getPrestartList()),
        joined(hooks.createRuntime(), wanted.getCreateRuntimeList()),
        joined(hooks.createContainer(), wanted.getCreateContainerList()),
        joined(hooks.startContainer(), wanted.getStartContainerList()),
        joined(hooks.poststart(), wanted.getPoststartList()),
        joined(hooks.poststop(), wanted.getPoststopList()));
  }

  private static List<Hooks.Hook> joined(List<Hooks.Hook> before, List<Hook> wanted) {
    return Stream.concat(before.stream(), wanted.stream().map(SpecAdjustment::hook)).toList();
  }

  /** The nearest number that the spec can have: one that is too large stays so. */
  static int number(long wanted) {
    return Math.clamp(wanted, Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  private static Hooks.Hook hook(Hook hook) {
    Integer timeout = hook.hasTimeout() ? number(hook.getTimeout().getValue()) : null;
    return new Hooks.Hook(hook.getPath(), hook.getArgsList(), hook.getEnvList(), timeout);
  }

  /** In the order of their depth: what is mounted upon something comes after it. */
  private static List<dev.berth.runtime.spec.Mount> mounts(
      List<dev.berth.runtime.spec.Mount> before, List<Mount> wanted) {
    if (wanted.isEmpty()) {
      return before;
    }
    Set<String> changed =
        wanted.stream()
            .map(mount -> ContainerPaths.clean(Marks.name(mount.getDestination())))
            .collect(Collectors.toSet());
    Stream<dev.berth.runtime.spec.Mount> kept =
        before.stream().filter(mount -> !changed.contains(mount.target()));
    Stream<dev.berth.runtime.spec.Mount> added =
        wanted.stream()
            .filter(mount -> !Marks.isRemoval(mount.getDestination()))
            .map(SpecAdjustment::mount);
    List<dev.berth.runtime.spec.Mount> mounts =
        new ArrayList<>(Stream.concat(kept, added).toList());
    mounts.sort(Comparator.comparingLong(mount -> depth(mount.target()))); // a stable sort
    return mounts;
  }

  private static long depth(String path) {
    return path.equals("/") ? 0 : path.chars().filter(character -> character == '/').count();
  }

  private static dev.berth.runtime.spec.Mount mount(Mount mount) {
    return new dev.berth.runtime.spec.Mount(
        mount.getDestination(), mount.getType(), mount.getSource(), mount.getOptionsList());
  }
}
