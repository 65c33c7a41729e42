package dev.berth.runtime.cli;

import static java.util.Objects.requireNonNull;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.berth.base.BerthException;
import dev.berth.runtime.task.Task;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** A command that does something with one container. */
abstract class ContainerCommand implements Callable<Integer> {
  private static final Gson JSON = new GsonBuilder().setPrettyPrinting().create();

  @ParentCommand private @Nullable RuntimeCli parent;
  @Spec private CommandSpec command = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "ID", description = "name of the container")
  private String id = "";

  String id() {
    return id;
  }

  @Override
  public final Integer call() throws Exception {
    try {
      return runtime().withTask(id, this::with);
    } catch (BerthException e) {
      if (e.kind() == BerthException.Kind.NOT_FOUND) {
        return without(e);
      }
      throw e;
    }
  }

  final RuntimeCli runtime() {
    return requireNonNull(parent, "picocli injects the parent command");
  }

  /**
   * Does what is right where there is no such container, or nothing of it to be found.
   *
   * @throws Exception whatever went wrong, {@code reason} by default
   */
  int without(BerthException reason) throws Exception {
    throw reason;
  }

  /** Does it; returns the exit code. */
  abstract int with(Task task);

  final void print(String line) {
    PrintWriter out = command.commandLine().getOut();
    out.println(line);
    out.flush();
  }

  final void printJson(Object value) {
    print(JSON.toJson(value));
  }
}
