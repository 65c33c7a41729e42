package dev.berth.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.shim.client.ShimRecord;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The durable records of sandboxes, containers and shims. Thread-safe; every change is on disk when
 * its call returns.
 *
 * <p>A record that cannot be read is moved aside and reported, and the others count.
 */
final class RecordStore {
  private static final System.Logger LOG = System.getLogger(RecordStore.class.getName());
  private static final String SANDBOXES = "sandboxes";
  private static final String CONTAINERS = "containers";
  private static final String SHIMS = "shims";
  private static final String QUARANTINE = "quarantine.";

  private final MetadataStore store;

  RecordStore(MetadataStore store) {
    this.store = store;
  }

  void put(SandboxRecord sandbox) {
    store.put(SANDBOXES, sandbox.id(), sandbox.toBytes());
  }

  /** Removes a sandbox and what was recorded of the shim of its pause. */
  void removeSandbox(String id) {
    store.commit(removal(SANDBOXES, id));
  }

  List<SandboxRecord> sandboxes() {
    return readAll(SANDBOXES, SandboxRecord::parse);
  }

  void put(ContainerRecord container) {
    store.put(CONTAINERS, container.id(), container.toBytes());
  }

  /** Adds a container's record to a batch that commits it together with records of others. */
  static void add(MetadataStore.Batch batch, ContainerRecord container) {
    batch.put(CONTAINERS, container.id(), container.toBytes());
  }

  void commit(MetadataStore.Batch batch) {
    store.commit(batch);
  }

  /** Removes a container and what was recorded of a shim of its own. */
  void removeContainer(String id) {
    store.commit(removal(CONTAINERS, id));
  }

  private static MetadataStore.Batch removal(String bucket, String id) {
    return new MetadataStore.Batch()
        .remove(bucket, id)
        .remove(SHIMS, id)
        .remove(QUARANTINE + SHIMS, id);
  }

  List<ContainerRecord> containers() {
    return readAll(CONTAINERS, ContainerRecord::parse);
  }

  /**
   * Keeps how to find a shim.
   *
   * @param owner the container it was started for, or the handler whose containers it all has
   */
  void putShim(String owner, ShimRecord shim) {
    byte[] json = shim.toJson().getBytes(UTF_8);
    boolean known = store.get(SHIMS, owner).map(old -> Arrays.equals(old, json)).orElse(false);
    if (!known) {
      store.put(SHIMS, owner, json);
    }
  }

  /** Returns how to find a shim; empty if there is no such record, or none that can be read. */
  Optional<ShimRecord> shim(String owner) {
    return store
        .get(SHIMS, owner)
        .flatMap(json -> read(SHIMS, owner, json, RecordStore::parseShim));
  }

  private static ShimRecord parseShim(byte[] json) {
    return ShimRecord.fromJson(new String(json, UTF_8));
  }

  /** Tells whether how to find a shim was recorded, and could not be read. */
  boolean isShimSetAside(String owner) {
    return store.get(QUARANTINE + SHIMS, owner).isPresent();
  }

  /** Returns whom shims are recorded for: containers, pods and handlers. */
  Set<String> shimOwners() {
    return store.all(SHIMS).keySet();
  }

  /** Returns where all recorded shims serve. */
  Set<String> shimAddresses() {
    return shimOwners().stream()
        .flatMap(owner -> shim(owner).stream())
        .map(ShimRecord::address)
        .collect(Collectors.toUnmodifiableSet());
  }

  /** Returns what was set aside because it cannot be read, each with the reason. */
  Map<String, String> quarantined() {
    Map<String, String> aside = new TreeMap<>();
    for (String bucket : List.of(SANDBOXES, CONTAINERS, SHIMS)) {
      store
          .all(QUARANTINE + bucket)
          .forEach((key, value) ->
              aside.put(bucket + "/" + key, value.length + " bytes that are no record"));
    }
    for (MetadataStore.Quarantined part : store.quarantined()) {
      aside.put(
          part.file() + " at " + part.offset(), "damaged on disk, saved as " + part.savedAs());
    }
    return aside;
  }

  private <T> List<T> readAll(String bucket, Function<byte[], T> parser) {
    return store.all(bucket).entrySet().stream()
        .flatMap(entry -> read(bucket, entry.getKey(), entry.getValue(), parser).stream())
        .toList();
  }

  private <T> Optional<T> read(
      String bucket, String key, byte[] value, Function<byte[], T> parser) {
    try {
      return Optional.of(parser.apply(value));
    } catch (BerthException e) {
      LOG.log(
          System.Logger.Level.ERROR,
          "record " + key + " of " + bucket + " cannot be read and is moved aside",
          e);
      store.commit(
          new MetadataStore.Batch().put(QUARANTINE + bucket, key, value).remove(bucket, key));
      return Optional.empty();
    }
  }
}
