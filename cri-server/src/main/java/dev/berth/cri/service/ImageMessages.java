package dev.berth.cri.service;

import dev.berth.image.FsUsage;
import dev.berth.image.ImageRecord;
import dev.berth.image.registry.Credentials;
import dev.berth.proto.cri.v1.AuthConfig;
import dev.berth.proto.cri.v1.FilesystemIdentifier;
import dev.berth.proto.cri.v1.FilesystemUsage;
import dev.berth.proto.cri.v1.Image;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.Int64Value;
import dev.berth.proto.cri.v1.UInt64Value;
import java.util.regex.Pattern;

/** Translates between images and their CRI messages. */
final class ImageMessages {
  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,18}");

  private ImageMessages() {}

  static Image image(ImageRecord record) {
    var image =
        Image.newBuilder()
            .setId(record.id())
            .addAllRepoTags(record.repoTags())
            .addAllRepoDigests(record.repoDigests())
            .setSize(record.sizeBytes())
            .setSpec(ImageSpec.newBuilder().setImage(record.id()));
    addUser(image, record.config().user());
    return image.build();
  }

  /** CRI wants a uid or a name, never both; the group is not asked for. */
  private static void addUser(Image.Builder image, String user) {
    int colon = user.indexOf(':');
    String name = colon < 0 ? user : user.substring(0, colon);
    if (NUMBER.matcher(name).matches()) {
      image.setUid(Int64Value.newBuilder().setValue(Long.parseLong(name)));
    } else {
      image.setUsername(name);
    }
  }

  static Credentials credentials(AuthConfig auth) {
    return Credentials.of(
        auth.getUsername(),
        auth.getPassword(),
        auth.getAuth(),
        auth.getServerAddress(),
        auth.getIdentityToken(),
        auth.getRegistryToken());
  }

  static FilesystemUsage usage(FsUsage usage) {
    return FilesystemUsage.newBuilder()
        .setTimestamp(Times.nanos(usage.takenAt()))
        .setFsId(FilesystemIdentifier.newBuilder().setMountpoint(usage.mountpoint().toString()))
        .setUsedBytes(UInt64Value.newBuilder().setValue(usage.usedBytes()))
        .setInodesUsed(UInt64Value.newBuilder().setValue(usage.inodesUsed()))
        .build();
  }
}
