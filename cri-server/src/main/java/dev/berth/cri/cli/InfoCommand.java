package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.FilesystemUsage;
import dev.berth.proto.cri.v1.ImageFsInfoRequest;
import dev.berth.proto.cri.v1.RuntimeCondition;
import dev.berth.proto.cri.v1.RuntimeHandler;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.StatusResponse;
import dev.berth.proto.cri.v1.VersionRequest;
import dev.berth.proto.cri.v1.VersionResponse;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;

/** {@code berth info}. */
@Command(name = "info", description = "Shows what runtime answers and how it is.")
final class InfoCommand extends CriCommand {
  @Override
  int run(CriClient cri) {
    VersionResponse version = cri.runtime().version(VersionRequest.getDefaultInstance());
    StatusResponse status = cri.runtime().status(StatusRequest.getDefaultInstance());
    line("runtime", version.getRuntimeName() + " " + version.getRuntimeVersion());
    line("CRI", version.getRuntimeApiVersion());
    for (RuntimeCondition condition : status.getStatus().getConditionsList()) {
      line(condition.getType(), describe(condition));
    }
    line(
        "handlers",
        status.getRuntimeHandlersList().stream()
            .map(RuntimeHandler::getName)
            .map(name -> name.isEmpty() ? "(default)" : name)
            .collect(Collectors.joining(", ")));
    for (FilesystemUsage usage :
        cri.images()
            .imageFsInfo(ImageFsInfoRequest.getDefaultInstance())
            .getImageFilesystemsList()) {
      line(
          "images",
          Text.bytes(usage.getUsedBytes().getValue()) + " in " + usage.getFsId().getMountpoint());
    }
    return OK;
  }

  private void line(String name, String value) {
    out().println(name + ":" + " ".repeat(Math.max(1, 15 - name.length())) + value);
  }

  private static String describe(RuntimeCondition condition) {
    if (condition.getStatus()) {
      return "yes";
    }
    return "no (" + condition.getReason() + ": " + condition.getMessage() + ")";
  }
}
