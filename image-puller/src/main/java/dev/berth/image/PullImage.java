package dev.berth.image;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.KUBELET_REASON;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.ArtifactFiles;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Document;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.ImageDocument;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.oci.Index;
import dev.berth.image.oci.Manifest;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.oci.Platform;
import dev.berth.image.policy.PolicyCheck;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistryClient;
import dev.berth.image.registry.RegistrySession;
import dev.berth.image.registry.RegistrySession.FetchedManifest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Pulls one image for one caller; see {@link PullStage} for its stages.
 *
 * <p>The manifest is fetched with the caller's own credentials every time, also when everything is
 * present: that is what authorises the caller to share layers with others (rule R23). Not
 * thread-safe; one object per pull.
 */
final class PullImage {
  private static final String UNAVAILABLE = "RegistryUnavailable: ";
  private static final int MAX_INDEX_DEPTH = 3;

  private final ImageReference reference;
  private final Operation operation;
  private final Platform platform = Platform.host();
  private final Map<Digest, byte[]> content = new LinkedHashMap<>();
  private @Nullable Digest manifestDigest;
  private volatile List<LayerFetcher.Wanted> wanted = List.of();

  PullImage(ImageReference reference, Operation operation) {
    this.reference = reference;
    this.operation = operation;
  }

  ImageReference reference() {
    return reference;
  }

  Operation operation() {
    return operation;
  }

  /** The layers of the image, empty until its configuration is known. */
  List<LayerFetcher.Wanted> wanted() {
    return wanted;
  }

  /**
   * What a pull found out before any layer is looked at.
   *
   * @param manifest of the image
   * @param record the image as it will be recorded, its layers still missing
   * @param content manifests and configuration as they came, by digest
   */
  record Resolved(
      RegistrySession session,
      Manifest manifest,
      ImageRecord record,
      List<LayerFetcher.Wanted> layers,
      Map<Digest, byte[]> content) {
    /** Digests of the manifests that led to the image, that of the reference first. */
    Set<Digest> manifests() {
      return content.keySet().stream()
          .filter(digest -> !digest.equals(manifest.config().digest()))
          .collect(Collectors.toCollection(LinkedHashSet::new));
    }
  }

  /** Does the stages up to {@link PullStage#FETCH_CONFIG}. */
  Resolved resolve(RegistryClient registry, Credentials credentials) {
    operation.enter(PullStage.RESOLVE);
    RegistrySession session = registry.open(reference, credentials);
    operation.enter(PullStage.FETCH_MANIFEST);
    FetchedManifest top =
        session.fetchManifest(reference.tagOrDigest(), reference.digest(), operation);
    Manifest manifest = manifest(session, top, 0);
    operation.enter(PullStage.FETCH_CONFIG);
    ImageDocument document = config(session, manifest);
    wanted = layers(manifest, document);
    return new Resolved(
        session, manifest, record(top.digest(), manifest, document), wanted, content);
  }

  private Manifest manifest(RegistrySession session, FetchedManifest fetched, int depth) {
    content.put(fetched.digest(), fetched.raw());
    Document document = Documents.parseManifest(fetched.raw(), fetched.contentType());
    return switch (document) {
      case Manifest manifest -> {
        manifestDigest = fetched.digest();
        yield manifest;
      }
      case Index index -> {
        if (depth == MAX_INDEX_DEPTH) {
          throw new BerthException(
              INVALID_ARGUMENT, "indexes are nested more than " + MAX_INDEX_DEPTH + " deep");
        }
        Descriptor chosen = index.choose(platform);
        FetchedManifest inner =
            session.fetchManifest(chosen.digest().toString(), chosen.digest(), operation);
        if (inner.raw().length != chosen.sizeBytes()) {
          throw new BerthException(
              INVALID_ARGUMENT,
              "manifest "
                  + chosen.digest()
                  + " has "
                  + inner.raw().length
                  + " bytes, its index says "
                  + chosen.sizeBytes());
        }
        yield manifest(session, inner, depth + 1);
      }
    };
  }

  private ImageDocument config(RegistrySession session, Manifest manifest) {
    Descriptor descriptor = manifest.config();
    byte[] raw = session.fetchBlob(descriptor, Documents.MAX_CONFIG_BYTES, operation);
    content.put(descriptor.digest(), raw);
    if (manifest.isArtifact()) {
      return ArtifactFiles.document(manifest, platform);
    }
    ImageDocument document = Documents.parseConfig(raw);
    if (!platform.accepts(document.platform())) {
      throw new BerthException(
          NOT_FOUND, "no image for " + platform + ", only " + document.platform());
    }
    return document;
  }

  /** Returns the layers that a manifest and a configuration together describe. */
  static List<LayerFetcher.Wanted> layers(Manifest manifest, ImageDocument document) {
    List<Descriptor> blobs = manifest.layers();
    if (blobs.size() != document.diffIds().size()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "the manifest has "
              + blobs.size()
              + " layers, the config has "
              + document.diffIds().size()
              + " diff ids");
    }
    List<Digest> chainIds = document.chainIds();
    List<LayerFetcher.Wanted> wanted = new ArrayList<>();
    for (int i = 0; i < blobs.size(); i++) {
      Descriptor blob = blobs.get(i);
      Optional<String> file = Optional.empty();
      if (manifest.isArtifact()) {
        file = Optional.of(ArtifactFiles.name(blob));
      } else if (!blob.mediaType().isEmpty() && !MediaTypes.isLayer(blob.mediaType())) {
        throw new BerthException(
            INVALID_ARGUMENT, "layers[" + i + "] has the media type " + blob.mediaType());
      }
      wanted.add(new LayerFetcher.Wanted(blob, document.diffIds().get(i), chainIds.get(i), file));
    }
    return List.copyOf(wanted);
  }

  private ImageRecord record(Digest top, Manifest manifest, ImageDocument document) {
    long size = 0;
    for (Descriptor layer : manifest.layers()) {
      size += layer.sizeBytes();
    }
    for (byte[] raw : content.values()) { // the configuration is among them
      size += raw.length;
    }
    // The configurations of artifacts are alike.
    Digest id =
        manifest.isArtifact() ? Objects.requireNonNull(manifestDigest) : manifest.config().digest();
    return new ImageRecord(
        id.toString(),
        reference.tag() == null ? List.of() : List.of(reference.toString()),
        List.of(reference.withDigest(top).toString()),
        size,
        document.config(),
        List.of(),
        Instant.now());
  }

  /** Returns a failure that says first which image could not be pulled. */
  static BerthException named(ImageReference reference, BerthException e) {
    String message = String.valueOf(e.getMessage());
    // What the kubelet reads must stay at the beginning of the message.
    String reason =
        Stream.of(UNAVAILABLE, PolicyCheck.FAILED)
            .filter(text -> e.kind() == KUBELET_REASON && message.startsWith(text))
            .findFirst()
            .orElse("");
    String named = reason + "pull " + reference + ": " + message.substring(reason.length());
    return new BerthException(e.kind(), named, e);
  }

  /** Says how far this pull is. */
  @Nullable Enum<?> stage() {
    return operation.stage();
  }
}
