package dev.berth.image;

import dev.berth.base.AtomicFiles;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

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
        delete(entry);
      } catch (IOException | RuntimeException e) { // the next start tries again
        LOG.log(System.Logger.Level.WARNING, "cannot delete " + entry, e);
      }
    }
  }

  private void delete(Path entry) throws IOException {
    try {
      AtomicFiles.deleteTree(entry);
    } catch (UncheckedIOException e) { // the walk came to where no path reaches
      deleteDeep(entry);
    }
  }

  /**
   * Deletes a tree of any depth: each directory in it is moved to the top of the trash before the
   * one around it goes. A container piles up directories as it likes, and no path may be longer
   * than 4096 bytes.
   */
  private void deleteDeep(Path top) throws IOException {
    Deque<Path> directories = new ArrayDeque<>(List.of(top));
    while (!directories.isEmpty()) {
      Path directory = directories.pop();
      for (Path child : ImageLayout.list(directory)) {
        if (Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)) {
          Path moved = layout.trash().resolve(Ids.generate());
          directories.push(Files.move(child, moved, StandardCopyOption.ATOMIC_MOVE));
        } else {
          Files.delete(child);
        }
      }
      Files.delete(directory);
    }
  }

  /** Waits for what is being deleted; the rest is deleted after the next start. */
  @Override
  public void close() {
    task.close();
  }
}
