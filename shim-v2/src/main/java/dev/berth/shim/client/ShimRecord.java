package dev.berth.shim.client;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import dev.berth.base.BerthException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * What it takes to find a shim again: stored by the caller before the shim is given work.
 *
 * @param id the container or sandbox the shim was started for
 * @param binary the shim's executable, an absolute path
 * @param bundle directory of {@code config.json}, which is the shim's working directory
 * @param address where the shim serves, {@code unix:///...}
 * @param version of the task API, 2 or 3
 * @param adoptsTasks whether a new process of this shim takes over the tasks of a killed one; it is
 *     started again then, and its tasks need no cleaning up
 */
public record ShimRecord(
    String id, Path binary, Path bundle, String address, int version, boolean adoptsTasks) {
  private static final int SCHEMA = 1;

  private record Json(
      int schema,
      String id,
      String binary,
      String bundle,
      String address,
      int version,
      boolean adoptsTasks) {}

  /** Returns the same with another executable, which is what the next process is started from. */
  public ShimRecord withBinary(Path other) {
    return new ShimRecord(id, other, bundle, address, version, adoptsTasks);
  }

  /** Writes the record as JSON. */
  public String toJson() {
    return new Gson()
        .toJson(
            new Json(
                SCHEMA, id, binary.toString(), bundle.toString(), address, version, adoptsTasks));
  }

  /**
   * Reads what {@link #toJson} wrote, in this release or the one before.
   *
   * @throws BerthException INTERNAL when it is something else
   */
  public static ShimRecord fromJson(String json) {
    try {
      Json read = new Gson().fromJson(json, Json.class);
      if (read == null || read.schema() != SCHEMA) {
        throw new BerthException(BerthException.Kind.INTERNAL, "not a shim record: " + json);
      }
      return new ShimRecord(
          read.id(),
          Path.of(read.binary()),
          Path.of(read.bundle()),
          read.address(),
          read.version(),
          read.adoptsTasks());
    } catch (JsonParseException | NullPointerException | InvalidPathException e) {
      throw new BerthException(BerthException.Kind.INTERNAL, "not a shim record: " + json, e);
    }
  }
}
