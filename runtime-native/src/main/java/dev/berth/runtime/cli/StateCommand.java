package dev.berth.runtime.cli;

import com.google.gson.GsonBuilder;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.task.Task;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Prints the state of a container: runtime-spec, runtime.md "State". */
@Command(name = "state", description = "Prints the state of a container as JSON.")
final class StateCommand implements Callable<Integer> {
  @ParentCommand private @Nullable RuntimeCli parent;
  @Spec private CommandSpec command = CommandSpec.create();

  @Parameters(paramLabel = "ID")
  private String id = "";

  @Override
  public Integer call() throws Exception {
    return java.util.Objects.requireNonNull(parent)
        .withTask(
            id,
            task -> {
              command
                  .commandLine()
                  .getOut()
                  .println(new GsonBuilder().setPrettyPrinting().create().toJson(state(task)));
              command.commandLine().getOut().flush();
              return 0;
            });
  }

  private static Map<String, Object> state(Task task) {
    Task.State state = task.state();
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("ociVersion", RuntimeSpec.OCI_VERSION);
    fields.put("id", task.id());
    fields.put("status", state.name().toLowerCase(Locale.ROOT));
    if (state != Task.State.STOPPED) {
      fields.put("pid", task.pid());
    }
    fields.put("bundle", task.bundle().toString());
    fields.put("created", task.createdAt().toString());
    fields.put("annotations", task.annotations());
    return fields;
  }
}
