package dev.berth.runtime.cli;

import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.task.Task;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What commands tell of a container: runtime-spec, runtime.md "State". */
final class Status {
  /** Of a container whose processes do not run for now; no status of the specification. */
  static final String PAUSED = "paused";

  private Status() {}

  /** Returns the status: those of the specification, and {@code paused} as runc has it. */
  static String of(Task task) {
    Task.State state = task.state();
    boolean paused =
        state == Task.State.RUNNING && task.cgroup().map(Cgroup::isFrozen).orElse(false);
    return paused ? PAUSED : state.name().toLowerCase(Locale.ROOT);
  }

  /** Returns the fields of the specification's state, and those that runc has beside them. */
  static Map<String, Object> fields(Task task) {
    String status = of(task);
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("ociVersion", RuntimeSpec.OCI_VERSION);
    fields.put("id", task.id());
    fields.put("status", status);
    fields.put("pid", status.equals("stopped") ? 0 : task.pid());
    fields.put("bundle", task.bundle().toString());
    RuntimeSpec spec = task.spec();
    if (spec.root() != null) {
      fields.put("rootfs", task.bundle().resolve(spec.root().path()).normalize().toString());
    }
    fields.put("created", task.createdAt().toString());
    fields.put("owner", task.owner());
    fields.put("annotations", spec.annotations());
    return fields;
  }
}
