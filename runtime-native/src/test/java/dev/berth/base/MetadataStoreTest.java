package dev.berth.base;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetadataStoreTest {
  private static final Logger LOG = Logger.getLogger(MetadataFiles.class.getName());

  @TempDir Path dir;

  @BeforeAll
  static void expectDamageReports() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void restoreLogging() {
    LOG.setLevel(null);
  }

  private Path store() {
    return dir.resolve("meta");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  private static Map<String, String> texts(MetadataStore store, String bucket) {
    var texts = new TreeMap<String, String>();
    store.all(bucket).forEach((key, value) -> texts.put(key, new String(value, UTF_8)));
    return texts;
  }

  @Test
  void whatWasPutIsThereAfterReopening() {
    try (var store = MetadataStore.open(store())) {
      store.put("pods", "a", bytes("1"));
      store.put("pods", "b", bytes("2"));
      store.put("pods", "a", bytes("3"));
      store.remove("pods", "b");
      store.remove("pods", "never there");
    }
    try (var store = MetadataStore.open(store())) {
      assertThat(texts(store, "pods")).isEqualTo(Map.of("a", "3"));
      assertThat(store.get("pods", "b")).isEmpty();
      assertThat(store.all("unknown bucket")).isEmpty();
      assertThat(store.quarantined()).isEmpty();
    }
  }

  @Test
  void theDirectoryIsPrivate() throws IOException {
    MetadataStore.open(store()).close();
    assertThat(Files.getPosixFilePermissions(store())).hasSize(3);
  }

  @Test
  void valuesAreCopiedInAndOut() {
    try (var store = MetadataStore.open(store())) {
      byte[] value = bytes("mine");
      store.put("b", "k", value);
      value[0] = 'x';
      store.get("b", "k").orElseThrow()[1] = 'x';
      store.all("b").get("k")[2] = 'x';
      assertThat(texts(store, "b")).isEqualTo(Map.of("k", "mine"));
    }
  }

  @Test
  void tooLongValueOrNameIsRefusedByName() {
    var batch = new MetadataStore.Batch();
    assertThatThrownBy(() -> batch.put("b", "k", new byte[MetadataStore.MAX_VALUE_BYTES + 1]))
        .hasMessage("metadata value of 16777217 bytes for b/k is over the bound of 16777216");
    assertThatThrownBy(() -> batch.remove("b", "")).hasMessageContaining("has 0 bytes");
  }

  @Test
  void cutAtEveryByteAnAcknowledgedPrefixRemains() throws IOException {
    List<Integer> ends = journalOfFourCommits();
    byte[] journal = Files.readAllBytes(store().resolve("journal"));
    for (int cut = Frames.HEADER_BYTES; cut <= ends.getLast(); cut++) {
      for (boolean zeros : new boolean[] {false, true}) {
        byte[] torn = Arrays.copyOf(Arrays.copyOf(journal, cut), zeros ? journal.length : cut);
        checkPrefix(torn, ends, cut);
      }
    }
  }

  /** Puts k1..k3 and a batch of two; returns where each commit ends in the journal. */
  private List<Integer> journalOfFourCommits() throws IOException {
    List<Integer> ends = new ArrayList<>();
    try (var store = MetadataStore.open(store())) {
      for (int i = 1; i <= 3; i++) {
        store.put("b", "k" + i, bytes("value-" + i));
        ends.add(usedBytes());
      }
      store.commit(new MetadataStore.Batch().put("b", "k4", bytes("value-4")).remove("b", "k1"));
      ends.add(usedBytes());
    }
    return ends;
  }

  private int usedBytes() throws IOException {
    byte[] journal = Files.readAllBytes(store().resolve("journal"));
    return Frames.scan(Frames.Header.decode(journal), journal, _ -> {}).end();
  }

  private void checkPrefix(byte[] torn, List<Integer> ends, int cut) throws IOException {
    Path copy = Files.createTempDirectory(dir, "cut");
    Files.write(copy.resolve("journal"), torn);
    long commits = ends.stream().filter(end -> end <= cut).count();
    try (var store = MetadataStore.open(copy)) {
      assertThat(texts(store, "b")).as("cut at %d", cut).isEqualTo(afterCommits((int) commits));
      assertThat(store.quarantined()).isEmpty();
      store.put("b", "next", bytes("after the cut"));
    }
    try (var store = MetadataStore.open(copy)) {
      assertThat(store.get("b", "next")).isPresent();
      assertThat(store.all("b")).hasSize(afterCommits((int) commits).size() + 1);
    }
    AtomicFiles.deleteTree(copy);
  }

  private static Map<String, String> afterCommits(int commits) {
    var state = new TreeMap<String, String>();
    for (int i = 1; i <= commits; i++) {
      state.put("k" + i, "value-" + i);
    }
    if (commits == 4) {
      state.remove("k1");
    }
    return state;
  }

  @Test
  void aFlippedBitCostsOnlyItsOwnRecordAndIsSetAside() throws IOException {
    List<Integer> ends = journalOfFourCommits();
    byte[] journal = Files.readAllBytes(store().resolve("journal"));
    var random = new Random(7);
    for (int at = ends.get(0); at < ends.get(1); at++) {
      Path copy = Files.createTempDirectory(dir, "flip");
      byte[] flipped = journal.clone();
      flipped[at] ^= (byte) (1 << random.nextInt(8));
      Files.write(copy.resolve("journal"), flipped);
      for (int opening = 1; opening <= 2; opening++) { // the repair itself is durable
        try (var store = MetadataStore.open(copy)) {
          assertThat(texts(store, "b")).isEqualTo(Map.of("k3", "value-3", "k4", "value-4"));
          assertThat(store.quarantined()).hasSize(opening == 1 ? 1 : 0);
        }
      }
      try (var files = Files.list(copy.resolve("quarantine"))) {
        assertThat(files.toList()).hasSize(1);
      }
      AtomicFiles.deleteTree(copy);
    }
  }

  @Test
  void aFlippedBitInTheLastRecordIsReportedNotTakenForATornTail() throws IOException {
    List<Integer> ends = journalOfFourCommits();
    byte[] journal = Files.readAllBytes(store().resolve("journal"));
    journal[ends.get(2) + Frames.FRAME_OVERHEAD_BYTES + 6] ^= 1;
    Files.write(store().resolve("journal"), journal);
    try (var store = MetadataStore.open(store())) {
      assertThat(texts(store, "b")).isEqualTo(afterCommits(3));
      assertThat(store.quarantined()).hasSize(1);
    }
  }

  @Test
  void aDamagedHeaderOrSnapshotIsNeverFatal() throws IOException {
    journalOfFourCommits();
    for (String file : List.of("journal", "snapshot")) {
      Path copy = Files.createTempDirectory(dir, "header");
      for (String each : List.of("journal", "snapshot")) {
        Files.copy(store().resolve(each), copy.resolve(each));
      }
      byte[] bytes = Files.readAllBytes(copy.resolve(file));
      bytes[3] ^= 0x10;
      Files.write(copy.resolve(file), bytes);
      try (var store = MetadataStore.open(copy)) {
        assertThat(store.quarantined()).hasSize(1);
        store.put("b", "new", bytes("life"));
      }
      try (var store = MetadataStore.open(copy)) {
        assertThat(store.get("b", "new")).isPresent();
        assertThat(store.get("b", "k4").isPresent()).isEqualTo(file.equals("snapshot"));
      }
    }
  }

  @Test
  void bytesThatQuoteAFrameAreNotTakenForOne() throws IOException {
    journalOfFourCommits();
    byte[] quoted = Files.readAllBytes(store().resolve("journal"));
    Path other = dir.resolve("other");
    int end;
    try (var store = MetadataStore.open(other)) {
      store.put("b", "quote", Arrays.copyOf(quoted, 400));
      byte[] journal = Files.readAllBytes(other.resolve("journal"));
      end = Frames.scan(Frames.Header.decode(journal), journal, _ -> {}).end();
      store.put("b", "after", bytes("good"));
    }
    byte[] journal = Files.readAllBytes(other.resolve("journal"));
    journal[end - 1] ^= 1; // the quoting record is damaged, so the reader looks inside it
    Files.write(other.resolve("journal"), journal);
    try (var store = MetadataStore.open(other)) {
      assertThat(texts(store, "b")).isEqualTo(Map.of("after", "good"));
    }
  }

  @Test
  void aJournalOlderThanItsSnapshotIsIgnored() throws IOException {
    Path old = dir.resolve("old-journal");
    try (var store = MetadataStore.open(store())) {
      store.put("b", "k", bytes("old"));
      Files.copy(store().resolve("journal"), old);
      fillUntilCompacted(store);
      store.remove("b", "k");
      fillUntilCompacted(store);
    }
    // A crash after the new snapshot was renamed, before its journal was.
    Files.copy(old, store().resolve("journal"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    try (var store = MetadataStore.open(store())) {
      assertThat(store.get("b", "k")).isEmpty();
      assertThat(store.quarantined()).isEmpty();
    }
  }

  private void fillUntilCompacted(MetadataStore store) throws IOException {
    long before = generation();
    for (int i = 0; generation() == before; i++) {
      assertThat(i).as("commits without compaction").isLessThan(100);
      store.put("filler", "same key", new byte[64 * 1024]);
    }
  }

  private long generation() throws IOException {
    Path snapshot = store().resolve("snapshot");
    return Files.exists(snapshot)
        ? Frames.Header.decode(Files.readAllBytes(snapshot)).generation()
        : 0;
  }

  @Test
  void compactionKeepsTheFilesSmallAndTheRecordsWhole() throws IOException {
    try (var store = MetadataStore.open(store())) {
      for (int i = 0; i < 400; i++) {
        store.put("b", "k" + i % 10, (i + ":" + "x".repeat(20_000)).getBytes(UTF_8));
      }
    }
    assertThat(Files.size(store().resolve("journal"))).isLessThan(2_000_000);
    try (var store = MetadataStore.open(store())) {
      assertThat(store.all("b")).hasSize(10);
      assertThat(texts(store, "b").get("k9")).startsWith("399:");
    }
  }

  @Test
  void aSecondOpenerIsRefusedAndTheFirstKeepsItsLock() throws Exception {
    try (var store = MetadataStore.open(store())) {
      assertThatThrownBy(() -> MetadataStore.open(store()))
          .hasMessageContaining("in use by process " + ProcessHandle.current().pid());
      // Another process: the refusal above must not have dropped the lock.
      var process =
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElseThrow(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Opener.class.getName(),
                  store().toString())
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertThat(process.waitFor()).as(output).isEqualTo(3);
      store.put("b", "still", bytes("open"));
    }
    MetadataStore.open(store()).close();
  }

  /** Exits with 3 when the store is in use. */
  static final class Opener {
    private Opener() {}

    public static void main(String[] arguments) {
      try (var _ = MetadataStore.open(Path.of(arguments[0]))) {
        System.exit(0);
      } catch (BerthException e) {
        System.exit(e.kind() == BerthException.Kind.FAILED_PRECONDITION ? 3 : 4);
      }
    }
  }

  @Test
  void concurrentCommitsAreAllDurableAndShareTheDisk() throws Exception {
    int threads = 32;
    int each = 25;
    var done = new CountDownLatch(threads);
    try (var store = MetadataStore.open(store())) {
      for (int t = 0; t < threads; t++) {
        String bucket = "b" + t;
        Thread.ofVirtual()
            .start(() -> {
              for (int i = 0; i < each; i++) {
                store.put(bucket, "k" + i, bytes(bucket + i));
              }
              done.countDown();
            });
      }
      done.await();
    }
    try (var store = MetadataStore.open(store())) {
      for (int t = 0; t < threads; t++) {
        assertThat(store.all("b" + t)).hasSize(each);
      }
    }
  }

  @Test
  void anInterruptedCallerStillCommitsAndLeavesTheStoreOpen() {
    try (var store = MetadataStore.open(store())) {
      Thread.currentThread().interrupt();
      store.put("b", "k", bytes("v"));
      assertThat(Thread.interrupted()).isTrue();
      store.put("b", "k2", bytes("v"));
      assertThat(store.all("b")).hasSize(2);
    }
  }

  @Test
  void aKilledProcessLosesNothingThatWasAcknowledged() throws Exception {
    for (int round = 0; round < 5; round++) {
      Path path = dir.resolve("killed" + round);
      var process =
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElseThrow(),
                  "-cp",
                  System.getProperty("java.class.path"),
                  Writer.class.getName(),
                  path.toString())
              .start();
      int acknowledged = 0;
      try (var out = process.inputReader(UTF_8)) {
        while (acknowledged < 50 + round * 37) {
          acknowledged = Integer.parseInt(out.readLine());
        }
        process.destroyForcibly();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
          acknowledged = Integer.parseInt(line);
        }
      } catch (IOException e) {
        // the pipe was closed by destroyForcibly
      }
      process.waitFor();
      try (var store = MetadataStore.open(path)) {
        assertThat(store.all("n").size()).isGreaterThanOrEqualTo(acknowledged);
        assertThat(store.quarantined()).isEmpty();
      }
    }
  }

  /** Prints each number once its record is durable. */
  static final class Writer {
    private Writer() {}

    public static void main(String[] arguments) {
      try (var store = MetadataStore.open(Path.of(arguments[0]))) {
        for (int i = 1; ; i++) {
          store.put("n", String.format("%08d", i), new byte[9000]);
          System.out.println(i);
        }
      }
    }
  }

  @Test
  void aClosedStoreRefusesCommits() {
    var store = MetadataStore.open(store());
    store.close();
    store.close();
    assertThatThrownBy(() -> store.put("b", "k", bytes("v")))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.UNAVAILABLE));
  }
}
