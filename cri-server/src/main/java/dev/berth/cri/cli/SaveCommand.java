package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.SaveImagesRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code berth save}. */
@Command(name = "save", description = "Writes images into an archive, their layers as they came.")
final class SaveCommand extends CriCommand {
  @Parameters(paramLabel = "IMAGE", arity = "1..*", description = "name or id")
  private List<String> names = List.of();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "PATH",
      required = true,
      description = "file or directory")
  private Path path = Path.of("");

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description =
          "oci-dir, oci-archive or docker-archive (default: by the path: *.docker.tar is a docker"
              + " archive, other *.tar an OCI one, anything else a directory)")
  private String format = "";

  @Mixin private Login login = new Login();

  @Override
  int run(CriClient cri) {
    Path target = path.toAbsolutePath();
    var request =
        SaveImagesRequest.newBuilder()
            .addAllImages(names)
            .setPath(target.toString())
            .setFormat(format.isEmpty() ? formatOf(target.toString()) : format)
            .setLogin(login.message());
    try (var _ = PullDisplay.start(cri, target.toString(), out(), err())) {
      var _ = cri.store().saveImages(request.build());
    }
    if (!Terminal.onStdout()) {
      Json.line(out(), Map.of("saved", target.toString()));
    }
    return OK;
  }

  static String formatOf(String path) {
    if (path.endsWith(".docker.tar")) {
      return "docker-archive";
    }
    return path.endsWith(".tar") ? "oci-archive" : "oci-dir";
  }
}
