package dev.berth.runtime.cli;

import com.google.gson.Gson;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.task.Task;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Prints what a container uses, a line of JSON each time, until it ends; and once that the kernel
 * has killed for want of memory.
 */
@Command(name = "events", description = "Prints what a container uses, until it ends.")
final class EventsCommand extends ContainerCommand {
  @Option(
      names = "--interval",
      paramLabel = "DURATION",
      description = "between two lines, such as 5s or 500ms (default: ${DEFAULT-VALUE})",
      defaultValue = "5s",
      converter = IntervalConverter.class)
  private Duration interval = Duration.ofSeconds(5);

  @Option(names = "--stats", description = "print one line and end")
  private boolean once;

  private static final Gson JSON = new Gson();

  @Override
  int with(Task task) {
    Cgroup cgroup = PauseCommand.requireCgroup(task);
    long killed = cgroup.oomKills().orElse(0);
    print(event("stats", task, UsageFigures.of(cgroup)));
    boolean ended = once;
    while (!ended) {
      ended = task.await(interval).isPresent();
      long now = cgroup.oomKills().orElse(killed); // the last kill may be what has ended it
      if (now > killed) {
        print(event("oom", task, Map.of()));
        killed = now;
      }
      if (!ended) {
        print(event("stats", task, UsageFigures.of(cgroup)));
      }
    }
    return 0;
  }

  private static String event(String type, Task task, Map<String, Object> data) {
    Map<String, Object> event = new LinkedHashMap<>();
    event.put("type", type);
    event.put("id", task.id());
    if (!data.isEmpty()) {
      event.put("data", data);
    }
    return JSON.toJson(event);
  }
}
