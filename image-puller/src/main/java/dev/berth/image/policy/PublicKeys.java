package dev.berth.image.policy;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Public keys in PEM, and signatures by them: ECDSA and RSA over SHA-256, and Ed25519. */
final class PublicKeys {
  private static final Pattern PEM =
      Pattern.compile("-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\\s]+)-----END PUBLIC KEY-----");
  private static final List<String> ALGORITHMS = List.of("EC", "RSA", "Ed25519");
  private static final int MAX_FILE_BYTES = 64 * 1024;

  private PublicKeys() {}

  /** Reads the one key of a file. */
  static PublicKey read(Path file) {
    try {
      if (Files.size(file) > MAX_FILE_BYTES) {
        throw new BerthException(INVALID_ARGUMENT, "public key " + file + " is too large");
      }
      Matcher matcher = PEM.matcher(Files.readString(file));
      if (matcher.find()) {
        return decode(file, Base64.getMimeDecoder().decode(matcher.group(1)));
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new BerthException(
          INVALID_ARGUMENT, "cannot read public key " + file + ": " + e.getMessage(), e);
    }
    throw new BerthException(INVALID_ARGUMENT, file + " has no PEM block PUBLIC KEY");
  }

  /** The encoding says itself of which algorithm it is; only that one's factory takes it. */
  private static PublicKey decode(Path file, byte[] encoded) {
    for (String algorithm : ALGORITHMS) {
      try {
        return KeyFactory.getInstance(algorithm).generatePublic(new X509EncodedKeySpec(encoded));
      } catch (InvalidKeySpecException e) {
        // of another algorithm
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("every JDK has " + algorithm, e);
      }
    }
    throw new BerthException(
        INVALID_ARGUMENT, file + " has a key that is none of " + String.join(", ", ALGORITHMS));
  }

  /** Whether a key has signed these bytes. */
  static boolean verify(PublicKey key, byte[] signed, byte[] signature) {
    String algorithm =
        switch (key.getAlgorithm()) {
          case "EC" -> "SHA256withECDSA";
          case "RSA" -> "SHA256withRSA";
          default -> "Ed25519";
        };
    try {
      Signature verifier = Signature.getInstance(algorithm);
      verifier.initVerify(key);
      verifier.update(signed);
      return verifier.verify(signature);
    } catch (GeneralSecurityException e) {
      return false; // not even the form of a signature
    }
  }
}
