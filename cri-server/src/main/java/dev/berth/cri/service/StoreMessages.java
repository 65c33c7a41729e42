package dev.berth.cri.service;

import dev.berth.image.CheckedPart;
import dev.berth.image.ImageRecord;
import dev.berth.image.StoreItem;
import dev.berth.image.registry.HostReport;
import dev.berth.proto.berth.v1.Host;
import dev.berth.proto.berth.v1.Item;
import dev.berth.proto.berth.v1.LoadedImage;
import dev.berth.proto.berth.v1.Part;
import java.util.Locale;

/** Translates what the image store tells into messages. */
final class StoreMessages {
  private StoreMessages() {}

  static Part part(CheckedPart part) {
    return Part.newBuilder()
        .setName(part.name())
        .setHealth(part.health().name().toLowerCase(Locale.ROOT))
        .setDetail(part.detail())
        .setUsedBytes(part.usedBytes())
        .addAllImages(part.images())
        .build();
  }

  static Item item(StoreItem item) {
    return Item.newBuilder()
        .setKind(item.kind())
        .setName(item.name())
        .setUsedBytes(item.usedBytes())
        .addAllHolders(item.holders())
        .build();
  }

  static LoadedImage loaded(ImageRecord image) {
    return LoadedImage.newBuilder().setId(image.id()).addAllNames(image.repoTags()).build();
  }

  static Host host(HostReport host) {
    return Host.newBuilder()
        .setUrl(host.url())
        .setCapabilities(host.capabilities())
        .setTls(host.tls())
        .setAuthentication(host.authentication())
        .setAnswer(host.answer())
        .build();
  }
}
