package dev.berth.runtime.cli;

import static java.util.Objects.requireNonNull;

import com.google.gson.GsonBuilder;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.Tasks;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Lists the containers below --root; one whose record cannot be read is named on stderr. */
@Command(name = "list", description = "Lists the containers that were made with the same --root.")
final class ListCommand implements Callable<Integer> {
  private static final String ROW = "%-32s %-10s %-9s %-32s %-30s %s%n";

  private enum Format {
    table,
    json
  }

  @ParentCommand private @Nullable RuntimeCli parent;
  @Spec private CommandSpec command = CommandSpec.create();

  @Option(
      names = {"-f", "--format"},
      paramLabel = "FORMAT",
      description = "table or json (default: ${DEFAULT-VALUE})",
      defaultValue = "table")
  private Format format = Format.table;

  @Option(
      names = {"-q", "--quiet"},
      description = "names only")
  private boolean quiet;

  @Override
  public Integer call() throws Exception {
    return requireNonNull(parent, "picocli injects the parent command").withTasks(this::list);
  }

  private int list(Tasks tasks) {
    PrintWriter err = command.commandLine().getErr();
    List<Task> found =
        tasks.adoptAll((directory, failure) ->
            err.println("berth-runtime list: " + directory + ": " + failure.getMessage()));
    try {
      print(found);
    } finally {
      found.forEach(Task::close);
    }
    return 0;
  }

  private void print(List<Task> tasks) {
    PrintWriter out = command.commandLine().getOut();
    if (quiet) {
      tasks.forEach(task -> out.println(task.id()));
    } else if (format == Format.json) {
      List<Map<String, Object>> all = tasks.stream().map(Status::fields).toList();
      out.println(new GsonBuilder().setPrettyPrinting().create().toJson(all));
    } else {
      out.printf(ROW, "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
      tasks.forEach(task -> printRow(out, Status.fields(task)));
    }
    out.flush();
  }

  private static void printRow(PrintWriter out, Map<String, Object> state) {
    out.printf(
        ROW,
        state.get("id"),
        state.get("pid"),
        state.get("status"),
        state.get("bundle"),
        state.get("created"),
        state.get("owner"));
  }
}
