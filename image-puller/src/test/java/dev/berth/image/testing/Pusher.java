package dev.berth.image.testing;

import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Pushes images to a registry that lets everyone in. */
public final class Pusher implements AutoCloseable {
  private final HttpClient http = HttpClient.newHttpClient();
  private final String host;

  public Pusher(DockerRegistry registry) {
    this.host = registry.host();
  }

  /** Pushes an image under a tag; returns the digest of its manifest. */
  public Digest push(String repository, String tag, TestImage image) {
    pushBlobs(repository, image);
    return manifest(repository, tag, MediaTypes.OCI_MANIFEST, image.manifest());
  }

  /** Pushes several images and an index of them under a tag; returns the index's digest. */
  public Digest pushIndex(String repository, String tag, TestImage... images) {
    for (TestImage image : images) {
      pushBlobs(repository, image);
      byte[] manifest = image.manifest();
      manifest(repository, Digest.ofSha256(manifest).toString(), MediaTypes.OCI_MANIFEST, manifest);
    }
    return manifest(repository, tag, MediaTypes.OCI_INDEX, TestImage.index(images));
  }

  private void pushBlobs(String repository, TestImage image) {
    for (TestImage.Layer layer : image.layers()) {
      blob(repository, layer.blob());
    }
    blob(repository, image.configBlob());
  }

  /** Pushes a blob by itself. */
  public void blob(String repository, byte[] blob) {
    var started =
        send(
            HttpRequest.newBuilder(
                    URI.create("http://" + host + "/v2/" + repository + "/blobs/uploads/"))
                .POST(HttpRequest.BodyPublishers.noBody())
                .build());
    String location = started.headers().firstValue("Location").orElseThrow();
    String separator = location.contains("?") ? "&" : "?";
    send(
        HttpRequest.newBuilder(
                URI.create("http://" + host)
                    .resolve(location + separator + "digest=" + Digest.ofSha256(blob)))
            .header("Content-Type", "application/octet-stream")
            .PUT(HttpRequest.BodyPublishers.ofByteArray(blob))
            .build());
  }

  /** Pushes a manifest by itself; returns its digest. */
  public Digest manifest(String repository, String tag, String mediaType, byte[] manifest) {
    send(
        HttpRequest.newBuilder(
                URI.create("http://" + host + "/v2/" + repository + "/manifests/" + tag))
            .header("Content-Type", mediaType)
            .PUT(HttpRequest.BodyPublishers.ofByteArray(manifest))
            .build());
    return Digest.ofSha256(manifest);
  }

  private HttpResponse<String> send(HttpRequest request) {
    try {
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() / 100 != 2) {
        throw new AssertionError(request + ": " + response.statusCode() + " " + response.body());
      }
      return response;
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    http.close();
  }
}
