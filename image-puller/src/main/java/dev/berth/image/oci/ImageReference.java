package dev.berth.image.oci;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Names an image in a registry: {@code registry/repository:tag} or {@code
 * registry/repository@digest}.
 *
 * <p>Short names are completed as every Kubernetes user expects: {@code busybox} is {@code
 * docker.io/library/busybox:latest}. The first component is a registry only if it has a dot or a
 * port, or is {@code localhost}. Where a text has both a tag and a digest the digest decides, and
 * the tag is dropped. The grammar is that of the distribution project's reference package.
 *
 * @param registry host and optional port, as written: {@code docker.io}, {@code localhost:5000}
 * @param repository path within the registry: {@code library/busybox}
 * @param tag the tag; null if and only if there is a digest
 * @param digest the digest; null if and only if there is a tag
 */
public record ImageReference(
    String registry, String repository, @Nullable String tag, @Nullable Digest digest) {
  private static final String DEFAULT_REGISTRY = "docker.io";
  private static final String DEFAULT_TAG = "latest";
  private static final int MAX_NAME_CHARS = 255;

  private static final String LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
  private static final Pattern REGISTRY =
      Pattern.compile(
          "(?:" + LABEL + "(?:\\." + LABEL + ")*|\\[[0-9a-fA-F:]{2,39}\\])(?::[0-9]{1,5})?");
  private static final String COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
  private static final Pattern REPOSITORY = Pattern.compile(COMPONENT + "(?:/" + COMPONENT + ")*");
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");

  public ImageReference {
    String name = registry + "/" + repository;
    if (!REGISTRY.matcher(registry).matches()) {
      throw invalid(name, "the registry must be a host name with an optional port");
    }
    if (!REPOSITORY.matcher(repository).matches()) {
      throw invalid(name, "the repository must be lower-case letters, digits, '.', '_', '-', '/'");
    }
    if (name.length() > MAX_NAME_CHARS) {
      throw invalid(name, "the name is longer than " + MAX_NAME_CHARS + " characters");
    }
    if (tag != null && !TAG.matcher(tag).matches()) {
      throw invalid(name + ":" + tag, "the tag must be up to 128 letters, digits, '_', '.', '-'");
    }
    if ((tag == null) == (digest == null)) {
      throw invalid(name, "it must have either a tag or a digest");
    }
  }

  /**
   * Parses and completes what a user or the kubelet wrote.
   *
   * @throws BerthException INVALID_ARGUMENT naming the text and what is wrong with it
   */
  public static ImageReference parse(String text) {
    if (text.isEmpty()) {
      throw invalid(text, "it is empty");
    }
    int at = text.indexOf('@');
    String name = at < 0 ? text : text.substring(0, at);
    Digest digest = at < 0 ? null : Digest.parse(text.substring(at + 1));
    int colon = name.indexOf(':', name.lastIndexOf('/') + 1);
    String tag = colon < 0 ? null : name.substring(colon + 1);
    if (tag != null && !TAG.matcher(tag).matches()) {
      throw invalid(text, "the tag must be up to 128 letters, digits, '_', '.', '-'");
    }
    String path = colon < 0 ? name : name.substring(0, colon);
    return complete(path, digest == null && tag == null ? DEFAULT_TAG : tag, digest);
  }

  private static ImageReference complete(
      String path, @Nullable String tag, @Nullable Digest digest) {
    int slash = path.indexOf('/');
    String first = slash < 0 ? "" : path.substring(0, slash);
    boolean hasRegistry =
        first.contains(".")
            || first.contains(":")
            || first.equals("localhost")
            || first.chars().anyMatch(Character::isUpperCase);
    String registry = hasRegistry ? first : DEFAULT_REGISTRY;
    String repository = hasRegistry ? path.substring(slash + 1) : path;
    if (registry.equals("index.docker.io")) {
      registry = DEFAULT_REGISTRY;
    }
    if (registry.equals(DEFAULT_REGISTRY) && !repository.contains("/")) {
      repository = "library/" + repository;
    }
    return new ImageReference(registry, repository, digest == null ? tag : null, digest);
  }

  private static BerthException invalid(String text, String why) {
    return new BerthException(
        INVALID_ARGUMENT, "image reference \"" + Ids.printable(text) + "\": " + why);
  }

  /** Returns {@code registry/repository}. */
  public String name() {
    return registry + "/" + repository;
  }

  /** Returns the same repository with a digest in place of the tag. */
  public ImageReference withDigest(Digest content) {
    return new ImageReference(registry, repository, null, content);
  }

  /** Returns what stands behind {@code manifests/} in a request: the tag or the digest. */
  public String tagOrDigest() {
    return tag != null ? tag : String.valueOf(digest);
  }

  /** Returns the complete text, as it appears in repo tags and repo digests. */
  @Override
  public String toString() {
    return name() + (tag != null ? ":" + tag : "@" + digest);
  }
}
