package dev.berth.image;

import dev.berth.base.AtomicFiles;
import dev.berth.base.Operation;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Deletes what was thrown away, in the background: removing a big layer takes seconds. Only who
 * wants the space waits for it. Thread-safe.
 */
final class Trash implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Trash.class.getName());

  private final ImageLayout layout;
  private final BackgroundTask task = new BackgroundTask("image-trash", this::deleteAll);

  Trash(ImageLayout layout) {
    this.layout = layout;
  }

  /** Throws a directory away; a missing one is fine. It is out of sight on return. */
  void discard(Path directory) {
    layout.discard(directory);
    task.start();
  }

  /** Waits until what has been thrown away so far is deleted and its bytes are free. */
  void awaitEmpty(Operation operation) {
    task.await(operation);
  }

  /** Starts deleting what is in the trash. */
  void empty() {
    task.start();
  }

  private void deleteAll() {
    for (Path entry : ImageLayout.list(layout.trash())) {
      try {
        AtomicFiles.deleteTree(entry);
      } catch (IOException | RuntimeException e) { // the next start tries again
        LOG.log(System.Logger.Level.WARNING, "cannot delete " + entry, e);
      }
    }
  }

  /** Waits for what is being deleted; the rest is deleted after the next start. */
  @Override
  public void close() {
    task.close();
  }
}
