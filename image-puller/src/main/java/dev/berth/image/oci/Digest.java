package dev.berth.image.oci;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Names bytes by their hash, as in {@code sha256:0123...}.
 *
 * <p>Checked on construction because a digest becomes a path and a URL (rules R11, R20): a known
 * algorithm, and exactly its number of lower-case hex digits.
 *
 * @param algorithm {@code sha256} or {@code sha512}
 * @param hex the hash
 */
public record Digest(String algorithm, String hex) {
  private static final Map<String, Integer> HEX_LENGTH = Map.of("sha256", 64, "sha512", 128);
  private static final Map<String, String> JCA_NAMES =
      Map.of("sha256", "SHA-256", "sha512", "SHA-512");
  private static final Pattern HEX = Pattern.compile("[0-9a-f]+");

  public Digest {
    if (hex.length() != HEX_LENGTH.getOrDefault(algorithm, -1) || !HEX.matcher(hex).matches()) {
      throw new BerthException(
          INVALID_ARGUMENT, "not a digest: \"" + Ids.printable(algorithm + ":" + hex) + "\"");
    }
  }

  /**
   * Parses {@code algorithm:hex}.
   *
   * @throws BerthException INVALID_ARGUMENT if it is anything else
   */
  public static Digest parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 0) {
      throw new BerthException(INVALID_ARGUMENT, "not a digest: \"" + Ids.printable(text) + "\"");
    }
    return new Digest(text.substring(0, colon), text.substring(colon + 1));
  }

  /** Returns the sha256 digest of {@code bytes}. */
  public static Digest ofSha256(byte[] bytes) {
    return sha256(newHash("sha256").digest(bytes));
  }

  /** Returns the sha256 digest of a text's UTF-8 bytes; chain ids are made of these. */
  public static Digest ofSha256(String text) {
    return ofSha256(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Returns the digest whose 32 bytes a hash function has computed. */
  public static Digest sha256(byte[] hash) {
    return new Digest("sha256", HexFormat.of().formatHex(hash));
  }

  /** Returns a fresh hash function of this digest's algorithm. */
  public MessageDigest newHash() {
    return newHash(algorithm);
  }

  private static MessageDigest newHash(String algorithm) {
    try {
      return MessageDigest.getInstance(JCA_NAMES.getOrDefault(algorithm, algorithm));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has " + algorithm, e);
    }
  }

  /** Returns a fresh SHA-256. */
  public static MessageDigest newSha256() {
    return newHash("sha256");
  }

  /** Returns whether {@code bytes} have this digest. */
  public boolean matches(byte[] bytes) {
    return HexFormat.of().formatHex(newHash().digest(bytes)).equals(hex);
  }

  @Override
  public String toString() {
    return algorithm + ":" + hex;
  }
}
