package dev.berth.sandbox;

import com.google.gson.annotations.SerializedName;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.time.Instant;
import java.util.List;

/**
 * What is durable of a sandbox. Written before anything is made for it, so that all of it can be
 * undone whatever happens.
 *
 * @param sandboxTask whether its shim wants a task for it, whatever namespaces it shares
 * @param bootId which boot of the machine its namespaces belong to
 * @param networkConfig the CNI configuration it is attached with, as JSON; empty with host network
 * @param cniResult the result of the attachment, as JSON; empty if there is none
 */
record SandboxRecord(
    String id,
    PodSandboxConfig config,
    String runtimeHandler,
    boolean sandboxTask,
    Phase phase,
    Instant createdAt,
    String bootId,
    String networkConfig,
    String cniResult,
    List<String> ips) {
  private static final int SCHEMA = 1;

  SandboxRecord {
    ips = List.copyOf(ips);
  }

  /** How far it has come. */
  enum Phase {
    /** Being made, or left half made by a crash: it is to be undone. */
    @SerializedName("preparing")
    PREPARING,
    /** All was made. */
    @SerializedName("ready")
    READY,
    /** All was released; only files and the name are left. */
    @SerializedName("stopped")
    STOPPED
  }

  /** The form on disk. */
  private record Stored(
      int schema,
      String id,
      String config,
      String runtimeHandler,
      boolean sandboxTask,
      Phase phase,
      String createdAt,
      String bootId,
      String networkConfig,
      String cniResult,
      List<String> ips) {}

  SandboxRecord ready(String result, List<String> addresses) {
    return new SandboxRecord(
        id,
        config,
        runtimeHandler,
        sandboxTask,
        Phase.READY,
        createdAt,
        bootId,
        networkConfig,
        result,
        addresses);
  }

  SandboxRecord stopped() {
    return new SandboxRecord(
        id,
        config,
        runtimeHandler,
        sandboxTask,
        Phase.STOPPED,
        createdAt,
        bootId,
        networkConfig,
        "",
        List.of());
  }

  SandboxRecord with(PodSandboxConfig changed) {
    return new SandboxRecord(
        id,
        changed,
        runtimeHandler,
        sandboxTask,
        phase,
        createdAt,
        bootId,
        networkConfig,
        cniResult,
        ips);
  }

  SandboxName name() {
    return SandboxName.of(config);
  }

  byte[] toBytes() {
    return StoredJson.write(
        new Stored(
            SCHEMA,
            id,
            StoredJson.encode(config),
            runtimeHandler,
            sandboxTask,
            phase,
            createdAt.toString(),
            bootId,
            networkConfig,
            cniResult,
            ips));
  }

  /**
   * Reads what {@link #toBytes} wrote, of this release or the one before.
   *
   * @throws dev.berth.base.BerthException INTERNAL if it cannot be read
   */
  static SandboxRecord parse(byte[] bytes) {
    return StoredJson.read(
        bytes,
        Stored.class,
        stored -> {
          StoredJson.requireSchema(stored.schema, SCHEMA);
          return new SandboxRecord(
              stored.id,
              StoredJson.decode(stored.config, PodSandboxConfig.parser()),
              stored.runtimeHandler,
              stored.sandboxTask,
              stored.phase,
              Instant.parse(stored.createdAt),
              stored.bootId,
              stored.networkConfig,
              stored.cniResult,
              stored.ips);
        });
  }
}
