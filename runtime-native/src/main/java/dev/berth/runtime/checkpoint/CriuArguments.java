package dev.berth.runtime.checkpoint;

import dev.berth.runtime.kernel.Inodes;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Says in CRIU's words what is to be dumped: a pure function, whose every value is one element of
 * an argument vector (rule R8).
 */
final class CriuArguments {
  /** File systems that CRIU dumps and makes again by itself, where a container has its own. */
  private static final Set<String> OWN =
      Set.of("proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2");

  /** Namespaces that CRIU can leave to whoever restores, and what config.json calls them. */
  private static final Map<String, String> JOINABLE = Map.of("network", "net", "pid", "pid");

  /** UNIX98_PTY_SLAVE_MAJOR of linux/major.h. */
  private static final int PTY_MAJOR = 136;

  private final RuntimeSpec spec;
  private final DumpFacts facts;
  private final DumpOptions options;

  private CriuArguments(RuntimeSpec spec, DumpFacts facts, DumpOptions options) {
    this.spec = spec;
    this.facts = facts;
    this.options = options;
  }

  /** Returns the arguments of a dump, without the program's name. */
  static List<String> dump(RuntimeSpec spec, DumpFacts facts, DumpOptions options) {
    return new CriuArguments(spec, facts, options).build();
  }

  private List<String> build() {
    List<String> arguments = new ArrayList<>(List.of("dump"));
    arguments.add("--no-default-config"); // what a node's administrator does by hand is not this
    add(arguments, "--tree", Integer.toString(facts.pid()));
    add(arguments, "--images-dir", options.images().toString());
    add(arguments, "--work-dir", options.work().toString());
    add(arguments, "--log-file", DumpOptions.LOG);
    arguments.add("-v4");
    add(arguments, "--manage-cgroups=" + options.cgroups().word());
    facts.freezer().ifPresent(group -> add(arguments, "--freeze-cgroup", group.toString()));
    arguments.add("--link-remap"); // files that are open and were removed
    addIf(arguments, options.leaveRunning(), "--leave-running");
    addIf(arguments, options.tcpEstablished(), "--tcp-established");
    addIf(arguments, options.externalUnixSockets(), "--ext-unix-sk");
    addIf(arguments, options.terminal(), "--shell-job");
    addIf(arguments, options.fileLocks(), "--file-locks");
    externals().forEach(external -> add(arguments, "--external", external.argument()));
    return List.copyOf(arguments);
  }

  private static void add(List<String> arguments, String... words) {
    arguments.addAll(List.of(words));
  }

  private static void addIf(List<String> arguments, boolean wanted, String word) {
    if (wanted) {
      arguments.add(word);
    }
  }

  private Set<External> externals() {
    Set<External> externals = new LinkedHashSet<>();
    for (MountTable.Entry mount : facts.mounts().entries()) {
      if (isFromOutside(mount)) {
        externals.add(new External.Mount(mount.target()));
      }
      if (isConsole(mount)) {
        externals.add(terminal(mount));
      }
    }
    externals.addAll(joinedNamespaces());
    externals.addAll(facts.openFiles());
    return externals;
  }

  /**
   * The root is CRIU's business, and so is what was mounted for this container alone, whose parts
   * may be seen a second time: read-only paths, for instance.
   */
  private boolean isFromOutside(MountTable.Entry mount) {
    if (mount.target().equals("/")) {
      return false;
    }
    return !OWN.contains(mount.fileSystem())
        || isConsole(mount)
        || isPartOfTmpfs(mount)
        || spec.mounts().stream().filter(CriuArguments::isBind).anyMatch(bind -> has(bind, mount));
  }

  private static boolean isPartOfTmpfs(MountTable.Entry mount) {
    return mount.fileSystem().equals("tmpfs") && !mount.isWhole();
  }

  private static boolean isBind(Mount mount) {
    return mount.options().contains("bind") || mount.options().contains("rbind");
  }

  /** A recursive bind mount brings along what is mounted below its source. */
  private static boolean has(Mount bind, MountTable.Entry mount) {
    String target = bind.destination();
    return mount.target().equals(target) || mount.target().startsWith(target + "/");
  }

  /** The slave of the container's terminal; nothing else of a devpts is mounted by itself. */
  private static boolean isConsole(MountTable.Entry mount) {
    return mount.fileSystem().equals("devpts") && mount.root().matches("/\\d+");
  }

  private static External terminal(MountTable.Entry console) {
    long index = Long.parseLong(console.root().substring(1));
    return new External.Terminal(
        Inodes.deviceNumber(PTY_MAJOR, index),
        Inodes.deviceNumber(console.major(), console.minor()));
  }

  private List<External> joinedNamespaces() {
    Linux linux = spec.linux();
    if (linux == null) {
      return List.of();
    }
    return linux.namespaces().stream()
        .filter(namespace -> namespace.path() != null && JOINABLE.containsKey(namespace.type()))
        .map(namespace -> Objects.requireNonNull(JOINABLE.get(namespace.type())))
        .<External>map(type ->
            new External.Namespace(type, Objects.requireNonNull(facts.namespaces().get(type))))
        .toList();
  }
}
