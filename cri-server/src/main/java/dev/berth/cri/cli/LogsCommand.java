package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.ContainerStatusRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code berth logs}. */
@Command(name = "logs", description = "Prints what a container wrote.")
final class LogsCommand extends CriCommand {
  @Parameters(paramLabel = "CONTAINER", description = "name, pod/name or the begin of an id")
  private String name = "";

  @Option(
      names = {"-f", "--follow"},
      description = "go on until the container ends")
  private boolean follow;

  @Option(names = "--tail", paramLabel = "N", description = "only the last N lines")
  private long tail = Long.MAX_VALUE;

  @Option(
      names = {"-t", "--timestamps"},
      description = "with the time of each line")
  private boolean withTimes;

  @Override
  int run(CriClient cri) throws IOException {
    String id = Lookup.of(cri).container(name).getId();
    LogReader reader = new LogReader(logPath(cri, id), withTimes, System.out, System.err);
    if (follow) {
      reader.follow(() -> hasEnded(cri, id));
    } else {
      reader.printLast(tail);
    }
    return OK;
  }

  private static Path logPath(CriClient cri, String id) {
    String path = status(cri, id).getLogPath();
    if (path.isEmpty()) {
      throw new CliException("container " + Text.shortId(id) + " has no log");
    }
    return Path.of(path);
  }

  static ContainerStatus status(CriClient cri, String id) {
    return cri.runtime()
        .containerStatus(ContainerStatusRequest.newBuilder().setContainerId(id).build())
        .getStatus();
  }

  static boolean hasEnded(CriClient cri, String id) {
    try {
      return status(cri, id).getState() == ContainerState.CONTAINER_EXITED;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return true; // ended and removed
      }
      throw e;
    }
  }
}
