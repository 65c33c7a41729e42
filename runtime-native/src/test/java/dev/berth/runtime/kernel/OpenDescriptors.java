package dev.berth.runtime.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Lists what the descriptors of this process stand for, to show that none leaks. */
final class OpenDescriptors {
  static {
    // The JDK opens descriptors of its own with the first virtual thread; they are no leak. A
    // lambda would need this class, which is being initialized, and so never end.
    try {
      Thread.startVirtualThread(Thread::onSpinWait).join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private OpenDescriptors() {}

  static List<String> snapshot() {
    List<String> targets = new ArrayList<>();
    try (var links = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path link : links) {
        add(targets, link);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Collections.sort(targets);
    return targets;
  }

  private static void add(List<String> targets, Path link) throws IOException {
    try {
      String target = Files.readSymbolicLink(link).toString();
      if (!target.endsWith("random")
          && !target.endsWith(".jar")) { // the JDK opens them when it likes
        targets.add(target);
      }
    } catch (NoSuchFileException e) {
      // closed meanwhile
    }
  }
}
