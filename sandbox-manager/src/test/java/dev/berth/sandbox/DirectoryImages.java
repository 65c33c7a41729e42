package dev.berth.sandbox;

import dev.berth.base.AtomicFiles;
import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.image.FsUsage;
import dev.berth.proto.shim.types.Mount;
import dev.berth.sandbox.spec.AccountFiles;
import dev.berth.sandbox.spec.ImageDefaults;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/** One image, {@code localhost/busybox}: a directory with a static busybox, mounted as overlay. */
final class DirectoryImages implements ContainerImages {
  static final String BUSYBOX = "localhost/busybox:1";
  private static final String ID = "sha256:0123";
  private static final String PASSWD =
      "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";

  private final Path directory;

  DirectoryImages(Path directory) throws IOException {
    this.directory = directory;
    Path root = directory.resolve("layer");
    for (String name : List.of("bin", "etc", "tmp", "proc", "sys", "dev", "root")) {
      Files.createDirectories(root.resolve(name));
    }
    Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
    for (String applet :
        List.of(
            "sh",
            "sleep",
            "cat",
            "echo",
            "true",
            "false",
            "id",
            "hostname",
            "wget",
            "nc",
            "ip",
            "ls",
            "dd",
            "head",
            "env",
            "mount",
            "grep",
            "ps",
            "kill",
            "touch")) {
      Files.createSymbolicLink(root.resolve("bin").resolve(applet), Path.of("busybox"));
    }
    Files.writeString(root.resolve("etc/passwd"), PASSWD);
    Files.writeString(root.resolve("etc/group"), "root:x:0:\nstaff:x:50:app\n");
  }

  @Override
  public Image require(String reference) {
    if (!List.of(BUSYBOX, ID).contains(reference)) {
      throw new BerthException(BerthException.Kind.NOT_FOUND, "no image " + reference);
    }
    return new Image(
        new ContainerStatus.ContainerImage(ID, BUSYBOX, "localhost/busybox@sha256:4567"),
        new ImageDefaults(List.of(), List.of("/bin/sh"), List.of("FROM=image"), "", ""),
        "");
  }

  @Override
  public AccountFiles accounts(Image image) {
    try {
      return AccountFiles.read(
          new ByteArrayInputStream(PASSWD.getBytes(StandardCharsets.UTF_8)),
          new ByteArrayInputStream("staff:x:50:app\n".getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void intend(MetadataStore.Batch batch, String snapshotKey, Image image) {
    batch.put("test-snapshots", snapshotKey, new byte[0]);
  }

  @Override
  public List<Mount> prepare(String snapshotKey, Image image) {
    Path snapshot = directory.resolve("snapshots").resolve(snapshotKey);
    try {
      Files.createDirectories(snapshot.resolve("upper"));
      Files.createDirectories(snapshot.resolve("work"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.of(
        Mount.newBuilder()
            .setType("overlay")
            .setSource("overlay")
            .addOptions("lowerdir=" + directory.resolve("layer"))
            .addOptions("upperdir=" + snapshot.resolve("upper"))
            .addOptions("workdir=" + snapshot.resolve("work"))
            .build());
  }

  @Override
  public Mount view(String snapshotKey, Image image) {
    return Mount.newBuilder()
        .setType("bind")
        .setSource(directory.resolve("layer").toString())
        .build();
  }

  @Override
  public FsUsage usage(String snapshotKey) {
    Path upper = directory.resolve("snapshots").resolve(snapshotKey).resolve("upper");
    try (var files = Files.walk(upper)) {
      return new FsUsage(upper, 0, files.count(), Instant.now());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Path writableLayer(String snapshotKey) {
    return directory.resolve("snapshots").resolve(snapshotKey).resolve("upper");
  }

  @Override
  public void remove(String snapshotKey) {
    try {
      AtomicFiles.deleteTree(directory.resolve("snapshots").resolve(snapshotKey));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public List<Auditor> auditors() {
    return List.of();
  }

  /** Returns the snapshots there are. */
  @Override
  public List<String> snapshots() {
    try {
      return TestNode.names(directory.resolve("snapshots"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
