package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.LoadImagesRequest;
import dev.berth.proto.berth.v1.LoadImagesResponse;
import dev.berth.proto.berth.v1.LoadedImage;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code berth load}. */
@Command(
    name = "load",
    description =
        "Takes in the images of an OCI layout or docker archive; a file may be compressed.")
final class LoadCommand extends CriCommand {
  @Parameters(paramLabel = "PATH", description = "file or directory")
  private Path path = Path.of("");

  @Override
  int run(CriClient cri) {
    String archive = path.toAbsolutePath().toString();
    LoadImagesResponse loaded;
    try (var _ = PullDisplay.start(cri, archive, out(), err())) {
      loaded = cri.store().loadImages(LoadImagesRequest.newBuilder().setPath(archive).build());
    }
    loaded.getImagesList().forEach(this::print);
    return OK;
  }

  private void print(LoadedImage image) {
    if (Terminal.onStdout()) {
      out().println(image.getId() + " " + String.join(" ", image.getNamesList()));
    } else {
      Json.line(out(), Map.of("id", image.getId(), "names", List.copyOf(image.getNamesList())));
    }
  }
}
