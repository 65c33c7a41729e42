package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.Image;
import dev.berth.proto.cri.v1.ListImagesRequest;
import picocli.CommandLine.Command;

/** {@code berth images}. */
@Command(name = "images", description = "Lists the images that are present.")
final class ImagesCommand extends CriCommand {
  @Override
  int run(CriClient cri) {
    Table table = new Table("IMAGE", "TAG", "IMAGE ID", "SIZE");
    for (Image image :
        cri.images().listImages(ListImagesRequest.getDefaultInstance()).getImagesList()) {
      addRows(table, image);
    }
    table.print(out());
    return OK;
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
