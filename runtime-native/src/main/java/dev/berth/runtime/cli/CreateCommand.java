package dev.berth.runtime.cli;

import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskIo;
import dev.berth.runtime.task.TaskSpec;
import dev.berth.runtime.task.Tasks;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** Creates a container up to its start gate. */
@Command(name = "create", description = "Creates a container; start runs its program.")
class CreateCommand implements Callable<Integer> {
  @ParentCommand private @Nullable RuntimeCli parent;

  @Option(
      names = {"-b", "--bundle"},
      paramLabel = "DIR",
      description = "directory with a config.json (default: this one)")
  private Path bundle = Path.of(".");

  @Mixin private LaunchFlags flags = new LaunchFlags();

  @Option(
      names = "--no-pivot",
      description = "move the root over the old one, where that is the initial ramfs")
  private boolean noPivot;

  @Option(
      names = "--log-file",
      paramLabel = "FILE",
      description = "write the output as a Kubernetes log instead of passing it through")
  private @Nullable Path logFile;

  @Parameters(paramLabel = "ID", description = "names the container")
  private String id = "";

  RuntimeCli cli() {
    return java.util.Objects.requireNonNull(parent, "picocli injects the parent command");
  }

  @Override
  public Integer call() throws Exception {
    return cli()
        .withTasks(tasks -> {
          create(tasks, flags.released()).close();
          return 0;
        });
  }

  /**
   * Creates the container.
   *
   * @param usual where its output goes unless it goes into a log
   */
  Task create(Tasks tasks, TaskIo usual) {
    Bundle read = Bundle.read(bundle).inCgroup(id, cli().asksSystemd());
    cli().checkCgroup(read.spec().linux());
    TaskIo io = logFile == null ? usual : new TaskIo.Log(logFile.toAbsolutePath());
    Task task =
        tasks.create(
            new TaskSpec(
                id,
                read.directory(),
                read.spec(),
                read.json(),
                read.rootfs(),
                io,
                flags.options(!noPivot)));
    try {
      flags.writePid(task.pid());
      return task;
    } catch (RuntimeException e) {
      task.delete();
      throw e;
    }
  }

  LaunchFlags flags() {
    return flags;
  }
}
