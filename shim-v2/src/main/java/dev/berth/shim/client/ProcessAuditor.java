package dev.berth.shim.client;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Audits the processes of shims, and what stands in the cgroup of Berth's shim: the stubs.
 *
 * <p>A shim is known by its command line, which names this runtime, and has a record if it serves
 * where one says or was started for what has one. A stub is known by the files of its task that it
 * holds open. One without belongs to its parent: shims keep spare stubs, and hooks and the commands
 * of ExecSync have nothing on the disk.
 */
final class ProcessAuditor implements Auditor {
  private static final String CGROUP_VARIABLE = "BERTH_SHIM_CGROUP";

  private final ShimSettings settings;
  private final Path shims;
  private final TaskView view;
  private final String group;

  ProcessAuditor(ShimSettings settings, Path shims, TaskView view) {
    this.settings = settings;
    this.shims = shims;
    this.view = view;
    this.group = groupName(settings.environment().getOrDefault(CGROUP_VARIABLE, ""));
  }

  /** The last name of a path; of a scope of systemd, {@code slice:prefix:name}, its unit. */
  private static String groupName(String cgroup) {
    String[] scope = cgroup.split(":", -1);
    return scope.length == 3
        ? scope[1] + "-" + scope[2] + ".scope"
        : cgroup.substring(cgroup.lastIndexOf('/') + 1);
  }

  @Override
  public String kind() {
    return "process";
  }

  @Override
  public void look(AuditSheet sheet) {
    new Look(view.known(), view.addresses(), UnixListeners.read()).enter(sheet);
  }

  /** A process of this runtime's. */
  private record Ours(ProcessEntry entry, String what, String owner, boolean isRecorded) {}

  /** One look: what is read once for all processes. */
  private final class Look {
    private final Set<String> known;
    private final Set<String> addresses;
    private final UnixListeners listeners;
    private final Map<Integer, Ours> processes = new HashMap<>();

    Look(Set<String> known, Set<String> addresses, UnixListeners listeners) {
      this.known = known;
      this.addresses = addresses;
      this.listeners = listeners;
    }

    void enter(AuditSheet sheet) {
      for (ProcessEntry entry : ProcessEntry.all()) {
        List<String> words = entry.words();
        if (isShim(words)) {
          processes.put(entry.pid(), shim(entry, words));
        } else if (!group.isEmpty() && entry.isInGroup(group)) {
          processes.put(entry.pid(), stub(entry, words.getFirst()));
        }
      }
      for (Ours process : processes.values()) {
        String name = process.what + " " + process.entry.pid();
        sheet.found(name, process.owner);
        if (isExplained(process)) {
          sheet.allowed(name);
        }
      }
    }

    private Ours shim(ProcessEntry entry, List<String> words) {
      String id = valueOf("-id", words);
      boolean recorded = known.contains(id) || listeners.isServed(entry.descriptors(), addresses);
      return new Ours(entry, "shim", id, recorded);
    }

    private Ours stub(ProcessEntry entry, String program) {
      String owner = taskOf(entry.descriptors());
      return new Ours(entry, program.isEmpty() ? "process" : program, owner, known.contains(owner));
    }

    /** What holds nothing of a task is explained by its parent. */
    private boolean isExplained(Ours process) {
      if (process.isRecorded) {
        return true;
      }
      Ours parent = processes.get(process.entry.parent());
      return process.owner.isEmpty() && parent != null && isExplained(parent);
    }
  }

  private boolean isShim(List<String> words) {
    return valueOf("-namespace", words).equals(settings.namespace())
        && valueOf("-address", words).equals(settings.address());
  }

  private static String valueOf(String flag, List<String> words) {
    int at = words.indexOf(flag);
    return at < 0 || at + 1 >= words.size() ? "" : words.get(at + 1);
  }

  /** Returns the id of the task that a process has a file of; empty if it has none. */
  private String taskOf(List<String> descriptors) {
    for (String descriptor : descriptors) {
      if (descriptor.startsWith(shims + "/")) {
        // HASH/tasks/ID/...
        List<String> names = new ArrayList<>();
        shims.relativize(Path.of(descriptor)).forEach(name -> names.add(name.toString()));
        if (names.size() > 3 && names.get(1).equals("tasks")) {
          return names.get(2);
        }
      }
    }
    return "";
  }
}
