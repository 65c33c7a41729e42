package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One repository that a caller pushes to, on the first host that has the capability.
 *
 * <p>A blob is looked for first, then mounted from another repository of the same registry if one
 * is named, and uploaded only then: in one request if it is small, in pieces else, so that a broken
 * connection costs a piece and not the blob. See the distribution-spec, "Push". Thread-safe.
 */
public final class PushSession {
  /** A larger blob is uploaded in pieces of this. */
  static final int CHUNK_BYTES = 32 * 1024 * 1024;

  private final Http http;
  private final Endpoint endpoint;
  private final String repository;
  private final Authorizer authorizer;
  private final int chunkBytes;

  PushSession(
      Http http, Endpoint endpoint, String repository, Authorizer authorizer, int chunkBytes) {
    this.http = http;
    this.endpoint = endpoint;
    this.repository = repository;
    this.authorizer = authorizer;
    this.chunkBytes = chunkBytes;
  }

  /** How a blob came to be in the repository. */
  public enum Way {
    PRESENT,
    MOUNTED,
    UPLOADED
  }

  /**
   * Makes sure that a blob is in the repository.
   *
   * @param from another repository of the same registry that has it, perhaps
   * @param blobs is asked only if it must be uploaded; the registry checks the digest
   */
  public Way push(Descriptor blob, Optional<String> from, BlobSource blobs, Operation operation) {
    var step = new Failures.Step(endpoint.host(), repository, "push blob " + blob.digest());
    return Attempts.run(
        step,
        Attempts.Effort.PERSISTENT,
        operation,
        () -> {
          if (exists(step, "/blobs/" + blob.digest(), operation)) {
            return Way.PRESENT;
          }
          URI upload = begin(step, blob, from, operation);
          if (upload == null) {
            return Way.MOUNTED;
          }
          upload(step, upload, blob, blobs, operation);
          return Way.UPLOADED;
        });
  }

  private boolean exists(Failures.Step step, String path, Operation operation) throws IOException {
    try (var response = send(step, "HEAD", url(path), Map.of(), null, operation)) {
      if (response.status() != 200 && response.status() != 404) {
        throw Attempts.failed(step, response);
      }
      return response.status() == 200;
    }
  }

  /** Returns where to upload to; null if the registry had it elsewhere and has mounted it. */
  private @Nullable URI begin(
      Failures.Step step, Descriptor blob, Optional<String> from, Operation operation)
      throws IOException {
    String mount = from.map(other -> "?mount=" + blob.digest() + "&from=" + other).orElse("");
    URI url = url("/blobs/uploads/" + mount);
    try (var response = send(step, "POST", url, Map.of(), null, operation)) {
      return switch (response.status()) {
        case 201 -> null;
        case 202 -> location(step, url, response);
        default -> throw Attempts.failed(step, response);
      };
    }
  }

  private void upload(
      Failures.Step step, URI begin, Descriptor blob, BlobSource blobs, Operation operation)
      throws IOException {
    URI url = begin;
    try (InputStream in = blobs.openBlob(blob, 0, operation)) {
      if (blob.sizeBytes() <= chunkBytes) {
        finish(step, url, blob, new Http.Body(in, blob.sizeBytes()), operation);
        return;
      }
      for (long offset = 0; offset < blob.sizeBytes(); ) {
        byte[] piece = in.readNBytes((int) Math.min(chunkBytes, blob.sizeBytes() - offset));
        url = piece(step, url, offset, piece, operation);
        offset += piece.length;
        if (piece.length == 0) {
          throw new IOException("the content is shorter than its descriptor says");
        }
      }
    }
    finish(step, url, blob, null, operation);
  }

  private URI piece(Failures.Step step, URI url, long offset, byte[] bytes, Operation operation)
      throws IOException {
    Map<String, String> range =
        Map.of("Content-Range", offset + "-" + (offset + Math.max(0, bytes.length - 1)));
    try (var response = send(step, "PATCH", url, range, Http.Body.of(bytes), operation)) {
      if (response.status() != 202) {
        throw Attempts.failed(step, response);
      }
      return location(step, url, response);
    }
  }

  private void finish(
      Failures.Step step, URI url, Descriptor blob, Http.@Nullable Body body, Operation operation)
      throws IOException {
    String separator = url.getRawQuery() == null ? "?" : "&";
    URI complete = URI.create(url + separator + "digest=" + blob.digest());
    try (var response = send(step, "PUT", complete, Map.of(), body, operation)) {
      if (response.status() != 201 && response.status() != 204) {
        throw Attempts.failed(step, response);
      }
    }
  }

  /**
   * Puts a manifest under a tag or its digest, when all it names is there.
   *
   * @param type its media type
   */
  public void putManifest(
      String tagOrDigest, String type, Digest digest, byte[] raw, Operation operation) {
    var step = new Failures.Step(endpoint.host(), repository, "push manifest " + tagOrDigest);
    var _ =
        Attempts.run(
            step,
            Attempts.Effort.PERSISTENT,
            operation,
            () -> {
              Map<String, String> headers = Map.of("Content-Type", type);
              URI url = url("/manifests/" + tagOrDigest);
              try (var response = send(step, "PUT", url, headers, Http.Body.of(raw), operation)) {
                if (response.status() != 201) {
                  throw Attempts.failed(step, response);
                }
                return digest;
              }
            });
  }

  private URI url(String path) {
    return endpoint.url("/" + repository + path);
  }

  /** A registry may name another path, but not another host: credentials and content go there. */
  private URI location(Failures.Step step, URI from, Http.Response response) {
    try {
      URI to = from.resolve(response.header("Location").orElse(""));
      if (endpoint.host().equals(to.getRawAuthority())
          && endpoint.base().getScheme().equals(to.getScheme())) {
        return to;
      }
    } catch (IllegalArgumentException e) {
      throw new BerthException(
          FAILED_PRECONDITION, step + ": it sends us to something that is not a URL", e);
    }
    throw new BerthException(FAILED_PRECONDITION, step + ": it sends us to another host");
  }

  /** Sends a request and answers a challenge, once; a body that was begun is not sent again. */
  private Http.Response send(
      Failures.Step step,
      String method,
      URI url,
      Map<String, String> headers,
      Http.@Nullable Body body,
      Operation operation)
      throws IOException {
    Http.Response response = http.send(endpoint, method, url, all(headers), body, operation);
    if (response.status() != 401) {
      return response;
    }
    List<String> challenges = response.headers("WWW-Authenticate");
    try (response) {
      if (!authorizer.answer(challenges, operation)) {
        throw Failures.status(step, response);
      }
    }
    if (body != null && !body.isRepeatable()) {
      throw new IOException("the registry wants to know again who we are");
    }
    return http.send(endpoint, method, url, all(headers), body, operation);
  }

  private Map<String, String> all(Map<String, String> headers) {
    Map<String, String> all = new LinkedHashMap<>(headers);
    endpoint.headers().forEach((name, values) -> all.put(name, String.join(", ", values)));
    authorizer.authorization().ifPresent(value -> all.put("Authorization", value));
    return all;
  }
}
