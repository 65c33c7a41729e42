package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.MetadataStore;
import dev.berth.image.FsUsage;
import dev.berth.image.ImageRecord;
import dev.berth.image.Images;
import dev.berth.image.MountSpec;
import dev.berth.image.oci.ImageConfig;
import dev.berth.proto.shim.types.Mount;
import dev.berth.sandbox.spec.AccountFiles;
import dev.berth.sandbox.spec.ImageDefaults;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Objects;

/** The images of the image store, as containers need them. */
final class PulledImages implements ContainerImages {
  private static final int MAX_ACCOUNT_FILE_BYTES = 1 << 20;

  private final Images images;

  PulledImages(Images images) {
    this.images = images;
  }

  @Override
  public Image require(String reference) {
    ImageRecord record = record(reference);
    ImageConfig config = record.config();
    return new Image(
        new ContainerStatus.ContainerImage(record.id(), name(record, reference), digest(record)),
        new ImageDefaults(
            config.entrypoint(), config.cmd(), config.env(), config.workingDir(), config.user()),
        Objects.requireNonNullElse(config.stopSignal(), ""));
  }

  private ImageRecord record(String reference) {
    return images
        .find(reference)
        .orElseThrow(() ->
            new BerthException(
                NOT_FOUND, "image " + Ids.printable(reference) + " is not present: pull it first"));
  }

  private static String name(ImageRecord record, String reference) {
    return record.repoTags().isEmpty() ? reference : record.repoTags().getFirst();
  }

  private static String digest(ImageRecord record) {
    return record.repoDigests().isEmpty() ? record.id() : record.repoDigests().getFirst();
  }

  @Override
  public AccountFiles accounts(Image image) {
    ImageRecord record = record(image.identity().id());
    try {
      return AccountFiles.read(file(record, "/etc/passwd"), file(record, "/etc/group"));
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "accounts of image " + record.id() + ": " + e, e);
    }
  }

  private InputStream file(ImageRecord record, String path) {
    return new ByteArrayInputStream(
        images.readFile(record, path, MAX_ACCOUNT_FILE_BYTES).orElse(new byte[0]));
  }

  @Override
  public void intend(MetadataStore.Batch batch, String snapshotKey, Image image) {
    images.snapshots().intend(batch, snapshotKey, record(image.identity().id()));
  }

  @Override
  public List<Mount> prepare(String snapshotKey, Image image) {
    return images.snapshots().prepare(snapshotKey, record(image.identity().id())).mounts().stream()
        .map(PulledImages::message)
        .toList();
  }

  @Override
  public Mount view(String snapshotKey, Image image) {
    return message(
        images.snapshots().view(snapshotKey, record(image.identity().id())).mounts().getFirst());
  }

  private static Mount message(MountSpec mount) {
    return Mount.newBuilder()
        .setType(mount.type())
        .setSource(mount.source())
        .addAllOptions(mount.options())
        .build();
  }

  @Override
  public FsUsage usage(String snapshotKey) {
    return images.snapshots().usage(snapshotKey);
  }

  @Override
  public Path writableLayer(String snapshotKey) {
    return images.snapshots().writableLayer(snapshotKey);
  }

  @Override
  public Collection<String> snapshots() {
    return images.snapshots().list();
  }

  @Override
  public List<Auditor> auditors() {
    return List.of(images.snapshots().auditor());
  }

  @Override
  public void remove(String snapshotKey) {
    images.snapshots().remove(snapshotKey);
  }
}
