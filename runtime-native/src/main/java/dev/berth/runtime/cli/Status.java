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

  /** Returns the fields of the specification's state. */
  static Map<String, Object> fields(Task task) {
    String status = of(task);
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("ociVersion", RuntimeSpec.OCI_VERSION);
    fields.put("id", task.id());
    fields.put("status", status);
    if (!status.equals("stopped")) {
      fields.put("pid", task.pid());
    }
    fields.put("bundle", task.bundle().toString());
    fields.put("created", task.createdAt().toString());
    fields.put("annotations", task.annotations());
    return fields;
  }
}
