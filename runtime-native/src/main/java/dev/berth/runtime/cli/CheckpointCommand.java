package dev.berth.runtime.cli;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.checkpoint.CgroupsMode;
import dev.berth.runtime.checkpoint.Criu;
import dev.berth.runtime.checkpoint.DumpOptions;
import dev.berth.runtime.task.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Dumps the processes of a running container with CRIU, a program of the host's. */
@Command(name = "checkpoint", description = "Dumps the processes of a running container with CRIU.")
final class CheckpointCommand extends ContainerCommand {
  @Option(
      names = "--image-path",
      paramLabel = "DIR",
      description = "gets the images; made if it is missing (default: ${DEFAULT-VALUE})",
      defaultValue = "checkpoint")
  private Path images = Path.of("checkpoint");

  @Option(names = "--work-path", paramLabel = "DIR", description = "gets the log (default: DIR)")
  private @Nullable Path work;

  @Option(names = "--leave-running", description = "let the container go on")
  private boolean leaveRunning;

  @Option(names = "--tcp-established", description = "dump open TCP connections")
  private boolean tcp;

  @Option(names = "--ext-unix-sk", description = "allow connections to sockets outside")
  private boolean sockets;

  @Option(names = "--shell-job", description = "allow a terminal of somebody else's")
  private boolean terminal;

  @Option(names = "--file-locks", description = "dump file locks")
  private boolean locks;

  @Option(
      names = "--manage-cgroups-mode",
      paramLabel = "MODE",
      description = "what is kept of control groups, as of criu(8)",
      defaultValue = "")
  private String cgroups = "";

  @Option(
      names = {"--parent-path", "--page-server", "--status-fd", "--empty-ns"},
      hidden = true)
  private List<String> unsupported = new ArrayList<>();

  @Option(
      names = {"--pre-dump", "--lazy-pages", "--auto-dedup"},
      hidden = true)
  private boolean incremental;

  @Override
  int with(Task task) {
    if (!unsupported.isEmpty() || incremental) {
      throw new BerthException(
          UNIMPLEMENTED,
          "checkpoint: only full dumps into a directory are made, without --parent-path,"
              + " --pre-dump, --lazy-pages, --page-server, --auto-dedup, --status-fd, --empty-ns");
    }
    Path folder = directory("--image-path", images);
    String program = System.getProperty("berth.criu");
    Criu.of(program == null ? null : Path.of(program))
        .dump(
            task,
            new DumpOptions(
                folder,
                work == null ? folder : directory("--work-path", work),
                leaveRunning,
                tcp,
                sockets,
                terminal,
                locks,
                CgroupsMode.parse(cgroups)),
            Operation.internal("checkpoint " + id()));
    return 0;
  }

  private static Path directory(String option, Path path) {
    try {
      return Files.createDirectories(path).toRealPath();
    } catch (IOException e) {
      throw new BerthException(
          INVALID_ARGUMENT, option + " " + path + ": cannot be made: " + e.getMessage(), e);
    }
  }
}
