package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.ImageFilter;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.ImageStatusRequest;
import dev.berth.proto.cri.v1.ListImagesRequest;
import dev.berth.proto.cri.v1.RemoveImageRequest;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code berth rmi}. */
@Command(name = "rmi", description = "Removes images with all their names.")
final class RemoveImageCommand extends CriCommand {
  @Parameters(paramLabel = "IMAGE", arity = "1..*", description = "name or id")
  private List<String> names = List.of();

  @Override
  int run(CriClient cri) {
    for (String name : names) {
      var image = ImageSpec.newBuilder().setImage(name).build();
      if (!isThere(cri, image)) {
        throw new CliException("no such image: " + name);
      }
      cri.images().removeImage(RemoveImageRequest.newBuilder().setImage(image).build());
      if (Terminal.onStdout()) {
        out().println(name);
      } else {
        Json.line(out(), Map.of("removed", name));
      }
    }
    return OK;
  }

  /** One with a damaged layer is in the list only: it has no status until it is pulled again. */
  private static boolean isThere(CriClient cri, ImageSpec image) {
    var filter = ImageFilter.newBuilder().setImage(image);
    return cri.images()
            .imageStatus(ImageStatusRequest.newBuilder().setImage(image).build())
            .hasImage()
        || cri.images()
                .listImages(ListImagesRequest.newBuilder().setFilter(filter).build())
                .getImagesCount()
            > 0;
  }
}
