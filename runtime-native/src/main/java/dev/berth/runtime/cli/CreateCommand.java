package dev.berth.runtime.cli;

import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskIo;
import dev.berth.runtime.task.TaskSpec;
import dev.berth.runtime.task.Tasks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
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

  @Option(names = "--pid-file", paramLabel = "FILE", description = "written with the pid")
  private @Nullable Path pidFile;

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
          create(tasks).close();
          return 0;
        });
  }

  Task create(Tasks tasks) throws IOException {
    Bundle read = Bundle.read(bundle);
    cli().checkCgroup(read.spec().linux());
    TaskIo io = logFile == null ? new TaskIo.Inherited() : new TaskIo.Log(logFile.toAbsolutePath());
    Task task = tasks.create(new TaskSpec(id, read.directory(), read.spec(), read.rootfs(), io));
    if (pidFile != null) {
      Files.writeString(pidFile, Integer.toString(task.pid()));
    }
    return task;
  }
}
