package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.base.JournalCuts;
import dev.berth.base.MetadataStore;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The power goes at any moment: what has been written of the records by then is a prefix, perhaps
 * with a torn end, and of all that ran nothing is left.
 */
@RequiresRoot
class PowerCutTest {
  @TempDir Path directory;
  private TestNode node;

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, "runc");
  }

  @AfterEach
  void close() throws Exception {
    node.close();
  }

  @Test
  void whateverWasWrittenANodeStartsOnItAndCanBeCleared() throws Exception {
    byte[] journal = journalOfTwoPods();
    for (JournalCuts.Cut cut : JournalCuts.of(journal)) {
      Path records = directory.resolve("meta");
      AtomicFiles.deleteTree(records);
      Files.write(Files.createDirectory(records).resolve("journal"), cut.journal());
      changeBootId(records);
      node.open();

      assertThat(node.store.quarantined()).as(cut.toString()).isEmpty();
      assertThat(node.sandboxes().list(SandboxFilter.ALL))
          .as(cut.toString())
          .noneMatch(pod -> pod.state() == SandboxState.READY);
      assertThat(node.containers().list(ContainerFilter.ALL))
          .as(cut.toString())
          .noneMatch(container -> container.state() instanceof ContainerState.Running);
      for (SandboxStatus pod : node.sandboxes().list(SandboxFilter.ALL)) {
        node.remove(pod);
      }
      node.assertNothingLeft();
      node.shutDown();
    }
    node.open();
  }

  /** Returns what two pods have written from their making to their end. */
  private byte[] journalOfTwoPods() throws Exception {
    SandboxStatus web = node.run(node.pod("web"));
    ContainerStatus main = node.start(web, node.container("main", "/bin/sleep", "1000"));
    ContainerStatus created = node.create(web, node.container("created", "/bin/true"));
    SandboxStatus db = node.run(node.podWithPause("db"));
    node.start(db, node.container("main", "/bin/sleep", "1000"));
    node.containers().stop(main.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    node.containers().remove(created.id(), TestNode.operation("RemoveContainer"));
    node.sandboxes().stop(web.id(), TestNode.operation("StopPodSandbox"));
    node.remove(web);
    node.remove(db);
    node.assertNothingLeft();
    node.shutDown();
    return Files.readAllBytes(directory.resolve("meta/journal"));
  }

  private static void changeBootId(Path records) throws IOException {
    String bootId = Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
    try (MetadataStore store = MetadataStore.open(records)) {
      var batch = new MetadataStore.Batch();
      for (String bucket : new String[] {"sandboxes", "containers", "shims"}) {
        store
            .all(bucket)
            .forEach((key, value) -> {
              String text = new String(value, StandardCharsets.ISO_8859_1);
              String other = text.replace(bootId, "another" + bootId.substring(7));
              batch.put(bucket, key, other.getBytes(StandardCharsets.ISO_8859_1));
            });
      }
      store.commit(batch);
    }
  }
}
