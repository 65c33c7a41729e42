package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.TagImageRequest;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code berth tag}. */
@Command(name = "tag", description = "Gives an image one more name.")
final class TagCommand extends CriCommand {
  @Parameters(index = "0", paramLabel = "IMAGE", description = "name or id")
  private String image = "";

  @Parameters(index = "1", paramLabel = "NAME", description = "such as registry.example/app:1.2")
  private String name = "";

  @Override
  int run(CriClient cri) {
    var request = TagImageRequest.newBuilder().setImage(image).setName(name).build();
    var _ = cri.store().tagImage(request);
    if (!Terminal.onStdout()) {
      Json.line(out(), Map.of("image", image, "tag", name));
    }
    return OK;
  }
}
