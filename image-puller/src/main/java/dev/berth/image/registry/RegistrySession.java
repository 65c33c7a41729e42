package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.registry.Endpoint.Capability;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One repository as one caller with its credentials sees it.
 *
 * <p>Every request goes to the configured hosts in order until one has an answer. Thread-safe: the
 * layers of an image are fetched in parallel.
 */
public final class RegistrySession implements BlobSource {
  private final String repository;
  private final Patience patience;
  private final List<EndpointClient> clients;

  RegistrySession(List<EndpointClient> clients, String repository, Patience patience) {
    this.clients = List.copyOf(clients);
    this.repository = repository;
    this.patience = patience;
  }

  /**
   * A manifest or index as it came.
   *
   * @param raw the bytes that {@code digest} is of
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared; megabytes are not copied
  public record FetchedManifest(byte[] raw, Digest digest, @Nullable String contentType) {}

  /**
   * Fetches a manifest or index by tag or digest. That the registry answers is what authorises the
   * caller.
   *
   * @throws BerthException NOT_FOUND, FAILED_PRECONDITION if not authorized, KUBELET_REASON if no
   *     host could be reached, INVALID_ARGUMENT if the content is not what its digest says
   */
  public FetchedManifest fetchManifest(
      String tagOrDigest, @Nullable Digest expected, Operation operation) {
    var path = "/" + repository + "/manifests/" + tagOrDigest;
    Map<String, String> accept = Map.of("Accept", String.join(", ", MediaTypes.MANIFESTS));
    Capability needed = expected == null ? Capability.RESOLVE : Capability.PULL;
    return onFirst(
        needed,
        operation,
        (client, effort) -> {
          var step = client.step("fetch manifest " + tagOrDigest);
          return client.get(
              step,
              path,
              accept,
              effort,
              operation,
              response -> {
                byte[] raw = readBounded(step, response, Documents.MAX_MANIFEST_BYTES);
                Digest digest = expected == null ? Digest.ofSha256(raw) : expected;
                checkManifest(step, raw, digest, response.header("Docker-Content-Digest"));
                return new FetchedManifest(
                    raw, digest, response.header("Content-Type").orElse(null));
              });
        });
  }

  private static void checkManifest(
      Failures.Step step, byte[] raw, Digest digest, Optional<String> claimed) {
    if (!digest.matches(raw)) {
      throw new BerthException(
          INVALID_ARGUMENT,
          step + ": the content has digest " + Digest.ofSha256(raw) + ", not " + digest);
    }
    if (claimed.isPresent()
        && claimed.get().startsWith("sha256:")
        && digest.algorithm().equals("sha256")
        && !claimed.get().equals(digest.toString())) {
      throw new BerthException(
          INVALID_ARGUMENT,
          step
              + ": the registry says digest "
              + Ids.printable(claimed.get())
              + ", the content has "
              + digest);
    }
  }

  /**
   * Fetches a small blob whole and checks size and digest.
   *
   * @throws BerthException as {@link #fetchManifest}; RESOURCE_EXHAUSTED if it is over the bound
   */
  public byte[] fetchBlob(Descriptor descriptor, int maxBytes, Operation operation) {
    if (descriptor.sizeBytes() > maxBytes) {
      throw new BerthException(
          RESOURCE_EXHAUSTED,
          "blob "
              + descriptor.digest()
              + " has "
              + descriptor.sizeBytes()
              + " bytes, over the bound of "
              + maxBytes);
    }
    try (InputStream in = openBlob(descriptor, 0, operation)) {
      byte[] raw = in.readNBytes((int) descriptor.sizeBytes() + 1);
      requireSize(descriptor, raw.length);
      if (!descriptor.digest().matches(raw)) {
        throw new BerthException(
            INVALID_ARGUMENT,
            "blob "
                + descriptor.digest()
                + " of "
                + repository
                + ": the content has digest "
                + Digest.ofSha256(raw));
      }
      return raw;
    } catch (IOException e) {
      throw Failures.unreachable(clients.getLast().step("fetch blob " + descriptor.digest()), e);
    }
  }

  private void requireSize(Descriptor descriptor, long size) {
    if (size != descriptor.sizeBytes()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "blob "
              + descriptor.digest()
              + " of "
              + repository
              + ": the content is "
              + (size < descriptor.sizeBytes() ? "shorter" : "longer")
              + " than the "
              + descriptor.sizeBytes()
              + " bytes its descriptor says");
    }
  }

  /**
   * Opens a blob as a stream that resumes by itself when the connection breaks. The digest is for
   * the reader to check.
   *
   * @param offset bytes the caller has already
   * @throws BerthException if no host has it; reading throws the same, and KUBELET_REASON when
   *     several connections in a row brought nothing
   */
  @Override
  public InputStream openBlob(Descriptor descriptor, long offset, Operation operation) {
    return new ResumingStream(this, patience, descriptor, offset, operation);
  }

  /** Sends one request for a blob from an offset on; the caller closes the answer. */
  BlobBody requestBlob(Descriptor descriptor, long offset, Operation operation) {
    var path = "/" + repository + "/blobs/" + descriptor.digest();
    Map<String, String> range = offset == 0 ? Map.of() : Map.of("Range", "bytes=" + offset + "-");
    return onFirst(
        Capability.PULL,
        operation,
        (client, effort) -> {
          var step = client.step("fetch blob " + descriptor.digest());
          return client.open(step, path, range, effort, operation, offset, descriptor.sizeBytes());
        });
  }

  private <T> T onFirst(Capability needed, Operation operation, HostTour.Attempt<T> attempt) {
    List<EndpointClient> able = clients.stream().filter(client -> client.can(needed)).toList();
    if (able.isEmpty()) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "hosts.toml gives no host the capability " + needed + " for " + repository);
    }
    return new HostTour<>(able, operation, attempt).run();
  }

  private static byte[] readBounded(Failures.Step step, Http.Response response, int maxBytes)
      throws IOException {
    byte[] raw = response.body().readNBytes(maxBytes + 1);
    if (raw.length > maxBytes) {
      throw new BerthException(
          RESOURCE_EXHAUSTED, step + ": the answer is over the bound of " + maxBytes + " bytes");
    }
    return raw;
  }
}
