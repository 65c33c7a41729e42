package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.Image;
import dev.berth.proto.cri.v1.ListImagesRequest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/** {@code berth images}. */
@Command(name = "images", description = "Lists the images that are present.")
final class ImagesCommand extends CriCommand {
  @Override
  int run(CriClient cri) {
    List<Image> images =
        cri.images().listImages(ListImagesRequest.getDefaultInstance()).getImagesList();
    if (!Terminal.onStdout()) {
      images.forEach(this::printLine);
      return OK;
    }
    Table table = new Table("IMAGE", "TAG", "IMAGE ID", "SIZE");
    images.forEach(image -> addRows(table, image));
    table.print(out());
    return OK;
  }

  private void printLine(Image image) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("id", image.getId());
    line.put("tags", List.copyOf(image.getRepoTagsList()));
    line.put("digests", List.copyOf(image.getRepoDigestsList()));
    line.put("size", image.getSize());
    line.put("pinned", image.getPinned());
    Json.line(out(), line);
  }

  private static void addRows(Table table, Image image) {
    String id = Text.shortId(image.getId());
    String size = Text.bytes(image.getSize());
    for (String tag : image.getRepoTagsList()) {
      int colon = tag.lastIndexOf(':');
      table.row(tag.substring(0, colon), tag.substring(colon + 1), id, size);
    }
    if (image.getRepoTagsCount() == 0) {
      String name = image.getRepoDigestsCount() == 0 ? "<none>" : image.getRepoDigests(0);
      int at = name.indexOf('@');
      table.row(at < 0 ? name : name.substring(0, at), "<none>", id, size);
    }
  }
}
